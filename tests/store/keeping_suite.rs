//! What every store must do with the past of single channels and with what one account has written,
//! whatever its database.

use chat_server::model::{Erased, Erasing, Keeping, Located, MessageId, Reaction, Record, Sign};
use chat_server::store::{
    Account, Conversation, Message, Place, Retention, Store, Window, Written,
};

use crate::amendments_suite::amended;
use crate::channels_suite::FOR_EVER;
use crate::store_suite::{Database, direct, id, name, person, said};

const DAY_MS: u64 = 24 * 60 * 60 * 1000;

/// One test for each thing a store must do.
#[macro_export]
macro_rules! keeping_suite {
    ($database:ty) => {
        $crate::keeping_suite!($database:
            a_channel_keeps_what_is_laid_down_for_it,
            nothing_of_a_held_channel_is_removed,
            what_an_account_has_written_is_found_in_parts,
            what_an_account_has_reacted_with_is_found_in_parts,
            an_order_to_erase_is_claimed_once_and_again_when_it_is_stale,
        );
    };
    ($database:ty: $($test:ident,)*) => {
        $(
            #[test]
            fn $test() {
                $crate::keeping_suite::$test(
                    &<$database as $crate::store_suite::Database>::create(),
                );
            }
        )*
    };
}

fn commit(store: &dyn Store, messages: &[Message]) {
    assert_eq!(
        store.append(messages).unwrap(),
        vec![Ok(()); messages.len()]
    );
}

fn tend(store: &dyn Store, now_ms: u64) {
    for _ in 0..100 {
        if !store.tend(now_ms).unwrap() {
            return;
        }
    }
    panic!("background work does not end");
}

fn left(store: &dyn Store, channel: &str) -> Vec<u64> {
    let of = Conversation::Channel(name(channel));
    let history = store.history(&of, Window::Latest, 50).unwrap();
    history.messages.iter().map(|it| it.id.ms).collect()
}

fn keeping(channel: &str) -> Keeping {
    Keeping::usual(name(channel))
}

pub fn a_channel_keeps_what_is_laid_down_for_it(database: &impl Database) {
    let usual = Retention {
        channel_days: 5,
        ..FOR_EVER
    };
    let store = database.open(usual);
    let days = |n: u64| 100 * DAY_MS + n * DAY_MS;
    let channels = ["usual", "few", "short", "long"];
    for day in 0..8 {
        let said = channels.iter().zip(days(day)..);
        let said: Vec<Message> = said.map(|(channel, ms)| said_in(ms, channel)).collect();
        commit(&*store, &said);
    }
    let lay_down = |store: &dyn Store, of: Keeping| store.set_keeping(&of).unwrap();
    lay_down(
        &*store,
        Keeping {
            messages: 3,
            ..keeping("few")
        },
    );
    lay_down(
        &*store,
        Keeping {
            days: 1,
            ..keeping("SHORT")
        },
    );
    lay_down(
        &*store,
        Keeping {
            days: 36_500,
            ..keeping("long")
        },
    );
    assert_eq!(store.keeping(&name("Few")).unwrap().messages, 3);
    tend(&*store, days(7));
    let counts = |store: &dyn Store| channels.map(|it| left(store, it).len());
    assert_eq!(counts(&*store), [6, 3, 2, 8]);
    store.close().unwrap();
    drop(store);
    // It holds after a restart, and where nothing is laid down for all.
    let store = database.open(FOR_EVER);
    lay_down(
        &*store,
        Keeping {
            messages: 4,
            ..keeping("long")
        },
    );
    tend(&*store, days(30));
    assert_eq!(counts(&*store), [6, 3, 0, 4]);
    // What says nothing is not kept.
    lay_down(&*store, keeping("few"));
    assert!(store.keeping(&name("few")).unwrap().is_usual());
}

fn said_in(ms: u64, channel: &str) -> Message {
    said(ms, channel, "x")
}

pub fn nothing_of_a_held_channel_is_removed(database: &impl Database) {
    let store = database.open(Retention {
        channel_days: 2,
        channel_messages: 3,
        ..FOR_EVER
    });
    let all: Vec<Message> = (1..=9).map(|n| said(n * DAY_MS, "dev", "x")).collect();
    commit(&*store, &all);
    let held = Keeping {
        is_held: true,
        messages: 1,
        ..keeping("DEV")
    };
    store.set_keeping(&held).unwrap();
    let found = store.find_message(all[0].id).unwrap().unwrap();
    assert!(found.is_held);
    tend(&*store, 100 * DAY_MS);
    assert_eq!(left(&*store, "dev").len(), 9);
    store.set_keeping(&keeping("dev")).unwrap();
    assert!(!store.find_message(all[0].id).unwrap().unwrap().is_held);
    tend(&*store, 101 * DAY_MS);
    assert_eq!(left(&*store, "dev"), Vec::<u64>::new());
}

/// A message in a channel by an account.
fn by(ms: u64, author: &Account, channel: &str) -> Message {
    Message {
        author: author.username.clone(),
        place: Place::Channel {
            channel: name(channel),
            account: Some(author.id),
        },
        ..said(ms, channel, "x")
    }
}

/// All that an account has written, read in parts of this many messages.
fn written(store: &dyn Store, of: &Account, since: MessageId, rows: usize) -> Written {
    let mut all = Written::default();
    let mut after = MessageId::default();
    loop {
        let part = store.written_by(of.id, (after, since), rows).unwrap();
        assert!(part.messages.len() + part.erased.len() <= rows);
        all.messages.extend(part.messages);
        all.erased.extend(part.erased);
        all.held += part.held;
        all.reacted.extend(part.reacted);
        all.taken_back += part.taken_back;
        match part.next {
            Some(next) => after = next,
            None => return all,
        }
    }
}

pub fn what_an_account_has_written_is_found_in_parts(database: &impl Database) {
    let store = database.open(FOR_EVER);
    let [ann, bob] = ["ann", "bob"].map(|who| store.create_account(&person(who)).unwrap());
    let said = [
        by(1, &ann, "dev"),
        by(2, &bob, "dev"),
        direct(3, &ann, &bob, "x"),
        direct(4, &bob, &ann, "x"),
        by(5, &ann, "ops"),
        said(6, "dev", "x"),
        by(7, &ann, "dev"),
        by(8, &ann, "held"),
    ];
    commit(&*store, &said);
    store
        .set_keeping(&Keeping {
            is_held: true,
            ..keeping("held")
        })
        .unwrap();
    let deleted = |at: u64, of: &Message| amended(at, of, None);
    assert_eq!(store.commit(&[deleted(9, &said[6])]).unwrap(), [Ok(())]);
    for rows in [1, 2, 3, 100] {
        let all = written(&*store, &ann, id(9), rows);
        let ids: Vec<u64> = all.messages.iter().map(|it| it.message.id.ms).collect();
        assert_eq!(ids, [1, 3, 5]);
        let to: Vec<Option<&str>> = all.messages.iter().map(to).collect();
        assert_eq!(to, [None, Some("bob"), None]);
        assert_eq!(
            (all.erased.len(), all.held),
            (0, 1),
            "it was deleted before"
        );
    }
    let erased: Vec<_> = [0, 2, 4].map(|n| deleted(10 + n as u64, &said[n])).into();
    assert_eq!(store.commit(&erased).unwrap(), vec![Ok(()); 3]);
    let all = written(&*store, &ann, id(9), 3);
    assert!(all.messages.is_empty());
    let (in_channels, others): (Vec<&(i64, bool)>, Vec<_>) = all.erased.iter().partition(|it| it.1);
    assert_eq!((in_channels.len(), others.len()), (2, 1));
    assert_ne!(in_channels[0].0, in_channels[1].0);
}

pub fn what_an_account_has_reacted_with_is_found_in_parts(database: &impl Database) {
    let store = database.open(FOR_EVER);
    let [ann, bob] = ["ann", "bob"].map(|who| store.create_account(&person(who)).unwrap());
    let said = [
        by(1, &bob, "dev"),
        by(2, &bob, "dev"),
        direct(3, &bob, &ann, "x"),
        by(4, &bob, "held"),
    ];
    commit(&*store, &said);
    store
        .set_keeping(&Keeping {
            is_held: true,
            ..keeping("held")
        })
        .unwrap();
    let given = [
        reacted(10, &said[0], &ann, "👍", true),
        reacted(11, &said[0], &bob, "👍", true),
        reacted(12, &said[0], &ann, "lol", true),
        reacted(13, &said[1], &ann, "👍", true),
        reacted(14, &said[1], &ann, "👍", false),
        reacted(15, &said[2], &ann, "👍", true),
        reacted(16, &said[3], &ann, "👍", true),
    ];
    assert_eq!(store.commit(&given).unwrap(), vec![Ok(()); 7]);
    for rows in [1, 2, 100] {
        let all = written(&*store, &ann, id(16), rows);
        let ids: Vec<u64> = all.reacted.iter().map(|it| it.message.id.ms).collect();
        assert_eq!((ids, all.taken_back), (vec![1, 3], 0));
        let to: Vec<Option<&str>> = all.reacted.iter().map(to).collect();
        assert_eq!(to, [None, Some("ann")]);
    }
    let taken_back = [
        reacted(17, &said[0], &ann, "👍", false),
        reacted(18, &said[0], &ann, "lol", false),
        reacted(19, &said[2], &ann, "👍", false),
    ];
    assert_eq!(store.commit(&taken_back).unwrap(), vec![Ok(()); 3]);
    let all = written(&*store, &ann, id(16), 2);
    assert_eq!((all.reacted.len(), all.taken_back), (0, 3));
    // The reactions of others stay.
    let left = store.find_message(said[0].id).unwrap().unwrap().message;
    let counted = left.body.reactions().unwrap().counted();
    assert_eq!((counted.len(), counted[0].users[0]), (1, "bob"));
}

fn reacted(at: u64, to: &Message, by: &Account, sign: &str, on: bool) -> Record {
    Record::React(Box::new(Reaction {
        id: id(at),
        message: to.id,
        place: to.place.clone(),
        author: to.author.clone(),
        to: None,
        by: by.username.clone(),
        account: Some(by.id),
        sign: Sign::parse(sign).unwrap(),
        on,
    }))
}

fn to(located: &Located) -> Option<&str> {
    located.to.as_ref().map(|to| to.as_str())
}

pub fn an_order_to_erase_is_claimed_once_and_again_when_it_is_stale(database: &impl Database) {
    let store = database.open(FOR_EVER);
    let ann = store.create_account(&person("ann")).unwrap();
    assert_eq!(store.claim_erasing(1_000_000, 1000), Ok(None));
    assert_eq!(store.erasing(ann.id), Ok(None));
    store.order_erasing(ann.id, id(7), 1_000_000).unwrap();
    let order = Erasing {
        account: ann.id,
        since: id(7),
        began_ms: 1_000_000,
        done_ms: None,
        erased: Erased::default(),
    };
    assert_eq!(
        store.claim_erasing(1_000_001, 1000),
        Ok(Some(order.clone()))
    );
    assert_eq!(store.claim_erasing(1_000_002, 1000), Ok(None));
    let erased = Erased {
        messages: 4,
        channels: 2,
        direct_messages: 1,
        reactions: 5,
        held: 3,
    };
    let order = Erasing { erased, ..order };
    store.note_erasing(&order, 1_000_900).unwrap();
    assert_eq!(store.claim_erasing(1_001_500, 1000), Ok(None));
    // Its server has not noted anything for too long.
    assert_eq!(
        store.claim_erasing(1_002_000, 1000),
        Ok(Some(order.clone()))
    );
    let done = Erasing {
        done_ms: Some(1_002_500),
        ..order
    };
    store.note_erasing(&done, 1_002_500).unwrap();
    assert_eq!(store.claim_erasing(9_000_000, 1000), Ok(None));
    assert_eq!(store.erasing(ann.id), Ok(Some(done.clone())));
    // What is noted of an earlier order does not touch a later one.
    store.order_erasing(ann.id, id(8), 9_000_000).unwrap();
    store.note_erasing(&done, 9_000_001).unwrap();
    let again = store.claim_erasing(9_000_002, 1000).unwrap().unwrap();
    assert_eq!(
        (again.since, again.done_ms, again.erased),
        (id(8), None, Erased::default())
    );
}
