//! The past that is not shown on joining is not found in other ways, either.

use serde_json::{Value, json};

use crate::support::{JsonClient, Server};

/// The texts in a frame's messages.
fn texts(frame: &Value, key: &str) -> Vec<String> {
    let messages = frame[key].as_array().unwrap().iter();
    let texts = messages.map(|it| it["body"].as_str().unwrap().to_owned());
    texts.collect()
}

fn searched(client: &mut JsonClient) -> Vec<String> {
    client.send("search", json!({ "room": "club", "query": "plan" }));
    let found = client.expect("found");
    assert_eq!(found["complete"], true, "{found}");
    texts(&found, "messages")
}

fn read(client: &mut JsonClient) -> Vec<String> {
    client.send("history", json!({ "room": "club", "limit": 50 }));
    texts(&client.expect("history"), "messages")
}

#[test]
fn what_was_said_before_one_was_a_member_is_neither_read_nor_found() {
    let server = Server::start(|_| {});
    let token = JsonClient::registered(&server, "ann");
    let mut ann = JsonClient::come_in(&server, &token);
    ann.send("join", json!({ "room": "club" }));
    ann.expect("joined");
    ann.send("register_room", json!({ "room": "club" }));
    ann.expect("rules");
    let since = json!([{ "rule": "history", "value": "since" }]);
    ann.send("setrules", json!({ "room": "club", "changes": since }));
    ann.expect("rules");
    ann.send("message", json!({ "room": "club", "body": "the old plan" }));
    ann.expect("message");
    let mut bob = JsonClient::enter(&server, "bob");
    bob.send("join", json!({ "room": "club" }));
    bob.expect("joined");
    ann.send("message", json!({ "room": "club", "body": "the new plan" }));
    bob.expect("message");
    assert_eq!(read(&mut bob), ["the new plan"]);
    assert_eq!(searched(&mut bob), ["the new plan"]);
    assert_eq!(searched(&mut ann), ["the new plan", "the old plan"]);
    ann.send("kick", json!({ "room": "club", "user": "bob" }));
    assert_eq!(bob.expect("left")["code"], "kicked");
    let search = json!({ "room": "club", "query": "plan" });
    for (kind, args) in [("search", search), ("history", json!({ "room": "club" }))] {
        bob.send(kind, args);
        assert_eq!(bob.expect("error")["code"], "not_in_channel");
    }
}
