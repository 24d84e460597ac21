//! What every store must do with messages that are edited or deleted, whatever its database.

use chat_server::model::{Amendment, Body, Keeping, Reaction, ReplyTo, Sign};
use chat_server::store::{
    Appended, Conversation, Message, Record, Retention, Search, SearchScope, Store, Window,
};
use chat_server::text::Text;

use crate::channels_suite::FOR_EVER;
use crate::store_suite::{Database, direct, id, name, person, said};

/// One test for each thing a store must do.
#[macro_export]
macro_rules! amendments_suite {
    ($database:ty) => {
        $crate::amendments_suite!($database:
            an_edited_message_keeps_its_place,
            nothing_is_left_of_a_deleted_text,
            what_has_changed_since_is_read_with_what_was_said,
            a_change_of_a_message_is_stored_once,
            the_inbox_shows_the_message_before_a_deleted_one,
            what_was_deleted_is_not_unread,
            a_message_is_found_by_its_id,
            ids_go_on_after_the_last_change,
            an_answer_says_what_it_answers,
            reactions_are_kept_with_their_message,
            what_was_reacted_to_since_is_read_with_what_was_said,
            nothing_is_left_of_a_reaction_that_was_taken_back,
        );
    };
    ($database:ty: $($test:ident,)*) => {
        $(
            #[test]
            fn $test() {
                $crate::amendments_suite::$test(
                    &<$database as $crate::store_suite::Database>::create(),
                );
            }
        )*
    };
}

/// A change of a message: `None` deletes it.
pub fn amended(ms: u64, of: &Message, text: Option<&str>) -> Record {
    let body = match text {
        Some(text) => Text::clean(text).into(),
        None => Body::deleted(),
    };
    Record::Amend(Box::new(Amendment {
        id: id(ms),
        message: of.id,
        place: of.place.clone(),
        author: of.author.clone(),
        to: None,
        by: Some(of.author.clone()),
        body: body.changed_by(id(ms)),
        reason: None,
    }))
}

fn commit(store: &dyn Store, records: &[Record]) {
    let results: Vec<Appended> = store.commit(records).unwrap();
    assert_eq!(results, vec![Ok(()); records.len()]);
}

fn dev() -> Conversation {
    Conversation::Channel(name("dev"))
}

/// Ids and texts; a deleted message has none.
fn shown(messages: &[Message]) -> Vec<(u64, String)> {
    let shown = messages.iter().map(|message| {
        assert!(message.body.text.is_empty() || !message.body.is_deleted());
        (message.id.ms, message.body.text.to_string())
    });
    shown.collect()
}

fn row(ms: u64, text: &str) -> (u64, String) {
    (ms, text.to_owned())
}

fn found(store: &dyn Store, words: &str) -> Vec<(u64, String)> {
    let search = Search {
        words: words.to_owned(),
        scope: SearchScope::Everywhere,
        before: None,
        after: id(0),
        limit: 10,
    };
    shown(&store.search(&search).unwrap().found)
}

fn index_all(store: &dyn Store) {
    for round in 0..10 {
        while store.tend(round * 1_000_000).unwrap() {}
    }
}

pub fn an_edited_message_keeps_its_place(database: &impl Database) {
    let store = database.open(FOR_EVER);
    let said = [said(1, "dev", "teh cat"), said(2, "dev", "and then")];
    store.append(&said).unwrap();
    // Once before the text is in the index, and once after.
    commit(&*store, &[amended(3, &said[0], Some("the cat"))]);
    let history = store.history(&dev(), Window::Latest, 10).unwrap();
    assert_eq!(
        shown(&history.messages),
        [row(1, "the cat"), row(2, "and then")]
    );
    assert_eq!(history.messages[0].body.changed(), Some(id(3)));
    assert_eq!(history.messages[1].body.changed(), None);
    assert_eq!(found(&*store, "teh"), []);
    assert_eq!(found(&*store, "cat"), [row(1, "the cat")]);
    index_all(&*store);
    assert_eq!(found(&*store, "cat"), [row(1, "the cat")]);
    commit(&*store, &[amended(4, &said[0], Some("the dog"))]);
    assert_eq!(found(&*store, "cat"), []);
    assert_eq!(found(&*store, "dog"), [row(1, "the dog")]);
}

pub fn nothing_is_left_of_a_deleted_text(database: &impl Database) {
    let store = database.open(FOR_EVER);
    let said = [said(1, "dev", "hidden"), said(2, "dev", "shown")];
    store.append(&said).unwrap();
    index_all(&*store);
    commit(&*store, &[amended(3, &said[0], None)]);
    // A deleted message stays so.
    commit(&*store, &[amended(4, &said[0], Some("hidden again"))]);
    for _ in 0..2 {
        let history = store.history(&dev(), Window::Latest, 10).unwrap();
        assert_eq!(shown(&history.messages), [row(1, ""), row(2, "shown")]);
        assert!(history.messages[0].body.is_deleted());
        assert_eq!(found(&*store, "hidden"), []);
        index_all(&*store);
    }
}

pub fn what_has_changed_since_is_read_with_what_was_said(database: &impl Database) {
    let store = database.open(FOR_EVER);
    let said: Vec<Message> = (1..=4).map(|ms| said(ms, "dev", "x")).collect();
    store.append(&said).unwrap();
    commit(
        &*store,
        &[
            amended(5, &said[0], Some("first")),
            amended(6, &said[3], Some("fourth")),
            amended(7, &said[1], None),
            amended(8, &said[0], Some("first again")),
        ],
    );
    let since = |ms| {
        let history = store.history(&dev(), Window::After(id(ms)), 10).unwrap();
        let amended = history.amended.iter();
        let amended: Vec<(u64, u64, String)> = amended
            .map(|it| (it.id.ms, it.message.ms, it.body.text.to_string()))
            .collect();
        (shown(&history.messages), amended)
    };
    let first_again = (8, 1, "first again".to_owned());
    let (messages, amended) = since(2);
    assert_eq!(messages, [row(3, "x"), row(4, "fourth")]);
    assert_eq!(amended, [(7, 2, String::new()), first_again.clone()]);
    assert_eq!(since(7), (vec![], vec![first_again]));
    assert_eq!(since(8), (vec![], vec![]));
    let latest = store.history(&dev(), Window::Latest, 10).unwrap();
    assert!(latest.amended.is_empty());
}

pub fn a_change_of_a_message_is_stored_once(database: &impl Database) {
    let store = database.open(FOR_EVER);
    let said = said(1, "dev", "x");
    let change = amended(2, &said, Some("y"));
    commit(&*store, &[said.clone().into(), change.clone()]);
    commit(&*store, &[change, amended(3, &said, Some("z"))]);
    commit(
        &*store,
        &[said.clone().into(), amended(2, &said, Some("y"))],
    );
    let history = store.history(&dev(), Window::Latest, 10).unwrap();
    assert_eq!(shown(&history.messages), [row(1, "z")]);
}

pub fn the_inbox_shows_the_message_before_a_deleted_one(database: &impl Database) {
    let store = database.open(FOR_EVER);
    let ann = store.create_account(&person("ann")).unwrap();
    let bob = store.create_account(&person("bob")).unwrap();
    let said = [direct(1, &ann, &bob, "one"), direct(2, &bob, &ann, "two")];
    store.append(&said).unwrap();
    let inbox = |of: &chat_server::store::Account| {
        let lines = store.inbox(of.id, 1, 10).unwrap().into_iter();
        let latest: Vec<Message> = lines.map(|line| line.latest).collect();
        shown(&latest)
    };
    assert_eq!(inbox(&ann), [row(2, "two")]);
    commit(&*store, &[amended(3, &said[1], None)]);
    assert_eq!(
        (inbox(&ann), inbox(&bob)),
        (vec![row(1, "one")], vec![row(1, "one")])
    );
    commit(&*store, &[amended(4, &said[0], Some("uno"))]);
    assert_eq!(inbox(&bob), [row(1, "uno")]);
    commit(&*store, &[amended(5, &said[0], None)]);
    assert_eq!((inbox(&ann), inbox(&bob)), (vec![], vec![]));
    store.append(&[direct(6, &ann, &bob, "three")]).unwrap();
    assert_eq!(inbox(&bob), [row(6, "three")]);
}

pub fn what_was_deleted_is_not_unread(database: &impl Database) {
    let store = database.open(FOR_EVER);
    let ann = store.create_account(&person("ann")).unwrap();
    let bob = store.create_account(&person("bob")).unwrap();
    let words = ["one", "two", "three", "four"];
    let in_thread: Vec<Message> = (1..=4)
        .zip(words)
        .map(|(ms, text)| direct(ms, &ann, &bob, text))
        .collect();
    let in_room = [said(5, "dev", "hi @bob"), said(6, "dev", "bye @bob")];
    store.append(&in_thread).unwrap();
    store.append(&in_room).unwrap();
    let unread = || {
        let thread = store.inbox(bob.id, 1, 10).unwrap()[0].unread;
        let rooms = [(name("dev"), id(4))];
        let rooms = store.unread((bob.id, &bob.username), &rooms).unwrap();
        (thread, rooms[0].messages, rooms[0].mentions)
    };
    assert_eq!(unread(), (4, 2, 2));
    store.mark_read(bob.id, ann.id, id(1)).unwrap();
    assert_eq!(unread(), (3, 2, 2));
    // One that was read already, one in the middle, and the last.
    commit(
        &*store,
        &[
            amended(7, &in_thread[0], None),
            amended(8, &in_thread[1], None),
            amended(9, &in_thread[2], Some("3")),
            amended(10, &in_room[1], None),
        ],
    );
    assert_eq!(unread(), (2, 1, 1));
    commit(&*store, &[amended(11, &in_thread[3], None)]);
    assert_eq!(unread(), (1, 1, 1));
}

pub fn a_message_is_found_by_its_id(database: &impl Database) {
    let store = database.open(FOR_EVER);
    let ann = store.create_account(&person("ann")).unwrap();
    let bob = store.create_account(&person("bob")).unwrap();
    let said = [said(1, "dev", "x"), direct(2, &ann, &bob, "hi")];
    store.append(&said).unwrap();
    commit(&*store, &[amended(3, &said[0], Some("y"))]);
    let in_room = store.find_message(id(1)).unwrap().unwrap();
    assert_eq!(in_room.message.body.text.as_str(), "y");
    assert_eq!(
        (in_room.message.place, in_room.to),
        (said[0].place.clone(), None)
    );
    let private = store.find_message(id(2)).unwrap().unwrap();
    assert_eq!(private.message.place, said[1].place);
    assert_eq!(private.to, Some(name("bob")));
    assert!(store.find_message(id(3)).unwrap().is_none());
}

pub fn ids_go_on_after_the_last_change(database: &impl Database) {
    let said = said(1, "dev", "x");
    let store = database.open(Retention::default());
    commit(
        &*store,
        &[said.clone().into(), amended(9, &said, Some("y"))],
    );
    store.close().unwrap();
    assert_eq!(database.open(FOR_EVER).last_message_id().unwrap(), id(9));
}

pub fn an_answer_says_what_it_answers(database: &impl Database) {
    let store = database.open(FOR_EVER);
    let ann = store.create_account(&person("ann")).unwrap();
    let bob = store.create_account(&person("bob")).unwrap();
    let answering = |mut message: Message, to: &Message| {
        message.body = message.body.replying_to(Some(ReplyTo {
            id: to.id,
            author: to.author.clone(),
        }));
        message
    };
    let first = said(1, "dev", "tea");
    let whisper = direct(2, &ann, &bob, "sugar");
    let answers = [
        answering(said(3, "dev", "milk"), &first),
        answering(direct(4, &bob, &ann, "none"), &whisper),
    ];
    store.append(&[first.clone(), whisper.clone()]).unwrap();
    store.append(&answers).unwrap();
    let answered = |messages: &[Message]| -> Vec<Option<ReplyTo>> {
        messages.iter().map(|it| it.body.reply().cloned()).collect()
    };
    let of = |message: &Message| answered(std::slice::from_ref(message)).remove(0);
    let (to_first, to_whisper) = (of(&answers[0]), of(&answers[1]));
    assert!(to_first.is_some() && to_whisper.is_some());
    let latest = || store.history(&dev(), Window::Latest, 10).unwrap();
    assert_eq!(answered(&latest().messages), [None, to_first.clone()]);
    let inbox = store.inbox(ann.id, 1, 10).unwrap();
    assert_eq!(of(&inbox[0].latest), to_whisper);
    let located = store.find_message(id(4)).unwrap().unwrap();
    assert_eq!(of(&located.message), to_whisper);
    index_all(&*store);
    let search = Search {
        words: "milk".to_owned(),
        scope: SearchScope::Everywhere,
        before: None,
        after: id(0),
        limit: 10,
    };
    let found = store.search(&search).unwrap().found;
    assert_eq!(answered(&found), std::slice::from_ref(&to_first));
    // It stays one when it is edited, and nothing is left of it when it is deleted.
    commit(&*store, &[amended(5, &answers[0], Some("no milk"))]);
    assert_eq!(answered(&latest().messages), [None, to_first]);
    commit(&*store, &[amended(6, &answers[0], None)]);
    assert_eq!(answered(&latest().messages), [None, None]);
}

/// A reaction to a message.
pub fn reaction(ms: u64, of: &Message, by: &str, sign: &str, on: bool) -> Record {
    Record::React(Box::new(Reaction {
        id: id(ms),
        message: of.id,
        place: of.place.clone(),
        author: of.author.clone(),
        to: None,
        by: name(by),
        account: None,
        sign: Sign::parse(sign).unwrap(),
        on,
    }))
}

/// The signs of a message, with those who gave them.
fn signs(message: &Message) -> Vec<(String, Vec<String>)> {
    let reactions = message.body.reactions().cloned().unwrap_or_default();
    let counted = reactions.counted().into_iter();
    let owned = |users: Vec<&str>| users.into_iter().map(str::to_owned).collect();
    counted
        .map(|it| (it.sign.to_owned(), owned(it.users)))
        .collect()
}

fn sign(sign: &str, users: &[&str]) -> (String, Vec<String>) {
    let users = users.iter().map(|&user| user.to_owned());
    (sign.to_owned(), users.collect())
}

pub fn reactions_are_kept_with_their_message(database: &impl Database) {
    let store = database.open(FOR_EVER);
    let said = [said(1, "dev", "green tea"), said(2, "dev", "and cake")];
    // In one group with its message, and with the same once more.
    let records = [
        Record::from(said[0].clone()),
        Record::from(said[1].clone()),
        reaction(3, &said[0], "bob", "👍", true),
        reaction(4, &said[0], "eve", "👍", true),
    ];
    commit(&*store, &records);
    commit(&*store, &[reaction(4, &said[0], "eve", "👍", true)]);
    commit(
        &*store,
        &[
            reaction(5, &said[0], "bob", "lol", true),
            reaction(6, &said[0], "bob", "👍", false),
            amended(7, &said[0], Some("black tea")),
        ],
    );
    let expected = [sign("👍", &["eve"]), sign("lol", &["bob"])];
    let history = store.history(&dev(), Window::Latest, 10).unwrap();
    assert_eq!(signs(&history.messages[0]), expected);
    assert_eq!(history.messages[0].body.text.as_str(), "black tea");
    assert_eq!(signs(&history.messages[1]), []);
    let found = store.find_message(said[0].id).unwrap().unwrap();
    assert_eq!(signs(&found.message), expected);
    let search = Search {
        words: "tea".to_owned(),
        scope: SearchScope::Everywhere,
        before: None,
        after: id(0),
        limit: 10,
    };
    assert_eq!(signs(&store.search(&search).unwrap().found[0]), expected);
    assert_eq!(store.last_message_id().unwrap(), id(7));
    commit(&*store, &[reaction(8, &said[1], "bob", "👍", true)]);
    drop(store);
    let store = database.open(FOR_EVER);
    assert_eq!(store.last_message_id().unwrap(), id(8));
    // A deleted message has none, and gets none.
    commit(
        &*store,
        &[
            amended(9, &said[0], None),
            reaction(10, &said[0], "bob", "👍", true),
        ],
    );
    commit(&*store, &[reaction(10, &said[0], "bob", "👍", true)]);
    let history = store.history(&dev(), Window::Latest, 10).unwrap();
    assert_eq!(history.messages[0].body.reactions(), None);
    assert_eq!(signs(&history.messages[1]), [sign("👍", &["bob"])]);
}

pub fn what_was_reacted_to_since_is_read_with_what_was_said(database: &impl Database) {
    let store = database.open(FOR_EVER);
    let said: Vec<Message> = (1..=4).map(|ms| said(ms, "dev", "x")).collect();
    store.append(&said).unwrap();
    commit(
        &*store,
        &[
            reaction(5, &said[1], "bob", "👍", true),
            reaction(6, &said[0], "bob", "👍", true),
            reaction(7, &said[3], "bob", "👍", true),
            reaction(8, &said[1], "bob", "👍", false),
        ],
    );
    let since = |after: u64| {
        let history = store.history(&dev(), Window::After(id(after)), 10).unwrap();
        let reacted = history.reacted.iter();
        let reacted: Vec<_> = reacted.map(|it| (it.id.ms, signs(it).len())).collect();
        reacted
    };
    assert_eq!(since(0), []);
    assert_eq!(since(3), [(1, 1), (2, 0)]);
    assert_eq!(since(6), [(4, 1), (2, 0)]);
}

pub fn nothing_is_left_of_a_reaction_that_was_taken_back(database: &impl Database) {
    const DAY_MS: u64 = 24 * 60 * 60 * 1000;
    let store = database.open(FOR_EVER);
    let said = [
        said(1, "dev", "x"),
        said(2, "dev", "y"),
        said(3, "ops", "z"),
    ];
    store.append(&said).unwrap();
    let held = Keeping {
        is_held: true,
        ..Keeping::usual(name("ops"))
    };
    store.set_keeping(&held).unwrap();
    commit(
        &*store,
        &[
            reaction(4, &said[0], "bob", "👍", true),
            reaction(5, &said[0], "eve", "👍", true),
            reaction(6, &said[0], "bob", "👍", false),
            reaction(7, &said[2], "bob", "👍", true),
            reaction(8, &said[2], "bob", "👍", false),
            reaction(DAY_MS, &said[1], "bob", "👍", true),
            reaction(DAY_MS + 1, &said[1], "bob", "👍", false),
        ],
    );
    let names_bob = |n: usize| {
        let found = store.find_message(said[n].id).unwrap().unwrap();
        let reactions = found.message.body.reactions().unwrap();
        reactions.to_text().contains("bob")
    };
    let tend = |now_ms| while store.tend(now_ms).unwrap() {};
    tend(DAY_MS);
    assert_eq!([0, 1, 2].map(names_bob), [true, true, true], "too early");
    tend(DAY_MS + 120_000);
    assert_eq!(
        [0, 1, 2].map(names_bob),
        [false, true, true],
        "one is newer, and one channel is on hold"
    );
    // A client that was away hears all the same that the message has fewer.
    let since = |after: u64| {
        let history = store.history(&dev(), Window::After(id(after)), 10).unwrap();
        let reacted = history.reacted.iter();
        let reacted: Vec<_> = reacted.map(|it| (it.id.ms, signs(it))).collect();
        reacted
    };
    assert_eq!(since(5)[0], (1, vec![sign("👍", &["eve"])]));
    tend(2 * DAY_MS + 240_000);
    assert!(!names_bob(1));
    assert_eq!(since(DAY_MS), [(2, vec![])]);
    // Whoever comes first after that begins anew.
    commit(
        &*store,
        &[reaction(3 * DAY_MS, &said[1], "bob", "👍", true)],
    );
    assert_eq!(since(DAY_MS), [(2, vec![sign("👍", &["bob"])])]);
}
