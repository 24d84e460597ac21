//! Failures of the store are reported, lose nothing, and end when their cause
//! is gone.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crate::support::{SmallDisk, not_tested};
use chat_server::hub::MessageId;
use chat_server::name::Name;
use chat_server::store::{
    AppendError, AppendRefused, Appender, Conversation, Message, NewAccount, OpenError, Outcome,
    Place, Secret, SqliteSettings, SqliteStore, Store, StoreError, StoreWriter, Window,
    WriterSettings,
};
use chat_server::text::Text;
use crossbeam_channel::{Receiver, bounded, unbounded};
use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use tempfile::TempDir;

const PATIENCE: Duration = Duration::from_secs(60);

fn folder() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("chat.db");
    (folder, path)
}

fn open(settings: SqliteSettings) -> Arc<SqliteStore> {
    let wait = Duration::from_millis(50);
    Arc::new(crate::open_store(SqliteSettings { wait, ..settings }))
}

/// A connection besides the store's.
fn stranger(path: &Path) -> SqliteConnection {
    SqliteConnection::establish(path.to_str().unwrap()).unwrap()
}

fn said(ms: u64) -> Message {
    Message {
        id: MessageId { ms, sequence: 0 },
        at_ms: ms,
        author: Name::parse("ann").unwrap(),
        place: Place::Channel {
            channel: Name::parse("dev").unwrap(),
            account: None,
        },
        body: Text::clean(&"what is to be kept ".repeat(50)).into(),
    }
}

/// The times in the ids of all messages.
fn stored(store: &dyn Store) -> Vec<u64> {
    let dev = Conversation::Channel(Name::parse("dev").unwrap());
    let mut ids: Vec<u64> = Vec::new();
    loop {
        let last = MessageId {
            ms: ids.last().copied().unwrap_or(0),
            sequence: 0,
        };
        let history = store.history(&dev, Window::After(last), 1000).unwrap();
        ids.extend(history.messages.iter().map(|message| message.id.ms));
        if history.is_complete() {
            return ids;
        }
    }
}

fn start(store: &Arc<SqliteStore>) -> (StoreWriter, Appender, Receiver<Vec<Outcome>>) {
    let (settled, outcomes) = unbounded();
    let settings = WriterSettings {
        probe_every: Duration::from_millis(20),
        ..WriterSettings::default()
    };
    let (writer, appender) = StoreWriter::start(store.clone(), settings, move |outcome| {
        // The test may not listen any more.
        let _ = settled.send(outcome);
    })
    .unwrap();
    (writer, appender, outcomes)
}

fn append_and_wait(
    appender: &Appender,
    outcomes: &Receiver<Vec<Outcome>>,
    ms: u64,
) -> Result<(), AppendError> {
    appender.try_append(vec![said(ms).into()]).unwrap();
    let outcome = outcomes.recv_timeout(PATIENCE).unwrap();
    assert_eq!((outcome.len(), outcome[0].id), (1, said(ms).id));
    outcome[0].result.clone()
}

fn wait_until(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !holds() {
        assert!(Instant::now() < deadline, "waited in vain until {what}");
        std::thread::sleep(Duration::from_millis(2));
    }
}

fn not_committed(result: Result<(), AppendError>) -> StoreError {
    match result {
        Err(AppendError::NotCommitted(error)) => (*error).clone(),
        other => panic!("{other:?}"),
    }
}

/// Appends until the store is full, and goes on after `make_room`.
fn fill_and_recover(store: &Arc<SqliteStore>, make_room: impl FnOnce()) {
    let (writer, appender, outcomes) = start(store);
    let mut committed = Vec::new();
    let mut ms = 0;
    let error = loop {
        ms += 1;
        match append_and_wait(&appender, &outcomes, ms) {
            Ok(()) => committed.push(ms),
            failed => break not_committed(failed),
        }
    };
    assert_eq!(error, StoreError::Full);
    assert!(!appender.is_healthy());
    assert_eq!(store.check_writable(), Err(StoreError::Full));
    assert_eq!(
        stored(&**store),
        committed,
        "what was there can still be read"
    );
    make_room();
    wait_until("the writer has noticed", || appender.is_healthy());
    assert_eq!(append_and_wait(&appender, &outcomes, ms + 1), Ok(()));
    committed.push(ms + 1);
    assert_eq!(stored(&**store), committed);
    writer.shut_down(PATIENCE).unwrap();
}

#[test]
fn a_full_database_is_reported_and_recovered_from() {
    let (_folder, path) = folder();
    let store = open(SqliteSettings {
        max_bytes: 1024 * 1024,
        ..SqliteSettings::new(path)
    });
    fill_and_recover(&store, || store.set_max_bytes(0));
}

#[test]
fn a_full_disk_is_reported_and_recovered_from() {
    let folder = tempfile::tempdir().unwrap();
    let Some(disk) = SmallDisk::mount(folder.path().join("disk"), 6) else {
        return not_tested("a small disk can only be mounted by root");
    };
    let ballast = disk.path().join("ballast");
    std::fs::write(&ballast, vec![0; 1024 * 1024]).unwrap();
    let store = open(SqliteSettings::new(disk.path().join("chat.db")));
    fill_and_recover(&store, || std::fs::remove_file(ballast).unwrap());
}

#[test]
fn a_locked_database_is_reported_and_recovered_from() {
    let (_folder, path) = folder();
    let store = open(SqliteSettings::new(&path));
    let (writer, appender, outcomes) = start(&store);
    assert_eq!(append_and_wait(&appender, &outcomes, 1), Ok(()));
    let mut stranger = stranger(&path);
    stranger
        .batch_execute("BEGIN IMMEDIATE; DELETE FROM message;")
        .unwrap();
    let failed = append_and_wait(&appender, &outcomes, 2);
    assert_eq!(not_committed(failed), StoreError::Busy);
    assert!(!appender.is_healthy());
    // Readers see what was there before, and are not blocked.
    assert_eq!(stored(&*store), [1]);
    stranger.batch_execute("ROLLBACK").unwrap();
    wait_until("the writer has noticed", || appender.is_healthy());
    assert_eq!(append_and_wait(&appender, &outcomes, 3), Ok(()));
    assert_eq!(stored(&*store), [1, 3]);
    writer.shut_down(PATIENCE).unwrap();
}

#[test]
fn a_row_in_the_way_fails_its_group_and_nothing_after() {
    let (_folder, path) = folder();
    let store = open(SqliteSettings::new(&path));
    assert_eq!(store.append(&[said(1)]), Ok(vec![Ok(())]));
    // In the next millisecond, with the number after the next.
    stranger(&path)
        .batch_execute(
            "INSERT INTO message (id, conversation_id, number, from_low, author, at_ms, text)
             SELECT id + 1048576, conversation_id, number + 2, from_low, author, at_ms, text
             FROM message",
        )
        .unwrap();
    // The number of the group's first message was free.
    let failed = store.append(&[said(5), said(6)]);
    assert!(
        matches!(&failed, Err(StoreError::Database(why)) if why.contains("UNIQUE")),
        "{failed:?}"
    );
    assert_eq!(stored(&*store), [1, 2]);
    let again = store.append(&[said(5), said(6)]);
    assert_eq!(again, Ok(vec![Ok(()), Ok(())]));
    assert_eq!(stored(&*store), [1, 2, 5, 6]);
}

#[test]
fn a_full_queue_refuses_and_loses_nothing_it_took() {
    let (_folder, path) = folder();
    let store = open(SqliteSettings::new(path));
    let (settled, outcomes) = unbounded();
    let (pass, gate) = bounded::<()>(0);
    let settings = WriterSettings {
        queue_bytes: 100_000,
        group: 7,
        ..WriterSettings::default()
    };
    let (writer, appender) = StoreWriter::start(store.clone(), settings, move |outcome| {
        settled.send(outcome).unwrap();
        // Disconnected once the test lets everything pass.
        let _ = gate.recv();
    })
    .unwrap();
    let mut taken = VecDeque::new();
    let refused = loop {
        let next = taken.len() as u64 * 2 + 1;
        match appender.try_append(vec![said(next).into(), said(next + 1).into()]) {
            Ok(()) => taken.extend([next, next + 1]),
            Err(AppendRefused::Full(messages)) => break messages,
            Err(other) => panic!("{other:?}"),
        }
        assert!(taken.len() < 1000, "the queue has no end");
    };
    assert_eq!(refused.len(), 2);
    assert!(taken.len() > 50);
    drop(pass);
    wait_until("there is room again", || {
        appender.try_append(vec![said(1_000_000).into()]).is_ok()
    });
    taken.push_back(1_000_000);
    writer.shut_down(PATIENCE).unwrap();
    for outcome in outcomes.iter().flatten() {
        assert_eq!(outcome.result, Ok(()));
        assert_eq!(Some(outcome.id.ms), taken.pop_front());
    }
    assert!(taken.is_empty(), "each has had its outcome");
    let late = appender.try_append(vec![said(2_000_000).into()]);
    assert!(matches!(late, Err(AppendRefused::Closed(_))));
    assert!(!appender.is_healthy());
}

#[test]
fn accounts_are_made_while_messages_pour_in() {
    let (_folder, path) = folder();
    let store = Arc::new(crate::open_store(SqliteSettings::new(path)));
    let (writer, appender, outcomes) = start(&store);
    let enough = AtomicBool::new(false);
    let poured = std::thread::scope(|scope| {
        let pour = scope.spawn(|| {
            let mut ms = 0;
            while !enough.load(Ordering::Relaxed) {
                let batch = (ms + 1..=ms + 100).map(|ms| said(ms).into()).collect();
                match appender.try_append(batch) {
                    Ok(()) => ms += 100,
                    Err(_) => std::thread::yield_now(),
                }
            }
            ms
        });
        for n in 0..20 {
            let account = NewAccount {
                username: Name::parse(&format!("user{n}")).unwrap(),
                first_name: String::new(),
                last_name: String::new(),
                email: None,
                phone: None,
                unique_contacts: true,
                password_hash: Secret::new("none"),
                created_at: 0,
            };
            store.create_account(&account).unwrap();
        }
        enough.store(true, Ordering::Relaxed);
        pour.join().unwrap()
    });
    writer.shut_down(PATIENCE).unwrap();
    let settled: Vec<Outcome> = outcomes.iter().flatten().collect();
    assert_eq!(settled.len() as u64, poured);
    assert!(settled.iter().all(|outcome| outcome.result.is_ok()));
}

#[test]
fn a_fault_of_ours_ends_the_writer_and_is_told() {
    let (_folder, path) = folder();
    let (tell, told) = unbounded();
    let (writer, appender) = StoreWriter::start_guarded(
        open(SqliteSettings::new(path)),
        WriterSettings::default(),
        |_| panic!("a fault of ours"),
        move || tell.send(()).unwrap(),
    )
    .unwrap();
    appender.try_append(vec![said(1).into()]).unwrap();
    told.recv_timeout(Duration::from_secs(30)).unwrap();
    assert!(!appender.is_healthy());
    assert!(appender.try_append(vec![said(2).into()]).is_err());
    writer.shut_down(Duration::from_secs(30)).unwrap();
}

#[test]
fn shutting_down_does_not_wait_for_ever() {
    let (_folder, path) = folder();
    let (pass, gate) = bounded::<()>(0);
    let (writer, appender) = StoreWriter::start(
        open(SqliteSettings::new(path)),
        WriterSettings::default(),
        move |_| {
            let _ = gate.recv();
        },
    )
    .unwrap();
    appender.try_append(vec![said(1).into()]).unwrap();
    assert!(writer.shut_down(Duration::from_millis(10)).is_err());
    drop(pass);
    wait_until("the thread has ended", || !appender.is_healthy());
}

/// Makes a database with some messages and closes it properly.
fn make(path: &Path) {
    let store = open(SqliteSettings::new(path));
    let messages: Vec<Message> = (1..=500).map(said).collect();
    store.append(&messages).unwrap();
    while store.tend(1000).unwrap() {}
    store.close().unwrap();
}

/// The file is refused twice and stays unchanged.
fn refused(path: &Path) -> OpenError {
    let before = std::fs::read(path).unwrap();
    let error = SqliteStore::open(SqliteSettings::new(path)).err().unwrap();
    let again = SqliteStore::open(SqliteSettings::new(path)).err().unwrap();
    assert_eq!(error, again);
    assert!(std::fs::read(path).unwrap() == before, "it was changed");
    assert!(error.to_string().contains(path.to_str().unwrap()));
    error
}

fn spoil(path: &Path, change: impl FnOnce(&mut Vec<u8>)) {
    let mut bytes = std::fs::read(path).unwrap();
    change(&mut bytes);
    std::fs::write(path, bytes).unwrap();
}

#[test]
fn a_damaged_database_is_left_alone() {
    let (_folder, path) = folder();
    make(&path);
    let page = 4096;
    spoil(&path, |bytes| {
        let middle = bytes.len() / page / 2 * page;
        bytes[middle..middle + page].fill(0xa5);
    });
    assert!(matches!(refused(&path), OpenError::Damaged(..)));
}

#[test]
fn a_truncated_database_is_left_alone() {
    for keep in [0.999, 0.5, 0.01] {
        let (_folder, path) = folder();
        make(&path);
        spoil(&path, |bytes| {
            bytes.truncate((bytes.len() as f64 * keep) as usize);
        });
        let error = refused(&path);
        assert!(matches!(error, OpenError::Damaged(..)), "{error}");
        assert!(error.to_string().contains("bytes are missing"), "{error}");
    }
}

#[test]
fn an_empty_file_is_a_new_database_unless_a_log_lies_beside_it() {
    let (folder, path) = folder();
    std::fs::write(&path, "").unwrap();
    make(&path);
    std::fs::write(&path, "").unwrap();
    let log = folder.path().join("chat.db-wal");
    std::fs::write(&log, "all there is left").unwrap();
    assert!(matches!(refused(&path), OpenError::Damaged(..)));
    assert_eq!(std::fs::read(&log).unwrap(), b"all there is left");
}

#[test]
fn what_is_no_database_of_ours_is_left_alone() {
    let (_folder, path) = folder();
    for contents in ["no database", &"nor this, at length. ".repeat(1000)] {
        std::fs::write(&path, contents).unwrap();
        assert!(matches!(refused(&path), OpenError::NotOurs(_)));
    }
    std::fs::remove_file(&path).unwrap();
    stranger(&path)
        .batch_execute("CREATE TABLE recipe (name TEXT)")
        .unwrap();
    assert!(matches!(refused(&path), OpenError::NotOurs(_)));
}

#[test]
fn a_database_of_a_newer_version_is_left_alone() {
    let (_folder, path) = folder();
    make(&path);
    stranger(&path)
        .batch_execute(
            "INSERT INTO __diesel_schema_migrations (version) VALUES ('29990101000000');
             PRAGMA wal_checkpoint(TRUNCATE);",
        )
        .unwrap();
    let error = refused(&path);
    assert!(matches!(error, OpenError::Newer(..)));
    assert!(error.to_string().contains("29990101000000"));
}

#[test]
fn a_database_that_is_in_use_is_left_alone() {
    let (_folder, path) = folder();
    let store = open(SqliteSettings::new(&path));
    assert_eq!(refused(&path), OpenError::InUse(path.clone()));
    drop(store);
    open(SqliteSettings::new(&path)).append(&[said(1)]).unwrap();
}

#[test]
fn a_missing_folder_is_named() {
    let (folder, _) = folder();
    let path = folder.path().join("nowhere").join("chat.db");
    let error = SqliteStore::open(SqliteSettings::new(&path)).err().unwrap();
    assert!(matches!(error, OpenError::Unreadable(..)));
    assert!(error.to_string().contains("nowhere"));
}

#[test]
fn only_the_owner_can_read_the_file() {
    use std::os::unix::fs::PermissionsExt;
    // A name that a careless program would take for a URI with a query.
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("100%?mode=memory#.db");
    make(&path);
    let mode = std::fs::metadata(&path).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    assert_eq!(stored(&*open(SqliteSettings::new(&path))).len(), 500);
}
