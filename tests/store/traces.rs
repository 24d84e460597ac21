//! What was deleted is not in the files any more: neither in the database, nor in its index, nor in
//! its write-ahead log.

use std::path::Path;
use std::sync::Arc;

use chat_server::store::{Message, Record, Retention, SqliteSettings, Store};
use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use tempfile::TempDir;

use crate::amendments_suite::amended;
use crate::store_suite::said;

/// Other messages, so that the texts are in the midst of pages and of the index.
const OTHERS: u64 = 3_000;
const HOUR_MS: u64 = 60 * 60 * 1000;

fn open(folder: &TempDir, retention: Retention) -> Arc<dyn Store> {
    let settings = SqliteSettings {
        retention,
        ..SqliteSettings::new(folder.path().join("chat.db"))
    };
    Arc::new(crate::open_store(settings))
}

/// How often a text is in the files of a database.
fn traces(folder: &Path, text: &str) -> usize {
    let count = |name: &str| {
        let bytes = std::fs::read(folder.join(name)).unwrap_or_default();
        String::from_utf8_lossy(&bytes).matches(text).count()
    };
    count("chat.db") + count("chat.db-wal")
}

/// Does all background work that is due at a time.
fn tend(store: &dyn Store, now_ms: u64) {
    while store.tend(now_ms).unwrap() {}
}

/// Texts of every size: some fit into a page with others, some need pages of their own.
fn secrets() -> Vec<String> {
    let sizes = [1, 2, 10, 100, 400, 2_000];
    let secret = |(number, size): (usize, usize)| {
        let word = format!("{}xyzzy{number}plugh ", ['q', 'v', 'z'][number % 3]);
        word.repeat(size).trim_end().to_owned()
    };
    sizes.into_iter().enumerate().map(secret).collect()
}

/// Messages with secrets among others. Returns those with secrets.
fn say(store: &dyn Store, secrets: &[String]) -> Vec<Message> {
    let mut all = Vec::new();
    let mut secret = Vec::new();
    for ms in 1..=OTHERS {
        let text = format!("what was said at {ms} of the usual things, and more of it");
        all.push(said(2 * ms, "dev", &text));
        let every = OTHERS / secrets.len() as u64;
        if let Some(text) = secrets.get((ms / every) as usize)
            && ms % every == every / 2
        {
            secret.push(said(2 * ms + 1, "dev", text));
            all.extend(secret.last().cloned());
        }
    }
    store.append(&all).unwrap();
    assert_eq!(secret.len(), secrets.len());
    secret
}

/// The word that a secret repeats.
fn word(secret: &str) -> &str {
    secret.split(' ').next().unwrap()
}

fn assert_gone(folder: &TempDir, secrets: &[String]) {
    for secret in secrets {
        assert_eq!(traces(folder.path(), word(secret)), 0, "{}", word(secret));
    }
}

/// Deletes messages, or replaces their texts.
fn remove(store: &dyn Store, messages: &[Message], deletes: bool) {
    let records: Vec<Record> = messages
        .iter()
        .zip(10 * OTHERS..)
        .map(|(message, ms)| amended(ms, message, (!deletes).then_some("something else")))
        .collect();
    for result in store.commit(&records).unwrap() {
        result.unwrap();
    }
}

#[test]
fn a_deleted_text_is_in_no_file_an_hour_later() {
    for deletes in [true, false] {
        for is_indexed in [true, false] {
            let folder = tempfile::tempdir().unwrap();
            let store = open(&folder, Retention::default());
            let secrets = secrets();
            let messages = say(&*store, &secrets);
            if is_indexed {
                tend(&*store, 0);
            }
            remove(&*store, &messages, deletes);
            // This test does find what is there.
            for secret in &secrets {
                assert!(traces(folder.path(), word(secret)) > 0);
            }
            tend(&*store, HOUR_MS);
            assert_gone(&folder, &secrets);
        }
    }
}

#[test]
fn cleaning_up_continues_after_a_crash() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder, Retention::default());
    let secrets = secrets();
    let messages = say(&*store, &secrets);
    tend(&*store, 0);
    remove(&*store, &messages, true);
    drop(store);
    for _ in 0..2 {
        // Each gets a little further than before.
        let store = open(&folder, Retention::default());
        store.tend(HOUR_MS).unwrap();
    }
    let store = open(&folder, Retention::default());
    tend(&*store, HOUR_MS);
    assert_gone(&folder, &secrets);
}

#[test]
fn what_is_deleted_while_it_is_cleaned_up_is_cleaned_up_next() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder, Retention::default());
    let secrets = secrets();
    let messages = say(&*store, &secrets);
    tend(&*store, 0);
    let (first, second) = messages.split_at(3);
    remove(&*store, first, true);
    store.tend(HOUR_MS).unwrap();
    let later: Vec<Record> = second
        .iter()
        .zip(20 * OTHERS..)
        .map(|(message, ms)| amended(ms, message, None))
        .collect();
    store.commit(&later).unwrap();
    tend(&*store, HOUR_MS);
    assert_gone(&folder, &secrets[..3]);
    tend(&*store, 2 * HOUR_MS);
    assert_gone(&folder, &secrets);
}

#[test]
fn a_long_read_only_puts_it_off() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder, Retention::default());
    let secrets = secrets();
    let messages = say(&*store, &secrets);
    tend(&*store, 0);
    let path = folder.path().join("chat.db");
    let mut reader = SqliteConnection::establish(path.to_str().unwrap()).unwrap();
    reader
        .batch_execute("BEGIN; SELECT count(*) FROM message")
        .unwrap();
    remove(&*store, &messages, true);
    tend(&*store, HOUR_MS);
    // Messages are stored meanwhile.
    let next = said(30 * OTHERS, "dev", "as always");
    assert_eq!(store.append(&[next]).unwrap(), [Ok(())]);
    assert!(traces(folder.path(), word(&secrets[0])) > 0);
    reader.batch_execute("COMMIT").unwrap();
    tend(&*store, HOUR_MS);
    assert_gone(&folder, &secrets);
}

#[test]
fn what_retention_removes_is_in_no_file_a_day_later() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(
        &folder,
        Retention {
            channel_messages: 20,
            ..Retention::default()
        },
    );
    let secrets = secrets();
    say(&*store, &secrets);
    tend(&*store, HOUR_MS);
    tend(&*store, 26 * HOUR_MS);
    assert_gone(&folder, &secrets);
}
