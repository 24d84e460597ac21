//! What people who are not in a channel may do there, and what they learn of it.

use chat_server::hub::{Command, ConnectionId, Deed, Refusal, Target};
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
    let there = name("club");
    let not_there = name("nowhere");
    let commands: [fn(chat_server::name::Name) -> Command; 5] = [
        Command::Switch,
        |channel| Command::AskTopic(Some(channel)),
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
        kept.apply(bob, command(there.clone()));
        let told = kept.told(bob);
        kept.apply(bob, command(not_there.clone()));
        assert_eq!(told, kept.told(bob));
    }
    // Without the rule, its existence is no secret.
    take_off(&mut kept, ann, Flag::Secret);
    kept.apply(bob, Command::Switch(there));
    assert!(kept.heard(bob, "invite_only"));
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
