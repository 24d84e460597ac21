//! A connection that sends and reads lines or frames; losing it is expected.

use std::collections::VecDeque;
use std::io::{self, BufRead, BufReader, ErrorKind, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tungstenite::client::IntoClientRequest;
use tungstenite::{Message, WebSocket};

use crate::world::World;

/// How long a wait may take before it is a finding.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// The result of a read.
pub enum Heard<T> {
    /// A line or frame.
    This(T),
    /// Nothing in time.
    Nothing,
    /// The connection has ended.
    End,
}

/// A client of one of the line protocols over TCP.
pub struct Lines {
    reader: BufReader<TcpStream>,
    line: Vec<u8>,
}

impl Lines {
    /// Connects.
    pub fn connect(address: SocketAddr) -> io::Result<Lines> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        stream.set_write_timeout(Some(PATIENCE))?;
        Ok(Lines {
            reader: BufReader::new(stream),
            line: Vec::new(),
        })
    }

    /// Connects, logs in and joins a channel.
    pub fn enter(address: SocketAddr, nickname: &str, channel: &str) -> io::Result<Lines> {
        let mut lines = Lines::connect(address)?;
        lines.send(nickname)?;
        lines.send(&format!("/join #{channel}"))?;
        let deadline = Instant::now() + PATIENCE;
        let joined = format!("in #{channel}");
        while Instant::now() < deadline {
            match lines.read(Duration::from_secs(1)) {
                Heard::This(line) if line.contains(&joined) => return Ok(lines),
                Heard::This(_) | Heard::Nothing => {}
                Heard::End => break,
            }
        }
        Err(ErrorKind::ConnectionAborted.into())
    }

    /// Sends a line.
    pub fn send(&mut self, line: &str) -> io::Result<()> {
        self.reader
            .get_mut()
            .write_all(format!("{line}\r\n").as_bytes())
    }

    /// The next line, if one comes within this time.
    pub fn read(&mut self, patience: Duration) -> Heard<String> {
        let patience = patience.max(Duration::from_millis(1));
        if self
            .reader
            .get_ref()
            .set_read_timeout(Some(patience))
            .is_err()
        {
            return Heard::End;
        }
        match self.reader.read_until(b'\n', &mut self.line) {
            // A line without its end was not sent whole.
            Ok(_) if self.line.last() != Some(&b'\n') => Heard::End,
            Ok(_) => {
                let line = String::from_utf8_lossy(&self.line).trim_end().to_owned();
                self.line.clear();
                Heard::This(line)
            }
            Err(error) if is_time_out(&error) => Heard::Nothing,
            Err(_) => Heard::End,
        }
    }
}

fn is_time_out(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut)
}

/// A client of one of the line protocols over a WebSocket.
pub struct Frames {
    socket: WebSocket<TcpStream>,
    /// Further lines of a frame that had several.
    waiting: VecDeque<String>,
}

impl Frames {
    /// Connects.
    pub fn connect(address: SocketAddr, path: &str) -> io::Result<Frames> {
        let socket = open(address, path).ok_or(ErrorKind::ConnectionAborted)?;
        Ok(Frames {
            socket,
            waiting: VecDeque::new(),
        })
    }
}

/// A connection that sends and reads lines over any transport.
pub trait Talk {
    /// Sends a line.
    fn send(&mut self, line: &str) -> io::Result<()>;

    /// The next line, if one comes within this time.
    fn read(&mut self, patience: Duration) -> Heard<String>;
}

impl Talk for Lines {
    fn send(&mut self, line: &str) -> io::Result<()> {
        Lines::send(self, line)
    }

    fn read(&mut self, patience: Duration) -> Heard<String> {
        Lines::read(self, patience)
    }
}

impl Talk for Frames {
    fn send(&mut self, line: &str) -> io::Result<()> {
        let sent = self.socket.send(Message::text(line));
        sent.map_err(|_| ErrorKind::BrokenPipe.into())
    }

    fn read(&mut self, patience: Duration) -> Heard<String> {
        if self.waiting.is_empty() {
            match frame(&mut self.socket, patience) {
                Heard::This(text) => self.waiting.extend(text.lines().map(str::to_owned)),
                Heard::Nothing => return Heard::Nothing,
                Heard::End => return Heard::End,
            }
        }
        self.waiting.pop_front().map_or(Heard::Nothing, Heard::This)
    }
}

fn open(address: SocketAddr, path: &str) -> Option<WebSocket<TcpStream>> {
    let stream = TcpStream::connect(address).ok()?;
    stream.set_nodelay(true).ok()?;
    stream.set_read_timeout(Some(PATIENCE)).ok()?;
    stream.set_write_timeout(Some(PATIENCE)).ok()?;
    let request = format!("ws://{address}{path}").into_client_request();
    let (socket, _) = tungstenite::client(request.ok()?, stream).ok()?;
    Some(socket)
}

/// The text of the next frame, if one comes within this time.
fn frame(socket: &mut WebSocket<TcpStream>, patience: Duration) -> Heard<String> {
    let patience = patience.max(Duration::from_millis(1));
    if socket.get_ref().set_read_timeout(Some(patience)).is_err() {
        return Heard::End;
    }
    match socket.read() {
        Ok(Message::Text(text)) => Heard::This(text.as_str().to_owned()),
        Ok(_) => Heard::Nothing,
        Err(tungstenite::Error::Io(error)) if is_time_out(&error) => Heard::Nothing,
        Err(_) => Heard::End,
    }
}

/// A client of JSON commands.
pub struct Json(WebSocket<TcpStream>);

impl Json {
    /// Gets a token for a nickname, as soon as one is available; `None` at the
    /// end.
    pub fn token(world: &World, nickname: &str) -> Option<String> {
        loop {
            let url = format!("http://{}/auth", world.address("web")?);
            let agent: ureq::Agent = ureq::Agent::config_builder()
                .timeout_global(Some(PATIENCE))
                .build()
                .into();
            if let Ok(mut answer) = agent.post(url).send_form([("nickname", nickname)])
                && let Ok(body) = answer.body_mut().read_to_string()
                && let Ok(body) = serde_json::from_str::<Value>(&body)
                && let Some(token) = body["token"].as_str()
            {
                return Some(token.to_owned());
            }
            world.pause(Duration::from_millis(100));
        }
    }

    /// Connects.
    pub fn connect(address: SocketAddr, token: &str) -> Option<Json> {
        open(address, &format!("/ws?token={token}")).map(Json)
    }

    /// Sends a command; false if the connection has ended.
    pub fn send(&mut self, kind: &str, args: Value) -> bool {
        let frame = json!({ "type": kind, "args": args }).to_string();
        self.0.send(Message::text(frame)).is_ok()
    }

    /// The next frame, if one comes within this time.
    pub fn read(&mut self, patience: Duration) -> Heard<Value> {
        match frame(&mut self.0, patience) {
            Heard::This(text) => serde_json::from_str(&text).map_or(Heard::End, Heard::This),
            Heard::Nothing => Heard::Nothing,
            Heard::End => Heard::End,
        }
    }
}
