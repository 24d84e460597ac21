//! Watches: what happens in a chat, for the program around it. Never holds
//! up the hub: whoever does not keep up misses something and is told how
//! much.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::Poll;
use std::time::Duration;

use crossbeam_channel::{Receiver, Sender, TryRecvError, TrySendError, bounded};

use crate::model::Entry;

/// Entries that may wait to be looked at; the next ones are lost.
pub const QUEUE: usize = 4096;

/// Everything that happens in a chat, as the chat log would have it: messages,
/// private ones in any case, who comes and who goes, commands, what
/// administrators do. An iterator that waits for the next entry and ends
/// with the chat; [`Watch::wait`] is for those who have other things to do.
///
/// At most [`QUEUE`] entries wait. What does not fit is lost, and counted.
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
    /// Dropped after the sender, so that the end of a watch is seen.
    alert: Alert,
}

/// Rings when there is something to look at, and at the end.
struct Alert(Box<dyn Fn() + Send>);

/// Both ends of a watch.
pub fn channel() -> (Watch, Watcher) {
    channel_with_alert(|| {})
}

/// As [`channel`], for who does not wait by themselves: `alert` is called on
/// the hub's thread whenever there is something to look at, and at the end. It
/// must not wait.
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
    /// The next entry, if there is one within this time; zero does not wait.
    pub fn wait(&self, most: Duration) -> Option<Entry> {
        self.entries.recv_timeout(most).ok()
    }

    /// The next entry, nothing if the chat has ended, or that there is none
    /// yet.
    pub fn look(&self) -> Poll<Option<Entry>> {
        match self.entries.try_recv() {
            Ok(entry) => Poll::Ready(Some(entry)),
            Err(TryRecvError::Disconnected) => Poll::Ready(None),
            Err(TryRecvError::Empty) => Poll::Pending,
        }
    }

    /// How many entries were lost so far.
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

/// So that `for entry in &watch` leaves [`Watch::lost`] to be asked.
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
    /// Passes on what happened. False: nobody watches any more.
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
