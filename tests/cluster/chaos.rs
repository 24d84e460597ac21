//! Everything fails at once, in a random order that a seed repeats. Afterwards
//! all servers have delivered the same messages, and all of them are stored.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use chat_server::cluster::Delivery;
use chat_server::hub::{Fate, MessageId, News};

use crate::history::Slow;
use crate::node::{Chat, Node, channel, in_both_forms, name, tagged, texts};
use crate::proxy::Proxy;
use crate::support::{Redis, wait_until};

const CHANNELS: [&str; 3] = ["dev", "ops", "global"];
const FAULTS: u64 = 20;

/// The next random number (xorshift).
fn next(random: &mut u64) -> u64 {
    *random ^= *random << 13;
    *random ^= *random >> 7;
    *random ^= *random << 17;
    *random
}

/// Sends tagged messages, some of them also on the next server, as a client
/// does after losing its connection. Returns the accepted handles.
fn talk(nodes: &[Node], n: usize, is_over: &AtomicBool) -> Vec<(usize, u64)> {
    let mut taken = Vec::new();
    let mut number = 0;
    while !is_over.load(Ordering::SeqCst) {
        let handle = (n as u64) << 32 | number;
        let place = CHANNELS[(number % 3) as usize];
        let (text, tag) = (format!("{n}.{number}"), format!("{n}.{number}"));
        let again = (number % 5 == 0).then_some((n + 1) % nodes.len());
        for node in [Some(n), again].into_iter().flatten() {
            let draft = tagged(handle, place, &text, &tag);
            if nodes[node].cluster.append(vec![draft]).is_empty() {
                taken.push((node, handle));
            }
        }
        number += 1;
        thread::sleep(Duration::from_millis(4));
    }
    taken
}

fn wait_for(time: Duration) {
    let until = Instant::now() + time;
    wait_until("it has lasted long enough", || Instant::now() > until);
}

in_both_forms! { whatever_goes_wrong_all_tell_the_same_and_it_is_all_there }

fn whatever_goes_wrong_all_tell_the_same_and_it_is_all_there(delivery: Delivery) {
    let seed = std::env::var("CHAT_SEED").map_or(20_261_121, |seed| seed.parse().unwrap());
    println!("CHAT_SEED={seed}");
    let mut random: u64 = seed;
    let redis = Redis::start();
    let mut chat = Chat::within(&redis).by(delivery);
    let proxies: Vec<Proxy> = (0..3).map(|_| Proxy::start(redis.address())).collect();
    let mut stores = Vec::new();
    let nodes: Vec<Node> = proxies
        .iter()
        .map(|proxy| {
            chat.redis_url = proxy.url();
            let slow = Arc::new(Slow::new(chat.postgres(), false));
            stores.push(slow.clone());
            let mut settings = chat.settings();
            // No server is given up here; another test covers that.
            settings.patience = 1_000_000;
            settings.refuse_after = Duration::from_millis(200);
            Node::start(settings, slow)
        })
        .collect();
    let is_over = AtomicBool::new(false);
    let taken: Vec<(usize, u64)> = thread::scope(|scope| {
        let talking: Vec<_> = (0..nodes.len())
            .map(|n| {
                let (nodes, is_over) = (&nodes, &is_over);
                scope.spawn(move || talk(nodes, n, is_over))
            })
            .collect();
        for _ in 0..FAULTS {
            let n = (next(&mut random) % 3) as usize;
            let time = Duration::from_millis(next(&mut random) % 400);
            match next(&mut random) % 6 {
                0 => {
                    redis.kill();
                    wait_for(time);
                    redis.start_again();
                }
                1 => {
                    redis.stop();
                    wait_for(time * 4);
                    redis.go_on();
                }
                2 => {
                    proxies[n].stand_still();
                    wait_for(time * 4);
                    proxies[n].go_on();
                }
                3 => proxies[n].cut_after(i64::try_from(next(&mut random) % 500).unwrap()),
                4 => {
                    let held = &stores[n].is_held;
                    held.store(!held.load(Ordering::SeqCst), Ordering::SeqCst);
                }
                _ => proxies[n].cut(),
            }
            wait_for(time);
        }
        is_over.store(true, Ordering::SeqCst);
        talking
            .into_iter()
            .flat_map(|it| it.join().unwrap())
            .collect()
    });
    for store in &stores {
        store.is_held.store(false, Ordering::SeqCst);
    }
    agree(&nodes, &taken);
}

fn agree(nodes: &[Node], taken: &[(usize, u64)]) {
    // Every accepted message is settled once.
    for (n, node) in nodes.iter().enumerate() {
        let count = taken.iter().filter(|(taker, _)| *taker == n).count();
        wait_until("all are settled", || node.fates().len() >= count);
        let mut fates: BTreeMap<u64, Vec<Fate>> = BTreeMap::new();
        for (handle, fate) in node.fates() {
            fates.entry(handle).or_default().push(fate);
        }
        let twice = fates.iter().find(|(_, fates)| fates.len() != 1);
        assert_eq!((twice, fates.len()), (None, count), "server {n}");
    }
    // Each tag was published once, and all requests got the same answer.
    let mut ids: BTreeMap<u64, MessageId> = BTreeMap::new();
    let mut published = BTreeSet::new();
    for (handle, fate) in nodes.iter().flat_map(Node::fates) {
        let id = match fate {
            Fate::Committed(id) => {
                assert!(published.insert(handle), "{handle} was published twice");
                id
            }
            Fate::Before(id) => id,
            Fate::NotStored => continue,
        };
        assert_eq!(*ids.entry(handle).or_insert(id), id);
    }
    assert_eq!(published.len(), ids.len(), "a tag without its message");
    assert!(published.len() > 100, "hardly any message was sent");
    // All servers delivered everything, each channel in one order.
    let all: BTreeSet<MessageId> = ids.values().copied().collect();
    for node in nodes {
        wait_until("every message is delivered", || {
            node.told().len() >= all.len()
        });
        let order = node.told();
        assert_eq!(order.len(), all.len());
        assert_eq!(order.iter().copied().collect::<BTreeSet<_>>(), all);
        let bad = |news: &News| matches!(news, News::CutOff | News::Gone(_));
        assert_eq!(node.heard.count(bad), 0);
    }
    for place in CHANNELS {
        let mut orders = nodes.iter().map(|node| {
            node.heard.all(|news| match news {
                News::Message(message) if message.place.channel() == Some(&name(place)) => {
                    Some(message.id)
                }
                _ => None,
            })
        });
        assert!(orders.all(|order| order.is_sorted_by(|a, b| a < b)));
        // History finds every message, and in the end each is stored once.
        let found = texts(&*nodes[0].cluster.store(), &channel(place));
        wait_until("everything is stored", || {
            texts(&*nodes[1].postgres, &channel(place)) == found
        });
    }
    let stored: usize = CHANNELS
        .iter()
        .map(|place| texts(&*nodes[1].postgres, &channel(place)).len())
        .sum();
    let expected: usize = (0..3)
        .map(|rest| {
            ids.keys()
                .filter(|handle| *handle % (1 << 32) % 3 == rest)
                .count()
                .min(1000)
        })
        .sum();
    assert_eq!(stored, expected);
}
