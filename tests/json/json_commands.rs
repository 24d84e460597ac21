//! JSON commands over WebSocket: a client written for the original server
//! works, and one that knows the typed fields gets more.

use std::io::{Read, Write};

use crate::support::{JsonClient, LineClient, Server, User, WsClient, wait_until};
use serde_json::{Value, json};

#[test]
fn a_client_of_the_original_gets_along() {
    let server = Server::start(|_| {});
    let mut alice = JsonClient::enter(&server, "alice");
    let mut bob = JsonClient::enter(&server, "bob");
    let joined = alice.expect("join");
    assert_eq!(
        (&joined["from"], &joined["body"]),
        (&json!("system"), &json!("bob joined"))
    );
    alice.send("message", json!({"from": "mallory", "body": "hi"}));
    let message = bob.expect("message");
    assert_eq!(
        (&message["from"], &message["body"]),
        (&json!("alice"), &json!("hi"))
    );
    assert_eq!(message["room"], "global");
    assert!(message["id"].is_string() && message["at"].is_string());
    alice.expect("message");

    alice.send("switchroom", json!({"room": "nowhere"}));
    assert_eq!(alice.expect("error")["code"], "no_such_channel");
    alice.send("createroom", json!({"name": "dev"}));
    assert_eq!(alice.expect("joined")["room"], "dev");
    assert_eq!(bob.expect("leave")["body"], "alice left");
    bob.send("createroom", json!({"name": "DEV"}));
    assert_eq!(bob.expect("error")["code"], "channel_exists");
    bob.send("switchroom", json!({"room": "dev"}));
    assert_eq!(bob.expect("joined")["room"], "dev");
    bob.send("listusers", Value::Null);
    assert_eq!(bob.expect("users")["body"], "alice\nbob");
    bob.send("listrooms", Value::Null);
    assert_eq!(bob.expect("rooms")["body"], "dev\nglobal");
    bob.send("setnick", json!({"nickname": "bobby"}));
    assert_eq!(bob.expect("nickname")["nickname"], "bobby");
    assert_eq!(alice.expect("rename")["body"], "bob is now bobby");
    bob.send("exit", Value::Null);
    bob.expect("bye");
    assert_eq!(alice.expect("leave")["body"], "bobby left");
}

#[test]
fn mistakes_get_an_error_frame_and_the_connection_stays() {
    let server = Server::start(|config| config["limits"]["message_rate"] = 0.into());
    let mut alice = JsonClient::enter(&server, "alice");
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
        alice.0.send(frame);
        assert_eq!(alice.expect("error")["code"], code, "{frame}");
    }
    let long = "x".repeat(5000);
    alice.send("message", json!({ "body": long }));
    assert_eq!(alice.expect("error")["code"], "too_long");
    alice.send("message", json!({"body": "still here"}));
    assert_eq!(alice.expect("message")["body"], "still here");
}

#[test]
fn several_rooms_at_once() {
    let server = Server::start(|_| {});
    let mut alice = JsonClient::enter(&server, "alice");
    let mut bob = LineClient::enter_channel(&server, "bob", "dev");
    alice.send("join", json!({"room": "#dev"}));
    alice.expect("joined");
    bob.expect("@alice joined");
    alice.send("message", json!({"room": "global", "body": "to all"}));
    assert_eq!(alice.expect("message")["room"], "global");
    alice.send("message", json!({"body": "to the last one"}));
    bob.expect_message("alice", "to the last one");
    bob.send("hello");
    assert_eq!(alice.expect("message")["body"], "to the last one");
    assert_eq!(alice.expect("message")["from"], "bob");
    alice.send("private", json!({"to": "bob", "body": "psst"}));
    bob.expect_private("alice", "psst");
    bob.send("/msg @alice yes?");
    loop {
        let private = alice.expect("private");
        if private["from"] == "bob" {
            assert_eq!(
                (&private["to"], &private["body"]),
                (&json!("alice"), &json!("yes?"))
            );
            break;
        }
    }
    alice.send("leave", json!({"room": "dev"}));
    bob.expect("@alice left");
}

#[test]
fn a_nickname_is_held_for_its_token_and_for_nobody_else() {
    let server = Server::start(|_| {});
    let first = JsonClient::token(&server, "alice");
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
        // The new connection replaces the previous one: it is the same client,
        // reconnecting.
        let mut client = JsonClient(WsClient::open(server.web(), &path, &headers).unwrap());
        assert_eq!(client.expect("welcome")["nickname"], "alice");
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
    let mut client = JsonClient::come_in(&server, &token);
    // The owner is connected from both.
    let mut bob = JsonClient::enter(&server, "bob");
    bob.send("setnick", json!({"nickname": "Alice"}));
    assert_eq!(bob.expect("error")["code"], "nickname_registered");
    bob.send("private", json!({"to": "alice", "body": "psst"}));
    assert_eq!(client.expect("private")["body"], "psst");
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
    let mut alice = JsonClient::enter(&server, "alice");
    alice.send("search", json!({"room": "dev", "query": "apples"}));
    assert_eq!(alice.expect("error")["code"], "not_in_channel");
    alice.send("join", json!({"room": "dev"}));
    alice.send("history", json!({"room": "dev", "limit": 5}));
    let history = expect_history(&mut alice, 5);
    assert_eq!(bodies(&history)[4], "Crème brûlée for dessert");
    let before = history["messages"][0]["id"].clone();
    alice.send(
        "history",
        json!({"room": "dev", "limit": 2, "before": before}),
    );
    let history = expect_history(&mut alice, 2);
    assert_eq!(
        bodies(&history),
        ["number 25 of apples", "number 26 of apples"]
    );
    alice.send("search", json!({"query": "APPLES 17"}));
    assert_eq!(bodies(&alice.expect("found")), ["number 17 of apples"]);
    alice.send("search", json!({"query": "creme"}));
    let found = alice.expect("found");
    assert_eq!(bodies(&found), ["Crème brûlée for dessert"]);
    assert_eq!(
        (&found["complete"], &found["next"]),
        (&json!(true), &Value::Null)
    );
    // Where there may be more, the answer says where to continue.
    alice.send("search", json!({"query": "apples", "limit": 2}));
    let found = alice.expect("found");
    assert_eq!(
        bodies(&found),
        ["number 30 of apples", "number 29 of apples"]
    );
    assert_eq!(found["complete"], false);
    assert_eq!(found["next"], found["messages"][1]["id"]);
    let on = json!({"query": "apples", "limit": 2, "before": found["next"]});
    alice.send("search", on);
    let found = alice.expect("found");
    assert_eq!(
        bodies(&found),
        ["number 28 of apples", "number 27 of apples"]
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

/// The next history frame with this many messages.
fn expect_history(client: &mut JsonClient, count: usize) -> Value {
    loop {
        let history = client.expect("history");
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

#[test]
fn what_is_shown_on_joining_is_twenty_messages_however_long() {
    let line = 65_536;
    let server = Server::start(|config| {
        config["limits"]["line_bytes"] = line.into();
        config["limits"]["message_rate"] = 0.into();
        config["limits"]["backlog_bytes"] = (50 * line).into();
    });
    let mut alice = JsonClient::enter(&server, "alice");
    let text = |n: usize| format!("{n} {}", "x".repeat(60_000));
    for n in 0..22 {
        alice.send("message", json!({"body": text(n)}));
        alice.expect("message");
    }
    // Nothing is read until all of it has been sent.
    let bob = JsonClient::open(&server, &JsonClient::token(&server, "bob"));
    wait_until("bob is a member", || {
        let channels = server.get("/admin/channels").json();
        channels["channels"][0]["members"].as_array().map(Vec::len) == Some(2)
    });
    let mut bob = bob;
    let history = bob.expect("history");
    let newest: Vec<String> = (2..22).map(text).collect();
    assert!(bodies(&history) == newest, "other messages");
    assert!(
        bodies(&history)
            .iter()
            .map(|body| body.len())
            .sum::<usize>()
            <= 20 * line
    );
    for text in newest {
        assert!(bob.expect("past")["body"] == text, "another message");
    }
    // He does not count as a slow reader.
    alice.send("message", json!({"body": "hello"}));
    assert_eq!(bob.expect("message")["body"], "hello");
}

#[test]
fn long_answers_come_in_parts_that_anybody_can_read() {
    let server = Server::start(|config| {
        config["limits"]["message_rate"] = 0.into();
        config["limits"]["backlog_bytes"] = (512 * 1024).into();
    });
    let mut alice = JsonClient::come_in(&server, &JsonClient::registered(&server, "alice"));
    let mut bob = JsonClient::come_in(&server, &JsonClient::registered(&server, "bob"));
    let text = |n: usize| format!("{n} word {}", "x".repeat(3900));
    for n in 0..100 {
        alice.send("message", json!({"body": text(n)}));
        alice.send("private", json!({"to": "bob", "body": text(n)}));
        alice.expect("message");
        bob.expect("private");
    }
    let bodies = |frame: &Value| -> Vec<String> {
        let messages = frame["messages"].as_array().unwrap().iter();
        messages
            .map(|m| m["body"].as_str().unwrap().to_owned())
            .collect()
    };
    let fits = 256 * 1024 / text(10).len();
    let newest: Vec<String> = (100 - fits..100).map(text).collect();
    bob.send("history", json!({"limit": 1000}));
    let history = bob.expect("history");
    assert_eq!(
        (bodies(&history), &history["complete"]),
        (newest.clone(), &json!(false))
    );
    bob.send(
        "history",
        json!({"limit": 1000, "before": history["messages"][0]["id"]}),
    );
    let before = bodies(&bob.expect("history"));
    assert_eq!(before.last(), Some(&text(99 - fits)));
    bob.send("thread", json!({"user": "alice", "limit": 1000}));
    let thread = bob.expect("thread");
    assert_eq!(
        (bodies(&thread), &thread["complete"]),
        (newest.clone(), &json!(false))
    );
    let all = json!({"user": "alice", "limit": 1000, "after": "0-0"});
    bob.send("thread", all);
    assert_eq!(bodies(&bob.expect("thread"))[0], text(0));
    bob.send("search", json!({"query": "word", "limit": 1000}));
    let found = bob.expect("found");
    let newest_first: Vec<String> = newest.into_iter().rev().collect();
    assert_eq!(
        (bodies(&found), &found["complete"]),
        (newest_first, &json!(false))
    );
}

#[test]
fn who_is_ignored_is_listed_and_leaves_nothing_unread() {
    let server = Server::start(|_| {});
    let mut alice = JsonClient::come_in(&server, &JsonClient::registered(&server, "alice"));
    let token = JsonClient::registered(&server, "bob");
    let mut bob = JsonClient::come_in(&server, &token);
    bob.send("ignores", Value::Null);
    assert_eq!(bob.expect("ignores")["users"], json!([]));
    let mut say = |body: &str| {
        alice.send("private", json!({"to": "bob", "body": body}));
        alice.expect("private");
    };
    say("before");
    bob.send("inbox", Value::Null);
    let thread = &bob.expect("inbox")["threads"][0];
    assert_eq!(
        (&thread["unread"], &thread["body"]),
        (&json!(1), &json!("before"))
    );
    bob.send("ignore", json!({"nickname": "alice"}));
    bob.expect("ignored");
    say("after");
    // At once, and on another connection.
    for mut bob in [bob, JsonClient::come_in(&server, &token)] {
        bob.send("inbox", Value::Null);
        let thread = &bob.expect("inbox")["threads"][0];
        let seen = (&thread["unread"], &thread["body"], &thread["ignored"]);
        assert_eq!(seen, (&json!(0), &json!(""), &json!(true)));
        bob.send("ignores", Value::Null);
        assert_eq!(bob.expect("ignores")["users"], json!(["alice"]));
    }
    let mut eve = LineClient::enter(&server, "eve");
    eve.send("/ignore");
    eve.expect("ignoring nobody");
    eve.send("/ignore @alice");
    eve.send("/ignore");
    eve.expect("ignoring 1");
    eve.expect("@alice");
}

#[test]
fn a_note_to_oneself_comes_once() {
    let server = Server::start(|_| {});
    let mut alice = JsonClient::come_in(&server, &JsonClient::registered(&server, "alice"));
    let mut guest = JsonClient::enter(&server, "guest");
    for (client, own) in [(&mut alice, "alice"), (&mut guest, "guest")] {
        client.send("private", json!({"to": own, "body": "note"}));
        client.expect("private");
        assert!(!client.settle().contains(&"private".to_owned()));
    }
}

#[test]
fn nobody_is_told_of_a_nickname_that_stays_the_same() {
    let server = Server::start(|_| {});
    let mut alice = JsonClient::enter(&server, "alice");
    let mut bob = JsonClient::enter(&server, "bob");
    alice.send("setnick", json!({"nickname": "alice"}));
    assert_eq!(alice.expect("nickname")["nickname"], "alice");
    alice.send("setnick", json!({"nickname": "Alice"}));
    assert_eq!(alice.expect("nickname")["nickname"], "Alice");
    assert_eq!(bob.expect("rename")["to"], "Alice", "only what has changed");
}

#[test]
fn words_say_what_is_so() {
    let server = Server::start(|config| config["history"] = "off".into());
    let mut alice = JsonClient::enter(&server, "alice");
    alice.send("search", json!({"query": "word"}));
    assert_eq!(alice.expect("error")["code"], "no_history");
    alice.send("message", json!({"body": "\u{200b}\u{feff}"}));
    assert_eq!(alice.expect("error")["code"], "empty_message");
    alice.send("leave", Value::Null);
    alice.send("message", json!({"body": "hi"}));
    let error = alice.expect("error");
    assert_eq!(error["code"], "no_channel");
    assert!(
        !error["body"].as_str().unwrap().contains("/join"),
        "{error}"
    );
}

#[test]
fn nothing_older_is_no_beginning_and_times_sort_as_text() {
    let server = Server::start(|_| {});
    let mut alice = JsonClient::enter(&server, "alice");
    alice.send("message", json!({"body": "hi"}));
    let message = alice.expect("message");
    let at = message["at"].as_str().unwrap();
    assert_eq!(at.len(), "2026-11-21T08:00:00.123Z".len(), "{at}");
    alice.send("history", json!({"before": message["id"]}));
    let history = alice.expect("history");
    assert_eq!(history["messages"], json!([]));
    assert!(
        !history["body"].as_str().unwrap().contains("yet"),
        "{history}"
    );
}

#[test]
fn who_asks_in_the_wrong_way_is_told_the_right_one() {
    let server = Server::start(|_| {});
    let ask = |request: String| {
        let head = format!("{request}\r\nHost: x\r\nConnection: close\r\n\r\n");
        let mut stream = std::net::TcpStream::connect(server.web()).unwrap();
        stream
            .set_read_timeout(Some(crate::support::DEADLINE))
            .unwrap();
        stream.write_all(head.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    };
    for path in ["/ws", "/mychat", "/api/ws"] {
        let answer = ask(format!("GET {path} HTTP/1.1\r\nAccept: */*"));
        assert!(answer.starts_with("HTTP/1.1 426 "), "{answer}");
        assert!(answer.contains("this is a WebSocket"), "{answer}");
    }
    // As `curl -F nickname=alice` sends it.
    let multipart = "POST /auth HTTP/1.1\r\nContent-Type: multipart/form-data; boundary=x";
    let answer = ask(format!("{multipart}\r\nContent-Length: 0"));
    assert!(answer.starts_with("HTTP/1.1 400 "), "{answer}");
    assert!(
        answer.contains("application/x-www-form-urlencoded"),
        "{answer}"
    );
}

#[test]
fn a_short_answer_is_complete() {
    let server = Server::start(|_| {});
    let mut alice = JsonClient::enter(&server, "alice");
    alice.send("message", json!({"body": "one word"}));
    alice.expect("message");
    alice.send("search", json!({"query": "word"}));
    assert_eq!(alice.expect("found")["complete"], true);
    alice.send("history", json!({}));
    assert_eq!(alice.expect("history")["complete"], true);
}

#[test]
fn every_message_that_is_refused_is_named_by_its_tag() {
    let server = Server::start(|config| {
        config["limits"]["message_rate"] = 0.1.into();
        config["limits"]["message_burst"] = 10.into();
    });
    let mut alice = JsonClient::enter(&server, "alice");
    let long = json!({"tag": "long", "body": "x".repeat(60_000)});
    alice.send("message", long);
    let error = alice.expect("error");
    assert_eq!(
        (&error["code"], &error["tag"]),
        (&json!("too_long"), &json!("long"))
    );
    for n in 0..30 {
        alice.send("message", json!({"tag": format!("t{n}"), "body": "hi"}));
    }
    let mut refused = 0;
    for n in 0..30 {
        let frame = loop {
            let frame = alice.next().unwrap();
            if frame["tag"] == format!("t{n}") || frame["tag"].is_null() && frame["type"] == "error"
            {
                break frame;
            }
        };
        if frame["type"] == "error" {
            assert_eq!(frame["tag"], format!("t{n}"));
            assert_eq!(frame["code"], "too_fast");
            refused += 1;
        }
    }
    assert!(refused >= 20, "{refused}");
}

/// What the oldest clients of this protocol show, up to a line.
fn shown_until(client: &mut JsonClient, last: &str) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    while lines.last().is_none_or(|line| line != last) {
        let frame = client.next().unwrap();
        let text = |field: &str| frame[field].as_str().unwrap().to_owned();
        lines.push(format!("{}: {}", text("from"), text("body")));
    }
    lines
}

#[test]
fn the_simplest_client_sees_what_was_said_before_it_came() {
    let server = Server::start(|_| {});
    let mut telnet = LineClient::enter_channel(&server, "tel", "global");
    telnet.send("hi");
    telnet.send("how are you?");
    telnet.expect_message("tel", "how are you?");
    let mut alice = JsonClient::open(&server, &JsonClient::token(&server, "alice"));
    let lines = shown_until(&mut alice, "tel: how are you?");
    let expected = [
        "system: Welcome, alice!",
        "system: You are now in global.",
        "system: The last 2 messages here:",
        "tel: hi",
        "tel: how are you?",
    ];
    assert_eq!(lines, expected);
    // In another room as well, and only that room's messages.
    telnet.send("/join #dev");
    telnet.send("in dev");
    telnet.expect_message("tel", "in dev");
    alice.send("switchroom", json!({"room": "dev"}));
    let lines = shown_until(&mut alice, "tel: in dev");
    let expected = ["system: The last message here:", "tel: in dev"];
    assert_eq!(lines[lines.len() - 2..], expected);
    // A client that knows the fields is told once, and asks for no echo.
    alice.settle();
    alice.send("history", json!({"limit": 5}));
    let history = alice.expect("history");
    assert_eq!(history["messages"].as_array().unwrap().len(), 1);
    assert_eq!(alice.settle(), [""; 0]);
}

#[test]
fn keys_have_any_case() {
    let server = Server::start(|_| {});
    let mut alice = JsonClient::enter(&server, "alice");
    let frame = r#"{"Type": "message", "ARGS": {"from": "x", "body": "hi"}}"#;
    alice.0.send(frame);
    assert_eq!(alice.expect("message")["body"], "hi");
}

#[test]
fn a_token_can_be_looked_at() {
    let server = Server::start(|_| {});
    let token = JsonClient::token(&server, "Alice");
    let answer = server.get_as(&token, "/auth");
    assert_eq!(answer.status, 200, "{}", answer.body);
    assert_eq!(answer.json()["nickname"], "Alice");
    let until: jiff::Timestamp = answer.json()["expires_at"]
        .as_str()
        .unwrap()
        .parse()
        .unwrap();
    assert!(until > jiff::Timestamp::now());
    for wrong in ["", "x", &token.replace('.', "_"), &token[1..]] {
        let answer = server.get_as(wrong, "/auth");
        assert_eq!(answer.status, 401, "{wrong}: {}", answer.body);
    }
    // Registering the name makes the guest's token invalid.
    JsonClient::registered(&server, "bob");
    let answer = server.get_as(&JsonClient::token(&server, "carol"), "/auth");
    assert_eq!(answer.json()["nickname"], "carol");
    JsonClient::registered(&server, "ALICE");
    assert_eq!(server.get_as(&token, "/auth").status, 401);
}

#[test]
fn a_number_that_nobody_asks_for_may_be_larger_than_there_are() {
    let server = Server::start(|_| {});
    let mut alice = JsonClient::enter(&server, "alice");
    for (at, text) in [
        r#"{"type":"message","args":{"body":"one","x":1e999,"tag":"t0"}}"#,
        r#"{"type":"message","x":[-1e999],"args":{"tag":"t1","body":"1e999"}}"#,
    ]
    .into_iter()
    .enumerate()
    {
        alice.0.send(text);
        assert_eq!(alice.expect("stored")["tag"], format!("t{at}"));
    }
    alice.0.send(r#"{"type":"history","args":{"limit":1e999}}"#);
    assert_ne!(alice.expect("error")["code"], "broken_frame");
}

#[test]
fn everybody_may_ask_when_somebody_was_last_here() {
    let server = Server::start(|_| {});
    let mut alice = JsonClient::enter(&server, "alice");
    let mut carol = LineClient::enter(&server, "carol");
    let bob = LineClient::enter(&server, "Bob");
    alice.send("seen", json!({"user": "@bob"}));
    let on = alice.expect("seen");
    assert_eq!(on["body"], "@Bob is here now.");
    assert_eq!(
        (&on["user"], &on["online"], &on["at"]),
        (&json!("Bob"), &json!(true), &Value::Null)
    );
    carol.send("/seen @bob");
    carol.expect_next("* @Bob is here now.");

    drop(bob);
    let mut gone = Value::Null;
    wait_until("Bob has left", || {
        alice.send("seen", json!({"user": "bob"}));
        gone = alice.expect("seen");
        gone["online"] == json!(false)
    });
    assert!(gone["at"].as_str().unwrap().ends_with('Z'), "{gone}");
    assert!(
        gone["body"]
            .as_str()
            .unwrap()
            .starts_with("@Bob was last here "),
        "{gone}"
    );
    carol.send("/seen bob");
    carol.expect_next("* @Bob was last here ");
    carol.send("/seen @nobody");
    carol.expect_next("* @nobody has not been seen here.");
    for wrong in ["/seen", "/seen @a @b", "/seen @a/b"] {
        carol.send(wrong);
        carol.expect_next("/seen @nick");
    }
    alice.send("seen", json!({}));
    assert_eq!(alice.expect("error")["code"], "bad_argument");
    server.log("kind=command&pattern=%5Eseen%20%40nobody%24", 1);
}
