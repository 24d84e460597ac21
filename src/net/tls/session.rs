//! A chat connection's TLS, shared by its reader and whoever encrypts for it.
//!
//! Two locks. `outgoing` has what waits to be encrypted; the hub takes it for
//! as long as a copy takes. `rustls` turns bytes into others, and is held
//! until what it made is with the kernel or in the backlog: so ciphertext
//! leaves in the order it was made, whoever made it. Neither is ever held
//! while waiting for the socket, nor while giving input to the hub.

use std::io::{self, Read, Write};
use std::sync::Arc;

use parking_lot::Mutex;
use rustls::ServerConnection;

use crate::net::link::Link;

use super::writers::Queue;

/// Ciphertext taken from the socket at once; on the stack.
const READ_BYTES: usize = 4096;
/// Waiting plaintext at which the writer threads are behind, and whoever adds
/// more has to encrypt it.
const BEHIND_BYTES: usize = 64 * 1024;

/// The TLS side of a [`Link`].
pub struct Session {
    rustls: Mutex<ServerConnection>,
    outgoing: Mutex<Outgoing>,
    queue: Arc<Queue>,
}

/// What waits for a writer thread.
#[derive(Default)]
struct Outgoing {
    plaintext: Vec<u8>,
    /// Nothing comes after it.
    then_close: bool,
    /// The connection stands in its writer's queue, where it stands once.
    queued: bool,
}

impl Session {
    pub(super) fn new(rustls: ServerConnection, queue: Arc<Queue>) -> Session {
        Session {
            rustls: Mutex::new(rustls),
            outgoing: Mutex::default(),
            queue,
        }
    }

    /// Sends without blocking, in order. Returns the bytes that wait.
    ///
    /// Mostly a copy, and a writer thread does the rest. When that is so far
    /// behind that the plaintext would be a backlog by itself, the caller
    /// does the encrypting: nobody counts as slow to read what was never
    /// offered to the kernel, and who produces too much is slowed down.
    pub(in crate::net) fn send(&self, link: &Arc<Link>, bytes: &[u8], most: usize) -> usize {
        let plaintext = self.add(link, |outgoing| outgoing.plaintext.extend_from_slice(bytes));
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
        self.add(link, |outgoing| outgoing.then_close = true);
    }

    /// Bytes that wait to be encrypted.
    pub(in crate::net) fn waiting(&self) -> usize {
        self.outgoing.lock().plaintext.len()
    }

    fn add(&self, link: &Arc<Link>, change: impl FnOnce(&mut Outgoing)) -> usize {
        let mut outgoing = self.outgoing.lock();
        change(&mut outgoing);
        let is_queued = std::mem::replace(&mut outgoing.queued, true);
        let waiting = outgoing.plaintext.len();
        drop(outgoing);
        if !is_queued {
            self.queue.put(link);
        }
        waiting
    }

    /// A writer thread's turn.
    pub(super) fn serve(&self, link: &Arc<Link>, scratch: &mut Vec<u8>) {
        // From here on it may be queued again: what comes now might be missed.
        self.outgoing.lock().queued = false;
        self.encrypt(link, scratch);
    }

    /// Encrypts everything that waits and hands it to the kernel or, what
    /// that does not take, to the flusher.
    fn encrypt(&self, link: &Arc<Link>, scratch: &mut Vec<u8>) {
        let mut rustls = self.rustls.lock();
        // Taken under the other lock, so that nobody overtakes.
        let (plaintext, then_close) = {
            let mut outgoing = self.outgoing.lock();
            let plaintext = std::mem::take(&mut outgoing.plaintext);
            (plaintext, std::mem::take(&mut outgoing.then_close))
        };
        let mut rest = plaintext.as_slice();
        // What rustls itself has to say comes first, or it has no room.
        self.hand_on(&mut rustls, link, scratch);
        while !rest.is_empty() {
            match rustls.writer().write(rest) {
                Ok(taken) if taken > 0 => rest = rest.get(taken..).unwrap_or_default(),
                // It has ended the connection, and the peer knows why.
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
            link.post(scratch, self.queue.watcher());
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
                // Cut off without a word: whoever did that is not the peer.
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            let received = chunk.get(..received).unwrap_or_default();
            decrypted = self.decrypt(link, received, unread, buffer)?;
        }
    }

    /// Nothing: more ciphertext is needed.
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
            self.add(link, |_| ());
        }
        outcome
    }
}

impl std::fmt::Debug for Session {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Session").finish_non_exhaustive()
    }
}
