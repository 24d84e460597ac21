//! The rooms of an account are the same on all servers.

use serde_json::{Value, json};

use crate::shared::Common;
use crate::support::{JsonClient, Server, wait_until};

/// The account's client on this server, with the token that all servers accept.
fn on(server: &Server, token: &str) -> JsonClient {
    JsonClient::come_in(server, token)
}

/// The rooms of the client's account besides `global`: name, unread, mentions, muted.
fn rooms(client: &mut JsonClient) -> Vec<Value> {
    client.send("myrooms", Value::Null);
    let answer = client.expect("myrooms");
    let rooms = answer["rooms"].as_array().unwrap().iter();
    let rooms = rooms.filter(|room| room["name"] != "global");
    rooms
        .map(|it| json!([it["name"], it["unread"], it["mentions"], it["muted"]]))
        .collect()
}

fn wait_rooms(client: &mut JsonClient, expected: &Value) {
    wait_until("the rooms are known", || json!(rooms(client)) == *expected);
}

#[test]
fn rooms_marks_and_mutes_are_the_same_on_all_servers() {
    let common = Common::new();
    let [one, two] = common.servers();
    let token = JsonClient::registered(&one, "alice");
    let mut desk = on(&one, &token);
    let mut phone = on(&two, &token);
    let mut bob = JsonClient::enter(&two, "bob");
    for room in ["dev", "ops"] {
        desk.send("join", json!({ "room": room }));
        assert_eq!(desk.expect("joined")["room"], room);
    }
    wait_rooms(
        &mut phone,
        &json!([["dev", 0, 0, false], ["ops", 0, 0, false]]),
    );
    bob.send("join", json!({"room": "dev"}));
    bob.expect("joined");
    let mut ids = Vec::new();
    for (tag, body) in [("t1", "one"), ("t2", "two for @alice")] {
        bob.send("message", json!({"room": "dev", "body": body, "tag": tag}));
        ids.push(bob.expect("stored")["id"].clone());
    }
    let both = json!([["dev", 2, 1, false], ["ops", 0, 0, false]]);
    wait_rooms(&mut phone, &both);
    wait_rooms(&mut desk, &both);
    // What is read on one server is read on the other.
    phone.send("readroom", json!({"room": "dev", "id": ids[0]}));
    let told = desk.expect("roomread");
    assert_eq!((&told["room"], &told["id"]), (&json!("dev"), &ids[0]));
    desk.send("muteroom", json!({"room": "ops", "muted": true}));
    assert_eq!(phone.expect("roommuted")["muted"], true);
    let both = json!([["dev", 1, 1, false], ["ops", 0, 0, true]]);
    wait_rooms(&mut phone, &both);
    wait_rooms(&mut desk, &both);
    // A room that the account leaves, and one that it is removed from on another server.
    phone.send("leave", json!({"room": "ops"}));
    desk.send("leave", json!({"room": "ops"}));
    wait_rooms(&mut phone, &json!([["dev", 1, 1, false]]));
    let mut carol = JsonClient::enter(&two, "carol");
    carol.send("join", json!({"room": "den"}));
    while carol.expect("role")["room"] != "den" {}
    desk.send("join", json!({"room": "den"}));
    desk.expect("joined");
    wait_rooms(
        &mut phone,
        &json!([["den", 0, 0, false], ["dev", 1, 1, false]]),
    );
    wait_until("carol's server knows that alice is there", || {
        carol.send("listusers", json!({"room": "den"}));
        let answer = carol.expect("users");
        answer["users"]
            .as_array()
            .is_some_and(|users| users.contains(&json!("alice")))
    });
    let secret = json!([{"rule": "secret", "value": true}]);
    carol.send("setrules", json!({"room": "den", "changes": secret}));
    carol.send("kick", json!({"room": "den", "user": "alice"}));
    desk.expect("left");
    wait_rooms(&mut phone, &json!([["dev", 1, 1, false]]));
    wait_rooms(&mut desk, &json!([["dev", 1, 1, false]]));
}
