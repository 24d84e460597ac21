//! The thread of a WebSocket connection, whatever is spoken on it.
//!
//! The thread reads through tungstenite. What tungstenite wants to write
//! (pongs, the answer to a close) goes through the hub's outbox like
//! everything else, so that no frame lands inside another. What the messages
//! mean is a [`Session`]'s business.

use std::io::{self, Read, Write};
use std::sync::Arc;

use tungstenite::protocol::{Role, WebSocketConfig};
use tungstenite::{Error, Message, WebSocket};

use crate::http::Upgraded;
use crate::hub::{Command, ConnectionId, Farewell, FrameFault, Profile};
use crate::net::link::{Link, LinkReader};
use crate::protocol::WireFormat;
use crate::turn::{HubHandle, Input};

use super::line::{Attached, Flow, LineSession, SessionContext};

/// Messages up to this many times the longest one are read, and refused with
/// a word; beyond, the framing itself is the attack and the connection ends.
const OVERLONG_FACTOR: usize = 16;

/// Bytes taken from the socket at once; every connection keeps such a buffer.
pub const READ_BYTES: usize = 1024;

/// What is spoken on a WebSocket: takes its messages, one by one.
pub trait Session {
    /// Takes a text message.
    fn text(&mut self, text: &str) -> Flow;

    /// Takes note of a text message over the limit.
    fn overlong(&mut self, text: &str) -> Flow;

    /// Takes note of a binary message.
    fn binary(&mut self) -> Flow;

    /// The connection is over.
    fn end(self, farewell: Farewell);
}

/// How the connection is known to the hub.
pub struct Terms {
    /// The protocol's name, for lists and the log.
    pub protocol: &'static str,
    /// How it wants its bytes.
    pub format: WireFormat,
    /// Whether joining a channel leaves the one before.
    pub one_channel: bool,
    /// Whether it shows what was said before it came.
    pub shows_past: bool,
    /// Bytes taken from the socket at once.
    pub read_bytes: usize,
}

/// Serves a WebSocket after its handshake until it ends. `begin` makes the
/// session, or says why there will be none.
pub fn serve<S: Session>(
    upgraded: Upgraded,
    terms: &Terms,
    context: &SessionContext,
    begin: impl FnOnce(Attached) -> S,
) {
    let Upgraded {
        transport,
        leftover,
        peer,
    } = upgraded;
    // The front has used time-outs; from here on silence is allowed.
    if transport.stream().set_read_timeout(None).is_err() {
        return;
    }
    let link = Arc::new(Link::new(transport));
    let profile = Profile {
        protocol: terms.protocol,
        address: peer,
        one_channel: terms.one_channel,
        shows_past: terms.shows_past,
    };
    let attached = Attached::open(context, &link, terms.format, profile);
    let socket = FrameSocket {
        reader: LinkReader::new(link.clone()),
        link: link.clone(),
        hub: context.hub.clone(),
        id: attached.id,
        frames: Vec::new(),
    };
    let config = reading(context.limits.line_bytes).read_buffer_size(terms.read_bytes);
    let mut websocket =
        WebSocket::from_partially_read(socket, leftover, Role::Server, Some(config));
    let mut session = begin(attached);
    let farewell = read_messages(
        &link,
        &mut websocket,
        &mut session,
        context.limits.line_bytes,
    );
    // The answer to the client's close frame: tungstenite has only written it.
    let _ = websocket.get_mut().flush();
    if let Farewell::BadFrame(_) = farewell {
        let end = Input::Command(websocket.get_ref().id, Command::End(farewell.clone()));
        if context.hub.send(end).is_ok() {
            read_away(&link);
        }
    }
    session.end(farewell);
}

/// How WebSockets are read whose messages are to be at most `line_bytes` long.
pub fn reading(line_bytes: usize) -> WebSocketConfig {
    let longest = line_bytes.saturating_mul(OVERLONG_FACTOR);
    WebSocketConfig::default()
        .read_buffer_size(READ_BYTES)
        .write_buffer_size(0)
        .max_message_size(Some(longest))
        .max_frame_size(Some(longest))
}

/// Reads until the connection has ended, which the flusher sees to. What it
/// reads means nothing any more, encrypted or not. Closed
/// before, with bytes unread, the client might never see the last words. Its
/// buffer is not to lie in the frame of a session, which never needs it.
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

/// Serves the line protocol: a text message a line.
pub fn serve_lines(upgraded: Upgraded, context: &SessionContext) {
    let terms = Terms {
        protocol: "websocket",
        format: WireFormat::WebSocketLine,
        one_channel: true,
        shows_past: true,
        read_bytes: READ_BYTES,
    };
    serve(upgraded, &terms, context, |attached| {
        LineSession::new(attached, terms.format, context.clone())
    });
}

impl Session for LineSession {
    fn text(&mut self, text: &str) -> Flow {
        self.line(text.as_bytes())
    }

    fn overlong(&mut self, _: &str) -> Flow {
        self.overlong_line()
    }

    fn binary(&mut self) -> Flow {
        self.say("! Text frames only, please.\n")
    }

    fn end(self, farewell: Farewell) {
        LineSession::end(self, farewell);
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
            Message::Binary(_) => session.binary(),
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
