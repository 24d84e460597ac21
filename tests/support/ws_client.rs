//! A WebSocket client that shows each frame, with a deadline on every read.

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use tungstenite::client::IntoClientRequest;
use tungstenite::handshake::client::Request;
use tungstenite::protocol::CloseFrame;
use tungstenite::{Error, Message, WebSocket};

use super::carrier::Carrier;
use super::server::{DEADLINE, Server};
use super::user::User;

/// A WebSocket connection.
pub struct WsClient {
    socket: WebSocket<Carrier>,
    close: Option<CloseFrame>,
    /// Text frames that came before a test asked for one.
    early: std::collections::VecDeque<String>,
    /// Further lines of a frame that held several.
    waiting: std::collections::VecDeque<String>,
    transcript: String,
}

impl WsClient {
    /// Opens `path` with extra header fields; returns the HTTP status when
    /// refused.
    pub fn open(
        address: SocketAddr,
        path: &str,
        fields: &[(&'static str, &str)],
    ) -> Result<WsClient, u16> {
        WsClient::open_on(Carrier::plain(address), path, fields)
    }

    /// The same over an existing connection.
    pub fn open_on(
        carrier: Carrier,
        path: &str,
        fields: &[(&'static str, &str)],
    ) -> Result<WsClient, u16> {
        let address = carrier.stream().peer_addr().unwrap();
        let mut request: Request = format!("ws://{address}{path}")
            .into_client_request()
            .unwrap();
        for (name, value) in fields {
            request.headers_mut().insert(*name, value.parse().unwrap());
        }
        match tungstenite::client(request, carrier) {
            Ok((socket, _)) => Ok(WsClient {
                socket,
                close: None,
                early: Default::default(),
                waiting: Default::default(),
                transcript: String::new(),
            }),
            Err(tungstenite::HandshakeError::Failure(Error::Http(answer))) => {
                Err(answer.status().as_u16())
            }
            Err(error) => panic!("no WebSocket at {path}: {error}"),
        }
    }

    /// What carries the frames.
    pub fn carrier(&self) -> &Carrier {
        self.socket.get_ref()
    }

    /// Waits until the server has registered the connection, so that later
    /// events reach it. Frames that come meanwhile are kept.
    pub fn settled(mut self) -> WsClient {
        self.send_frame(Message::Ping("settled".into()));
        let deadline = Instant::now() + DEADLINE;
        loop {
            assert!(Instant::now() < deadline, "no pong\n{}", self.transcript);
            match self.socket.read() {
                Ok(Message::Pong(payload)) if payload == "settled" => return self,
                Ok(Message::Text(text)) => self.early.push_back(text.as_str().to_owned()),
                Ok(Message::Close(frame)) => self.close = frame,
                // Refused: the next read tells the caller why.
                Err(Error::ConnectionClosed) => return self,
                Err(Error::Io(error)) if has_ended(&error) => return self,
                Ok(_) => {}
                Err(Error::Io(error))
                    if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {}
                Err(error) => panic!("cannot read: {error}\n{}", self.transcript),
            }
        }
    }

    /// The line protocol, logged in.
    pub fn enter(server: &Server, nickname: &str) -> WsClient {
        let mut client = WsClient::open(server.web(), "/ws", &[]).unwrap();
        client.login(nickname);
        client
    }

    /// Sends any frame.
    pub fn send_frame(&mut self, frame: Message) {
        self.transcript.push_str(&format!("> {frame:?}\n"));
        self.socket
            .send(frame)
            .unwrap_or_else(|error| panic!("cannot send: {error}\n{}", self.transcript));
    }

    /// Sends a line; false if the connection has ended.
    pub fn try_send(&mut self, line: &str) -> bool {
        self.transcript.push_str(&format!("> {line}\n"));
        self.socket.send(Message::text(line)).is_ok()
    }

    /// The next text frame; `None` once the connection is closed.
    pub fn next_frame(&mut self) -> Option<String> {
        if let Some(text) = self.early.pop_front() {
            self.transcript.push_str(&format!("< {text}\n"));
            return Some(text);
        }
        loop {
            match self.next_message()? {
                Message::Text(text) => return Some(text.as_str().to_owned()),
                other => self.transcript.push_str(&format!("< {other:?}\n")),
            }
        }
    }

    /// The next text or binary frame; `None` once the connection is closed.
    pub fn next_message(&mut self) -> Option<Message> {
        let deadline = Instant::now() + DEADLINE;
        loop {
            // Pings keep coming for as long as the connection lives.
            let in_time = Instant::now() < deadline;
            assert!(in_time, "no frame came in time\n{}", self.transcript);
            match self.socket.read() {
                Ok(Message::Text(text)) => {
                    self.transcript.push_str(&format!("< {text}\n"));
                    return Some(Message::Text(text));
                }
                Ok(Message::Binary(bytes)) => return Some(Message::Binary(bytes)),
                Ok(Message::Close(frame)) => self.close = frame,
                Ok(other) => self.transcript.push_str(&format!("< {other:?}\n")),
                Err(Error::ConnectionClosed | Error::AlreadyClosed | Error::Protocol(_)) => {
                    return None;
                }
                Err(Error::Io(error)) if has_ended(&error) => return None,
                Err(Error::Io(error))
                    if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {}
                Err(error) => panic!("cannot read: {error}\n{}", self.transcript),
            }
        }
    }

    /// The next text frame, which must be JSON.
    pub fn next_json(&mut self) -> Option<serde_json::Value> {
        let frame = self.next_frame()?;
        Some(serde_json::from_str(&frame).unwrap_or_else(|_| panic!("not JSON: {frame}")))
    }

    /// The server's close code, once closed.
    pub fn close_code(&self) -> Option<u16> {
        self.close.as_ref().map(|frame| frame.code.into())
    }
}

/// Whether the server has closed the connection. Reading answers pings and the server's good-bye;
/// if the server does not wait for that any longer, it is the answer that fails.
fn has_ended(error: &std::io::Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::ConnectionReset | ErrorKind::ConnectionAborted | ErrorKind::BrokenPipe
    )
}

impl User for WsClient {
    fn send(&mut self, line: &str) {
        self.send_frame(Message::text(line));
    }

    fn next_line(&mut self) -> Option<String> {
        while self.waiting.is_empty() {
            let frame = self.next_frame()?;
            self.waiting.extend(frame.lines().map(str::to_owned));
        }
        self.waiting.pop_front()
    }

    fn transcript(&self) -> String {
        self.transcript.clone()
    }
}
