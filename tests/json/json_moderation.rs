//! Roles, removals, bans, mutes and slow mode by JSON commands.

use crate::support::JsonClient;
use serde_json::{Value, json};

use crate::room::{Room, join, refused, refused_in_dev};

fn about(user: &str) -> Value {
    json!({"room": "dev", "user": user})
}

/// The entries of the lists, as `ada` sees them.
fn entries(room: &mut Room) -> Vec<Value> {
    room.ada.send("bans", json!({"room": "dev"}));
    room.ada.expect("bans")["bans"].as_array().unwrap().clone()
}

/// A message with a tag is refused with this code, in a frame that names it.
fn may_not_say(client: &mut JsonClient, code: &str) -> Value {
    let said = json!({"room": "dev", "body": "hi", "tag": "t1"});
    let frame = refused_in_dev(client, "message", said, code);
    assert_eq!(frame["tag"], "t1", "{frame}");
    frame
}

#[test]
fn roles_are_given_told_listed_and_taken() {
    let mut room = Room::new();
    for (role, listed) in [
        ("voice", json!({"ada": "operator", "bob": "voice"})),
        ("operator", json!({"ada": "operator", "bob": "operator"})),
        ("none", json!({"ada": "operator"})),
    ] {
        room.ada
            .send("role", json!({"room": "dev", "user": "bob", "role": role}));
        let told = room.bob.expect("role");
        let role = match role {
            "none" => Value::Null,
            role => json!(role),
        };
        assert_eq!((&told["user"], &told["role"]), (&json!("bob"), &role));
        assert_eq!((&told["by"], &told["room"]), (&json!("ada"), &json!("dev")));
        room.bob.send("listusers", json!({"room": "dev"}));
        assert_eq!(room.bob.expect("users")["roles"], listed);
    }
    let mut give = |user: &str, role: Value, code: &str| {
        let args = json!({"room": "dev", "user": user, "role": role});
        refused(&mut room.ada, "role", args, code)
    };
    give("bob", json!("founder"), "bad_argument");
    give("bob", json!("king"), "bad_argument");
    give("bob", Value::Null, "bad_argument");
    let frame = give("nobody", json!("voice"), "not_on_channel");
    assert_eq!(frame["room"], "dev");
    let mine = json!({"room": "dev", "user": "bob", "role": "operator"});
    refused_in_dev(&mut room.bob, "role", mine, "not_operator");
}

#[test]
fn in_a_registered_room_an_account_keeps_its_role_unless_it_is_not_to() {
    let mut room = Room::new();
    room.register();
    let mut zoe = room.owner("zoe");
    join(&mut zoe, json!({"room": "dev"}));
    room.ada.send(
        "role",
        json!({"room": "dev", "user": "zoe", "role": "voice"}),
    );
    assert_eq!(zoe.expect("role")["by"], "ada");
    zoe.send("leave", json!({"room": "dev"}));
    zoe.expect("left");
    zoe.send("join", json!({"room": "dev"}));
    let own = zoe.expect("role");
    assert_eq!((&own["role"], own.get("user")), (&json!("voice"), None));

    let passing = json!({"room": "dev", "user": "bob", "role": "voice", "keep": false});
    room.ada.send("role", passing);
    while room.bob.expect("role")["user"] != "bob" {}
    room.bob.send("leave", json!({"room": "dev"}));
    room.bob.expect("left");
    join(&mut room.bob, json!({"room": "dev"}));
    room.bob.send("listusers", json!({"room": "dev"}));
    let roles = json!({"ada": "founder", "zoe": "voice"});
    assert_eq!(room.bob.expect("users")["roles"], roles);
}

#[test]
fn who_is_kicked_learns_why_and_is_out() {
    let mut room = Room::new();
    let mut eve = room.outsider("eve");
    join(&mut eve, json!({"room": "dev"}));
    refused_in_dev(&mut room.bob, "kick", about("eve"), "not_operator");
    let frame = refused_in_dev(&mut room.ada, "kick", about("nobody"), "not_on_channel");
    assert!(frame["body"].as_str().unwrap().contains("nobody"));
    refused(
        &mut room.ada,
        "kick",
        json!({"room": "dev"}),
        "bad_argument",
    );
    let long = json!({"room": "dev", "user": "eve", "reason": "x".repeat(301)});
    refused(&mut room.ada, "kick", long, "reason_too_long");
    room.ada.send(
        "kick",
        json!({"room": "dev", "user": "eve", "reason": "spam"}),
    );
    let left = eve.expect("left");
    assert_eq!(left["code"], "kicked");
    assert_eq!((&left["room"], &left["by"]), (&json!("dev"), &json!("ada")));
    assert_eq!(left["reason"], "spam");
    for client in [&mut room.ada, &mut room.bob] {
        let told = client.expect("kicked");
        assert_eq!((&told["user"], &told["by"]), (&json!("eve"), &json!("ada")));
        assert_eq!(
            (&told["reason"], &told["room"]),
            (&json!("spam"), &json!("dev"))
        );
    }
    may_not_say(&mut eve, "not_in_channel");
    join(&mut eve, json!({"room": "dev"}));
}

#[test]
fn an_account_is_banned_by_whatever_name_and_let_in_again() {
    let mut room = Room::new();
    let mut zoe = room.owner("zoe");
    join(&mut zoe, json!({"room": "dev"}));
    refused_in_dev(&mut room.bob, "ban", about("zoe"), "not_operator");
    refused_in_dev(
        &mut room.bob,
        "bans",
        json!({"room": "dev"}),
        "not_operator",
    );
    let args = json!({"room": "dev", "user": "zoe", "minutes": 60, "reason": "spam"});
    room.ada.send("ban", args);
    let told = room.bob.expect("rules");
    let change = &told["changes"][0];
    assert_eq!(
        (&change["rule"], &change["value"]),
        (&json!("ban"), &json!(true))
    );
    assert_eq!(
        (&change["mask"], &change["reason"]),
        (&json!("account:zoe"), &json!("spam"))
    );
    assert!(change["until"].is_string(), "{change}");
    let kicked = room.bob.expect("kicked");
    assert_eq!(
        (&kicked["user"], &kicked["id"]),
        (&json!("zoe"), &told["id"])
    );
    assert_eq!(zoe.expect("left")["reason"], "spam");
    for (kind, args) in [
        ("join", json!({"room": "dev"})),
        ("switchroom", json!({"room": "dev"})),
        ("resume", json!({"room": "dev", "after": "0-0"})),
    ] {
        refused_in_dev(&mut zoe, kind, args, "banned_from_channel");
    }
    let [entry] = entries(&mut room).try_into().unwrap();
    assert_eq!(
        (&entry["list"], &entry["mute"]),
        (&json!("ban"), &json!(false))
    );
    assert_eq!(
        (&entry["mask"], &entry["by"]),
        (&json!("account:zoe"), &json!("ada"))
    );
    assert!(
        entry["until"].is_string() && entry["at"].is_string(),
        "{entry}"
    );

    refused_in_dev(&mut room.bob, "unban", about("zoe"), "not_operator");
    let mask = &entry["mask"];
    room.ada
        .send("unban", json!({"room": "dev", "mask": mask, "list": "ban"}));
    let lifted = json!([{"rule": "ban", "value": false, "mask": mask}]);
    assert_eq!(room.bob.expect("rules")["changes"], lifted);
    join(&mut zoe, json!({"room": "dev"}));
    for args in [
        json!({"room": "dev"}),
        json!({"room": "dev", "user": "a b"}),
        json!({"room": "dev", "mask": "host:!"}),
        json!({"room": "dev", "user": "bob", "minutes": 0}),
        json!({"room": "dev", "user": "bob", "list": "friends"}),
        json!({"room": "dev", "user": "bob", "mute": "yes"}),
    ] {
        refused(&mut room.ada, "ban", args, "bad_argument");
    }
}

#[test]
fn the_muted_read_and_are_told_why_they_are_not_heard() {
    let mut room = Room::new();
    for (args, lifts) in [
        (json!({"mute": true}), json!({"mute": true})),
        (json!({"list": "mute"}), json!({"list": "mute"})),
    ] {
        let with = |more: &Value| {
            let mut args = about("bob");
            for (key, value) in more.as_object().unwrap() {
                args[key] = value.clone();
            }
            args
        };
        room.ada.send("ban", with(&args));
        assert_eq!(room.bob.expect("rules")["changes"][0]["rule"], "mute");
        assert!(may_not_say(&mut room.bob, "cannot_speak")["body"].is_string());
        let [entry] = entries(&mut room).try_into().unwrap();
        assert_eq!(
            (&entry["list"], &entry["mute"]),
            (&json!("mute"), &json!(true))
        );
        room.ada
            .send("message", json!({"room": "dev", "body": "hear me"}));
        assert_eq!(room.bob.expect("message")["body"], "hear me");
        room.ada.send("unban", with(&lifts));
        assert_eq!(room.bob.expect("rules")["changes"][0]["value"], false);
        room.bob.send(
            "message",
            json!({"room": "dev", "body": "thanks", "tag": "t2"}),
        );
        room.bob.expect("stored");
        room.bob.send("listusers", json!({"room": "dev"}));
        room.bob.expect("users");
    }
}

#[test]
fn masks_exceptions_and_invitations_are_lists_as_well() {
    let mut room = Room::new();
    let mut eve = room.outsider("eve");
    let mut evil = room.outsider("evil");
    let mut put = |list: &str, mask: &str| {
        let args = json!({"room": "dev", "mask": mask, "list": list});
        room.ada.send("ban", args);
        room.ada.expect("rules");
        let told = room.bob.expect("rules");
        assert_eq!(told["changes"][0]["rule"], list);
        assert_eq!(told["changes"][0]["mask"], mask);
    };
    put("ban", "ev*");
    put("except", "?ve");
    refused_in_dev(
        &mut evil,
        "join",
        json!({"room": "dev"}),
        "banned_from_channel",
    );
    join(&mut eve, json!({"room": "dev"}));
    put("invite", "zo?");
    room.set("invite-only", json!(true));
    let mut zoe = room.outsider("zoe");
    let mut zora = room.outsider("zora");
    refused_in_dev(&mut zora, "join", json!({"room": "dev"}), "invite_only");
    join(&mut zoe, json!({"room": "dev"}));
    let lists: Vec<Value> = entries(&mut room)
        .iter()
        .map(|it| it["list"].clone())
        .collect();
    assert_eq!(lists, ["ban", "except", "invite"]);
}

#[test]
fn a_full_list_takes_no_more() {
    let mut room = Room::new();
    for i in 0..100 {
        room.ada
            .send("ban", json!({"room": "dev", "mask": format!("bad{i}*")}));
        room.ada.expect("rules");
    }
    let more = json!({"room": "dev", "mask": "worse*"});
    refused_in_dev(&mut room.ada, "ban", more, "list_full");
    assert_eq!(entries(&mut room).len(), 100);
}

#[test]
fn the_silent_are_told_who_may_speak() {
    let mut room = Room::new();
    room.set("moderated", json!(true));
    may_not_say(&mut room.bob, "cannot_speak");
    room.set("moderated", json!(false));
    room.set("registered-speak", json!(true));
    may_not_say(&mut room.bob, "cannot_speak");
    room.ada.send(
        "role",
        json!({"room": "dev", "user": "bob", "role": "voice"}),
    );
    room.bob.expect("role");
    room.bob.send(
        "message",
        json!({"room": "dev", "body": "at last", "tag": "t3"}),
    );
    assert_eq!(room.bob.expect("stored")["tag"], "t3");
}

#[test]
fn slow_mode_says_how_long_to_wait() {
    let mut room = Room::new();
    room.set("slow", json!(600));
    room.bob.send(
        "message",
        json!({"room": "dev", "body": "one", "tag": "t0"}),
    );
    room.bob.expect("stored");
    let frame = may_not_say(&mut room.bob, "slow_mode");
    let seconds = frame["seconds"].as_u64().unwrap();
    assert!((1..=600).contains(&seconds), "{frame}");
    for body in ["first", "second"] {
        room.ada
            .send("message", json!({"room": "dev", "body": body, "tag": body}));
        assert_eq!(
            room.ada.expect("stored")["tag"],
            body,
            "operators need not wait"
        );
    }
}

#[test]
fn no_frame_tells_what_belongs_to_the_server() {
    let mut room = Room::new();
    let mut zoe = room.owner("zoe");
    join(&mut zoe, json!({"room": "dev"}));
    room.register();
    room.ada.send(
        "role",
        json!({"room": "dev", "user": "zoe", "role": "operator"}),
    );
    room.ada.send("transfer_room", about("zoe"));
    room.ada
        .send("ban", json!({"room": "dev", "user": "bob", "list": "mute"}));
    room.ada
        .send("invitelink", json!({"room": "dev", "uses": 1}));
    room.ada.expect("invitelink");
    room.ada.send("unlink", json!({"room": "dev"}));
    room.ada
        .send("topic", json!({"room": "dev", "topic": "the end"}));
    for client in [&mut room.ada, &mut room.bob, &mut zoe] {
        client.expect("topic");
        let read = crate::support::User::transcript(&client.0);
        let received = read.lines().filter(|line| line.starts_with("< "));
        for line in received {
            for secret in ["\"account\"", "hash", "keep", "grants"] {
                assert!(!line.contains(secret), "{line}");
            }
            let hex = |c: char| c.is_ascii_hexdigit();
            let is_hash = line.split(|c| !hex(c)).any(|word| word.len() >= 40);
            assert!(!is_hash, "{line}");
        }
    }
}
