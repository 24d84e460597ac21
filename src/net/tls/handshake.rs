//! The beginning of a connection to a TLS listener: a handshake within a time
//! limit, or an explanation for a client that does not speak TLS.

use std::net::TcpStream;
use std::time::{Duration, Instant};

use crate::net::deadline::{ReadEnd, close_gently, receive};
use crate::net::transport::Transport;

use super::secure::{Broken, Secure};
use super::{Inside, Tls};

/// The first byte of every TLS connection: the type of a handshake record.
const HANDSHAKE: u8 = 0x16;
/// Ciphertext taken from the socket at once.
const READ_BYTES: usize = 4096;

/// Sent to a client that is refused before its handshake: the fatal alert "access
/// denied". It would not understand words.
pub const REFUSAL: &[u8] = &[0x15, 3, 3, 0, 2, 2, 49];

const LINES_WORDS: &[u8] = b"This port speaks TLS.\r\n";
const HTTP_WORDS: &[u8] = b"HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain\r\n\
    Content-Length: 48\r\nConnection: close\r\n\r\nThis port speaks TLS: use https:// (or wss://).\n";

/// Why there was no handshake.
enum Unshaken {
    /// What came is not TLS.
    Plain,
    /// The client sent nothing in time.
    Silent,
    /// The handshake failed, or took too long.
    Broken,
}

impl Tls {
    /// Does the handshake within `limit`. If it fails, the connection is closed,
    /// after a client that does not speak TLS has been told why.
    pub fn accept(&self, stream: TcpStream, inside: Inside, limit: Duration) -> Option<Transport> {
        let rustls = match self.begin(inside) {
            Ok(rustls) => rustls,
            Err(error) => {
                log::error!("no TLS connection can be begun: {error}");
                return None;
            }
        };
        let mut secure = Secure::new(rustls, self.writers.queue());
        let deadline = Instant::now() + limit;
        // What is written until then fits into any socket's buffer.
        stream.set_write_timeout(Some(limit)).ok()?;
        let why = match shake_hands(&stream, &mut secure, deadline) {
            Ok(()) => {
                stream.set_write_timeout(None).ok()?;
                return Some(Transport::secured(stream, secure));
            }
            Err(why) => why,
        };
        match (why, inside) {
            (Unshaken::Plain, Inside::Http | Inside::Grpc) => tell(&stream, HTTP_WORDS),
            // A telnet client says nothing until it is greeted.
            (Unshaken::Plain | Unshaken::Silent, Inside::Lines) => tell(&stream, LINES_WORDS),
            (Unshaken::Silent | Unshaken::Broken, _) => {}
        }
        close_gently(&stream);
        None
    }
}

fn shake_hands(stream: &TcpStream, secure: &mut Secure, deadline: Instant) -> Result<(), Unshaken> {
    let mut chunk = [0; READ_BYTES];
    let mut begun = false;
    while secure.is_shaking_hands() {
        let received = match receive(stream, &mut chunk, deadline) {
            Ok(length) => chunk.get(..length).unwrap_or_default(),
            Err(ReadEnd::TimedOut) if !begun => return Err(Unshaken::Silent),
            Err(ReadEnd::TimedOut | ReadEnd::Gone) => return Err(Unshaken::Broken),
        };
        if !begun && received.first() != Some(&HANDSHAKE) {
            return Err(Unshaken::Plain);
        }
        begun = true;
        secure
            .shake_hands(received, stream)
            .map_err(|Broken| Unshaken::Broken)?;
    }
    Ok(())
}

fn tell(stream: &TcpStream, words: &[u8]) {
    use rustix::net::SendFlags;
    // A fresh socket's buffer is empty, and takes them.
    let _ = rustix::net::send(stream, words, SendFlags::DONTWAIT | SendFlags::NOSIGNAL);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_announced_length_is_that_of_the_words() {
        let text = std::str::from_utf8(HTTP_WORDS).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        assert!(head.contains(&format!("Content-Length: {}\r\n", body.len())));
    }
}
