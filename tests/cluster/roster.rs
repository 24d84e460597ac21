//! Every server knows who is on the others, whenever it came.

use std::collections::{BTreeMap, BTreeSet};

use chat_server::hub::{
    Ban, BanTarget, Body, MessageId, News, NodeId, Order, Private, RosterChange, Shared,
};
use chat_server::store::AccountId;
use chat_server::text::Text;
use proptest::prelude::*;

use crate::node::{Chat, Node, name};

/// Who is on a server, with account and channels.
type People = BTreeMap<String, (Option<i64>, BTreeSet<String>)>;
type Truth = BTreeMap<NodeId, People>;

/// As a hub does that trusts every word: what makes no sense is a mistake.
fn apply(people: &mut People, change: &RosterChange) {
    let key = |name: &chat_server::name::Name| name.as_str().to_owned();
    match change {
        RosterChange::Online { name, account } => {
            let account = account.map(|account| account.0);
            let before = people.insert(key(name), (account, BTreeSet::new()));
            assert!(before.is_none(), "{name} came twice");
        }
        RosterChange::Offline { name } => {
            assert!(people.remove(&key(name)).is_some(), "{name} was not there");
        }
        RosterChange::Joined { name, channel } => {
            let channels = &mut people.get_mut(&key(name)).expect("somebody").1;
            assert!(channels.insert(key(channel)), "{name} joined twice");
        }
        RosterChange::Left { name, channel } => {
            let channels = &mut people.get_mut(&key(name)).expect("somebody").1;
            assert!(channels.remove(&key(channel)), "{name} was not in it");
        }
        RosterChange::Renamed { from, to, account } => {
            let mut person = people.remove(&key(from)).expect("somebody");
            person.0 = account.map(|account| account.0);
            people.insert(key(to), person);
        }
    }
}

/// What a node has been told of the others.
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

/// A change that makes sense for who is there, out of random numbers.
fn change(people: &People, (kind, who, what): (u8, u8, u8), tag: &str) -> Option<RosterChange> {
    let nickname = format!("{tag}{}", who % 6);
    let channel = format!("room{}", what % 4);
    let Some((_, channels)) = people.get(&nickname) else {
        let account = (what % 2 == 0).then_some(AccountId(i64::from(what)));
        return Some(RosterChange::Online {
            name: name(&nickname),
            account,
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
            }
        }
        _ if channels.contains(&channel) => RosterChange::Left {
            name: name(&nickname),
            channel: name(&channel),
        },
        _ => RosterChange::Joined {
            name: name(&nickname),
            channel: name(&channel),
        },
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, ..ProptestConfig::default() })]
    /// Servers that come while others change all the time, and servers that
    /// were there before, know the same in the end: the truth.
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
        // Whoever ends is forgotten by all.
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
        from: name("amy"),
        to: name("bob"),
        body: Body {
            id: MessageId { ms: 1, sequence: 2 },
            at_ms: 3,
            text: Text::clean("psst"),
        },
    };
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
            message.body.text.as_str() == "psst" && message.to == name("bob") && from.is_none()
        }
        _ => false,
    };
    for node in [&two, &three] {
        node.heard.wait_count("it is told", 1, is_order);
        assert_eq!(node.heard.count(is_whisper), 1);
    }
    // What it tells next comes after that.
    two.share(Shared::Order(Order::Revoke { token: "t".into() }));
    one.heard.wait_count("the other is told", 1, |news| {
        matches!(news, News::Order(_))
    });
    assert_eq!(one.heard.count(is_order) + one.heard.count(is_whisper), 0);
}

#[test]
fn bans_are_in_force_for_those_who_come_later() {
    let chat = Chat::new();
    let one = chat.node();
    assert_eq!(one.cluster.bans(), None);
    let ban = |id, target| Ban {
        id,
        target,
        reason: Some(Text::clean("spam")),
        created_ms: 1,
        expires_ms: None,
    };
    let bob = BanTarget::Nickname(name("bob"));
    let net = BanTarget::network("192.0.2.0/24".parse().unwrap());
    one.cluster.share(vec![
        Shared::Order(Order::Ban(ban(1, bob.clone()))),
        Shared::Order(Order::Ban(ban(2, net.clone()))),
        Shared::Order(Order::Unban(bob)),
    ]);
    // Answered after what was shared before.
    assert!(one.claim("somebody", None));
    let two = chat.node();
    assert_eq!(two.cluster.bans(), Some(vec![ban(2, net)]));
}
