//! Reactions: the signs that users give to messages. Each is an entry of the same log as the
//! message.

use super::account::AccountId;
use super::id::MessageId;
use super::message::{Conversation, Message, Place};
use super::name::Name;
use super::reactions::Given;
use super::sign::Sign;

/// A user gives a message a sign, or takes it back.
#[derive(Clone, Debug, PartialEq)]
pub struct Reaction {
    /// Its own id, which is higher than the message's.
    pub id: MessageId,
    /// The message.
    pub message: MessageId,
    /// Where the message is.
    pub place: Place,
    /// The message's author, as the message has it.
    pub author: Name,
    /// The recipient of a direct message, as shown.
    pub to: Option<Name>,
    /// The user who reacts.
    pub by: Name,
    /// The user's account; guests have none.
    pub account: Option<AccountId>,
    /// The sign.
    pub sign: Sign,
    /// Whether the message has it from now on.
    pub on: bool,
}

impl Reaction {
    /// The conversation it belongs to: the message's.
    pub fn conversation(&self) -> Conversation {
        Conversation::of(&self.place)
    }

    /// The line that it is among the reactions of its message.
    pub fn given(&self) -> Given<'_> {
        Given {
            id: self.id,
            on: self.on,
            account: self.account,
            sign: self.sign.as_str(),
            key: self.by.key(),
            user: self.by.as_str(),
        }
    }

    /// Applies it to its message, unless that was deleted.
    pub fn apply(&self, message: &mut Message) {
        if message.id == self.message && !message.body.is_deleted() {
            let more = message.body.more.get_or_insert_default();
            more.reactions.get_or_insert_default().give(self.given());
        }
    }
}
