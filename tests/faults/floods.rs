//! Several clients flood every listener as fast as they can.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::json;

use crate::bystander::Bystanders;
use crate::every_listener;
use crate::process::{Level, connections};
use crate::support::{
    Carrier, DEADLINE, JsonClient, LineClient, Server, User, WsClient, wait_until,
};

/// How long each flood lasts.
const FLOOD: Duration = Duration::from_millis(1500);
/// Number of clients in each flood.
const FLOODERS: usize = 3;

#[test]
fn floods_on_every_listener_are_contained() {
    let server = Server::start(every_listener);
    let level = Level::of(&server);
    let bystanders = Bystanders::start(&server);
    let until = Instant::now() + FLOOD;
    thread::scope(|scope| {
        for number in 0..FLOODERS {
            let server = &server;
            scope.spawn(move || lines(server, &format!("line{number}"), until));
            scope.spawn(move || frames(server, &format!("json{number}"), until));
            scope.spawn(move || rooms(server, &format!("room{number}"), until));
            for name in ["rest", "web", "ws"] {
                scope.spawn(move || requests(server.address(name), until));
            }
        }
    });
    bystanders.finish("floods");
    wait_until("the flooders have gone", || connections(&server) == 0);
    level.wait_back(&server);
}

#[test]
fn a_flood_of_logins_is_contained() {
    let server = Server::start(|_| {});
    let mut owner = LineClient::enter(&server, "owner");
    owner.send("/register long enough");
    owner.expect("is yours now");
    drop(owner);
    let level = Level::of(&server);
    let bystanders = Bystanders::start(&server);
    let until = Instant::now() + FLOOD;
    let refused = AtomicUsize::new(0);
    thread::scope(|scope| {
        for _ in 0..2 * FLOODERS {
            scope.spawn(|| {
                // A client on a busy machine may have to wait for the refusal.
                let most = until + DEADLINE;
                let is_told = || refused.load(Ordering::Relaxed) > 0;
                while Instant::now() < until || !is_told() && Instant::now() < most {
                    let form = [("nickname", "owner"), ("password", "not this one")];
                    let status = server.post_form("/auth", &form).status;
                    assert!(matches!(status, 401 | 429 | 503), "{status}");
                    refused.fetch_add(usize::from(status == 429), Ordering::Relaxed);
                }
            });
        }
    });
    assert!(refused.into_inner() > 0, "no client was told to wait");
    bystanders.finish("a flood of logins");
    level.wait_back(&server);
}

/// Sends lines without pause; the server disconnects it in the end.
fn lines(server: &Server, nickname: &str, until: Instant) {
    for visit in 0.. {
        if Instant::now() >= until {
            return;
        }
        // The previous connection's nickname may still be in use for a moment.
        let mut client = LineClient::connect(server.telnet());
        let start = format!("{nickname}v{visit}\n/join #flood\n");
        client.send_bytes(format!("{start}{}", "flood\n".repeat(1000)).as_bytes());
        assert!(
            client.hears("you keep sending too fast"),
            "{nickname} goes on"
        );
    }
}

fn frames(server: &Server, nickname: &str, until: Instant) {
    let token = JsonClient::token(server, nickname);
    let frame = json!({ "type": "message", "args": { "body": "flood" } }).to_string();
    while Instant::now() < until {
        let mut client = JsonClient::open(server, &token);
        for _ in 0..1000 {
            if !client.0.try_send(&frame) {
                break;
            }
        }
        while client.next().is_some() {}
    }
}

fn rooms(server: &Server, nickname: &str, until: Instant) {
    let start = json!({ "name": nickname, "room": "flood" });
    while Instant::now() < until {
        let mut plain = Carrier::plain(server.address("tcp"));
        let flood = format!("{start}\n{}", "flood\n".repeat(1000));
        // The server may disconnect before all is sent.
        let _ = plain.write_all(flood.as_bytes());
        let mut chunk = [0; 4096];
        while plain.read(&mut chunk).is_ok_and(|count| count > 0) {}
        let mut framed = WsClient::open(server.address("ws"), "/mychat", &[]).unwrap();
        framed.try_send(&start.to_string());
        framed.try_send(&"flood\n".repeat(500));
        while framed.next_frame().is_some() {}
    }
}

/// Sends requests without waiting for answers, some of them invalid.
fn requests(address: SocketAddr, until: Instant) {
    let requests = "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n".repeat(50)
        + "GET /admin/log?pattern=(a*)*b HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer no\r\n\r\n"
        + "DELETE /no/such/thing HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    while Instant::now() < until {
        let mut stream = TcpStream::connect(address).unwrap();
        stream.write_all(requests.as_bytes()).unwrap();
        let mut answers = Vec::new();
        stream.read_to_end(&mut answers).unwrap();
        assert!(answers.starts_with(b"HTTP/1.1 200 OK\r\n"));
        let _ = stream.shutdown(Shutdown::Both);
    }
}
