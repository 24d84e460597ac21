//! All other clients: clients that talk, on every protocol, idle clients, and
//! clients that connect and disconnect.

use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use serde_json::json;

use crate::line::{Frames, Heard, Json, Lines, Talk};
use crate::world::World;

/// Channels for clients that talk.
const CHANNELS: usize = 12;
/// How often a talker sends a message.
const PACE: Duration = Duration::from_millis(900);
/// The longest visit of a client that connects and disconnects.
const VISIT: Duration = Duration::from_millis(400);

/// Talks in a channel and checks that every speaker's numbers rise.
pub fn talk(world: &World, number: usize) {
    let channel = format!("room{}", number % CHANNELS);
    let mut visit = 0;
    while !world.is_stopped() {
        visit += 1;
        let nickname = format!("talker{number}v{visit}");
        let entered = match number % 4 {
            0 => enter_frames(world, &nickname, &channel),
            1 => enter_room_frames(world, &nickname, &channel),
            2 => enter_room(world, &nickname, &channel),
            _ => enter(world, &nickname, &channel),
        };
        match entered {
            Ok(mut lines) => converse(world, lines.as_mut(), &nickname),
            Err(_) => world.pause(Duration::from_millis(200)),
        }
    }
}

type Entered = io::Result<Box<dyn Talk>>;

/// A listener's address; an error once the client must end.
fn address(world: &World, name: &str) -> io::Result<SocketAddr> {
    let gone = io::ErrorKind::Interrupted;
    world.address(name).ok_or_else(|| gone.into())
}

fn enter(world: &World, nickname: &str, channel: &str) -> Entered {
    let lines = Lines::enter(address(world, "telnet")?, nickname, channel)?;
    Ok(Box::new(lines))
}

fn enter_frames(world: &World, nickname: &str, channel: &str) -> Entered {
    let mut frames = Frames::connect(address(world, "web")?, "/ws")?;
    frames.send(nickname)?;
    frames.send(&format!("/join #{channel}"))?;
    Ok(Box::new(frames))
}

fn enter_room(world: &World, nickname: &str, room: &str) -> Entered {
    let mut lines = Lines::connect(address(world, "tcp")?)?;
    lines.send(&json!({ "name": nickname, "room": room }).to_string())?;
    Ok(Box::new(lines))
}

fn enter_room_frames(world: &World, nickname: &str, room: &str) -> Entered {
    let mut frames = Frames::connect(address(world, "ws")?, "/mychat")?;
    frames.send(&json!({ "name": nickname, "room": room }).to_string())?;
    Ok(Box::new(frames))
}

fn converse(world: &World, lines: &mut dyn Talk, nickname: &str) {
    let mut number = 0;
    let mut last_of: HashMap<String, u64> = HashMap::new();
    let mut due = Instant::now();
    while !world.is_stopped() {
        if Instant::now() >= due {
            number += 1;
            if lines.send(&format!("{nickname}={number}")).is_err() {
                return;
            }
            world.sent.fetch_add(1, Ordering::Relaxed);
            due += PACE;
        }
        let wait = due.saturating_duration_since(Instant::now());
        match lines.read(wait) {
            Heard::This(line) => {
                let Some((speaker, said)) = numbered(&line) else {
                    continue;
                };
                world.delivered.fetch_add(1, Ordering::Relaxed);
                if speaker == nickname {
                    world.acknowledged.fetch_add(1, Ordering::Relaxed);
                }
                // Refused messages leave gaps; but no number may come twice or
                // out of order.
                let last = last_of.entry(speaker.to_owned()).or_insert(0);
                if said <= *last {
                    world.doubled.fetch_add(1, Ordering::Relaxed);
                    world.found(format!("{nickname} got {speaker}={said} after {last}"));
                }
                *last = said;
            }
            Heard::Nothing => {}
            Heard::End => return,
        }
    }
}

/// Speaker and number of a message, in any of the line protocols.
fn numbered(line: &str) -> Option<(&str, u64)> {
    let (_, text) = line.rsplit_once(':')?;
    let (speaker, number) = text.trim().split_once('=')?;
    let is_talker = speaker.starts_with("talker");
    is_talker.then_some((speaker, number.parse().ok()?))
}

/// Keeps many idle connections.
pub fn sit(world: &World, connections: usize) {
    let mut visit = 0;
    while !world.is_stopped() {
        visit += 1;
        let mut inside = Vec::new();
        for number in 0..connections {
            let Some(address) = world.address("telnet") else {
                return;
            };
            let Ok(mut lines) = Lines::connect(address) else {
                break;
            };
            if lines.send(&format!("quiet{number}v{visit}")).is_err() {
                break;
            }
            inside.push(lines);
        }
        while !world.is_stopped() && world.is_up() {
            world.pause(Duration::from_millis(100));
        }
    }
}

/// Connects and disconnects, on every protocol in turn.
pub fn come_and_go(world: &World, number: usize) {
    let mut visit = 0;
    while !world.is_stopped() {
        visit += 1;
        let nickname = format!("guest{number}v{visit}");
        match visit % 3 {
            0 => drop(enter_room(world, &nickname, "visits")),
            1 => drop(enter(world, &nickname, "visits")),
            _ => {
                let Some(token) = Json::token(world, &nickname) else {
                    return;
                };
                let Some(address) = world.address("web") else {
                    return;
                };
                if let Some(mut json) = Json::connect(address, &token) {
                    json.send("join", json!({ "room": "visits" }));
                    json.read(VISIT);
                }
            }
        }
        world.pause(Duration::from_millis(30));
    }
}
