//! The JSON-command server's script, and what its clients send.

use serde_json::{Value, json};

use super::wire::{Answer, Wire, call};
use crate::support::Server;

/// The script's first request with curl.
fn authenticate(server: &Server, nickname: &str) -> Answer {
    let body = format!("nickname={nickname}");
    call(
        server.web(),
        &format!(
            "POST /auth HTTP/1.1\r\nHost: {}\r\nUser-Agent: curl/7.88.1\r\nAccept: */*\r\n\
             content-type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{body}",
            server.web(),
            body.len()
        ),
    )
}

fn token(server: &Server, nickname: &str) -> String {
    let answer = authenticate(server, nickname);
    assert_eq!(answer.status, 201, "{}", answer.body);
    assert_eq!(answer.field("content-type"), Some("application/json"));
    answer.json()["token"].as_str().unwrap().to_owned()
}

/// Its second request, with its made-up key and origin.
fn upgrade(server: &Server, target: &str, fields: &str) -> (Wire, Answer) {
    let mut wire = Wire::connect(server.web());
    wire.send(format!(
        "GET {target} HTTP/1.1\r\nUser-Agent: curl/7.88.1\r\nAccept: application/json\r\n{fields}\
         Connection: Upgrade\r\nUpgrade: websocket\r\nHost: {}\r\n\
         Sec-WebSocket-Key: SGVsbG8sIHdvcmxkIQ==\r\nSec-WebSocket-Version: 13\r\n\r\n",
        server.web()
    ));
    let answer = wire.answer();
    (wire, answer)
}

fn enter(server: &Server, nickname: &str) -> Wire {
    let fields = format!("Sec-WebSocket-Protocol: {}\r\n", token(server, nickname));
    let (wire, answer) = upgrade(server, "/ws", &fields);
    assert_eq!(answer.status, 101, "{}", answer.body);
    wire
}

/// A frame as its clients show it.
fn shown(text: &str) -> (String, String) {
    let frame: Value = serde_json::from_str(text).unwrap();
    let field = |name: &str| frame[name].as_str().unwrap().to_owned();
    (field("from"), field("body"))
}

fn expect(wire: &mut Wire, from: &str, body: &str) {
    loop {
        let (who, what) = shown(&wire.text());
        if who == from && what == body {
            return;
        }
        // Earlier frames are the server's own.
        assert_eq!(who, "system", "{what}, not {body}");
    }
}

#[test]
fn the_script_gets_in_when_its_origin_is_allowed() {
    const MADE_UP: &str = "Origin: http://example.com:80\r\n";
    let strict = Server::start(|_| {});
    let fields = format!(
        "Sec-WebSocket-Protocol: {}\r\n{MADE_UP}",
        token(&strict, "ana")
    );
    let (_, refused) = upgrade(&strict, "/ws", &fields);
    assert_eq!(refused.status, 403);
    assert!(
        refused.body.contains("web.allowed_origins"),
        "{}",
        refused.body
    );

    let server = Server::start(|config| config["web"]["allowed_origins"] = json!(["*"]));
    let token = token(&server, "ana");
    let fields = format!("Sec-WebSocket-Protocol: {token}\r\n{MADE_UP}");
    let (mut wire, answer) = upgrade(&server, "/ws", &fields);
    assert_eq!(answer.status, 101, "{}", answer.body);
    assert_eq!(answer.field("sec-websocket-protocol"), Some(token.as_str()));
    let accept = answer.field("sec-websocket-accept");
    assert_eq!(accept, Some("qGEgH3En71di5rrssAZTmtRTyFk="));
    assert!(wire.text_with("ana").contains("Welcome"));
}

#[test]
fn a_token_may_stand_wherever_clients_put_it() {
    let server = Server::start(|_| {});
    let token = token(&server, "ana");
    let glued = format!("Bearer{token}");
    let behind = format!("Bearer {token}");
    let protocol = |value: &str| format!("Sec-WebSocket-Protocol: {value}\r\n");
    for (target, fields, echoed) in [
        ("/ws", protocol(&token), Some(token.as_str())),
        ("/ws", protocol(&behind), Some(behind.as_str())),
        ("/ws", protocol(&glued), Some(glued.as_str())),
        (
            "/ws",
            protocol(&format!("Bearer, {token}")),
            Some(token.as_str()),
        ),
        (
            "/ws",
            protocol(&format!("chat, {token}")),
            Some(token.as_str()),
        ),
        (
            "/ws",
            protocol("chat") + &protocol(&token),
            Some(token.as_str()),
        ),
        (
            "/ws",
            protocol(&token) + &protocol("chat"),
            Some(token.as_str()),
        ),
        (
            "/ws",
            format!("SEC-WEBSOCKET-PROTOCOL: chat\r\nsec-websocket-protocol:{token}\r\n"),
            Some(token.as_str()),
        ),
        ("/ws", format!("Authorization: Bearer {token}\r\n"), None),
        ("/ws", format!("authorization: BEARER {token}\r\n"), None),
        (&format!("/ws?token={token}"), String::new(), None),
        (&format!("/ws?access_token={token}"), String::new(), None),
        (
            &format!("/ws?x=1&access_token=Bearer+{token}"),
            String::new(),
            None,
        ),
        (
            &format!("/ws?access_token={token}"),
            protocol(&token),
            Some(token.as_str()),
        ),
    ] {
        let (mut wire, answer) = upgrade(&server, target, &fields);
        assert_eq!(answer.status, 101, "{target} {fields}: {}", answer.body);
        assert_eq!(answer.field("sec-websocket-protocol"), echoed, "{fields}");
        assert!(wire.text_with("ana").contains("Welcome"));
    }
    for (target, fields) in [
        ("/ws", protocol("rubbish")),
        ("/ws", protocol(&format!("{token}x"))),
        ("/ws?access_token=rubbish", String::new()),
    ] {
        let (_, answer) = upgrade(&server, target, &fields);
        assert_eq!(answer.status, 401, "{target} {fields}");
    }
}

#[test]
fn origins_of_the_server_itself_are_its_own_however_they_are_written() {
    let server = Server::start(|_| {});
    let at = server.web();
    let token = token(&server, "ana");
    let target = format!("/ws?token={token}");
    for (origin, status) in [
        (format!("http://{at}"), 101),
        (format!("http://{at}/"), 101),
        (format!("HTTP://{at}/client"), 101),
        (format!("ws://{at}/ws"), 101),
        (format!("http://{at}.example.com/"), 403),
        (format!("http://example.com/{at}"), 403),
        ("null".to_owned(), 403),
    ] {
        let (_, answer) = upgrade(&server, &target, &format!("Origin: {origin}\r\n"));
        assert_eq!(answer.status, status, "{origin}");
    }
}

#[test]
fn every_command_of_its_readme_does_what_it_did() {
    let server = Server::start(|_| {});
    let mut ana = enter(&server, "ana");
    ana.text_with("ana");
    let mut rui = enter(&server, "rui");
    expect(&mut ana, "system", "rui joined");
    ana.send_text(r#"{ "type": "message", "args": { "from": "ana", "body": "message body" } }"#);
    expect(&mut ana, "ana", "message body");
    expect(&mut rui, "ana", "message body");
    ana.send_text(r#"{ "type": "listusers" }"#);
    expect(&mut ana, "system", "ana\nrui");
    ana.send_text(r#"{ "type": "createroom", "args": { "name": "lab" } }"#);
    expect(&mut rui, "system", "ana left");
    ana.send_text(r#"{ "type": "listrooms" }"#);
    expect(&mut ana, "system", "global\nlab");
    rui.send_text(r#"{ "type": "createroom", "args": { "name": "lab" } }"#);
    assert!(shown(&rui.text_with("lab")).1.contains("exists"));
    rui.send_text(r#"{ "type": "switchroom", "args": { "room": "nowhere" } }"#);
    assert_eq!(shown(&rui.text_with("nowhere")).0, "system");
    rui.send_text(r#"{ "type": "switchroom", "args": { "room": "lab" } }"#);
    expect(&mut ana, "system", "rui joined");
    rui.send_text(r#"{ "type": "setnick", "args": { "nickname": "ana" } }"#);
    assert_eq!(shown(&rui.text_with("ana")).0, "system");
    rui.send_text(r#"{ "type": "setnick", "args": { "nickname": "rei" } }"#);
    rui.send_text(r#"{ "type": "message", "args": { "from": "rei", "body": "hi" } }"#);
    expect(&mut ana, "rei", "hi");
    rui.send_text("no JSON");
    assert_eq!(shown(&rui.text_with("JSON")).0, "system");
    rui.send_text(r#"{ "type": "exit" }"#);
    assert!(rui.is_closed());
    expect(&mut ana, "system", "rei left");
}

#[test]
fn a_client_that_shows_from_and_body_sees_what_was_said_before() {
    let server = Server::start(|_| {});
    let mut ana = enter(&server, "ana");
    ana.send_text(r#"{"type":"message","args":{"from":"ana","body":"before"}}"#);
    expect(&mut ana, "ana", "before");
    let mut rui = enter(&server, "rui");
    expect(&mut rui, "ana", "before");
    ana.send_text(r#"{"type":"message","args":{"from":"ana","body":"after"}}"#);
    expect(&mut rui, "ana", "after");
}

#[test]
fn nicknames_are_taken_in_any_form_and_refused_in_json() {
    let server = Server::start(|_| {});
    let at = server.web();
    let answer = call(
        at,
        &format!("POST /auth?nickname=ana HTTP/1.1\r\nHost: {at}\r\nContent-Length: 0\r\n\r\n"),
    );
    assert_eq!(answer.status, 201, "{}", answer.body);
    let body = r#"{"nickname":"rui"}"#;
    let answer = call(
        at,
        &format!(
            "POST /auth HTTP/1.1\r\nHost: {at}\r\nContent-Type: application/json\r\n\
             Content-Length: {}\r\n\r\n{body}",
            body.len()
        ),
    );
    assert_eq!(answer.status, 201, "{}", answer.body);
    for (nickname, status) in [("ana", 409), ("1ana", 400), ("", 400), ("a%20b", 400)] {
        let answer = authenticate(&server, nickname);
        assert_eq!(answer.status, status, "{nickname}");
        assert!(answer.json()["error"]["message"].is_string());
    }
}
