//! Plaintext on its way to a writer thread. A connection that has some is in its
//! writer's queue exactly once.
//!
//! `tests/models/outgoing.rs` runs this file through every order in which
//! hub, reader and writers can meet.

use crate::sync::Mutex;

/// The bytes that wait for a writer thread; locked only for as long as a copy
/// takes.
#[derive(Debug, Default)]
pub struct Outgoing {
    pub(super) state: Mutex<State>,
}

#[derive(Debug, Default)]
pub(super) struct State {
    pub plaintext: Vec<u8>,
    /// Whether the connection is closed after these bytes.
    pub then_close: bool,
    /// Whether the connection is in its writer's queue.
    pub queued: bool,
}

impl Outgoing {
    /// Adds bytes. `put` puts the connection into its writer's queue, unless it is
    /// there already. Returns the number of bytes that wait. Adding none gives
    /// the writer a turn.
    pub fn add(&self, bytes: &[u8], put: impl FnOnce()) -> usize {
        self.change(|state| state.plaintext.extend_from_slice(bytes), put)
    }

    /// Closes after everything that was added.
    pub fn close(&self, put: impl FnOnce()) {
        self.change(|state| state.then_close = true, put);
    }

    fn change(&self, change: impl FnOnce(&mut State), put: impl FnOnce()) -> usize {
        let mut state = self.state.lock();
        change(&mut state);
        let was_queued = std::mem::replace(&mut state.queued, true);
        let waiting = state.plaintext.len();
        drop(state);
        if !was_queued {
            put();
        }
        waiting
    }

    /// Notes that the writer has taken the connection out of its queue, so that the
    /// next bytes put it there again. Call it before [`Outgoing::take`]: bytes
    /// added in between must not be missed.
    pub fn leave_queue(&self) {
        self.state.lock().queued = false;
    }

    /// Takes everything that waits, and whether to close after it. The caller must
    /// hold the lock under which it encrypts, or another thread could overtake it.
    pub fn take(&self) -> (Vec<u8>, bool) {
        let mut state = self.state.lock();
        let plaintext = std::mem::take(&mut state.plaintext);
        (plaintext, std::mem::take(&mut state.then_close))
    }

    /// Bytes that wait.
    pub fn waiting(&self) -> usize {
        self.state.lock().plaintext.len()
    }
}
