//! Caches which account has which name, so that the store is asked once per name and not once per
//! message. An account keeps its name, so an entry stays true until the account is deleted; what
//! another server still sends to a deleted one is stored and read by nobody. That there is no
//! account is not cached.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;

use crate::model::{AccountId, Name};

/// Names remembered; beyond it, all are forgotten.
const MAX_KNOWN: usize = 16_384;

/// See the module's documentation.
#[derive(Default)]
pub(super) struct Recipients {
    /// By the key of the name; locked only for one access.
    known: Mutex<HashMap<Arc<str>, (Name, AccountId)>>,
}

impl Recipients {
    /// The account of this name, in any spelling, and the name as registered, if it is cached.
    pub(super) fn get(&self, name: &Name) -> Option<(Name, AccountId)> {
        self.known.lock().get(name.key()).cloned()
    }

    /// Adds an account.
    pub(super) fn add(&self, name: Name, id: AccountId) {
        let mut known = self.known.lock();
        if known.len() >= MAX_KNOWN {
            known.clear();
        }
        known.insert(name.key().clone(), (name, id));
    }

    /// Removes an account.
    pub(super) fn remove(&self, name: &Name) {
        self.known.lock().remove(name.key());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn recipient(number: usize) -> (Name, AccountId) {
        let name = Name::parse_nickname(&format!("Mina{number}")).unwrap();
        (name, AccountId(number as i64))
    }

    fn add(recipients: &Recipients, number: usize) {
        let (name, id) = recipient(number);
        recipients.add(name, id);
    }

    #[test]
    fn they_are_known_in_any_spelling() {
        let recipients = Recipients::default();
        let lower = Name::parse_nickname("mina7").unwrap();
        assert_eq!(recipients.get(&lower), None);
        add(&recipients, 7);
        assert_eq!(recipients.get(&lower), Some(recipient(7)));
    }

    #[test]
    fn beyond_the_limit_all_are_forgotten() {
        let recipients = Recipients::default();
        for number in 0..=MAX_KNOWN {
            add(&recipients, number);
        }
        assert_eq!(recipients.known.lock().len(), 1);
        assert_eq!(recipients.get(&recipient(0).0), None);
        let last = recipient(MAX_KNOWN);
        assert_eq!(recipients.get(&last.0), Some(last));
    }
}
