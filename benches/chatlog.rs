//! How fast the chat log is written and searched: a day's entries in a
//! temporary folder, 100 MB of them or as many as `CHAT_BENCH_MB` says.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use chat_server::cancel::Cancel;
use chat_server::chatlog::{ChatLog, ChatLogOptions, Entry, Kind, Query};
use chat_server::config;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use tempfile::TempDir;

const START_MS: u64 = 1_795_248_000_000;
const DAY_MS: u64 = 24 * 3600 * 1000;
const HOUR_MS: u64 = 3600 * 1000;
/// Size of an entry on disk.
const ENTRY_BYTES: u64 = 150;
/// Entries appended at once.
const BATCH: u64 = 256;
const PATIENCE: Duration = Duration::from_secs(60);
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

/// The same conversation in every run.
struct Talk {
    seed: u64,
    nicks: Vec<Arc<str>>,
    channels: Vec<Arc<str>>,
    texts: Vec<Arc<str>>,
}

impl Talk {
    fn new() -> Talk {
        let mut talk = Talk {
            seed: 1,
            nicks: (0..1000).map(|n| format!("nick{n}").into()).collect(),
            channels: (0..50).map(|n| format!("room{n}").into()).collect(),
            texts: Vec::new(),
        };
        for _ in 0..10_000 {
            let words: Vec<&str> = (0..10).map(|_| WORDS[talk.random(WORDS.len())]).collect();
            talk.texts.push(words.join(" ").into());
        }
        talk
    }

    fn random(&mut self, below: usize) -> usize {
        self.seed ^= self.seed << 13;
        self.seed ^= self.seed >> 7;
        self.seed ^= self.seed << 17;
        (self.seed % below as u64) as usize
    }

    fn entry(&mut self, at_ms: u64) -> Entry {
        let (nick, channel) = (self.random(1000), self.random(50));
        let text = self.random(self.texts.len());
        Entry {
            nick: Some(self.nicks[nick].clone()),
            channel: Some(self.channels[channel].clone()),
            text: Some(self.texts[text].clone()),
            ..Entry::new(at_ms, Kind::Message)
        }
    }
}

fn open() -> (TempDir, ChatLog) {
    let folder = tempfile::tempdir().unwrap();
    let settings = config::ChatLog {
        keep_files: 0,
        ..config::ChatLog::default()
    };
    let log = ChatLog::open(ChatLogOptions::new(folder.path(), settings)).unwrap();
    (folder, log)
}

/// Writes a day's entries, with a needle at one third and at two thirds.
fn fill(log: &ChatLog, bytes: u64) {
    let mut talk = Talk::new();
    let batches = (bytes / ENTRY_BYTES / BATCH).max(3);
    for batch in 0..batches {
        let at_ms = START_MS + batch * DAY_MS / batches;
        let mut entries: Vec<Entry> = (0..BATCH).map(|_| talk.entry(at_ms)).collect();
        if batch % (batches / 3) == 1 {
            entries[0].text = Some("the needle-42 in the haystack".into());
        }
        log.record_batch(entries);
        if batch % 256 == 0 {
            log.flush(PATIENCE).unwrap();
        }
    }
    log.flush(PATIENCE).unwrap();
    assert_eq!(log.dropped(), 0);
}

fn append(c: &mut Criterion) {
    let (_folder, log) = open();
    let mut talk = Talk::new();
    let entries: Vec<Entry> = (0..BATCH).map(|_| talk.entry(START_MS)).collect();
    let mut group = c.benchmark_group("chat log");
    group.throughput(Throughput::Elements(BATCH * 16));
    group.bench_function("append", |b| {
        b.iter(|| {
            for _ in 0..16 {
                log.record_batch(entries.clone());
            }
            log.flush(PATIENCE).unwrap();
        });
    });
    assert_eq!(log.dropped(), 0);
    group.finish();
}

fn search(c: &mut Criterion) {
    let megabytes = std::env::var("CHAT_BENCH_MB").ok();
    // Without the flag this is a test run: it only proves that the code works.
    let measuring = std::env::args().any(|argument| argument == "--bench");
    let megabytes = megabytes.and_then(|text| text.parse().ok());
    let megabytes: u64 = megabytes.unwrap_or(if measuring { 100 } else { 1 });
    let (_folder, log) = open();
    fill(&log, megabytes * 1_000_000);
    let mut group = c.benchmark_group("chat log search");
    group.sample_size(10);
    for (name, query) in queries() {
        group.bench_function(name, |b| {
            b.iter(|| log.search(&query, &Cancel::new()).unwrap().lines.len());
        });
    }
    group.finish();
}

fn queries() -> Vec<(&'static str, Query)> {
    let pattern = |pattern: &str| Query {
        pattern: Some(pattern.to_owned()),
        limit: NonZeroUsize::new(100),
        ..Query::default()
    };
    let recent = |query: Query| Query {
        since: Some(START_MS + DAY_MS - HOUR_MS),
        ..query
    };
    let nick = |nick: &str| Query {
        nick: Some(nick.into()),
        ..Query::default()
    };
    vec![
        ("last 100 lines", Query::default()),
        ("last hour, a word", recent(pattern(r"\bfootball\b"))),
        ("last hour, nick", recent(nick("nick7"))),
        ("last hour, rare", recent(pattern("needle-[0-9]+"))),
        (
            "first hour, a word",
            Query {
                until: Some(START_MS + HOUR_MS),
                ..pattern("football")
            },
        ),
        ("all, rare", pattern("needle-42")),
        ("all, rare, any case", pattern("(?i)NEEDLE-42")),
        ("all, none: absent", pattern("absent")),
        ("all, none: foo[0-9]+bar", pattern("foo[0-9]+bar")),
        ("all, none: ^hello world$", pattern("^hello world$")),
        ("all, none: \\w{5} \\w{20}", pattern(r"\w{5} \w{20}")),
        ("all, none: in every line", pattern("message")),
        (
            "all, none: kind",
            Query {
                kind: Some(Kind::Error),
                ..Query::default()
            },
        ),
        ("all, none: nick", nick("nobody")),
    ]
}

criterion_group!(benches, append, search);
criterion_main!(benches);
