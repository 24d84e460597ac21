//! What was seen of messages that may change before they are shown.

use crate::model::MessageId;

/// The messages that a connection's thread has read from the store, and up to which change they
/// are as the hub knows them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    pub(super) messages: Vec<MessageId>,
    pub(super) changes: u64,
    /// Whether more has become of them, since they were read, than the hub remembers.
    pub(super) is_stale: bool,
}

impl Seen {
    /// Whether more has become of the messages than the hub remembers, so that they have to be read
    /// again.
    pub fn is_stale(&self) -> bool {
        self.is_stale
    }
}
