//! What people do instead of saying it (`/me waves`), and notices: every protocol shows
//! them in its own form.

use crate::support::{JsonClient, LineClient, Server, User, WsClient, is_private, is_shown};
use serde_json::json;

fn start() -> Server {
    Server::start(|config| {
        config["listen"]["tcp"] = "127.0.0.1:0".into();
    })
}

/// Reads up to a line with this after the time.
fn expect_shown(client: &mut impl User, shown: &str) {
    client.expect_line(shown, &|line| is_shown(line, shown));
}

#[test]
fn an_action_shows_in_the_form_of_each_protocol() {
    let server = start();
    let mut ann = LineClient::enter_channel(&server, "ann", "plaza");
    let mut web = WsClient::enter(&server, "web");
    web.send("/join #plaza");
    web.expect("You are now in #plaza");
    let mut json = JsonClient::enter(&server, "json");
    json.send("join", json!({"room": "plaza"}));
    json.expect("joined");
    let mut room = LineClient::connect(server.address("tcp"));
    room.send(r#"{"name":"room","room":"plaza"}"#);
    ann.expect("@room joined");

    for (from, sent) in [("ann", "/me  waves "), ("web", "/ME waves")] {
        match from {
            "ann" => ann.send(sent),
            _ => web.send(sent),
        }
        expect_shown(&mut ann, &format!("* @{from} waves"));
        expect_shown(&mut web, &format!("* @{from} waves"));
        let frame = json.expect("message");
        let meant = (&frame["from"], &frame["body"], &frame["action"]);
        assert_eq!(meant, (&json!(from), &json!("waves"), &json!(true)));
        assert!(frame["notice"].is_null());
        room.expect_next(&format!("{from}:* waves"));
    }
    // Each line of several names its author.
    let text = json!({"room": "plaza", "body": "sits\n* @ann left.", "action": true});
    json.send("message", text);
    expect_shown(&mut ann, "* @json sits");
    expect_shown(&mut ann, "* @json * @ann left.");
    room.expect_next("json:* sits");
    room.expect_next("json:* * @ann left.");
    json.expect("message");

    let text = json!({"room": "plaza", "body": "built in 3 s", "notice": true});
    json.send("message", text);
    expect_shown(&mut ann, "-@json- built in 3 s");
    expect_shown(&mut web, "-@json- built in 3 s");
    room.expect_next("json:built in 3 s");
    let frame = json.expect("message");
    assert_eq!(frame["notice"], true);
    assert!(frame["action"].is_null());

    // And what is said is as it was.
    ann.send("* @web waves");
    ann.expect_message("ann", "* @web waves");
    let frame = json.expect("message");
    assert!(
        frame["action"].is_null() && frame["notice"].is_null(),
        "{frame}"
    );
}

#[test]
fn history_search_and_the_chat_log_know_what_was_done() {
    let server = start();
    let mut ann = LineClient::enter_channel(&server, "ann", "plaza");
    ann.send("/me pours the tea");
    expect_shown(&mut ann, "* @ann pours the tea");
    let mut bob = LineClient::enter(&server, "bob");
    bob.send("/join #plaza");
    expect_shown(&mut bob, "* @ann pours the tea");
    bob.send("/history 1");
    bob.expect("* The last message here:");
    expect_shown(&mut bob, "* @ann pours the tea");

    let mut json = JsonClient::enter(&server, "json");
    json.send("join", json!({"room": "plaza"}));
    let history = json.expect("history");
    assert_eq!(history["messages"][0]["action"], true, "{history}");
    json.send("resume", json!({"room": "plaza", "after": "0-0"}));
    assert_eq!(json.expect("message")["action"], true);
    json.send("search", json!({"query": "tea", "room": "plaza"}));
    let found = json.expect("found");
    assert_eq!(found["messages"][0]["body"], "pours the tea");
    assert_eq!(found["messages"][0]["action"], true, "{found}");

    server.log_with("kind=message", &["* ann pours the tea"]);
    let found = server.get("/admin/messages?q=pours").json();
    assert_eq!(found["messages"][0]["action"], true, "{found}");
}

#[test]
fn private_messages_have_kinds_too() {
    let server = start();
    let mut ann = LineClient::enter(&server, "ann");
    let bob = JsonClient::registered(&server, "bob");
    let mut bob = JsonClient::come_in(&server, &bob);
    bob.send(
        "private",
        json!({"to": "ann", "body": "waves", "action": true}),
    );
    assert_eq!(bob.expect("private")["action"], true);
    let wanted = |line: &str| is_private(line, "bob", "* @bob waves");
    ann.expect_line("the action", &wanted);
    let tagged = json!({"to": "ann", "body": "done", "notice": true, "tag": "t1"});
    bob.send("private", tagged);
    assert_eq!(bob.expect("private")["notice"], true);
    bob.expect("stored");
    let wanted = |line: &str| is_private(line, "bob", "-@bob- done");
    ann.expect_line("the notice", &wanted);

    // Between accounts they are stored.
    let cem = JsonClient::registered(&server, "cem");
    let mut cem = JsonClient::come_in(&server, &cem);
    cem.send(
        "private",
        json!({"to": "bob", "body": "nods", "action": true}),
    );
    assert_eq!(bob.expect("private")["action"], true);
    bob.send("thread", json!({"user": "cem"}));
    assert_eq!(bob.expect("thread")["messages"][0]["action"], true);
    bob.send("inbox", json!({}));
    assert_eq!(bob.expect("inbox")["threads"][0]["action"], true);
}

#[test]
fn nothing_answers_a_notice() {
    let server = start();
    let mut ann = JsonClient::enter(&server, "ann");
    let mut bob = JsonClient::enter(&server, "bob");
    bob.send("away", json!({"text": "lunch"}));
    bob.expect("away");
    ann.expect("join");
    ann.send(
        "private",
        json!({"to": "bob", "body": "done", "notice": true}),
    );
    ann.send(
        "private",
        json!({"to": "nobody", "body": "x", "notice": true}),
    );
    ann.send(
        "message",
        json!({"room": "elsewhere", "body": "x", "notice": true}),
    );
    ann.send("message", json!({"body": " ", "notice": true}));
    assert_eq!(ann.settle(), ["private"]);
    // What has a tag is answered: its client asks for that.
    let tagged = json!({"to": "nobody", "body": "x", "notice": true, "tag": "t1"});
    ann.send("private", tagged);
    let refused = ann.expect("error");
    assert_eq!(
        (&refused["tag"], &refused["code"]),
        (&json!("t1"), &json!("no_such_user"))
    );
    // And so is what is no notice.
    ann.send("private", json!({"to": "bob", "body": "there?"}));
    assert_eq!(ann.expect("away")["text"], "lunch");
}

#[test]
fn mistakes_are_named() {
    let server = start();
    let mut ann = LineClient::enter(&server, "ann");
    ann.send("/me");
    ann.expect("! Something is missing: /me text");
    let mut json = JsonClient::enter(&server, "json");
    json.send(
        "message",
        json!({"body": "x", "action": true, "notice": true}),
    );
    let refused = json.expect("error");
    assert_eq!(refused["code"], "bad_argument");
    json.send("message", json!({"body": "x", "action": "yes"}));
    assert_eq!(
        json.expect("error")["body"],
        "The argument action must be true or false."
    );
    json.send(
        "message",
        json!({"body": "x", "action": false, "notice": null}),
    );
    assert!(json.expect("message")["action"].is_null());
}
