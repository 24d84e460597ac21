//! A server hears of what its own people need, of all of it once and in order, and of nothing else.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use chat_server::cluster::{Cluster, ClusterSettings, Delivery};
use chat_server::hub::{Fate, MessageId, News, RosterChange, Shared};
use chat_server::model::governance::{Change, Flag};
use chat_server::store::Window;

use crate::node::{Chat, Node, account, channel, direct, joined, left, name, online, texts};
use crate::outages::nothing_is_lost_or_doubled;
use crate::proxy::Proxy;
use crate::rules::{change, make};
use crate::support::{Redis, wait_until};

fn chat(redis: &Redis) -> Chat {
    Chat::within(redis).by(Delivery::Interest)
}

/// A server without people.
fn empty(chat: &Chat, change: impl FnOnce(&mut ClusterSettings)) -> Node {
    let mut settings = chat.settings();
    change(&mut settings);
    Node::start_empty(settings, chat.postgres())
}

/// How many channels and people a server follows, and how many gaps it has filled.
fn followed(node: &Node) -> u64 {
    node.cluster.health().interest.unwrap().followed
}

fn gaps(node: &Node) -> u64 {
    node.cluster.health().interest.unwrap().gaps
}

/// Redis ends the connections on which it publishes.
fn kill_ears(redis: &Redis) -> usize {
    let mut command = redis::cmd("CLIENT");
    command.arg("KILL").arg("TYPE").arg("pubsub");
    command.query(&mut redis.connect()).unwrap()
}

#[test]
fn a_server_hears_of_channels_while_it_has_people_there() {
    let chat = chat(Redis::shared());
    let speaker = empty(&chat, |_| {});
    let other = empty(&chat, |settings| {
        settings.linger = Duration::from_millis(200);
    });
    let reader = other.enter(&["dev"]);
    // The sender need not be followed for a message to be settled.
    for number in 0..20 {
        speaker.say(number, ["dev", "ops"][(number % 2) as usize], "hello");
        assert!(matches!(speaker.fate_of(number), Fate::Committed(_)));
    }
    other.wait_told(10);
    other.share(joined(&reader, "ops"));
    assert!(other.cluster.attend_channel(&name("ops")));
    speaker.say(20, "ops", "hello");
    assert_eq!(other.wait_told(11).len(), 11);
    other.share(left(&reader, "dev"));
    wait_until("one channel is left", || followed(&other) == 1);
    speaker.say(21, "dev", "nobody hears this");
    speaker.say(22, "ops", "hello");
    assert_eq!(other.wait_told(12).len(), 12);
    assert_eq!(speaker.wait_told(23).len(), 23);
    assert_eq!(followed(&speaker), 0);
    other.share(Shared::Roster(RosterChange::Offline { name: reader }));
    wait_until("nothing is left", || followed(&other) == 0);
}

#[test]
fn who_comes_while_others_speak_misses_nothing_and_has_nothing_twice() {
    const ROOMS: u64 = 20;
    let room = |number: u64| format!("room{}", number % ROOMS);
    let chat = chat(Redis::shared());
    let [speaker, other] = [(); 2].map(|()| empty(&chat, |_| {}));
    let is_over = AtomicBool::new(false);
    let reader = other.enter(&[]);
    let (pasts, said) = thread::scope(|scope| {
        let speaking = scope.spawn(|| {
            let mut number = 0;
            while !is_over.load(Ordering::SeqCst) {
                speaker.say(number, &room(number), "hello");
                number += 1;
                thread::sleep(Duration::from_micros(200));
            }
            number
        });
        let pasts: Vec<MessageId> = (0..ROOMS)
            .map(|number| {
                other.share(joined(&reader, &room(number)));
                assert!(other.cluster.attend_channel(&name(&room(number))));
                // As the hub does: this is the past, and the rest is heard.
                let (store, of) = (other.cluster.store(), channel(&room(number)));
                let past = store.history(&of, Window::Latest, 20).unwrap();
                past.messages
                    .last()
                    .map_or_else(MessageId::default, |it| it.id)
            })
            .collect();
        is_over.store(true, Ordering::SeqCst);
        (pasts, speaking.join().unwrap())
    });
    speaker.wait_told(said as usize);
    let fates = speaker.fates();
    for (number, past) in (0..ROOMS).zip(pasts) {
        let expected: Vec<MessageId> = fates
            .iter()
            .filter_map(|(said, fate)| match fate {
                Fate::Committed(id) if said % ROOMS == number && *id > past => Some(*id),
                _ => None,
            })
            .collect();
        let heard = || -> Vec<MessageId> {
            other.heard.all(|news| match news {
                News::Message(it) if it.place.channel() == Some(&name(&room(number))) => {
                    (it.id > past).then_some(it.id)
                }
                _ => None,
            })
        };
        wait_until("the rest is heard", || heard().len() >= expected.len());
        assert_eq!(heard(), expected, "{}", room(number));
    }
}

#[test]
fn connections_that_redis_ends_again_and_again_lose_nothing() {
    let redis = Redis::start();
    let chat = chat(&redis);
    let [one, other] = [chat.node(), chat.node()];
    nothing_is_lost_or_doubled(&one, &other, |said| {
        for _ in 0..30 {
            kill_ears(&redis);
            let before = said.load(Ordering::SeqCst);
            wait_until("messages are being sent", || {
                said.load(Ordering::SeqCst) > before + 20
            });
        }
    });
    assert!(gaps(&one) + gaps(&other) > 0);
}

#[test]
fn a_publication_that_was_lost_is_found_with_the_next_one() {
    let chat = chat(Redis::shared());
    let [speaker, other] = [chat.node(), chat.node()];
    speaker.say(1, "dev", "one");
    other.wait_told(1);
    // As if the second one had been published, and had not arrived.
    let mut redis = Redis::shared().connect();
    let recent: Vec<String> = redis::cmd("KEYS")
        .arg(format!("{}:recent:*#dev", chat.prefix))
        .query(&mut redis)
        .unwrap();
    let shard: String = recent[0].split(['{', '}']).nth(1).unwrap().to_owned();
    let log = format!("{}:log:{shard}", chat.prefix);
    let script = redis::Script::new(
        "local first = redis.call('XRANGE', KEYS[1], '-', '+', 'COUNT', 1)[1]
         local entry = string.gsub(first[2][4], 'one', 'two')
         local id = redis.call('XADD', KEYS[1], '*', 'n', first[2][2], 'e', entry)
         local ms, sequence = string.match(id, '(%d+)-(%d+)')
         local message = ms .. '-' .. string.format('%.0f', sequence * 64 + ARGV[1])
         local last = string.match(redis.call('LINDEX', KEYS[2], -1), '^%S+')
         return redis.call('RPUSH', KEYS[2], ms .. '-0 ' .. last .. ' ' .. message)",
    );
    let mut script = script.key(&log);
    let _: u64 = script
        .key(&recent[0])
        .arg(&shard)
        .invoke(&mut redis)
        .unwrap();
    speaker.say(3, "dev", "three");
    other.wait_told(3);
    let told = other.heard.all(|news| match news {
        News::Message(message) => Some(message.body.text.as_str().to_owned()),
        _ => None,
    });
    assert_eq!(told, ["one", "two", "three"]);
    assert_eq!(gaps(&other), 1);
}

#[test]
fn a_server_that_takes_nothing_loses_its_connection_and_no_message() {
    const SAID: u64 = 3000;
    let redis = Redis::start();
    let limit = redis::cmd("CONFIG")
        .arg("SET")
        .arg("client-output-buffer-limit")
        .arg("pubsub 65536 65536 1")
        .query::<String>(&mut redis.connect());
    assert_eq!(limit.as_deref(), Ok("OK"));
    let chat = chat(&redis);
    let many = |settings: &mut ClusterSettings| settings.recent = 100_000;
    let [speaker, other] = [chat.node_with(many), chat.node_with(many)];
    let held = other.heard.hold();
    // More than the buffers of the system take.
    let text = "x".repeat(8000);
    for number in 0..SAID {
        speaker.say(number, "dev", &text);
    }
    speaker.heard.wait("all are settled", || {
        (speaker.fates().len() == SAID as usize).then_some(())
    });
    drop(held);
    let told = other.wait_told(SAID as usize);
    assert_eq!(told.len(), SAID as usize);
    assert!(told.is_sorted_by(|a, b| a < b));
    assert!(gaps(&other) > 0, "Redis has kept the connection");
}

#[test]
fn a_server_that_has_missed_more_than_is_kept_begins_anew() {
    let redis = Redis::start();
    let mut chat = chat(&redis);
    let settings = |settings: &mut ClusterSettings| {
        settings.recent = 10;
        settings.patience = 1_000_000;
    };
    let speaker = chat.node_with(settings);
    let proxy = Proxy::start(redis.address());
    chat.redis_url = proxy.url();
    let other = chat.node_with(settings);
    speaker.say(0, "dev", "before");
    other.wait_told(1);
    proxy.stand_still();
    wait_until("it hears nothing", || other.cluster.readiness().is_some());
    for number in 1..500 {
        speaker.say(number, "dev", "missed");
    }
    speaker.wait_told(500);
    proxy.cut();
    proxy.go_on();
    let is_cut_off = |news: &News| matches!(news, News::CutOff);
    other.heard.wait_count("it is cut off", 1, is_cut_off);
    other.cluster.rejoin();
    wait_until("it is back", || other.cluster.readiness().is_none());
    other.enter(&["dev"]);
    let before = other.told().len();
    speaker.say(500, "dev", "after");
    other.wait_told(before + 1);
}

#[test]
fn a_private_message_comes_to_its_two_parties_and_to_nobody_else() {
    let chat = chat(Redis::shared());
    let nodes = [(); 3].map(|()| empty(&chat, |_| {}));
    let [here, there, elsewhere] = &nodes;
    let (amy, bob) = (
        account(&*here.postgres, "amy"),
        account(&*here.postgres, "bob"),
    );
    assert!(here.claim("amy", Some(amy)) && there.claim("bob", Some(bob)));
    here.share(online(&name("amy"), Some(amy)));
    there.share(online(&name("bob"), Some(bob)));
    elsewhere.enter(&["dev"]);
    let numbers = 1..=50;
    for number in numbers.clone() {
        let refused = here.cluster.append(vec![direct(number, amy, bob, "psst")]);
        assert!(refused.is_empty());
    }
    let count = numbers.count();
    let received = |news: &News| matches!(news, News::Private { .. });
    let copied = |news: &News| matches!(news, News::Copy { .. });
    there.heard.wait_count("they are received", count, received);
    here.heard.wait_count("they are copied", count, copied);
    // What is said afterwards in public has come after that.
    here.say(60, "dev", "the end");
    elsewhere.wait_told(1);
    let counts = nodes.each_ref().map(|node| {
        let (received, copied) = (node.heard.count(received), node.heard.count(copied));
        (received, copied)
    });
    assert_eq!(counts, [(0, count), (count, 0), (0, 0)]);
    assert_eq!(here.fates().len(), count + 1);
}

#[test]
fn rules_of_a_channel_are_known_where_nobody_is_in_it() {
    let chat = chat(Redis::shared());
    let [maker, member, other] = [(); 3].map(|()| empty(&chat, |_| {}));
    member.enter(&["dev"]);
    let moderated = |number| change(number, "dev", vec![Change::Flag(Flag::Moderated, true)]);
    make(&maker, &moderated(1));
    maker.say(2, "dev", "and");
    make(&maker, &moderated(3));
    for number in 1..=3 {
        assert!(matches!(maker.fate_of(number), Fate::Committed(_)));
    }
    let heard = |node: &Node| {
        node.heard.all(|news| match news {
            News::Changed(change) => Some(change.id),
            News::Message(message) => Some(message.id),
            _ => None,
        })
    };
    wait_until("all is heard", || {
        heard(&member).len() == 3 && heard(&other).len() == 2
    });
    // In the order of the log.
    assert!(heard(&member).is_sorted_by(|a, b| a < b));
    let rules = [&maker, &member, &other].map(|node| node.cluster.rules().unwrap());
    assert!(rules.iter().all(|it| *it == rules[0] && it.len() == 1));
}

#[test]
fn thousands_of_channels_are_followed_again_when_redis_was_restarted() {
    const CHANNELS: u64 = 2000;
    let redis = Redis::start();
    let chat = chat(&redis);
    let [speaker, other] = [(); 2].map(|()| empty(&chat, |_| {}));
    let rooms: Vec<String> = (0..CHANNELS)
        .map(|number| format!("room{number}"))
        .collect();
    let rooms: Vec<&str> = rooms.iter().map(String::as_str).collect();
    other.enter(&rooms);
    assert_eq!(followed(&other), CHANNELS);
    for number in 0..CHANNELS {
        speaker.say(number, rooms[number as usize], "before");
    }
    other.wait_told(CHANNELS as usize);
    for round in 1..=2 {
        redis.kill();
        wait_until("the outage is noticed", || {
            [&speaker, &other]
                .iter()
                .all(|it| it.cluster.readiness().is_some())
        });
        redis.start_again();
        wait_until("the servers are ready", || {
            [&speaker, &other]
                .iter()
                .all(|it| it.cluster.readiness().is_none())
        });
        for number in 0..CHANNELS {
            let number = round * CHANNELS + number;
            speaker.say(number, rooms[(number % CHANNELS) as usize], "after");
        }
        let told = other.wait_told(((round + 1) * CHANNELS) as usize);
        let distinct: BTreeSet<&MessageId> = told.iter().collect();
        assert_eq!(distinct.len() as u64, (round + 1) * CHANNELS);
    }
    let bad = |news: &News| matches!(news, News::CutOff | News::Gone(_));
    assert_eq!(speaker.heard.count(bad) + other.heard.count(bad), 0);
}

#[test]
fn what_is_kept_for_gaps_has_an_end() {
    let chat = chat(Redis::shared());
    let settings = |settings: &mut ClusterSettings| {
        settings.recent = 10;
        settings.keep = 20;
    };
    let node = chat.node_with(settings);
    let mut redis = Redis::shared().connect();
    let mut count = |command: &str, key: &str| -> usize {
        let key = format!("{}:{key}", chat.prefix);
        let counted = redis::cmd(command).arg(key).query(&mut redis);
        let counted: redis::Value = counted.unwrap();
        match counted {
            redis::Value::Int(count) => usize::try_from(count).unwrap(),
            redis::Value::Array(keys) => keys.len(),
            other => panic!("{other:?}"),
        }
    };
    for number in 0..1000 {
        node.say(number, "dev", "hello");
    }
    node.wait_told(1000);
    assert_eq!(count("KEYS", "recent:*"), 1);
    let kept = (0..4).map(|shard| count("LLEN", &format!("recent:{{{shard}}}:#dev")));
    assert_eq!(kept.sum::<usize>(), 10);
    wait_until("nothing is kept", || count("KEYS", "recent*") == 0);
    // Whoever was there all the time goes on.
    node.say(1000, "dev", "hello");
    node.wait_told(1001);
    assert_eq!(node.cluster.readiness(), None);
}

#[test]
fn all_servers_of_a_chat_deliver_in_one_form() {
    let redis = Redis::start();
    let chat = Chat::within(&redis);
    let first = chat.node();
    first.say(1, "dev", "before");
    let refusal = |delivery| {
        let mut settings = chat.settings();
        settings.delivery = delivery;
        let started = Cluster::start(settings, chat.postgres(), |_| true, || {});
        started.err().map(|error| error.to_string()).unwrap()
    };
    let said = refusal(Delivery::Interest);
    assert!(
        said.contains("cluster.delivery \"all\", not \"interest\""),
        "{said}"
    );
    first.wait_told(1);
    first.shut_down();
    // Once all have ended, another form can be chosen, also if the last one did not say goodbye.
    let second = chat.node_with(|settings| settings.delivery = Delivery::Interest);
    second.say(2, "dev", "after");
    second.wait_told(1);
    let said = refusal(Delivery::All);
    assert!(
        said.contains("cluster.delivery \"interest\", not \"all\""),
        "{said}"
    );
    assert_eq!(
        texts(&*second.cluster.store(), &channel("dev")),
        ["before", "after"]
    );
    drop(second);
    wait_until("no server lives", || {
        let mut settings = chat.settings();
        settings.delivery = Delivery::All;
        let started = Cluster::start(settings, chat.postgres(), |_| true, || {});
        started.is_ok()
    });
}

#[test]
fn a_server_starts_although_redis_is_slow_to_answer() {
    let redis = Redis::start();
    let chat = Chat::within(&redis);
    redis.stop();
    thread::scope(|scope| {
        let starting = scope.spawn(|| chat.node());
        // Longer than any answer may take once it runs.
        thread::sleep(Duration::from_secs(4));
        redis.go_on();
        let node = starting.join().unwrap();
        node.say(1, "dev", "here I am");
        node.wait_told(1);
    });
}
