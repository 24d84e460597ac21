//! Tags that clients add, TAGMSG, typing, and what clients ask each other.

use serde_json::json;

use crate::support::{IrcClient, JsonClient, LineClient, User};
use crate::{start, two_in};

const CAPS: &str = "message-tags echo-message";

fn enter(server: &crate::support::Server, nick: &str, caps: &str) -> IrcClient {
    let mut client = IrcClient::enter_with(server, nick, caps);
    client.send("JOIN #c");
    client.expect(" 366 ");
    client
}

#[test]
fn tags_for_clients_reach_those_who_have_asked_for_tags() {
    let server = start();
    let mut ann = enter(&server, "ann", CAPS);
    let mut bob = enter(&server, "bob", "message-tags");
    let mut eve = enter(&server, "eve", "server-time");
    ann.settle();
    bob.settle();
    let echo = ann.ask("@+x=a\\:b;key=1;+y/z PRIVMSG #c :hi");
    assert!(echo.contains(";+x=a\\:b;+y/z :ann!"), "{echo}");
    assert!(!echo.contains("key="), "{echo}");
    assert!(bob.next().contains(";+x=a\\:b;+y/z :ann!"));
    let line = eve.next();
    assert!(line.starts_with("@time=") && !line.contains("+x"), "{line}");
    let echo = ann.ask("@+react=yes TAGMSG #c");
    assert!(
        echo.starts_with("@msgid=") && echo.ends_with(" TAGMSG #c"),
        "{echo}"
    );
    assert_eq!(bob.next(), echo);
    assert!(ann.ask("@+react=yes TAGMSG bob").ends_with(" TAGMSG bob"));
    assert!(bob.next().ends_with(" TAGMSG bob"));
    assert_eq!(eve.settle(), [""; 0]);
    // There is nothing to pass on.
    ann.send("TAGMSG #c");
    assert_eq!(ann.settle(), [""; 0]);
    assert!(ann.ask("TAGMSG").contains(" 461 ann TAGMSG "));
    assert!(
        eve.ask("@+react=yes TAGMSG #c")
            .contains(" 421 eve TAGMSG ")
    );
    assert!(ann.ask("@+a TAGMSG nobody").contains(" 401 ann nobody "));
}

#[test]
fn tags_are_as_long_as_they_may_be_and_no_longer() {
    let server = start();
    let mut ann = enter(&server, "ann", CAPS);
    let longest = "a".repeat(4094 - "+x=".len());
    let echo = ann.ask(&format!("@+x={longest} TAGMSG #c"));
    assert!(echo.contains(&longest));
    let error = ann.ask(&format!("@+x={longest}a TAGMSG #c"));
    assert!(error.contains(" 417 ann "), "{error}");
}

#[test]
fn typing_is_told_across_protocols() {
    let server = start();
    let mut ann = enter(&server, "ann", "message-tags");
    let mut page = JsonClient::enter(&server, "page");
    page.send("join", json!({ "room": "c" }));
    page.expect("joined");
    ann.expect(" JOIN ");
    page.send("listen", json!({ "events": ["typing"] }));
    page.expect("listening");
    page.send("typing", json!({ "room": "c" }));
    let line = ann.next();
    assert!(line.starts_with("@+typing=active :page!"), "{line}");
    assert!(line.ends_with(" TAGMSG #c"), "{line}");
    ann.send("@+typing=active TAGMSG #c");
    let frame = page.expect("typing");
    assert_eq!(
        (&frame["from"], &frame["room"]),
        (&json!("ann"), &json!("c"))
    );
}

#[test]
fn requests_of_clients_pass_between_them_alone() {
    let server = start();
    let (mut ann, mut bob) = two_in(&server, "c");
    let mut telnet = LineClient::enter_channel(&server, "telnet", "c");
    ann.expect(" JOIN ");
    bob.expect(" JOIN ");
    ann.send("PRIVMSG bob :\u{1}VERSION\u{1}");
    assert!(bob.next().ends_with(" PRIVMSG bob :\u{1}VERSION\u{1}"));
    bob.send("NOTICE ann :\u{1}VERSION irssi\u{1}");
    assert!(ann.next().ends_with(" NOTICE ann :\u{1}VERSION irssi\u{1}"));
    ann.send("PRIVMSG #c :\u{1}PING 1\u{1}");
    assert!(bob.next().ends_with(" PRIVMSG #c :\u{1}PING 1\u{1}"));
    ann.send("PRIVMSG #c :told");
    telnet.expect_message("ann", "told");
    assert!(!String::from_utf8_lossy(telnet.received()).contains("PING"));
    assert!(
        ann.ask("PRIVMSG bob :\u{1}DCC CHAT chat 1 2\u{1}")
            .contains("DCC")
    );
    assert!(bob.next().ends_with(" PRIVMSG #c :told"));
    ann.send("MODE #c +C");
    assert!(bob.next().ends_with(" MODE #c +C"));
    assert!(
        bob.ask("PRIVMSG #c :\u{1}PING 2\u{1}")
            .contains(" 404 bob #c ")
    );
    bob.send("PRIVMSG #c :\u{1}ACTION waves\u{1}");
    telnet.expect("* @bob waves");
}

#[test]
fn an_answer_to_a_private_message_of_a_guest_says_so() {
    let server = start();
    let mut ann = IrcClient::enter_with(&server, "ann", "message-tags");
    let mut bob = IrcClient::enter_with(&server, "bob", "message-tags");
    bob.send("PRIVMSG ann :hey");
    let asked = ann.next();
    let (_, id) = asked.split_once("msgid=").unwrap();
    let id = id.split([';', ' ']).next().unwrap();
    ann.send(&format!("@+draft/reply={id} PRIVMSG bob :yes"));
    let answer = bob.next();
    assert_eq!(answer.matches(&format!("+draft/reply={id}")).count(), 1);
}
