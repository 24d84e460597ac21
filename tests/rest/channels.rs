//! Channels as administrators see and change them over REST, what members are told of
//! it, and what callers without the token do not learn.

use std::io::{Read, Write};
use std::net::TcpStream;

use crate::support::{Answer, DEADLINE, LineClient, Server, User, texts_of};
use serde_json::{Value, json};

/// Registers an account.
fn account(server: &Server, username: &str) {
    let answer = server.post_form(
        "/api/register",
        &[
            ("first_name", "Mina"),
            ("last_name", "Harker"),
            ("username", username),
            ("password", "whitby 1897"),
            ("email", &format!("{username}@example.org")),
            ("phone", "5550000"),
        ],
    );
    assert_eq!(answer.status, 200, "{}", answer.body);
}

#[track_caller]
fn done(answer: &Answer) {
    assert!((200..300).contains(&answer.status), "{}", answer.body);
}

fn channel(server: &Server, name: &str) -> Value {
    let answer = server.get(&format!("/admin/channels/{name}"));
    assert_eq!(answer.status, 200, "{}", answer.body);
    answer.json()
}

/// Head and body of what the web listener answers to a caller without a token.
fn stranger(server: &Server, path: &str) -> String {
    let mut stream = TcpStream::connect(server.web()).unwrap();
    stream.set_read_timeout(Some(DEADLINE)).unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

#[test]
fn a_change_is_in_force_told_and_recorded_when_it_is_answered() {
    let mut server = Server::start(|_| {});
    account(&server, "mina");
    let mut alice = LineClient::enter_channel(&server, "alice", "dev");
    let mut bob = LineClient::enter_channel(&server, "bob", "dev");
    let answer = server.put(
        "/admin/channels/dev/registration",
        json!({"founder": "MINA"}),
    );
    done(&answer);
    assert_eq!(answer.json()["founder"], "mina");
    let answer = server.patch(
        "/admin/channels/DEV",
        json!({"topic": "the plan", "rules": {"moderated": true, "key": "s3cret", "limit": 50,
            "history": "since", "slow_seconds": 10}}),
    );
    done(&answer);
    let now = answer.json();
    assert_eq!(now["topic"]["text"], "the plan");
    let rules = &now["rules"];
    for (rule, value) in [
        ("moderated", json!(true)),
        ("members_only", json!(true)),
        ("secret", json!(false)),
        ("key", json!("s3cret")),
        ("limit", json!(50)),
        ("history", json!("since")),
        ("slow_seconds", json!(10)),
    ] {
        assert_eq!(rules[rule], value, "{rule}");
    }
    alice.expect("An administrator set the topic: the plan");
    // Nobody is called so: it is not shown as a name.
    alice.send("/topic");
    alice.expect("is: the plan (set by an administrator)");
    bob.send("may I?");
    bob.expect("Only people with voice may speak");
    // The registration, the topic, and five rules.
    let entries = server.log("kind=admin&channel=dev", 7);
    assert_eq!(entries.len(), 7, "{entries:?}");
    for entry in &entries {
        assert_eq!(entry["nick"], "administrator", "{entry}");
        let address = entry["address"].as_str().unwrap_or_default();
        assert!(address.starts_with("127.0.0.1:"), "{entry}");
        assert!(!entry.to_string().contains("s3cret"), "{entry}");
    }
    let texts = texts_of(&entries);
    for done in [
        "the topic is now: the plan",
        "@mina has registered the channel",
    ] {
        assert!(texts.iter().any(|text| text == done), "{texts:?}");
    }
    drop((alice, bob));
    server.kill();
    server.start_again();
    server.wait_ready();
    let after = channel(&server, "dev");
    assert_eq!((&after["rules"], &after["topic"]), (rules, &now["topic"]));
    let answer = server.patch(
        "/admin/channels/dev",
        json!({"topic": null, "rules": {"key": null, "limit": null, "moderated": false}}),
    );
    done(&answer);
    let now = answer.json();
    assert_eq!(now.get("topic"), None);
    assert_eq!(
        (&now["rules"]["key"], &now["rules"]["limit"]),
        (&Value::Null, &Value::Null)
    );
    assert_eq!(now["rules"]["history"], "since", "what is not named stays");
    assert_eq!(
        server.delete("/admin/channels/dev/registration").status,
        204
    );
    let answer = server.get("/admin/channels/dev");
    assert_eq!(
        (answer.status, &answer.json()["error"]["code"]),
        (404, &json!("no_such_channel"))
    );
}

#[test]
fn mistakes_are_named() {
    let server = Server::start(|_| {});
    account(&server, "mina");
    let _alice = LineClient::enter_channel(&server, "alice", "dev");
    let patch = |body: Value| server.patch("/admin/channels/dev", body);
    for (body, field) in [
        (json!({"rules": {"moderatd": true}}), "moderatd"),
        (json!({"rules": {"moderated": "yes"}}), "moderated"),
        (json!({"rules": {"key": "a key"}}), "key"),
        (json!({"rules": {"limit": -1}}), "limit"),
        (json!({"rules": {"limit": 5_000_000_000_u64}}), "limit"),
        (
            json!({"rules": {"slow_seconds": 1_000_000}}),
            "slow_seconds",
        ),
        (json!({"rules": {"history": "some"}}), "history"),
        (json!({"rules": []}), "rules"),
        (json!({"topic": 7}), "topic"),
        (json!({"topic": "x".repeat(2000)}), "topic"),
        (json!({"name": "other"}), "name"),
    ] {
        let answer = patch(body);
        let error = &answer.json()["error"];
        let got = (answer.status, &error["code"], &error["field"]);
        assert_eq!(got, (400, &json!("bad_field"), &json!(field)), "{error}");
    }
    let put = |path: &str, body: Value| server.put(&format!("/admin/channels/{path}"), body);
    let post = |path: &str, body: Value| server.post(&format!("/admin/channels/{path}"), body);
    let delete = |path: &str| server.delete(&format!("/admin/channels/{path}"));
    for (answer, status, code) in [
        (
            server.patch("/admin/channels/nowhere", json!({"topic": "x"})),
            404,
            "no_such_channel",
        ),
        (
            server.patch("/admin/channels/no%20name", json!({"topic": "x"})),
            400,
            "bad_field",
        ),
        (
            server.get("/admin/channels/nowhere"),
            404,
            "no_such_channel",
        ),
        (server.get("/admin/channels?limit=0"), 400, "bad_field"),
        (
            put("dev/roles/bob", json!({"role": "voice"})),
            404,
            "not_on_channel",
        ),
        (
            put("dev/roles/alice", json!({"role": "king"})),
            400,
            "bad_field",
        ),
        (
            put("dev/roles/alice", json!({"role": "founder"})),
            400,
            "bad_field",
        ),
        (
            put("dev/roles/alice", json!({"role": "voice", "keep": true})),
            400,
            "bad_field",
        ),
        (put("dev/roles/alice", json!({})), 400, "bad_field"),
        (delete("dev/members/bob"), 404, "not_on_channel"),
        (delete("nowhere/members/bob"), 404, "no_such_channel"),
        (post("dev/bans", json!({})), 400, "bad_field"),
        (
            post("dev/bans", json!({"user": "bob", "mask": "b*"})),
            400,
            "bad_request",
        ),
        (
            post("dev/bans", json!({"user": "bob", "list": "black"})),
            400,
            "bad_field",
        ),
        (
            post("dev/bans", json!({"user": "bob", "minutes": 0})),
            400,
            "bad_field",
        ),
        (
            post("dev/bans", json!({"mask": "account:nobody"})),
            404,
            "no_such_account",
        ),
        (post("dev/bans", json!({"mask": "a b"})), 400, "bad_field"),
        (delete("dev/bans?mask=never"), 400, "bad_field"),
        (
            post("dev/invitations", json!({"uses": 0})),
            400,
            "bad_field",
        ),
        (
            post("dev/invitations", json!({"minutes": "long"})),
            400,
            "bad_field",
        ),
        (delete("dev/invitations?id=0"), 400, "bad_field"),
        (
            put("dev/registration", json!({"founder": "nobody"})),
            404,
            "no_such_account",
        ),
        (put("dev/registration", json!({})), 400, "bad_field"),
        (delete("dev/registration"), 409, "not_registered_channel"),
        (
            put("global/registration", json!({"founder": "mina"})),
            409,
            "channel_is_global",
        ),
        (delete("global/members/alice"), 409, "channel_is_global"),
        (
            post("global/bans", json!({"user": "alice"})),
            409,
            "channel_is_global",
        ),
        (
            post("global/invitations", json!({})),
            409,
            "channel_is_global",
        ),
        (
            server.patch("/admin/channels/global", json!({"rules": {"secret": true}})),
            409,
            "channel_is_global",
        ),
        (
            server.patch("/admin/channels/global", json!({"rules": {"key": "k"}})),
            409,
            "channel_is_global",
        ),
    ] {
        let error = &answer.json()["error"];
        assert_eq!(
            (answer.status, &error["code"]),
            (status, &json!(code)),
            "{error}"
        );
    }
    assert_eq!(channel(&server, "dev")["rules"]["moderated"], false);
    assert!(
        server.log("kind=admin", 0).is_empty(),
        "nothing was changed"
    );
}

#[test]
fn the_global_channel_has_a_topic_and_rules_that_keep_it_open() {
    let mut server = Server::start(|_| {});
    let mut alice = LineClient::enter_channel(&server, "alice", "global");
    let body = json!({"topic": "welcome", "rules": {"moderated": true, "slow_seconds": 5}});
    done(&server.patch("/admin/channels/global", body));
    alice.expect("set the topic: welcome");
    alice.send("hello");
    alice.expect("Only people with voice may speak");
    done(&server.put(
        "/admin/channels/global/roles/alice",
        json!({"role": "voice"}),
    ));
    alice.settle();
    alice.send("hello again");
    alice.expect_message("alice", "hello again");
    drop(alice);
    server.restart();
    let global = channel(&server, "global");
    assert_eq!(global["topic"]["text"], "welcome");
    assert_eq!(global["rules"]["moderated"], true);
}

#[test]
fn people_are_appointed_removed_banned_and_let_back() {
    let server = Server::start(|_| {});
    let mut alice = LineClient::enter_channel(&server, "alice", "dev");
    let mut bob = LineClient::enter_channel(&server, "bob", "dev");
    alice.settle();
    done(&server.put("/admin/channels/dev/roles/bob", json!({"role": "operator"})));
    alice.expect("made @bob an operator");
    assert_eq!(channel(&server, "dev")["roles"]["bob"], "operator");
    done(&server.delete("/admin/channels/dev/roles/bob"));
    alice.expect("made @bob an ordinary member");
    assert_eq!(channel(&server, "dev")["roles"].get("bob"), None);
    done(&server.delete("/admin/channels/dev/members/Bob?reason=be%20kind"));
    bob.expect("You were removed from #dev by an administrator: be kind");
    alice.expect("be kind");
    assert_eq!(channel(&server, "dev")["members"], json!(["alice"]));
    bob.send("/join #dev");
    alice.expect("bob");
    let ban = json!({"mask": "b?b", "minutes": 60, "reason": "spam"});
    done(&server.post("/admin/channels/dev/bans", ban));
    bob.expect("spam");
    bob.send("/join #dev");
    bob.expect("You are banned from #dev");
    let bans = server.get("/admin/channels/dev/bans?list=ban").json();
    let ban = &bans["ban"][0];
    assert_eq!(
        (&ban["mask"], &ban["by"]),
        (&json!("b?b"), &json!("administrator"))
    );
    assert_eq!((&ban["reason"], bans.get("mute")), (&json!("spam"), None));
    assert!(ban["expires_at"].is_string(), "{ban}");
    done(&server.delete("/admin/channels/dev/bans?mask=B%3FB"));
    bob.send("/join #dev");
    bob.send("I am back");
    alice.expect_message("bob", "I am back");
    done(&server.post(
        "/admin/channels/dev/bans",
        json!({"user": "bob", "list": "mute"}),
    ));
    bob.send("and now?");
    bob.expect("muted");
    done(&server.delete("/admin/channels/dev/bans?user=bob&list=mute"));
    bob.send("and again");
    alice.expect_message("bob", "and again");
    // The trail finds those concerned by name.
    server.log_with("kind=admin&nick=bob", &["removed @bob: be kind"]);
}

#[test]
fn a_channel_with_a_past_is_given_to_an_account_that_is_offline() {
    let server = Server::start(|_| {});
    account(&server, "mina");
    let mut alice = LineClient::enter_channel(&server, "alice", "attic");
    alice.send("an old box");
    alice.expect_message("alice", "an old box");
    alice.send("/leave");
    alice.settle();
    assert_eq!(server.get("/admin/channels/attic").status, 404);
    let body = json!({"founder": "mina"});
    done(&server.put("/admin/channels/attic/registration", body));
    let attic = channel(&server, "attic");
    assert_eq!(
        (&attic["founder"], &attic["members"]),
        (&json!("mina"), &json!([]))
    );
    assert_eq!(attic["accounts"][0]["role"], "founder");
    alice.send("/join #attic");
    alice.expect("an old box");
    let listed = server.get("/admin/channels?after=a&limit=1").json();
    assert_eq!(listed["channels"][0]["name"], "attic", "{listed}");
    assert_eq!(
        (&listed["channels"][0]["registered"], &listed["more"]),
        (&json!(true), &json!(true))
    );
    let listed = server.get("/admin/channels?after=attic").json();
    assert_eq!(listed["channels"][0]["name"], "global", "{listed}");
    assert_eq!(listed.get("more"), None);
}

#[test]
fn a_link_leads_to_the_page_and_is_shown_once() {
    let server = Server::start(|_| {});
    let _alice = LineClient::enter_channel(&server, "alice", "café");
    let body = json!({"uses": 3, "minutes": 60});
    let answer = server.post("/admin/channels/caf%C3%A9/invitations", body);
    assert_eq!(answer.status, 201, "{}", answer.body);
    let made = answer.json();
    let link = made["link"].as_str().unwrap();
    let (path, secret) = link.rsplit_once('/').unwrap();
    assert_eq!((path, secret.len()), ("/join/caf%C3%A9", 32));
    let to = |channel| format!("../../client#join={channel}&invitation={secret}");
    // A link into a channel that does not exist looks the same.
    for channel in ["caf%C3%A9", "nowhere"] {
        let answer = stranger(&server, &format!("/join/{channel}/{secret}"));
        assert!(answer.starts_with("HTTP/1.1 302 "), "{answer}");
        let location = format!("\r\nLocation: {}\r\n", to(channel));
        assert!(answer.contains(&location), "{answer}");
        assert!(
            answer.contains("\r\nReferrer-Policy: no-referrer\r\n"),
            "{answer}"
        );
        assert!(
            answer.contains("\r\nCache-Control: no-store\r\n"),
            "{answer}"
        );
    }
    assert!(stranger(&server, "/join/dev/short").starts_with("HTTP/1.1 404 "));
    let shown = channel(&server, "caf%C3%A9");
    let links = shown["links"].as_array().unwrap();
    assert_eq!((links.len(), &links[0]["uses"]), (1, &json!(3)));
    assert_eq!(links[0]["id"], made["id"]);
    assert!(!shown.to_string().contains(secret));
    let log = server.log("kind=admin", 1);
    assert_eq!(log[0]["text"], "made an invitation link");
    assert!(!format!("{log:?}{}", server.output()).contains(secret));
    let id = made["id"].as_str().unwrap();
    let path = format!("/admin/channels/caf%C3%A9/invitations?id={id}");
    done(&server.delete(&path));
    assert_eq!(channel(&server, "caf%C3%A9")["links"], json!([]));
    assert_eq!(server.delete(&path).status, 400);
}

#[test]
fn no_caller_without_the_token_learns_of_a_secret_channel() {
    let server = Server::start(|_| {});
    account(&server, "mina");
    let status = |server: &Server| server.get("/api/status").json()["channels"].clone();
    let before = status(&server);
    let _alice = LineClient::enter_channel(&server, "alice", "hideout");
    let shown = before.as_u64().unwrap() + 1;
    assert_eq!(status(&server), shown);
    done(&server.patch(
        "/admin/channels/hideout",
        json!({"rules": {"secret": true}}),
    ));
    assert_eq!(status(&server), before);
    let metrics = server.get("/metrics").body;
    let counted = format!("\nchat_channels {before}\n");
    assert!(
        metrics.contains(&counted) && !metrics.contains("hideout"),
        "{metrics}"
    );
    for path in [
        "/api/status",
        "/status",
        "/healthz",
        "/readyz",
        "/api/nodes",
        "/api/nodes/best",
        "/openapi.json",
        "/docs.json",
        "/docs.json/api",
        "/api/docs.json",
        "/rooms",
        "/api/rooms",
        "/client",
        "/client/declared.js",
        "/admin/channels",
        "/admin/channels/hideout",
        "/admin/channels/hideout/bans",
        "/admin/users",
        "/admin/log",
        "/admin/messages?q=x",
        "/metrics",
        "/api/message?pattern=hideout",
    ] {
        let answer = stranger(&server, path);
        let (_, body) = answer.split_once("\r\n\r\n").unwrap();
        assert!(
            !body.contains("hideout") || path.contains("hideout"),
            "{path}: {answer}"
        );
    }
    // Whether the channel exists makes no difference to an answer.
    let answers = ["hideout", "nowhere"].map(|name| {
        ["", "/bans", "/registration", "/members/alice"].map(|rest| {
            let answer = stranger(&server, &format!("/admin/channels/{name}{rest}"));
            let (head, body) = answer.split_once("\r\n\r\n").unwrap();
            (head[..12].to_owned(), body.to_owned())
        })
    });
    assert_eq!(answers[0], answers[1]);
    // Administrators see it.
    let listed = server.get("/admin/channels").json();
    let mut channels = listed["channels"].as_array().unwrap().iter();
    let hideout = channels
        .find(|channel| channel["name"] == "hideout")
        .unwrap();
    assert_eq!(hideout["rules"]["secret"], true);
    done(&server.patch(
        "/admin/channels/hideout",
        json!({"rules": {"secret": false}}),
    ));
    assert_eq!(status(&server), shown);
}
