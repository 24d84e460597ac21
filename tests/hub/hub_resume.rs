//! Catching up with missed messages, tags and typing notices, on the hub alone.

use crate::hub_support::{House, limits, name};
use chat_server::hub::{
    Audience, Command, ConnectionId, Farewell, Limits, Message, MessageId, News, Part, Profile, Tag,
};
use chat_server::model::governance::{Registered, Rules};
use chat_server::name::Name;
use chat_server::store::{AccountId, History, Place, Window};
use chat_server::text::Text;

/// A hub with history; the tests answer for its store.
fn keeping_house() -> House {
    let mut house = House::new();
    house.hub.set_limits(Limits {
        history: true,
        ..limits()
    });
    // Many messages came before.
    house.hub.continue_after(id(1_000_000));
    house
}

/// A member of `dev` that has seen everything so far.
fn member(house: &mut House, index: u32, nickname: &str) -> ConnectionId {
    let id = house.open_with(index, "192.0.2.1:1", false);
    house.claim(id, nickname).unwrap();
    house.join(id, "dev");
    answer_recalls(house);
    id
}

/// Answers that every channel has an empty past.
fn answer_recalls(house: &mut House) {
    for recall in std::mem::take(&mut house.recalls) {
        house.run(|hub, now, fx| hub.recalled(&recall, Vec::new(), now, fx));
    }
}

fn id(ms: u64) -> MessageId {
    MessageId { ms, sequence: 0 }
}

fn resume(house: &mut House, who: ConnectionId, after: MessageId) {
    let channel = name("dev");
    house.apply(who, Command::Resume { channel, after });
}

fn channel_place() -> Place {
    Place::Channel {
        channel: name("dev"),
        account: None,
    }
}

fn page(texts: &[(MessageId, &str)], more: bool, gap: bool) -> History {
    let message = |(id, text): &(MessageId, &str)| Message {
        id: *id,
        at_ms: id.ms,
        author: Name::parse("bob").unwrap(),
        place: channel_place(),
        body: Text::clean(text).into(),
    };
    History {
        messages: texts.iter().map(message).collect(),
        more,
        gap,
        ..History::default()
    }
}

fn answer(house: &mut House, history: Option<History>) {
    let reading = house.readings.remove(0);
    assert!(matches!(reading.window, Window::After(_)));
    house.run(|hub, now, fx| hub.history_read(&reading, history, now, fx));
}

#[test]
fn what_is_said_meanwhile_follows_what_was_missed() {
    let mut house = keeping_house();
    let bob = member(&mut house, 0, "bob");
    let alice = house.open_with(1, "192.0.2.1:1", false);
    house.claim(alice, "alice").unwrap();
    house.forget();
    resume(&mut house, alice, id(5));
    house.say(bob, "during");
    let during = house.appended[0];
    house.settle(true);
    assert_eq!(house.told(alice), ["in dev with 1"], "not live yet");
    // The page was read after that message was committed.
    house.say(bob, "later");
    house.settle(true);
    let missed = page(&[(id(7), "missed"), (during, "during")], false, false);
    answer(&mut house, Some(missed));
    house.say(bob, "live");
    house.settle(true);
    assert_eq!(
        house.told(alice),
        [
            "dev/bob: missed",
            "dev/bob: during",
            "complete true, more false",
            "dev/bob: later",
            "dev/bob: live"
        ]
    );
}

#[test]
fn what_the_store_knew_before_the_hub_is_not_told_twice() {
    let mut house = keeping_house();
    let bob = member(&mut house, 0, "bob");
    let alice = member(&mut house, 1, "alice");
    resume(&mut house, alice, id(1));
    house.say(bob, "one");
    house.say(bob, "two");
    let ids = house.appended.clone();
    house.forget();
    // Committed and read, but the hub has not been told yet that it is
    // committed.
    let missed = page(&[(ids[0], "one"), (ids[1], "two")], false, false);
    answer(&mut house, Some(missed));
    house.settle(true);
    house.say(bob, "three");
    house.settle(true);
    assert_eq!(
        house.told(alice),
        [
            "dev/bob: one",
            "dev/bob: two",
            "complete true, more false",
            "dev/bob: three"
        ]
    );
    assert_eq!(house.told(bob).len(), 3);
}

#[test]
fn a_long_absence_is_told_page_by_page_and_nothing_live_in_between() {
    let mut house = keeping_house();
    let bob = member(&mut house, 0, "bob");
    let alice = member(&mut house, 1, "alice");
    house.forget();
    resume(&mut house, alice, id(1));
    answer(&mut house, Some(page(&[(id(2), "two")], true, true)));
    house.say(bob, "three");
    let three = house.appended[0];
    house.settle(true);
    assert_eq!(
        house.told(alice),
        ["dev/bob: two", "complete false, more true"]
    );
    resume(&mut house, alice, id(2));
    answer(&mut house, Some(page(&[(three, "three")], false, false)));
    // Messages gone on the first page stay gone.
    assert_eq!(
        house.told(alice),
        ["dev/bob: three", "complete false, more false"]
    );
    assert_eq!(house.told(bob), ["dev/bob: three"], "others notice nothing");
}

#[test]
fn more_than_can_be_held_is_another_page() {
    let mut house = keeping_house();
    let bob = member(&mut house, 0, "bob");
    let alice = member(&mut house, 1, "alice");
    resume(&mut house, alice, id(1));
    house.forget();
    for n in 0..=1000 {
        house.say(bob, &format!("{n}"));
        house.settle(true);
    }
    answer(&mut house, Some(page(&[(id(2), "two")], false, false)));
    assert_eq!(
        house.told(alice),
        ["dev/bob: two", "complete true, more true"]
    );
    // Exactly as many as the hub can hold follow the page.
    resume(&mut house, alice, id(2));
    for n in 0..1000 {
        house.say(bob, &format!("{n}"));
        house.settle(true);
    }
    house.forget();
    answer(&mut house, Some(page(&[], false, false)));
    let told = house.told(alice);
    assert_eq!(told.len(), 1001);
    assert_eq!(told[0], "complete true, more false");
}

#[test]
fn large_texts_make_a_page_short() {
    let mut house = keeping_house();
    let alice = member(&mut house, 1, "alice");
    house.forget();
    resume(&mut house, alice, id(1));
    let text = "x".repeat(100 * 1024);
    let texts: Vec<(MessageId, &str)> = (2..7).map(|ms| (id(ms), text.as_str())).collect();
    answer(&mut house, Some(page(&texts, false, false)));
    let told = house.told(alice);
    assert_eq!(told.len(), 3, "two messages, and that there is more");
    assert_eq!(told[2], "complete true, more true");
}

#[test]
fn a_failed_page_can_be_asked_for_again_and_leaving_forgets_all() {
    let mut house = keeping_house();
    let bob = member(&mut house, 0, "bob");
    let alice = member(&mut house, 1, "alice");
    house.forget();
    resume(&mut house, alice, id(1));
    answer(&mut house, None);
    house.say(bob, "unseen");
    house.settle(true);
    assert_eq!(house.told(alice), ["history_unavailable"]);
    house.apply(
        alice,
        Command::Leave {
            channel: None,
            reason: None,
        },
    );
    house.join(alice, "dev");
    house.forget();
    house.say(bob, "seen");
    house.settle(true);
    assert_eq!(house.told(alice), ["dev/bob: seen"]);
    // A connection that ends while the page is read gets none of it.
    resume(&mut house, alice, id(1));
    house.run(|hub, now, fx| hub.close(alice, chat_server::hub::Farewell::Quit, now, fx));
    house.forget();
    answer(&mut house, Some(page(&[(id(2), "two")], false, false)));
    assert_eq!(house.told(alice), [""; 0]);
}

#[test]
fn without_history_one_is_live_at_once_and_told_that_something_is_gone() {
    let mut house = House::new();
    let bob = house.enter(0, "bob");
    house.join(bob, "dev");
    house.say(bob, "before");
    let alice = house.open_with(1, "192.0.2.1:1", false);
    house.claim(alice, "alice").unwrap();
    house.forget();
    resume(&mut house, alice, id(1));
    house.say(bob, "after");
    assert_eq!(
        house.told(alice),
        [
            "in dev with 1",
            "dev/bob: before",
            "complete false, more false",
            "dev/bob: after"
        ]
    );
}

fn tagged(tag: &str, text: &str) -> Command {
    Command::Tagged {
        tag: Tag::parse(tag).unwrap(),
        message: Box::new(Command::Say {
            channel: None,
            body: Text::clean(text).into(),
        }),
    }
}

#[test]
fn a_tagged_message_is_published_once_however_often_it_comes() {
    let mut house = keeping_house();
    let bob = member(&mut house, 0, "bob");
    let alice = member(&mut house, 1, "alice");
    house.forget();
    house.apply(alice, tagged("t1", "hi"));
    house.apply(alice, tagged("t1", "hi"));
    assert_eq!(house.appended.len(), 1);
    assert_eq!(house.told(alice), [""; 0]);
    house.settle(true);
    house.apply(alice, tagged("t1", "hi"));
    // Sent twice before it was settled, by the same connection.
    assert_eq!(
        house.told(alice),
        ["dev/alice: hi", "stored t1", "stored t1", "stored t1"]
    );
    assert_eq!(house.told(bob), ["dev/alice: hi"]);
    // The same tag of another user is a different tag.
    house.apply(bob, tagged("t1", "ho"));
    house.settle(true);
    assert_eq!(house.told(bob), ["dev/bob: ho", "stored t1"]);
    // The tag is remembered for ten minutes.
    house.pass(10 * 60 * 1000 - 1);
    house.apply(bob, tagged("t1", "ho"));
    assert!(house.appended.is_empty());
    house.pass(1);
    house.apply(bob, tagged("t1", "ho"));
    assert_eq!(house.appended.len(), 1);
}

/// A member of `dev` that logged in with a token.
fn with_token(house: &mut House, index: u32, nickname: &str, token: &str) -> ConnectionId {
    let id = house.open_with(index, "192.0.2.1:1", false);
    house
        .run(|hub, now, fx| hub.claim_with_token(id, name(nickname), &token.into(), now, fx))
        .unwrap();
    house.join(id, "dev");
    answer_recalls(house);
    id
}

#[test]
fn a_tag_survives_its_connection_and_a_new_nickname() {
    let mut house = keeping_house();
    let alice = with_token(&mut house, 1, "alice", "her token");
    house.apply(alice, tagged("t1", "hi"));
    house.settle(true);
    house.apply(alice, Command::Rename(name("eve")));
    let again = with_token(&mut house, 2, "alice", "her token");
    house.forget();
    house.apply(again, tagged("t1", "hi"));
    assert_eq!(house.told(again), ["stored t1"]);
    assert!(house.appended.is_empty(), "not a second time");
}

#[test]
fn a_tag_is_nobody_elses_under_the_same_nickname() {
    let mut house = keeping_house();
    for index in 0..4 {
        let alice = match index % 2 {
            0 => member(&mut house, index, "alice"),
            _ => with_token(&mut house, index, "alice", &format!("token {index}")),
        };
        house.forget();
        house.apply(alice, tagged("t1", "hi"));
        assert_eq!(house.appended.len(), 1, "another person's message is sent");
        house.settle(true);
        assert_eq!(house.told(alice), ["dev/alice: hi", "stored t1"]);
        house.run(|hub, now, fx| hub.close(alice, Farewell::PeerLeft, now, fx));
    }
}

#[test]
fn a_tag_is_refused_for_a_message_to_somewhere_else() {
    let mut house = keeping_house();
    let bob = member(&mut house, 0, "bob");
    let alice = member(&mut house, 1, "alice");
    house.join(alice, "ops");
    answer_recalls(&mut house);
    let to = |channel: &str| Command::Say {
        channel: Some(name(channel)),
        body: Text::clean("hi").into(),
    };
    let private = Command::Private {
        to: name("dev"),
        account: None,
        body: Text::clean("hi").into(),
    };
    let tagged = |message| Command::Tagged {
        tag: Tag::parse("t1").unwrap(),
        message: Box::new(message),
    };
    house.forget();
    house.apply(alice, tagged(to("dev")));
    // While it waits to be committed, and after.
    house.apply(alice, tagged(to("ops")));
    house.settle(true);
    house.apply(alice, tagged(to("ops")));
    house.apply(alice, tagged(private));
    house.apply(alice, tagged(to("DEV")));
    assert_eq!(
        house.told(alice),
        [
            "t1: tag_used",
            "dev/alice: hi",
            "stored t1",
            "t1: tag_used",
            "t1: tag_used",
            "stored t1"
        ]
    );
    assert_eq!(house.told(bob), ["dev/alice: hi"]);
}

#[test]
fn a_tagged_message_that_is_not_sent_says_so_and_may_be_sent_again() {
    let mut house = keeping_house();
    let alice = member(&mut house, 1, "alice");
    house.forget();
    house.apply(alice, tagged("t1", " "));
    house.apply(alice, tagged("t2", "hi"));
    house.settle(false);
    assert_eq!(house.told(alice), ["t1: empty_message", "t2: not_stored"]);
    house.apply(alice, tagged("t2", "hi"));
    house.settle(true);
    assert_eq!(house.told(alice), ["dev/alice: hi", "stored t2"]);
}

#[test]
fn tags_are_limited_in_length_and_number_for_each_client() {
    assert!(Tag::parse(&"x".repeat(64)).is_ok());
    for bad in ["", "caf\u{e9}", "a\nb", &"x".repeat(65)] {
        assert!(Tag::parse(bad).is_err(), "{bad:?}");
    }
    let mut house = House::new();
    house.hub.set_limits(Limits {
        tags_per_client: 100,
        ..limits()
    });
    let alice = house.enter(0, "alice");
    house.join(alice, "dev");
    for n in 0..=100 {
        house.apply(alice, tagged(&format!("t{n}"), "x"));
    }
    assert_eq!(house.hub.sizes().tags, 100);
    house.forget();
    house.apply(alice, tagged("t1", "x"));
    assert_eq!(house.told(alice), ["stored t1"]);
    house.apply(alice, tagged("t0", "x"));
    assert_eq!(house.told(alice).len(), 2, "the oldest one is forgotten");
    // A guest without a token cannot come back.
    house.run(|hub, now, fx| hub.close(alice, Farewell::Quit, now, fx));
    assert_eq!(
        (house.hub.sizes().tags, house.hub.sizes().aging_tags),
        (0, 0)
    );
}

#[test]
fn who_sends_much_has_nobody_elses_tags_forgotten() {
    let mut house = House::new();
    house.hub.set_limits(Limits {
        tags: 300,
        tags_per_client: 200,
        ..limits()
    });
    let guests = [(0, "alice"), (1, "bob"), (2, "carol")].map(|(index, nickname)| {
        let id = house.open(index);
        let token: std::sync::Arc<str> = nickname.into();
        house
            .run(|hub, now, fx| hub.claim_with_token(id, name(nickname), &token, now, fx))
            .unwrap();
        house.join(id, "dev");
        id
    });
    let [alice, bob, carol] = guests;
    for n in 0..50 {
        house.apply(alice, tagged(&format!("t{n}"), "x"));
    }
    for n in 0..1000 {
        for flooding in [bob, carol] {
            house.apply(flooding, tagged(&format!("t{n}"), "x"));
        }
    }
    assert_eq!(house.hub.sizes().aging_tags, 300);
    house.forget();
    for n in 0..50 {
        house.apply(alice, tagged(&format!("t{n}"), "x"));
        assert_eq!(house.told(alice), [format!("stored t{n}")]);
    }
    // After ten minutes all tags are forgotten.
    house.pass(10 * 60 * 1000);
    house.apply(alice, tagged("t0", "x"));
    assert_eq!(house.told(alice).len(), 2);
    assert_eq!(house.hub.sizes().aging_tags, 1);
}

#[test]
fn typing_is_told_to_those_who_listen_and_once_a_second() {
    let mut house = keeping_house();
    let [alice, bob, carol] =
        [(0, "alice"), (1, "bob"), (2, "carol")].map(|(i, n)| member(&mut house, i, n));
    house.apply(alice, Command::Listen { typing: true });
    house.apply(bob, Command::Listen { typing: true });
    house.forget();
    let typing = || Command::Typing(Audience::Channel(None));
    house.apply(alice, typing());
    house.apply(alice, typing());
    assert_eq!(house.told(bob).len(), 1);
    assert_eq!(house.told(alice), [""; 0], "not to oneself");
    assert_eq!(
        house.told(carol),
        [""; 0],
        "not to a connection that does not listen"
    );
    house.pass(1000);
    house.apply(alice, typing());
    assert_eq!(house.told(bob).len(), 1);
    // A user does not see an ignored user type in private.
    house.apply(bob, Command::Ignore(name("alice")));
    house.pass(1000);
    house.forget();
    house.apply(alice, Command::Typing(Audience::User(name("bob"))));
    assert_eq!(house.told(bob), [""; 0]);
    house.apply(bob, Command::Typing(Audience::User(name("alice"))));
    assert_eq!(house.told(alice).len(), 1);
    house.apply(alice, Command::Typing(Audience::User(name("nobody"))));
    assert_eq!(house.told(alice), ["no_such_user"]);
    assert!(house.appended.is_empty(), "nothing of it is kept");
}

/// Answers the only question for the past of a channel.
fn recall(house: &mut House, texts: &[(MessageId, &str)]) {
    let recall = house.recalls.remove(0);
    let messages = page(texts, false, false).messages;
    house.run(|hub, now, fx| hub.recalled(&recall, messages, now, fx));
}

#[test]
fn what_the_past_had_already_is_still_told_to_who_catches_up() {
    let mut house = keeping_house();
    let bob = member(&mut house, 0, "bob");
    house.say(bob, "one");
    house.say(bob, "two");
    house.say(bob, "three");
    let ids = std::mem::take(&mut house.appended);
    house.run(|hub, now, fx| hub.close(bob, chat_server::hub::Farewell::Quit, now, fx));
    // The connection that catches up makes the channel anew.
    let alice = house.open_with(1, "192.0.2.1:1", false);
    house.claim(alice, "alice").unwrap();
    resume(&mut house, alice, id(1));
    house.forget();
    // The page is read before anything is committed, the past after it.
    answer(&mut house, Some(page(&[], false, false)));
    house.run(|hub, now, fx| hub.settle(chat_server::hub::Settled::by_id(ids[0], true), now, fx));
    let texts = [(ids[0], "one"), (ids[1], "two"), (ids[2], "three")];
    recall(&mut house, &texts);
    for &id in &ids[1..] {
        house.run(|hub, now, fx| hub.settle(chat_server::hub::Settled::by_id(id, true), now, fx));
    }
    assert_eq!(
        house.told(alice),
        [
            "complete true, more false",
            "dev/bob: one",
            "dev/bob: two",
            "dev/bob: three"
        ]
    );
}

#[test]
fn what_retention_has_removed_while_it_was_held_is_not_shown() {
    let mut house = keeping_house();
    let bob = house.open_with(0, "192.0.2.1:1", false);
    house.claim(bob, "bob").unwrap();
    house.join(bob, "dev");
    let said: Vec<MessageId> = ["first", "second"]
        .into_iter()
        .map(|text| {
            house.say(bob, text);
            house.appended[house.appended.len() - 1]
        })
        .collect();
    house.settle(true);
    assert_eq!(house.hub.sizes().held_messages, 2);
    house.forget();
    // The page is not full: there is nothing before it any more.
    recall(&mut house, &[(said[1], "second")]);
    let told = house.told(bob).join("\n");
    assert!(told.contains("second"), "{told}");
    assert!(!told.contains("first"), "{told}");
}

#[test]
fn nobody_waits_for_a_past_when_too_much_is_held() {
    let mut house = keeping_house();
    let bob = house.open_with(0, "192.0.2.1:1", false);
    house.claim(bob, "bob").unwrap();
    house.join(bob, "dev");
    let carol = house.open_with(2, "192.0.2.1:1", false);
    house.claim(carol, "carol").unwrap();
    house.join(carol, "dev");
    house.apply(carol, Command::ListMembers(None, Part::default()));
    house.forget();
    for n in 0..1000 {
        house.say(bob, &format!("{n}"));
        house.settle(true);
    }
    assert_eq!(house.told(bob), [""; 0], "old before new");
    assert_eq!(house.hub.sizes().held_messages, 1000);
    house.say(bob, "last");
    house.settle(true);
    let told = house.told(carol);
    assert_eq!(told.len(), 1002);
    assert_eq!(told[0], "dev/bob: 0");
    assert_eq!(told[1000], "dev/bob: last");
    assert!(told[1001].contains("carol"), "what waited is carried out");
    assert_eq!(house.told(bob).len(), 1001);
    assert_eq!(house.hub.sizes().held_messages, 0);
    // The past comes too late for any connection.
    recall(&mut house, &[(id(2), "old")]);
    assert_eq!(house.told(bob), [""; 0]);
    let alice = house.open_with(1, "192.0.2.1:1", false);
    house.claim(alice, "alice").unwrap();
    house.forget();
    house.join(alice, "dev");
    assert_eq!(house.told(alice).len(), 2, "what was said last is known");
}

#[test]
fn an_id_there_never_was_keeps_nothing_back() {
    let mut house = keeping_house();
    let bob = member(&mut house, 0, "bob");
    let alice = member(&mut house, 1, "alice");
    house.forget();
    resume(&mut house, alice, id(u64::MAX));
    answer(&mut house, Some(page(&[], false, false)));
    house.say(bob, "live");
    house.settle(true);
    assert_eq!(
        house.told(alice),
        ["complete false, more false", "dev/bob: live"]
    );
    assert_eq!(house.hub.sizes().catching_up, 0);
}

#[test]
fn where_a_log_gives_out_ids_it_says_which_there_can_be() {
    let mut house = keeping_house();
    house.hub.join_others();
    let alice = member(&mut house, 1, "alice");
    // Far beyond this server's clock, but known to the log.
    let ahead = id(house.now.unix_ms + 3_600_000);
    for (newest, complete) in [(ahead, true), (id(5), false)] {
        house.forget();
        resume(&mut house, alice, ahead);
        let reading = &house.readings[0];
        assert!(matches!(reading.window, Window::After(after) if after == ahead));
        let page = History {
            newest: Some(newest),
            ..page(&[], false, false)
        };
        answer(&mut house, Some(page));
        let told = [format!("complete {complete}, more false")];
        assert_eq!(house.told(alice), told);
    }
    // Messages after the highest possible id are delivered, whatever the client
    // claimed.
    let message = Message {
        id: id(6),
        at_ms: 6,
        author: name("bob"),
        place: channel_place(),
        body: Text::clean("live").into(),
    };
    house.forget();
    house.run(|hub, now, fx| hub.hear(News::Message(message), now, fx));
    assert_eq!(house.told(alice), ["dev/bob: live"]);
}

#[test]
fn what_is_held_is_shared_by_all_who_catch_up() {
    let mut house = keeping_house();
    let bob = member(&mut house, 0, "bob");
    let late: Vec<ConnectionId> = (1..5)
        .map(|n| member(&mut house, n, &format!("late{n}")))
        .collect();
    for &each in &late {
        resume(&mut house, each, id(1));
    }
    house.say(bob, "held");
    house.settle(true);
    assert_eq!(house.hub.sizes().held_for_catching_up, 1);
    assert_eq!(house.hub.sizes().catching_up, 4);
    house.forget();
    for &each in &late {
        answer(&mut house, Some(page(&[], false, false)));
        let told = house.told(each);
        assert_eq!(told, ["complete true, more false", "dev/bob: held"]);
    }
    assert_eq!(house.hub.sizes().held_for_catching_up, 0);
}

#[test]
fn everybody_who_asks_after_a_tag_is_told_however_long_it_takes() {
    let mut house = keeping_house();
    let alice = |house: &mut House, index| {
        let id = house.open_with(index, "192.0.2.1:1", false);
        let proof = Some(crate::hub_support::credential(1));
        house
            .run(|hub, now, fx| hub.claim(id, name("alice"), proof, now, fx))
            .unwrap();
        house.join(id, "dev");
        answer_recalls(house);
        id
    };
    let [one, two, three] = [0, 1, 2].map(|index| alice(&mut house, index));
    house.forget();
    for who in [one, two, three, three] {
        // Longer than the tag of a stored message is remembered.
        house.pass(11 * 60 * 1000);
        house.apply(who, tagged("t1", "hi"));
    }
    assert_eq!(house.appended.len(), 1);
    house.settle(true);
    for who in [one, two, three] {
        assert_eq!(house.told(who), ["dev/alice: hi", "stored t1"]);
    }
}

#[test]
fn a_tagged_message_for_which_there_is_no_room_is_refused_with_its_tag() {
    let mut house = keeping_house();
    let alice = member(&mut house, 1, "alice");
    resume(&mut house, alice, id(1));
    for _ in 0..1024 {
        house.apply(alice, Command::ListChannels(Part::default()));
    }
    house.forget();
    house.apply(alice, tagged("t1", "hi"));
    assert_eq!(house.told(alice), ["t1: too_many_waiting"]);
}

#[test]
fn what_the_past_had_already_is_told_once_to_who_does_not_show_it() {
    let mut house = keeping_house();
    let bob = member(&mut house, 0, "bob");
    house.say(bob, "one");
    house.say(bob, "two");
    house.say(bob, "three");
    let ids = std::mem::take(&mut house.appended);
    house.run(|hub, now, fx| hub.close(bob, chat_server::hub::Farewell::Quit, now, fx));
    // The channel is made anew by two connections: one is shown the past, one
    // is not.
    let alice = house.open(1);
    let room = ConnectionId {
        index: 2,
        generation: 0,
    };
    let profile = Profile {
        protocol: "room",
        address: "192.0.2.1:1".parse().unwrap(),
        cloak: None,
        one_channel: true,
        shows_past: false,
        ends_with_channel: false,
        keeps_rosters: false,
    };
    house.run(|hub, now, fx| hub.open(room, profile, now, fx));
    for (id, nickname) in [(alice, "alice"), (room, "room")] {
        house.claim(id, nickname).unwrap();
        house.join(id, "dev");
    }
    house.forget();
    // Two of them are in the past: one committed before it is read, one after.
    house.run(|hub, now, fx| hub.settle(chat_server::hub::Settled::by_id(ids[0], true), now, fx));
    recall(&mut house, &[(ids[0], "one"), (ids[1], "two")]);
    for &id in &ids[1..] {
        house.run(|hub, now, fx| hub.settle(chat_server::hub::Settled::by_id(id, true), now, fx));
    }
    let mut said = |who| {
        let mut told = house.told(who);
        told.retain(|line| line.starts_with("dev/bob: "));
        told
    };
    assert_eq!(
        said(room),
        ["dev/bob: one", "dev/bob: two", "dev/bob: three"]
    );
    assert_eq!(said(alice), ["dev/bob: three"]);
}

/// The owner of an account in these channels; their past may still be unread.
fn owner(house: &mut House, index: u32, channels: &[&str]) -> ConnectionId {
    let id = house.open_with(index, "192.0.2.1:1", false);
    let proof = Some(crate::hub_support::credential(1));
    house
        .run(|hub, now, fx| hub.claim(id, name("alice"), proof, now, fx))
        .unwrap();
    for channel in channels {
        house.join(id, channel);
    }
    id
}

fn hang_up(house: &mut House, id: ConnectionId) {
    let farewell = chat_server::hub::Farewell::PeerLeft;
    house.run(|hub, now, fx| hub.close(id, farewell, now, fx));
}

#[test]
fn that_a_message_is_stored_is_told_behind_it_when_the_past_comes_late() {
    let mut house = keeping_house();
    let [one, two] = [0, 1].map(|index| owner(&mut house, index, &["dev"]));
    house.forget();
    house.apply(one, tagged("t1", "hi"));
    house.settle(true);
    // A connection that sends it again is not told either.
    house.apply(two, tagged("t1", "hi"));
    house.apply(one, tagged("t1", "hi"));
    house.apply(one, Command::ListMembers(None, Part::default()));
    for who in [one, two] {
        assert_eq!(house.told(who), [""; 0]);
    }
    assert_eq!(house.hub.sizes().held_settlements, 1);
    recall(&mut house, &[]);
    assert_eq!(
        house.told_but_roles(one),
        ["dev/alice: hi", "stored t1", "stored t1", "[\"alice\"]"]
    );
    assert_eq!(house.told(two), ["dev/alice: hi", "stored t1"]);
    assert_eq!(house.hub.sizes().held_settlements, 0);
}

#[test]
fn each_message_is_followed_by_what_is_told_of_it_when_too_many_are_held() {
    let mut house = keeping_house();
    let alice = house.enter(0, "alice");
    house.join(alice, "dev");
    house.forget();
    let texts: Vec<String> = (0..1001).map(|number| number.to_string()).collect();
    for text in &texts {
        house.apply(alice, tagged(text, text));
    }
    let ids = std::mem::take(&mut house.appended);
    let settle = |house: &mut House, id| {
        house.run(|hub, now, fx| hub.settle(chat_server::hub::Settled::by_id(id, true), now, fx));
    };
    for &id in &ids[..1000] {
        settle(&mut house, id);
    }
    assert_eq!(house.told(alice), [""; 0]);
    assert_eq!(house.hub.sizes().held_settlements, 1000);
    settle(&mut house, ids[1000]);
    let expected = texts
        .iter()
        .flat_map(|text| [format!("dev/alice: {text}"), format!("stored {text}")]);
    assert_eq!(house.told(alice), expected.collect::<Vec<_>>());
    assert_eq!(house.hub.sizes().held_settlements, 0);
}

#[test]
fn who_has_gone_is_said_to_have_left_behind_held_last_words() {
    let mut house = keeping_house();
    let bob = house.enter(0, "bob");
    let alice = house.enter(1, "alice");
    for who in [bob, alice] {
        house.join(who, "dev");
    }
    house.forget();
    house.say(alice, "one");
    house.say(alice, "two");
    house.settle(true);
    hang_up(&mut house, alice);
    assert_eq!(house.told(bob), [""; 0]);
    assert_eq!(house.hub.sizes().departures, 1);
    recall(&mut house, &[]);
    assert_eq!(
        house.told_but_roles(bob),
        ["dev/alice: one", "dev/alice: two", "-alice"]
    );
    assert_eq!(house.hub.sizes().departures, 0);
}

#[test]
fn what_waits_behind_a_message_is_done_when_its_channel_goes() {
    let mut house = keeping_house();
    let bob = member(&mut house, 0, "bob");
    let alice = owner(&mut house, 1, &["dev", "ops"]);
    // A connection that sends it again and is in neither channel.
    let again = owner(&mut house, 2, &[]);
    house.forget();
    let say = Command::Tagged {
        tag: Tag::parse("t1").unwrap(),
        message: Box::new(Command::Say {
            channel: Some(name("ops")),
            body: Text::clean("last words").into(),
        }),
    };
    house.apply(alice, say.clone());
    house.settle(true);
    house.apply(again, say.clone());
    assert_eq!(house.told(again), [""; 0]);
    hang_up(&mut house, alice);
    assert_eq!(house.told(again), ["stored t1"]);
    assert_eq!(house.told(bob), ["-alice"]);
    // The past comes too late for any connection, and the tag is known.
    recall(&mut house, &[]);
    house.apply(again, say);
    assert_eq!(house.told(again), ["stored t1"]);
    let sizes = house.hub.sizes();
    let waits = (
        sizes.departures,
        sizes.held_messages,
        sizes.held_settlements,
    );
    assert_eq!(waits, (0, 0, 0));
}

#[test]
fn what_the_past_has_is_stored_behind_it() {
    let mut house = keeping_house();
    let alice = owner(&mut house, 0, &["dev"]);
    house.forget();
    house.apply(alice, tagged("t1", "one"));
    house.apply(alice, tagged("t2", "two"));
    let first = house.appended[0];
    house.settle(true);
    recall(&mut house, &[(first, "one")]);
    let told = house.told(alice);
    let rest: Vec<&str> = told[1..].iter().map(String::as_str).collect();
    assert!(told[0].starts_with("History"), "{told:?}");
    assert_eq!(rest, ["stored t1", "dev/alice: two", "stored t2"]);
}

#[test]
fn a_message_found_to_be_sent_before_is_stored_behind_the_past_that_has_it() {
    let mut house = keeping_house();
    house.run(|hub, _, _| hub.join_others());
    let alice = owner(&mut house, 0, &["dev"]);
    house.forget();
    house.apply(alice, tagged("t1", "one"));
    let settled = chat_server::hub::Settled {
        draft: house.appended.remove(0),
        fate: chat_server::hub::Fate::Before(id(7)),
    };
    house.run(|hub, now, fx| hub.settle(settled, now, fx));
    assert_eq!(house.told(alice), [""; 0]);
    recall(&mut house, &[(id(7), "one")]);
    let told = house.told(alice);
    assert!(told[0].starts_with("History"), "{told:?}");
    assert_eq!(told[1..], ["stored t1"]);
}

#[test]
fn who_speaks_while_a_page_is_read_hears_of_it_in_its_place() {
    let mut house = keeping_house();
    let alice = owner(&mut house, 0, &["dev"]);
    answer_recalls(&mut house);
    house.apply(alice, tagged("t1", "missed"));
    let missed = house.appended[0];
    house.settle(true);
    hang_up(&mut house, alice);
    let alice = owner(&mut house, 1, &[]);
    resume(&mut house, alice, id(1));
    house.forget();
    house.apply(alice, tagged("t1", "missed"));
    house.apply(alice, tagged("t2", "new"));
    house.settle(true);
    assert_eq!(house.told(alice), [""; 0]);
    // The past of the channel that was made anew.
    answer_recalls(&mut house);
    answer(&mut house, Some(page(&[(missed, "missed")], false, false)));
    house.settle(true);
    assert_eq!(
        house.told(alice),
        [
            "Some(Operator) of dev",
            "dev/bob: missed",
            "complete true, more false",
            "stored t1",
            "dev/alice: new",
            "stored t2"
        ]
    );
}

#[test]
fn what_came_while_the_past_was_read_is_told_once_in_a_channel_with_rules_too() {
    let mut house = keeping_house();
    let rules = Rules {
        limit: Some(50),
        registered: Some(Registered {
            founder: AccountId(1),
            since_ms: 1,
        }),
        ..Rules::default()
    };
    house.hub.restore_channels(vec![(name("dev"), rules)]);
    let bob = member(&mut house, 0, "bob");
    house.say(bob, "one");
    house.say(bob, "two");
    let ids = std::mem::take(&mut house.appended);
    house.run(|hub, now, fx| hub.close(bob, chat_server::hub::Farewell::Quit, now, fx));
    let alice = house.enter(1, "alice");
    house.join(alice, "dev");
    house.forget();
    for &id in &ids {
        house.run(|hub, now, fx| hub.settle(chat_server::hub::Settled::by_id(id, true), now, fx));
    }
    recall(&mut house, &[(ids[0], "one")]);
    let told = house.told(alice);
    let [history, new] = &told[..] else {
        panic!("{told:?}");
    };
    assert!(
        history.contains("one") && !history.contains("two"),
        "{history}"
    );
    assert_eq!(new, "dev/bob: two");
}

#[test]
fn what_was_said_while_the_past_was_read_is_shown_however_much_came_after_it() {
    let mut house = keeping_house();
    let bob = member(&mut house, 0, "bob");
    for text in ["one", "two", "three"] {
        house.say(bob, text);
    }
    let ids = std::mem::take(&mut house.appended);
    house.run(|hub, now, fx| hub.close(bob, chat_server::hub::Farewell::Quit, now, fx));
    let alice = house.enter(1, "alice");
    house.join(alice, "dev");
    house.forget();
    for &id in &ids {
        house.run(|hub, now, fx| hub.settle(chat_server::hub::Settled::by_id(id, true), now, fx));
    }
    // What was read is the end of it.
    recall(&mut house, &[(ids[1], "two"), (ids[2], "three")]);
    let told = house.told(alice);
    let [history] = &told[..] else {
        panic!("{told:?}");
    };
    for text in ["one", "two", "three"] {
        assert!(history.contains(text), "{history}");
    }
}
