//! Real client programs: `telnet` in a terminal, and `nc`.

use std::io::Write;
use std::process::{Command, Stdio};

use crate::support::{LineClient, Server, Terminal, User, missing};

#[test]
fn a_person_with_telnet_logs_in_talks_and_quits() {
    let server = Server::start(|_| {});
    let mut bob = LineClient::enter_channel(&server, "bob", "dev");
    let mut alice = telnet(&server);
    alice.expect("nickname");
    alice.type_line("alice");
    alice.expect("Welcome, alice");
    alice.type_line("/join #dev");
    alice.expect("in #dev");
    bob.expect_next("@alice joined");
    alice.type_line("hello from a terminal");
    alice.expect("@alice: hello from a terminal\r\n");
    bob.expect_message("alice", "hello from a terminal");
    bob.send("grüß dich");
    alice.expect("@bob: grüß dich\r\n");
    // The Backspace key edits in the terminal before anything is sent.
    alice.type_line("typo\x7f\x7fed");
    bob.expect_message("alice", "tyed");
    alice.type_line("/quit");
    alice.expect("Good-bye");
    alice.expect("Connection closed by foreign host");
    alice.wait_exit();
    bob.expect_next("@alice left");
}

#[test]
fn telnet_commands_typed_at_its_prompt_work() {
    let server = Server::start(|_| {});
    let mut alice = telnet(&server);
    alice.expect("nickname");
    alice.type_line("alice");
    alice.expect("Welcome");
    telnet_command(&mut alice, "send ayt");
    alice.expect("Yes, the server is here");
    // Offers and requests are refused, and the session continues.
    for command in ["send do echo", "send will naws", "send ip", "send nop"] {
        telnet_command(&mut alice, command);
        // The answer shows that telnet is back in the session: Ctrl-] typed
        // any earlier would be an ordinary character.
        alice.type_line("/nothing");
        alice.expect("no command /nothing");
    }
    alice.type_line("/join #dev");
    alice.expect("in #dev");
    alice.type_line("still here");
    alice.expect("@alice: still here\r\n");
    telnet_command(&mut alice, "quit");
    alice.expect("Connection closed");
    alice.wait_exit();
}

#[test]
fn the_screen_never_shows_negotiation() {
    let server = Server::start(|_| {});
    let mut alice = telnet(&server);
    alice.expect("nickname");
    alice.type_line("alice");
    alice.expect("/help");
    alice.type_line("/quit");
    alice.wait_exit();
    let screen = alice.screen();
    assert!(!screen.contains('\u{fffd}'), "{screen}");
    assert!(!screen.contains('\x1b'), "{screen}");
}

#[test]
fn nc_with_a_file_gets_every_answer_before_it_ends() {
    let server = Server::start(|_| {});
    let output = nc(
        &server,
        &["-N"],
        "alice\n/join #dev\nhello from nc\n/help\n",
    );
    for needle in [
        "Welcome, alice",
        "in #dev",
        "@alice: hello from nc",
        "/unignore @nick\t",
    ] {
        assert!(output.contains(needle), "no {needle} in\n{output}");
    }
}

#[test]
fn nc_ends_when_the_server_says_good_bye() {
    let server = Server::start(|_| {});
    let output = nc(&server, &[], "alice\n/quit\n");
    let last = output.lines().last();
    assert!(
        last.is_some_and(|line| line.contains("Good-bye")),
        "{output}"
    );
}

fn telnet(server: &Server) -> Terminal {
    let address = server.telnet();
    let (host, port) = (address.ip().to_string(), address.port().to_string());
    Terminal::run("telnet", &[&host, &port])
}

/// Types Ctrl-] and a command of telnet's own.
fn telnet_command(terminal: &mut Terminal, command: &str) {
    terminal.type_keys("\x1d");
    terminal.expect("telnet> ");
    terminal.type_line(command);
}

fn nc(server: &Server, options: &[&str], input: &str) -> String {
    let address = server.telnet();
    let mut nc = Command::new("nc")
        .args(options)
        .arg(address.ip().to_string())
        .arg(address.port().to_string())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| missing("nc", &error));
    let mut stdin = nc.stdin.take().unwrap();
    stdin.write_all(input.as_bytes()).unwrap();
    // With -N nc passes the end of input on; without, it waits for the server.
    drop(stdin);
    let output = nc.wait_with_output().unwrap();
    String::from_utf8(output.stdout).unwrap()
}
