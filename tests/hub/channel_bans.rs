//! A ban of a channel takes out those whom it concerns a piece at a time. From the
//! moment it is in force none of them reads or says anything there, however many they
//! are; and no other name or account leads round it.

use chat_server::hub::{
    Command, ConnectionId, Deed, Event, Limits, News, NodeId, Profile, RosterChange, Target, Ticket,
};
use chat_server::model::governance::{By, Cloak, List, Mask, Person, Role};
use chat_server::store::AccountId;
use chat_server::text::Text;

use super::hub_support::{House, credential, limits, name};

/// A hub with small pieces of work.
fn house() -> House {
    let mut house = House::new();
    house.hub.set_limits(Limits {
        piece: 4,
        ..limits()
    });
    house
}

/// A member of `dev` at an address that this cloak stands for.
fn member(house: &mut House, index: u32, nickname: &str, cloak: &str) -> ConnectionId {
    let id = ConnectionId {
        index,
        generation: 0,
    };
    let profile = Profile {
        protocol: "test",
        address: "192.0.2.1:1".parse().unwrap(),
        cloak: Cloak::parse(cloak),
        one_channel: false,
        ends_with_channel: false,
        keeps_rosters: false,
        shows_past: true,
    };
    house.run(|hub, now, fx| hub.open(id, profile, now, fx));
    house.claim(id, nickname).unwrap();
    house.join(id, "dev");
    id
}

/// Changes `dev` as an administrator does, without any deferred work.
fn govern(house: &mut House, deed: Deed) {
    let by = By::Administrator(name("administrator"));
    let ticket = Ticket {
        number: 1,
        from: None,
    };
    let done = house.call(|hub, now, fx| hub.govern_as(by, &name("dev"), deed, ticket, now, fx));
    done.unwrap();
}

fn add(list: List, mask: &str) -> Deed {
    Deed::Add {
        list,
        who: Target::Mask(Mask::parse(mask).unwrap()),
        for_ms: None,
        reason: None,
    }
}

fn remove(list: List, mask: &str) -> Deed {
    let who = Target::Mask(Mask::parse(mask).unwrap());
    Deed::Remove { list, who }
}

/// Does all deferred work; returns how many were told of being removed by each piece.
fn work_off(house: &mut House) -> Vec<usize> {
    let mut removed = Vec::new();
    while house.hub.has_work() {
        let before = kicked(house);
        house.call(|hub, now, fx| hub.work(now, fx));
        removed.push(kicked(house) - before);
    }
    removed
}

fn kicked(house: &House) -> usize {
    let told = house.told.iter();
    told.filter(|(_, event)| matches!(event, Event::Kicked { .. }))
        .count()
}

fn say_at_once(house: &mut House, id: ConnectionId, text: &str) {
    let (channel, body) = (Some(name("dev")), Text::clean(text).into());
    let say = Command::Say { channel, body };
    house.call(|hub, now, fx| hub.apply(id, say, now, fx));
}

/// The texts that a connection has been told since the last call.
fn texts(house: &mut House, id: ConnectionId) -> Vec<String> {
    let told = house.told(id).into_iter();
    told.filter(|it| it.starts_with("dev/")).collect()
}

#[test]
fn many_are_taken_out_a_piece_at_a_time_and_told_nothing_meanwhile() {
    let mut house = house();
    let ann = member(&mut house, 50, "ann", "other.guest");
    let all: Vec<ConnectionId> = (0..11)
        .map(|n| member(&mut house, n, &format!("evil{n}"), "bad.guest"))
        .collect();
    house.forget();
    govern(&mut house, add(List::Ban, "host:bad.guest"));
    assert_eq!((kicked(&house), house.hub.sizes().expulsions), (4, 7));
    // Whoever is still there hears nothing more, be it of the channel's rules or what
    // is said.
    govern(&mut house, Deed::Topic(Some(Text::clean("secret plans"))));
    say_at_once(&mut house, ann, "are they gone?");
    for &id in &all {
        let told = house.told(id);
        assert!(told.iter().all(|it| it.starts_with("Kicked")), "{told:?}");
    }
    assert!(texts(&mut house, ann).contains(&"dev/ann: are they gone?".to_owned()));
    // Who wants something is out at once.
    say_at_once(&mut house, all[7], "not me");
    let told = house.told(all[7]);
    assert!(
        told[0].starts_with("Kicked") && told[1] == "not_in_channel",
        "{told:?}"
    );
    let (channel, part) = (Some(name("dev")), chat_server::hub::Part::default());
    let list = Command::ListMembers(channel, part);
    house.call(|hub, now, fx| hub.apply(all[8], list, now, fx));
    let told = house.told(all[8]);
    assert!(told[0].starts_with("Kicked"), "{told:?}");
    house.call(|hub, now, fx| hub.apply(all[9], Command::Join(name("dev")), now, fx));
    let told = house.told(all[9]);
    assert!(
        told[0].starts_with("Kicked") && told[1] == "banned_from_channel",
        "{told:?}"
    );
    // One leaves in time, and one goes altogether.
    let leave = Command::Leave {
        channel: Some(name("dev")),
        reason: None,
    };
    house.call(|hub, now, fx| hub.apply(all[10], leave, now, fx));
    let gone = chat_server::hub::Farewell::PeerLeft;
    house.call(|hub, now, fx| hub.close(all[6], gone, now, fx));
    let removed = work_off(&mut house);
    assert!(removed.iter().all(|&most| most <= 4), "{removed:?}");
    assert_eq!(house.hub.sizes().expulsions, 0);
    let left: Vec<_> = house.channels().into_iter().map(|it| it.members).collect();
    assert_eq!(left[0].len(), 1, "{left:?}");
}

#[test]
fn a_ban_that_is_lifted_meanwhile_has_still_taken_them_out_and_lets_them_back_in() {
    let mut house = house();
    member(&mut house, 50, "ann", "other.guest");
    let all: Vec<ConnectionId> = (0..9)
        .map(|n| member(&mut house, n, &format!("evil{n}"), "bad.guest"))
        .collect();
    govern(&mut house, add(List::Ban, "evil*"));
    govern(&mut house, remove(List::Ban, "evil*"));
    house.forget();
    let join = Command::Join(name("dev"));
    house.call(|hub, now, fx| hub.apply(all[8], join, now, fx));
    let told = house.told(all[8]);
    assert!(
        told[0].starts_with("Kicked") && told[1].starts_with("in dev"),
        "{told:?}"
    );
    work_off(&mut house);
    assert_eq!(
        house.channels()[0].members.len(),
        2,
        "ann, and the one who came back"
    );
}

#[test]
fn the_channel_may_be_gone_before_all_are_out_and_another_one_in_its_place() {
    let mut house = house();
    let all: Vec<ConnectionId> = (0..6)
        .map(|n| member(&mut house, n, &format!("evil{n}"), "bad.guest"))
        .collect();
    govern(&mut house, add(List::Ban, "?vil*"));
    // The first one operates it, and stays.
    for &id in &all {
        let gone = chat_server::hub::Farewell::PeerLeft;
        house.call(|hub, now, fx| hub.close(id, gone, now, fx));
    }
    let bob = member(&mut house, 50, "bob", "other.guest");
    house.forget();
    work_off(&mut house);
    assert_eq!(house.told(bob), Vec::<String>::new());
    say_at_once(&mut house, bob, "mine");
    assert_eq!(texts(&mut house, bob), ["dev/bob: mine"]);
}

#[test]
fn operators_and_excepted_people_stay() {
    let mut house = house();
    let chief = member(&mut house, 0, "evil-chief", "bad.guest");
    let friend = member(&mut house, 1, "evil-friend", "good.guest");
    let other = member(&mut house, 2, "evil-other", "bad.guest");
    let role = Deed::Role {
        who: Person {
            name: name("evil-chief"),
            account: None,
        },
        role: Some(chat_server::model::governance::Role::Operator),
        keep: false,
    };
    govern(&mut house, role);
    govern(&mut house, add(List::Except, "host:good.guest"));
    govern(&mut house, add(List::Ban, "evil*"));
    house.forget();
    for id in [chief, friend, other] {
        say_at_once(&mut house, id, "still here");
    }
    assert_eq!(texts(&mut house, chief).len(), 2);
    assert_eq!(house.told(other), ["not_in_channel"]);
}

#[test]
fn another_name_or_account_is_no_way_to_stay() {
    let mut house = house();
    let ann = member(&mut house, 0, "ann", "a.guest");
    let [kev, lea] = [(1, "kev"), (2, "lea")].map(|(n, it)| member(&mut house, n, it, "b.guest"));
    let account = Mask::Account(AccountId(7), name("mallory"));
    for who in [
        Target::Mask(account),
        Target::Mask(Mask::parse("ev*l").unwrap()),
    ] {
        let (list, for_ms, reason) = (List::Ban, None, None);
        govern(
            &mut house,
            Deed::Add {
                list,
                who,
                for_ms,
                reason,
            },
        );
    }
    house.forget();
    house.apply(kev, Command::Rename(name("Еvil")));
    let mallory = name("mallory");
    let logged_in =
        house.run(|hub, now, fx| hub.become_account(lea, mallory, &credential(7), now, fx));
    logged_in.unwrap();
    for id in [kev, lea] {
        let told = house.told(id);
        assert!(told.iter().any(|it| it.starts_with("Kicked")), "{told:?}");
        house.join(id, "dev");
        assert_eq!(house.told(id), ["banned_from_channel"]);
    }
    // A name from before counts as well.
    house.apply(kev, Command::Rename(name("saint")));
    house.join(kev, "dev");
    assert!(house.told(kev).contains(&"banned_from_channel".to_owned()));
    assert!(house.told(ann).contains(&"-mallory".to_owned()));
}

#[test]
fn a_verdict_is_remembered_until_rules_name_or_time_change_it() {
    let mut house = house();
    let ann = member(&mut house, 0, "ann", "a.guest");
    let bob = member(&mut house, 1, "bob", "b.guest");
    let hears = |house: &mut House, expected: bool| {
        house.forget();
        say_at_once(house, bob, "hello");
        assert_eq!(
            texts(house, ann).len() == 1,
            expected,
            "{:?}",
            house.told(bob)
        );
    };
    govern(&mut house, add(List::Mute, "x*"));
    hears(&mut house, true);
    hears(&mut house, true);
    govern(&mut house, add(List::Mute, "host:b.guest"));
    hears(&mut house, false);
    let except = Deed::Add {
        list: List::Except,
        who: Target::Mask(Mask::parse("bob").unwrap()),
        for_ms: Some(60_000),
        reason: None,
    };
    govern(&mut house, except);
    hears(&mut house, true);
    house.pass(59_000);
    hears(&mut house, true);
    house.pass(2_000);
    hears(&mut house, false);
    govern(&mut house, remove(List::Mute, "host:b.guest"));
    hears(&mut house, true);
    house.apply(bob, Command::Rename(name("xaver")));
    hears(&mut house, false);
}

#[test]
fn members_on_other_servers_are_taken_out_in_pieces_too_and_told_of_once() {
    let mut house = house();
    house.hub.join_others();
    let ann = member(&mut house, 0, "ann", "a.guest");
    for n in 0..10 {
        let far = name(&format!("far{n}"));
        let channel = name("dev");
        let online = RosterChange::Online {
            name: far.clone(),
            account: None,
            cloak: Cloak::parse("bad.guest"),
        };
        let joined = RosterChange::Joined { name: far, channel };
        for change in [online, joined] {
            house.run(|hub, now, fx| hub.hear(News::Roster(NodeId(1), change), now, fx));
        }
    }
    house.pass(2_000);
    house.forget();
    govern(&mut house, add(List::Ban, "host:bad.guest"));
    // It is in force once the log says so.
    for id in std::mem::take(&mut house.appended) {
        let settled = chat_server::hub::Settled::by_id(id, true);
        house.call(|hub, now, fx| hub.settle(settled, now, fx));
    }
    assert_eq!(house.hub.sizes().expulsions, 6);
    // Their own server says that they have left: one that was already taken out here,
    // and one that was not.
    for far in ["far0", "far9"] {
        let left = RosterChange::Left {
            name: name(far),
            channel: name("dev"),
            reason: None,
        };
        house.call(|hub, now, fx| hub.hear(News::Roster(NodeId(1), left), now, fx));
    }
    work_off(&mut house);
    let told: Vec<String> = house.told(ann);
    assert!(told.iter().all(|it| !it.starts_with('-')), "{told:?}");
    assert_eq!(house.channels()[0].members, [name("ann")]);
}

#[test]
fn who_loses_an_exception_or_a_role_is_kept_out_by_an_older_ban() {
    let mut house = house();
    let ann = member(&mut house, 50, "ann", "other.guest");
    let all: Vec<ConnectionId> = (0..6)
        .map(|n| member(&mut house, n, &format!("evil{n}"), "bad.guest"))
        .collect();
    let role = |role| Deed::Role {
        who: Person {
            name: name("evil0"),
            account: None,
        },
        role,
        keep: false,
    };
    govern(&mut house, role(Some(Role::Operator)));
    govern(&mut house, add(List::Except, "evil*"));
    govern(&mut house, add(List::Ban, "host:bad.guest"));
    assert_eq!(work_off(&mut house), [0; 0]);
    house.forget();
    govern(&mut house, remove(List::Except, "evil*"));
    // All but the operator, and not all at once; who stays is told that they are gone.
    assert_eq!((kicked(&house), house.hub.sizes().expulsions), (4, 1));
    work_off(&mut house);
    assert_eq!(kicked(&house), 5);
    let left = house.told(ann).into_iter().filter(|it| it.starts_with('-'));
    assert_eq!(left.count(), 5);
    say_at_once(&mut house, ann, "who is left?");
    assert_eq!(texts(&mut house, all[0]), ["dev/ann: who is left?"]);
    govern(&mut house, role(Some(Role::Voice)));
    assert!(house.told(all[0]).iter().any(|it| it.starts_with("Kicked")));
    say_at_once(&mut house, ann, "nobody?");
    assert_eq!(texts(&mut house, all[0]), [""; 0]);
    // Where no ban concerns them, nothing happens.
    let bob = member(&mut house, 7, "bob", "bob.guest");
    govern(&mut house, add(List::Except, "bob"));
    govern(&mut house, remove(List::Except, "bob"));
    say_at_once(&mut house, bob, "still here");
    assert_eq!(texts(&mut house, bob), ["dev/bob: still here"]);
}
