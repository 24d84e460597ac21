//! Messages are edited and deleted, and every screen shows the same.

use serde_json::{Value, json};

use crate::support::{JsonClient, LineClient, Server, User};

fn join(client: &mut JsonClient, room: &str) {
    client.send("join", json!({ "room": room }));
    client.expect("joined");
}

/// Says something in a room, and returns the message's id.
fn say(client: &mut JsonClient, room: &str, body: &str) -> String {
    client.send("message", json!({ "room": room, "body": body }));
    loop {
        let frame = client.expect("message");
        if frame["body"] == body {
            return text(&frame, "id");
        }
    }
}

fn text(frame: &Value, field: &str) -> String {
    frame[field].as_str().unwrap_or_default().to_owned()
}

/// Ids and texts of a room's history, without what was deleted.
fn history(client: &mut JsonClient, room: &str) -> Vec<(String, String)> {
    client.send("history", json!({ "room": room, "limit": 50 }));
    let frame = client.expect("history");
    let messages = frame["messages"].as_array().unwrap().iter();
    let left = messages.filter(|it| it["deleted"] != true);
    left.map(|it| (text(it, "id"), text(it, "body"))).collect()
}

#[test]
fn an_edited_message_is_corrected_on_every_screen() {
    let server = Server::start(|_| {});
    let mut ann = JsonClient::enter(&server, "ann");
    let mut bob = JsonClient::enter(&server, "bob");
    let mut eve = LineClient::enter_channel(&server, "eve", "dev");
    join(&mut ann, "dev");
    join(&mut bob, "dev");
    let id = say(&mut ann, "dev", "teh cat");
    ann.send("edit", json!({ "id": id, "body": "the cat" }));
    for client in [&mut ann, &mut bob] {
        let frame = client.expect("edited");
        assert_eq!(frame["id"], id.as_str(), "{frame}");
        assert_eq!(
            (&frame["from"], &frame["room"]),
            (&json!("ann"), &json!("dev"))
        );
        assert_eq!(frame["body"], "the cat");
        assert!(text(&frame, "changed") > id);
        assert!(frame["at"].is_string() && frame["edited_at"].is_string());
    }
    eve.expect("* @ann corrected: the cat");
    let expected = [(id.clone(), "the cat".to_owned())];
    assert_eq!(history(&mut bob, "dev"), expected);
    bob.send("search", json!({ "room": "dev", "query": "teh" }));
    assert_eq!(bob.expect("found")["messages"], json!([]));
    // One who comes in afterwards is shown how it is now.
    let mut dan = JsonClient::enter(&server, "dan");
    dan.send("join", json!({ "room": "dev" }));
    let shown = loop {
        let frame = dan.expect("history");
        if frame["room"] == "dev" {
            break frame;
        }
    };
    assert_eq!(shown["messages"][0]["body"], "the cat");
    assert!(shown["messages"][0]["edited_at"].is_string(), "{shown}");
}

#[test]
fn nothing_is_left_of_a_deleted_message() {
    let server = Server::start(|_| {});
    let mut ann = JsonClient::enter(&server, "ann");
    let mut bob = JsonClient::enter(&server, "bob");
    let mut eve = LineClient::enter_channel(&server, "eve", "dev");
    join(&mut ann, "dev");
    join(&mut bob, "dev");
    let id = say(&mut ann, "dev", "the password is swordfish");
    ann.send("delete", json!({ "id": id }));
    let frame = bob.expect("deleted");
    assert_eq!((&frame["id"], &frame["by"]), (&json!(id), &json!("ann")));
    assert_eq!(
        (&frame["room"], &frame["from"]),
        (&json!("dev"), &json!("system"))
    );
    eve.expect("* @ann removed a message.");
    assert_eq!(history(&mut bob, "dev"), []);
    bob.send("search", json!({ "room": "dev", "query": "swordfish" }));
    assert_eq!(bob.expect("found")["messages"], json!([]));
    let mut dan = LineClient::enter_channel(&server, "dan", "dev");
    dan.send("/history");
    dan.expect("* Nothing has been said here yet.");
    assert!(!dan.transcript().contains("swordfish"));
    // It is gone: nothing more becomes of it.
    for kind in ["edit", "delete"] {
        ann.send(kind, json!({ "id": id, "body": "x" }));
        assert_eq!(ann.expect("error")["code"], "no_such_message");
    }
}

#[test]
fn only_the_author_edits_and_whoever_may_not_read_is_told_nothing() {
    let server = Server::start(|_| {});
    let token = JsonClient::registered(&server, "ann");
    let mut ann = JsonClient::come_in(&server, &token);
    join(&mut ann, "club");
    let id = say(&mut ann, "club", "among us");
    let mut bob = JsonClient::enter(&server, "bob");
    let refused = |client: &mut JsonClient, kind: &str, id: &str| {
        client.send(kind, json!({ "id": id, "body": "mine" }));
        let mut frame = client.expect("error");
        frame.as_object_mut().unwrap().remove("tag");
        frame
    };
    // To one who is not there, the message is like one that does not exist.
    let nothing = refused(&mut bob, "edit", "1763712000123-0");
    assert_eq!(nothing["code"], "no_such_message");
    for kind in ["edit", "delete"] {
        assert_eq!(refused(&mut bob, kind, &id), nothing);
    }
    join(&mut bob, "club");
    assert_eq!(refused(&mut bob, "edit", &id)["code"], "not_author");
    assert_eq!(refused(&mut bob, "delete", &id)["code"], "not_operator");
    let said = say(&mut bob, "club", "hello");
    // The operator removes it, and edits only what is their own.
    assert_eq!(refused(&mut ann, "edit", &said)["code"], "not_author");
    ann.send("delete", json!({ "id": said }));
    assert_eq!(bob.expect("deleted")["by"], "ann");
    assert_eq!(history(&mut bob, "club"), [(id, "among us".to_owned())]);
}

#[test]
fn a_guest_edits_only_what_was_said_since_they_have_the_name() {
    let server = Server::start(|_| {});
    let mut ann = JsonClient::enter(&server, "ann");
    join(&mut ann, "dev");
    let mut bob = LineClient::enter_channel(&server, "bob", "dev");
    bob.send("I was here first");
    let id = text(&ann.expect("message"), "id");
    bob.send("/quit");
    bob.expect_close();
    let mut other = JsonClient::enter(&server, "bob");
    join(&mut other, "dev");
    other.send("edit", json!({ "id": id, "body": "I was not" }));
    assert_eq!(other.expect("error")["code"], "not_author");
}

#[test]
fn a_guest_who_comes_again_with_the_token_is_the_same_one() {
    let server = Server::start(|_| {});
    let token = JsonClient::token(&server, "ann");
    let mut ann = JsonClient::come_in(&server, &token);
    join(&mut ann, "dev");
    let id = say(&mut ann, "dev", "teh cat");
    for body in ["the cat", "the dog"] {
        // Once in place of the earlier connection, and once after its end.
        if body == "the dog" {
            let mut watcher = LineClient::enter_channel(&server, "bob", "dev");
            drop(ann);
            watcher.expect("* @ann left.");
        }
        ann = JsonClient::come_in(&server, &token);
        join(&mut ann, "dev");
        ann.send("edit", json!({ "id": id, "body": body }));
        assert_eq!(ann.expect("edited")["body"], body);
    }
}

#[test]
fn a_client_that_was_away_gets_what_has_changed() {
    let server = Server::start(|_| {});
    let mut ann = JsonClient::enter(&server, "ann");
    join(&mut ann, "dev");
    let first = say(&mut ann, "dev", "first");
    let second = say(&mut ann, "dev", "second");
    // Here bob is cut off.
    let third = say(&mut ann, "dev", "third");
    ann.send("edit", json!({ "id": first, "body": "first, corrected" }));
    ann.expect("edited");
    ann.send("delete", json!({ "id": second }));
    ann.expect("deleted");
    ann.send("edit", json!({ "id": third, "body": "third, corrected" }));
    ann.expect("edited");
    let mut bob = JsonClient::enter(&server, "bob");
    bob.send("resume", json!({ "room": "dev", "after": second }));
    let mut told = Vec::new();
    loop {
        let frame = bob.next().unwrap();
        match frame["type"].as_str() {
            Some("resumed") => break,
            Some(kind @ ("message" | "edited" | "deleted")) if frame["room"] == "dev" => {
                told.push((kind.to_owned(), text(&frame, "id"), text(&frame, "body")));
            }
            _ => {}
        }
    }
    let row = |kind: &str, id: &str, body: &str| (kind.to_owned(), id.to_owned(), body.to_owned());
    assert_eq!(
        told,
        [
            row("message", &third, "third, corrected"),
            row("edited", &first, "first, corrected"),
            row("deleted", &second, "A message was removed."),
        ]
    );
}

#[test]
fn direct_messages_are_edited_and_deleted_for_both() {
    let server = Server::start(|_| {});
    let [ann_token, bob_token] = ["ann", "bob"].map(|name| JsonClient::registered(&server, name));
    let mut ann = JsonClient::come_in(&server, &ann_token);
    let mut bob = JsonClient::come_in(&server, &bob_token);
    let mut second = JsonClient::come_in(&server, &bob_token);
    ann.send("private", json!({ "to": "bob", "body": "teh cat" }));
    let id = text(&bob.expect("private"), "id");
    bob.send("edit", json!({ "id": id, "body": "mine" }));
    assert_eq!(bob.expect("error")["code"], "not_author");
    ann.send("edit", json!({ "id": id, "body": "the cat" }));
    for client in [&mut ann, &mut bob, &mut second] {
        let frame = client.expect("edited");
        assert_eq!(
            (&frame["from"], &frame["to"]),
            (&json!("ann"), &json!("bob"))
        );
        assert_eq!(
            (&frame["id"], &frame["body"]),
            (&json!(id), &json!("the cat"))
        );
    }
    bob.send("thread", json!({ "user": "ann" }));
    assert_eq!(bob.expect("thread")["messages"][0]["body"], "the cat");
    let mut eve = JsonClient::enter(&server, "eve");
    eve.send("delete", json!({ "id": id }));
    assert_eq!(eve.expect("error")["code"], "no_such_message");
    ann.send("delete", json!({ "id": id }));
    assert_eq!(second.expect("deleted")["id"], id.as_str());
    bob.send("inbox", json!({}));
    assert_eq!(bob.expect("inbox")["threads"], json!([]));
}

#[test]
fn a_message_can_be_edited_for_as_long_as_the_setting_says() {
    let server = Server::start(|config| {
        config["messages"]["edit_seconds"] = 1.into();
        config["limits"]["message_rate"] = 0.into();
    });
    let mut ann = JsonClient::enter(&server, "ann");
    join(&mut ann, "dev");
    let id = say(&mut ann, "dev", "x");
    // It is too late at some time, and then deleting is still possible.
    loop {
        ann.send("edit", json!({ "id": id, "body": "y" }));
        let frame = loop {
            let frame = ann.next().unwrap();
            if frame["type"] == "edited" || frame["type"] == "error" {
                break frame;
            }
        };
        if frame["type"] == "error" {
            assert_eq!(frame["code"], "too_late", "{frame}");
            break;
        }
    }
    ann.send("delete", json!({ "id": id }));
    ann.expect("deleted");
}

#[test]
fn without_a_history_the_last_messages_can_be_changed() {
    let server = Server::start(|config| config["history"] = "off".into());
    let mut ann = JsonClient::enter(&server, "ann");
    join(&mut ann, "dev");
    let id = say(&mut ann, "dev", "teh cat");
    ann.send("edit", json!({ "id": id, "body": "the cat" }));
    assert_eq!(ann.expect("edited")["body"], "the cat");
    let mut bob = LineClient::enter_channel(&server, "bob", "dev");
    ann.send("delete", json!({ "id": id }));
    bob.expect("* @ann removed a message.");
}

#[test]
fn the_former_text_is_in_the_audit_trail_if_that_is_to_keep_it() {
    let server = Server::start(|config| config["store"]["keep_edits"] = "audit".into());
    let mut ann = JsonClient::enter(&server, "ann");
    join(&mut ann, "dev");
    let id = say(&mut ann, "dev", "teh cat");
    ann.send("edit", json!({ "id": id, "body": "the cat" }));
    ann.expect("edited");
    ann.send("delete", json!({ "id": id }));
    ann.expect("deleted");
    let mut texts = server.log_texts("kind=admin&channel=dev&nick=ann", 2);
    texts.sort();
    let expected = [
        format!("deleted message {id} of @ann: the cat"),
        format!("edited message {id} of @ann: teh cat"),
    ];
    assert_eq!(texts, expected);
}
