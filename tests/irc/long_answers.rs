//! NAMES, WHO and LIST of much: a page at a time, and nothing is left out.

use crate::support::IrcClient;
use crate::{start, start_with, two_in, words};

/// More than one page of people.
const CROWD: usize = 520;

fn rows(lines: &[String], numeric: &str) -> usize {
    let numeric = format!(" {numeric} ");
    lines.iter().filter(|line| line.contains(&numeric)).count()
}

#[test]
fn everyone_in_a_large_channel_is_shown() {
    let server = start_with(|config| {
        config["limits"]["connections_per_address"] = 0.into();
    });
    let mut ann = IrcClient::enter_channel(&server, "ann", "crowd");
    let crowd: Vec<IrcClient> = (1..CROWD)
        .map(|n| IrcClient::enter_channel(&server, &format!("m{n:04}"), "crowd"))
        .collect();
    ann.settle();
    ann.send("WHO #crowd");
    let lines = ann.settle();
    assert_eq!(rows(&lines, "352"), CROWD);
    assert!(lines.last().unwrap().contains(" 315 ann #crowd "));
    ann.send("NAMES #crowd");
    let lines = ann.settle();
    let names = lines.iter().filter(|line| line.contains(" 353 "));
    let names = names.map(|line| line.rsplit(':').next().unwrap().split(' ').count());
    assert_eq!(names.sum::<usize>(), CROWD);
    assert_eq!(
        words(lines.last().unwrap()),
        "366 ann #crowd :End of /NAMES list"
    );
    // Someone who is in two of one's channels is shown once.
    ann.send("JOIN #two");
    ann.expect(" 366 ");
    let mut last = IrcClient::enter_channel(&server, "m9999", "crowd");
    last.send("JOIN #two");
    last.expect(" 366 m9999 #two ");
    ann.settle();
    ann.send("WHO m*");
    assert_eq!(rows(&ann.settle(), "352"), CROWD);
    ann.send("WHO *9999");
    assert_eq!(rows(&ann.settle(), "352"), 1);
    drop(crowd);
}

#[test]
fn a_list_shows_what_one_asks_for() {
    let server = start();
    let (mut ann, mut bob) = two_in(&server, "dev1");
    ann.send("JOIN #dev2,#secret");
    ann.send("MODE #secret +s");
    ann.settle();
    let mut shown = |filter: &str| {
        bob.send(&format!("LIST {filter}"));
        let lines = bob.settle();
        let rows = lines.iter().filter(|line| line.contains(" 322 "));
        let names = rows.filter_map(|line| line.split(' ').nth(3).map(str::to_owned));
        names.collect::<Vec<_>>().join(" ")
    };
    for (filter, expected) in [
        ("", "#dev1 #dev2"),
        ("#DEV2", "#dev2"),
        ("#dev1,#nowhere", "#dev1"),
        ("#secret", ""),
        ("*v2", "#dev2"),
        ("!*v2", "#dev1"),
        (">1", "#dev1"),
        ("<2", "#dev2"),
        ("C<10", "#dev1 #dev2"),
        ("C>10", ""),
        ("T<10", ""),
        ("*e*,>1", "#dev1"),
    ] {
        assert_eq!(shown(filter), expected, "{filter}");
    }
}
