//! The limits that a client meets, each at its edge.

use std::io::{Read, Write};
use std::time::{Duration, Instant};

use crate::support::{DEADLINE, LineClient, Server, User};
use serde_json::json;

#[test]
fn when_the_server_is_full_the_next_gets_one_line_and_room_comes_back() {
    let server = Server::start(|config| config["limits"]["connections"] = 3.into());
    let mut alice = LineClient::enter_channel(&server, "alice", "dev");
    let bob = LineClient::enter_channel(&server, "bob", "dev");
    let _carol = LineClient::enter_channel(&server, "carol", "dev");

    let mut dave = LineClient::connect(server.telnet());
    let words = dave.expect_close();
    assert_eq!(words.len(), 1, "{words:?}");
    assert!(words[0].contains("full"), "{words:?}");
    server.wait_output("refused");

    drop(bob);
    alice.expect("@bob left");
    // The place is free once the server has finished with bob's connection.
    let deadline = Instant::now() + DEADLINE;
    loop {
        let mut dave = LineClient::connect(server.telnet());
        dave.send("dave");
        if dave.hears("/help") {
            break;
        }
        assert!(Instant::now() < deadline, "no place came free");
    }
}

#[test]
fn administrators_get_into_a_full_server() {
    let server = Server::start(|config| {
        config["limits"]["connections"] = 2.into();
        // None of those that are held open ends meanwhile.
        config["limits"]["http_seconds"] = 600.into();
    });
    let _alice = LineClient::enter(&server, "alice");
    let _bob = LineClient::enter(&server, "bob");
    let told = LineClient::connect(server.web()).expect_close();
    assert!(told[0].starts_with("HTTP/1.1 503 "), "{told:?}");

    let users = server.get("/admin/users").json();
    assert_eq!(users["users"].as_array().map(Vec::len), Some(2), "{users}");
    // As many as are reserved for administrators, and no more.
    let rest = server.address("rest");
    let mut idle = Vec::new();
    let refused = loop {
        assert!(idle.len() <= 17, "there is no end to it");
        let mut stream = std::net::TcpStream::connect(rest).unwrap();
        stream.set_read_timeout(Some(DEADLINE)).unwrap();
        stream
            .write_all(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
            .unwrap();
        let mut start = [0; 12];
        stream.read_exact(&mut start).unwrap();
        match &start {
            b"HTTP/1.1 200" => idle.push(stream),
            other => break String::from_utf8_lossy(other).into_owned(),
        }
    };
    assert_eq!(refused, "HTTP/1.1 503");
    // The connection that asked for users may not have ended yet.
    assert!((15..=16).contains(&idle.len()), "{}", idle.len());
}

#[test]
fn many_connections_of_one_loopback_address_are_allowed() {
    let server = Server::start(|config| config["limits"]["connections_per_address"] = 1.into());
    let _alice = LineClient::enter(&server, "alice");
    let _bob = LineClient::enter(&server, "bob");
    LineClient::enter(&server, "carol");
}

#[test]
fn who_gives_no_nickname_in_time_is_told_and_disconnected() {
    let server = Server::start(|_| {});
    let mut named = LineClient::enter_channel(&server, "alice", "dev");
    // It is for those who come from now on.
    server.reload(|config| config["limits"]["login_seconds"] = 1.into());
    let mut silent = LineClient::connect(server.telnet());
    let mut undecided = LineClient::connect(server.telnet());
    undecided.send("9lives");
    for client in [&mut silent, &mut undecided] {
        let words = client.expect_close();
        let last = words.last().unwrap();
        assert!(last.contains("No nickname in time"), "{words:?}");
    }
    // A client that has logged in stays.
    named.send("hello");
    named.expect_message("alice", "hello");
}

#[test]
fn flooding_is_warned_of_once_then_refused_and_in_the_end_disconnected() {
    let server = Server::start(|config| {
        // So slow that no allowance comes back during the test.
        config["limits"]["message_rate"] = json!(0.1);
        config["limits"]["message_burst"] = 40.into();
    });
    let mut alice = LineClient::connect(server.telnet());
    let flood = "flood\n".repeat(300);
    alice.send_bytes(format!("alice\n/join #dev\n{flood}").as_bytes());
    alice.expect("in #dev");
    // The nickname and /join were two of the forty.
    for _ in 2..40 {
        let line = alice.next_line().unwrap();
        assert!(line.ends_with("@alice: flood"), "{line}");
    }
    alice.expect_next("sending too fast");
    let farewell = alice.expect_close();
    assert_eq!(farewell.len(), 1, "{farewell:?}");
    assert!(
        farewell[0].contains("you keep sending too fast"),
        "{farewell:?}"
    );
}

#[test]
fn who_calms_down_may_speak_again() {
    const FLOOD: usize = 200;
    let server = Server::start(|config| {
        // Too slow for a flood that is read slowly.
        config["limits"]["message_rate"] = 20.into();
        config["limits"]["message_burst"] = 40.into();
    });
    let mut bob = LineClient::enter_channel(&server, "bob", "dev");
    let mut alice = LineClient::enter_channel(&server, "alice", "dev");
    alice.send_bytes("flood\n".repeat(FLOOD).as_bytes());
    alice.expect("sending too fast");
    let deadline = Instant::now() + DEADLINE;
    let mut heard = 0;
    loop {
        alice.send("calm");
        let lines = bob.settle();
        heard += lines.iter().filter(|l| l.contains("flood")).count();
        if lines.iter().any(|line| line.ends_with("@alice: calm")) {
            break;
        }
        assert!(Instant::now() < deadline, "alice is not heard any more");
        std::thread::sleep(Duration::from_millis(150));
    }
    assert!((1..FLOOD).contains(&heard), "{heard} of {FLOOD} were heard");
    alice.expect("not sent");
    alice.expect_message("alice", "calm");
}

#[test]
fn without_a_message_rate_everything_passes() {
    let server = Server::start(|config| config["limits"]["message_rate"] = 0.into());
    let mut alice = LineClient::enter_channel(&server, "alice", "dev");
    alice.send_bytes("word\n".repeat(2000).as_bytes());
    for _ in 0..2000 {
        let line = alice.next_line().unwrap();
        assert!(line.ends_with("@alice: word"), "{line}");
    }
}
