//! What the store does on this machine: `cargo bench --bench store`.
//!
//! Prints group commit throughput, the time of a lone commit, and the time of
//! reading pages of a thread of a million messages. Everything is in a real
//! file in a temporary folder; name another one with `CHAT_BENCH_DIR`. With
//! `--features cluster`, and `CHAT_BENCH_POSTGRES` set to the URL of a database
//! that may be emptied, all that is done in PostgreSQL instead.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use chat_server::hub::MessageId;
use chat_server::name::Name;
use chat_server::store::{
    AccountId, Appender, Conversation, Durability, NewAccount, NewMessage, Outcome, Place, Search,
    SearchScope, Secret, SqliteSettings, SqliteStore, Store, StoreWriter, Window, WriterSettings,
};
use chat_server::text::Text;
use crossbeam_channel::{Receiver, bounded, unbounded};
use parking_lot::Mutex;

const START_MS: u64 = 1_790_000_000_000;
const PRODUCERS: u64 = 8;
const CHANNELS: u64 = 100;
const ACCOUNTS: i64 = 50;

fn main() {
    // `cargo test` runs benches too; there it is enough that they compile.
    if !std::env::args().any(|argument| argument == "--bench") {
        return;
    }
    let folder = match std::env::var_os("CHAT_BENCH_DIR") {
        Some(folder) => tempfile::tempdir_in(folder).unwrap(),
        None => tempfile::tempdir().unwrap(),
    };
    #[cfg(feature = "cluster")]
    if let Ok(url) = std::env::var("CHAT_BENCH_POSTGRES") {
        println!("PostgreSQL");
        measure(&|| with_accounts(in_postgres(&url)));
        million(&|| with_accounts(in_postgres(&url)));
        return;
    }
    for durability in [Durability::Power, Durability::Process] {
        println!("durability: {durability:?}");
        measure(&|| with_accounts(in_file(folder.path(), durability)));
    }
    million(&|| with_accounts(in_file(folder.path(), Durability::Process)));
}

/// Makes an empty store with accounts.
type Make<'a> = &'a dyn Fn() -> Arc<dyn Store>;

fn measure(make_store: Make<'_>) {
    group_commit(make_store, "mixed", message);
    let direct = |n| NewMessage {
        place: message(n * 10).place,
        ..message(n)
    };
    group_commit(make_store, "direct messages only", direct);
    lone_messages(make_store);
}

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
fn message(n: u64) -> NewMessage {
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
    NewMessage {
        id: MessageId {
            ms: START_MS + n / 100,
            sequence: n % 100,
        },
        at_ms: START_MS + n / 100,
        author: Name::parse(&format!("user{}", from - 1)).unwrap(),
        place,
        text: Text::clean(&format!(
            "{n:08} {}",
            "lorem ipsum dolor ".repeat(6).split_at(91).0
        )),
    }
}

fn group_commit(make_store: Make<'_>, name: &str, make: fn(u64) -> NewMessage) {
    const MESSAGES: u64 = 500_000;
    const BATCH: u64 = 50;
    let store = make_store();
    let (writer, appender, outcomes) = start(&store);
    // Made beforehand: the hub's work is not what is measured. Handed over
    // under a lock, because ids must be in order, as the hub's are.
    let batches = (0..MESSAGES / BATCH)
        .map(|batch| (batch * BATCH..(batch + 1) * BATCH).map(make).collect())
        .collect::<Vec<Vec<NewMessage>>>();
    let batches = Arc::new(Mutex::new(batches.into_iter()));
    let started = Instant::now();
    for _ in 0..PRODUCERS {
        let (batches, appender) = (batches.clone(), appender.clone());
        std::thread::spawn(move || {
            loop {
                let mut batches = batches.lock();
                let Some(mut batch) = batches.next() else {
                    break;
                };
                while let Err(refused) = appender.try_append(batch) {
                    use chat_server::store::AppendRefused::{Closed, Full};
                    let (Full(again) | Closed(again)) = refused;
                    batch = again;
                    std::thread::sleep(Duration::from_millis(1));
                }
            }
        });
    }
    let (mut committed, mut groups) = (0, 0);
    while committed < MESSAGES {
        let outcome = outcomes.recv().unwrap();
        assert!(outcome.iter().all(|outcome| outcome.result.is_ok()));
        committed += outcome.len() as u64;
        groups += 1;
    }
    let seconds = started.elapsed().as_secs_f64();
    println!(
        "  group commit, {name}: {:.0} messages/s ({MESSAGES} in {groups} groups, {seconds:.2} s)",
        MESSAGES as f64 / seconds
    );
    let started = Instant::now();
    while store.tend(START_MS).unwrap() {}
    println!(
        "  indexing for search: {:.0} messages/s",
        MESSAGES as f64 / started.elapsed().as_secs_f64()
    );
    writer.shut_down(Duration::from_secs(60)).unwrap();
}

fn lone_messages(make_store: Make<'_>) {
    let store = make_store();
    let (writer, appender, outcomes) = start(&store);
    let mut times: Vec<Duration> = (0..5000)
        .map(|n| {
            let started = Instant::now();
            appender.try_append(vec![message(n)]).unwrap();
            outcomes.recv().unwrap();
            started.elapsed()
        })
        .collect();
    print_times("lone message, to its outcome", &mut times);
    writer.shut_down(Duration::from_secs(60)).unwrap();
}

fn million(make_store: Make<'_>) {
    const MESSAGES: u64 = 1_000_000;
    let store = make_store();
    let (one, other) = (AccountId(1), AccountId(2));
    for batch in 0..MESSAGES / 5000 {
        let in_thread = |n: u64| {
            let (from, to) = if n.is_multiple_of(3) {
                (one, other)
            } else {
                (other, one)
            };
            NewMessage {
                place: Place::Direct { from, to },
                ..message(n)
            }
        };
        let batch: Vec<NewMessage> = (batch * 5000..(batch + 1) * 5000).map(in_thread).collect();
        store.append(&batch).unwrap();
    }
    println!("one thread of {MESSAGES} messages");
    let thread = Conversation::Thread(other, one);
    let time = |name: &str, read: &dyn Fn(u64)| {
        let mut times: Vec<Duration> = (0..200)
            .map(|n| {
                let started = Instant::now();
                read(n);
                started.elapsed()
            })
            .collect();
        print_times(name, &mut times);
    };
    for page in [1, 1000, 50_000, 99_800] {
        time(&format!("page {page} and the 199 after it"), &|n| {
            let history = store.history(&thread, Window::Page(page + n), 10).unwrap();
            assert_eq!(history.messages.len(), 10);
        });
    }
    let at = |n: u64| message(n * 4999).id;
    time("10 before an id", &|n| {
        store.history(&thread, Window::Before(at(n)), 10).unwrap();
    });
    time("10 after an id", &|n| {
        let window = Window::After(at(n));
        assert_eq!(
            store.history(&thread, window, 10).unwrap().messages.len(),
            10
        );
    });
    time("10 after an id that never was", &|n| {
        let id = MessageId {
            sequence: 5000,
            ..at(n)
        };
        let history = store.history(&thread, Window::After(id), 10).unwrap();
        assert_eq!(history.messages.len(), 10);
    });
    time("last 20", &|_| {
        store.history(&thread, Window::Latest, 20).unwrap();
    });
    time("inbox", &|_| {
        assert_eq!(store.inbox(one, 1, 10).unwrap().len(), 1);
    });
    let (writer, appender, outcomes) = start(&store);
    for n in 0..1000 {
        appender.try_append(vec![message(MESSAGES + n)]).unwrap();
    }
    let (done, waiting) = bounded(1);
    std::thread::spawn(move || {
        let mut left = 1000;
        while left > 0 {
            left -= outcomes.recv().unwrap().len();
        }
        done.send(()).unwrap();
    });
    waiting.recv().unwrap();
    time("last 20 of a channel", &|n| {
        let channel = Name::parse(&format!("channel{}", n % 10 + 1)).unwrap();
        let channel = Conversation::Channel(channel);
        store.history(&channel, Window::Latest, 20).unwrap();
    });
    while store.tend(START_MS).unwrap() {}
    time("search for a rare word", &|n| {
        let search = Search {
            words: format!("{:08} dolor", n * 4999),
            scope: SearchScope::Within(thread.clone()),
            before: None,
            limit: 10,
        };
        assert_eq!(store.search(&search).unwrap().len(), 1);
    });
    time("search for a common word", &|_| {
        let search = Search {
            words: "lorem".to_owned(),
            scope: SearchScope::ThreadsOf(one),
            before: None,
            limit: 10,
        };
        assert_eq!(store.search(&search).unwrap().len(), 10);
    });
    writer.shut_down(Duration::from_secs(60)).unwrap();
}

fn print_times(name: &str, times: &mut [Duration]) {
    times.sort_unstable();
    let at = |share: f64| times[((times.len() - 1) as f64 * share) as usize];
    println!(
        "  {name}: median {:?}, p99 {:?}, most {:?}",
        at(0.5),
        at(0.99),
        at(1.0)
    );
}
