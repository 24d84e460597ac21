//! The others give up a server that falls silent; it comes back under a new id.

use std::time::{Duration, Instant};

use chat_server::hub::{Fate, News, NodeId, RosterChange, Shared};

use crate::node::{Chat, draft, name};
use crate::proxy::Proxy;
use crate::support::{Redis, wait_until};

fn gone(node: NodeId) -> impl Fn(&News) -> bool {
    move |news| matches!(news, News::Gone(who) if *who == node)
}

fn is_cut_off(news: &News) -> bool {
    matches!(news, News::CutOff)
}

fn bob_online() -> Shared {
    Shared::Roster(RosterChange::Online {
        name: name("bob"),
        account: None,
        cloak: None,
    })
}

#[test]
fn who_is_not_heard_of_is_dead_and_comes_back_as_another() {
    let redis = Redis::shared();
    let mut chat = Chat::new();
    let others = [chat.node(), chat.node()];
    let proxy = Proxy::start(redis.address());
    chat.redis_url = proxy.url();
    let lone = chat.node();
    let old = lone.cluster.node();
    assert!(lone.claim("bob", None));
    lone.share(bob_online());
    lone.say(1, "dev", "here I am");
    others[0].wait_told(1);

    proxy.stand_still();
    lone.say(2, "dev", "does anybody hear me?");
    for other in &others {
        other.heard.wait_count("it is dead", 1, gone(old));
    }
    assert!(
        others[0].claim("bob", None),
        "the names of the dead are free"
    );

    proxy.go_on();
    lone.heard.wait_count("it is cut off", 1, is_cut_off);
    assert!(lone.cluster.readiness().is_some());
    assert_eq!(lone.cluster.append(vec![draft(3, "dev", "x")]).len(), 1);
    lone.cluster.rejoin();
    wait_until("it is back", || lone.cluster.readiness().is_none());
    assert_ne!(lone.cluster.node(), old);
    assert!(!lone.claim("bob", None), "another server has it");
    lone.say(4, "dev", "here I am again");
    assert!(matches!(lone.fate_of(4), Fate::Committed(_)));
    // The dead server did not publish its last messages.
    let said = others[1].wait_told(2);
    assert_eq!(said.len(), 2);
    for other in &others {
        assert_eq!(other.heard.count(|news| matches!(news, News::Gone(_))), 1);
        assert_eq!(other.heard.count(is_cut_off), 0);
    }
    assert_eq!(lone.heard.count(is_cut_off), 1);
}

#[test]
fn who_comes_back_hears_anew_who_is_there() {
    let redis = Redis::shared();
    let mut chat = Chat::new();
    let other = chat.node();
    other.share(bob_online());
    let proxy = Proxy::start(redis.address());
    chat.redis_url = proxy.url();
    let lone = chat.node();
    let told = |news: &News| matches!(news, News::Roster(_, RosterChange::Online { .. }));
    lone.heard.wait_count("bob is told", 1, told);
    proxy.stand_still();
    let old = lone.cluster.node();
    other.heard.wait_count("it is dead", 1, gone(old));
    proxy.go_on();
    lone.heard.wait_count("it is cut off", 1, is_cut_off);
    // This belongs to the life that is over: no server hears of it.
    lone.share(Shared::Roster(RosterChange::Offline { name: name("amy") }));
    lone.cluster.rejoin();
    lone.heard.wait_count("bob is told again", 2, told);
    lone.share(Shared::Roster(RosterChange::Online {
        name: name("eve"),
        account: None,
        cloak: None,
    }));
    other.heard.wait_count("eve is told", 1, told);
    let roster = other.heard.all(|news| match news {
        News::Roster(node, change) => Some((*node, change.clone())),
        _ => None,
    });
    let expected = RosterChange::Online {
        name: name("eve"),
        account: None,
        cloak: None,
    };
    assert_eq!(roster, [(lone.cluster.node(), expected)]);
}

#[test]
fn a_redis_that_stands_still_makes_nobody_dead() {
    let redis = Redis::start();
    let chat = Chat::within(&redis);
    let nodes = [chat.node(), chat.node(), chat.node()];
    assert!(nodes[0].claim("bob", None));
    nodes[0].share(bob_online());
    redis.stop();
    // Twice as long as it takes to give a server up.
    let until = Instant::now() + Duration::from_secs(6);
    wait_until("it has stood still for long enough", || {
        Instant::now() > until
    });
    redis.go_on();
    for node in &nodes {
        wait_until("the server is ready", || node.cluster.readiness().is_none());
    }
    // And after some beats no server is given up either.
    let connections = 12;
    nodes[0].cluster.set_load(connections);
    wait_until("beats are heard", || {
        let nodes = nodes[1].cluster.nodes();
        nodes.len() == 3 && nodes.iter().any(|node| node.connections == connections)
    });
    for node in &nodes {
        let bad = |news: &News| matches!(news, News::Gone(_) | News::CutOff);
        assert_eq!(node.heard.count(bad), 0);
    }
    assert!(!nodes[1].claim("bob", None));
}

#[test]
fn who_ends_in_good_order_is_gone_at_once_and_loses_nothing() {
    let chat = Chat::new();
    // It would take minutes to give a server up.
    let [one, two] = [(); 2].map(|()| chat.node_with(|settings| settings.patience = 10_000));
    let node = one.cluster.node();
    assert!(one.claim("bob", None));
    one.share(bob_online());
    for number in 0..500 {
        one.say(number, "dev", "last words");
    }
    let heard = one.heard.clone();
    one.shut_down();
    let committed = |news: &News| match news {
        News::Settled(settled) => matches!(settled.fate, Fate::Committed(_)),
        _ => false,
    };
    assert_eq!(heard.count(committed), 500, "the end came too early");
    assert_eq!(heard.count(is_cut_off), 0);
    two.heard.wait_count("it is gone", 1, gone(node));
    two.wait_told(500);
    assert!(two.claim("bob", None));
    assert_eq!(two.told().len(), 500);
}

#[test]
fn nothing_is_left_of_the_dead() {
    let chat = Chat::new();
    let [one, two] = [chat.node(), chat.node()];
    for number in 0..1200 {
        assert!(one.claim(&format!("guest{number}"), None));
    }
    one.share(bob_online());
    one.shut_down();
    let mut redis = Redis::shared().connect();
    wait_until("everything is tidied up", || {
        let keys: Vec<String> = redis::cmd("KEYS")
            .arg(format!("{}:*", chat.prefix))
            .query(&mut redis)
            .unwrap();
        let left = |kind: &str| {
            let kind = format!("{}:{kind}", chat.prefix);
            keys.iter().any(|key| key.starts_with(&kind))
        };
        !left("name:") && !left("names:") && !left("people:") && !left("dead")
    });
    drop(two);
}

#[test]
fn a_redis_that_has_lost_everything_is_begun_with_anew() {
    let redis = Redis::start();
    let chat = Chat::within(&redis);
    let node = chat.node();
    node.say(1, "dev", "before");
    node.wait_told(1);
    wait_until("it is stored", || {
        let stored = node.postgres.last_message_id().unwrap();
        stored.ms > 0
    });
    let _: () = redis::cmd("FLUSHALL").query(&mut redis.connect()).unwrap();
    node.heard.wait_count("it is cut off", 1, is_cut_off);
    node.cluster.rejoin();
    wait_until("it is back", || node.cluster.readiness().is_none());
    node.say(2, "dev", "after");
    node.wait_told(2);
    let store = node.cluster.store();
    let found = crate::node::texts(&*store, &crate::node::channel("dev"));
    assert_eq!(found, ["before", "after"]);
    node.shut_down();
}

#[test]
fn a_redis_that_has_lost_the_latest_is_not_trusted() {
    let chat = Chat::new();
    let [node, other] = [chat.node(), chat.node()];
    node.share(bob_online());
    node.say(1, "dev", "one");
    other.wait_told(1);
    node.say(2, "dev", "two");
    other.wait_told(2);
    // As after a loss of power, with a file that is synced only now and then.
    let key = format!("{}:answer:{:016x}", chat.prefix, node.cluster.node().0);
    let mut redis = Redis::shared().connect();
    let answer: String = redis::cmd("GET").arg(&key).query(&mut redis).unwrap();
    let number: u64 = answer.split(' ').next().unwrap().parse().unwrap();
    let earlier = format!("{} 1", number - 1);
    let _: () = redis::cmd("SET")
        .arg(&key)
        .arg(earlier)
        .query(&mut redis)
        .unwrap();
    node.say(3, "dev", "three");
    assert_eq!(node.fate_of(3), Fate::NotStored);
    node.heard.wait_count("it is cut off", 1, is_cut_off);
    node.cluster.rejoin();
    wait_until("it is back", || node.cluster.readiness().is_none());
    node.say(4, "dev", "four");
    assert_eq!(other.wait_told(3).len(), 3);
    assert_eq!(other.heard.count(is_cut_off), 0);
}
