//! Whoever may not read a message neither changes nor answers it, by no protocol, and cannot tell it
//! from one that does not exist. (By REST: `accounts/mending.rs`. Neither gRPC nor the WebSocket for
//! direct messages names messages by their ids.)

use serde_json::{Value, json};

use crate::support::{IrcClient, JsonClient, LineClient, Server, User, call};

/// Messages that others may read, and who wrote them.
struct Hidden {
    server: Server,
    ann: JsonClient,
    cat: JsonClient,
    ids: Vec<String>,
}

fn join(client: &mut JsonClient, room: &str) {
    client.send("join", json!({ "room": room }));
    while client.expect("joined")["room"] != room {}
}

fn say(client: &mut JsonClient, room: &str, body: &str) -> String {
    client.send(
        "message",
        json!({ "room": room, "body": body, "tag": body }),
    );
    let stored = client.expect("stored");
    stored["id"].as_str().unwrap().to_owned()
}

/// An id of the same time: no message has it.
fn beside(id: &str) -> String {
    let (ms, sequence) = id.split_once('-').unwrap();
    let sequence: u64 = sequence.parse().unwrap();
    format!("{ms}-{}", sequence + 1000)
}

impl Hidden {
    /// Ann says something in a secret room, in one that nobody else is in, and in one that others
    /// come into later, she and cat write to each other, and one of her messages in a room for all
    /// is deleted.
    fn new() -> Hidden {
        let server = Server::start(|config| {
            config["listen"]["tcp"] = "127.0.0.1:0".into();
            config["listen"]["irc"] = "127.0.0.1:0".into();
            config["limits"]["message_rate"] = 0.into();
            config["limits"]["auth_attempts"] = 0.into();
        });
        let [mut ann, mut cat] = ["ann", "cat"].map(|name| {
            let token = JsonClient::registered(&server, name);
            JsonClient::come_in(&server, &token)
        });
        let mut ids = Vec::new();
        let secret = json!({ "rule": "secret", "value": true });
        let since = json!({ "rule": "history", "value": "since" });
        for (room, rule) in [("lair", secret), ("club", since), ("open", Value::Null)] {
            join(&mut ann, room);
            if rule.is_object() {
                ann.send("register_room", json!({ "room": room }));
                ann.send("setrules", json!({ "room": room, "changes": [rule] }));
            }
            ids.push(say(&mut ann, room, &format!("the plan of {room}")));
        }
        cat.send("private", json!({ "to": "ann", "body": "the plan" }));
        let private = ann.expect("private");
        ids.push(private["id"].as_str().unwrap().to_owned());
        join(&mut ann, "dev");
        let gone = say(&mut ann, "dev", "the old plan");
        ann.send("delete", json!({ "id": gone }));
        ann.expect("deleted");
        ids.push(gone);
        ann.settle();
        cat.settle();
        Hidden {
            server,
            ann,
            cat,
            ids,
        }
    }

    /// Checks that nothing was told to those who read the messages, and that all still say the same.
    fn stays_as_before(mut self) {
        for client in [&mut self.ann, &mut self.cat] {
            let told = client.settle();
            let changes = ["edited", "deleted", "reacted", "reactions"];
            let changed = told.iter().any(|it| changes.contains(&it.as_str()));
            assert!(!changed, "{told:?}");
        }
        for room in ["lair", "club", "open"] {
            self.ann
                .send("history", json!({ "room": room, "limit": 50 }));
            let history = self.ann.expect("history");
            let messages = history["messages"].as_array().unwrap();
            assert_eq!(messages.len(), 1, "{history}");
            assert_eq!(messages[0]["body"], format!("the plan of {room}"));
            assert_eq!(messages[0]["reactions"], Value::Null);
        }
    }
}

/// The frames that come before the answer to a question asked now.
fn frames(client: &mut JsonClient) -> Vec<String> {
    client.send("presence", json!({ "users": [] }));
    let mut frames = Vec::new();
    loop {
        let frame = client.next().expect("closed before the answer");
        match frame["type"] == "presence" {
            true => return frames,
            false => frames.push(frame.to_string()),
        }
    }
}

/// What JSON clients ask about a message; arguments with `id` get its id in that place.
fn questions() -> Vec<(&'static str, Value)> {
    let long = "x".repeat(10_000);
    vec![
        ("edit", json!({ "id": "ID", "body": "mine" })),
        ("edit", json!({ "id": "ID", "body": "" })),
        ("delete", json!({ "id": "ID" })),
        ("delete", json!({ "id": "ID", "reason": "spam" })),
        ("delete", json!({ "id": "ID", "reason": long })),
        ("react", json!({ "id": "ID", "sign": "👍" })),
        ("react", json!({ "id": "ID", "sign": "👍", "on": false })),
        ("react", json!({ "id": "ID", "sign": "two words" })),
        (
            "message",
            json!({ "room": "dev", "body": "hm", "reply_to": "ID" }),
        ),
        (
            "message",
            json!({ "room": "club", "body": "hm", "reply_to": "ID" }),
        ),
        (
            "private",
            json!({ "to": "ann", "body": "hm", "reply_to": "ID" }),
        ),
        ("history", json!({ "room": "dev", "before": "ID" })),
        ("history", json!({ "room": "dev", "after": "ID" })),
        ("history", json!({ "room": "club", "before": "ID" })),
        ("history", json!({ "room": "club", "after": "ID" })),
        ("thread", json!({ "user": "ann", "before": "ID" })),
        ("thread", json!({ "user": "ann", "after": "ID" })),
        (
            "search",
            json!({ "room": "club", "query": "plan", "before": "ID" }),
        ),
        ("readroom", json!({ "room": "dev", "id": "ID" })),
        ("read", json!({ "user": "ann", "id": "ID" })),
    ]
}

#[test]
fn json_clients_cannot_tell_it_from_none() {
    let hidden = Hidden::new();
    let token = JsonClient::registered(&hidden.server, "bob");
    let bob = JsonClient::come_in(&hidden.server, &token);
    let guest = JsonClient::enter(&hidden.server, "gus");
    for mut client in [bob, guest] {
        join(&mut client, "dev");
        join(&mut client, "club");
        frames(&mut client);
        for id in &hidden.ids {
            for (kind, args) in questions() {
                // Where the deleted one was is shown in its room, as a gap is.
                let is_part = matches!(kind, "history" | "search");
                if is_part && args["room"] == "dev" && hidden.ids.last() == Some(id) {
                    continue;
                }
                let told = [id.clone(), beside(id)].map(|id| {
                    let args = args.to_string().replace("ID", &id);
                    client.send(kind, serde_json::from_str(&args).unwrap());
                    let told = frames(&mut client).join("\n");
                    told.replace(&id, "ID")
                });
                assert_eq!(told[0], told[1], "{kind} {args}");
                assert!(!told[0].contains("plan of"), "{}", told[0]);
            }
        }
    }
    hidden.stays_as_before();
}

/// Without the digits, which are in ids and times.
fn without_digits(lines: &[String]) -> String {
    let lines = lines.join("\n");
    lines.chars().filter(|it| !it.is_ascii_digit()).collect()
}

#[test]
fn irc_clients_cannot_tell_it_from_none() {
    let hidden = Hidden::new();
    let caps = "message-tags echo-message draft/message-redaction batch draft/chathistory \
                standard-replies";
    let mut bob = IrcClient::enter_with(&hidden.server, "bob", caps);
    for channel in ["#dev", "#club"] {
        bob.send(&format!("JOIN {channel}"));
        bob.expect(" 366 ");
    }
    bob.settle();
    for id in &hidden.ids {
        for target in ["#dev", "#club", "#lair", "ann"] {
            for line in [
                "REDACT TO ID",
                "REDACT TO ID :spam",
                "@+draft/reply=ID;+draft/react=lol TAGMSG TO",
                "@+draft/reply=ID;+draft/unreact=lol TAGMSG TO",
                "CHATHISTORY BEFORE TO msgid=ID 10",
                "CHATHISTORY AFTER TO msgid=ID 10",
                "CHATHISTORY AROUND TO msgid=ID 10",
            ] {
                let told = [id.clone(), beside(id)].map(|id| {
                    bob.send(&line.replace("TO", target).replace("ID", &id));
                    let told = bob.settle();
                    assert!(!told.iter().any(|it| it.contains("plan of")), "{told:?}");
                    without_digits(&told)
                });
                assert_eq!(told[0], told[1], "{line} {target}");
            }
        }
        // What it would answer is left out, and the words are said.
        bob.send(&format!("@+draft/reply={id} PRIVMSG #dev :hm"));
        let line = bob.expect(" PRIVMSG #dev :hm");
        assert!(!line.contains("reply"), "{line}");
    }
    hidden.stays_as_before();
}

#[test]
fn on_lines_nobody_is_meant_who_was_not_heard() {
    let hidden = Hidden::new();
    let mut bob = LineClient::enter_channel(&hidden.server, "bob", "club");
    bob.settle();
    for line in [
        "/react @WHO lol",
        "/reply @WHO hm",
        "/delete @WHO",
        "/delete",
        "/edit mine",
    ] {
        // Ann has spoken before bob came, and cat never.
        let told = ["ann", "cat"].map(|who| {
            bob.send(&line.replace("WHO", who));
            bob.settle().join("\n").replace(who, "WHO")
        });
        assert_eq!(told[0], told[1], "{line}");
    }
    hidden.stays_as_before();
}

#[test]
fn programs_cannot_answer_it() {
    let hidden = Hidden::new();
    let token = hidden
        .server
        .token_for("builds", &["post:#dev", "read:#dev", "post:#club"]);
    let at = hidden.server.rest().unwrap();
    for id in &hidden.ids {
        for room in ["dev", "club"] {
            let told = [id.clone(), beside(id)].map(|id| {
                let body = json!({ "text": "hm", "reply_to": id }).to_string();
                let request = format!("POST /api/channels/{room}/messages");
                let fields = "Content-Type: application/json\r\n";
                let told = call(at, &token, &request, fields, &body);
                (told.status, told.body.replace(&id, "ID"))
            });
            assert_eq!(told[0], told[1], "{room}");
            assert_eq!(told[0].0, 404, "{}", told[0].1);
        }
    }
    hidden.stays_as_before();
}
