//! Measures servers that are one chat on this machine: `cargo bench --features
//! cluster --bench cluster`.
//!
//! Prints how many messages a second go through the log from the server that
//! accepts them to another one that delivers them, how long a single message
//! takes, and how fast messages get into PostgreSQL: for servers that hear of
//! everything, and for servers that hear of what their people need. Redis first
//! syncs to disk before every answer, and then once a second. For both kinds of
//! servers it prints what Redis sends for a message in a channel of one
//! server's people; for the second, how long the first join of a channel waits,
//! and how soon a server that follows many channels is ready when Redis was
//! restarted. Words behind `--` choose among `alone`, `many`, `bytes`, `joins`
//! and `restarts`. The benchmark starts Redis and PostgreSQL itself; where they are
//! not installed, it says so and measures nothing.

#[path = "../tests/support/postgres.rs"]
#[allow(dead_code)]
mod postgres;
#[path = "../tests/support/redis.rs"]
#[allow(dead_code)]
mod redis;
mod server {
    /// An address without a listener.
    pub fn free_address() -> std::net::SocketAddr {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.local_addr().unwrap()
    }
}

use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use chat_server::cluster::{Cluster, ClusterSettings, ClusterThreads, Delivery, RedisUrl};
use chat_server::hub::{ConnectionId, Draft, Fate, MessageId, News, RosterChange, Shared};
use chat_server::model::Record;
use chat_server::name::Name;
use chat_server::store::{
    Conversation, DatabaseUrl, Message, Place, PostgresSettings, PostgresStore, Store, Window,
};
use chat_server::text::Text;
use crossbeam_channel::{Receiver, unbounded};

/// What must be installed, each with a shell command that finds it.
const NEEDED: [(&str, &str); 2] = [
    (
        "redis-server",
        "command -v redis-server && command -v redis-cli",
    ),
    (
        "PostgreSQL",
        "command -v initdb || ls /usr/lib/postgresql/*/bin/initdb",
    ),
];
/// How long storing everything in PostgreSQL may take.
const PATIENCE: Duration = Duration::from_secs(120);
const MESSAGES: u64 = 200_000;
const LONE: u64 = 2_000;
const GROUP: u64 = 64;
const CHANNELS: u64 = 100;
/// Most messages in flight.
const WINDOW: u64 = 8_192;
/// Messages of each server whose bytes are counted, and how many are sent at once.
const COUNTED: u64 = 3_000;
const AT_ONCE: u64 = 3;
const IDLE: Duration = Duration::from_secs(10);
const JOINS: u64 = 500;
/// Channels that are followed while Redis is restarted.
const FOLLOWED: u64 = 20_000;
const RESTARTS: usize = 3;

fn main() {
    // `cargo test` runs benches too; there it is enough that they compile.
    if !std::env::args().any(|argument| argument == "--bench") {
        return;
    }
    for (program, is_there) in NEEDED {
        let asked = Command::new("sh").args(["-c", is_there]).output();
        if !asked.is_ok_and(|asked| asked.status.success()) {
            println!("not measured: {program} is not installed (make tools)");
            return;
        }
    }
    let redis = redis::Redis::start();
    let postgres = postgres::Postgres::start();
    let chat = |delivery| Chat::new(&redis, &postgres, delivery);
    let named: Vec<String> = std::env::args().skip(1).collect();
    let named: Vec<&str> = named.iter().map(String::as_str).collect();
    let is_wanted = |case: &str| {
        let mut cases = named
            .iter()
            .filter(|word| !word.starts_with("--"))
            .peekable();
        cases.peek().is_none() || cases.any(|word| *word == case)
    };
    for sync in ["always", "everysec"] {
        let mut command = ::redis::cmd("CONFIG");
        command.arg("SET").arg("appendfsync").arg(sync);
        let _: () = command.query(&mut redis.connect()).unwrap();
        for delivery in [Delivery::All, Delivery::Interest] {
            println!("appendfsync {sync}, {}", word(delivery));
            let chat = chat(delivery);
            let (from, to) = (chat.node(), chat.node());
            let rooms: Vec<Name> = (0..CHANNELS).map(channel).collect();
            from.enter("here", &rooms);
            to.enter("there", &rooms);
            if is_wanted("alone") {
                alone(&from, &to);
            }
            if is_wanted("many") {
                many(&from, &to);
            }
            from.shut_down();
            to.shut_down();
        }
    }
    for servers in [4, 8] {
        for delivery in [Delivery::All, Delivery::Interest] {
            if is_wanted("bytes") {
                bytes(&redis, &chat(delivery), servers);
            }
        }
    }
    if is_wanted("joins") {
        first_joins(&chat(Delivery::Interest));
    }
    if is_wanted("restarts") {
        restarts(&redis, &chat(Delivery::Interest));
    }
}

fn word(delivery: Delivery) -> &'static str {
    match delivery {
        Delivery::All => "all",
        Delivery::Interest => "interest",
    }
}

struct Chat {
    redis: String,
    prefix: String,
    database: String,
    delivery: Delivery,
}

impl Chat {
    fn new(redis: &redis::Redis, postgres: &postgres::Postgres, delivery: Delivery) -> Chat {
        Chat {
            redis: redis.url(),
            prefix: redis.new_prefix(),
            database: postgres.create_database(),
            delivery,
        }
    }

    fn node(&self) -> Node {
        Node::start(self)
    }
}

struct Node {
    cluster: Cluster,
    threads: ClusterThreads,
    /// When messages were delivered, and how many.
    told: Receiver<(Instant, u64)>,
    postgres: Arc<dyn Store>,
}

impl Node {
    fn start(chat: &Chat) -> Node {
        let settings = ClusterSettings {
            prefix: chat.prefix.clone(),
            delivery: chat.delivery,
            ..ClusterSettings::new(RedisUrl::parse(&chat.redis).unwrap())
        };
        let database = DatabaseUrl::parse(&chat.database).unwrap();
        let postgres = PostgresStore::open(PostgresSettings::new(database)).unwrap();
        let postgres: Arc<dyn Store> = Arc::new(postgres);
        let (tell, told) = unbounded();
        let deliver = move |news: Vec<News>| {
            let messages = news.iter().filter(|news| match news {
                News::Message(_) => true,
                News::Settled(settled) => matches!(settled.fate, Fate::Committed(_)),
                _ => false,
            });
            tell.send((Instant::now(), messages.count() as u64)).is_ok()
        };
        let started = Cluster::start(settings, postgres.clone(), deliver, || {});
        let (cluster, threads) = started.unwrap();
        Node {
            cluster,
            threads,
            told,
            postgres,
        }
    }

    /// Someone comes to some channels.
    fn enter(&self, who: &str, rooms: &[Name]) {
        let who = Name::parse(who).unwrap();
        let online = RosterChange::Online {
            name: who.clone(),
            account: None,
            cloak: None,
        };
        let joins = rooms.iter().map(|channel| RosterChange::Joined {
            name: who.clone(),
            channel: channel.clone(),
        });
        let changes = std::iter::once(online).chain(joins);
        self.cluster.share(changes.map(Shared::Roster).collect());
        for channel in rooms {
            assert!(self.cluster.attend_channel(channel));
        }
    }

    fn shut_down(self) {
        self.threads.shut_down(Duration::from_secs(10));
    }

    /// Waits until this many more messages are delivered; returns when that
    /// was.
    fn wait(&self, count: u64) -> Instant {
        let mut told = 0;
        let mut when = Instant::now();
        while told < count {
            let more = self.told.recv_timeout(Duration::from_secs(30)).unwrap();
            (when, told) = (more.0, told + more.1);
        }
        when
    }
}

/// One message at a time: the latency from server to server.
fn alone(from: &Node, to: &Node) {
    let mut took: Vec<Duration> = (0..LONE)
        .map(|number| {
            let start = Instant::now();
            assert!(from.cluster.append(vec![draft(number)]).is_empty());
            let when = to.wait(1);
            from.wait(1);
            when - start
        })
        .collect();
    println!("  a lone message, server to server: {}", spread(&mut took));
}

/// As many messages as go through.
fn many(from: &Node, to: &Node) {
    let start = Instant::now();
    let mut under_way = 0;
    for first in (0..MESSAGES).step_by(GROUP as usize) {
        let drafts = (first..first + GROUP).map(draft).collect();
        assert!(from.cluster.append(drafts).is_empty());
        under_way += GROUP;
        if under_way >= WINDOW {
            from.wait(WINDOW / 2);
            under_way -= WINDOW / 2;
        }
    }
    let told = to.wait(MESSAGES) - start;
    println!(
        "  {MESSAGES} messages, server to server: {:.0} a second",
        MESSAGES as f64 / told.as_secs_f64()
    );
    let last = from.cluster.store().history(
        &Conversation::Channel(channel(MESSAGES - 1)),
        Window::Latest,
        1,
    );
    let last = last.unwrap().messages[0].id;
    while !is_stored(&*from.postgres, last) {
        assert!(start.elapsed() < PATIENCE, "not all came into PostgreSQL");
        std::thread::sleep(Duration::from_millis(10));
    }
    println!(
        "  and into PostgreSQL: {:.0} a second",
        MESSAGES as f64 / start.elapsed().as_secs_f64()
    );
}

/// What Redis sends for a message, all told, in channels of one server's people. All servers send, a
/// few messages at once.
fn bytes(redis: &redis::Redis, chat: &Chat, servers: u64) {
    let nodes: Vec<Node> = (0..servers).map(|_| chat.node()).collect();
    let rooms =
        |node: u64| (0..10).map(move |room| Name::parse(&format!("n{node}r{room}")).unwrap());
    for (number, node) in (0..).zip(&nodes) {
        node.enter(&format!("reader{number}"), &Vec::from_iter(rooms(number)));
    }
    let sent = || -> u64 {
        let command = ::redis::cmd("INFO").arg("stats").to_owned();
        let info: String = command.query(&mut redis.connect()).unwrap();
        let line = info
            .lines()
            .find_map(|line| line.strip_prefix("total_net_output_bytes:"));
        line.unwrap().parse().unwrap()
    };
    let before = sent();
    for first in (0..COUNTED).step_by(AT_ONCE as usize) {
        for (number, node) in (0..).zip(&nodes) {
            let drafts = (first..first + AT_ONCE).map(|draft| {
                let room = rooms(number).nth((draft % 10) as usize).unwrap();
                draft_in(draft, room)
            });
            assert!(node.cluster.append(drafts.collect()).is_empty());
        }
        for node in &nodes {
            let others = match chat.delivery {
                Delivery::All => servers,
                Delivery::Interest => 1,
            };
            node.wait(AT_ONCE * others);
        }
    }
    while nodes[0].cluster.health().unstored > 0 {
        std::thread::sleep(Duration::from_millis(100));
    }
    let each = (sent() - before) / (COUNTED * servers);
    let (before, start) = (sent(), Instant::now());
    std::thread::sleep(IDLE);
    let idle = (sent() - before) as f64 / start.elapsed().as_secs_f64() / servers as f64;
    println!(
        "{servers} servers, {}: Redis sends {each} bytes a message, and {idle:.0} a second to a \
         server when nobody speaks",
        word(chat.delivery)
    );
    nodes.into_iter().for_each(Node::shut_down);
}

/// How long the first join of a channel on a server waits for Redis.
fn first_joins(chat: &Chat) {
    let node = chat.node();
    node.enter("reader", &[]);
    let mut took: Vec<Duration> = (0..JOINS)
        .map(|number| {
            let room = Name::parse(&format!("first{number}")).unwrap();
            let start = Instant::now();
            node.cluster
                .share(vec![Shared::Roster(RosterChange::Joined {
                    name: Name::parse("reader").unwrap(),
                    channel: room.clone(),
                })]);
            assert!(node.cluster.attend_channel(&room));
            start.elapsed()
        })
        .collect();
    println!("first join of a channel on a server: {}", spread(&mut took));
    node.shut_down();
}

/// How soon a server is ready when Redis has been killed and started again.
fn restarts(redis: &redis::Redis, chat: &Chat) {
    let node = chat.node();
    let rooms = (0..FOLLOWED).map(|number| Name::parse(&format!("r{number}")).unwrap());
    let rooms: Vec<Name> = rooms.collect();
    for (number, rooms) in rooms.chunks(200).enumerate() {
        node.enter(&format!("reader{number}"), rooms);
    }
    for rooms in rooms.chunks(500) {
        let drafts = rooms.iter().map(|room| draft_in(1, room.clone()));
        assert!(node.cluster.append(drafts.collect()).is_empty());
        node.wait(rooms.len() as u64);
    }
    let mut took: Vec<Duration> = (0..RESTARTS)
        .map(|_| {
            redis.kill();
            while node.cluster.readiness().is_none() {
                std::thread::sleep(Duration::from_millis(1));
            }
            redis.start_again();
            let start = Instant::now();
            while node.cluster.readiness().is_some() {
                std::thread::sleep(Duration::from_millis(1));
            }
            start.elapsed()
        })
        .collect();
    println!(
        "{FOLLOWED} channels are followed again, from when Redis answers: {}",
        spread(&mut took)
    );
    node.shut_down();
}

fn spread(took: &mut [Duration]) -> String {
    took.sort();
    let at = |part: usize| took[took.len() * part / 100].as_secs_f64() * 1000.0;
    format!("p50 {:.2} ms, p99 {:.2} ms", at(50), at(99))
}

fn is_stored(store: &dyn Store, id: MessageId) -> bool {
    let of = Conversation::Channel(channel(MESSAGES - 1));
    let history = store.history(&of, Window::Latest, 1).unwrap();
    history.messages.first().is_some_and(|m| m.id >= id)
}

fn channel(number: u64) -> Name {
    Name::parse(&format!("room{}", number % CHANNELS)).unwrap()
}

fn draft(number: u64) -> Draft {
    draft_in(number, channel(number))
}

fn draft_in(number: u64, channel: Name) -> Draft {
    let id = MessageId {
        ms: number,
        sequence: 0,
    };
    Draft {
        record: Record::Message(Message {
            id,
            at_ms: 1_790_000_000_000,
            author: Name::parse("somebody").unwrap(),
            place: Place::Channel {
                channel,
                account: None,
            },
            body: Text::clean("a message of sixty-four bytes, as people write them, more or less")
                .into(),
        }),
        to: None,
        tag: None,
        sender: ConnectionId {
            index: 7,
            generation: 0,
        },
    }
}
