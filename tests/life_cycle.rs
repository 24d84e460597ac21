//! Starting and stopping: what the operator and the people on it see.

mod support;

use std::net::TcpListener;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use support::{DEADLINE, LineClient, Server, User, WsClient};

#[test]
fn starting_names_every_listener_the_admin_token_and_then_is_ready() {
    let server = Server::start(|_| {});
    let output = server.output();
    for listener in ["telnet", "rest", "web"] {
        let port = server.address(listener).port();
        assert_ne!(port, 0, "{output}");
    }
    assert!(server.admin_token().len() >= 32, "{output}");
    assert!(
        !output.contains(&server.admin_token()),
        "the token itself is secret"
    );
    LineClient::enter(&server, "alice");
}

#[test]
fn a_port_in_use_is_named_with_how_to_change_it() {
    for listener in ["telnet", "rest", "web"] {
        let taken = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = taken.local_addr().unwrap().to_string();
        let mut server = Server::spawn(|config| {
            config["listen"][listener] = address.as_str().into();
        });
        let status = server.wait_exit();
        let output = server.output();
        assert!(status.code().is_some_and(|code| code != 0), "{output}");
        assert!(output.contains(&address), "{output}");
        assert!(output.contains(&format!("listen.{listener}")), "{output}");
        assert!(!output.lines().any(|line| line == "ready"), "{output}");
        assert!(!output.contains("panicked"), "{output}");
    }
}

#[test]
fn everyone_is_told_when_the_server_is_stopped() {
    for signal in [Signal::TERM, Signal::INT] {
        let mut server = Server::start(|_| {});
        let mut alice = LineClient::enter_channel(&server, "alice", "dev");
        let mut bob = LineClient::enter_channel(&server, "bob", "dev");
        let mut nameless = LineClient::connect(server.telnet());
        nameless.expect("nickname");
        alice.settle();
        server.signal(signal);
        for client in [&mut alice, &mut bob, &mut nameless] {
            let words = client.expect_close();
            assert_eq!(words.len(), 1, "{words:?}");
            assert!(words[0].contains("shutting down"), "{words:?}");
        }
        drop((alice, bob, nameless));
        let status = server.wait_exit();
        assert!(status.success(), "{status}\n{}", server.output());
    }
}

#[test]
fn web_sockets_are_closed_properly_when_the_server_is_stopped() {
    let mut server = Server::start(|_| {});
    let mut alice = WsClient::enter(&server, "alice");
    server.signal(Signal::TERM);
    let words = alice.expect_close();
    assert!(words[0].contains("shutting down"), "{words:?}");
    assert_eq!(alice.close_code(), Some(1001));
    drop(alice);
    assert!(server.wait_exit().success(), "{}", server.output());
}

#[test]
fn what_was_said_before_the_stop_is_delivered() {
    let mut server = Server::start(|config| config["limits"]["message_rate"] = 0.into());
    let mut alice = LineClient::enter_channel(&server, "alice", "dev");
    let mut bob = LineClient::enter_channel(&server, "bob", "dev");
    alice.settle();
    alice.send_bytes("word\n".repeat(1000).as_bytes());
    alice.send("the end");
    alice.expect_message("alice", "the end");
    server.signal(Signal::TERM);
    let words = bob.expect_close();
    let heard = words.iter().filter(|line| line.ends_with("@alice: word"));
    assert_eq!(heard.count(), 1000);
    drop((alice, bob));
    assert!(server.wait_exit().success(), "{}", server.output());
}

#[test]
fn who_does_not_hang_up_cannot_keep_the_server_from_stopping() {
    let mut server = Server::start(|config| config["shutdown_seconds"] = 1.into());
    let mut alice = LineClient::enter(&server, "alice");
    server.signal(Signal::TERM);
    alice.expect("shutting down");
    // Alice keeps the connection open.
    let status = server.wait_exit();
    assert!(status.success(), "{status}\n{}", server.output());
}

#[test]
fn a_second_signal_ends_it_at_once() {
    let mut server = Server::start(|config| {
        config["shutdown_seconds"] = 3600.into();
        config["limits"]["message_rate"] = 0.into();
        config["limits"]["backlog_bytes"] = (1 << 30).into();
    });
    // More than the kernel takes waits for somebody who does not read: the
    // server would go on trying for an hour.
    let mut alice = LineClient::enter_channel(&server, "alice", "dev");
    let _sleepy = LineClient::enter_channel(&server, "sleepy", "dev");
    let line = "long ".repeat(800);
    for _ in 0..4000 {
        alice.send(&line);
        alice.expect("@alice: ");
    }
    server.signal(Signal::TERM);
    alice.expect("shutting down");
    server.signal(Signal::TERM);
    let status = server.wait_exit();
    assert!(!status.success(), "not all was sent: {status}");
}

#[test]
fn a_hang_up_signal_puts_the_changed_configuration_in_force() {
    let server = Server::start(|config| config["greeting"] = "Before.".into());
    let mut alice = LineClient::enter_channel(&server, "alice", "dev");
    let mut early = LineClient::connect(server.telnet());
    early.expect_next("Before.");
    let path = server.dir().join("config.json");
    let config = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, config.replace("Before.", "After.")).unwrap();
    server.signal(Signal::HUP);
    server.wait_output("greeting");
    let deadline = Instant::now() + DEADLINE;
    loop {
        let mut late = LineClient::connect(server.telnet());
        if late.next_line().unwrap() == "After." {
            break;
        }
        assert!(Instant::now() < deadline, "{}", server.output());
        std::thread::sleep(Duration::from_millis(10));
    }
    // Nobody was disconnected for it.
    alice.send("still here");
    alice.expect_message("alice", "still here");
}

#[test]
fn a_hang_up_signal_with_a_broken_configuration_changes_nothing() {
    let server = Server::start(|config| config["greeting"] = "Before.".into());
    std::fs::write(server.dir().join("config.json"), "{\"greeting\": 7}").unwrap();
    server.signal(Signal::HUP);
    server.wait_output("greeting");
    let mut alice = LineClient::connect(server.telnet());
    alice.expect_next("Before.");
}
