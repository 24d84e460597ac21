//! Many people come into a channel at once: not all of them are told by name.

use std::collections::BTreeSet;

use crate::start;
use crate::support::{IrcClient, LineClient, Server, User};

const CROWD: usize = 60;

/// Fills a channel with people on telnet, and returns them by nickname.
fn crowd(server: &Server, names: &str) -> Vec<(String, LineClient)> {
    let name = |number| format!("{names}{number}");
    (0..CROWD)
        .map(|number| {
            (
                name(number),
                LineClient::enter_channel(server, &name(number), "c"),
            )
        })
        .collect()
}

/// The nicknames in a kind of lines.
fn named(lines: &[String], command: &str) -> Vec<String> {
    let is = |line: &&String| line.split(' ').nth(1) == Some(command);
    let who = |line: &String| {
        line.trim_start_matches(':')
            .split('!')
            .next()
            .unwrap_or_default()
            .to_owned()
    };
    lines.iter().filter(is).map(who).collect()
}

/// Somebody of the crowd whom a client has not been told of.
fn unseen(crowd: &mut Vec<(String, LineClient)>, seen: &[String]) -> (String, LineClient) {
    let place = crowd.iter().position(|(name, _)| !seen.contains(name));
    crowd.swap_remove(place.expect("everybody was told by name"))
}

#[test]
fn who_was_not_told_by_name_is_as_soon_as_they_do_something() {
    let server = start();
    let mut ann = IrcClient::enter_channel(&server, "ann", "c");
    let mut people = crowd(&server, "p");
    let seen = named(&ann.settle(), "JOIN");
    assert!(seen.len() >= 19, "{seen:?}");

    // Who speaks.
    let (name, mut client) = unseen(&mut people, &seen);
    client.send("here I am");
    let said = format!(":{name}!~u@");
    let lines = [ann.expect(&said), ann.expect(&said)];
    assert!(lines[0].contains(" JOIN "), "{lines:?}");
    assert!(lines[1].contains(" PRIVMSG #c :here I am"), "{lines:?}");
    client.send("and again");
    assert!(ann.expect(&said).contains(" PRIVMSG #c :and again"));
    client.send("/quit");
    assert!(ann.expect(&said).contains(" QUIT "));

    // Who gets a role.
    let (name, _client) = unseen(&mut people, &seen);
    ann.send(&format!("MODE #c +v {name}"));
    let lines = [ann.expect(&name), ann.expect(&name)];
    assert!(lines[0].contains(" JOIN "), "{lines:?}");
    assert!(lines[1].contains(" MODE #c +v "), "{lines:?}");

    // Who is removed.
    let seen = [seen, vec![name]].concat();
    let (name, _client) = unseen(&mut people, &seen);
    ann.send(&format!("KICK #c {name} :out"));
    let lines = [ann.expect(&name), ann.expect(&name)];
    assert!(lines[0].contains(" JOIN "), "{lines:?}");
    assert!(lines[1].contains(" KICK #c "), "{lines:?}");
}

#[test]
fn who_was_not_told_of_goes_silently_but_not_from_lists() {
    let server = start();
    let mut ann = IrcClient::enter_channel(&server, "ann", "c");
    let mut people = crowd(&server, "p");
    let seen = named(&ann.settle(), "JOIN");
    let (gone, mut client) = unseen(&mut people, &seen);
    client.send("/quit");
    client.expect_close();
    let (listed, mut client) = unseen(&mut people, &seen);
    ann.send("NAMES #c");
    let mut names = BTreeSet::new();
    loop {
        let line = ann.next();
        assert!(!line.contains(&format!(":{gone}!")), "{line}");
        if line.contains(" 366 ") {
            break;
        }
        let list = line.split(" :").nth(1).unwrap_or_default();
        names.extend(list.split(' ').map(str::to_owned));
    }
    assert!(names.contains(&listed), "{names:?}");
    assert!(!names.contains(&gone), "{names:?}");
    client.send("/quit");
    ann.expect(&format!(":{listed}!~u@"));
}

#[test]
fn who_writes_to_operators_alone_is_shown_before() {
    let server = start();
    let mut ann = IrcClient::enter_channel(&server, "ann", "c");
    let _people = crowd(&server, "p");
    let name = |n: usize| format!("irc{n}");
    let mut late: Vec<IrcClient> = (0..20)
        .map(|n| IrcClient::enter(&server, &name(n)))
        .collect();
    for client in &mut late {
        client.send("JOIN #c");
    }
    for client in &mut late {
        client.expect(" 366 ");
    }
    let seen = named(&ann.settle(), "JOIN");
    let place = (0..late.len()).find(|&n| !seen.contains(&name(n)));
    let place = place.expect("everybody was told by name");
    late[place].send("PRIVMSG @#c :psst");
    let said = format!(":irc{place}!~user@");
    let lines = [ann.expect(&said), ann.expect(&said)];
    assert!(lines[0].contains(" JOIN "), "{lines:?}");
    assert!(lines[1].contains(" PRIVMSG @#c :psst"), "{lines:?}");
}
