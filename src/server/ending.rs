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

/// What store and chat log get for their last writes, however late it is.
const LAST_WRITES: Duration = Duration::from_millis(500);
/// What HTTP clients get to read their last answers.
const LAST_ANSWERS: Duration = Duration::from_millis(500);
/// How often the end of the last connection is looked for.
const POLL: Duration = Duration::from_millis(5);
/// How long over its time a shutdown may be before it is left to itself.
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

/// What has to be waited for at the end.
pub(super) struct Ending {
    hub_thread: JoinHandle<()>,
    keeping: KeepingThreads,
    /// The last thing to go.
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

    /// Ends everything; the listeners have been stopped. On a thread of its
    /// own, because a disk that hangs must not hold up the caller.
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
        // Out of threads is no reason to go without a word.
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
        // Participants have nothing to be sent, and leave when they like.
        let outside = || {
            let participants = shared.participants.load(Ordering::Relaxed);
            registry.ids().saturating_sub(participants)
        };
        wait_while(deadline, || hub_lives && outside() > 0);
        rest.shut_down();
        #[cfg(feature = "grpc")]
        shared.grpc.stop();
        // What is left is sending an answer, or has asked for nothing.
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
        // A connection's thread may still hold it for a moment.
        shared.data.release();
        drop(self.temporary);
    }
}

/// Writes down the bans that were made on other servers, too: should Redis lose
/// them, those of a data folder are in force.
fn keep_bans(shared: &Shared) {
    // Without a hub what was written down last has to do.
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
