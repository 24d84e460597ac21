//! The threads that encrypt and send for chat connections, so that
//! cryptography does not hold up the hub.

use std::fmt;
use std::io;
use std::os::fd::AsRawFd;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use crossbeam_channel::{Receiver, Sender, unbounded};

use crate::net::flusher::Watcher;
use crate::net::link::Link;

/// More threads would take the cores from the rest of the server.
const MOST_THREADS: usize = 2;

/// The threads. Dropping this ends them.
pub struct Writers {
    queue: Arc<Queue>,
    threads: Vec<JoinHandle<()>>,
}

/// Connections with something to encrypt. A connection is in it at most once (see
/// [`super::outgoing`]), so the number of connections limits it.
pub struct Queue {
    lanes: Vec<Sender<Work>>,
    watcher: Watcher,
}

pub(super) enum Work {
    Serve(Arc<Link>),
    Stop,
}

impl Writers {
    /// Starts one thread, or two where there are cores for it. What the
    /// kernel does not take goes to the flusher.
    pub fn start(watcher: Watcher) -> io::Result<Writers> {
        let count = thread::available_parallelism().map_or(1, |cores| cores.get());
        let mut lanes = Vec::new();
        let mut threads = Vec::new();
        for number in 0..count.min(MOST_THREADS) {
            let (lane, work) = unbounded();
            let thread = thread::Builder::new()
                .name(format!("tls-writer-{number}"))
                .spawn(move || run(&work))?;
            lanes.push(lane);
            threads.push(thread);
        }
        Ok(Writers {
            queue: Arc::new(Queue { lanes, watcher }),
            threads,
        })
    }

    /// No thread at all: what is put into the queue is there to be looked at.
    #[cfg(test)]
    pub(super) fn idle(watcher: Watcher) -> (Writers, Receiver<Work>) {
        let (lane, work) = unbounded();
        let lanes = vec![lane];
        let writers = Writers {
            queue: Arc::new(Queue { lanes, watcher }),
            threads: Vec::new(),
        };
        (writers, work)
    }

    /// The way to the threads.
    pub(super) fn queue(&self) -> Arc<Queue> {
        self.queue.clone()
    }
}

impl Drop for Writers {
    fn drop(&mut self) {
        for lane in &self.queue.lanes {
            let _ = lane.send(Work::Stop);
        }
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
    }
}

impl Queue {
    /// Has a connection served, always by the same thread for as long as it lives.
    pub(super) fn put(&self, link: &Arc<Link>) {
        let number = link.stream().as_raw_fd().unsigned_abs() as usize;
        let lane = self.lanes.get(number % self.lanes.len().max(1));
        let is_put = lane.is_some_and(|lane| lane.send(Work::Serve(link.clone())).is_ok());
        if !is_put {
            // The server has ended.
            link.abort();
        }
    }

    pub(super) fn watcher(&self) -> &Watcher {
        &self.watcher
    }
}

impl fmt::Debug for Queue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Queue").finish_non_exhaustive()
    }
}

fn run(work: &Receiver<Work>) {
    let mut scratch = Vec::new();
    while let Ok(Work::Serve(link)) = work.recv() {
        let Some(session) = link.session() else {
            continue;
        };
        let serve = AssertUnwindSafe(|| session.serve(&link, &mut scratch));
        if catch_unwind(serve).is_err() {
            log::error!("a TLS connection ended by a fault of ours");
            link.abort();
        }
    }
}
