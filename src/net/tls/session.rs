//! A chat connection's TLS, shared by its reader and the threads that encrypt.
//!
//! There are two locks. `outgoing` guards the plaintext that waits; the hub holds
//! it only for as long as a copy takes. `rustls` encrypts and decrypts, and is held
//! until its output is with the kernel or in the backlog: so ciphertext leaves in
//! the order in which it was made, by whichever thread. Neither lock is held while
//! waiting for the socket or while sending inputs to the hub.

use std::io::{self, Read, Write};
use std::sync::Arc;

use parking_lot::Mutex;
use rustls::ServerConnection;

use crate::net::link::Link;

use super::outgoing::Outgoing;
use super::writers::Queue;

/// Ciphertext taken from the socket at once; on the stack.
const READ_BYTES: usize = 4096;
/// Waiting plaintext at which the writer threads are behind, so that the thread
/// that adds more has to encrypt it.
const BEHIND_BYTES: usize = 64 * 1024;

/// The TLS side of a [`Link`].
pub struct Session {
    rustls: Mutex<ServerConnection>,
    outgoing: Outgoing,
    queue: Arc<Queue>,
}

impl Session {
    pub(super) fn new(rustls: ServerConnection, queue: Arc<Queue>) -> Session {
        Session {
            rustls: Mutex::new(rustls),
            outgoing: Outgoing::default(),
            queue,
        }
    }

    /// Sends without blocking, in order. Returns the bytes that wait.
    ///
    /// This is mostly a copy, and a writer thread does the rest. If the writer is
    /// so far behind that the plaintext alone would be a backlog, the caller
    /// encrypts: no client counts as a slow reader of bytes that were never
    /// offered to the kernel, and a thread that produces too much is slowed down.
    pub fn send(&self, link: &Arc<Link>, bytes: &[u8], most: usize) -> usize {
        let plaintext = self.outgoing.add(bytes, || self.queue.put(link));
        let backlog = link.backlog_bytes();
        let is_over = most > 0 && plaintext.saturating_add(backlog) > most;
        if plaintext <= BEHIND_BYTES && !is_over {
            return plaintext + backlog;
        }
        self.encrypt(link, &mut Vec::new());
        link.backlog_bytes()
    }

    /// Ends our side once everything is sent.
    pub(in crate::net) fn close_when_sent(&self, link: &Arc<Link>) {
        self.outgoing.close(|| self.queue.put(link));
    }

    /// Bytes that wait to be encrypted.
    pub(in crate::net) fn waiting(&self) -> usize {
        self.outgoing.waiting()
    }

    /// A writer thread's turn.
    pub(super) fn serve(&self, link: &Arc<Link>, scratch: &mut Vec<u8>) {
        self.outgoing.leave_queue();
        self.encrypt(link, scratch);
    }

    /// Encrypts everything that waits and hands it to the kernel; the flusher gets
    /// what the kernel does not take.
    fn encrypt(&self, link: &Arc<Link>, scratch: &mut Vec<u8>) {
        let mut rustls = self.rustls.lock();
        // Taken under the other lock, so that no thread overtakes this one.
        let (plaintext, then_close) = self.outgoing.take();
        let mut rest = plaintext.as_slice();
        // The records of rustls itself come first, or it has no room.
        self.hand_on(&mut rustls, link, scratch);
        while !rest.is_empty() {
            match rustls.writer().write(rest) {
                Ok(taken) if taken > 0 => rest = rest.get(taken..).unwrap_or_default(),
                // rustls has ended the connection, and has told the peer why.
                _ => return link.abort(),
            }
            self.hand_on(&mut rustls, link, scratch);
        }
        if then_close {
            rustls.send_close_notify();
        }
        self.hand_on(&mut rustls, link, scratch);
        if then_close {
            link.finish_when_sent();
        }
    }

    fn hand_on(&self, rustls: &mut ServerConnection, link: &Arc<Link>, scratch: &mut Vec<u8>) {
        scratch.clear();
        while rustls.wants_write() {
            // A vector takes everything.
            let _ = rustls.write_tls(scratch);
        }
        if !scratch.is_empty() {
            link.post(scratch, || self.queue.watcher().watch(link));
        }
    }

    /// Waits for the peer and decrypts; as `read` of a socket, 0 is the end.
    /// `unread` is ciphertext left over from the last time.
    pub(in crate::net) fn read(
        &self,
        link: &Arc<Link>,
        unread: &mut Vec<u8>,
        buffer: &mut [u8],
    ) -> io::Result<usize> {
        let left = std::mem::take(unread);
        let mut decrypted = self.decrypt(link, &left, unread, buffer)?;
        let mut chunk = [0; READ_BYTES];
        loop {
            if let Some(length) = decrypted {
                return Ok(length);
            }
            let received = link.stream().read(&mut chunk)?;
            if received == 0 {
                // Without a closing alert, the peer may not have been the one to
                // end the stream.
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            let received = chunk.get(..received).unwrap_or_default();
            decrypted = self.decrypt(link, received, unread, buffer)?;
        }
    }

    /// Decrypts what has arrived; `None` if more ciphertext is needed.
    fn decrypt(
        &self,
        link: &Arc<Link>,
        mut ciphertext: &[u8],
        unread: &mut Vec<u8>,
        buffer: &mut [u8],
    ) -> io::Result<Option<usize>> {
        let mut rustls = self.rustls.lock();
        let outcome = loop {
            match rustls.reader().read(buffer) {
                Ok(length) => break Ok(Some(length)),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => break Err(error),
            }
            if ciphertext.is_empty() {
                break Ok(None);
            }
            if rustls.read_tls(&mut ciphertext)? == 0 {
                break Err(io::ErrorKind::InvalidData.into());
            }
            if let Err(error) = rustls.process_new_packets() {
                log::debug!("TLS: {error}");
                break Err(io::ErrorKind::InvalidData.into());
            }
        };
        unread.extend_from_slice(ciphertext);
        let wants_write = rustls.wants_write();
        drop(rustls);
        if wants_write {
            self.outgoing.add(&[], || self.queue.put(link));
        }
        outcome
    }
}

impl std::fmt::Debug for Session {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Session").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::net::{TcpListener, TcpStream};
    use std::time::Duration;

    use rustls::pki_types::{CertificateDer, ServerName};
    use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

    use crate::net::flusher::Flusher;
    use crate::net::tls::writers::Work;
    use crate::net::tls::{Certificate, Inside, Tls, Writers};

    use super::*;

    type Client = StreamOwned<ClientConnection, TcpStream>;

    /// Both ends of a connection.
    fn connected(tls: &Tls, trusted: CertificateDer<'static>) -> (Arc<Link>, Client) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let stream = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (accepted, _) = listener.accept().unwrap();
        let mut roots = RootCertStore::empty();
        roots.add(trusted).unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        let name = ServerName::try_from("localhost").unwrap();
        let client = ClientConnection::new(Arc::new(config), name).unwrap();
        let client = std::thread::spawn(move || {
            let mut client = StreamOwned::new(client, stream);
            client.flush().unwrap();
            client
        });
        let limit = Duration::from_secs(30);
        let transport = tls.accept(accepted, Inside::Lines, limit).unwrap();
        (Arc::new(Link::new(transport)), client.join().unwrap())
    }

    fn certificate() -> (Certificate, CertificateDer<'static>) {
        let dir = tempfile::tempdir().unwrap();
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        let path = dir.path().join("both.pem");
        let both = made.cert.pem() + &made.signing_key.serialize_pem();
        std::fs::write(&path, both).unwrap();
        let certificate = Certificate::load(&path, &path).unwrap();
        (certificate, made.cert.der().clone())
    }

    #[test]
    fn whoever_sends_more_than_the_writers_manage_encrypts_it() {
        let flusher = Flusher::start().unwrap();
        let (writers, work) = Writers::idle(flusher.watcher());
        let (certificate, trusted) = certificate();
        let tls = Tls::new(certificate, writers).unwrap();
        let (link, mut client) = connected(&tls, trusted);
        let session = link.session().unwrap();
        let mut sent = Vec::new();
        let mut send = |length: usize, most: usize| {
            let byte = b'a' + (sent.len() % 26) as u8;
            let bytes = vec![byte; length];
            sent.extend_from_slice(&bytes);
            session.send(&link, &bytes, most)
        };
        // No writer comes: it waits, up to the bound, in one place of the queue.
        assert_eq!(send(1000, 0), 1000);
        assert_eq!(send(BEHIND_BYTES - 1000, 0), BEHIND_BYTES);
        assert_eq!(work.len(), 1);
        // Beyond, nothing waits that the kernel takes.
        assert_eq!(send(1, 0), 0);
        assert_eq!(session.waiting(), 0);
        // Nor does it where a slow reader would have less than that.
        assert_eq!(send(4096, 4096), 4096);
        assert_eq!(send(1, 4096), 0);
        // A writer that comes late finds what there is.
        assert_eq!(send(500, 4096), 500);
        link.close_when_sent();
        assert_eq!(work.len(), 1);
        let Ok(Work::Serve(served)) = work.try_recv() else {
            panic!("nothing to do");
        };
        session.serve(&served, &mut Vec::new());
        // In order, and with a proper end.
        let mut heard = Vec::new();
        client.read_to_end(&mut heard).unwrap();
        assert!(heard == sent, "{} of {}", heard.len(), sent.len());
    }
}
