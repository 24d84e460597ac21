//! One connection of a person, in any protocol, of which every byte is kept.

use std::net::{Ipv4Addr, SocketAddr};

use serde_json::{Value, json};

use crate::support::{Carrier, JsonClient, LineClient, Server, Tape, User, WsClient};

/// A connection.
pub enum Wire {
    Json(Box<JsonClient>),
    /// The line protocol over telnet.
    Telnet(LineClient),
    /// The line protocol over a WebSocket.
    Socket(Box<WsClient>),
    /// Room lines; in one room for ever.
    Room(LineClient),
    /// The WebSocket for direct messages.
    Direct(Box<WsClient>),
}

/// What came in answer to a command.
#[derive(Default)]
pub struct Answer {
    frames: Vec<Value>,
    lines: Vec<String>,
}

impl Answer {
    /// Why the command was refused.
    pub fn refusal(&self) -> Option<String> {
        let error = self.frames.iter().find(|frame| frame["type"] == "error");
        let line = || self.lines.iter().find(|line| line.starts_with("! "));
        match error {
            Some(error) => Some(error.to_string()),
            None => line().cloned(),
        }
    }

    /// Whether the address has guessed so often that it is told nothing for a while.
    pub fn is_put_off(&self) -> bool {
        let refusal = self.refusal().unwrap_or_default();
        refusal.contains("Too many names and keys")
    }

    /// Whether the command led into a room.
    pub fn joined(&self, room: &str) -> bool {
        let line = format!("* You are now in #{room}");
        let mut frames = self.frames.iter();
        frames.any(|frame| frame["type"] == "joined" && frame["room"] == room)
            || self.lines.iter().any(|it| it.starts_with(&line))
    }

    /// A field of the frame of a type.
    pub fn field(&self, kind: &str, field: &str) -> Option<String> {
        let frame = self.frames.iter().find(|frame| frame["type"] == kind)?;
        Some(frame[field].as_str()?.to_owned())
    }

    pub fn shown(&self) -> String {
        let frames = self.frames.iter().map(Value::to_string);
        frames
            .chain(self.lines.clone())
            .collect::<Vec<_>>()
            .join("\n")
    }
}

/// Whose a socket is: the address that it comes from, and the tape that gets every byte
/// of it. Wrong guesses are counted by address.
#[derive(Clone, Copy)]
pub struct Own<'a> {
    pub address: Ipv4Addr,
    pub tape: &'a Tape,
}

/// A socket to a listener.
fn carrier(address: SocketAddr, own: Own<'_>) -> Carrier {
    Carrier::plain_from(own.address, address).taped(own.tape)
}

impl Wire {
    pub fn json(server: &Server, token: &str, own: Own<'_>) -> Wire {
        let path = format!("/ws?token={token}");
        let socket = WsClient::open_on(carrier(server.web(), own), &path, &[]).unwrap();
        let mut wire = Wire::Json(Box::new(JsonClient(socket)));
        wire.settle();
        wire
    }

    /// With a password for the owner of an account.
    pub fn telnet(server: &Server, nick: &str, password: Option<&str>, own: Own<'_>) -> Wire {
        let mut line = LineClient::on(carrier(server.telnet(), own));
        log_in(&mut line, nick, password);
        Wire::Telnet(line)
    }

    pub fn socket(server: &Server, nick: &str, password: Option<&str>, own: Own<'_>) -> Wire {
        let mut line = WsClient::open_on(carrier(server.web(), own), "/ws", &[]).unwrap();
        log_in(&mut line, nick, password);
        Wire::Socket(Box::new(line))
    }

    pub fn direct(server: &Server, path: &str, own: Own<'_>) -> Wire {
        let socket = WsClient::open_on(carrier(server.web(), own), path, &[]).unwrap();
        let mut wire = Wire::Direct(Box::new(socket));
        wire.settle();
        wire
    }

    /// Asks to be let into a room, and says something there.
    pub fn room(server: &Server, (nick, room): (&str, &str), what: &str, own: Own<'_>) -> Wire {
        let mut line = LineClient::on(carrier(server.address("tcp"), own));
        let hello = json!({ "name": nick, "room": room });
        line.send(&format!("{hello}\n{what}"));
        Wire::Room(line)
    }

    /// Reads room lines up to this one.
    pub fn expect_in_room(&mut self, wanted: &str) {
        if let Wire::Room(line) = self {
            line.expect(wanted);
        }
    }

    /// Reads up to where one is removed from the room of room lines, and goes.
    pub fn expect_removal(mut self) {
        self.expect_in_room("You were removed");
        self.end();
    }

    /// Says something by room lines, and reads up to where it comes back.
    pub fn say_in_room(&mut self, nick: &str, what: &str) {
        if let Wire::Room(line) = self {
            line.send(what);
            line.expect(&format!("{nick}:{what}"));
        }
    }

    /// Reads up to where the server ends a connection with room lines. Returns what
    /// came.
    pub fn expect_end(self) -> Vec<String> {
        match self {
            Wire::Room(mut line) => line.expect_close(),
            _ => Vec::new(),
        }
    }

    /// Sends a JSON command and reads up to the answer and all that came before it.
    pub fn command(&mut self, kind: &str, args: Value) -> Answer {
        if let Wire::Json(client) = self {
            client.send(kind, args);
        }
        self.settle()
    }

    /// Sends a line and reads up to the answer and all that came before it.
    pub fn line(&mut self, text: &str) -> Answer {
        match self {
            Wire::Telnet(line) | Wire::Room(line) => line.send(text),
            Wire::Socket(line) => line.send(text),
            Wire::Json(_) | Wire::Direct(_) => {}
        }
        self.settle()
    }

    /// Sends a direct message to an account and reads up to the answer.
    pub fn direct_message(&mut self, to: &str, text: &str) -> Answer {
        if let Wire::Direct(socket) = self {
            socket.send(&json!({ "recipient": to, "message": text }).to_string());
        }
        self.settle()
    }

    /// Reads all that the server has sent because of what happened until now.
    pub fn settle(&mut self) -> Answer {
        match self {
            Wire::Json(client) => Answer {
                frames: frames_before_marker(client),
                ..Answer::default()
            },
            Wire::Telnet(line) => lines(line.settle()),
            Wire::Socket(line) => lines(line.settle()),
            Wire::Direct(socket) => {
                let none = json!({ "recipient": "nobody at all", "message": "?" });
                socket.send(&none.to_string());
                while let Some(frame) = socket.next_frame() {
                    if frame.contains("\"fail\"") {
                        break;
                    }
                }
                Answer::default()
            }
            // It has no questions.
            Wire::Room(_) => Answer::default(),
        }
    }

    /// Cuts the connection off: the server gets a reset.
    pub fn abort(self) {
        let carrier = match &self {
            Wire::Json(client) => client.0.carrier(),
            Wire::Telnet(line) | Wire::Room(line) => line.carrier(),
            Wire::Socket(socket) | Wire::Direct(socket) => socket.carrier(),
        };
        let at_once = Some(std::time::Duration::ZERO);
        rustix::net::sockopt::set_socket_linger(carrier.stream(), at_once).unwrap();
    }

    /// Says good-bye, and reads to the end.
    pub fn end(self) {
        match self {
            Wire::Json(mut client) => {
                client.send("exit", json!({}));
                while client.next().is_some() {}
            }
            Wire::Telnet(mut line) => {
                line.send("/quit");
                line.expect_close();
            }
            Wire::Socket(mut line) => {
                line.send("/quit");
                line.expect_close();
            }
            Wire::Room(mut line) => {
                line.half_close();
                line.expect_close();
            }
            Wire::Direct(mut socket) => {
                socket.send_frame(tungstenite::Message::Close(None));
                while socket.next_frame().is_some() {}
            }
        }
    }
}

fn lines(lines: Vec<String>) -> Answer {
    Answer {
        lines,
        ..Answer::default()
    }
}

fn frames_before_marker(client: &mut JsonClient) -> Vec<Value> {
    client.send("presence", json!({ "users": [] }));
    let mut frames = Vec::new();
    loop {
        let frame = client.next().expect("closed before the answer");
        if frame["type"] == "presence" {
            return frames;
        }
        frames.push(frame);
    }
}

fn log_in(line: &mut impl User, nick: &str, password: Option<&str>) {
    match password {
        None => line.login(nick),
        Some(password) => {
            line.send(&format!("/login {nick} {password}"));
            line.expect("/help");
            line.settle();
        }
    }
}
