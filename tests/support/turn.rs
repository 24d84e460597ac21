//! Turns for tests that take all of a machine's processors or memory.

use std::sync::{Condvar, Mutex, PoisonError};

/// How many tests may have a turn at once. A browser's test waits for half of its time, so that two of them leave
/// two processors idle.
const AT_ONCE: usize = 3;

static TAKEN: Mutex<usize> = Mutex::new(0);
static GIVEN_BACK: Condvar = Condvar::new();

/// A turn; dropping it passes it to the next test. A test must take only one,
/// or it may wait for itself.
pub struct Turn(());

impl Turn {
    /// Waits for a turn among the tests of this program.
    pub fn wait() -> Turn {
        let taken = TAKEN.lock().unwrap_or_else(PoisonError::into_inner);
        let mut taken = GIVEN_BACK
            .wait_while(taken, |taken| *taken >= AT_ONCE)
            .unwrap_or_else(PoisonError::into_inner);
        *taken += 1;
        Turn(())
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        *TAKEN.lock().unwrap_or_else(PoisonError::into_inner) -= 1;
        GIVEN_BACK.notify_one();
    }
}
