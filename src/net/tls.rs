//! TLS: the certificate in use, handshakes, and connections encrypted by
//! threads of their own.
//!
//! Before a connection chats, its own thread does everything, waiting with a
//! deadline ([`Tls::accept`], [`Secure`]). From then on the reader decrypts and
//! a writer thread encrypts ([`Session`], [`Writers`]). A connection's rustls
//! state is behind one lock, never held while waiting for a socket or for the
//! hub. No chat rules here.

mod certificate;
mod handshake;
mod outgoing;
mod secure;
mod session;
mod writers;

use std::sync::Arc;

use parking_lot::RwLock;
use rustls::crypto::aws_lc_rs;
use rustls::server::ServerConnection;
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::{ServerConfig, SupportedProtocolVersion};

pub use certificate::{Certificate, CertificateError, Which};
pub use handshake::REFUSAL;
pub use secure::{Broken, Secure};
pub use session::Session;
pub use writers::Writers;

/// The protocol inside TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Inside {
    /// HTTP/1.1.
    Http,
    /// Lines of text.
    Lines,
    /// HTTP/2.
    Grpc,
}

/// What every TLS listener works with.
pub struct Tls {
    /// Locked to take or to replace an `Arc`, never for longer.
    in_use: RwLock<InUse>,
    writers: Writers,
}

/// A certificate, ready for new connections. Replaced as a whole, which also
/// forgets the sessions that could have been resumed under the old one.
struct InUse {
    certificate: Certificate,
    http: Arc<ServerConfig>,
    lines: Arc<ServerConfig>,
    grpc: Arc<ServerConfig>,
}

impl Tls {
    /// Serves this certificate; chat connections are encrypted by `writers`.
    pub fn new(certificate: Certificate, writers: Writers) -> Result<Tls, rustls::Error> {
        Ok(Tls {
            in_use: RwLock::new(InUse::new(certificate)?),
            writers,
        })
    }

    /// Uses this certificate for new connections; existing ones go on as they are.
    /// Returns whether it differs from the one before.
    pub fn replace(&self, certificate: Certificate) -> Result<bool, rustls::Error> {
        if self.in_use.read().certificate.is_same(&certificate) {
            return Ok(false);
        }
        let new = InUse::new(certificate)?;
        *self.in_use.write() = new;
        Ok(true)
    }

    fn begin(&self, inside: Inside) -> Result<ServerConnection, rustls::Error> {
        let in_use = self.in_use.read();
        let config = match inside {
            Inside::Http => &in_use.http,
            Inside::Lines => &in_use.lines,
            Inside::Grpc => &in_use.grpc,
        };
        ServerConnection::new(config.clone())
    }
}

impl InUse {
    fn new(certificate: Certificate) -> Result<InUse, rustls::Error> {
        let config = server_config(certificate.key())?;
        let mut http = config.clone();
        http.alpn_protocols = vec![b"http/1.1".to_vec()];
        let mut grpc = config.clone();
        grpc.alpn_protocols = vec![b"h2".to_vec()];
        Ok(InUse {
            certificate,
            http: Arc::new(http),
            lines: Arc::new(config),
            grpc: Arc::new(grpc),
        })
    }
}

fn server_config(key: &Arc<CertifiedKey>) -> Result<ServerConfig, rustls::Error> {
    const VERSIONS: &[&SupportedProtocolVersion] = rustls::DEFAULT_VERSIONS;
    let provider = Arc::new(aws_lc_rs::default_provider());
    let resolver = SingleCertAndKey::from(CertifiedKey::clone(key));
    Ok(ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(VERSIONS)?
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(resolver)))
}
