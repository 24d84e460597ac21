//! How long the messages of one channel are kept.

use super::name::Name;

/// What administrators have laid down for the past of a channel, beside what holds for all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Keeping {
    /// The channel.
    pub channel: Name,
    /// Days for which its messages are kept, in place of the number for all channels; 0 is none.
    pub days: u64,
    /// How many of its messages are kept, in place of the number for all channels; 0 is none.
    pub messages: u64,
    /// Whether nothing of it is removed, deleted or edited.
    pub is_held: bool,
}

impl Keeping {
    /// What holds for a channel for which nothing is laid down.
    pub fn usual(channel: Name) -> Keeping {
        Keeping {
            channel,
            days: 0,
            messages: 0,
            is_held: false,
        }
    }

    /// Whether it says nothing that does not hold anyway.
    pub fn is_usual(&self) -> bool {
        self.days == 0 && self.messages == 0 && !self.is_held
    }
}
