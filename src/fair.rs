//! Shares a resource fairly: an asker with many requests waits for its own, and the others wait for
//! at most one of them each.

use std::collections::{HashMap, VecDeque};
use std::hash::Hash;
use std::net::IpAddr;
use std::time::{Duration, Instant};

use crossbeam_channel::{Sender, bounded};
use parking_lot::{Condvar, Mutex};

use crate::hub::ConnectionId;
use crate::model::AccountId;
use crate::model::subscriber::{Subscriber, subscriber};

/// The party that waits. All clients of an address count as one, so that opening more connections
/// gains nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Asker {
    /// The clients of one address, by [`subscriber`].
    Address(IpAddr),
    /// One connection from the server's own machine, which may be a proxy's.
    Connection(ConnectionId),
    /// The owner of an account who signs requests from the server's own machine, or a program for
    /// which the server itself acts.
    Account(AccountId),
}

impl Asker {
    /// The asker for a connection.
    pub fn of(connection: ConnectionId, address: IpAddr) -> Asker {
        match address.to_canonical().is_loopback() {
            true => Asker::Connection(connection),
            false => Asker::at(address),
        }
    }

    /// The asker for a single request from an address, without a lasting connection.
    pub fn at(address: IpAddr) -> Asker {
        Asker::Address(subscriber(address))
    }

    /// The asker for a signed request from an address.
    pub fn signed(account: AccountId, address: IpAddr) -> Asker {
        match address.to_canonical().is_loopback() {
            true => Asker::Account(account),
            false => Asker::at(address),
        }
    }
}

impl From<Subscriber> for Asker {
    fn from(subscriber: Subscriber) -> Asker {
        match subscriber {
            Subscriber::Address(address) => Asker::at(address),
            Subscriber::Program(account) => Asker::Account(account),
        }
    }
}

/// A queue in which every asker has a turn before any has another.
pub struct FairQueue<K, T> {
    waiting: HashMap<K, VecDeque<T>>,
    /// The askers in the order of their turns, once each.
    turns: VecDeque<K>,
    len: usize,
    most: usize,
}

impl<K: Clone + Eq + Hash, T> FairQueue<K, T> {
    /// A queue for at most `most` items in all.
    pub fn new(most: usize) -> FairQueue<K, T> {
        FairQueue {
            waiting: HashMap::new(),
            turns: VecDeque::new(),
            len: 0,
            most,
        }
    }

    /// Adds an item behind those of the same asker. If the queue is full, the last item of the
    /// asker with the most makes room, unless that is the same asker. Returns the item without
    /// room: the new one or that one.
    pub fn push(&mut self, key: K, item: T) -> Option<T> {
        let mut out = None;
        if self.len >= self.most {
            let own = self.waiting.get(&key).map_or(0, VecDeque::len);
            let longest = self.waiting.iter().max_by_key(|(_, items)| items.len());
            match longest {
                Some((longest, items)) if items.len() > own + 1 => {
                    let longest = longest.clone();
                    let items = self.waiting.get_mut(&longest);
                    out = items.and_then(VecDeque::pop_back);
                    self.len -= usize::from(out.is_some());
                }
                _ => return Some(item),
            }
        }
        let items = self.waiting.entry(key.clone()).or_default();
        if items.is_empty() {
            self.turns.push_back(key);
        }
        items.push_back(item);
        self.len += 1;
        out
    }

    /// Takes the first item of the asker whose turn it is.
    pub fn pop(&mut self) -> Option<T> {
        let key = self.turns.pop_front()?;
        let items = self.waiting.get_mut(&key)?;
        let item = items.pop_front();
        match items.is_empty() {
            true => {
                self.waiting.remove(&key);
            }
            false => self.turns.push_back(key),
        }
        self.len -= usize::from(item.is_some());
        item
    }

    /// Removes items that are no longer wanted.
    fn retain(&mut self, key: &K, keep: impl Fn(&T) -> bool) {
        let Some(items) = self.waiting.get_mut(key) else {
            return;
        };
        let before = items.len();
        items.retain(keep);
        self.len -= before - items.len();
        if items.is_empty() {
            self.waiting.remove(key);
            self.turns.retain(|other| other != key);
        }
    }
}

/// Lets a limited number of threads do something at once; the others enter fairly.
pub struct Turnstile<K> {
    inner: Mutex<Inside<K>>,
}

struct Inside<K> {
    free: usize,
    last: u64,
    waiting: FairQueue<K, (u64, Sender<()>)>,
}

/// The right to be inside; dropping it lets the next one in.
pub struct Pass<'a, K: Clone + Eq + Hash>(&'a Turnstile<K>);

impl<K: Clone + Eq + Hash> Turnstile<K> {
    /// Lets `places` in at once, and `waiting` wait.
    pub fn new(places: usize, waiting: usize) -> Turnstile<K> {
        let inside = Inside {
            free: places.max(1),
            last: 0,
            waiting: FairQueue::new(waiting),
        };
        Turnstile {
            inner: Mutex::new(inside),
        }
    }

    /// Enters, waiting for at most `patience`. `None` if that takes too long, or too many wait.
    pub fn enter(&self, key: &K, patience: Duration) -> Option<Pass<'_, K>> {
        let (number, called) = {
            let mut inside = self.inner.lock();
            if inside.free > 0 {
                inside.free -= 1;
                return Some(Pass(self));
            }
            inside.last += 1;
            let number = inside.last;
            let (call, called) = bounded(1);
            // The thread whose place is taken finds its channel disconnected.
            drop(inside.waiting.push(key.clone(), (number, call)));
            (number, called)
        };
        let mut is_called = called.recv_timeout(patience).is_ok();
        if !is_called {
            let mut inside = self.inner.lock();
            inside.waiting.retain(key, |(other, _)| *other != number);
            // It may have been called at this very moment.
            is_called = called.try_recv().is_ok();
        }
        is_called.then(|| Pass(self))
    }
}

impl<K: Clone + Eq + Hash> Drop for Pass<'_, K> {
    fn drop(&mut self) {
        let mut inside = self.0.inner.lock();
        // A called thread is waiting, or will find the call when its wait ends.
        while let Some((_, call)) = inside.waiting.pop() {
            if call.try_send(()).is_ok() {
                return;
            }
        }
        inside.free += 1;
    }
}

/// A fair queue between threads, with a second queue that takes precedence.
pub struct FairChannel<K, T> {
    inner: Mutex<Lanes<K, T>>,
    came: Condvar,
}

struct Lanes<K, T> {
    first: VecDeque<T>,
    fair: FairQueue<K, T>,
    closed: bool,
}

impl<K: Clone + Eq + Hash, T> Lanes<K, T> {
    fn is_empty(&self) -> bool {
        self.first.is_empty() && self.fair.len == 0 && !self.closed
    }
}

/// What came of waiting for an item.
pub enum Popped<T> {
    /// The item.
    Item(T),
    /// None came before the deadline.
    Nothing,
    /// The queue is closed and empty.
    Closed,
}

impl<K: Clone + Eq + Hash, T> FairChannel<K, T> {
    /// With at most `most` items in each queue.
    pub fn new(most: usize) -> FairChannel<K, T> {
        let lanes = Lanes {
            first: VecDeque::new(),
            fair: FairQueue::new(most),
            closed: false,
        };
        FairChannel {
            inner: Mutex::new(lanes),
            came: Condvar::new(),
        }
    }

    /// As [`FairQueue::push`].
    pub fn push(&self, key: K, item: T) -> Option<T> {
        let mut lanes = self.inner.lock();
        if lanes.closed {
            return Some(item);
        }
        let out = lanes.fair.push(key, item);
        self.came.notify_one();
        out
    }

    /// Adds an item that takes little time: it comes before all that was pushed. Returned if there
    /// is no room.
    pub fn push_first(&self, item: T) -> Option<T> {
        let mut lanes = self.inner.lock();
        if lanes.closed || lanes.first.len() >= lanes.fair.most {
            return Some(item);
        }
        lanes.first.push_back(item);
        self.came.notify_one();
        None
    }

    /// Waits for an item; `None` once the queue is closed and empty.
    pub fn pop(&self) -> Option<T> {
        match self.pop_until(None) {
            Popped::Item(item) => Some(item),
            Popped::Nothing | Popped::Closed => None,
        }
    }

    /// Waits for an item until a deadline, if there is one.
    pub fn pop_until(&self, deadline: Option<Instant>) -> Popped<T> {
        let mut lanes = self.inner.lock();
        loop {
            let next = lanes.first.pop_front();
            if let Some(item) = next.or_else(|| lanes.fair.pop()) {
                return Popped::Item(item);
            }
            if lanes.closed {
                return Popped::Closed;
            }
            let Some(deadline) = deadline else {
                self.came.wait(&mut lanes);
                continue;
            };
            if self.came.wait_until(&mut lanes, deadline).timed_out() && lanes.is_empty() {
                return Popped::Nothing;
            }
        }
    }

    /// Accepts no more items.
    pub fn close(&self) {
        self.inner.lock().closed = true;
        self.came.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    #[test]
    fn everybody_has_a_turn_before_anybody_has_another() {
        let mut queue = FairQueue::new(100);
        for n in 0..5 {
            assert_eq!(queue.push("many", n), None);
        }
        assert_eq!(queue.push("one", 10), None);
        let order: Vec<i32> = std::iter::from_fn(|| queue.pop()).collect();
        assert_eq!(order, [0, 10, 1, 2, 3, 4]);
        assert!(queue.len == 0 && queue.waiting.is_empty() && queue.turns.is_empty());
    }

    #[test]
    fn a_full_queue_has_room_for_who_has_little_in_it() {
        let mut queue = FairQueue::new(3);
        for n in 0..3 {
            assert_eq!(queue.push("many", n), None);
        }
        assert_eq!(queue.push("many", 3), Some(3), "its own have no room");
        assert_eq!(queue.push("one", 10), Some(2), "the last of the longest");
        assert_eq!(queue.push("one", 11), Some(11), "as many as the other");
        assert_eq!(queue.len, 3);
    }

    #[test]
    fn a_turnstile_lets_so_many_in_and_calls_the_next_one() {
        let turnstile = Arc::new(Turnstile::new(1, 10));
        let first = turnstile.enter(&1, Duration::ZERO);
        assert!(first.is_some());
        assert!(turnstile.enter(&1, Duration::ZERO).is_none(), "not now");
        let inside = Arc::new(AtomicUsize::new(0));
        let threads: Vec<_> = (0..4)
            .map(|key| {
                let (turnstile, inside) = (turnstile.clone(), inside.clone());
                std::thread::spawn(move || {
                    let pass = turnstile.enter(&key, Duration::from_secs(30));
                    assert!(pass.is_some());
                    assert_eq!(inside.fetch_add(1, Ordering::SeqCst), 0, "one at a time");
                    inside.fetch_sub(1, Ordering::SeqCst);
                })
            })
            .collect();
        drop(first);
        for thread in threads {
            thread.join().unwrap();
        }
        assert!(
            turnstile.enter(&1, Duration::ZERO).is_some(),
            "all are gone"
        );
    }

    #[test]
    fn a_channel_that_is_closed_gives_out_what_it_has_and_takes_nothing() {
        let channel = Arc::new(FairChannel::new(2));
        assert_eq!(channel.push("a", 1), None);
        assert_eq!(channel.push_first(2), None);
        assert_eq!(channel.push_first(3), None);
        assert_eq!(channel.push_first(4), Some(4), "no room");
        let taking = channel.clone();
        let taker = std::thread::spawn(move || std::iter::from_fn(|| taking.pop()).collect());
        channel.close();
        let taken: Vec<i32> = taker.join().unwrap();
        assert_eq!(taken, [2, 3, 1]);
        assert_eq!(channel.push("a", 2), Some(2));
    }
}
