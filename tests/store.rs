//! The embedded store keeps what it is given, and gives it back in order.

mod store_suite;

use std::sync::Arc;
use std::time::{Duration, Instant};

use chat_server::store::{
    Conversation, NewMessage, Retention, SqliteSettings, SqliteStore, Store, StoreWriter, Window,
    WriterSettings,
};
use diesel::prelude::*;
use store_suite::{Database, name, said};
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
        Arc::new(SqliteStore::open(settings).unwrap())
    }
}

store_suite!(InFile);

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
    // Before the writer starts, because it removes things once a minute only.
    let messages: Vec<NewMessage> = (1..=2000).map(|ms| said(ms, "dev", "word")).collect();
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
