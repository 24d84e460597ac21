//! Measures servers that are one chat on this machine: `cargo bench --features
//! cluster --bench cluster`.
//!
//! Prints how many messages a second go through the log from the server that
//! accepts them to another one that delivers them, how long a single message
//! takes, and how fast messages get into PostgreSQL. The benchmark starts Redis
//! and PostgreSQL itself; Redis first syncs to disk before every answer, and
//! then once a second. Where they are not installed, it says so and measures
//! nothing.

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

use chat_server::cluster::{Cluster, ClusterSettings, ClusterThreads, RedisUrl};
use chat_server::hub::{ConnectionId, Draft, Fate, MessageId, News};
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
    for sync in ["always", "everysec"] {
        let mut command = ::redis::cmd("CONFIG");
        command.arg("SET").arg("appendfsync").arg(sync);
        let _: () = command.query(&mut redis.connect()).unwrap();
        println!("appendfsync {sync}");
        let prefix = redis.new_prefix();
        let database = postgres.create_database();
        let node = || Node::start(&redis.url(), &prefix, &database);
        let (from, to) = (node(), node());
        alone(&from, &to);
        many(&from, &to);
        from.threads.shut_down(Duration::from_secs(10));
        to.threads.shut_down(Duration::from_secs(10));
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
    fn start(redis: &str, prefix: &str, database: &str) -> Node {
        let settings = ClusterSettings {
            prefix: prefix.to_owned(),
            ..ClusterSettings::new(RedisUrl::parse(redis).unwrap())
        };
        let database = DatabaseUrl::parse(database).unwrap();
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
    took.sort();
    let at = |part: usize| took[took.len() * part / 100].as_secs_f64() * 1000.0;
    println!(
        "  a lone message, server to server: p50 {:.2} ms, p99 {:.2} ms",
        at(50),
        at(99)
    );
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

fn is_stored(store: &dyn Store, id: MessageId) -> bool {
    let of = Conversation::Channel(channel(MESSAGES - 1));
    let history = store.history(&of, Window::Latest, 1).unwrap();
    history.messages.first().is_some_and(|m| m.id >= id)
}

fn channel(number: u64) -> Name {
    Name::parse(&format!("room{}", number % CHANNELS)).unwrap()
}

fn draft(number: u64) -> Draft {
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
                channel: channel(number),
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
