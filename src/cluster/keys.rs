//! The names of everything in Redis.

use std::fmt;
use std::str::FromStr;

use crate::hub::NodeId;
use crate::model::{Conversation, MessageId};

/// The most shards there can be: 6 bits of a message id.
pub const MAX_SHARDS: u32 = 64;

/// The text for a node in keys and fields.
pub fn node_text(node: NodeId) -> String {
    format!("{:016x}", node.0)
}

/// The node that a text stands for.
pub fn parse_node(text: &str) -> Option<NodeId> {
    u64::from_str_radix(text, 16).ok().map(NodeId)
}

/// The id of a stream's entry.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EntryId {
    pub ms: u64,
    pub sequence: u64,
}

impl EntryId {
    /// The id of the message in an entry of a shard.
    pub fn message(self, shard: u32) -> MessageId {
        MessageId {
            ms: self.ms,
            sequence: self.sequence * u64::from(MAX_SHARDS) + u64::from(shard),
        }
    }

    /// The message that an id names which is a message's already, and not an entry's.
    pub fn as_message(self) -> MessageId {
        MessageId {
            ms: self.ms,
            sequence: self.sequence,
        }
    }

    /// Where a message is in its shard, or would be: at that entry or just before it.
    pub fn floor(message: MessageId) -> EntryId {
        EntryId {
            ms: message.ms,
            sequence: message.sequence / u64::from(MAX_SHARDS),
        }
    }
}

impl fmt::Display for EntryId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.ms, self.sequence)
    }
}

impl FromStr for EntryId {
    type Err = ();

    fn from_str(text: &str) -> Result<EntryId, ()> {
        let (ms, sequence) = text.split_once('-').ok_or(())?;
        Ok(EntryId {
            ms: ms.parse().map_err(|_| ())?,
            sequence: sequence.parse().map_err(|_| ())?,
        })
    }
}

/// The shard of a conversation. Every version has to compute the same one.
pub fn shard_of(conversation: &Conversation, shards: u32) -> u32 {
    match conversation {
        Conversation::Channel(name) => shard_of_text(name.key(), shards),
        Conversation::Thread(one, other) => {
            let (low, high) = (one.0.min(other.0), one.0.max(other.0));
            shard_of_text(&format!("@{low}:{high}"), shards)
        }
    }
}

/// The shard of a text that names something.
pub fn shard_of_text(text: &str, shards: u32) -> u32 {
    let hash = fnv(text.as_bytes());
    // Both halves, because the lower bits of this hash are not its best.
    let mixed = (hash ^ hash >> 32) % u64::from(shards.max(1));
    u32::try_from(mixed).unwrap_or(0)
}

/// FNV-1a: tiny, and never changes.
fn fnv(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{AccountId, Name};

    #[test]
    fn a_conversation_stays_in_its_shard_for_ever() {
        let channel = |name: &str| Conversation::Channel(Name::parse(name).unwrap());
        assert_eq!(shard_of(&channel("global"), 16), 9);
        assert_eq!(shard_of(&channel("GLOBAL"), 16), 9);
        let thread = |a, b| Conversation::Thread(AccountId(a), AccountId(b));
        assert_eq!(shard_of(&thread(1, 2), 16), shard_of(&thread(2, 1), 16));
        let used: std::collections::HashSet<u32> = (0..1000)
            .map(|n| shard_of(&channel(&format!("room{n}")), 16))
            .collect();
        assert_eq!(used.len(), 16);
    }

    #[test]
    fn ids_of_messages_and_entries_correspond() {
        let entry: EntryId = "1700000000000-16383".parse().unwrap();
        assert_eq!(entry.to_string(), "1700000000000-16383");
        let message = entry.message(63);
        assert!(crate::model::key::pack(message).is_some());
        assert_eq!(EntryId::floor(message), entry);
    }
}
