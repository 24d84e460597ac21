//! A connection that carries lines: of the line protocol or of a room, over
//! TCP or over a WebSocket.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use tungstenite::{Error, Message, WebSocket};

use super::plan::{Doors, connect};

/// How long opening may take.
const OPENING: Duration = Duration::from_secs(4);
/// How long one read may wait.
const MOMENT: Duration = Duration::from_millis(50);

/// A protocol without `resume`.
#[derive(Clone, Copy, PartialEq)]
pub enum Kind {
    Telnet,
    WebLines,
    RoomTcp,
    RoomFrames,
}

pub enum Wire {
    Bytes(TcpStream, Vec<u8>),
    Frames(Box<WebSocket<TcpStream>>),
}

/// The connection has ended.
pub struct Ended;

impl Kind {
    pub fn is_room(self) -> bool {
        matches!(self, Kind::RoomTcp | Kind::RoomFrames)
    }

    /// Opens a connection, if a server answers.
    pub fn open(self, doors: &Doors) -> Option<Wire> {
        let (address, path) = match self {
            Kind::Telnet => (doors.telnet, None),
            Kind::RoomTcp => (doors.tcp, None),
            Kind::WebLines => (doors.web, Some("/ws")),
            Kind::RoomFrames => (doors.web, Some("/mychat")),
        };
        let stream = connect(address, OPENING)?;
        let wire = match path {
            None => Wire::Bytes(stream, Vec::new()),
            Some(path) => {
                let url = format!("ws://{address}{path}");
                Wire::Frames(Box::new(tungstenite::client(url, stream).ok()?.0))
            }
        };
        wire.stream().set_read_timeout(Some(MOMENT)).ok()?;
        Some(wire)
    }

    /// Author and text of a line, if it is a message.
    pub fn message(self, line: &str) -> Option<String> {
        let (author, text) = match self.is_room() {
            true => line.split_once(':')?,
            // `HH:MM @author: text`
            false => line.get(5..)?.strip_prefix(" @")?.split_once(": ")?,
        };
        // In the server's own lines there are spaces here.
        let is_message = !author.contains(' ') && !text.starts_with(' ');
        is_message.then(|| format!("{author}: {text}"))
    }
}

impl Wire {
    fn stream(&self) -> &TcpStream {
        match self {
            Wire::Bytes(stream, _) => stream,
            Wire::Frames(socket) => socket.get_ref(),
        }
    }

    pub fn say(&mut self, line: &str) -> Result<(), Ended> {
        match self {
            Wire::Bytes(stream, _) => stream
                .write_all(format!("{line}\r\n").as_bytes())
                .map_err(|_| Ended),
            Wire::Frames(socket) => socket.send(Message::text(line)).map_err(|_| Ended),
        }
    }

    /// The lines received since the last call; `None` if nothing has come at
    /// all.
    pub fn hear(&mut self) -> Result<Option<Vec<String>>, Ended> {
        let is_quiet = |kind| {
            matches!(
                kind,
                ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted
            )
        };
        match self {
            Wire::Bytes(stream, pending) => {
                let mut chunk = [0; 16 * 1024];
                match stream.read(&mut chunk) {
                    Ok(0) => Err(Ended),
                    Ok(count) => {
                        pending.extend_from_slice(&chunk[..count]);
                        Ok(Some(whole_lines(pending)))
                    }
                    Err(error) if is_quiet(error.kind()) => Ok(None),
                    Err(_) => Err(Ended),
                }
            }
            Wire::Frames(socket) => match socket.read() {
                Ok(Message::Text(text)) => Ok(Some(text.lines().map(str::to_owned).collect())),
                Ok(_) => Ok(Some(Vec::new())),
                Err(Error::Io(error)) if is_quiet(error.kind()) => Ok(None),
                Err(_) => Err(Ended),
            },
        }
    }
}

fn whole_lines(pending: &mut Vec<u8>) -> Vec<String> {
    let end = memchr::memrchr(b'\n', pending).map_or(0, |at| at + 1);
    let lines: Vec<u8> = pending.drain(..end).collect();
    String::from_utf8_lossy(&lines)
        .lines()
        .map(str::to_owned)
        .collect()
}
