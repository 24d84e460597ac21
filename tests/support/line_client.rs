//! A client of the line protocol over TCP that sees every byte.

use std::io::{ErrorKind, Read, Write};
use std::net::SocketAddr;
use std::time::Instant;

use super::carrier::Carrier;
use super::server::{DEADLINE, Server};
use super::user::User;

const IAC: u8 = 255;
const SB: u8 = 250;
const SE: u8 = 240;

/// A raw connection. It sends nothing that a test does not send.
pub struct LineClient {
    carrier: Carrier,
    /// All bytes received.
    received: Vec<u8>,
    /// How many of them were read by a test.
    looked_at: usize,
    sent: Vec<u8>,
}

impl LineClient {
    /// Connects and sends nothing.
    pub fn connect(address: SocketAddr) -> LineClient {
        LineClient::on(Carrier::plain(address))
    }

    /// Uses an existing connection.
    pub fn on(carrier: Carrier) -> LineClient {
        LineClient {
            carrier,
            received: Vec::new(),
            looked_at: 0,
            sent: Vec::new(),
        }
    }

    /// What carries the lines.
    pub fn carrier(&self) -> &Carrier {
        &self.carrier
    }

    /// Connects to the server's line listener and logs in.
    pub fn enter(server: &Server, nickname: &str) -> LineClient {
        let mut client = LineClient::connect(server.telnet());
        client.login(nickname);
        client
    }

    /// Logs in, joins a channel and reads everything about that.
    pub fn enter_channel(server: &Server, nickname: &str, channel: &str) -> LineClient {
        let mut client = LineClient::enter(server, nickname);
        client.send(&format!("/join #{channel}"));
        client.settle();
        client
    }

    /// Sends bytes as they are.
    pub fn send_bytes(&mut self, bytes: &[u8]) {
        self.sent.extend_from_slice(bytes);
        self.carrier
            .write_all(bytes)
            .and_then(|()| self.carrier.flush())
            .unwrap_or_else(|error| panic!("cannot send: {error}\n{}", self.transcript()));
    }

    /// Whether a line that contains `needle` comes before the connection ends.
    pub fn hears(&mut self, needle: &str) -> bool {
        std::iter::from_fn(|| self.next_line()).any(|line| line.contains(needle))
    }

    /// Says that nothing more will be sent, as `nc -N` does.
    pub fn half_close(&mut self) {
        self.carrier.half_close();
    }

    /// Reads up to and including these bytes.
    pub fn expect_bytes(&mut self, wanted: &[u8]) {
        loop {
            let news = &self.received[self.looked_at..];
            if let Some(at) = memchr::memmem::find(news, wanted) {
                self.looked_at += at + wanted.len();
                return;
            }
            if !self.read_more() {
                panic!("closed before {wanted:?}\n{}", self.transcript());
            }
        }
    }

    /// All bytes received so far.
    pub fn received(&self) -> &[u8] {
        &self.received
    }

    /// Waits for more bytes; false when the server has closed the connection.
    fn read_more(&mut self) -> bool {
        let deadline = Instant::now() + DEADLINE;
        let mut chunk = [0; 16 * 1024];
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                panic!("nothing more came in time\n{}", self.transcript());
            }
            let stream = self.carrier.stream();
            stream.set_read_timeout(Some(left)).unwrap();
            match self.carrier.read(&mut chunk) {
                Ok(0) => return false,
                Ok(count) => {
                    self.received.extend_from_slice(&chunk[..count]);
                    return true;
                }
                Err(error) if error.kind() == ErrorKind::ConnectionReset => return false,
                Err(error)
                    if matches!(
                        error.kind(),
                        ErrorKind::Interrupted | ErrorKind::WouldBlock | ErrorKind::TimedOut
                    ) => {}
                Err(error) => panic!("cannot read: {error}\n{}", self.transcript()),
            }
        }
    }
}

impl User for LineClient {
    fn send(&mut self, line: &str) {
        self.send_bytes(format!("{line}\r\n").as_bytes());
    }

    fn next_line(&mut self) -> Option<String> {
        loop {
            let news = &self.received[self.looked_at..];
            if let Some(end) = memchr::memchr(b'\n', news) {
                let line = plain(&news[..end]);
                self.looked_at += end + 1;
                return Some(line);
            }
            if !self.read_more() {
                let rest = plain(&self.received[self.looked_at..]);
                self.looked_at = self.received.len();
                return (!rest.is_empty()).then_some(rest);
            }
        }
    }

    fn transcript(&self) -> String {
        format!(
            "--- sent ---\n{}\n--- received ---\n{}\n---",
            shown(&self.sent),
            shown(&self.received)
        )
    }
}

/// A line without telnet negotiation and its ending. Must be UTF-8.
fn plain(line: &[u8]) -> String {
    let mut text = Vec::new();
    let mut rest = line;
    while let Some((&byte, after)) = rest.split_first() {
        rest = match (byte, after.first()) {
            (IAC, Some(&SB)) => {
                let end = memchr::memmem::find(after, &[IAC, SE]);
                &after[end.map_or(after.len(), |at| at + 2)..]
            }
            (IAC, Some(251..=254)) => &after[after.len().min(2)..],
            (IAC, Some(_)) => &after[1..],
            _ => {
                text.push(byte);
                after
            }
        };
    }
    let text = String::from_utf8(text).expect("the server sends UTF-8");
    text.trim_end_matches('\r').to_owned()
}

fn shown(bytes: &[u8]) -> String {
    const MOST: usize = 8 * 1024;
    let skipped = bytes.len().saturating_sub(MOST);
    let text = bytes[skipped..].escape_ascii().to_string();
    let text = text.replace("\\r\\n", "\n").replace("\\n", "\n");
    match skipped {
        0 => text,
        _ => format!("({skipped} bytes before this)\n{text}"),
    }
}
