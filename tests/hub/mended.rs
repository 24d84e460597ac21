//! What is read from the store while messages are edited and deleted undoes none of that on the
//! screens of those who read, nor what users have reacted.

use chat_server::hub::{Command, ConnectionId, Event, Message, MessageId, Seen, Which, Wish};
use chat_server::model::{Reactions, Sign, Window};
use chat_server::store::History;

use super::hub_support::name;
use super::keeping_house::Kept;

/// More changes than a hub remembers.
const TOO_MANY: usize = 1001;

/// A house in which ann has said two things in a channel, and bob is in it.
fn two_in_club() -> (Kept, ConnectionId, ConnectionId) {
    let mut kept = Kept::new();
    let (ann, bob) = (kept.arrive(0, "ann"), kept.arrive(1, "bob"));
    kept.come(ann, "club");
    kept.speak(ann, "club", "one");
    kept.speak(ann, "club", "two");
    kept.come(bob, "club");
    kept.forget();
    (kept, ann, bob)
}

/// Changes the last message of a connection.
fn change_last(kept: &mut Kept, of: ConnectionId, wish: Wish) {
    let message = Which::Last(None);
    kept.apply(of, Command::Mend { message, wish });
    kept.tend();
}

/// Says and deletes so much that the hub does not remember all of it.
fn delete_many(kept: &mut Kept, by: ConnectionId) {
    for _ in 0..TOO_MANY {
        kept.speak(by, "club", "and more");
        change_last(kept, by, Wish::Delete(None));
    }
    kept.forget();
}

/// What a connection's thread has found, and sends to its client.
fn found(seen: Seen) -> Command {
    let answer = Command::AnswerFromPast {
        channel: name("club"),
        after: MessageId::default(),
        bytes: b"found".to_vec(),
    };
    Command::AsSeen {
        seen,
        answer: Box::new(answer),
    }
}

/// Has the hub apply what has changed to what is read now.
trait Mend {
    fn mend(&mut self, read: &mut [Message]) -> Seen;
}

impl Mend for Kept {
    fn mend(&mut self, read: &mut [Message]) -> Seen {
        let changes = self.hub.changes();
        self.hub.mend_read(changes, read)
    }
}

/// Gives a message a sign, or takes it back, and has the store answer.
fn react(kept: &mut Kept, by: ConnectionId, message: MessageId, sign: &str, on: bool) {
    let wish = Wish::React {
        sign: Sign::parse(sign).unwrap(),
        on: Some(on),
    };
    let message = Which::Id(message);
    kept.apply(by, Command::Mend { message, wish });
    kept.tend();
}

/// The reactions that a connection was told since the last call.
fn told_reactions(kept: &mut Kept, id: ConnectionId) -> Vec<(String, bool)> {
    let told = kept.events(id).into_iter();
    let reacted = told.filter_map(|event| match event {
        Event::Reacted(reaction) => Some((reaction.sign.to_string(), reaction.on)),
        _ => None,
    });
    reacted.collect()
}

/// The signs of a message.
fn signs(message: &Message) -> Vec<(String, usize)> {
    let counted = message.body.reactions().map(Reactions::counted);
    let counted = counted.into_iter().flatten();
    counted.map(|it| (it.sign.to_owned(), it.count)).collect()
}

/// The messages that a connection was told are deleted since the last call.
fn told_deleted(kept: &mut Kept, id: ConnectionId) -> Vec<MessageId> {
    let told = kept.events(id).into_iter();
    let deleted = told.filter_map(|event| match event {
        Event::Amended(amendment) if amendment.deletes() => Some(amendment.message),
        _ => None,
    });
    deleted.collect()
}

#[test]
fn what_was_deleted_after_it_was_read_is_told_after_the_answer() {
    let (mut kept, ann, bob) = two_in_club();
    let mut read = kept.messages.clone();
    let two = read[1].id;
    let seen = kept.mend(&mut read);
    change_last(&mut kept, ann, Wish::Delete(None));
    assert_eq!(told_deleted(&mut kept, bob), [two]);
    kept.apply(bob, found(seen));
    assert_eq!(kept.written, [(bob, b"found".to_vec())]);
    assert_eq!(told_deleted(&mut kept, bob), [two]);
    // Once it is known, there is no more to tell.
    let seen = kept.mend(&mut read);
    kept.apply(bob, found(seen));
    assert_eq!(told_deleted(&mut kept, bob), []);
}

#[test]
fn what_was_told_before_an_answer_is_written_is_in_it() {
    let (mut kept, ann, _) = two_in_club();
    let mut read = kept.messages.clone();
    change_last(&mut kept, ann, Wish::Delete(None));
    kept.mend(&mut read);
    assert!(!read[0].body.is_deleted());
    assert!(read[1].body.is_deleted() && read[1].body.is_empty());
}

#[test]
fn an_answer_that_is_too_old_to_be_mended_is_not_given() {
    let (mut kept, ann, bob) = two_in_club();
    let mut read = kept.messages.clone();
    let seen = kept.mend(&mut read);
    delete_many(&mut kept, ann);
    kept.apply(bob, found(seen));
    assert_eq!(
        (kept.told(bob), kept.written.len()),
        (vec!["history_unavailable".to_owned()], 0)
    );
}

#[test]
fn a_page_that_is_too_old_to_be_mended_is_read_again() {
    for is_resumed in [false, true] {
        let (mut kept, ann, bob) = two_in_club();
        let (channel, two) = (name("club"), kept.messages[1].id);
        let after = MessageId::default();
        kept.apply(
            bob,
            match is_resumed {
                true => Command::Resume { channel, after },
                false => Command::History {
                    channel: Some(channel),
                    window: Window::Latest,
                    limit: 10,
                },
            },
        );
        let reading = kept.readings.remove(0);
        let stale = History {
            messages: kept.messages.clone(),
            ..History::default()
        };
        change_last(&mut kept, ann, Wish::Delete(None));
        delete_many(&mut kept, ann);
        kept.run(|hub, now, fx| hub.history_read(&reading, Some(stale), now, fx));
        assert_eq!(kept.told(bob), Vec::<String>::new());
        assert!(!kept.hub.is_settled(bob));
        kept.tend();
        let told = kept.events(bob);
        let shown = told.iter().flat_map(|event| match event {
            Event::History { messages, .. } => messages.clone(),
            Event::Message(message) => vec![message.clone()],
            _ => Vec::new(),
        });
        let shown: Vec<_> = shown.filter(|message| message.id == two).collect();
        assert!(
            !shown.is_empty() && shown.iter().all(|it| it.body.is_deleted()),
            "{told:?}"
        );
        assert!(kept.hub.is_settled(bob));
    }
}

#[test]
fn what_users_reacted_after_a_message_was_read_is_told_after_the_answer() {
    let (mut kept, ann, bob) = two_in_club();
    let [one, two] = [kept.messages[0].id, kept.messages[1].id];
    let mut read = kept.messages[1..].to_vec();
    react(&mut kept, ann, two, "+1", true);
    let seen = kept.mend(&mut read);
    assert_eq!(signs(&read[0]), [("+1".to_owned(), 1)]);
    react(&mut kept, ann, two, "lol", true);
    react(&mut kept, ann, two, "lol", false);
    react(&mut kept, ann, two, "no", true);
    // It is in no answer about other messages.
    react(&mut kept, ann, one, "+1", true);
    assert_eq!(told_reactions(&mut kept, bob).len(), 5);
    kept.apply(bob, found(seen));
    let expected = [("lol", true), ("lol", false), ("no", true)];
    let expected = expected.map(|(sign, on)| (sign.to_owned(), on));
    assert_eq!(told_reactions(&mut kept, bob), expected);
    let seen = kept.mend(&mut read);
    kept.apply(bob, found(seen));
    assert_eq!(told_reactions(&mut kept, bob), []);
}

#[test]
fn an_answer_to_which_more_reactions_came_than_are_remembered_is_not_given() {
    let (mut kept, ann, bob) = two_in_club();
    let two = kept.messages[1].id;
    let mut read = kept.messages.clone();
    let (seen, other) = (kept.mend(&mut read), kept.mend(&mut read[..1]));
    for turn in 0..TOO_MANY {
        react(&mut kept, ann, two, "+1", turn % 2 == 0);
    }
    kept.forget();
    kept.apply(bob, found(seen));
    assert_eq!(kept.told(bob), ["history_unavailable"]);
    // An answer without that message is.
    kept.apply(bob, found(other));
    assert_eq!((kept.told(bob), kept.written.len()), (vec![], 1));
}

#[test]
fn a_page_is_read_again_if_more_users_have_reacted_than_are_remembered() {
    for is_resumed in [false, true] {
        let (mut kept, _, bob) = two_in_club();
        let (channel, one) = (name("club"), kept.messages[0].id);
        let after = MessageId::default();
        kept.apply(
            bob,
            match is_resumed {
                true => Command::Resume { channel, after },
                false => Command::History {
                    channel: Some(channel),
                    window: Window::Latest,
                    limit: 10,
                },
            },
        );
        let reading = kept.readings.remove(0);
        let stale = History {
            messages: kept.messages.clone(),
            ..History::default()
        };
        // Each of them gives as many signs as one may.
        for user in 2..15 {
            let id = kept.arrive(user, &format!("user{user}"));
            kept.come(id, "club");
            for sign in 0..20 {
                react(&mut kept, id, one, &format!("s{sign}"), true);
            }
        }
        kept.forget();
        kept.run(|hub, now, fx| hub.history_read(&reading, Some(stale), now, fx));
        assert_eq!(kept.told(bob), Vec::<String>::new());
        kept.tend();
        let told = kept.events(bob);
        let mut shown = told.iter().flat_map(|event| match event {
            Event::History { messages, .. } => messages.clone(),
            Event::Message(message) => vec![message.clone()],
            _ => Vec::new(),
        });
        let shown = shown.find(|message| message.id == one).unwrap();
        assert!(signs(&shown).iter().all(|(_, count)| *count == 13));
        assert_eq!(signs(&shown).len(), 20);
    }
}
