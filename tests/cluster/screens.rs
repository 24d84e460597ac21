//! Messages are said, edited, deleted and reacted to at random on two servers, of which one is
//! killed and comes back. In the end every screen shows the same as a server that starts afterwards.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use crate::shared::Common;
use crate::support::{JsonClient, Server, wait_until};

const STEPS: usize = 240;
const KILLED_AT: usize = 90;
const BACK_AT: usize = 150;
/// After so many steps a client looks at what it was told.
const LOOKS_EVERY: usize = 6;

/// A message as a client shows it; nothing is left of a deleted one.
#[derive(Clone, Debug, Default, PartialEq)]
struct Shown {
    body: Option<String>,
    signs: BTreeMap<String, BTreeSet<String>>,
}

impl Shown {
    fn of(frame: &Value) -> Shown {
        let is_deleted = frame["deleted"] == true;
        Shown {
            body: (!is_deleted).then(|| text(&frame["body"])),
            signs: signs(&frame["reactions"]),
        }
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn signs(list: &Value) -> BTreeMap<String, BTreeSet<String>> {
    let list = list.as_array().into_iter().flatten();
    let users = |it: &Value| it["users"].as_array().unwrap().iter().map(text).collect();
    list.map(|it| (text(&it["sign"]), users(it))).collect()
}

/// The time and the number in an id.
fn order(id: &str) -> (u64, u64) {
    let (ms, number) = id.split_once('-').unwrap();
    (ms.parse().unwrap(), number.parse().unwrap())
}

/// A client, and what it shows of the room.
struct Screen {
    client: JsonClient,
    shown: BTreeMap<(u64, u64), (String, Shown)>,
}

impl Screen {
    fn enter(server: &Server, token: &str) -> Screen {
        let mut screen = Screen {
            client: JsonClient::come_in(server, token),
            shown: BTreeMap::new(),
        };
        screen.client.send("join", json!({ "room": "dev" }));
        screen.look();
        screen
    }

    /// Comes back where it was cut off.
    fn come_back(&mut self, server: &Server, token: &str) {
        self.client = JsonClient::come_in(server, token);
        loop {
            let last = self.shown.values().next_back();
            let after = last.map_or("0-0", |(id, _)| id);
            let args = json!({ "room": "dev", "after": after });
            self.client.send("resume", args);
            let resumed = loop {
                let frame = self.client.next().expect("an answer");
                if frame["type"] == "resumed" {
                    break frame;
                }
                self.take(&frame);
            };
            self.look();
            if resumed["more"] != true {
                return;
            }
        }
    }

    /// Takes in everything that it was told so far.
    fn look(&mut self) {
        self.client.send("presence", json!({ "users": [] }));
        loop {
            let frame = self.client.next().expect("an answer");
            if frame["type"] == "presence" {
                return;
            }
            self.take(&frame);
        }
    }

    fn take(&mut self, frame: &Value) {
        if frame["room"] != "dev" {
            return;
        }
        let kind = frame["type"].as_str().unwrap();
        if kind == "history" {
            for message in frame["messages"].as_array().unwrap() {
                self.put(message);
            }
        }
        let Some(id) = frame["id"].as_str() else {
            return;
        };
        if kind == "message" {
            return self.put(frame);
        }
        let Some((_, shown)) = self.shown.get_mut(&order(id)) else {
            return;
        };
        match kind {
            "edited" => shown.body = Some(text(&frame["body"])),
            "deleted" => *shown = Shown::default(),
            "reactions" => shown.signs = signs(&frame["reactions"]),
            "reacted" => {
                let users = shown.signs.entry(text(&frame["sign"])).or_default();
                match frame["on"] == true {
                    true => users.insert(text(&frame["user"])),
                    false => users.remove(&text(&frame["user"])),
                };
                shown.signs.retain(|_, users| !users.is_empty());
            }
            _ => {}
        }
    }

    fn put(&mut self, message: &Value) {
        let id = text(&message["id"]);
        self.shown.insert(order(&id), (id, Shown::of(message)));
    }

    /// Does something at random with one of the last messages that it shows.
    fn act(&mut self, step: usize, random: &mut u64) {
        let ids: Vec<&String> = self.shown.values().rev().take(12).map(|it| &it.0).collect();
        let chosen = next(random) as usize;
        let id = ids.get(chosen % ids.len().max(1)).copied();
        let (kind, args) = match (next(random) % 10, id) {
            (0..=2, _) | (_, None) => {
                let args = json!({ "room": "dev", "body": format!("said in step {step}") });
                ("message", args)
            }
            (3..=4, Some(id)) => {
                let args = json!({ "id": id, "body": format!("edited in step {step}") });
                ("edit", args)
            }
            (5, Some(id)) => ("delete", json!({ "id": id })),
            (n, Some(id)) => {
                let sign = ["👍", "lol", "no"][next(random) as usize % 3];
                ("react", json!({ "id": id, "sign": sign, "on": n < 9 }))
            }
        };
        self.client.send(kind, args);
    }

    fn has_end(&mut self) -> bool {
        self.look();
        let bodies = self.shown.values().filter_map(|it| it.1.body.as_deref());
        bodies.filter(|body| *body == "the end").count() == 1
    }
}

/// The next random number (xorshift).
fn next(random: &mut u64) -> u64 {
    *random ^= *random << 13;
    *random ^= *random >> 7;
    *random ^= *random << 17;
    *random
}

#[test]
fn every_screen_shows_the_same_although_a_server_is_killed() {
    let seed = std::env::var("CHAT_SEED").map_or(20_261_130, |seed| seed.parse().unwrap());
    println!("CHAT_SEED={seed}");
    let mut random: u64 = seed;
    let common = Common::new();
    let [mut one, two] = common.servers();
    let tokens = ["ann", "bob", "cat"].map(|name| JsonClient::registered(&one, name));
    let mut bob = Screen::enter(&two, &tokens[1]);
    let mut cat = Screen::enter(&two, &tokens[2]);
    let mut ann = Screen::enter(&one, &tokens[0]);
    for step in 0..STEPS {
        if step == KILLED_AT {
            one.kill();
        }
        if step == BACK_AT {
            one.start_again();
            ann.come_back(&one, &tokens[0]);
        }
        let is_here = !(KILLED_AT..BACK_AT).contains(&step);
        let screen = match next(&mut random) % 3 {
            0 if is_here => &mut ann,
            1 => &mut bob,
            _ => &mut cat,
        };
        screen.act(step, &mut random);
        if step % LOOKS_EVERY == 0 {
            screen.look();
        }
    }
    for screen in [&mut ann, &mut bob, &mut cat] {
        screen.look();
    }
    let args = json!({ "room": "dev", "body": "the end" });
    cat.client.send("message", args);
    for screen in [&mut ann, &mut bob, &mut cat] {
        wait_until("the end is told", || screen.has_end());
    }
    // A server that has seen nothing of it.
    let three = common.server();
    let mut eve = JsonClient::enter(&three, "eve");
    eve.send("join", json!({ "room": "dev" }));
    while eve.expect("joined")["room"] != "dev" {}
    eve.settle();
    eve.send("history", json!({ "room": "dev", "limit": 500 }));
    let history = eve.expect("history");
    let messages = history["messages"].as_array().unwrap().iter();
    let wanted: BTreeMap<(u64, u64), (String, Shown)> = messages
        .map(|it| (order(&text(&it["id"])), (text(&it["id"]), Shown::of(it))))
        .collect();
    assert!(wanted.len() > STEPS / 6, "{}", wanted.len());
    for (name, screen) in [("ann", ann), ("bob", bob), ("cat", cat)] {
        assert_eq!(screen.shown, wanted, "{name}");
    }
}
