//! Commands in the chat log: `command` records what was carried out, `error`
//! what was refused, with the reason. What client programs ask over and over is
//! not recorded.

use std::io::{Read, Write};
use std::net::TcpStream;

use crate::support::{DEADLINE, JsonClient, LineClient, Server, User, WsClient, wait_until};
use serde_json::{Value, json};

/// A question that test clients ask to know that everything before has been
/// answered.
fn is_of_support(text: &str) -> bool {
    text.starts_with("unignore @settle")
}

/// The texts of one kind, oldest first, once a final message is logged and there are so many:
/// refusals are in a file of their own, which may be written a moment after that of messages.
fn texts(server: &Server, kind: &str, at_least: usize) -> Vec<String> {
    let mut texts = Vec::new();
    wait_until(&format!("{at_least} of {kind} are logged"), || {
        texts = server.log_texts(&format!("kind={kind}&limit=1000"), 0);
        texts.reverse();
        texts.retain(|text| !is_of_support(text));
        texts.len() >= at_least
    });
    texts
}

/// Sends a message and waits until the log has it, and so everything before.
fn settle(server: &Server, user: &mut impl User, text: &str) {
    user.send(text);
    user.expect(text);
    server.log(&format!("kind=message&pattern={text}"), 1);
}

#[test]
fn what_is_refused_on_lines_is_an_error_with_its_reason() {
    let server = Server::start(|config| {
        config["limits"]["message_rate"] = 0.into();
        config["limits"]["line_bytes"] = 100.into();
    });
    let _bob = LineClient::enter(&server, "bob");
    let mut alice = LineClient::connect(server.telnet());
    for (sent, told) in [
        ("/help", "First of all, a nickname"),
        ("/rooms", "First of all, a nickname"),
        ("9lives", "will not do"),
        ("bob", "is taken"),
        ("alice", "Welcome, alice"),
        ("/help", "Anything else is a message"),
        ("/regsiter hunter2", "no command /regsiter"),
        ("/login alice hunter2", "!"),
        ("/msg", "Something is missing"),
        ("/msg @nobody hunter2", "Nobody called @nobody"),
        ("/join 9lives hunter2", "/join #channel [key]: "),
        ("/leave", "not in a channel"),
        ("/history 0", "from 1 to"),
        ("/nick bob", "is taken"),
        ("/ignore alice", "cannot ignore yourself"),
        ("hunter2 said too early", "not in a channel"),
        ("/join dev", "You are now in #dev"),
        ("/join dev", "already in #dev"),
        ("/rooms", "#dev"),
        ("/list", "alice"),
        ("/history", "*"),
        ("/nick alicia", "now @alicia"),
        (&"hunter2".repeat(20), "longer than 100 bytes"),
    ] {
        alice.send(sent);
        if told != "*" {
            alice.expect(told);
        }
    }
    settle(&server, &mut alice, "finished");
    assert_eq!(
        texts(&server, "command", 7),
        [
            "help",
            "help",
            "join #dev",
            "rooms",
            "list",
            "history",
            "nick alicia"
        ]
    );
    let starts = [
        "rooms: First of all, a nickname",
        "nick 9lives: That nickname will not do",
        "nick bob: The nickname bob is taken.",
        "regsiter: There is no command /regsiter",
        "login alice: ",
        "msg: Something is missing",
        "msg @nobody: Nobody called @nobody is here.",
        "join 9lives: /join #channel [key]: ",
        "leave: You are not in a channel.",
        "history 0: /history [n]: n is a number",
        "nick bob: The nickname bob is taken.",
        "ignore @alice: You cannot ignore yourself.",
        "say: You are not in a channel.",
        "join #dev: You are already in #dev.",
        "a line: That line was longer than 100 bytes",
    ];
    let errors = texts(&server, "error", starts.len());
    assert_eq!(errors.len(), starts.len(), "{errors:#?}");
    for (error, start) in errors.iter().zip(starts) {
        assert!(error.starts_with(start), "{error} is not {start}");
    }
    for entry in server.log("kind=error&nick=alice", 1) {
        assert_eq!(entry["protocol"], "telnet", "{entry}");
        assert!(entry["address"].as_str().unwrap().starts_with("127.0.0.1:"));
    }
    // The log has neither passwords nor private texts.
    assert_eq!(server.log_texts("pattern=hunter2", 0), [""; 0]);
}

#[test]
fn what_is_refused_as_json_is_an_error_with_its_reason() {
    let server = Server::start(|config| config["limits"]["line_bytes"] = 1000.into());
    let mut alice = JsonClient::enter(&server, "alice");
    for (kind, args) in [
        ("dance", json!({})),
        ("join", json!({})),
        ("join", json!({ "room": "9lives" })),
        ("leave", json!({ "room": "nowhere" })),
        ("private", json!({ "to": "nobody", "body": "hunter2" })),
        (
            "message",
            json!({ "room": "nowhere", "body": "hunter2", "tag": "t1" }),
        ),
        ("inbox", json!({})),
        (
            "message",
            json!({ "room": "global", "body": "hunter2".repeat(200) }),
        ),
    ] {
        alice.send(kind, args);
        alice.expect("error");
    }
    alice.0.send("hunter2");
    alice.expect("error");
    alice.send("join", json!({ "room": "dev" }));
    alice.expect("joined");
    alice.send("message", json!({ "room": "dev", "body": "finished" }));
    server.log("kind=message&pattern=finished", 1);
    assert_eq!(texts(&server, "command", 2), ["join #global", "join #dev"]);
    let starts = [
        "dance: There is no command of type dance.",
        "join: The argument room is missing.",
        "join: room: ",
        "leave #nowhere: You are not in #nowhere.",
        "msg @nobody: Nobody called @nobody is here.",
        "say #nowhere: You are not in #nowhere.",
        "inbox: Only registered users have an inbox.",
        "message: That frame was longer than 1000 bytes",
        "a frame: That is not a command in JSON",
    ];
    let errors = texts(&server, "error", starts.len());
    assert_eq!(errors.len(), starts.len(), "{errors:#?}");
    for (error, start) in errors.iter().zip(starts) {
        assert!(error.starts_with(start), "{error} is not {start}");
    }
    assert_eq!(server.log_texts("pattern=hunter2", 0), [""; 0]);
}

#[test]
fn what_a_page_asks_by_itself_is_no_command() {
    let server = Server::start(|config| config["limits"]["message_rate"] = 0.into());
    let token = JsonClient::registered(&server, "alice");
    let mut alice = JsonClient::come_in(&server, &token);
    alice.send("listen", json!({ "events": ["typing"] }));
    alice.send("ignores", json!({}));
    alice.send("inbox", json!({}));
    for _ in 0..100 {
        alice.send("listrooms", json!({}));
        alice.send("presence", json!({ "users": ["bob"] }));
        alice.send("listusers", json!({ "room": "global" }));
        alice.send("history", json!({ "room": "global", "limit": 5 }));
        alice.send("typing", json!({ "room": "global" }));
    }
    alice.send("message", json!({ "room": "global", "body": "finished" }));
    server.log("kind=message&pattern=finished", 1);
    assert_eq!(texts(&server, "command", 1), ["join #global"]);
    assert_eq!(texts(&server, "error", 0), [""; 0]);
}

#[test]
fn what_is_refused_of_room_lines_and_direct_messages_is_an_error() {
    let server = Server::start(|config| {
        config["listen"]["tcp"] = "127.0.0.1:0".into();
        config["limits"]["line_bytes"] = 100.into();
    });
    let _bob = LineClient::enter(&server, "bob");
    for hello in [
        r#"{"name":"x"}"#,
        r#"{"name":"bob","room":"dev"}"#,
        "not an object at all",
    ] {
        let mut stream = TcpStream::connect(server.address("tcp")).unwrap();
        stream.set_read_timeout(Some(DEADLINE)).unwrap();
        stream.write_all(format!("{hello}\n").as_bytes()).unwrap();
        let mut said = String::new();
        stream.read_to_string(&mut said).unwrap();
        assert!(!said.is_empty(), "{hello}");
    }
    let of_room = server.log("kind=error&pattern=%5Ehello%7C%5Enick", 3);
    assert!(of_room.iter().all(|entry| entry["protocol"] == "room"));
    let texts: Vec<&str> = of_room
        .iter()
        .map(|it| it["text"].as_str().unwrap())
        .collect();
    assert!(
        texts[1].starts_with("nick bob: The nickname bob is taken."),
        "{texts:?}"
    );
    assert!(
        texts[0].starts_with("hello: ") && texts[2].starts_with("hello: "),
        "{texts:?}"
    );

    JsonClient::registered(&server, "carol");
    let form = [("username", "carol"), ("password", "long enough")];
    let answer = server.post_form("/api/login", &form);
    let token = answer.json()["data"][0]["token"]
        .as_str()
        .map(str::to_owned);
    if let Some(token) = token {
        let path = format!("/api/ws?token={token}");
        let mut carol = WsClient::open(server.web(), &path, &[]).unwrap();
        for frame in [
            "not an object",
            r#"{"recipient":"nobody","message":"hunter2"}"#,
        ] {
            carol.send(frame);
            let answer: Value = carol.next_json().unwrap();
            assert_eq!(answer["status"], "error", "{answer}");
        }
        let entries = server.log("kind=error&nick=carol", 2);
        assert!(entries.iter().all(|entry| entry["protocol"] == "direct"));
        for entry in &entries {
            assert!(
                entry["text"].as_str().unwrap().starts_with("msg"),
                "{entry}"
            );
        }
        assert_eq!(server.log_texts("pattern=hunter2", 0), [""; 0]);
    }
}

#[test]
fn a_message_that_cannot_be_stored_is_an_error() {
    let server = Server::start(|_| {});
    let mut alice = LineClient::enter_channel(&server, "alice", "dev");
    let pid = rustix::process::Pid::from_raw(server.pid() as i32);
    let limit = |current| {
        let maximum = None;
        let limit = rustix::process::Rlimit { current, maximum };
        rustix::process::prlimit(pid, rustix::process::Resource::Fsize, limit).unwrap();
    };
    limit(Some(1));
    alice.send("lost");
    alice.expect("could not be stored");
    limit(None);
    let entry = server.log("kind=error&pattern=say%20%23dev", 1);
    let text = entry[0]["text"].as_str().unwrap();
    assert!(
        text.starts_with("say #dev: Your message could not be stored"),
        "{text}"
    );
}

#[test]
fn who_sends_too_fast_is_an_error_once() {
    let server = Server::start(|config| {
        config["limits"]["message_rate"] = 0.1.into();
        config["limits"]["message_burst"] = 5.into();
    });
    let mut alice = LineClient::enter(&server, "alice");
    alice.send("/join dev");
    for _ in 0..10 {
        alice.send("/list");
    }
    alice.expect("too fast");
    server.log("kind=error&pattern=fast", 1);
    let errors = texts(&server, "error", 1);
    assert_eq!(errors.len(), 1, "{errors:?}");
    assert!(
        errors[0].starts_with("a line: You are sending too fast."),
        "{errors:?}"
    );
}
