//! The store in PostgreSQL keeps what it is given, also when several servers
//! share it and when the database is down for a while.

use std::sync::{Arc, Barrier};
use std::thread;
use std::time::Duration;

use crate::channels_suite;
use crate::store_suite::{Database, direct, id, name, person, said};
use crate::support::{Postgres, connect, free_address, wait_until};
use chat_server::hub::MessageId;
use chat_server::model::Record;
use chat_server::model::governance::{Change, ChannelChange, Flag};
use chat_server::store::{
    Account, AppendError, Conversation, DatabaseUrl, Message, NewAccount, OpenError, Place,
    PostgresSettings, PostgresStore, Retention, Search, SearchScope, Secret, Store, StoreError,
    StoreWriter, Token, UniqueField, Who, Window, WriterSettings,
};
use chat_server::text::Text;
use diesel::connection::SimpleConnection;
use diesel::prelude::*;

/// A database of its own, on the server that this program shares.
struct InPostgres(String);

impl Database for InPostgres {
    fn create() -> InPostgres {
        InPostgres(Postgres::shared().create_database())
    }

    fn open(&self, retention: Retention) -> Arc<dyn Store> {
        Arc::new(open(PostgresSettings {
            retention,
            ..settings(&self.0)
        }))
    }
}

crate::store_suite!(InPostgres);
crate::channels_suite!(InPostgres);
crate::programs_suite!(InPostgres);
crate::saved_suite!(InPostgres);
crate::amendments_suite!(InPostgres);
crate::keeping_suite!(InPostgres);

fn settings(url: &str) -> PostgresSettings {
    PostgresSettings::new(DatabaseUrl::parse(url).unwrap())
}

fn open(settings: PostgresSettings) -> PostgresStore {
    PostgresStore::open(settings).unwrap_or_else(|error| panic!("{error}"))
}

/// Two servers on one database.
fn two_servers() -> [PostgresStore; 2] {
    let url = Postgres::shared().create_database();
    [open(settings(&url)), open(settings(&url))]
}

/// Runs the same on several threads at the same moment, alternating between the
/// two servers; returns the results.
fn at_once<T: Send>(
    servers: &[PostgresStore],
    threads: usize,
    work: impl Fn(&PostgresStore, usize) -> T + Sync,
) -> Vec<T> {
    let barrier = Barrier::new(threads);
    thread::scope(|scope| {
        let running: Vec<_> = (0..threads)
            .map(|n| {
                let (barrier, work) = (&barrier, &work);
                scope.spawn(move || {
                    barrier.wait();
                    work(&servers[n % servers.len()], n)
                })
            })
            .collect();
        running.into_iter().map(|it| it.join().unwrap()).collect()
    })
}

#[test]
fn what_a_log_has_put_in_order_may_come_in_any() {
    let [one, other] = two_servers();
    let message = |ms| said(ms, "dev", "x");
    one.merge(&[message(5).into(), message(3).into(), message(5).into()])
        .unwrap();
    let results = other
        .merge(&[message(4).into(), message(3).into(), message(2).into()])
        .unwrap();
    assert_eq!(results, [Ok(()), Ok(()), Ok(())]);
    let results = one.merge(&[
        message(1).into(),
        Message {
            body: Text::clean("y").into(),
            ..message(4)
        }
        .into(),
    ]);
    assert_eq!(results.unwrap(), [Ok(()), Err(AppendError::IdTaken)]);
    let dev = Conversation::Channel(name("dev"));
    assert_eq!(times(&one, &dev), [1, 2, 3, 4, 5]);
}

/// Each server gets parts of the log, in an order of its own; some come to both.
fn store_in_any_order(servers: &[PostgresStore; 2], changes: &[ChannelChange]) {
    at_once(servers, 4, |store, n| {
        let mut shares: Vec<(usize, &[ChannelChange])> = changes.chunks(2).enumerate().collect();
        for part in shares.chunks_mut(4 + n) {
            part.reverse();
        }
        for (k, share) in shares {
            if k % 4 == n || k % 7 == 0 {
                let records: Vec<Record> = share.iter().map(channels_suite::record).collect();
                let results = store.merge(&records).unwrap();
                assert!(results.iter().all(Result::is_ok), "{results:?}");
            }
        }
    });
}

#[test]
fn changes_may_be_stored_in_any_order_by_several_servers() {
    // Nothing is held up for longer than what is stored in one go: below five minutes.
    for (seed, step_ms, at_a_time) in [(1, 10, 400), (2, 1_000, 200), (3, 20_000, 14)] {
        let servers = two_servers();
        let changes = channels_suite::any_changes(seed, 400, step_ms);
        for window in changes.chunks(at_a_time) {
            store_in_any_order(&servers, window);
        }
        let expected = channels_suite::folded(&changes);
        for store in &servers {
            assert_eq!(channels_suite::found(store), expected, "seed {seed}");
        }
        while servers[0].tend(1_000_000_000).unwrap() {}
        assert_eq!(channels_suite::found(&servers[1]), expected, "seed {seed}");
    }
}

#[test]
fn a_change_that_was_held_up_for_minutes_does_not_undo_newer_ones() {
    let [one, other] = two_servers();
    let at = |minutes: u64| minutes * 60_000;
    let changes = [
        channels_suite::change(at(1), "dev", vec![Change::Flag(Flag::Secret, true)]),
        channels_suite::topic(at(2), "dev", "held up"),
        channels_suite::topic(at(20), "dev", "newer"),
        channels_suite::change(at(40), "dev", vec![Change::Slow(5)]),
        channels_suite::change(at(60), "dev", vec![Change::Slow(7)]),
    ];
    let merge = |store: &PostgresStore, n: usize| {
        let results = store.merge(&[channels_suite::record(&changes[n])]);
        assert_eq!(results.unwrap(), [Ok(())]);
    };
    for n in [1, 2, 3, 4] {
        merge(&one, n);
    }
    merge(&other, 0);
    let expected = channels_suite::folded(&changes);
    assert_eq!(channels_suite::found(&one), expected);
    merge(&other, 0);
    assert_eq!(channels_suite::found(&one), expected);
}

#[test]
fn another_change_with_the_same_id_is_refused() {
    let [one, other] = two_servers();
    let merge = |store: &PostgresStore, text: &str| {
        let change = channels_suite::topic(5, "dev", text);
        store.merge(&[channels_suite::record(&change)]).unwrap()
    };
    assert_eq!(merge(&one, "a"), [Ok(())]);
    assert_eq!(merge(&other, "a"), [Ok(())]);
    assert_eq!(merge(&other, "b"), [Err(AppendError::IdTaken)]);
    let topic = channels_suite::topic(5, "dev", "a");
    assert_eq!(
        channels_suite::found(&one),
        channels_suite::folded(&[topic])
    );
}

fn times(store: &dyn Store, of: &Conversation) -> Vec<u64> {
    let history = store.history(of, Window::Latest, 1000).unwrap();
    history.messages.iter().map(|m| m.id.ms).collect()
}

#[test]
fn servers_write_to_the_same_places_at_once() {
    let servers = two_servers();
    let [a, b] = ["ann", "bob"].map(|who| servers[0].create_account(&person(who)).unwrap());
    // Each has every second id; the channels and the thread are new for both.
    at_once(&servers, 2, |store, n| {
        for group in 0..20 {
            let first = group * 20 + n as u64 + 1;
            let messages: Vec<Message> = (first..first + 20)
                .step_by(2)
                .enumerate()
                .map(|(k, ms)| match k % 3 {
                    0 => said(ms, "everybody", "x"),
                    1 => said(ms, &format!("channel{group}"), "x"),
                    _ => direct(ms, &a, &b, "x"),
                })
                .collect();
            assert!(store.append(&messages).unwrap().iter().all(Result::is_ok));
        }
    });
    let mut found: Vec<u64> = times(&servers[0], &Conversation::Thread(a.id, b.id));
    assert!(found.is_sorted());
    for channel in (0..20)
        .map(|n| format!("channel{n}"))
        .chain(["everybody".to_owned()])
    {
        let times = times(&servers[1], &Conversation::Channel(name(&channel)));
        assert!(times.is_sorted());
        found.extend(times);
    }
    found.sort_unstable();
    assert_eq!(found, (1..=400).collect::<Vec<u64>>());
    let inbox = servers[1].inbox(b.id, 1, 10).unwrap();
    assert_eq!((inbox.len(), inbox[0].unread), (1, 120));
}

#[test]
fn what_two_servers_read_from_one_log_is_stored_once() {
    let servers = two_servers();
    let messages: Vec<Message> = (1..=500).map(|ms| said(ms, "dev", "x")).collect();
    at_once(&servers, 4, |store, n| {
        // Each divides them into groups of its own.
        for group in messages.chunks(7 + n) {
            let results = store.append(group).unwrap();
            assert!(results.iter().all(Result::is_ok), "{results:?}");
        }
    });
    let dev = Conversation::Channel(name("dev"));
    assert_eq!(times(&servers[0], &dev), (1..=500).collect::<Vec<u64>>());
}

#[test]
fn another_message_with_the_same_id_is_not_taken_for_stored() {
    let [one, other] = two_servers();
    one.append(&[said(1, "dev", "mine"), said(2, "dev", "mine")])
        .unwrap();
    let results = other.append(&[
        said(1, "dev", "mine"),
        said(2, "dev", "yours"),
        said(3, "dev", "yours"),
    ]);
    let expected = vec![Ok(()), Err(AppendError::IdTaken), Ok(())];
    assert_eq!(results.unwrap(), expected);
    let elsewhere = one.append(&[said(1, "ops", "mine"), said(4, "dev", "x")]);
    assert_eq!(elsewhere.unwrap(), [Err(AppendError::IdTaken), Ok(())]);
    assert_eq!(
        times(&one, &Conversation::Channel(name("dev"))),
        [1, 2, 3, 4]
    );
}

#[test]
fn a_name_goes_to_one_of_those_who_want_it_at_once() {
    let servers = two_servers();
    for round in 0..10 {
        let made = at_once(&servers, 8, |store, n| {
            // The first half share the name, all share the address.
            let username = if n < 4 {
                format!("same{round}")
            } else {
                format!("own{round}x{n}")
            };
            store.create_account(&NewAccount {
                email: Some(format!("same{round}@example.org")),
                ..person(&username)
            })
        });
        let (made, refused): (Vec<_>, Vec<_>) = made.into_iter().partition(Result::is_ok);
        assert_eq!(made.len(), 1, "{made:?}");
        for error in refused {
            let error = error.unwrap_err();
            let StoreError::Taken(fields) = &error else {
                panic!("{error}");
            };
            assert!(fields.contains(&UniqueField::Email), "{fields:?}");
        }
        let of_all = format!("same{round}");
        let found = servers[1].account(&Who::Username(name(&of_all))).unwrap();
        let winner = made[0].as_ref().unwrap();
        assert_eq!(found.is_some(), winner.username == name(&of_all));
    }
}

#[test]
fn a_refresh_token_is_exchanged_by_one_of_those_who_have_it() {
    let servers = two_servers();
    let account = servers[0].create_account(&person("ann")).unwrap();
    let token = |n: usize| Token {
        access_key_id: format!("access{n}"),
        secret_access_key: Secret::new("secret"),
        refresh_token: Secret::new(format!("refresh{n}")),
        account: account.id,
        created_at: 1000,
        expires_at: 2000,
        modified_at: 1000,
        is_refreshable: true,
        is_active: true,
    };
    for round in 1..=10 {
        let old = round * 100;
        servers[0].add_token(&token(old)).unwrap();
        let refresh = token(old).refresh_token;
        let exchanged = at_once(&servers, 6, |store, n| {
            store
                .exchange_token(&refresh, &token(old + 1 + n), 1500)
                .unwrap()
        });
        assert_eq!(exchanged.iter().flatten().count(), 1);
        let kept = (1..=6).filter(|n| {
            let key = token(old + n).access_key_id;
            servers[0].token(&key).unwrap().is_some()
        });
        assert_eq!(kept.count(), 1, "no other came into being");
    }
}

#[test]
fn a_marker_never_goes_back_whoever_moves_it() {
    let servers = two_servers();
    let [a, b] = ["ann", "bob"].map(|who| servers[0].create_account(&person(who)).unwrap());
    let messages: Vec<Message> = (1..=100).map(|ms| direct(ms, &a, &b, "x")).collect();
    servers[0].append(&messages).unwrap();
    at_once(&servers, 8, |store, n| {
        for step in 0..10 {
            let up_to = id((step * 8 + n as u64 * 37) % 96);
            store.mark_read(b.id, a.id, up_to).unwrap();
        }
        if n == 3 {
            store.mark_read(b.id, a.id, id(98)).unwrap();
        }
    });
    assert_eq!(servers[1].inbox(b.id, 1, 1).unwrap()[0].unread, 2);
}

#[test]
fn servers_that_start_at_once_make_the_tables_once() {
    let url = Postgres::shared().create_database();
    let barrier = Barrier::new(6);
    thread::scope(|scope| {
        for n in 1..=6 {
            let (barrier, url) = (&barrier, &url);
            scope.spawn(move || {
                barrier.wait();
                open(settings(url)).append(&[said(n, "dev", "x")]).unwrap();
            });
        }
    });
    let dev = Conversation::Channel(name("dev"));
    assert_eq!(times(&open(settings(&url)), &dev), [1, 2, 3, 4, 5, 6]);
}

#[test]
fn one_server_removes_what_is_too_old_while_the_others_write() {
    let url = Postgres::shared().create_database();
    let retention = Retention {
        channel_messages: 20,
        ..Retention::default()
    };
    let servers = [0, 1].map(|_| {
        open(PostgresSettings {
            retention,
            ..settings(&url)
        })
    });
    let messages: Vec<Message> = (1..=3000).map(|ms| said(ms, "dev", "x")).collect();
    servers[0].append(&messages).unwrap();
    at_once(&servers, 4, |store, n| match n {
        0 | 1 => while store.tend(10_000).unwrap() {},
        _ => {
            let first = 3000 + n as u64 * 100;
            let more: Vec<Message> = (first..first + 50).map(|ms| said(ms, "dev", "x")).collect();
            store.append(&more).unwrap();
        }
    });
    // A round may end before the last messages were written; another follows.
    while servers[0].tend(100_000).unwrap() | servers[1].tend(100_000).unwrap() {}
    let dev = Conversation::Channel(name("dev"));
    let left = servers[0].history(&dev, Window::Latest, 1000).unwrap();
    let left_times: Vec<u64> = left.messages.iter().map(|m| m.id.ms).collect();
    assert_eq!(left_times, (3330..3350).collect::<Vec<u64>>());
    assert!(left.gap && !left.more);
}

#[test]
fn very_long_keys_and_words_are_kept_apart() {
    let store = InPostgres::create().open(Retention::default());
    let long = "long".repeat(5000);
    let account = |who: &str, email: &str| NewAccount {
        email: Some(email.to_owned()),
        ..person(who)
    };
    store
        .create_account(&account("ann", &format!("{long}1")))
        .unwrap();
    store
        .create_account(&account("bob", &format!("{long}2")))
        .unwrap();
    let same = store.create_account(&account("cleo", &format!("{}1", long.to_uppercase())));
    assert_eq!(
        same.unwrap_err(),
        StoreError::Taken(vec![UniqueField::Email])
    );
    let text = format!("{long} short");
    let words: String = (0..250_000).map(|n| format!(" {n}")).collect();
    let message = |ms, text: &str| Message {
        body: Text::clean(text).into(),
        ..said(ms, "dev", "")
    };
    let results = store
        .append(&[message(1, &text), message(2, &words)])
        .unwrap();
    assert_eq!(results, [Ok(()), Ok(())]);
    let found = |words: &str| -> Vec<u64> {
        let search = Search {
            words: words.to_owned(),
            scope: SearchScope::Everywhere,
            before: None,
            after: MessageId::default(),
            limit: 10,
        };
        let found = store.search(&search).unwrap().found;
        found.iter().map(|found| found.id.ms).collect()
    };
    assert_eq!(found(&text), [1]);
    assert_eq!(found("short"), [1]);
    assert_eq!(found("249 12"), [2]);
    assert!(store.token("a\0b").unwrap().is_none());
}

#[test]
fn a_database_that_does_not_answer_is_named_without_its_password() {
    let url = format!(
        "postgres://chat:hunter2@{}/chat?sslmode=disable",
        free_address()
    );
    let error = PostgresStore::open(settings(&url)).err().unwrap();
    assert!(matches!(error, OpenError::Unreachable(..)), "{error:?}");
    let words = format!("{error} {error:?} {:?}", settings(&url));
    assert!(words.contains("Connection refused"), "{words}");
    assert!(words.contains("postgres://chat@127.0.0.1"), "{words}");
    assert!(!words.contains("hunter2"), "{words}");
    assert!(!words.contains('\n'), "{words:?}");
    let absent = Postgres::shared().url("absent");
    let error = PostgresStore::open(settings(&absent)).err().unwrap();
    assert!(error.to_string().contains("does not exist"), "{error}");
}

#[test]
fn a_database_that_cannot_be_used_is_left_alone() {
    let latin = Postgres::shared().create_database_with(
        "ENCODING 'LATIN1' LOCALE_PROVIDER libc LOCALE 'C' TEMPLATE template0",
    );
    let error = PostgresStore::open(settings(&latin)).err().unwrap();
    assert!(matches!(error, OpenError::Unsuitable(..)), "{error:?}");
    assert!(error.to_string().contains("LATIN1"), "{error}");

    let newer = Postgres::shared().create_database();
    open(settings(&newer));
    connect(&newer)
        .batch_execute("INSERT INTO __diesel_schema_migrations (version) VALUES ('29990101000000')")
        .unwrap();
    let error = PostgresStore::open(settings(&newer)).err().unwrap();
    assert!(matches!(error, OpenError::Newer(..)), "{error:?}");

    let foreign = Postgres::shared().create_database();
    connect(&foreign)
        .batch_execute("CREATE TABLE message (recipe TEXT)")
        .unwrap();
    let error = PostgresStore::open(settings(&foreign)).err().unwrap();
    assert!(matches!(error, OpenError::Migration(..)), "{error:?}");
    let untouched =
        connect(&foreign).batch_execute("SELECT recipe FROM message; CREATE TABLE account ()");
    assert_eq!(untouched, Ok(()));
}

#[test]
fn what_takes_too_long_is_given_up() {
    let url = Postgres::shared().create_database();
    let store = open(PostgresSettings {
        statement_timeout: BLOCKED,
        search_time: BLOCKED,
        ..settings(&url)
    });
    store.append(&[said(1, "dev", "x")]).unwrap();
    let mut other = connect(&url);
    other
        .batch_execute("BEGIN; LOCK TABLE message IN ACCESS EXCLUSIVE MODE")
        .unwrap();
    assert_eq!(store.append(&[said(2, "dev", "x")]), Err(StoreError::Slow));
    let dev = Conversation::Channel(name("dev"));
    let read = store.history(&dev, Window::Latest, 1);
    assert!(matches!(read, Err(StoreError::Slow)), "{read:?}");
    let search = Search {
        words: "word".to_owned(),
        scope: SearchScope::Everywhere,
        before: None,
        after: MessageId::default(),
        limit: 10,
    };
    let found = store.search(&search);
    assert!(matches!(found, Err(StoreError::Slow)), "{found:?}");
    other.batch_execute("COMMIT").unwrap();
    store.append(&[said(2, "dev", "x")]).unwrap();
    assert_eq!(times(&store, &dev), [1, 2]);
}

/// The limit for a statement that is blocked for good; other statements end in
/// time on a busy machine, too.
const BLOCKED: Duration = Duration::from_secs(3);

/// The limit for a database that does not answer at all.
const SHORT: Duration = Duration::from_secs(1);

/// Short, but enough for every statement that is not blocked.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(4);

#[test]
fn the_database_gives_a_statement_up_before_whoever_waits_for_it() {
    let url = Postgres::shared().create_database();
    let store = open(PostgresSettings {
        answer_timeout: ANSWER_TIMEOUT,
        ..settings(&url)
    });
    let [a, b] = ["ann", "bob"].map(|who| store.create_account(&person(who)).unwrap());
    store
        .append(&[direct(1, &a, &b, "x"), direct(2, &a, &b, "x")])
        .unwrap();
    store.mark_read(b.id, a.id, id(1)).unwrap();
    let mut other = connect(&url);
    other
        .batch_execute("BEGIN; UPDATE read_mark SET up_to = up_to")
        .unwrap();
    let marked = store.mark_read(b.id, a.id, id(2));
    assert_eq!(marked, Err(StoreError::Slow));
    assert_eq!(count(&mut other, "wait_event_type = 'Lock'"), 0);
    // No other statement suffers.
    for _ in 0..20 {
        assert!(store.account(&Who::Id(a.id)).unwrap().is_some());
    }
    other.batch_execute("COMMIT").unwrap();
    assert_eq!(store.inbox(b.id, 1, 1).unwrap()[0].unread, 1);
    store.mark_read(b.id, a.id, id(2)).unwrap();
    assert_eq!(store.inbox(b.id, 1, 1).unwrap()[0].unread, 0);
}

#[test]
fn one_answer_that_does_not_come_is_no_silence() {
    let url = Postgres::shared().create_database();
    let store = open(PostgresSettings {
        answer_timeout: ANSWER_TIMEOUT,
        ..settings(&url)
    });
    let a: Account = store.create_account(&person("ann")).unwrap();
    // The insertion of an account waits for a lock and ignores the database's
    // cancellation.
    let mut other = connect(&url);
    other
        .batch_execute(
            "CREATE FUNCTION stubborn() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
                 BEGIN
                     PERFORM pg_advisory_xact_lock(1);
                 EXCEPTION WHEN query_canceled THEN
                     PERFORM pg_advisory_xact_lock(1);
                 END;
                 RETURN NEW;
             END $$;
             CREATE TRIGGER stubborn BEFORE INSERT ON account
             FOR EACH ROW EXECUTE FUNCTION stubborn();
             SELECT pg_advisory_lock(1);",
        )
        .unwrap();
    let made = store.create_account(&person("bob"));
    assert!(matches!(made, Err(StoreError::Slow)), "{made:?}");
    assert_eq!(count(&mut other, "wait_event_type = 'Lock'"), 1);
    for _ in 0..20 {
        assert!(store.account(&Who::Id(a.id)).unwrap().is_some());
    }
    other.batch_execute("SELECT pg_advisory_unlock(1)").unwrap();
    wait_until("the account exists after all", || {
        let bob = store.account(&Who::Username(name("bob")));
        bob.unwrap().is_some()
    });
}

/// How many of the stores' connections to their database meet a condition.
fn count(connection: &mut PgConnection, condition: &str) -> i64 {
    #[derive(diesel::QueryableByName)]
    struct Count {
        #[diesel(sql_type = diesel::sql_types::BigInt)]
        count: i64,
    }
    let query = format!(
        "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'chat-server'
         AND datname = current_database() AND {condition}"
    );
    let found: Count = diesel::sql_query(query).get_result(connection).unwrap();
    found.count
}

#[test]
fn every_connection_can_be_told_and_is_bounded() {
    let url = Postgres::shared().create_database();
    let store = open(settings(&url));
    store.append(&[said(1, "dev", "x")]).unwrap();
    let mut stranger = connect(&url);
    assert!(count(&mut stranger, "true") >= 1);
    // A database configured to acknowledge before data is on disk does not.
    stranger
        .batch_execute("DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET synchronous_commit = off', current_database()); END $$;
             CREATE FUNCTION strict() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
                 IF current_setting('synchronous_commit') <> 'on'
                    OR current_setting('statement_timeout') <> TG_ARGV[0] THEN
                     RAISE EXCEPTION 'not set up: % %', current_setting('synchronous_commit'),
                         current_setting('statement_timeout');
                 END IF;
                 RETURN NEW;
             END $$;
             CREATE TRIGGER strict BEFORE INSERT ON message FOR EACH ROW EXECUTE FUNCTION strict('10s');
             CREATE TRIGGER strict BEFORE INSERT ON account FOR EACH ROW EXECUTE FUNCTION strict('3s');")
        .unwrap();
    let store = open(settings(&url));
    store.append(&[said(2, "dev", "x")]).unwrap();
    store.create_account(&person("ann")).unwrap();
}

#[test]
fn a_database_that_was_killed_is_found_again() {
    let postgres = Postgres::start();
    let url = postgres.create_database();
    let store = Arc::new(open(PostgresSettings {
        wait: Duration::from_secs(20),
        ..settings(&url)
    }));
    let a: Account = store.create_account(&person("ann")).unwrap();
    store.append(&[said(1, "dev", "x")]).unwrap();
    postgres.kill();
    let lost = store.append(&[said(2, "dev", "x")]);
    assert!(matches!(lost, Err(StoreError::Away(_))), "{lost:?}");
    let again = store.append(&[said(2, "dev", "x")]);
    assert!(matches!(again, Err(StoreError::Away(_))), "{again:?}");
    postgres.start_again();
    // No statement fails afterwards, on any connection.
    assert_eq!(store.append(&[said(2, "dev", "x")]), Ok(vec![Ok(())]));
    assert_eq!(store.append(&[said(2, "dev", "x")]), Ok(vec![Ok(())]));
    assert!(store.account(&Who::Id(a.id)).unwrap().is_some());
    let dev = Conversation::Channel(name("dev"));
    assert_eq!(times(&*store, &dev), [1, 2]);
    // A restart between two statements loses no message.
    postgres.kill();
    postgres.start_again();
    assert_eq!(store.append(&[said(3, "dev", "x")]), Ok(vec![Ok(())]));
    assert_eq!(times(&*store, &dev), [1, 2, 3]);
}

#[test]
fn a_database_that_hangs_keeps_nobody_waiting_for_long() {
    let postgres = Postgres::start();
    let url = postgres.create_database();
    let store = Arc::new(open(PostgresSettings {
        answer_timeout: SHORT,
        statement_timeout: SHORT,
        ..settings(&url)
    }));
    // A busy machine may need longer than that for the first answers.
    let a: Account = open(settings(&url)).create_account(&person("ann")).unwrap();
    let dev = Conversation::Channel(name("dev"));
    wait_until("the database answers in time", || {
        let merged = store.merge(&[said(1, "dev", "x").into()]);
        let read = store.history(&dev, Window::Latest, 10);
        merged.is_ok() && read.is_ok_and(|read| read.messages.len() == 1)
    });
    postgres.stop();
    // With and without an existing connection, each attempt fails; there are
    // far more attempts than connections.
    for n in 0..100 {
        let account = store.account(&Who::Id(a.id));
        assert!(matches!(account, Err(StoreError::Silent)), "{account:?}");
        let history = store.history(&dev, Window::Latest, 10);
        assert!(matches!(history, Err(StoreError::Silent)), "{history:?}");
        let merged = store.merge(&[said(2, "dev", "x").into()]);
        assert!(matches!(merged, Err(StoreError::Silent)), "{n}: {merged:?}");
    }
    postgres.go_on();
    wait_until("the store tries again", || {
        store.merge(&[said(2, "dev", "x").into()]) == Ok(vec![Ok(())])
    });
    wait_until("it answers questions in time", || {
        let account = store.account(&Who::Id(a.id));
        let read = store.history(&dev, Window::Latest, 10);
        account.is_ok_and(|found| found.is_some())
            && read.is_ok_and(|read| read.messages.len() == 2)
    });
}

#[test]
fn what_was_acknowledged_outlives_the_database() {
    let postgres = Postgres::start();
    let url = postgres.create_database();
    let store = Arc::new(open(PostgresSettings {
        wait: Duration::from_millis(500),
        ..settings(&url)
    }));
    let (settled, outcomes) = crossbeam_channel::unbounded();
    let writer_settings = WriterSettings {
        group: 50,
        probe_every: Duration::from_millis(50),
        ..WriterSettings::default()
    };
    let (writer, appender) = StoreWriter::start(store.clone(), writer_settings, move |group| {
        settled.send(group).unwrap();
    })
    .unwrap();
    let mut acknowledged = Vec::new();
    let mut failed = Vec::new();
    let mut next = 1;
    let collect = |acknowledged: &mut Vec<u64>, failed: &mut Vec<u64>| {
        for outcome in outcomes.recv_timeout(crate::support::DEADLINE).unwrap() {
            match outcome.result {
                Ok(()) => acknowledged.push(outcome.id.ms),
                Err(AppendError::NotCommitted(_)) => failed.push(outcome.id.ms),
                Err(other) => panic!("{other}"),
            }
        }
    };
    let append = |ids: std::ops::Range<u64>| {
        for ms in ids {
            appender
                .try_append(vec![said(ms, "dev", "x").into()])
                .unwrap();
        }
    };
    for _ in 0..3 {
        append(next..next + 1000);
        collect(&mut acknowledged, &mut failed);
        postgres.kill();
        append(next + 1000..next + 1100);
        next += 1100;
        while acknowledged.len() + failed.len() < (next - 1) as usize {
            collect(&mut acknowledged, &mut failed);
        }
        wait_until("the writer has noticed", || !appender.is_healthy());
        postgres.start_again();
        wait_until("the writer has recovered", || appender.is_healthy());
    }
    assert!(!acknowledged.is_empty() && !failed.is_empty());
    writer.shut_down(crate::support::DEADLINE).unwrap();
    let store = open(settings(&url));
    let mut stored = Vec::new();
    let dev = Conversation::Channel(name("dev"));
    loop {
        let after = Window::After(id(stored.last().copied().unwrap_or(0)));
        let part = store.history(&dev, after, 1000).unwrap();
        stored.extend(part.messages.iter().map(|m| m.id.ms));
        if !part.more {
            break;
        }
    }
    let missing: Vec<&u64> = acknowledged
        .iter()
        .filter(|ms| !stored.contains(ms))
        .collect();
    assert!(missing.is_empty(), "{missing:?}");
    // The outcome of messages in flight is unknown; sent again, each is there
    // once.
    let retry: Vec<Message> = failed.iter().map(|&ms| said(ms, "dev", "x")).collect();
    assert!(store.append(&retry).unwrap().iter().all(Result::is_ok));
    let history = store.history(&dev, Window::Latest, 1000).unwrap();
    assert_eq!(history.messages.len(), 1000);
    assert!(
        history
            .messages
            .iter()
            .map(|m| m.id.ms)
            .eq(next - 1000..next)
    );
}

#[test]
fn places_are_not_taken_for_words() {
    let store = InPostgres::create().open(Retention::default());
    let message = Message {
        place: Place::Channel {
            channel: name("dev"),
            account: None,
        },
        ..said(1, "dev", "it's \\ 'quoted' & | ! <-> :*")
    };
    store.append(&[message]).unwrap();
    for (words, count) in [
        ("#c1", 0),
        ("c1", 0),
        ("it s", 1),
        ("quoted:* & !it", 1),
        ("' \\", 0),
    ] {
        let search = Search {
            words: words.to_owned(),
            scope: SearchScope::Everywhere,
            before: None,
            after: MessageId::default(),
            limit: 10,
        };
        assert_eq!(store.search(&search).unwrap().found.len(), count, "{words}");
    }
}

#[test]
fn accounts_that_looked_alike_before_go_on_and_are_noted() {
    let database = InPostgres::create();
    let store = database.open(Retention::default());
    let bob = store.create_account(&person("Bob")).unwrap();
    for number in 0..1200 {
        store
            .create_account(&person(&format!("other{number}")))
            .unwrap();
    }
    let mut stranger = connect(&database.0);
    // As earlier servers made them.
    stranger
        .batch_execute(
            "TRUNCATE account_key;
             INSERT INTO account (username, username_key, first_name, last_name, password_hash,
                                  created_at)
             VALUES ('\u{412}ob', '\u{299}ob', '', '', '$argon2id$', 1);",
        )
        .unwrap();
    // Two servers start at once, and again.
    for _ in 0..2 {
        let stores = thread::scope(|scope| {
            let starting = [(); 2].map(|()| scope.spawn(|| database.open(Retention::default())));
            starting.map(|it| it.join().unwrap())
        });
        for store in stores {
            let id = |who: &str| {
                store
                    .account(&Who::Username(name(who)))
                    .unwrap()
                    .unwrap()
                    .id
            };
            assert_eq!(id("BOB"), bob.id);
            assert_ne!(id("\u{412}ob"), bob.id);
            assert_eq!(id("\u{432}ob"), id("\u{412}ob"));
            assert_eq!(id("\u{392}ob"), bob.id);
            let taken = store.create_account(&person("\u{39f}ther7"));
            assert_eq!(
                taken.unwrap_err(),
                StoreError::Taken(vec![UniqueField::Username])
            );
        }
    }
    let count = |query: &str| -> i64 {
        let mut stranger = connect(&database.0);
        let row: Count = diesel::sql_query(query).get_result(&mut stranger).unwrap();
        row.count
    };
    assert_eq!(count("SELECT count(*) AS count FROM account_key"), 1202);
    assert_eq!(count("SELECT count(*) AS count FROM name_collision"), 1);
}

#[derive(QueryableByName)]
struct Count {
    #[diesel(sql_type = diesel::sql_types::BigInt)]
    count: i64,
}

/// The search index as the previous version made it.
const OLD_VECTORS: &str = "
    UPDATE message SET words = array_to_tsvector(ARRAY['#c' || conversation_id, 'oneword'])";

fn found(store: &dyn Store, words: &str) -> usize {
    let search = Search {
        words: words.to_owned(),
        scope: SearchScope::Within(Conversation::Channel(name("dev"))),
        before: None,
        after: MessageId::default(),
        limit: 1000,
    };
    store.search(&search).unwrap().found.len()
}

#[test]
fn older_messages_are_indexed_anew_by_one_server_or_another() {
    let url = Postgres::shared().create_database();
    let store = open(settings(&url));
    let mut messages = vec![said(1, "dev", "今天天气很好")];
    messages.extend((2..=1700).map(|ms| said(ms, "dev", "weather")));
    assert!(store.append(&messages).unwrap().iter().all(Result::is_ok));
    store.close().unwrap();
    let mut stranger = connect(&url);
    stranger.batch_execute(OLD_VECTORS).unwrap();
    stranger
        .batch_execute(
            "DROP TABLE search_state;
             DELETE FROM __diesel_schema_migrations WHERE version = '20261128000200'",
        )
        .unwrap();
    // The first one ends before it is done; two others take turns.
    let first = open(settings(&url));
    assert_eq!(found(&first, "天气"), 0);
    assert!(first.tend(1700).unwrap());
    assert_eq!(found(&first, "天气"), 1);
    first.close().unwrap();
    let others = [open(settings(&url)), open(settings(&url))];
    while others[0].tend(1700).unwrap() | others[1].tend(1700).unwrap() {}
    assert_eq!(found(&others[0], "weath"), 1000);
    assert_eq!(found(&others[0], "oneword"), 0);
    // A server of the earlier version still runs and writes its own format.
    let late = said(1701, "dev", "天气 again");
    assert!(others[0].append(&[late]).unwrap().iter().all(Result::is_ok));
    stranger
        .batch_execute(
            "UPDATE message SET words = array_to_tsvector(ARRAY['oneword'])
             WHERE id = (SELECT max(id) FROM message)",
        )
        .unwrap();
    let last = open(settings(&url));
    while last.tend(1800).unwrap() {}
    assert_eq!(found(&last, "天气"), 2);
    assert!(!others[1].tend(120_000).unwrap());
}
