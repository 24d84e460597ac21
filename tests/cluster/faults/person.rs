//! Clients that cannot `resume`: what each sees while connected is one piece of
//! the conversation. Some of them compete for one nickname.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::plan::{PAUSE, Plan, ROOM};
use super::wire::{Ended, Kind, Wire};

/// Pause between two messages.
const PACE: Duration = Duration::from_millis(150);
/// How many messages a client sends before it gives up the contested nickname.
const TURN: usize = 5;
/// The nickname that several clients want.
pub const PRIZE: &str = "prize";

/// A client that talks in the room.
pub struct Person {
    /// The prefix of its messages.
    name: String,
    nickname: String,
    kind: Kind,
    plan: Arc<Plan>,
    at: usize,
    /// It leaves a server that is silent for this long.
    patience: Duration,
    said: usize,
    /// Received messages, one list per connection.
    pub sessions: Vec<Vec<String>>,
}

impl Person {
    pub fn new(name: &str, kind: Kind, plan: &Arc<Plan>, at: usize, patience: Duration) -> Person {
        plan.enter(name);
        Person {
            name: name.to_owned(),
            nickname: name.to_owned(),
            kind,
            plan: plan.clone(),
            at,
            patience,
            said: 0,
            sessions: Vec::new(),
        }
    }

    /// A client that competes for the nickname.
    pub fn contender(name: &str, plan: &Arc<Plan>, at: usize, patience: Duration) -> Person {
        plan.enter(PRIZE);
        Person {
            name: name.to_owned(),
            nickname: PRIZE.to_owned(),
            kind: Kind::Telnet,
            plan: plan.clone(),
            at,
            patience,
            said: 0,
            sessions: Vec::new(),
        }
    }

    /// Runs until enough has been said.
    pub fn run(mut self) -> Person {
        while !self.plan.is_enough() {
            self.plan
                .check_time(|| format!("{} said {}", self.name, self.said));
            if let Some(mut wire) = self.kind.open(self.plan.doors(self.at)) {
                self.sessions.push(Vec::new());
                self.note(&format!("has reached server {}", self.at));
                // Whatever fails, there are other servers.
                let _ = self.visit(&mut wire);
                self.note("leaves");
            }
            self.at += 1;
            std::thread::sleep(PAUSE);
        }
        self
    }

    fn visit(&mut self, wire: &mut Wire) -> Result<(), Ended> {
        self.come_in(wire)?;
        let mut waiting = None;
        let mut confirmed = 0;
        let mut said_at = Instant::now();
        let mut heard_at = Instant::now();
        while waiting.is_some() || !self.is_time_to_leave(confirmed) {
            if waiting.is_none() && said_at.elapsed() >= PACE {
                waiting = Some(self.say(wire)?);
                said_at = Instant::now();
            }
            let Some(lines) = wire.hear()? else {
                if heard_at.elapsed() > self.patience {
                    return Err(Ended);
                }
                continue;
            };
            heard_at = Instant::now();
            for line in lines {
                match self.kind.message(&line) {
                    Some(text) => {
                        if waiting.as_ref() == Some(&text) {
                            waiting = None;
                            confirmed += 1;
                            self.note("is heard");
                            self.plan.done(self.group());
                        }
                        self.hear(text);
                    }
                    None => {
                        self.note(&line);
                        if self.is_refusal(&line) {
                            waiting = None;
                        }
                    }
                }
            }
        }
        Ok(())
    }

    fn is_time_to_leave(&self, confirmed: usize) -> bool {
        self.plan.is_enough() || (self.nickname == PRIZE && confirmed >= TURN)
    }

    fn come_in(&self, wire: &mut Wire) -> Result<(), Ended> {
        if self.kind.is_room() {
            return wire.say(&format!(
                r#"{{"name":"{}","room":"{ROOM}"}}"#,
                self.nickname
            ));
        }
        wire.say(&self.nickname)?;
        let begun = Instant::now();
        loop {
            for line in wire.hear()?.into_iter().flatten() {
                self.note(&line);
                if line.starts_with("! ") {
                    return Err(Ended);
                }
                if line.starts_with("Welcome, ") {
                    return wire.say(&format!("/join #{ROOM}"));
                }
            }
            if begun.elapsed() > self.patience {
                return Err(Ended);
            }
        }
    }

    /// Sends a new text over this connection.
    fn say(&mut self, wire: &mut Wire) -> Result<String, Ended> {
        self.said += 1;
        let text = format!("{}/{} {}", self.name, self.sessions.len(), self.said);
        self.note(&text);
        wire.say(&text)?;
        Ok(format!("{}: {text}", self.nickname))
    }

    fn hear(&mut self, text: String) {
        if let Some(session) = self.sessions.last_mut() {
            session.push(text);
        }
    }

    fn note(&self, what: &str) {
        self.plan.note(&self.name, what);
    }

    /// The name under which this client's progress counts.
    fn group(&self) -> &str {
        if self.nickname == PRIZE {
            PRIZE
        } else {
            &self.name
        }
    }

    /// A room line that is no message is a refusal.
    fn is_refusal(&self, line: &str) -> bool {
        self.kind.is_room() || line.starts_with("! ")
    }
}
