//! Signals: what a user's program tells the programs of others.

use std::sync::Arc;

use crate::model::governance::Role;
use crate::model::{MessageId, Name, Text};

/// What a signal is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignalKind {
    /// It is in the extras alone.
    Extras,
    /// Asks the other program something.
    Request,
    /// Answers such a request.
    Answer,
    /// Is a text for people, which is not kept.
    Text,
    /// The same as a notice, which nothing answers.
    Notice,
}

/// A signal from a user's program.
#[derive(Clone, Debug, PartialEq)]
pub struct Signal {
    /// What it is.
    pub kind: SignalKind,
    /// What is asked or answered.
    pub words: Text,
    /// What the program has added, in the words of its protocol.
    pub extras: Option<Arc<str>>,
    /// Whether it says that the user is typing: then all are told that.
    pub is_typing: bool,
    /// In a channel, only people with at least this role are told.
    pub least: Option<Role>,
}

impl Signal {
    /// Whether the chat log has it, as it has messages.
    pub fn is_logged(&self) -> bool {
        matches!(self.kind, SignalKind::Text | SignalKind::Notice)
    }
}

/// A signal as others are told it.
#[derive(Clone, Debug, PartialEq)]
pub struct Signalled {
    /// Strictly increasing on this server, with the ids of messages.
    pub id: MessageId,
    /// The user of the program that has sent it.
    pub from: Name,
    /// The channel, unless it is for one user.
    pub channel: Option<Name>,
    /// The recipient, unless it is for a channel.
    pub to: Option<Name>,
    /// What it says.
    pub signal: Signal,
}
