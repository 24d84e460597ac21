//! A socket that writes and reads bytes unchanged.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};

use serde_json::Value;

use crate::support::DEADLINE;

/// One connection.
pub struct Wire {
    stream: TcpStream,
    read: Vec<u8>,
}

/// An answer over HTTP.
pub struct Answer {
    pub status: u16,
    head: String,
    pub body: String,
}

impl Answer {
    /// A header field, named in any case.
    pub fn field(&self, name: &str) -> Option<&str> {
        let fields = self.head.lines().filter_map(|line| line.split_once(": "));
        let mut named = fields.filter(|(other, _)| other.eq_ignore_ascii_case(name));
        named.next().map(|(_, value)| value)
    }

    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|_| panic!("not JSON: {}", self.body))
    }
}

impl Wire {
    pub fn connect(to: SocketAddr) -> Wire {
        let stream = TcpStream::connect(to).unwrap();
        stream.set_read_timeout(Some(DEADLINE)).unwrap();
        Wire {
            stream,
            read: Vec::new(),
        }
    }

    pub fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.stream.write_all(bytes.as_ref()).unwrap();
    }

    /// Reads until `is_enough` returns a length, and takes that many bytes.
    fn take(&mut self, is_enough: impl Fn(&[u8]) -> Option<usize>) -> Vec<u8> {
        loop {
            if let Some(length) = is_enough(&self.read) {
                return self.read.drain(..length).collect();
            }
            let mut bytes = [0; 4096];
            let length = self.stream.read(&mut bytes).unwrap_or_else(|error| {
                panic!("{error} after {:?}", String::from_utf8_lossy(&self.read))
            });
            let so_far = String::from_utf8_lossy(&self.read);
            assert!(length > 0, "closed after {so_far:?}");
            self.read.extend_from_slice(&bytes[..length]);
        }
    }

    /// The next line, with its end.
    pub fn line(&mut self) -> String {
        let end = |read: &[u8]| memchr::memchr(b'\n', read).map(|end| end + 1);
        String::from_utf8(self.take(end)).unwrap()
    }

    /// The next line that contains `needle`.
    pub fn line_with(&mut self, needle: &str) -> String {
        loop {
            let line = self.line();
            if line.contains(needle) {
                return line;
            }
        }
    }

    /// The answer to a request.
    pub fn answer(&mut self) -> Answer {
        let end = |read: &[u8]| memchr::memmem::find(read, b"\r\n\r\n").map(|end| end + 4);
        let head = String::from_utf8(self.take(end)).unwrap();
        let status = head.get(9..12).and_then(|status| status.parse().ok());
        let mut answer = Answer {
            status: status.expect("a status"),
            head,
            body: String::new(),
        };
        let length = answer
            .field("content-length")
            .map_or(0, |length| length.parse().unwrap());
        let body = self.take(|read| (read.len() >= length).then_some(length));
        answer.body = String::from_utf8(body).unwrap();
        answer
    }

    /// Sends a text frame masked, as clients must.
    pub fn send_text(&mut self, text: &str) {
        let mask = [7, 11, 13, 17];
        let mut frame = vec![0x81];
        match text.len() {
            length @ 0..126 => frame.push(0x80 | length as u8),
            length => {
                frame.push(0x80 | 126);
                frame.extend_from_slice(&(length as u16).to_be_bytes());
            }
        }
        frame.extend_from_slice(&mask);
        let masked = text.bytes().zip(mask.iter().cycle());
        frame.extend(masked.map(|(byte, mask)| byte ^ mask));
        self.send(frame);
    }

    /// The content of the next text frame.
    pub fn text(&mut self) -> String {
        let whole = |read: &[u8]| {
            let (head, length) = match read.get(1)? {
                126 => (
                    4,
                    usize::from(u16::from_be_bytes([*read.get(2)?, *read.get(3)?])),
                ),
                length => (2, usize::from(*length)),
            };
            (read.len() >= head + length).then_some(head + length)
        };
        loop {
            let frame = self.take(whole);
            let head = if frame[1] == 126 { 4 } else { 2 };
            match frame[0] {
                0x81 => return String::from_utf8(frame[head..].to_vec()).unwrap(),
                // A ping.
                0x89 => {}
                other => panic!("not a text frame: {other:#x}"),
            }
        }
    }

    /// The next text frame that contains `needle`.
    pub fn text_with(&mut self, needle: &str) -> String {
        loop {
            let text = self.text();
            if text.contains(needle) {
                return text;
            }
        }
    }

    /// Whether the connection ends, whatever frames or lines come before that.
    pub fn is_closed(&mut self) -> bool {
        let mut rest = Vec::new();
        self.stream.read_to_end(&mut rest).is_ok()
    }
}

/// Sends one request on a connection of its own.
pub fn call(to: SocketAddr, request: &str) -> Answer {
    let mut wire = Wire::connect(to);
    wire.send(request);
    wire.answer()
}
