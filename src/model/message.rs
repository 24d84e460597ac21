//! Messages, the conversations they belong to, and queries for them.

use super::account::AccountId;
use super::body::Body;
use super::id::MessageId;
use super::name::Name;

/// The most messages one call returns.
pub const MAX_ROWS: usize = 1000;

/// A message: to be committed, as the store returns it, and as the members of a
/// channel receive it.
#[derive(Clone, Debug)]
pub struct Message {
    /// Higher than every earlier id.
    pub id: MessageId,
    /// The time, in milliseconds since 1970 UTC.
    pub at_ms: u64,
    /// The author's nickname at the time.
    pub author: Name,
    /// The conversation it belongs to.
    pub place: Place,
    /// What it says.
    pub body: Body,
}

/// Where a message belongs.
#[derive(Clone, Debug, PartialEq)]
pub enum Place {
    /// In a channel.
    Channel {
        /// The channel.
        channel: Name,
        /// The author's account; `None` for a guest.
        account: Option<AccountId>,
    },
    /// In the thread of two accounts.
    Direct {
        /// The author.
        from: AccountId,
        /// The recipient.
        to: AccountId,
    },
}

/// A sequence of messages: a channel, or the thread of two accounts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Conversation {
    /// A channel.
    Channel(Name),
    /// The thread of two accounts, in either order.
    Thread(AccountId, AccountId),
}

/// The part of a conversation to read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Window {
    /// The newest messages.
    Latest,
    /// The newest messages before this id.
    Before(MessageId),
    /// The oldest messages after this id.
    After(MessageId),
    /// A page, counted from the newest messages, which are on page 1.
    Page(u64),
}

/// A line of an inbox: the thread with one other account.
#[derive(Clone, Debug)]
pub struct ThreadSummary {
    /// The other account.
    pub peer: AccountId,
    /// Its username.
    pub peer_name: Name,
    /// The newest message, by either of the two.
    pub latest: Message,
    /// Messages from the peer that have not been read.
    pub unread: u64,
}

/// A search for messages that contain all of some words.
#[derive(Clone, Debug)]
pub struct Search {
    /// The words, in any order; case and accents do not matter.
    pub words: String,
    /// Where to look.
    pub scope: SearchScope,
    /// Only messages before this one.
    pub before: Option<MessageId>,
    /// Only messages after this one.
    pub after: MessageId,
    /// The most messages to return.
    pub limit: usize,
}

/// Where to look for messages.
#[derive(Clone, Debug)]
pub enum SearchScope {
    /// In one channel or thread.
    Within(Conversation),
    /// In every thread of an account.
    ThreadsOf(AccountId),
    /// In everything; for administrators only.
    Everywhere,
}

impl Conversation {
    /// The conversation a message at `place` belongs to.
    pub fn of(place: &Place) -> Conversation {
        match place {
            Place::Channel { channel, .. } => Conversation::Channel(channel.clone()),
            Place::Direct { from, to } => Conversation::Thread(*from, *to),
        }
    }
}

impl Place {
    /// The channel, if it is one.
    pub fn channel(&self) -> Option<&Name> {
        match self {
            Place::Channel { channel, .. } => Some(channel),
            Place::Direct { .. } => None,
        }
    }

    /// The author's account; guests have none.
    pub fn account(&self) -> Option<AccountId> {
        match self {
            Place::Channel { account, .. } => *account,
            Place::Direct { from, .. } => Some(*from),
        }
    }
}

impl Message {
    /// The conversation it belongs to.
    pub fn conversation(&self) -> Conversation {
        Conversation::of(&self.place)
    }
}
