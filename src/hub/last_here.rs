//! When users who are offline were last online, on this server or another. Kept
//! in memory: since this server started, and for a limited number of users.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use crate::model::Name;

use super::{Effects, Hub, Now};

/// The users who have left. The one who left first is forgotten first.
#[derive(Default)]
pub(super) struct LastHere {
    by_key: HashMap<Arc<str>, Gone>,
    /// The keys, in the order in which the users left.
    by_age: BTreeMap<u64, Arc<str>>,
    last: u64,
}

struct Gone {
    /// As the user wrote it.
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
    /// Notes that a user has just left, or has changed nickname, unless the user is
    /// still online under this name.
    pub(super) fn note_gone(&mut self, name: &Name, now: Now, fx: &mut Effects) {
        if !self.presence(name.clone()).1 {
            self.tell_offline(name, fx);
            self.note_gone_quietly(name, now);
        }
    }

    /// The same of a nickname that goes on under the name of an account.
    pub(super) fn note_gone_quietly(&mut self, name: &Name, now: Now) {
        let most = self.limits.departures;
        self.last_here.note(name.clone(), now.unix_ms, most);
    }

    /// When a user who is offline was last online, in milliseconds since 1970 UTC,
    /// and how the user wrote the name.
    pub fn last_here(&self, name: &Name) -> Option<(Name, u64)> {
        let gone = self.last_here.by_key.get(name.key())?;
        Some((gone.name.clone(), gone.at_ms))
    }
}
