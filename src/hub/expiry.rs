//! Connections that are closed when the token they logged in with expires.

use super::{ConnectionId, Effects, Farewell, Hub, Now};

impl Hub {
    /// Has a connection closed at a time of the wall clock.
    pub fn expire(&mut self, id: ConnectionId, at_unix_ms: u64, now: Now) {
        // From here on the monotonic clock counts, which does not jump.
        let left_ms = at_unix_ms.saturating_sub(now.unix_ms);
        let deadline = now.ticks_ms.saturating_add(left_ms);
        self.forget_expiry(id);
        if let Some(connection) = self.connection_mut(id) {
            connection.expiry = Some(deadline);
            self.expiries.insert((deadline, id));
        }
    }

    /// Closes a bounded number of connections whose token has expired.
    pub(super) fn end_expired(&mut self, now: Now, fx: &mut Effects) {
        let mut budget = self.limits.piece;
        while budget > 0
            && let Some(&(deadline, id)) = self.expiries.first()
            && deadline <= now.ticks_ms
        {
            self.expiries.pop_first();
            self.end_within(id, Farewell::TokenRevoked, &mut budget, now, fx);
        }
    }

    /// Cancels the expiry of a connection, because it has a new token or is closed.
    pub(super) fn forget_expiry(&mut self, id: ConnectionId) {
        let connection = self.connection_mut(id);
        if let Some(deadline) = connection.and_then(|connection| connection.expiry.take()) {
            self.expiries.remove(&(deadline, id));
        }
    }
}
