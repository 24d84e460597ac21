//! Leavings that the members of a large channel are told later: telling each of many members
//! that each of many leaves costs the square of their number.
//!
//! Only those who keep lists of members are told of each leaving, and only where many of them
//! are. A leaving is told before anything else that names the user as a member again.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use crate::model::{Name, Text};

use super::Face;

/// A leaving that has yet to be told.
pub(super) struct Leaving {
    pub name: Name,
    pub reason: Option<Text>,
    /// With what the user was shown.
    pub face: Option<Arc<Face>>,
}

/// The leavings of one channel that have yet to be told.
#[derive(Default)]
pub(super) struct Late {
    in_order: BTreeMap<u64, Leaving>,
    /// Their numbers, by the users' keys.
    by_key: HashMap<Arc<str>, u64>,
    last: u64,
    /// When some of them are to be told, on the monotonic clock.
    pub due_ms: u64,
}

impl Late {
    /// How many there are.
    pub fn len(&self) -> usize {
        self.in_order.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.in_order.is_empty()
    }

    /// All of them, in order.
    pub fn iter(&self) -> impl Iterator<Item = &Leaving> {
        self.in_order.values()
    }

    /// Adds one.
    pub fn push(&mut self, leaving: Leaving) {
        self.last += 1;
        self.by_key.insert(leaving.name.key().clone(), self.last);
        self.in_order.insert(self.last, leaving);
    }

    /// Takes out that of a user.
    pub fn take(&mut self, name: &Name) -> Option<Leaving> {
        let number = self.by_key.remove(name.key())?;
        self.in_order.remove(&number)
    }

    /// Takes out the one that has waited longest.
    pub fn take_oldest(&mut self) -> Option<Leaving> {
        let (_, leaving) = self.in_order.pop_first()?;
        self.by_key.remove(leaving.name.key());
        Some(leaving)
    }
}

/// Where leavings have yet to be told.
#[derive(Default)]
pub(super) struct LateDue {
    /// When some are to be told in which channels, by their positions in the table.
    pub by_time: BTreeSet<(u64, usize)>,
    /// The channels that each user has left, by the users' keys.
    pub by_key: HashMap<Arc<str>, BTreeSet<usize>>,
}

impl LateDue {
    /// Takes note that one is told, or will not be.
    pub fn forget(&mut self, index: usize, name: &Name) {
        if let Some(channels) = self.by_key.get_mut(name.key()) {
            channels.remove(&index);
            if channels.is_empty() {
                self.by_key.remove(name.key());
            }
        }
    }
}
