//! The hub alone: commands in, effects out, no socket.

use crate::hub_support::{House, credential, limits, name};
use chat_server::hub::{
    After, Ban, BanTarget, Chore, Command, ConnectionId, Credential, Effect, Effects, Event,
    Farewell, Hub, Limits, Listing, News, Now, Order, Part, Profile, Refusal, Shared,
};
use chat_server::model::governance::Role;
use chat_server::store::AccountId;
use chat_server::text::Text;
use std::time::Duration;

#[test]
fn members_see_messages_and_others_do_not() {
    let mut house = House::new();
    let [alice, bob, carol] =
        [(0, "alice"), (1, "bob"), (2, "carol")].map(|(i, n)| house.enter(i, n));
    house.join(alice, "dev");
    house.join(bob, "DEV");
    house.join(carol, "ops");
    house.forget();
    house.say(alice, "hi");
    assert_eq!(house.told(alice), ["dev/alice: hi"]);
    assert_eq!(house.told(bob), ["dev/alice: hi"]);
    assert_eq!(house.told(carol), [""; 0]);
}

#[test]
fn joining_another_channel_leaves_the_one_before() {
    let mut house = House::new();
    let alice = house.enter(0, "alice");
    let bob = house.enter(1, "bob");
    house.join(alice, "one");
    house.join(bob, "one");
    house.forget();
    house.join(bob, "two");
    assert_eq!(house.told(alice), ["-bob"]);
    house.say(bob, "hi");
    assert_eq!(
        house.told(bob),
        ["in two with 0", "Some(Operator) of two", "two/bob: hi"]
    );
    let channels: Vec<String> = house
        .channels()
        .iter()
        .map(|c| c.name.to_string())
        .collect();
    assert_eq!(channels, ["global", "one", "two"]);
    house.apply(
        bob,
        Command::Leave {
            channel: None,
            reason: None,
        },
    );
    assert_eq!(house.hub.counts().channels, 2, "an empty channel is gone");
}

#[test]
fn a_nickname_in_any_spelling_has_one_owner() {
    let mut house = House::new();
    let alice = house.enter(0, "alice");
    let bob = house.open(1);
    for taken in ["alice", "ALICE", "\u{430}lice"] {
        let refusal = house.claim(bob, taken).unwrap_err();
        assert_eq!(refusal.code(), "nickname_in_use");
    }
    house.run(|hub, now, fx| hub.close(alice, Farewell::Quit, now, fx));
    house.claim(bob, "Alice").unwrap();
    house.apply(bob, Command::Rename(name("alice")));
    assert_eq!(house.users()[0].nickname.as_str(), "alice");
}

#[test]
fn ignoring_holds_for_private_messages_and_survives_a_new_nickname() {
    let mut house = House::new();
    let alice = house.enter(0, "alice");
    let bob = house.enter(1, "bob");
    house.apply(alice, Command::Ignore(name("bob")));
    house.apply(bob, Command::Rename(name("bobby")));
    house.forget();
    house.private(bob, "alice", "psst");
    assert_eq!(house.told(alice), [""; 0]);
    assert_eq!(house.told(bob), ["to alice: psst"]);
    house.apply(alice, Command::Unignore(name("bobby")));
    house.forget();
    house.private(bob, "alice", "psst");
    assert_eq!(house.told(alice), ["from bobby: psst"]);
    house.apply(alice, Command::Ignore(name("alice")));
    assert_eq!(house.told(alice), ["cannot_ignore_self"]);
}

#[test]
fn what_cannot_be_done_is_refused_by_name() {
    let mut house = House::new();
    let alice = house.enter(0, "alice");
    house.forget();
    house.say(alice, "hi");
    house.private(alice, "nobody", "hi");
    house.apply(
        alice,
        Command::Leave {
            channel: Some(name("nowhere")),
            reason: None,
        },
    );
    house.apply(alice, Command::Unignore(name("nobody")));
    house.join(alice, "dev");
    house.join(alice, "dev");
    house.say(alice, " \u{7}");
    assert_eq!(
        house.told(alice),
        [
            "no_channel",
            "no_such_user",
            "not_in_channel",
            "not_ignored",
            "in dev with 0",
            "Some(Operator) of dev",
            "already_in_channel",
            "empty_message"
        ]
    );
}

#[test]
fn the_number_of_channels_is_limited_at_its_edge() {
    let mut house = House::new();
    let alice = house.open_with(0, "192.0.2.1:1", false);
    house.claim(alice, "alice").unwrap();
    house.forget();
    for channel in ["a", "b", "c", "d"] {
        house.join(alice, channel);
    }
    assert_eq!(
        house.told_but_roles(alice),
        [
            "in a with 0",
            "in b with 0",
            "in c with 0",
            "too_many_channels"
        ]
    );
}

#[test]
fn who_takes_no_nickname_in_time_is_closed_and_others_stay() {
    let mut house = House::new();
    let slow = house.open(0);
    let alice = house.enter(1, "alice");
    house.pass(30_000);
    let later = house.open(2);
    house.pass(30_000);
    assert_eq!(house.closed, [(slow, Farewell::LoginTimeout)]);
    house.pass(30_000);
    assert_eq!(house.closed.last().unwrap().0, later);
    house.apply(alice, Command::ListChannels(Part::default()));
    assert_eq!(house.hub.counts().connections, 1);
}

#[test]
fn a_storm_of_joins_is_told_as_a_number() {
    let mut house = House::new();
    let first = house.enter(0, "first");
    house.join(first, "big");
    house.forget();
    let storm = 500;
    for n in 1..=storm {
        let id = house.enter(n, &format!("user{n}"));
        house.join(id, "big");
    }
    let by_name = house.told(first).len();
    let deliveries = house.told.len();
    assert!(by_name < 30, "{by_name} notices by name");
    assert!(deliveries < 10 * storm as usize, "{deliveries} deliveries");
    house.pass(1000);
    assert_eq!(
        house.told(first),
        [format!("+{} -0", storm as usize - by_name)]
    );
    house.forget();
    for n in 1..=3 {
        let id = ConnectionId {
            index: n,
            generation: 0,
        };
        house.apply(
            id,
            Command::Leave {
                channel: None,
                reason: None,
            },
        );
    }
    house.pass(1000);
    assert_eq!(house.told(first), ["+0 -3"]);
    // A second later the channel is quiet, and members are named again.
    house.pass(1000);
    house.join(
        ConnectionId {
            index: 1,
            generation: 0,
        },
        "big",
    );
    assert_eq!(house.told(first), ["+user1"]);
}

#[test]
fn leaving_in_any_order_keeps_the_member_lists_right() {
    let mut house = House::new();
    let ids: Vec<_> = (0..10)
        .map(|n| {
            let id = house.open_with(n, "192.0.2.1:1", false);
            house.claim(id, &format!("user{n}")).unwrap();
            house.join(id, "a");
            house.join(id, "b");
            id
        })
        .collect();
    for leaver in [9, 0, 4, 5] {
        house.apply(
            ids[leaver],
            Command::Leave {
                channel: Some(name("a")),
                reason: None,
            },
        );
    }
    house.forget();
    let body = Text::clean("hi").into();
    let channel = Some(name("a"));
    house.apply(ids[1], Command::Say { channel, body });
    let mut heard: Vec<u32> = house.told.iter().map(|(id, _)| id.index).collect();
    heard.sort_unstable();
    assert_eq!(heard, [1, 2, 3, 6, 7, 8]);
    for &id in &ids {
        house.run(|hub, now, fx| hub.close(id, Farewell::PeerLeft, now, fx));
    }
    assert_eq!(house.hub.counts().channels, 1);
    assert_eq!(house.hub.counts().users, 0);
}

#[test]
fn bans_end_connections_and_keep_them_out_until_they_expire() {
    let mut house = House::new();
    let alice = house.open_with(0, "198.51.100.7:9", true);
    house.claim(alice, "alice").unwrap();
    let bob = house.enter(1, "bob");
    let net = BanTarget::Address("198.51.100.0/24".parse().unwrap());
    let until = Some(house.now.unix_ms + 5000);
    house
        .run(|hub, now, fx| hub.ban(net, None, until, now, fx))
        .unwrap();
    assert_eq!(house.closed, [(alice, Farewell::Banned(None))]);
    let back = house.open_with(2, "[::ffff:198.51.100.8]:9", true);
    assert_eq!(house.closed.last().unwrap().0, back);
    let nickname = BanTarget::Nickname(name("Mallory"));
    let ban = house
        .run(|hub, now, fx| hub.ban(nickname, None, None, now, fx))
        .unwrap();
    let mallory = house.open(3);
    assert_eq!(
        house.claim(mallory, "mallory").unwrap_err().code(),
        "nickname_banned"
    );
    house.apply(bob, Command::Rename(name("mallory")));
    assert_eq!(house.told(bob).last().unwrap(), "nickname_banned");
    let mut fx = Effects::default();
    assert_eq!(house.hub.unban(ban.id, &mut fx), Some(ban.clone()));
    assert_eq!(house.hub.unban(ban.id, &mut fx), None);
    assert!(fx.is_empty(), "there is no other member to tell");
    house.claim(mallory, "mallory").unwrap();
    house.pass(5000);
    let closed = house.closed.len();
    house.open_with(4, "198.51.100.7:9", true);
    assert_eq!(house.closed.len(), closed);
}

fn one_of_several() -> House {
    let mut house = House::new();
    house.hub.join_others();
    house
}

fn hear(house: &mut House, news: News) {
    house.run(|hub, now, fx| hub.hear(news, now, fx));
}

fn ban(house: &mut House, id: u64, nickname: &str) -> Ban {
    let target = BanTarget::Nickname(name(nickname));
    let made = house.run(|hub, now, fx| hub.ban_as(id, target, None, None, now, fx));
    made.unwrap()
}

fn unban(house: &mut House, id: u64) -> Order {
    let lifted = house.run(|hub, _, fx| hub.unban(id, fx));
    Order::Unban(lifted.unwrap().target)
}

/// The orders shared with other servers since the last call.
fn orders(house: &mut House) -> Vec<Order> {
    let shared = std::mem::take(&mut house.shared).into_iter();
    let orders = shared.filter_map(|shared| match shared {
        Shared::Order(order) => Some(order),
        _ => None,
    });
    orders.collect()
}

#[test]
fn bans_ordered_while_cut_off_are_ordered_again() {
    let mut house = one_of_several();
    let before = ban(&mut house, 1, "eve");
    hear(&mut house, News::Ordered(Order::Ban(before.clone())));
    assert_eq!(orders(&mut house), [Order::Ban(before.clone())]);
    // These orders are lost.
    let lifted = unban(&mut house, 1);
    let made = ban(&mut house, 2, "mallory");
    orders(&mut house);
    hear(&mut house, News::CutOff);
    // This order already belongs to the next life.
    let later = ban(&mut house, 3, "trudy");
    let bans = house.shared.iter().find_map(|shared| match shared {
        Shared::Rejoin(bans) => Some(bans.clone()),
        _ => None,
    });
    assert_eq!(bans, Some(vec![made.clone()]));
    assert_eq!(orders(&mut house), [Order::Ban(later.clone())]);
    let eve = house.enter(0, "eve");
    hear(&mut house, News::Bans(vec![before]));
    let both = [made.clone(), later.clone()];
    assert_eq!(house.hub.bans(house.now), both);
    assert!(house.closed.iter().all(|(id, _)| *id != eve), "not banned");
    let again = [lifted, Order::Ban(made.clone())];
    assert_eq!(orders(&mut house), again);
    // Orders of other servers follow, once the hub's own are in the log again.
    for order in again.iter().cloned().chain([Order::Ban(later)]) {
        hear(&mut house, News::Ordered(order));
    }
    assert_eq!(house.hub.bans(house.now), both);
    assert_eq!(house.hub.sizes().unconfirmed_bans, 0);
    hear(&mut house, News::Order(Order::Unban(made.target)));
    assert_eq!(house.hub.bans(house.now), both[1..]);
    assert_eq!(orders(&mut house), []);
}

#[test]
fn bans_that_all_servers_know_are_not_ordered_again() {
    let mut house = one_of_several();
    let first = ban(&mut house, 1, "eve");
    ban(&mut house, 2, "mallory");
    unban(&mut house, 2);
    let third = ban(&mut house, 3, "trudy");
    unban(&mut house, 3);
    orders(&mut house);
    hear(&mut house, News::CutOff);
    // Another server has made one of the bans anew.
    let fourth = Ban { id: 4, ..third };
    let all = [first, fourth];
    hear(&mut house, News::Bans(all.to_vec()));
    assert_eq!(house.hub.bans(house.now), all);
    assert_eq!(orders(&mut house), []);
    assert_eq!(house.hub.sizes().unconfirmed_bans, 0);
}

#[test]
fn bans_that_end_while_cut_off_close_nothing() {
    let mut house = one_of_several();
    let target = BanTarget::Nickname(name("eve"));
    let until = Some(house.now.unix_ms + 5000);
    let made = house.run(|hub, now, fx| hub.ban_as(1, target, None, until, now, fx));
    hear(&mut house, News::CutOff);
    house.pass(5000);
    house.enter(0, "eve");
    hear(&mut house, News::Bans(Vec::new()));
    hear(&mut house, News::Order(Order::Ban(made.unwrap())));
    assert_eq!(house.hub.bans(house.now), []);
    assert_eq!(house.closed, []);
}

#[test]
fn orders_older_than_ours_do_not_undo_it() {
    let mut house = one_of_several();
    let first = ban(&mut house, 1, "eve");
    let lifted = unban(&mut house, 1);
    let second = ban(&mut house, 2, "eve");
    let elsewhere = |id| Ban {
        id,
        ..first.clone()
    };
    let banned = [second.clone()];
    for older in [
        News::Ordered(Order::Ban(first.clone())),
        News::Order(lifted.clone()),
        News::Ordered(lifted.clone()),
        News::Order(Order::Ban(elsewhere(7))),
        News::Ordered(Order::Ban(second)),
    ] {
        assert_eq!(house.hub.bans(house.now), banned);
        hear(&mut house, older);
    }
    assert_eq!(house.hub.bans(house.now), banned);
    // The same in the other order: a ban that is lifted ends no connection.
    unban(&mut house, 2);
    let third = ban(&mut house, 3, "eve");
    unban(&mut house, 3);
    house.enter(0, "eve");
    for older in [
        News::Ordered(lifted.clone()),
        News::Ordered(Order::Ban(third)),
        News::Order(Order::Ban(elsewhere(8))),
        News::Ordered(lifted),
    ] {
        hear(&mut house, older);
        assert_eq!(house.hub.bans(house.now), []);
    }
    assert_eq!(house.closed, []);
    // From now on the orders of other servers decide.
    hear(&mut house, News::Order(Order::Ban(elsewhere(9))));
    assert_eq!(house.hub.bans(house.now), [elsewhere(9)]);
    assert_eq!(house.closed.len(), 1);
}

#[test]
fn a_stale_connection_id_does_nothing() {
    let mut house = House::new();
    let alice = house.enter(0, "alice");
    let stale = ConnectionId {
        generation: 7,
        ..alice
    };
    house.forget();
    house.run(|hub, now, fx| hub.close(stale, Farewell::Quit, now, fx));
    house.join(stale, "dev");
    assert_eq!(house.hub.counts().users, 1);
    assert_eq!(house.hub.counts().channels, 1);
}

#[test]
fn everyone_hears_announcements_and_the_end() {
    let mut house = House::new();
    let alice = house.enter(0, "alice");
    let nameless = house.open(1);
    house.forget();
    let told = house.run(|hub, now, fx| hub.announce(Text::clean("soup"), now, fx));
    assert_eq!(told, 2);
    assert!(house.told(nameless)[0].contains("soup"));
    house.run(|hub, now, fx| hub.shut_down(now, fx));
    let mut closed: Vec<_> = house.closed.iter().map(|(id, _)| *id).collect();
    closed.sort();
    assert_eq!(closed, [alice, nameless]);
}

#[test]
fn a_claim_whose_answer_came_too_late_leaves_no_nickname_taken() {
    let mut house = House::new();
    let alice = house.enter(0, "alice");
    // The connection was told "not now" and claims again: the same nickname,
    // then another.
    house.claim(alice, "alice").unwrap();
    house.claim(alice, "alicia").unwrap();
    assert_eq!(house.hub.counts().users, 1);
    let other = house.open(1);
    house.claim(other, "alice").unwrap();
    house.run(|hub, now, fx| hub.close(alice, Farewell::PeerLeft, now, fx));
    house.run(|hub, now, fx| hub.close(other, Farewell::PeerLeft, now, fx));
    assert_eq!(house.hub.counts().users, 0);
}

#[test]
fn an_account_goes_to_nobody_whose_nickname_has_changed_since() {
    let mut house = House::new();
    let alice = house.enter(0, "alice");
    house.apply(alice, Command::Rename(name("bob")));
    let adopted = house.run(|hub, _, fx| hub.adopt(alice, &name("alice"), &credential(1), fx));
    assert!(adopted.is_err());
    assert_eq!(house.hub.account_of(alice), None);
    house.apply(alice, Command::Rename(name("alice")));
    let adopted = house.run(|hub, _, fx| hub.adopt(alice, &name("alice"), &credential(1), fx));
    assert_eq!(adopted, Ok(()));
    assert_eq!(house.hub.account_of(alice), Some(AccountId(1)));
}

#[test]
fn leaving_at_once_is_no_way_round_being_ignored() {
    let mut house = House::new();
    let mut enter = |index, nickname: &str| {
        let id = house.open(index);
        let proof = Some(credential(i64::from(index)));
        let claimed = house.run(|hub, now, fx| hub.claim(id, name(nickname), proof, now, fx));
        claimed.map(|()| id).unwrap()
    };
    let (alice, pest) = (enter(0, "alice"), enter(1, "pest"));
    house.apply(alice, Command::Ignore(name("pest")));
    house.forget();
    house.private(pest, "alice", "me again");
    house.run(|hub, now, fx| hub.close(pest, Farewell::PeerLeft, now, fx));
    let appended = house.appended.clone();
    assert_eq!(appended.len(), 1, "it is committed before it is delivered");
    house.run(|hub, now, fx| {
        hub.settle(chat_server::hub::Settled::by_id(appended[0], true), now, fx)
    });
    assert_eq!(house.told(alice), [""; 0]);
}

#[test]
fn less_time_to_log_in_holds_for_whoever_comes_now() {
    let mut house = House::new();
    let early = house.open(0);
    house.run(|hub, _, _| {
        hub.set_limits(Limits {
            login: Duration::from_secs(5),
            ..limits()
        });
    });
    let late = house.open(1);
    house.enter(2, "alice");
    house.pass(5_000);
    assert_eq!(house.closed, [(late, Farewell::LoginTimeout)]);
    house.pass(54_999);
    assert_eq!(house.closed.len(), 1);
    house.pass(1);
    assert_eq!(house.closed[1], (early, Farewell::LoginTimeout));
    assert_eq!(house.hub.next_deadline(), None);
}

#[test]
fn what_is_said_from_now_on_is_no_part_of_a_channels_past() {
    let mut hub = Hub::new(Limits {
        history: true,
        ..limits()
    });
    let now = Now {
        unix_ms: 1_700_000_000_000,
        ticks_ms: 0,
    };
    let id = ConnectionId {
        index: 0,
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
    let mut fx = Effects::default();
    hub.open(id, profile, now, &mut fx);
    hub.claim(id, name("alice"), None, now, &mut fx).unwrap();
    hub.apply(id, Command::Join(name("dev")), now, &mut fx);
    let (channel, body) = (None, Text::clean("hello").into());
    hub.apply(id, Command::Say { channel, body }, now, &mut fx);
    let asked = fx.list().iter().find_map(|effect| match effect {
        Effect::Chore(Chore::Recall(recall)) => Some(recall.clone()),
        _ => None,
    });
    let said = fx.list().iter().find_map(|effect| match effect {
        Effect::Append(draft) => Some(draft.record.id()),
        _ => None,
    });
    let (asked, said) = (asked.unwrap(), said.unwrap());
    assert!(said >= asked.before);
    // Committed before the past has been read: the hub holds it and delivers it
    // afterwards.
    fx.clear();
    hub.settle(chat_server::hub::Settled::by_id(said, true), now, &mut fx);
    let told = |fx: &Effects| {
        let list = fx.list().iter();
        list.filter(|effect| {
            matches!(
                effect,
                Effect::Deliver {
                    event: Event::Message(_),
                    ..
                }
            )
        })
        .count()
    };
    assert_eq!(told(&fx), 0);
    hub.recalled(&asked, Vec::new(), now, &mut fx);
    assert_eq!(told(&fx), 1);
    // Nothing was said before, so who made the channel operates it.
    let operates = |effect: &Effect| {
        matches!(
            effect,
            Effect::Deliver {
                event: Event::Role {
                    role: Some(Role::Operator),
                    ..
                },
                ..
            }
        )
    };
    assert!(fx.list().iter().any(operates));
}

#[test]
fn an_ended_connection_is_told_nothing() {
    let mut house = House::new();
    let mina = house.enter(0, "mina");
    house.apply(mina, Command::Quit { reason: None });
    house.forget();
    house.apply(mina, Command::ListChannels(Part::default()));
    house.say(mina, "hello?");
    house.enter(1, "bob");
    house.forget();
    assert_eq!(house.claim(mina, "bob"), Ok(()));
    assert_eq!(house.told(mina), Vec::<String>::new());
}

#[test]
fn who_gives_a_nickname_back_has_as_long_to_log_in_as_anybody() {
    let mut house = House::new();
    let mina = house.enter(0, "mina");
    let bob = house.enter(1, "bob");
    house.claim(mina, "bob").unwrap_err();
    house.pass(59_999);
    assert_eq!(house.closed, []);
    house.pass(1);
    assert_eq!(house.closed, [(mina, Farewell::LoginTimeout)]);
    assert_eq!(house.hub.nickname_of(bob), Some(name("bob")));
}

#[test]
fn a_channel_is_not_left_for_one_that_cannot_be_joined() {
    let mut house = House::new();
    let mina = house.open_with(0, "192.0.2.1:1", false);
    house.claim(mina, "mina").unwrap();
    house.join(mina, "one");
    house.join(mina, "two");
    let limits = Limits {
        channels_per_connection: 1,
        ..limits()
    };
    house.run(|hub, _, _| hub.set_limits(limits));
    house.apply(mina, Command::Switch(name("global")));
    house.apply(mina, Command::Create(name("three")));
    let channels = &house.users()[0].channels;
    assert_eq!(channels, &[name("one"), name("two")]);
}

#[test]
fn no_longer_ignoring_is_remembered_for_every_nickname_there_was() {
    let mut house = House::new();
    let mina = house.open(0);
    let proof = Some(credential(1));
    let claimed = house.run(|hub, now, fx| hub.claim(mina, name("mina"), proof, now, fx));
    claimed.unwrap();
    let bob = house.enter(1, "bob");
    house.apply(mina, Command::Ignore(name("bob")));
    house.apply(bob, Command::Rename(name("rob")));
    let (mut fx, now) = (Effects::default(), house.now);
    house
        .hub
        .apply(mina, Command::Unignore(name("rob")), now, &mut fx);
    let forgotten = fx.list().iter().any(|effect| {
        matches!(
            effect,
            Effect::Chore(Chore::SetIgnored { nickname, ignored: false, .. })
                if *nickname == name("bob")
        )
    });
    assert!(forgotten);
}

#[test]
fn a_connection_ends_with_its_token_to_the_millisecond() {
    let mut house = House::new();
    let token = |token: &str| Credential {
        account: AccountId(7),
        ignored: Vec::new(),
        token: Some(token.into()),
    };
    let [short, long, left] = [0, 1, 2].map(|index| {
        let id = house.open(index);
        let proof = Some(token(&index.to_string()));
        house
            .run(|hub, now, fx| hub.claim(id, name("mina"), proof, now, fx))
            .unwrap();
        id
    });
    let begun = house.now;
    for (id, lasts_ms) in [(short, 86_400_000), (long, 86_400_000), (left, 5000)] {
        house.run(|hub, now, _| hub.expire(id, begun.unix_ms + lasts_ms, now));
    }
    // The later expiry counts, and a connection that has ended leaves nothing
    // behind.
    house.run(|hub, now, _| hub.expire(long, begun.unix_ms + 2 * 86_400_000, now));
    house.apply(left, Command::Quit { reason: None });
    house.closed.clear();
    assert_eq!(house.hub.next_deadline(), Some(begun.ticks_ms + 86_400_000));
    house.pass(86_399_999);
    assert_eq!(house.closed, []);
    // The wall clock may be set; only elapsed time counts.
    house.now.unix_ms = 0;
    house.pass(1);
    assert_eq!(house.closed, [(short, Farewell::TokenRevoked)]);
    // A token that has expired already ends at the next look at the clock.
    house.run(|hub, now, _| hub.expire(long, now.unix_ms, now));
    house.pass(0);
    assert_eq!(house.closed.last(), Some(&(long, Farewell::TokenRevoked)));
    assert_eq!(house.hub.next_deadline(), None);
}

#[test]
fn who_logs_in_is_the_same_person_as_before() {
    let mut house = House::new();
    let [mina, bob] = [house.enter(0, "mina"), house.enter(1, "bob")];
    house.apply(mina, Command::Ignore(name("bob")));
    house.apply(bob, Command::Ignore(name("mina")));
    house.apply(mina, Command::Rename(name("mini")));
    let (mut fx, now) = (Effects::default(), house.now);
    house
        .hub
        .become_account(mina, name("minerva"), &credential(1), now, &mut fx)
        .unwrap();
    let remembered = fx.list().iter().filter(|effect| {
        matches!(
            effect,
            Effect::Chore(Chore::SetIgnored { account: AccountId(1), nickname, ignored: true })
                if *nickname == name("bob")
        )
    });
    assert_eq!(remembered.count(), 1, "the account remembers");
    house.forget();
    house.private(bob, "minerva", "hi");
    assert_eq!(house.told(mina), [""; 0], "and ignores at once");
    house.forget();
    house.private(mina, "bob", "hi");
    assert_eq!(house.told(bob), [""; 0], "nor is there a way round");
}

#[test]
fn who_registers_goes_on_ignoring_and_it_is_remembered() {
    let mut house = House::new();
    let [mina, _, _] = [(0, "mina"), (1, "bob"), (2, "carol")].map(|(i, n)| house.enter(i, n));
    house.apply(mina, Command::Ignore(name("carol")));
    house.apply(mina, Command::Ignore(name("bob")));
    let (mut fx, own) = (Effects::default(), name("mina"));
    let mut proof = credential(1);
    proof.ignored.push(name("bob"));
    house.hub.adopt(mina, &own, &proof, &mut fx).unwrap();
    let remembered: Vec<String> = fx
        .list()
        .iter()
        .map(|effect| format!("{effect:?}"))
        .collect();
    assert_eq!(remembered.len(), 1, "bob is remembered already");
    assert!(remembered[0].contains("carol"), "{remembered:?}");
}

#[test]
fn one_address_is_held_so_many_nicknames_and_others_as_many_again() {
    let mut house = House::new();
    let mut hold = |nickname: String, address: &str| {
        let (name, address) = (name(&nickname), address.parse().unwrap());
        let token = nickname.into();
        house.run(|hub, now, _| hub.hold(&name, token, address, 60_000, now))
    };
    for n in 0..100 {
        hold(format!("a{n}"), &format!("2001:db8::{n:x}")).unwrap();
    }
    let refused = Err(Refusal::TooManyHeldForAddress);
    assert_eq!(hold("b".into(), "2001:db8::ffff"), refused);
    assert_eq!(hold("b".into(), "2001:db8:0:1::"), Ok(()));
    for n in 0..200 {
        hold(format!("c{n}"), "::1").unwrap();
    }
    house.now.ticks_ms += 60_000;
    let address = "2001:db8::1".parse().unwrap();
    let again = house.run(|hub, now, _| hub.hold(&name("d"), "d".into(), address, 1, now));
    assert_eq!(again, Ok(()));
    // The other holds have expired; more of them are dropped at a time than are
    // added.
    let before = house.hub.sizes().held_nicknames;
    for n in 0..4 {
        let nickname = name(&format!("e{n}"));
        let address = "::1".parse().unwrap();
        let held = house.run(|hub, now, _| hub.hold(&nickname, "e".into(), address, 1, now));
        held.unwrap();
    }
    let after = house.hub.sizes().held_nicknames;
    assert!(before > 100 && after == 5, "{before}, {after}");
}

#[test]
fn who_comes_again_with_a_token_is_called_what_they_were_called() {
    let mut house = House::new();
    let come = |house: &mut House, index| {
        let id = house.open_with(index, "192.0.2.1:1", false);
        let token = "hers".into();
        house
            .run(|hub, now, fx| hub.claim_with_token(id, name("mina"), &token, now, fx))
            .unwrap();
        id
    };
    let first = come(&mut house, 0);
    house.apply(first, Command::Rename(name("eve")));
    // Another user has the nickname that the token was issued for.
    house.enter(1, "mina");
    let second = come(&mut house, 2);
    assert_eq!(house.hub.nickname_of(second), Some(name("eve")));
    assert_eq!(house.closed, [(first, Farewell::Replaced)]);
}

#[test]
fn a_guests_token_does_not_take_over_the_account_that_the_guest_registered() {
    let mut house = House::new();
    let come = |house: &mut House, index| {
        let id = house.open_with(index, "192.0.2.1:1", false);
        let token = "hers".into();
        let claimed =
            house.run(|hub, now, fx| hub.claim_with_token(id, name("mina"), &token, now, fx));
        (id, claimed)
    };
    let (first, claimed) = come(&mut house, 0);
    claimed.unwrap();
    house
        .run(|hub, _, fx| hub.adopt(first, &name("mina"), &credential(1), fx))
        .unwrap();
    let (_, claimed) = come(&mut house, 1);
    assert_eq!(claimed, Err(Refusal::NicknameInUse(name("mina"))));
    assert_eq!(house.closed, []);
    assert_eq!(house.hub.nickname_of(first), Some(name("mina")));
}

#[test]
fn lists_are_sorted_as_people_read_them() {
    let mut house = House::new();
    // Names that look alike sort together: m and rn, 0 and o.
    let sorted = ["lea", "Mia", "mona", "n0ra", "nick", "zoe"];
    for (index, nickname) in sorted.iter().rev().enumerate() {
        let id = house.open_with(index as u32, "192.0.2.1:1", false);
        house.claim(id, nickname).unwrap();
        house.join(id, "dev");
        house.join(id, &format!("{nickname}-s"));
    }
    let shown = |names: Vec<chat_server::name::Name>| -> Vec<String> {
        names.iter().map(|name| name.as_str().to_owned()).collect()
    };
    let users = house.users().into_iter();
    assert_eq!(shown(users.map(|user| user.nickname).collect()), sorted);
    let mut channels = house.channels();
    let dev = channels.remove(0);
    assert_eq!(shown(dev.members), sorted);
    let with_global = [
        "global", "lea-s", "Mia-s", "mona-s", "n0ra-s", "nick-s", "zoe-s",
    ];
    let names = channels.into_iter().map(|channel| channel.name);
    assert_eq!(shown(names.collect()), with_global);
}

/// A hub with pages of three rows.
fn house_of_small_pages() -> House {
    let mut house = House::new();
    house.hub.set_limits(Limits {
        page_rows: 3,
        ..limits()
    });
    house
}

fn part(after: Option<&str>, prefix: Option<&str>) -> Part {
    Part {
        after: after.map(name),
        prefix: prefix.map(name),
    }
}

/// The rows of the lists that a connection was sent, and whether there are
/// more.
fn lists(house: &mut House, id: ConnectionId) -> Vec<(String, bool)> {
    let told = std::mem::take(&mut house.told);
    let told = told.into_iter().filter(|(to, _)| *to == id);
    told.filter_map(|(_, event)| match event {
        Event::Members { page, .. } => {
            let names: Vec<_> = page.rows.iter().map(|row| &row.name).collect();
            Some((format!("{names:?}"), page.more))
        }
        Event::IgnoreList(page) => Some((format!("{:?}", page.rows), page.more)),
        Event::Channels(page) => {
            let rows = page.rows.iter().map(|row| (&row.name, row.people));
            Some((format!("{:?}", rows.collect::<Vec<_>>()), page.more))
        }
        _ => None,
    })
    .collect()
}

#[test]
fn lists_come_a_page_at_a_time() {
    let mut house = house_of_small_pages();
    let people = ["Zoe", "ada", "Bob", "eve", "dan"];
    let ids: Vec<ConnectionId> = (0..).zip(people).map(|(i, n)| house.enter(i, n)).collect();
    for &id in &ids {
        house.join(id, "dev");
    }
    let mina = house.open_with(9, "192.0.2.1:9", false);
    house.claim(mina, "mina").unwrap();
    for room in ["dev", "Art", "deep"] {
        house.join(mina, room);
    }
    house.forget();
    let dev = Some(name("dev"));
    for (after, prefix, rows, more) in [
        (None, None, r#"["ada", "Bob", "dan"]"#, true),
        (Some("Dan"), None, r#"["eve", "mina", "Zoe"]"#, false),
        (Some("nobody"), None, r#"["Zoe"]"#, false),
        (None, Some("E"), r#"["eve"]"#, false),
        (Some("zoe"), None, "[]", false),
    ] {
        house.apply(mina, Command::ListMembers(dev.clone(), part(after, prefix)));
        assert_eq!(lists(&mut house, mina), [(rows.to_owned(), more)]);
    }
    for (after, prefix, rows, more) in [
        (None, None, r#"[("Art", 1), ("deep", 1), ("dev", 6)]"#, true),
        (Some("dev"), None, r#"[("global", 0)]"#, false),
        (Some("deep"), Some("de"), r#"[("dev", 6)]"#, false),
    ] {
        house.apply(mina, Command::ListChannels(part(after, prefix)));
        assert_eq!(lists(&mut house, mina), [(rows.to_owned(), more)]);
    }
    for ignored in ["Zoe", "ada", "Bob", "eve"] {
        house.apply(mina, Command::Ignore(name(ignored)));
    }
    house.apply(mina, Command::ListIgnored(part(None, None)));
    house.apply(mina, Command::ListIgnored(part(Some("eve"), None)));
    let first = (r#"["ada", "Bob", "eve"]"#.to_owned(), true);
    let second = (r#"["Zoe"]"#.to_owned(), false);
    assert_eq!(lists(&mut house, mina), [first, second]);
}

#[test]
fn a_list_is_made_once_until_it_changes() {
    let mut house = House::new();
    let [alice, bob] = [(0, "alice"), (1, "bob")].map(|(i, n)| house.enter(i, n));
    house.join(alice, "dev");
    house.join(bob, "dev");
    house.forget();
    let pages = |house: &mut House| {
        for id in [alice, bob] {
            house.apply(id, Command::ListMembers(None, Part::default()));
            house.apply(id, Command::ListChannels(Part::default()));
        }
        let told = std::mem::take(&mut house.told).into_iter();
        let addresses = told.filter_map(|(_, event)| match event {
            Event::Members { page, .. } => Some(std::sync::Arc::as_ptr(&page) as usize),
            Event::Channels(page) => Some(std::sync::Arc::as_ptr(&page) as usize),
            _ => None,
        });
        addresses.collect::<Vec<_>>()
    };
    let before = pages(&mut house);
    assert_eq!(before.len(), 4);
    assert_eq!((before[0], before[1]), (before[2], before[3]));
    assert_eq!(pages(&mut house), before);
    let carol = house.enter(2, "carol");
    house.join(carol, "dev");
    house.forget();
    house.apply(alice, Command::ListMembers(None, Part::default()));
    assert_eq!(house.told(alice), [r#"["alice", "bob", "carol"]"#]);
    house.apply(carol, Command::Rename(name("Abe")));
    house.forget();
    house.apply(alice, Command::ListMembers(None, Part::default()));
    assert_eq!(house.told(alice), [r#"["Abe", "alice", "bob"]"#]);
}

#[test]
fn lists_wait_until_the_hub_has_time_and_their_askers_see_everything_in_order() {
    let mut house = House::new();
    let [alice, bob] = [(0, "alice"), (1, "bob")].map(|(i, n)| house.enter(i, n));
    house.join(alice, "dev");
    house.join(bob, "dev");
    house.forget();
    for command in [
        Command::ListMembers(None, Part::default()),
        Command::Leave {
            channel: None,
            reason: None,
        },
        Command::ListChannels(Part::default()),
        Command::Join(name("ops")),
    ] {
        house.call(|hub, now, fx| hub.apply(alice, command, now, fx));
    }
    let quit = Command::ListMembers(None, Part::default());
    house.call(|hub, now, fx| hub.apply(bob, quit, now, fx));
    house.call(|hub, now, fx| hub.close(bob, Farewell::Quit, now, fx));
    assert_eq!(house.told(alice), ["-bob"], "others have not waited");
    assert_eq!(
        house.hub.sizes().open_questions,
        1,
        "no connection has two open questions"
    );
    house.run(|_, _, _| ());
    let told = house.told(alice);
    assert_eq!(told[0], r#"["alice"]"#);
    assert!(told[1].starts_with("Left"), "{told:?}");
    assert!(told[2].starts_with("Channels"), "{told:?}");
    assert_eq!(told[3], "in ops with 0");
    assert!(!house.hub.has_work());
}

#[test]
fn everybody_and_all_channels_are_listed_a_page_at_a_time() {
    let mut house = house_of_small_pages();
    for index in 0..4 {
        let id = house.open(index);
        let proof = Some(credential(1));
        let claimed = house.run(|hub, now, fx| hub.claim(id, name("mina"), proof, now, fx));
        claimed.unwrap();
        house.join(id, "dev");
    }
    for (index, nickname) in (4..).zip(["ada", "bob", "zoe"]) {
        let id = house.enter(index, nickname);
        house.join(id, "dev");
    }
    let mut listed = Vec::new();
    let mut after = After::Nothing;
    loop {
        let listing = Listing { here: true, after };
        let (page, more) = house.hub.everybody(&listing);
        assert!(page.len() <= 3);
        listed.extend(page.iter().map(|one| one.nickname.to_string()));
        match page.last() {
            Some(last) if more => after = After::Entry(Box::new(last.entry.clone())),
            _ => break,
        }
    }
    let all = ["ada", "bob", "mina", "mina", "mina", "mina", "zoe"];
    assert_eq!(listed, all);
    // A channel and two of its members are three rows.
    let mut pages = Vec::new();
    let mut last = None;
    loop {
        let (page, more) = house.hub.channels(last.as_ref());
        let shown = page
            .iter()
            .map(|it| format!("{} {:?}", it.name, it.members));
        pages.push(shown.collect::<Vec<_>>().join(", "));
        last = page.last().cloned();
        if !more {
            break;
        }
    }
    let expected = [
        r#"dev ["ada", "bob"]"#,
        r#"dev ["mina", "zoe"]"#,
        "global []",
    ];
    assert_eq!(pages, expected);
}

#[test]
fn channels_are_limited_in_all_and_for_each_address() {
    let mut house = House::new();
    house.hub.set_limits(Limits {
        channels: 5,
        channels_per_address: 3,
        channels_per_connection: 0,
        ..limits()
    });
    let one = house.open_with(0, "192.0.2.1:1", false);
    let other = house.open_with(1, "192.0.2.1:2", false);
    let elsewhere = house.open_with(2, "192.0.2.2:1", false);
    for (id, nickname) in [(one, "one"), (other, "other"), (elsewhere, "elsewhere")] {
        house.claim(id, nickname).unwrap();
    }
    for (id, channel) in [(one, "a"), (other, "b"), (one, "c")] {
        house.join(id, channel);
    }
    house.forget();
    house.join(one, "d");
    house.apply(other, Command::Create(name("d")));
    house.join(other, "a");
    assert_eq!(house.told(one), ["too_many_made", "+other"]);
    // A channel that goes with its only member makes room for another.
    let told = house.told_but_roles(other);
    assert_eq!(told, ["in d with 0", "in a with 1"]);
    house.join(elsewhere, "e");
    house.join(elsewhere, "f");
    house.apply(elsewhere, Command::Create(name("f")));
    assert_eq!(
        house.told_but_roles(elsewhere),
        ["in e with 0", "no_more_channels", "in f with 0"]
    );
    // A channel counts for its maker's address, even when another member keeps
    // it.
    house.join(elsewhere, "d");
    house.run(|hub, now, fx| hub.close(one, Farewell::Quit, now, fx));
    house.run(|hub, now, fx| hub.close(other, Farewell::Quit, now, fx));
    assert_eq!(house.hub.sizes().channel_makers, 2);
    let again = house.open_with(0, "192.0.2.1:1", false);
    house.claim(again, "one").unwrap();
    house.forget();
    for channel in ["g", "h", "i"] {
        house.join(again, channel);
    }
    let told = ["in g with 0", "in h with 0", "no_more_channels"];
    assert_eq!(house.told_but_roles(again), told);
}

#[test]
fn channels_are_not_made_faster_than_the_limit_allows() {
    let mut house = House::new();
    house.hub.set_limits(Limits {
        new_channels_per_minute: 4,
        ..limits()
    });
    let maker = house.enter(0, "maker");
    let bystander = house.open_with(1, "192.0.2.2:1", true);
    house.claim(bystander, "bystander").unwrap();
    house.forget();
    for channel in ["a", "b", "c", "d", "e"] {
        house.join(maker, channel);
    }
    let told = house.told_but_roles(maker);
    assert_eq!(told[3..], ["in d with 0", "made_too_fast"]);
    house.join(bystander, "a");
    house.join(maker, "a");
    assert_eq!(house.told(maker), ["in a with 1"], "it is there already");
    house.pass(15_000);
    for channel in ["f", "g"] {
        house.join(maker, channel);
    }
    let told = house.told_but_roles(maker);
    assert_eq!(told.last().unwrap(), "made_too_fast");
    assert!(told.contains(&"in f with 0".to_owned()), "{told:?}");
}

#[test]
fn a_large_channel_is_told_of_few_new_nicknames_by_name() {
    let mut house = House::new();
    let crowd: Vec<ConnectionId> = (0..30)
        .map(|index| {
            let id = house.enter(index, &format!("guest{index}"));
            house.join(id, "dev");
            id
        })
        .collect();
    house.pass(2000);
    house.pass(2000);
    house.forget();
    for (index, &id) in crowd.iter().enumerate() {
        house.apply(id, Command::Rename(name(&format!("other{index}"))));
    }
    let by_name = house.told(crowd[29]);
    assert!(by_name.len() <= 10, "{by_name:?}");
    house.pass(2000);
    let counted = house.told(crowd[29]);
    assert_eq!(counted, ["+25 -25"]);
}

#[test]
fn a_client_that_keeps_a_list_is_told_the_foremost_members_first() {
    let mut house = house_of_small_pages();
    let people = ["Zoe", "ada", "Bob", "eve", "yan"];
    let ids: Vec<ConnectionId> = (0..).zip(people).map(|(i, n)| house.enter(i, n)).collect();
    for &id in &ids {
        house.join(id, "dev");
    }
    // Zoe came first and operates the channel; yan speaks last.
    house.settle(true);
    house.say(ids[4], "hello");
    house.settle(true);
    let late = ConnectionId {
        index: 9,
        generation: 0,
    };
    let profile = Profile {
        protocol: "test",
        address: "192.0.2.1:9".parse().unwrap(),
        cloak: None,
        one_channel: false,
        shows_past: false,
        ends_with_channel: false,
        keeps_rosters: true,
    };
    house.run(|hub, now, fx| hub.open(late, profile, now, fx));
    house.claim(late, "mina").unwrap();
    house.join(late, "dev");
    house.settle(true);
    house.pass(1000);
    let names = r#"["Zoe", "yan", "ada", "Bob", "eve"]"#;
    assert_eq!(lists(&mut house, late), [(names.to_owned(), true)]);
}
