//! Two clients that take no part in any fault, on telnet and JSON: each message
//! answers the one before, and its latency is recorded.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use serde_json::json;

use crate::line::{Heard, Json, Lines, PATIENCE};
use crate::world::World;

/// How often each sends a message: within the usual limits.
const PACE: Duration = Duration::from_millis(60);
const ROOM: &str = "lounge";

/// The outcome of a message.
enum Fate {
    Seen,
    Refused,
    CutOff,
}

struct Pair<'a> {
    world: &'a World,
    /// Distinguishes their nicknames from those of earlier visits.
    visit: u64,
    tim: Lines,
    joy: Json,
}

/// Talks until the end of the soak.
pub fn run(world: &World) {
    let mut number: u64 = 0;
    let mut visit: u64 = 0;
    while !world.is_stopped() {
        visit += 1;
        // The nicknames of lost connections may still be in use for a moment.
        let Some(mut pair) = enter(world, visit) else {
            world.pause(PACE);
            continue;
        };
        let mut was_cut_off = false;
        while !world.is_stopped() && !was_cut_off {
            number += 1;
            was_cut_off = pair.talk(number);
            world.pause(PACE);
        }
        if was_cut_off && world.is_up() {
            world.pause(Duration::from_millis(300));
            // Unless the server was ended just now.
            if world.is_up() && world.fault() != "a restart" && !world.is_stopped() {
                world.found("a bystander was cut off");
            }
        }
    }
}

fn enter(world: &World, visit: u64) -> Option<Pair<'_>> {
    let tim = Lines::enter(world.address("telnet")?, &format!("tim{visit}"), ROOM).ok()?;
    let token = Json::token(world, &format!("joy{visit}"))?;
    let mut joy = Json::connect(world.address("web")?, &token)?;
    joy.send("join", json!({ "room": ROOM }));
    let deadline = Instant::now() + PATIENCE;
    while Instant::now() < deadline {
        match joy.read(Duration::from_secs(1)) {
            Heard::This(frame) if frame["type"] == "joined" && frame["room"] == ROOM => {
                return Some(Pair {
                    world,
                    visit,
                    tim,
                    joy,
                });
            }
            Heard::This(_) | Heard::Nothing => {}
            Heard::End => return None,
        }
    }
    None
}

impl Pair<'_> {
    /// One message of each; true if a connection ended.
    fn talk(&mut self, number: u64) -> bool {
        for of_tim in [true, false] {
            let fault = self.world.fault();
            let name = format!("{}{}", if of_tim { "tim" } else { "joy" }, self.visit);
            let text = format!("{name}-{number}");
            let sent = Instant::now();
            let is_sent = if of_tim {
                self.tim.send(&text).is_ok()
            } else {
                self.joy
                    .send("message", json!({ "room": ROOM, "body": text }))
            };
            if !is_sent {
                return true;
            }
            self.world.sent.fetch_add(1, Ordering::Relaxed);
            // The sender first: other readers may expect the message only once
            // its sender got it.
            for reader in [of_tim, !of_tim] {
                let fate = if reader {
                    self.tim_hears(&text)
                } else {
                    self.joy_hears(&text)
                };
                match fate {
                    // Counts only if the same fault was going on all the while.
                    Fate::Seen => {
                        let acknowledged = u64::from(reader == of_tim);
                        let counts = &self.world.acknowledged;
                        counts.fetch_add(acknowledged, Ordering::Relaxed);
                        self.world.delivered.fetch_add(1, Ordering::Relaxed);
                        if self.world.fault() == fault {
                            self.world.took(fault, sent.elapsed());
                        }
                    }
                    Fate::Refused => break,
                    Fate::CutOff => return true,
                }
            }
        }
        false
    }

    fn tim_hears(&mut self, text: &str) -> Fate {
        // Skips the history, and notices of joins and leaves.
        let names = ["tim", "joy"].map(|name| format!(" @{name}{}: ", self.visit));
        let deadline = Instant::now() + PATIENCE;
        while Instant::now() < deadline {
            match self.tim.read(Duration::from_millis(200)) {
                Heard::This(line) if line.contains("could not be stored") => return Fate::Refused,
                Heard::This(line) if names.iter().any(|name| line.contains(name)) => {
                    return self.as_expected("tim", text, line.split(": ").nth(1));
                }
                Heard::This(_) | Heard::Nothing => {}
                Heard::End => return Fate::CutOff,
            }
        }
        self.world.found(format!("tim never got {text}"));
        Fate::CutOff
    }

    fn joy_hears(&mut self, text: &str) -> Fate {
        let deadline = Instant::now() + PATIENCE;
        while Instant::now() < deadline {
            match self.joy.read(Duration::from_millis(200)) {
                Heard::This(frame) if frame["code"] == "not_stored" => return Fate::Refused,
                Heard::This(frame) if frame["type"] == "message" && frame["room"] == ROOM => {
                    return self.as_expected("joy", text, frame["body"].as_str());
                }
                Heard::This(_) | Heard::Nothing => {}
                Heard::End => return Fate::CutOff,
            }
        }
        self.world.found(format!("joy never got {text}"));
        Fate::CutOff
    }

    fn as_expected(&self, who: &str, expected: &str, found: Option<&str>) -> Fate {
        if found != Some(expected) {
            let what = format!("{who} expected {expected}, not {found:?}");
            self.world.found(what);
        }
        Fate::Seen
    }
}
