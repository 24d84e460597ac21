//! All servers deliver every message once, in one order.

use std::collections::BTreeSet;
use std::thread;

use chat_server::cluster::Delivery;
use chat_server::hub::{Fate, MessageId, News, NodeId, Private};
use chat_server::model::{Body, MessageKind, Record};
use chat_server::store::AccountId;
use proptest::prelude::*;

use crate::node::{
    Chat, Node, account, connection, direct, draft, in_both_forms, name, tagged, tagged_by,
};

in_both_forms! {
    all_servers_tell_a_channel_in_one_order
    a_tag_sent_by_two_servers_at_once_is_published_once
    ids_stay_within_their_bits_when_the_clock_of_redis_steps_back
}

/// The messages of a channel that a node delivered.
fn of_channel(node: &Node, channel: &str, own: &[(u64, MessageId)]) -> Vec<MessageId> {
    node.heard.all(|news| match news {
        News::Settled(settled) => match settled.fate {
            Fate::Committed(id) => own
                .iter()
                .any(|(_, committed)| *committed == id)
                .then_some(id),
            _ => None,
        },
        News::Message(message) => {
            (message.place.channel() == Some(&name(channel))).then_some(message.id)
        }
        _ => None,
    })
}

fn all_servers_tell_a_channel_in_one_order(delivery: Delivery) {
    const EACH: u64 = 400;
    let chat = Chat::new().by(delivery);
    let nodes = [chat.node(), chat.node(), chat.node()];
    thread::scope(|scope| {
        for node in &nodes {
            scope.spawn(move || {
                for number in 0..EACH {
                    let channel = ["dev", "ops"][(number % 2) as usize];
                    node.say(number, channel, &format!("{number}"));
                }
            });
        }
    });
    let count = (EACH * 3) as usize;
    for node in &nodes {
        node.wait_told(count);
    }
    for (even, channel) in [(0, "dev"), (1, "ops")] {
        let orders: Vec<Vec<MessageId>> = nodes
            .iter()
            .map(|node| {
                let own: Vec<(u64, MessageId)> = node
                    .fates()
                    .into_iter()
                    .filter_map(|(number, fate)| match fate {
                        Fate::Committed(id) if number % 2 == even => Some((number, id)),
                        _ => None,
                    })
                    .collect();
                let numbers: Vec<u64> = own.iter().map(|(number, _)| *number).collect();
                assert!(numbers.is_sorted(), "a sender's own order is lost");
                of_channel(node, channel, &own)
            })
            .collect();
        assert_eq!(orders[0].len(), count / 2);
        assert!(orders[0].is_sorted_by(|a, b| a < b));
        assert!(orders.iter().all(|order| *order == orders[0]));
    }
    let distinct: BTreeSet<MessageId> = nodes[0].told().into_iter().collect();
    assert_eq!(distinct.len(), count);
    for node in nodes {
        assert_eq!(node.cluster.skipped(), 0);
        node.shut_down();
    }
}

fn a_tag_sent_by_two_servers_at_once_is_published_once(delivery: Delivery) {
    const TAGS: u64 = 200;
    let chat = Chat::new().by(delivery);
    let nodes = [chat.node(), chat.node()];
    thread::scope(|scope| {
        for node in &nodes {
            scope.spawn(move || {
                for number in 0..TAGS {
                    let draft = tagged(number, "dev", "hello", &format!("t{number}"));
                    assert!(node.cluster.append(vec![draft]).is_empty());
                }
            });
        }
    });
    for number in 0..TAGS {
        let fates = nodes.each_ref().map(|node| node.fate_of(number));
        match fates {
            [Fate::Committed(a), Fate::Before(b)] | [Fate::Before(a), Fate::Committed(b)] => {
                assert_eq!(a, b);
            }
            other => panic!("{number}: {other:?}"),
        }
    }
    // The other server's messages may come after the outcome of one's own.
    assert_eq!(nodes[0].wait_told(TAGS as usize).len(), TAGS as usize);
}

#[test]
fn an_owner_has_room_for_so_many_tags_and_only_its_own_oldest_go() {
    const MOST: usize = 3;
    let chat = Chat::new();
    let [here, there] = [chat.node(), chat.node()];
    let send = |node: &Node, number: u64, owner: &str, tag: &str| {
        let draft = tagged_by(owner, MOST, draft(number, "dev", tag), tag);
        assert!(node.cluster.append(vec![draft]).is_empty());
        node.fate_of(number)
    };
    let id = |fate| match fate {
        Fate::Committed(id) => id,
        other => panic!("{other:?}"),
    };
    let bob = id(send(&here, 0, "bob", "t1"));
    let amy: Vec<MessageId> = (1..=5)
        .map(|number| id(send(&here, number, "amy", &format!("t{number}"))))
        .collect();
    // Amy's tags have not displaced Bob's, and all servers know her last ones.
    assert_eq!(send(&there, 10, "bob", "t1"), Fate::Before(bob));
    for number in 3..=5 {
        let tag = format!("t{number}");
        let before = Fate::Before(amy[number as usize - 1]);
        assert_eq!(send(&there, 10 + number, "amy", &tag), before);
    }
    // Her first tags have gone: the limit is three. A message sent under such a
    // tag is a new one, and its tag is remembered from then on.
    let mut redis = crate::support::Redis::shared().connect();
    let mut kept = |command: &str, key: &str| -> usize {
        let key = format!("{}:{key}:amy", chat.prefix);
        redis::cmd(command).arg(key).query(&mut redis).unwrap()
    };
    assert_eq!((kept("HLEN", "tags"), kept("LLEN", "tagged")), (MOST, MOST));
    let again = id(send(&there, 20, "amy", "t1"));
    assert!(again > amy[4]);
    assert_eq!(send(&here, 21, "amy", "t1"), Fate::Before(again));
    assert_eq!((kept("HLEN", "tags"), kept("LLEN", "tagged")), (MOST, MOST));
    for key in ["tags", "tagged"] {
        assert!(
            (1..=600).contains(&kept("TTL", key)),
            "{key} goes by itself"
        );
    }
    // A lower limit applies from the next message on.
    let draft = tagged_by("amy", 1, draft(30, "dev", "last"), "t9");
    assert!(here.cluster.append(vec![draft]).is_empty());
    assert!(matches!(here.fate_of(30), Fate::Committed(_)));
    assert_eq!((kept("HLEN", "tags"), kept("LLEN", "tagged")), (1, 1));
}

#[test]
fn a_tag_counts_for_ten_minutes_although_its_owner_goes_on() {
    let chat = Chat::new();
    let node = chat.node();
    let send = |number: u64, tag: &str| {
        let draft = tagged_by("amy", 3, draft(number, "dev", tag), tag);
        assert!(node.cluster.append(vec![draft]).is_empty());
        node.fate_of(number)
    };
    let Fate::Committed(first) = send(1, "t1") else {
        panic!("it was not published");
    };
    assert_eq!(send(2, "t1"), Fate::Before(first));
    // As if it had been published ten minutes ago.
    let mut redis = crate::support::Redis::shared().connect();
    let key = |what: &str| format!("{}:{what}:amy", chat.prefix);
    let known: String = redis::cmd("HGET")
        .arg(key("tags"))
        .arg("#dev t1")
        .query(&mut redis)
        .unwrap();
    let (id, _) = known.split_once(' ').unwrap();
    let _: () = redis::pipe()
        .cmd("HSET")
        .arg(key("tags"))
        .arg("#dev t1")
        .arg(format!("{id} 1000000000"))
        .cmd("LSET")
        .arg(key("tagged"))
        .arg(0)
        .arg(format!("{id} 1000000000 #dev t1"))
        .query::<redis::Value>(&mut redis)
        .map(drop)
        .unwrap();
    let Fate::Committed(second) = send(3, "t1") else {
        panic!("an old tag still counts");
    };
    assert_eq!(send(4, "t1"), Fate::Before(second));
    let kept: usize = redis::cmd("LLEN")
        .arg(key("tagged"))
        .query(&mut redis)
        .unwrap();
    assert_eq!(kept, 1, "what is old takes no room");
}

#[test]
fn a_direct_message_reaches_both_parties_wherever_they_are() {
    let chat = Chat::new();
    let [here, there] = [chat.node(), chat.node()];
    let (amy, bob) = (
        account(&*here.postgres, "amy"),
        account(&*here.postgres, "bob"),
    );
    assert!(
        here.cluster
            .append(vec![direct(1, amy, bob, "psst")])
            .is_empty()
    );
    let Fate::Committed(id) = here.fate_of(1) else {
        panic!("{:?}", here.fates());
    };
    let is_it = |message: &Private, from: &Option<AccountId>| {
        message.id == id && *from == Some(AccountId(amy)) && message.to == name("bob")
    };
    for (node, own) in [(&here, Some(connection(1))), (&there, None)] {
        let received = |news: &News| match news {
            News::Private { message, from } => is_it(message, from),
            _ => false,
        };
        node.heard.wait_count("it is received", 1, received);
        let copied = |news: &News| match news {
            News::Copy {
                message,
                from,
                except,
            } => is_it(message, from) && *except == own,
            _ => false,
        };
        node.heard.wait_count("it is copied", 1, copied);
        assert_eq!(node.heard.count(received), 1);
        assert_eq!(node.heard.count(copied), 1);
    }
    assert_eq!(here.fates().len(), 1);
}

#[test]
fn servers_know_of_each_other() {
    let chat = Chat::new();
    let one = chat.node_with(|settings| settings.address = "one:4000".to_owned());
    let two = chat.node_with(|settings| settings.address = "two:4000".to_owned());
    two.cluster.set_load(7);
    let nodes = one.heard.wait("both are known", || {
        let nodes = one.cluster.nodes();
        let seven = nodes.iter().any(|node| node.connections == 7);
        (nodes.len() == 2 && seven).then_some(nodes)
    });
    let ids: Vec<(NodeId, &str)> = nodes.iter().map(|n| (n.id, n.address.as_str())).collect();
    let expected = [
        (one.cluster.node(), "one:4000"),
        (two.cluster.node(), "two:4000"),
    ];
    assert_eq!(ids, expected);
    assert_eq!(one.cluster.readiness(), None);
    two.shut_down();
    one.heard.wait("one is alone", || {
        (one.cluster.nodes().len() == 1).then_some(())
    });
}

fn ids_stay_within_their_bits_when_the_clock_of_redis_steps_back(delivery: Delivery) {
    let chat = Chat::new().by(delivery);
    let node = chat.node();
    // As if the clock had been a day ahead: this millisecond has no ids left.
    let mut redis = crate::support::Redis::shared().connect();
    for shard in 0..4 {
        let ms = std::time::SystemTime::now()
            .duration_since(std::time::UNIX_EPOCH)
            .unwrap()
            .as_millis()
            + 86_400_000;
        let _: String = redis::cmd("XADD")
            .arg(format!("{}:log:{shard}", chat.prefix))
            .arg(format!("{ms}-16382"))
            .arg("x")
            .arg("y")
            .query(&mut redis)
            .unwrap();
    }
    for number in 0..5 {
        node.say(number, "dev", "later");
    }
    let told = node.wait_told(5);
    assert!(told.is_sorted_by(|a, b| a < b));
    assert!(
        told.iter()
            .all(|id| chat_server::model::key::pack(*id).is_some())
    );
    assert!(told[4].ms > told[0].ms);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 8, ..ProptestConfig::default() })]
    /// Messages appended in any grouping come out once and in the same order.
    #[test]
    fn texts_come_back_as_they_went(
        groups in proptest::collection::vec(
            proptest::collection::vec("\\PC{1,60}", 1..20), 1..6),
    ) {
        let chat = Chat::new();
        let [here, there] = [chat.node(), chat.node()];
        let mut expected = Vec::new();
        for group in groups {
            let drafts: Vec<_> = group.iter().map(|text| {
                let number = expected.len();
                let mut draft = draft(number as u64, "dev", text);
                if let Record::Message(message) = &mut draft.record {
                    message.body = match number % 4 {
                        0 => Body::styled(MessageKind::Action, text),
                        1 => Body::styled(MessageKind::Notice, &format!("\x0304{text}")),
                        2 => Body::styled(MessageKind::Say, &format!("\x02{text}\x02")),
                        _ => message.body.clone(),
                    };
                }
                expected.push(draft.record.message().unwrap().body.clone());
                draft
            }).collect();
            prop_assert!(here.cluster.append(drafts).is_empty());
        }
        there.wait_told(expected.len());
        let told = there.heard.all(|news| match news {
            News::Message(message) => Some(message.body.clone()),
            _ => None,
        });
        prop_assert_eq!(told, expected);
    }
}
