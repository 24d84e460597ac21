//! What a search has found, and how long it may take.

use std::time::{Duration, Instant};

use crate::model::{Message, MessageId};

/// What a search has found.
#[derive(Clone, Debug, Default)]
pub struct Matches {
    /// Messages, newest first.
    pub found: Vec<Message>,
    /// The search ran out of time before this message, and another search can continue from there.
    /// `None` if it has seen everything or has found as many as it should.
    pub ended_at: Option<MessageId>,
}

impl Matches {
    /// Where a search for older messages begins, if this one was for `limit` messages and there may
    /// be more.
    pub fn next(&self, limit: usize) -> Option<MessageId> {
        let last = self.found.last().map(|message| message.id);
        match self.found.len() >= limit {
            true => last,
            false => self.ended_at,
        }
    }
}

/// The time at which a search has to stop.
#[derive(Clone, Copy, Debug)]
pub struct Allowed(Instant);

impl Allowed {
    /// Allows this long, from now on.
    pub fn from_now(time: Duration) -> Allowed {
        Allowed(Instant::now() + time)
    }

    /// Whether the time is up.
    pub fn is_over(self) -> bool {
        self.left().is_zero()
    }

    /// The time that is left.
    pub fn left(self) -> Duration {
        self.0.saturating_duration_since(Instant::now())
    }
}
