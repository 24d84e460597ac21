//! A secret channel that lets someone in by no means is not told from a name at which
//! nothing is: not by any question, and at its door only from a name that can be had.

use serde_json::{Value, json};

use crate::support::{JsonClient, LineClient, Server, User, WsClient};

/// The secret channel as its founder writes it, and as others ask for it.
const OWN_SPELLING: &str = "LAIr";
const SECRET: &str = "LAIR";
/// A name that looks like its own spelling, and at which nothing is.
const LOOKS_LIKE_IT: &str = "LAlr";
/// A name at which nothing is.
const NOTHING: &str = "RAIL";

fn start(rules: &str) -> (Server, LineClient) {
    let server = Server::start(|config| {
        config["listen"]["tcp"] = "127.0.0.1:0".into();
        config["listen"]["ws"] = "127.0.0.1:0".into();
        config["limits"]["message_rate"] = 0.into();
    });
    let mut ann = LineClient::enter_channel(&server, "ann", OWN_SPELLING);
    ann.settle();
    for change in ["+secret", rules] {
        ann.send(&format!("/mode {change}"));
        ann.expect("* @ann set");
    }
    (server, ann)
}

/// All frames that come before the answer to a question asked now.
fn frames(client: &mut JsonClient) -> String {
    client.send("presence", json!({ "users": [] }));
    let mut frames = Vec::new();
    loop {
        let frame = client.next().expect("closed before the answer");
        match frame["type"] == "presence" {
            true => return frames.join("\n"),
            false => frames.push(frame.to_string()),
        }
    }
}

/// What JSON clients ask about a channel; their arguments get the field `room`.
fn questions() -> Vec<(&'static str, Value)> {
    vec![
        ("switchroom", json!({})),
        ("switchroom", json!({"key": "guess"})),
        ("switchroom", json!({"invitation": "0".repeat(32)})),
        ("leave", json!({})),
        ("listusers", json!({})),
        ("listrooms", json!({"prefix": "la"})),
        ("readroom", json!({"id": "1-0"})),
        ("muteroom", json!({"muted": true})),
        ("roommembers", json!({})),
        ("topic", json!({})),
        ("topic", json!({"topic": "mine"})),
        ("rules", json!({})),
        (
            "setrules",
            json!({"changes": [{"rule": "secret", "value": false}]}),
        ),
        ("register_room", json!({})),
        ("transfer_room", json!({"user": "bob"})),
        ("drop_room", json!({})),
        ("role", json!({"user": "ann", "role": "none"})),
        ("kick", json!({"user": "ann"})),
        ("ban", json!({"user": "ann"})),
        ("unban", json!({"user": "ann"})),
        ("bans", json!({})),
        ("invite", json!({"user": "ann"})),
        ("invitelink", json!({})),
        ("unlink", json!({})),
        ("history", json!({})),
        ("message", json!({"body": "hello?", "tag": "t"})),
        ("typing", json!({})),
        ("search", json!({"query": "hello"})),
    ]
}

#[test]
fn no_question_by_json_tells_it_from_nothing() {
    let (server, _ann) = start("+invite-only");
    let mut guest = JsonClient::enter(&server, "gus");
    let token = JsonClient::registered(&server, "bob");
    let mut owner = JsonClient::come_in(&server, &token);
    for client in [&mut guest, &mut owner] {
        frames(client);
        for (kind, args) in questions() {
            let mut answers = [SECRET, NOTHING].map(|room| {
                let mut args = args.clone();
                args["room"] = room.into();
                if let Some(tag) = args.get_mut("tag") {
                    *tag = room.into();
                }
                client.send(kind, args);
                frames(client).replace(room, "<channel>")
            });
            let spelt = answers[0].contains(OWN_SPELLING);
            assert!(!spelt, "{kind} {args}: {}", answers[0]);
            answers.sort();
            assert_eq!(answers[0], answers[1], "{kind} {args}");
        }
        client.send("whois", json!({"user": "ann"}));
        let told = frames(client);
        assert!(
            told.contains("ann") && !told.contains(OWN_SPELLING),
            "{told}"
        );
    }
}

#[test]
fn the_door_says_the_same_as_at_a_name_that_cannot_be_had() {
    for rules in ["+invite-only", "+registered-only", "key sesame", "limit 1"] {
        let (server, mut ann) = start(rules);
        ann.send("/ban evil*");
        ann.expect("evil*");
        let mut eve = JsonClient::enter(&server, "evilla");
        let mut dan = JsonClient::enter(&server, "dan");
        for (client, ways_left) in [(&mut eve, 2), (&mut dan, 3)] {
            // Ten guesses a minute are allowed.
            let ways = [("join", "room"), ("createroom", "name"), ("resume", "room")];
            for (kind, field) in ways.into_iter().take(ways_left) {
                let mut answers = [SECRET, LOOKS_LIKE_IT].map(|room| {
                    let mut args = json!({ "after": "0-0" });
                    args[field] = room.into();
                    client.send(kind, args);
                    client
                        .expect("error")
                        .to_string()
                        .replace(room, "<channel>")
                });
                assert!(answers[0].contains("cannot_join"), "{}", answers[0]);
                answers.sort();
                assert_eq!(answers[0], answers[1], "{rules} {kind}");
            }
        }
    }
}

#[test]
fn on_lines_and_room_lines_the_door_says_the_same() {
    let (server, _ann) = start("key sesame");
    let why = |room: &str| {
        format!(
            "You cannot join #{room}. If you know people there, ask them for an invitation or \
             the key; otherwise choose another name."
        )
    };
    let mut telnet = LineClient::enter(&server, "tom");
    let mut socket = WsClient::enter(&server, "wim");
    let clients: [&mut dyn User; 2] = [&mut telnet, &mut socket];
    for client in clients {
        for ask in [format!("/join #{SECRET}"), format!("/join #{SECRET} guess")] {
            client.send(&ask);
            let hint = format!("the key, /join #{SECRET} key;");
            let words = why(SECRET).replace("the key;", &hint);
            assert_eq!(client.settle(), [format!("! {words}")]);
        }
        client.send("/whois ann");
        let told = client.settle().join("\n");
        assert!(!told.contains(OWN_SPELLING), "{told}");
        client.send("/rooms");
        let told = client.settle().join("\n");
        assert!(!told.contains(OWN_SPELLING), "{told}");
        // Who has the key knows that it is there.
        client.send(&format!("/join #{SECRET} sesame"));
        client.expect(&format!("You are now in #{OWN_SPELLING}"));
        client.send("/leave");
        client.expect("You have left");
    }
    for key in [json!(null), json!("guess")] {
        let hello = json!({"name": "rob", "room": SECRET, "key": key});
        let mut client = LineClient::connect(server.address("tcp"));
        client.send(&hello.to_string());
        assert_eq!(client.expect_close(), [why(SECRET)]);
    }
}

#[test]
fn nothing_without_a_token_names_it() {
    let (server, _ann) = start("+invite-only");
    for path in ["api/status", "api/nodes", "metrics", "readyz", "healthz"] {
        let answer = server.get_as("none", &format!("/{path}"));
        assert!(
            !answer.body.contains(OWN_SPELLING),
            "{path}: {}",
            answer.body
        );
    }
    let [there, nothing] = [SECRET, NOTHING].map(|room| {
        let answer = server.get_as("none", &format!("/admin/channels/{room}"));
        (answer.status, answer.body.replace(room, "<channel>"))
    });
    assert_eq!(there, nothing);
    // The page that an invitation leads to is the same for every name.
    let pages = [SECRET, NOTHING].map(|room| {
        let url = format!("http://{}/join/{room}/{}", server.web(), "0".repeat(32));
        let mut answer = ureq::get(url).call().unwrap();
        let body = answer.body_mut().read_to_string().unwrap();
        body.replace(room, "<channel>")
    });
    assert_eq!(pages[0], pages[1]);
}
