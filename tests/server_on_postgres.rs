//! A server whose messages and accounts are in PostgreSQL.
#![cfg(feature = "cluster")]

mod support;

use serde_json::json;
use support::{LineClient, Postgres, Server, User, wait_until};

fn register(client: &mut LineClient) {
    client.send("/register");
    client.expect("A password");
    client.send("long enough");
    client.expect("Once more");
    client.send("long enough");
    client.expect("is yours now");
}

#[test]
fn what_is_said_and_who_is_registered_outlives_the_server() {
    let url = Postgres::shared().create_database();
    let mut server = Server::start(|config| config["store"]["postgres"] = json!(url));
    let mut alice = LineClient::enter_channel(&server, "alice", "dev");
    register(&mut alice);
    let mut bob = LineClient::enter_channel(&server, "bob", "dev");
    alice.send("hello");
    bob.expect_message("alice", "hello");
    assert!(!server.dir().join("data/chat.db").exists());
    server.kill();
    server.start_again();
    let mut alice = LineClient::connect(server.telnet());
    alice.send("alice");
    alice.expect("Its password");
    alice.send("long enough");
    alice.expect("Welcome");
    alice.send("/join #dev");
    alice.expect("hello");
}

#[test]
fn while_the_database_is_away_senders_are_told_and_nobody_sees_their_messages() {
    let postgres = Postgres::start();
    let url = postgres.create_database();
    let server = Server::start(|config| config["store"]["postgres"] = json!(url));
    let mut alice = LineClient::enter_channel(&server, "alice", "dev");
    let mut bob = LineClient::enter_channel(&server, "bob", "dev");
    alice.send("before");
    bob.expect_message("alice", "before");
    postgres.kill();
    alice.send("into the void");
    alice.expect("could not be stored");
    assert_eq!(server.get("/readyz").status, 503);
    let heard = bob.settle();
    assert!(!heard.iter().any(|line| line.contains("void")), "{heard:?}");
    postgres.start_again();
    wait_until("the server is ready again", || {
        server.get("/readyz").status == 200
    });
    alice.send("after");
    bob.expect_message("alice", "after");
    bob.send("/history");
    let heard = bob.settle();
    assert!(!heard.iter().any(|line| line.contains("void")), "{heard:?}");
}

#[test]
fn a_server_without_its_database_says_which_and_does_not_start() {
    let address = support::free_address();
    let mut server = Server::spawn(|config| {
        config["store"]["postgres"] = json!(format!("postgres://chat:hunter2@{address}/chat"));
    });
    assert_eq!(server.wait_exit().code(), Some(1));
    server.wait_output(&format!(
        "cannot connect to the database postgres://chat@{address}/chat"
    ));
    assert!(!server.output().contains("hunter2"));
}
