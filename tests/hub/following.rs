//! Where an event stream is in its channels: its cursor is true after every event, in whatever
//! order what was missed and what happens meanwhile are told.

use std::sync::Arc;

use chat_server::hub::{Event, Message, MessageId};
use chat_server::model::{Amendment, Body};
use chat_server::name::Name;
use chat_server::protocol::events::{Begin, Follower, Taken};
use chat_server::store::Place;
use chat_server::text::Text;

fn name(raw: &str) -> Name {
    Name::parse(raw).unwrap()
}

fn id(ms: u64) -> MessageId {
    MessageId { ms, sequence: 0 }
}

fn place(channel: &str) -> Place {
    Place::Channel {
        channel: name(channel),
        account: None,
    }
}

fn message(channel: &str, ms: u64) -> Event {
    Event::Message(Message {
        id: id(ms),
        at_ms: ms,
        author: name("ann"),
        place: place(channel),
        body: Text::clean("hello").into(),
    })
}

/// That the message `of` was edited.
fn edit(channel: &str, ms: u64, of: u64) -> Event {
    let body: Body = Text::clean("hello!").into();
    Event::Amended(Arc::new(Amendment {
        id: id(ms),
        message: id(of),
        place: place(channel),
        author: name("ann"),
        to: None,
        by: Some(name("ann")),
        body: body.changed_by(id(ms)),
        reason: None,
    }))
}

fn resumed(channel: &str, more: bool) -> Event {
    Event::Resumed {
        channel: name(channel),
        complete: !more,
        more,
    }
}

fn follower(channels: &[(&str, u64)]) -> Follower {
    let begin = Begin::CatchingUp { is_all: true };
    let channels = channels.iter();
    Follower::new(channels.map(|&(channel, ms)| (name(channel), id(ms), begin)))
}

/// What is told of these events, and the cursor after each.
fn told(follower: &mut Follower, events: &[Event]) -> Vec<(u64, String)> {
    let mut told = Vec::new();
    for event in events {
        let events = match follower.take(event) {
            Taken::Nothing | Taken::AtNoPlace => Vec::new(),
            Taken::Next => vec![event.clone()],
            Taken::Several(events) => events,
        };
        follow(follower, events, &mut told);
    }
    told
}

fn caught_up(follower: &mut Follower, channel: &str) -> (Vec<(u64, String)>, bool) {
    let (held, complete) = follower.caught_up(&name(channel)).unwrap();
    let mut told = Vec::new();
    follow(follower, held, &mut told);
    (told, complete)
}

fn follow(follower: &mut Follower, events: Vec<Event>, told: &mut Vec<(u64, String)>) {
    for event in events {
        follower.move_on(&event);
        let at = match &event {
            Event::Message(message) => message.id,
            Event::Amended(amendment) => amendment.id,
            other => panic!("{other:?}"),
        };
        told.push((at.ms, follower.to_string()));
    }
}

fn at(ms: u64) -> (u64, String) {
    (ms, format!("dev:{ms}-0"))
}

#[test]
fn what_is_changed_while_a_stream_catches_up_is_told_in_its_place() {
    let mut follower = follower(&[("dev", 50)]);
    // One change is told at once, the page comes after it, and has an earlier one.
    let events = [
        edit("dev", 105, 40),
        edit("dev", 60, 45),
        message("dev", 70),
        message("dev", 110),
        resumed("dev", false),
        // Published while the page was read.
        message("dev", 120),
    ];
    let expected = [60, 70, 105, 110, 120].map(at);
    assert_eq!(told(&mut follower, &events), expected);
    let late = [edit("dev", 125, 70)];
    assert_eq!(told(&mut follower, &late), []);
    assert_eq!(caught_up(&mut follower, "dev"), (vec![at(125)], true));
    let live = [
        message("dev", 130),
        edit("dev", 131, 130),
        // The store was ahead of the hub.
        message("dev", 120),
        edit("dev", 125, 70),
    ];
    assert_eq!(told(&mut follower, &live), [130, 131].map(at));
}

#[test]
fn what_comes_with_the_next_page_is_told_once() {
    let mut follower = follower(&[("dev", 50)]);
    let events = [
        edit("dev", 200, 40),
        message("dev", 60),
        // The page has all changes of earlier messages, and so has the next one.
        edit("dev", 150, 45),
        resumed("dev", true),
        edit("dev", 150, 45),
        edit("dev", 200, 40),
        message("dev", 160),
        resumed("dev", false),
    ];
    assert_eq!(told(&mut follower, &events), [60, 150, 160].map(at));
    assert_eq!(caught_up(&mut follower, "dev"), (vec![at(200)], true));
}

#[test]
fn a_cursor_names_the_place_in_each_channel() {
    let mut follower = follower(&[("dev", 50), ("ops", 7)]);
    assert_eq!(follower.to_string(), "dev:50-0,ops:7-0");
    let events = [
        message("ops", 90),
        message("dev", 60),
        message("elsewhere", 70),
        message("ops", 80),
    ];
    let expected = [(90, "dev:50-0,ops:90-0"), (60, "dev:60-0,ops:90-0")];
    let expected = expected.map(|(ms, cursor)| (ms, cursor.to_owned()));
    assert_eq!(told(&mut follower, &events), expected);
    assert_eq!(follower.place(&name("dev")), Some(id(60)));
    // A channel that is followed no more moves no more.
    let out = Event::Kicked {
        channel: name("dev"),
        by: name("bob"),
        reason: None,
    };
    let events = [out, message("dev", 99)];
    assert_eq!(told(&mut follower, &events), []);
    assert!(follower.caught_up(&name("dev")).is_none());
    assert_eq!(caught_up(&mut follower, "ops"), (vec![], true));
}

#[test]
fn too_many_changes_at_once_are_owned_up_to() {
    let mut follower = follower(&[("dev", 1)]);
    for ms in 2..10_000 {
        assert_eq!(told(&mut follower, &[edit("dev", ms, 1)]), []);
    }
    let (held, complete) = caught_up(&mut follower, "dev");
    assert!(!complete && held.len() < 9_000 && held.len() > 4_000);
}
