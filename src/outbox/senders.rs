//! Threads that send beside the hub when one thing goes to many: a thousand
//! members are a thousand `send`s, and every processor that is free takes its
//! part. The hub hands out a slice at a time, sends too, and goes on when all
//! of the slice is sent, so that nothing it owns is ever used by two. It waits
//! for no thread to come, only for the end of pieces that were begun.

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
use crate::protocol::WIRE_FORMATS;

use super::share::Share;

/// Threads besides the hub at most: what they send has to be read, too.
const MOST: usize = 4;
/// Connections that a thread claims at once: what the hub may have to wait for.
const PIECE: usize = 4;
/// Connections served before the hub looks whether something else has come.
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

/// Encoded bytes, by format.
pub type Arenas = [Vec<u8>; WIRE_FORMATS];

/// What is to be sent to some connections, and what became of it.
#[derive(Default)]
pub struct Slice {
    /// All bytes, by format.
    pub arenas: Arenas,
    /// Which of them go where.
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
    /// The arena they are in.
    pub arena: usize,
    /// Where.
    pub bytes: Range<usize>,
    /// How many messages and answers that is.
    pub messages: u32,
}

/// What became of bytes for one connection.
pub struct Handed {
    /// `send` calls; over TLS, hand-overs to a writer thread.
    pub sends: u64,
    /// It does not read.
    pub is_slow: bool,
}

impl Senders {
    /// Starts a thread for each processor, few in any case; fewer when there
    /// cannot be as many, none if there is one processor only.
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

    /// Sends a slice, with whoever helps, and gives it back with the number of
    /// its first posts that are sent: all, or [`ENOUGH`] and a few when something
    /// waits in `inputs`.
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
            // With other arenas than those it knows the hub would send people
            // what is meant for others. It ends, as after any fault of ours.
            unreachable!("a thread has kept what it has sent");
        };
        (slice, posts.min(begun * PIECE))
    }

    /// One of them stays on the hub's own processor: another program that has
    /// its turn there then takes it from one of several.
    fn call_helpers(&self, share: &Arc<Share<Slice>>) {
        for helper in &self.helpers {
            if let Some(slices) = &helper.slices {
                // Whoever has not even come to the slice before is not waited for.
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

/// Has this thread run on one processor only. Left to itself it is mostly
/// woken on the one that wakes it, which is busy, while others sleep: on a
/// virtual machine a sleeping processor does not look free.
fn stay_on(processor: usize) {
    let mut only = CpuSet::new();
    only.set(processor);
    // It helps less elsewhere; that is all.
    let _ = sched_setaffinity(None, &only);
}

/// Some of the processors that this thread may use, evenly spread; none if
/// there is only one, or the time of only one (the quota of a container).
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

/// Sends the next piece of a slice, if there is one; says so on `done` if the
/// last of all was finished here.
fn step(share: &Share<Slice>, watcher: &Watcher, done: &Sender<()>) -> bool {
    let send = |slice: &Slice, piece: usize| {
        if catch_unwind(AssertUnwindSafe(|| slice.send(piece, watcher))).is_err() {
            log::error!("a fault of ours while sending; who may have missed something is cut off");
            slice.give_up(piece);
        }
    };
    share.step(send, || say(done))
}

/// There is room: the hub has taken what was said about the slice before.
fn say(done: &Sender<()>) {
    let _ = done.send(());
}

impl Slice {
    /// These bytes for those connections, each of which comes once at most.
    /// `backlog_limit` is the number of unsent bytes at which a connection is
    /// a slow reader; 0 is no limit.
    pub fn new(arenas: Arenas, posts: Vec<Post>, backlog_limit: usize) -> Slice {
        Slice {
            arenas,
            posts,
            backlog_limit,
            ..Slice::default()
        }
    }

    /// Whoever turned out to be a slow reader, and the number of `send`s.
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
    // What came only now nobody had a chance to read yet.
    let unread = waiting.saturating_sub(bytes.len());
    let is_slow = limit > 0 && unread > limit;
    Handed { sends, is_slow }
}
