//! Serves until something ends it, for programs that have nothing else to do.

use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::{Handle, Signals};

use super::Chat;
use super::ending::Overdue;

/// Ends [`Chat::run`] from another thread. Clones end the same one.
#[derive(Clone, Default)]
pub struct Stopper {
    /// Locked for a moment when a run begins or is to end.
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    why: Option<Why>,
    waiting: Option<Handle>,
}

/// Why a run ends, if not by a signal.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Why {
    Asked,
    Failed,
}

/// Why [`Chat::run`] failed.
#[derive(Debug)]
#[non_exhaustive]
pub enum RunError {
    /// Signals cannot be received; nothing was served.
    Signals(io::Error),
    /// The hub or the store's writer has failed, which is a bug in this crate.
    Failed,
    /// The shutdown took too long.
    Overdue(Overdue),
}

impl Chat {
    /// Serves until the process gets SIGINT or SIGTERM, or until a [`Chat::stopper`] stops it; then
    /// shuts down within the `shutdown_seconds` of the settings. Blocks.
    ///
    /// This call takes over the two signals from its beginning on; after it returns, the process
    /// ignores them. A program that handles them itself uses [`Chat::shut_down`].
    ///
    /// ```
    /// use std::thread;
    ///
    /// use chat_server::{Chat, Protocol};
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let chat = Chat::builder()
    ///     .listen(Protocol::RoomLines, "127.0.0.1:0")
    ///     .start()?;
    /// let stopper = chat.stopper();
    /// let other = thread::spawn(move || stopper.stop());
    /// chat.run()?;
    /// # other.join().unwrap();
    /// # Ok(())
    /// # }
    /// ```
    pub fn run(self) -> Result<(), RunError> {
        let mut signals = Signals::new([SIGINT, SIGTERM]).map_err(RunError::Signals)?;
        let stopper = self.stopper();
        stopper.wait_with(signals.handle());
        // Ends without a signal if the stopper was faster.
        let _signal = signals.forever().next();
        let why = stopper.state.lock().why;
        let allowed = Duration::from_secs(self.config().shutdown_seconds);
        let ended = self.shut_down(allowed);
        match why {
            Some(Why::Failed) => Err(RunError::Failed),
            Some(Why::Asked) | None => ended.map_err(RunError::Overdue),
        }
    }

    /// A handle that ends [`Chat::run`] from another thread.
    pub fn stopper(&self) -> Stopper {
        self.stopper.clone()
    }
}

impl Stopper {
    /// Makes [`Chat::run`] return, now or as soon as it is called.
    pub fn stop(&self) {
        self.end(Why::Asked);
    }

    /// The chat has failed.
    pub(super) fn fail(&self) {
        self.end(Why::Failed);
    }

    fn end(&self, why: Why) {
        let mut state = self.state.lock();
        state.why.get_or_insert(why);
        if let Some(handle) = &state.waiting {
            handle.close();
        }
    }

    fn wait_with(&self, handle: Handle) {
        let mut state = self.state.lock();
        if state.why.is_some() {
            handle.close();
        }
        state.waiting = Some(handle);
    }
}

impl fmt::Debug for Stopper {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Stopper")
    }
}

impl fmt::Display for RunError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            RunError::Signals(error) => write!(f, "cannot wait for signals: {error}"),
            RunError::Failed => f.write_str("the chat has failed"),
            RunError::Overdue(overdue) => overdue.fmt(f),
        }
    }
}

impl std::error::Error for RunError {}
