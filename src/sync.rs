//! The primitives of hand-made synchronisation. The few files that pass something between threads
//! by themselves import them from here only, so that `tests/models` can substitute a model checker
//! and run those same files through every order of events.

pub use parking_lot::Mutex;
pub use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
