//! Every message gets into PostgreSQL once, whichever server dies on the way;
//! then it is trimmed from the log.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use chat_server::cluster::Cluster;
use chat_server::hub::{Fate, News, Order, Shared};
use chat_server::store::Window;

use crate::history::Slow;
use crate::node::{Chat, Node, channel, texts};
use crate::proxy::Proxy;
use crate::support::{Redis, wait_until};

#[test]
fn what_the_dead_left_is_stored_by_others_once() {
    let redis = Redis::shared();
    let mut chat = Chat::new();
    let direct_url = chat.redis_url.clone();
    let proxy = Proxy::start(redis.address());
    chat.redis_url = proxy.url();
    let slow = Arc::new(Slow::new(chat.postgres(), true));
    // All entries are assigned to this server, which never finishes.
    let doomed = Node::start(chat.settings(), slow.clone());
    for number in 0..400 {
        doomed.say(number, "dev", &number.to_string());
    }
    doomed.wait_told(400);
    let dev = channel("dev");
    assert_eq!(texts(&*doomed.postgres, &dev).len(), 0);
    proxy.stand_still();
    chat.redis_url = direct_url;
    let [one, two] = [chat.node(), chat.node()];
    let expected: Vec<String> = (0..400).map(|number| number.to_string()).collect();
    assert_eq!(texts(&*two.cluster.store(), &dev), expected);
    wait_until("all is stored", || texts(&*one.postgres, &dev).len() == 400);
    let is_gone = |news: &News| matches!(news, News::Gone(_));
    one.heard.wait_count("it is dead", 1, is_gone);
    // It wakes up and finishes its transaction, too.
    slow.is_held.store(false, Ordering::SeqCst);
    proxy.go_on();
    doomed
        .heard
        .wait_count("it is cut off", 1, |news| matches!(news, News::CutOff));
    doomed.shut_down();
    assert_eq!(texts(&*one.postgres, &dev), expected);
    let ids: Vec<_> = one
        .postgres
        .history(&dev, Window::Latest, 1000)
        .unwrap()
        .messages;
    assert!(ids.is_sorted_by(|a, b| a.id < b.id));
}

#[test]
fn what_is_old_and_stored_is_removed_from_the_log() {
    let chat = Chat::new();
    let quick = || {
        chat.node_with(|settings| {
            settings.beat = Duration::from_millis(20);
            settings.patience = 1000;
            // Two seconds: a busy reader must not miss what is removed meanwhile.
            settings.keep = 100;
        })
    };
    let [one, two] = [quick(), quick()];
    for number in 0..300 {
        one.say(number, "dev", &number.to_string());
    }
    two.wait_told(300);
    let mut redis = Redis::shared().connect();
    let mut length = |stream: &str| -> usize {
        redis::cmd("XLEN")
            .arg(format!("{}:{stream}", chat.prefix))
            .query(&mut redis)
            .unwrap()
    };
    wait_until("the log is empty", || {
        (0..4)
            .map(|shard| length(&format!("log:{shard}")))
            .sum::<usize>()
            == 0
    });
    let expected: Vec<String> = (0..300).map(|number| number.to_string()).collect();
    assert_eq!(texts(&*two.cluster.store(), &channel("dev")), expected);
    // No client has missed anything because of it, and the server goes on.
    two.say(300, "dev", "300");
    one.wait_told(301);
    for node in [&one, &two] {
        assert_eq!(node.heard.count(|news| matches!(news, News::CutOff)), 0);
    }
}

#[test]
fn what_is_not_stored_is_never_removed_from_the_log() {
    let chat = Chat::new();
    let slow = Arc::new(Slow::new(chat.postgres(), true));
    let mut settings = chat.settings();
    settings.beat = Duration::from_millis(20);
    settings.patience = 1000;
    settings.keep = 100;
    let node = Node::start(settings, slow.clone());
    for number in 0..300 {
        node.say(number, "dev", "keep me");
    }
    node.wait_told(300);
    let mut redis = Redis::shared().connect();
    // The news are trimmed meanwhile: their age is the age of all entries.
    node.share(Shared::Order(Order::Revoke { token: "t".into() }));
    let mut trimmed = || -> Vec<String> {
        redis::cmd("HKEYS")
            .arg(format!("{}:trimmed", chat.prefix))
            .query(&mut redis)
            .unwrap()
    };
    wait_until("the news are removed", || !trimmed().is_empty());
    assert_eq!(trimmed(), ["news"]);
    let store = node.cluster.store();
    assert_eq!(texts(&*store, &channel("dev")).len(), 300);
    slow.is_held.store(false, Ordering::SeqCst);
    wait_until("it is stored and removed", || {
        trimmed().len() == 2 && texts(&*node.postgres, &channel("dev")).len() == 300
    });
    assert_eq!(texts(&*store, &channel("dev")).len(), 300);
}

#[test]
fn who_has_missed_what_was_removed_is_cut_off() {
    let redis = Redis::shared();
    let mut chat = Chat::new();
    let proxy = Proxy::start(redis.address());
    let direct_url = std::mem::replace(&mut chat.redis_url, proxy.url());
    // It takes hours to give a silent server up.
    let patient = |settings: &mut chat_server::cluster::ClusterSettings| {
        settings.beat = Duration::from_millis(20);
        settings.patience = 1_000_000;
        settings.keep = 100;
    };
    let late = chat.node_with(patient);
    chat.redis_url = direct_url;
    let other = chat.node_with(patient);
    late.say(1, "dev", "first");
    late.wait_told(1);
    proxy.stand_still();
    for number in 0..100 {
        other.say(number, "dev", "what it will miss");
    }
    other.wait_told(101);
    let mut connection = redis.connect();
    wait_until("the log is trimmed", || {
        let lengths: usize = (0..4)
            .map(|shard| -> usize {
                redis::cmd("XLEN")
                    .arg(format!("{}:log:{shard}", chat.prefix))
                    .query(&mut connection)
                    .unwrap()
            })
            .sum();
        lengths == 0
    });
    proxy.cut();
    proxy.go_on();
    late.heard
        .wait_count("it is cut off", 1, |news| matches!(news, News::CutOff));
    // It delivered none of the messages after the gap.
    assert_eq!(late.told().len(), 1);
    late.cluster.rejoin();
    wait_until("it is back", || late.cluster.readiness().is_none());
    late.say(2, "dev", "back");
    assert!(matches!(late.fate_of(2), Fate::Committed(_)));
}

#[test]
fn a_node_whose_hub_does_not_listen_is_known_to_be_behind() {
    let chat = Chat::new();
    let is_held = Arc::new(AtomicBool::new(false));
    let hold = is_held.clone();
    let deliver = move |_| {
        while hold.load(Ordering::SeqCst) {
            std::thread::sleep(Duration::from_millis(1));
        }
        true
    };
    let started = Cluster::start(chat.settings(), chat.postgres(), deliver, || {});
    let (deaf, threads) = started.unwrap();
    // A server joins only when its hub listens.
    is_held.store(true, Ordering::SeqCst);
    let talker = chat.node();
    for number in 0..10 {
        talker.say(number, "dev", &number.to_string());
    }
    talker.wait_told(10);
    wait_until("one is behind, and the other is not", || {
        deaf.health().behind_seconds > 0.5 && talker.cluster.health().behind_seconds == 0.0
    });
    is_held.store(false, Ordering::SeqCst);
    wait_until("it has caught up", || deaf.health().behind_seconds == 0.0);
    assert_eq!(deaf.health().joined, 1);
    threads.shut_down(Duration::from_secs(10));
}
