//! Clients that `resume`: JSON clients that go to whichever server works and
//! miss nothing.

use std::net::TcpStream;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use tungstenite::{Message, WebSocket};

use super::plan::{END, PAUSE, Plan, ROOM, connect};

/// A client leaves a server that is silent for this long.
const SILENCE: Duration = Duration::from_secs(4);
/// Pause between two messages.
const PACE: Duration = Duration::from_millis(60);

/// A client that talks in the room.
pub struct Wanderer {
    pub name: String,
    token: String,
    plan: Arc<Plan>,
    at: usize,
    /// Ids, and authors with texts, in the order received.
    pub heard: Vec<(String, String)>,
    /// Messages sent; 0 for a client that only reads.
    pub said: usize,
    is_mute: bool,
    is_acknowledged: bool,
}

type Socket = WebSocket<TcpStream>;
type Talk = Result<(), tungstenite::Error>;

impl Wanderer {
    /// A client that starts at this server.
    pub fn new(name: &str, token: String, plan: &Arc<Plan>, at: usize) -> Wanderer {
        plan.enter(name);
        Wanderer {
            name: name.to_owned(),
            token,
            plan: plan.clone(),
            at,
            heard: Vec::new(),
            said: 0,
            is_mute: false,
            is_acknowledged: true,
        }
    }

    /// A client that comes at the end and reads everything.
    pub fn reader(name: &str, token: String, plan: &Arc<Plan>, at: usize) -> Wanderer {
        Wanderer {
            is_mute: true,
            ..Wanderer::new(name, token, plan, at)
        }
    }

    /// Runs until everything has been said and heard.
    pub fn run(mut self) -> Wanderer {
        while !self.has_all() {
            self.plan.check_time(|| self.report());
            if let Some(mut socket) = self.connect() {
                // Whatever fails, there are other servers.
                let _ = self.talk(&mut socket);
            }
            self.at += 1;
            std::thread::sleep(PAUSE);
        }
        self
    }

    fn has_all(&self) -> bool {
        self.heard
            .last()
            .is_some_and(|(_, text)| text.ends_with(END))
    }

    fn report(&self) -> String {
        let (name, heard, said) = (&self.name, self.heard.len(), self.said);
        let acknowledged = self.is_acknowledged;
        format!("{name} heard {heard}, said {said}, the last acknowledged: {acknowledged}")
    }

    fn connect(&self) -> Option<Socket> {
        let address = self.plan.doors(self.at).web;
        let stream = connect(address, SILENCE)?;
        let url = format!("ws://{address}/ws?token={}", self.token);
        Some(tungstenite::client(url, stream).ok()?.0)
    }

    /// Talks until a connection fails or everything is done.
    fn talk(&mut self, socket: &mut Socket) -> Talk {
        self.resume(socket)?;
        if !self.is_acknowledged {
            self.send(socket)?;
        }
        while !self.has_all() {
            let Message::Text(text) = socket.read()? else {
                // A read returns often enough: pings come every second.
                continue;
            };
            let frame: Value = serde_json::from_str(&text).unwrap();
            match frame["type"].as_str().unwrap_or_default() {
                "message" if frame["room"] == ROOM => self.hear(&frame),
                "resumed" => {
                    assert_eq!(frame["complete"], true, "{}: a gap", self.name);
                    match frame["more"] == true {
                        true => self.resume(socket)?,
                        false if self.is_acknowledged => self.say(socket)?,
                        false => {}
                    }
                }
                "stored" if self.is_about_the_last(&frame) => self.acknowledged(socket)?,
                // Refused for now; the client tries again later.
                "error" if frame["tag"].is_string() => {
                    std::thread::sleep(PAUSE);
                    self.send(socket)?;
                }
                "error" | "bye" => return Ok(()),
                _ => {}
            }
        }
        Ok(())
    }

    fn resume(&self, socket: &mut Socket) -> Talk {
        let after = self.heard.last().map_or("0-0", |(id, _)| id);
        command(socket, "resume", json!({ "room": ROOM, "after": after }))
    }

    fn hear(&mut self, frame: &Value) {
        let text = |field: &str| frame[field].as_str().unwrap().to_owned();
        let said = format!("{}: {}", text("from"), text("body"));
        self.heard.push((text("id"), said));
    }

    fn say(&mut self, socket: &mut Socket) -> Talk {
        if self.is_mute || self.plan.is_enough() {
            self.plan.finish(&self.name);
            return Ok(());
        }
        self.said += 1;
        self.is_acknowledged = false;
        self.send(socket)
    }

    /// Sends the last message, perhaps again.
    fn send(&self, socket: &mut Socket) -> Talk {
        let body = format!("{} {}", self.name, self.said);
        let tag = self.said.to_string();
        let args = json!({ "room": ROOM, "body": body, "tag": tag });
        command(socket, "message", args)
    }

    fn is_about_the_last(&self, frame: &Value) -> bool {
        let tag = frame["tag"].as_str().and_then(|tag| tag.parse().ok());
        tag == Some(self.said)
    }

    fn acknowledged(&mut self, socket: &mut Socket) -> Talk {
        if self.is_acknowledged {
            return Ok(());
        }
        self.is_acknowledged = true;
        self.plan.done(&self.name);
        std::thread::sleep(PACE);
        self.say(socket)
    }
}

fn command(socket: &mut Socket, kind: &str, args: Value) -> Talk {
    let frame = json!({ "type": kind, "args": args });
    socket.send(Message::text(frame.to_string()))
}
