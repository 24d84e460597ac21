//! Erasing everything that an account has written.

use std::fmt;

use super::account::AccountId;
use super::amendment::Located;
use super::id::MessageId;

/// An order to erase everything that an account has written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Erasing {
    /// The account.
    pub account: AccountId,
    /// The last message of the server when it was given.
    pub since: MessageId,
    /// When it was given, in milliseconds since 1970 UTC.
    pub began_ms: u64,
    /// When it was carried out.
    pub done_ms: Option<u64>,
    /// What was erased so far.
    pub erased: Erased,
}

/// What was erased.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Erased {
    /// Messages in channels.
    pub messages: u64,
    /// The channels they were in.
    pub channels: u64,
    /// Direct messages.
    pub direct_messages: u64,
    /// Reactions to messages, which are taken back.
    pub reactions: u64,
    /// Messages that stay, because their channels are on hold.
    pub held: u64,
}

impl fmt::Display for Erased {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Erased {
            messages,
            channels,
            direct_messages,
            reactions,
            held,
        } = self;
        write!(
            f,
            "{messages} messages in {channels} channels, {direct_messages} direct messages, \
             {reactions} reactions"
        )?;
        match held {
            0 => Ok(()),
            held => write!(f, "; {held} stay in channels that are on hold"),
        }
    }
}

/// A part of what an account has written.
#[derive(Clone, Debug, Default)]
pub struct Written {
    /// The messages that are not deleted, oldest first.
    pub messages: Vec<Located>,
    /// The conversations, by number, of those that were deleted since the order was given; with
    /// whether it is a channel.
    pub erased: Vec<(i64, bool)>,
    /// The messages that it has reacted to, oldest first.
    pub reacted: Vec<Located>,
    /// How many reactions were taken back since the order was given.
    pub taken_back: u64,
    /// How many messages stay, because their channels are on hold.
    pub held: u64,
    /// The message after which there may be more; `None` if this is all.
    pub next: Option<MessageId>,
}
