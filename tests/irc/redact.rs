//! Messages that are edited and deleted, as IRC clients see it.

use serde_json::json;

use crate::start;
use crate::support::{IrcClient, JsonClient};

fn msgid(line: &str) -> String {
    let (_, rest) = line.split_once("msgid=").unwrap();
    rest.split([';', ' ']).next().unwrap().to_owned()
}

#[test]
fn an_edited_message_is_another_one_and_a_deleted_one_is_redacted() {
    let server = start();
    let caps = "message-tags echo-message draft/message-redaction standard-replies";
    let mut bob = IrcClient::enter_with(&server, "bob", caps);
    let mut eve = IrcClient::enter_with(&server, "eve", "message-tags");
    for client in [&mut bob, &mut eve] {
        client.send("JOIN #c");
        client.expect(" 366 ");
    }
    bob.settle();
    let mut ann = JsonClient::enter(&server, "ann");
    ann.send("join", json!({ "room": "c" }));
    ann.expect("joined");
    ann.send("message", json!({ "room": "c", "body": "teh cat" }));
    let id = msgid(&bob.expect(" PRIVMSG #c :teh cat"));
    ann.send("edit", json!({ "id": id, "body": "the cat" }));
    for client in [&mut bob, &mut eve] {
        let line = client.expect("PRIVMSG #c :* corrected: the cat");
        assert!(line.contains(&format!("+draft/reply={id}")), "{line}");
    }
    // Only the author and operators delete; bob is the channel's operator.
    let said = msgid(&bob.ask("PRIVMSG #c :mine"));
    let line = bob.ask("REDACT #c 1-1");
    assert!(
        line.contains(" FAIL REDACT UNKNOWN_MSGID #c 1-1 :"),
        "{line}"
    );
    let line = bob.ask("REDACT #nowhere x");
    assert!(
        line.contains(" FAIL REDACT INVALID_TARGET #nowhere :"),
        "{line}"
    );
    let line = bob.ask("REDACT #c x");
    assert!(line.contains(" FAIL REDACT UNKNOWN_MSGID #c x :"), "{line}");
    for id in [&said, &id] {
        let line = bob.ask(&format!("REDACT #c {id}"));
        assert!(line.contains(":bob!"), "{line}");
        assert!(line.ends_with(&format!(" REDACT #c {id}")), "{line}");
    }
    assert_eq!(ann.expect("deleted")["id"], said.as_str());
    assert_eq!(ann.expect("deleted")["by"], "bob");
    // A reason is told, on other protocols too.
    let said = msgid(&bob.ask("PRIVMSG #c :oops"));
    let line = bob.ask(&format!("REDACT #c {said} :wrong channel"));
    let told = format!(" REDACT #c {said} :wrong channel");
    assert!(line.ends_with(&told), "{line}");
    let frame = ann.expect("deleted");
    assert_eq!(frame["reason"], "wrong channel", "{frame}");
    ann.send("message", json!({ "room": "c", "body": "again" }));
    let said = msgid(&bob.expect(" PRIVMSG #c :again"));
    let args = json!({ "id": said, "reason": "not for here" });
    ann.send("delete", args);
    bob.expect(&format!(" REDACT #c {said} :not for here"));
    let quiet = eve.settle();
    assert!(
        quiet.iter().all(|line| !line.contains("REDACT")),
        "{quiet:?}"
    );
    assert!(
        eve.ask(&format!("REDACT #c {id}"))
            .contains(" 421 eve REDACT ")
    );
}

#[test]
fn what_an_administrator_deletes_is_redacted_by_the_server() {
    let server = start();
    let mut bob = IrcClient::enter_with(&server, "bob", "message-tags draft/message-redaction");
    bob.send("JOIN #c");
    bob.expect(" 366 ");
    let mut ann = JsonClient::enter(&server, "ann");
    ann.send("join", json!({ "room": "c" }));
    ann.expect("joined");
    ann.send("message", json!({ "room": "c", "body": "an insult" }));
    let id = msgid(&bob.expect(" PRIVMSG #c :an insult"));
    let path = format!("/admin/channels/c/messages/{id}?reason=be%20kind");
    assert_eq!(server.delete(&path).status, 204);
    let line = bob.expect(" REDACT ");
    let told = format!(":irc.example.org REDACT #c {id} :be kind");
    assert!(line.ends_with(&told), "{line}");
}

#[test]
fn answers_lead_to_what_they_answer_on_both_sides() {
    let server = start();
    let mut bob = IrcClient::enter_with(&server, "bob", "message-tags echo-message");
    bob.send("JOIN #c");
    bob.expect(" 366 ");
    let mut ann = JsonClient::enter(&server, "ann");
    ann.send("join", json!({ "room": "c" }));
    ann.expect("joined");
    ann.send("message", json!({ "room": "c", "body": "tea?" }));
    let asked = msgid(&bob.expect(" PRIVMSG #c :tea?"));
    bob.send(&format!("@+draft/reply={asked};+x=1 PRIVMSG #c :yes"));
    let line = bob.expect(" PRIVMSG #c :yes");
    assert!(
        line.contains(&format!("+x=1;+draft/reply={asked}")),
        "{line}"
    );
    let frame = loop {
        let frame = ann.expect("message");
        if frame["from"] == "bob" {
            break frame;
        }
    };
    assert_eq!(frame["reply_to"], asked.as_str(), "{frame}");
    let args = json!({ "room": "c", "body": "milk?", "reply_to": frame["id"] });
    ann.send("message", args);
    let line = bob.expect(" PRIVMSG #c :milk?");
    let answered = format!("+draft/reply={}", frame["id"].as_str().unwrap());
    assert!(line.contains(&answered), "{line}");
    // What is unknown is left out, and the words are said.
    for wrong in ["1763712000123-0", "x", ""] {
        bob.send(&format!("@+draft/reply={wrong} PRIVMSG #c :to {wrong}."));
        let line = bob.expect(&format!(" PRIVMSG #c :to {wrong}."));
        assert!(!line.contains("draft/reply"), "{line}");
    }
}
