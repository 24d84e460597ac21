//! The hand-made synchronisation under a model checker: it tries every order in
//! which threads can meet, not only those that happen to occur.
//!
//! `backlog`, `outgoing` and `share` are the server's own files, with loom's
//! locks and atomics in place of the real ones, and a kernel, a peer and a
//! flusher of a few lines each. `store_writer` is a model, because the file
//! itself uses a channel that loom does not support. Each model also runs with
//! a planted fault that it must find.

mod backlog_model;
mod outgoing_model;
mod share_model;
mod store_writer_model;

#[path = "../../src/net/backlog.rs"]
#[allow(dead_code)]
mod backlog;
#[path = "../../src/net/tls/outgoing.rs"]
#[allow(dead_code)]
mod outgoing;
#[path = "../../src/outbox/share.rs"]
#[allow(dead_code)]
mod share;

/// What the files under test import as `crate::sync`.
mod sync {
    pub use loom::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

    /// A lock that cannot be poisoned, like the server's.
    #[derive(Debug, Default)]
    pub struct Mutex<T>(loom::sync::Mutex<T>);

    impl<T> Mutex<T> {
        pub fn new(value: T) -> Mutex<T> {
            Mutex(loom::sync::Mutex::new(value))
        }

        pub fn lock(&self) -> loom::sync::MutexGuard<'_, T> {
            self.0.lock().unwrap()
        }
    }
}

/// Runs `model` in every order with at most this many forced switches between
/// threads. Faults of this kind need two.
fn explore(switches: usize, model: impl Fn() + Send + Sync + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(switches);
    builder.check(model);
}
