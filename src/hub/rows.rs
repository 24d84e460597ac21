//! The rows of lists: members of a channel, and channels.

use crate::model::governance::Role;
use crate::model::{MessageId, Name, SavedChannel, Text, Unread};

/// A member of a channel.
#[derive(Clone, Debug, PartialEq)]
pub struct Member {
    /// The nickname.
    pub name: Name,
    /// What the member is in the channel.
    pub role: Option<Role>,
    /// Why the member is away; `None` for one who is not.
    pub away: Option<Text>,
}

impl Member {
    /// A member without a role who is not away.
    pub fn plain(name: Name) -> Member {
        Member {
            name,
            role: None,
            away: None,
        }
    }
}

/// A channel in the list of channels.
#[derive(Clone, Debug, PartialEq)]
pub struct ChannelRow {
    /// The channel.
    pub name: Name,
    /// How many are in it; a registered channel is listed even if nobody is.
    pub people: usize,
    /// What it is about.
    pub topic: Option<Text>,
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
