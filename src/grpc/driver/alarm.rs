//! Wakes a sleeping driver: an eventfd, written to only while the driver sleeps.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::task::Wake;

use rustix::event::{EventfdFlags, eventfd};

/// The driver is at work and will sleep next.
const AWAKE: u8 = 0;
/// The driver sleeps, or is about to: waking it needs a write.
const ASLEEP: u8 = 1;
/// The alarm has rung since the driver was last awake: it will not sleep.
const RUNG: u8 = 2;

/// Wakes one driver. As a [`std::task::Waker`] it may be used from any thread.
#[derive(Debug)]
pub struct Alarm {
    event: OwnedFd,
    state: AtomicU8,
}

impl Alarm {
    /// An alarm that has not rung.
    pub fn new() -> io::Result<Arc<Alarm>> {
        let event = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?;
        Ok(Arc::new(Alarm {
            event,
            state: AtomicU8::new(AWAKE),
        }))
    }

    /// Wakes the driver, or makes it take another turn.
    pub fn ring(&self) {
        if self.state.swap(RUNG, Ordering::AcqRel) == ASLEEP {
            // Fails only when it has rung already.
            let _ = rustix::io::write(&self.event, &1_u64.to_ne_bytes());
        }
    }

    /// The driver begins a turn, which covers everything that has rung so far.
    pub(super) fn awake(&self) {
        self.state.swap(AWAKE, Ordering::AcqRel);
    }

    /// Whether the alarm has not rung since; from then on, ringing writes.
    pub(super) fn may_sleep(&self) -> bool {
        let slept = self
            .state
            .compare_exchange(AWAKE, ASLEEP, Ordering::AcqRel, Ordering::Acquire);
        slept.is_ok()
    }

    /// Clears the eventfd.
    pub(super) fn silence(&self) {
        let _ = rustix::io::read(&self.event, &mut [0_u8; 8]);
    }
}

impl AsFd for Alarm {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.event.as_fd()
    }
}

impl Wake for Alarm {
    fn wake(self: Arc<Alarm>) {
        self.ring();
    }

    fn wake_by_ref(self: &Arc<Alarm>) {
        self.ring();
    }
}
