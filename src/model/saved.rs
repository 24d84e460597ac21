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
    /// What the account wants to be notified of.
    pub notify: Notify,
}

/// What of a channel an account wants to be notified of, on all of its devices.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Notify {
    /// Of messages that mention it.
    #[default]
    Mentions,
    /// Of all messages.
    All,
    /// Of nothing.
    Nothing,
}

impl Notify {
    /// All levels.
    pub const ALL: [Notify; 3] = [Notify::Mentions, Notify::All, Notify::Nothing];

    /// A stable word for programs.
    pub fn as_str(self) -> &'static str {
        match self {
            Notify::Mentions => "mentions",
            Notify::All => "all",
            Notify::Nothing => "nothing",
        }
    }

    /// The level with this word.
    pub fn from_word(word: &str) -> Option<Notify> {
        Notify::ALL.into_iter().find(|level| level.as_str() == word)
    }

    /// The number that stands for it in a database.
    pub fn number(self) -> i16 {
        match self {
            Notify::Mentions => 0,
            Notify::All => 1,
            Notify::Nothing => 2,
        }
    }

    /// The level with this number; an unknown one, of a newer server, is the usual level.
    pub fn from_number(number: i16) -> Notify {
        let mut all = Notify::ALL.into_iter();
        all.find(|level| level.number() == number)
            .unwrap_or_default()
    }
}

/// What an account has not read in a channel.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Unread {
    /// Messages of others, at most [`MAX_UNREAD`].
    pub messages: u64,
    /// Those with `@` and the account's name, among the newest [`MAX_UNREAD`].
    pub mentions: u64,
}
