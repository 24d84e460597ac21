//! The transport of a new connection, whatever it is for: a socket, with or without
//! TLS.

#[cfg(feature = "grpc")]
use std::io::Read;
use std::io::{self, Write};
use std::net::TcpStream;
use std::time::Instant;

use super::deadline::{ReadEnd, receive};
use super::tls::{Broken, Secure};

/// Bytes taken from the socket at once.
const READ_BYTES: usize = 16 * 1024;

/// A socket whose handshake, if it has one, is done. Belongs to one thread.
#[derive(Debug)]
pub struct Transport {
    stream: TcpStream,
    secure: Option<Box<Secure>>,
}

impl From<TcpStream> for Transport {
    fn from(stream: TcpStream) -> Transport {
        Transport {
            stream,
            secure: None,
        }
    }
}

impl Transport {
    pub(super) fn secured(stream: TcpStream, secure: Secure) -> Transport {
        Transport {
            stream,
            secure: Some(Box::new(secure)),
        }
    }

    /// The socket.
    pub fn stream(&self) -> &TcpStream {
        &self.stream
    }

    /// Reads at least one byte and appends it to `buffer`.
    pub fn fill(&mut self, buffer: &mut Vec<u8>, deadline: Instant) -> Result<(), ReadEnd> {
        let mut chunk = [0; READ_BYTES];
        let Some(secure) = &mut self.secure else {
            let length = receive(&self.stream, &mut chunk, deadline)?;
            buffer.extend_from_slice(chunk.get(..length).unwrap_or_default());
            return Ok(());
        };
        let mut received = 0;
        loop {
            let ciphertext = chunk.get(..received).unwrap_or_default();
            match secure.receive(ciphertext, buffer, &self.stream) {
                Ok(true) => return Ok(()),
                Ok(false) => {}
                Err(Broken) => return Err(ReadEnd::Gone),
            }
            received = receive(&self.stream, &mut chunk, deadline)?;
        }
    }

    /// Writes some of `bytes`; waits as long as the socket's time-out allows.
    pub fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match &mut self.secure {
            None => (&self.stream).write(bytes),
            Some(secure) => secure.write(bytes, &self.stream),
        }
    }

    /// As [`Transport::fill`] on a socket that never blocks. Nothing is
    /// appended when the peer has finished.
    #[cfg(feature = "grpc")]
    pub fn fill_now(&mut self, buffer: &mut Vec<u8>) -> io::Result<()> {
        let mut chunk = [0; READ_BYTES];
        loop {
            let length = match (&self.stream).read(&mut chunk) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                length => length?,
            };
            let received = chunk.get(..length).unwrap_or_default();
            let Some(secure) = &mut self.secure else {
                buffer.extend_from_slice(received);
                return Ok(());
            };
            if secure.receive_now(received, buffer, &self.stream)? || length == 0 {
                return Ok(());
            }
        }
    }

    /// As [`Transport::write`] on a socket that never blocks; what TLS could
    /// not send yet is left to [`Transport::flush_now`].
    #[cfg(feature = "grpc")]
    pub fn write_now(&mut self, bytes: &[u8]) -> io::Result<usize> {
        loop {
            let written = match &mut self.secure {
                None => (&self.stream).write(bytes),
                Some(secure) => secure.write_now(bytes, &self.stream),
            };
            match written {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                written => return written,
            }
        }
    }

    /// Sends waiting ciphertext.
    #[cfg(feature = "grpc")]
    pub fn flush_now(&mut self) -> io::Result<()> {
        match &mut self.secure {
            None => Ok(()),
            Some(secure) => secure.flush_now(&self.stream),
        }
    }

    /// Tells the peer through TLS, if there is any, that nothing more will come.
    pub fn finish(&mut self) {
        if let Some(secure) = &mut self.secure {
            secure.finish(&self.stream);
        }
    }

    /// The socket and its TLS.
    pub(super) fn into_parts(self) -> (TcpStream, Option<Box<Secure>>) {
        (self.stream, self.secure)
    }
}
