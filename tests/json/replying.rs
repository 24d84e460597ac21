//! Messages that answer earlier ones.

use serde_json::{Value, json};

use crate::support::{JsonClient, LineClient, Server, User};

fn join(client: &mut JsonClient, room: &str) {
    client.send("join", json!({ "room": room }));
    client.expect("joined");
}

/// Says something in a room, and returns the message's frame.
fn say(client: &mut JsonClient, args: Value) -> Value {
    client.send("message", args.clone());
    loop {
        let frame = client.expect("message");
        if frame["body"] == args["body"] {
            return frame;
        }
    }
}

/// The next frame of this type that is the one.
fn expect_where(client: &mut JsonClient, kind: &str, is_it: impl Fn(&Value) -> bool) -> Value {
    loop {
        let frame = client.expect(kind);
        if is_it(&frame) {
            return frame;
        }
    }
}

fn id(frame: &Value) -> String {
    frame["id"].as_str().unwrap_or_default().to_owned()
}

fn answers(frame: &Value, to: &str, author: &str) {
    let told = (&frame["reply_to"], &frame["reply_author"]);
    assert_eq!(told, (&json!(to), &json!(author)), "{frame}");
}

#[test]
fn an_answer_says_what_it_answers_wherever_it_is_shown() {
    let server = Server::start(|_| {});
    let mut ann = JsonClient::enter(&server, "ann");
    let mut bob = JsonClient::enter(&server, "bob");
    let mut eve = LineClient::enter_channel(&server, "eve", "dev");
    join(&mut ann, "dev");
    join(&mut bob, "dev");
    let said = id(&say(&mut ann, json!({ "room": "dev", "body": "tea?" })));
    let args = json!({ "room": "dev", "body": "yes plaese", "reply_to": said, "tag": "1" });
    let reply = say(&mut bob, args.clone());
    answers(&reply, &said, "ann");
    assert_eq!(bob.expect("stored")["id"], reply["id"]);
    answers(
        &expect_where(&mut ann, "message", |it| it["from"] == "bob"),
        &said,
        "ann",
    );
    eve.expect("@bob (to @ann): yes plaese");
    // The same once more is not said again, though what it answers is gone.
    ann.send("delete", json!({ "id": said }));
    bob.expect("deleted");
    bob.send("message", args);
    assert_eq!(bob.expect("stored")["id"], reply["id"]);
    // It stays an answer when it is edited.
    bob.send("edit", json!({ "id": id(&reply), "body": "yes please" }));
    answers(&ann.expect("edited"), &said, "ann");
    bob.send("history", json!({ "room": "dev" }));
    let history = bob.expect("history");
    answers(&history["messages"][1], &said, "ann");
    bob.send("search", json!({ "room": "dev", "query": "please" }));
    answers(&bob.expect("found")["messages"][0], &said, "ann");
    // Nothing is left of one that is deleted.
    bob.send("delete", json!({ "id": id(&reply) }));
    expect_where(&mut ann, "deleted", |it| it["id"] == reply["id"]);
    bob.send("history", json!({ "room": "dev" }));
    let frame = bob.expect("history");
    assert_eq!(frame["messages"][1]["reply_to"], Value::Null, "{frame}");
}

#[test]
fn one_client_answers_the_last_message_of_another_by_name() {
    let server = Server::start(|_| {});
    let mut ann = JsonClient::enter(&server, "ann");
    join(&mut ann, "dev");
    say(&mut ann, json!({ "room": "dev", "body": "one" }));
    let said = id(&say(&mut ann, json!({ "room": "dev", "body": "two" })));
    let mut bob = LineClient::enter_channel(&server, "bob", "dev");
    bob.send("/reply @ann three");
    bob.expect("@bob (to @ann): three");
    answers(
        &expect_where(&mut ann, "message", |it| it["body"] == "three"),
        &said,
        "ann",
    );
    bob.send("/reply @zoe hello");
    bob.expect("There is no such message.");
    bob.send("/history 1");
    bob.expect("@bob (to @ann): three");
}

#[test]
fn what_may_not_be_read_or_is_elsewhere_cannot_be_answered() {
    let server = Server::start(|_| {});
    let mut ann = JsonClient::enter(&server, "ann");
    join(&mut ann, "club");
    join(&mut ann, "dev");
    let secret = id(&say(
        &mut ann,
        json!({ "room": "club", "body": "among us" }),
    ));
    let mut bob = JsonClient::enter(&server, "bob");
    join(&mut bob, "dev");
    let refused = |client: &mut JsonClient, to: &str| {
        let args = json!({ "room": "dev", "body": "hm", "reply_to": to, "tag": "7" });
        client.send("message", args);
        client.expect("error")
    };
    let nothing = refused(&mut bob, "1763712000123-0");
    assert_eq!(nothing["code"], "no_such_message", "{nothing}");
    assert_eq!(nothing["tag"], "7");
    assert_eq!(refused(&mut bob, &secret), nothing);
    // Nor by one who may read it, from another room.
    assert_eq!(refused(&mut ann, &secret), nothing);
    bob.send(
        "message",
        json!({ "room": "dev", "body": "x", "reply_to": "y" }),
    );
    assert_eq!(bob.expect("error")["code"], "bad_argument");
    // What was said meanwhile was not overtaken, and nothing of it was said.
    bob.send("message", json!({ "room": "dev", "body": "done" }));
    expect_where(&mut bob, "message", |it| it["body"] == "done");
    bob.send("history", json!({ "room": "dev" }));
    let history = bob.expect("history");
    assert_eq!(
        history["messages"].as_array().unwrap().len(),
        1,
        "{history}"
    );
}

#[test]
fn messages_keep_their_order_while_the_store_is_asked() {
    let server = Server::start(|config| config["limits"]["message_rate"] = 0.into());
    let mut ann = JsonClient::enter(&server, "ann");
    join(&mut ann, "dev");
    let first = id(&say(&mut ann, json!({ "room": "dev", "body": "first" })));
    // So many more that the hub does not remember the first.
    for n in 0..30 {
        say(&mut ann, json!({ "room": "dev", "body": format!("{n}") }));
    }
    ann.send(
        "message",
        json!({ "room": "dev", "body": "a", "reply_to": first }),
    );
    ann.send("message", json!({ "room": "dev", "body": "b" }));
    answers(&ann.expect("message"), &first, "ann");
    assert_eq!(ann.expect("message")["body"], "b");
}

#[test]
fn accounts_answer_each_other_in_their_thread() {
    let server = Server::start(|_| {});
    let token = JsonClient::registered(&server, "ann");
    let mut ann = JsonClient::come_in(&server, &token);
    let token = JsonClient::registered(&server, "bob");
    let mut bob = JsonClient::come_in(&server, &token);
    join(&mut ann, "dev");
    join(&mut bob, "dev");
    ann.send("private", json!({ "to": "bob", "body": "tea?" }));
    let said = id(&bob.expect("private"));
    bob.send(
        "private",
        json!({ "to": "ann", "body": "yes", "reply_to": said }),
    );
    answers(
        &expect_where(&mut ann, "private", |it| it["from"] == "bob"),
        &said,
        "ann",
    );
    ann.send("thread", json!({ "user": "bob" }));
    answers(&ann.expect("thread")["messages"][1], &said, "ann");
    ann.send("inbox", json!({}));
    answers(&ann.expect("inbox")["threads"][0], &said, "ann");
    // What is between two is not answered before all.
    bob.send(
        "message",
        json!({ "room": "dev", "body": "x", "reply_to": said }),
    );
    assert_eq!(bob.expect("error")["code"], "no_such_message");
}
