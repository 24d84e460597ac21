//! A server that alone has lost Redis directs its clients elsewhere. When all
//! servers have lost it, none does.

use std::time::{Duration, Instant};

use chat_server::hub::News;

use crate::node::Chat;
use crate::proxy::Proxy;
use crate::support::{Redis, wait_until};

fn is_cut_off(news: &News) -> bool {
    matches!(news, News::CutOff)
}

#[test]
fn who_alone_has_lost_redis_says_so_and_comes_back() {
    let redis = Redis::start();
    let mut chat = Chat::within(&redis);
    // It takes hours to give a server up, so no server is found out that way.
    let patient = |settings: &mut chat_server::cluster::ClusterSettings| {
        settings.patience = 1_000_000;
        settings.lone_after = Duration::from_secs(2);
    };
    let other = chat.node_with(patient);
    let proxy = Proxy::start(redis.address());
    chat.redis_url = proxy.url();
    let lone = chat.node_with(|settings| {
        patient(settings);
        settings.address = "lone:1".to_owned();
    });
    wait_until("both know of each other", || {
        lone.cluster.nodes().len() == 2
    });
    proxy.stand_still();
    lone.heard.wait_count("it is told to go", 1, is_cut_off);
    let own = |node: &chat_server::cluster::NodeInfo| node.address == "lone:1";
    for node in [&lone, &other] {
        wait_until("no client is directed there", || {
            let nodes = node.cluster.nodes();
            nodes.iter().any(|node| own(node) && !node.is_ready)
        });
    }
    lone.cluster.rejoin();
    proxy.go_on();
    wait_until("it is back", || lone.cluster.readiness().is_none());
    lone.say(1, "dev", "back");
    other.wait_told(1);
    assert_eq!(lone.heard.count(is_cut_off), 1);
    assert_eq!(other.heard.count(is_cut_off), 0);
}

#[test]
fn when_all_have_lost_redis_everybody_stays() {
    let redis = Redis::start();
    let chat = Chat::within(&redis);
    let nodes = [(); 3].map(|()| {
        chat.node_with(|settings| {
            settings.patience = 1_000_000;
            settings.lone_after = Duration::from_secs(4);
        })
    });
    // Long enough for every server to know of it.
    let wait = |time| {
        let until = Instant::now() + time;
        wait_until("it has lasted long enough", || Instant::now() > until);
    };
    wait(Duration::from_secs(5));
    redis.kill();
    wait(Duration::from_secs(9));
    redis.start_again();
    for node in &nodes {
        wait_until("the server is ready", || node.cluster.readiness().is_none());
        assert_eq!(node.heard.count(is_cut_off), 0);
    }
}

#[test]
fn two_with_one_address_are_noticed_and_one_that_was_started_again_is_not() {
    let chat = Chat::new();
    let at = |address: &str| {
        chat.node_with(|settings| {
            settings.address = address.to_owned();
            settings.beat = Duration::from_millis(50);
        })
    };
    let (first, other) = (at("same:1"), at("other:1"));
    // The server is killed and started again before it is given up.
    drop(first);
    let again = at("same:1");
    let twin = at("same:1");
    for node in [&again, &twin] {
        wait_until("the twin is noticed", || node.cluster.health().has_twin);
    }
    twin.shut_down();
    wait_until("the twin is forgotten", || !again.cluster.health().has_twin);
    assert!(!other.cluster.health().has_twin);
}
