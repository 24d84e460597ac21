//! What carries a client's bytes: a socket, with or without TLS.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use rustix::net::{AddressFamily, SocketFlags, SocketType, bind, connect, socket_with};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, Stream};
use serde_json::Value;
use tempfile::TempDir;

use super::server::DEADLINE;

/// A certificate for `localhost` and its key, in files of their own.
pub struct Identity {
    dir: TempDir,
}

impl Identity {
    /// A new certificate each time.
    pub fn new() -> Identity {
        let identity = Identity {
            dir: tempfile::tempdir().unwrap(),
        };
        identity.renew();
        identity
    }

    /// Puts a new certificate and key into the same files.
    pub fn renew(&self) {
        let names = ["localhost".to_owned(), "127.0.0.1".to_owned()];
        let made = rcgen::generate_simple_self_signed(names).unwrap();
        std::fs::write(self.certificate(), made.cert.pem()).unwrap();
        std::fs::write(self.key(), made.signing_key.serialize_pem()).unwrap();
    }

    /// A copy in other files.
    pub fn copy(&self) -> Identity {
        let dir = tempfile::tempdir().unwrap();
        let copy = Identity { dir };
        std::fs::copy(self.certificate(), copy.certificate()).unwrap();
        std::fs::copy(self.key(), copy.key()).unwrap();
        copy
    }

    /// The file with the certificate.
    pub fn certificate(&self) -> PathBuf {
        self.dir.path().join("certificate.pem")
    }

    /// The file with the key.
    pub fn key(&self) -> PathBuf {
        self.dir.path().join("key.pem")
    }

    /// Configures a server to use it for these listeners.
    pub fn configure(&self, config: &mut Value, listeners: &[&str]) {
        config["tls"]["certificate"] = self.certificate().to_str().into();
        config["tls"]["key"] = self.key().to_str().into();
        for listener in listeners {
            config["tls"][*listener] = "127.0.0.1:0".into();
        }
    }
}

/// One client's connection.
pub struct Carrier {
    stream: TcpStream,
    tls: Option<Box<ClientConnection>>,
    tape: Option<Tape>,
}

/// All bytes that a test has read from some connections.
pub type Tape = Arc<Mutex<Vec<u8>>>;

impl Carrier {
    /// A plain connection.
    pub fn plain(address: SocketAddr) -> Carrier {
        Carrier::on(TcpStream::connect(address).unwrap())
    }

    /// A plain connection from one of the loopback addresses.
    pub fn plain_from(source: Ipv4Addr, address: SocketAddr) -> Carrier {
        let flags = SocketFlags::CLOEXEC;
        let socket = socket_with(AddressFamily::INET, SocketType::STREAM, flags, None).unwrap();
        bind(&socket, &SocketAddr::from((source, 0))).unwrap();
        connect(&socket, &address).unwrap();
        Carrier::on(TcpStream::from(socket))
    }

    fn on(stream: TcpStream) -> Carrier {
        stream.set_nodelay(true).unwrap();
        stream.set_read_timeout(Some(DEADLINE)).unwrap();
        stream.set_write_timeout(Some(DEADLINE)).unwrap();
        Carrier {
            stream,
            tls: None,
            tape: None,
        }
    }

    /// Puts all bytes that are read onto a tape, too.
    pub fn taped(mut self, tape: &Tape) -> Carrier {
        self.tape = Some(tape.clone());
        self
    }

    /// A TLS connection to a server that must show this certificate.
    pub fn tls(address: SocketAddr, trusted: &Path) -> Carrier {
        Carrier::try_tls(address, trusted).unwrap_or_else(|error| panic!("no TLS: {error}"))
    }

    /// The same; returns an error if the handshake fails.
    pub fn try_tls(address: SocketAddr, trusted: &Path) -> io::Result<Carrier> {
        Carrier::try_tls_after(address, &[], trusted)
    }

    /// The same, after sending bytes that are not TLS.
    pub fn try_tls_after(
        address: SocketAddr,
        before: &[u8],
        trusted: &Path,
    ) -> io::Result<Carrier> {
        let mut carrier = Carrier::plain(address);
        carrier.stream.write_all(before)?;
        let name = ServerName::try_from("localhost").unwrap();
        let mut tls = ClientConnection::new(trusting(trusted), name).unwrap();
        while tls.is_handshaking() {
            tls.complete_io(&mut carrier.stream)?;
        }
        carrier.tls = Some(Box::new(tls));
        Ok(carrier)
    }

    /// The socket.
    pub fn stream(&self) -> &TcpStream {
        &self.stream
    }

    /// Socket and TLS state, for a client that polls many connections.
    pub fn into_parts(self) -> (TcpStream, Option<Box<ClientConnection>>) {
        (self.stream, self.tls)
    }

    /// Shuts down the sending side.
    pub fn half_close(&mut self) {
        if let Some(tls) = &mut self.tls {
            tls.send_close_notify();
            tls.complete_io(&mut self.stream).unwrap();
        }
        self.stream.shutdown(Shutdown::Write).unwrap();
    }
}

/// Trusts this certificate and no other.
fn trusting(certificate: &Path) -> Arc<ClientConfig> {
    let mut roots = RootCertStore::empty();
    let certificate = CertificateDer::from_pem_file(certificate).unwrap();
    roots.add(certificate).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    Arc::new(config)
}

impl Read for Carrier {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = match &mut self.tls {
            None => self.stream.read(buffer),
            Some(tls) => Stream::new(tls.as_mut(), &mut self.stream).read(buffer),
        }?;
        if let Some(tape) = &self.tape {
            tape.lock().unwrap().extend_from_slice(&buffer[..count]);
        }
        Ok(count)
    }
}

impl Write for Carrier {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match &mut self.tls {
            None => self.stream.write(bytes),
            Some(tls) => Stream::new(tls.as_mut(), &mut self.stream).write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match &mut self.tls {
            None => Ok(()),
            Some(tls) => Stream::new(tls.as_mut(), &mut self.stream).flush(),
        }
    }
}
