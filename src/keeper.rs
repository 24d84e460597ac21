//! The keeper: takes what the hub wants kept to the store, and brings back
//! what came of it. Never makes the hub wait, and knows no chat rules.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded};

use crate::fair::{Asker, FairChannel};
use crate::hub::{Chore, Draft, Reading, Recall, Shared};
use crate::model::{Conversation, History, MessageId, StoredMessage, Window};
pub use crate::store::Outcome;
use crate::store::{AppendRefused, Appender, Store, StoreError, StoreWriter, WriterSettings};

/// What is said when somebody does not get to see what was said before.
const UNREADABLE: &str = "the history of a channel cannot be read";
/// Chores waiting at most; beyond, the hub goes without.
const CHORES: usize = 4096;

/// What the hub thread holds of the keeper.
pub struct Keeper {
    log: Box<dyn Log>,
    chores: Arc<FairChannel<Asker, Chore>>,
}

/// What commits messages: "append these; later, here is what was committed, in
/// order". Never makes the caller wait.
pub trait Log: Send {
    /// Has messages committed, and reports to the hub. Returns the ids of
    /// those there is no room for; nothing more will be heard of them.
    fn append(&self, drafts: Vec<Draft>) -> Vec<MessageId>;

    /// Lets the other servers know, if there are any.
    fn share(&self, shared: Vec<Shared>);

    /// How many connections there are, for those who choose among servers.
    fn set_load(&self, connections: u64);
}

impl Log for Appender {
    fn append(&self, drafts: Vec<Draft>) -> Vec<MessageId> {
        let messages = drafts.into_iter().map(|draft| draft.message).collect();
        match self.try_append(messages) {
            Ok(()) => Vec::new(),
            Err(AppendRefused::Full(refused) | AppendRefused::Closed(refused)) => {
                refused.iter().map(|message| message.id).collect()
            }
        }
    }

    fn share(&self, _shared: Vec<Shared>) {}

    fn set_load(&self, _connections: u64) {}
}

/// What came back from the store, for the hub.
pub enum Kept {
    /// These messages are committed, or never will be.
    Settled(Vec<Outcome>),
    /// The last messages of a channel; none if they could not be read.
    Recalled(Recall, Vec<StoredMessage>),
    /// Part of a channel's history, if it could be read.
    Read(Reading, Option<History>),
}

/// The keeper's threads.
pub struct KeeperThreads {
    /// Unless the log has its own.
    writer: Option<StoreWriter>,
    chores: JoinHandle<()>,
    /// Disconnected when the chores' thread has ended.
    chores_done: Receiver<()>,
}

impl Keeper {
    /// Starts the threads that work on `store`, and a way to ask whether
    /// messages can be stored at present. What came of the work goes to
    /// `report`, which says whether anything wants to know it still. `failed`
    /// runs if a fault of ours ends the thread that writes.
    pub fn start(
        store: &Arc<dyn Store>,
        report: impl Fn(Kept) -> bool + Clone + Send + 'static,
        settings: WriterSettings,
        failed: impl FnOnce() + Send + 'static,
    ) -> io::Result<(Keeper, Appender, KeeperThreads)> {
        let reporting = report.clone();
        let settled = move |outcomes| {
            // The writer ends with the keeper, not with those it reports to.
            let _ = reporting(Kept::Settled(outcomes));
        };
        let (writer, appender) =
            StoreWriter::start_guarded(store.clone(), settings, settled, failed)?;
        let (keeper, chores) = Keeper::over(Box::new(appender.clone()), store, report)?;
        let threads = KeeperThreads {
            writer: Some(writer),
            ..chores
        };
        Ok((keeper, appender, threads))
    }

    /// As [`Keeper::start`], for a log that has its own threads.
    pub fn over(
        log: Box<dyn Log>,
        store: &Arc<dyn Store>,
        report: impl Fn(Kept) -> bool + Send + 'static,
    ) -> io::Result<(Keeper, KeeperThreads)> {
        let chores = Arc::new(FairChannel::new(CHORES));
        let waiting = chores.clone();
        let store = store.clone();
        let (doing, chores_done) = bounded(0);
        let thread = std::thread::Builder::new()
            .name("chores".to_owned())
            .spawn(move || {
                let _doing: Sender<()> = doing;
                do_chores(&*store, report, &waiting);
            })?;
        let keeper = Keeper { log, chores };
        let threads = KeeperThreads {
            writer: None,
            chores: thread,
            chores_done,
        };
        Ok((keeper, threads))
    }

    /// As [`Log::append`].
    pub fn append(&self, drafts: Vec<Draft>) -> Vec<MessageId> {
        self.log.append(drafts)
    }

    /// As [`Log::share`].
    pub fn share(&self, shared: Vec<Shared>) {
        self.log.share(shared);
    }

    /// As [`Log::set_load`].
    pub fn set_load(&self, connections: u64) {
        self.log.set_load(connections);
    }

    /// Has a chore done: what takes a while in turn with those of others.
    /// Returns what there is no room for, this one or another.
    pub fn chore(&self, chore: Chore) -> Option<Chore> {
        match &chore {
            Chore::Read(reading) => {
                let asker = Asker::of(reading.connection, reading.address);
                self.chores.push(asker, chore)
            }
            Chore::Recall(_) | Chore::SetIgnored { .. } => self.chores.push_first(chore),
        }
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        self.chores.close();
    }
}

impl KeeperThreads {
    /// Commits what waits and ends the threads; call when the hub thread has
    /// ended.
    pub fn shut_down(self, allowed: Duration) {
        let deadline = Instant::now() + allowed;
        let ended = self.writer.map(|writer| writer.shut_down(allowed));
        if let Some(Err(unfinished)) = ended {
            let bytes = unfinished.waiting_bytes;
            log::error!("messages ({bytes} bytes) could not be stored before the end");
        }
        // Ends with the hub's sender; a chore under way is short unless the
        // disk hangs, and then nobody waits for it.
        match self.chores_done.recv_deadline(deadline) {
            Err(RecvTimeoutError::Timeout) => log::error!("the store is still busy at the end"),
            _ => drop(self.chores.join()),
        }
    }
}

fn do_chores(
    store: &dyn Store,
    report: impl Fn(Kept) -> bool,
    waiting: &FairChannel<Asker, Chore>,
) {
    while let Some(chore) = waiting.pop() {
        match chore {
            Chore::Recall(recall) => {
                let messages = last_messages(store, &recall);
                let answer = Kept::Recalled(recall, messages);
                if !report(answer) {
                    return;
                }
            }
            Chore::Read(reading) => {
                let history = part_of_history(store, &reading);
                let answer = Kept::Read(reading, history);
                if !report(answer) {
                    return;
                }
            }
            Chore::SetIgnored {
                account,
                nickname,
                ignored,
            } => {
                let what = "whom an account ignores could not be stored";
                attempt(what, || store.set_ignored(account, &nickname, ignored));
            }
        }
    }
}

fn last_messages(store: &dyn Store, recall: &Recall) -> Vec<StoredMessage> {
    let conversation = Conversation::Channel(recall.channel.clone());
    let window = Window::Before(recall.before);
    let history = attempt(UNREADABLE, || {
        store.history(&conversation, window, recall.limit)
    });
    history.map_or_else(Vec::new, |history| history.messages)
}

fn part_of_history(store: &dyn Store, reading: &Reading) -> Option<History> {
    let conversation = Conversation::Channel(reading.channel.clone());
    attempt(UNREADABLE, || {
        store.history(&conversation, reading.window, reading.limit)
    })
}

/// What `chore` returns unless it fails, which is logged as `what`. Even a
/// fault of ours fails this chore only: the hub waits for an answer to each.
fn attempt<T>(what: &str, chore: impl FnOnce() -> Result<T, StoreError>) -> Option<T> {
    match catch_unwind(AssertUnwindSafe(chore)) {
        Ok(Ok(value)) => Some(value),
        Ok(Err(error)) => {
            error.log(what);
            None
        }
        Err(_) => {
            log::error!("{what}, by a fault of ours");
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chore_that_fails_in_whichever_way_has_no_result() {
        assert_eq!(attempt("fine", || Ok(1)), Some(1));
        assert_eq!(attempt("failed", || Err::<u8, _>(StoreError::Busy)), None);
        assert_eq!(attempt("panicked", || -> Result<u8, _> { panic!() }), None);
    }
}
