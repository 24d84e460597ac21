//! A guest with a pass, on a server that died or is unreachable, moves to
//! another server at once and keeps the nickname; no other client can take it.

use rustix::process::Signal;
use serde_json::json;

use super::Common;
use crate::support::{JsonClient, LineClient, User};

#[test]
fn a_pass_is_let_in_elsewhere_at_once_when_its_server_is_killed() {
    let common = Common::new();
    let [mut one, two] = [common.server(), common.server()];
    let mut bob = LineClient::enter_channel(&two, "bob", "dev");
    let (alice, carol) = (
        JsonClient::token(&one, "alice"),
        JsonClient::token(&one, "carol"),
    );
    let first = [&alice, &carol].map(|token| {
        let mut client = JsonClient::come_in(&one, token);
        client.send("join", json!({ "room": "dev" }));
        while client.expect("joined")["room"] != "dev" {}
        client
    });
    bob.expect("alice");
    bob.expect("carol");
    let [_alice, mut renamed] = first;
    renamed.send("setnick", json!({ "nickname": "caroline" }));
    renamed.expect("nickname");
    bob.expect("caroline");
    let other = JsonClient::token(&two, "mallory");
    one.kill();
    // The first attempt must succeed.
    for (token, name) in [(&alice, "alice"), (&carol, "caroline")] {
        let mut again = JsonClient::open(&two, token);
        let welcome = again.expect("welcome");
        assert_eq!(welcome["nickname"], name, "{welcome}");
        again.send("join", json!({ "room": "dev" }));
        again.send("message", json!({ "room": "dev", "body": "I am back" }));
        bob.expect_message(name, "I am back");
    }
    // No other client gets a nickname of the dead server.
    let mut mallory = JsonClient::come_in(&two, &other);
    mallory.send("setnick", json!({ "nickname": "alice" }));
    assert_eq!(mallory.expect("error")["code"], "nickname_in_use");
}

#[test]
fn a_pass_that_comes_elsewhere_ends_its_connection_to_a_server_that_lives() {
    let common = Common::new();
    let [one, two] = [common.server(), common.server()];
    let token = JsonClient::token(&one, "alice");
    let mut first = JsonClient::come_in(&one, &token);
    let mut second = JsonClient::come_in(&two, &token);
    assert_eq!(first.expect("bye")["code"], "replaced");
    second.send("message", json!({ "body": "here I am", "tag": "1" }));
    second.expect("stored");
    // And back, while the second server stands still.
    two.signal(Signal::STOP);
    let mut third = JsonClient::come_in(&one, &token);
    two.signal(Signal::CONT);
    assert_eq!(second.expect("bye")["code"], "replaced");
    third.send("message", json!({ "body": "and here", "tag": "2" }));
    third.expect("stored");
}

#[test]
fn a_guest_who_comes_to_another_server_is_known_by_so_many_last_tags() {
    const KNOWN: usize = 16;
    let common = Common::new();
    let server = || common.server_with(|config| config["limits"]["tags_per_client"] = KNOWN.into());
    let [one, two] = [server(), server()];
    let token = JsonClient::token(&one, "alice");
    let mut alice = JsonClient::come_in(&one, &token);
    let say = |alice: &mut JsonClient, tag: usize| {
        let tag = tag.to_string();
        alice.send("message", json!({ "body": tag, "tag": tag }));
        let stored = alice.expect("stored");
        assert_eq!(stored["tag"], *tag);
        stored["id"].as_str().unwrap().to_owned()
    };
    let ids: Vec<String> = (0..KNOWN + 4).map(|tag| say(&mut alice, tag)).collect();
    let mut alice = JsonClient::come_in(&two, &token);
    for (tag, id) in ids.iter().enumerate().skip(4) {
        assert_eq!(say(&mut alice, tag), *id, "{tag} is published again");
    }
    for tag in 0..4 {
        assert!(!ids.contains(&say(&mut alice, tag)), "{tag} is remembered");
    }
}
