//! A word that work is no longer wanted, from whoever wanted it to whoever
//! does it. Never ends anything by itself: the worker looks now and then.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Clones are the same one, and it is never taken back.
#[derive(Clone, Debug, Default)]
pub struct Cancel(Arc<AtomicBool>);

impl Cancel {
    /// Nothing to cancel yet.
    pub fn new() -> Cancel {
        Cancel::default()
    }

    /// Says that nobody waits for the result any more.
    pub fn cancel(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Whether [`Cancel::cancel`] was called.
    pub fn is_cancelled(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}
