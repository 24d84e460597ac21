//! The server is killed while an operator changes the rules of a channel. Afterwards
//! the rules are those that were told, or with the changes that were under way: never
//! fewer, never half of one, never in another order.

use std::collections::BTreeSet;
use std::sync::mpsc::{Sender, channel};
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};

use crate::random;
use crate::support::{JsonClient, Server, User};

const ROUNDS: usize = 50;
/// Longest time from the first change that is told in a round to the kill, in milliseconds.
const LONGEST_MS: u64 = 60;
/// Changes that are sent before the first of them is told.
const AHEAD: u32 = 4;
/// Another spelling of this comes below it.
const BANNED: &str = "evil*";

/// What the changes up to one of them make.
#[derive(Debug, PartialEq)]
struct Rights {
    topic: String,
    limit: u64,
    is_moderated: bool,
    is_banned: bool,
}

/// Change `n`, as a command.
fn change(n: u32) -> Value {
    let (kind, args) = match (n % 3, (n / 3).is_multiple_of(2)) {
        (0, _) => ("topic", json!({ "room": "class", "topic": n.to_string() })),
        (1, moderated) => {
            let limit = json!({ "rule": "limit", "value": n + 10 });
            let flag = json!({ "rule": "moderated", "value": moderated });
            let changes = json!([limit, flag]);
            ("setrules", json!({ "room": "class", "changes": changes }))
        }
        (_, true) => ("ban", json!({ "room": "class", "mask": BANNED })),
        (_, false) => ("unban", json!({ "room": "class", "mask": BANNED })),
    };
    json!({ "type": kind, "args": args })
}

/// What is in force after change `n`; the channel has begun with the first three.
fn rights_after(n: u32) -> Rights {
    let last = |kind: u32| (0..=n).rev().find(|it| it % 3 == kind).unwrap_or(kind);
    Rights {
        topic: last(0).to_string(),
        limit: u64::from(last(1) + 10),
        is_moderated: (last(1) / 3).is_multiple_of(2),
        is_banned: (last(2) / 3).is_multiple_of(2),
    }
}

/// The operator, and the numbers of the changes.
struct Operator {
    token: String,
    sent: u32,
    /// Those up to this one were told.
    told: u32,
}

impl Operator {
    fn come_in(&self, server: &Server) -> JsonClient {
        let mut client = JsonClient::come_in(server, &self.token);
        client.send("join", json!({ "room": "class" }));
        client.expect("joined");
        client
    }

    /// Sends changes, and reads what is told of them, until the connection ends. Says
    /// when the first is told.
    fn change_rules(mut self, mut client: JsonClient, begun: &Sender<()>) -> Operator {
        let mut told = BTreeSet::new();
        let before = self.told;
        loop {
            while self.sent < self.told + AHEAD
                && client.0.try_send(&change(self.sent + 1).to_string())
            {
                self.sent += 1;
            }
            let Some(frame) = client.next() else {
                return self;
            };
            let code = frame["code"].as_str().unwrap_or_default();
            assert!(matches!(code, "" | "shutdown"), "{frame}");
            if frame["by"] == "ann"
                && frame["room"] == "class"
                && let Some(id) = frame["id"].as_str()
            {
                told.insert(id.to_owned());
                self.told = before + told.len() as u32;
                // The other end may listen no more.
                let _ = begun.send(());
            }
        }
    }

    /// What is in force, as the operator is shown it.
    fn rights(&self, client: &mut JsonClient) -> Rights {
        client.send("topic", json!({ "room": "class" }));
        let topic = client.expect("topic");
        client.send("rules", json!({ "room": "class" }));
        let rules = client.expect("rules");
        client.send("bans", json!({ "room": "class" }));
        let bans = client.expect("bans");
        let flags = rules["rules"].as_array().unwrap();
        let bans = bans["bans"].as_array().unwrap();
        Rights {
            topic: topic["topic"].as_str().unwrap().to_owned(),
            limit: rules["limit"].as_u64().unwrap(),
            is_moderated: flags.iter().any(|flag| flag == "moderated"),
            is_banned: bans.iter().any(|ban| ban["mask"] == BANNED),
        }
    }
}

/// The server acts by the rules that it shows.
fn assert_in_force(server: &Server, rights: &Rights) {
    let mut pupil = JsonClient::enter(server, "pupil");
    pupil.send("join", json!({ "room": "class" }));
    pupil.expect("joined");
    pupil.send(
        "message",
        json!({ "room": "class", "body": "may I?", "tag": "t" }),
    );
    let refused = loop {
        let frame = pupil.next().expect("the server lives");
        match frame["type"].as_str() {
            Some("stored") => break false,
            Some("error") => break true,
            _ => {}
        }
    };
    assert_eq!(refused, rights.is_moderated, "{}", pupil.0.transcript());
    let mut evil = JsonClient::enter(server, "Evil_one");
    evil.send("join", json!({ "room": "class" }));
    let refused = loop {
        let frame = evil.next().expect("the server lives");
        match frame["type"].as_str() {
            Some("joined") => break false,
            Some("error") => break true,
            _ => {}
        }
    };
    assert_eq!(refused, rights.is_banned, "{}", evil.0.transcript());
}

#[test]
fn after_a_kill_the_rights_are_those_that_were_told() {
    let mut server = Server::start(|config| {
        config["limits"]["message_rate"] = 0.into();
        config["limits"]["auth_attempts"] = 0.into();
    });
    let mut operator = Operator {
        token: JsonClient::registered(&server, "ann"),
        sent: 2,
        told: 2,
    };
    let mut client = operator.come_in(&server);
    client.send("register_room", json!({ "room": "class" }));
    client.expect("rules");
    for n in 0..3 {
        client.0.send(&change(n).to_string());
        client.expect(if n == 0 { "topic" } else { "rules" });
    }
    drop(client);
    for round in 0..ROUNDS {
        let client = operator.come_in(&server);
        let (begun, has_begun) = channel();
        let changing = thread::spawn(move || operator.change_rules(client, &begun));
        // Now and then the kill comes before any is told.
        if round % 5 != 0 {
            has_begun.recv().unwrap();
        }
        // A random moment is the point of the test.
        thread::sleep(Duration::from_millis(random(LONGEST_MS)));
        server.kill();
        operator = changing.join().unwrap();
        server.start_again();
        let mut client = operator.come_in(&server);
        let rights = operator.rights(&mut client);
        let possible = operator.told..=operator.sent;
        let reached = possible.clone().find(|&n| rights_after(n) == rights);
        let Some(reached) = reached else {
            let should: Vec<Rights> = possible.map(rights_after).collect();
            panic!("round {round}: {rights:?} is none of {should:?}");
        };
        assert_in_force(&server, &rights);
        operator.told = reached;
        operator.sent = reached;
    }
    println!("{} changes", operator.told);
    assert!(operator.told > ROUNDS as u32, "hardly anything was changed");
}
