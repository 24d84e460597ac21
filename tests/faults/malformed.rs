//! Oversized and malformed input: the server refuses it or disconnects, and
//! goes on.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::thread;

use serde_json::json;
use tungstenite::Message;

use crate::bystander::Bystanders;
use crate::process::{Level, connections};
use crate::support::{DEADLINE, JsonClient, LineClient, Server, User, WsClient, wait_until};
use crate::{LISTENERS, every_listener, random};

#[test]
fn nonsense_on_every_listener_harms_nobody() {
    let server = Server::start(every_listener);
    let level = Level::of(&server);
    let bystanders = Bystanders::start(&server);
    // Only nonsense has so little time.
    let time = |name: &str, seconds: u64| {
        server.reload(|config| config["limits"][name] = seconds.into());
    };
    time("http_seconds", 2);
    time("login_seconds", 2);
    thread::scope(|scope| {
        for name in LISTENERS {
            let server = &server;
            scope.spawn(move || {
                for nonsense in nonsense() {
                    said(server, name, &nonsense);
                }
            });
        }
    });
    bystanders.finish("nonsense");
    time("http_seconds", 60);
    wait_until("no connection is left", || connections(&server) == 0);
    level.wait_back(&server);
}

/// Sends all bytes and reads to the end, which must come.
fn said(server: &Server, name: &str, bytes: &[u8]) {
    let mut stream = TcpStream::connect(server.address(name)).unwrap();
    stream.set_read_timeout(Some(DEADLINE)).unwrap();
    stream.set_write_timeout(Some(DEADLINE)).unwrap();
    // The server may disconnect before all is sent.
    let _ = stream.write_all(bytes);
    let _ = stream.shutdown(Shutdown::Write);
    let mut heard = Vec::new();
    let end = stream.read_to_end(&mut heard);
    let ended = !matches!(&end, Err(error) if error.kind() == std::io::ErrorKind::WouldBlock);
    assert!(
        ended,
        "{name}: still open after {:?}",
        &bytes[..bytes.len().min(80)]
    );
}

fn nonsense() -> Vec<Vec<u8>> {
    let head = |line: &str, fields: &str| format!("{line}\r\n{fields}\r\n\r\n").into_bytes();
    let mut all = vec![
        vec![0; 100_000],
        vec![b'\n'; 20_000],
        vec![0xff; 100_000],
        b"x".repeat(3 << 20),
        b"{".repeat(200_000),
        b"[".repeat(200_000),
        "é".repeat(100_000).into_bytes(),
        format!("{{\"name\":\"{}\",\"room\":\"x\"}}\n", "n".repeat(200_000)).into_bytes(),
        b"{\"name\":{\"name\":[1e999]},\"room\":null}\n".to_vec(),
        b"\x16\x03\x01\xff\xff".repeat(10_000),
        head(
            "GET / HTTP/1.1",
            &format!("Host: x\r\nA: {}", "a".repeat(1 << 20)),
        ),
        head("GET / HTTP/1.1", &"A: b\r\n".repeat(5000)),
        head(&format!("GET /{} HTTP/1.1", "a".repeat(1 << 20)), "Host: x"),
        head("GET / HTTP/2.0", "Host: x"),
        head("PRI * HTTP/2.0", ""),
        head(
            "POST /auth HTTP/1.1",
            "Host: x\r\nContent-Length: 18446744073709551615",
        ),
        head("POST /auth HTTP/1.1", "Host: x\r\nContent-Length: -1"),
        head(
            "POST /auth HTTP/1.1",
            "Host: x\r\nContent-Length: 3\r\nContent-Length: 4",
        ),
        head(
            "POST /auth HTTP/1.1",
            "Host: x\r\nTransfer-Encoding: chunked, chunked",
        ),
        [
            head(
                "POST /auth HTTP/1.1",
                "Host: x\r\nTransfer-Encoding: chunked",
            ),
            b"ffffffffffffffff\r\n".to_vec(),
        ]
        .concat(),
        [
            head("POST /auth HTTP/1.1", "Host: x\r\nContent-Length: 60000"),
            b"nickname=%ff%fe&".repeat(3750),
        ]
        .concat(),
        head(
            "GET /ws HTTP/1.1",
            "Host: x\r\nUpgrade: websocket\r\nConnection: upgrade\r\nSec-WebSocket-Version: 99",
        ),
    ];
    for _ in 0..10 {
        let length = random(20_000) as usize;
        let mut bytes = vec![0; length];
        getrandom::fill(&mut bytes).unwrap();
        all.push(bytes);
    }
    all
}

#[test]
fn frames_at_and_over_the_limit_and_broken_ones_are_told_apart() {
    let server = Server::start(every_listener);
    let level = Level::of(&server);
    let bystanders = Bystanders::start(&server);
    let mut bob = LineClient::enter_channel(&server, "bob", "global");
    let mut alice = JsonClient::enter(&server, "alice");
    let frame = |length: usize| {
        let body = |text: &str| json!({ "type": "message", "args": { "body": text } }).to_string();
        body(&"x".repeat(length - body("").len()))
    };
    alice.0.send(&frame(4096));
    bob.expect("@alice: xxx");
    for broken in [
        &frame(4097),
        &frame(60_000),
        "",
        "{",
        "null",
        "[[[[]]]]",
        r#"{"type":"message"}"#,
        r#"{"type":"message","args":{"body":1}}"#,
        r#"{"type":"no such thing","args":{}}"#,
        &"[".repeat(4000),
    ] {
        alice.0.send(broken);
        alice.expect("error");
    }
    // Half a character is dropped, and the rest of the message is kept.
    alice
        .0
        .send(r#"{"type":"message","args":{"body":"half \ud800"}}"#);
    bob.expect_message("alice", "half \u{fffd}");
    alice.send("message", json!({ "body": "still here" }));
    bob.expect_message("alice", "still here");

    // A connection that breaks the WebSocket protocol is closed with the right
    // code.
    let raw: [(&[u8], u16); 5] = [
        (&[0x81, 0x01, b'x'], 1002),                   // not masked
        (&[0x83, 0x80, 0, 0, 0, 0], 1002),             // no such opcode
        (&[0xc1, 0x80, 0, 0, 0, 0], 1002),             // reserved bit
        (&[0x81, 0x82, 0, 0, 0, 0, 0xff, 0xff], 1007), // not UTF-8
        (
            &[
                0x81, 0xff, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0,
            ],
            1009,
        ),
    ];
    for (bytes, code) in raw {
        let carrier = crate::support::Carrier::plain(server.web());
        let mut socket = carrier.stream().try_clone().unwrap();
        let mut client = WsClient::open_on(carrier, "/ws", &[]).unwrap();
        socket.write_all(bytes).unwrap();
        while client.next_frame().is_some() {}
        let shown = client.close_code();
        assert_eq!(shown, Some(code), "{bytes:x?}\n{}", client.transcript());
    }
    let mut client = WsClient::enter(&server, "carol");
    client.send_frame(Message::binary(vec![0xff; 100]));
    client.send("/rooms");
    client.expect("#global");
    drop((client, alice, bob));
    bystanders.finish("frames that are not right");
    level.wait_back(&server);
}
