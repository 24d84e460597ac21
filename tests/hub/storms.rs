//! Many leave a large channel at once: those who keep lists of members are told of a few at
//! once, and of all others later, but before anything else that names them.

use crate::hub_support::{House, name};
use chat_server::hub::{Command, ConnectionId, Event, Farewell, Part, Profile, RosterNews};

/// So many keep lists of members, and so many others come and go.
const WATCHERS: u32 = 30;
const VISITORS: u32 = 200;
/// The leavings that a large channel is told of at once, in each second.
const AT_ONCE: usize = 5;

/// A channel with all of them, of whom the watchers know all by a list.
fn gathered() -> (House, Vec<ConnectionId>, Vec<ConnectionId>) {
    let mut house = House::new();
    let mut come = |index: u32, keeps_rosters: bool| {
        let id = ConnectionId {
            index,
            generation: 0,
        };
        let profile = Profile {
            protocol: "test",
            address: "192.0.2.1:9".parse().unwrap(),
            cloak: None,
            one_channel: false,
            shows_past: false,
            ends_with_channel: false,
            keeps_rosters,
        };
        house.run(|hub, now, fx| hub.open(id, profile, now, fx));
        house.claim(id, &format!("user{index}")).unwrap();
        house.apply(id, Command::Join(name("c")));
        id
    };
    let watchers: Vec<ConnectionId> = (0..WATCHERS).map(|index| come(index, true)).collect();
    let visitors = (WATCHERS..WATCHERS + VISITORS).map(|index| come(index, false));
    let visitors: Vec<ConnectionId> = visitors.collect();
    let members = Command::ListMembers(Some(name("c")), Part::default());
    house.apply(watchers[0], members);
    // The second in which the number of those who came is told goes by, too.
    house.pass(5_000);
    house.pass(5_000);
    house.forget();
    (house, watchers, visitors)
}

/// The users of whose leaving a connection was told, in order.
fn left(house: &House, id: ConnectionId) -> Vec<String> {
    let told = house.told.iter().filter(|(to, _)| *to == id);
    let left = told.filter_map(|(_, event)| match event {
        Event::MemberLeft { nickname, .. } => Some(nickname.to_string()),
        Event::Roster(RosterNews::Quit { nickname, .. }) => Some(nickname.to_string()),
        _ => None,
    });
    left.collect()
}

fn leave(house: &mut House, id: ConnectionId) {
    let channel = Some(name("c"));
    let reason = None;
    house.apply(id, Command::Leave { channel, reason });
}

#[test]
fn leavings_are_told_later_and_each_once() {
    let (mut house, watchers, visitors) = gathered();
    for (place, &id) in visitors.iter().enumerate() {
        match place % 2 {
            0 => leave(&mut house, id),
            _ => house.run(|hub, now, fx| hub.close(id, Farewell::Quit, now, fx)),
        }
    }
    assert_eq!(left(&house, watchers[0]).len(), AT_ONCE);
    let late = house.hub.sizes().late_leavings;
    assert_eq!(late, visitors.len() - AT_ONCE);
    house.pass(5_000);
    for &id in &watchers {
        let mut told = left(&house, id);
        told.sort();
        told.dedup();
        assert_eq!(told.len(), visitors.len());
    }
    assert_eq!(left(&house, watchers[0]).len(), visitors.len());
    assert_eq!(house.hub.sizes().late_leavings, 0);
}

#[test]
fn a_user_who_comes_again_has_left_before() {
    let (mut house, watchers, visitors) = gathered();
    for &id in &visitors {
        leave(&mut house, id);
    }
    let last = *visitors.last().unwrap();
    let nick = house.hub.nickname_of(last).unwrap();
    house.forget();
    house.apply(last, Command::Join(name("c")));
    assert_eq!(left(&house, watchers[0]), [nick.to_string()]);
    house.apply(last, Command::Rename(name("other")));
    // Another one has the name of one whose leaving was not told.
    let gone = house.hub.nickname_of(visitors[10]).unwrap();
    house.apply(visitors[10], Command::Rename(name("free")));
    house.apply(last, Command::Rename(gone.clone()));
    house.pass(5_000);
    let told = left(&house, watchers[0]);
    let times = told.iter().filter(|it| **it == gone.to_string()).count();
    assert_eq!(times, 1, "{told:?}");
    assert!(told.iter().all(|it| it != "free"), "{told:?}");
}

#[test]
fn nothing_waits_for_a_channel_whose_watchers_have_gone() {
    let (mut house, watchers, visitors) = gathered();
    for &id in visitors.iter().chain(&watchers) {
        leave(&mut house, id);
    }
    assert_eq!(house.hub.sizes().late_leavings, 0);
    house.pass(5_000);
    assert!(house.hub.next_deadline().is_none());
}
