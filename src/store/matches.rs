//! What a search has found, and how long it may take.

use std::time::{Duration, Instant};

use crate::model::{Found, MessageId};

/// What a search has found.
#[derive(Clone, Debug, Default)]
pub struct Matches {
    /// Messages, newest first.
    pub found: Vec<Found>,
    /// The search took too long and ended here: what is before this message has
    /// not been looked at, and a search that begins there goes on. Without it
    /// the search has seen everything, or has found as many as it should.
    pub ended_at: Option<MessageId>,
}

impl Matches {
    /// Where a search for older messages begins, if this was one for so many and
    /// there may be more.
    pub fn next(&self, limit: usize) -> Option<MessageId> {
        let last = self.found.last().map(|found| found.message.id);
        match self.found.len() >= limit {
            true => last,
            false => self.ended_at,
        }
    }
}

/// Until when a search may go on.
#[derive(Clone, Copy, Debug)]
pub struct Allowed(Instant);

impl Allowed {
    /// From now on so long.
    pub fn from_now(time: Duration) -> Allowed {
        Allowed(Instant::now() + time)
    }

    /// Whether that is over.
    pub fn is_over(self) -> bool {
        self.left().is_zero()
    }

    /// What is left of it.
    pub fn left(self) -> Duration {
        self.0.saturating_duration_since(Instant::now())
    }
}
