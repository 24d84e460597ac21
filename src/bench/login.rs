//! How a client logs in, protocol by protocol.

use std::time::{Duration, Instant};

use data_encoding::BASE64;
use serde_json::json;
use tungstenite::protocol::frame::coding::{Control, OpCode};

use super::error::{BenchError, Step};
use super::protocol::{PING, Protocol, frame};
use super::swarm::Swarm;

/// The part of the server's words that is kept for error messages.
const HEARD: usize = 2048;
/// The login that a client is to make.
pub(super) struct Way {
    /// The nickname.
    pub(super) nickname: String,
    /// The room, or the nickname to talk to, if any.
    pub(super) place: Option<String>,
    /// The token, where one is needed.
    pub(super) token: Option<String>,
}

/// The state of a login.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// The login is in progress.
    Underway,
    /// The client is where it should be.
    Inside,
    /// The client was refused.
    Refused,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// Asks for a token.
    Token,
    /// Asks for a WebSocket.
    Upgrade,
    /// Waits for the greeting, which may have no line end.
    Greeting,
    /// Has sent its nickname.
    Named,
    /// Has asked to join the room.
    Joining,
    Inside,
}

/// A client that is logging in.
pub(super) struct Entering {
    protocol: Protocol,
    way: Way,
    stage: Stage,
    /// When it began.
    pub(super) since: Instant,
    /// Text that has not been recognised yet.
    heard: Vec<u8>,
    last_line: String,
}

impl Entering {
    /// Connects a client, whose time counts from `since`. Returns its index, too.
    pub(super) fn begin(
        swarm: &mut Swarm,
        mut way: Way,
        since: Instant,
    ) -> Result<(usize, Entering), BenchError> {
        let protocol = swarm.protocol;
        if matches!(protocol, Protocol::Room | Protocol::RoomWs) {
            // There a client is always somewhere.
            way.place.get_or_insert_with(|| way.nickname.clone());
        }
        let index = swarm.connect(way.place.clone().unwrap_or_default())?;
        let mut entering = Entering {
            protocol,
            way,
            stage: Stage::Greeting,
            since,
            heard: Vec::new(),
            last_line: String::new(),
        };
        entering.speak_first(swarm, index)?;
        Ok((index, entering))
    }

    fn speak_first(&mut self, swarm: &mut Swarm, index: usize) -> Result<(), BenchError> {
        let nickname = &self.way.nickname;
        let first = match self.protocol {
            Protocol::Telnet => return Ok(()),
            Protocol::Ws => {
                self.stage = Stage::Upgrade;
                upgrade_request("/ws")
            }
            Protocol::RoomWs => {
                self.stage = Stage::Upgrade;
                upgrade_request("/mychat")
            }
            Protocol::Json => {
                self.stage = Stage::Token;
                token_request(nickname)
            }
            Protocol::Api => {
                self.stage = Stage::Upgrade;
                let token = self.way.token.as_deref().unwrap_or_default();
                upgrade_request(&format!("/api/ws?token={token}"))
            }
            Protocol::Room => {
                self.stage = Stage::Joining;
                format!("{}\nhello\n", self.room_hello()).into_bytes()
            }
            Protocol::Irc => {
                self.stage = Stage::Named;
                format!("NICK {nickname}\r\nUSER {nickname} 0 * :{nickname}\r\n").into_bytes()
            }
        };
        swarm.send(index, &first)
    }

    /// Takes the next step, if `text` is what was waited for.
    pub(super) fn advance(
        &mut self,
        swarm: &mut Swarm,
        index: usize,
        text: &[u8],
    ) -> Result<Outcome, BenchError> {
        if self.stage == Stage::Inside {
            swarm.still_open(index, text)?;
            return Ok(Outcome::Underway);
        }
        if text.is_empty() {
            return Ok(Outcome::Refused);
        }
        self.heard.extend_from_slice(text);
        match self.stage {
            Stage::Token => self.take_token(swarm, index)?,
            Stage::Upgrade => self.take_upgrade(swarm, index)?,
            _ => {}
        }
        if self.stage == Stage::Greeting && !self.heard.is_empty() {
            // Or the words with which it refuses.
            self.last_line = String::from_utf8_lossy(&self.heard).into_owned();
            self.heard.clear();
            self.stage = Stage::Named;
            self.tell(swarm, index, &self.way.nickname)?;
        }
        self.take_lines(swarm, index)
    }

    /// What the server said apart from what was waited for.
    pub(super) fn heard(&self) -> String {
        let rest = String::from_utf8_lossy(&self.heard);
        let rest: String = rest.chars().take(HEARD).collect();
        match rest.trim().is_empty() {
            true => self.last_line.clone(),
            false => rest,
        }
    }

    /// Why it was refused, after that many others succeeded.
    pub(super) fn refusal(&self, inside: usize) -> BenchError {
        BenchError::Refused {
            step: Step::Login,
            inside,
            heard: self.heard(),
        }
    }

    /// Whether it is where it should be.
    pub(super) fn is_inside(&self) -> bool {
        self.stage == Stage::Inside
    }

    /// How long it took.
    pub(super) fn took(&self) -> Duration {
        self.since.elapsed()
    }

    fn take_token(&mut self, swarm: &mut Swarm, index: usize) -> Result<(), BenchError> {
        let heard = String::from_utf8_lossy(&self.heard);
        let rest = heard.split_once("\"token\":\"").map(|(_, rest)| rest);
        let Some((token, _)) = rest.and_then(|rest| rest.split_once('"')) else {
            return Ok(());
        };
        let request = upgrade_request(&format!("/ws?token={token}"));
        swarm.reconnect(index)?;
        self.heard.clear();
        self.stage = Stage::Upgrade;
        swarm.send(index, &request)
    }

    fn take_upgrade(&mut self, swarm: &mut Swarm, index: usize) -> Result<(), BenchError> {
        let Some(end) = memchr::memmem::find(&self.heard, b"\r\n\r\n") else {
            return Ok(());
        };
        // Any other answer ends with the connection.
        if !self.heard.starts_with(b"HTTP/1.1 101 ") {
            return Ok(());
        }
        let frames = self.heard.split_off(end + 4);
        self.heard.clear();
        swarm.upgrade(index, &frames, &mut self.heard)?;
        match self.protocol {
            Protocol::RoomWs => {
                self.stage = Stage::Joining;
                self.tell(swarm, index, &self.room_hello())?;
                self.tell(swarm, index, "hello")
            }
            Protocol::Json => {
                self.stage = Stage::Named;
                Ok(())
            }
            Protocol::Api => {
                // There a newcomer is told nothing, but a client that gets an answer is in.
                self.stage = Stage::Joining;
                let mut ping = Vec::new();
                frame(OpCode::Control(Control::Ping), PING.as_bytes(), &mut ping);
                swarm.send(index, &ping)
            }
            _ => {
                self.stage = Stage::Greeting;
                Ok(())
            }
        }
    }

    fn take_lines(&mut self, swarm: &mut Swarm, index: usize) -> Result<Outcome, BenchError> {
        if !matches!(self.stage, Stage::Named | Stage::Joining) {
            return Ok(Outcome::Underway);
        }
        let heard = std::mem::take(&mut self.heard);
        let mut rest = heard.as_slice();
        while let Some(end) = memchr::memchr(b'\n', rest) {
            let (line, more) = rest.split_at(end + 1);
            rest = more;
            let outcome = self.take_line(swarm, index, &String::from_utf8_lossy(line))?;
            if outcome != Outcome::Underway {
                return Ok(outcome);
            }
        }
        self.heard = rest.to_vec();
        Ok(Outcome::Underway)
    }

    fn take_line(
        &mut self,
        swarm: &mut Swarm,
        index: usize,
        line: &str,
    ) -> Result<Outcome, BenchError> {
        self.last_line = line.chars().take(HEARD).collect();
        if refuses(self.protocol, line) {
            return Ok(Outcome::Refused);
        }
        if !line.contains(&self.awaited()) {
            return Ok(Outcome::Underway);
        }
        let Some(room) = self
            .way
            .place
            .as_ref()
            .filter(|_| self.stage == Stage::Named)
        else {
            self.stage = Stage::Inside;
            return Ok(Outcome::Inside);
        };
        let join = match self.protocol {
            Protocol::Json => json!({ "type": "join", "args": { "room": room } }).to_string(),
            Protocol::Irc => format!("JOIN #{room}"),
            _ => format!("/join #{room}"),
        };
        self.stage = Stage::Joining;
        self.tell(swarm, index, &join)?;
        Ok(Outcome::Underway)
    }

    /// A text in the line that ends the present stage.
    fn awaited(&self) -> String {
        let room = self.way.place.as_deref().unwrap_or_default();
        let joining = self.stage == Stage::Joining;
        match self.protocol {
            Protocol::Telnet | Protocol::Ws if joining => format!("#{room}"),
            Protocol::Telnet | Protocol::Ws => "/help".to_owned(),
            Protocol::Json if joining => format!("\"room\":\"{room}\""),
            Protocol::Json => "\"type\":\"welcome\"".to_owned(),
            Protocol::Api => PING.to_owned(),
            Protocol::Room | Protocol::RoomWs => format!("{}:hello", self.way.nickname),
            Protocol::Irc if joining => " 366 ".to_owned(),
            Protocol::Irc => " 001 ".to_owned(),
        }
    }

    fn tell(&self, swarm: &mut Swarm, index: usize, line: &str) -> Result<(), BenchError> {
        let mut bytes = Vec::new();
        self.protocol.line(line, &mut bytes);
        swarm.send(index, &bytes)
    }

    fn room_hello(&self) -> String {
        json!({ "name": self.way.nickname, "room": self.way.place }).to_string()
    }
}

/// Whether a line refuses the client.
fn refuses(protocol: Protocol, line: &str) -> bool {
    match protocol {
        Protocol::Telnet | Protocol::Ws => line.starts_with("! "),
        Protocol::Json => line.contains("\"type\":\"error\""),
        Protocol::Room | Protocol::RoomWs | Protocol::Api => false,
        Protocol::Irc => {
            let mut words = line.split(' ');
            let first = words.next();
            let code = words.next().and_then(|word| word.parse::<u16>().ok());
            // 422: there is no message of the day.
            first == Some("ERROR")
                || code.is_some_and(|code| (400..600).contains(&code) && code != 422)
        }
    }
}

fn upgrade_request(path: &str) -> Vec<u8> {
    let key = BASE64.encode(&[b'k'; 16]);
    format!(
        "GET {path} HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n\
         Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\n\r\n"
    )
    .into_bytes()
}

fn token_request(nickname: &str) -> Vec<u8> {
    let body = format!("nickname={nickname}");
    format!(
        "POST /auth HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\
         Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}
