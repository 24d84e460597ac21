//! The writer thread: commits messages in groups.
//!
//! Everything that waits when a commit ends becomes the next group, so under load groups grow and
//! each message gets cheaper. Every accepted message gets exactly one [`Outcome`], in the order in
//! which the messages were accepted. The thread never gives up: after a failure it tries again with
//! the next messages, and it probes the store from time to time by itself.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::{Builder, JoinHandle};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded, unbounded};
use parking_lot::RwLock;

use super::{AppendError, Store, StoreError};
use crate::model::time::unix_ms;
use crate::model::{MessageId, Record};

/// Bytes that a message counts in the queue besides its text.
const MESSAGE_OVERHEAD: usize = 128;
/// Quiet periods after which overdue background work is done between two groups.
const QUIET_WORK_OVERDUE: u32 = 10;

/// How the writer thread works.
#[derive(Clone, Debug)]
pub struct WriterSettings {
    /// Bytes of text and bookkeeping that may wait; beyond it, messages are refused.
    pub queue_bytes: usize,
    /// Messages in one transaction.
    pub group: usize,
    /// Time without messages after which background work is done.
    pub quiet: Duration,
    /// How often an idle store is checked for background work, and how often a failed one is tried.
    pub probe_every: Duration,
}

impl Default for WriterSettings {
    fn default() -> WriterSettings {
        WriterSettings {
            queue_bytes: 64 * 1024 * 1024,
            group: 4096,
            quiet: Duration::from_millis(100),
            probe_every: Duration::from_secs(1),
        }
    }
}

/// The result for one message.
#[derive(Clone, Debug, PartialEq)]
pub struct Outcome {
    /// The message.
    pub id: MessageId,
    /// Committed, or why not.
    pub result: Result<(), AppendError>,
}

/// Messages the writer did not take; they get no [`Outcome`].
#[derive(Debug)]
pub enum AppendRefused {
    /// Too many bytes are waiting already.
    Full(Vec<Record>),
    /// The writer is shutting down.
    Closed(Vec<Record>),
}

/// Hands messages to the writer thread; clones reach the same one.
#[derive(Clone)]
pub struct Appender {
    shared: Arc<Shared>,
}

/// The writer thread. Dropping it stops the thread without waiting.
pub struct StoreWriter {
    shared: Arc<Shared>,
    done: Receiver<()>,
    thread: Option<JoinHandle<()>>,
}

/// The writer thread did not end in time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unfinished {
    /// Bytes, as the queue counts them, that were not committed.
    pub waiting_bytes: usize,
}

struct Shared {
    /// `None` once closed. The lock is held while sending, so that no message can enter the queue
    /// after the thread has looked for the last time.
    queue: RwLock<Option<Sender<Vec<Record>>>>,
    queue_bytes: usize,
    waiting_bytes: AtomicUsize,
    healthy: AtomicBool,
}

impl Appender {
    /// Hands over messages, all or none, without ever waiting.
    pub fn try_append(&self, messages: Vec<Record>) -> Result<(), AppendRefused> {
        let queue = self.shared.queue.read();
        let Some(queue) = queue.as_ref() else {
            return Err(AppendRefused::Closed(messages));
        };
        let weight = weight(&messages);
        let before = self
            .shared
            .waiting_bytes
            .fetch_add(weight, Ordering::AcqRel);
        // A group too large for any queue still gets its turn in an empty one.
        if before > 0 && before + weight > self.shared.queue_bytes {
            self.shared
                .waiting_bytes
                .fetch_sub(weight, Ordering::AcqRel);
            return Err(AppendRefused::Full(messages));
        }
        queue.send(messages).map_err(|refused| {
            self.shared
                .waiting_bytes
                .fetch_sub(weight, Ordering::AcqRel);
            AppendRefused::Closed(refused.into_inner())
        })
    }

    /// Whether the latest attempt to commit succeeded.
    pub fn is_healthy(&self) -> bool {
        self.shared.healthy.load(Ordering::Acquire)
    }
}

impl StoreWriter {
    /// Starts the thread. It calls `settled` with the outcomes of each group.
    pub fn start(
        store: Arc<dyn Store>,
        settings: WriterSettings,
        settled: impl FnMut(Vec<Outcome>) + Send + 'static,
    ) -> io::Result<(StoreWriter, Appender)> {
        StoreWriter::start_guarded(store, settings, settled, || {})
    }

    /// As [`StoreWriter::start`]; `failed` runs if a panic ends the thread. What became of the
    /// messages it was about to commit is then unknown.
    pub fn start_guarded(
        store: Arc<dyn Store>,
        settings: WriterSettings,
        settled: impl FnMut(Vec<Outcome>) + Send + 'static,
        failed: impl FnOnce() + Send + 'static,
    ) -> io::Result<(StoreWriter, Appender)> {
        // The queue is bounded by weight, which `try_append` accounts for.
        let (sender, queue) = unbounded();
        let (finished, done) = bounded(1);
        let shared = Arc::new(Shared {
            queue: RwLock::new(Some(sender)),
            queue_bytes: settings.queue_bytes,
            waiting_bytes: AtomicUsize::new(0),
            healthy: AtomicBool::new(true),
        });
        let mut writer = Writer {
            store,
            queue,
            shared: shared.clone(),
            settings,
            settled: Box::new(settled),
            tended: Instant::now(),
        };
        let thread = Builder::new().name("store".to_owned()).spawn(move || {
            let end = End(writer.shared.clone());
            let ran = catch_unwind(AssertUnwindSafe(|| writer.run()));
            drop(end);
            if ran.is_err() {
                log::error!("the store has failed; the chat is at its end");
                failed();
            }
            // The receiver may be gone.
            let _ = finished.send(());
        })?;
        let appender = Appender {
            shared: shared.clone(),
        };
        let writer = StoreWriter {
            shared,
            done,
            thread: Some(thread),
        };
        Ok((writer, appender))
    }

    /// Accepts no more messages, commits those that wait and closes the store.
    pub fn shut_down(mut self, deadline: Duration) -> Result<(), Unfinished> {
        self.shared.close();
        match self.done.recv_timeout(deadline) {
            Err(RecvTimeoutError::Timeout) => Err(Unfinished {
                waiting_bytes: self.shared.waiting_bytes.load(Ordering::Acquire),
            }),
            Ok(()) | Err(RecvTimeoutError::Disconnected) => {
                if let Some(thread) = self.thread.take() {
                    let _ = thread.join();
                }
                Ok(())
            }
        }
    }
}

impl Drop for StoreWriter {
    fn drop(&mut self) {
        self.shared.close();
    }
}

impl Shared {
    fn close(&self) {
        self.queue.write().take();
    }
}

/// Marks the writer as failed, however the thread ends.
struct End(Arc<Shared>);

impl Drop for End {
    fn drop(&mut self) {
        self.0.healthy.store(false, Ordering::Release);
        self.0.close();
    }
}

fn weight(records: &[Record]) -> usize {
    let weigh = |record: &Record| record.bytes() + MESSAGE_OVERHEAD;
    records.iter().map(weigh).sum()
}

struct Writer {
    store: Arc<dyn Store>,
    queue: Receiver<Vec<Record>>,
    shared: Arc<Shared>,
    settings: WriterSettings,
    settled: Box<dyn FnMut(Vec<Outcome>) + Send>,
    /// When background work was last done.
    tended: Instant,
}

impl Writer {
    fn run(&mut self) {
        let mut wake = Instant::now();
        loop {
            match self.queue.recv_deadline(wake) {
                Ok(first) => {
                    self.commit(first);
                    wake = Instant::now() + self.settings.quiet;
                    // Messages without a pause must not put it off for ever.
                    if self.tended.elapsed() > self.settings.quiet * QUIET_WORK_OVERDUE {
                        wake = self.use_quiet_moment();
                    }
                }
                Err(RecvTimeoutError::Timeout) => wake = self.use_quiet_moment(),
                Err(RecvTimeoutError::Disconnected) => break,
            }
        }
        if let Err(error) = self.store.close() {
            log::warn!("closing the database: {error}");
        }
    }

    /// Commits `first` and everything else that waits, group by group.
    fn commit(&mut self, first: Vec<Record>) {
        let mut group = first;
        while group.len() < self.settings.group {
            let Ok(next) = self.queue.try_recv() else {
                break;
            };
            group.extend(next);
        }
        let mut rest = group.as_slice();
        while !rest.is_empty() {
            let (now, later) = rest.split_at(rest.len().min(self.settings.group));
            rest = later;
            let result = self.store.commit(now);
            self.report(result.as_ref().map(|_| ()));
            // The room is freed before any outcome is reported.
            self.shared
                .waiting_bytes
                .fetch_sub(weight(now), Ordering::AcqRel);
            (self.settled)(outcomes(now, result));
        }
    }

    /// Does a slice of background work, or probes a store that failed. Returns when to do so again.
    fn use_quiet_moment(&mut self) -> Instant {
        let result = if self.shared.healthy.load(Ordering::Acquire) {
            self.store.tend(unix_ms())
        } else {
            self.store.check_writable().map(|()| false)
        };
        self.report(result.as_ref().map(|_| ()));
        self.tended = Instant::now();
        match result {
            Ok(true) => self.tended,
            Ok(false) | Err(_) => self.tended + self.settings.probe_every,
        }
    }

    fn report(&self, result: Result<(), &StoreError>) {
        let healthy = result.is_ok();
        let before = self.shared.healthy.swap(healthy, Ordering::AcqRel);
        match result {
            Err(error) if before => log::error!("messages cannot be stored: {error}"),
            Ok(()) if !before => log::info!("messages can be stored again"),
            _ => {}
        }
    }
}

fn outcomes(records: &[Record], result: Result<Vec<super::Appended>, StoreError>) -> Vec<Outcome> {
    match result {
        Ok(results) => {
            let pairs = records.iter().zip(results);
            pairs
                .map(|(record, result)| Outcome {
                    id: record.id(),
                    result,
                })
                .collect()
        }
        Err(error) => {
            let error = Arc::new(error);
            let failed = |record: &Record| Outcome {
                id: record.id(),
                result: Err(AppendError::NotCommitted(error.clone())),
            };
            records.iter().map(failed).collect()
        }
    }
}
