//! Watches: what happens in a chat, for the program around it. Never holds up the hub: a watch that
//! is not read in time loses entries, and is told how many.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::Poll;
use std::time::Duration;

use crossbeam_channel::{Receiver, Sender, TryRecvError, TrySendError, bounded};

use crate::model::Entry;

/// The most entries that may wait to be read; further ones are lost.
pub const QUEUE: usize = 4096;

/// Everything that happens in a chat, as the chat log would record it: messages (private ones in
/// any case), arrivals and departures, commands, and administrators' actions. An iterator that
/// waits for the next entry and ends with the chat; use [`Watch::wait`] to limit the wait.
///
/// At most [`QUEUE`] entries wait. Those that do not fit are lost, and counted.
#[derive(Debug)]
pub struct Watch {
    entries: Receiver<Entry>,
    lost: Arc<AtomicU64>,
}

/// The hub's end of a [`Watch`].
#[derive(Debug)]
pub struct Watcher {
    entries: Sender<Entry>,
    lost: Arc<AtomicU64>,
    /// Dropped after the sender, so that the reader is alerted to the end.
    alert: Alert,
}

/// Called when there is something to read, and at the end.
struct Alert(Box<dyn Fn() + Send>);

/// Both ends of a watch.
pub fn channel() -> (Watch, Watcher) {
    channel_with_alert(|| {})
}

/// As [`channel`], for a reader that does not block: `alert` is called on the hub's thread whenever
/// there is something to read, and at the end. It must not wait.
pub fn channel_with_alert(alert: impl Fn() + Send + 'static) -> (Watch, Watcher) {
    let (sender, entries) = bounded(QUEUE);
    let lost = Arc::new(AtomicU64::new(0));
    let watcher = Watcher {
        entries: sender,
        lost: lost.clone(),
        alert: Alert(Box::new(alert)),
    };
    (Watch { entries, lost }, watcher)
}

impl Watch {
    /// The next entry, waiting for at most this time; zero does not wait.
    pub fn wait(&self, most: Duration) -> Option<Entry> {
        self.entries.recv_timeout(most).ok()
    }

    /// The next entry; `None` if the chat has ended; pending if there is none yet.
    pub fn look(&self) -> Poll<Option<Entry>> {
        match self.entries.try_recv() {
            Ok(entry) => Poll::Ready(Some(entry)),
            Err(TryRecvError::Disconnected) => Poll::Ready(None),
            Err(TryRecvError::Empty) => Poll::Pending,
        }
    }

    /// The number of entries lost so far.
    pub fn lost(&self) -> u64 {
        self.lost.load(Ordering::Relaxed)
    }
}

impl Iterator for Watch {
    type Item = Entry;

    fn next(&mut self) -> Option<Entry> {
        self.entries.recv().ok()
    }
}

/// With `for entry in &watch`, [`Watch::lost`] can still be called.
impl Iterator for &Watch {
    type Item = Entry;

    fn next(&mut self) -> Option<Entry> {
        self.entries.recv().ok()
    }
}

impl Drop for Alert {
    fn drop(&mut self) {
        (self.0)();
    }
}

impl fmt::Debug for Alert {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Alert")
    }
}

impl Watcher {
    /// Passes on what happened. False if the watch is gone.
    pub fn tell(&self, entries: &[Entry]) -> bool {
        for entry in entries {
            match self.entries.try_send(entry.clone()) {
                Ok(()) => {}
                Err(TrySendError::Full(_)) => {
                    self.lost.fetch_add(1, Ordering::Relaxed);
                }
                Err(TrySendError::Disconnected(_)) => return false,
            }
        }
        (self.alert.0)();
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Kind;

    #[test]
    fn who_does_not_keep_up_learns_how_much_is_lost() {
        let (mut watch, watcher) = channel();
        let entries: Vec<Entry> = (0..QUEUE as u64 + 3)
            .map(|at_ms| Entry::new(at_ms, Kind::Message))
            .collect();
        assert!(watcher.tell(&entries));
        assert_eq!(watch.lost(), 3);
        assert_eq!(watch.next().map(|entry| entry.at_ms), Some(0));
        assert!(watcher.tell(&entries[..1]));
        assert_eq!(watch.lost(), 3);
        drop(watcher);
        assert_eq!(watch.count(), QUEUE);
    }

    #[test]
    fn nobody_is_told_in_vain() {
        let (watch, watcher) = channel();
        drop(watch);
        assert!(!watcher.tell(&[Entry::new(1, Kind::Open)]));
    }
}
