//! What every store must do, whatever its database.

// Some test programs use only its functions for messages and accounts.
#![allow(dead_code)]

use std::cell::Cell;
use std::sync::Arc;

use chat_server::hub::MessageId;
use chat_server::model::invitation::MAX_INVITATIONS;
use chat_server::model::sign_in::MAX_SIGN_INS;
use chat_server::model::{AccountInvitation, Body, MessageKind, SignIn};
use chat_server::name::Name;
use chat_server::store::{
    Account, AccountId, AppendError, Conversation, KnownAddress, Message, NewAccount, Place,
    Profile, Retention, Search, SearchScope, Secret, ServerRole, Standing, Store, StoreError,
    Token, UniqueField, Who, Window,
};
use chat_server::text::Text;
use proptest::prelude::prop_assert_eq;
use proptest::test_runner::{Config, TestRunner};

/// A database for one test alone.
pub trait Database {
    /// Makes an empty database.
    fn create() -> Self;
    /// Opens it, or opens it again.
    fn open(&self, retention: Retention) -> Arc<dyn Store>;
}

/// One test for each thing a store must do.
#[macro_export]
macro_rules! store_suite {
    ($database:ty) => {
        $crate::store_suite!($database:
            history_is_read_by_window,
            kinds_and_styles_are_kept,
            any_window_is_what_a_list_would_give,
            history_knows_whether_it_is_complete,
            channels_and_threads_are_apart,
            a_channel_has_one_history_however_it_is_spelt,
            a_thread_is_read_by_page,
            an_inbox_counts_what_is_unread,
            notes_to_oneself_are_never_unread,
            an_id_is_stored_once,
            ids_only_increase,
            a_thread_needs_both_accounts,
            ids_go_on_after_a_restart,
            another_password_ends_tokens,
            owners_change_their_accounts,
            sign_ins_are_listed_until_they_end,
            an_invitation_makes_so_many_accounts,
            accounts_are_listed_disabled_and_deleted,
            a_link_resets_a_password_once,
            the_newest_addresses_are_known,
            words_are_found_before_and_after_indexing,
            a_search_ends_where_the_past_that_may_be_read_begins,
            indexing_changes_nothing_that_is_found,
            scripts_without_spaces_are_searched_by_any_part,
            what_the_index_brings_by_mistake_is_passed_over,
            search_stays_where_it_may_look,
            old_messages_are_removed_by_count,
            old_messages_are_removed_by_age,
            direct_messages_have_their_own_age,
            accounts_are_found_by_any_spelling,
            unique_fields_are_all_named,
            usernames_that_look_alike_are_taken_together,
            contacts_need_not_be_unique,
            ignored_nicknames_are_remembered,
            a_token_is_exchanged_once,
            a_token_is_given_up_once,
        );
    };
    ($database:ty: $($test:ident,)*) => {
        $(
            #[test]
            fn $test() {
                $crate::store_suite::$test(&<$database as $crate::store_suite::Database>::create());
            }
        )*
    };
}

const FOR_EVER: Retention = Retention {
    channel_days: 0,
    channel_messages: 0,
    direct_days: 0,
};
const DAY_MS: u64 = 24 * 60 * 60 * 1000;

pub fn name(raw: &str) -> Name {
    Name::parse(raw).unwrap()
}

pub fn id(ms: u64) -> MessageId {
    MessageId { ms, sequence: 0 }
}

pub fn said(ms: u64, channel: &str, text: &str) -> Message {
    Message {
        id: id(ms),
        at_ms: ms,
        author: name("alice"),
        place: Place::Channel {
            channel: name(channel),
            account: None,
        },
        body: Text::clean(text).into(),
    }
}

pub fn direct(ms: u64, from: &Account, to: &Account, text: &str) -> Message {
    Message {
        author: from.username.clone(),
        place: Place::Direct {
            from: from.id,
            to: to.id,
        },
        ..said(ms, "unused", text)
    }
}

pub fn person(username: &str) -> NewAccount {
    NewAccount {
        username: name(username),
        first_name: "First".to_owned(),
        last_name: "Last".to_owned(),
        email: Some(format!("{username}@example.org")),
        phone: None,
        unique_contacts: true,
        password_hash: Secret::new("$argon2id$"),
        created_at: 1000,
    }
}

fn commit(store: &dyn Store, messages: &[Message]) {
    let results = store.append(messages).unwrap();
    assert_eq!(results, vec![Ok(()); messages.len()]);
}

fn read(store: &dyn Store, of: &Conversation, window: Window, limit: usize) -> (Vec<u64>, bool) {
    let history = store.history(of, window, limit).unwrap();
    (times(&history.messages), history.is_complete())
}

fn times(messages: &[Message]) -> Vec<u64> {
    messages.iter().map(|message| message.id.ms).collect()
}

fn channel(raw: &str) -> Conversation {
    Conversation::Channel(name(raw))
}

fn thread(one: &Account, other: &Account) -> Conversation {
    Conversation::Thread(one.id, other.id)
}

fn tend(store: &dyn Store, now_ms: u64) {
    while store.tend(now_ms).unwrap() {}
}

pub fn history_is_read_by_window(database: &impl Database) {
    let store = &*database.open(FOR_EVER);
    let messages: Vec<Message> = (1..=50).map(|n| said(n * 10, "dev", "hello")).collect();
    commit(store, &messages);
    let dev = channel("dev");
    let read = |window, limit| read(store, &dev, window, limit).0;
    assert_eq!(read(Window::Latest, 3), [480, 490, 500]);
    assert_eq!(read(Window::Before(id(480)), 2), [460, 470]);
    assert_eq!(read(Window::Before(id(485)), 2), [470, 480]);
    assert!(read(Window::Before(id(10)), 2).is_empty());
    assert_eq!(read(Window::After(id(470)), 2), [480, 490]);
    assert_eq!(read(Window::After(id(475)), 9), [480, 490, 500]);
    assert_eq!(read(Window::After(id(0)), 1), [10]);
    assert!(read(Window::After(id(500)), 1).is_empty());
    let absurd = MessageId {
        ms: u64::MAX,
        sequence: u64::MAX,
    };
    assert_eq!(read(Window::Before(absurd), 1), [500]);
    assert!(read(Window::After(absurd), 1).is_empty());
    assert!(read(Window::Latest, 0).is_empty());
    assert_eq!(read(Window::Latest, usize::MAX).len(), 50);

    let latest = store.history(&dev, Window::Latest, 1).unwrap();
    let message = &latest.messages[0];
    assert_eq!(message.author.as_str(), "alice");
    assert_eq!(message.body.text.as_str(), "hello");
    assert_eq!((message.at_ms, message.place.account()), (500, None));
}

/// How a message is meant comes back wherever messages are read, and so do its colours.
pub fn kinds_and_styles_are_kept(database: &impl Database) {
    let store = &*database.open(FOR_EVER);
    let [a, b] = ["ann", "bob"].map(|name| store.create_account(&person(name)).unwrap());
    let body = |n, text: &str| match n % 4 {
        0 => Body::styled(
            MessageKind::Say,
            &format!("\x02{text}\x02 \x0304red\n\x1dslanted"),
        ),
        1 => Body::styled(MessageKind::Action, &format!("waves \x1f{text}")),
        2 => Body::plain(MessageKind::Notice, Text::clean(text)),
        _ => Text::clean(text).into(),
    };
    let messages: Vec<Message> = (1..=80)
        .map(|n| Message {
            body: body(n, "tea"),
            ..said(n, "dev", "")
        })
        .chain((81..=84).map(|n| Message {
            body: body(n, "cake"),
            ..direct(n, &a, &b, "")
        }))
        .collect();
    commit(store, &messages);
    let bodies = |messages: &[Message]| -> Vec<(u64, Body)> {
        let messages = messages.iter();
        messages.map(|it| (it.id.ms, it.body.clone())).collect()
    };
    let expected = bodies(&messages);
    let (in_channel, in_thread) = expected.split_at(80);
    let check = || {
        let history = store.history(&channel("dev"), Window::Latest, 100).unwrap();
        assert_eq!(bodies(&history.messages), in_channel);
        let thread = Conversation::Thread(a.id, b.id);
        let thread = store.history(&thread, Window::Page(1), 10).unwrap();
        assert_eq!(bodies(&thread.messages), in_thread);
        let inbox = store.inbox(b.id, 1, 10).unwrap();
        assert_eq!(inbox[0].latest.body, in_thread[3].1);
        for (words, expected) in [("tea", in_channel), ("cake", in_thread)] {
            let search = Search {
                words: words.to_owned(),
                scope: SearchScope::Everywhere,
                before: None,
                after: MessageId::default(),
                limit: 100,
            };
            let mut found = bodies(&store.search(&search).unwrap().found);
            found.reverse();
            assert_eq!(found, expected);
        }
    };
    check();
    tend(store, 5);
    check();
    // Codes and their digits are no words.
    assert!(found(store, SearchScope::Everywhere, "04red").is_empty());
}

pub fn any_window_is_what_a_list_would_give(database: &impl Database) {
    let store = &*database.open(FOR_EVER);
    // Ids with gaps, in three channels mixed.
    let mut listed: [Vec<u64>; 3] = Default::default();
    let mut messages = Vec::new();
    for n in 1..=300_u64 {
        let which = (n * n / 7 % 3) as usize;
        listed[which].push(n * 3);
        messages.push(said(n * 3, ["one", "two", "three"][which], "x"));
    }
    commit(store, &messages);
    let windows = (0..3_usize, 0..4_u8, 0..920_u64, 0..60_usize);
    let mut runner = TestRunner::new(Config::with_cases(500));
    let result = runner.run(&windows, |(which, kind, at, limit)| {
        let list = &listed[which];
        let split = |end: usize| list[end.saturating_sub(limit)..end].to_vec();
        let (window, expected) = match kind {
            0 => (Window::Latest, split(list.len())),
            1 => (
                Window::Before(id(at)),
                split(list.partition_point(|&ms| ms < at)),
            ),
            2 => (
                Window::After(id(at)),
                list.iter()
                    .copied()
                    .filter(|&ms| ms > at)
                    .take(limit)
                    .collect(),
            ),
            _ => {
                let skipped = (at % 8) as usize * limit;
                let window = Window::Page(at % 8 + 1);
                (window, split(list.len().saturating_sub(skipped)))
            }
        };
        let channel = channel(["one", "two", "three"][which]);
        prop_assert_eq!(read(store, &channel, window, limit).0, expected);
        Ok(())
    });
    result.unwrap();
}

pub fn history_knows_whether_it_is_complete(database: &impl Database) {
    let store = &*database.open(FOR_EVER);
    assert_eq!(
        read(store, &channel("new"), Window::Latest, 5),
        (vec![], true)
    );
    let messages: Vec<Message> = (1..=5).map(|n| said(n, "dev", "hello")).collect();
    commit(store, &messages);
    let complete = |window, limit| read(store, &channel("dev"), window, limit).1;
    assert!(complete(Window::Latest, 5));
    assert!(!complete(Window::Latest, 4));
    assert!(complete(Window::After(id(1)), 4));
    assert!(!complete(Window::After(id(1)), 3));
    assert!(complete(Window::After(id(5)), 3));
    assert!(complete(Window::Before(id(3)), 2));
    assert!(!complete(Window::Before(id(4)), 2));
    let part = |window| store.history(&channel("dev"), window, 2).unwrap();
    assert!(part(Window::After(id(1))).more && !part(Window::After(id(3))).more);
    assert!(part(Window::Latest).more && !part(Window::Before(id(3))).more);
}

pub fn channels_and_threads_are_apart(database: &impl Database) {
    let store = &*database.open(FOR_EVER);
    let [a, b, c] = ["ann", "bob", "cleo"].map(|who| store.create_account(&person(who)).unwrap());
    commit(
        store,
        &[
            said(1, "one", "x"),
            direct(2, &a, &b, "x"),
            said(3, "two", "x"),
            direct(4, &b, &a, "x"),
            direct(5, &c, &a, "x"),
        ],
    );
    let latest = |of: Conversation| read(store, &of, Window::Latest, 10).0;
    assert_eq!(latest(channel("one")), [1]);
    assert_eq!(latest(channel("two")), [3]);
    assert_eq!(latest(thread(&a, &b)), [2, 4]);
    assert_eq!(latest(thread(&b, &a)), [2, 4]);
    assert_eq!(latest(thread(&a, &c)), [5]);
    assert!(latest(thread(&b, &c)).is_empty());
    let history = store.history(&thread(&a, &b), Window::Latest, 10).unwrap();
    let authors: Vec<Option<AccountId>> =
        history.messages.iter().map(|m| m.place.account()).collect();
    assert_eq!(authors, [Some(a.id), Some(b.id)]);
    // An id of another conversation is still a point in time.
    assert_eq!(read(store, &thread(&a, &b), Window::After(id(3)), 9).0, [4]);
}

pub fn a_channel_has_one_history_however_it_is_spelt(database: &impl Database) {
    let store = &*database.open(FOR_EVER);
    commit(
        store,
        &[
            said(1, "Dev", "x"),
            said(2, "dev", "x"),
            said(3, "DEV", "x"),
        ],
    );
    assert_eq!(read(store, &channel("dEV"), Window::Latest, 9).0, [1, 2, 3]);
}

pub fn a_thread_is_read_by_page(database: &impl Database) {
    let store = &*database.open(FOR_EVER);
    let [a, b] = ["ann", "bob"].map(|who| store.create_account(&person(who)).unwrap());
    let messages: Vec<Message> = (1..=25).map(|n| direct(n, &a, &b, "hi")).collect();
    commit(store, &messages);
    let page = |page| read(store, &thread(&b, &a), Window::Page(page), 10);
    assert_eq!(page(1), ((16..=25).collect(), false));
    assert_eq!(page(2), ((6..=15).collect(), false));
    assert_eq!(page(3), ((1..=5).collect(), true));
    assert_eq!(page(4), (vec![], true));
    assert_eq!(page(0), page(1));
    assert!(page(u64::MAX).0.is_empty());
}

pub fn an_inbox_counts_what_is_unread(database: &impl Database) {
    let store = &*database.open(FOR_EVER);
    let [a, b, c] = ["ann", "bob", "cleo"].map(|who| store.create_account(&person(who)).unwrap());
    commit(
        store,
        &[
            direct(1, &a, &b, "one"),
            direct(2, &b, &a, "two"),
            direct(3, &b, &a, "three"),
            direct(4, &c, &a, "four"),
            direct(5, &a, &b, "five"),
        ],
    );
    let inbox = |of: &Account, page, rows| -> Vec<(String, String, u64)> {
        let threads = store.inbox(of.id, page, rows).unwrap();
        let line = |t: &chat_server::store::ThreadSummary| {
            (
                t.peer_name.to_string(),
                t.latest.body.text.to_string(),
                t.unread,
            )
        };
        threads.iter().map(line).collect()
    };
    let line = |peer: &str, text: &str, unread| (peer.to_owned(), text.to_owned(), unread);
    assert_eq!(
        inbox(&a, 1, 10),
        [line("bob", "five", 2), line("cleo", "four", 1)]
    );
    assert_eq!(inbox(&a, 2, 1), [line("cleo", "four", 1)]);
    assert!(inbox(&a, 3, 1).is_empty());
    assert_eq!(inbox(&b, 1, 10), [line("ann", "five", 2)]);
    assert_eq!(inbox(&c, 1, 10), [line("ann", "four", 0)]);

    store.mark_read(a.id, b.id, id(2)).unwrap();
    assert_eq!(inbox(&a, 1, 1), [line("bob", "five", 1)]);
    store.mark_read(a.id, b.id, id(99)).unwrap();
    store.mark_read(a.id, b.id, id(1)).unwrap();
    assert_eq!(
        inbox(&a, 1, 1),
        [line("bob", "five", 0)],
        "a marker never goes back"
    );
    store.mark_read(b.id, a.id, id(4)).unwrap();
    assert_eq!(inbox(&b, 1, 10), [line("ann", "five", 1)]);
    store.mark_read(b.id, c.id, id(4)).unwrap();

    commit(
        store,
        &[direct(6, &c, &a, "six"), direct(7, &b, &a, "seven")],
    );
    assert_eq!(
        inbox(&a, 1, 10),
        [line("bob", "seven", 1), line("cleo", "six", 2)]
    );
}

pub fn notes_to_oneself_are_never_unread(database: &impl Database) {
    let store = &*database.open(FOR_EVER);
    let a = store.create_account(&person("ann")).unwrap();
    commit(
        store,
        &[direct(1, &a, &a, "milk"), direct(2, &a, &a, "eggs")],
    );
    let inbox = store.inbox(a.id, 1, 10).unwrap();
    assert_eq!((inbox.len(), inbox[0].unread), (1, 0));
    assert_eq!(read(store, &thread(&a, &a), Window::Page(1), 10).0, [1, 2]);
}

pub fn an_id_is_stored_once(database: &impl Database) {
    let store = &*database.open(FOR_EVER);
    commit(store, &[said(1, "dev", "x"), said(2, "dev", "x")]);
    commit(
        store,
        &[
            said(1, "dev", "x"),
            said(2, "dev", "x"),
            said(3, "dev", "x"),
        ],
    );
    commit(
        store,
        &[
            said(4, "dev", "x"),
            said(4, "dev", "x"),
            said(5, "dev", "x"),
        ],
    );
    let all = read(store, &channel("dev"), Window::Latest, 10);
    assert_eq!(all, (vec![1, 2, 3, 4, 5], true));
}

pub fn ids_only_increase(database: &impl Database) {
    let store = &*database.open(FOR_EVER);
    let too_large = Message {
        id: MessageId {
            ms: 3,
            sequence: 1 << 20,
        },
        ..said(3, "dev", "x")
    };
    let results = store.append(&[
        said(2, "dev", "x"),
        said(1, "dev", "x"),
        too_large,
        said(4, "dev", "x"),
    ]);
    assert_eq!(
        results.unwrap(),
        [
            Ok(()),
            Err(AppendError::OutOfOrder),
            Err(AppendError::IdOutOfRange),
            Ok(())
        ]
    );
    assert_eq!(read(store, &channel("dev"), Window::Latest, 10).0, [2, 4]);
    assert_eq!(store.last_message_id(), Ok(id(4)));
}

pub fn a_thread_needs_both_accounts(database: &impl Database) {
    let store = &*database.open(FOR_EVER);
    let a = store.create_account(&person("ann")).unwrap();
    let missing = Account {
        id: AccountId(4711),
        ..a.clone()
    };
    let results = store.append(&[
        direct(1, &a, &missing, "x"),
        direct(2, &missing, &a, "x"),
        direct(3, &missing, &missing, "x"),
        said(4, "dev", "x"),
    ]);
    let missing = Err(AppendError::NoSuchAccount);
    assert_eq!(
        results.unwrap(),
        [missing.clone(), missing.clone(), missing, Ok(())]
    );
    assert!(store.inbox(a.id, 1, 10).unwrap().is_empty());
}

pub fn ids_go_on_after_a_restart(database: &impl Database) {
    let store = database.open(FOR_EVER);
    assert_eq!(store.last_message_id(), Ok(MessageId::default()));
    let [a, b] = ["ann", "bob"].map(|who| store.create_account(&person(who)).unwrap());
    let last = Message {
        id: MessageId {
            ms: 1_790_000_000_000,
            sequence: 77,
        },
        ..direct(3, &b, &a, "x")
    };
    commit(
        &*store,
        &[said(1, "dev", "x"), direct(2, &a, &b, "x"), last.clone()],
    );
    store.mark_read(a.id, b.id, id(2)).unwrap();
    store.close().unwrap();
    // A reference to the closed store does no harm.
    assert!(store.account(&Who::Id(a.id)).is_err() && store.check_writable().is_err());
    let closed = store;
    let store = &*database.open(FOR_EVER);
    drop(closed);
    assert_eq!(store.last_message_id(), Ok(last.id));
    commit(
        store,
        &[
            said(1_790_000_000_001, "dev", "x"),
            direct(1_790_000_000_002, &b, &a, "x"),
        ],
    );
    let dev = read(store, &channel("dev"), Window::Latest, 10);
    assert_eq!(dev, (vec![1, 1_790_000_000_001], true));
    let page = read(store, &thread(&a, &b), Window::Page(1), 10).0;
    assert_eq!(page, [2, 1_790_000_000_000, 1_790_000_000_002]);
    assert_eq!(store.inbox(a.id, 1, 10).unwrap()[0].unread, 2);
}

fn found(store: &dyn Store, scope: SearchScope, words: &str) -> Vec<u64> {
    let search = Search {
        words: words.to_owned(),
        scope,
        before: None,
        after: MessageId::default(),
        limit: 10,
    };
    let found = store.search(&search).unwrap().found;
    found.iter().map(|found| found.id.ms).collect()
}

pub fn words_are_found_before_and_after_indexing(database: &impl Database) {
    let store = &*database.open(FOR_EVER);
    commit(
        store,
        &[
            said(1, "dev", "The quick brown fox"),
            said(2, "dev", "Ein Café in KÖLN, nicht weit."),
            said(3, "dev", "brown bread; 'quoted' AND (odd) NEAR* \"words\""),
            said(4, "dev", "Привет мир, κόσμε σας"),
            said(5, "dev", "Straße"),
        ],
    );
    let check = || {
        let found = |words| found(store, SearchScope::Everywhere, words);
        assert_eq!(found("brown"), [3, 1]);
        assert_eq!(found("FOX quick"), [1]);
        assert!(found("fox bread").is_empty());
        assert_eq!(found("cafe koln"), [2]);
        assert_eq!(found("Köln"), [2]);
        assert_eq!(found("\"words\" AND near*"), [3]);
        assert_eq!(found("привет ΚΌΣΜΕ ΣΑΣ"), [4]);
        assert_eq!(found("STRASSE"), [5]);
        assert_eq!(found("bro qui"), [1]);
        assert_eq!(found("köl"), [2]);
        assert!(found("rown").is_empty() && found("b").is_empty());
        assert!(found("text:").is_empty());
        assert!(found(" \" - ").is_empty());
    };
    check();
    tend(store, 5);
    check();
    commit(store, &[said(6, "dev", "brown again")]);
    assert_eq!(found(store, SearchScope::Everywhere, "brown"), [6, 3, 1]);
    let earlier = Search {
        words: "brown".to_owned(),
        scope: SearchScope::Everywhere,
        before: Some(id(6)),
        after: MessageId::default(),
        limit: 1,
    };
    let earlier = store.search(&earlier).unwrap().found;
    assert_eq!(earlier.len(), 1);
    assert_eq!(earlier[0].id, id(3));
    assert_eq!(earlier[0].conversation(), channel("dev"));
}

/// Who may not read all of the past gets full pages of what they may read, and is not told
/// that there is more.
pub fn a_search_ends_where_the_past_that_may_be_read_begins(database: &impl Database) {
    let store = &*database.open(FOR_EVER);
    // The second batch is looked for before it is indexed, and after the first one was.
    for newest in [120, 240] {
        let batch = newest - 119..=newest;
        let said: Vec<_> = batch.map(|ms| said(ms, "dev", "brown bread")).collect();
        commit(store, &said);
        let search = |after, before: Option<u64>, limit| {
            let search = Search {
                words: "brown".to_owned(),
                scope: SearchScope::Within(channel("dev")),
                before: before.map(id),
                after,
                limit,
            };
            let matches = store.search(&search).unwrap();
            let next = matches.next(limit).map(|id| id.ms);
            let found = matches.found.iter().map(|found| found.id.ms);
            (found.collect::<Vec<u64>>(), next)
        };
        let bound = newest - 5;
        let (page, next) = search(id(bound), None, 3);
        assert_eq!(
            (page, next),
            (vec![newest, newest - 1, newest - 2], Some(newest - 2))
        );
        let (page, next) = search(id(bound), next, 3);
        assert_eq!((page, next), (vec![newest - 3, newest - 4], None));
        let (page, next) = search(id(bound), Some(bound), 3);
        assert_eq!((page, next), (vec![], None));
        let (page, next) = search(MessageId::LAST, None, 3);
        assert_eq!((page, next), (vec![], None));
        let (page, next) = search(id(2), Some(6), 10);
        assert_eq!((page, next), (vec![5, 4, 3], None));
        tend(store, newest);
    }
}

/// In scripts without spaces a search finds any part of the text.
pub fn scripts_without_spaces_are_searched_by_any_part(database: &impl Database) {
    let store = &*database.open(FOR_EVER);
    commit(
        store,
        &[
            said(1, "dev", "今天天气很好,我们去公园吧"),
            said(2, "dev", "天气预报说明天下雨"),
            said(3, "dev", "東京タワーへ行きました"),
            said(4, "dev", "วันนี้อากาศดีมาก"),
            said(5, "dev", "오늘날씨가 좋네요"),
            said(6, "dev", "great 👍🏽 and I ❤️ it"),
            said(7, "dev", "👍"),
            said(8, "dev", "🇩🇪🇫🇷 👩🏿‍🚀"),
            said(9, "dev", "iPhone手机 kaputt"),
            // Has both pairs of 天气很, but not in that order.
            said(10, "dev", "气很大的天气"),
        ],
    );
    let check = || {
        for (words, ids) in [
            ("天气", &[10, 2, 1][..]),
            ("天气很", &[1]),
            ("气", &[10, 2, 1]),
            ("雨", &[2]),
            ("公园 天气", &[1]),
            ("天气，公园", &[1]),
            ("明天", &[2]),
            ("天明", &[]),
            ("東京", &[3]),
            ("タワー", &[3]),
            ("ﾀﾜｰ", &[3]),
            ("行", &[3]),
            ("อากาศ", &[4]),
            ("ดี", &[4]),
            ("날씨", &[5]),
            ("좋", &[5]),
            ("👍", &[7, 6]),
            ("👍🏿", &[7, 6]),
            ("❤", &[6]),
            ("❤️ great", &[6]),
            ("🇫🇷", &[8]),
            ("👩‍🚀", &[8]),
            ("🚀", &[8]),
            ("手机", &[9]),
            ("iphone手", &[9]),
            ("ipho", &[9]),
            ("kap 机", &[9]),
        ] {
            let found = found(store, SearchScope::Everywhere, words);
            assert_eq!(found, ids, "{words}");
            let within = SearchScope::Within(channel("dev"));
            assert_eq!(self::found(store, within, words), ids, "{words}");
        }
    };
    check();
    tend(store, 10);
    check();
}

/// False matches of the index are skipped, however many there are.
pub fn what_the_index_brings_by_mistake_is_passed_over(database: &impl Database) {
    let store = &*database.open(FOR_EVER);
    let mut messages = vec![said(1, "dev", "天气很好")];
    messages.extend((2..=700).map(|ms| said(ms, "dev", "很好,气很,天气")));
    messages.push(said(701, "dev", "天气很好"));
    commit(store, &messages);
    tend(store, 701);
    assert_eq!(found(store, SearchScope::Everywhere, "天气很好"), [701, 1]);
}

pub fn indexing_changes_nothing_that_is_found(database: &impl Database) {
    let store = &*database.open(FOR_EVER);
    let last = Cell::new(0);
    let mut runner = TestRunner::new(Config::with_cases(30));
    let texts = proptest::collection::vec(
        "[aAbBßẞéeÉ٣3ﬁ½ -.\"'*_:()天气好각가ที่👍❤🏽\u{fe0f}]{0,12}|\\PC{0,12}",
        1..20,
    );
    let result = runner.run(&texts, |texts| {
        let messages: Vec<Message> = (last.get() + 1..)
            .zip(&texts)
            .map(|(ms, text)| said(ms, "dev", text))
            .collect();
        last.set(last.get() + texts.len() as u64);
        commit(store, &messages);
        let all = || -> Vec<Vec<u64>> {
            let find = |words: &String| found(store, SearchScope::Everywhere, words);
            texts.iter().map(find).collect()
        };
        let before = all();
        tend(store, last.get());
        prop_assert_eq!(before, all());
        Ok(())
    });
    result.unwrap();
}

pub fn search_stays_where_it_may_look(database: &impl Database) {
    let store = &*database.open(FOR_EVER);
    let [a, b, c] = ["ann", "bob", "cleo"].map(|who| store.create_account(&person(who)).unwrap());
    commit(
        store,
        &[
            said(1, "dev", "secret c1 a1"),
            said(2, "ops", "secret"),
            direct(3, &a, &b, "secret"),
            direct(4, &b, &c, "secret"),
            direct(5, &c, &c, "secret"),
        ],
    );
    let check = || {
        let within = |of| found(store, SearchScope::Within(of), "secret");
        assert_eq!(within(channel("dev")), [1]);
        assert_eq!(within(thread(&b, &a)), [3]);
        assert!(within(channel("none")).is_empty());
        let of = |who: &Account| found(store, SearchScope::ThreadsOf(who.id), "secret");
        assert_eq!(of(&a), [3]);
        assert_eq!(of(&b), [4, 3]);
        assert_eq!(of(&c), [5, 4]);
    };
    check();
    tend(store, 5);
    check();
    // The index's own marks for places cannot be searched for.
    assert_eq!(found(store, SearchScope::Everywhere, "secret c1"), [1]);
}

pub fn old_messages_are_removed_by_count(database: &impl Database) {
    let retention = Retention {
        channel_messages: 3,
        ..FOR_EVER
    };
    let store = database.open(retention);
    let [a, b] = ["ann", "bob"].map(|who| store.create_account(&person(who)).unwrap());
    let mut messages: Vec<Message> = (1..=1200).map(|n| said(n, "dev", "old word")).collect();
    messages.extend((1301..=1302).map(|n| said(n, "ops", "word")));
    messages.extend((1401..=1410).map(|n| direct(n, &a, &b, "word")));
    commit(&*store, &messages);
    tend(&*store, 2000);
    let dev = read(&*store, &channel("dev"), Window::Latest, 10);
    assert_eq!(dev, (vec![1198, 1199, 1200], false));
    assert!(read(&*store, &channel("dev"), Window::After(id(1197)), 10).1);
    let after = read(&*store, &channel("dev"), Window::After(id(1000)), 10);
    assert_eq!(
        after,
        (vec![1198, 1199, 1200], false),
        "something was missed"
    );
    let part = |after| store.history(&channel("dev"), Window::After(id(after)), 2);
    let (missed, all) = (part(1000).unwrap(), part(1197).unwrap());
    assert!(missed.gap && missed.more, "more to read, and some gone");
    assert!(!all.gap && all.more);
    let latest = store.history(&channel("dev"), Window::Latest, 3).unwrap();
    assert!(latest.gap && !latest.more);
    assert_eq!(
        read(&*store, &channel("ops"), Window::Latest, 10),
        (vec![1301, 1302], true)
    );
    assert_eq!(
        read(&*store, &thread(&a, &b), Window::Latest, 10).0.len(),
        10
    );
    let old = found(&*store, SearchScope::Everywhere, "old word");
    assert_eq!(old, [1200, 1199, 1198]);
    // Numbers continue where they were, for later conversations as well.
    commit(&*store, &[said(1500, "dev", "new")]);
    drop(store);
    let store = &*database.open(retention);
    commit(store, &[said(1501, "dev", "new")]);
    let dev = read(store, &channel("dev"), Window::Latest, 3);
    assert_eq!(dev, (vec![1200, 1500, 1501], false));
}

pub fn old_messages_are_removed_by_age(database: &impl Database) {
    let retention = Retention {
        channel_days: 2,
        ..FOR_EVER
    };
    let store = database.open(retention);
    let days = |n: u64| 100 * DAY_MS + n * DAY_MS;
    commit(
        &*store,
        &[
            said(days(0), "old", "x"),
            said(days(1), "dev", "x"),
            said(days(3), "dev", "x"),
        ],
    );
    tend(&*store, days(4));
    assert_eq!(
        read(&*store, &channel("dev"), Window::Latest, 9),
        (vec![days(3)], false)
    );
    assert_eq!(
        read(&*store, &channel("old"), Window::Latest, 9),
        (vec![], false)
    );
    tend(&*store, days(9));
    assert_eq!(
        read(&*store, &channel("dev"), Window::Latest, 9),
        (vec![], false)
    );
    drop(store);
    // An id is never used again, even if nothing of it is left.
    let store = &*database.open(retention);
    assert_eq!(store.last_message_id(), Ok(id(days(3))));
    commit(store, &[said(days(10), "old", "x")]);
    let after = read(store, &channel("old"), Window::After(id(days(0))), 9);
    assert_eq!(after, (vec![days(10)], true));
}

pub fn direct_messages_have_their_own_age(database: &impl Database) {
    let store = &*database.open(Retention {
        direct_days: 2,
        ..FOR_EVER
    });
    let [a, b] = ["ann", "bob"].map(|who| store.create_account(&person(who)).unwrap());
    let days = |n: u64| 100 * DAY_MS + n * DAY_MS;
    commit(
        store,
        &[
            said(days(0), "dev", "x"),
            direct(days(1), &a, &b, "x"),
            direct(days(2), &b, &a, "x"),
            direct(days(5), &a, &b, "x"),
        ],
    );
    tend(store, days(6));
    assert_eq!(read(store, &channel("dev"), Window::Latest, 9).0, [days(0)]);
    assert_eq!(
        read(store, &thread(&a, &b), Window::Page(1), 9).0,
        [days(5)]
    );
    // A message removed unread still counts until a newer one is read.
    store.mark_read(b.id, a.id, id(days(5))).unwrap();
    assert_eq!(store.inbox(b.id, 1, 9).unwrap()[0].unread, 0);
    tend(store, days(20));
    assert!(store.inbox(b.id, 1, 9).unwrap().is_empty());
    commit(store, &[direct(days(21), &a, &b, "x")]);
    assert_eq!(store.inbox(b.id, 1, 9).unwrap()[0].unread, 1);
}

pub fn accounts_are_found_by_any_spelling(database: &impl Database) {
    let store = &*database.open(FOR_EVER);
    let made = store.create_account(&person("Alice")).unwrap();
    for spelling in ["Alice", "ALICE", "\u{430}lice"] {
        let account = store
            .account(&Who::Username(name(spelling)))
            .unwrap()
            .unwrap();
        assert_eq!(account.id, made.id);
        assert_eq!(account.username.as_str(), "Alice");
    }
    let account = store.account(&Who::Id(made.id)).unwrap().unwrap();
    assert_eq!(account.email.as_deref(), Some("Alice@example.org"));
    assert_eq!(account.password_hash.expose(), "$argon2id$");
    assert_eq!(
        (account.first_name.as_str(), account.last_name.as_str()),
        ("First", "Last")
    );
    assert_eq!((account.phone, account.created_at), (None, 1000));
    assert!(
        store
            .account(&Who::Username(name("bob")))
            .unwrap()
            .is_none()
    );
    assert!(store.account(&Who::Id(AccountId(99))).unwrap().is_none());
}

pub fn unique_fields_are_all_named(database: &impl Database) {
    let store = &*database.open(FOR_EVER);
    let first = NewAccount {
        phone: Some("+49 (170) 12-34".to_owned()),
        ..person("alice")
    };
    store.create_account(&first).unwrap();
    let taken = |account: NewAccount| match store.create_account(&account) {
        Err(StoreError::Taken(fields)) => fields,
        other => panic!("{other:?}"),
    };
    use UniqueField::{Email, Phone, Username};
    let same = NewAccount {
        username: name("ALICE"),
        email: Some("ALICE@example.org".to_owned()),
        phone: Some("+491701234".to_owned()),
        ..person("x")
    };
    assert_eq!(taken(same.clone()), [Username, Email, Phone]);
    let other_name = NewAccount {
        username: name("bob"),
        ..same.clone()
    };
    assert_eq!(taken(other_name), [Email, Phone]);
    let only_phone = NewAccount {
        email: None,
        username: name("bob"),
        ..same
    };
    assert_eq!(taken(only_phone), [Phone]);
    for username in ["carl", "dora"] {
        let without = NewAccount {
            email: None,
            ..person(username)
        };
        store.create_account(&without).unwrap();
    }
}

pub fn usernames_that_look_alike_are_taken_together(database: &impl Database) {
    let store = &*database.open(FOR_EVER);
    let with_email = |username: &str, email: &str| NewAccount {
        email: Some(email.to_owned()),
        ..person(username)
    };
    for (first, second) in [
        ("Bob", "\u{412}ob"),
        ("\u{41a}evin", "KEVIN"),
        ("Ian", "lan"),
    ] {
        let made = store.create_account(&person(first)).unwrap();
        let twin = store.create_account(&with_email(second, "a@b.c"));
        assert_eq!(
            twin.unwrap_err(),
            StoreError::Taken(vec![UniqueField::Username])
        );
        let found = store.account(&Who::Username(name(second))).unwrap();
        assert_eq!(found.unwrap().id, made.id, "{second}");
    }
    // A refused account has left nothing behind.
    store.create_account(&with_email("other", "a@b.c")).unwrap();
    assert!(
        store
            .account(&Who::Username(name("\u{412}")))
            .unwrap()
            .is_none()
    );
}

pub fn contacts_need_not_be_unique(database: &impl Database) {
    let store = &*database.open(FOR_EVER);
    let contact = |username: &str, unique_contacts| NewAccount {
        email: Some("one@example.org".to_owned()),
        phone: Some("12345".to_owned()),
        unique_contacts,
        ..person(username)
    };
    for username in ["ann", "bob"] {
        let made = store.create_account(&contact(username, false)).unwrap();
        assert_eq!(made.email.as_deref(), Some("one@example.org"));
    }
    // Accounts that need not be unique do not conflict with one that must.
    store.create_account(&contact("cleo", true)).unwrap();
    let taken = store.create_account(&contact("dora", true)).unwrap_err();
    let both = vec![UniqueField::Email, UniqueField::Phone];
    assert_eq!(taken, StoreError::Taken(both));
    store.create_account(&contact("eve", false)).unwrap();
}

pub fn ignored_nicknames_are_remembered(database: &impl Database) {
    let store = &*database.open(FOR_EVER);
    let a = store.create_account(&person("ann")).unwrap();
    let ignored = || -> Vec<String> {
        let account = store.account(&Who::Id(a.id)).unwrap().unwrap();
        account.ignored.iter().map(Name::to_string).collect()
    };
    store.set_ignored(a.id, &name("Pest"), true).unwrap();
    store.set_ignored(a.id, &name("bore"), true).unwrap();
    store.set_ignored(a.id, &name("PEST"), true).unwrap();
    assert_eq!(ignored(), ["PEST", "bore"]);
    store.set_ignored(a.id, &name("pest"), false).unwrap();
    store.set_ignored(a.id, &name("pest"), false).unwrap();
    assert_eq!(ignored(), ["bore"]);
    let refused = store.set_ignored(AccountId(99), &name("pest"), true);
    assert_eq!(refused, Err(StoreError::NoSuchAccount));
}

fn token(n: u32, account: AccountId) -> Token {
    Token {
        access_key_id: format!("access{n}"),
        secret_access_key: Secret::new(format!("secret{n}")),
        refresh_token: Secret::new(format!("refresh{n}")),
        account,
        created_at: 1000,
        expires_at: 2000,
        modified_at: 1000,
        is_refreshable: true,
        is_active: true,
    }
}

pub fn another_password_ends_tokens(database: &impl Database) {
    let store = database.open(FOR_EVER);
    let [ann, bob] = ["ann", "bob"].map(|who| store.create_account(&person(who)).unwrap());
    for (n, account) in [(1, &ann), (2, &ann), (3, &bob)] {
        store.add_token(&token(n, account.id)).unwrap();
    }
    store.add_known_address(ann.id, "192.0.2.1", 5).unwrap();
    let secret = |text: &str| Secret::new(text);
    let now = |who: &Account| store.account(&Who::Id(who.id)).unwrap().unwrap();
    // Upgrading the hash of the same password keeps tokens and addresses; it
    // does nothing if the password has been changed meanwhile.
    let (first, second) = (secret("$argon2id$"), secret("second"));
    store
        .rehash_password(ann.id, &second, &secret("x"))
        .unwrap();
    assert_eq!(now(&ann).password_hash, first);
    store.rehash_password(ann.id, &first, &second).unwrap();
    assert_eq!(now(&ann).password_hash, second);
    assert_eq!(now(&ann).password_changes, 0);
    assert!(store.token("access1").unwrap().unwrap().is_active);
    store
        .change_password(ann.id, &secret("third"), 1500)
        .unwrap();
    assert_eq!(now(&ann).password_hash, secret("third"));
    assert_eq!(
        (now(&ann).password_changes, now(&bob).password_changes),
        (1, 0)
    );
    for (key, active) in [("access1", false), ("access2", false), ("access3", true)] {
        assert_eq!(
            store.token(key).unwrap().unwrap().is_active,
            active,
            "{key}"
        );
    }
    let exchanged = store.exchange_token(&secret("refresh1"), &token(4, ann.id), 1600);
    assert!(exchanged.unwrap().is_none());
    assert_eq!(store.known_addresses(0).unwrap(), []);
    let refused = store.change_password(AccountId(4711), &first, 1);
    assert_eq!(refused, Err(StoreError::NoSuchAccount));
}

pub fn an_invitation_makes_so_many_accounts(database: &impl Database) {
    let store = database.open(FOR_EVER);
    let invitation = |id: &str, created_at, expires_at| AccountInvitation {
        id: id.to_owned(),
        secret_hash: format!("hash of {id}"),
        uses: 2,
        uses_left: 2,
        created_at,
        expires_at,
    };
    let two = invitation("two", 500, 5000);
    assert_eq!(store.add_invitation(&two), Ok(true));
    // `person` is created at 1000: that one was over by then.
    assert_eq!(
        store.add_invitation(&invitation("old", 400, 1000)),
        Ok(true)
    );
    let register = |who: &str, of: &str| {
        let made = store.create_invited(&person(who), &format!("hash of {of}"));
        made.map(|account| account.is_some())
    };
    assert_eq!(register("ann", "none"), Ok(false));
    assert_eq!(register("ann", "old"), Ok(false));
    assert_eq!(register("ann", "two"), Ok(true));
    let taken = StoreError::Taken(vec![UniqueField::Username, UniqueField::Email]);
    assert_eq!(register("ann", "two"), Err(taken));
    assert_eq!(register("bob", "two"), Ok(true));
    assert_eq!(register("cid", "two"), Ok(false));
    assert!(
        store
            .account(&Who::Username(name("cid")))
            .unwrap()
            .is_none()
    );
    let used = AccountInvitation {
        uses_left: 0,
        ..two
    };
    assert_eq!(store.invitations(1000).unwrap(), [used]);
    assert_eq!(store.invitations(5000).unwrap(), []);
    assert_eq!(store.remove_invitation("two"), Ok(true));
    assert_eq!(store.remove_invitation("two"), Ok(false));
    // There is room for so many; those that are over make room.
    for n in 0..MAX_INVITATIONS {
        let ends = if n == 0 { 2000 } else { 9000 };
        assert_eq!(
            store.add_invitation(&invitation(&format!("{n}"), 1000, ends)),
            Ok(true)
        );
    }
    assert_eq!(
        store.add_invitation(&invitation("one more", 1999, 9000)),
        Ok(false)
    );
    assert_eq!(
        store.add_invitation(&invitation("one more", 2000, 9000)),
        Ok(true)
    );
}

pub fn sign_ins_are_listed_until_they_end(database: &impl Database) {
    let store = database.open(FOR_EVER);
    let [ann, bob] = ["ann", "bob"].map(|who| store.create_account(&person(who)).unwrap());
    let sign_in = |id: &str, of: &Account, used_at| SignIn {
        id: id.to_owned(),
        account: of.id,
        is_token: id.starts_with("access"),
        created_at: 100,
        used_at,
        expires_at: 5000,
        address: "192.0.2.1".to_owned(),
        client: "Client".to_owned(),
    };
    let ids = |of: &Account| {
        let listed = store.sign_ins(of.id, 999).unwrap().into_iter();
        listed.map(|sign_in| sign_in.id).collect::<Vec<_>>()
    };
    store.note_sign_in(&sign_in("one", &ann, 100)).unwrap();
    store.note_sign_in(&sign_in("two", &ann, 200)).unwrap();
    store.note_sign_in(&sign_in("bobs", &bob, 300)).unwrap();
    assert_eq!(store.sign_in_used_at("one"), Ok(Some(100)));
    assert_eq!(store.sign_in_used_at("none"), Ok(None));
    // What is known of the client stays when it is used again.
    let again = SignIn {
        address: String::new(),
        client: String::new(),
        created_at: 900,
        expires_at: 6000,
        ..sign_in("one", &ann, 300)
    };
    store.note_sign_in(&again).unwrap();
    let listed = store.sign_ins(ann.id, 1).unwrap();
    let expected = SignIn {
        expires_at: 6000,
        ..sign_in("one", &ann, 300)
    };
    assert_eq!(listed, [expected, sign_in("two", &ann, 200)]);
    assert_eq!(store.sign_ins(ann.id, 5000).unwrap().len(), 1);
    // A pass that was revoked does not come back because it was being used.
    store.end_pass("two", 5000).unwrap();
    store.note_sign_in(&sign_in("two", &ann, 400)).unwrap();
    assert_eq!(ids(&ann), ["one"]);
    // A token is listed under its present key.
    store.add_token(&token(1, ann.id)).unwrap();
    store.note_sign_in(&sign_in("access1", &ann, 500)).unwrap();
    let exchanged = store.exchange_token(&Secret::new("refresh1"), &token(2, ann.id), 600);
    assert!(exchanged.unwrap().is_some());
    assert_eq!(ids(&ann), ["access2", "one"]);
    assert!(store.deactivate_token("access2", 700).unwrap());
    assert_eq!(ids(&ann), ["one"]);
    store.add_token(&token(3, ann.id)).unwrap();
    store.end_sign_ins(ann.id, 800).unwrap();
    assert_eq!(ids(&ann), Vec::<String>::new());
    assert!(!store.token("access3").unwrap().unwrap().is_active);
    let now = store.account(&Who::Id(ann.id)).unwrap().unwrap();
    assert_eq!(now.password_changes, 1);
    assert_eq!(now.password_hash, ann.password_hash);
    assert_eq!(ids(&bob), ["bobs"]);
    store.delete_account(bob.id, 900).unwrap();
    assert_eq!(ids(&bob), Vec::<String>::new());
    let refused = Err(StoreError::NoSuchAccount);
    assert_eq!(store.end_sign_ins(bob.id, 1), refused);
    // So many are kept, those used last.
    for n in 0..MAX_SIGN_INS as u64 + 20 {
        store
            .note_sign_in(&sign_in(&format!("{n:04}"), &ann, 1000 + n))
            .unwrap();
    }
    let kept = ids(&ann);
    assert_eq!(kept.len(), MAX_SIGN_INS);
    assert_eq!(
        (kept[0].as_str(), store.sign_in_used_at("0019")),
        ("0119", Ok(None))
    );
}

pub fn owners_change_their_accounts(database: &impl Database) {
    let store = database.open(FOR_EVER);
    let [ann, bob] = ["ann", "bob"].map(|who| store.create_account(&person(who)).unwrap());
    let now = |who: &Account| store.account(&Who::Id(who.id)).unwrap().unwrap();
    store.add_token(&token(1, ann.id)).unwrap();
    // Two changes from the same password at once: the second is too late.
    let change =
        |changes, hash: &str| store.change_own_password(ann.id, changes, &Secret::new(hash), 9);
    assert_eq!(change(1, "early"), Ok(false));
    assert_eq!(change(0, "second"), Ok(true));
    assert_eq!(change(0, "late"), Ok(false));
    assert_eq!(now(&ann).password_hash, Secret::new("second"));
    assert_eq!(now(&ann).password_changes, 1);
    assert!(!store.token("access1").unwrap().unwrap().is_active);
    // Nor is one made after an administrator has disabled the account.
    store.disable_account(ann.id, 10).unwrap();
    assert_eq!(change(1, "late"), Ok(false));
    let profile = Profile {
        first_name: "B".to_owned(),
        last_name: String::new(),
        email: Some("other@example.org".to_owned()),
        phone: None,
    };
    let email = bob.email.clone().unwrap();
    store.set_profile(bob.id, &profile).unwrap();
    let bob = now(&bob);
    assert_eq!((bob.first_name.as_str(), bob.last_name.as_str()), ("B", ""));
    assert_eq!((bob.email, bob.phone), (profile.email.clone(), None));
    // Whom the former address belongs to is open again.
    let eve = NewAccount {
        email: Some(email),
        ..person("eve")
    };
    assert!(store.create_account(&eve).is_ok());
    store.delete_account(bob.id, 11).unwrap();
    let refused = Err(StoreError::NoSuchAccount);
    assert_eq!(store.set_profile(bob.id, &profile), refused);
    assert_eq!(store.set_profile(AccountId(4711), &profile), refused);
}

pub fn accounts_are_listed_disabled_and_deleted(database: &impl Database) {
    let store = database.open(FOR_EVER);
    let names = ["anna", "Ann", "bob", "Ànne"];
    let [anna, ann, bob, _] = names.map(|who| store.create_account(&person(who)).unwrap());
    let listed = |prefix: &str, after: &str, limit| {
        let listed = store.accounts(prefix, after, limit).unwrap();
        let listed = listed.into_iter();
        let shown = listed.map(|it| (it.username.to_string(), it.standing));
        shown.collect::<Vec<_>>()
    };
    let row = |who: &str, standing| (who.to_owned(), standing);
    let good = |who: &str| row(who, Standing::Good);
    assert_eq!(listed("ann", "", 9), [good("Ann"), good("anna")]);
    assert_eq!(listed("", "", 2), [good("Ann"), good("anna")]);
    assert_eq!(listed("", "anna", 1), [good("Ànne")]);
    assert_eq!(listed("B", "", 1), []);
    assert_eq!(listed("ann", "ann", 9), [good("anna")]);
    assert_eq!(listed("x", "", 9), []);
    // What is known of it.
    let now = |who: &Account| store.account(&Who::Id(who.id)).unwrap().unwrap();
    assert_eq!(
        (now(&ann).standing, now(&ann).seen_at),
        (Standing::Good, None)
    );
    store.note_seen(ann.id, 4000).unwrap();
    assert_eq!(now(&ann).seen_at, Some(4000));
    assert_eq!(store.accounts("ann", "", 1).unwrap()[0].seen_at, Some(4000));
    // Disabled, and enabled: tokens and passes from before stay revoked.
    store.add_token(&token(1, ann.id)).unwrap();
    store.add_token(&token(2, bob.id)).unwrap();
    store.disable_account(ann.id, 1500).unwrap();
    assert_eq!(listed("ann", "", 1), [row("Ann", Standing::Disabled)]);
    assert_eq!(now(&ann).password_changes, 1);
    let is_active = |key: &str| store.token(key).unwrap().map(|token| token.is_active);
    assert_eq!(
        (is_active("access1"), is_active("access2")),
        (Some(false), Some(true))
    );
    store.enable_account(ann.id).unwrap();
    assert_eq!(
        (now(&ann).standing, is_active("access1")),
        (Standing::Good, Some(false))
    );
    // Its role, until it is deleted.
    assert_eq!(
        (now(&ann).role, store.has_administrator()),
        (None, Ok(false))
    );
    for role in [Some(ServerRole::Moderator), Some(ServerRole::Administrator)] {
        store.set_role(anna.id, role).unwrap();
        assert_eq!(now(&anna).role, role);
        assert_eq!(store.accounts("anna", "", 1).unwrap()[0].role, role);
    }
    assert_eq!(
        (now(&ann).role, store.has_administrator()),
        (None, Ok(true))
    );
    // The user of a proxy that it is linked with, one at most.
    let eve = store.create_remote(&person("eve"), "eve@x").unwrap();
    let by_proxy = |user: &str| {
        let found = store.account(&Who::Remote(user.to_owned())).unwrap();
        found.map(|account| account.id)
    };
    assert_eq!(by_proxy("eve@x"), Some(eve.id));
    assert_eq!(store.link_remote(anna.id, Some("eve@x")), Ok(false));
    assert_eq!(store.link_remote(anna.id, Some("anna@x")), Ok(true));
    assert_eq!(store.link_remote(anna.id, Some("eve@x")), Ok(false));
    assert_eq!(
        (by_proxy("anna@x"), by_proxy("eve@x")),
        (Some(anna.id), Some(eve.id))
    );
    assert_eq!(store.link_remote(eve.id, None), Ok(true));
    assert_eq!(store.link_remote(anna.id, Some("eve@x")), Ok(true));
    assert_eq!(
        (by_proxy("anna@x"), by_proxy("eve@x")),
        (None, Some(anna.id))
    );
    assert!(store.create_remote(&person("Eve"), "other").is_err());
    // Deleted, for good.
    store.set_ignored(anna.id, &name("bob"), true).unwrap();
    store.save_channel(anna.id, &name("dev"), id(0)).unwrap();
    store.add_token(&token(3, anna.id)).unwrap();
    commit(
        &*store,
        &[
            direct(1, &bob, &anna, "stays"),
            direct(2, &anna, &bob, "as well"),
        ],
    );
    store.mark_read(anna.id, bob.id, id(2)).unwrap();
    store.delete_account(anna.id, 2000).unwrap();
    let gone = now(&anna);
    assert_eq!(gone.standing, Standing::Deleted);
    assert_eq!(
        (gone.first_name.as_str(), &gone.email, &gone.phone),
        ("", &None, &None)
    );
    assert_eq!((gone.password_hash.expose(), gone.ignored.len()), ("", 0));
    assert_eq!(store.saved_channels(anna.id).unwrap(), []);
    assert_eq!(is_active("access3"), None);
    assert_eq!(store.inbox(anna.id, 1, 9).unwrap()[0].unread, 1);
    let thread = read(&*store, &thread(&anna, &bob), Window::Latest, 9);
    assert_eq!(thread, (vec![1, 2], true));
    let taken = store.create_account(&person("ANNA"));
    assert_eq!(
        taken.unwrap_err(),
        StoreError::Taken(vec![UniqueField::Username])
    );
    assert_eq!(listed("anna", "", 9), [row("anna", Standing::Deleted)]);
    let refused = Err(StoreError::NoSuchAccount);
    assert_eq!(store.enable_account(anna.id), refused);
    assert_eq!(
        (now(&anna).role, store.has_administrator()),
        (None, Ok(false))
    );
    let role = Some(ServerRole::Administrator);
    assert_eq!(store.set_role(anna.id, role), refused);
    assert_eq!(store.disable_account(anna.id, 1), refused);
    assert_eq!(store.delete_account(anna.id, 1), refused);
    assert_eq!(store.offer_reset(anna.id, "hash", 9000), refused);
}

pub fn a_link_resets_a_password_once(database: &impl Database) {
    let store = database.open(FOR_EVER);
    let [ann, bob] = ["ann", "bob"].map(|who| store.create_account(&person(who)).unwrap());
    let password = Secret::new("new");
    store.offer_reset(ann.id, "first", 5000).unwrap();
    store.offer_reset(bob.id, "bobs", 5000).unwrap();
    // Another one takes its place.
    store.offer_reset(ann.id, "second", 5000).unwrap();
    assert_eq!(store.reset_of("first", 1).unwrap(), None);
    assert_eq!(store.use_reset("first", &password, 1).unwrap(), None);
    assert_eq!(store.reset_of("second", 4999).unwrap(), Some(ann.id));
    // Its time is over.
    assert_eq!(store.reset_of("second", 5000).unwrap(), None);
    assert_eq!(store.use_reset("second", &password, 5000).unwrap(), None);
    store.add_token(&token(1, ann.id)).unwrap();
    assert_eq!(
        store.use_reset("second", &password, 4999).unwrap(),
        Some(ann.id)
    );
    let now = store.account(&Who::Id(ann.id)).unwrap().unwrap();
    assert_eq!(
        (now.password_hash, now.password_changes),
        (password.clone(), 1)
    );
    assert!(!store.token("access1").unwrap().unwrap().is_active);
    assert_eq!(store.use_reset("second", &password, 1).unwrap(), None);
    // A password that is changed otherwise, and an account that is disabled, end a link.
    store.change_password(bob.id, &password, 1).unwrap();
    assert_eq!(store.reset_of("bobs", 1).unwrap(), None);
    store.offer_reset(bob.id, "again", 5000).unwrap();
    store.disable_account(bob.id, 1).unwrap();
    assert_eq!(store.reset_of("again", 1).unwrap(), None);
    assert_eq!(
        store.offer_reset(bob.id, "x", 1),
        Err(StoreError::NoSuchAccount)
    );
}

pub fn the_newest_addresses_are_known(database: &impl Database) {
    let store = database.open(FOR_EVER);
    let [ann, bob] = ["ann", "bob"].map(|who| store.create_account(&person(who)).unwrap());
    store.add_known_address(AccountId(4711), "::1", 1).unwrap();
    store.add_known_address(bob.id, "::1", 7).unwrap();
    for n in 0..40 {
        let address = format!("192.0.2.{n}");
        store.add_known_address(ann.id, &address, 1000 + n).unwrap();
    }
    store.add_known_address(bob.id, "::1", 2000).unwrap();
    let known = store.known_addresses(0).unwrap();
    let shown = |it: &KnownAddress| (it.account.clone(), it.address.clone(), it.at_ms);
    let (first, last) = (known.first().unwrap(), known.last().unwrap());
    assert_eq!(
        shown(first),
        (bob.username.key().to_string(), "::1".to_owned(), 2000)
    );
    assert_eq!(
        (last.address.as_str(), last.at_ms, known.len()),
        ("192.0.2.8", 1008, 33)
    );
    assert_eq!(store.known_addresses(1039).unwrap().len(), 2);
    assert_eq!(
        store.known_addresses(0).unwrap().len(),
        2,
        "older ones are forgotten"
    );
}

pub fn a_token_is_exchanged_once(database: &impl Database) {
    let store = &*database.open(FOR_EVER);
    let a = store.create_account(&person("ann")).unwrap();
    store.add_token(&token(1, a.id)).unwrap();
    assert_eq!(
        store.add_token(&token(9, AccountId(99))),
        Err(StoreError::NoSuchAccount)
    );
    assert!(store.token("access2").unwrap().is_none());
    assert!(store.token("ACCESS1").unwrap().is_none());
    let exchange = |refresh: &str, new, now| {
        let new = token(new, AccountId(0));
        store
            .exchange_token(&Secret::new(refresh), &new, now)
            .unwrap()
    };
    assert!(exchange("refresh9", 2, 1500).is_none());
    assert!(exchange("refresh1", 2, 2000).is_none(), "it has expired");
    let new = exchange("refresh1", 2, 1500).unwrap();
    assert_eq!((new.account, new.access_key_id.as_str()), (a.id, "access2"));
    assert!(exchange("refresh1", 3, 1500).is_none());
    assert!(store.token("access3").unwrap().is_none());
    let old = store.token("access1").unwrap().unwrap();
    assert_eq!(
        (old.is_active, old.is_refreshable, old.modified_at),
        (false, false, 1500)
    );
    assert_eq!(old.secret_access_key.expose(), "secret1");
    let new = store.token("access2").unwrap().unwrap();
    assert_eq!(
        (new.account, new.is_active, new.is_refreshable),
        (a.id, true, true)
    );
}

pub fn a_token_is_given_up_once(database: &impl Database) {
    let store = &*database.open(FOR_EVER);
    let a = store.create_account(&person("ann")).unwrap();
    store.add_token(&token(1, a.id)).unwrap();
    assert_eq!(store.deactivate_token("access1", 1200), Ok(true));
    assert_eq!(store.deactivate_token("access1", 1300), Ok(false));
    assert_eq!(store.deactivate_token("access7", 1300), Ok(false));
    let old = store.token("access1").unwrap().unwrap();
    assert_eq!((old.is_active, old.modified_at), (false, 1200));
    let exchanged = store.exchange_token(&old.refresh_token, &token(2, a.id), 1300);
    assert!(exchanged.unwrap().is_none());
    tend(store, 2000 + DAY_MS);
    assert!(store.token("access1").unwrap().is_some());
    tend(store, 2001 + 2 * DAY_MS);
    assert!(store.token("access1").unwrap().is_none(), "long expired");
}
