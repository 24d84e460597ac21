//! Every server folds the same changes in the same order, whenever it joined.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use chat_server::hub::{Draft, Fate, News};
use chat_server::model::Record;
use chat_server::model::governance::{
    Bound, By, Change, ChannelChange, Flag, List, Mask, Person, Rules,
};
use chat_server::name::Name;
use chat_server::text::Text;

use crate::node::{Chat, Node, connection, handle, name};
use crate::support::{Postgres, Redis, wait_until};

pub fn change(number: u64, channel: &str, changes: Vec<Change>) -> ChannelChange {
    ChannelChange {
        id: handle(number),
        at_ms: number,
        channel: name(channel),
        by: By::User(Person {
            name: name("amy"),
            account: None,
        }),
        changes,
    }
}

fn draft(change: &ChannelChange) -> Draft {
    Draft {
        record: Record::Change(Box::new(change.clone())),
        to: None,
        tag: None,
        sender: connection(1),
    }
}

pub fn make(node: &Node, change: &ChannelChange) {
    assert!(node.cluster.append(vec![draft(change)]).is_empty());
}

/// The rules of a channel that a hub would have, which made these changes itself.
fn folded(node: &Node, own: &BTreeMap<u64, ChannelChange>, channel: &str) -> Rules {
    let mut rules = Rules::default();
    for change in heard(node, own) {
        if change.channel == name(channel) {
            rules.fold(&change);
        }
    }
    rules
}

/// The changes a hub was told, its own included, in order.
fn heard(node: &Node, own: &BTreeMap<u64, ChannelChange>) -> Vec<ChannelChange> {
    node.heard.all(|news| match news {
        News::Changed(change) => Some((**change).clone()),
        News::Settled(settled) => match settled.fate {
            Fate::Committed(id) => {
                let change = own.get(&settled.draft.ms)?.clone();
                Some(ChannelChange { id, ..change })
            }
            _ => None,
        },
        _ => None,
    })
}

fn rules_of(rules: &[(Name, Rules)], channel: &str) -> Option<Rules> {
    let found = rules.iter().find(|(of, _)| *of == name(channel));
    found.map(|(_, rules)| rules.clone())
}

/// One of several changes, each of which matters whether it comes before or after another.
fn some(number: u64) -> Vec<Change> {
    let text = Text::one_line(&format!("topic {number}"));
    let mask = Mask::parse(&format!("mallory{}", number % 7)).unwrap();
    let flag = Flag::ALL[number as usize % Flag::ALL.len()];
    vec![match number % 4 {
        0 => Change::Topic(Some(text)),
        1 => Change::Add(List::Ban, mask, Bound::default()),
        2 => Change::Remove(List::Ban, mask),
        _ => Change::Flag(flag, number.is_multiple_of(3)),
    }]
}

#[test]
fn servers_that_change_a_channel_at_once_have_the_same_rules_and_so_has_a_new_one() {
    const EACH: u64 = 150;
    let chat = Chat::new();
    let nodes = [chat.node(), chat.node(), chat.node()];
    let own: Vec<BTreeMap<u64, ChannelChange>> = (0..3)
        .map(|server| {
            let numbers = (0..EACH).map(|n| n * 3 + server);
            let change = |n| (n, change(n, ["dev", "ops"][(n / 3 % 2) as usize], some(n)));
            numbers.map(change).collect()
        })
        .collect();
    thread::scope(|scope| {
        for (node, own) in nodes.iter().zip(&own) {
            scope.spawn(move || {
                for change in own.values() {
                    make(node, change);
                }
            });
        }
    });
    for (node, own) in nodes.iter().zip(&own) {
        let all = || (heard(node, own).len() == 3 * EACH as usize).then_some(());
        node.heard.wait("all changes are heard", all);
    }
    let late = chat.node();
    for channel in ["dev", "ops"] {
        let rules = folded(&nodes[0], &own[0], channel);
        for (node, own) in nodes.iter().zip(&own) {
            assert_eq!(folded(node, own, channel), rules);
        }
        let known = late.cluster.rules().unwrap();
        assert_eq!(rules_of(&known, channel), Some(rules.clone()));
        wait_until("PostgreSQL has them", || {
            let stored = late.postgres.channels(None, 10).unwrap();
            rules_of(&stored, channel) == Some(rules.clone())
        });
    }
}

#[test]
fn a_change_that_no_server_has_stored_yet_is_known_to_one_that_starts() {
    let postgres = Postgres::start();
    let redis = Redis::start();
    let chat = Chat {
        postgres_url: postgres.create_database(),
        ..Chat::within(&redis)
    };
    let first = chat.node();
    make(
        &first,
        &change(1, "dev", vec![Change::Flag(Flag::Secret, true)]),
    );
    wait_until("the first change is stored", || {
        first.postgres.channels(None, 10).unwrap().len() == 1
    });
    let in_hand = || {
        let mut connection = redis.connect();
        let in_hand = (0..4).map(|shard| {
            let key = format!("{}:log:{shard}", chat.prefix);
            let mut command = redis::cmd("XPENDING");
            let pending: (usize, redis::Value, redis::Value, redis::Value) = command
                .arg(key)
                .arg("store")
                .query(&mut connection)
                .unwrap();
            pending.0
        });
        in_hand.sum::<usize>()
    };
    wait_until("and is no longer in hand", || in_hand() == 0);
    postgres.kill();
    make(
        &first,
        &change(2, "dev", vec![Change::Flag(Flag::InviteOnly, true)]),
    );
    assert!(matches!(first.fate_of(2), Fate::Committed(_)));
    // The server has taken the change in hand, and ends before it can store it.
    wait_until("it is in hand", || in_hand() == 1);
    let store = first.postgres.clone();
    drop(first);
    wait_until("the threads of the server have ended", || {
        Arc::strong_count(&store) == 1
    });
    postgres.start_again();
    let second = chat.node_with(|settings| settings.claim_after = Duration::from_secs(3600));
    let known = second.cluster.rules().unwrap();
    let stored = rules_of(&second.postgres.channels(None, 10).unwrap(), "dev").unwrap();
    assert!(
        !stored.has(Flag::InviteOnly),
        "it is stored: the test shows nothing"
    );
    let dev = rules_of(&known, "dev").unwrap();
    assert!(
        dev.has(Flag::Secret) && dev.has(Flag::InviteOnly),
        "{dev:?}"
    );
}

#[test]
fn a_server_that_was_cut_off_is_told_the_rules_before_anyone_comes_in() {
    let redis = Redis::start();
    let chat = Chat::within(&redis);
    let [one, two] = [chat.node(), chat.node()];
    make(
        &one,
        &change(1, "dev", vec![Change::Flag(Flag::Secret, true)]),
    );
    assert!(matches!(one.fate_of(1), Fate::Committed(_)));
    let emptied: () = redis::cmd("HDEL")
        .arg(format!("{}:nodes", chat.prefix))
        .arg(format!("{:016x}", two.cluster.node().0))
        .query(&mut redis.connect())
        .unwrap();
    assert_eq!(emptied, ());
    let is_cut_off = |news: &News| matches!(news, News::CutOff);
    two.heard.wait_count("it is cut off", 1, is_cut_off);
    make(
        &one,
        &change(2, "dev", vec![Change::Flag(Flag::InviteOnly, true)]),
    );
    assert!(matches!(one.fate_of(2), Fate::Committed(_)));
    two.cluster.rejoin();
    let claimed = || {
        two.cluster
            .claim_name(&name("bob"), None, Duration::from_millis(200))
            .ok()
    };
    two.heard.wait("bob may come in", claimed);
    let told = two.heard.all(|news| match news {
        News::Rules(rules) => rules_of(rules, "dev"),
        _ => None,
    });
    let rules = told.last().expect("the rules, before anyone may come in");
    assert!(
        rules.has(Flag::Secret) && rules.has(Flag::InviteOnly),
        "{rules:?}"
    );
}
