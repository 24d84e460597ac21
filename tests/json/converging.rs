//! Whatever happens to messages, and however a client hears of it, all screens show the
//! same in the end: live, after being cut off, from pages of the history, on a second
//! connection, and after the server was killed.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::{Value, json};

use crate::support::{JsonClient, Server, wait_until};

const ROUNDS: usize = 150;
const SIGNS: [&str; 3] = ["👍", "👎", "lol"];
const PEOPLE: [&str; 3] = ["ann", "bob", "eve"];

/// A message's id, or that of a change.
type Id = (u64, u64);

/// What a screen shows of a message: its text, unless it was deleted, and the last change.
type Shown = (Option<String>, Option<Id>);

/// The last change of a message's reactions, and who has given which sign.
type Reactions = (Option<Id>, BTreeSet<(String, String)>);

/// A client with what it shows.
struct Screen {
    client: JsonClient,
    token: String,
    person: usize,
    /// Whether it puts what comes last in the place of what came before, without a look at
    /// which change is later.
    is_simple: bool,
    shown: BTreeMap<Id, Shown>,
    reactions: BTreeMap<Id, Reactions>,
    last: Id,
    has_more: bool,
}

fn id(value: &Value) -> Option<Id> {
    let (ms, sequence) = value.as_str()?.split_once('-')?;
    Some((ms.parse().unwrap(), sequence.parse().unwrap()))
}

fn string(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

fn text(id: Id) -> String {
    format!("{}-{}", id.0, id.1)
}

impl Screen {
    fn open(server: &Server, token: &str, person: usize, is_simple: bool) -> Screen {
        let mut client = JsonClient::open(server, token);
        client.send("join", json!({ "room": "dev" }));
        let mut screen = Screen {
            client,
            token: token.to_owned(),
            person,
            is_simple,
            shown: BTreeMap::new(),
            reactions: BTreeMap::new(),
            last: (0, 0),
            has_more: false,
        };
        screen.settle();
        screen
    }

    /// Loses the connection with whatever is under way, and asks for what was missed.
    fn cut_off(&mut self, server: &Server) {
        self.client = JsonClient::open(server, &self.token);
        self.resume();
    }

    fn resume(&mut self) {
        self.has_more = false;
        let args = json!({ "room": "dev", "after": text(self.last) });
        self.client.send("resume", args);
    }

    /// Reads everything that was sent before now.
    fn settle(&mut self) {
        loop {
            self.client.send("presence", json!({ "users": [] }));
            loop {
                let frame = self.client.next().expect("the server has not ended it");
                if frame["type"] == "presence" {
                    break;
                }
                self.take(&frame);
            }
            if !self.has_more {
                return;
            }
            self.resume();
        }
    }

    fn take(&mut self, frame: &Value) {
        if frame["type"] == "error" {
            // What one has deleted is neither edited nor deleted.
            assert_eq!(frame["code"], "no_such_message", "{frame}");
        }
        if frame["room"] != "dev" {
            return;
        }
        match frame["type"].as_str() {
            Some("message") => {
                self.put(frame);
                self.last = self.last.max(id(&frame["id"]).unwrap());
            }
            Some("history") => {
                for message in frame["messages"].as_array().unwrap() {
                    self.put(message);
                }
            }
            Some("edited" | "deleted") if self.knows(frame) => self.put(frame),
            Some("reactions") if self.knows(frame) => self.put_reactions(frame),
            Some("reacted") if self.knows(frame) => self.react(frame),
            Some("resumed") => self.has_more = frame["more"] == true,
            _ => {}
        }
    }

    fn knows(&self, frame: &Value) -> bool {
        self.shown.contains_key(&id(&frame["id"]).unwrap())
    }

    fn put(&mut self, frame: &Value) {
        let is_deleted = frame["deleted"] == true || frame["type"] == "deleted";
        let body = (!is_deleted).then(|| frame["body"].as_str().unwrap().to_owned());
        let now = (body, id(&frame["changed"]));
        let message = id(&frame["id"]).unwrap();
        let known = self.shown.get(&message);
        let counts = known.is_none_or(|known| match (&known.0, &now.0) {
            _ if self.is_simple => true,
            (None, Some(_)) => false,
            (Some(_), None) => true,
            _ => known.1 < now.1,
        });
        if counts {
            self.shown.insert(message, now);
        }
        if !matches!(frame["type"].as_str(), Some("edited" | "deleted")) {
            self.put_reactions(frame);
        }
    }

    /// Takes in all reactions of a message.
    fn put_reactions(&mut self, frame: &Value) {
        let message = id(&frame["id"]).unwrap();
        let last = id(&frame["reacted"]);
        let signs = frame["reactions"].as_array().into_iter().flatten();
        let given = signs.flat_map(|it| {
            let users = it["users"].as_array().unwrap().iter();
            assert_eq!(it["count"], users.len());
            users.map(|user| (string(&it["sign"]), string(user)))
        });
        let now = (last, given.collect());
        let known = self.reactions.get(&message);
        if self.is_simple || known.is_none_or(|known| known.0 <= now.0) {
            self.reactions.insert(message, now);
        }
    }

    /// Takes in one reaction.
    fn react(&mut self, frame: &Value) {
        let known = self.reactions.entry(id(&frame["id"]).unwrap()).or_default();
        let now = id(&frame["reacted"]);
        if !self.is_simple && now <= known.0 {
            return;
        }
        known.0 = now;
        let given = (string(&frame["sign"]), string(&frame["user"]));
        match frame["on"] == true {
            true => known.1.insert(given),
            false => known.1.remove(&given),
        };
    }

    /// What it shows of reactions: none of messages that were deleted.
    fn given(&self) -> BTreeMap<Id, BTreeSet<(String, String)>> {
        let is_there = |id: &Id| self.shown.get(id).is_some_and(|shown| shown.0.is_some());
        let given = self.reactions.iter();
        given
            .filter(|(id, (_, given))| is_there(id) && !given.is_empty())
            .map(|(id, (_, given))| (*id, given.clone()))
            .collect()
    }

    /// Any message that is shown.
    fn any(&self, dice: &mut Dice) -> Option<String> {
        let at = dice.roll(self.shown.len().max(1) as u64) as usize;
        self.shown.keys().nth(at).copied().map(text)
    }

    /// One of the messages that are shown, in an order that only the dice know.
    fn some_own(&self, own: &[Id], dice: &mut Dice) -> Option<String> {
        let at = dice.roll(own.len().max(1) as u64) as usize;
        own.get(at).copied().map(text)
    }
}

/// Xorshift: a fixed seed gives the same wishes in every run.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % sides
    }
}

/// A client that nobody knows.
fn reader(server: &Server) -> JsonClient {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    JsonClient::enter(server, &format!("reader{number}"))
}

/// All of the room's history, as one who comes now reads it.
fn stored(server: &Server) -> Screen {
    let mut client = reader(server);
    client.send("join", json!({ "room": "dev" }));
    let mut screen = Screen {
        client,
        token: String::new(),
        person: 0,
        is_simple: true,
        shown: BTreeMap::new(),
        reactions: BTreeMap::new(),
        last: (0, 0),
        has_more: false,
    };
    let mut args = json!({ "room": "dev", "limit": 100 });
    loop {
        screen.client.send("history", args.clone());
        let page = loop {
            let frame = screen.client.expect("history");
            if frame["room"] == "dev" && !frame["body"].as_str().unwrap().ends_with(':') {
                break frame;
            }
        };
        screen.take(&page);
        if page["complete"] == true {
            return screen;
        }
        args["before"] = page["messages"][0]["id"].clone();
    }
}

#[test]
fn all_screens_show_the_same_in_the_end() {
    let mut server = Server::start(|config| {
        config["limits"]["message_rate"] = 0.into();
        config["limits"]["auth_attempts"] = 0.into();
    });
    let seed = std::time::UNIX_EPOCH.elapsed().unwrap().as_nanos() as u64 | 1;
    println!("seed {seed}");
    let mut dice = Dice(seed);
    let tokens = PEOPLE.map(|name| JsonClient::registered(&server, name));
    // Each on two screens, of which one is simple.
    let mut screens: Vec<Screen> = (0..2 * PEOPLE.len())
        .map(|n| Screen::open(&server, &tokens[n / 2], n / 2, n % 2 == 0))
        .collect();
    let mut own: [Vec<Id>; 3] = Default::default();
    for round in 0..ROUNDS {
        for screen in &mut screens {
            let mine = &own[screen.person];
            let some = screen.some_own(mine, &mut dice);
            if dice.roll(4) == 0
                && let Some(id) = screen.any(&mut dice)
            {
                let sign = SIGNS[dice.roll(3) as usize];
                let args = json!({ "id": id, "sign": sign, "on": dice.roll(3) > 0 });
                screen.client.send("react", args);
            }
            match (dice.roll(12), some) {
                (0..=3, _) | (4..=8, None) => {
                    let body = format!("said in round {round}");
                    screen
                        .client
                        .send("message", json!({ "room": "dev", "body": body }));
                }
                (4..=6, Some(id)) => {
                    let body = format!("corrected in round {round} by {}", dice.roll(1000));
                    screen
                        .client
                        .send("edit", json!({ "id": id, "body": body }));
                }
                (7, Some(id)) => screen.client.send("delete", json!({ "id": id })),
                (8, Some(id)) => {
                    let args = json!({ "room": "dev", "before": id, "limit": 20 });
                    screen.client.send("history", args);
                }
                (9, _) => screen
                    .client
                    .send("history", json!({ "room": "dev", "limit": 30 })),
                (10, _) => screen.settle(),
                _ => screen.cut_off(&server),
            }
        }
        if round % 10 == 9 {
            for screen in &mut screens {
                screen.settle();
            }
            // Whose they are is known to the one who has said them: by the text and the sender.
            for (person, own) in own.iter_mut().enumerate() {
                *own = own_of(&server, person);
            }
        }
    }
    // What was under way on connections that were lost has been carried out when they are gone:
    // what is said after that comes after it.
    wait_until("the lost connections are gone", || {
        connections(&server) == screens.len() as u64
    });
    let last = json!({ "room": "dev", "body": "the last word" });
    screens[0].client.send("message", last);
    // What one has said last reaches the others after it was committed: each twice.
    for _ in 0..2 {
        for screen in &mut screens {
            screen.settle();
        }
    }
    let kept = stored(&server);
    let (expected, given) = (&kept.shown, kept.given());
    let deleted = expected.values().filter(|shown| shown.0.is_none()).count();
    let changed = expected.values().filter(|shown| shown.1.is_some()).count();
    println!(
        "{} messages, {changed} changed, {deleted} of them deleted",
        expected.len()
    );
    assert!(deleted > 0 && changed > deleted && !given.is_empty());
    for (n, screen) in screens.iter().enumerate() {
        let differs = |it: &&Id| screen.shown.get(it) != expected.get(it);
        let first = expected.keys().chain(screen.shown.keys()).find(differs);
        let first = first.map(|it| (*it, screen.shown.get(it), expected.get(it)));
        assert_eq!(first, None, "screen {n}, of {}", PEOPLE[screen.person]);
        assert_eq!(
            screen.given(),
            given,
            "screen {n}, of {}",
            PEOPLE[screen.person]
        );
    }
    server.kill();
    server.start_again();
    let after = stored(&server);
    assert!(
        after.shown == *expected && after.given() == given,
        "something else is there after a crash"
    );
}

/// How many clients the server has.
fn connections(server: &Server) -> u64 {
    let metrics = server.get("/metrics").body;
    let lines = metrics.lines();
    let counts = lines.filter(|line| line.starts_with("chat_connections{"));
    let counts = counts.filter_map(|line| line.rsplit(' ').next()?.parse::<u64>().ok());
    counts.sum()
}

/// The messages of a person that are not deleted.
fn own_of(server: &Server, person: usize) -> Vec<Id> {
    let mut reader = reader(server);
    reader.send("join", json!({ "room": "dev" }));
    reader.send("history", json!({ "room": "dev", "limit": 200 }));
    let page = loop {
        let frame = reader.expect("history");
        if frame["room"] == "dev" && !frame["body"].as_str().unwrap().ends_with(':') {
            break frame;
        }
    };
    let messages = page["messages"].as_array().unwrap().iter();
    let mine = messages.filter(|it| it["from"] == PEOPLE[person] && it["deleted"] != true);
    mine.map(|it| id(&it["id"]).unwrap()).collect()
}
