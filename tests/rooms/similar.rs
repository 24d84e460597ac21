//! Channels with names that look alike.

use crate::support::{JsonClient, LineClient, Server, User};
use serde_json::json;

const BOB: &str = "\u{412}ob";

#[test]
fn a_new_channel_that_looks_like_another_is_refused() {
    let server = Server::start(|_| {});
    let mut alice = LineClient::enter(&server, "alice");
    alice.send("/join #Bob");
    alice.expect("#Bob");
    let mut eve = LineClient::enter(&server, "eve");
    let mut json = JsonClient::enter(&server, "json");
    for double in [BOB, "\u{392}OB", "gIobal"] {
        eve.send(&format!("/join #{double}"));
        eve.expect("looks like the channel #");
        for (kind, field) in [("join", "room"), ("createroom", "name")] {
            json.send(kind, json!({ field: double }));
            assert_eq!(
                json.expect("error")["code"],
                "channel_looks_alike",
                "{kind}"
            );
        }
    }
    // Another spelling of the same name leads into it; other names do not
    // conflict.
    eve.send("/join #BOB");
    eve.expect("#Bob");
    eve.send("/join #Rob");
    eve.expect("#Rob");
    // The other way round; the name is free again when the channel is empty.
    alice.send("/join #global");
    alice.expect("global");
    json.send("join", json!({ "room": BOB }));
    json.expect("joined");
    eve.send("/join #Bob");
    eve.expect("looks like the channel #");
}

#[test]
fn a_channel_with_a_history_is_reached_beside_one_that_looks_like_it() {
    let mut server = Server::start(|_| {});
    let mut alice = JsonClient::enter(&server, "alice");
    alice.send("join", json!({ "room": BOB }));
    alice.send(
        "message",
        json!({ "room": BOB, "body": "once", "tag": "1" }),
    );
    alice.expect("stored");
    drop(alice);
    server.restart();
    let mut bob = LineClient::enter(&server, "bob");
    bob.send("/join #Bob");
    bob.expect("#Bob");
    let mut eve = LineClient::enter(&server, "eve");
    // The line behind the command goes to the new channel.
    eve.send(&format!("/join #{BOB}"));
    eve.send("again");
    eve.expect_message("alice", "once");
    eve.expect_message("eve", "again");
    let heard = bob.settle();
    assert!(
        !heard.iter().any(|line| line.contains("again")),
        "{heard:?}"
    );
}
