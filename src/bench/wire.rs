//! Decodes the server's bytes as far as needed: the text in them, and what has to be answered to
//! keep the connection.

use std::io::Cursor;

use tungstenite::protocol::frame::FrameHeader;
use tungstenite::protocol::frame::coding::{Control, OpCode};

use super::error::BenchError;
use super::protocol::{Protocol, frame};

/// A chat server sends no longer frame or line.
const LONGEST: usize = 16 * 1024 * 1024;

/// Decodes the complete part of some bytes: appends its text to the first buffer and the answers it
/// requires to the second. Returns how many bytes it took.
type Take = fn(&[u8], &mut Vec<u8>, &mut Vec<u8>) -> Result<usize, BenchError>;

/// Decodes the bytes of one connection.
pub(super) enum Wire {
    /// Bytes are text: lines, and HTTP until it is a WebSocket.
    Plain,
    /// WebSocket frames; with the beginning of an incomplete one.
    Frames(Vec<u8>),
    /// IRC lines; with the beginning of an incomplete one.
    Irc(Vec<u8>),
}

impl Wire {
    /// A connection that has just begun.
    pub(super) fn new(protocol: Protocol) -> Wire {
        match protocol {
            Protocol::Irc => Wire::Irc(Vec::new()),
            _ => Wire::Plain,
        }
    }

    /// Appends the text in `bytes` to `text`, and the answers it requires to `answer`.
    pub(super) fn decode(
        &mut self,
        bytes: &[u8],
        text: &mut Vec<u8>,
        answer: &mut Vec<u8>,
    ) -> Result<(), BenchError> {
        let (rest, take): (_, Take) = match self {
            Wire::Plain => {
                text.extend_from_slice(bytes);
                return Ok(());
            }
            Wire::Frames(rest) => (rest, take_frames),
            Wire::Irc(rest) => (rest, take_lines),
        };
        if rest.is_empty() {
            let taken = take(bytes, text, answer)?;
            rest.extend_from_slice(bytes.get(taken..).unwrap_or_default());
        } else {
            rest.extend_from_slice(bytes);
            let taken = take(rest, text, answer)?;
            rest.drain(..taken);
        }
        match rest.len() > LONGEST {
            true => Err(BenchError::Garbled("something without an end")),
            false => Ok(()),
        }
    }
}

fn take_frames(
    bytes: &[u8],
    text: &mut Vec<u8>,
    answer: &mut Vec<u8>,
) -> Result<usize, BenchError> {
    let mut cursor = Cursor::new(bytes);
    let mut taken = 0;
    while let Some((header, length)) =
        FrameHeader::parse(&mut cursor).map_err(|_| BenchError::Garbled("not a frame"))?
    {
        let start = cursor.position() as usize;
        let end = start.saturating_add(length as usize);
        let Some(payload) = bytes.get(start..end) else {
            break;
        };
        match header.opcode {
            // A pong repeats a ping, which is sent only when needed.
            OpCode::Data(_) | OpCode::Control(Control::Pong) => {
                text.extend_from_slice(payload);
                text.push(b'\n');
            }
            OpCode::Control(Control::Ping) => {
                frame(OpCode::Control(Control::Pong), payload, answer)
            }
            // A code of two bytes, then the reason.
            OpCode::Control(Control::Close) => {
                text.extend_from_slice(payload.get(2..).unwrap_or_default());
            }
            OpCode::Control(_) => {}
        }
        taken = end;
        cursor.set_position(end as u64);
    }
    Ok(taken)
}

fn take_lines(bytes: &[u8], text: &mut Vec<u8>, answer: &mut Vec<u8>) -> Result<usize, BenchError> {
    let mut taken = 0;
    for end in memchr::memchr_iter(b'\n', bytes) {
        let line = bytes.get(taken..=end).unwrap_or_default();
        taken = end + 1;
        match line.strip_prefix(b"PING") {
            Some(token) => {
                answer.extend_from_slice(b"PONG");
                answer.extend_from_slice(token);
            }
            None => text.extend_from_slice(line),
        }
    }
    Ok(taken)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The result of decoding, checked with every cut in two.
    fn decoded(wire: fn() -> Wire, bytes: &[u8]) -> (Vec<u8>, Vec<u8>) {
        let mut results = (0..=bytes.len()).map(|cut| {
            let (mut wire, mut text, mut answer) = (wire(), Vec::new(), Vec::new());
            for part in [&bytes[..cut], &bytes[cut..]] {
                wire.decode(part, &mut text, &mut answer).unwrap();
            }
            (text, answer)
        });
        let first = results.next().unwrap();
        assert!(results.all(|result| result == first));
        first
    }

    #[test]
    fn an_irc_ping_is_answered_and_not_text() {
        let bytes = b":s 001 a :hi\r\nPING :x y\r\n:b PRIVMSG #r :PING\r\n";
        let (text, answer) = decoded(|| Wire::Irc(Vec::new()), bytes);
        assert_eq!(text, b":s 001 a :hi\r\n:b PRIVMSG #r :PING\r\n");
        assert_eq!(answer, b"PONG :x y\r\n");
    }

    #[test]
    fn a_websocket_ping_is_answered_and_not_text() {
        let mut bytes = b"\x81\x02hi\x89\x01p\x81\x7e\x01\x00".to_vec();
        bytes.extend_from_slice(&[b'|'; 256]);
        bytes.extend_from_slice(b"\x8a\x03in?\x88\x05\x03\xf0bye");
        let (text, answer) = decoded(|| Wire::Frames(Vec::new()), &bytes);
        let long = "|".repeat(256);
        assert_eq!(text, format!("hi\n{long}\nin?\nbye").as_bytes());
        assert_eq!(answer, b"\x8a\x81\0\0\0\0p");
    }
}
