//! What one line of the chat log says.

use std::net::SocketAddr;
use std::sync::Arc;

use serde::Serialize;

use crate::hub::MessageId;

/// One thing that happened. Absent fields are left out of the line; `text`
/// is always the last one.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Entry {
    /// When, in milliseconds since 1970 UTC; written as RFC 3339.
    #[serde(skip)]
    pub at_ms: u64,
    /// What kind of thing.
    pub kind: Kind,
    /// The message's id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<MessageId>,
    /// Who did it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nick: Option<Arc<str>>,
    /// The channel, without `#`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub channel: Option<Arc<str>>,
    /// The recipient of a private message.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to: Option<Arc<str>>,
    /// The peer's address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub address: Option<SocketAddr>,
    /// The protocol the connection speaks.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub protocol: Option<&'static str>,
    /// The message, the command, or the reason.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<Arc<str>>,
}

/// The kinds of entry, and the words for them in the file and in filters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// A message to a channel.
    Message,
    /// A private message.
    Private,
    /// A command carried out.
    Command,
    /// A connection opened.
    Open,
    /// A connection closed.
    Close,
    /// Somebody joined a channel.
    Join,
    /// Somebody left a channel.
    Leave,
    /// An announcement by an administrator.
    Announcement,
    /// Something went wrong, such as entries that had to be dropped.
    Error,
}

impl Entry {
    /// An entry with nothing but its time and kind.
    pub fn new(at_ms: u64, kind: Kind) -> Entry {
        Entry {
            at_ms,
            kind,
            id: None,
            nick: None,
            channel: None,
            to: None,
            address: None,
            protocol: None,
            text: None,
        }
    }
}
