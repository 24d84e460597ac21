//! The thread of a WebSocket connection that speaks the line protocol.
//!
//! The thread reads through tungstenite. What tungstenite wants to write
//! (pongs, the answer to a close) goes through the hub's outbox like
//! everything else, so that no frame lands inside another.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;

use tungstenite::protocol::{Role, WebSocketConfig};
use tungstenite::{Error, Message, WebSocket};

use crate::hub::{ConnectionId, Farewell};
use crate::protocol::WireFormat;
use crate::turn::{HubHandle, Input};

use super::line::{Flow, LineContext, LineSession};
use super::link::Link;

/// Messages up to this many times the longest line are read, and refused with
/// a word; beyond, the framing itself is the attack and the connection ends.
const OVERLONG_FACTOR: usize = 16;

/// Serves a WebSocket after its handshake; `read_ahead` is what was read
/// beyond it.
pub fn serve_lines(stream: TcpStream, read_ahead: Vec<u8>, peer: SocketAddr, context: LineContext) {
    let link = Arc::new(Link::new(stream));
    let (hub, limits) = (context.hub.clone(), context.limits);
    let format = WireFormat::WebSocketLine;
    let mut session = LineSession::open(context, &link, format, "websocket", peer);
    let socket = FrameSocket {
        link: link.clone(),
        hub,
        id: session.attached().id,
        frames: Vec::new(),
    };
    let longest = limits.line_bytes.saturating_mul(OVERLONG_FACTOR);
    let config = WebSocketConfig::default()
        .read_buffer_size(4096)
        .write_buffer_size(0)
        .max_message_size(Some(longest))
        .max_frame_size(Some(longest));
    let mut websocket =
        WebSocket::from_partially_read(socket, read_ahead, Role::Server, Some(config));
    let farewell = read_messages(&link, &mut websocket, &mut session, limits.line_bytes);
    session.end(farewell);
}

fn read_messages(
    link: &Link,
    websocket: &mut WebSocket<FrameSocket>,
    session: &mut LineSession,
    line_bytes: usize,
) -> Farewell {
    loop {
        let message = match websocket.read() {
            Ok(message) => message,
            Err(Error::Io(error)) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(Error::Capacity(_)) => return Farewell::BadFrame("the message is too large"),
            Err(Error::Protocol(_)) => return Farewell::BadFrame("that is not valid WebSocket"),
            Err(Error::Utf8(_)) => return Farewell::BadFrame("the text is not valid UTF-8"),
            Err(_) => return Farewell::PeerLeft,
        };
        if link.is_closing() {
            continue;
        }
        let flow = match message {
            Message::Text(text) if text.len() > line_bytes => session.overlong_line(),
            Message::Text(text) => session.line(text.as_bytes()),
            Message::Binary(_) => session.say("! Text frames only, please.\n"),
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
    link: Arc<Link>,
    hub: HubHandle,
    id: ConnectionId,
    frames: Vec<u8>,
}

impl Read for FrameSocket {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = self.link.stream().read(buffer)?;
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
