//! Many connections that send a byte now and then, or nothing, on every
//! listener and in every stage: the server ends them in time, and no other
//! client suffers.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use serde_json::json;

use crate::bystander::Bystanders;
use crate::process::Level;
use crate::support::{DEADLINE, Identity, Server};
use crate::{LISTENERS, every_listener};

/// Connections of each kind.
const EACH: usize = 6;
/// How often each sends one byte: often enough never to count as silent.
const BEAT: Duration = Duration::from_millis(100);

/// A slow connection: its listener, what it sends at once, and the byte it
/// repeats.
struct Kind {
    listener: &'static str,
    at_once: Vec<u8>,
    drip: &'static [u8],
}

#[test]
fn drips_are_ended_on_every_listener_and_in_every_stage() {
    let identity = Identity::new();
    let mut server = Server::start(|config| {
        every_listener(config);
        identity.configure(config, &LISTENERS);
    });
    let level = Level::of(&server);
    let bystanders = Bystanders::start(&server);
    // Only those who come from now on have so little time.
    server.reload(|config| {
        config["limits"] = json!({ "login_seconds": 2, "http_seconds": 2 });
    });
    let mut dripping: Vec<(TcpStream, &'static [u8], usize)> = Vec::new();
    for kind in kinds() {
        for _ in 0..EACH {
            let mut stream = TcpStream::connect(server.address(kind.listener)).unwrap();
            stream.write_all(&kind.at_once).unwrap();
            stream.set_nonblocking(true).unwrap();
            dripping.push((stream, kind.drip, 0));
        }
    }
    let deadline = Instant::now() + DEADLINE;
    let mut chunk = [0; 4096];
    while !dripping.is_empty() {
        assert!(Instant::now() < deadline, "{dripping:?} never ended");
        dripping.retain_mut(|(stream, drip, sent)| {
            *sent += 1;
            if let Some(byte) = drip.iter().cycle().nth(*sent)
                && stream.write(&[*byte]).is_err()
            {
                return false;
            }
            match stream.read(&mut chunk) {
                Ok(count) => count > 0,
                Err(error) => {
                    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted)
                }
            }
        });
        std::thread::sleep(BEAT);
    }
    bystanders.finish("slowloris");
    level.wait_back(&server);
    // They do not hold up the server's shutdown either.
    let mut late = Vec::new();
    for kind in kinds() {
        let mut stream = TcpStream::connect(server.address(kind.listener)).unwrap();
        stream.write_all(&kind.at_once).unwrap();
        late.push(stream);
    }
    server.signal(Signal::TERM);
    assert!(server.wait_exit().success(), "{}", server.output());
}

fn kinds() -> Vec<Kind> {
    let kind = |listener, at_once: &str, drip: &'static str| Kind {
        listener,
        at_once: at_once.as_bytes().to_vec(),
        drip: drip.as_bytes(),
    };
    let mut kinds = vec![
        // Never a complete nickname, or never a valid one.
        kind("telnet", "", "a"),
        kind("telnet", "", "9\n"),
        // Never a complete object.
        kind("tcp", "{\"name\":", " "),
    ];
    let head = "GET / HTTP/1.1\r\nHost: x\r\nA: ";
    let body = "POST /auth HTTP/1.1\r\nHost: x\r\nContent-Length: 9999\r\n\r\nnickname=";
    let chunks = "POST /auth HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n7;";
    for listener in ["rest", "web", "ws"] {
        kinds.push(kind(listener, head, "a"));
        kinds.push(kind(listener, body, "a"));
        kinds.push(kind(listener, chunks, "a"));
        kinds.push(kind(listener, "", "\n"));
        kinds.push(kind(listener, "", ""));
    }
    // The beginning of a handshake, in a record that is never complete.
    for listener in ["tls-telnet", "tls-rest", "tls-web", "tls-tcp", "tls-ws"] {
        kinds.push(kind(
            listener,
            "\u{16}\u{3}\u{1}\u{40}\u{0}\u{1}\u{0}",
            "\0",
        ));
    }
    // WebSockets without a nickname that never finish a frame. With a nickname
    // a client may take any time: each byte counts as a sign of life.
    for (listener, path) in [("web", "/ws"), ("ws", "/mychat"), ("rest", "/ws")] {
        let upgrade = format!(
            "GET {path} HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        );
        // The first fragment of a text: a frame of 4,000 bytes that never ends.
        let mut frame = kind(listener, &upgrade, "a");
        frame.at_once.extend([0x01, 0xfe, 0x0f, 0xa0, 1, 2, 3, 4]);
        kinds.push(frame);
    }
    kinds
}
