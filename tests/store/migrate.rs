//! `chat-server migrate`: everything in SQLite gets into PostgreSQL.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use crate::channels_suite;
use crate::store_suite::{direct, id, name, person, said};
use crate::support::{Postgres, connect, wait_until};
use chat_server::hub::MessageId;
use chat_server::model::governance::ChannelChange;
use chat_server::model::{Body, MessageKind, Record};
use chat_server::store::{
    Account, Conversation, DatabaseUrl, Durability, Message, PostgresSettings, PostgresStore,
    Retention, Search, SearchScope, Secret, SqliteSettings, SqliteStore, Store, Token, Who, Window,
};
use diesel::connection::SimpleConnection;
use diesel::sql_types::BigInt;
use diesel::{QueryableByName, RunQueryDsl};
use tempfile::TempDir;

const MESSAGES: u64 = 4500;
/// The time of the first messages; retention removes the earlier ones.
const DAY_MS: u64 = 24 * 60 * 60 * 1000;

pub fn sqlite(folder: &Path, retention: Retention) -> SqliteStore {
    let settings = SqliteSettings {
        retention,
        durability: Durability::Process,
        ..SqliteSettings::new(folder.join("chat.db"))
    };
    crate::open_store(settings)
}

fn postgres(url: &str) -> PostgresStore {
    PostgresStore::open(PostgresSettings::new(DatabaseUrl::parse(url).unwrap())).unwrap()
}

fn token(n: u32, account: &Account, is_active: bool) -> Token {
    Token {
        access_key_id: format!("access{n:04}"),
        secret_access_key: Secret::new(format!("secret{n}")),
        refresh_token: Secret::new(format!("refresh{n}")),
        account: account.id,
        created_at: 1000,
        expires_at: 90 * DAY_MS,
        modified_at: 1000,
        is_refreshable: true,
        is_active,
    }
}

/// The message as an action, a notice, or with colours, now and then.
fn meant(message: Message) -> Message {
    let text = message.body.text.as_str();
    let body = match message.id.ms % 11 {
        0 => Body::styled(MessageKind::Action, &format!("\x0304{text}")),
        1 => Body::plain(MessageKind::Notice, message.body.text.clone()),
        _ => message.body.clone(),
    };
    Message { body, ..message }
}

/// Makes a database with some of everything; returns its accounts.
fn fill(folder: &Path) -> Vec<Account> {
    let store = sqlite(
        folder,
        Retention {
            channel_messages: 20,
            direct_days: 1,
            ..Retention::default()
        },
    );
    let make = |n| store.create_account(&person(&format!("user{n}"))).unwrap();
    let people: Vec<Account> = (0..1100).map(make).collect();
    let [a, b, c] = [&people[0], &people[1], &people[2]];
    for n in 0..1050 {
        store
            .set_ignored(a.id, &name(&format!("Pest{n}")), true)
            .unwrap();
        store.add_token(&token(n, b, n % 2 == 0)).unwrap();
    }
    // Some messages have been removed from both kinds of conversation.
    let old: Vec<Message> = (1..=30)
        .map(|n| match n % 3 {
            0 => direct(n, a, b, "old"),
            1 => direct(n, c, c, "old"),
            _ => said(n, "Short", "old"),
        })
        .chain((31..=60).map(|n| said(n, "Short", "kept")))
        .collect();
    store.append(&old).unwrap();
    while store.tend(3 * DAY_MS).unwrap() {}
    let at = |n: u64| 3 * DAY_MS + n;
    let messages: Vec<Message> = (1..=MESSAGES)
        .map(|n| match n % 5 {
            0 => direct(at(n), a, b, "to bob"),
            1 => direct(at(n), b, a, "from bob"),
            2 => direct(at(n), c, a, "Café"),
            3 => direct(at(n), a, a, "note"),
            _ => said(at(n), &format!("channel{}", n % 7), "quick brown"),
        })
        .map(meant)
        .collect();
    for group in messages.chunks(1000) {
        store.append(group).unwrap();
    }
    let read = |who: &Account, peer: &Account, n| store.mark_read(who.id, peer.id, id(at(n)));
    read(a, b, 101).unwrap();
    read(b, a, 3000).unwrap();
    read(a, c, MESSAGES).unwrap();
    let rooms: Vec<Record> = (1..=1100)
        .map(|n| channels_suite::topic(4 * DAY_MS + n, &format!("Room{n}"), "x"))
        .map(|change| channels_suite::record(&change))
        .collect();
    store.commit(&rooms).unwrap();
    let any = channels_suite::any_changes(7, 40, 1).into_iter();
    let any: Vec<Record> = any
        .map(|change| ChannelChange {
            id: id(5 * DAY_MS + change.id.ms),
            ..change
        })
        .map(|change| channels_suite::record(&change))
        .collect();
    store.commit(&any).unwrap();
    for (n, person) in people.iter().enumerate() {
        let read_up_to = id(at(n as u64));
        store
            .save_channel(person.id, &name("Channel4"), read_up_to)
            .unwrap();
    }
    store.mute_channel(a.id, &name("channel4"), true).unwrap();
    store.close().unwrap();
    people
}

/// Everything that a store shows.
fn seen(store: &dyn Store, people: &[Account]) -> Vec<String> {
    let mut seen = vec![format!("{:?}", store.last_message_id().unwrap())];
    for account in people {
        let account = store.account(&Who::Id(account.id)).unwrap().unwrap();
        seen.push(format!("{account:?} {}", account.password_hash.expose()));
    }
    for n in 0..1050 {
        let token = store.token(&format!("access{n:04}")).unwrap().unwrap();
        let secrets = [&token.secret_access_key, &token.refresh_token].map(Secret::expose);
        seen.push(format!("{token:?} {secrets:?}"));
    }
    let [a, b, c] = [people[0].id, people[1].id, people[2].id];
    for account in [a, b, c] {
        let inbox = store.inbox(account, 1, 10).unwrap();
        seen.extend(inbox.iter().map(|line| format!("{account:?} {line:?}")));
    }
    let mut after = None;
    loop {
        let page = store.channels(after.as_deref(), 1000).unwrap();
        let Some((last, _)) = page.last() else { break };
        after = Some(last.key().clone());
        seen.extend(page.iter().map(|it| format!("{it:?}")));
    }
    for account in people {
        seen.push(format!("{:?}", store.saved_channels(account.id).unwrap()));
    }
    let unread = [(name("channel4"), id(3 * DAY_MS + 4400))];
    seen.push(format!(
        "{:?}",
        store.unread((a, &people[0].username), &unread)
    ));
    let channels = (0..7)
        .map(|n| format!("channel{n}"))
        .chain(["short".to_owned()]);
    let conversations = channels
        .map(|channel| Conversation::Channel(name(&channel)))
        .chain(
            [(a, b), (a, c), (a, a), (c, c)].map(|(one, other)| Conversation::Thread(one, other)),
        );
    for conversation in conversations {
        for window in [
            Window::Latest,
            Window::Page(2),
            Window::After(MessageId::default()),
        ] {
            let history = store.history(&conversation, window, 300).unwrap();
            seen.push(format!("{conversation:?} {window:?} {history:?}"));
        }
    }
    for (words, scope) in [
        ("brown quick", SearchScope::Everywhere),
        ("cafe", SearchScope::ThreadsOf(c)),
        (
            "kept",
            SearchScope::Within(Conversation::Channel(name("short"))),
        ),
        ("old", SearchScope::Everywhere),
    ] {
        let search = Search {
            words: words.to_owned(),
            scope,
            before: None,
            after: MessageId::default(),
            limit: 100,
        };
        seen.push(format!("{:?}", store.search(&search).unwrap().found));
    }
    seen
}

/// How many of the other channels have rules in the end.
fn any_rules() -> usize {
    channels_suite::folded(&channels_suite::any_changes(7, 40, 1)).len()
}

pub fn migrate(folder: &TempDir, url: &str, from: &str, to: &str) -> Output {
    Command::new(env!("CARGO_BIN_EXE_chat-server"))
        .args(["migrate", "--from", from, "--to", to])
        .env("CHAT_SERVER_STORE_POSTGRES", url)
        .env("CHAT_SERVER_DATA_DIR", folder.path())
        .current_dir(folder.path())
        .output()
        .unwrap()
}

/// Waits until no server is connected to a database any more: the connections of one that has
/// ended do so a moment later.
pub fn wait_unused(url: &str) {
    #[derive(QueryableByName)]
    struct Count {
        #[diesel(sql_type = BigInt)]
        count: i64,
    }
    let mut watcher = connect(url);
    wait_until("the connections have ended", || {
        let query = "SELECT count(*) AS count FROM pg_stat_activity
            WHERE datname = current_database() AND pid <> pg_backend_pid()";
        let found: Count = diesel::sql_query(query).get_result(&mut watcher).unwrap();
        found.count == 0
    });
}

pub fn words(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

#[test]
fn everything_is_copied_and_an_interrupted_copy_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let people = fill(folder.path());
    let expected = {
        let store = sqlite(folder.path(), Retention::default());
        let seen = seen(&store, &people);
        store.close().unwrap();
        seen
    };
    let url = Postgres::shared().create_database();
    // The schema of a server that stored nothing, and a migration that fails
    // half way.
    drop(postgres(&url));
    let half = 3 * DAY_MS + MESSAGES / 2;
    connect(&url)
        .batch_execute(&format!(
            "ALTER TABLE message ADD CONSTRAINT half CHECK (id < {half}::bigint << 20)"
        ))
        .unwrap();
    wait_unused(&url);
    let output = migrate(&folder, &url, "sqlite", "postgres");
    assert_eq!(output.status.code(), Some(1));
    assert!(
        words(&output).contains("run it again"),
        "{}",
        words(&output)
    );
    let refused = PostgresStore::open(PostgresSettings::new(DatabaseUrl::parse(&url).unwrap()));
    let refused = refused.err().unwrap().to_string();
    assert!(
        refused.contains("run chat-server migrate again"),
        "{refused}"
    );

    // Meanwhile a token was revoked, and a password was changed.
    {
        let store = sqlite(folder.path(), Retention::default());
        store.deactivate_token("access0000", 2000).unwrap();
        let last = people.last().unwrap().id;
        let hash = Secret::new("another hash");
        store.change_password(last, &hash, 2000).unwrap();
        store.close().unwrap();
    }
    let file = || fs::read(folder.path().join("chat.db")).unwrap();
    let before = file();
    connect(&url)
        .batch_execute("ALTER TABLE message DROP CONSTRAINT half")
        .unwrap();
    let path = folder.path().to_str().unwrap();
    wait_unused(&url);
    let output = migrate(&folder, "", path, &url);
    assert_eq!(output.status.code(), Some(0), "{}", words(&output));
    let rules = 1100 + any_rules();
    let counted = format!(
        "1100 accounts, 1050 ignored nicknames, 1050 tokens, 12 channels and threads, {} messages, 4 read marks, {rules} channels with rules, 1140 changes of rules, 1100 saved channels, 0 tokens of programs, 0 hooks",
        MESSAGES + 20
    );
    assert!(words(&output).contains(&counted), "{}", words(&output));

    let store = postgres(&url);
    let mut found = seen(&store, &people);
    let given_up = store.token("access0000").unwrap().unwrap();
    assert!(!given_up.is_active);
    let last = people.last().unwrap().id;
    let changed = store.account(&Who::Id(last)).unwrap().unwrap();
    assert_eq!(changed.password_hash.expose(), "another hash");
    // The last account, and the first token.
    for position in [people.len(), 1 + people.len()] {
        assert_ne!(found[position], expected[position]);
        found[position].clone_from(&expected[position]);
    }
    for (found, expected) in found.iter().zip(&expected) {
        assert_eq!(found, expected);
    }
    // The database can be used: rows get new numbers, conversations continue.
    let zoe = store.create_account(&person("zoe")).unwrap();
    assert!(zoe.id > people.last().unwrap().id);
    let next = 4 * DAY_MS;
    let results = store.append(&[
        direct(next, &zoe, &people[0], "hello"),
        said(next + 1, "new", "hello"),
        said(next + 2, "SHORT", "hello"),
    ]);
    assert!(results.unwrap().iter().all(Result::is_ok));
    let short = Conversation::Channel(name("short"));
    let history = store.history(&short, Window::Latest, 3).unwrap();
    assert_eq!(history.messages.len(), 3);

    let again = migrate(&folder, &url, "sqlite", "postgres");
    assert_eq!(again.status.code(), Some(1));
    assert!(
        words(&again).contains("a server is using"),
        "{}",
        words(&again)
    );
    store.close().unwrap();
    drop(store);
    wait_until("the connections have ended", || {
        let again = migrate(&folder, &url, "sqlite", "postgres");
        assert_eq!(again.status.code(), Some(1));
        words(&again).contains("copied before")
    });
    assert!(before == file(), "the old database has been changed");
}

#[test]
fn nothing_is_copied_into_what_is_not_empty() {
    let folder = tempfile::tempdir().unwrap();
    let store = sqlite(folder.path(), Retention::default());
    store.append(&[said(1, "dev", "x")]).unwrap();
    let url = Postgres::shared().create_database();
    let in_use = migrate(&folder, &url, "sqlite", "postgres");
    assert!(
        words(&in_use).contains("in use by another server"),
        "{}",
        words(&in_use)
    );
    store.close().unwrap();
    let target = postgres(&url);
    target.append(&[said(2, "dev", "x")]).unwrap();
    target.close().unwrap();
    drop(target);
    wait_until("the connections have ended", || {
        let refused = migrate(&folder, &url, "sqlite", "postgres");
        assert_eq!(refused.status.code(), Some(1));
        words(&refused).contains("use an empty one")
    });
    let dev = Conversation::Channel(name("dev"));
    let history = postgres(&url).history(&dev, Window::Latest, 9).unwrap();
    assert_eq!(history.messages.len(), 1);

    // A copy of another file is not continued.
    let url = Postgres::shared().create_database();
    drop(postgres(&url));
    connect(&url)
        .batch_execute("INSERT INTO migrated (source, finished) VALUES ('/old/chat.db', false)")
        .unwrap();
    wait_until("the connections have ended", || {
        let refused = migrate(&folder, &url, "sqlite", "postgres");
        words(&refused).contains("filled from /old/chat.db")
    });
}

#[test]
fn mistakes_are_named_without_passwords() {
    let folder = tempfile::tempdir().unwrap();
    let missing = migrate(
        &folder,
        "postgres://chat:hunter2@127.0.0.1:1/chat",
        "sqlite",
        "postgres",
    );
    assert!(
        words(&missing).contains("No such file"),
        "{}",
        words(&missing)
    );
    assert!(!folder.path().join("chat.db").exists());
    sqlite(folder.path(), Retention::default()).close().unwrap();
    for (from, to, complaint) in [
        (
            "sqlite",
            "postgres://chat:hunter2@127.0.0.1:1/chat",
            "Connection refused",
        ),
        ("sqlite", "sqlite", "expected postgres, or a URL"),
        ("postgres", "postgres", "only SQLite can be read"),
        (
            "sqlite",
            "postgres://chat:hunter2/@127.0.0.1:1/chat",
            "percent-encoded",
        ),
        ("sqlite", "postgres", "set store.postgres"),
    ] {
        let output = migrate(&folder, "", from, to);
        assert_eq!(output.status.code(), Some(1), "{from} {to}");
        assert!(words(&output).contains(complaint), "{}", words(&output));
        assert!(!words(&output).contains("hunter2"), "{}", words(&output));
    }
}
