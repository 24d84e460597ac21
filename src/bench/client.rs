//! One client: its socket, TLS if there is any, and what it has still to send.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;

use rustls::ClientConnection;

use super::error::BenchError;
use super::mark;
use super::protocol::{PING, Protocol};
use super::trust::Trust;
use super::wire::Wire;

/// A longer text cannot be a single answer of the server to one client.
const WORDS: usize = 512;
/// Our server's reply to a client that exceeds its rate limit.
const HELD_BACK: &[u8] = b"too fast";

/// See the module's documentation.
pub(super) struct Client {
    /// Its socket, which never blocks.
    pub(super) stream: TcpStream,
    tls: Option<Box<ClientConnection>>,
    /// How its bytes become text.
    pub(super) wire: Wire,
    /// The room, or the nickname, that it sends to.
    pub(super) place: String,
    /// Whether it has sent a message.
    pub(super) speaks: bool,
    /// Whether the socket is not connected yet.
    pub(super) connecting: bool,
    /// Bytes the socket has not accepted yet.
    pub(super) unsent: Vec<u8>,
    /// Whether epoll reports when the socket accepts more.
    pub(super) awaits_space: bool,
    /// The server's last words apart from messages.
    pub(super) last_words: Vec<u8>,
}

impl Client {
    /// A client whose socket is about to connect; it talks at `place`, and uses TLS if there is
    /// something to `trust`.
    pub(super) fn new(
        stream: TcpStream,
        protocol: Protocol,
        place: String,
        trust: Option<&Trust>,
    ) -> Result<Client, BenchError> {
        Ok(Client {
            stream,
            tls: trust.map(Trust::begin).transpose()?,
            wire: Wire::new(protocol),
            place,
            speaks: false,
            connecting: true,
            unsent: Vec::new(),
            awaits_space: true,
            last_words: Vec::new(),
        })
    }

    /// Whether it uses TLS.
    pub(super) fn is_secure(&self) -> bool {
        self.tls.is_some()
    }

    /// Queues bytes to be sent, encrypted if need be; with none, only what TLS itself has to send.
    pub(super) fn queue(&mut self, bytes: &[u8]) -> Result<(), BenchError> {
        match &mut self.tls {
            None => self.unsent.extend_from_slice(bytes),
            Some(tls) => {
                let failed = BenchError::io("TLS cannot be written");
                tls.writer().write_all(bytes).map_err(&failed)?;
                while tls.wants_write() {
                    tls.write_tls(&mut self.unsent).map_err(&failed)?;
                }
            }
        }
        Ok(())
    }

    /// Sends what the socket accepts.
    pub(super) fn flush(&mut self) -> Result<(), BenchError> {
        if self.unsent.is_empty() {
            return Ok(());
        }
        match self.stream.write(&self.unsent) {
            Ok(count) => drop(self.unsent.drain(..count)),
            Err(error) => match error.kind() {
                ErrorKind::WouldBlock | ErrorKind::Interrupted => {}
                // Reading will show what the server said before it closed.
                ErrorKind::BrokenPipe | ErrorKind::ConnectionReset => self.unsent.clear(),
                _ => return Err(BenchError::Io("nothing can be sent", error)),
            },
        }
        Ok(())
    }

    /// Appends the plaintext of what was read. Returns whether that was the end.
    pub(super) fn decrypt(
        &mut self,
        mut bytes: &[u8],
        plaintext: &mut Vec<u8>,
    ) -> Result<bool, BenchError> {
        let Some(tls) = &mut self.tls else {
            return Ok(false);
        };
        let failed = BenchError::io("TLS cannot be read");
        let mut ended = false;
        while !bytes.is_empty() && !ended {
            tls.read_tls(&mut bytes).map_err(&failed)?;
            tls.process_new_packets()
                .map_err(|error| BenchError::Tls(error.to_string()))?;
            match tls.reader().read_to_end(plaintext) {
                Ok(_) => ended = true,
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                Err(error) => return Err(failed(error)),
            }
        }
        self.queue(&[])?;
        Ok(ended)
    }

    /// Remembers what the server said, unless it was a message. Returns the reply to a client that
    /// exceeded its rate limit, even in the midst of messages; a client that sends nothing gets no
    /// such reply and is spared the search.
    pub(super) fn note(&mut self, text: &[u8]) -> Option<String> {
        let is_echo = text.starts_with(PING.as_bytes());
        if !text.is_empty() && text.len() < WORDS && !mark::is_any(text) && !is_echo {
            self.last_words.clear();
            self.last_words.extend_from_slice(text);
        }
        match self.speaks {
            true => complaint(text),
            false => None,
        }
    }
}

/// The line in which the server objects to the client's rate, if there is one.
fn complaint(text: &[u8]) -> Option<String> {
    memchr::memmem::find(text, HELD_BACK)?;
    let mut lines = text.split(|&byte| byte == b'\n');
    let line = lines.find(|line| memchr::memmem::find(line, HELD_BACK).is_some());
    line.map(|line| String::from_utf8_lossy(line).into_owned())
}
