//! What users wish to become of messages.

use std::net::IpAddr;

use crate::model::{Body, MessageId, Name, Sign, Text};

use super::{ConnectionId, Mark};

/// The message that is meant.
#[derive(Clone, Debug)]
pub enum Which {
    /// The one with this id.
    Id(MessageId),
    /// The one with this id, if it is in this conversation: otherwise there is none.
    In(Within, MessageId),
    /// The last one by this user in the current channel, or one's own: among those that a
    /// user who comes in is shown.
    Last(Option<Name>),
}

/// A conversation, as one of its users names it.
#[derive(Clone, Debug)]
pub enum Within {
    /// A channel.
    Channel(Name),
    /// The thread with this user.
    User(Name),
}

impl Which {
    /// The message with an id, in a channel if that is given.
    pub fn in_channel(channel: Option<Name>, id: MessageId) -> Which {
        match channel {
            Some(channel) => Which::In(Within::Channel(channel), id),
            None => Which::Id(id),
        }
    }
}

/// What is to become of a message.
#[derive(Clone, Debug)]
pub enum Wish {
    /// It says this from now on.
    Edit(Body),
    /// It is gone, for this reason of at most [`super::MAX_REASON_CHARS`].
    Delete(Option<Text>),
    /// It has this sign from the user from now on, or no longer; `None` is the other of what is
    /// so now.
    React {
        /// The sign.
        sign: Sign,
        /// Whether it has it.
        on: Option<bool>,
    },
}

/// What a message is looked for.
#[derive(Clone, Debug)]
pub enum Purpose {
    /// It is to be changed, if it is in this conversation.
    Mend(Option<Within>, Wish),
    /// It is to be answered: the answer waits with its connection.
    Reply,
}

/// A question for a message that is to be changed or answered.
#[derive(Clone, Debug)]
pub struct Finding {
    /// The connection that asks.
    pub connection: ConnectionId,
    /// Its address, for fair turns at the store.
    pub address: IpAddr,
    /// The message.
    pub message: MessageId,
    /// What for.
    pub purpose: Purpose,
    /// The mark of the request.
    pub mark: Option<Mark>,
    /// How many changes of messages the hub knew when it was asked.
    pub changes: u64,
}

impl Wish {
    /// The command in words, for the log.
    pub(super) fn word(&self) -> &'static str {
        match self {
            Wish::Edit(_) => "edit",
            Wish::Delete(_) => "delete",
            Wish::React { .. } => "react",
        }
    }
}
