//! The audit trail: whatever an administrator does, and whoever fails to be
//! one, is an entry of the chat log. Looking is not doing. No secret is ever
//! part of an entry.

use std::net::SocketAddr;

use crate::chatlog::Entry;
use crate::name::Name;

/// Who acts. Goes to the hub together with what is to be done there, so that
/// the one is never without the other.
#[derive(Clone, Copy)]
pub(super) struct Actor(pub SocketAddr);

impl Actor {
    /// What has been done, at `now_ms` (since 1970 UTC), and to whom.
    pub fn did(self, now_ms: u64, whom: Option<&Name>, what: String) -> Entry {
        Entry {
            address: Some(self.0),
            to: whom.map(Name::shown),
            ..Entry::admin(now_ms, what)
        }
    }
}
