//! The cost of a request does not grow with the size of the server: work on
//! many connections is done in pieces, and none of it is lost.

use chat_server::hub::{
    Ban, BanTarget, Command, ConnectionId, Effects, Event, Farewell, Limits, MAX_BANS, News,
    NodeId, Order, PIECE, Part, Profile, RosterChange, Shared,
};

use crate::hub_support::{House, credential, limits, name};

fn network(text: &str) -> BanTarget {
    BanTarget::network(text.parse().unwrap())
}

/// A hub with small pieces of work.
fn house_of_small_pieces() -> House {
    let mut house = House::new();
    house.hub.set_limits(Limits {
        piece: 4,
        ..limits()
    });
    house
}

/// Does all deferred work; returns how many connections each piece ended.
fn work_off(house: &mut House) -> Vec<usize> {
    let mut ended = Vec::new();
    while house.hub.has_work() {
        let before = house.closed.len();
        house.call(|hub, now, fx| hub.work(now, fx));
        ended.push(house.closed.len() - before);
    }
    ended
}

#[test]
fn a_ban_that_hits_many_ends_them_a_piece_at_a_time() {
    let mut house = house_of_small_pieces();
    for index in 0..10 {
        house.open_with(index, &format!("198.51.100.{index}:9"), true);
    }
    let other = house.open_with(10, "203.0.113.1:9", true);
    let ban = network("198.51.100.0/24");
    let made = house.call(|hub, now, fx| hub.ban(ban, None, None, now, fx));
    made.unwrap();
    assert_eq!(house.closed.len(), 4);
    // Connections whose end is pending can no longer act.
    let last = ConnectionId {
        index: 9,
        generation: 0,
    };
    assert!(house.hub.counts().connections > 1);
    assert_eq!(work_off(&mut house), [4, 2]);
    assert!(
        house
            .closed
            .iter()
            .all(|(_, why)| *why == Farewell::Banned(None))
    );
    assert!(house.closed.iter().any(|(id, _)| *id == last));
    assert!(house.closed.iter().all(|(id, _)| *id != other));
}

#[test]
fn a_ban_that_is_lifted_before_it_has_hit_all_hits_no_more() {
    let mut house = house_of_small_pieces();
    for index in 0..10 {
        house.open_with(index, "198.51.100.7:9", true);
    }
    let ban = network("198.51.100.7/32");
    let made = house.call(|hub, now, fx| hub.ban(ban, None, None, now, fx));
    house
        .call(|hub, _, fx| hub.unban(made.unwrap().id, fx))
        .unwrap();
    work_off(&mut house);
    assert_eq!(house.closed.len(), 4);
}

#[test]
fn what_a_connection_that_is_to_be_ended_says_counts_no_more() {
    let mut house = house_of_small_pieces();
    let all: Vec<ConnectionId> = (0..6).map(|index| house.open(index)).collect();
    for &id in &all {
        let name = name("alice");
        let claimed = house.run(|hub, now, fx| hub.claim(id, name, Some(credential(1)), now, fx));
        claimed.unwrap();
        house.join(id, "dev");
    }
    let bob = house.enter(9, "bob");
    house.join(bob, "dev");
    house.forget();
    let alice = name("alice");
    let hit = house.call(|hub, now, fx| hub.kick(&alice, None, now, fx));
    // Each is in a channel; leaving it costs as much as ending the connection.
    assert_eq!((hit, house.closed.len()), (6, 2));
    for &id in &all {
        let body = chat_server::text::Text::clean("still here").into();
        let say = Command::Say {
            channel: None,
            body,
        };
        house.call(|hub, now, fx| hub.apply(id, say, now, fx));
    }
    assert_eq!(work_off(&mut house), [2, 2]);
    assert_eq!(house.told(bob), ["-alice"]);
    assert_eq!(house.hub.counts().connections, 1);
}

#[test]
fn who_is_banned_but_not_yet_ended_has_no_say() {
    let mut house = house_of_small_pieces();
    let bob = house.enter(20, "bob");
    house.join(bob, "dev");
    let all: Vec<ConnectionId> = (0..12)
        .map(|n| house.open_with(n, &format!("198.51.100.{n}:9"), true))
        .collect();
    let [says, renames, claims, comes_in] = [all[8], all[9], all[10], all[11]];
    for (id, nickname) in [(says, "alice"), (renames, "carol"), (comes_in, "dave")] {
        house.claim(id, nickname).unwrap();
    }
    house.join(says, "dev");
    house.forget();
    let ban = network("198.51.100.0/24");
    let made = house.call(|hub, now, fx| hub.ban(ban, None, None, now, fx));
    made.unwrap();
    assert_eq!(house.closed.len(), 4, "the others are still to be ended");
    let say = Command::Say {
        channel: None,
        body: chat_server::text::Text::clean("still here").into(),
    };
    house.call(|hub, now, fx| hub.apply(says, say, now, fx));
    let rename = Command::Rename(name("eve"));
    house.call(|hub, now, fx| hub.apply(renames, rename, now, fx));
    let frank = name("frank");
    house
        .call(|hub, now, fx| hub.claim(claims, frank, None, now, fx))
        .unwrap();
    let dev = name("dev");
    let entered = house.call(|hub, now, fx| hub.enter(comes_in, dev, None, now, fx));
    assert!(entered.is_err());
    assert_eq!(house.told(bob), ["-alice"]);
    for id in [says, renames, claims, comes_in] {
        let ends = house.closed.iter().filter(|(closed, _)| *closed == id);
        let ends: Vec<&Farewell> = ends.map(|(_, farewell)| farewell).collect();
        assert_eq!(ends, [&Farewell::Banned(None)]);
    }
    assert_eq!(house.hub.counts().users, 1);
    work_off(&mut house);
    assert_eq!(house.closed.len(), 12);
}

#[test]
fn who_leaves_is_let_go_however_much_waits() {
    let mut house = House::new();
    house.hub.set_limits(Limits {
        history: true,
        ..Limits::none()
    });
    let alice = house.enter(0, "alice");
    house.join(alice, "dev");
    let mut taken = 0;
    house.forget();
    while house.told(alice).is_empty() {
        house.apply(alice, Command::Listen { typing: true });
        taken += 1;
        assert!(taken < 10_000, "there is a limit");
    }
    let end = Command::End(Farewell::Flooding);
    house.apply(alice, end);
    let waits = house.hub.sizes().waiting_commands;
    for _ in 0..10 {
        house.apply(alice, Command::Quit { reason: None });
        house.apply(alice, Command::Listen { typing: true });
    }
    assert_eq!(house.hub.sizes().waiting_commands, waits);
    let recall = house.recalls.remove(0);
    house.run(|hub, now, fx| hub.recalled(&recall, Vec::new(), now, fx));
    assert_eq!(house.closed, [(alice, Farewell::Flooding)]);
}

#[test]
fn who_has_had_their_time_ends_a_piece_at_a_time_and_all_in_the_end() {
    let mut house = house_of_small_pieces();
    for index in 0..10 {
        house.open(index);
    }
    house.now.ticks_ms += 60_000;
    let now = house.now.ticks_ms;
    let mut ended = Vec::new();
    while house.hub.next_deadline().is_some_and(|due| due <= now) {
        let before = house.closed.len();
        house.call(|hub, now, fx| hub.tick(now, fx));
        ended.push(house.closed.len() - before);
    }
    assert_eq!(ended, [4, 4, 2]);
}

#[test]
fn comings_and_goings_in_many_channels_are_told_a_few_channels_at_a_time() {
    let mut house = House::new();
    house.hub.set_limits(Limits::none());
    // Enough members for notices to be rationed, all of them in all channels.
    let member = |house: &mut House, index: u32| {
        let id = house.open_with(index, "192.0.2.1:1", false);
        house.claim(id, &format!("member{index}")).unwrap();
        id
    };
    let channels: Vec<String> = (0..200).map(|n| format!("c{n}")).collect();
    for index in 0..21 + 6 {
        let id = member(&mut house, index);
        for channel in &channels {
            house.join(id, channel);
        }
    }
    house.forget();
    house.now.ticks_ms += 1000;
    let now = house.now.ticks_ms;
    let mut told = Vec::new();
    while house.hub.next_deadline().is_some_and(|due| due <= now) {
        house.call(|hub, now, fx| hub.tick(now, fx));
        told.push(house.told.len() / 27);
        house.forget();
    }
    assert!(told.iter().all(|&channels| channels <= 64), "{told:?}");
    assert_eq!(told.iter().sum::<usize>(), channels.len());
}

/// As many bans as there can be: addresses, networks and nicknames.
fn many_bans() -> Vec<Ban> {
    let ban = |number: u32| Ban {
        id: u64::from(number) + 1,
        target: match number % 4 {
            0 => network(&format!("{}/32", std::net::Ipv4Addr::from(number << 8))),
            1 => network(&format!("2001:db8:{number:x}::/48")),
            2 => BanTarget::Nickname(name(&format!("banned{number}"))),
            _ => BanTarget::Nickname(name(&format!("\u{412}ann{number}"))),
        },
        reason: None,
        created_ms: 0,
        expires_ms: None,
    };
    (0..MAX_BANS as u32).map(ban).collect()
}

#[test]
fn among_many_bans_the_one_that_counts_is_found() {
    let mut house = House::new();
    house.hub.restore_bans(many_bans());
    let now = house.now;
    let is_banned = |house: &House, address: &str| {
        let ban = house.hub.banned(address.parse().unwrap(), now);
        ban.map(|ban| ban.id)
    };
    assert_eq!(is_banned(&house, "0.0.40.0"), Some(41));
    assert_eq!(is_banned(&house, "::ffff:0.0.40.0"), Some(41));
    assert_eq!(is_banned(&house, "0.0.40.1"), None);
    assert_eq!(is_banned(&house, "2001:db8:29:1::7"), Some(42));
    assert_eq!(is_banned(&house, "2001:db8:2a:1::7"), None);
    for (nickname, banned) in [
        ("BANNED42", true),
        ("banned43", false),
        ("Bann43", true),
        ("\u{392}ann43", true),
        ("Bann42", false),
    ] {
        let is_banned = house.hub.is_nickname_banned(&name(nickname), now);
        assert_eq!(is_banned, banned, "{nickname}");
    }
    // There is no room for another ban until one is lifted.
    let one_more = |house: &mut House| {
        let target = network("192.0.2.0/24");
        house.run(|hub, now, fx| hub.ban(target, None, None, now, fx))
    };
    assert!(one_more(&mut house).is_err());
    let mut fx = Effects::default();
    house.hub.unban(41, &mut fx).unwrap();
    assert_eq!(is_banned(&house, "0.0.40.0"), None);
    assert_eq!(one_more(&mut house).unwrap().id, MAX_BANS as u64 + 1);
}

#[test]
fn of_bans_of_the_same_the_one_that_lasts_longest_counts() {
    let mut house = House::new();
    let now = house.now.unix_ms;
    for ends in [Some(now + 9000), None, Some(now + 5000)] {
        for target in [network("192.0.2.0/24"), BanTarget::Nickname(name("eve"))] {
            let made = house.run(|hub, now, fx| hub.ban(target, None, ends, now, fx));
            made.unwrap();
        }
    }
    let is_banned = |house: &House| {
        let address = "192.0.2.7".parse().unwrap();
        let by_address = house.hub.banned(address, house.now).is_some();
        assert_eq!(
            house.hub.is_nickname_banned(&name("eve"), house.now),
            by_address
        );
        by_address
    };
    let mut fx = Effects::default();
    for id in [3, 4] {
        house.hub.unban(id, &mut fx).unwrap();
    }
    house.pass(6000);
    assert!(is_banned(&house));
    house.pass(3000);
    assert!(!is_banned(&house));
    // A wider network still matches behind a narrower one that has expired.
    let until = Some(house.now.unix_ms + 10);
    for (target, ends) in [("192.0.2.7/32", until), ("192.0.0.0/16", None)] {
        let target = network(target);
        house
            .run(|hub, now, fx| hub.ban(target, None, ends, now, fx))
            .unwrap();
    }
    house.pass(10);
    let ban = house.hub.banned("192.0.2.7".parse().unwrap(), house.now);
    assert_eq!(ban.unwrap().target, network("192.0.0.0/16"));
}

#[test]
fn bans_that_are_over_make_room_and_the_list_comes_in_pages() {
    let mut house = House::new();
    let ends = house.now.unix_ms + 5000;
    let mut bans = many_bans();
    for ban in bans.iter_mut().take(300) {
        ban.expires_ms = Some(ends);
    }
    house.hub.restore_bans(bans.clone());
    house.pass(5000);
    let target = network("192.0.2.0/24");
    house
        .run(|hub, now, fx| hub.ban(target, None, None, now, fx))
        .unwrap();
    let mut listed = Vec::new();
    let mut after = None;
    loop {
        let (page, more) = house.hub.bans_after(after, house.now);
        assert!(page.len() <= 500);
        listed.extend(page);
        match more {
            Some(number) => after = Some(number),
            None => break,
        }
    }
    assert_eq!(listed, house.hub.bans(house.now));
    assert_eq!(listed.len(), MAX_BANS - 300 + 1);
}

fn hear(house: &mut House, news: News) {
    house.call(|hub, now, fx| hub.hear(news, now, fx));
}

#[test]
fn of_the_bans_of_all_servers_only_those_that_are_new_are_enforced() {
    let mut house = house_of_small_pieces();
    house.hub.join_others();
    house.hub.restore_bans(many_bans());
    let mallory = house.enter(0, "mallory");
    let far = house.open_with(1, "198.51.100.7:9", true);
    let mut bans = many_bans();
    bans.truncate(MAX_BANS - 2);
    for (id, target) in [
        (20_001, BanTarget::Nickname(name("Mallory"))),
        (20_002, network("198.51.100.0/24")),
    ] {
        let ban = bans[0].clone();
        bans.push(Ban { id, target, ..ban });
    }
    hear(&mut house, News::Bans(bans.clone()));
    assert_eq!(house.hub.bans(house.now), bans);
    assert_eq!(house.hub.sizes().endings, 2, "what is new");
    work_off(&mut house);
    let closed: Vec<ConnectionId> = house.closed.iter().map(|(id, _)| *id).collect();
    assert_eq!(closed, [mallory, far]);
    hear(&mut house, News::Bans(bans));
    assert_eq!(house.hub.sizes().endings, 0);
}

#[test]
fn as_many_own_orders_as_there_can_be_are_compared_with_as_many_bans() {
    let mut house = House::new();
    house.hub.join_others();
    let bans = many_bans();
    for ban in bans.clone() {
        let made = house.call(|hub, now, fx| hub.ban_as(ban.id, ban.target, None, None, now, fx));
        made.unwrap();
    }
    hear(&mut house, News::CutOff);
    house.shared.clear();
    hear(&mut house, News::Bans(bans[..9000].to_vec()));
    let again = house.shared.iter();
    let again = again.filter(|it| matches!(it, Shared::Order(Order::Ban(_))));
    assert_eq!(again.count(), 1000);
    assert_eq!(house.hub.sizes().unconfirmed_bans, 1000);
    assert_eq!(house.hub.sizes().bans, MAX_BANS);
}

#[test]
fn a_piece_is_what_the_hub_does_at_once_unless_it_is_told_otherwise() {
    assert_eq!(Limits::none().piece, PIECE);
}

const DEAD: NodeId = NodeId(1);
const ALIVE: NodeId = NodeId(2);

fn roster(house: &mut House, node: NodeId, change: RosterChange) {
    hear(house, News::Roster(node, change));
}

/// Announces a user on another server, in a channel there.
fn on(house: &mut House, node: NodeId, nickname: &str, channel: &str) {
    let (name, channel) = (name(nickname), name(channel));
    let account = None;
    let online = RosterChange::Online {
        name: name.clone(),
        account,
        cloak: None,
    };
    roster(house, node, online);
    roster(house, node, RosterChange::Joined { name, channel });
}

/// A hub with small pieces of work, and a dead server with ten users, all of
/// them in a channel with one local member.
fn house_beside_a_dead_server() -> (House, ConnectionId) {
    let mut house = house_of_small_pieces();
    house.hub.join_others();
    let bob = house.enter(0, "bob");
    house.join(bob, "dev");
    for n in 0..10 {
        on(&mut house, DEAD, &format!("far{n}"), "dev");
    }
    // Otherwise their leaves would be counted, not named.
    house.pass(2000);
    house.forget();
    hear(&mut house, News::Gone(DEAD));
    (house, bob)
}

#[test]
fn those_of_a_server_that_is_gone_leave_a_piece_at_a_time() {
    let (mut house, bob) = house_beside_a_dead_server();
    let mut left = Vec::new();
    left.push(house.told(bob).len());
    while house.hub.has_work() {
        house.call(|hub, now, fx| hub.work(now, fx));
        left.push(house.told(bob).len());
    }
    assert!(left.iter().all(|&left| left <= 4), "{left:?}");
    assert_eq!(left.iter().sum::<usize>(), 10);
    assert_eq!(house.hub.counts().users, 1);
}

#[test]
fn a_nickname_of_a_server_that_is_gone_is_free_and_its_owner_has_left_before() {
    let (mut house, bob) = house_beside_a_dead_server();
    house.told(bob);
    // The last of them have yet to leave.
    assert!(house.hub.has_work());
    let (_, is_on) = house.hub.presence(name("far9"));
    assert!(!is_on);
    assert!(!house.hub.is_guest(&name("far9")));
    let id = ConnectionId {
        index: 1,
        generation: 0,
    };
    let profile = Profile {
        protocol: "test",
        address: "192.0.2.1:1".parse().unwrap(),
        cloak: None,
        one_channel: true,
        shows_past: true,
        ends_with_channel: false,
        keeps_rosters: false,
    };
    house.call(|hub, now, fx| hub.open(id, profile, now, fx));
    let far = name("far9");
    let claimed = house.call(|hub, now, fx| hub.claim(id, far, None, now, fx));
    claimed.unwrap();
    assert_eq!(house.told(bob), ["-far9"]);
    let join = Command::Join(name("dev"));
    house.call(|hub, now, fx| hub.apply(id, join, now, fx));
    assert_eq!(house.told(bob), ["+far9"]);
    // Also on another server.
    on(&mut house, ALIVE, "far8", "dev");
    assert_eq!(house.told(bob), ["-far8", "+far8"]);
    // The last entries of a dead server no longer count.
    on(&mut house, DEAD, "late", "dev");
    work_off(&mut house);
    let told = house.told(bob);
    assert!(told.iter().all(|it| it.starts_with('-')), "{told:?}");
    assert!(!told.contains(&"-far9".to_owned()) && !told.contains(&"-far8".to_owned()));
    assert_eq!(house.hub.counts().users, 3);
}

#[test]
fn who_is_on_a_server_that_lives_stays_when_another_is_gone() {
    let mut house = house_of_small_pieces();
    house.hub.join_others();
    let bob = house.enter(0, "bob");
    house.join(bob, "dev");
    for n in 0..10 {
        for node in [DEAD, ALIVE] {
            on(&mut house, node, &format!("far{n}"), "dev");
        }
    }
    house.pass(2000);
    house.forget();
    hear(&mut house, News::Gone(DEAD));
    assert!(house.hub.presence(name("far9")).1);
    let far = name("far9");
    let hit = house.call(|hub, now, fx| hub.kick(&far, None, now, fx));
    assert_eq!(hit, 1, "the other server");
    work_off(&mut house);
    assert_eq!(house.told(bob), Vec::<String>::new());
    assert_eq!(house.hub.counts().users, 11);
}

#[test]
fn who_comes_on_another_server_has_left_this_one_before() {
    let mut house = House::new();
    house.hub.join_others();
    house.hub.set_limits(Limits {
        history: true,
        ..Limits::none()
    });
    let bob = house.enter(0, "bob");
    let ada = house.enter(1, "ada");
    for id in [bob, ada] {
        house.join(id, "dev");
    }
    for recall in std::mem::take(&mut house.recalls) {
        house.run(|hub, now, fx| hub.recalled(&recall, Vec::new(), now, fx));
    }
    house.forget();
    house.say(ada, "last words");
    house.run(|hub, now, fx| hub.close(ada, Farewell::PeerLeft, now, fx));
    assert_eq!(house.told(bob), [""; 0], "that follows the last words");
    on(&mut house, NodeId(3), "ada", "dev");
    assert_eq!(house.told(bob), ["-ada", "+ada"]);
    house.settle(true);
    assert_eq!(
        house.told(bob),
        ["Some(Operator) of dev", "dev/ada: last words"]
    );
    assert_eq!(house.hub.sizes().departures, 0);
}

#[test]
fn a_list_has_those_once_who_are_here_and_elsewhere() {
    let mut house = House::new();
    house.hub.set_limits(Limits {
        page_rows: 3,
        ..Limits::none()
    });
    house.hub.join_others();
    for index in 0..6 {
        let id = house.open_with(index, "192.0.2.1:1", false);
        let nickname = name(&format!("person{index}"));
        let own = credential(index.into());
        let claimed = house.run(|hub, now, fx| hub.claim(id, nickname, Some(own), now, fx));
        claimed.unwrap();
        house.join(id, "dev");
        house.join(id, &format!("channel{index}"));
    }
    for index in 0..8 {
        on(&mut house, ALIVE, &format!("Person{index}"), "dev");
        let channel = name(&format!("channel{index}"));
        let name = name(&format!("person{index}"));
        roster(&mut house, ALIVE, RosterChange::Joined { name, channel });
    }
    let first = ConnectionId {
        index: 0,
        generation: 0,
    };
    let names = |house: &mut House, members: bool| {
        let mut names: Vec<String> = Vec::new();
        loop {
            house.forget();
            let part = Part {
                after: names.last().map(|last| name(last)),
                prefix: None,
            };
            house.apply(
                first,
                if members {
                    Command::ListMembers(Some(name("dev")), part)
                } else {
                    Command::ListChannels(part)
                },
            );
            let before = names.len();
            for (_, event) in &house.told {
                match event {
                    Event::Members { page, .. } => {
                        names.extend(page.rows.iter().map(|row| row.name.to_string()));
                    }
                    Event::Channels(page) => {
                        names.extend(page.rows.iter().map(|row| row.name.to_string()));
                    }
                    _ => {}
                }
            }
            if names.len() < before + 3 {
                return names;
            }
        }
    };
    let expected = |what: &str| (0..8).map(|n| format!("{what}{n}")).collect::<Vec<_>>();
    let members = names(&mut house, true);
    let members: Vec<String> = members.iter().map(|name| name.to_lowercase()).collect();
    assert_eq!(members, expected("person"));
    let mut channels = expected("channel");
    channels.extend(["dev", "global"].map(str::to_owned));
    assert_eq!(names(&mut house, false), channels);
}

#[test]
fn what_has_waited_is_carried_out_a_few_at_a_time_and_in_order() {
    let mut house = House::new();
    house.hub.set_limits(Limits {
        history: true,
        ..Limits::none()
    });
    let ids: Vec<ConnectionId> = (0..30)
        .map(|n| house.enter(n, &format!("person{n}")))
        .collect();
    // All of them wait for the past of the channel, with many commands queued.
    for &id in &ids {
        house.join(id, "dev");
        for n in 0..20 {
            house.join(id, &format!("channel{n}"));
        }
    }
    house.forget();
    let recall = house.recalls.remove(0);
    house.call(|hub, now, fx| hub.recalled(&recall, Vec::new(), now, fx));
    let is_role = |event: &Event| matches!(event, Event::Role { .. });
    house.told.retain(|(_, event)| !is_role(event));
    let mut joined = vec![house.told.len()];
    house.forget();
    // Commands of later connections do not overtake the queued ones.
    for &id in &ids {
        let leave = Command::Leave {
            channel: None,
            reason: None,
        };
        house.call(|hub, now, fx| hub.apply(id, leave, now, fx));
    }
    let mut first: Option<Event> = None;
    while house.hub.has_work() {
        house.call(|hub, now, fx| hub.work(now, fx));
        joined.push(house.told.iter().filter(|(id, _)| *id == ids[0]).count());
        let own = house.told.iter().find(|(id, _)| *id == ids[0]);
        first = first.or(own.map(|(_, event)| event.clone()));
        house.forget();
    }
    assert_eq!(joined[0], 0, "nothing at once");
    assert!(matches!(first, Some(Event::Joined { channel, .. }) if channel == name("channel0")));
    // The next channel they join has a past to be read as well, so they wait
    // again.
    for _ in 0..20 {
        for recall in std::mem::take(&mut house.recalls) {
            house.run(|hub, now, fx| hub.recalled(&recall, Vec::new(), now, fx));
        }
    }
    assert_eq!(house.hub.sizes().waiting_commands, 0);
    assert_eq!(house.hub.sizes().ready, 0);
}

#[test]
fn who_is_catching_up_and_live_again_is_told_once_however_many_they_are() {
    let mut house = House::new();
    house.hub.set_limits(Limits {
        history: true,
        ..Limits::none()
    });
    let ids: Vec<ConnectionId> = (0..100)
        .map(|n| house.enter(n, &format!("person{n}")))
        .collect();
    for &id in &ids {
        let after = chat_server::hub::MessageId::default();
        let channel = name("dev");
        house.apply(id, Command::Resume { channel, after });
    }
    for recall in std::mem::take(&mut house.recalls) {
        house.run(|hub, now, fx| hub.recalled(&recall, Vec::new(), now, fx));
    }
    for reading in std::mem::take(&mut house.readings) {
        let nothing = chat_server::store::History::default();
        house.run(|hub, now, fx| hub.history_read(&reading, Some(nothing), now, fx));
    }
    assert_eq!(house.hub.sizes().catching_up, 100);
    for text in ["one", "two"] {
        house.forget();
        house.say(ids[0], text);
        house.settle(true);
        for &id in &ids {
            assert_eq!(house.told(id), [format!("dev/person0: {text}")]);
        }
        assert_eq!(house.hub.sizes().catching_up, 0);
    }
}
