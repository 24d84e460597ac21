//! A Redis that is full, or that may evict keys: the servers say so, do not
//! waver, and recover by themselves.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use chat_server::cluster::ClusterSettings;
use chat_server::hub::Fate;

use crate::history::Slow;
use crate::node::{Chat, Node, draft};
use crate::support::{Redis, wait_until};

/// Changes a Redis setting at run time.
fn set(redis: &Redis, name: &str, value: &str) {
    let mut command = redis::cmd("CONFIG");
    command.arg("SET").arg(name).arg(value);
    let _: () = command.query(&mut redis.connect()).unwrap();
}

fn used(redis: &Redis) -> u64 {
    let mut command = redis::cmd("INFO");
    let info: String = command.arg("memory").query(&mut redis.connect()).unwrap();
    let used = info
        .lines()
        .find_map(|line| line.strip_prefix("used_memory:"));
    used.unwrap().trim().parse().unwrap()
}

fn quick(settings: &mut ClusterSettings) {
    settings.beat = Duration::from_millis(20);
    settings.patience = 1_000;
    settings.refuse_after = Duration::from_millis(200);
}

fn is_full(node: &Node) -> bool {
    let trouble = node.cluster.readiness();
    trouble.is_some_and(|words| words.contains("Redis is full"))
}

/// Sends messages until there is no room; returns how many. Sends many at once,
/// so that a busy machine is still faster than a trimming that makes room again.
fn fill(node: &Node) -> u64 {
    const AT_ONCE: u64 = 100;
    let text = "x".repeat(3000);
    for first in (0..1_000_000).step_by(AT_ONCE as usize) {
        let numbers = first..first + AT_ONCE;
        let drafts = numbers.clone().map(|number| draft(number, "dev", &text));
        let refused = node.cluster.append(drafts.collect());
        let taken = numbers.take(AT_ONCE as usize - refused.len());
        let fates: Vec<Fate> = taken.map(|number| node.fate_of(number)).collect();
        if !refused.is_empty() || fates.contains(&Fate::NotStored) {
            return first;
        }
    }
    unreachable!("it is never full");
}

#[test]
fn a_full_redis_is_told_without_wavering_and_recovers_by_itself() {
    let redis = Redis::start();
    let chat = Chat::within(&redis);
    let mut settings = chat.settings();
    quick(&mut settings);
    // No entry is old enough to be trimmed for hours.
    settings.keep = 1_000_000;
    let store = Arc::new(Slow::new(chat.postgres(), false));
    let node = Node::start(settings, store.clone());
    node.say(1_000_000, "dev", "first");
    node.wait_told(1);
    set(&redis, "maxmemory", &(used(&redis) + (2 << 20)).to_string());
    // What is not stored is not removed: Redis stays full until that has been seen.
    store.is_held.store(true, Ordering::SeqCst);
    assert!(fill(&node) > 100);
    wait_until("the server reports that Redis is full", || is_full(&node));
    // Its answer changes once, from yes to no.
    let (is_over, changes) = (AtomicBool::new(false), std::sync::Mutex::new(vec![true]));
    thread::scope(|scope| {
        scope.spawn(|| {
            let mut is_last = false;
            while !is_last {
                // It looks once more after the end, should it have been late all the time.
                is_last = is_over.load(Ordering::SeqCst);
                let is_ready = node.cluster.readiness().is_none();
                let mut changes = changes.lock().unwrap();
                if changes.last() == Some(&is_ready) {
                    changes.push(!is_ready);
                }
                drop(changes);
                thread::sleep(Duration::from_millis(1));
            }
        });
        store.is_held.store(false, Ordering::SeqCst);
        wait_until("there is room", || node.cluster.readiness().is_none());
        for number in 2_000_000..2_000_020 {
            node.say(number, "dev", "again");
            assert!(matches!(node.fate_of(number), Fate::Committed(_)));
        }
        is_over.store(true, Ordering::SeqCst);
    });
    assert_eq!(*changes.lock().unwrap(), [true, false]);
    let health = node.cluster.health();
    assert!(health.redis_bytes > 0 && health.redis_max_bytes > health.redis_bytes);
}

#[test]
fn in_a_full_redis_servers_live_come_and_go() {
    let redis = Redis::start();
    let chat = Chat::within(&redis);
    let node = chat.node_with(quick);
    assert!(node.claim("bob", None));
    set(&redis, "maxmemory", "1");
    wait_until("the server reports that Redis is full", || is_full(&node));
    let other = chat.node_with(quick);
    wait_until("a server that joins is told", || is_full(&other));
    other.cluster.set_load(7);
    wait_until("beats go on", || {
        let nodes = node.cluster.nodes();
        nodes.len() == 2 && nodes.iter().any(|node| node.connections == 7)
    });
    // A ban may be what helps.
    assert!(other.cluster.ban_number(0).is_ok());
    other.shut_down();
    wait_until("the other server is gone", || {
        node.cluster.nodes().len() == 1
    });
    assert!(is_full(&node));
    set(&redis, "maxmemory", "0");
    wait_until("there is room", || node.cluster.readiness().is_none());
    node.say(1, "dev", "back");
    assert!(matches!(node.fate_of(1), Fate::Committed(_)));
}

#[test]
fn a_redis_that_may_evict_is_noticed_while_it_runs() {
    let redis = Redis::start();
    let chat = Chat::within(&redis);
    let node = chat.node_with(quick);
    wait_until("the server is ready", || node.cluster.readiness().is_none());
    for policy in ["allkeys-lru", "volatile-ttl"] {
        set(&redis, "maxmemory-policy", policy);
        wait_until("the server reports the policy", || {
            let trouble = node.cluster.readiness();
            trouble.is_some_and(|words| words.contains(policy) && words.contains("noeviction"))
        });
    }
    set(&redis, "maxmemory-policy", "noeviction");
    wait_until("the server is ready", || node.cluster.readiness().is_none());
}
