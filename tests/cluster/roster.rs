//! Every server knows the users of all others, whenever it joined.

use std::collections::{BTreeMap, BTreeSet};

use chat_server::hub::{
    Ban, BanTarget, MAX_BANS, MessageId, News, NodeId, Order, Private, RosterChange, Shared,
};
use chat_server::keeper::Log;
use chat_server::model::{Body, MessageKind};
use chat_server::store::AccountId;
use chat_server::text::Text;
use proptest::prelude::*;

use crate::node::{Chat, Node, name};
use crate::support::Redis;

/// The users of a server, with account and channels.
type People = BTreeMap<String, (Option<i64>, BTreeSet<String>)>;
type Truth = BTreeMap<NodeId, People>;

/// Applies a change as a trusting hub would: a change that makes no sense
/// panics.
fn apply(people: &mut People, change: &RosterChange) {
    let key = |name: &chat_server::name::Name| name.as_str().to_owned();
    match change {
        RosterChange::Online { name, account, .. } => {
            let account = account.map(|account| account.0);
            let before = people.insert(key(name), (account, BTreeSet::new()));
            assert!(before.is_none(), "{name} came twice");
        }
        RosterChange::Offline { name } => {
            assert!(people.remove(&key(name)).is_some(), "{name} was not there");
        }
        RosterChange::Joined { name, channel } => {
            let channels = &mut people.get_mut(&key(name)).expect("a user that is online").1;
            assert!(channels.insert(key(channel)), "{name} joined twice");
        }
        RosterChange::Away { .. } | RosterChange::Called { .. } => {}
        RosterChange::Left { name, channel, .. } => {
            let channels = &mut people.get_mut(&key(name)).expect("a user that is online").1;
            assert!(channels.remove(&key(channel)), "{name} was not in it");
        }
        RosterChange::Role { .. } => {}
        RosterChange::Renamed {
            from, to, account, ..
        } => {
            let mut person = people.remove(&key(from)).expect("a user that is online");
            person.0 = account.map(|account| account.0);
            people.insert(key(to), person);
        }
    }
}

/// What a node has been told of the others' users.
fn told(node: &Node) -> Truth {
    let mut truth = Truth::new();
    for (from, change) in node.heard.all(|news| match news {
        News::Roster(from, change) => Some((*from, Some(change.clone()))),
        News::Gone(from) => Some((*from, None)),
        _ => None,
    }) {
        match change {
            Some(change) => apply(truth.entry(from).or_default(), &change),
            None => {
                truth.remove(&from);
            }
        }
    }
    truth.retain(|_, people| !people.is_empty());
    truth
}

/// Makes a valid change for these users out of random numbers.
fn change(people: &People, (kind, who, what): (u8, u8, u8), tag: &str) -> Option<RosterChange> {
    let nickname = format!("{tag}{}", who % 6);
    let channel = format!("room{}", what % 4);
    let Some((_, channels)) = people.get(&nickname) else {
        let account = (what % 2 == 0).then_some(AccountId(i64::from(what)));
        return Some(RosterChange::Online {
            name: name(&nickname),
            account,
            cloak: None,
        });
    };
    Some(match kind % 4 {
        0 => RosterChange::Offline {
            name: name(&nickname),
        },
        1 => {
            let other = format!("{tag}{}", what % 6);
            if people.contains_key(&other) {
                return None;
            }
            RosterChange::Renamed {
                from: name(&nickname),
                to: name(&other),
                account: None,
                nickname: None,
            }
        }
        _ if channels.contains(&channel) => RosterChange::Left {
            name: name(&nickname),
            channel: name(&channel),
            reason: None,
        },
        _ => RosterChange::Joined {
            name: name(&nickname),
            channel: name(&channel),
        },
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, ..ProptestConfig::default() })]
    /// Servers that join during changes and servers that were there before end
    /// up with the same roster: the true one.
    #[test]
    fn who_comes_at_any_time_knows_who_is_there(
        steps in proptest::collection::vec((0..20u8, any::<(u8, u8, u8)>()), 40..160),
    ) {
        let chat = Chat::new();
        let talkers = [chat.node(), chat.node()];
        let mut truth = [People::new(), People::new()];
        let mut comers = Vec::new();
        for (step, random) in steps {
            if step == 0 && comers.len() < 4 {
                comers.push(chat.node());
                continue;
            }
            let n = usize::from(step % 2);
            if let Some(change) = change(&truth[n], random, ["x", "y"][n]) {
                apply(&mut truth[n], &change);
                talkers[n].share(Shared::Roster(change));
            }
        }
        comers.push(chat.node());
        let expected = |but: Option<usize>| -> Truth {
            (0..2).filter(|n| Some(*n) != but && !truth[*n].is_empty())
                .map(|n| (talkers[n].cluster.node(), truth[n].clone())).collect()
        };
        for comer in &comers {
            comer.heard.wait("it knows the truth", || (told(comer) == expected(None)).then_some(()));
        }
        for (n, talker) in talkers.iter().enumerate() {
            talker.heard.wait("it knows the other", || {
                (told(talker) == expected(Some(n))).then_some(())
            });
        }
        // All servers forget the users of a server that ends.
        let [first, second] = talkers;
        first.shut_down();
        for comer in &comers {
            comer.heard.wait("it has forgotten", || {
                (told(comer) == expected_of(&second, &truth[1])).then_some(())
            });
        }
    }
}

fn expected_of(node: &Node, people: &People) -> Truth {
    let truth = Truth::from([(node.cluster.node(), people.clone())]);
    truth
        .into_iter()
        .filter(|(_, people)| !people.is_empty())
        .collect()
}

#[test]
fn orders_and_whispers_reach_every_other_server_once() {
    let chat = Chat::new();
    let [one, two, three] = [chat.node(), chat.node(), chat.node()];
    let order = Order::Announce {
        text: Text::clean("tea!"),
        at_ms: 5,
    };
    let message = Private {
        id: MessageId { ms: 1, sequence: 2 },
        at_ms: 3,
        from: name("amy"),
        to: name("bob"),
        body: Body::plain(MessageKind::Action, Text::clean("waves")),
    };
    let body = message.body.clone();
    one.cluster.share(vec![
        Shared::Whisper {
            message,
            from: None,
        },
        Shared::Order(order.clone()),
    ]);
    let is_order = |news: &News| matches!(news, News::Order(told) if *told == order);
    let is_whisper = |news: &News| match news {
        News::Private { message, from } => {
            message.body == body && message.to == name("bob") && from.is_none()
        }
        _ => false,
    };
    for node in [&two, &three] {
        node.heard.wait_count("it is told", 1, is_order);
        assert_eq!(node.heard.count(is_whisper), 1);
    }
    // What it shares next comes after that.
    two.share(Shared::Order(Order::Revoke { token: "t".into() }));
    one.heard.wait_count("the other is told", 1, |news| {
        matches!(news, News::Order(_))
    });
    assert_eq!(one.heard.count(is_order) + one.heard.count(is_whisper), 0);
}

fn ban(id: u64, target: BanTarget) -> Ban {
    Ban {
        id,
        target,
        reason: Some(Text::clean("spam")),
        created_ms: 1,
        expires_ms: None,
    }
}

fn named(id: u64, nickname: &str) -> Ban {
    ban(id, BanTarget::Nickname(name(nickname)))
}

fn sorted(mut bans: Vec<Ban>) -> Vec<Ban> {
    bans.sort_by_key(|ban| ban.id);
    bans
}

#[test]
fn bans_are_in_force_for_those_who_come_later() {
    let chat = Chat::new();
    let one = chat.node();
    assert_eq!(one.cluster.bans(), []);
    let bob = BanTarget::Nickname(name("bob"));
    let net = BanTarget::network("192.0.2.0/24".parse().unwrap());
    one.cluster.share(vec![
        Shared::Order(Order::Ban(ban(1, bob.clone()))),
        Shared::Order(Order::Ban(ban(2, net.clone()))),
        Shared::Order(Order::Unban(bob)),
    ]);
    // The claim is answered after everything shared before it.
    assert!(one.claim("somebody", None));
    let two = chat.node();
    assert_eq!(two.cluster.bans(), [ban(2, net)]);
}

#[test]
fn bans_of_the_first_server_are_there_at_once() {
    let chat = Chat::new();
    let own = vec![named(1, "eve"), named(2, "mallory")];
    let one = chat.node_with(|settings| settings.bans = own.clone());
    assert_eq!(sorted(one.cluster.bans()), own);
    // Its hub has not shared anything yet.
    drop(one);
    let two = chat.node_with(|settings| settings.bans = vec![named(3, "trudy")]);
    assert_eq!(sorted(two.cluster.bans()), own);
    let told = two.heard.wait("they are told", || {
        let told = two.heard.all(|news| match news {
            News::Bans(bans) => Some(bans.clone()),
            _ => None,
        });
        told.into_iter().next()
    });
    assert_eq!(sorted(told), own);
}

#[test]
fn of_servers_that_come_first_at_the_same_moment_one_has_the_bans() {
    let chat = Chat::new();
    let bans: Vec<Vec<Ban>> = std::thread::scope(|scope| {
        let come = (0..4).map(|server| {
            let own = (0..50).map(|n| named(100 * server + n, &format!("s{server}n{n}")));
            let own: Vec<Ban> = own.collect();
            let chat = &chat;
            scope.spawn(move || {
                let node = chat.node_with(|settings| settings.bans = own);
                sorted(node.cluster.bans())
            })
        });
        let come: Vec<_> = come.collect();
        come.into_iter().map(|node| node.join().unwrap()).collect()
    });
    assert_eq!(bans[0].len(), 50);
    assert!(bans.iter().all(|those| *those == bans[0]), "{bans:?}");
}

#[test]
fn as_many_bans_as_there_may_be_are_put_there_and_no_more() {
    let chat = Chat::new();
    let own = (0..=MAX_BANS as u64).map(|id| named(id, &format!("n{id}")));
    let one = chat.node_with(|settings| settings.bans = own.collect());
    assert_eq!(one.cluster.bans().len(), MAX_BANS);
    drop(one);
    assert_eq!(chat.node().cluster.bans().len(), MAX_BANS);
}

#[test]
fn a_redis_that_has_lost_the_bans_has_them_again_before_others_are_made() {
    let redis = Redis::start();
    let chat = Chat::within(&redis);
    let node = chat.node();
    let _: () = redis::cmd("FLUSHALL").query(&mut redis.connect()).unwrap();
    let is_cut_off = |news: &News| matches!(news, News::CutOff);
    node.heard.wait_count("it is cut off", 1, is_cut_off);
    // As when its hub is told to ban a user in the same turn.
    let before = vec![named(1, "eve"), named(2, "mallory")];
    let made = named(3, "trudy");
    let lost = Shared::Order(Order::Unban(before[0].target.clone()));
    let next = Shared::Order(Order::Ban(made.clone()));
    let turn = vec![lost, Shared::Rejoin(before.clone()), next];
    Log::share(&node.cluster, turn);
    let ordered = |news: &News| matches!(news, News::Ordered(Order::Ban(_)));
    node.heard.wait_count("it is made", 1, ordered);
    let all = [before, vec![made]].concat();
    assert_eq!(sorted(chat.node().cluster.bans()), all);
}
