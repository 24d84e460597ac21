//! The timers of a driver.

use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use hyper::rt::Timer;
use parking_lot::Mutex;

/// The clock of one driver. Behind a lock, which is never contended, only because the HTTP
/// libraries need timers that are `Send`.
#[derive(Clone, Debug, Default)]
pub struct Timers(Arc<Mutex<Schedule>>);

#[derive(Debug, Default)]
struct Schedule {
    last: u64,
    waiting: BTreeMap<(Instant, u64), Waker>,
}

/// Ready when its time has come.
#[derive(Debug)]
pub struct Sleep {
    timers: Timers,
    at: Instant,
    id: u64,
}

impl Timers {
    /// A future that is ready after this time.
    pub fn after(&self, time: Duration) -> Sleep {
        self.at(Instant::now() + time)
    }

    /// A future that is ready at this time.
    pub fn at(&self, at: Instant) -> Sleep {
        let mut schedule = self.0.lock();
        schedule.last += 1;
        Sleep {
            timers: self.clone(),
            at,
            id: schedule.last,
        }
    }

    /// The next time that a future waits for.
    pub(super) fn next(&self) -> Option<Instant> {
        let schedule = self.0.lock();
        schedule.waiting.keys().next().map(|&(at, _)| at)
    }

    /// Wakes the futures whose time has come.
    pub(super) fn ring(&self, now: Instant) {
        let due = {
            let mut schedule = self.0.lock();
            let later = schedule.waiting.split_off(&(now, u64::MAX));
            std::mem::replace(&mut schedule.waiting, later)
        };
        for waker in due.into_values() {
            waker.wake();
        }
    }
}

impl Future for Sleep {
    type Output = ();

    fn poll(self: Pin<&mut Sleep>, context: &mut Context<'_>) -> Poll<()> {
        if Instant::now() >= self.at {
            return Poll::Ready(());
        }
        let waker = context.waker().clone();
        let mut schedule = self.timers.0.lock();
        schedule.waiting.insert((self.at, self.id), waker);
        Poll::Pending
    }
}

impl Drop for Sleep {
    fn drop(&mut self) {
        self.timers.0.lock().waiting.remove(&(self.at, self.id));
    }
}

impl hyper::rt::Sleep for Sleep {}

impl Timer for Timers {
    fn sleep(&self, time: Duration) -> Pin<Box<dyn hyper::rt::Sleep>> {
        Box::pin(self.after(time))
    }

    fn sleep_until(&self, at: Instant) -> Pin<Box<dyn hyper::rt::Sleep>> {
        Box::pin(self.at(at))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::task::Wake;

    struct Count(Mutex<u32>);

    impl Wake for Count {
        fn wake(self: Arc<Count>) {
            *self.0.lock() += 1;
        }
    }

    #[test]
    fn who_gave_up_waiting_is_forgotten_and_the_others_are_woken_in_time() {
        let timers = Timers::default();
        let woken = Arc::new(Count(Mutex::new(0)));
        let waker = Waker::from(woken.clone());
        let mut context = Context::from_waker(&waker);
        let start = Instant::now();
        let hour = Duration::from_secs(3600);
        let mut sleeps: Vec<Sleep> = (1..=3).map(|n| timers.at(start + hour * n)).collect();
        for sleep in &mut sleeps {
            assert!(Pin::new(sleep).poll(&mut context).is_pending());
        }
        assert_eq!(timers.next(), Some(start + hour));
        drop(sleeps.remove(0));
        assert_eq!(timers.next(), Some(start + hour * 2));
        timers.ring(start + hour * 2);
        assert_eq!(*woken.0.lock(), 1);
        assert_eq!(timers.next(), Some(start + hour * 3));
        drop(sleeps);
        assert_eq!(timers.next(), None);
    }
}
