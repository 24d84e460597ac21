//! CHATHISTORY: what was said before.

use crate::support::IrcClient;
use crate::{enter_account, start};

const CAPS: &str = "batch message-tags server-time echo-message draft/chathistory";

/// A client in a channel in which it has said so many numbers, and the ids of them.
fn with_past(server: &crate::support::Server, count: usize) -> (IrcClient, Vec<String>) {
    let mut ann = IrcClient::enter_with(server, "ann", CAPS);
    ann.send("JOIN #c");
    ann.expect(" 366 ");
    let said = (0..count).map(|n| {
        let echo = ann.ask(&format!("PRIVMSG #c :{n}"));
        tag(&echo, "msgid").to_owned()
    });
    let ids = said.collect();
    (ann, ids)
}

fn tag<'a>(line: &'a str, key: &str) -> &'a str {
    let tags = line.strip_prefix('@').and_then(|line| line.split_once(' '));
    let mut tags = tags.map_or("", |tags| tags.0).split(';');
    let found = tags.find_map(|tag| tag.split_once('=').filter(|it| it.0 == key));
    found.map_or("", |found| found.1)
}

/// What a question is answered with: the texts in the batch.
fn history(client: &mut IrcClient, question: &str) -> Vec<String> {
    client.settle();
    client.send(&format!("CHATHISTORY {question}"));
    let lines = client.settle();
    let (first, last) = (lines.first().unwrap(), lines.last().unwrap());
    let batch = first.split_once(" BATCH +").unwrap().1;
    let (batch, kind) = batch.split_once(' ').unwrap();
    assert!(kind.starts_with("chathistory "), "{first}");
    assert!(last.ends_with(&format!(" BATCH -{batch}")), "{last}");
    let inner = lines.get(1..lines.len() - 1).unwrap().iter();
    let texts = inner.map(|line| {
        assert_eq!(tag(line, "batch"), batch);
        assert!(!tag(line, "time").is_empty() && !tag(line, "msgid").is_empty());
        line.rsplit_once(" :").unwrap().1.to_owned()
    });
    texts.collect()
}

#[test]
fn each_part_of_a_channels_past_can_be_asked_for() {
    let server = start();
    let (mut ann, ids) = with_past(&server, 8);
    let mut ask = |question: &str| history(&mut ann, question).join("");
    assert_eq!(ask("LATEST #c * 3"), "567");
    assert_eq!(ask("LATEST #C * 1000"), "01234567");
    assert_eq!(ask(&format!("LATEST #c msgid={} 10", ids[5])), "67");
    assert_eq!(ask(&format!("BEFORE #c msgid={} 2", ids[5])), "34");
    assert_eq!(ask(&format!("AFTER #c msgid={} 2", ids[5])), "67");
    assert_eq!(ask(&format!("AROUND #c msgid={} 3", ids[5])), "456");
    let between = |from: &str, to: &str, most| format!("BETWEEN #c msgid={from} msgid={to} {most}");
    assert_eq!(ask(&between(&ids[1], &ids[6], 3)), "234");
    assert_eq!(ask(&between(&ids[6], &ids[1], 3)), "345");
    assert_eq!(ask("BEFORE #c timestamp=1999-01-01T00:00:00.000Z 5"), "");
    assert_eq!(ask("AFTER #c timestamp=1999-01-01T00:00:00.000Z 2"), "01");
}

#[test]
fn mistakes_in_a_question_are_named() {
    let server = start();
    let (mut ann, _) = with_past(&server, 1);
    for (question, code) in [
        ("NEWEST #c * 1", "INVALID_PARAMS NEWEST"),
        ("LATEST #c *", "INVALID_PARAMS LATEST"),
        ("LATEST #c * many", "INVALID_PARAMS LATEST"),
        ("BEFORE #c yesterday 1", "INVALID_MSGREFTYPE BEFORE"),
        ("LATEST #nowhere * 1", "INVALID_TARGET LATEST #nowhere"),
        ("LATEST nobody * 1", "INVALID_TARGET LATEST nobody"),
    ] {
        let answer = ann.ask(&format!("CHATHISTORY {question}"));
        let expected = format!(" FAIL CHATHISTORY {code} :");
        assert!(answer.contains(&expected), "{answer}");
    }
    assert!(ann.ask("CHATHISTORY").contains(" 461 ann CHATHISTORY "));
}

#[test]
fn outsiders_read_no_history() {
    let server = start();
    let (_ann, _) = with_past(&server, 1);
    let mut eve = IrcClient::enter_with(&server, "eve", CAPS);
    let answer = eve.ask("CHATHISTORY LATEST #c * 5");
    assert!(answer.contains(" FAIL CHATHISTORY INVALID_TARGET LATEST #c :"));
}

#[test]
fn accounts_read_their_direct_conversations_and_find_them() {
    let server = start();
    let enter = |name: &str| enter_account(&server, name, CAPS);
    let (mut ann, mut bob) = (enter("ann"), enter("bob"));
    ann.send("JOIN #c");
    ann.expect(" 366 ");
    ann.ask("PRIVMSG #c :first");
    ann.ask("PRIVMSG bob :hi");
    bob.ask("PRIVMSG ann :hello");
    assert_eq!(history(&mut ann, "LATEST bob * 5"), ["hi", "hello"]);
    assert_eq!(history(&mut bob, "LATEST ann * 1"), ["hello"]);
    let day = |year| format!("timestamp={year}-01-01T00:00:00.000Z");
    ann.send(&format!(
        "CHATHISTORY TARGETS {} {} 10",
        day(2001),
        day(2200)
    ));
    let lines = ann.settle();
    assert!(
        lines[0].ends_with(" draft/chathistory-targets"),
        "{lines:?}"
    );
    assert!(lines[1].contains(" CHATHISTORY TARGETS #c "), "{lines:?}");
    assert!(lines[2].contains(" CHATHISTORY TARGETS bob "), "{lines:?}");
    assert_eq!(lines.len(), 4);
}

#[test]
fn changes_are_told_in_their_place_to_those_who_want_them() {
    let server = start();
    let caps = format!("{CAPS} draft/event-playback");
    let mut ann = IrcClient::enter_with(&server, "ann", &caps);
    ann.send("JOIN #c");
    ann.expect(" 366 ");
    ann.ask("PRIVMSG #c :one");
    let topic = ann.ask("TOPIC #c :two");
    assert!(!tag(&topic, "msgid").is_empty(), "{topic}");
    ann.ask("PRIVMSG #c :three");
    assert_eq!(history(&mut ann, "LATEST #c * 5"), ["one", "two", "three"]);
    let id = tag(&topic, "msgid").to_owned();
    let after = format!("AFTER #c msgid={id} 5");
    assert_eq!(history(&mut ann, &after), ["three"]);
    ann.ask("CAP REQ :-draft/event-playback");
    assert_eq!(history(&mut ann, "LATEST #c * 5"), ["one", "three"]);
}

#[test]
fn clients_that_cannot_ask_are_shown_the_last_messages_when_they_join() {
    let server = crate::start_with(|config| config["irc"]["replay_lines"] = 2.into());
    let (_ann, _) = with_past(&server, 4);
    let joined = |nick: &str, caps: &str| {
        let mut client = IrcClient::enter_with(&server, nick, caps);
        client.send("JOIN #c");
        let lines = client.settle().into_iter();
        let said = lines.filter(|line| line.contains(" PRIVMSG #c :"));
        said.collect::<Vec<String>>()
    };
    let told = joined("bob", "server-time");
    assert_eq!(told.len(), 2, "{told:?}");
    assert!(told[0].starts_with("@time=") && told[0].ends_with(" :2"));
    let told = joined("eve", "server-time batch");
    assert!(told[0].starts_with("@batch="), "{told:?}");
    assert!(joined("old", "").is_empty());
    assert!(joined("new", CAPS).is_empty());
}

#[test]
fn a_past_that_is_too_long_for_one_answer_is_read_without_leaving_anything_out() {
    let server = start();
    let caps = format!("{CAPS} draft/multiline draft/event-playback");
    let mut ann = IrcClient::enter_with(&server, "ann", &caps);
    ann.send("JOIN #c");
    ann.expect(" 366 ");
    let topic = ann.ask("TOPIC #c :begin");
    let mut after = tag(&topic, "msgid").to_owned();
    let count = 50;
    for _ in 0..count {
        ann.send("BATCH +1 draft/multiline #c");
        for _ in 0..64 {
            ann.send("@batch=1 PRIVMSG #c :x");
        }
        ann.send("BATCH -1");
    }
    ann.settle();
    ann.ask("TOPIC #c :end");
    let mut answers = 0;
    let mut told = 0;
    loop {
        ann.send(&format!("CHATHISTORY AFTER #c msgid={after} 200"));
        let lines = ann.settle();
        let bytes: usize = lines.iter().map(String::len).sum();
        assert!(bytes < 1 << 19, "{bytes}");
        answers += 1;
        let messages = lines.iter().filter(|line| !tag(line, "msgid").is_empty());
        let messages: Vec<&String> = messages.collect();
        let last = messages.last().unwrap();
        after = tag(last, "msgid").to_owned();
        told += messages.len();
        if last.contains(" TOPIC #c :end") {
            break;
        }
    }
    assert!(answers > 1);
    assert_eq!(told, count + 1);
}

#[test]
fn what_guests_say_to_each_other_is_known_while_they_are_on() {
    let server = start();
    let mut ann = enter_account(&server, "ann", CAPS);
    let mut guest = IrcClient::enter_with(&server, "guest", CAPS);
    let mut eve = IrcClient::enter_with(&server, "eve", CAPS);
    let failed = ann.ask("CHATHISTORY LATEST guest * 10");
    assert!(
        failed.contains(" FAIL CHATHISTORY INVALID_TARGET LATEST guest "),
        "{failed}"
    );
    let first = ann.ask("PRIVMSG guest :one");
    let first = tag(&first, "msgid").to_owned();
    guest.expect(" PRIVMSG guest :one");
    guest.ask("PRIVMSG ann :two");
    ann.expect(" PRIVMSG ann :two");
    eve.ask("PRIVMSG guest :three");
    guest.expect(" PRIVMSG guest :three");
    assert_eq!(history(&mut ann, "LATEST GUEST * 10"), ["one", "two"]);
    assert_eq!(history(&mut guest, "LATEST ann * 10"), ["one", "two"]);
    assert_eq!(history(&mut guest, "LATEST ann * 1"), ["two"]);
    assert_eq!(history(&mut guest, "LATEST eve * 10"), ["three"]);
    let after = format!("AFTER ann msgid={first} 10");
    assert_eq!(history(&mut guest, &after), ["two"]);
    guest.settle();
    let range = "timestamp=2000-01-01T00:00:00.000Z timestamp=2100-01-01T00:00:00.000Z";
    guest.send(&format!("CHATHISTORY TARGETS {range} 10"));
    let targets = guest.settle();
    let rows = targets.iter().filter(|line| line.contains(" TARGETS "));
    assert_eq!(rows.count(), 2, "{targets:?}");
    // Another user of the nickname is another user.
    guest.send("QUIT");
    assert!(guest.is_closed());
    let mut guest = IrcClient::enter_with(&server, "guest", CAPS);
    for other in ["ann", "eve"] {
        let failed = guest.ask(&format!("CHATHISTORY LATEST {other} * 10"));
        assert!(failed.contains(" INVALID_TARGET "), "{failed}");
    }
    assert_eq!(history(&mut ann, "LATEST guest * 10"), ["one", "two"]);
}

/// The lines in the batch that a question is answered with.
fn batch(client: &mut IrcClient, question: &str) -> Vec<String> {
    client.settle();
    client.send(&format!("CHATHISTORY {question}"));
    let mut lines = client.settle();
    lines.pop();
    lines.remove(0);
    lines
}

#[test]
fn reactions_follow_their_messages_for_clients_that_want_events() {
    let server = start();
    let (mut ann, ids) = with_past(&server, 3);
    let with_events = format!("{CAPS} draft/event-playback");
    let mut bob = IrcClient::enter_with(&server, "bob", &with_events);
    bob.send("JOIN #c");
    bob.expect(" 366 ");
    for (sign, id) in [("👍", &ids[0]), ("a\\:b", &ids[1]), ("no", &ids[1])] {
        ann.ask(&format!("@+draft/reply={id};+draft/react={sign} TAGMSG #c"));
    }
    bob.send(&format!(
        "@+draft/reply={};+draft/react=👍 TAGMSG #c",
        ids[0]
    ));
    ann.expect(" :bob!");
    ann.ask(&format!(
        "@+draft/reply={};+draft/unreact=no TAGMSG #c",
        ids[1]
    ));
    let lines = batch(&mut bob, "LATEST #c * 3");
    let wanted = [
        (":ann!", " PRIVMSG #c :0".to_owned(), ""),
        (":ann!", " TAGMSG #c".to_owned(), "+draft/react=👍"),
        (":bob!", " TAGMSG #c".to_owned(), "+draft/react=👍"),
        (":ann!", " PRIVMSG #c :1".to_owned(), ""),
        (":ann!", " TAGMSG #c".to_owned(), "+draft/react=a\\:b"),
        (":ann!", " PRIVMSG #c :2".to_owned(), ""),
    ];
    let mut said = (String::new(), String::new());
    let mut lines = lines.into_iter().filter(|line| !line.contains(" MODE "));
    for (by, words, tags) in wanted {
        let line = lines.next().unwrap();
        assert!(line.contains(by) && line.ends_with(&words), "{line}");
        if tags.is_empty() {
            said = (
                tag(&line, "msgid").to_owned(),
                tag(&line, "time").to_owned(),
            );
            continue;
        }
        // Asked for what follows the last line, no message is passed over.
        assert!(line.contains(tags), "{line}");
        assert_eq!(tag(&line, "+draft/reply"), said.0, "{line}");
        assert_eq!((tag(&line, "msgid"), tag(&line, "time")), ("", &*said.1));
    }
    assert_eq!(lines.next(), None);
    // Others are shown what was said.
    assert_eq!(history(&mut ann, "LATEST #c * 3"), ["0", "1", "2"]);
}

#[test]
fn reactions_in_direct_conversations_are_shown_with_them() {
    let server = start();
    let caps = format!("{CAPS} draft/event-playback");
    let (mut ann, mut bob) = (
        enter_account(&server, "ann", &caps),
        enter_account(&server, "bob", &caps),
    );
    let id = tag(&ann.ask("PRIVMSG bob :hi"), "msgid").to_owned();
    bob.expect(" PRIVMSG bob :hi");
    bob.ask(&format!("@+draft/reply={id};+draft/react=👍 TAGMSG ann"));
    ann.ask(&format!("@+draft/reply={id};+draft/react=lol TAGMSG bob"));
    for (client, peer) in [(&mut ann, "bob"), (&mut bob, "ann")] {
        let lines = batch(client, &format!("LATEST {peer} * 5"));
        let ends = [" PRIVMSG bob :hi", " TAGMSG ann", " TAGMSG bob"];
        assert_eq!(lines.len(), ends.len(), "{lines:?}");
        for (line, end) in lines.iter().zip(ends) {
            assert!(line.ends_with(end), "{lines:?}");
        }
        assert!(lines[1].contains("+draft/react=👍") && lines[1].contains(":bob!"));
    }
}
