//! Messages that are edited, deleted and reacted to on one server change on all.

use serde_json::{Value, json};

use crate::shared::Common;
use crate::support::{JsonClient, Server, wait_until};

fn enter(server: &Server, nickname: &str) -> JsonClient {
    let mut client = JsonClient::enter(server, nickname);
    client.send("join", json!({"room": "dev"}));
    while client.expect("joined")["room"] != "dev" {}
    client.settle();
    client
}

fn say(client: &mut JsonClient, body: &str) -> String {
    client.send("message", json!({"room": "dev", "body": body, "tag": body}));
    let stored = client.expect("stored");
    stored["id"].as_str().unwrap().to_owned()
}

/// The bodies in the history of the room; what was deleted is `null`.
fn history(client: &mut JsonClient) -> Vec<Value> {
    client.send("history", json!({"room": "dev", "limit": 50}));
    let answer = client.expect("history");
    let messages = answer["messages"].as_array().unwrap().iter();
    let shown = |it: &Value| match it["deleted"] == true {
        true => Value::Null,
        false => it["body"].clone(),
    };
    messages.map(shown).collect()
}

/// Waits until a frame of this kind is about a message.
fn told(client: &mut JsonClient, kind: &str, id: &str) -> Value {
    loop {
        let frame = client.expect(kind);
        if frame["id"] == id {
            return frame;
        }
    }
}

#[test]
fn what_is_edited_and_deleted_on_one_server_is_on_all() {
    let common = Common::new();
    let [one, two] = common.servers();
    let mut ann = enter(&one, "ann");
    let mut bob = enter(&two, "bob");
    let edited = say(&mut ann, "teh cat");
    let deleted = say(&mut ann, "a secret");
    let last = say(&mut ann, "the end");
    told(&mut bob, "message", &last);

    // Only the author may, whatever the server.
    bob.send("edit", json!({"id": edited, "body": "mine now"}));
    assert_eq!(bob.expect("error")["code"], "not_author");

    ann.send("edit", json!({"id": edited, "body": "the cat"}));
    ann.send("delete", json!({"id": deleted}));
    for client in [&mut ann, &mut bob] {
        assert_eq!(told(client, "edited", &edited)["body"], "the cat");
        told(client, "deleted", &deleted);
    }
    let expected = json!(["the cat", null, "the end"]);
    for client in [&mut ann, &mut bob] {
        assert_eq!(json!(history(client)), expected);
    }
    // Once it is stored, a search on either server knows nothing of the former texts.
    for client in [&mut ann, &mut bob] {
        for word in ["teh", "secret"] {
            wait_until("the former text is not found", || {
                client.send("search", json!({"room": "dev", "query": word}));
                client.expect("found")["messages"] == json!([])
            });
        }
    }
    // A server that starts afterwards has the same.
    let [three, _] = common.servers();
    let mut eve = enter(&three, "eve");
    assert_eq!(json!(history(&mut eve)), expected);
}

/// Reacts, and waits until that is told.
fn react(client: &mut JsonClient, id: &str, sign: &str, on: bool) {
    client.send("react", json!({"id": id, "sign": sign, "on": on}));
    loop {
        let frame = told(client, "reacted", id);
        if frame["sign"] == sign && frame["on"] == on {
            return;
        }
    }
}

/// The signs of the first message of the room, with who gave them.
fn signs(client: &mut JsonClient) -> Value {
    client.send("history", json!({"room": "dev", "limit": 50}));
    client.expect("history")["messages"][0]["reactions"].clone()
}

#[test]
fn reactions_on_several_servers_are_one() {
    let common = Common::new();
    let [one, two] = common.servers();
    let mut ann = enter(&one, "ann");
    let mut bob = enter(&two, "bob");
    let id = say(&mut ann, "lunch is here");
    let last = say(&mut ann, "the end");
    told(&mut bob, "message", &last);
    react(&mut bob, &id, "👍", true);
    let frame = told(&mut ann, "reacted", &id);
    assert_eq!(
        (&frame["user"], &frame["sign"]),
        (&json!("bob"), &json!("👍"))
    );
    react(&mut ann, &id, "👍", true);
    react(&mut ann, &id, "yum", true);
    react(&mut ann, &id, "👍", false);
    while told(&mut bob, "reacted", &id)["on"] == true {}
    let expected = json!([
        {"sign": "👍", "count": 1, "users": ["bob"]},
        {"sign": "yum", "count": 1, "users": ["ann"]},
    ]);
    for client in [&mut ann, &mut bob] {
        assert_eq!(signs(client), expected);
    }
    // One who was away is told, whether PostgreSQL has it yet or only the log.
    let mut dan = JsonClient::enter(&two, "dan");
    dan.send("resume", json!({"room": "dev", "after": last}));
    assert_eq!(told(&mut dan, "reactions", &id)["reactions"], expected);
    wait_until("PostgreSQL has it", || {
        dan.send("search", json!({"room": "dev", "query": "lunch"}));
        dan.expect("found")["messages"][0]["reactions"] == expected
    });
    let [three, _] = common.servers();
    let mut eve = enter(&three, "eve");
    assert_eq!(signs(&mut eve), expected);
    ann.send("delete", json!({"id": id}));
    told(&mut eve, "deleted", &id);
    assert_eq!(signs(&mut eve), Value::Null);
}

#[test]
fn what_is_said_on_one_server_is_answered_on_another() {
    let common = Common::new();
    let [one, two] = common.servers();
    let mut ann = enter(&one, "ann");
    let mut bob = enter(&two, "bob");
    let said = say(&mut ann, "tea?");
    told(&mut bob, "message", &said);
    let args = json!({"room": "dev", "body": "yes", "reply_to": said, "tag": "yes"});
    bob.send("message", args);
    let id = bob.expect("stored")["id"].as_str().unwrap().to_owned();
    let frame = told(&mut ann, "message", &id);
    assert_eq!(
        (&frame["reply_to"], &frame["reply_author"]),
        (&json!(said), &json!("ann"))
    );
    let [three, _] = common.servers();
    for client in [&mut ann, &mut bob, &mut enter(&three, "eve")] {
        client.send("history", json!({"room": "dev", "limit": 50}));
        let last = client.expect("history")["messages"][1].clone();
        assert_eq!((&last["id"], &last["reply_to"]), (&json!(id), &json!(said)));
    }
}
