//! The members of one channel that are about to be taken out.

use std::collections::HashMap;
use std::sync::Arc;

use crate::hub::{ConnectionId, Event, Farewell};
use crate::model::governance::By;
use crate::model::{Name, Text};

/// Why members are taken out of a channel.
pub(in crate::hub) struct Expulsion {
    /// The channel.
    pub channel: Name,
    /// Who gave the order.
    pub by: By,
    /// What they are told of it.
    pub reason: Option<Text>,
    /// Whether the other members are told that they leave: the change does not name them.
    pub is_told: bool,
}

impl Expulsion {
    /// What a member is told who stays connected.
    pub fn event(&self) -> Event {
        Event::Kicked {
            channel: self.channel.clone(),
            by: self.by.shown(),
            reason: self.reason.clone(),
        }
    }

    /// The last words for a client whose connection ends with its place in the channel.
    pub fn farewell(&self) -> Farewell {
        let by = match &self.by {
            By::User(person) => Some(person.name.clone()),
            By::Administrator(_) | By::Server(_) => None,
        };
        let reason = self.reason.clone();
        Farewell::Removed { by, reason }
    }
}

/// The members of one channel that are still to be taken out.
#[derive(Default)]
pub(in crate::hub) struct Expelled {
    waiting: HashMap<ConnectionId, Arc<Expulsion>>,
}

impl Expelled {
    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Whether a connection is one of them.
    pub fn contains(&self, id: ConnectionId) -> bool {
        !self.waiting.is_empty() && self.waiting.contains_key(&id)
    }

    /// Adds one. Returns whether it is new.
    pub fn insert(&mut self, id: ConnectionId, why: &Arc<Expulsion>) -> bool {
        self.waiting.insert(id, why.clone()).is_none()
    }

    /// Notes that a connection is not in the channel any more. Returns why it was to be
    /// taken out, if it was.
    pub fn remove(&mut self, id: ConnectionId) -> Option<Arc<Expulsion>> {
        match self.waiting.is_empty() {
            true => None,
            false => self.waiting.remove(&id),
        }
    }
}
