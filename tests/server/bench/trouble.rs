//! The explanations of a run that has no figures.

use std::process::Stdio;

use rustix::process::Signal;

use super::{command, complaint, impatient, unlimited};
use crate::support::{Server, free_address, wait_until};

#[test]
fn a_server_that_lets_few_register_is_named_with_the_setting_to_change() {
    let server = Server::start(|config| config["limits"]["auth_attempts"] = 3.into());
    let there = format!("--protocol api --address {} pairs", server.web());
    let said = complaint(command(&there).output().unwrap());
    assert!(said.contains("not registered"), "{said}");
    assert!(said.contains("limits.auth_attempts"), "{said}");
}

#[test]
fn settings_of_its_own_server_can_be_changed() {
    let output = command("room --members 4 --server-config")
        .arg(r#"{"limits":{"connections":2}}"#)
        .output()
        .unwrap();
    let said = complaint(output);
    assert!(said.contains("server is full"), "{said}");
}

#[test]
fn a_full_server_is_named_with_the_setting_to_change() {
    let server = Server::start(|config| {
        config["limits"]["connections"] = 3.into();
    });
    for (protocol, address) in [("telnet", server.telnet()), ("ws", server.web())] {
        let there = format!("--protocol {protocol} --address {address} room --members 9");
        let said = complaint(command(&there).output().unwrap());
        assert!(said.contains("not let in"), "{said}");
        assert!(said.contains("server is full"), "{said}");
        assert!(said.contains("raise limits.connections there"), "{said}");
    }
}

#[test]
fn a_server_that_holds_senders_back_is_named_with_the_setting_to_change() {
    // However slowly the clients answer each other on a busy machine: hence the long time, which ends with the first
    // that is held back.
    let server = Server::start(|config| config["limits"]["message_rate"] = 1.into());
    for load in [
        "room --members 4",
        "room --members 4 --rate 500",
        "pairs --rooms 4",
        "pairs --rooms 4 --rate 500",
    ] {
        let there = format!("--address {} --seconds 120 {load}", server.telnet());
        let output = command(&there).output();
        let said = complaint(output.unwrap());
        assert!(said.contains("too fast"), "{load}: {said}");
        assert!(said.contains("limits.message_rate to 0"), "{load}: {said}");
    }
}

#[test]
fn a_server_that_stands_still_is_not_measured_on() {
    for load in [
        "pairs --rooms 3",
        "room --members 4 --rate 50",
        "--protocol api pairs --rooms 3",
    ] {
        let server = unlimited();
        let address = if load.contains("api") {
            server.web()
        } else {
            server.telnet()
        };
        let there = format!("--address {address} --seconds 600 {load}");
        // Longer than a busy machine needs before the clients send anything.
        let bench = impatient("5", &there)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        wait_until("the clients send messages", || {
            let metrics = server.get("/metrics").body;
            let line = metrics
                .lines()
                .find(|line| line.starts_with("chat_messages_total "));
            line.is_some_and(|line| !line.ends_with(" 0"))
        });
        server.signal(Signal::STOP);
        let output = bench.wait_with_output();
        server.signal(Signal::CONT);
        let said = complaint(output.unwrap());
        let expected = "nothing arrived any more for 5 s (--timeout)";
        assert!(said.contains(expected), "{load}: {said}");
        assert!(!said.contains("bench: in?"), "its own words: {said}");
    }
}

#[test]
fn a_server_that_registers_nobody_is_not_waited_for_forever() {
    let server = unlimited();
    server.signal(Signal::STOP);
    let there = format!("--protocol api --address {} pairs", server.web());
    let output = impatient("1", &there).output();
    server.signal(Signal::CONT);
    let said = complaint(output.unwrap());
    let expected = "0 were registered, then no other for 1 s (--timeout); the server said nothing";
    assert!(said.contains(expected), "{said}");
}

#[test]
fn a_server_without_accounts_is_named_by_its_answer() {
    // A server with room lines and without registration.
    let server = Server::start(|config| config["listen"]["ws"] = "127.0.0.1:0".into());
    let there = format!("--protocol api --address {} pairs", server.address("ws"));
    let said = complaint(command(&there).output().unwrap());
    let expected = "a client was not registered, after 0 others; the server said: ";
    assert!(said.contains(expected), "{said}");
    assert!(said.contains("404"), "{said}");
}

#[test]
fn settings_for_another_server_than_the_one_measured_are_refused() {
    for wrong in ["--config other.json", "--telnet 127.0.0.1:1"] {
        let output = command(&format!("{wrong} pairs")).output().unwrap();
        assert_eq!(output.status.code(), Some(2));
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(said.contains("is not for bench"), "{said}");
        assert!(said.contains("--server-config"), "{said}");
    }
}

#[test]
fn nobody_there_is_said_at_once() {
    let address = free_address();
    let said = complaint(
        command(&format!("--address {address} pairs"))
            .output()
            .unwrap(),
    );
    assert!(
        said.contains(&format!("no connection to {address}")),
        "{said}"
    );
}

#[test]
fn a_server_that_speaks_something_else_is_not_waited_for_forever() {
    let server = Server::start(|_| {});
    let there = format!("--protocol irc --address {} idle", server.telnet());
    let said = complaint(impatient("5", &there).output().unwrap());
    assert!(said.contains("for 5 s (--timeout)"), "{said}");
    assert!(said.contains("the server said: "), "{said}");
}

#[test]
fn options_that_do_not_go_together_are_refused_wherever_they_are() {
    for (wrong, why) in [
        ("--protocol api room", "room: direct messages have no rooms"),
        ("--protocol api slow", "slow: direct messages have no rooms"),
        ("pairs --pid 1", "--pid is for a server at --address"),
        ("--tls-trust x pairs", "--tls-trust is for a server at"),
        (
            "--address x:1 pairs --tls",
            "--tls is for a server of its own",
        ),
        (
            "pairs --server-config {} --address x:1",
            "--server-config is for a server of its own",
        ),
        (
            "--address x:1 send-loop",
            "--address: send-loop has no server",
        ),
        ("send-loop --tls", "--tls: send-loop has no server"),
        ("relay --pid 1", "--pid: relay has no server"),
        (
            "room --members 3 --senders 4",
            "--senders 4: there are only 3 --members",
        ),
        (
            "slow --members 5 --readers 4",
            "--readers 4 of --members 5: two must go on",
        ),
        (
            "slow --members 5 --senders 4",
            "--senders 4: of 5 --members, 1 stop reading and one must hear the others: 3 can",
        ),
    ] {
        let output = command(wrong).output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{wrong}: {said}");
        assert!(said.contains(why), "{wrong}: {said}");
    }
}
