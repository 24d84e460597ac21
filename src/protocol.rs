//! Protocols: bytes to commands, events to bytes, one file a protocol.
//!
//! Nothing here knows a socket, a channel or a clock, and no state is shared
//! between connections, so every codec can be tested with slices.

pub mod commands;
pub mod direct;
pub mod events;
pub mod foreign;
mod governance;
pub mod hooks;
pub mod irc;
pub mod json;
mod json_frame;
pub mod json_frames;
mod json_governance;
mod json_lists;
pub mod line;
pub mod line_lists;
mod mended;
pub mod own_rooms;
mod reacted;
mod replies;
pub mod room;
pub mod speech;
pub mod telnet;
mod told;
pub mod websocket;
mod words;

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use serde::de::{Deserializer, Error, IgnoredAny, MapAccess, Visitor};
use serde_json::Value;

use crate::hub::{Circumstances, Event, Farewell, Mark};
use crate::json::{as_meant, with_finite_numbers};
pub use crate::model::time::rfc3339;
pub use speech::Speech;
pub use words::LocalTime;

/// The format of the bytes sent to a connection. Connections of one format get the
/// same bytes for the same event, so an event is encoded once a format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WireFormat {
    /// The line protocol, lines ended by CR LF.
    Telnet,
    /// The line protocol, a WebSocket text frame a line.
    WebSocketLine,
    /// Direct messages: a WebSocket text frame a JSON object.
    Direct,
    /// JSON commands: a WebSocket text frame a JSON object.
    Json,
    /// Room lines, ended by LF.
    RoomTcp,
    /// Room lines, a WebSocket text frame a line, ended by LF all the same.
    RoomWebSocket,
    /// IRC, of which the bytes depend on the client's capabilities, too.
    Irc,
    /// IRC, a WebSocket text frame a line.
    IrcText,
    /// IRC, a binary WebSocket frame a line.
    IrcBinary,
    /// Server-sent events.
    EventStream,
    /// The same events, a JSON object a line.
    JsonLines,
}

/// How many [`WireFormat`]s there are.
pub const WIRE_FORMATS: usize = 11;

impl WireFormat {
    /// Position in tables by format.
    pub fn index(self) -> usize {
        self as usize
    }

    /// The bytes that make a client hide typed input and show it again; `None` if the
    /// format has none.
    pub fn hiding(self) -> Option<Hiding> {
        match self {
            WireFormat::Telnet => Some(Hiding {
                hide: telnet::HIDE_INPUT,
                show: telnet::SHOW_INPUT,
            }),
            WireFormat::WebSocketLine
            | WireFormat::Direct
            | WireFormat::Json
            | WireFormat::RoomTcp
            | WireFormat::RoomWebSocket
            | WireFormat::Irc
            | WireFormat::IrcText
            | WireFormat::IrcBinary
            | WireFormat::EventStream
            | WireFormat::JsonLines => None,
        }
    }

    /// Whether its connections are asked now and then whether the client is there.
    pub fn is_pinged(self) -> bool {
        self.is_irc() || self.is_websocket()
    }

    /// Whether its connections are WebSockets.
    pub fn is_websocket(self) -> bool {
        match self {
            WireFormat::Telnet
            | WireFormat::RoomTcp
            | WireFormat::Irc
            | WireFormat::EventStream
            | WireFormat::JsonLines => false,
            WireFormat::WebSocketLine
            | WireFormat::Direct
            | WireFormat::Json
            | WireFormat::IrcText
            | WireFormat::IrcBinary
            | WireFormat::RoomWebSocket => true,
        }
    }

    /// Whether its connections speak IRC.
    pub fn is_irc(self) -> bool {
        matches!(
            self,
            WireFormat::Irc | WireFormat::IrcText | WireFormat::IrcBinary
        )
    }

    /// Whether its connections are event streams.
    pub fn is_stream(self) -> bool {
        matches!(self, WireFormat::EventStream | WireFormat::JsonLines)
    }
}

/// The bytes sent to a client before and after its user types a password.
#[derive(Clone, Copy, Debug)]
pub struct Hiding {
    /// Before.
    pub hide: &'static [u8],
    /// After.
    pub show: &'static [u8],
}

/// Turns events into bytes.
#[derive(Debug, Default)]
pub struct Encoder {
    /// The greeting of a line connection.
    pub greeting: String,
    /// What IRC clients are told of the server.
    pub irc: Arc<irc::Terms>,
    /// The time, in milliseconds since 1970 UTC.
    pub now_ms: u64,
    time: LocalTime,
    line: String,
}

impl Encoder {
    /// An encoder that greets with `greeting`.
    pub fn new(greeting: String) -> Encoder {
        Encoder {
            greeting,
            ..Encoder::default()
        }
    }

    /// The encoder with what IRC clients are told of the server.
    pub fn with_irc(self, irc: Arc<irc::Terms>) -> Encoder {
        Encoder { irc, ..self }
    }

    /// Appends what all IRC clients of a shape are told of an event.
    pub fn irc_shared(
        &self,
        shape: irc::Shape,
        event: &Event,
        told: &Circumstances,
        out: &mut Vec<u8>,
    ) {
        shape.framed(out, |out| {
            irc::write_shared(event, told, (&self.irc, shape), self.now_ms, out);
        });
    }

    /// Appends what one IRC client is told of an event.
    pub fn irc_personal(
        &self,
        reader: &mut irc::Reader,
        event: &Event,
        told: &Circumstances,
        out: &mut Vec<u8>,
    ) {
        reader.shape().framed(out, |out| {
            irc::write_personal(event, told, (&self.irc, reader), self.now_ms, out);
        });
    }

    /// Appends what one IRC client is told of an event that answers its request with a
    /// label.
    pub fn irc_labelled(
        &self,
        reader: &mut irc::Reader,
        event: &Event,
        told: &Circumstances,
        out: &mut Vec<u8>,
    ) {
        reader.shape().framed(out, |out| {
            irc::write_labelled(event, told, (&self.irc, reader), self.now_ms, out);
        });
    }

    /// Appends lines of an IRC client's own thread.
    pub fn irc_answer(
        &self,
        reader: &mut irc::Reader,
        lines: &[u8],
        mark: Option<&Mark>,
        out: &mut Vec<u8>,
    ) {
        reader.shape().framed(out, |out| {
            irc::write_answer(lines, mark, (&self.irc, reader), out);
        });
    }

    /// Appends a question whether the client is there; nothing in formats that have none.
    pub fn ping(&self, format: WireFormat, out: &mut Vec<u8>) {
        match format {
            WireFormat::Irc => irc::write_ping(&self.irc, out),
            format if format.is_websocket() => websocket::ping_frame(out),
            _ => {}
        }
    }

    /// Appends `event` in `format`, in which it may be nothing.
    pub fn event(&mut self, format: WireFormat, event: &Event, out: &mut Vec<u8>) {
        match format {
            WireFormat::Telnet | WireFormat::WebSocketLine => {
                self.line.clear();
                line::write_event(event, &self.greeting, &mut self.time, &mut self.line);
                frame_lines(format, &self.line, out);
            }
            WireFormat::Direct => direct::write_event(event, out),
            WireFormat::Json => json_frames::write_event(event, out),
            WireFormat::RoomTcp | WireFormat::RoomWebSocket => {
                room::write_event(format, event, out);
            }
            WireFormat::Irc | WireFormat::IrcText | WireFormat::IrcBinary => {
                let told = Circumstances::default();
                let mut reader = irc::Reader::of(format);
                match irc::is_personal(event) {
                    true => self.irc_personal(&mut reader, event, &told, out),
                    false => self.irc_shared(reader.shape(), event, &told, out),
                }
            }
            WireFormat::EventStream | WireFormat::JsonLines => {
                let start = out.len();
                events::write_body(format, event, out);
                if out.len() > start {
                    events::write_only_end(format, event, out);
                }
            }
        }
    }

    /// Appends the farewell of a connection.
    pub fn farewell(&mut self, format: WireFormat, farewell: &Farewell, out: &mut Vec<u8>) {
        if *farewell == Farewell::PeerLeft {
            return;
        }
        match format {
            WireFormat::Telnet | WireFormat::WebSocketLine => {
                self.line.clear();
                line::write_farewell(farewell, &mut self.line);
                frame_lines(format, &self.line, out);
            }
            WireFormat::Json => json_frames::write_farewell(farewell, out),
            WireFormat::RoomTcp | WireFormat::RoomWebSocket => {
                room::write_farewell(format, farewell, out);
            }
            WireFormat::Irc | WireFormat::IrcText | WireFormat::IrcBinary => {
                let shape = irc::Reader::of(format).shape();
                shape.framed(out, |out| irc::write_farewell(&self.irc, farewell, out));
            }
            WireFormat::EventStream | WireFormat::JsonLines => {
                events::write_farewell(format, farewell, out);
            }
            // The close frame carries the reason.
            WireFormat::Direct => {}
        }
        if format.is_websocket() {
            websocket::close_frame(farewell, out);
        }
    }
}

/// The values of these keys of a JSON object, in any case of the keys: so do the
/// programs read them that older clients were written for. `null` is the same as an
/// absent key, other keys are ignored, and a repeated key is a mistake.
fn fields_of<const N: usize>(
    json: &str,
    keys: [&'static str; N],
) -> serde_json::Result<[Option<Value>; N]> {
    let is_mistake = true;
    read_fields(json, Fields { keys, is_mistake })
}

/// As [`fields_of`], but the last of repeated keys counts.
fn last_fields_of<const N: usize>(
    json: &str,
    keys: [&'static str; N],
) -> serde_json::Result<[Option<Value>; N]> {
    let is_mistake = false;
    read_fields(json, Fields { keys, is_mistake })
}

fn read_fields<const N: usize>(
    json: &str,
    fields: Fields<N>,
) -> serde_json::Result<[Option<Value>; N]> {
    // A list is reported as not being an object.
    let json = as_meant(json);
    read_document(&json, fields).or_else(|error| match with_finite_numbers(&json) {
        Some(json) => read_document(&json, fields),
        None => Err(error),
    })
}

fn read_document<const N: usize>(
    json: &str,
    fields: Fields<N>,
) -> serde_json::Result<[Option<Value>; N]> {
    let mut reader = serde_json::Deserializer::from_str(json);
    let fields = reader.deserialize_map(fields)?;
    reader.end()?;
    Ok(fields)
}

#[derive(Clone, Copy)]
struct Fields<const N: usize> {
    keys: [&'static str; N],
    /// Whether a repeated key is a mistake.
    is_mistake: bool,
}

impl<'de, const N: usize> Visitor<'de> for Fields<N> {
    type Value = [Option<Value>; N];

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut found = [const { None }; N];
        while let Some(key) = map.next_key::<Cow<'de, str>>()? {
            let known = self.keys.iter().zip(&mut found);
            let Some((name, place)) = known
                .into_iter()
                .find(|(name, _)| name.eq_ignore_ascii_case(&key))
            else {
                map.next_value::<IgnoredAny>()?;
                continue;
            };
            if place.is_some() && self.is_mistake {
                return Err(A::Error::duplicate_field(name));
            }
            let before = place.take();
            *place = map.next_value::<Option<Value>>()?.or(before);
        }
        Ok(found)
    }
}

/// Appends text lines, each ended by `\n` in `lines`, as `format` frames them.
pub fn frame_lines(format: WireFormat, lines: &str, out: &mut Vec<u8>) {
    let bytes = lines.as_bytes();
    let mut start = 0;
    for end in memchr::memchr_iter(b'\n', bytes) {
        let line = bytes.get(start..end).unwrap_or_default();
        let line_start = start;
        start = end + 1;
        match format {
            WireFormat::Telnet | WireFormat::Irc => {
                out.extend_from_slice(line);
                out.extend_from_slice(b"\r\n");
            }
            WireFormat::RoomTcp => {
                out.extend_from_slice(line);
                out.push(b'\n');
            }
            WireFormat::RoomWebSocket => {
                websocket::text_frame(bytes.get(line_start..end + 1).unwrap_or_default(), out);
            }
            WireFormat::WebSocketLine
            | WireFormat::Direct
            | WireFormat::Json
            | WireFormat::IrcText => websocket::text_frame(line, out),
            WireFormat::IrcBinary => websocket::binary_frame(line, out),
            // They are made of events, not of lines of text.
            WireFormat::EventStream | WireFormat::JsonLines => {}
        }
    }
}
