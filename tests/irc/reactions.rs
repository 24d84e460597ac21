//! Reactions to messages, as IRC clients give and see them.

use serde_json::{Value, json};

use crate::support::{IrcClient, JsonClient};
use crate::{enter_account, start};

fn msgid(line: &str) -> String {
    let (_, rest) = line.split_once("msgid=").unwrap();
    rest.split([';', ' ']).next().unwrap().to_owned()
}

fn expect_where(client: &mut JsonClient, kind: &str, is_it: impl Fn(&Value) -> bool) -> Value {
    loop {
        let frame = client.expect(kind);
        if is_it(&frame) {
            return frame;
        }
    }
}

#[test]
fn reactions_go_both_ways() {
    let server = start();
    let mut bob = IrcClient::enter_with(&server, "bob", "message-tags");
    let mut cat = IrcClient::enter_with(&server, "cat", "message-tags echo-message");
    let mut old = IrcClient::enter_with(&server, "old", "server-time");
    for client in [&mut bob, &mut cat, &mut old] {
        client.send("JOIN #c");
        client.expect(" 366 ");
    }
    let mut ann = JsonClient::enter(&server, "ann");
    ann.send("join", json!({ "room": "c" }));
    ann.expect("joined");
    ann.send("message", json!({ "room": "c", "body": "lunch" }));
    let id = msgid(&bob.expect(" PRIVMSG #c :lunch"));
    for client in [&mut cat, &mut old] {
        client.expect(" PRIVMSG #c :lunch");
    }
    // From JSON clients to those who know tags.
    ann.send("react", json!({ "id": id, "sign": "👍" }));
    let given = format!("+draft/reply={id};+draft/react=👍");
    for client in [&mut bob, &mut cat] {
        let line = client.expect(" TAGMSG #c");
        assert!(line.contains(&given) && line.contains(":ann!"), "{line}");
    }
    ann.expect("reacted");
    // And back, by either name of the tag.
    cat.send(&format!("@+draft/reply={id};+draft/react=a\\:b TAGMSG #c"));
    let line = cat.expect(" TAGMSG #c");
    assert!(
        line.contains("+draft/react=a\\:b") && line.contains(":cat!"),
        "{line}"
    );
    bob.expect(" TAGMSG #c");
    let frame = expect_where(&mut ann, "reacted", |it| it["user"] == "cat");
    assert_eq!(
        (&frame["sign"], &frame["on"]),
        (&json!("a;b"), &json!(true))
    );
    bob.send(&format!("@+reply={id};+draft/react=👍 TAGMSG #c"));
    expect_where(&mut ann, "reacted", |it| it["user"] == "bob");
    let line = cat.expect(" TAGMSG #c");
    assert!(line.contains(":bob!"), "{line}");
    cat.send(&format!("@+reply={id};+draft/unreact=a\\:b TAGMSG #c"));
    let line = bob.expect(" TAGMSG #c");
    assert!(
        line.contains(&format!("+draft/reply={id};+draft/unreact=a\\:b")),
        "{line}"
    );
    expect_where(&mut ann, "reacted", |it| it["on"] == false);
    ann.send("history", json!({ "room": "c" }));
    let history = ann.expect("history");
    assert_eq!(
        history["messages"][0]["reactions"],
        json!([{ "sign": "👍", "count": 2, "users": ["ann", "bob"] }])
    );
    // What is no message or no sign is refused, and told to nobody.
    let line = bob.ask("@+draft/reply=x;+draft/react=👍 TAGMSG #c");
    assert!(line.contains(" FAIL TAGMSG UNKNOWN_MSGID #c x :"), "{line}");
    let line = bob.ask(&format!(
        "@+draft/reply={id};+draft/react=two\\swords TAGMSG #c"
    ));
    assert!(
        line.contains(" FAIL TAGMSG INVALID_REACTION #c :"),
        "{line}"
    );
    let line = bob.ask("@+draft/reply=1-1;+draft/react=👍 TAGMSG #c");
    assert!(
        line.contains(" 404 bob #c :There is no such message."),
        "{line}"
    );
    // Clients that know no tags are told nothing of it.
    let quiet = old.settle();
    assert!(
        quiet.iter().all(|line| !line.contains("TAGMSG")),
        "{quiet:?}"
    );
}

#[test]
fn direct_messages_of_accounts_are_reacted_to() {
    let server = start();
    let mut bob = enter_account(&server, "bob", "message-tags echo-message");
    let mut eve = enter_account(&server, "eve", "message-tags");
    bob.send("PRIVMSG eve :tea?");
    let id = msgid(&bob.expect(" PRIVMSG eve :tea?"));
    eve.expect(" PRIVMSG eve :tea?");
    eve.send(&format!("@+draft/reply={id};+draft/react=👍 TAGMSG bob"));
    let line = bob.expect(" TAGMSG ");
    assert!(
        line.ends_with(" TAGMSG bob") && line.contains(":eve!"),
        "{line}"
    );
    bob.send(&format!("@+draft/reply={id};+draft/react=yes TAGMSG eve"));
    let line = eve.expect("+draft/react=yes");
    assert!(
        line.ends_with(" TAGMSG eve") && line.contains(":bob!"),
        "{line}"
    );
}

/// What guests write to each other is stored nowhere: their programs tell each other what they
/// make of it, as with any other tag.
#[test]
fn reactions_between_guests_are_passed_on() {
    let server = start();
    let mut bob = IrcClient::enter_with(&server, "bob", "message-tags");
    let mut eve = IrcClient::enter_with(&server, "eve", "message-tags");
    bob.send("PRIVMSG eve :tea?");
    let id = msgid(&eve.expect(" PRIVMSG eve :tea?"));
    eve.send(&format!("@+draft/reply={id};+draft/react=👍 TAGMSG bob"));
    let line = bob.expect(" TAGMSG bob");
    assert!(line.contains("+draft/react=👍"), "{line}");
}
