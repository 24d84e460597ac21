//! A TLS connection that belongs to one thread, which waits for the socket
//! itself: during the handshake, and for as long as it speaks HTTP.

use std::fmt;
use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::sync::Arc;

use rustls::ServerConnection;

use super::session::Session;
use super::writers::Queue;

/// The TLS side of a socket that is not a chat connection yet.
pub struct Secure {
    rustls: ServerConnection,
    queue: Arc<Queue>,
}

/// The peer speaks no supported TLS, or is gone.
#[derive(Debug)]
pub struct Broken;

impl Secure {
    pub(super) fn new(rustls: ServerConnection, queue: Arc<Queue>) -> Secure {
        Secure { rustls, queue }
    }

    pub(super) fn is_shaking_hands(&self) -> bool {
        self.rustls.is_handshaking()
    }

    /// Takes a step of the handshake. `ciphertext` is so short that data after the
    /// handshake in it can wait.
    pub(super) fn shake_hands(
        &mut self,
        mut ciphertext: &[u8],
        stream: &TcpStream,
    ) -> Result<(), Broken> {
        while !ciphertext.is_empty() {
            self.feed(&mut ciphertext, stream)?;
        }
        self.send(stream).map_err(|_| Broken)
    }

    /// Decrypts into `plaintext` what was received, now or before, and sends the
    /// answers of TLS itself. Returns whether there was any plaintext.
    pub fn receive(
        &mut self,
        ciphertext: &[u8],
        plaintext: &mut Vec<u8>,
        stream: &TcpStream,
    ) -> Result<bool, Broken> {
        let gained = self.decrypt(ciphertext, plaintext, stream)?;
        self.send(stream).map_err(|_| Broken)?;
        gained.ok_or(Broken)
    }

    /// Returns whether there was any plaintext; nothing, if there will be none
    /// any more.
    fn decrypt(
        &mut self,
        mut ciphertext: &[u8],
        plaintext: &mut Vec<u8>,
        stream: &TcpStream,
    ) -> Result<Option<bool>, Broken> {
        let before = plaintext.len();
        let ended = loop {
            match self.rustls.reader().read_to_end(plaintext) {
                // The peer has announced the end of the stream.
                Ok(_) => break true,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(_) => return Err(Broken),
            }
            if ciphertext.is_empty() {
                break false;
            }
            self.feed(&mut ciphertext, stream)?;
        };
        match plaintext.len() > before {
            false if ended => Ok(None),
            gained => Ok(Some(gained)),
        }
    }

    /// As [`Secure::receive`] on a socket that never blocks: whether there is
    /// no need to wait for more.
    #[cfg(feature = "grpc")]
    pub fn receive_now(
        &mut self,
        ciphertext: &[u8],
        plaintext: &mut Vec<u8>,
        stream: &TcpStream,
    ) -> io::Result<bool> {
        let gained = self.decrypt(ciphertext, plaintext, stream);
        let gained = gained.map_err(|Broken| io::Error::from(io::ErrorKind::InvalidData))?;
        self.send_now(stream)?;
        Ok(gained.unwrap_or(true))
    }

    /// As [`Secure::write`] on a socket that never blocks.
    #[cfg(feature = "grpc")]
    pub fn write_now(&mut self, bytes: &[u8], stream: &TcpStream) -> io::Result<usize> {
        let mut taken = self.rustls.writer().write(bytes)?;
        if taken == 0 && !bytes.is_empty() {
            // As much is waiting as is allowed.
            self.send(stream)?;
            taken = self.rustls.writer().write(bytes)?;
        }
        self.send_now(stream)?;
        Ok(taken)
    }

    /// Sends everything that waits.
    #[cfg(feature = "grpc")]
    pub fn flush_now(&mut self, stream: &TcpStream) -> io::Result<()> {
        self.send(stream)
    }

    /// Sends what the socket takes.
    #[cfg(feature = "grpc")]
    fn send_now(&mut self, stream: &TcpStream) -> io::Result<()> {
        match self.send(stream) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(()),
            other => other,
        }
    }

    fn feed(&mut self, ciphertext: &mut &[u8], stream: &TcpStream) -> Result<(), Broken> {
        match self.rustls.read_tls(ciphertext) {
            Ok(0) | Err(_) => return Err(Broken),
            Ok(_) => {}
        }
        if let Err(error) = self.rustls.process_new_packets() {
            log::debug!("TLS: {error}");
            // Sends the alert that tells the peer.
            let _ = self.send(stream);
            return Err(Broken);
        }
        Ok(())
    }

    /// Encrypts and sends; waits as long as the socket's time-out allows, and
    /// may take less than there is.
    pub fn write(&mut self, bytes: &[u8], stream: &TcpStream) -> io::Result<usize> {
        let taken = self.rustls.writer().write(bytes)?;
        self.send(stream)?;
        Ok(taken)
    }

    /// Announces the end of the stream.
    pub fn finish(&mut self, stream: &TcpStream) {
        self.rustls.send_close_notify();
        // A peer that is gone need not be told.
        let _ = self.send(stream);
    }

    fn send(&mut self, mut stream: &TcpStream) -> io::Result<()> {
        while self.rustls.wants_write() {
            match self.rustls.write_tls(&mut stream) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Goes on as a chat connection.
    pub(in crate::net) fn into_session(self) -> Session {
        Session::new(self.rustls, self.queue)
    }
}

impl fmt::Debug for Secure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Secure").finish_non_exhaustive()
    }
}
