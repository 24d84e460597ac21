//! The rows of lists: members of a channel, and channels.

use std::sync::Arc;

use crate::model::governance::Role;
use crate::model::{MessageId, Name, SavedChannel, Text, Unread};

use super::Face;

/// A member of a channel.
#[derive(Clone, Debug, PartialEq)]
pub struct Member {
    /// The nickname.
    pub name: Name,
    /// What the member is in the channel.
    pub role: Option<Role>,
    /// Why the member is away; `None` for one who is not.
    pub away: Option<Text>,
    /// What is shown of the member besides.
    pub face: Arc<Face>,
}

impl Member {
    /// A member without a role who is not away.
    pub fn plain(name: Name) -> Member {
        Member {
            name,
            role: None,
            away: None,
            face: Arc::default(),
        }
    }
}

/// A channel in the list of channels.
#[derive(Clone, Debug, PartialEq)]
pub struct ChannelRow {
    /// The channel.
    pub name: Name,
    /// The number of its members; a registered channel is listed even without any.
    pub people: usize,
    /// What it is about.
    pub topic: Option<Text>,
    /// When the topic was set, in milliseconds since 1970 UTC.
    pub topic_at_ms: Option<u64>,
    /// Since when there are people in it, in milliseconds since 1970 UTC; unknown for
    /// channels that are on other servers alone.
    pub since_ms: Option<u64>,
}

/// One of an account's channels, as its owner may see it at present.
#[derive(Clone, Debug, PartialEq)]
pub struct OwnChannel {
    /// The channel.
    pub saved: SavedChannel,
    /// What it is about.
    pub topic: Option<Text>,
    /// How many are in it.
    pub people: usize,
    /// Whether the connection that asks is in it.
    pub is_in: bool,
    /// The message after which the owner may read; `None` if nothing may be read now.
    pub readable_after: Option<MessageId>,
    /// What the owner has not read there, which only the store can say.
    pub unread: Unread,
}
