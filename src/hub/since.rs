//! Who of a channel came while its past was being read, and may read only what was said since.

use std::collections::HashMap;

use crate::model::MessageId;

use super::ConnectionId;

/// The members of a channel that may read only what was said after a message, because they came
/// then: what was held before is not for them.
#[derive(Default)]
pub(super) struct Since(HashMap<ConnectionId, MessageId>);

impl Since {
    /// The members, each with the last message before it came.
    pub fn of(members: impl Iterator<Item = (ConnectionId, MessageId)>) -> Since {
        Since(members.collect())
    }

    /// Whether a member may read a message that was held.
    pub fn lets_read(&self, member: ConnectionId, message: MessageId) -> bool {
        self.0.get(&member).is_none_or(|after| message > *after)
    }
}
