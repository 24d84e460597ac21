//! Work that threads do together, piece by piece: whoever has time claims the
//! next one. `tests/models/share_model.rs` runs this file through every order
//! in which they can meet.

use std::sync::Arc;

use crate::sync::{AtomicUsize, Mutex, Ordering};

/// See the module's documentation.
#[derive(Debug)]
pub struct Share<W> {
    /// Gone once it was taken back.
    work: Mutex<Option<Arc<W>>>,
    pieces: usize,
    claimed: AtomicUsize,
    finished: AtomicUsize,
}

impl<W> Share<W> {
    /// Work of so many pieces, at least one.
    pub fn new(work: W, pieces: usize) -> Share<W> {
        Share {
            work: Mutex::new(Some(Arc::new(work))),
            pieces,
            claimed: AtomicUsize::new(0),
            finished: AtomicUsize::new(0),
        }
    }

    /// Does the next piece that nobody has claimed, if there is one. `done`
    /// runs when the last of all is finished: once, for one thread.
    pub fn step(&self, each: impl FnOnce(&W, usize), done: impl Fn()) -> bool {
        let piece = self.claimed.fetch_add(1, Ordering::Relaxed);
        if piece >= self.pieces {
            return false;
        }
        // Dropped after the work, and after a panic, too.
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

    /// How many pieces are begun or done.
    pub fn begun(&self) -> usize {
        self.claimed.load(Ordering::Relaxed).min(self.pieces)
    }

    /// Has nobody begin another piece, as if the rest were finished. How many
    /// there are that are not left out: always the first ones.
    pub fn stop(&self, done: impl Fn()) -> usize {
        let begun = self.claimed.swap(self.pieces, Ordering::Relaxed);
        let begun = begun.min(self.pieces);
        if begun < self.pieces {
            self.finish(self.pieces - begun, done);
        }
        begun
    }

    /// Takes the work back, once it is done. Who comes late finds nothing.
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
