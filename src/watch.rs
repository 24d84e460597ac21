//! Watches: what happens in a chat, for the program around it. Never holds up the hub: a watch that
//! is not read in time loses entries, and is told how many.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
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
    token_is_over: Arc<AtomicBool>,
}

/// The hub's end of a [`Watch`].
#[derive(Debug)]
pub struct Watcher {
    entries: Sender<Entry>,
    lost: Arc<AtomicU64>,
    /// What its reader has shown that may end.
    tokens: Vec<Token>,
    token_is_over: Arc<AtomicBool>,
    /// Dropped after the sender, so that the reader is alerted to the end.
    alert: Alert,
}

/// The token that a reader has shown.
#[derive(Debug)]
struct Token {
    name: String,
    /// When it expires, in milliseconds since 1970 UTC.
    ends_at_ms: Option<u64>,
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
    let token_is_over = Arc::new(AtomicBool::new(false));
    let watcher = Watcher {
        entries: sender,
        lost: lost.clone(),
        tokens: Vec::new(),
        token_is_over: token_is_over.clone(),
        alert: Alert(Box::new(alert)),
    };
    let watch = Watch {
        entries,
        lost,
        token_is_over,
    };
    (watch, watcher)
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

    /// Whether it ends because its token was removed or has expired.
    pub fn is_token_over(&self) -> bool {
        self.token_is_over.load(Ordering::Acquire)
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
    /// The same for a reader who has shown a token, as the hub knows it: the watch ends when that
    /// is revoked, or expires (in milliseconds since 1970 UTC). There may be several.
    pub fn with_token(mut self, name: String, ends_at_ms: Option<u64>) -> Watcher {
        self.tokens.push(Token { name, ends_at_ms });
        self
    }

    /// Whether its reader has shown this token; any, without a name.
    pub fn has_token(&self, name: Option<&str>) -> bool {
        let mut own = self.tokens.iter();
        own.any(|own| name.is_none_or(|name| own.name == name))
    }

    /// Whether a token of its reader has expired.
    pub fn has_expired(&self, now_ms: u64) -> bool {
        let mut ends = self.tokens.iter().filter_map(|token| token.ends_at_ms);
        ends.any(|end| end <= now_ms)
    }

    /// Ends the watch because its token is not valid any more.
    pub fn end_with_token(self) {
        self.token_is_over.store(true, Ordering::Release);
    }

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
    fn a_watch_ends_with_the_token_of_its_reader_and_says_so() {
        let (mut watch, watcher) = channel();
        let watcher = watcher.with_token("program:1".to_owned(), Some(100));
        assert!(watcher.has_token(Some("program:1")) && watcher.has_token(None));
        assert!(!watcher.has_token(Some("program:2")));
        assert!(!watcher.has_expired(99) && watcher.has_expired(100));
        watcher.tell(&[Entry::new(7, Kind::Message)]);
        watcher.end_with_token();
        assert_eq!(watch.next().map(|entry| entry.at_ms), Some(7));
        assert!(watch.next().is_none() && watch.is_token_over());
        let (watch, watcher) = channel();
        assert!(!watcher.has_token(None) && !watcher.has_expired(u64::MAX));
        drop(watcher);
        assert!(!watch.is_token_over());
    }

    #[test]
    fn nobody_is_told_in_vain() {
        let (watch, watcher) = channel();
        drop(watch);
        assert!(!watcher.tell(&[Entry::new(1, Kind::Open)]));
    }
}
