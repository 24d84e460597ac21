//! How a client comes in, protocol by protocol.

use std::time::{Duration, Instant};

use data_encoding::BASE64;
use serde_json::json;
use tungstenite::protocol::frame::coding::{Control, OpCode};

use super::error::{BenchError, Step};
use super::protocol::{PING, Protocol, frame};
use super::swarm::Swarm;

/// As much of what a server says as is kept to tell people.
const HEARD: usize = 2048;
/// Where somebody is going.
pub(super) struct Way {
    /// Who.
    pub(super) nickname: String,
    /// Into which room or to whom, if anywhere.
    pub(super) place: Option<String>,
    /// What proves who it is, where that has to be.
    pub(super) token: Option<String>,
}

/// What they have come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// They are on their way.
    Underway,
    /// They are where they wanted to be.
    Inside,
    /// They may not come in.
    Refused,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// Asks for a token.
    Token,
    /// Asks to speak WebSocket.
    Upgrade,
    /// Waits for the first words, which may have no line end.
    Greeting,
    /// Has said who it is.
    Named,
    /// Has asked to be let into the room.
    Joining,
    Inside,
}

/// A client on its way in.
pub(super) struct Entering {
    protocol: Protocol,
    way: Way,
    stage: Stage,
    /// Since when.
    pub(super) since: Instant,
    /// What is not understood yet.
    heard: Vec<u8>,
    last_line: String,
}

impl Entering {
    /// Connects a client, whose time counts from `since`. Returns its index,
    /// too.
    pub(super) fn begin(
        swarm: &mut Swarm,
        mut way: Way,
        since: Instant,
    ) -> Result<(usize, Entering), BenchError> {
        let protocol = swarm.protocol;
        if matches!(protocol, Protocol::Room | Protocol::RoomWs) {
            // Nobody is nowhere there.
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

    /// Says the next thing, if `text` is what was waited for.
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
            // Or what it says to those it sends away.
            self.last_line = String::from_utf8_lossy(&self.heard).into_owned();
            self.heard.clear();
            self.stage = Stage::Named;
            self.tell(swarm, index, &self.way.nickname)?;
        }
        self.take_lines(swarm, index)
    }

    /// What was said to it, as far as it was not what was waited for.
    pub(super) fn heard(&self) -> String {
        let rest = String::from_utf8_lossy(&self.heard);
        let rest: String = rest.chars().take(HEARD).collect();
        match rest.trim().is_empty() {
            true => self.last_line.clone(),
            false => rest,
        }
    }

    /// Why it may not come in, after so many others.
    pub(super) fn refusal(&self, inside: usize) -> BenchError {
        BenchError::Refused {
            step: Step::Login,
            inside,
            heard: self.heard(),
        }
    }

    /// Whether it is where it wanted to be.
    pub(super) fn is_inside(&self) -> bool {
        self.stage == Stage::Inside
    }

    /// How long it has taken.
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
        // Whatever else it says ends with the end of the connection.
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
                // Nobody says anything there to those who come in, but who is
                // answered is in.
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

    /// What is in the line with which the present stage is over.
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

/// Whether a line says that somebody may not come in.
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
