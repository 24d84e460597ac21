//! Resuming clients: JSON clients that get every message of their room in
//! order, once, through every disconnect, kill and stop.

use std::collections::HashSet;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::line::{Heard, Json, PATIENCE};
use crate::world::World;

const ROOM: &str = "ledger";
/// How often each sends a message.
const PACE: Duration = Duration::from_millis(150);

/// A client and everything it has seen.
pub struct Book<'a> {
    world: &'a World,
    nickname: String,
    token: String,
    last: String,
    seen: Vec<String>,
    /// The number of the next message, or of the one in flight.
    next: usize,
    under_way: bool,
    /// Messages confirmed as stored.
    stored: usize,
}

impl<'a> Book<'a> {
    /// Keeps a book until the end of the soak.
    pub fn keep(world: &'a World, number: usize) -> Option<Book<'a>> {
        let nickname = format!("clerk{number}");
        let mut book = Book {
            world,
            token: Json::token(world, &nickname)?,
            nickname,
            last: "0-0".to_owned(),
            seen: Vec::new(),
            next: 0,
            under_way: false,
            stored: 0,
        };
        while !world.is_stopped() {
            let Some(address) = world.address("web") else {
                break;
            };
            match Json::connect(address, &book.token) {
                Some(mut json) => book.sit(&mut json),
                None => world.pause(Duration::from_millis(50)),
            }
        }
        Some(book)
    }

    /// Reads what is still missing at the end, when no client writes any more.
    pub fn close(&mut self, address: std::net::SocketAddr) {
        let json = Json::connect(address, &self.token);
        let Some(mut json) = json else {
            return self
                .world
                .found(format!("{} cannot come back", self.nickname));
        };
        if !self.catch_up(&mut json) {
            self.world
                .found(format!("{} cannot catch up", self.nickname));
        }
    }

    /// Compares all books.
    pub fn audit(world: &World, books: &[Book<'_>]) {
        let Some(first) = books.first() else { return };
        println!(
            "ledger: {} messages, {} books",
            first.seen.len(),
            books.len()
        );
        let different: HashSet<&String> = first.seen.iter().collect();
        let doubled = first.seen.len() - different.len();
        world.doubled.fetch_add(doubled as u64, Ordering::Relaxed);
        for book in books {
            if book.seen != first.seen {
                let at = book
                    .seen
                    .iter()
                    .zip(&first.seen)
                    .take_while(|(a, b)| a == b);
                world.found(format!(
                    "{} has {} messages, {} has {}; they differ from number {} on",
                    book.nickname,
                    book.seen.len(),
                    first.nickname,
                    first.seen.len(),
                    at.count()
                ));
            }
            let prefix = format!("{}:", book.nickname);
            let own = first.seen.iter().filter(|text| text.starts_with(&prefix));
            let own: Vec<&String> = own.collect();
            let expected = (0..own.len()).map(|number| book.text(number));
            if !expected.eq(own.iter().copied().cloned()) {
                world.found(format!("{}: lost, doubled or swapped", book.nickname));
            }
            let lost = book.stored.saturating_sub(own.len());
            world.lost.fetch_add(lost as u64, Ordering::Relaxed);
            if lost > 0 {
                let what = format!(
                    "{}: {} stored, {} there",
                    book.nickname,
                    book.stored,
                    own.len()
                );
                world.found(what);
            }
        }
    }

    fn text(&self, number: usize) -> String {
        format!("{}:{number}", self.nickname)
    }

    /// Reads and writes for as long as the connection lasts.
    fn sit(&mut self, json: &mut Json) {
        if !self.catch_up(json) {
            return;
        }
        // The message in flight has arrived, or must be sent again.
        if self.under_way && self.seen.contains(&self.text(self.next)) {
            self.next += 1;
        }
        self.under_way = false;
        let mut due = Instant::now();
        let mut answer_due = Instant::now();
        // The clients also disconnect by themselves now and then.
        let leave = Instant::now() + Duration::from_secs(5 + self.next as u64 % 7);
        while !self.world.is_stopped() && (Instant::now() < leave || self.under_way) {
            if !self.under_way && Instant::now() >= due {
                let text = self.text(self.next);
                let args = json!({ "room": ROOM, "body": text, "tag": text });
                self.under_way = true;
                if !json.send("message", args) {
                    return;
                }
                self.world.sent.fetch_add(1, Ordering::Relaxed);
                due = Instant::now() + PACE;
                answer_due = Instant::now() + PATIENCE;
            }
            match json.read(Duration::from_millis(50)) {
                Heard::This(frame) => self.take(&frame),
                Heard::Nothing => {}
                Heard::End => return,
            }
            if self.under_way && Instant::now() > answer_due {
                let what = format!("{} was never told about a message", self.nickname);
                return self.world.found(what);
            }
        }
    }

    fn resume(&self, json: &mut Json) -> bool {
        json.send("resume", json!({ "room": ROOM, "after": self.last }))
    }

    /// Reads until nothing is missing; false if the connection ended first.
    fn catch_up(&mut self, json: &mut Json) -> bool {
        let deadline = Instant::now() + PATIENCE;
        let mut is_asked = self.resume(json);
        while is_asked && Instant::now() < deadline {
            match json.read(Duration::from_secs(1)) {
                Heard::This(frame) if frame["type"] == "resumed" => {
                    if frame["complete"] != true {
                        self.world.found(format!("{}: {frame}", self.nickname));
                    }
                    if frame["more"] != true {
                        return true;
                    }
                    is_asked = self.resume(json);
                }
                Heard::This(frame) if frame["code"] == "history_unavailable" => {
                    self.world.pause(Duration::from_millis(100));
                    is_asked = self.resume(json);
                }
                Heard::This(frame) => self.take(&frame),
                Heard::Nothing => {}
                Heard::End => return false,
            }
        }
        false
    }

    fn take(&mut self, frame: &Value) {
        match frame["type"].as_str() {
            Some("message") if frame["room"] == ROOM => {
                self.world.delivered.fetch_add(1, Ordering::Relaxed);
                let text = |field: &str| frame[field].as_str().unwrap_or_default().to_owned();
                self.last = text("id");
                self.seen.push(text("body"));
            }
            Some("stored") if frame["tag"] == self.text(self.next) => {
                self.next += 1;
                self.stored = self.next;
                self.under_way = false;
                self.world.acknowledged.fetch_add(1, Ordering::Relaxed);
            }
            // Refused: the message is sent again.
            Some("error") if frame["code"] == "not_stored" => self.under_way = false,
            Some("error") => self.world.found(format!("{}: {frame}", self.nickname)),
            _ => {}
        }
    }
}
