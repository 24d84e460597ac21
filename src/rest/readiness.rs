//! Whether the server can do its work, and what is in the way.

use std::collections::BTreeMap;

use parking_lot::Mutex;

/// What is in the way, by part of the server. Nothing: ready.
#[derive(Debug, Default)]
pub struct Readiness(Mutex<BTreeMap<&'static str, String>>);

impl Readiness {
    /// A part cannot do its work, and this is why.
    pub fn hinder(&self, part: &'static str, reason: impl Into<String>) {
        self.0.lock().insert(part, reason.into());
    }

    /// A part does its work again.
    pub fn clear(&self, part: &'static str) {
        self.0.lock().remove(part);
    }

    /// What is in the way: part and reason.
    pub fn hindrances(&self) -> BTreeMap<&'static str, String> {
        self.0.lock().clone()
    }
}
