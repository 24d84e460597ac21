//! Invitations, keys and invitation links by JSON commands.

use crate::support::{JsonClient, wait_until};
use serde_json::{Value, json};

use crate::room::{Room, join, refused, refused_in_dev};

fn about(user: &str) -> Value {
    json!({"room": "dev", "user": user})
}

/// Makes a link and returns its secret.
fn link(room: &mut Room, more: Value) -> String {
    let mut args = json!({"room": "dev"});
    for (key, value) in more.as_object().unwrap() {
        args[key] = value.clone();
    }
    room.ada.send("invitelink", args);
    let made = room.ada.expect("invitelink");
    let secret = made["invitation"].as_str().unwrap().to_owned();
    assert_eq!(made["path"], format!("join/dev/{secret}"));
    secret
}

/// The links, as `ada` sees them.
fn links(room: &mut Room) -> Vec<Value> {
    room.ada
        .send("invitelink", json!({"room": "dev", "list": true}));
    loop {
        if let Some(links) = room.ada.expect("rules")["links"].as_array() {
            return links.clone();
        }
    }
}

fn by_link(client: &mut JsonClient, secret: &str) -> Value {
    join(client, json!({"room": "dev", "invitation": secret}))
}

#[test]
fn who_is_invited_is_told_and_gets_in_once() {
    let mut room = Room::new();
    room.set("invite-only", json!(true));
    let mut eve = room.outsider("eve");
    refused_in_dev(&mut eve, "join", json!({"room": "dev"}), "invite_only");
    refused_in_dev(&mut room.bob, "invite", about("eve"), "not_operator");
    refused(&mut room.ada, "invite", about("nobody"), "no_such_user");
    refused(
        &mut room.ada,
        "invite",
        json!({"room": "dev"}),
        "bad_argument",
    );
    refused_in_dev(&mut room.ada, "invite", about("bob"), "already_on_channel");
    room.ada.send("invite", about("eve"));
    let sent = room.ada.expect("invite_sent");
    assert_eq!(
        (&sent["room"], &sent["user"]),
        (&json!("dev"), &json!("eve"))
    );
    let invited = eve.expect("invited");
    assert_eq!(
        (&invited["room"], &invited["by"]),
        (&json!("dev"), &json!("ada"))
    );
    join(&mut eve, json!({"room": "dev"}));
    eve.send("leave", json!({"room": "dev"}));
    eve.expect("left");
    refused_in_dev(&mut eve, "join", json!({"room": "dev"}), "invite_only");
    let all = json!({"room": "global", "user": "eve"});
    refused(&mut room.ada, "invite", all, "not_operator");
}

#[test]
fn a_key_opens_join_switch_and_resume_and_no_other_does() {
    let mut room = Room::new();
    room.set("key", json!("s3cret"));
    let mut eve = room.outsider("eve");
    for (kind, more) in [
        ("join", json!({})),
        ("switchroom", json!({})),
        ("resume", json!({"after": "0-0"})),
    ] {
        let mut args = json!({"room": "dev"});
        for (key, value) in more.as_object().unwrap() {
            args[key] = value.clone();
        }
        refused_in_dev(&mut eve, kind, args.clone(), "wrong_key");
        args["key"] = json!("S3cret");
        refused_in_dev(&mut eve, kind, args.clone(), "wrong_key");
        args["key"] = json!("with space");
        refused(&mut eve, kind, args.clone(), "bad_argument");
        args["key"] = json!("s3cret");
        eve.send(kind, args);
        assert_eq!(eve.expect("joined")["room"], "dev");
        eve.send("leave", json!({"room": "dev"}));
        eve.expect("left");
    }
    room.set("limit", json!(2));
    let keyed = json!({"room": "dev", "key": "s3cret"});
    refused_in_dev(&mut eve, "join", keyed.clone(), "channel_full");
    room.set("registered-only", json!(true));
    refused_in_dev(&mut eve, "join", keyed, "needs_account");
}

#[test]
fn a_link_lets_in_as_often_as_it_says() {
    let mut room = Room::new();
    room.set("invite-only", json!(true));
    let secret = link(&mut room, json!({"uses": 2, "minutes": 60}));
    let [shown] = links(&mut room).try_into().unwrap();
    assert_eq!((&shown["by"], &shown["uses"]), (&json!("ada"), &json!(2)));
    assert!(shown["until"].is_string(), "{shown}");
    assert!(!secret.starts_with(shown["id"].as_str().unwrap()));

    let [mut eve, mut kim, mut zoe] = ["eve", "kim", "zoe"].map(|name| room.outsider(name));
    by_link(&mut eve, &secret);
    wait_until(
        "the link is used",
        || matches!(links(&mut room).as_slice(), [one] if one["uses"] == 1),
    );
    by_link(&mut kim, &secret.to_uppercase());
    wait_until("the link is used up", || links(&mut room).is_empty());
    let spent = json!({"room": "dev", "invitation": secret});
    refused_in_dev(&mut zoe, "join", spent, "invite_only");
    let wrong = json!({"room": "dev", "invitation": "0".repeat(32)});
    refused_in_dev(&mut zoe, "join", wrong, "invite_only");
    let none = json!({"room": "dev", "invitation": "xyz"});
    refused(&mut zoe, "join", none, "bad_argument");
    for args in [
        json!({"room": "dev", "uses": 0}),
        json!({"room": "dev", "minutes": 0}),
        json!({"room": "dev", "uses": "many"}),
    ] {
        refused(&mut room.ada, "invitelink", args, "bad_argument");
    }
}

#[test]
fn a_link_opens_a_room_with_a_key_and_without_limit_of_uses() {
    let mut room = Room::new();
    room.set("key", json!("s3cret"));
    let secret = link(&mut room, json!({}));
    let mut eve = room.outsider("eve");
    eve.send("switchroom", json!({"room": "dev", "invitation": secret}));
    assert_eq!(eve.expect("joined")["room"], "dev");
    let [shown] = links(&mut room).try_into().unwrap();
    assert_eq!(
        (&shown["uses"], &shown["until"]),
        (&Value::Null, &Value::Null)
    );
    room.ada.send("ban", about("eve"));
    eve.expect("left");
    let again = json!({"room": "dev", "invitation": secret});
    refused_in_dev(&mut eve, "join", again, "banned_from_channel");
}

#[test]
fn links_are_withdrawn_one_by_one_and_all_at_once() {
    let mut room = Room::new();
    room.set("invite-only", json!(true));
    let secrets: Vec<String> = (0..3).map(|_| link(&mut room, json!({}))).collect();
    let shown = links(&mut room);
    assert_eq!(shown.len(), 3);
    let withdraw = |id: &Value| json!({"room": "dev", "withdraw": id});
    refused_in_dev(
        &mut room.bob,
        "invitelink",
        withdraw(&shown[0]["id"]),
        "not_operator",
    );
    refused_in_dev(
        &mut room.ada,
        "invitelink",
        withdraw(&json!("0123")),
        "no_such_link",
    );
    refused(
        &mut room.ada,
        "invitelink",
        withdraw(&json!(7)),
        "bad_argument",
    );
    room.ada.send("invitelink", withdraw(&shown[0]["id"]));
    let told = room.ada.expect("rules");
    assert_eq!(told["changes"], json!([{"rule": "link", "value": false}]));
    assert_eq!(links(&mut room), &shown[1..]);
    let mut eve = room.outsider("eve");
    let gone = json!({"room": "dev", "invitation": secrets[0]});
    refused_in_dev(&mut eve, "join", gone, "invite_only");
    by_link(&mut eve, &secrets[1]);

    refused_in_dev(
        &mut room.bob,
        "unlink",
        json!({"room": "dev"}),
        "not_operator",
    );
    room.ada.send("unlink", json!({"room": "dev"}));
    room.ada.expect("rules");
    assert_eq!(links(&mut room), Vec::<Value>::new());
    let mut zoe = room.outsider("zoe");
    let gone = json!({"room": "dev", "invitation": secrets[2]});
    refused_in_dev(&mut zoe, "join", gone, "invite_only");
}

#[test]
fn only_operators_hear_of_links() {
    let mut room = Room::new();
    let mut zoe = room.outsider("zoe");
    join(&mut zoe, json!({"room": "dev"}));
    room.ada.send(
        "role",
        json!({"room": "dev", "user": "zoe", "role": "operator"}),
    );
    zoe.expect("role");
    room.bob.expect("role");
    room.bob.settle();
    link(&mut room, json!({}));
    let told = json!([{"rule": "link", "value": true}]);
    assert_eq!(zoe.expect("rules")["changes"], told);
    assert_eq!(room.bob.settle(), Vec::<String>::new());
    refused_in_dev(
        &mut room.bob,
        "invitelink",
        json!({"room": "dev"}),
        "not_operator",
    );
    room.bob
        .send("invitelink", json!({"room": "dev", "list": true}));
    assert_eq!(room.bob.expect("rules").get("links"), None);
}
