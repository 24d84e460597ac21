//! The flusher: sends what the kernel did not take from the hub at once, and makes
//! sure that closing connections end in time.

use std::collections::{HashMap, VecDeque};
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use rustix::event::{EventfdFlags, Timespec, epoll, eventfd};

use super::link::Link;

/// How long a closing peer may take to read its last bytes and close.
const LINGER: Duration = Duration::from_secs(2);
/// How often a peer that goes on reading gets that time again.
const LINGER_ROUNDS: u8 = 10;
/// Marks the eventfd that wakes the thread.
const WAKE: u64 = u64::MAX;

/// Handle of the flusher thread.
pub struct Flusher {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

/// Has the flusher watch sockets; used by the threads that send.
#[derive(Clone)]
pub struct Watcher(Arc<Shared>);

struct Shared {
    epoll: OwnedFd,
    wake: OwnedFd,
    /// Sockets with a backlog. Locked only when one starts or ends.
    watched: Mutex<HashMap<u64, Arc<Link>>>,
    /// Closing sockets, in the order of their deadlines.
    lingering: Mutex<VecDeque<Lingering>>,
    stop: AtomicBool,
}

/// A socket that is closing.
struct Lingering {
    deadline: Instant,
    key: u64,
    link: Weak<Link>,
    /// Bytes that waited when it was last looked at.
    waiting: usize,
    rounds: u8,
}

impl Flusher {
    /// Starts the thread.
    pub fn start() -> io::Result<Flusher> {
        let shared = Arc::new(Shared {
            epoll: epoll::create(epoll::CreateFlags::CLOEXEC)?,
            wake: eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?,
            watched: Mutex::default(),
            lingering: Mutex::default(),
            stop: AtomicBool::new(false),
        });
        epoll::add(
            &shared.epoll,
            &shared.wake,
            epoll::EventData::new_u64(WAKE),
            epoll::EventFlags::IN,
        )?;
        let of_thread = shared.clone();
        let thread = std::thread::Builder::new()
            .name("flusher".to_owned())
            .spawn(move || of_thread.run())?;
        Ok(Flusher {
            shared,
            thread: Some(thread),
        })
    }

    /// A handle for the threads that send.
    pub fn watcher(&self) -> Watcher {
        Watcher(self.shared.clone())
    }

    /// Aborts `link` unless its peer closes it soon.
    pub fn linger(&self, link: &Arc<Link>) {
        let deadline = Instant::now() + LINGER;
        let mut lingering = self.shared.lingering.lock();
        let was_empty = lingering.is_empty();
        lingering.push_back(Lingering {
            deadline,
            key: key(link),
            link: Arc::downgrade(link),
            waiting: link.waiting(),
            rounds: LINGER_ROUNDS,
        });
        drop(lingering);
        if was_empty {
            self.shared.wake();
        }
    }
}

impl Drop for Flusher {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::Release);
        self.shared.wake();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
        // No other thread would ever end them.
        for closing in self.shared.lingering.lock().drain(..) {
            if let Some(link) = closing.link.upgrade() {
                link.abort();
            }
        }
    }
}

impl Watcher {
    /// Sends the backlog of `link` whenever its socket takes more.
    pub fn watch(&self, link: &Arc<Link>) {
        let key = key(link);
        self.0.watched.lock().insert(key, link.clone());
        let added = epoll::add(
            &self.0.epoll,
            link.stream(),
            epoll::EventData::new_u64(key),
            epoll::EventFlags::OUT,
        );
        if let Err(error) = added {
            // No memory for one more watch: the backlog cannot be sent.
            log::error!("cannot watch a connection, closing it: {error}");
            self.0.watched.lock().remove(&key);
            link.abort();
        }
    }
}

impl Shared {
    fn run(&self) {
        let mut events = Vec::with_capacity(256);
        while !self.stop.load(Ordering::Acquire) {
            events.clear();
            let timeout = self.end_lingering();
            let timeout = timeout.and_then(|t| Timespec::try_from(t).ok());
            let spare = rustix::buffer::spare_capacity(&mut events);
            match epoll::wait(&self.epoll, spare, timeout.as_ref()) {
                Ok(_) | Err(rustix::io::Errno::INTR) => {}
                Err(error) => {
                    log::error!("the flusher cannot wait for sockets: {error}");
                    std::thread::sleep(Duration::from_millis(100));
                }
            }
            for event in events.drain(..) {
                self.handle(event.data.u64());
            }
        }
        self.watched.lock().clear();
    }

    fn handle(&self, key: u64) {
        if key == WAKE {
            let mut count = [0; 8];
            let _ = rustix::io::read(&self.wake, &mut count);
            return;
        }
        let link = self.watched.lock().get(&key).cloned();
        if let Some(link) = link {
            link.drain(|| self.unwatch(key, &link));
        }
    }

    fn unwatch(&self, key: u64, link: &Arc<Link>) {
        if self.watched.lock().remove(&key).is_some() {
            let _ = epoll::delete(&self.epoll, link.stream());
        }
    }

    /// Aborts connections that took too long. Returns the time until the next one.
    fn end_lingering(&self) -> Option<Duration> {
        let mut lingering = self.lingering.lock();
        loop {
            let deadline = lingering.front()?.deadline;
            let now = Instant::now();
            if deadline > now {
                return Some(deadline - now);
            }
            let Some(mut closing) = lingering.pop_front() else {
                continue;
            };
            let Some(link) = closing.link.upgrade() else {
                continue;
            };
            // A peer that is still reading its last bytes gets more time.
            let waiting = link.waiting();
            if waiting > 0 && waiting < closing.waiting && closing.rounds > 0 {
                closing.deadline = now + LINGER;
                closing.waiting = waiting;
                closing.rounds -= 1;
                lingering.push_back(closing);
            } else {
                link.abort();
                self.unwatch(closing.key, &link);
            }
        }
    }

    fn wake(&self) {
        let _ = rustix::io::write(&self.wake, &1u64.to_ne_bytes());
    }
}

/// The descriptor identifies a link: while the link is watched it stays open, so
/// no other link can have it.
fn key(link: &Link) -> u64 {
    u64::from(link.stream().as_raw_fd().unsigned_abs())
}
