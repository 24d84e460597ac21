//! Who is removed from a channel while its past is being read is not shown it, and can
//! go on.

use chat_server::hub::{Command, ConnectionId, Deed, Event, MessageId, Refusal, Target};
use chat_server::model::Window;
use chat_server::model::governance::{Change, List, Person, Visibility};

use super::hub_support::{name, short};
use super::keeping_house::Kept;

fn person(nickname: &str) -> Person {
    Person {
        name: name(nickname),
        account: None,
    }
}

fn kick(nickname: &str) -> Deed {
    Deed::Kick {
        who: person(nickname),
        reason: None,
    }
}

fn ban(nickname: &str) -> Deed {
    Deed::Add {
        list: List::Ban,
        who: Target::Person(person(nickname)),
        for_ms: None,
        reason: None,
    }
}

fn history(window: Window) -> Command {
    Command::History {
        channel: Some(name("club")),
        window,
        limit: 10,
    }
}

fn was_kicked(told: &[Event]) -> bool {
    told.iter().any(|it| matches!(it, Event::Kicked { .. }))
}

fn is_shown_the_past(told: &[Event]) -> bool {
    let shows = |it: &Event| match it {
        Event::History { messages, .. } => !messages.is_empty(),
        Event::Message(_) => true,
        _ => false,
    };
    told.iter().any(shows)
}

/// A house in which ann has said two things in a channel that she operates, and bob is
/// in it.
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

#[test]
fn who_is_removed_while_the_past_is_awaited_goes_on() {
    for deed in [kick("bob"), ban("bob")] {
        let mut kept = Kept::new();
        let ann = kept.arrive(0, "ann");
        kept.come(ann, "club");
        kept.speak(ann, "club", "one");
        kept.leave(ann, "club");
        let bob = kept.arrive(1, "bob");
        kept.join(bob, "club");
        // The store has not told the past yet when an administrator removes bob, who
        // has asked for more meanwhile.
        kept.join(bob, "elsewhere");
        assert!(!kept.hub.is_settled(bob));
        kept.forget();
        kept.order("club", deed).unwrap();
        kept.settle_all();
        kept.tend();
        assert!(kept.hub.is_settled(bob));
        let told = kept.events(bob);
        assert!(was_kicked(&told), "{told:?}");
        assert!(!is_shown_the_past(&told), "{told:?}");
        let joined = |it: &Event| short(it) == "in elsewhere with 0";
        assert!(told.iter().any(joined), "{told:?}");
    }
}

#[test]
fn a_page_that_comes_back_for_who_was_removed_meanwhile_is_withdrawn() {
    for deed in [kick("bob"), ban("bob")] {
        let (mut kept, ann, bob) = two_in_club();
        kept.apply(bob, history(Window::Latest));
        let command = Command::Govern(Some(name("club")), deed);
        kept.apply(ann, command);
        kept.settle_all();
        kept.read_all();
        let told = kept.events(bob);
        assert!(was_kicked(&told) && !is_shown_the_past(&told), "{told:?}");
        let refused = Event::Refused(Refusal::NotInChannel(name("club")));
        assert!(
            told.iter()
                .any(|it| format!("{it:?}") == format!("{refused:?}"))
        );
        assert!(kept.hub.is_settled(bob));
        assert_eq!(
            (kept.hub.take_withdrawn(), kept.hub.take_withdrawn()),
            (1, 0)
        );
    }
}

#[test]
fn a_page_is_cut_if_the_past_is_not_for_the_reader_any_more() {
    let (mut kept, ann, bob) = two_in_club();
    kept.administer(
        "club",
        Deed::Transfer(Person {
            name: name("ann"),
            account: Some(chat_server::store::AccountId(7)),
        }),
    )
    .unwrap();
    kept.speak(ann, "club", "three");
    kept.apply(bob, history(Window::Latest));
    let since = Deed::Rules(vec![Change::History(Visibility::Since)]);
    kept.forget();
    kept.order("club", since).unwrap();
    kept.settle_all();
    kept.read_all();
    assert_eq!(kept.shown(bob), ["three"]);
    assert_eq!(kept.hub.take_withdrawn(), 1);
    // From now on the reader asks for no more, and nothing is withdrawn.
    kept.apply(bob, history(Window::After(MessageId::default())));
    let asked = kept.readings[0].window;
    assert!(matches!(asked, Window::After(after) if after > MessageId::default()));
    kept.tend();
    assert_eq!(kept.shown(bob), ["three"]);
    assert_eq!(kept.hub.take_withdrawn(), 0);
}

#[test]
fn who_is_removed_while_catching_up_gets_nothing_more() {
    let (mut kept, ann, bob) = two_in_club();
    kept.leave(bob, "club");
    let resume = Command::Resume {
        channel: name("club"),
        after: MessageId::default(),
    };
    kept.apply(bob, resume);
    kept.join(bob, "elsewhere");
    kept.forget();
    kept.apply(ann, Command::Govern(Some(name("club")), kick("bob")));
    kept.settle_all();
    kept.speak(ann, "club", "three");
    let told = kept.events(bob);
    assert!(was_kicked(&told) && !is_shown_the_past(&told), "{told:?}");
    assert!(kept.hub.is_settled(bob));
    assert_eq!(kept.hub.take_withdrawn(), 1);
    kept.come(bob, "club");
    assert!(kept.heard(bob, "in club"), "a kick is no ban");
}

#[test]
fn what_a_search_has_found_is_asked_about_again() {
    let (mut kept, ann, bob) = two_in_club();
    let (id, now) = (bob, kept.now);
    let (channel, after) = kept.hub.readable_part(id, None, now).unwrap();
    let answer = |after| Command::AnswerFromPast {
        channel: channel.clone(),
        after,
        bytes: b"found".to_vec(),
    };
    let (asked, later) = (after, MessageId { ms: 1, sequence: 0 });
    kept.apply(bob, answer(asked));
    kept.apply(bob, answer(later));
    assert_eq!(kept.told(bob), Vec::<String>::new());
    assert_eq!(
        kept.written,
        [(bob, b"found".to_vec()), (bob, b"found".to_vec())]
    );
    kept.govern(ann, "club", kick("bob"));
    kept.forget();
    kept.apply(bob, answer(asked));
    assert_eq!(kept.told(bob), ["not_in_channel"]);
    assert_eq!((kept.written.len(), kept.hub.take_withdrawn()), (2, 1));
}
