//! Redis fails in every way it can: no message is lost, none is doubled.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use chat_server::cluster::Delivery;
use chat_server::hub::{Fate, MessageId, News};

use crate::node::{Chat, Node, channel, draft, in_both_forms, texts};
use crate::proxy::Proxy;
use crate::support::{Postgres, Redis, wait_until};

in_both_forms! {
    redis_is_killed_and_started_again
    redis_stands_still_for_a_while
    the_way_to_redis_is_cut_again_and_again
    what_cannot_be_sent_is_refused_after_a_while_and_then_at_once
}

/// Ends those who talk, also when a check has failed meanwhile: the failure would never be told.
struct EndsTalk<'a>(&'a AtomicBool);

impl Drop for EndsTalk<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

/// Sends one message after the other until told to stop; counts them.
fn talk(node: &Node, is_over: &AtomicBool, said: &AtomicU64) {
    let mut number = 0;
    while !is_over.load(Ordering::SeqCst) {
        if node
            .cluster
            .append(vec![draft(number, "dev", &format!("{number}"))])
            .is_empty()
        {
            number += 1;
            said.store(number, Ordering::SeqCst);
        }
        thread::sleep(Duration::from_micros(500));
    }
}

/// While `one` talks, something fails. Afterwards every accepted message is
/// settled once, and both servers have delivered exactly the committed ones in
/// one order.
pub fn nothing_is_lost_or_doubled(one: &Node, other: &Node, happens: impl FnOnce(&AtomicU64)) {
    let (is_over, said) = (AtomicBool::new(false), AtomicU64::new(0));
    thread::scope(|scope| {
        let _ends = EndsTalk(&is_over);
        scope.spawn(|| talk(one, &is_over, &said));
        wait_until("messages are being sent", || {
            said.load(Ordering::SeqCst) > 100
        });
        happens(&said);
        let before = other.told().len();
        wait_until("messages arrive again", || {
            other.told().len() > before + 100
        });
    });
    let said = said.load(Ordering::SeqCst) as usize;
    one.heard.wait("all are settled", || {
        (one.fates().len() >= said).then_some(())
    });
    let fates = one.fates();
    let numbers: BTreeSet<u64> = fates.iter().map(|(number, _)| *number).collect();
    assert_eq!(numbers.len(), fates.len(), "something was settled twice");
    let committed: Vec<MessageId> = fates
        .iter()
        .filter_map(|(_, fate)| match fate {
            Fate::Committed(id) => Some(*id),
            _ => None,
        })
        .collect();
    assert!(committed.is_sorted_by(|a, b| a < b));
    other.wait_told(committed.len());
    assert_eq!(other.told(), committed);
    // No server was given up because of it.
    for node in [one, other] {
        assert_eq!(
            node.heard
                .count(|news| matches!(news, News::CutOff | News::Gone(_))),
            0
        );
    }
    let expected: Vec<String> = fates
        .iter()
        .filter(|(_, fate)| matches!(fate, Fate::Committed(_)))
        .map(|(number, _)| number.to_string())
        .collect();
    let last = expected.len().saturating_sub(1000);
    let found = texts(&*other.cluster.store(), &channel("dev"));
    assert_eq!(found, &expected[last..]);
}

fn redis_is_killed_and_started_again(delivery: Delivery) {
    let redis = Redis::start();
    let chat = Chat::within(&redis).by(delivery);
    let [one, other] = [chat.node(), chat.node()];
    nothing_is_lost_or_doubled(&one, &other, |said| {
        for _ in 0..3 {
            redis.kill();
            wait_until("the outage is noticed", || {
                one.cluster.readiness().is_some()
            });
            redis.start_again();
            wait_until("the recovery is noticed", || {
                one.cluster.readiness().is_none()
            });
            let before = said.load(Ordering::SeqCst);
            wait_until("messages are being sent", || {
                said.load(Ordering::SeqCst) > before + 50
            });
        }
    });
}

fn redis_stands_still_for_a_while(delivery: Delivery) {
    let redis = Redis::start();
    let chat = Chat::within(&redis).by(delivery);
    let [one, other] = [chat.node(), chat.node()];
    nothing_is_lost_or_doubled(&one, &other, |_| {
        redis.stop();
        // Thirty beats take three seconds here: no server may mistake this for a death.
        let until = Instant::now() + Duration::from_secs(6);
        wait_until("it has stood still for long enough", || {
            Instant::now() > until
        });
        assert!(one.cluster.readiness().is_some());
        redis.go_on();
    });
    wait_until("the server is ready", || one.cluster.readiness().is_none());
}

fn the_way_to_redis_is_cut_again_and_again(delivery: Delivery) {
    let redis = Redis::start();
    let mut chat = Chat::within(&redis).by(delivery);
    let other = chat.node();
    let proxy = Proxy::start(redis.address());
    chat.redis_url = proxy.url();
    let one = chat.node();
    nothing_is_lost_or_doubled(&one, &other, |said| {
        for round in 0..30 {
            // At once, or in the middle of an answer.
            match round % 3 {
                0 => proxy.cut(),
                step => proxy.cut_after(step * 37 + round),
            }
            let before = said.load(Ordering::SeqCst);
            wait_until("messages are being sent", || {
                said.load(Ordering::SeqCst) > before + 10
            });
        }
    });
}

fn what_cannot_be_sent_is_refused_after_a_while_and_then_at_once(delivery: Delivery) {
    let redis = Redis::start();
    let chat = Chat::within(&redis).by(delivery);
    let node = chat.node_with(|settings| settings.refuse_after = Duration::from_millis(300));
    node.say(1, "dev", "before");
    assert!(matches!(node.fate_of(1), Fate::Committed(_)));
    redis.kill();
    wait_until("the outage is noticed", || {
        node.cluster.readiness().is_some()
    });
    let refused = |number| {
        !node
            .cluster
            .append(vec![draft(number, "dev", "x")])
            .is_empty()
    };
    if !refused(2) {
        assert_eq!(node.fate_of(2), Fate::NotStored);
    }
    wait_until("an append is refused at once", || refused(3));
    redis.start_again();
    wait_until("an append is accepted again", || !refused(4));
    assert!(matches!(node.fate_of(4), Fate::Committed(_)));
    assert_eq!(
        texts(&*node.cluster.store(), &channel("dev")),
        ["before", "x"]
    );
}

#[test]
fn the_first_questions_after_a_restart_are_answered() {
    let (redis, postgres) = (Redis::start(), Postgres::start());
    let chat = Chat {
        postgres_url: postgres.create_database(),
        ..Chat::within(&redis)
    };
    let node = chat.node();
    node.say(1, "dev", "before");
    node.wait_told(1);
    let store = node.cluster.store();
    // Several at once, so that several connections stay in the pool.
    let ask = || {
        thread::scope(|scope| {
            let asking: Vec<_> = (0..8)
                .map(|_| scope.spawn(|| texts(&*store, &channel("dev"))))
                .collect();
            for asking in asking {
                assert_eq!(asking.join().unwrap(), ["before"]);
            }
        });
    };
    ask();
    wait_until("it is stored", || {
        texts(&*node.postgres, &channel("dev")).len() == 1
    });
    for _ in 0..3 {
        redis.kill();
        redis.start_again();
        ask();
        postgres.kill();
        postgres.start_again();
        ask();
    }
}
