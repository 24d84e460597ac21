//! What the operator of the server decides about channels: `channels.*` in the
//! configuration; and people who speak in a channel that they are not in.

use serde_json::{Value, json};

use crate::support::{JsonClient, LineClient, Server, User, wait_until};

fn start(channels: Value) -> Server {
    Server::start(|config| {
        config["limits"]["message_rate"] = 0.into();
        config["channels"] = channels;
    })
}

/// The owner of an account, who has created a channel.
fn founder(server: &Server, nickname: &str, channel: &str) -> LineClient {
    let mut user = LineClient::enter_channel(server, nickname, channel);
    user.send("/register long enough");
    user.expect("is yours now");
    user.settle();
    user
}

fn told(user: &mut LineClient, line: &str) -> String {
    user.send(line);
    user.settle().join("\n")
}

#[test]
fn whether_accounts_register_channels_is_a_setting() {
    for who in ["accounts", "admins", "off"] {
        let server = start(json!({ "register": who }));
        let mut ann = founder(&server, "ann", "dev");
        let answer = told(&mut ann, "/channel register");
        match who {
            "accounts" => assert_eq!(answer, "* @ann registered #dev: its rules stay."),
            _ => assert!(
                answer.starts_with("! Channels are not registered"),
                "{answer}"
            ),
        }
        let body = json!({ "founder": "ann" });
        let given = server.put("/admin/channels/dev/registration", body);
        let is_given = given.status < 300;
        assert_eq!(is_given, who != "off", "{who}: {}", given.body);
    }
}

#[test]
fn an_account_registers_as_many_channels_as_the_setting_says() {
    let server = start(json!({ "per_account": 1 }));
    let mut ann = founder(&server, "ann", "one");
    assert!(told(&mut ann, "/channel register").contains("registered #one"));
    told(&mut ann, "/join #two");
    let answer = told(&mut ann, "/channel register");
    assert!(
        answer.starts_with("! An account may have 1 registered"),
        "{answer}"
    );
    server.reload(|config| config["channels"]["per_account"] = 2.into());
    assert!(told(&mut ann, "/channel register").contains("registered #two"));
}

#[test]
fn new_channels_begin_with_the_rules_of_the_setting() {
    let server = start(json!({ "default_rules": ["members-only", "moderated", "secret"] }));
    let mut ann = LineClient::enter_channel(&server, "ann", "dev");
    wait_until("the rules are in force", || {
        let rules = told(&mut ann, "/mode");
        let on = ["* moderated:", "* secret:"];
        on.iter().all(|rule| rules.contains(rule)) && !rules.contains("* topic-locked:")
    });
    let mut bob = LineClient::enter(&server, "bob");
    assert!(!told(&mut bob, "/rooms").contains("#dev"));
    told(&mut bob, "/join #dev");
    assert!(told(&mut bob, "hello").starts_with("! Only people with voice"));
    // It is for new channels: the one that always exists has none.
    told(&mut bob, "/join #global");
    assert!(told(&mut bob, "hello").contains("@bob: hello"));
}

#[test]
fn where_a_channel_allows_it_people_speak_there_from_outside() {
    let server = start(json!({}));
    let mut ann = LineClient::enter_channel(&server, "ann", "desk");
    let mut bob = JsonClient::enter(&server, "bob");
    let mut ask = |what: &str| {
        bob.send(
            "message",
            json!({ "room": "desk", "body": what, "tag": what }),
        );
        bob.send("presence", json!({ "users": [] }));
        let mut refused = None;
        loop {
            let frame = bob.next().unwrap();
            // What is said there bob is not told.
            assert!(!frame.to_string().contains("a secret of ours"), "{frame}");
            match frame["type"].as_str() {
                Some("presence") => return refused,
                Some("error") => refused = frame["code"].as_str().map(str::to_owned),
                _ => {}
            }
        }
    };
    assert_eq!(ask("first").as_deref(), Some("not_in_channel"));
    told(&mut ann, "/mode -members-only");
    assert_eq!(ask("second"), None);
    ann.expect_message("bob", "second");
    // What keeps others from speaking keeps bob, too.
    ann.send("a secret of ours");
    ann.expect_message("ann", "a secret of ours");
    told(&mut ann, "/mode +moderated");
    assert_eq!(ask("third").as_deref(), Some("cannot_speak"));
    told(&mut ann, "/mode -moderated");
    told(&mut ann, "/ban bo*");
    assert_eq!(ask("fourth").as_deref(), Some("banned_from_channel"));
}
