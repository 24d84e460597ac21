//! Whether the server can do its work, and if not, why.

use std::collections::BTreeMap;

use parking_lot::Mutex;

/// What is wrong, by part of the server; empty if it is ready.
#[derive(Default)]
pub struct Readiness {
    known: Mutex<BTreeMap<&'static str, String>>,
    watched: Mutex<Vec<(&'static str, Check)>>,
}

/// Returns what is wrong with a part, if anything.
type Check = Box<dyn Fn() -> Option<String> + Send>;

impl Readiness {
    /// Records that a part cannot do its work, and why.
    pub fn hinder(&self, part: &'static str, reason: impl Into<String>) {
        self.known.lock().insert(part, reason.into());
    }

    /// Records that a part works again.
    pub fn clear(&self, part: &'static str) {
        self.known.lock().remove(part);
    }

    /// Has a part checked with every query. The check must not take long.
    pub fn watch(&self, part: &'static str, check: impl Fn() -> Option<String> + Send + 'static) {
        self.watched.lock().push((part, Box::new(check)));
    }

    /// What is wrong: part and reason.
    pub fn hindrances(&self) -> BTreeMap<&'static str, String> {
        let mut all = self.known.lock().clone();
        for (part, check) in self.watched.lock().iter() {
            if let Some(reason) = check() {
                all.insert(part, reason);
            }
        }
        all
    }
}
