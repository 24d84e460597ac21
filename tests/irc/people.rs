//! WHO, WHOIS, USERHOST, ISON, AWAY, LUSERS and the like.

use std::time::Instant;

use crate::support::IrcClient;
use crate::{start, two_in, words};

#[test]
fn who_someone_is_can_be_asked() {
    let begun = Instant::now();
    let server = start();
    let (mut ann, mut bob) = two_in(&server, "c");
    bob.send("AWAY :lunch");
    bob.settle();
    ann.send("WHOIS bob");
    let lines = ann.settle();
    let rows: Vec<&str> = lines.iter().map(|line| words(line)).collect();
    assert!(rows[0].starts_with("311 ann bob ~user "), "{rows:?}");
    assert!(rows[0].ends_with(" * :Real Name"), "{rows:?}");
    assert_eq!(rows[1], "319 ann bob :#c");
    assert!(
        rows[2].starts_with("312 ann bob irc.example.org "),
        "{rows:?}"
    );
    assert_eq!(rows[3], "301 ann bob :lunch");
    let idle = rows[4].strip_prefix("317 ann bob ").unwrap();
    let idle: u64 = idle.split(' ').next().unwrap().parse().unwrap();
    assert!(idle <= begun.elapsed().as_secs(), "{rows:?}");
    assert_eq!(rows[5], "318 ann bob :End of /WHOIS list");
    assert!(
        ann.ask("PRIVMSG bob :hungry?")
            .contains(" 301 ann bob :lunch")
    );
    ann.send("WHOIS nobody");
    let lines = ann.settle();
    assert!(words(&lines[0]).starts_with("401 ann nobody "), "{lines:?}");
    assert!(words(&lines[1]).starts_with("318 ann nobody "), "{lines:?}");
}

#[test]
fn who_is_in_a_channel_can_be_asked() {
    let server = start();
    let (mut ann, _bob) = two_in(&server, "c");
    ann.send("WHO #c");
    let lines = ann.settle();
    let rows: Vec<&str> = lines.iter().map(|line| words(line)).collect();
    assert_eq!(rows.len(), 3, "{rows:?}");
    assert!(rows[0].starts_with("352 ann #c ~user "), "{rows:?}");
    assert!(
        rows[0].ends_with(" irc.example.org ann H@ :0 Real Name"),
        "{rows:?}"
    );
    assert!(
        rows[1].ends_with(" irc.example.org bob H :0 Real Name"),
        "{rows:?}"
    );
    assert_eq!(rows[2], "315 ann #c :End of WHO list");
    ann.send("WHO bob %tcnfa,42");
    let lines = ann.settle();
    assert_eq!(words(&lines[0]), "354 ann 42 #c bob H 0");
    ann.send("WHO b*");
    assert_eq!(ann.settle().len(), 2);
}

#[test]
fn outsiders_are_shown_the_members_of_channels_that_are_not_secret() {
    let server = start();
    let (mut ann, _bob) = two_in(&server, "c");
    let mut eve = IrcClient::enter(&server, "eve");
    eve.send("NAMES #c");
    let rows = eve.settle();
    assert_eq!(words(&rows[0]), "353 eve = #c :@ann bob");
    assert_eq!(words(&rows[1]), "366 eve #c :End of /NAMES list");
    eve.send("WHO #c");
    assert_eq!(eve.settle().len(), 3);
    ann.send("MODE #c +s");
    ann.expect(" MODE ");
    // As much as of a channel that is not there.
    for channel in ["#c", "#nowhere"] {
        let end = eve.ask(&format!("NAMES {channel}"));
        let expected = format!("366 eve {channel} :End of /NAMES list");
        assert_eq!(words(&end), expected);
        let end = eve.ask(&format!("WHO {channel}"));
        assert_eq!(words(&end), format!("315 eve {channel} :End of WHO list"));
    }
}

#[test]
fn short_questions_have_short_answers() {
    let server = start();
    let mut ann = IrcClient::enter(&server, "ann");
    let _bob = IrcClient::enter(&server, "bob");
    assert_eq!(words(&ann.ask("ISON bob nobody ANN")), "303 ann :bob ann");
    let line = ann.ask("USERHOST bob");
    assert!(words(&line).starts_with("302 ann :bob=+~user@"), "{line}");
    assert!(ann.ask("VERSION").contains(" 351 ann chat-server-"));
    assert!(ann.ask("TIME").contains(" 391 ann irc.example.org "));
    assert!(ann.ask("MODE ann").contains(" 221 ann "));
    assert!(ann.ask("MODE bob +i").contains(" 502 ann "));
    ann.send("LUSERS");
    let lines = ann.settle();
    assert!(
        lines[0].contains(" 251 ann :There are 2 users "),
        "{lines:?}"
    );
    ann.send("HELP JOIN");
    assert!(ann.next().contains(" 704 ann JOIN :JOIN #channel"));
    ann.expect(" 706 ");
}
