//! Registered nicknames, logins and ignore lists over the line protocol.

use crate::support::{LineClient, Server, Terminal, User, WsClient};

/// Registers the client's nickname.
fn register(client: &mut LineClient, password: &str) {
    client.send("/register");
    client.expect("A password");
    client.send(password);
    client.expect("Once more");
    client.send(password);
    client.expect("is yours now");
}

/// A client that has logged in to an account.
fn log_in(server: &Server, nickname: &str, password: &str) -> LineClient {
    let mut client = LineClient::connect(server.telnet());
    client.send(nickname);
    client.expect("Its password");
    client.send(password);
    client.expect("Welcome");
    client
}

#[test]
fn a_registered_nickname_needs_its_password_in_any_spelling() {
    let server = Server::start(|_| {});
    let mut owner = LineClient::enter(&server, "alice");
    register(&mut owner, "correct horse");
    for spelling in ["alice", "ALICE", "\u{430}lice"] {
        let mut other = LineClient::connect(server.telnet());
        other.send(spelling);
        other.expect("is registered");
        other.send("wrong horse");
        other.expect("Wrong username or password");
        other.expect("Another nickname");
        other.send(spelling);
        other.expect("is registered");
        other.send("");
        other.expect("Another nickname");
        other.send("/login alice correct horse");
        other.expect("Welcome, alice");
    }
    let mut guest = WsClient::enter(&server, "guest");
    guest.send("/nick alice");
    guest.expect("registered");
}

#[test]
fn mistakes_while_registering_are_named_and_change_nothing() {
    let server = Server::start(|_| {});
    let mut alice = LineClient::enter(&server, "alice");
    alice.send("/register");
    alice.expect("A password");
    alice.send("short");
    alice.expect("at least 8");
    alice.send("/register");
    alice.expect("A password");
    alice.send("long enough");
    alice.expect("Once more");
    alice.send("not the same");
    alice.expect("two different passwords");
    register(&mut alice, "long enough");
    alice.send("/register");
    alice.expect("registered already");
    alice.send("/login alice");
    alice.expect("logged in already");
    alice.send("/nick bob");
    alice.expect("your account's");
}

#[test]
fn whoever_has_an_account_is_named_as_they_spell_themselves() {
    let server = Server::start(|_| {});
    let mut alice = LineClient::enter(&server, "Alice");
    register(&mut alice, "long enough");
    drop(alice);
    let mut bob = LineClient::enter(&server, "bob");
    register(&mut bob, "long enough");
    for spelling in ["ALICE", "alice"] {
        bob.send(&format!("/msg {spelling} hello"));
        bob.expect("-PM to @Alice: hello");
    }
}

#[test]
fn an_account_is_on_from_several_places_and_gets_its_messages_in_all() {
    let server = Server::start(|_| {});
    let mut desk = LineClient::enter(&server, "alice");
    register(&mut desk, "long enough");
    let mut phone = log_in(&server, "alice", "long enough");
    let mut bob = LineClient::enter(&server, "bob");
    bob.send("/msg @alice hello");
    bob.expect("-PM to @alice: hello");
    desk.expect("-PM from @bob: hello");
    phone.expect("-PM from @bob: hello");
    phone.send("/msg @bob hi");
    phone.expect("-PM to @bob: hi");
    desk.expect("-PM to @bob: hi");
    desk.send("/join #dev");
    desk.expect("first one");
    bob.send("/join #dev");
    bob.expect("1 other");
    phone.send("/join #dev");
    // The account itself is in it already, at the desk.
    phone.expect("1 other");
    bob.send("/list");
    bob.expect("2 people");
    assert_eq!(bob.next_line().unwrap(), "@@alice @bob");
    bob.expect_next("* @@ is an operator.");
    desk.send("/quit");
    desk.expect_close();
    bob.send("still here?");
    phone.expect("still here?");
    let before = bob.settle();
    assert!(
        !before.iter().any(|line| line.contains("left")),
        "{before:?}"
    );
}

#[test]
fn a_guest_who_logs_in_moves_with_their_channel() {
    let server = Server::start(|_| {});
    let mut alice = LineClient::enter(&server, "alice");
    register(&mut alice, "long enough");
    alice.send("/quit");
    alice.expect_close();
    let mut bob = LineClient::enter_channel(&server, "bob", "dev");
    let mut guest = LineClient::enter_channel(&server, "somebody", "dev");
    bob.expect("somebody joined");
    guest.send("/login alice long enough");
    guest.expect("logged in as @alice");
    bob.expect("@somebody is now @alice");
    guest.send("it is me");
    bob.expect_message("alice", "it is me");
    LineClient::enter(&server, "somebody");
}

#[test]
fn the_last_messages_greet_whoever_joins_also_after_a_restart() {
    let mut server = Server::start(|config| config["limits"]["message_rate"] = 0.into());
    let mut alice = LineClient::enter_channel(&server, "alice", "dev");
    for n in 1..=25 {
        alice.send(&format!("message {n}"));
    }
    alice.expect_message("alice", "message 25");
    let last_twenty = |client: &mut LineClient| {
        client.expect("last 20 messages");
        for n in 6..=25 {
            client.expect_message("alice", &format!("message {n}"));
        }
    };
    let mut bob = LineClient::enter(&server, "bob");
    bob.send("/join #dev");
    last_twenty(&mut bob);
    server.restart();
    let mut carol = LineClient::enter(&server, "carol");
    carol.send("/join #dev");
    last_twenty(&mut carol);
    carol.send("/history 2");
    carol.expect("last 2 messages");
    carol.expect_message("alice", "message 24");
    carol.expect_message("alice", "message 25");
    carol.send("/history 0");
    carol.expect("from 1 to 1000");
    carol.send("/leave");
    carol.expect("have left");
    carol.send("/history");
    carol.expect("not in a channel");
    carol.send("/join #new");
    carol.expect("first one");
    carol.send("/history");
    carol.expect("Nothing has been said");
}

#[test]
fn without_history_messages_are_delivered_and_forgotten() {
    let mut server = Server::start(|config| config["history"] = "off".into());
    let mut alice = LineClient::enter_channel(&server, "alice", "dev");
    alice.send("hello");
    alice.expect_message("alice", "hello");
    alice.send("/history");
    alice.expect("No history is kept");
    server.restart();
    let mut bob = LineClient::enter(&server, "bob");
    bob.send("/join #dev");
    bob.expect("first one");
    let after = bob.settle();
    assert!(after.is_empty(), "{after:?}");
}

#[test]
fn whom_an_account_ignores_is_remembered() {
    let mut server = Server::start(|_| {});
    let mut alice = LineClient::enter(&server, "alice");
    register(&mut alice, "long enough");
    let mut bob = LineClient::enter(&server, "bob");
    alice.send("/ignore @bob");
    alice.expect("@bob");
    alice.settle();
    bob.send("/quit");
    bob.expect_close();
    server.restart();
    let mut alice = log_in(&server, "alice", "long enough");
    let mut bob = LineClient::enter(&server, "bob");
    bob.send("/msg @alice psst");
    bob.expect("-PM to @alice: psst");
    let heard = alice.settle();
    assert!(heard.is_empty(), "{heard:?}");
    alice.send("/unignore @bob");
    alice.expect("arrive again");
    bob.send("/msg @alice psst");
    alice.expect("-PM from @bob: psst");
}

#[test]
fn guessing_passwords_is_slowed_down() {
    let server = Server::start(|config| config["limits"]["auth_attempts"] = 3.into());
    let mut alice = LineClient::enter(&server, "alice");
    register(&mut alice, "long enough");
    let mut mallory = LineClient::enter(&server, "mallory");
    for _ in 0..2 {
        mallory.send("/login alice guess number one");
        mallory.expect("Wrong username or password");
    }
    mallory.send("/login alice long enough");
    mallory.expect("oo many");
}

#[test]
fn the_real_telnet_does_not_show_a_password() {
    let server = Server::start(|_| {});
    let address = server.telnet();
    let (host, port) = (address.ip().to_string(), address.port().to_string());
    let mut alice = Terminal::run("telnet", &[&host, &port]);
    alice.expect("nickname");
    alice.type_line("alice");
    alice.expect("/help");
    alice.type_line("/register");
    alice.expect("A password");
    alice.type_line("invisible words");
    alice.expect("Once more");
    alice.type_line("invisible words");
    alice.expect("is yours now");
    alice.type_line("/join #visible");
    alice.expect("/join #visible");
    alice.type_line("/quit");
    alice.wait_exit();
    let screen = alice.screen();
    assert!(!screen.contains("invisible"), "{screen}");
}
