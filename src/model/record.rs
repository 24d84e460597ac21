//! Records: the entries of the log, each of which is committed before anyone hears of
//! it.

use super::governance::ChannelChange;
use super::id::MessageId;
use super::message::{Conversation, Message};

/// One entry of the log.
#[derive(Clone, Debug)]
pub enum Record {
    /// A message.
    Message(Message),
    /// A change of a channel's rules.
    Change(Box<ChannelChange>),
}

impl Record {
    /// Its id.
    pub fn id(&self) -> MessageId {
        match self {
            Record::Message(message) => message.id,
            Record::Change(change) => change.id,
        }
    }

    /// Gives it the id that the log has given out.
    pub fn set_id(&mut self, id: MessageId) {
        match self {
            Record::Message(message) => message.id = id,
            Record::Change(change) => change.id = id,
        }
    }

    /// The conversation it belongs to.
    pub fn conversation(&self) -> Conversation {
        match self {
            Record::Message(message) => message.conversation(),
            Record::Change(change) => change.conversation(),
        }
    }

    /// Whether it is a message.
    pub fn message(&self) -> Option<&Message> {
        match self {
            Record::Message(message) => Some(message),
            Record::Change(_) => None,
        }
    }

    /// The bytes that it has besides the fixed ones, about.
    pub fn bytes(&self) -> usize {
        match self {
            Record::Message(message) => message.text.as_str().len(),
            Record::Change(change) => change.changes.len() * CHANGE_BYTES,
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
