//! METADATA: what users and channels say of themselves.

use crate::support::IrcClient;
use crate::{start, words};

const CAPS: &str = "draft/metadata-3 batch";

/// The lines of a client's answer, without those around them.
fn answer(client: &mut IrcClient, line: &str) -> Vec<String> {
    client.send(line);
    let lines = client.settle();
    assert!(lines[0].contains(" BATCH +"), "{lines:?}");
    assert!(lines[0].contains(" metadata "), "{lines:?}");
    assert!(lines.last().unwrap().contains(" BATCH -"), "{lines:?}");
    let inner = &lines[1..lines.len() - 1];
    let inner = inner.iter().map(|line| {
        let (tags, line) = line.split_once(' ').unwrap();
        assert!(tags.starts_with("@batch="), "{tags}");
        words(line).to_owned()
    });
    inner.collect()
}

#[test]
fn users_say_something_of_themselves() {
    let server = start();
    let mut ann = IrcClient::enter_with(&server, "ann", CAPS);
    let mut bob = IrcClient::enter_with(&server, "bob", CAPS);
    assert_eq!(
        answer(&mut ann, "METADATA * GET display-name Bad"),
        [
            "766 ann ann display-name :is not set",
            "FAIL METADATA KEY_INVALID Bad :Keys are made of a-z, 0-9, _, -, . and /",
        ]
    );
    let set = ann.ask("METADATA * SET display-name :Ann \u{1f49c}");
    assert_eq!(words(&set), "761 ann ann display-name * :Ann \u{1f49c}");
    // Nobody is told who has not asked for it.
    assert_eq!(bob.settle(), Vec::<String>::new());
    let shown = ["761 bob ann display-name * :Ann \u{1f49c}"];
    assert_eq!(answer(&mut bob, "METADATA ann GET display-name"), shown);
    assert_eq!(answer(&mut bob, "METADATA ann LIST"), shown);
    bob.send("WHOIS ann");
    let row = bob.expect(" 760 ");
    assert_eq!(words(&row), "760 bob ann display-name * :Ann \u{1f49c}");
    bob.settle();
    for (line, answer) in [
        (
            "METADATA ann SET display-name :Eve",
            "FAIL METADATA KEY_NO_PERMISSION ann display-name ",
        ),
        (
            "METADATA ann CLEAR",
            "FAIL METADATA KEY_NO_PERMISSION ann * ",
        ),
        (
            "METADATA nobody LIST",
            "FAIL METADATA INVALID_TARGET nobody ",
        ),
        ("METADATA * NONSENSE", "FAIL METADATA SUBCOMMAND_INVALID "),
        ("METADATA * GET", "461 bob METADATA "),
    ] {
        let told = bob.ask(line);
        assert!(words(&told).starts_with(answer), "{line}: {told}");
    }
    assert_eq!(
        answer(&mut ann, "METADATA * CLEAR"),
        ["766 ann ann display-name :is not set"]
    );
    assert!(answer(&mut ann, "METADATA * LIST").is_empty());
}

#[test]
fn properties_and_subscriptions_are_limited() {
    let server = start();
    let mut ann = IrcClient::enter_with(&server, "ann", CAPS);
    let long = "v".repeat(301);
    let told = ann.ask(&format!("METADATA * SET display-name :{long}"));
    assert!(words(&told).starts_with("FAIL METADATA INVALID_VALUE display-name "));
    for number in 0..20 {
        let told = ann.ask(&format!("METADATA * SET k{number} :v"));
        assert!(told.contains(" 761 ann ann "), "{told}");
    }
    let told = ann.ask("METADATA * SET k20 :v");
    assert!(words(&told).starts_with("FAIL METADATA LIMIT_REACHED * "));
    assert!(ann.ask("METADATA * SET k3 :w").contains(" 761 ann ann k3 "));
    for number in 0..50 {
        let told = ann.ask(&format!("METADATA * SUB k{number}"));
        assert_eq!(words(&told), format!("770 ann k{number}"));
    }
    let told = ann.ask("METADATA * SUB k50");
    assert!(words(&told).starts_with("FAIL METADATA TOO_MANY_SUBS k50 "));
    assert_eq!(words(&ann.ask("METADATA * UNSUB k0")), "771 ann k0");
    assert_eq!(words(&ann.ask("METADATA * SUB k50")), "770 ann k50");
    let listed = answer(&mut ann, "METADATA * SUBS");
    assert!(listed.iter().all(|line| line.starts_with("772 ann k")));
    let keys = listed.iter().map(|line| line.split(' ').count() - 2);
    assert_eq!(keys.sum::<usize>(), 50);
}

#[test]
fn those_who_ask_for_a_key_are_told_what_becomes_of_it() {
    let server = start();
    let mut ann = IrcClient::enter_with(&server, "ann", CAPS);
    let mut bob = IrcClient::enter_with(&server, "bob", CAPS);
    assert_eq!(
        words(&bob.ask("METADATA * SUB display-name")),
        "770 bob display-name"
    );
    ann.ask("METADATA * SET display-name :Ann");
    ann.ask("METADATA * SET avatar :https://x.test/a.png");
    // They share no channel yet.
    assert_eq!(bob.settle(), Vec::<String>::new());
    ann.send("JOIN #c");
    ann.expect(" 366 ");
    ann.ask("METADATA #c SET display-name :Sea");
    bob.send("JOIN #c");
    let told = bob.settle();
    let told = told.iter().filter(|line| line.contains(" 761 "));
    let told: Vec<&str> = told.map(|line| words(line)).collect();
    assert_eq!(
        told,
        [
            "761 * #c display-name * :Sea",
            "761 * ann display-name * :Ann"
        ]
    );
    for (line, told) in [
        (
            "METADATA * SET display-name :Anna",
            "761 * ann display-name * :Anna",
        ),
        (
            "METADATA * SET display-name",
            "766 * ann display-name :is not set",
        ),
        (
            "METADATA #c SET display-name :See",
            "761 * #c display-name * :See",
        ),
    ] {
        ann.ask(line);
        assert_eq!(words(&bob.next()), told);
    }
    // One who comes is made known, too.
    let mut eve = IrcClient::enter_with(&server, "eve", CAPS);
    eve.ask("METADATA * SET display-name :Eve");
    eve.send("JOIN #c");
    assert!(bob.next().contains(" JOIN :#c"));
    assert_eq!(words(&bob.next()), "761 * eve display-name * :Eve");
    assert_eq!(
        answer(&mut bob, "METADATA #c SYNC"),
        [
            "761 bob #c display-name * :See",
            "761 bob eve display-name * :Eve",
        ]
    );
}

#[test]
fn a_channel_speaks_to_its_members_through_its_operators() {
    let server = start();
    let mut ann = IrcClient::enter_with(&server, "ann", CAPS);
    let mut bob = IrcClient::enter_with(&server, "bob", CAPS);
    ann.send("JOIN #c");
    ann.expect(" 366 ");
    ann.ask("METADATA #c SET display-name :Sea");
    for line in ["GET display-name", "LIST", "SYNC", "SET display-name :x"] {
        let told = bob.ask(&format!("METADATA #c {line}"));
        assert!(words(&told).starts_with("FAIL METADATA INVALID_TARGET #c "));
    }
    bob.send("JOIN #c");
    bob.settle();
    let shown = ["761 bob #c display-name * :Sea"];
    assert_eq!(answer(&mut bob, "METADATA #c LIST"), shown);
    let told = bob.ask("METADATA #c SET display-name :x");
    assert!(words(&told).starts_with("FAIL METADATA KEY_NO_PERMISSION #c display-name "));
    // What the channel was goes with the last of its people.
    for client in [&mut ann, &mut bob] {
        client.send("PART #c");
        client.settle();
    }
    bob.send("JOIN #c");
    bob.settle();
    assert!(answer(&mut bob, "METADATA #c LIST").is_empty());
}
