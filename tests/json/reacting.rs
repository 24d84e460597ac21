//! Users react to messages, and every screen shows the same.

use serde_json::{Value, json};

use crate::support::{JsonClient, LineClient, Server, User};

fn join(client: &mut JsonClient, room: &str) {
    client.send("join", json!({ "room": room }));
    client.expect("joined");
}

fn text(frame: &Value, field: &str) -> String {
    frame[field].as_str().unwrap_or_default().to_owned()
}

/// The next frame of this type that is the one.
fn expect_where(client: &mut JsonClient, kind: &str, is_it: impl Fn(&Value) -> bool) -> Value {
    loop {
        let frame = client.expect(kind);
        if is_it(&frame) {
            return frame;
        }
    }
}

/// Says something in a room, and returns the message's id.
fn say(client: &mut JsonClient, room: &str, body: &str) -> String {
    client.send("message", json!({ "room": room, "body": body }));
    text(
        &expect_where(client, "message", |it| it["body"] == body),
        "id",
    )
}

fn react(client: &mut JsonClient, id: &str, sign: &str, on: bool) {
    client.send("react", json!({ "id": id, "sign": sign, "on": on }));
}

/// Reacts, and waits until that is told.
fn reacted(client: &mut JsonClient, id: &str, sign: &str, on: bool) -> Value {
    react(client, id, sign, on);
    expect_where(client, "reacted", |it| it["sign"] == sign && it["on"] == on)
}

fn refused(client: &mut JsonClient, id: &str, sign: &str) -> Value {
    react(client, id, sign, true);
    client.expect("error")
}

fn history(client: &mut JsonClient, room: &str) -> Vec<Value> {
    client.send("history", json!({ "room": room, "limit": 50 }));
    client.expect("history")["messages"]
        .as_array()
        .unwrap()
        .clone()
}

#[test]
fn a_reaction_is_seen_on_every_screen() {
    let server = Server::start(|_| {});
    let mut ann = JsonClient::enter(&server, "ann");
    let mut bob = JsonClient::enter(&server, "bob");
    join(&mut ann, "dev");
    join(&mut bob, "dev");
    let id = say(&mut ann, "dev", "lunch is here");
    let own = reacted(&mut bob, &id, "👍", true);
    let frame = ann.expect("reacted");
    assert_eq!(frame, own);
    let told = ["room", "id", "user", "sign", "author"].map(|field| text(&frame, field));
    assert_eq!(told, ["dev", &id, "bob", "👍", "ann"]);
    assert_eq!(
        (&frame["from"], &frame["on"]),
        (&json!("system"), &json!(true))
    );
    assert_eq!(frame["body"], "bob reacted 👍 to a message of @ann.");
    assert!(text(&frame, "reacted") > id);
    reacted(&mut ann, &id, "👍", true);
    reacted(&mut ann, &id, "yum", true);
    let expected = json!([
        { "sign": "👍", "count": 2, "users": ["bob", "ann"] },
        { "sign": "yum", "count": 1, "users": ["ann"] },
    ]);
    // One who asks for it, or searches, has it; and one who comes in.
    let shown = &history(&mut ann, "dev")[0];
    assert_eq!(shown["reactions"][0]["count"], 2);
    // The reader is named first.
    assert_eq!(shown["reactions"][0]["users"], json!(["ann", "bob"]));
    ann.send("search", json!({ "room": "dev", "query": "lunch" }));
    let found = &ann.expect("found")["messages"][0];
    assert_eq!(found["reactions"], shown["reactions"]);
    let mut dan = JsonClient::enter(&server, "dan");
    dan.send("join", json!({ "room": "dev" }));
    let shown = expect_where(&mut dan, "history", |it| it["room"] == "dev");
    assert_eq!(shown["messages"][0]["reactions"], expected);
    // It stays when the message is edited, and is gone when it is taken back.
    ann.send("edit", json!({ "id": id, "body": "lunch is gone" }));
    ann.expect("edited");
    let off = reacted(&mut bob, &id, "👍", false);
    assert_eq!(off["body"], "bob took 👍 back from a message of @ann.");
    expect_where(&mut ann, "reacted", |it| it["on"] == false);
    let shown = &history(&mut dan, "dev")[0];
    assert_eq!(shown["body"], "lunch is gone");
    assert_eq!(
        shown["reactions"][0],
        json!({ "sign": "👍", "count": 1, "users": ["ann"] })
    );
    assert_eq!(shown["reacted"], off["reacted"]);
    // Nothing is left of it with a message that is deleted.
    ann.send("delete", json!({ "id": id }));
    expect_where(&mut dan, "deleted", |it| it["id"] == id.as_str());
    let gone = &history(&mut dan, "dev")[0];
    assert_eq!(
        (&gone["deleted"], &gone["reactions"]),
        (&json!(true), &Value::Null)
    );
    assert_eq!(refused(&mut bob, &id, "👍")["code"], "no_such_message");
}

#[test]
fn reacting_twice_is_told_once() {
    let server = Server::start(|_| {});
    let mut ann = JsonClient::enter(&server, "ann");
    let mut bob = JsonClient::enter(&server, "bob");
    join(&mut ann, "dev");
    join(&mut bob, "dev");
    let id = say(&mut ann, "dev", "hello");
    reacted(&mut bob, &id, "👍", true);
    react(&mut bob, &id, "👍", true);
    let state = bob.expect("reactions");
    assert_eq!(state["id"], id.as_str());
    assert_eq!(
        state["reactions"],
        json!([{ "sign": "👍", "count": 1, "users": ["bob"] }])
    );
    assert_eq!(state["body"], "A message of @ann has 👍 1.");
    react(&mut bob, &id, "👎", false);
    assert_eq!(bob.expect("reactions")["reactions"], state["reactions"]);
    reacted(&mut bob, &id, "done", true);
    let told = [ann.expect("reacted"), ann.expect("reacted")].map(|it| text(&it, "sign"));
    assert_eq!(told, ["👍", "done"]);
}

#[test]
fn people_on_lines_are_shown_their_own_ones() {
    let server = Server::start(|_| {});
    let mut ann = LineClient::enter_channel(&server, "ann", "dev");
    let mut bob = LineClient::enter_channel(&server, "bob", "dev");
    let mut eve = LineClient::enter_channel(&server, "eve", "dev");
    let mut dan = JsonClient::enter(&server, "dan");
    join(&mut dan, "dev");
    ann.send("lunch is here");
    bob.expect("@ann: lunch is here");
    dan.expect("message");
    bob.send("/react @ann :+1:");
    ann.expect("* @bob reacted 👍 to @ann");
    bob.expect("* @bob reacted 👍 to @ann");
    assert_eq!(dan.expect("reacted")["sign"], "👍");
    bob.send("/react @ann 👍");
    ann.expect("* @bob took 👍 back from @ann");
    bob.expect("* @bob took 👍 back from @ann");
    assert_eq!(dan.expect("reacted")["on"], false);
    for (line, answer) in [
        ("/react @zoe 👍", "There is no such message."),
        ("/react @ann", "Something is missing: /react @nick sign"),
        (
            "/react @ann two words",
            "a sign is one emoji, or one word of at most 16 characters.",
        ),
    ] {
        bob.send(line);
        bob.expect(answer);
    }
    bob.send("that is all");
    eve.expect("@bob: that is all");
    assert!(!eve.transcript().contains("👍"), "{}", eve.transcript());
}

#[test]
fn only_who_reads_a_message_and_may_speak_there_reacts() {
    let server = Server::start(|_| {});
    let token = JsonClient::registered(&server, "ann");
    let mut ann = JsonClient::come_in(&server, &token);
    join(&mut ann, "club");
    let id = say(&mut ann, "club", "among us");
    let mut bob = JsonClient::enter(&server, "bob");
    // To one who is not there, the message is like one that does not exist.
    let nothing = refused(&mut bob, "1763712000123-0", "👍");
    assert_eq!(nothing["code"], "no_such_message");
    assert_eq!(refused(&mut bob, &id, "👍"), nothing);
    join(&mut bob, "club");
    let changes = json!([{ "rule": "moderated", "value": true }]);
    ann.send("setrules", json!({ "room": "club", "changes": changes }));
    expect_where(&mut bob, "rules", |it| it["changes"].is_array());
    assert_eq!(refused(&mut bob, &id, "👍")["code"], "cannot_speak");
    let changes = json!([{ "rule": "moderated", "value": false }]);
    ann.send("setrules", json!({ "room": "club", "changes": changes }));
    expect_where(&mut bob, "rules", |it| it["changes"][0]["value"] == false);
    reacted(&mut bob, &id, "👍", true);
    ann.send(
        "ban",
        json!({ "room": "club", "user": "bob", "mute": true }),
    );
    expect_where(&mut bob, "rules", |it| it["changes"][0]["rule"] == "mute");
    assert_eq!(refused(&mut bob, &id, "👎")["code"], "cannot_speak");
    for bad in ["", "two words", "seventeen_letters", "\u{200b}"] {
        let frame = refused(&mut ann, &id, bad);
        assert_eq!(frame["code"], "bad_argument", "{frame}");
        assert!(text(&frame, "body").contains("16 characters"), "{frame}");
    }
}

#[test]
fn a_guest_takes_back_only_their_own() {
    let server = Server::start(|_| {});
    let mut ann = JsonClient::enter(&server, "ann");
    join(&mut ann, "dev");
    let id = say(&mut ann, "dev", "hello");
    let mut bob = LineClient::enter_channel(&server, "bob", "dev");
    bob.send("/react @ann 👍");
    ann.expect("reacted");
    bob.send("/quit");
    bob.expect_close();
    ann.expect("leave");
    let mut other = JsonClient::enter(&server, "bob");
    join(&mut other, "dev");
    react(&mut other, &id, "👍", false);
    assert_eq!(other.expect("error")["code"], "not_your_reaction");
    reacted(&mut other, &id, "👎", true);
    reacted(&mut other, &id, "👎", false);
    // An account takes its own back from any connection.
    let token = JsonClient::registered(&server, "eve");
    let mut eve = JsonClient::come_in(&server, &token);
    join(&mut eve, "dev");
    reacted(&mut eve, &id, "👍", true);
    let mut eve = JsonClient::come_in(&server, &token);
    join(&mut eve, "dev");
    reacted(&mut eve, &id, "👍", false);
}

#[test]
fn a_message_takes_twenty_signs() {
    let server = Server::start(|config| config["limits"]["message_rate"] = 0.into());
    let mut ann = JsonClient::enter(&server, "ann");
    let mut bob = JsonClient::enter(&server, "bob");
    join(&mut ann, "dev");
    join(&mut bob, "dev");
    let id = say(&mut ann, "dev", "hello");
    // All at once: those that are being committed count.
    for n in 0..15 {
        react(&mut ann, &id, &format!("a{n}"), true);
        react(&mut bob, &id, &format!("b{n}"), true);
    }
    for client in [&mut ann, &mut bob] {
        client.send("presence", json!({ "users": [] }));
        client.expect("presence");
    }
    let shown = history(&mut ann, "dev");
    assert_eq!(shown[0]["reactions"].as_array().unwrap().len(), 20);
    let frame = refused(&mut ann, &id, "another");
    assert_eq!(frame["code"], "too_many_signs", "{frame}");
    assert!(text(&frame, "body").contains("20"), "{frame}");
    // One that is there already can be joined.
    let sign = text(&shown[0]["reactions"][0], "sign");
    let mut eve = JsonClient::enter(&server, "eve");
    join(&mut eve, "dev");
    reacted(&mut eve, &id, &sign, true);
    assert_eq!(history(&mut eve, "dev")[0]["reactions"][0]["count"], 2);
}

#[test]
fn many_are_counted_and_the_reader_is_named_among_them() {
    let server = Server::start(|config| config["limits"]["auth_attempts"] = 0.into());
    let mut ann = JsonClient::enter(&server, "ann");
    join(&mut ann, "dev");
    let id = say(&mut ann, "dev", "hello");
    let mut all: Vec<JsonClient> = (0..12)
        .map(|n| {
            let mut client = JsonClient::enter(&server, &format!("u{n}"));
            join(&mut client, "dev");
            reacted(&mut client, &id, "👍", true);
            client
        })
        .collect();
    let last = all.last_mut().unwrap();
    let sign = history(last, "dev")[0]["reactions"][0].clone();
    assert_eq!(sign["count"], 12);
    assert_eq!(sign["users"].as_array().unwrap().len(), 10);
    assert_eq!(
        (&sign["users"][0], &sign["users"][1]),
        (&json!("u11"), &json!("u0"))
    );
    // Also to one who comes in, and after being cut off.
    let mut other = JsonClient::enter(&server, "dan");
    reacted(&mut ann, &id, "👍", true);
    let token = JsonClient::registered(&server, "eve");
    let mut eve = JsonClient::come_in(&server, &token);
    join(&mut eve, "dev");
    reacted(&mut eve, &id, "👍", true);
    let mut eve = JsonClient::come_in(&server, &token);
    eve.send("join", json!({ "room": "dev" }));
    let shown = expect_where(&mut eve, "history", |it| it["room"] == "dev");
    assert_eq!(shown["messages"][0]["reactions"][0]["users"][0], "eve");
    other.send("resume", json!({ "room": "dev", "after": "0-0" }));
    let shown = expect_where(&mut other, "message", |it| it["room"] == "dev");
    assert_eq!(shown["reactions"][0]["count"], 14, "{shown}");
    assert_eq!(shown["reactions"][0]["users"][0], "u0");
}

#[test]
fn a_client_that_was_away_gets_what_was_reacted_to() {
    let server = Server::start(|_| {});
    let mut ann = JsonClient::enter(&server, "ann");
    join(&mut ann, "dev");
    let first = say(&mut ann, "dev", "first");
    let second = say(&mut ann, "dev", "second");
    // Here bob is cut off.
    let before = text(&reacted(&mut ann, &first, "👍", true), "reacted");
    let third = say(&mut ann, "dev", "third");
    reacted(&mut ann, &third, "👍", true);
    reacted(&mut ann, &second, "👍", true);
    let off = text(&reacted(&mut ann, &second, "👍", false), "reacted");
    let mut bob = JsonClient::enter(&server, "bob");
    bob.send("resume", json!({ "room": "dev", "after": second }));
    let mut told = Vec::new();
    loop {
        let frame = bob.next().unwrap();
        match frame["type"].as_str() {
            Some("resumed") => break,
            Some(kind @ ("message" | "reactions")) if frame["room"] == "dev" => {
                let signs = frame["reactions"].as_array().unwrap().len();
                let id = text(&frame, "id");
                told.push((kind.to_owned(), id, signs, text(&frame, "reacted")));
            }
            _ => {}
        }
    }
    let last = told[1].3.clone();
    let row = |kind: &str, id: &str, signs: usize, at: &str| {
        (kind.to_owned(), id.to_owned(), signs, at.to_owned())
    };
    // In the order of their ids.
    assert_eq!(
        told,
        [
            row("reactions", &first, 1, &before),
            row("message", &third, 1, &last),
            row("reactions", &second, 0, &off),
        ]
    );
}

#[test]
fn direct_messages_are_reacted_to_by_both() {
    let server = Server::start(|_| {});
    let [ann_token, bob_token] = ["ann", "bob"].map(|name| JsonClient::registered(&server, name));
    let mut ann = JsonClient::come_in(&server, &ann_token);
    let mut bob = JsonClient::come_in(&server, &bob_token);
    let mut second = JsonClient::come_in(&server, &bob_token);
    ann.send("private", json!({ "to": "bob", "body": "tea?" }));
    let id = text(&bob.expect("private"), "id");
    react(&mut bob, &id, "👍", true);
    for client in [&mut ann, &mut bob, &mut second] {
        let frame = client.expect("reacted");
        let told = ["id", "author", "to", "user"].map(|field| text(&frame, field));
        assert_eq!(told, [&*id, "ann", "bob", "bob"]);
        assert_eq!(frame["room"], Value::Null);
    }
    reacted(&mut ann, &id, "👍", true);
    ann.send("thread", json!({ "user": "bob" }));
    let shown = ann.expect("thread")["messages"][0]["reactions"].clone();
    assert_eq!(
        shown,
        json!([{ "sign": "👍", "count": 2, "users": ["ann", "bob"] }])
    );
    expect_where(&mut bob, "reacted", |it| it["user"] == "ann");
    bob.send("inbox", json!({}));
    assert_eq!(
        bob.expect("inbox")["threads"][0]["reactions"][0]["count"],
        2
    );
    let mut eve = JsonClient::enter(&server, "eve");
    assert_eq!(refused(&mut eve, &id, "👍")["code"], "no_such_message");
    // One who asks for what came after it is told what has become of it.
    ann.send("private", json!({ "to": "bob", "body": "now?" }));
    let after = text(
        &expect_where(&mut second, "private", |it| it["body"] == "now?"),
        "id",
    );
    react(&mut bob, &id, "yes", true);
    expect_where(&mut ann, "reacted", |it| it["sign"] == "yes");
    ann.send("edit", json!({ "id": id, "body": "coffee?" }));
    expect_where(&mut second, "edited", |it| it["id"] == id.as_str());
    bob.send("thread", json!({ "user": "ann", "after": after }));
    let changes = bob.expect("thread")["changes"].clone();
    let told = ["type", "id", "author", "to"].map(|field| text(&changes[0], field));
    assert_eq!(told, ["reactions", &*id, "ann", "bob"]);
    assert_eq!(changes[0]["reactions"][1]["sign"], "yes");
    let told = ["type", "id", "body", "to"].map(|field| text(&changes[1], field));
    assert_eq!(told, ["edited", &*id, "coffee?", "bob"]);
    // One who ignores the other is told nothing.
    ann.send("ignore", json!({ "nickname": "bob" }));
    ann.expect("ignored");
    reacted(&mut bob, &id, "🎉", true);
    ann.send("presence", json!({ "users": [] }));
    loop {
        let frame = ann.next().unwrap();
        assert_ne!(frame["type"], "reacted", "{frame}");
        if frame["type"] == "presence" {
            break;
        }
    }
}

#[test]
fn without_a_history_the_last_messages_are_reacted_to() {
    let server = Server::start(|config| config["history"] = "off".into());
    let mut ann = JsonClient::enter(&server, "ann");
    join(&mut ann, "dev");
    let id = say(&mut ann, "dev", "hello");
    reacted(&mut ann, &id, "👍", true);
    let mut bob = JsonClient::enter(&server, "bob");
    bob.send("join", json!({ "room": "dev" }));
    let shown = expect_where(&mut bob, "history", |it| it["room"] == "dev");
    assert_eq!(
        shown["messages"][0]["reactions"][0]["users"],
        json!(["ann"])
    );
    reacted(&mut ann, &id, "👍", false);
    assert_eq!(bob.expect("reacted")["on"], false);
}
