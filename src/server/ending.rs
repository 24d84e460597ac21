//! The orderly end of a chat, in bounded time.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::channel;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use tempfile::TempDir;

use crate::turn::Input;

use super::keeping::KeepingThreads;
use super::rest::Rest;
use super::shared::Shared;

/// Time for the last writes of store and chat log, however late it is.
const LAST_WRITES: Duration = Duration::from_millis(500);
/// Time for HTTP clients to read their last answers.
const LAST_ANSWERS: Duration = Duration::from_millis(500);
/// How often to check whether the last connection has ended.
const POLL: Duration = Duration::from_millis(5);
/// How long a shutdown may exceed its time before it is left to itself.
const GRACE: Duration = Duration::from_secs(1);

/// Shutting down took longer than allowed; it goes on in the background.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Overdue;

impl fmt::Display for Overdue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the shutdown took too long")
    }
}

impl std::error::Error for Overdue {}

/// The parts to wait for at the end.
pub(super) struct Ending {
    hub_thread: JoinHandle<()>,
    keeping: KeepingThreads,
    /// Removed last.
    temporary: Option<TempDir>,
}

impl Ending {
    pub fn new(
        hub_thread: JoinHandle<()>,
        keeping: KeepingThreads,
        temporary: Option<TempDir>,
    ) -> Ending {
        Ending {
            hub_thread,
            keeping,
            temporary,
        }
    }

    /// Ends everything, once the listeners have been stopped. Runs on a thread of its own, because
    /// a disk that hangs must not block the caller.
    pub fn run(
        self,
        shared: &Arc<Shared>,
        rest: &Arc<Rest>,
        allowed: Duration,
    ) -> Result<(), Overdue> {
        let (done, is_done) = channel();
        let (shared, rest) = (shared.clone(), rest.clone());
        let end = move || {
            self.end(&shared, &rest, allowed);
            let _ = done.send(());
        };
        let to_do = Arc::new(Mutex::new(Some(end)));
        let of_thread = to_do.clone();
        let take = |from: &Mutex<Option<_>>| from.lock().take();
        let ending = std::thread::Builder::new().name("shutdown".to_owned());
        let ending = ending.spawn(move || take(&of_thread).map(|end| end()));
        // Without a thread for it, the farewells are still sent.
        if let Err(_) = ending
            && let Some(end) = take(&to_do)
        {
            end();
        }
        is_done.recv_timeout(allowed + GRACE).map_err(|_| Overdue)
    }

    fn end(self, shared: &Shared, rest: &Rest, allowed: Duration) {
        let deadline = Instant::now() + allowed;
        let hub_lives = shared.hub.send(Input::Stop).is_ok();
        let registry = &shared.registry;
        // Participants have nothing left to receive, and leave when they like.
        let outside = || {
            let participants = shared.participants.load(Ordering::Relaxed);
            registry.ids().saturating_sub(participants)
        };
        wait_while(deadline, || hub_lives && outside() > 0);
        rest.shut_down();
        shared.hooks.shut_down();
        #[cfg(feature = "grpc")]
        shared.grpc.stop();
        // The remaining connections are sending an answer, or are idle.
        let soon = deadline.min(Instant::now() + LAST_ANSWERS);
        wait_while(soon, || registry.connections() > 0);
        if shared.others.is_some() {
            keep_bans(shared);
        }
        let _ = shared.hub.send(Input::End);
        let _ = self.hub_thread.join();
        let left = deadline.saturating_duration_since(Instant::now());
        self.keeping.shut_down(left.max(LAST_WRITES));
        if let Err(error) = shared.chat_log.shutdown(left.max(LAST_WRITES)) {
            log::error!("{error}");
        }
        // A connection's thread may hold it for another moment.
        shared.data.release();
        drop(self.temporary);
    }
}

/// Saves the bans, including those made on other servers: should Redis lose them, the bans of a
/// data folder are in force.
fn keep_bans(shared: &Shared) {
    // Without a hub, what was saved last has to do.
    let Ok(bans) = shared.admin.bans() else {
        return;
    };
    if let Err(error) = shared.data.bans().save(&bans) {
        log::error!("{error}");
    }
}

fn wait_while(deadline: Instant, is_so: impl Fn() -> bool) {
    while is_so() && Instant::now() < deadline {
        std::thread::sleep(POLL);
    }
}
