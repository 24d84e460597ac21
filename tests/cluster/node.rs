//! A server without its hub, and what its hub would be told.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use chat_server::cluster::{Cluster, ClusterSettings, ClusterThreads, Delivery, RedisUrl};
use chat_server::hub::{
    ConnectionId, Draft, Fate, MessageId, News, RosterChange, Shared, SharedTag, Tag,
};
use chat_server::model::Record;
use chat_server::name::Name;
use chat_server::store::{
    AccountId, Conversation, DatabaseUrl, Message, NewAccount, Place, PostgresSettings,
    PostgresStore, Secret, Store, StoreError,
};
use chat_server::text::Text;

use crate::support::{DEADLINE, Postgres, Redis, wait_until};

/// Tests of what is said, each for servers that hear of everything and for servers that hear of what
/// their people need.
macro_rules! in_both_forms {
    ($($test:ident)+) => {
        $(mod $test {
            use chat_server::cluster::Delivery;

            #[test]
            fn all() {
                super::$test(Delivery::All);
            }

            #[test]
            fn interest() {
                super::$test(Delivery::Interest);
            }
        })+
    };
}
pub(crate) use in_both_forms;

/// The channels in which every server of a chat by interest has someone.
pub const PEOPLED: [&str; 3] = ["dev", "ops", "global"];

/// A chat that several servers can join.
pub struct Chat {
    pub delivery: Delivery,
    pub redis_url: String,
    pub prefix: String,
    pub postgres_url: String,
}

/// What a hub was told, in order.
#[derive(Default)]
pub struct Heard {
    news: Mutex<Vec<News>>,
    came: Condvar,
    /// Held by a test in which the hub takes nothing.
    taking: Mutex<()>,
}

/// One server.
pub struct Node {
    pub cluster: Cluster,
    pub threads: Option<ClusterThreads>,
    pub heard: Arc<Heard>,
    pub postgres: Arc<dyn Store>,
}

impl Chat {
    /// Uses the Redis and PostgreSQL that all tests share.
    pub fn new() -> Chat {
        Chat::within(Redis::shared())
    }

    /// Uses a Redis of its own.
    pub fn within(redis: &Redis) -> Chat {
        Chat {
            delivery: Delivery::All,
            redis_url: redis.url(),
            prefix: redis.new_prefix(),
            postgres_url: Postgres::shared().create_database(),
        }
    }

    pub fn by(self, delivery: Delivery) -> Chat {
        Chat { delivery, ..self }
    }

    /// Settings with short times, so that tests need not wait. A server is given up after three
    /// seconds: on a busy machine a thread of one that lives may be late by one.
    pub fn settings(&self) -> ClusterSettings {
        ClusterSettings {
            prefix: self.prefix.clone(),
            shards: 4,
            delivery: self.delivery,
            beat: Duration::from_millis(100),
            patience: 30,
            claim_after: Duration::from_millis(600),
            ..ClusterSettings::new(RedisUrl::parse(&self.redis_url).unwrap())
        }
    }

    pub fn postgres(&self) -> Arc<dyn Store> {
        let url = DatabaseUrl::parse(&self.postgres_url).unwrap();
        Arc::new(PostgresStore::open(PostgresSettings::new(url)).unwrap())
    }

    pub fn node(&self) -> Node {
        self.node_with(|_| {})
    }

    pub fn node_with(&self, change: impl FnOnce(&mut ClusterSettings)) -> Node {
        let mut settings = self.settings();
        change(&mut settings);
        Node::start(settings, self.postgres())
    }
}

impl Node {
    /// By interest, someone is in some channels.
    pub fn start(settings: ClusterSettings, postgres: Arc<dyn Store>) -> Node {
        let node = Node::start_empty(settings.clone(), postgres);
        if settings.delivery == Delivery::Interest {
            node.enter(&PEOPLED);
        }
        node
    }

    /// Someone comes to this server and its channels. Returns the name.
    pub fn enter(&self, channels: &[&str]) -> Name {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let who = format!("reader{}", NUMBER.fetch_add(1, Ordering::Relaxed));
        let who = name(&who);
        self.share(online(&who, None));
        for channel in channels {
            self.share(joined(&who, channel));
        }
        for channel in channels {
            assert!(self.cluster.attend_channel(&name(channel)), "{channel}");
        }
        who
    }

    /// Nobody is there yet.
    pub fn start_empty(settings: ClusterSettings, postgres: Arc<dyn Store>) -> Node {
        let heard = Arc::new(Heard::default());
        let hears = heard.clone();
        let (cluster, threads) = Cluster::start(
            settings,
            postgres.clone(),
            move |news| {
                hears.add(news);
                true
            },
            || panic!("a thread has failed"),
        )
        .unwrap_or_else(|error| panic!("{error}"));
        Node {
            cluster,
            threads: Some(threads),
            heard,
            postgres,
        }
    }

    /// Shuts down cleanly.
    pub fn shut_down(mut self) {
        let threads = self.threads.take().unwrap();
        assert!(threads.shut_down(DEADLINE), "it has not come to an end");
    }

    pub fn say(&self, number: u64, channel: &str, text: &str) {
        let refused = self.cluster.append(vec![draft(number, channel, text)]);
        assert!(refused.is_empty(), "{number} {text} was refused");
    }

    pub fn share(&self, shared: Shared) {
        self.cluster.share(vec![shared]);
    }

    pub fn claim(&self, who: &str, account: Option<i64>) -> bool {
        self.cluster
            .claim_name(&name(who), account.map(AccountId), DEADLINE)
            .unwrap()
    }

    /// The ids of the messages this server delivered, its own included, in
    /// order.
    pub fn told(&self) -> Vec<MessageId> {
        self.heard.all(|news| match news {
            News::Settled(settled) => match settled.fate {
                Fate::Committed(id) => Some(id),
                _ => None,
            },
            News::Message(message) => Some(message.id),
            _ => None,
        })
    }

    /// The fates of drafts, by their handles.
    pub fn fates(&self) -> Vec<(u64, Fate)> {
        self.heard.all(|news| match news {
            News::Settled(settled) => Some((settled.draft.ms, settled.fate)),
            _ => None,
        })
    }

    pub fn fate_of(&self, number: u64) -> Fate {
        self.heard.wait(&format!("{number} is settled"), || {
            let fates = self.fates();
            fates
                .iter()
                .find(|(n, _)| *n == number)
                .map(|(_, fate)| *fate)
        })
    }

    /// Waits until this many messages have been delivered.
    pub fn wait_told(&self, count: usize) -> Vec<MessageId> {
        self.heard.wait(&format!("{count} messages are told"), || {
            let told = self.told();
            (told.len() >= count).then_some(told)
        })
    }
}

impl Heard {
    /// Takes nothing until this is dropped.
    pub fn hold(&self) -> MutexGuard<'_, ()> {
        self.taking.lock().unwrap()
    }

    fn add(&self, news: Vec<News>) {
        let _taking = self.taking.lock().unwrap();
        self.news.lock().unwrap().extend(news);
        self.came.notify_all();
    }

    /// All news of one kind.
    pub fn all<T>(&self, kind: impl Fn(&News) -> Option<T>) -> Vec<T> {
        self.news.lock().unwrap().iter().filter_map(kind).collect()
    }

    pub fn count(&self, is: impl Fn(&News) -> bool) -> usize {
        self.all(|news| is(news).then_some(())).len()
    }

    /// Waits for a condition that can change only with news.
    pub fn wait<T>(&self, what: &str, mut look: impl FnMut() -> Option<T>) -> T {
        let deadline = Instant::now() + DEADLINE;
        loop {
            if let Some(found) = look() {
                return found;
            }
            assert!(Instant::now() < deadline, "waited in vain until {what}");
            let news = self.news.lock().unwrap();
            drop(self.came.wait_timeout(news, Duration::from_millis(20)));
        }
    }

    pub fn wait_count(&self, what: &str, count: usize, is: impl Fn(&News) -> bool) {
        self.wait(what, || (self.count(&is) >= count).then_some(()));
    }
}

pub fn name(text: &str) -> Name {
    Name::parse(text).unwrap()
}

pub fn online(who: &Name, account: Option<i64>) -> Shared {
    Shared::Roster(RosterChange::Online {
        name: who.clone(),
        account: account.map(AccountId),
        cloak: None,
    })
}

pub fn joined(who: &Name, channel: &str) -> Shared {
    Shared::Roster(RosterChange::Joined {
        name: who.clone(),
        channel: name(channel),
    })
}

pub fn left(who: &Name, channel: &str) -> Shared {
    Shared::Roster(RosterChange::Left {
        name: who.clone(),
        channel: name(channel),
        reason: None,
    })
}

pub fn handle(number: u64) -> MessageId {
    MessageId {
        ms: number,
        sequence: 0,
    }
}

pub fn connection(index: u32) -> ConnectionId {
    ConnectionId {
        index,
        generation: 0,
    }
}

pub fn draft(number: u64, channel: &str, text: &str) -> Draft {
    Draft {
        record: Record::Message(Message {
            id: handle(number),
            at_ms: number,
            author: name("amy"),
            place: Place::Channel {
                channel: name(channel),
                account: None,
            },
            body: Text::clean(text).into(),
        }),
        to: None,
        tag: None,
        sender: connection(1),
    }
}

pub fn direct(number: u64, from: i64, to: i64, text: &str) -> Draft {
    let in_channel = draft(number, "x", text);
    let message = in_channel.record.message().unwrap().clone();
    Draft {
        record: Record::Message(Message {
            place: Place::Direct {
                from: AccountId(from),
                to: AccountId(to),
            },
            ..message
        }),
        to: Some(name("bob")),
        ..draft(number, "x", text)
    }
}

pub fn tagged(number: u64, channel: &str, text: &str, tag: &str) -> Draft {
    tagged_by("amy", usize::MAX, draft(number, channel, text), tag)
}

/// A draft with a tag; at most `most` tags of its owner are remembered.
pub fn tagged_by(owner: &str, most: usize, draft: Draft, tag: &str) -> Draft {
    let tag = SharedTag {
        owner: owner.into(),
        to: "#dev".into(),
        tag: Tag::parse(tag).unwrap(),
        most,
    };
    Draft {
        tag: Some(tag),
        ..draft
    }
}

pub fn account(store: &dyn Store, username: &str) -> i64 {
    let account = NewAccount {
        username: name(username),
        first_name: String::new(),
        last_name: String::new(),
        email: None,
        phone: None,
        unique_contacts: true,
        password_hash: Secret::new("x"),
        created_at: 1,
    };
    store.create_account(&account).unwrap().id.0
}

pub fn channel(text: &str) -> Conversation {
    Conversation::Channel(name(text))
}

/// The texts of a conversation's newest messages in a store.
pub fn texts(store: &dyn Store, of: &Conversation) -> Vec<String> {
    let mut history = None;
    wait_until("a busy database answers", || {
        history = match store.history(of, chat_server::store::Window::Latest, 1000) {
            Err(StoreError::Slow) => None,
            read => Some(read.unwrap()),
        };
        history.is_some()
    });
    let messages = history.unwrap_or_default().messages;
    let texts = messages.iter().map(|m| m.body.text.as_str().to_owned());
    texts.collect()
}
