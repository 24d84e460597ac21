//! Nobody finds the key of a channel, or the name of a secret one, by trying.

use std::time::Duration;

use chat_server::hub::{
    BanTarget, Command, ConnectionId, Credential, Deed, Event, Farewell, Limits, Pass, Refusal,
};
use chat_server::model::AccountId;
use chat_server::model::governance::{Change, Flag, Key};
use chat_server::protocol::speech::PROGRAM;

use super::hub_support::name;
use super::keeping_house::{Kept, with_history};

fn try_key(kept: &mut Kept, id: ConnectionId, key: &str) -> Option<Refusal> {
    let command = Command::Opened {
        pass: Pass::Key(Key::parse(key).unwrap()),
        command: Box::new(Command::Join(name("den"))),
    };
    kept.house.apply(id, command);
    kept.tend();
    kept.events(id).into_iter().find_map(|event| match event {
        Event::Refused(refusal) => Some(refusal),
        _ => None,
    })
}

#[test]
fn an_address_may_give_ten_wrong_keys_a_minute() {
    let mut kept = Kept::new();
    let ann = kept.arrive(0, "ann");
    kept.come(ann, "den");
    let key = Key::parse("sesame").unwrap();
    kept.govern(ann, "den", Deed::Rules(vec![Change::Key(Some(key))]));
    let bob = kept.arrive(1, "bob");
    for n in 0..10 {
        let refused = try_key(&mut kept, bob, &format!("guess{n}"));
        assert!(matches!(refused, Some(Refusal::WrongKey(_))), "{refused:?}");
    }
    // Not even the right one is told from a wrong one now; nor on another connection.
    let too_many = Some(Refusal::TooManyWrongKeys(60));
    assert_eq!(try_key(&mut kept, bob, "sesame"), too_many);
    let again = kept.house.open_with(2, "192.0.2.2:9", false);
    kept.house.claim(again, "bobby").unwrap();
    assert_eq!(try_key(&mut kept, again, "sesame"), too_many);
    // Others are not concerned, and time heals.
    let cem = kept.arrive(3, "cem");
    assert_eq!(try_key(&mut kept, cem, "sesame"), None);
    kept.house.pass(Duration::from_secs(60).as_millis() as u64);
    assert_eq!(try_key(&mut kept, bob, "sesame"), None);
}

/// How a join of `channel` is refused.
fn try_name(kept: &mut Kept, id: ConnectionId, channel: &str) -> Option<Refusal> {
    kept.forget();
    kept.come(id, channel);
    kept.events(id).into_iter().find_map(|event| match event {
        Event::Refused(refusal) => Some(refusal),
        _ => None,
    })
}

/// A secret channel `den` that ann operates, and that lets nobody in.
fn den() -> Kept {
    let mut kept = Kept::new();
    let ann = kept.arrive(0, "ann");
    kept.come(ann, "den");
    kept.set(ann, "den", Flag::Secret);
    kept.set(ann, "den", Flag::InviteOnly);
    kept
}

#[test]
fn an_address_may_try_ten_names_of_secret_channels_a_minute() {
    let mut kept = den();
    let bob = kept.arrive(1, "bob");
    kept.come(bob, "open");
    for _ in 0..10 {
        let refused = try_name(&mut kept, bob, "DEN");
        // It is named as it was asked for: how it is written is known to its members.
        assert!(
            matches!(&refused, Some(Refusal::ChannelNameTaken(it)) if it.as_str() == "DEN"),
            "{refused:?}"
        );
    }
    // From now on it is not told from a name that could be had, on no connection.
    let again = kept.house.open_with(2, "192.0.2.2:9", false);
    kept.house.claim(again, "bobby").unwrap();
    let too_many = Some(Refusal::TooManyWrongKeys(60));
    for channel in ["den", "nothing"] {
        assert_eq!(try_name(&mut kept, again, channel), too_many);
    }
    // What one may know of is open all the same, and to others so is the rest.
    assert_eq!(try_name(&mut kept, again, "open"), None);
    let cem = kept.arrive(3, "cem");
    assert_eq!(try_name(&mut kept, cem, "nothing"), None);
    kept.house.pass(Duration::from_secs(60).as_millis() as u64);
    assert_eq!(try_name(&mut kept, bob, "something"), None);
}

#[test]
fn a_key_that_is_tried_by_switching_counts_where_nothing_is_seen() {
    let mut kept = den();
    let bob = kept.arrive(1, "bob");
    for channel in ["den", "nothing"] {
        for n in 0..=10 {
            let command = Command::Opened {
                pass: Pass::Key(Key::parse("guess").unwrap()),
                command: Box::new(Command::Switch(name(channel))),
            };
            kept.house.apply(bob, command);
            kept.tend();
            let code = ["no_such_channel", "too_many_wrong_keys"][n / 10];
            assert!(kept.heard(bob, code), "{channel} {n}");
        }
        kept.house.pass(Duration::from_secs(60).as_millis() as u64);
    }
}

/// The bot of a program, as it comes in without a socket.
fn bot(kept: &mut Kept, index: u32, nickname: &str) -> ConnectionId {
    let id = ConnectionId {
        index,
        generation: 0,
    };
    let account = AccountId(100 + i64::from(index));
    let profile = PROGRAM.profile("127.0.0.1:0".parse().unwrap(), None);
    let credential = Credential {
        account,
        ignored: Vec::new(),
        token: None,
    };
    let house = &mut kept.house;
    house.run(|hub, now, fx| hub.open_program(id, profile, account, now, fx));
    let name = name(nickname);
    let claimed = house.run(|hub, now, fx| hub.claim(id, name, Some(credential), now, fx));
    claimed.unwrap();
    id
}

#[test]
fn what_one_program_guesses_counts_against_no_other_and_nobody_on_the_machine() {
    let mut kept = den();
    let guesser = bot(&mut kept, 1, "guesser");
    for _ in 0..10 {
        let refused = try_name(&mut kept, guesser, "den");
        assert!(
            matches!(refused, Some(Refusal::ChannelNameTaken(_))),
            "{refused:?}"
        );
    }
    let too_many = Some(Refusal::TooManyWrongKeys(60));
    assert_eq!(try_name(&mut kept, guesser, "nothing"), too_many);
    let other = bot(&mut kept, 2, "other");
    assert_eq!(try_name(&mut kept, other, "nothing"), None);
    let local = kept.house.open_with(3, "127.0.0.1:9", false);
    kept.house.claim(local, "local").unwrap();
    assert_eq!(try_name(&mut kept, local, "anything"), None);
}

#[test]
fn the_channels_of_one_program_leave_others_room_for_theirs() {
    let mut kept = Kept::new();
    kept.house.hub.set_limits(Limits {
        channels_per_address: 2,
        ..with_history()
    });
    let one = bot(&mut kept, 1, "one");
    for channel in ["a", "b"] {
        assert_eq!(try_name(&mut kept, one, channel), None);
    }
    let refused = try_name(&mut kept, one, "c");
    assert_eq!(refused, Some(Refusal::TooManyMade(2)));
    let other = bot(&mut kept, 2, "other");
    assert_eq!(try_name(&mut kept, other, "c"), None);
}

#[test]
fn no_ban_of_an_address_hits_a_program_without_one() {
    let mut kept = Kept::new();
    let one = bot(&mut kept, 1, "one");
    let local = kept.house.open_with(2, "127.0.0.1:9", false);
    kept.house.claim(local, "local").unwrap();
    let target = BanTarget::network("127.0.0.0/8".parse().unwrap());
    let banned = (kept.house).run(|hub, now, fx| hub.ban(target, None, None, now, fx));
    banned.unwrap();
    assert_eq!(kept.house.closed, [(local, Farewell::Banned(None))]);
    assert_eq!(try_name(&mut kept, one, "here"), None);
    let late = bot(&mut kept, 3, "late");
    assert_eq!(try_name(&mut kept, late, "here"), None);
}
