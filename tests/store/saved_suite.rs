//! What every store must do with the channels of accounts, whatever its database.

use chat_server::model::{MAX_SAVED, MAX_UNREAD, Notify};
use chat_server::name::Name;
use chat_server::store::{Account, AccountId, Message, Place, Retention, Store, Unread};

use crate::channels_suite::FOR_EVER;
use crate::store_suite::{Database, id, name, person, said};

/// One test for each thing a store must do.
#[macro_export]
macro_rules! saved_suite {
    ($database:ty) => {
        $crate::saved_suite!($database:
            the_channels_of_an_account_are_kept,
            an_account_has_a_limited_number_of_channels,
            a_mark_moves_forward_only,
            what_others_wrote_after_the_mark_is_unread,
            mentions_are_counted_by_whole_names,
            unread_messages_are_counted_up_to_a_limit,
            what_retention_has_removed_is_not_unread,
            many_channels_are_counted_at_once,
            accounts_of_a_channel_are_read_in_pages,
        );
    };
    ($database:ty: $($test:ident,)*) => {
        $(
            #[test]
            fn $test() {
                $crate::saved_suite::$test(
                    &<$database as $crate::store_suite::Database>::create(),
                );
            }
        )*
    };
}

fn make(store: &dyn Store, username: &str) -> Account {
    store.create_account(&person(username)).unwrap()
}

fn save(store: &dyn Store, of: &Account, channel: &str, ms: u64) {
    assert_eq!(store.save_channel(of.id, &name(channel), id(ms)), Ok(true));
}

/// The channels of an account: name, mark, and whether it is muted.
fn saved(store: &dyn Store, of: &Account) -> Vec<(String, u64, bool)> {
    let saved = store.saved_channels(of.id).unwrap().into_iter();
    saved
        .map(|it| (it.channel.to_string(), it.read_up_to.ms, it.is_muted))
        .collect()
}

fn row(channel: &str, ms: u64, muted: bool) -> (String, u64, bool) {
    (channel.to_owned(), ms, muted)
}

fn unread(store: &dyn Store, of: &Account, channels: &[(&str, u64)]) -> Vec<(u64, u64)> {
    let channels: Vec<_> = channels
        .iter()
        .map(|(channel, ms)| (name(channel), id(*ms)))
        .collect();
    let unread = store.unread((of.id, &of.username), &channels).unwrap();
    let pair = |it: Unread| (it.messages, it.mentions);
    unread.into_iter().map(pair).collect()
}

fn by(author: &Account, message: Message) -> Message {
    let Place::Channel { channel, .. } = message.place.clone() else {
        panic!("{message:?}");
    };
    Message {
        author: author.username.clone(),
        place: Place::Channel {
            channel,
            account: Some(author.id),
        },
        ..message
    }
}

fn commit(store: &dyn Store, messages: &[Message]) {
    for group in messages.chunks(1000) {
        let results = store.append(group).unwrap();
        assert!(results.iter().all(Result::is_ok), "{results:?}");
    }
}

pub fn the_channels_of_an_account_are_kept(database: &impl Database) {
    let store = database.open(FOR_EVER);
    let [ann, bob] = ["ann", "bob"].map(|who| make(&*store, who));
    assert!(saved(&*store, &ann).is_empty());
    save(&*store, &ann, "Dev", 5);
    save(&*store, &ann, "ops", 6);
    save(&*store, &bob, "dev", 9);
    // Saved already, however it is spelt: the mark stays.
    save(&*store, &ann, "dev", 7);
    assert_eq!(store.mute_channel(ann.id, &name("OPS"), true), Ok(true));
    assert_eq!(store.mute_channel(ann.id, &name("other"), true), Ok(false));
    let notified = || {
        store
            .saved_channels(ann.id)
            .unwrap()
            .into_iter()
            .map(|it| it.notify)
    };
    assert!(notified().all(|level| level == Notify::Mentions));
    for level in [Notify::All, Notify::Nothing, Notify::Mentions] {
        let set = store.notify_of_channel(ann.id, &name("OPS"), level);
        assert_eq!((set, notified().any(|it| it == level)), (Ok(true), true));
    }
    let other = store.notify_of_channel(ann.id, &name("other"), Notify::All);
    assert_eq!(other, Ok(false));
    let expected = [row("Dev", 5, false), row("ops", 6, true)];
    assert_eq!(saved(&*store, &ann), expected);
    assert_eq!(saved(&*store, &bob), [row("dev", 9, false)]);
    store.close().unwrap();
    drop(store);
    let store = &*database.open(FOR_EVER);
    assert_eq!(saved(store, &ann), expected);
    store.forget_channel(ann.id, &name("dev")).unwrap();
    store.forget_channel(ann.id, &name("never")).unwrap();
    assert_eq!(store.mute_channel(ann.id, &name("ops"), false), Ok(true));
    assert_eq!(saved(store, &ann), [row("ops", 6, false)]);
    assert_eq!(saved(store, &bob), [row("dev", 9, false)]);
    let nobody = AccountId(4711);
    assert_eq!(store.save_channel(nobody, &name("dev"), id(1)), Ok(false));
    assert!(store.saved_channels(nobody).unwrap().is_empty());
}

pub fn an_account_has_a_limited_number_of_channels(database: &impl Database) {
    let store = &*database.open(FOR_EVER);
    let ann = make(store, "ann");
    let room = |n: usize| name(&format!("room{n}"));
    for n in 0..MAX_SAVED {
        assert_eq!(store.save_channel(ann.id, &room(n), id(1)), Ok(true));
    }
    assert_eq!(store.save_channel(ann.id, &name("more"), id(1)), Ok(false));
    assert_eq!(
        store.save_channel(ann.id, &room(3), id(1)),
        Ok(true),
        "is one"
    );
    assert_eq!(store.saved_channels(ann.id).unwrap().len(), MAX_SAVED);
    store.forget_channel(ann.id, &room(3)).unwrap();
    assert_eq!(store.save_channel(ann.id, &name("more"), id(1)), Ok(true));
}

pub fn a_mark_moves_forward_only(database: &impl Database) {
    let store = &*database.open(FOR_EVER);
    let ann = make(store, "ann");
    save(store, &ann, "dev", 5);
    let mark = |ms| {
        store
            .mark_channel_read(ann.id, &name("DEV"), id(ms))
            .unwrap()
    };
    assert!(mark(9));
    assert!(!mark(9) && !mark(7), "it stays where it was");
    assert_eq!(saved(store, &ann), [row("dev", 9, false)]);
    let other = store.mark_channel_read(ann.id, &name("ops"), id(9));
    assert_eq!(other, Ok(false), "a channel of another's");
}

pub fn what_others_wrote_after_the_mark_is_unread(database: &impl Database) {
    let store = &*database.open(FOR_EVER);
    let [ann, bob] = ["ann", "bob"].map(|who| make(store, who));
    let messages: Vec<Message> = (1..=20)
        .map(|n| match n % 4 {
            0 => by(&ann, said(n, "dev", "own @ann")),
            1 => by(&bob, said(n, "dev", "hi")),
            2 => said(n, "dev", "a guest"),
            _ => by(&bob, said(n, "ops", "elsewhere")),
        })
        .collect();
    commit(store, &messages);
    let of = |who: &Account, channel: &str, ms: u64| unread(store, who, &[(channel, ms)])[0];
    assert_eq!(of(&ann, "dev", 0), (10, 0));
    assert_eq!(of(&bob, "dev", 0), (10, 0));
    assert_eq!(of(&ann, "DEV", 10), (4, 0));
    assert_eq!(of(&ann, "dev", 17), (1, 0));
    assert_eq!(of(&ann, "dev", 18), (0, 0), "only an own one is left");
    assert_eq!(of(&ann, "dev", 20), (0, 0));
    assert_eq!(of(&ann, "dev", u64::MAX), (0, 0));
    assert_eq!(of(&ann, "ops", 0), (5, 0));
    assert_eq!(of(&ann, "never", 0), (0, 0));
    assert_eq!(unread(store, &ann, &[]), []);
    let both = unread(store, &ann, &[("ops", 11), ("never", 1), ("dev", 17)]);
    assert_eq!(both, [(2, 0), (0, 0), (1, 0)]);
}

pub fn mentions_are_counted_by_whole_names(database: &impl Database) {
    let store = &*database.open(FOR_EVER);
    let [ann, bob] = ["ann", "bob"].map(|who| make(store, who));
    let texts = [
        "hi @ann",
        "@ANN, look",
        "ann: please",
        "@anna",
        "ann",
        "me@ann",
        "@bob and (@ann)",
    ];
    let messages: Vec<Message> = (1..)
        .zip(texts)
        .map(|(n, text)| by(&bob, said(n, "dev", text)))
        .collect();
    commit(store, &messages);
    commit(store, &[by(&ann, said(8, "dev", "@ann myself"))]);
    assert_eq!(unread(store, &ann, &[("dev", 0)]), [(7, 4)]);
    assert_eq!(unread(store, &ann, &[("dev", 2)]), [(5, 2)]);
    assert_eq!(unread(store, &bob, &[("dev", 0)]), [(1, 0)]);
}

pub fn unread_messages_are_counted_up_to_a_limit(database: &impl Database) {
    let store = &*database.open(FOR_EVER);
    let [ann, bob] = ["ann", "bob"].map(|who| make(store, who));
    let messages: Vec<Message> = (1..=2500)
        .map(|n| by(&bob, said(n, "dev", if n % 2 == 0 { "@ann" } else { "x" })))
        .collect();
    commit(store, &messages);
    let of = |ms| unread(store, &ann, &[("dev", ms)])[0];
    assert_eq!(of(0), (MAX_UNREAD, 500), "mentions among the newest");
    assert_eq!(of(1499), (MAX_UNREAD, 500));
    assert_eq!(of(1500), (MAX_UNREAD, 500));
    assert_eq!(of(1501), (999, 500));
    assert_eq!(of(2490), (10, 5));
}

pub fn what_retention_has_removed_is_not_unread(database: &impl Database) {
    let retention = Retention {
        channel_messages: 3,
        ..FOR_EVER
    };
    let store = &*database.open(retention);
    let [ann, bob] = ["ann", "bob"].map(|who| make(store, who));
    let messages: Vec<Message> = (1..=20).map(|n| by(&bob, said(n, "dev", "@ann"))).collect();
    commit(store, &messages);
    while store.tend(1000).unwrap() {}
    assert_eq!(unread(store, &ann, &[("dev", 0)]), [(3, 3)]);
    assert_eq!(unread(store, &ann, &[("dev", 19)]), [(1, 1)]);
}

pub fn many_channels_are_counted_at_once(database: &impl Database) {
    let store = &*database.open(FOR_EVER);
    let [ann, bob] = ["ann", "bob"].map(|who| make(store, who));
    // More than the texts of which one request looks through.
    let channels: Vec<String> = (0..25).map(|n| format!("room{n}")).collect();
    let mut ms = 0;
    for channel in &channels {
        let messages: Vec<Message> = (0..1000)
            .map(|_| {
                ms += 1;
                by(&bob, said(ms, channel, "@ann"))
            })
            .collect();
        commit(store, &messages);
    }
    let asked: Vec<(&str, u64)> = channels.iter().map(|it| (it.as_str(), 0)).collect();
    let counted = unread(store, &ann, &asked);
    for (n, counted) in counted.into_iter().enumerate() {
        let mentions = if n < 20 { 1000 } else { 0 };
        assert_eq!(counted, (1000, mentions), "room{n}");
    }
}

pub fn accounts_of_a_channel_are_read_in_pages(database: &impl Database) {
    let store = &*database.open(FOR_EVER);
    let mut people: Vec<Account> = (0..25).map(|n| make(store, &format!("user{n}"))).collect();
    for (n, person) in people.iter().enumerate() {
        save(store, person, if n % 5 == 4 { "ops" } else { "Dev" }, 1);
    }
    let page = |after: Option<&Name>| {
        let page = store.channel_accounts(&name("dev"), after, 7).unwrap();
        assert!(page.len() <= 7);
        page
    };
    let mut found: Vec<(AccountId, Name)> = Vec::new();
    loop {
        let next = page(found.last().map(|(_, name)| name));
        if next.is_empty() {
            break;
        }
        found.extend(next);
    }
    people.retain(|person| person.username.as_str()[4..].parse::<u32>().unwrap() % 5 != 4);
    people.sort_by(|a, b| a.username.key().cmp(b.username.key()));
    let expected: Vec<_> = people
        .iter()
        .map(|it| (it.id, it.username.clone()))
        .collect();
    assert_eq!(found, expected);
    assert!(
        store
            .channel_accounts(&name("none"), None, 7)
            .unwrap()
            .is_empty()
    );
}
