//! The line server's sessions by telnet, nc and WebSocket, and its REST API.

use serde_json::{Value, json};

use super::wire::{Answer, Wire, call};
use crate::support::Server;

/// A `telnet` or `nc` that has sent a nickname.
fn enter(server: &Server, nickname: &str, end: &str) -> Wire {
    let mut wire = Wire::connect(server.telnet());
    assert!(wire.line().contains("Welcome"));
    wire.send(format!("{nickname}{end}"));
    let welcome = wire.line_with(&format!("{nickname}!"));
    assert!(welcome.contains("Welcome"), "{welcome}");
    assert!(
        welcome.contains("/join #channel") && welcome.contains("/help"),
        "{welcome}"
    );
    wire
}

/// A line without the time of day.
fn said(line: &str) -> &str {
    let (clock, rest) = line.split_at(6);
    let digits = clock.bytes().filter(u8::is_ascii_digit).count();
    assert_eq!((digits, &clock[2..3]), (4, ":"), "{line}");
    rest.trim_end()
}

#[test]
fn a_session_by_telnet_and_nc() {
    let server = Server::start(|_| {});
    let mut alice = enter(&server, "alice", "\r\n");
    let mut bob = enter(&server, "bob", "\n");
    alice.send("hello?\r\n");
    assert!(alice.line().contains("/join #channel"));
    alice.send("/join #r\r\n");
    assert!(alice.line().contains("#r"));
    bob.send("/join #r\n");
    assert!(bob.line().contains("#r"));
    assert!(alice.line().contains("@bob"));
    alice.send("hi all\r\n");
    assert_eq!(said(&alice.line()), "@alice: hi all");
    assert_eq!(said(&bob.line_with("hi all")), "@alice: hi all");
    bob.send("/list\n");
    let listed = bob.line_with("@alice");
    assert!(listed.contains("@bob"), "{listed}");
    // A client is in one channel at a time.
    bob.send("/join #other\n");
    assert!(alice.line_with("@bob").contains("left"));
    bob.send("/msg @alice psst, over here\n");
    assert_eq!(
        said(&alice.line_with("psst")),
        "-PM from @bob: psst, over here"
    );
    alice.send("/ignore @bob\r\n");
    assert!(alice.line().contains("@bob"));
    alice.send("/ignore @alice\r\n");
    assert!(alice.line().starts_with('!'));
    bob.send("/msg @alice again\n/msg @alice and again\n");
    bob.line_with("and again");
    alice.send("/quit\r\n");
    assert!(alice.line().contains("Good-bye"), "nothing of bob's");
    assert!(alice.is_closed());
}

#[test]
fn commands_without_what_they_need_are_refused_in_words() {
    let server = Server::start(|_| {});
    let mut alice = enter(&server, "alice", "\r\n");
    for command in [
        "/badcommand",
        "/join",
        "/msg",
        "/msg @nobody hi",
        "/msg @alice",
        "/ignore @nobody",
        "/list",
        "/x",
    ] {
        alice.send(format!("{command}\r\n"));
        let line = alice.line();
        assert!(
            line.starts_with("! ") || line.contains("nobody"),
            "{command}: {line}"
        );
    }
    alice.send("/help\r\n");
    for command in [
        "/help",
        "/join #channel",
        "/list",
        "/msg @nick",
        "/ignore",
        "/quit",
    ] {
        alice.line_with(command);
    }
}

#[test]
fn a_nickname_in_use_is_asked_for_again() {
    let server = Server::start(|_| {});
    let _alice = enter(&server, "alice", "\r\n");
    let mut other = Wire::connect(server.telnet());
    other.send("alice\r\n");
    assert!(other.line_with("alice").contains("taken"));
    other.send("alice2\r\n");
    assert!(other.line_with("alice2!").contains("Welcome"));
}

/// Opens a connection as its WebSocket test's library does.
fn websocket(server: &Server) -> Wire {
    let mut wire = Wire::connect(server.web());
    wire.send(format!(
        "GET /ws HTTP/1.1\r\nHost: {}\r\nUser-Agent: Go-http-client/1.1\r\n\
         Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
         Sec-WebSocket-Version: 13\r\nUpgrade: websocket\r\n\r\n",
        server.web()
    ));
    let answer = wire.answer();
    assert_eq!(answer.status, 101);
    let accept = answer.field("sec-websocket-accept");
    assert_eq!(accept, Some("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="));
    wire
}

#[test]
fn the_session_of_its_websocket_test() {
    let server = Server::start(|_| {});
    let mut user = websocket(&server);
    assert!(user.text().contains("Welcome"));
    user.send_text("User1");
    assert!(user.text_with("User1").contains("Welcome"));
    user.send_text("/quit");
    assert!(user.text().contains("Good-bye"));
    assert!(user.is_closed());
    let users = server.get("/admin/users").json();
    assert_eq!(users["users"], json!([]));
}

#[test]
fn a_hundred_users_come_join_and_quit() {
    let server = Server::start(|_| {});
    let mut users: Vec<Wire> = (0..100).map(|_| websocket(&server)).collect();
    for (number, user) in users.iter_mut().enumerate() {
        user.send_text(&format!("user{number}"));
        user.text_with(&format!("user{number}!"));
        user.send_text("/join #r");
        user.text_with("You are now in #r");
    }
    for user in &mut users {
        user.send_text("/quit");
        user.text_with("Good-bye");
        assert!(user.is_closed());
    }
}

fn rest(server: &Server, method: &str, target: &str, token: &str, body: &str) -> Answer {
    let at = server.address("rest");
    let authorization = match token {
        "" => String::new(),
        token => format!("Authorization: Bearer {token}\r\n"),
    };
    call(
        at,
        &format!(
            "{method} {target} HTTP/1.1\r\nHost: {at}\r\nUser-Agent: Go-http-client/1.1\r\n\
             Content-Length: {}\r\nContent-Type: application/json\r\n{authorization}\r\n{body}",
            body.len()
        ),
    )
}

/// Checks the links and metadata of an answer; returns its data and the short
/// messages of its errors.
fn checked(server: &Server, answer: &Answer, target: &str) -> (Value, Vec<String>) {
    assert_eq!(answer.field("content-type"), Some("application/json"));
    let body = answer.json();
    let own = format!("//{}{target}", server.address("rest"));
    assert_eq!(body["links"], json!({ "self": own }));
    let generated = body["metadata"]["generated"].as_str().unwrap();
    assert!(
        generated.len() == 19 && generated.parse::<u64>().is_ok(),
        "{generated}"
    );
    let errors = match &body["errors"] {
        Value::Null => Vec::new(),
        errors => errors.as_array().unwrap().clone(),
    };
    let short = |error: &Value| error["short_message"].as_str().unwrap().to_owned();
    let short = errors.iter().map(short).collect();
    (body, short)
}

fn encoded(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

#[test]
fn administrators_announce_and_search() {
    let server = Server::start(|_| {});
    let token = server.admin_token();
    // Two rooms, since a client that joins is shown the room's history.
    for (path, room) in [("/api/message", "r"), ("/v1/api/message", "s")] {
        let answer = rest(
            &server,
            "POST",
            path,
            &token,
            r#"{"message":"nobody hears"}"#,
        );
        let (body, errors) = checked(&server, &answer, path);
        assert_eq!((answer.status, &body["success"]), (200, &json!(true)));
        assert_eq!(errors, ["no-connected-users"]);
        let mut alice = enter(&server, "alice", "\r\n");
        alice.send(format!("/join #{room}\r\nfind me\r\n"));
        alice.line_with("find me");
        let answer = rest(&server, "POST", path, &token, r#"{"message":"hear, hear"}"#);
        assert_eq!(checked(&server, &answer, path).1, [""; 0]);
        assert_eq!(alice.line(), "Public Server Announcement: hear, hear\r\n");

        let target = format!("{path}?pattern=find%20m.");
        crate::support::wait_until("it is in the log", || {
            let answer = rest(&server, "GET", &target, &token, "");
            let (body, errors) = checked(&server, &answer, &target);
            assert_eq!((answer.status, errors.len()), (200, 0));
            let lines = body["occurrences"].as_array().unwrap();
            let found = format!(" message \t @alice to #{room} message=find me");
            lines
                .last()
                .is_some_and(|line| line.as_str().unwrap().ends_with(&found))
        });
        // Go's syntax: a brace, quoted text, and a bracket in brackets.
        for pattern in ["x?{?[[f]ind", r"^.*\Qfind me\E", "[]m[]e$"] {
            let target = format!("{path}?pattern={}", encoded(pattern));
            let answer = rest(&server, "GET", &target, &token, "");
            let (body, errors) = checked(&server, &answer, &target);
            assert_eq!((answer.status, errors.len()), (200, 0), "{pattern}");
            let lines = body["occurrences"].as_array().unwrap();
            assert!(!lines.is_empty(), "{pattern}");
        }
        let target = format!("{path}?pattern=(");
        let answer = rest(&server, "GET", &target, &token, "");
        assert_eq!(
            checked(&server, &answer, &target).1,
            ["invalid-regex-pattern"]
        );
        // The older server required no login.
        let answer = rest(&server, "GET", path, "", "");
        let (body, errors) = checked(&server, &answer, path);
        assert_eq!(
            (answer.status, errors),
            (401, vec!["unauthorised".to_owned()])
        );
        let words = body["errors"][0]["human_friendly_message"]
            .as_str()
            .unwrap();
        assert!(
            words.contains("Authorization: Bearer <admin token>"),
            "{words}"
        );
        alice.send("/quit\r\n");
        assert!(alice.is_closed());
        server.wait_output("ready");
        crate::support::wait_until("alice has gone", || {
            server.get("/api/status").json()["connections"] == 0
        });
    }
}

#[test]
fn status_and_documents_are_where_they_were() {
    let server = Server::start(|_| {});
    for path in ["/status", "/api/status"] {
        let answer = rest(&server, "GET", path, "", "");
        let (body, errors) = checked(&server, &answer, path);
        assert_eq!((answer.status, errors.len()), (200, 0));
        assert_eq!(body["Data"]["health"], "ok");
    }
    let answer = rest(&server, "GET", "/docs.json", "", "");
    let (body, _) = checked(&server, &answer, "/docs.json");
    assert_eq!(body["swaggerVersion"], "1.2");
    assert_eq!(rest(&server, "GET", "/docs", "", "").status, 302);
    assert_eq!(rest(&server, "GET", "/docs/", "", "").status, 200);
    let page = call(
        server.web(),
        &format!("GET /client HTTP/1.1\r\nHost: {}\r\n\r\n", server.web()),
    );
    assert_eq!(page.status, 200);
}
