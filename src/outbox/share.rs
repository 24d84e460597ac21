//! Work that threads share: each free thread claims the next piece.
//! `tests/models/share_model.rs` runs this file through every order in which they
//! can meet.

use std::sync::Arc;

use crate::sync::{AtomicUsize, Mutex, Ordering};

/// See the module's documentation.
#[derive(Debug)]
pub struct Share<W> {
    /// `None` once the work was taken back.
    work: Mutex<Option<Arc<W>>>,
    pieces: usize,
    claimed: AtomicUsize,
    finished: AtomicUsize,
}

impl<W> Share<W> {
    /// Shares work of `pieces` pieces, at least one.
    pub fn new(work: W, pieces: usize) -> Share<W> {
        Share {
            work: Mutex::new(Some(Arc::new(work))),
            pieces,
            claimed: AtomicUsize::new(0),
            finished: AtomicUsize::new(0),
        }
    }

    /// Claims and does the next piece. Returns whether there was one. `done` runs
    /// once, in the thread that finishes the last piece.
    pub fn step(&self, each: impl FnOnce(&W, usize), done: impl Fn()) -> bool {
        let piece = self.claimed.fetch_add(1, Ordering::Relaxed);
        if piece >= self.pieces {
            return false;
        }
        // Dropped after the work, even if it panics.
        let _piece = Piece {
            of: self,
            done: &done,
        };
        let work = self.work.lock().clone();
        if let Some(work) = work {
            each(&work, piece);
        }
        true
    }

    /// How many pieces have been claimed.
    pub fn begun(&self) -> usize {
        self.claimed.load(Ordering::Relaxed).min(self.pieces)
    }

    /// Keeps all threads from claiming another piece, as if the rest were finished.
    /// Returns how many pieces were claimed: always the first ones.
    pub fn stop(&self, done: impl Fn()) -> usize {
        let begun = self.claimed.swap(self.pieces, Ordering::Relaxed);
        let begun = begun.min(self.pieces);
        if begun < self.pieces {
            self.finish(self.pieces - begun, done);
        }
        begun
    }

    /// Takes the work back once it is done. A thread that arrives later finds
    /// nothing.
    pub fn take(&self) -> Option<W> {
        let work = self.work.lock().take();
        Arc::into_inner(work?)
    }

    fn finish(&self, count: usize, done: impl Fn()) {
        if self.finished.fetch_add(count, Ordering::AcqRel) + count == self.pieces {
            done();
        }
    }
}

/// A piece under way.
struct Piece<'a, W, D: Fn()> {
    of: &'a Share<W>,
    done: &'a D,
}

impl<W, D: Fn()> Drop for Piece<'_, W, D> {
    fn drop(&mut self) {
        self.of.finish(1, self.done);
    }
}
