//! The thread of a WebSocket connection, for every protocol on it.
//!
//! The thread reads through tungstenite. What tungstenite wants to write (pongs, the
//! answer to a close) goes through the hub's outbox like everything else, so that no
//! frame lands inside another. A [`Session`] knows what the messages mean.

use std::io::{self, Read, Write};
use std::sync::Arc;

use tungstenite::protocol::{Role, WebSocketConfig};
use tungstenite::{Error, Message, WebSocket};

use crate::http::Upgraded;
use crate::hub::{ConnectionId, Farewell, FrameFault};
use crate::net::link::{Link, LinkReader};
use crate::protocol::Speech;
use crate::protocol::irc::lines::MAX_LINE;
use crate::protocol::irc::tags::MAX_TAGS;
use crate::protocol::speech::WEBSOCKET_LINES;
use crate::turn::{HubHandle, Input};

use super::attached::{Attached, Flow};
use super::context::SessionContext;
use super::line::LineSession;
use super::rate::Paced;

/// Messages up to this many times the limit are read, and refused with an error;
/// beyond that, the framing itself is the attack and the connection ends.
const OVERLONG_FACTOR: usize = 16;

/// Bytes taken from the socket at once; every connection keeps such a buffer.
pub const READ_BYTES: usize = 1024;

/// The protocol on a WebSocket: takes its messages, one by one.
pub trait Session: Paced {
    /// Takes a text message.
    fn text(&mut self, text: &str) -> Flow;

    /// Takes note of a text message over the limit.
    fn overlong(&mut self, text: &str) -> Flow;

    /// Takes a binary message.
    fn binary(&mut self, bytes: &[u8]) -> Flow;
}

/// Serves a WebSocket after its handshake until it ends. `begin` makes the
/// session; `read_bytes` is how much is taken from the socket at once.
pub fn serve<S: Session>(
    upgraded: Upgraded,
    speech: &'static Speech,
    context: &SessionContext,
    read_bytes: usize,
    begin: impl FnOnce(Attached) -> S,
) {
    let Upgraded {
        transport,
        leftover,
        peer,
    } = upgraded;
    // The HTTP front has used time-outs; from here on silence is allowed.
    if transport.stream().set_read_timeout(None).is_err() {
        return;
    }
    let attached = Attached::open(context, speech, transport, peer);
    let link = attached.link.clone();
    let socket = FrameSocket {
        reader: LinkReader::new(link.clone()),
        link: link.clone(),
        hub: context.hub.clone(),
        id: attached.id,
        frames: Vec::new(),
    };
    let longest = match speech.format.is_irc() {
        true => context.limits.line_bytes.max(MAX_TAGS + MAX_LINE),
        false => context.limits.line_bytes,
    };
    let config = reading(longest).read_buffer_size(read_bytes);
    let mut websocket =
        WebSocket::from_partially_read(socket, leftover, Role::Server, Some(config));
    let mut session = begin(attached);
    let farewell = read_messages(&link, &mut websocket, &mut session, longest);
    // The answer to the client's close frame: tungstenite has only written it.
    let _ = websocket.get_mut().flush();
    let attached = session.attached();
    if let Farewell::BadFrame(_) = farewell
        && attached.close(farewell.clone()) == Flow::Continue
    {
        read_away(&link);
    }
    attached.end(farewell);
}

/// The settings for reading messages of at most `line_bytes`.
pub fn reading(line_bytes: usize) -> WebSocketConfig {
    let longest = line_bytes.saturating_mul(OVERLONG_FACTOR);
    WebSocketConfig::default()
        .read_buffer_size(READ_BYTES)
        .write_buffer_size(0)
        .max_message_size(Some(longest))
        .max_frame_size(Some(longest))
}

/// Reads and drops bytes, encrypted or not, until the flusher has ended the
/// connection. If it were closed before, with bytes unread, the client might never
/// see its farewell. Not inlined, so that no session's stack frame holds the buffer.
#[inline(never)]
fn read_away(link: &Link) {
    let mut nowhere = [0; 4096];
    loop {
        match link.stream().read(&mut nowhere) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Ok(0) | Err(_) => return,
            Ok(_) => {}
        }
    }
}

/// Serves the line protocol: each text message is a line.
pub fn serve_lines(upgraded: Upgraded, context: &SessionContext) {
    serve(
        upgraded,
        &WEBSOCKET_LINES,
        context,
        READ_BYTES,
        LineSession::new,
    );
}

impl Session for LineSession {
    fn text(&mut self, text: &str) -> Flow {
        self.line(text.as_bytes())
    }

    fn overlong(&mut self, _: &str) -> Flow {
        self.overlong_line()
    }

    fn binary(&mut self, _: &[u8]) -> Flow {
        self.say("! Text frames only, please.\n")
    }
}

fn read_messages(
    link: &Link,
    websocket: &mut WebSocket<FrameSocket>,
    session: &mut impl Session,
    longest: usize,
) -> Farewell {
    loop {
        let message = match websocket.read() {
            Ok(message) => message,
            Err(Error::Io(error)) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(Error::Capacity(_)) => return Farewell::BadFrame(FrameFault::TooLarge),
            Err(Error::Protocol(_)) => return Farewell::BadFrame(FrameFault::Malformed),
            Err(Error::Utf8(_)) => return Farewell::BadFrame(FrameFault::NotText),
            Err(_) => return Farewell::PeerLeft,
        };
        if link.is_closing() {
            continue;
        }
        let flow = match message {
            Message::Text(text) if text.len() > longest => session.overlong(&text),
            Message::Text(text) => session.text(&text),
            Message::Binary(bytes) => session.binary(&bytes),
            _ => Flow::Continue,
        };
        if flow == Flow::Stop {
            return Farewell::PeerLeft;
        }
    }
}

/// The socket as tungstenite sees it: reads directly, writes whole frames
/// through the outbox.
struct FrameSocket {
    reader: LinkReader,
    link: Arc<Link>,
    hub: HubHandle,
    id: ConnectionId,
    frames: Vec<u8>,
}

impl Read for FrameSocket {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = self.reader.read(buffer)?;
        self.link.note_heard();
        Ok(length)
    }
}

impl Write for FrameSocket {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.frames.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.frames.is_empty() {
            return Ok(());
        }
        let frames = std::mem::take(&mut self.frames);
        self.hub
            .send(Input::Write(self.id, frames))
            .map_err(|_| io::ErrorKind::NotConnected.into())
    }
}
