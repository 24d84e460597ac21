//! Those who cannot `resume`: what they see while they are connected is one
//! piece of what was said. Some of them all want the same nickname.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::plan::{PAUSE, Plan, ROOM};
use super::wire::{Ended, Kind, Wire};

/// Between two things somebody says.
const PACE: Duration = Duration::from_millis(150);
/// How long anybody keeps a nickname that others want.
const TURN: usize = 5;
/// The nickname that several want.
pub const PRIZE: &str = "prize";

/// Somebody who talks in the room.
pub struct Person {
    /// What their messages begin with.
    name: String,
    nickname: String,
    kind: Kind,
    plan: Arc<Plan>,
    at: usize,
    /// A server that says nothing for so long is left for another.
    patience: Duration,
    said: usize,
    /// What came, connection by connection.
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

    /// One of those who want the nickname.
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

    /// Until enough was said.
    pub fn run(mut self) -> Person {
        while !self.plan.is_enough() {
            self.plan
                .check_time(|| format!("{} said {}", self.name, self.said));
            if let Some(mut wire) = self.kind.open(self.plan.doors(self.at)) {
                self.sessions.push(Vec::new());
                self.note(&format!("has reached server {}", self.at));
                // Whatever goes wrong, there are other servers.
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

    /// Says something nobody has said before, on this connection.
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

    /// Who has got something done when this one has.
    fn group(&self) -> &str {
        match self.nickname == PRIZE {
            true => PRIZE,
            false => &self.name,
        }
    }

    /// Room lines have nothing else that is no message.
    fn is_refusal(&self, line: &str) -> bool {
        self.kind.is_room() || line.starts_with("! ")
    }
}
