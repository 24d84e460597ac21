//! Whether the server can do its work, and what is in the way.

use std::collections::BTreeMap;

use parking_lot::Mutex;

/// What is in the way, by part of the server. Nothing: ready.
#[derive(Default)]
pub struct Readiness {
    known: Mutex<BTreeMap<&'static str, String>>,
    watched: Mutex<Vec<(&'static str, Check)>>,
}

/// Says what is in the way, if anything is.
type Check = Box<dyn Fn() -> Option<String> + Send>;

impl Readiness {
    /// A part cannot do its work, and this is why.
    pub fn hinder(&self, part: &'static str, reason: impl Into<String>) {
        self.known.lock().insert(part, reason.into());
    }

    /// A part does its work again.
    pub fn clear(&self, part: &'static str) {
        self.known.lock().remove(part);
    }

    /// Asks a part whenever somebody wants to know. Must not take long.
    pub fn watch(&self, part: &'static str, check: impl Fn() -> Option<String> + Send + 'static) {
        self.watched.lock().push((part, Box::new(check)));
    }

    /// What is in the way: part and reason.
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
