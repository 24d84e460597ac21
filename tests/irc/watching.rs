//! MONITOR and WHOWAS: who comes, who goes, and who was here.

use crate::support::IrcClient;
use crate::{start, words};

#[test]
fn those_who_are_watched_come_and_go() {
    let server = start();
    let mut ann = IrcClient::enter(&server, "ann");
    let mut bob = IrcClient::enter(&server, "bob");
    ann.send("MONITOR + bob,eve,not*one");
    assert!(words(&ann.next()).starts_with("730 ann :bob!~user@"));
    assert_eq!(words(&ann.next()), "731 ann :eve");
    let mut eve = IrcClient::enter(&server, "eve");
    assert!(words(&ann.next()).starts_with("730 * :eve!~user@"));
    eve.send("NICK mallory");
    assert_eq!(words(&ann.next()), "731 * :eve");
    eve.send("NICK Eve");
    assert!(words(&ann.next()).starts_with("730 * :Eve!~user@"));
    bob.send("QUIT");
    assert_eq!(words(&ann.next()), "731 * :bob");
    ann.send("MONITOR S");
    assert!(words(&ann.next()).starts_with("730 ann :Eve!"));
    assert_eq!(words(&ann.next()), "731 ann :bob");
    ann.send("MONITOR - eve");
    ann.send("MONITOR L");
    assert_eq!(words(&ann.next()), "732 ann :bob");
    assert!(words(&ann.next()).starts_with("733 ann "));
    eve.send("QUIT");
    assert!(ann.settle().is_empty());
    ann.send("MONITOR C");
    assert!(words(&ann.ask("MONITOR L")).starts_with("733 ann "));
}

#[test]
fn only_so_many_are_watched() {
    let server = start();
    let mut ann = IrcClient::enter(&server, "ann");
    for n in 0..10 {
        let names: Vec<String> = (0..10).map(|m| format!("n{n}x{m}")).collect();
        ann.send(&format!("MONITOR + {}", names.join(",")));
    }
    assert!(!ann.settle().iter().any(|line| line.contains(" 734 ")));
    ann.send("MONITOR + n0x0,more");
    assert_eq!(words(&ann.next()), "731 ann :n0x0");
    assert!(words(&ann.next()).starts_with("734 ann 100 more :"));
}

#[test]
fn those_who_are_watched_are_seen_as_in_a_channel() {
    let server = start();
    let caps = "extended-monitor away-notify setname";
    let mut ann = IrcClient::enter_with(&server, "ann", caps);
    let mut eve = IrcClient::enter_with(&server, "eve", "away-notify setname");
    let mut bob = IrcClient::enter_with(&server, "bob", "setname");
    for client in [&mut ann, &mut eve] {
        client.send("MONITOR + bob");
        client.expect(" 730 ");
    }
    bob.send("AWAY :lunch");
    assert!(ann.next().ends_with(" AWAY :lunch"));
    bob.send("SETNAME :Robert");
    assert!(ann.next().ends_with(" SETNAME :Robert"));
    bob.settle();
    assert!(eve.settle().is_empty(), "eve has not asked for it");
    // Someone who is seen in a channel, too, is told once.
    for client in [&mut ann, &mut bob] {
        client.send("JOIN #c");
        client.expect(" 366 ");
    }
    ann.settle();
    bob.send("AWAY");
    assert!(ann.next().ends_with(" AWAY"));
    bob.settle();
    assert!(ann.settle().is_empty());
}

#[test]
fn who_was_here_is_remembered() {
    let server = start();
    let mut ann = IrcClient::enter(&server, "ann");
    for _ in 0..2 {
        let mut bob = IrcClient::enter(&server, "bob");
        bob.send("QUIT");
        assert!(bob.is_closed());
    }
    ann.send("WHOWAS BOB");
    let lines = ann.settle();
    let rows: Vec<&str> = lines.iter().map(|line| words(line)).collect();
    assert_eq!(rows.len(), 5, "{rows:?}");
    assert!(rows[0].starts_with("314 ann bob ~user "), "{rows:?}");
    assert!(rows[0].ends_with(" * :Real Name"), "{rows:?}");
    assert!(
        rows[1].starts_with("312 ann bob irc.example.org :"),
        "{rows:?}"
    );
    assert_eq!(rows[4], "369 ann BOB :End of WHOWAS");
    ann.send("WHOWAS bob 1");
    assert_eq!(ann.settle().len(), 3);
    ann.send("WHOWAS nobody");
    let lines = ann.settle();
    assert!(words(&lines[0]).starts_with("406 ann nobody "), "{lines:?}");
    assert!(words(&lines[1]).starts_with("369 ann nobody "), "{lines:?}");
    // A nickname that someone has given up, too.
    ann.send("NICK anna");
    ann.expect(" NICK ");
    ann.send("WHOWAS ann");
    assert!(words(&ann.next()).starts_with("314 anna ann ~user "));
}
