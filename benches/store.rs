//! The store on this machine: commits, concurrent and single, and reading and
//! searching a thread of 100,000 messages.
//!
//! Everything is in a real file in a temporary folder; `CHAT_BENCH_DIR` names
//! another folder. With `--features cluster`, and `CHAT_BENCH_POSTGRES` set to
//! the URL of a database that may be emptied, PostgreSQL is measured instead.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use chat_server::hub::MessageId;
use chat_server::model::Record;
use chat_server::name::Name;
use chat_server::store::{
    AccountId, AppendRefused, Appender, Conversation, Durability, Message, NewAccount, Outcome,
    Place, Search, SearchScope, Secret, SqliteSettings, SqliteStore, Store, StoreWriter, Window,
    WriterSettings,
};
use chat_server::text::Text;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use crossbeam_channel::{Receiver, unbounded};
use parking_lot::Mutex;
use tempfile::TempDir;

const START_MS: u64 = 1_790_000_000_000;
const CHANNELS: u64 = 100;
const ACCOUNTS: i64 = 50;
/// Messages in the long thread.
const MESSAGES: u64 = 100_000;
/// Messages appended at once.
const BATCH: u64 = 50;

fn in_file(folder: &Path, durability: Durability) -> Arc<dyn Store> {
    static COUNT: Mutex<u32> = Mutex::new(0);
    let mut count = COUNT.lock();
    *count += 1;
    let settings = SqliteSettings {
        durability,
        ..SqliteSettings::new(folder.join(format!("{count}.db")))
    };
    Arc::new(SqliteStore::open(settings).unwrap())
}

#[cfg(feature = "cluster")]
fn in_postgres(url: &str) -> Arc<dyn Store> {
    use chat_server::store::{DatabaseUrl, PostgresSettings, PostgresStore};
    use diesel::Connection;
    use diesel::connection::SimpleConnection;
    diesel::PgConnection::establish(url)
        .unwrap()
        .batch_execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public")
        .unwrap();
    let settings = PostgresSettings {
        statement_timeout: Duration::from_secs(600),
        ..PostgresSettings::new(DatabaseUrl::parse(url).unwrap())
    };
    Arc::new(PostgresStore::open(settings).unwrap())
}

fn with_accounts(store: Arc<dyn Store>) -> Arc<dyn Store> {
    for n in 0..ACCOUNTS {
        let account = NewAccount {
            username: Name::parse(&format!("user{n}")).unwrap(),
            first_name: String::new(),
            last_name: String::new(),
            email: None,
            phone: None,
            unique_contacts: true,
            password_hash: Secret::new("none"),
            created_at: START_MS,
        };
        store.create_account(&account).unwrap();
    }
    store
}

fn start(store: &Arc<dyn Store>) -> (StoreWriter, Appender, Receiver<Vec<Outcome>>) {
    let (settled, outcomes) = unbounded();
    let (writer, appender) =
        StoreWriter::start(store.clone(), WriterSettings::default(), move |outcome| {
            settled.send(outcome).unwrap()
        })
        .unwrap();
    (writer, appender, outcomes)
}

/// One message of 100 bytes: nine in ten to a channel, one between accounts.
fn message(n: u64) -> Message {
    let accounts = ACCOUNTS as u64;
    let from = (n / 10 % accounts) as i64 + 1;
    let place = if n.is_multiple_of(10) {
        Place::Direct {
            from: AccountId(from),
            to: AccountId((n / 10 / accounts % accounts) as i64 + 1),
        }
    } else {
        Place::Channel {
            channel: Name::parse(&format!("channel{}", n % CHANNELS)).unwrap(),
            account: Some(AccountId(from)),
        }
    };
    Message {
        id: MessageId {
            ms: START_MS + n / 100,
            sequence: n % 100,
        },
        at_ms: START_MS + n / 100,
        author: Name::parse(&format!("user{}", from - 1)).unwrap(),
        place,
        body: Text::clean(&format!(
            "{n:08} {}",
            "lorem ipsum dolor ".repeat(6).split_at(91).0
        ))
        .into(),
    }
}

/// A function that makes an empty store.
type Make<'a> = Box<dyn Fn() -> Arc<dyn Store> + 'a>;

/// The stores to measure; the last one is also read.
fn stores(folder: &Path) -> Vec<(&'static str, Make<'_>)> {
    #[cfg(feature = "cluster")]
    if let Ok(url) = std::env::var("CHAT_BENCH_POSTGRES") {
        return vec![("PostgreSQL", Box::new(move || in_postgres(&url)))];
    }
    vec![
        (
            "durability power",
            Box::new(|| in_file(folder, Durability::Power)),
        ),
        (
            "durability process",
            Box::new(|| in_file(folder, Durability::Process)),
        ),
    ]
}

fn folder() -> TempDir {
    match std::env::var_os("CHAT_BENCH_DIR") {
        Some(folder) => tempfile::tempdir_in(folder).unwrap(),
        None => tempfile::tempdir().unwrap(),
    }
}

fn commits(c: &mut Criterion) {
    let folder = folder();
    for (name, make_store) in stores(folder.path()) {
        let mut group = c.benchmark_group(format!("commit, {name}"));
        group.sample_size(20);
        let store = with_accounts(make_store());
        let (writer, appender, outcomes) = start(&store);
        let mut next = 0;
        let mut batch = |size: u64| -> Vec<Message> {
            next += size;
            (next - size..next).map(message).collect()
        };
        group.throughput(Throughput::Elements(BATCH * 100));
        group.bench_function("5000 messages", |b| {
            b.iter(|| {
                let batches = (0..100).map(|_| batch(BATCH));
                commit(&appender, &outcomes, batches);
            });
        });
        group.throughput(Throughput::Elements(1));
        group.bench_function("a lone message", |b| {
            b.iter(|| commit(&appender, &outcomes, std::iter::once(batch(1))));
        });
        group.finish();
        writer.shut_down(Duration::from_secs(60)).unwrap();
    }
}

/// Appends all messages and waits until they are committed.
fn commit(
    appender: &Appender,
    outcomes: &Receiver<Vec<Outcome>>,
    batches: impl Iterator<Item = Vec<Message>>,
) {
    let (mut left, take) = (0, |outcomes: Vec<Outcome>| {
        assert!(outcomes.iter().all(|outcome| outcome.result.is_ok()));
        outcomes.len()
    });
    for batch in batches {
        let mut batch: Vec<Record> = batch.into_iter().map(Record::from).collect();
        left += batch.len();
        while let Err(AppendRefused::Full(again) | AppendRefused::Closed(again)) =
            appender.try_append(batch)
        {
            batch = again;
            left -= take(outcomes.recv().unwrap());
        }
    }
    while left > 0 {
        left -= take(outcomes.recv().unwrap());
    }
}

fn reading(c: &mut Criterion) {
    let folder = folder();
    let (store, thread) = long_thread(&folder);
    let one = AccountId(1);
    let mut group = c.benchmark_group("a thread of 100000");
    let mut n = 0;
    let mut next = || {
        n = (n + 4999) % (MESSAGES - 20);
        n
    };
    let mut read = |name: &str, window: &dyn Fn(u64) -> Window, limit| {
        group.bench_function(name, |b| {
            b.iter(|| store.history(&thread, window(next()), limit).unwrap());
        });
    };
    let at = |n: u64| message(n).id;
    read("last 20", &|_| Window::Latest, 20);
    read("a page", &|n| Window::Page(n / 10 + 1), 10);
    read("10 before an id", &|n| Window::Before(at(n)), 10);
    read("10 after an id", &|n| Window::After(at(n)), 10);
    group.bench_function("inbox", |b| b.iter(|| store.inbox(one, 1, 10).unwrap()));
    while store.tend(START_MS).unwrap() {}
    group.bench_function("search for a rare word", |b| {
        b.iter(|| {
            let search = Search {
                words: format!("{:08} dolor", next()),
                scope: SearchScope::Within(thread.clone()),
                before: None,
                after: MessageId::default(),
                limit: 10,
            };
            assert_eq!(store.search(&search).unwrap().found.len(), 1);
        });
    });
    group.bench_function("search for a common word", |b| {
        let search = Search {
            words: "lorem".to_owned(),
            scope: SearchScope::ThreadsOf(one),
            before: None,
            after: MessageId::default(),
            limit: 10,
        };
        b.iter(|| assert_eq!(store.search(&search).unwrap().found.len(), 10));
    });
    group.finish();
}

/// Two accounts with a long thread between them.
fn long_thread(folder: &TempDir) -> (Arc<dyn Store>, Conversation) {
    let (_, make_store) = stores(folder.path()).pop().unwrap();
    let store = with_accounts(make_store());
    let (one, other) = (AccountId(1), AccountId(2));
    let in_thread = |n: u64| {
        let (from, to) = if n.is_multiple_of(3) {
            (one, other)
        } else {
            (other, one)
        };
        Message {
            place: Place::Direct { from, to },
            ..message(n)
        }
    };
    for batch in 0..MESSAGES / 5000 {
        let batch: Vec<Message> = (batch * 5000..(batch + 1) * 5000).map(in_thread).collect();
        store.append(&batch).unwrap();
    }
    (store, Conversation::Thread(other, one))
}

criterion_group!(benches, commits, reading);
criterion_main!(benches);
