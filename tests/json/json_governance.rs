//! Topic, rules and registration of a room by JSON commands.

use serde_json::{Value, json};

use crate::room::{Room, join, refused, refused_in_dev};

/// The rules that are on or off.
const FLAGS: [&str; 8] = [
    "invite-only",
    "moderated",
    "members-only",
    "topic-locked",
    "secret",
    "registered-only",
    "registered-speak",
    "no-ctcp",
];

#[test]
fn a_topic_is_set_told_asked_for_and_taken_away() {
    let mut room = Room::new();
    room.ada
        .send("topic", json!({"room": "dev", "topic": "the plan"}));
    for client in [&mut room.ada, &mut room.bob] {
        let told = client.expect("topic");
        assert_eq!(
            (&told["room"], &told["topic"]),
            (&json!("dev"), &json!("the plan"))
        );
        assert_eq!(told["by"], "ada");
        assert!(told["id"].is_string() && told["at"].is_string(), "{told}");
    }
    room.bob.send("topic", json!({}));
    let asked = room.bob.expect("topic");
    assert_eq!(
        (&asked["topic"], &asked["by"]),
        (&json!("the plan"), &json!("ada"))
    );
    assert_eq!(asked["id"], Value::Null, "an answer is no entry of the log");
    let mut eve = room.outsider("eve");
    assert_eq!(join(&mut eve, json!({"room": "dev"}))["topic"], "the plan");

    refused_in_dev(
        &mut room.bob,
        "topic",
        json!({"topic": "mine"}),
        "not_operator",
    );
    room.set("topic-locked", json!(false));
    room.bob.send("topic", json!({"topic": "mine"}));
    assert_eq!(room.ada.expect("topic")["by"], "bob");
    room.ada.send("topic", json!({"room": "dev", "topic": ""}));
    assert_eq!(eve.expect("topic")["topic"], "mine");
    assert_eq!(eve.expect("topic")["topic"], "");
    eve.send("topic", json!({}));
    assert_eq!(eve.expect("topic")["topic"], "");
    refused(&mut eve, "topic", json!({"topic": 7}), "bad_argument");
    refused(
        &mut eve,
        "topic",
        json!({"room": "nowhere"}),
        "no_such_channel",
    );
}

#[test]
fn every_rule_is_set_told_and_shown_by_one_name() {
    let mut room = Room::new();
    room.register();
    for flag in FLAGS {
        for on in [true, false] {
            room.set(flag, json!(on));
            room.bob.send("rules", json!({"room": "dev"}));
            let shown = room.bob.expect("rules");
            let is_on = shown["rules"].as_array().unwrap().contains(&json!(flag));
            assert_eq!(is_on, on, "{flag}: {shown}");
        }
    }
    for flag in ["op-moderated", "auditorium"] {
        let changes = json!([{"rule": flag, "value": true}]);
        let command = json!({"room": "dev", "changes": changes});
        refused(&mut room.ada, "setrules", command, "not_supported");
    }
    for (rule, value, none) in [
        ("key", json!("s3cret"), Value::Null),
        ("limit", json!(50), Value::Null),
        ("slow", json!(10), json!(0)),
        ("history", json!("since"), json!("all")),
    ] {
        for value in [value, none] {
            room.set(rule, value.clone());
            room.bob.send("rules", json!({"room": "dev"}));
            assert_eq!(room.bob.expect("rules")[rule], value, "{rule}");
        }
    }
}

#[test]
fn one_command_is_one_frame_for_members_and_outsiders_hear_nothing() {
    let mut room = Room::new();
    let mut eve = room.outsider("eve");
    let changes = json!([
        {"rule": "moderated", "value": true},
        {"rule": "limit", "value": 9},
        {"rule": "key", "value": "abc"},
        {"rule": "slow", "value": 5},
    ]);
    room.ada
        .send("setrules", json!({"room": "dev", "changes": changes}));
    let told = room.bob.expect("rules");
    assert_eq!(told["changes"], changes);
    assert_eq!((&told["by"], &told["room"]), (&json!("ada"), &json!("dev")));
    assert!(told["id"].is_string() && told["at"].is_string(), "{told}");
    let words = told["body"].as_str().unwrap();
    assert!(words.contains("slow mode: one message in 5 s"), "{words}");
    assert!(
        !words.contains("abc"),
        "the words go to logs and screens: {words}"
    );
    assert_eq!(room.bob.settle(), Vec::<String>::new());
    assert_eq!(eve.settle(), Vec::<String>::new());
}

#[test]
fn mistakes_in_rules_are_named_and_change_nothing() {
    let mut room = Room::new();
    let many: Vec<Value> = (0..21)
        .map(|_| json!({"rule": "slow", "value": 1}))
        .collect();
    for changes in [
        json!(null),
        json!("moderated"),
        json!([]),
        json!([7]),
        json!([{"value": true}]),
        json!([{"rule": "dance", "value": true}]),
        json!([{"rule": "moderated", "value": "yes"}]),
        json!([{"rule": "moderated"}]),
        json!([{"rule": "key", "value": "with space"}]),
        json!([{"rule": "key", "value": "x".repeat(24)}]),
        json!([{"rule": "limit", "value": 0}]),
        json!([{"rule": "limit", "value": -1}]),
        json!([{"rule": "slow", "value": 86_401}]),
        json!([{"rule": "slow", "value": 1.5}]),
        json!([{"rule": "history", "value": "some"}]),
        json!([{"rule": "moderated", "value": true}, {"rule": "dance", "value": true}]),
        json!(many),
    ] {
        let args = json!({"room": "dev", "changes": changes});
        refused(&mut room.ada, "setrules", args, "bad_argument");
    }
    for (rule, value, words) in [
        ("dance", json!(true), "dance: there is no such rule."),
        ("moderated", json!(1), "moderated: it is true or false."),
        ("key", json!("a b"), "key: a key is 1 to 23 printable ASCII"),
        (
            "limit",
            json!(0),
            "limit: it is a number from 1 to 1000000.",
        ),
    ] {
        let changes = json!([{"rule": rule, "value": value}]);
        let args = json!({"room": "dev", "changes": changes});
        let frame = refused(&mut room.ada, "setrules", args, "bad_argument");
        assert!(
            frame["body"].as_str().unwrap().starts_with(words),
            "{frame}"
        );
    }
    room.ada.send("rules", json!({"room": "dev"}));
    let shown = room.ada.expect("rules");
    assert_eq!(shown["rules"], json!(["members-only", "topic-locked"]));
    assert_eq!(shown["slow"], 0);

    let most = json!({"room": "dev", "changes": &many[..20]});
    room.ada.send("setrules", most);
    let told = room.bob.expect("rules");
    assert_eq!(told["changes"].as_array().unwrap().len(), 20);
}

#[test]
fn rules_are_for_operators_and_the_past_is_the_founders() {
    let mut room = Room::new();
    let since = json!({"room": "dev", "changes": [{"rule": "history", "value": "since"}]});
    let open = json!({"room": "dev", "changes": [{"rule": "moderated", "value": false}]});
    refused_in_dev(&mut room.bob, "setrules", open.clone(), "not_operator");
    refused_in_dev(
        &mut room.ada,
        "setrules",
        since.clone(),
        "not_registered_channel",
    );
    room.register();
    room.ada.send(
        "role",
        json!({"room": "dev", "user": "bob", "role": "operator"}),
    );
    room.bob.expect("role");
    refused_in_dev(&mut room.bob, "setrules", since, "not_founder");
    let mut eve = room.outsider("eve");
    refused_in_dev(&mut eve, "setrules", open, "not_operator");
    let all = json!({"room": "global", "changes": [{"rule": "moderated", "value": true}]});
    refused(&mut room.ada, "setrules", all, "not_operator");
}

#[test]
fn who_asks_for_the_rules_is_shown_what_they_may_know() {
    let mut room = Room::new();
    room.set("key", json!("s3cret"));
    room.ada
        .send("invitelink", json!({"room": "dev", "uses": 3}));
    room.ada.expect("invitelink");
    room.ada.settle();
    let mut eve = room.outsider("eve");
    eve.send("rules", json!({"room": "dev"}));
    let outside = eve.expect("rules");
    assert_eq!(
        (&outside["key"], &outside["role"]),
        (&Value::Null, &Value::Null)
    );
    assert_eq!(outside["registered"], false);
    room.bob.send("rules", json!({"room": "dev"}));
    let member = room.bob.expect("rules");
    assert_eq!(
        (&member["key"], &member["role"]),
        (&json!("s3cret"), &Value::Null)
    );
    for shown in [&outside, &member] {
        assert_eq!(shown.get("links"), None, "{shown}");
    }
    room.ada.send("rules", json!({"room": "dev"}));
    let operator = room.ada.expect("rules");
    assert_eq!(operator["role"], "operator");
    let link = &operator["links"][0];
    assert_eq!((&link["by"], &link["uses"]), (&json!("ada"), &json!(3)));

    room.set("secret", json!(true));
    for kind in ["rules", "topic", "bans", "register_room", "unlink"] {
        refused_in_dev(&mut eve, kind, json!({"room": "dev"}), "no_such_channel");
    }
    eve.send("listrooms", Value::Null);
    assert_eq!(eve.expect("rooms")["body"], "global");
    room.bob.send("listrooms", Value::Null);
    assert_eq!(room.bob.expect("rooms")["body"], "dev\nglobal");
}

#[test]
fn a_room_is_registered_handed_on_and_given_up() {
    let mut room = Room::new();
    let dev = || json!({"room": "dev"});
    let mut zoe = room.owner("zoe");
    refused_in_dev(&mut room.bob, "register_room", dev(), "needs_account");
    join(&mut zoe, dev());
    refused_in_dev(&mut zoe, "register_room", dev(), "not_operator");
    refused_in_dev(&mut room.ada, "drop_room", dev(), "not_registered_channel");
    room.register();
    refused_in_dev(&mut room.ada, "register_room", dev(), "channel_registered");
    room.bob.send("rules", dev());
    let shown = room.bob.expect("rules");
    assert_eq!(
        (&shown["registered"], &shown["founder"]),
        (&json!(true), &json!("ada"))
    );

    let to = |user: &str| json!({"room": "dev", "user": user});
    refused_in_dev(&mut zoe, "transfer_room", to("zoe"), "not_founder");
    refused_in_dev(&mut zoe, "drop_room", dev(), "not_founder");
    refused(&mut room.ada, "transfer_room", to("bob"), "no_such_account");
    refused(&mut room.ada, "transfer_room", dev(), "bad_argument");
    room.ada.send("transfer_room", to("zoe"));
    let given = json!([{"rule": "registered", "value": true, "founder": "zoe"}]);
    assert_eq!(room.bob.expect("rules")["changes"], given);
    room.bob.send("listusers", dev());
    let roles = json!({"ada": "operator", "zoe": "founder"});
    assert_eq!(room.bob.expect("users")["roles"], roles);
    refused_in_dev(&mut room.ada, "drop_room", dev(), "not_founder");
    zoe.send("drop_room", dev());
    let dropped = json!([{"rule": "registered", "value": false}]);
    assert_eq!(room.bob.expect("rules")["changes"], dropped);
}

#[test]
fn neither_history_nor_search_reaches_behind_a_members_joining() {
    let mut room = Room::new();
    room.register();
    room.set("history", json!("since"));
    room.ada
        .send("message", json!({"room": "dev", "body": "the old plan"}));
    room.bob.expect("message");
    let mut eve = room.outsider("eve");
    join(&mut eve, json!({"room": "dev"}));
    room.ada
        .send("message", json!({"room": "dev", "body": "the new plan"}));
    assert_eq!(eve.expect("message")["body"], "the new plan");
    for (client, found) in [(&mut eve, 1), (&mut room.bob, 2)] {
        client.send("search", json!({"room": "dev", "query": "plan"}));
        let answer = client.expect("found");
        assert_eq!(
            answer["messages"].as_array().unwrap().len(),
            found,
            "{answer}"
        );
        assert_eq!(answer["complete"], true);
    }
    eve.send(
        "search",
        json!({"room": "dev", "query": "plan", "limit": 1}),
    );
    let page = eve.expect("found");
    assert_eq!(page["messages"][0]["body"], "the new plan");
    eve.send(
        "search",
        json!({"room": "dev", "query": "plan", "before": page["next"]}),
    );
    let rest = eve.expect("found");
    assert_eq!(
        (&rest["messages"], &rest["complete"]),
        (&json!([]), &json!(true))
    );
    eve.send("history", json!({"room": "dev"}));
    assert_eq!(
        eve.expect("history")["messages"].as_array().unwrap().len(),
        1
    );
    eve.send("resume", json!({"room": "dev", "after": "0-0"}));
    assert_eq!(eve.expect("message")["body"], "the new plan");
    assert_eq!(eve.expect("resumed")["complete"], false);
}
