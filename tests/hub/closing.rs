//! What becomes of a channel that everyone has left.

use chat_server::hub::{Command, Deed, Farewell, Limits, Pass};
use chat_server::model::governance::{Change, Flag, Key};
use chat_server::text::Text;

use super::hub_support::{limits, name};
use super::keeping_house::{Kept, with_history};

const OPERATES: &str = "Some(Operator) of club";

/// A house in which ann has left a secret, invite-only channel with a message in it.
fn left_alone() -> Kept {
    let mut kept = Kept::new();
    let ann = kept.arrive(0, "ann");
    kept.come(ann, "club");
    assert!(kept.heard(ann, OPERATES));
    kept.set(ann, "club", Flag::InviteOnly);
    kept.speak(ann, "club", "the secret");
    kept.leave(ann, "club");
    kept
}

#[test]
fn a_restricted_channel_that_is_left_is_open_again_without_its_past() {
    let mut kept = left_alone();
    assert!(kept.stored("club").is_restricted(), "not before it is told");
    kept.tend();
    let rules = kept.stored("club");
    assert!(
        rules.is_open() && rules.floor > kept.messages[0].id,
        "{rules:?}"
    );
    let bob = kept.arrive(1, "bob");
    kept.come(bob, "club");
    // Nothing was ever said there that bob may read: the channel is as a new one.
    assert!(kept.heard(bob, OPERATES));
    kept.leave(bob, "club");
    kept.come(bob, "club");
    assert_eq!(kept.shown(bob), Vec::<String>::new());
}

#[test]
fn who_comes_in_before_that_is_committed_reads_nothing_and_operates_nothing() {
    let mut kept = Kept::new();
    let ann = kept.arrive(0, "ann");
    kept.come(ann, "club");
    kept.set(ann, "club", Flag::Secret);
    kept.speak(ann, "club", "the secret");
    let bob = kept.arrive(1, "bob");
    kept.leave(ann, "club");
    kept.join(bob, "club");
    assert!(!kept.appended.is_empty(), "it waits to be committed");
    kept.tend();
    kept.speak(bob, "club", "hello?");
    let told: Vec<String> = kept.told(bob);
    assert!(!told.iter().any(|it| it.contains("the secret")), "{told:?}");
    assert!(!told.iter().any(|it| it.contains("Operator")), "{told:?}");
    // The rules are over, and bob is told.
    assert!(told.iter().any(|it| it.contains("Floor")), "{told:?}");
    let (channel, window, limit) = (None, chat_server::store::Window::Latest, 10);
    kept.apply(
        bob,
        Command::History {
            channel,
            window,
            limit,
        },
    );
    kept.tend();
    assert_eq!(kept.shown(bob), ["hello?"]);
}

#[test]
fn until_the_store_takes_it_in_the_rules_stay_in_force() {
    let mut kept = left_alone();
    kept.is_broken = true;
    kept.tend();
    let bob = kept.arrive(1, "bob");
    kept.come(bob, "club");
    assert!(kept.heard(bob, "invite_only"));
    // As soon as it takes in something else, this is tried again.
    kept.is_broken = false;
    kept.come(bob, "elsewhere");
    kept.speak(bob, "elsewhere", "is it back?");
    assert!(kept.stored("club").is_open());
    kept.come(bob, "club");
    assert!(!kept.heard(bob, "the secret"));
}

#[test]
fn who_has_the_key_comes_in_before_that_but_is_not_shown_the_past() {
    let mut kept = Kept::new();
    let ann = kept.arrive(0, "ann");
    kept.come(ann, "club");
    let key = Key::parse("k").unwrap();
    let rules = vec![Change::Key(Some(key.clone()))];
    kept.govern(ann, "club", Deed::Rules(rules));
    kept.speak(ann, "club", "the secret");
    kept.is_broken = true;
    kept.leave(ann, "club");
    kept.tend();
    let bob = kept.arrive(1, "bob");
    let opened = |channel: &str| Command::Opened {
        pass: Pass::Key(key.clone()),
        command: Box::new(Command::Join(name(channel))),
    };
    kept.apply(bob, opened("club"));
    kept.tend();
    let told = kept.told(bob);
    assert!(told.iter().any(|it| it.starts_with("in club")), "{told:?}");
    assert!(!told.iter().any(|it| it.contains("the secret")), "{told:?}");
    assert!(!told.iter().any(|it| it.contains("Operator")), "{told:?}");
    kept.is_broken = false;
    kept.leave(bob, "club");
    kept.tend();
    assert!(kept.stored("club").is_open());
}

#[test]
fn a_restart_ends_the_rules_of_channels_that_nobody_is_in() {
    for is_restricted in [true, false] {
        let mut kept = Kept::new();
        let ann = kept.arrive(0, "ann");
        kept.come(ann, "club");
        kept.speak(ann, "club", "what was said");
        let flag = match is_restricted {
            true => Flag::InviteOnly,
            false => Flag::Moderated,
        };
        kept.set(ann, "club", flag);
        kept.restart();
        let bob = kept.arrive(1, "bob");
        kept.come(bob, "club");
        kept.leave(bob, "club");
        kept.come(bob, "club");
        assert!(kept.stored("club").is_open());
        let told = kept.told(bob);
        let shown = told.iter().any(|it| it.contains("what was said"));
        assert_eq!(shown, !is_restricted, "{told:?}");
    }
}

#[test]
fn a_channel_with_a_topic_is_as_a_new_one_again_but_with_its_past() {
    let mut kept = Kept::new();
    let ann = kept.arrive(0, "ann");
    kept.come(ann, "club");
    kept.govern(ann, "club", Deed::Topic(Some(Text::clean("cats"))));
    kept.set(ann, "club", Flag::Moderated);
    kept.speak(ann, "club", "hello");
    kept.leave(ann, "club");
    kept.tend();
    assert!(!kept.stored("club").is_kept());
    let bob = kept.arrive(1, "bob");
    kept.come(bob, "club");
    assert_eq!(kept.shown(bob), ["hello"]);
    kept.speak(bob, "club", "may I?");
    assert_eq!(kept.messages.len(), 2);
    // A channel with a past is nobody's.
    assert!(!kept.heard(bob, "Operator"));
}

#[test]
fn many_channels_are_closed_a_few_at_a_time() {
    let mut kept = Kept::new();
    kept.house.hub.set_limits(Limits {
        channels_per_connection: 0,
        ..with_history()
    });
    let ann = kept.arrive(0, "ann");
    let channels: Vec<String> = (0..50).map(|it| format!("club{it}")).collect();
    for channel in &channels {
        kept.come(ann, channel);
        kept.set(ann, channel, Flag::Secret);
    }
    let quit = Command::Quit { reason: None };
    kept.house
        .call(|hub, now, fx| hub.apply(ann, quit, now, fx));
    assert_eq!(kept.appended.len(), 0);
    let mut pieces = 0;
    while kept.hub.has_work() {
        let before = kept.appended.len();
        kept.house.call(|hub, now, fx| hub.work(now, fx));
        assert!(kept.appended.len() <= before + 1);
        pieces += 1;
    }
    assert!(pieces >= channels.len());
    kept.tend();
    assert!(
        channels
            .iter()
            .all(|channel| kept.stored(channel).is_open())
    );
    assert_eq!(kept.hub.counts().channels, 1, "global alone is left");
}

#[test]
fn without_history_the_rules_end_at_once() {
    let mut kept = Kept::new();
    kept.house.hub.set_limits(limits());
    let ann = kept.arrive(0, "ann");
    kept.come(ann, "club");
    kept.administer("club", Deed::Topic(Some(Text::clean("cats"))))
        .unwrap();
    let rules = vec![Change::Flag(Flag::InviteOnly, true)];
    kept.administer("club", Deed::Rules(rules)).unwrap();
    kept.leave(ann, "club");
    let bob = kept.arrive(1, "bob");
    kept.come(bob, "club");
    assert!(kept.heard(bob, "in club with 0"));
    assert_eq!(kept.records.len(), 0);
}

#[test]
fn what_was_said_before_the_last_one_left_is_not_told_to_who_comes_after() {
    let mut kept = Kept::new();
    let ann = kept.arrive(0, "ann");
    kept.come(ann, "den");
    kept.govern(
        ann,
        "den",
        Deed::Rules(vec![Change::Key(Some(Key::parse("sesame").unwrap()))]),
    );
    kept.house.say(ann, "secret");
    // It is not committed yet.
    kept.house
        .run(|hub, now, fx| hub.close(ann, Farewell::Quit, now, fx));
    let bob = kept.arrive(1, "bob");
    let command = Command::Opened {
        pass: Pass::Key(Key::parse("sesame").unwrap()),
        command: Box::new(Command::Join(name("den"))),
    };
    kept.house.apply(bob, command);
    kept.tend();
    let told = kept.house.told(bob);
    assert!(
        told.iter().any(|line| line.starts_with("in den")),
        "{told:?}"
    );
    assert!(!told.iter().any(|line| line.contains("secret")), "{told:?}");
}
