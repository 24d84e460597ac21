//! Every wait ends.

use std::time::Duration;

use chat_server::cluster::{Cluster, ClusterError, ClusterSettings, RedisUrl};
use chat_server::hub::{Fate, News, Order, RosterChange, Shared};

use crate::node::{Chat, channel, draft, handle, name, texts};
use crate::support::{Redis, free_address, wait_until};

fn joined(number: usize) -> Shared {
    Shared::Roster(RosterChange::Joined {
        name: name("amy"),
        channel: name(&format!("room{number}")),
    })
}

#[test]
fn messages_beyond_the_queue_are_refused_and_the_rest_is_sent() {
    let redis = Redis::start();
    let chat = Chat::within(&redis);
    let node = chat.node_with(|settings| {
        settings.queue_bytes = 100 * 300;
        settings.refuse_after = Duration::from_secs(3600);
    });
    redis.stop();
    let mut refused = Vec::new();
    // More than fit into the queue and the batch being written.
    for number in 0..2000 {
        refused.extend(
            node.cluster
                .append(vec![draft(number, "dev", &"x".repeat(44))]),
        );
    }
    assert!(refused.contains(&handle(1999)) && !refused.contains(&handle(0)));
    redis.go_on();
    let sent = 2000 - refused.len();
    node.wait_told(sent);
    let fates = node.fates();
    assert_eq!(fates.len(), sent);
    assert!(
        fates
            .iter()
            .all(|(_, fate)| matches!(fate, Fate::Committed(_)))
    );
    assert_eq!(
        texts(&*node.cluster.store(), &channel("dev")).len(),
        sent.min(1000)
    );
}

#[test]
fn who_cannot_tell_who_is_there_is_cut_off_and_comes_back() {
    let redis = Redis::start();
    let chat = Chat::within(&redis);
    let other = chat.node();
    let node = chat.node_with(|settings| settings.queue_shares = 50);
    let old = node.cluster.node();
    redis.stop();
    node.share(Shared::Roster(RosterChange::Online {
        name: name("amy"),
        account: None,
        cloak: None,
    }));
    // More than fit into the queue and the batch being written.
    for number in 0..2000 {
        node.cluster.share(vec![joined(number)]);
    }
    let is_cut_off = |news: &News| matches!(news, News::CutOff);
    node.heard.wait_count("it is cut off", 1, is_cut_off);
    node.cluster.rejoin();
    redis.go_on();
    wait_until("it is back", || node.cluster.readiness().is_none());
    assert_ne!(node.cluster.node(), old);
    let gone = |news: &News| matches!(news, News::Gone(node) if *node == old);
    other.heard.wait_count("its old life is over", 1, gone);
    node.say(1, "dev", "back");
    other.wait_told(1);
    assert_eq!(node.heard.count(is_cut_off), 1);
}

#[test]
fn nobody_waits_for_ever_for_a_name() {
    let redis = Redis::start();
    let chat = Chat::within(&redis);
    let node = chat.node();
    redis.stop();
    let claim = |most| node.cluster.claim_name(&name("bob"), None, most);
    assert!(claim(Duration::from_millis(50)).is_err());
    redis.go_on();
    // The claim was carried out meanwhile, for this very server.
    assert_eq!(claim(Duration::from_secs(30)), Ok(true));
}

#[test]
fn an_end_comes_in_time_though_redis_is_away() {
    let redis = Redis::start();
    let chat = Chat::within(&redis);
    let mut node = chat.node();
    redis.stop();
    for number in 0..100 {
        node.cluster.append(vec![draft(number, "dev", "x")]);
    }
    let threads = node.threads.take().unwrap();
    assert!(!threads.shut_down(Duration::from_millis(100)));
    assert_eq!(
        node.cluster.append(vec![draft(200, "dev", "x")]),
        [handle(200)]
    );
    node.share(Shared::Order(Order::Revoke { token: "t".into() }));
    redis.go_on();
}

#[test]
fn what_cannot_work_is_said_at_the_start() {
    let chat = Chat::new();
    let first = chat.node();
    let start = |change: fn(&mut ClusterSettings)| {
        let mut settings = chat.settings();
        change(&mut settings);
        Cluster::start(settings, chat.postgres(), |_| true, || {})
            .map(|_| ())
            .unwrap_err()
    };
    let other = start(|settings| settings.shards = 8);
    assert!(matches!(&other, ClusterError::OtherShards { ours: 8, theirs } if theirs == "4"));
    assert!(matches!(
        start(|settings| settings.shards = 65),
        ClusterError::Shards(65)
    ));
    let user = start(|settings| {
        settings.redis = RedisUrl::parse(&format!("redis://:secret@{}", free_address())).unwrap();
    });
    let words = user.to_string();
    assert!(
        words.contains("127.0.0.1") && !words.contains("secret"),
        "{words}"
    );
    assert!(first.cluster.nodes().len() <= 1);
}
