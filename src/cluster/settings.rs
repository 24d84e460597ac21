//! The settings of a server that is one of several.

use std::time::Duration;

use crate::hub::{Ban, NodeId};

use crate::config::RedisUrl;

pub use crate::config::Delivery;

/// The settings of a server that is one of several. All servers need the same `shards`, `prefix`,
/// `delivery`, `beat` and `patience`.
#[derive(Clone, Debug)]
pub struct ClusterSettings {
    /// Where Redis is.
    pub redis: RedisUrl,
    /// The prefix of all keys in Redis.
    pub prefix: String,
    /// Streams that messages are spread over: 1 to 64, and the same for as long as the chat lives.
    pub shards: u32,
    /// Whether the server hears of all that is said, or of what its own people need.
    pub delivery: Delivery,
    /// Entries of a channel or person that a server may miss and hear of later, by interest.
    pub recent: usize,
    /// How long the server follows a channel after its last person there has left.
    pub linger: Duration,
    /// How long a committed message may not be heard of, until it is read.
    pub overdue: Duration,
    /// The name of this server in lists: `host:port`.
    pub address: String,
    /// The version of the program, for lists.
    pub version: String,
    /// How often the server reports that it lives.
    pub beat: Duration,
    /// Missing beats after which the others give the server up.
    pub patience: u32,
    /// Beats for which entries are kept at least, although they are stored, and what is kept of a
    /// channel or person by interest after the last entry.
    pub keep: u32,
    /// How long a message that could not be sent waits before it is refused.
    pub refuse_after: Duration,
    /// Time after which another server stores what one has begun to.
    pub claim_after: Duration,
    /// How long Redis may be away from this server while it serves others, before all members here
    /// are told to go to one of them.
    pub lone_after: Duration,
    /// How far this server's clock may differ from Redis's before the server is not ready; zero is
    /// no limit.
    pub clock_difference: Duration,
    /// Bytes of messages that may wait to be sent.
    pub queue_bytes: usize,
    /// Everything else that may wait to be sent, in number; beyond it, the server has to join anew.
    pub queue_shares: usize,
    /// The bans to start with if the servers have never had any.
    pub bans: Vec<Ban>,
}

/// A live server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeInfo {
    /// Its id in its present life.
    pub id: NodeId,
    /// `host:port`.
    pub address: String,
    /// Connections it has.
    pub connections: u64,
    /// Whether it is about to shut down, so that no more clients should be sent there.
    pub is_draining: bool,
    /// Whether it lately reported that it is ready.
    pub is_ready: bool,
    /// When it started, in milliseconds since 1970 UTC.
    pub started_ms: u64,
    /// The version of the program; older ones do not report it.
    pub version: Option<String>,
    /// How long ago its last beat came.
    pub beat_age: Duration,
}

impl ClusterSettings {
    /// The default settings for a Redis.
    pub fn new(redis: RedisUrl) -> ClusterSettings {
        ClusterSettings {
            redis,
            prefix: "chat".to_owned(),
            shards: 16,
            delivery: Delivery::All,
            recent: 1000,
            linger: Duration::from_secs(60),
            overdue: Duration::from_secs(1),
            address: String::new(),
            version: String::new(),
            beat: Duration::from_secs(1),
            patience: 10,
            keep: 600,
            refuse_after: Duration::from_secs(5),
            claim_after: Duration::from_secs(15),
            lone_after: Duration::from_secs(10),
            clock_difference: Duration::from_secs(30),
            queue_bytes: 64 * 1024 * 1024,
            queue_shares: 262_144,
            bans: Vec::new(),
        }
    }
}
