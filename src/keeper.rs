//! The keeper: takes what the hub wants kept to the store, and brings back
//! what came of it. Never makes the hub wait, and knows no chat rules.

use std::io;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use crossbeam_channel::{Receiver, Sender, TrySendError, bounded};

use crate::hub::{Chore, MessageId, Reading, Recall};
use crate::store::{
    AppendRefused, Appender, Conversation, History, NewMessage, Outcome, Store, StoreWriter,
    StoredMessage, Window, WriterSettings,
};
use crate::turn::{HubHandle, Input};

/// Chores waiting at most; beyond, the hub goes without.
const CHORES: usize = 4096;

/// What the hub thread holds of the keeper.
pub struct Keeper {
    appender: Appender,
    chores: Sender<Chore>,
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
    writer: StoreWriter,
    chores: JoinHandle<()>,
}

impl Keeper {
    /// Starts the threads that work on `store` and report to `hub`.
    pub fn start(
        store: &Arc<dyn Store>,
        hub: &HubHandle,
        settings: WriterSettings,
    ) -> io::Result<(Keeper, KeeperThreads)> {
        let report = hub.clone();
        let settled = move |outcomes| {
            // Without a hub nobody wants to know.
            let _ = report.send(Input::Kept(Kept::Settled(outcomes)));
        };
        let (writer, appender) = StoreWriter::start(store.clone(), settings, settled)?;
        let (chores, waiting) = bounded(CHORES);
        let (store, hub) = (store.clone(), hub.clone());
        let thread = std::thread::Builder::new()
            .name("chores".to_owned())
            .spawn(move || do_chores(&*store, &hub, &waiting))?;
        let keeper = Keeper { appender, chores };
        let threads = KeeperThreads {
            writer,
            chores: thread,
        };
        Ok((keeper, threads))
    }

    /// Has messages committed. Returns the ids of those the store has no room
    /// for; nothing more will be heard of them.
    pub fn append(&self, messages: Vec<NewMessage>) -> Vec<MessageId> {
        match self.appender.try_append(messages) {
            Ok(()) => Vec::new(),
            Err(AppendRefused::Full(refused) | AppendRefused::Closed(refused)) => {
                refused.iter().map(|message| message.id).collect()
            }
        }
    }

    /// Has a chore done. Returns it if there are too many already.
    pub fn chore(&self, chore: Chore) -> Option<Chore> {
        match self.chores.try_send(chore) {
            Ok(()) => None,
            Err(TrySendError::Full(chore) | TrySendError::Disconnected(chore)) => Some(chore),
        }
    }

    /// For asking whether messages can be stored at present.
    pub fn appender(&self) -> Appender {
        self.appender.clone()
    }
}

impl KeeperThreads {
    /// Commits what waits and ends the threads; call when the hub thread has
    /// ended.
    pub fn shut_down(self, allowed: Duration) {
        if let Err(unfinished) = self.writer.shut_down(allowed) {
            let bytes = unfinished.waiting_bytes;
            log::error!("messages ({bytes} bytes) could not be stored before the end");
        }
        // Ends with the hub's sender; a chore under way is short.
        let _ = self.chores.join();
    }
}

fn do_chores(store: &dyn Store, hub: &HubHandle, waiting: &Receiver<Chore>) {
    for chore in waiting {
        match chore {
            Chore::Recall(recall) => {
                let messages = last_messages(store, &recall);
                let answer = Kept::Recalled(recall, messages);
                if hub.send(Input::Kept(answer)).is_err() {
                    return;
                }
            }
            Chore::Read(reading) => {
                let history = part_of_history(store, &reading);
                let answer = Kept::Read(reading, history);
                if hub.send(Input::Kept(answer)).is_err() {
                    return;
                }
            }
            Chore::SetIgnored {
                account,
                nickname,
                ignored,
            } => {
                if let Err(error) = store.set_ignored(account, &nickname, ignored) {
                    log::error!("whom an account ignores could not be stored: {error}");
                }
            }
        }
    }
}

fn last_messages(store: &dyn Store, recall: &Recall) -> Vec<StoredMessage> {
    let conversation = Conversation::Channel(recall.channel.clone());
    match store.history(&conversation, Window::Before(recall.before), recall.limit) {
        Ok(history) => history.messages,
        Err(error) => {
            log::error!("the history of a channel cannot be read: {error}");
            Vec::new()
        }
    }
}

fn part_of_history(store: &dyn Store, reading: &Reading) -> Option<History> {
    let conversation = Conversation::Channel(reading.channel.clone());
    let history = store.history(&conversation, reading.window, reading.limit);
    history
        .map_err(|error| log::error!("the history of a channel cannot be read: {error}"))
        .ok()
}
