//! The keeper: hands what the hub wants stored to the store, and reports the outcome. Never makes
//! the hub wait, and knows no chat rules.

mod marks;

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded};

use crate::fair::{Asker, FairChannel, Popped};
use crate::hub::{Chore, Draft, Finding, Keeping, Reading, Recall, Shared};
use crate::model::{
    AccountId, Conversation, History, Located, Message, MessageId, Name, Record, Window,
};
pub use crate::store::Outcome;
use crate::store::{AppendRefused, Appender, Store, StoreError, StoreWriter, WriterSettings};

use marks::Marks;

/// The error text when a channel's history cannot be shown.
const UNREADABLE: &str = "the history of a channel cannot be read";
const NOT_KEPT: &str = "a change in the channels of an account could not be stored";
/// The most chores that may wait; beyond it, they are refused.
const CHORES: usize = 4096;

/// The hub thread's handle of the keeper.
pub struct Keeper {
    log: Box<dyn Log>,
    chores: Arc<FairChannel<Asker, Task>>,
}

/// What the thread for chores does.
enum Task {
    Chore(Chore),
    /// Say that all chores that do not take turns and came before are done.
    Tell(Sender<()>),
}

/// Commits messages: the caller appends drafts, and later the hub is told what was committed, in
/// order. Never makes the caller wait.
pub trait Log: Send {
    /// Has messages committed, and reports to the hub. Returns the ids of those without room, of
    /// which nothing more will be reported.
    fn append(&self, drafts: Vec<Draft>) -> Vec<MessageId>;

    /// Tells the other servers, if there are any.
    fn share(&self, shared: Vec<Shared>);

    /// Sets the number of connections, by which clients choose among servers.
    fn set_load(&self, connections: u64);

    /// What is asked before the past of a channel is read for its first member here.
    fn attendant(&self) -> Attendant {
        Box::new(|_| true)
    }
}

/// Waits until all that is committed in a channel from now on is reported, so that between the past
/// and that nothing is missed. May block; returns whether it is so.
pub type Attendant = Box<dyn Fn(&Name) -> bool + Send>;

impl Log for Appender {
    fn append(&self, drafts: Vec<Draft>) -> Vec<MessageId> {
        let records = drafts.into_iter().map(Draft::into_record).collect();
        match self.try_append(records) {
            Ok(()) => Vec::new(),
            Err(AppendRefused::Full(refused) | AppendRefused::Closed(refused)) => {
                refused.iter().map(Record::id).collect()
            }
        }
    }

    fn share(&self, _shared: Vec<Shared>) {}

    fn set_load(&self, _connections: u64) {}
}

/// A result from the store, for the hub.
pub enum Kept {
    /// These messages are committed, or never will be.
    Settled(Vec<Outcome>),
    /// The last messages of a channel, if they could be read.
    Recalled(Recall, Option<Vec<Message>>),
    /// Part of a channel's history, if it could be read.
    Read(Reading, Option<History>),
    /// A message that is to be changed, if it exists and the store could say.
    Found(Finding, Option<Option<Located>>),
}

/// The keeper's threads.
pub struct KeeperThreads {
    /// `None` if the log has a writer of its own.
    writer: Option<StoreWriter>,
    chores: JoinHandle<()>,
    /// Disconnected when the thread for chores has ended.
    chores_done: Receiver<()>,
}

impl Keeper {
    /// Starts the threads that work on `store`, and returns a check whether messages can be stored
    /// at present. Results go to `report`, which returns whether they are still wanted. `failed`
    /// runs if a panic ends the writer thread.
    pub fn start(
        store: &Arc<dyn Store>,
        report: impl Fn(Kept) -> bool + Clone + Send + 'static,
        settings: WriterSettings,
        failed: impl FnOnce() + Send + 'static,
    ) -> io::Result<(Keeper, Appender, KeeperThreads)> {
        let reporting = report.clone();
        let settled = move |outcomes| {
            // The writer ends with the keeper, whether or not the results are wanted.
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

    /// As [`Keeper::start`], for a log with threads of its own.
    pub fn over(
        log: Box<dyn Log>,
        store: &Arc<dyn Store>,
        report: impl Fn(Kept) -> bool + Send + 'static,
    ) -> io::Result<(Keeper, KeeperThreads)> {
        let chores = Arc::new(FairChannel::new(CHORES));
        let waiting = chores.clone();
        let store = store.clone();
        let attendant = log.attendant();
        let (doing, chores_done) = bounded(0);
        let thread = std::thread::Builder::new()
            .name("chores".to_owned())
            .spawn(move || {
                let _doing: Sender<()> = doing;
                do_chores((&*store, &attendant), report, &waiting);
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

    /// Has a chore done; long ones take turns. Returns the chore without room, this one or another.
    pub fn chore(&self, chore: Chore) -> Option<Chore> {
        let asker = match &chore {
            Chore::Read(reading) => Some(Asker::of(reading.connection, reading.address)),
            Chore::Find(finding) => Some(Asker::of(finding.connection, finding.address)),
            Chore::Recall(_) | Chore::SetIgnored { .. } | Chore::Keep(_) => None,
        };
        let left = match asker {
            Some(asker) => self.chores.push(asker, Task::Chore(chore)),
            None => self.chores.push_first(Task::Chore(chore)),
        };
        match left? {
            Task::Chore(chore) => Some(chore),
            Task::Tell(_) => None,
        }
    }

    /// Says so once all changes that it was given before are stored. Without room, `told` is
    /// dropped.
    pub fn tell_stored(&self, told: Sender<()>) {
        drop(self.chores.push_first(Task::Tell(told)));
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        self.chores.close();
    }
}

impl KeeperThreads {
    /// Commits what is waiting and ends the threads. Call it when the hub thread has ended.
    pub fn shut_down(self, allowed: Duration) {
        let deadline = Instant::now() + allowed;
        let ended = self.writer.map(|writer| writer.shut_down(allowed));
        if let Some(Err(unfinished)) = ended {
            let bytes = unfinished.waiting_bytes;
            log::error!("messages ({bytes} bytes) could not be stored before the end");
        }
        // The thread ends with the hub's sender. A chore in progress is short unless the disk
        // hangs, and then it is not waited for.
        match self.chores_done.recv_deadline(deadline) {
            Err(RecvTimeoutError::Timeout) => log::error!("the store is still busy at the end"),
            _ => drop(self.chores.join()),
        }
    }
}

fn do_chores(
    (store, attendant): (&dyn Store, &Attendant),
    report: impl Fn(Kept) -> bool,
    waiting: &FairChannel<Asker, Task>,
) {
    let mut marks = Marks::default();
    loop {
        let due = marks.due();
        if due.is_some_and(|due| due <= Instant::now()) {
            store_marks(store, &mut marks);
        }
        let chore = match waiting.pop_until(marks.due()) {
            Popped::Item(Task::Chore(chore)) => chore,
            Popped::Item(Task::Tell(told)) => {
                store_marks(store, &mut marks);
                // Its receiver may have stopped waiting.
                let _ = told.try_send(());
                continue;
            }
            Popped::Nothing => continue,
            Popped::Closed => return store_marks(store, &mut marks),
        };
        match chore {
            Chore::Recall(recall) => {
                let messages = match attendant(&recall.channel) {
                    true => last_messages(store, &recall),
                    false => None,
                };
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
            Chore::Find(finding) => {
                let found = attempt(UNREADABLE, || store.find_message(finding.message));
                if !report(Kept::Found(finding, found)) {
                    return;
                }
            }
            Chore::SetIgnored {
                account,
                nickname,
                ignored,
            } => {
                let what = "the ignore list of an account could not be stored";
                attempt(what, || store.set_ignored(account, &nickname, ignored));
            }
            Chore::Keep(Keeping::Read {
                account,
                channel,
                up_to,
            }) => marks.add(account, channel, up_to),
            Chore::Keep(Keeping::Joined {
                account,
                channel,
                read_up_to,
            }) => {
                attempt(NOT_KEPT, || save(store, account, &channel, read_up_to));
            }
            Chore::Keep(Keeping::Left { account, channel }) => {
                attempt(NOT_KEPT, || store.forget_channel(account, &channel));
            }
        }
    }
}

/// Makes a channel one of an account's, unless it is: then nothing has to be written.
fn save(
    store: &dyn Store,
    account: AccountId,
    channel: &Name,
    read_up_to: MessageId,
) -> Result<(), StoreError> {
    let saved = store.saved_channels(account)?;
    if !saved.iter().any(|it| it.channel == *channel) {
        store.save_channel(account, channel, read_up_to)?;
    }
    Ok(())
}

fn store_marks(store: &dyn Store, marks: &mut Marks) {
    let marks = marks.take();
    if !marks.is_empty() {
        attempt(NOT_KEPT, || store.mark_channels_read(&marks));
    }
}

fn last_messages(store: &dyn Store, recall: &Recall) -> Option<Vec<Message>> {
    let conversation = Conversation::Channel(recall.channel.clone());
    let window = Window::Before(recall.before);
    let history = attempt(UNREADABLE, || {
        store.history(&conversation, window, recall.limit)
    });
    history.map(|history| history.messages)
}

fn part_of_history(store: &dyn Store, reading: &Reading) -> Option<History> {
    let conversation = Conversation::Channel(reading.channel.clone());
    attempt(UNREADABLE, || {
        store.history(&conversation, reading.window, reading.limit)
    })
}

/// Returns the result of `chore`, or logs its failure as `what`. A panic fails only this chore: the
/// hub waits for an answer to each.
fn attempt<T>(what: &str, chore: impl FnOnce() -> Result<T, StoreError>) -> Option<T> {
    match catch_unwind(AssertUnwindSafe(chore)) {
        Ok(Ok(value)) => Some(value),
        Ok(Err(error)) => {
            error.log(what);
            None
        }
        Err(_) => {
            log::error!("{what}, because of a bug in this server");
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
