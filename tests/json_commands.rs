//! JSON commands over WebSocket: a client written for the original works, and
//! one that knows the typed fields gets more.

mod support;

use serde_json::{Value, json};
use support::{LineClient, Server, User, WsClient, wait_until};

/// A token for a nickname.
fn token(server: &Server, nickname: &str) -> String {
    let answer = server.post_form("/auth", &[("nickname", nickname)]);
    assert_eq!(answer.status, 201, "{}", answer.body);
    answer.json()["token"].as_str().unwrap().to_owned()
}

/// A client that has come in and read what it is told at first.
fn enter(server: &Server, nickname: &str) -> WsClient {
    let path = format!("/ws?token={}", token(server, nickname));
    let mut client = WsClient::open(server.web(), &path, &[]).unwrap();
    expect(&mut client, "welcome");
    let joined = expect(&mut client, "joined");
    assert_eq!(joined["room"], "global");
    client
}

fn send(client: &mut WsClient, kind: &str, args: Value) {
    client.send(&json!({ "type": kind, "args": args }).to_string());
}

/// The next frame of a type; each one on the way has `from` and `body`.
fn expect(client: &mut WsClient, kind: &str) -> Value {
    loop {
        let line = client
            .next_line()
            .unwrap_or_else(|| panic!("closed before {kind}\n{}", client.transcript()));
        let frame: Value = serde_json::from_str(&line).unwrap();
        assert!(
            frame["from"].is_string() && frame["body"].is_string(),
            "{frame}"
        );
        if frame["type"] == kind {
            return frame;
        }
    }
}

#[test]
fn a_client_of_the_original_gets_along() {
    let server = Server::start(|_| {});
    let mut alice = enter(&server, "alice");
    let mut bob = enter(&server, "bob");
    let joined = expect(&mut alice, "join");
    assert_eq!(
        (&joined["from"], &joined["body"]),
        (&json!("system"), &json!("bob joined"))
    );
    send(
        &mut alice,
        "message",
        json!({"from": "mallory", "body": "hi"}),
    );
    let message = expect(&mut bob, "message");
    assert_eq!(
        (&message["from"], &message["body"]),
        (&json!("alice"), &json!("hi"))
    );
    assert_eq!(message["room"], "global");
    assert!(message["id"].is_string() && message["at"].is_string());
    expect(&mut alice, "message");

    send(&mut alice, "switchroom", json!({"room": "nowhere"}));
    assert_eq!(expect(&mut alice, "error")["code"], "no_such_channel");
    send(&mut alice, "createroom", json!({"name": "dev"}));
    assert_eq!(expect(&mut alice, "joined")["room"], "dev");
    assert_eq!(expect(&mut bob, "leave")["body"], "alice left");
    send(&mut bob, "createroom", json!({"name": "DEV"}));
    assert_eq!(expect(&mut bob, "error")["code"], "channel_exists");
    send(&mut bob, "switchroom", json!({"room": "dev"}));
    assert_eq!(expect(&mut bob, "joined")["room"], "dev");
    send(&mut bob, "listusers", Value::Null);
    assert_eq!(expect(&mut bob, "users")["body"], "alice\nbob");
    send(&mut bob, "listrooms", Value::Null);
    assert_eq!(expect(&mut bob, "rooms")["body"], "dev\nglobal");
    send(&mut bob, "setnick", json!({"nickname": "bobby"}));
    assert_eq!(expect(&mut bob, "nickname")["nickname"], "bobby");
    assert_eq!(expect(&mut alice, "rename")["body"], "bob is now bobby");
    send(&mut bob, "exit", Value::Null);
    expect(&mut bob, "bye");
    assert_eq!(expect(&mut alice, "leave")["body"], "bobby left");
}

#[test]
fn mistakes_get_an_error_frame_and_the_connection_stays() {
    let server = Server::start(|config| config["limits"]["message_rate"] = 0.into());
    let mut alice = enter(&server, "alice");
    for (frame, code) in [
        ("{", "broken_frame"),
        ("[1]", "broken_frame"),
        (r#"{"type":"dance"}"#, "unknown_type"),
        (r#"{"type":"message"}"#, "bad_argument"),
        (r#"{"type":"message","args":{"body":" "}}"#, "empty_message"),
        (
            r#"{"type":"message","args":{"room":"x","body":"y"}}"#,
            "not_in_channel",
        ),
        (
            r#"{"type":"setnick","args":{"nickname":"a b"}}"#,
            "bad_argument",
        ),
        (
            r#"{"type":"history","args":{"limit":5000}}"#,
            "bad_argument",
        ),
    ] {
        alice.send(frame);
        assert_eq!(expect(&mut alice, "error")["code"], code, "{frame}");
    }
    let long = "x".repeat(5000);
    send(&mut alice, "message", json!({ "body": long }));
    assert_eq!(expect(&mut alice, "error")["code"], "too_long");
    send(&mut alice, "message", json!({"body": "still here"}));
    assert_eq!(expect(&mut alice, "message")["body"], "still here");
}

#[test]
fn several_rooms_at_once() {
    let server = Server::start(|_| {});
    let mut alice = enter(&server, "alice");
    let mut bob = LineClient::enter_channel(&server, "bob", "dev");
    send(&mut alice, "join", json!({"room": "#dev"}));
    expect(&mut alice, "joined");
    bob.expect("@alice joined");
    send(
        &mut alice,
        "message",
        json!({"room": "global", "body": "to all"}),
    );
    assert_eq!(expect(&mut alice, "message")["room"], "global");
    send(&mut alice, "message", json!({"body": "to the last one"}));
    bob.expect_message("alice", "to the last one");
    bob.send("hello");
    assert_eq!(expect(&mut alice, "message")["body"], "to the last one");
    assert_eq!(expect(&mut alice, "message")["from"], "bob");
    send(&mut alice, "private", json!({"to": "bob", "body": "psst"}));
    bob.expect_private("alice", "psst");
    bob.send("/msg @alice yes?");
    loop {
        let private = expect(&mut alice, "private");
        if private["from"] == "bob" {
            assert_eq!(
                (&private["to"], &private["body"]),
                (&json!("alice"), &json!("yes?"))
            );
            break;
        }
    }
    send(&mut alice, "leave", json!({"room": "dev"}));
    bob.expect("@alice left");
}

#[test]
fn a_nickname_is_held_for_its_token_and_for_nobody_else() {
    let server = Server::start(|_| {});
    let first = token(&server, "alice");
    let taken = server.post_form("/auth", &[("nickname", "ALICE")]);
    assert_eq!(taken.status, 409, "{}", taken.body);
    assert!(taken.json()["error"]["message"].is_string());
    let invalid = server.post_form("/auth", &[("nickname", "a b")]);
    assert_eq!(invalid.status, 400);
    assert_eq!(invalid.json()["error"]["field"], "nickname");
    let mut guest = LineClient::connect(server.telnet());
    guest.send("alice");
    guest.expect("taken");

    // In all three ways.
    let bearer = format!("Bearer {first}");
    for (path, headers) in [
        (format!("/ws?token={first}"), vec![]),
        ("/ws".to_owned(), vec![("Authorization", bearer.as_str())]),
        (
            "/ws".to_owned(),
            vec![("Sec-WebSocket-Protocol", first.as_str())],
        ),
    ] {
        // The one before makes way: it is the same client, come back.
        let mut client = WsClient::open(server.web(), &path, &headers).unwrap();
        assert_eq!(expect(&mut client, "welcome")["nickname"], "alice");
    }
    let wrong = WsClient::open(server.web(), "/ws?token=a.b.c", &[]);
    assert!(wrong.err().unwrap().to_string().contains("401"));
}

#[test]
fn a_registered_nickname_wants_its_password() {
    let server = Server::start(|_| {});
    let mut owner = LineClient::enter(&server, "alice");
    owner.send("/register long enough");
    owner.expect("is yours now");
    assert_eq!(
        server.post_form("/auth", &[("nickname", "alice")]).status,
        409
    );
    let wrong = [("nickname", "alice"), ("password", "long enough?")];
    assert_eq!(server.post_form("/auth", &wrong).status, 401);
    let right = [("nickname", "alice"), ("password", "long enough")];
    let answer = server.post_form("/auth", &right);
    assert_eq!(answer.status, 201);
    let token = answer.json()["token"].as_str().unwrap().to_owned();
    let path = format!("/ws?token={token}");
    let mut client = WsClient::open(server.web(), &path, &[]).unwrap();
    expect(&mut client, "welcome");
    // The owner is on from both.
    let mut bob = enter(&server, "bob");
    send(&mut bob, "setnick", json!({"nickname": "Alice"}));
    assert_eq!(expect(&mut bob, "error")["code"], "nickname_registered");
    send(&mut bob, "private", json!({"to": "alice", "body": "psst"}));
    assert_eq!(expect(&mut client, "private")["body"], "psst");
    owner.expect_private("bob", "psst");
}

#[test]
fn history_and_search_for_members() {
    let server = Server::start(|config| config["limits"]["message_rate"] = 0.into());
    let mut bob = LineClient::enter_channel(&server, "bob", "dev");
    for n in 1..=30 {
        bob.send(&format!("number {n} of apples"));
    }
    bob.send("Crème brûlée for dessert");
    bob.expect_message("bob", "Crème brûlée for dessert");
    let mut alice = enter(&server, "alice");
    send(
        &mut alice,
        "search",
        json!({"room": "dev", "query": "apples"}),
    );
    assert_eq!(expect(&mut alice, "error")["code"], "not_in_channel");
    send(&mut alice, "join", json!({"room": "dev"}));
    send(&mut alice, "history", json!({"room": "dev", "limit": 5}));
    let history = expect_history(&mut alice, 5);
    assert_eq!(bodies(&history)[4], "Crème brûlée for dessert");
    let before = history["messages"][0]["id"].clone();
    send(
        &mut alice,
        "history",
        json!({"room": "dev", "limit": 2, "before": before}),
    );
    let history = expect_history(&mut alice, 2);
    assert_eq!(
        bodies(&history),
        ["number 25 of apples", "number 26 of apples"]
    );
    send(&mut alice, "search", json!({"query": "APPLES 17"}));
    assert_eq!(
        bodies(&expect(&mut alice, "found")),
        ["number 17 of apples"]
    );
    send(&mut alice, "search", json!({"query": "creme"}));
    assert_eq!(
        bodies(&expect(&mut alice, "found")),
        ["Crème brûlée for dessert"]
    );

    // Administrators search everywhere.
    wait_until("the index has caught up or the tail is scanned", || {
        let found = server.get("/admin/messages?q=dessert").json();
        found["messages"][0]["channel"] == "dev"
    });
    assert_eq!(server.get("/admin/messages?q=").status, 400);
    assert_eq!(server.get("/admin/messages?q=x&limit=0").status, 400);
    assert_eq!(
        server.get("/admin/messages?q=nowhere").json()["messages"],
        json!([])
    );
}

/// The next history frame with so many messages.
fn expect_history(client: &mut WsClient, count: usize) -> Value {
    loop {
        let history = expect(client, "history");
        if history["messages"].as_array().unwrap().len() == count {
            return history;
        }
    }
}

fn bodies(frame: &Value) -> Vec<&str> {
    let messages = frame["messages"].as_array().unwrap().iter();
    messages
        .map(|message| message["body"].as_str().unwrap())
        .collect()
}
