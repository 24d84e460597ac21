//! Clients that do not read, on every protocol: the server disconnects all of
//! them, and no other client waits for them.

use std::io::Write;
use std::net::TcpStream;

use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use rustix::net::sockopt::set_socket_recv_buffer_size;
use serde_json::{Value, json};

use crate::bystander::Bystanders;
use crate::process::Level;
use crate::support::{
    Carrier, Identity, JsonClient, LineClient, Server, User, WsClient, wait_until,
};
use crate::{LISTENERS, every_listener, random};

const MOST_MESSAGES: usize = 20_000;
const AT_ONCE: usize = 50;
const SLEEPERS: usize = 7;

#[test]
fn slow_readers_on_every_protocol_are_disconnected_and_nobody_waits() {
    let identity = Identity::new();
    let server = Server::start(|config| {
        every_listener(config);
        identity.configure(config, &LISTENERS);
        config["limits"]["message_rate"] = 0.into();
        config["limits"]["backlog_bytes"] = (64 * 1024).into();
        // Who does not read answers no pings, and is not to be cut off for that.
        config["limits"]["ping_seconds"] = 3600.into();
    });
    let level = Level::of(&server);
    let bystanders = Bystanders::start(&server);
    let sleepers = asleep(&server, &identity);
    let mut alice = LineClient::enter_channel(&server, "alice", "dev");
    let mut sent = 0;
    let mut closed = 0;
    while closed < SLEEPERS {
        assert!(
            sent < MOST_MESSAGES,
            "{closed} of {SLEEPERS} were disconnected"
        );
        let text = "long ".repeat(780);
        let lines: String = (0..AT_ONCE)
            .map(|n| format!("{text}{}\r\n", sent + n))
            .collect();
        alice.send_bytes(lines.as_bytes());
        for number in sent..sent + AT_ONCE {
            let echo = alice.expect("@alice: ");
            assert!(
                echo.ends_with(&format!(" {number}")),
                "lost before {number}"
            );
        }
        sent += AT_ONCE;
        if sent % 500 == 0 {
            closed = slow_readers(&server);
        }
    }
    drop(sleepers);
    drop(alice);
    bystanders.finish("slow readers");
    level.wait_back(&server);
}

/// One client on each protocol, in #dev, that stops reading.
fn asleep(server: &Server, identity: &Identity) -> Vec<Box<dyn std::any::Any>> {
    let small = |carrier: Carrier| {
        set_socket_recv_buffer_size(carrier.stream(), 16 * 1024).unwrap();
        carrier
    };
    let plain = |name| small(Carrier::plain(server.address(name)));
    let tls = |name: &str| {
        let address = server.address(&format!("tls-{name}"));
        small(Carrier::tls(address, &identity.certificate()))
    };
    let line = |carrier, nickname: &str| -> Box<dyn std::any::Any> {
        let mut client = LineClient::on(carrier);
        client.login(nickname);
        client.send("/join #dev");
        client.settle();
        Box::new(client)
    };
    let web = |carrier| -> Box<dyn std::any::Any> {
        let mut client = WsClient::open_on(carrier, "/ws", &[]).unwrap();
        client.login("sleepy-web");
        client.send("/join #dev");
        client.settle();
        Box::new(client)
    };
    let json = |carrier, nickname: &str| -> Box<dyn std::any::Any> {
        let token = JsonClient::token(server, nickname);
        let path = format!("/ws?token={token}");
        let mut client = JsonClient(WsClient::open_on(carrier, &path, &[]).unwrap());
        client.send("join", json!({ "room": "dev" }));
        while client.expect("joined")["room"] != "dev" {}
        Box::new(client)
    };
    let mut room = plain("tcp");
    room.write_all(b"{\"name\":\"sleepy-room\",\"room\":\"dev\"}\nhere\n")
        .unwrap();
    let mut room = LineClient::on(room);
    room.expect("sleepy-room:here");
    let mut framed = WsClient::open_on(plain("ws"), "/mychat", &[]).unwrap();
    framed.send(r#"{"name":"sleepy-framed","room":"dev"}"#);
    framed.send("here");
    framed.expect("sleepy-framed:here");
    vec![
        line(plain("telnet"), "sleepy"),
        line(tls("telnet"), "sleepy-tls"),
        web(plain("web")),
        json(plain("web"), "sleepy-json"),
        json(tls("web"), "sleepy-json-tls"),
        Box::new(room),
        Box::new(framed),
    ]
}

fn slow_readers(server: &Server) -> usize {
    let metrics = server.get("/metrics").body;
    let line = metrics
        .lines()
        .find(|line| line.contains("slow_readers_total "));
    let count = line.and_then(|line| line.split_whitespace().last());
    count.unwrap().parse().unwrap()
}

#[test]
fn a_device_that_does_not_read_direct_messages_is_disconnected() {
    let server = Server::start(|config| {
        config["limits"]["message_rate"] = 0.into();
        config["limits"]["backlog_bytes"] = (64 * 1024).into();
        config["limits"]["ping_seconds"] = 3600.into();
    });
    let [mina, lucy] = ["mina", "lucy"].map(|name| signed(&server, name));
    let level = Level::of(&server);
    let bystanders = Bystanders::start(&server);
    let asleep = Carrier::plain(server.web());
    set_socket_recv_buffer_size(asleep.stream(), 16 * 1024).unwrap();
    let asleep = WsClient::open_on(asleep, &lucy, &[]).unwrap();
    let mut awake = WsClient::open(server.web(), &lucy, &[]).unwrap().settled();
    let mut mina = WsClient::open(server.web(), &mina, &[]).unwrap();
    let message = json!({ "recipient": "lucy", "message": "long ".repeat(780) }).to_string();
    let mut sent = 0;
    while sent % 500 != 0 || slow_readers(&server) == 0 {
        assert!(sent < MOST_MESSAGES, "no client was disconnected");
        for _ in 0..AT_ONCE {
            mina.send(&message);
        }
        // Another device has them: so the bystanders' messages wait for a few of mina's to be
        // stored, and not for thousands.
        for _ in 0..AT_ONCE {
            awake.next_frame().expect("she stays on");
        }
        sent += AT_ONCE;
    }
    drop((asleep, awake, mina));
    bystanders.finish("a slow device");
    level.wait_back(&server);
}

/// Registers an account and returns the path to its direct messages.
fn signed(server: &Server, username: &str) -> String {
    let form = [
        ("first_name", "A"),
        ("last_name", "B"),
        ("username", username),
        ("password", "long enough"),
        ("email", &format!("{username}@example.org")),
        ("phone", &format!("+555{:0>7}", random(10_000_000))),
    ];
    let answer = server.post_form("/api/register", &form).json();
    let token = &answer["data"][0]["token"];
    let field = |name: &str| token[name].as_str().unwrap().to_owned();
    let mut header = Header::new(Algorithm::HS256);
    header.extras.insert("access_key", field("access_key_id"));
    let key = EncodingKey::from_secret(field("secret_access_key").as_bytes());
    let token = encode(&header, &json!({}), &key).unwrap();
    format!("/api/ws?token={token}")
}

#[test]
fn browsers_that_do_not_read_their_answers_hold_up_nobody() {
    let server = Server::start(|config| {
        every_listener(config);
        // So that none has ended before the last has begun.
        config["limits"]["http_seconds"] = 600.into();
    });
    let level = Level::of(&server);
    let bystanders = Bystanders::start(&server);
    let request = "GET /openapi.json HTTP/1.1\r\nHost: x\r\n\r\n".repeat(500);
    let asleep: Vec<TcpStream> = ["rest", "web", "ws"]
        .into_iter()
        .flat_map(|name| std::iter::repeat_n(name, 30))
        .map(|name| {
            let mut stream = TcpStream::connect(server.address(name)).unwrap();
            set_socket_recv_buffer_size(&stream, 16 * 1024).unwrap();
            stream.set_nonblocking(true).unwrap();
            // As much as the socket accepts.
            let _ = stream.write(request.as_bytes());
            stream
        })
        .collect();
    // More clients than there are workers.
    let is_answered = |stream: &TcpStream| stream.peek(&mut [0]).is_ok_and(|count| count > 0);
    wait_until("all are being answered", || asleep.iter().all(is_answered));
    for number in 0..20 {
        let ready = server.get("/readyz");
        assert_eq!(ready.status, 200, "{}", ready.body);
        // The previous connection may not have ended yet.
        drop(JsonClient::enter(&server, &format!("visitor{number}")));
    }
    drop(asleep);
    bystanders.finish("browsers that do not read");
    level.wait_back(&server);
}

/// So many messages of 3,900 bytes fit into one answer's 256 KiB of text.
const A_PAGE: usize = 67;

fn body(message: &Value) -> &str {
    message["body"].as_str().unwrap()
}

#[test]
fn an_answer_larger_than_the_limit_reaches_whoever_asked_for_it() {
    let server = Server::start(|config| {
        config["limits"]["message_rate"] = 0.into();
        config["limits"]["backlog_bytes"] = (64 * 1024).into();
    });
    let mut alice = LineClient::enter_channel(&server, "alice", "global");
    let text = "long ".repeat(780);
    for number in 0..1000 {
        alice.send(&format!("{text}{number}"));
        alice.expect("@alice: ");
    }
    // It reads slowly, but it reads: each answer is several times what a
    // connection may have unsent.
    let carrier = Carrier::plain(server.web());
    set_socket_recv_buffer_size(carrier.stream(), 64 * 1024).unwrap();
    let path = format!("/ws?token={}", JsonClient::token(&server, "bob"));
    let mut bob = JsonClient(WsClient::open_on(carrier, &path, &[]).unwrap());
    bob.expect("history");
    let mut request = json!({ "room": "global", "limit": 1000 });
    for end in (0..1000_usize).rev().step_by(A_PAGE) {
        bob.send("history", request.clone());
        let history = bob.expect("history");
        let messages = history["messages"].as_array().unwrap();
        let numbers = end.saturating_sub(A_PAGE - 1)..=end;
        assert!(
            messages
                .iter()
                .map(body)
                .eq(numbers.clone().map(|n| format!("{text}{n}")))
        );
        assert_eq!(history["complete"], *numbers.start() == 0);
        request["before"] = messages[0]["id"].clone();
    }
    bob.send("message", json!({ "room": "global", "body": "still here" }));
    alice.expect_message("bob", "still here");
}
