//! When people who are no longer on were last here, on this server or another:
//! in memory, so only since this server started, and of so many of them.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use crate::model::Name;

use super::{Hub, Now};

/// Those who have gone. The one who has been gone for the longest is forgotten
/// first.
#[derive(Default)]
pub(super) struct LastHere {
    by_key: HashMap<Arc<str>, Gone>,
    /// The keys in the order in which they have gone.
    by_age: BTreeMap<u64, Arc<str>>,
    last: u64,
}

struct Gone {
    /// As they wrote it.
    name: Name,
    at_ms: u64,
    number: u64,
}

impl LastHere {
    fn note(&mut self, name: Name, at_ms: u64, most: usize) {
        self.last += 1;
        let (key, number) = (name.key().clone(), self.last);
        self.by_age.insert(number, key.clone());
        let gone = Gone {
            name,
            at_ms,
            number,
        };
        if let Some(before) = self.by_key.insert(key, gone) {
            self.by_age.remove(&before.number);
        }
        while self.by_key.len() > most {
            let Some((_, oldest)) = self.by_age.pop_first() else {
                return;
            };
            self.by_key.remove(&oldest);
        }
    }
}

impl Hub {
    /// Notes that a user has just gone, or is called something else, unless
    /// they are still on under this name.
    pub(super) fn note_gone(&mut self, name: &Name, now: Now) {
        if !self.presence(name.clone()).1 {
            let most = self.limits.departures;
            self.last_here.note(name.clone(), now.unix_ms, most);
        }
    }

    /// When somebody who is not on was last here, in milliseconds since 1970
    /// UTC, and how they wrote their name.
    pub fn last_here(&self, name: &Name) -> Option<(Name, u64)> {
        let gone = self.last_here.by_key.get(name.key())?;
        Some((gone.name.clone(), gone.at_ms))
    }
}
