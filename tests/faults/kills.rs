//! The server ends at any moment, cleanly or by a kill.

use std::sync::mpsc::{Sender, channel};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use rustix::process::Signal;
use serde_json::{Value, json};

use crate::random;
use crate::support::{DEADLINE, JsonClient, Server};

/// Half of them SIGKILL, half SIGTERM.
const ROUNDS: usize = 16;
/// Longest time from the first message that is stored in a round to the next end, in milliseconds.
const LONGEST_MS: u64 = 100;

/// A client that loses its connection with the server and resumes.
struct Person {
    nickname: &'static str,
    token: String,
    last: String,
    /// Every message seen, in order.
    seen: Vec<String>,
    /// The number of the next message, or of the one in flight.
    next: usize,
    /// Messages confirmed as stored.
    stored: usize,
}

#[test]
fn through_kills_and_stops_everybody_has_every_message_in_order_once() {
    let mut server = Server::start(|config| {
        config["limits"]["message_rate"] = 0.into();
        config["limits"]["auth_attempts"] = 0.into();
    });
    let mut people: Vec<Person> = ["ann", "ben", "cem"]
        .into_iter()
        .map(|nickname| Person {
            nickname,
            token: JsonClient::token(&server, nickname),
            last: "0-0".to_owned(),
            seen: Vec::new(),
            next: 0,
            stored: 0,
        })
        .collect();
    for round in 0..ROUNDS {
        let (begun, has_begun) = channel();
        let talks: Vec<JoinHandle<Person>> = people
            .into_iter()
            .map(|person| {
                let client = JsonClient::open(&server, &person.token);
                let begun = begun.clone();
                thread::spawn(move || person.talk(client, &begun))
            })
            .collect();
        // Now and then the end comes before any is stored.
        if round % 5 != 0 {
            has_begun.recv_timeout(DEADLINE).expect("someone talks");
        }
        // A random moment is the point of the test.
        thread::sleep(Duration::from_millis(random(LONGEST_MS)));
        if round % 2 == 0 {
            server.kill();
        } else {
            server.signal(Signal::TERM);
            assert!(server.wait_exit().success(), "{}", server.output());
        }
        people = talks.into_iter().map(|talk| talk.join().unwrap()).collect();
        server.start_again();
    }
    for person in &mut people {
        let mut client = JsonClient::open(&server, &person.token);
        person.resume(&mut client);
        person.catch_up(&mut client).expect("the server lives");
    }
    let all = &people[0].seen;
    for person in &people {
        assert!(
            person.seen == *all,
            "{} saw something else",
            person.nickname
        );
        let own = all.iter().filter(|text| text.starts_with(person.nickname));
        let own: Vec<&String> = own.collect();
        // Each sent its messages in this order; the last one may be lost on its
        // way to the server, as it was never confirmed.
        let expected: Vec<String> = (0..own.len()).map(|n| person.text(n)).collect();
        assert!(own.iter().copied().eq(&expected), "{own:?}");
        assert!(own.len() >= person.stored, "{} lost one", person.nickname);
        println!("{}: {} messages", person.nickname, own.len());
    }
    assert!(all.len() >= ROUNDS / 2, "hardly any message was sent");
}

impl Person {
    fn text(&self, number: usize) -> String {
        format!("{} {number}", self.nickname)
    }

    /// Until the connection ends: first the missed messages, then one message
    /// after another, each after the one before was confirmed. Says when one is.
    fn talk(mut self, mut client: JsonClient, begun: &Sender<()>) -> Person {
        self.resume(&mut client);
        if self.catch_up(&mut client).is_none() {
            return self;
        }
        // After a restart tags are forgotten: the history tells whether it
        // arrived.
        let text = self.text(self.next);
        if self.seen.contains(&text) {
            self.next += 1;
        }
        while self.send(&mut client) {
            loop {
                let Some(frame) = client.next() else {
                    return self;
                };
                self.take(&frame);
                if frame["type"] == "stored" {
                    assert_eq!(frame["tag"], self.text(self.next).replace(' ', "-"));
                    self.next += 1;
                    self.stored = self.next;
                    // The other end may listen no more.
                    let _ = begun.send(());
                    break;
                }
            }
        }
        // Messages that arrived before the end count as seen.
        while let Some(frame) = client.next() {
            self.take(&frame);
        }
        self
    }

    fn send(&self, client: &mut JsonClient) -> bool {
        let text = self.text(self.next);
        let tag = text.replace(' ', "-");
        let args = json!({ "room": "dev", "body": text, "tag": tag });
        client
            .0
            .try_send(&json!({ "type": "message", "args": args }).to_string())
    }

    fn resume(&self, client: &mut JsonClient) {
        let args = json!({ "room": "dev", "after": self.last });
        let frame = json!({ "type": "resume", "args": args });
        client.0.try_send(&frame.to_string());
    }

    /// Reads until no message is missing.
    fn catch_up(&mut self, client: &mut JsonClient) -> Option<()> {
        loop {
            let frame = client.next()?;
            self.take(&frame);
            if frame["type"] == "resumed" {
                assert_eq!(frame["complete"], true, "{frame}");
                if frame["more"] == true {
                    self.resume(client)
                } else {
                    return Some(());
                }
            }
        }
    }

    fn take(&mut self, frame: &Value) {
        // A connection that ends during the answer is not an error.
        let code = frame["code"].as_str().unwrap_or_default();
        let harmless = matches!(code, "" | "not_stored" | "history_unavailable" | "shutdown");
        assert!(harmless, "{}: {frame}", self.nickname);
        if frame["type"] == "message" && frame["room"] == "dev" {
            self.last = frame["id"].as_str().unwrap().to_owned();
            self.seen.push(frame["body"].as_str().unwrap().to_owned());
        }
    }
}
