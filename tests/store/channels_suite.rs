//! What every store must do with the rules of channels, whatever its database.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use chat_server::hub::MessageId;
use chat_server::model::governance::{
    Bound, By, Change, ChannelChange, Flag, Key, List, Mask, Person, Role, Rules, Visibility,
};
use chat_server::model::{AccountId, Record, Text};
use chat_server::name::Name;
use chat_server::store::{AppendError, Conversation, Retention, Store, Window};

use crate::store_suite::{Database, id, name, said};

/// One test for each thing a store must do.
#[macro_export]
macro_rules! channels_suite {
    ($database:ty) => {
        $crate::channels_suite!($database:
            a_change_is_folded_and_found_after_a_restart,
            a_change_is_stored_once,
            a_change_that_comes_too_late_is_refused,
            messages_and_changes_share_a_group,
            channels_are_read_in_pages_by_key,
            a_channel_that_is_open_again_is_not_listed,
            a_channel_holds_as_much_as_it_may,
            any_changes_are_what_folding_them_makes,
            old_changes_go_with_the_messages_around_them,
            old_changes_go_by_age,
        );
    };
    ($database:ty: $($test:ident,)*) => {
        $(
            #[test]
            fn $test() {
                $crate::channels_suite::$test(
                    &<$database as $crate::store_suite::Database>::create(),
                );
            }
        )*
    };
}

pub const FOR_EVER: Retention = Retention {
    channel_days: 0,
    channel_messages: 0,
    direct_days: 0,
};
const MINUTE_MS: u64 = 60_000;
const DAY_MS: u64 = 24 * 60 * MINUTE_MS;

pub fn person(n: i64) -> Person {
    Person {
        name: name(&format!("user{n}")),
        account: Some(AccountId(n)),
    }
}

pub fn change(ms: u64, channel: &str, changes: Vec<Change>) -> ChannelChange {
    ChannelChange {
        id: id(ms),
        at_ms: ms,
        channel: name(channel),
        by: By::User(person(1)),
        changes,
    }
}

pub fn topic(ms: u64, channel: &str, text: &str) -> ChannelChange {
    change(ms, channel, vec![Change::Topic(Some(Text::clean(text)))])
}

pub fn record(change: &ChannelChange) -> Record {
    Record::Change(Box::new(change.clone()))
}

pub fn all(store: &dyn Store) -> Vec<(Name, Rules)> {
    store.channels(None, 1000).unwrap()
}

fn commit(store: &dyn Store, changes: &[ChannelChange]) {
    let records: Vec<Record> = changes.iter().map(record).collect();
    let results = store.commit(&records).unwrap();
    assert_eq!(results, vec![Ok(()); records.len()]);
}

fn tend(store: &dyn Store, now_ms: u64) {
    while store.tend(now_ms).unwrap() {}
}

/// What folding these changes in order makes of each channel.
pub fn folded(changes: &[ChannelChange]) -> BTreeMap<String, Rules> {
    let mut changes: Vec<&ChannelChange> = changes.iter().collect();
    changes.sort_by_key(|change| change.id);
    let mut expected: BTreeMap<String, Rules> = BTreeMap::new();
    for change in changes {
        let rules = expected.entry(change.channel.to_string()).or_default();
        rules.fold(change);
    }
    expected.retain(|_, rules| rules.is_kept());
    expected
}

pub fn found(store: &dyn Store) -> BTreeMap<String, Rules> {
    let found = all(store).into_iter();
    found
        .map(|(name, rules)| (name.to_string(), rules))
        .collect()
}

/// Some change or other, by a number.
pub fn any_change(n: u64) -> Change {
    let who = person((n / 16 % 5) as i64 + 1);
    let mask = Mask::Account(who.account.unwrap(), who.name.clone());
    let on = (n / 80).is_multiple_of(2);
    match n % 16 {
        0 => Change::Topic(on.then(|| Text::clean(&format!("topic {n}")))),
        1 => Change::Flag(Flag::ALL[(n / 160 % 10) as usize], on),
        2 => Change::Key(on.then(|| Key::parse(&format!("key{n}")).unwrap())),
        3 => Change::Limit(on.then_some(n as u32)),
        4 => Change::History(match on {
            true => Visibility::Since,
            false => Visibility::All,
        }),
        5 => Change::Slow(n as u32 % 30),
        6 | 7 => Change::Add(List::ALL[(n / 160 % 4) as usize], mask, Bound::default()),
        8 => Change::Remove(List::ALL[(n / 160 % 4) as usize], mask),
        9 => Change::Role {
            who,
            role: on.then_some(Role::Operator),
            keep: true,
        },
        10 => Change::Member(who),
        11 => Change::Kick { who, reason: None },
        12 => Change::Register(who),
        13 => Change::Transfer(who),
        14 => match n / 160 % 4 {
            0 => Change::Drop,
            1 => Change::Floor(MessageId::LAST),
            2 => Change::Reset(MessageId::LAST),
            _ => Change::Created(who),
        },
        _ => Change::Unlink(None),
    }
}

/// Many changes of three channels, `step_ms` from one another.
pub fn any_changes(seed: u64, count: u64, step_ms: u64) -> Vec<ChannelChange> {
    let mut state = seed;
    let mut next = || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        state >> 33
    };
    (1..=count)
        .map(|n| {
            let channel = ["one", "two", "three"][next() as usize % 3];
            change(n * step_ms, channel, vec![any_change(next())])
        })
        .collect()
}

pub fn a_change_is_folded_and_found_after_a_restart(database: &impl Database) {
    let store = database.open(FOR_EVER);
    assert!(all(&*store).is_empty());
    let registered = change(
        5,
        "Dev",
        vec![
            Change::Register(person(7)),
            Change::Topic(Some(Text::clean("What's \u{1F41F} \"new\"?"))),
        ],
    );
    let restricted = change(
        9,
        "dev",
        vec![Change::Flag(Flag::Secret, true), Change::Slow(3)],
    );
    commit(&*store, std::slice::from_ref(&registered));
    commit(&*store, std::slice::from_ref(&restricted));
    let mut expected = Rules::default();
    expected.fold(&registered);
    expected.fold(&restricted);
    let check = |store: &Arc<dyn Store>| {
        let [(channel, rules)] = &all(&**store)[..] else {
            panic!("{:?}", all(&**store));
        };
        assert_eq!((channel.as_str(), rules), ("dev", &expected));
        assert_eq!(store.last_message_id(), Ok(id(9)));
    };
    check(&store);
    store.close().unwrap();
    drop(store);
    let store = database.open(FOR_EVER);
    check(&store);
    // Background work changes nothing that is seen.
    tend(&*store, DAY_MS);
    check(&store);
}

pub fn a_change_is_stored_once(database: &impl Database) {
    let store = &*database.open(FOR_EVER);
    let used = |ms| change(ms, "dev", vec![Change::Slow(ms as u32)]);
    commit(store, &[used(1), used(2)]);
    commit(store, &[used(1), used(2), used(3)]);
    commit(store, &[used(4), used(4), used(5)]);
    let expected = folded(&(1..=5).map(used).collect::<Vec<_>>());
    assert_eq!(found(store), expected);
    let records: Vec<Record> = (1..=5).map(|ms| record(&used(ms))).collect();
    assert_eq!(store.merge(&records).unwrap(), vec![Ok(()); 5]);
    assert_eq!(found(store), expected);
}

pub fn a_change_that_comes_too_late_is_refused(database: &impl Database) {
    let store = &*database.open(FOR_EVER);
    commit(store, &[topic(10, "dev", "new")]);
    let too_large = ChannelChange {
        id: MessageId {
            ms: 30,
            sequence: 1 << 20,
        },
        ..topic(30, "dev", "huge")
    };
    let results = store.commit(&[
        record(&topic(5, "dev", "old")),
        record(&too_large),
        record(&topic(20, "ops", "fine")),
        said(15, "dev", "late").into(),
    ]);
    assert_eq!(
        results.unwrap(),
        [
            Err(AppendError::OutOfOrder),
            Err(AppendError::IdOutOfRange),
            Ok(()),
            Err(AppendError::OutOfOrder),
        ]
    );
    let expected = folded(&[topic(10, "dev", "new"), topic(20, "ops", "fine")]);
    assert_eq!(found(store), expected);
}

pub fn messages_and_changes_share_a_group(database: &impl Database) {
    let store = database.open(FOR_EVER);
    let group = |from: u64| -> Vec<Record> {
        let entry = |ms: u64| match ms % 3 {
            0 => record(&topic(ms, "dev", &format!("topic {ms}"))),
            1 => said(ms, "dev", "x").into(),
            _ => said(ms, "ops", "x").into(),
        };
        (from..from + 9).map(entry).collect()
    };
    for from in [1, 10, 19] {
        assert_eq!(store.commit(&group(from)).unwrap(), vec![Ok(()); 9]);
    }
    // All of it again.
    assert_eq!(store.commit(&group(19)).unwrap(), vec![Ok(()); 9]);
    let check = |store: &dyn Store| {
        let (_, rules) = &all(store)[0];
        let topic = rules.topic.as_ref().unwrap();
        assert_eq!((topic.text.as_str(), topic.at_ms), ("topic 27", 27));
        assert_eq!(rules.version, id(27));
        let dev = Conversation::Channel(name("dev"));
        let history = store.history(&dev, Window::Latest, 100).unwrap();
        let times: Vec<u64> = history.messages.iter().map(|m| m.id.ms).collect();
        assert_eq!(times, [1, 4, 7, 10, 13, 16, 19, 22, 25]);
        let page = store.history(&dev, Window::Page(2), 4).unwrap();
        assert_eq!(page.messages.len(), 4, "changes take no place in a page");
        assert_eq!(store.last_message_id(), Ok(id(27)));
    };
    check(&*store);
    store.close().unwrap();
    drop(store);
    check(&*database.open(FOR_EVER));
}

pub fn channels_are_read_in_pages_by_key(database: &impl Database) {
    let store = &*database.open(FOR_EVER);
    // By the bytes of their keys, whatever a language would do.
    let names = [
        "Zebra", "apple", "Äpfel", "éclair", "zoo", "a-b", "a_b", "ab", "日本", "straße", "b2",
        "B10", "中文", "ñu", "über", "x",
    ];
    let changes: Vec<ChannelChange> = (1..)
        .zip(names)
        .map(|(ms, channel)| topic(ms, channel, "x"))
        .collect();
    commit(store, &changes);
    let mut expected: Vec<Name> = names.into_iter().map(name).collect();
    expected.sort_by(|a, b| a.key().as_bytes().cmp(b.key().as_bytes()));
    for limit in [1, 3, 5, 16, 100] {
        let mut read: Vec<Name> = Vec::new();
        loop {
            let after = read.last().map(|name| name.key().clone());
            let page = store.channels(after.as_deref(), limit).unwrap();
            assert!(page.len() <= limit);
            if page.is_empty() {
                break;
            }
            read.extend(page.into_iter().map(|(name, _)| name));
        }
        assert_eq!(read, expected, "by {limit}");
    }
    assert!(store.channels(None, 0).unwrap().is_empty());
}

pub fn a_channel_that_is_open_again_is_not_listed(database: &impl Database) {
    let store = &*database.open(FOR_EVER);
    let at = |n: u64| n * 10 * MINUTE_MS;
    for n in 0..30 {
        commit(store, &[topic(at(1) + n, &format!("room{n}"), "x")]);
    }
    for n in (0..30).filter(|n| n % 3 != 0) {
        let reset = change(
            at(2) + n,
            &format!("room{n}"),
            vec![Change::Reset(MessageId::LAST)],
        );
        commit(store, &[reset]);
    }
    let left = || {
        let mut pages = BTreeSet::new();
        let mut after: Option<Name> = None;
        loop {
            let key = after.as_ref().map(|name| &**name.key());
            let page = store.channels(key, 4).unwrap();
            let Some((last, _)) = page.last() else {
                break pages;
            };
            after = Some(last.clone());
            pages.extend(page.into_iter().map(|(name, _)| name.to_string()));
        }
    };
    let expected: BTreeSet<String> = (0..10).map(|n| format!("room{}", n * 3)).collect();
    assert_eq!(left(), expected);
    tend(store, at(9));
    assert_eq!(left(), expected);
    // It may have rules again.
    commit(store, &[topic(at(10), "room1", "back")]);
    assert_eq!(left().len(), 11);
}

pub fn a_channel_holds_as_much_as_it_may(database: &impl Database) {
    let store = database.open(FOR_EVER);
    let at = |n: u64| n * MINUTE_MS;
    let mut changes = vec![change(at(1), "big", vec![Change::Register(person(1))])];
    for n in 0..110 {
        let ten = (0..10).map(|m| Change::Member(person(n * 10 + m + 2)));
        changes.push(change(at(2 + n as u64), "big", ten.collect()));
    }
    for n in 0..110 {
        let mask = Mask::parse(&format!("troll{n}*")).unwrap();
        let bound = Bound {
            until_ms: Some(at(100_000)),
            reason: Some(Text::clean("no")),
        };
        let change_of = vec![Change::Add(List::Ban, mask, bound)];
        changes.push(change(at(2000 + n), "big", change_of));
    }
    for group in changes.chunks(100) {
        commit(&*store, group);
    }
    let (_, rules) = &all(&*store)[0];
    assert_eq!(rules.grants.len(), 1000);
    assert_eq!(rules.list(List::Ban).len(), 100);
    let expected = folded(&changes);
    assert_eq!(found(&*store), expected);
    store.close().unwrap();
    drop(store);
    assert_eq!(found(&*database.open(FOR_EVER)), expected);
}

pub fn any_changes_are_what_folding_them_makes(database: &impl Database) {
    let mut store = database.open(FOR_EVER);
    // Some close together, others so far apart that the older ones are settled.
    let mut changes = any_changes(1, 300, 10);
    changes.extend(any_changes(2, 300, MINUTE_MS).into_iter().skip(1));
    for (n, group) in changes.chunks(7).enumerate() {
        commit(&*store, group);
        if n % 20 == 0 {
            assert_eq!(found(&*store), folded(&changes[..(n * 7 + group.len())]));
            tend(&*store, group.last().unwrap().at_ms);
            store.close().unwrap();
            drop(store);
            store = database.open(FOR_EVER);
        }
    }
    assert_eq!(found(&*store), folded(&changes));
    tend(&*store, 400 * MINUTE_MS);
    assert_eq!(found(&*store), folded(&changes));
}

/// Whether a change is still stored.
fn is_stored(store: &dyn Store, change: &ChannelChange) -> bool {
    match &store.commit(&[record(change)]).unwrap()[..] {
        [Ok(())] => true,
        [Err(AppendError::OutOfOrder)] => false,
        other => panic!("{other:?}"),
    }
}

pub fn old_changes_go_with_the_messages_around_them(database: &impl Database) {
    let store = &*database.open(Retention {
        channel_messages: 3,
        ..FOR_EVER
    });
    let at = |n: u64| n * 10 * MINUTE_MS;
    let changes: Vec<ChannelChange> = (1..=10).map(|n| topic(at(n), "dev", "x")).collect();
    let other = topic(at(1) + 1, "ops", "y");
    let mut records: Vec<Record> = changes.iter().map(record).collect();
    records.push(record(&other));
    records.extend((1..=10).map(|n| Record::from(said(at(n) + 5, "dev", "x"))));
    records.sort_by_key(Record::id);
    assert_eq!(store.commit(&records).unwrap(), vec![Ok(()); 21]);
    let before = found(store);
    // The first round removes messages, a later one what lay between them.
    tend(store, at(20));
    tend(store, at(21));
    assert_eq!(found(store), before, "what is in force stays");
    let left: Vec<bool> = changes.iter().map(|it| is_stored(store, it)).collect();
    assert_eq!(
        left,
        [
            false, false, false, false, false, false, false, true, true, true
        ]
    );
    assert!(is_stored(store, &other), "of another channel");
}

pub fn old_changes_go_by_age(database: &impl Database) {
    let retention = Retention {
        channel_days: 2,
        ..FOR_EVER
    };
    let store = database.open(retention);
    let at = |n: u64| (100 + n) * DAY_MS;
    // Nobody has ever said anything there.
    let changes: Vec<ChannelChange> = (1..=5).map(|n| topic(at(n), "quiet", "x")).collect();
    commit(&*store, &changes);
    let before = found(&*store);
    tend(&*store, at(6));
    tend(&*store, at(6) + 2 * MINUTE_MS);
    assert_eq!(found(&*store), before);
    let left: Vec<bool> = changes.iter().map(|it| is_stored(&*store, it)).collect();
    assert_eq!(left, [false, false, false, false, true]);
    // The newest one of all stays: no id is used twice.
    tend(&*store, at(60));
    drop(store);
    let store = &*database.open(retention);
    assert_eq!(store.last_message_id(), Ok(id(at(5))));
    assert_eq!(found(store), before);
}
