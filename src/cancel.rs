//! Tells a worker that its result is no longer wanted. Never stops anything by itself: the worker
//! checks now and then.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Cancels work. Clones share one state, which is never reset.
#[derive(Clone, Debug, Default)]
pub struct Cancel(Arc<AtomicBool>);

impl Cancel {
    /// Not cancelled.
    pub fn new() -> Cancel {
        Cancel::default()
    }

    /// Says that the result is no longer wanted.
    pub fn cancel(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Whether [`Cancel::cancel`] was called.
    pub fn is_cancelled(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}
