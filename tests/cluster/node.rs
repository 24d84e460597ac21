//! A server without its hub, and what its hub would be told.

use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

use chat_server::cluster::{Cluster, ClusterSettings, ClusterThreads, RedisUrl};
use chat_server::hub::{ConnectionId, Draft, Fate, MessageId, News, Shared, SharedTag, Tag};
use chat_server::model::Record;
use chat_server::name::Name;
use chat_server::store::{
    AccountId, Conversation, DatabaseUrl, Message, NewAccount, Place, PostgresSettings,
    PostgresStore, Secret, Store, StoreError,
};
use chat_server::text::Text;

use crate::support::{DEADLINE, Postgres, Redis, wait_until};

/// A chat that several servers can join.
pub struct Chat {
    pub redis_url: String,
    pub prefix: String,
    pub postgres_url: String,
}

/// What a hub was told, in order.
#[derive(Default)]
pub struct Heard {
    news: Mutex<Vec<News>>,
    came: Condvar,
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
            redis_url: redis.url(),
            prefix: redis.new_prefix(),
            postgres_url: Postgres::shared().create_database(),
        }
    }

    /// Settings with short times, so that tests need not wait. A server is given up after three
    /// seconds: on a busy machine a thread of one that lives may be late by one.
    pub fn settings(&self) -> ClusterSettings {
        ClusterSettings {
            prefix: self.prefix.clone(),
            shards: 4,
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
    pub fn start(settings: ClusterSettings, postgres: Arc<dyn Store>) -> Node {
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
    fn add(&self, news: Vec<News>) {
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
