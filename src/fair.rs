//! Fair shares of what several want at once: whoever asks for much waits for
//! their own, and nobody else waits for more than one of theirs.

use std::collections::{HashMap, VecDeque};
use std::hash::Hash;
use std::net::IpAddr;
use std::time::Duration;

use crossbeam_channel::{Sender, bounded};
use parking_lot::{Condvar, Mutex};

use crate::hub::ConnectionId;
use crate::model::AccountId;
use crate::model::subscriber::subscriber;

/// Who waits: everybody of an address is one, so that nobody gets more by
/// coming more often.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Asker {
    /// People of one address, by [`subscriber`].
    Address(IpAddr),
    /// One connection from the server's own machine, which may be a proxy's.
    Connection(ConnectionId),
    /// The owner of an account who signs requests from there.
    Account(AccountId),
}

impl Asker {
    /// Who asks on a connection.
    pub fn of(connection: ConnectionId, address: IpAddr) -> Asker {
        match address.to_canonical().is_loopback() {
            true => Asker::Connection(connection),
            false => Asker::at(address),
        }
    }

    /// Who asks once from an address, with no connection that lasts.
    pub fn at(address: IpAddr) -> Asker {
        Asker::Address(subscriber(address))
    }

    /// Who signs a request from an address.
    pub fn signed(account: AccountId, address: IpAddr) -> Asker {
        match address.to_canonical().is_loopback() {
            true => Asker::Account(account),
            false => Asker::at(address),
        }
    }
}

/// A queue in which everybody who waits has a turn before anybody has another.
pub struct FairQueue<K, T> {
    waiting: HashMap<K, VecDeque<T>>,
    /// Whose turn it is, once each.
    turns: VecDeque<K>,
    len: usize,
    most: usize,
}

impl<K: Clone + Eq + Hash, T> FairQueue<K, T> {
    /// A queue for at most so many in all.
    pub fn new(most: usize) -> FairQueue<K, T> {
        FairQueue {
            waiting: HashMap::new(),
            turns: VecDeque::new(),
            len: 0,
            most,
        }
    }

    /// Adds one behind those of the same asker. If the queue is full, the last
    /// of whoever has the most there makes way, if that is not the same asker;
    /// what has no room is returned, the new one or that.
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

    /// Takes the first one of whose turn it is.
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

    /// Takes out what is no longer waited for.
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

/// Lets so many do something at once; those who wait come in fairly.
pub struct Turnstile<K> {
    inner: Mutex<Inside<K>>,
}

struct Inside<K> {
    free: usize,
    last: u64,
    waiting: FairQueue<K, (u64, Sender<()>)>,
}

/// Whoever is inside; dropping it lets the next one in.
pub struct Pass<'a, K: Clone + Eq + Hash>(&'a Turnstile<K>);

impl<K: Clone + Eq + Hash> Turnstile<K> {
    /// Lets so many in at once, and so many wait.
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

    /// Comes in, now or within so long; nothing if that is too long, or too
    /// many wait.
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
            // Whose place is taken notices that nobody can call any more.
            drop(inside.waiting.push(key.clone(), (number, call)));
            (number, called)
        };
        let mut is_called = called.recv_timeout(patience).is_ok();
        if !is_called {
            let mut inside = self.inner.lock();
            inside.waiting.retain(key, |(other, _)| *other != number);
            // Just now, perhaps.
            is_called = called.try_recv().is_ok();
        }
        is_called.then(|| Pass(self))
    }
}

impl<K: Clone + Eq + Hash> Drop for Pass<'_, K> {
    fn drop(&mut self) {
        let mut inside = self.0.inner.lock();
        // Who is called has been waiting, or takes it as having waited.
        while let Some((_, call)) = inside.waiting.pop() {
            if call.try_send(()).is_ok() {
                return;
            }
        }
        inside.free += 1;
    }
}

/// A fair queue between threads, and one for what goes before.
pub struct FairChannel<K, T> {
    inner: Mutex<Lanes<K, T>>,
    came: Condvar,
}

struct Lanes<K, T> {
    first: VecDeque<T>,
    fair: FairQueue<K, T>,
    closed: bool,
}

impl<K: Clone + Eq + Hash, T> FairChannel<K, T> {
    /// For at most so many at once of either kind.
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

    /// Adds something that takes no time to speak of: it goes before all that
    /// was pushed. Returned if there is no room.
    pub fn push_first(&self, item: T) -> Option<T> {
        let mut lanes = self.inner.lock();
        if lanes.closed || lanes.first.len() >= lanes.fair.most {
            return Some(item);
        }
        lanes.first.push_back(item);
        self.came.notify_one();
        None
    }

    /// Waits for one; nothing when it is closed and everything was taken.
    pub fn pop(&self) -> Option<T> {
        let mut lanes = self.inner.lock();
        loop {
            let next = lanes.first.pop_front();
            if let Some(item) = next.or_else(|| lanes.fair.pop()) {
                return Some(item);
            }
            if lanes.closed {
                return None;
            }
            self.came.wait(&mut lanes);
        }
    }

    /// Nothing more is taken from now on.
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
