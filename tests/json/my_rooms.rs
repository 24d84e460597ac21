//! The rooms of an account: kept with it, the same on all devices, with what is unread.

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use serde_json::{Value, json};

use crate::support::{JsonClient, LineClient, Server, User, wait_until};

fn account(server: &Server, nickname: &str) -> (String, JsonClient) {
    let token = JsonClient::registered(server, nickname);
    let client = JsonClient::come_in(server, &token);
    (token, client)
}

/// The rooms of the client's account: the name, and the given fields.
fn rooms(client: &mut JsonClient, fields: &[&str]) -> Vec<Value> {
    client.send("myrooms", Value::Null);
    let answer = client.expect("myrooms");
    let rooms = answer["rooms"].as_array().unwrap().iter();
    let row = |room: &Value| fields.iter().map(|field| room[field].clone()).collect();
    rooms.map(row).collect()
}

/// Waits until the client's account has these rooms, besides `global`.
fn wait_rooms(client: &mut JsonClient, fields: &[&str], expected: &Value) {
    let expected = expected.as_array().unwrap();
    let mut last = Vec::new();
    let mut got = || {
        last = rooms(client, fields);
        last.retain(|room| room[0] != "global");
        last == *expected
    };
    let mut is_so = false;
    for _ in 0..200 {
        is_so = got();
        if is_so {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(100));
    }
    assert!(is_so, "{expected:?} expected, but these: {last:?}");
}

fn join(client: &mut JsonClient, room: &str) {
    client.send("join", json!({ "room": room }));
    assert_eq!(client.expect("joined")["room"], room);
}

/// Says something, and returns its id.
fn say(client: &mut JsonClient, room: &str, body: &str) -> Value {
    client.send(
        "message",
        json!({"room": room, "body": body, "tag": format!("{room}-{}", body.len())}),
    );
    client.expect("stored")["id"].clone()
}

const COUNTS: &[&str] = &["name", "unread", "mentions"];

#[test]
fn two_devices_and_a_restart_have_the_same_rooms_and_marks() {
    let mut server = Server::start(|config| config["limits"]["message_rate"] = 0.into());
    let (token, mut desk) = account(&server, "alice");
    let (_, mut bob) = account(&server, "bob");
    join(&mut desk, "dev");
    join(&mut desk, "ops");
    join(&mut bob, "dev");
    wait_rooms(&mut desk, COUNTS, &json!([["dev", 0, 0], ["ops", 0, 0]]));
    say(&mut bob, "dev", "one");
    let second = say(&mut bob, "dev", "two for @Alice");
    say(&mut bob, "dev", "and three, not for @alicex");
    say(&mut desk, "dev", "own @alice");

    let mut phone = JsonClient::come_in(&server, &token);
    let fields = &["name", "unread", "mentions", "muted", "members"];
    wait_rooms(
        &mut phone,
        fields,
        &json!([["dev", 3, 1, false, 2], ["ops", 0, 0, false, 1]]),
    );
    // A mark of the desk is told the phone, and never goes back.
    desk.send("readroom", json!({"room": "#DEV", "id": second}));
    let told = phone.expect("roomread");
    assert_eq!((&told["room"], &told["id"]), (&json!("dev"), &second));
    desk.send("readroom", json!({"room": "dev", "id": "1-0"}));
    desk.send("muteroom", json!({"room": "ops", "muted": true}));
    for client in [&mut desk, &mut phone] {
        let told = client.expect("roommuted");
        assert_eq!(
            (&told["room"], &told["muted"]),
            (&json!("ops"), &json!(true))
        );
    }
    let expected = json!([["dev", 1, 0, false], ["ops", 0, 0, true]]);
    let fields = &["name", "unread", "mentions", "muted"];
    wait_rooms(&mut phone, fields, &expected);
    wait_rooms(&mut desk, fields, &expected);
    let marks = rooms(&mut phone, &["name", "read"]);
    assert!(marks.contains(&json!(["dev", second])), "{marks:?}");

    server.restart();
    let mut phone = JsonClient::come_in(&server, &token);
    wait_rooms(&mut phone, fields, &expected);
    assert_eq!(rooms(&mut phone, &["name", "read"]), marks);
    // Being cut off leaves the rooms, leaving ends them.
    join(&mut phone, "ops");
    phone.send("leave", json!({"room": "ops"}));
    phone.expect("left");
    wait_rooms(&mut phone, fields, &json!([["dev", 1, 0, false]]));
    phone.send("leave", json!({"room": "global"}));
    phone.expect("left");
    assert_eq!(rooms(&mut phone, &["name"]).len(), 2, "global stays");
}

#[test]
fn a_mark_is_at_most_what_has_been_said() {
    let server = Server::start(|_| {});
    let (token, mut desk) = account(&server, "alice");
    let (_, mut bob) = account(&server, "bob");
    join(&mut desk, "dev");
    join(&mut bob, "dev");
    wait_rooms(&mut desk, COUNTS, &json!([["dev", 0, 0]]));
    say(&mut bob, "dev", "one");
    let mut phone = JsonClient::come_in(&server, &token);
    phone.send("readroom", json!({"room": "dev", "id": "9999999999999-0"}));
    desk.expect("roomread");
    say(&mut bob, "dev", "later");
    wait_rooms(&mut desk, COUNTS, &json!([["dev", 1, 0]]));
}

#[test]
fn guests_and_strange_rooms_are_refused() {
    let server = Server::start(|_| {});
    let mut guest = JsonClient::enter(&server, "guest");
    for (kind, args) in [
        ("myrooms", Value::Null),
        ("readroom", json!({"room": "global", "id": "1-0"})),
        ("muteroom", json!({"room": "global", "muted": true})),
    ] {
        guest.send(kind, args);
        let error = guest.expect("error");
        assert_eq!(error["code"], "no_account", "{kind}");
        assert_eq!(
            error["body"],
            "Only registered users have rooms that are kept."
        );
    }
    let (_, mut alice) = account(&server, "alice");
    alice.send("muteroom", json!({"room": "dev", "muted": true}));
    assert_eq!(alice.expect("error")["code"], "not_in_channel");
    join(&mut alice, "dev");
    alice.send("muteroom", json!({"room": "dev", "muted": true}));
    assert_eq!(alice.expect("roommuted")["muted"], true, "just joined");
    guest.send("roommembers", json!({"room": "dev"}));
    assert_eq!(guest.expect("error")["code"], "not_in_channel");
}

#[test]
fn a_guest_who_registers_keeps_the_rooms() {
    let server = Server::start(|_| {});
    let mut line = LineClient::enter_channel(&server, "carol", "dev");
    for word in ["/register", "long enough", "long enough"] {
        line.send(word);
    }
    line.expect("is yours now");
    let form = [("nickname", "carol"), ("password", "long enough")];
    let token = server.post_form("/auth", &form).json()["token"].clone();
    let mut page = JsonClient::come_in(&server, token.as_str().unwrap());
    wait_rooms(&mut page, COUNTS, &json!([["dev", 0, 0]]));
    // What is said while the line client is in the channel, it has read.
    let (_, mut bob) = account(&server, "bob");
    join(&mut bob, "dev");
    say(&mut bob, "dev", "hello");
    line.expect_message("bob", "hello");
    wait_rooms(&mut page, COUNTS, &json!([["dev", 1, 0]]));
    line.send("/quit");
    line.expect_close();
    page.expect("roomread");
    wait_rooms(&mut page, COUNTS, &json!([["dev", 0, 0]]));
}

#[test]
fn nobody_learns_of_a_room_after_removal() {
    let server = Server::start(|config| config["limits"]["message_rate"] = 0.into());
    let (_, mut bob) = account(&server, "bob");
    let (token, mut alice) = account(&server, "alice");
    for room in ["den", "club"] {
        join(&mut bob, room);
        bob.send("register_room", json!({ "room": room }));
        join(&mut alice, room);
    }
    for rule in ["secret", "invite_only"] {
        let changes = json!([{"rule": rule, "value": true}]);
        bob.send("setrules", json!({"room": "den", "changes": changes}));
    }
    wait_rooms(&mut alice, COUNTS, &json!([["club", 0, 0], ["den", 0, 0]]));
    say(&mut bob, "den", "for @alice");
    wait_rooms(&mut alice, COUNTS, &json!([["club", 0, 0], ["den", 1, 1]]));
    bob.send("kick", json!({"room": "den", "user": "alice"}));
    alice.expect("left");
    wait_rooms(&mut alice, COUNTS, &json!([["club", 0, 0]]));
    say(&mut bob, "den", "not for @alice any more");
    // As of a room that is not there.
    for room in ["den", "nowhere"] {
        alice.send("readroom", json!({"room": room, "id": "1-0"}));
    }
    alice.send("muteroom", json!({"room": "den", "muted": true}));
    assert_eq!(alice.expect("error")["code"], "not_in_channel");

    // A room that one could not come into now has nothing unread, but its name is known.
    say(&mut bob, "club", "for @alice");
    wait_rooms(&mut alice, COUNTS, &json!([["club", 1, 1]]));
    drop(alice);
    wait_until("alice is gone", || {
        bob.send("presence", json!({"users": ["alice"]}));
        bob.expect("presence")["users"][0]["online"] == false
    });
    let changes = json!([{"rule": "key", "value": "sesame"}]);
    bob.send("setrules", json!({"room": "club", "changes": changes}));
    bob.settle();
    let mut alice = JsonClient::come_in(&server, &token);
    wait_rooms(&mut alice, COUNTS, &json!([["club", 0, 0]]));
    // The one to whom it belongs sees it, secret or not.
    wait_rooms(&mut bob, COUNTS, &json!([["club", 0, 0], ["den", 0, 0]]));
}

#[test]
fn the_accounts_of_a_room_are_listed_with_who_is_on() {
    let server = Server::start(|config| config["limits"]["message_rate"] = 0.into());
    let (_, mut alice) = account(&server, "alice");
    let (_, mut bob) = account(&server, "Bob");
    let mut guest = JsonClient::enter(&server, "guest");
    for client in [&mut alice, &mut bob, &mut guest] {
        join(client, "dev");
    }
    drop(bob);
    let expected = json!([
        {"name": "alice", "online": true},
        {"name": "Bob", "online": false},
    ]);
    wait_until("the accounts are listed", || {
        guest.send("roommembers", json!({"room": "dev"}));
        let page = guest.expect("roommembers");
        assert_eq!(
            (&page["room"], &page["more"]),
            (&json!("dev"), &json!(false))
        );
        page["users"] == expected
    });
    guest.send("roommembers", json!({"room": "dev", "after": "alice"}));
    let rest = guest.expect("roommembers");
    assert_eq!(
        (&rest["after"], &rest["body"]),
        (&json!("alice"), &json!("Bob"))
    );
}

#[test]
fn registered_rooms_are_listed_when_nobody_is_on() {
    let mut server = Server::start(|_| {});
    let (_, mut bob) = account(&server, "bob");
    join(&mut bob, "dev");
    bob.send("register_room", json!({"room": "dev"}));
    bob.send("topic", json!({"room": "dev", "topic": "the plan"}));
    bob.expect("topic");
    drop(bob);
    server.restart();
    let mut guest = JsonClient::enter(&server, "guest");
    guest.send("listrooms", Value::Null);
    let rooms = guest.expect("rooms");
    let expected = json!({"name": "dev", "members": 0, "topic": "the plan"});
    assert_eq!(rooms["rooms"][0], expected);
    let mut line = LineClient::enter(&server, "liner");
    line.send("/rooms");
    line.expect("#dev\t0 people\tthe plan");
}

#[test]
fn a_store_that_fails_is_named() {
    let server = Server::start(|config| {
        config.as_object_mut().unwrap().remove("store");
    });
    let (_, mut alice) = account(&server, "alice");
    join(&mut alice, "dev");
    wait_rooms(&mut alice, COUNTS, &json!([["dev", 0, 0]]));
    let path = server.dir().join("data/chat.db");
    let mut stranger = SqliteConnection::establish(path.to_str().unwrap()).unwrap();
    stranger
        .batch_execute("PRAGMA busy_timeout = 20000; ALTER TABLE account_channel RENAME TO away")
        .unwrap();
    for (kind, args) in [
        ("myrooms", Value::Null),
        ("muteroom", json!({"room": "dev", "muted": true})),
        ("roommembers", json!({"room": "dev"})),
    ] {
        alice.send(kind, args);
        let error = alice.expect("error");
        assert_eq!(error["code"], "store_failed", "{kind}");
        assert!(
            error["body"]
                .as_str()
                .unwrap()
                .starts_with("That cannot be done")
        );
    }
    alice.send("message", json!({"room": "dev", "body": "still here"}));
    assert_eq!(alice.expect("message")["body"], "still here");
    stranger
        .batch_execute("ALTER TABLE away RENAME TO account_channel")
        .unwrap();
    wait_rooms(&mut alice, COUNTS, &json!([["dev", 0, 0]]));
}

#[test]
fn a_room_that_an_account_is_banned_from_is_not_one_of_its_rooms() {
    let server = Server::start(|config| config["limits"]["message_rate"] = 0.into());
    let (_, mut ann) = account(&server, "ann");
    let (token, mut bob) = account(&server, "bob");
    for (room, ban) in [
        ("by_name", json!({"user": "bob"})),
        ("by_form", json!({"mask": "bo?"})),
        ("kicked", Value::Null),
    ] {
        for client in [&mut ann, &mut bob] {
            join(client, room);
        }
        ann.send("register_room", json!({ "room": room }));
        ann.expect("rules");
        // bob is not there when it happens.
        wait_rooms(&mut bob, &["name"], &json!([[room]]));
        bob.send("exit", json!({}));
        while bob.next().is_some() {}
        let (kind, mut args) = match ban {
            Value::Null => ("kick", json!({"user": "bob"})),
            ban => ("ban", ban),
        };
        args["room"] = room.into();
        ann.send(kind, args);
        ann.settle();
        say(&mut ann, room, "for @bob");
        bob = JsonClient::come_in(&server, &token);
        wait_rooms(&mut bob, &["name"], &json!([]));
    }
}

#[test]
fn people_are_counted_once_however_many_connections_they_have() {
    let server = Server::start(|config| config["limits"]["message_rate"] = 0.into());
    let (token, mut ann) = account(&server, "ann");
    let mut again = JsonClient::come_in(&server, &token);
    join(&mut ann, "dev");
    again.send("join", json!({ "room": "dev" }));
    assert_eq!(again.expect("joined")["others"], 0);
    let mut bob = JsonClient::enter(&server, "bob");
    bob.send("join", json!({ "room": "dev" }));
    assert_eq!(bob.expect("joined")["others"], 1);
    bob.send("listrooms", json!({ "prefix": "dev" }));
    assert_eq!(bob.expect("rooms")["rooms"][0]["members"], 2);
    wait_rooms(&mut ann, &["name", "members"], &json!([["dev", 2]]));
}
