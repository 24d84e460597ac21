//! What is said is told by all servers, in one order, once.

use std::collections::BTreeSet;
use std::thread;

use chat_server::hub::{Fate, MessageId, News, NodeId, Private};
use chat_server::store::AccountId;
use proptest::prelude::*;

use crate::node::{Chat, Node, account, connection, direct, draft, name, tagged};

/// What a node has told of a channel.
fn of_channel(node: &Node, channel: &str, own: &[(u64, MessageId)]) -> Vec<MessageId> {
    node.heard.all(|news| match news {
        News::Settled(settled) => match settled.fate {
            Fate::Committed(id) => own
                .iter()
                .any(|(_, committed)| *committed == id)
                .then_some(id),
            _ => None,
        },
        News::Message(message) => (message.channel == name(channel)).then_some(message.body.id),
        _ => None,
    })
}

#[test]
fn all_servers_tell_a_channel_in_one_order() {
    const EACH: u64 = 400;
    let chat = Chat::new();
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

#[test]
fn a_tag_sent_by_two_servers_at_once_is_published_once() {
    const TAGS: u64 = 200;
    let chat = Chat::new();
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
    // What the other has published may come after what became of one's own.
    assert_eq!(nodes[0].wait_told(TAGS as usize).len(), TAGS as usize);
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
        message.body.id == id && *from == Some(AccountId(amy)) && message.to == name("bob")
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

#[test]
fn ids_stay_within_their_bits_when_the_clock_of_redis_steps_back() {
    let chat = Chat::new();
    let node = chat.node();
    // As if the clock had stood a day later before: this millisecond is full.
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
            .all(|id| chat_server::store::key::pack(*id).is_some())
    );
    assert!(told[4].ms > told[0].ms);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 8, ..ProptestConfig::default() })]
    /// Whatever is appended in whatever groups comes out once, as it went in.
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
                let draft = draft(expected.len() as u64, "dev", text);
                expected.push(draft.message.text.clone());
                draft
            }).collect();
            prop_assert!(here.cluster.append(drafts).is_empty());
        }
        there.wait_told(expected.len());
        let told = there.heard.all(|news| match news {
            News::Message(message) => Some(message.body.text.clone()),
            _ => None,
        });
        prop_assert_eq!(told, expected);
    }
}
