//! How fast the chat log is written and searched: 1 GB in a temporary folder.
//!
//! `cargo bench --bench chatlog`; the size in MB can be given as an argument.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::{Duration, Instant};

use chat_server::cancel::Cancel;
use chat_server::chatlog::{ChatLog, ChatLogOptions, Entry, Kind, Query};
use chat_server::config;

const START_MS: u64 = 1_795_248_000_000;
const DAY_MS: u64 = 24 * 3600 * 1000;
const WORDS: [&str; 12] = [
    "hello",
    "has",
    "anyone",
    "seen",
    "the",
    "football",
    "match",
    "I",
    "said",
    "foo42",
    "build",
    "\"quoted\"",
];

fn main() {
    let size = std::env::args().find_map(|arg| arg.parse().ok());
    // Without the flag it is a test run: only prove that it works.
    let measuring = std::env::args().any(|arg| arg == "--bench");
    let megabytes: u64 = size.unwrap_or(if measuring { 1000 } else { 1 });
    let dir = tempfile::tempdir().expect("a temporary folder");
    let settings = config::ChatLog {
        keep_files: 0,
        ..config::ChatLog::default()
    };
    let log = ChatLog::open(ChatLogOptions::new(dir.path(), settings)).expect("a chat log");
    let newest = fill(&log, megabytes * 1_000_000);
    let hour_ago = newest - 3600 * 1000;
    let files = std::fs::read_dir(dir.path()).expect("the folder").flatten();
    let bytes: u64 = files
        .filter_map(|file| Some(file.metadata().ok()?.len()))
        .sum();
    println!("{:45} {:8.0} MB", "size", bytes as f64 / 1e6);

    let query = |pattern: &str| Query {
        pattern: Some(pattern.to_owned()),
        limit: NonZeroUsize::new(100),
        ..Query::default()
    };
    let recent = |query: Query| Query {
        since: Some(hour_ago),
        ..query
    };
    for (what, query) in [
        ("last 100 lines", Query::default()),
        (
            "last 100 of the last hour, \\bfootball\\b",
            recent(query(r"\bfootball\b")),
        ),
        (
            "last 100 of the last hour, nick",
            recent(Query {
                nick: Some("nick7".into()),
                ..Query::default()
            }),
        ),
        (
            "last 100 of the last hour, rare",
            recent(query("needle-[0-9]+")),
        ),
        (
            "first hour",
            Query {
                until: Some(START_MS + 3_600_000),
                ..query("football")
            },
        ),
        ("literal, rare, all", query("needle-42")),
        ("literal, rare, any case, all", query("(?i)NEEDLE-42")),
        ("no match, all: foo[0-9]+bar", query("foo[0-9]+bar")),
        ("no match, all: absent", query("absent")),
        ("no match, all: ^needle$", query("^needle$")),
        ("no match, all: ^hello world$", query("^hello world$")),
        (
            "no match, all: [a-z]+[0-9]+[a-z]+x",
            query("[a-z]+[0-9]+[a-z]+x"),
        ),
        ("no match, all: \\w{5} \\w{20}", query(r"\w{5} \w{20}")),
        ("no match, all: message (in every line)", query("message")),
        (
            "kind error, all",
            Query {
                kind: Some(Kind::Error),
                ..Query::default()
            },
        ),
        (
            "unknown nick, all",
            Query {
                nick: Some("nobody".into()),
                ..Query::default()
            },
        ),
    ] {
        let start = Instant::now();
        let page = log.search(&query, &Cancel::new()).expect("a page");
        let taken = start.elapsed();
        println!(
            "{what:45} {:8.1} ms {:4} lines{}",
            taken.as_secs_f64() * 1000.0,
            page.lines.len(),
            if page.timed_out { ", timed out" } else { "" },
        );
    }
}

/// Writes about `bytes` of a day's talk; returns the time of the last line.
fn fill(log: &ChatLog, bytes: u64) -> u64 {
    let nicks: Vec<Arc<str>> = (0..1000).map(|n| format!("nick{n}").into()).collect();
    let channels: Vec<Arc<str>> = (0..50).map(|n| format!("room{n}").into()).collect();
    let mut seed = 1u64;
    let mut random = move |below: usize| {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        (seed % below as u64) as usize
    };
    let average = 150;
    let count = bytes / average;
    let texts: Vec<Arc<str>> = (0..10_000)
        .map(|_| {
            let words: Vec<&str> = (0..10)
                .map(|_| {
                    WORDS[if random(8) == 0 {
                        random(12)
                    } else {
                        random(11)
                    }]
                })
                .collect();
            words.join(" ").into()
        })
        .collect();
    let start = Instant::now();
    let mut at_ms = START_MS;
    let mut number = 0;
    let mut written = 0;
    while number < count {
        let batch: Vec<Entry> = (0..256)
            .map(|_| {
                number += 1;
                at_ms = START_MS + number * DAY_MS / count;
                let text = match number % (count / 3) {
                    1 => format!("the needle-{} in the haystack", number / (count / 3) + 40).into(),
                    _ => texts[random(texts.len())].clone(),
                };
                Entry {
                    nick: Some(nicks[random(nicks.len())].clone()),
                    channel: Some(channels[random(channels.len())].clone()),
                    text: Some(text),
                    ..Entry::new(at_ms, Kind::Message)
                }
            })
            .collect();
        log.record_batch(batch);
        written += 1;
        if written % 256 == 0 {
            log.flush(Duration::from_secs(60)).expect("a working disk");
        }
    }
    log.flush(Duration::from_secs(60)).expect("a working disk");
    let taken = start.elapsed().as_secs_f64();
    assert_eq!(log.dropped(), 0);
    println!(
        "{:45} {:8.0} entries/s, {number} entries in {taken:.1} s",
        "append",
        number as f64 / taken
    );
    at_ms
}
