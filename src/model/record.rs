//! Records: the entries of the log, each of which is committed before anyone hears of
//! it.

use super::amendment::Amendment;
use super::governance::ChannelChange;
use super::id::MessageId;
use super::message::{Conversation, Message};
use super::once::Keyed;
use super::reaction::Reaction;

/// One entry of the log.
#[derive(Clone, Debug)]
pub enum Record {
    /// A message.
    Message(Message),
    /// A message that a program publishes once, however often it sends it.
    Keyed(Box<Keyed>),
    /// A change of a channel's rules.
    Change(Box<ChannelChange>),
    /// A change of a message.
    Amend(Box<Amendment>),
    /// A reaction to a message.
    React(Box<Reaction>),
}

impl Record {
    /// Its id.
    pub fn id(&self) -> MessageId {
        match self {
            Record::Message(message) => message.id,
            Record::Keyed(keyed) => keyed.message.id,
            Record::Change(change) => change.id,
            Record::Amend(amendment) => amendment.id,
            Record::React(reaction) => reaction.id,
        }
    }

    /// Gives it the id that the log has given out.
    pub fn set_id(&mut self, id: MessageId) {
        match self {
            Record::Message(message) => message.id = id,
            Record::Keyed(keyed) => keyed.message.id = id,
            Record::Change(change) => change.id = id,
            Record::Amend(amendment) => amendment.set_id(id),
            Record::React(reaction) => reaction.id = id,
        }
    }

    /// The conversation it belongs to.
    pub fn conversation(&self) -> Conversation {
        match self {
            Record::Message(message) => message.conversation(),
            Record::Keyed(keyed) => keyed.message.conversation(),
            Record::Change(change) => change.conversation(),
            Record::Amend(amendment) => amendment.conversation(),
            Record::React(reaction) => reaction.conversation(),
        }
    }

    /// Whether it is a message.
    pub fn message(&self) -> Option<&Message> {
        match self {
            Record::Message(message) => Some(message),
            Record::Keyed(keyed) => Some(&keyed.message),
            Record::Change(_) | Record::Amend(_) | Record::React(_) => None,
        }
    }

    /// The message, if it is one.
    pub fn into_message(self) -> Option<Message> {
        match self {
            Record::Message(message) => Some(message),
            Record::Keyed(keyed) => Some(keyed.message),
            Record::Change(_) | Record::Amend(_) | Record::React(_) => None,
        }
    }

    /// The bytes that it has besides the fixed ones, about.
    pub fn bytes(&self) -> usize {
        match self {
            Record::Message(message) => message.body.bytes(),
            Record::Keyed(keyed) => keyed.message.body.bytes(),
            Record::Change(change) => change.changes.len() * CHANGE_BYTES,
            Record::Amend(amendment) => amendment.body.bytes(),
            Record::React(reaction) => reaction.sign.as_str().len(),
        }
    }
}

/// What a change counts: a mask and a reason.
const CHANGE_BYTES: usize = 256;

impl From<Message> for Record {
    fn from(message: Message) -> Record {
        Record::Message(message)
    }
}
