//! Shutting the store's writer down while messages are appended, as in
//! `src/store/writer.rs`, with a channel of a few lines.
//!
//! Every accepted message is committed, and every caller that is refused learns
//! it.

use std::collections::VecDeque;

use loom::sync::atomic::{AtomicUsize, Ordering};
use loom::sync::{Arc, Condvar, Mutex, RwLock};
use loom::thread;

use crate::explore;

/// Weight of waiting messages that `Appender`'s queue accepts.
const QUEUE_WEIGHT: usize = 2;

/// An unbounded channel with one sending side, like crossbeam's: what was sent
/// before the sender was dropped is still received.
struct Channel {
    state: Mutex<(VecDeque<u32>, bool)>,
    changed: Condvar,
}

impl Channel {
    fn send(&self, message: u32) {
        self.state.lock().unwrap().0.push_back(message);
        self.changed.notify_all();
    }

    fn close(&self) {
        self.state.lock().unwrap().1 = true;
        self.changed.notify_all();
    }

    fn receive(&self) -> Option<u32> {
        let mut state = self.state.lock().unwrap();
        loop {
            if let Some(message) = state.0.pop_front() {
                return Some(message);
            }
            if state.1 {
                return None;
            }
            state = self.changed.wait(state).unwrap();
        }
    }
}

struct World {
    channel: Channel,
    /// Like `Shared::queue`: whether there is a sender.
    open: RwLock<bool>,
    waiting: AtomicUsize,
}

impl World {
    fn close(&self) {
        let mut open = self.open.write().unwrap();
        if std::mem::take(&mut *open) {
            self.channel.close();
        }
    }

    /// Like `Appender::try_append`: whether the message was accepted.
    fn append(&self, message: u32) -> bool {
        let open = self.open.read().unwrap();
        if !*open {
            return false;
        }
        self.hand_over(message)
    }

    fn hand_over(&self, message: u32) -> bool {
        let before = self.waiting.fetch_add(1, Ordering::AcqRel);
        if before > 0 && before + 1 > QUEUE_WEIGHT {
            self.waiting.fetch_sub(1, Ordering::AcqRel);
            return false;
        }
        self.channel.send(message);
        true
    }

    /// The same without holding the lock while sending.
    fn append_carelessly(&self, message: u32) -> bool {
        let open = *self.open.read().unwrap();
        open && self.hand_over(message)
    }
}

fn check(append: fn(&World, u32) -> bool) {
    explore(3, move || {
        let world = Arc::new(World {
            channel: Channel {
                state: Mutex::new((VecDeque::new(), false)),
                changed: Condvar::new(),
            },
            open: RwLock::new(true),
            waiting: AtomicUsize::new(0),
        });
        let writer = {
            let world = world.clone();
            thread::spawn(move || {
                let mut committed = Vec::new();
                while let Some(message) = world.channel.receive() {
                    world.waiting.fetch_sub(1, Ordering::AcqRel);
                    committed.push(message);
                }
                committed
            })
        };
        let closer = {
            let world = world.clone();
            thread::spawn(move || world.close())
        };
        let accepted: Vec<u32> = (1..=3).filter(|&number| append(&world, number)).collect();
        closer.join().unwrap();
        assert!(!append(&world, 4), "accepted after the end");
        let committed = writer.join().unwrap();
        assert_eq!(committed, accepted, "accepted and not committed");
        assert_eq!(world.waiting.load(Ordering::Acquire), 0);
    });
}

#[test]
fn what_is_accepted_is_committed_and_nothing_is_accepted_after_the_end() {
    check(World::append);
}

#[test]
#[should_panic(expected = "accepted and not committed")]
fn sending_without_the_lock_is_found() {
    check(World::append_carelessly);
}
