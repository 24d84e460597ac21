//! The embedded store keeps what it is given and returns it in order.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::store_suite::{Database, name, said};
use chat_server::hub::MessageId;
use chat_server::store::{
    Conversation, Message, Retention, Search, SearchScope, SqliteSettings, SqliteStore, Store,
    StoreWriter, Window, WriterSettings,
};
use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use tempfile::TempDir;

struct InFile(TempDir);

impl Database for InFile {
    fn create() -> InFile {
        InFile(tempfile::tempdir().unwrap())
    }

    fn open(&self, retention: Retention) -> Arc<dyn Store> {
        let settings = SqliteSettings {
            retention,
            ..SqliteSettings::new(self.0.path().join("chat.db"))
        };
        Arc::new(crate::open_store(settings))
    }
}

crate::store_suite!(InFile);
crate::channels_suite!(InFile);
crate::programs_suite!(InFile);
crate::saved_suite!(InFile);
crate::amendments_suite!(InFile);
crate::keeping_suite!(InFile);

diesel::table! {
    search_state (id) {
        id -> BigInt,
        indexed_to -> BigInt,
    }
}

#[test]
fn quiet_work_is_done_without_being_asked_for() {
    let file = InFile::create();
    let store = file.open(Retention {
        channel_messages: 2,
        ..Retention::default()
    });
    // Before the writer starts, because it removes rows once a minute only.
    let messages: Vec<Message> = (1..=2000).map(|ms| said(ms, "dev", "word")).collect();
    store.append(&messages).unwrap();
    let settings = WriterSettings::default();
    let (writer, _appender) = StoreWriter::start(store.clone(), settings, |_| {}).unwrap();
    let path = file.0.path().join("chat.db");
    let mut stranger = SqliteConnection::establish(path.to_str().unwrap()).unwrap();
    let dev = Conversation::Channel(name("dev"));
    let deadline = Instant::now() + Duration::from_secs(60);
    loop {
        let indexed_to: i64 = search_state::table
            .select(search_state::indexed_to)
            .first(&mut stranger)
            .unwrap();
        let left = store.history(&dev, Window::Latest, 10).unwrap();
        if indexed_to == 2000 << 20 && left.messages.len() == 2 {
            break;
        }
        assert!(Instant::now() < deadline, "{indexed_to} {left:?}");
        std::thread::sleep(Duration::from_millis(5));
    }
    writer.shut_down(Duration::from_secs(60)).unwrap();
}

/// The search index as the previous version made it.
const OLD_INDEX: &str = "
    DROP TABLE message_search;
    CREATE VIRTUAL TABLE message_search USING fts5 (
        place, text, content = '', contentless_delete = 1, tokenize = 'ascii');
    INSERT INTO message_search (rowid, place, text) SELECT id, 'c1', 'oneword' FROM message;
    UPDATE search_state SET indexed_to = (SELECT max(id) FROM message);
    DELETE FROM __diesel_schema_migrations WHERE version = '20261128000200';";

#[test]
fn an_older_database_is_indexed_anew_also_after_a_crash() {
    let file = InFile::create();
    let store = file.open(Retention::default());
    let mut messages = vec![said(1, "dev", "今天天气很好")];
    messages.extend((2..=1500).map(|ms| said(ms, "dev", "weather")));
    store.append(&messages).unwrap();
    while store.tend(1500).unwrap() {}
    store.close().unwrap();
    let path = file.0.path().join("chat.db");
    let mut stranger = SqliteConnection::establish(path.to_str().unwrap()).unwrap();
    stranger.batch_execute(OLD_INDEX).unwrap();
    drop(stranger);
    let found = |store: &Arc<dyn Store>, words: &str| {
        let search = Search {
            words: words.to_owned(),
            scope: SearchScope::Everywhere,
            before: None,
            after: MessageId::default(),
            limit: 1000,
        };
        store.search(&search).unwrap().found.len()
    };
    // Before the first slice, between two, and after each crash.
    for _ in 0..3 {
        let store = file.open(Retention::default());
        assert_eq!((found(&store, "天气"), found(&store, "weath")), (1, 1000));
        store.tend(1500).unwrap();
        assert_eq!((found(&store, "天气"), found(&store, "weath")), (1, 1000));
        assert_eq!(found(&store, "oneword"), 0);
    }
    let store = file.open(Retention::default());
    assert!(!store.tend(1500).unwrap(), "all is indexed");
    assert_eq!((found(&store, "天气"), found(&store, "weath")), (1, 1000));
}

/// A store with time for only the first step of a search.
fn hasty(file: &InFile) -> SqliteStore {
    let settings = SqliteSettings {
        search_time: Duration::ZERO,
        ..SqliteSettings::new(file.0.path().join("chat.db"))
    };
    crate::open_store(settings)
}

/// Searches repeatedly from where the previous search ended; returns the times
/// of what was found, and the number of searches.
fn search_on(store: &dyn Store, words: &str, scope: &SearchScope) -> (Vec<u64>, usize) {
    let (mut found, mut before, mut searches) = (Vec::new(), None, 0);
    loop {
        let search = Search {
            words: words.to_owned(),
            scope: scope.clone(),
            before,
            after: MessageId::default(),
            limit: 10,
        };
        let matches = store.search(&search).unwrap();
        searches += 1;
        found.extend(matches.found.iter().map(|found| found.id.ms));
        let ended_at = matches.ended_at;
        assert!(ended_at.is_none_or(|id| before.is_none_or(|before| id < before)));
        match matches.next(10) {
            Some(next) => before = Some(next),
            None => return (found, searches),
        }
    }
}

#[test]
fn a_search_that_takes_too_long_says_how_far_it_has_come_and_goes_on_from_there() {
    let file = InFile::create();
    let store = hasty(&file);
    // Among other messages, which take as long to look through.
    let mut messages = vec![said(1, "dev", "needle")];
    messages.extend((2..=4500).map(|ms| said(ms, ["dev", "ops"][ms as usize % 2], "hay")));
    messages.push(said(4501, "ops", "needle"));
    store.append(&messages).unwrap();
    let dev = SearchScope::Within(Conversation::Channel(name("dev")));
    let (found, searches) = search_on(&store, "needle", &dev);
    assert_eq!((found, searches), (vec![1], 3), "2,000 messages at a time");
    let (found, _) = search_on(&store, "needle", &SearchScope::Everywhere);
    assert_eq!(found, [4501, 1]);
    while store.tend(5000).unwrap() {}
    // The index finds it at once.
    assert_eq!(search_on(&store, "needle", &dev), (vec![1], 1));
}

#[test]
fn what_the_index_is_wrong_about_takes_time_too_and_nothing_is_left_out() {
    let file = InFile::create();
    let store = hasty(&file);
    // All have both pairs of characters, one has the three together.
    let mut messages = vec![said(1, "dev", "天气好")];
    messages.extend((2..=450).map(|ms| said(ms, "dev", "天气 气好")));
    store.append(&messages).unwrap();
    while store.tend(1000).unwrap() {}
    let (found, searches) = search_on(&store, "天气好", &SearchScope::Everywhere);
    assert_eq!((found, searches), (vec![1], 5), "100 messages at a time");
}
