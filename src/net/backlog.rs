//! Bytes that the kernel did not take at once, on their way from the sending thread
//! to the flusher: in order, none lost, and the end of the stream after the last.
//!
//! One thread sends at a time, and the flusher beside it. Neither ever waits
//! for the kernel. `tests/models/backlog.rs` runs this file through every
//! order in which the two can meet.

use std::collections::VecDeque;

use crate::sync::{AtomicBool, Mutex, Ordering};

/// Where the bytes go.
pub trait Wire {
    /// Sends what it can without blocking.
    fn send(&self, bytes: &[u8]) -> Sent;
    /// Says that nothing more will come.
    fn finish(&self);
    /// Ends the connection at once in both directions.
    fn abort(&self);
}

/// How far a send came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sent {
    /// Everything is with the kernel.
    All,
    /// The kernel took this many bytes.
    Part(usize),
    /// The connection is broken.
    Broken,
}

/// What became of bytes that were to be sent in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Posted {
    /// Whether the kernel was asked.
    pub tried: bool,
    /// Bytes waiting now.
    pub waiting: usize,
}

/// See the module's documentation.
#[derive(Debug)]
pub struct Backlog {
    /// A lock, because sender and flusher both send; taken only while there
    /// is something the kernel would not take at once.
    pub(super) queue: Mutex<Queue>,
    /// Whether the queue has anything: saves the sender the lock.
    pub(super) has_any: AtomicBool,
}

/// What waits.
#[derive(Debug, Default)]
pub(super) struct Queue {
    pub bytes: VecDeque<u8>,
    pub then_finish: bool,
}

impl Backlog {
    /// Nothing waits.
    pub fn new() -> Backlog {
        Backlog {
            queue: Mutex::new(Queue::default()),
            has_any: AtomicBool::new(false),
        }
    }

    /// Sends without blocking, or keeps what the kernel does not take; `watch`
    /// has the flusher drain it. One thread at a time, or order is lost.
    pub fn post(&self, wire: &impl Wire, bytes: &[u8], watch: impl FnOnce()) -> Posted {
        if let Some(waiting) = self.queue_behind(bytes) {
            let tried = false;
            return Posted { tried, waiting };
        }
        let waiting = match wire.send(bytes) {
            Sent::All => 0,
            Sent::Part(sent) => self.begin(bytes.get(sent..).unwrap_or_default(), watch),
            Sent::Broken => {
                wire.abort();
                0
            }
        };
        let tried = true;
        Posted { tried, waiting }
    }

    /// Appends to what waits, if anything does, and says how much that is.
    fn queue_behind(&self, bytes: &[u8]) -> Option<usize> {
        if !self.has_any.load(Ordering::Acquire) {
            return None;
        }
        let mut queue = self.queue.lock();
        // The flusher may have emptied it since.
        if queue.bytes.is_empty() {
            return None;
        }
        queue.bytes.extend(bytes);
        Some(queue.bytes.len())
    }

    /// Puts the first bytes into the queue. `watch` runs before the flusher can
    /// find the queue empty again.
    fn begin(&self, bytes: &[u8], watch: impl FnOnce()) -> usize {
        let mut queue = self.queue.lock();
        queue.bytes.extend(bytes);
        self.has_any.store(true, Ordering::Release);
        watch();
        queue.bytes.len()
    }

    /// Bytes that wait.
    pub fn waiting(&self) -> usize {
        match self.has_any.load(Ordering::Acquire) {
            true => self.queue.lock().bytes.len(),
            false => 0,
        }
    }

    /// Sends what the kernel takes. `unwatch` runs when everything is sent, or
    /// nothing can ever be sent again.
    pub fn drain(&self, wire: &impl Wire, unwatch: impl FnOnce()) {
        let mut queue = self.queue.lock();
        loop {
            let (front, _) = queue.bytes.as_slices();
            let length = front.len();
            let sent = match length {
                0 => Sent::All,
                _ => wire.send(front),
            };
            match sent {
                Sent::All if length > 0 => {
                    queue.bytes.drain(..length);
                }
                Sent::Part(sent) => {
                    queue.bytes.drain(..sent);
                    return;
                }
                Sent::All => break,
                Sent::Broken => {
                    queue.bytes.clear();
                    wire.abort();
                    break;
                }
            }
        }
        queue.bytes = VecDeque::new();
        self.has_any.store(false, Ordering::Release);
        if queue.then_finish {
            wire.finish();
        }
        unwatch();
    }

    /// Finishes as soon as everything is sent.
    pub fn finish_when_sent(&self, wire: &impl Wire) {
        let mut queue = self.queue.lock();
        if queue.bytes.is_empty() {
            wire.finish();
        } else {
            queue.then_finish = true;
        }
    }
}

impl Default for Backlog {
    fn default() -> Backlog {
        Backlog::new()
    }
}
