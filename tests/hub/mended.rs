//! What is read from the store while messages are edited and deleted undoes none of that on the
//! screens of those who read.

use chat_server::hub::{Command, ConnectionId, Event, MessageId, Seen, Which, Wish};
use chat_server::model::Window;
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
    let seen = kept.hub.mend_read(&mut read);
    change_last(&mut kept, ann, Wish::Delete(None));
    assert_eq!(told_deleted(&mut kept, bob), [two]);
    kept.apply(bob, found(seen));
    assert_eq!(kept.written, [(bob, b"found".to_vec())]);
    assert_eq!(told_deleted(&mut kept, bob), [two]);
    // Once it is known, there is no more to tell.
    let seen = kept.hub.mend_read(&mut read);
    kept.apply(bob, found(seen));
    assert_eq!(told_deleted(&mut kept, bob), []);
}

#[test]
fn what_was_told_before_an_answer_is_written_is_in_it() {
    let (mut kept, ann, _) = two_in_club();
    let mut read = kept.messages.clone();
    change_last(&mut kept, ann, Wish::Delete(None));
    kept.hub.mend_read(&mut read);
    assert!(!read[0].body.is_deleted());
    assert!(read[1].body.is_deleted() && read[1].body.is_empty());
}

#[test]
fn an_answer_that_is_too_old_to_be_mended_is_not_given() {
    let (mut kept, ann, bob) = two_in_club();
    let mut read = kept.messages.clone();
    let seen = kept.hub.mend_read(&mut read);
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
