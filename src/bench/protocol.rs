//! The protocols of the clients.

use clap::ValueEnum;
use serde_json::json;
use tungstenite::protocol::frame::FrameHeader;
use tungstenite::protocol::frame::coding::{Data, OpCode};

/// A message to oneself whose return shows that the client is in, where the server says nothing to
/// a newcomer.
pub(super) const PING: &str = "bench: in?";

/// Protocols the clients can speak.
#[derive(ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Protocol {
    /// Lines over TCP
    Telnet,
    /// Lines over a WebSocket
    Ws,
    /// JSON commands over a WebSocket
    Json,
    /// Room lines over TCP
    Room,
    /// Room lines over a WebSocket
    RoomWs,
    /// Direct messages between accounts over a WebSocket
    Api,
    /// IRC, which other servers can be measured by, too
    Irc,
}

impl Protocol {
    /// Its name on the command line.
    pub(super) fn name(self) -> &'static str {
        match self {
            Protocol::Telnet => "telnet",
            Protocol::Ws => "ws",
            Protocol::Json => "json",
            Protocol::Room => "room",
            Protocol::RoomWs => "room-ws",
            Protocol::Api => "api",
            Protocol::Irc => "irc",
        }
    }

    /// Whether senders receive their own messages.
    pub(super) fn echoes(self) -> bool {
        !matches!(self, Protocol::Irc | Protocol::Api)
    }

    /// Whether every line is a frame.
    pub(super) fn is_framed(self) -> bool {
        matches!(
            self,
            Protocol::Ws | Protocol::Json | Protocol::RoomWs | Protocol::Api
        )
    }

    /// The name of our plain listener for it.
    pub(super) fn listener(self) -> &'static str {
        match self {
            Protocol::Telnet => "telnet",
            Protocol::Ws | Protocol::Json | Protocol::RoomWs | Protocol::Api => "web",
            Protocol::Room => "tcp",
            Protocol::Irc => "irc",
        }
    }

    /// Appends the bytes that send a text to a room or, where there are none, to a client.
    pub(super) fn say(self, place: &str, text: &str, out: &mut Vec<u8>) {
        match self {
            Protocol::Json => {
                let command = json!({ "type": "message", "args": { "body": text } });
                self.line(&command.to_string(), out);
            }
            Protocol::Api => {
                let message = json!({ "recipient": place, "message": text });
                self.line(&message.to_string(), out);
            }
            Protocol::Irc => self.line(&format!("PRIVMSG #{place} :{text}"), out),
            _ => self.line(text, out),
        }
    }

    /// Appends a line, or its equivalent.
    pub(super) fn line(self, line: &str, out: &mut Vec<u8>) {
        if self.is_framed() {
            return frame(OpCode::Data(Data::Text), line.as_bytes(), out);
        }
        out.extend_from_slice(line.as_bytes());
        out.extend_from_slice(match self {
            Protocol::Irc => b"\r\n",
            _ => b"\n",
        });
    }
}

/// Appends a client's frame. Clients must mask; a key of zeros leaves the text readable, which does
/// no harm in a benchmark.
pub(super) fn frame(opcode: OpCode, payload: &[u8], out: &mut Vec<u8>) {
    let header = FrameHeader {
        opcode,
        mask: Some([0; 4]),
        ..FrameHeader::default()
    };
    // Writing to memory does not fail.
    let _ = header.format(payload.len() as u64, out);
    out.extend_from_slice(payload);
}
