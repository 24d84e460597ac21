//! What hand-made synchronisation is made of. The few files that hand
//! something from thread to thread by themselves take it from here and from
//! nowhere else, so that `tests/models` can put a model checker in its place
//! and run those very files through every order of events.

pub use parking_lot::Mutex;
pub use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
