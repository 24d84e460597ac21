//! What people who are not in a channel may do there, and what they learn of it.

use chat_server::hub::{Command, ConnectionId, Deed, Event, Refusal, Target};
use chat_server::model::governance::{Change, Flag, List, Person};

use super::hub_support::{credential, name};
use super::keeping_house::Kept;

/// A house in which ann operates a channel that bob is not in.
fn with_outsider() -> (Kept, ConnectionId, ConnectionId) {
    let mut kept = Kept::new();
    let (ann, bob) = (kept.arrive(0, "ann"), kept.arrive(1, "bob"));
    kept.come(ann, "club");
    kept.forget();
    (kept, ann, bob)
}

fn take_off(kept: &mut Kept, ann: ConnectionId, flag: Flag) {
    kept.govern(ann, "club", Deed::Rules(vec![Change::Flag(flag, false)]));
}

/// Whether ann hears what bob says.
fn is_heard(kept: &mut Kept, ann: ConnectionId, bob: ConnectionId) -> bool {
    kept.forget();
    kept.speak(bob, "club", "is anybody there?");
    kept.heard(ann, "is anybody there?")
}

#[test]
fn who_is_not_in_a_channel_speaks_there_only_if_it_lets_them() {
    let (mut kept, ann, bob) = with_outsider();
    assert!(!is_heard(&mut kept, ann, bob));
    assert!(kept.heard(bob, "not_in_channel"));
    kept.set(ann, "club", Flag::NoCtcp);
    assert!(!is_heard(&mut kept, ann, bob), "it has other rules");
    take_off(&mut kept, ann, Flag::MembersOnly);
    assert!(is_heard(&mut kept, ann, bob));
    // The other rules for speaking are in force for bob, too.
    kept.set(ann, "club", Flag::Moderated);
    assert!(!is_heard(&mut kept, ann, bob));
    assert!(kept.heard(bob, "cannot_speak"));
    take_off(&mut kept, ann, Flag::Moderated);
    for flag in [Flag::RegisteredOnly, Flag::RegisteredSpeak, Flag::Secret] {
        kept.set(ann, "club", flag);
        assert!(!is_heard(&mut kept, ann, bob), "{flag:?}");
        take_off(&mut kept, ann, flag);
        assert!(is_heard(&mut kept, ann, bob), "{flag:?}");
    }
    let ban = Deed::Add {
        list: List::Ban,
        who: Target::Person(Person {
            name: name("bob"),
            account: None,
        }),
        for_ms: None,
        reason: None,
    };
    kept.govern(ann, "club", ban);
    assert!(!is_heard(&mut kept, ann, bob));
    // Nothing of this lets bob read.
    let history = Command::History {
        channel: Some(name("club")),
        window: chat_server::model::Window::Latest,
        limit: 10,
    };
    kept.apply(bob, history);
    assert!(kept.heard(bob, "not_in_channel"));
}

#[test]
fn another_connection_of_a_member_speaks_only_where_it_is_itself() {
    let mut kept = Kept::new();
    let [one, other] = [0, 1].map(|index| {
        let id = kept.house.open_with(index, "192.0.2.1:1", false);
        let claim = Some(credential(7));
        let claimed = kept
            .house
            .run(|hub, now, fx| hub.claim(id, name("ann"), claim, now, fx));
        claimed.unwrap();
        id
    });
    kept.come(one, "club");
    kept.set(one, "club", Flag::NoCtcp);
    assert!(!is_heard(&mut kept, one, other));
    assert!(kept.heard(other, "not_in_channel"));
}

#[test]
fn a_secret_channel_that_lets_nobody_in_is_not_told_from_none() {
    let (mut kept, ann, bob) = with_outsider();
    kept.set(ann, "club", Flag::Secret);
    kept.set(ann, "club", Flag::InviteOnly);
    kept.forget();
    // Its own spelling would tell that it is there.
    let there = name("CLUB");
    let not_there = name("CLUE");
    let commands: [fn(chat_server::name::Name) -> Command; 7] = [
        Command::Switch,
        |channel| Command::AskTopic(Some(channel)),
        |channel| Command::Say {
            channel: Some(channel),
            body: chat_server::text::Text::clean("hello?").into(),
        },
        |channel| Command::Govern(Some(channel), Deed::Register),
        |channel| Command::AskRules(Some(channel)),
        |channel| Command::AskLists(Some(channel), 0),
        |channel| {
            let history = chat_server::model::Window::Latest;
            Command::History {
                channel: Some(channel),
                window: history,
                limit: 1,
            }
        },
    ];
    for command in commands {
        let mut answers = [&there, &not_there].map(|channel| {
            kept.apply(bob, command(channel.clone()));
            let events = kept.events(bob).into_iter();
            let words = events.map(|event| match event {
                Event::Refused(refusal) => format!("{} {refusal}", refusal.code()),
                event => format!("{event:?}"),
            });
            words.collect::<Vec<_>>().join("\n")
        });
        answers[1] = answers[1].replace("CLUE", "CLUB");
        assert_eq!(answers[0], answers[1]);
    }
    // Without the rule, its existence is no secret.
    take_off(&mut kept, ann, Flag::Secret);
    kept.apply(bob, Command::Switch(there));
    assert!(kept.heard(bob, "invite_only"));
}

#[test]
fn a_secret_channel_says_why_it_lets_nobody_in_only_to_who_knows_of_it() {
    let (mut kept, ann, bob) = with_outsider();
    let key = chat_server::model::governance::Key::parse("sesame").unwrap();
    let changes = vec![
        Change::Flag(Flag::Secret, true),
        Change::Key(Some(key.clone())),
        Change::Limit(Some(1)),
    ];
    kept.govern(ann, "club", Deed::Rules(changes));
    let open = |key: Option<&str>| {
        let join = Command::Join(name("club"));
        match key {
            None => join,
            Some(key) => Command::Opened {
                pass: chat_server::hub::Pass::Key(
                    chat_server::model::governance::Key::parse(key).unwrap(),
                ),
                command: Box::new(join),
            },
        }
    };
    for (key, code) in [
        (None, "cannot_join"),
        (Some("other"), "cannot_join"),
        (Some("sesame"), "channel_full"),
    ] {
        kept.forget();
        kept.apply(bob, open(key));
        assert!(kept.heard(bob, code), "{key:?}");
    }
    // To create it is refused as a name is that looks like it.
    for channel in ["club", "cIub"] {
        kept.apply(bob, Command::Create(name(channel)));
        kept.tend();
        assert!(kept.heard(bob, "cannot_join"), "{channel}");
    }
}

#[test]
fn no_guest_is_called_administrator() {
    let mut kept = Kept::new();
    let id = kept.open(0);
    for nickname in ["administrator", "Administrator", "аdministrator"] {
        let refused = kept.claim(id, nickname).unwrap_err();
        assert!(matches!(refused, Refusal::BadName(_)), "{refused:?}");
    }
    kept.claim(id, "admin").unwrap();
    kept.apply(id, Command::Rename(name("administrator")));
    assert!(kept.heard(id, "bad_name"));
}
