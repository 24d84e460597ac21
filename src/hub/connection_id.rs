//! The ids of connections.

use std::fmt;

/// Identifies one connection for as long as it lives. The index is dense, so
/// that tables can be plain vectors; the generation distinguishes successive
/// connections with the same index.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ConnectionId {
    /// Position in the tables of the hub and the outbox.
    pub index: u32,
    /// How often the index has been used before.
    pub generation: u32,
}

impl ConnectionId {
    /// The lowest possible id.
    pub(super) const FIRST: ConnectionId = ConnectionId {
        index: 0,
        generation: 0,
    };
    /// An id that no connection has.
    pub(super) const NOBODY: ConnectionId = ConnectionId::LAST;
    /// The highest possible id.
    pub(super) const LAST: ConnectionId = ConnectionId {
        index: u32::MAX,
        generation: u32::MAX,
    };
}

impl fmt::Debug for ConnectionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.index, self.generation)
    }
}
