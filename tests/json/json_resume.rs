//! A JSON client that loses its connection again and again misses nothing.

use std::sync::mpsc::{Receiver, channel};
use std::thread::JoinHandle;

use crate::support::{JsonClient, LineClient, Server, User};
use serde_json::{Value, json};

const CUTS: usize = 100;
const MESSAGES_A_CUT: usize = 100;

/// What a disconnected client remembers of a room.
#[derive(Default)]
struct Memory {
    last: Option<String>,
    bodies: Vec<String>,
}

impl Memory {
    fn take(&mut self, frame: &Value) {
        if frame["type"] == "message" {
            self.last = Some(frame["id"].as_str().unwrap().to_owned());
            self.bodies.push(frame["body"].as_str().unwrap().to_owned());
        }
    }

    fn resume(&self, client: &mut JsonClient) {
        let after = self.last.as_deref().unwrap_or("0-0");
        client.send("resume", json!({"room": "dev", "after": after}));
    }
}

/// Xorshift: a fixed seed gives the same cuts in every run.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % sides
    }
}

#[test]
fn cut_off_a_hundred_times_a_client_has_every_message_in_order_once() {
    let server = Server::start(|config| {
        config["limits"]["message_rate"] = 0.into();
        config["limits"]["auth_attempts"] = 0.into();
    });
    let seed = std::time::UNIX_EPOCH.elapsed().unwrap().as_nanos() as u64 | 1;
    println!("seed {seed}");
    let mut dice = Dice(seed);
    // Two senders on different protocols, so that messages flow at every cut.
    let (go, waiting) = channel();
    let sender = speak(&server, waiting);
    let token = JsonClient::token(&server, "alice");
    let mut memory = Memory::default();
    let total = CUTS * MESSAGES_A_CUT;
    for cut in 0..=CUTS {
        let mut client = JsonClient::open(&server, &token);
        memory.resume(&mut client);
        if cut < CUTS {
            go.send(MESSAGES_A_CUT).unwrap();
        }
        let mut patience = dice.roll(300);
        while memory.bodies.len() < total && (cut == CUTS || patience > 0) {
            let frame = client.next().expect("the server has not ended it");
            assert_ne!(frame["type"], "error", "{frame}");
            memory.take(&frame);
            if frame["type"] == "resumed" {
                assert_eq!(frame["complete"], true);
                if frame["more"] == true {
                    memory.resume(&mut client);
                }
            }
            patience = patience.saturating_sub(1);
            // Reads only while there is certainly something to read.
            if memory.bodies.len() >= (cut + 1) * MESSAGES_A_CUT {
                break;
            }
        }
        // Dropped with frames unread: the connection is reset.
    }
    drop(go);
    sender.join().unwrap();
    let expected: Vec<String> = (0..total).map(|n| format!("number {n}")).collect();
    assert!(memory.bodies == expected, "{}", first_difference(&memory));
}

/// Sends numbers in the room, as many as requested, in turns with another
/// sender.
fn speak(server: &Server, go: Receiver<usize>) -> JoinHandle<()> {
    let mut bob = LineClient::enter_channel(server, "bob", "dev");
    let mut eve = JsonClient::enter(server, "eve");
    eve.send("join", json!({"room": "dev"}));
    eve.expect("joined");
    std::thread::spawn(move || {
        let mut next = 0;
        for count in go {
            for _ in 0..count {
                let text = format!("number {next}");
                // Each waits for the other's message, so the order is fixed.
                if next % 50 < 25 {
                    bob.send(&text);
                    while next % 25 == 24 && eve.expect("message")["body"] != text {}
                } else {
                    eve.send("message", json!({"room": "dev", "body": text}));
                    if next % 25 == 24 {
                        bob.expect_message("eve", &text);
                    }
                }
                next += 1;
            }
        }
    })
}

fn first_difference(memory: &Memory) -> String {
    let bodies = memory.bodies.iter().enumerate();
    let wrong = bodies
        .map(|(n, body)| (format!("number {n}"), body))
        .find(|(expected, body)| expected != *body);
    match wrong {
        Some((expected, body)) => format!("{expected:?} expected, {body:?} came"),
        None => format!("{} messages came", memory.bodies.len()),
    }
}

#[test]
fn a_restart_of_the_server_is_only_another_cut() {
    let mut server = Server::start(|_| {});
    let token = JsonClient::token(&server, "alice");
    let mut alice = JsonClient::come_in(&server, &token);
    alice.send("join", json!({"room": "dev"}));
    alice.send(
        "message",
        json!({"room": "dev", "body": "one", "tag": "t1"}),
    );
    let one = alice.expect("stored");
    assert_eq!(one["tag"], "t1");
    let mut bob = LineClient::enter_channel(&server, "bob", "dev");
    bob.send("two");
    bob.expect_message("bob", "two");
    server.restart();
    let mut alice = JsonClient::come_in(&server, &token);
    alice.send("resume", json!({"room": "dev", "after": one["id"]}));
    assert_eq!(alice.expect("message")["body"], "two");
    let resumed = alice.expect("resumed");
    assert_eq!(
        (&resumed["complete"], &resumed["more"]),
        (&json!(true), &json!(false))
    );
}

#[test]
fn what_is_sent_again_with_its_tag_is_published_once() {
    let server = Server::start(|_| {});
    let mut bob = LineClient::enter_channel(&server, "bob", "global");
    let token = JsonClient::token(&server, "alice");
    let mut alice = JsonClient::come_in(&server, &token);
    alice.send("message", json!({"body": "hi", "tag": "a-1"}));
    let message = alice.expect("message");
    assert!(
        message["tag"].is_null(),
        "what others get is for all the same"
    );
    let stored = alice.expect("stored");
    assert_eq!(
        (&stored["tag"], &stored["id"]),
        (&json!("a-1"), &message["id"])
    );
    // Disconnected before the outcome is known.
    drop(alice);
    let mut alice = JsonClient::come_in(&server, &token);
    alice.send("message", json!({"body": "hi", "tag": "a-1"}));
    assert_eq!(alice.expect("stored")["id"], message["id"]);
    alice.send("message", json!({"body": "second", "tag": "a-2"}));
    alice.expect("stored");
    bob.expect_message("alice", "hi");
    let between = bob.expect_line("second", &|line| {
        assert!(!line.ends_with("@alice: hi"), "published twice");
        line.ends_with("second")
    });
    assert!(between.contains("@alice"));
    alice.send(
        "private",
        json!({"to": "nobody", "body": "x", "tag": "a-3"}),
    );
    let error = alice.expect("error");
    assert_eq!(
        (&error["code"], &error["tag"]),
        (&json!("no_such_user"), &json!("a-3"))
    );
    let bad = json!({"room": "no name", "body": "x", "tag": "a-4"});
    alice.send("message", bad);
    let error = alice.expect("error");
    assert_eq!(
        (&error["code"], &error["tag"]),
        (&json!("bad_argument"), &json!("a-4"))
    );
    for bad in [json!(""), json!(7), json!("é"), json!("x".repeat(65))] {
        alice.send("message", json!({"body": "x", "tag": bad}));
        assert_eq!(alice.expect("error")["code"], "bad_argument");
    }
}

#[test]
fn typing_is_shown_to_those_who_ask_for_it() {
    let server = Server::start(|_| {});
    let mut alice = JsonClient::enter(&server, "alice");
    let mut bob = JsonClient::enter(&server, "bob");
    let mut carol = JsonClient::enter(&server, "carol");
    let mut dave = LineClient::enter_channel(&server, "dave", "global");
    dave.settle();
    bob.send("listen", json!({"events": ["typing", "something newer"]}));
    assert_eq!(bob.expect("listening")["events"], json!(["typing"]));
    alice.send("typing", json!({}));
    let typing = bob.expect("typing");
    assert_eq!(
        (&typing["from"], &typing["body"], &typing["room"]),
        (&json!("alice"), &json!(""), &json!("global"))
    );
    alice.send("message", json!({"body": "done"}));
    alice.expect("message");
    assert!(!carol.settle().contains(&"typing".to_owned()));
    let lines = dave.settle();
    assert_eq!(lines.len(), 1, "{lines:?}");
    let log = server.get("/admin/log?nick=alice").json().to_string();
    assert!(!log.contains("typing"), "{log}");
}

#[test]
fn an_account_has_inbox_threads_and_what_is_unread() {
    let server = Server::start(|_| {});
    let [alice, bob] = ["alice", "bob"].map(|who| JsonClient::registered(&server, who));
    let mut alice = JsonClient::come_in(&server, &alice);
    for n in 1..=3 {
        let text = format!("message {n}");
        alice.send("private", json!({"to": "bob", "body": text, "tag": text}));
        alice.expect("stored");
    }
    let mut bob = JsonClient::come_in(&server, &bob);
    bob.send("inbox", json!({}));
    let inbox = bob.expect("inbox");
    assert_eq!(inbox["threads"].as_array().unwrap().len(), 1);
    let thread = &inbox["threads"][0];
    assert_eq!(thread["user"], "alice");
    assert_eq!(thread["body"], "message 3");
    assert_eq!(thread["unread"], 3);
    bob.send("thread", json!({"user": "alice", "limit": 2}));
    let page = bob.expect("thread");
    assert_eq!(page["complete"], false);
    let messages = page["messages"].as_array().unwrap();
    assert_eq!(messages.len(), 2);
    assert_eq!(
        (
            &messages[1]["from"],
            &messages[1]["to"],
            &messages[1]["body"]
        ),
        (&json!("alice"), &json!("bob"), &json!("message 3"))
    );
    bob.send(
        "thread",
        json!({"user": "alice", "before": messages[0]["id"]}),
    );
    let page = bob.expect("thread");
    assert_eq!(
        (&page["complete"], &page["messages"][0]["body"]),
        (&json!(true), &json!("message 1"))
    );
    bob.send("read", json!({"user": "alice", "id": messages[0]["id"]}));
    bob.send("inbox", json!({"page": 1}));
    assert_eq!(bob.expect("inbox")["threads"][0]["unread"], 1);
    bob.send("inbox", json!({"page": 0}));
    assert_eq!(bob.expect("error")["code"], "bad_argument");
    bob.send("thread", json!({"user": "nobody"}));
    assert_eq!(bob.expect("error")["code"], "no_such_user");
    bob.send("presence", json!({"users": ["Alice", "carol"]}));
    assert_eq!(
        bob.expect("presence")["users"],
        json!([{"name": "alice", "online": true}, {"name": "carol", "online": false}])
    );
    bob.send("presence", json!({"users": vec!["x"; 101]}));
    assert_eq!(bob.expect("error")["code"], "bad_argument");
    let mut guest = JsonClient::enter(&server, "guest");
    guest.send("inbox", json!({}));
    assert_eq!(guest.expect("error")["code"], "no_account");
}

#[test]
fn a_room_is_live_for_who_goes_on_from_a_message_that_never_was() {
    let server = Server::start(|_| {});
    let mut bob = JsonClient::enter(&server, "bob");
    let mut alice = JsonClient::enter(&server, "alice");
    let never = json!({"room": "global", "after": "99999999999999-0"});
    alice.send("resume", never);
    let resumed = alice.expect("resumed");
    assert_eq!(
        (&resumed["complete"], &resumed["more"]),
        (&json!(false), &json!(false))
    );
    bob.send("message", json!({"body": "live"}));
    assert_eq!(alice.expect("message")["body"], "live");
}

#[test]
fn who_comes_again_gets_back_into_all_rooms_at_once() {
    let server = Server::start(|_| {});
    let mut alice = JsonClient::enter(&server, "alice");
    // One is in the global room already; all at once, twice the burst.
    for n in 1..100 {
        alice.send(
            "resume",
            json!({"room": format!("room{n}"), "after": "0-0"}),
        );
    }
    for n in 1..100 {
        let resumed = alice.expect("resumed");
        assert_eq!(resumed["room"], format!("room{n}"));
    }
    alice.send("join", json!({"room": "one-more"}));
    assert_eq!(alice.expect("error")["code"], "too_many_channels");
}
