//! Messages of several lines.

use crate::start;
use crate::support::{IrcClient, LineClient, Server, User};

const CAPS: &str = "batch message-tags echo-message labeled-response draft/multiline";

fn enter(server: &Server, nick: &str, caps: &str) -> IrcClient {
    let mut client = IrcClient::enter_with(server, nick, caps);
    client.send("JOIN #c");
    client.expect(" 366 ");
    client
}

fn texts(lines: &[String]) -> Vec<&str> {
    let said = lines.iter().filter(|line| line.contains(" PRIVMSG "));
    said.map(|line| line.split_once(" #c :").unwrap().1)
        .collect()
}

#[test]
fn several_lines_are_one_message() {
    let server = start();
    let mut telnet = LineClient::enter_channel(&server, "telnet", "c");
    let mut ann = enter(&server, "ann", CAPS);
    let mut bob = enter(&server, "bob", "batch message-tags draft/multiline");
    let mut old = enter(&server, "old", "message-tags");
    ann.settle();
    bob.settle();
    for line in [
        "@label=x;+tag=1 BATCH +1 draft/multiline #c",
        "@batch=1 PRIVMSG #c :one",
        "@batch=1 PRIVMSG #c :",
        "@batch=1 PRIVMSG #c :two ",
        "@batch=1;draft/multiline-concat PRIVMSG #c :three",
        "BATCH -1",
    ] {
        ann.send(line);
    }
    let echo = ann.settle();
    assert!(echo[0].starts_with("@label=x;msgid="), "{echo:#?}");
    assert!(echo[0].contains(";+tag=1 :ann!") && echo[0].ends_with(" draft/multiline #c"));
    assert_eq!(texts(&echo), ["one", "", "two ", "three"]);
    assert!(echo[4].contains("draft/multiline-concat"), "{echo:#?}");
    assert!(echo[5].contains(" BATCH -"), "{echo:#?}");
    assert_eq!(texts(&bob.settle()), ["one", "", "two ", "three"]);
    let lines = old.settle();
    assert_eq!(texts(&lines), ["one", "two ", "three"]);
    assert!(lines[0].starts_with("@msgid=") && lines[1].starts_with("@+tag=1 "));
    telnet.expect("two three");
    telnet.send("short");
    bob.expect(" PRIVMSG #c :short");
}

#[test]
fn faults_end_a_message() {
    let server = start();
    let mut ann = enter(&server, "ann", CAPS);
    let mut fails = |lines: &[&str], code: &str| {
        ann.send("@label=x BATCH +1 draft/multiline #c");
        for line in lines {
            ann.send(line);
        }
        ann.send("BATCH -1");
        let answers = ann.settle();
        assert_eq!(answers.len(), 1, "{answers:#?}");
        let expected = format!("@label=x :irc.example.org FAIL BATCH {code} :");
        assert!(answers[0].starts_with(&expected), "{answers:#?}");
    };
    fails(&[], "MULTILINE_INVALID");
    fails(&["@batch=2 PRIVMSG #c :hi"], "MULTILINE_INVALID");
    fails(&["@batch=1 TOPIC #c :hi"], "MULTILINE_INVALID");
    fails(&["@batch=1 PRIVMSG #d :hi"], "MULTILINE_INVALID_TARGET");
    fails(&["@batch=1 PRIVMSG #c :hi"; 65], "MULTILINE_MAX_LINES 64");
    let long = format!("@batch=1 PRIVMSG #c :{}", "x".repeat(400));
    fails(&[long.as_str(); 11], "MULTILINE_MAX_BYTES 4096");
    assert!(
        ann.ask("BATCH +1 netsplit #c")
            .contains(" FAIL BATCH MULTILINE_INVALID ")
    );
    let mut eve = enter(&server, "eve", "message-tags");
    assert!(
        eve.ask("BATCH +1 draft/multiline #c")
            .contains(" 421 eve BATCH ")
    );
}
