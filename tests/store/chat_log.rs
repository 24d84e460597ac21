//! The chat log from outside: real files, written, rotated, damaged, searched.

use std::fs;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Barrier};
use std::thread;
use std::time::{Duration, Instant};

use chat_server::cancel::Cancel;
use chat_server::chatlog::{
    BadPattern, ChatLog, ChatLogError, ChatLogOptions, Cursor, Entry, Kind, Page, Query,
    SearchError,
};
use chat_server::config;
use chat_server::name::Name;
use proptest::prelude::*;
use regex::bytes::Regex;
use tempfile::TempDir;

const START_MS: u64 = 1_795_248_000_000;
const PATIENCE: Duration = Duration::from_secs(20);

fn options(folder: &Path) -> ChatLogOptions {
    ChatLogOptions::new(folder, config::ChatLog::default())
}

fn open(options: ChatLogOptions) -> ChatLog {
    ChatLog::open(options).expect("the chat log opens")
}

/// A log that rotates its files at `rotate_bytes`.
fn rotating(folder: &Path, rotate_bytes: u64, keep_files: usize) -> ChatLog {
    let mut options = options(folder);
    let settings = &mut options.settings;
    settings.rotate_bytes = rotate_bytes;
    settings.audit_rotate_bytes = rotate_bytes;
    settings.error_rotate_bytes = rotate_bytes;
    settings.keep_files = keep_files;
    settings.audit_keep_files = keep_files;
    settings.error_keep_files = keep_files;
    open(options)
}

fn said(number: u64) -> Entry {
    Entry {
        nick: Some("alice".into()),
        channel: Some("lobby".into()),
        text: Some(format!("number {number}").into()),
        ..Entry::new(START_MS + number, Kind::Message)
    }
}

fn flush(log: &ChatLog) {
    log.flush(PATIENCE).expect("everything is written");
}

fn record_all(log: &ChatLog, numbers: impl IntoIterator<Item = u64>) {
    for number in numbers {
        log.record(said(number));
    }
    flush(log);
}

fn limit(limit: usize) -> Option<NonZeroUsize> {
    NonZeroUsize::new(limit)
}

/// A query for as many lines as a page can have.
fn most() -> Query {
    Query {
        limit: limit(1000),
        ..Query::default()
    }
}

fn matching(pattern: &str) -> Query {
    Query {
        pattern: Some(pattern.to_owned()),
        ..Query::default()
    }
}

fn search(log: &ChatLog, query: &Query) -> Page {
    log.search(query, &Cancel::new()).expect("a page")
}

fn texts(page: &Page) -> Vec<String> {
    page.lines
        .iter()
        .map(|line| {
            let line: serde_json::Value = serde_json::from_str(line.get()).unwrap();
            line["text"].as_str().unwrap_or_default().to_owned()
        })
        .collect()
}

fn numbers(numbers: impl IntoIterator<Item = u64>) -> Vec<String> {
    numbers.into_iter().map(|n| format!("number {n}")).collect()
}

fn number(text: &str) -> u64 {
    text.strip_prefix("number ").unwrap().parse().unwrap()
}

fn found(log: &ChatLog, query: Query) -> Vec<String> {
    texts(&search(log, &query))
}

fn wait_until(what: &str, mut condition: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !condition() {
        assert!(Instant::now() < deadline, "waited in vain until {what}");
        thread::sleep(Duration::from_millis(5));
    }
}

fn rotated(folder: &Path) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| {
            let name = path.file_name().unwrap().to_str().unwrap();
            name.starts_with("chat-")
        })
        .collect();
    files.sort();
    files
}

#[test]
fn the_newest_entries_come_first() {
    let dir = TempDir::new().unwrap();
    let log = open(options(dir.path()));
    assert!(search(&log, &Query::default()).lines.is_empty());
    record_all(&log, 0..250);
    let page = search(&log, &Query::default());
    assert_eq!(texts(&page), numbers((150..250).rev()));
    assert_eq!(
        page.lines[0].get(),
        r#"{"at":"2026-11-21T08:00:00.249Z","kind":"message","nick":"alice","channel":"lobby","text":"number 249"}"#
    );
    let all = Query {
        limit: limit(100_000),
        ..Query::default()
    };
    let page = search(&log, &all);
    assert_eq!(texts(&page), numbers((0..250).rev()));
    assert_eq!(page.next, None);
    record_all(&log, 250..1100);
    assert_eq!(search(&log, &all).lines.len(), 1000);
}

#[test]
fn times_include_both_ends() {
    let dir = TempDir::new().unwrap();
    // Several files, so that the search can skip whole files.
    let log = rotating(dir.path(), 1000, 0);
    for n in 0..100 {
        record_all(&log, [n]);
    }
    assert!(rotated(dir.path()).len() > 5);
    for (since, until) in [(0, 99), (10, 20), (55, 55), (90, 200), (56, 55)] {
        let query = Query {
            since: Some(START_MS + since),
            until: Some(START_MS + until),
            ..most()
        };
        assert_eq!(
            found(&log, query),
            numbers((since..=until.min(99)).rev()),
            "{since} to {until}"
        );
    }
    let before = Query {
        until: Some(START_MS - 1),
        ..Query::default()
    };
    assert!(found(&log, before).is_empty());
    let after = Query {
        since: Some(START_MS + 100),
        ..Query::default()
    };
    assert!(found(&log, after).is_empty());
}

#[test]
fn text_is_searched_as_it_was_said() {
    let dir = TempDir::new().unwrap();
    let log = open(options(dir.path()));
    let sayings = [
        "plain",
        "with \"quotes\"",
        r"C:\new\table",
        "two\nlines",
        "tab\there",
        "nul \u{0} and escape \u{1b}[31m",
        "caf\u{e9} \u{1f600}",
        "line separator \u{2028} here",
        "slash / here",
        "",
    ];
    for text in sayings {
        log.record(Entry {
            text: Some(text.into()),
            ..said(0)
        });
    }
    flush(&log);
    for (pattern, wanted) in [
        ("^plain$", vec!["plain"]),
        ("\"quotes\"$", vec!["with \"quotes\""]),
        (r"\\new\\", vec![r"C:\new\table"]),
        ("\n", vec!["two\nlines"]),
        (r"(?m)^lines$", vec!["two\nlines"]),
        (r"^lines$", vec![]),
        (r"two\slines", vec!["two\nlines"]),
        (r"\t", vec!["tab\there"]),
        (r"\x00.*\x1b\[31m$", vec!["nul \u{0} and escape \u{1b}[31m"]),
        (r"(?i)CAF\x{c9} .$", vec!["caf\u{e9} \u{1f600}"]),
        ("\u{2028}", vec!["line separator \u{2028} here"]),
        (
            r"\bhere\b",
            vec!["slash / here", "line separator \u{2028} here", "tab\there"],
        ),
        ("^$", vec![""]),
        // These are in the line, but not in the text.
        (r"u001b|u0000|lobby|message|\\n", vec![r"C:\new\table"]),
    ] {
        assert_eq!(found(&log, matching(pattern)), wanted, "{pattern}");
    }
    let lines = fs::read_to_string(dir.path().join("chat.log")).unwrap();
    assert_eq!(lines.lines().count(), sayings.len());
}

#[test]
fn bad_queries_say_what_is_wrong() {
    let dir = TempDir::new().unwrap();
    let log = open(options(dir.path()));
    let error = |query: Query| log.search(&query, &Cancel::new()).unwrap_err();
    assert_eq!(
        error(matching("a(b")).to_string(),
        "the pattern is wrong at character 2: unclosed group"
    );
    for hostile in ["(a{1000}){1000}", r"((\w{100}){100}){100}", r"[^a]{100000}"] {
        assert!(
            matches!(
                error(matching(hostile)),
                SearchError::Pattern(BadPattern::TooLarge)
            ),
            "{hostile}"
        );
    }
    let nick = Query {
        nick: Some("a b".to_owned()),
        ..Query::default()
    };
    assert_eq!(
        error(nick).to_string(),
        "nick is not a nickname: a name is made of letters, digits, _ and -, without spaces"
    );
}

#[test]
fn paging_gives_every_line_once_while_the_log_grows_and_rotates() {
    let dir = TempDir::new().unwrap();
    let log = rotating(dir.path(), 4000, 0);
    for n in 0..300 {
        record_all(&log, [n]);
    }
    for size in [1, 7, 100] {
        let newest = number(&found(&log, Query::default())[0]);
        let mut seen = Vec::new();
        let mut cursor: Option<Cursor> = None;
        let mut added = newest;
        let files = rotated(dir.path()).len();
        loop {
            let page = search(
                &log,
                &Query {
                    limit: limit(size),
                    cursor,
                    ..Query::default()
                },
            );
            assert!(page.lines.len() <= size);
            seen.extend(texts(&page));
            let Some(next) = page.next else { break };
            // To the outside a cursor is an opaque word.
            cursor = Some(next.to_string().parse().unwrap());
            if added < newest + 60 {
                added += 20;
                record_all(&log, added - 19..=added);
            }
        }
        assert!(
            rotated(dir.path()).len() > files,
            "something was to be rotated"
        );
        assert_eq!(seen, numbers((0..=newest).rev()), "pages of {size}");
    }
}

#[test]
fn a_cursor_into_a_removed_file_goes_on_with_what_is_older() {
    let dir = TempDir::new().unwrap();
    let log = rotating(dir.path(), 1000, 0);
    for n in 0..50 {
        record_all(&log, [n]);
    }
    let newest = search(
        &log,
        &Query {
            limit: limit(20),
            ..Query::default()
        },
    );
    let all_older = Query {
        cursor: newest.next,
        ..most()
    };
    assert_eq!(found(&log, all_older.clone()), numbers((0..30).rev()));
    // Only the entries of the removed file are missing.
    let file = rotated(dir.path())
        .into_iter()
        .find(|path| fs::read_to_string(path).unwrap().contains("\"number 30\""))
        .unwrap();
    let held = fs::read_to_string(&file).unwrap();
    fs::remove_file(&file).unwrap();
    let left: Vec<u64> = (0..30)
        .filter(|n| !held.contains(&format!("\"number {n}\"")))
        .collect();
    assert!(!left.is_empty());
    assert_eq!(found(&log, all_older), numbers(left.into_iter().rev()));
}

fn of_kind(kind: Kind, number: u64) -> Entry {
    Entry {
        kind,
        ..said(number)
    }
}

#[test]
fn chatter_and_refusals_do_not_push_out_what_administrators_did() {
    let dir = TempDir::new().unwrap();
    let log = rotating(dir.path(), 2000, 2);
    for n in 0..5 {
        log.record(of_kind(Kind::Admin, n));
    }
    for n in 5..10 {
        log.record(of_kind(Kind::Error, n));
    }
    for n in 10..1000 {
        log.record(said(n));
    }
    flush(&log);
    let kind = |kind| Query {
        kind: Some(kind),
        ..most()
    };
    assert_eq!(found(&log, kind(Kind::Admin)), numbers((0..5).rev()));
    assert_eq!(found(&log, kind(Kind::Error)), numbers((5..10).rev()));
    let messages = found(&log, kind(Kind::Message)).len() as u64;
    assert!(messages < 100, "{messages}");
    // Nor do refusals, such as those of wrong tokens.
    for n in 1000..2000 {
        log.record(Entry {
            is_refusal: n % 2 == 0,
            ..of_kind(if n % 2 == 0 { Kind::Admin } else { Kind::Error }, n)
        });
    }
    flush(&log);
    let admin = found(&log, kind(Kind::Admin));
    assert_eq!(admin[admin.len() - 5..], numbers((0..5).rev()));
    assert!(admin.len() < 60, "{}", admin.len());
    // All entries together are in the order in which they happened.
    let all = found(&log, most());
    let kept: Vec<u64> = all.iter().map(|text| number(text)).collect();
    assert!(kept.is_sorted_by(|a, b| a > b), "{kept:?}");
    assert_eq!(
        kept.len() as u64,
        messages
            + admin.len() as u64
            + kept.iter().filter(|n| **n > 1000 && *n % 2 == 1).count() as u64
    );
    assert_eq!(kept[0], 1999);
}

#[test]
fn what_administrators_did_has_room_in_a_queue_that_others_have_filled() {
    let dir = TempDir::new().unwrap();
    let folder = dir.path().join("chatlog");
    let mut options = options(&folder);
    options.queue_bytes = 20_000;
    options.settings.rotate_bytes = 2000;
    options.settings.keep_files = 0;
    let log = open(options);
    break_disk(&folder);
    let mut recorded = 0;
    while log.dropped() < 50 {
        recorded += 1;
        assert!(recorded < 10_000, "the queue has no limit");
        log.record(said(recorded));
    }
    let dropped = log.dropped();
    for n in 0..20 {
        log.record(of_kind(Kind::Admin, n));
    }
    assert_eq!(log.dropped(), dropped);
    fs::remove_file(&folder).unwrap();
    wait_until("the disk is tried again", || {
        log.flush(Duration::from_millis(100)).is_ok()
    });
    let admin = Query {
        kind: Some(Kind::Admin),
        ..most()
    };
    assert_eq!(found(&log, admin), numbers((0..20).rev()));
}

#[test]
fn times_are_the_clocks_and_order_is_that_of_writing() {
    let dir = TempDir::new().unwrap();
    let day = 24 * 3600 * 1000;
    // Right, a year ahead, two days behind, right again; and once more after a
    // restart.
    let offsets = [0, 365 * day, -2 * day, 5000];
    let mut log = rotating(dir.path(), 3000, 0);
    let mut said_at = Vec::new();
    for round in 0..2 {
        for offset in offsets {
            for n in 0..30 {
                let number = said_at.len() as u64;
                let at_ms = START_MS.saturating_add_signed(offset) + round * 60_000 + n;
                said_at.push(at_ms);
                let kind = [Kind::Message, Kind::Admin, Kind::Error][n as usize % 3];
                log.record(Entry {
                    kind,
                    text: Some(format!("number {number}").into()),
                    ..Entry::new(at_ms, kind)
                });
            }
            flush(&log);
        }
        log.shutdown(PATIENCE).unwrap();
        log = rotating(dir.path(), 3000, 0);
    }
    let total = said_at.len() as u64;
    assert_eq!(found(&log, most()), numbers((0..total).rev()));
    let page = search(&log, &most());
    for (line, at_ms) in page.lines.iter().zip(said_at.iter().rev()) {
        let at = jiff::Timestamp::from_millisecond(*at_ms as i64).unwrap();
        assert!(line.get().contains(&format!("{at:.3}")), "{line} {at}");
    }
    // A query for a time span finds all of it, and nothing else.
    for (since, until) in [
        (-3 * day, 3 * day),
        (0, 20),
        (5010, 65_010),
        (365 * day + 10, 365 * day + 20),
        (-2 * day, -2 * day + 60_005),
        (300 * day, 400 * day),
    ] {
        let [since, until] = [since, until].map(|ms| START_MS.saturating_add_signed(ms));
        let wanted = (0..total).filter(|n| (since..=until).contains(&said_at[*n as usize]));
        let wanted = numbers(wanted.rev());
        assert!(!wanted.is_empty());
        for size in [1000, 7] {
            let mut query = Query {
                since: Some(since),
                until: Some(until),
                limit: limit(size),
                ..Query::default()
            };
            let mut seen = Vec::new();
            loop {
                let page = search(&log, &query);
                seen.extend(texts(&page));
                query.cursor = page.next;
                if query.cursor.is_none() {
                    break;
                }
            }
            assert_eq!(seen, wanted, "{since} to {until} by {size}");
        }
    }
}

#[test]
fn a_log_of_an_earlier_version_is_gone_on_with() {
    let dir = TempDir::new().unwrap();
    let line = |number: u64, kind: Kind| {
        let entry = of_kind(kind, number);
        serde_json::to_string(&entry).unwrap() + "\n"
    };
    let kinds = [Kind::Message, Kind::Admin, Kind::Error];
    let lines = |range: std::ops::Range<u64>| -> String {
        range.map(|n| line(n, kinds[n as usize % 3])).collect()
    };
    fs::write(
        dir.path().join("chat-20261121T080000.019Z.log"),
        lines(0..20),
    )
    .unwrap();
    fs::write(
        dir.path().join("chat-20261121T080000.039Z.log"),
        lines(20..40),
    )
    .unwrap();
    fs::write(dir.path().join("chat.log"), lines(40..50)).unwrap();
    let log = rotating(dir.path(), 3000, 0);
    for n in 50..120 {
        log.record(of_kind(kinds[n as usize % 3], n));
        flush(&log);
    }
    assert!(rotated(dir.path()).len() > 2);
    for size in [1000, 50, 3, 1] {
        for kind in [
            None,
            Some(Kind::Message),
            Some(Kind::Admin),
            Some(Kind::Error),
        ] {
            let mut query = Query {
                kind,
                limit: limit(size),
                ..Query::default()
            };
            let mut seen = Vec::new();
            loop {
                let page = search(&log, &query);
                seen.extend(texts(&page));
                query.cursor = page.next;
                if query.cursor.is_none() {
                    break;
                }
            }
            let of_kind = |n: &u64| kind.is_none_or(|kind| kinds[*n as usize % 3] == kind);
            let wanted = numbers((0..120).filter(of_kind).rev());
            assert_eq!(seen, wanted, "{kind:?} by {size}");
        }
    }
    let middle = Query {
        since: Some(START_MS + 15),
        until: Some(START_MS + 75),
        ..most()
    };
    assert_eq!(found(&log, middle), numbers((15..=75).rev()));
}

#[test]
fn files_are_rotated_and_the_oldest_removed() {
    let dir = TempDir::new().unwrap();
    let log = rotating(dir.path(), 2000, 3);
    for n in 0..500 {
        log.record(said(n));
    }
    flush(&log);
    let files = rotated(dir.path());
    assert_eq!(files.len(), 3);
    for file in &files {
        assert!(fs::metadata(file).unwrap().len() < 2300);
    }
    // The newest entries are left, without a gap.
    let left = found(&log, most());
    assert!(left.len() < 100);
    assert_eq!(left, numbers((500 - left.len() as u64..500).rev()));
}

#[test]
fn a_restart_goes_on_where_the_log_was() {
    let dir = TempDir::new().unwrap();
    let log = open(options(dir.path()));
    for n in 0..1000 {
        log.record(said(n));
    }
    log.shutdown(PATIENCE).unwrap();
    log.record(said(5000));
    assert_eq!(log.dropped(), 1);
    let torn = r#"{"at":"2026-11-21T08:00:01.000Z","kind":"message","text":"to"#;
    let path = dir.path().join("chat.log");
    let whole = fs::read_to_string(&path).unwrap();
    assert_eq!(whole.lines().count(), 1000);
    fs::write(&path, whole + torn).unwrap();

    // A torn line is not an entry, neither while it is the last line nor later.
    assert_eq!(found(&log, Query::default()), numbers((900..1000).rev()));
    let log = open(options(dir.path()));
    // The clock was set back: the entry is the newest, with the clock's time.
    log.record(said(3));
    flush(&log);
    let page = search(&log, &Query::default());
    assert_eq!(texts(&page)[..2], ["number 3", "number 999"]);
    assert!(page.lines[0].get().contains("2026-11-21T08:00:00.003Z"));
}

#[test]
fn a_file_that_was_moved_away_is_left_alone() {
    let dir = TempDir::new().unwrap();
    let log = open(options(dir.path()));
    record_all(&log, [1]);
    let moved = dir.path().join("moved.log");
    fs::rename(dir.path().join("chat.log"), &moved).unwrap();
    log.reopen();
    record_all(&log, [2]);
    assert_eq!(found(&log, Query::default()), numbers([2]));
    assert_eq!(fs::read_to_string(&moved).unwrap().lines().count(), 1);
}

#[test]
fn a_folder_that_vanished_is_made_again() {
    let dir = TempDir::new().unwrap();
    let folder = dir.path().join("data/chatlog");
    let log = open(options(&folder));
    record_all(&log, [1]);
    fs::remove_dir_all(dir.path().join("data")).unwrap();
    assert!(search(&log, &Query::default()).lines.is_empty());
    record_all(&log, [2]);
    assert_eq!(found(&log, Query::default()), numbers([2]));
    assert_eq!(log.dropped(), 0);
}

/// Puts a file in the folder's place, so that writing fails.
fn break_disk(folder: &Path) {
    fs::remove_dir_all(folder).unwrap();
    fs::write(folder, "").unwrap();
}

#[test]
fn what_does_not_fit_while_the_disk_fails_is_counted_in_the_log() {
    let dir = TempDir::new().unwrap();
    let folder = dir.path().join("chatlog");
    let mut options = options(&folder);
    options.queue_bytes = 20_000;
    // A small file means small writes: most entries have to wait in the queue.
    options.settings.rotate_bytes = 2000;
    options.settings.keep_files = 0;
    let log = open(options);
    break_disk(&folder);
    let mut recorded = 0;
    while log.dropped() < 50 {
        recorded += 1;
        assert!(recorded < 10_000, "the queue has no limit");
        log.record(said(recorded));
    }
    assert!(matches!(
        log.flush(Duration::from_millis(20)),
        Err(ChatLogError::TooSlow)
    ));
    assert!(matches!(
        log.search(&Query::default(), &Cancel::new()),
        Err(SearchError::Io { .. })
    ));
    fs::remove_file(&folder).unwrap();
    wait_until("the disk is tried again", || {
        log.flush(Duration::from_millis(100)).is_ok()
    });
    let dropped = log.dropped();
    let report = Query {
        kind: Some(Kind::Error),
        ..Query::default()
    };
    assert_eq!(
        found(&log, report),
        [format!(
            "{dropped} entries were dropped here: the chat log was not written fast enough"
        )]
    );
    let messages = Query {
        kind: Some(Kind::Message),
        ..most()
    };
    assert_eq!(found(&log, messages).len() as u64, recorded - dropped);
}

#[test]
fn a_shutdown_does_not_wait_for_a_broken_disk() {
    let dir = TempDir::new().unwrap();
    let folder = dir.path().join("chatlog");
    let log = open(options(&folder));
    flush(&log);
    break_disk(&folder);
    for n in 0..10 {
        log.record(said(n));
    }
    assert!(matches!(
        log.shutdown(PATIENCE),
        Err(ChatLogError::Lost { entries: 10 })
    ));
}

#[test]
fn an_impossible_folder_is_refused_with_advice() {
    let dir = TempDir::new().unwrap();
    let folder = dir.path().join("file");
    fs::write(&folder, "").unwrap();
    let error = ChatLog::open(options(&folder)).err().unwrap().to_string();
    assert!(error.contains("file/chat.log"), "{error}");
    assert!(
        error.contains("choose another place with chat_log.file"),
        "{error}"
    );
}

#[test]
fn what_is_switched_off_is_not_written() {
    let dir = TempDir::new().unwrap();
    let private = Entry {
        kind: Kind::Private,
        ..said(1)
    };
    let mut quiet = options(dir.path());
    quiet.settings.private_messages = false;
    let log = open(quiet);
    log.record_batch(vec![said(0), private.clone(), said(2)]);
    log.record(private);
    flush(&log);
    assert_eq!(found(&log, Query::default()), numbers([2, 0]));
    assert_eq!(log.dropped(), 0);

    let mut off = options(&dir.path().join("off"));
    off.settings.enabled = false;
    let log = open(off);
    record_all(&log, [1]);
    assert!(found(&log, Query::default()).is_empty());
    log.shutdown(PATIENCE).unwrap();
    assert!(!dir.path().join("off").exists());
}

#[test]
fn other_settings_come_into_force_while_it_is_open() {
    let dir = TempDir::new().unwrap();
    let mut settings = config::ChatLog::default();
    let log = open(ChatLogOptions::new(dir.path(), settings.clone()));
    let private = |number| Entry {
        kind: Kind::Private,
        ..said(number)
    };
    record_all(&log, 0..100);
    log.record(private(100));
    flush(&log);
    assert!(rotated(dir.path()).is_empty());

    settings.private_messages = false;
    settings.rotate_bytes = 1000;
    settings.keep_files = 0;
    log.configure(&settings);
    log.record(private(101));
    for number in 102..202 {
        record_all(&log, [number]);
    }
    let files = rotated(dir.path()).len();
    assert!(files > 5, "{files}");
    let seen = found(&log, most());
    assert_eq!(seen, numbers((102..202).rev().chain((0..=100).rev())));

    // Files beyond the limit go at once, not with the next rotation.
    settings.keep_files = 2;
    log.configure(&settings);
    wait_until("only two are left", || rotated(dir.path()).len() == 2);
    settings.private_messages = true;
    log.configure(&settings);
    log.record(private(202));
    flush(&log);
    assert_eq!(found(&log, most())[0], "number 202");
}

#[test]
fn the_last_handle_takes_what_waits_to_the_disk() {
    let dir = TempDir::new().unwrap();
    let log = open(options(dir.path()));
    for n in 0..100 {
        log.record(said(n));
    }
    drop(log);
    let path = dir.path().join("chat.log");
    wait_until("the file is written", || {
        fs::read_to_string(&path).is_ok_and(|text| text.lines().count() == 100)
    });
}

#[test]
fn searches_end_when_told_and_are_limited() {
    let dir = TempDir::new().unwrap();
    let mut limited = options(dir.path());
    limited.searches = 0;
    let log = open(limited);
    record_all(&log, 0..10);
    assert!(matches!(
        log.search(&Query::default(), &Cancel::new()),
        Err(SearchError::Busy)
    ));

    let log = open(options(dir.path()));
    let cancel = Cancel::new();
    cancel.cancel();
    for _ in 0..10 {
        assert!(matches!(
            log.search(&Query::default(), &cancel),
            Err(SearchError::Cancelled)
        ));
    }
    // Finished searches make room.
    assert_eq!(found(&log, Query::default()).len(), 10);
}

#[test]
fn a_search_out_of_time_can_be_carried_on() {
    let dir = TempDir::new().unwrap();
    let mut hasty = options(dir.path());
    hasty.search_budget = Duration::ZERO;
    let log = open(hasty);
    record_all(&log, 0..20_000);
    let mut query = matching("number 7{3,4}$");
    let mut seen = Vec::new();
    let mut rounds = 0;
    loop {
        let page = search(&log, &query);
        assert_eq!(page.timed_out, page.next.is_some());
        seen.extend(texts(&page));
        rounds += 1;
        query.cursor = page.next;
        if query.cursor.is_none() {
            break;
        }
    }
    assert!(rounds > 10);
    assert_eq!(seen, numbers([7777, 777]));
}

#[test]
fn searches_and_writing_do_not_disturb_each_other() {
    let dir = TempDir::new().unwrap();
    let log = rotating(dir.path(), 20_000, 0);
    record_all(&log, 0..100);
    let start = Barrier::new(2);
    thread::scope(|scope| {
        let writer = scope.spawn(|| {
            start.wait();
            for n in 100..10_000 {
                log.record(said(n));
                if n % 50 == 0 {
                    flush(&log);
                }
            }
        });
        start.wait();
        while !writer.is_finished() {
            // From the newest entry on there is no gap, and no entry comes
            // twice.
            let seen = found(&log, most());
            let newest = number(&seen[0]);
            let oldest = (newest + 1).saturating_sub(1000);
            assert_eq!(seen, numbers((oldest..=newest).rev()));
        }
    });
}

/// Whether a query matches, judged by the entry the line was made of.
fn is_wanted(query: &Query, pattern: Option<&Regex>, entry: &Entry) -> bool {
    let same = |spelling: &Option<Arc<str>>, name: &str| {
        let spelling = spelling.as_deref().map(Name::parse);
        matches!((spelling, Name::parse(name)), (Some(Ok(a)), Ok(b)) if a == b)
    };
    let from_or_to = |name: &String| {
        same(&entry.nick, name)
            || matches!(entry.kind, Kind::Private | Kind::Admin) && same(&entry.to, name)
    };
    let text_matches = |pattern: &Regex| {
        let text = entry.text.as_deref();
        text.is_some_and(|text| pattern.is_match(text.as_bytes()))
    };
    query.kind.is_none_or(|kind| kind == entry.kind)
        && query.nick.as_ref().is_none_or(from_or_to)
        && (query.channel.as_ref()).is_none_or(|name| same(&entry.channel, name))
        && query.since.is_none_or(|since| entry.at_ms >= since)
        && query.until.is_none_or(|until| entry.at_ms <= until)
        && pattern.is_none_or(text_matches)
}

const PATTERNS: [&str; 24] = [
    "a",
    "^a",
    "b$",
    "^$",
    "",
    r"\bab\b",
    "[^a]",
    "(?s)a.b",
    "a\nb",
    "\"",
    r"\\",
    "a|\"",
    "é",
    "(?i)É",
    "[^b]+a",
    r"a\s+b",
    r"\x01",
    "(?m)^b",
    r"(a|b){2,3}",
    r"\B",
    "kind|text",
    r"n\x22?",
    r"(?-u:\w)b",
    r"a*?b",
];

fn an_entry() -> impl Strategy<Value = Entry> {
    let name = || {
        let names = vec!["ab", "AB", "b", "\u{430}b", "b\u{e9}"];
        prop::option::of(prop::sample::select(names))
    };
    (
        // Mostly a little later; now and then the clock is set.
        prop_oneof![
            20 => 0..3i64,
            1 => -60_000..60_000i64,
            1 => -5..0i64,
        ],
        prop::sample::select(Kind::ALL.to_vec()),
        name(),
        name(),
        name(),
        prop::option::of("[ab \"\\\\\né\u{1}n]{0,6}"),
    )
        .prop_map(|(step, kind, nick, channel, to, text)| Entry {
            // The test sets the time itself.
            is_refusal: step % 2 == 0,
            nick: nick.map(Into::into),
            channel: channel.map(Into::into),
            to: to.map(Into::into),
            text: text.map(Into::into),
            ..Entry::new(START_MS.saturating_add_signed(step), kind)
        })
}

fn a_query() -> impl Strategy<Value = Query> {
    let name = || {
        let names = vec!["ab", "b", "B\u{c9}"];
        prop::option::weighted(0.2, prop::sample::select(names))
    };
    let time = || prop::option::weighted(0.3, START_MS..START_MS + 80);
    (
        prop::option::weighted(0.7, prop::sample::select(PATTERNS.to_vec())),
        prop::option::weighted(0.3, prop::sample::select(Kind::ALL.to_vec())),
        name(),
        name(),
        time(),
        time(),
    )
        .prop_map(|(pattern, kind, nick, channel, since, until)| Query {
            said: false,
            without_private: false,
            pattern: pattern.map(str::to_owned),
            kind,
            nick: nick.map(str::to_owned),
            channel: channel.map(str::to_owned),
            since,
            until,
            limit: limit(25),
            cursor: None,
        })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn search_finds_what_looking_at_every_entry_finds(
        mut entries in prop::collection::vec(an_entry(), 0..80),
        queries in prop::collection::vec(a_query(), 8),
        rotate_bytes in prop::sample::select(vec![0u64, 300, 2000]),
        restarts in any::<bool>(),
    ) {
        let dir = TempDir::new().unwrap();
        let mut log = rotating(dir.path(), rotate_bytes, 0);
        let mut at_ms = START_MS;
        for (index, entry) in entries.iter_mut().enumerate() {
            at_ms = at_ms + entry.at_ms - START_MS;
            entry.at_ms = at_ms;
            log.record(entry.clone());
            if restarts && index == 40 {
                log.shutdown(PATIENCE).unwrap();
                log = rotating(dir.path(), rotate_bytes, 0);
            }
        }
        flush(&log);
        for mut query in queries {
            let pattern = query.pattern.as_deref().map(|raw| Regex::new(raw).unwrap());
            let naive: Vec<String> = entries
                .iter()
                .rev()
                .filter(|entry| is_wanted(&query, pattern.as_ref(), entry))
                .map(|entry| serde_json::to_string(entry).unwrap())
                .collect();
            let mut found = Vec::new();
            loop {
                let page = search(&log, &query);
                found.extend(page.lines.iter().map(|line| line.get().to_owned()));
                query.cursor = page.next;
                if query.cursor.is_none() {
                    break;
                }
            }
            prop_assert_eq!(&found, &naive, "{:?}", query);
        }
    }
}
