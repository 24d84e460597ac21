//! The channels that belong to an account, and what is unread in them.

use super::id::MessageId;
use super::name::Name;

/// The most channels that an account keeps.
pub const MAX_SAVED: usize = 200;
/// Unread messages are counted up to this number, which stands for any larger one.
pub const MAX_UNREAD: u64 = 1000;

/// A channel of an account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SavedChannel {
    /// The channel.
    pub channel: Name,
    /// The last message that the account has read.
    pub read_up_to: MessageId,
    /// Whether the account wants to hear of its mentions only.
    pub is_muted: bool,
}

/// What an account has not read in a channel.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Unread {
    /// Messages of others, at most [`MAX_UNREAD`].
    pub messages: u64,
    /// Those with `@` and the account's name, among the newest [`MAX_UNREAD`].
    pub mentions: u64,
}
