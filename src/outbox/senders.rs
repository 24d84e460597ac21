//! Threads that help the hub to send an event to many connections: a thousand
//! members need a thousand `send`s, which all free processors share. The hub hands
//! out a slice at a time, sends too, and goes on when all of the slice is sent, so
//! that no two threads use its data at once. It does not wait for a helper to
//! arrive, only for pieces that one has begun.

use std::num::NonZero;
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::{JoinHandle, available_parallelism};

use crossbeam_channel::{Receiver, Sender, bounded};
use parking_lot::Mutex;
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

use crate::hub::ConnectionId;
use crate::net::flusher::Watcher;
use crate::net::link::Link;

use super::classes::SLOTS;
use super::share::Share;

/// The most helping threads: the clients need processors, too.
const MOST: usize = 4;
/// Connections that a thread claims at once: the hub may have to wait for these.
const PIECE: usize = 4;
/// Connections served before the hub checks for new inputs.
pub const ENOUGH: usize = 128;

/// The threads.
pub struct Senders {
    helpers: Vec<Helper>,
    done: (Sender<()>, Receiver<()>),
    watcher: Watcher,
}

struct Helper {
    slices: Option<Sender<Arc<Share<Slice>>>>,
    thread: Option<JoinHandle<()>>,
}

/// Encoded bytes, by slot.
pub type Arenas = [Vec<u8>; SLOTS];

/// Bytes to be sent to some connections, and the results.
#[derive(Default)]
pub struct Slice {
    /// All bytes, by slot.
    pub arenas: Arenas,
    /// The ranges of bytes for each connection.
    pub posts: Vec<Post>,
    backlog_limit: usize,
    sends: AtomicU64,
    slow: Mutex<Vec<ConnectionId>>,
}

/// Bytes for one connection.
pub struct Post {
    /// The connection.
    pub id: ConnectionId,
    /// Its socket.
    pub link: Arc<Link>,
    /// The arena that holds the bytes.
    pub arena: usize,
    /// The range in the arena.
    pub bytes: Range<usize>,
    /// How many messages and answers the bytes are.
    pub messages: u32,
}

/// The result of sending to one connection.
pub struct Handed {
    /// `send` calls; over TLS, hand-overs to a writer thread.
    pub sends: u64,
    /// Whether the connection turned out to be a slow reader.
    pub is_slow: bool,
}

impl Senders {
    /// Starts a thread for each processor, up to a few; fewer if the system does
    /// not allow as many, and none if there is only one processor.
    pub fn start(watcher: &Watcher) -> Senders {
        let processors = processors();
        let done = bounded(1);
        let helpers = processors
            .into_iter()
            .map_while(|processor| Helper::start(processor, watcher.clone(), done.0.clone()))
            .collect();
        Senders {
            helpers,
            done,
            watcher: watcher.clone(),
        }
    }

    /// Sends a slice, with the threads that help. Returns it with the number of
    /// leading posts that were sent: all, or a few more than [`ENOUGH`] if inputs
    /// are waiting.
    pub fn send<T>(&self, slice: Slice, inputs: &Receiver<T>) -> (Slice, usize) {
        let posts = slice.posts.len();
        let pieces = posts.div_ceil(PIECE).max(1);
        let share = Arc::new(Share::new(slice, pieces));
        self.call_helpers(&share);
        let (done, is_done) = &self.done;
        let begun = loop {
            if !step(&share, &self.watcher, done) {
                break pieces;
            }
            if share.begun() * PIECE >= ENOUGH && !inputs.is_empty() {
                break share.stop(|| say(done));
            }
        };
        let _ = is_done.recv();
        let Some(slice) = share.take() else {
            // Without its arenas the hub would send clients the bytes of others.
            // Better that it ends, as after any bug.
            unreachable!("a thread has kept what it has sent");
        };
        (slice, posts.min(begun * PIECE))
    }

    /// Wakes the helpers. One of them stays on the hub's own processor: if another
    /// program runs there, it delays only one of several threads.
    fn call_helpers(&self, share: &Arc<Share<Slice>>) {
        for helper in &self.helpers {
            if let Some(slices) = &helper.slices {
                // A helper that has not reached the previous slice yet is left out.
                let _ = slices.try_send(share.clone());
            }
        }
    }
}

impl Drop for Senders {
    fn drop(&mut self) {
        for helper in &mut self.helpers {
            helper.slices = None;
        }
        for helper in &mut self.helpers {
            if let Some(thread) = helper.thread.take() {
                let _ = thread.join();
            }
        }
    }
}

impl Helper {
    fn start(processor: usize, watcher: Watcher, done: Sender<()>) -> Option<Helper> {
        let (slices, coming) = bounded::<Arc<Share<Slice>>>(1);
        let run = move || {
            stay_on(processor);
            for share in coming {
                while step(&share, &watcher, &done) {}
            }
        };
        let thread = std::thread::Builder::new().name("sender".to_owned());
        let thread = thread.spawn(run).ok()?;
        Some(Helper {
            slices: Some(slices),
            thread: Some(thread),
        })
    }
}

/// Has this thread run on one processor only. Otherwise the kernel mostly wakes it
/// on the busy processor of the thread that wakes it, while others sleep: on a
/// virtual machine a sleeping processor does not look free.
fn stay_on(processor: usize) {
    let mut only = CpuSet::new();
    only.set(processor);
    // If this fails, the thread just helps less.
    let _ = sched_setaffinity(None, &only);
}

/// Some of the processors that this thread may use, evenly spread; none if there
/// is only one, or a container's quota allows the time of only one.
fn processors() -> Vec<usize> {
    let allowed = sched_getaffinity(None).unwrap_or_else(|_| CpuSet::new());
    let all: Vec<usize> = (0..CpuSet::MAX_CPU)
        .filter(|&processor| allowed.is_set(processor))
        .collect();
    let time = available_parallelism().map_or(1, NonZero::get);
    let count = all.len().min(MOST).min(time);
    if count < 2 {
        return Vec::new();
    }
    (0..count)
        .filter_map(|i| all.get(i * all.len() / count).copied())
        .collect()
}

/// Sends the next piece of a slice. Returns whether there was one, and reports on
/// `done` if it was the last to be finished.
fn step(share: &Share<Slice>, watcher: &Watcher, done: &Sender<()>) -> bool {
    let send = |slice: &Slice, piece: usize| {
        if catch_unwind(AssertUnwindSafe(|| slice.send(piece, watcher))).is_err() {
            log::error!("a fault of ours while sending; who may have missed something is cut off");
            slice.give_up(piece);
        }
    };
    share.step(send, || say(done))
}

/// Reports that a slice is finished. There is room: the hub has received the
/// report about the previous slice.
fn say(done: &Sender<()>) {
    let _ = done.send(());
}

impl Slice {
    /// A slice; no connection may have two posts in it. `backlog_limit` is the
    /// number of unsent bytes at which a connection is a slow reader; 0 is no
    /// limit.
    pub fn new(arenas: Arenas, posts: Vec<Post>, backlog_limit: usize) -> Slice {
        Slice {
            arenas,
            posts,
            backlog_limit,
            ..Slice::default()
        }
    }

    /// The connections that turned out to be slow readers, and the number of
    /// `send`s.
    pub fn outcome(&mut self) -> (Vec<ConnectionId>, u64) {
        let slow = std::mem::take(self.slow.get_mut());
        (slow, std::mem::take(self.sends.get_mut()))
    }

    fn piece(&self, piece: usize) -> impl Iterator<Item = &Post> {
        self.posts.iter().skip(piece * PIECE).take(PIECE)
    }

    fn give_up(&self, piece: usize) {
        for post in self.piece(piece) {
            post.link.abort();
        }
    }

    fn send(&self, piece: usize, watcher: &Watcher) {
        let mut sends = 0;
        for post in self.piece(piece) {
            let arena = self.arenas.get(post.arena);
            let Some(bytes) = arena.and_then(|arena| arena.get(post.bytes.clone())) else {
                continue;
            };
            let handed = hand_over(&post.link, bytes, watcher, self.backlog_limit);
            sends += handed.sends;
            if handed.is_slow {
                self.slow.lock().push(post.id);
            }
        }
        self.sends.fetch_add(sends, Ordering::Relaxed);
    }
}

/// Sends to one connection without waiting for it; in order, if no other
/// thread sends to it meanwhile.
pub fn hand_over(link: &Arc<Link>, bytes: &[u8], watcher: &Watcher, limit: usize) -> Handed {
    let (waiting, sends) = match link.session() {
        None => {
            let posted = link.post(bytes, || watcher.watch(link));
            (posted.waiting, u64::from(posted.tried))
        }
        Some(session) => (session.send(link, bytes, limit), 1),
    };
    // The client has had no chance to read these bytes yet.
    let unread = waiting.saturating_sub(bytes.len());
    let is_slow = limit > 0 && unread > limit;
    Handed { sends, is_slow }
}
