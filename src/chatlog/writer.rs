//! The thread that writes the chat log.
//!
//! Takes everything that is waiting, numbers the entries, writes each to its journal, and repeats.
//! When the disk fails it keeps its lines, tries again at growing intervals, and lets the queue
//! fill up; entries that no longer fit are dropped and counted, and the log itself reports that
//! later. Never panics because of a disk.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use std::{io, mem, vec};

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, TryRecvError};
use parking_lot::Mutex;

use super::appender::Appender;
use super::journal::{Bounds, Journal};
use super::order::Sequence;
use crate::config;
use crate::model::time::unix_ms;
use crate::model::{Entry, Kind};

/// How long to wait after the first failure before trying again.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
/// How long to wait after many failures.
const LONGEST_PAUSE: Duration = Duration::from_secs(2);
/// How often a quiet server looks for files that are too old.
const EXPIRY_CHECK: Duration = Duration::from_secs(3600);
/// Bytes that an entry without text counts in the queue.
const ENTRY_BYTES: usize = 256;

/// Messages to the writer besides entries.
pub(super) enum Control {
    /// Open the file again.
    Reopen,
    /// The settings have changed: check whether files have to be removed.
    Expire,
    /// Write what is waiting, then reply.
    Flush(Sender<()>),
    /// Write what is waiting, then end.
    Stop,
}

/// The file that could not be written, and why.
type Failed = (PathBuf, io::Error);

/// Counters shared by both ends of the queue.
#[derive(Debug, Default)]
pub(super) struct Counts {
    /// Bytes waiting in the queue, roughly.
    pub waiting_bytes: AtomicUsize,
    /// Dropped entries that the log has not reported yet.
    pub unreported: AtomicU64,
    /// Entries dropped since the start.
    pub dropped: AtomicU64,
    /// Whether the latest attempt to write failed.
    pub failing: AtomicBool,
}

impl Counts {
    pub fn drop_entries(&self, count: usize) {
        self.unreported.fetch_add(count as u64, Ordering::Relaxed);
        self.dropped.fetch_add(count as u64, Ordering::Relaxed);
    }
}

/// Roughly the memory that an entry uses.
pub(super) fn weight(entry: &Entry) -> usize {
    ENTRY_BYTES + entry.text.as_ref().map_or(0, |text| text.len())
}

/// The receiving end.
pub(super) struct Writer {
    pub journals: Vec<(Journal, Appender)>,
    pub sequence: Sequence,
    pub entries: Receiver<Vec<Entry>>,
    pub control: Receiver<Control>,
    pub counts: Arc<Counts>,
    /// The settings in force; locked only to read or to replace them.
    pub settings: Arc<Mutex<config::ChatLog>>,
    /// The rest of a batch that was larger than one write.
    pub batch: vec::IntoIter<Entry>,
    /// Flushes to be answered once everything is written.
    pub flushes: Vec<Sender<()>>,
    pub stopping: bool,
}

/// A period in which the disk fails.
struct Episode {
    since: Instant,
    dropped_before: u64,
    pause: Duration,
}

impl Writer {
    /// Writes until told to stop, or until all handles are gone. Returns how many entries could not
    /// be written at the end.
    pub fn run(mut self) -> u64 {
        self.expire();
        while !self.stopping {
            crossbeam_channel::select! {
                recv(self.entries) -> batch => match batch {
                    Ok(batch) => self.batch = batch.into_iter(),
                    Err(_) => self.stopping = true,
                },
                recv(self.control) -> told => self.obey(told.unwrap_or(Control::Stop)),
                default(EXPIRY_CHECK) => self.expire(),
            }
            self.write_waiting();
        }
        let lost = self.give_up();
        if lost > 0 {
            log::error!("the chat log ends without its last {lost} entries");
        }
        lost
    }

    fn obey(&mut self, told: Control) {
        match told {
            Control::Reopen => self.appenders().for_each(Appender::reopen),
            Control::Expire => self.expire(),
            Control::Flush(done) => self.flushes.push(done),
            Control::Stop => self.stopping = true,
        }
    }

    /// Writes everything that is waiting, for as long as the disk accepts it.
    fn write_waiting(&mut self) {
        loop {
            // Under load there is always more to write: control messages come first.
            while let Ok(told) = self.control.try_recv() {
                self.obey(told);
            }
            self.adopt_bounds();
            self.fill();
            if self.is_empty() {
                self.report_dropped();
            }
            if self.is_empty() {
                for done in self.flushes.drain(..) {
                    // The caller may have given up.
                    let _ = done.try_send(());
                }
                return;
            }
            match self.write() {
                Ok(rotated) => self.after_write(rotated),
                Err(failed) => {
                    if !self.persist(failed) {
                        return;
                    }
                }
            }
        }
    }

    fn appenders(&mut self) -> impl Iterator<Item = &mut Appender> {
        self.journals.iter_mut().map(|(_, appender)| appender)
    }

    fn is_empty(&self) -> bool {
        self.journals.iter().all(|(_, it)| it.is_empty())
    }

    fn adopt_bounds(&mut self) {
        let settings = self.settings.lock();
        for (journal, appender) in &mut self.journals {
            appender.set_rotate_bytes(journal.bounds(&settings).rotate_bytes);
        }
    }

    /// Writes to all files as far as possible. Returns whether one was rotated, or which one
    /// failed.
    fn write(&mut self) -> Result<bool, Failed> {
        let mut rotated = false;
        let mut failed = None;
        for (_, appender) in &mut self.journals {
            match appender.write() {
                Ok(this) => rotated |= this,
                Err(error) => failed = Some((appender.folder().current(), error)),
            }
            self.sequence.pass(appender.found());
        }
        match failed {
            None => Ok(rotated),
            Some(failed) => Err(failed),
        }
    }

    fn push(&mut self, entry: &Entry) {
        let seq = self.sequence.next(entry.at_ms);
        let of_entry = Journal::of(entry);
        for (journal, appender) in &mut self.journals {
            if *journal == of_entry {
                appender.push(entry, seq);
            }
        }
    }

    fn after_write(&mut self, rotated: bool) {
        if rotated {
            self.expire();
        }
    }

    /// Moves entries from the queue to the lines of the next write.
    fn fill(&mut self) {
        while !self.journals.iter().any(|(_, it)| it.is_full()) {
            match self.batch.next() {
                Some(entry) => {
                    let bytes = weight(&entry);
                    self.counts
                        .waiting_bytes
                        .fetch_sub(bytes, Ordering::Relaxed);
                    self.push(&entry);
                }
                None => match self.entries.try_recv() {
                    Ok(batch) => self.batch = batch.into_iter(),
                    Err(TryRecvError::Empty | TryRecvError::Disconnected) => return,
                },
            }
        }
    }

    /// Reports in the log itself what is missing from it.
    fn report_dropped(&mut self) {
        let dropped = self.counts.unreported.swap(0, Ordering::Relaxed);
        if dropped > 0 {
            let text = format!(
                "{dropped} entries were dropped here: the chat log was not written fast enough"
            );
            self.push(&Entry {
                text: Some(text.into()),
                ..Entry::new(unix_ms(), Kind::Error)
            });
        }
    }

    /// Tries until the disk works again. False if told to stop before that.
    fn persist(&mut self, (path, error): Failed) -> bool {
        self.counts.failing.store(true, Ordering::Relaxed);
        log::error!(
            "the chat log {} cannot be written: {error}. The server goes on; entries wait in memory and are dropped when too many wait",
            path.display(),
        );
        let mut episode = Episode {
            since: Instant::now(),
            dropped_before: self.counts.dropped.load(Ordering::Relaxed),
            pause: FIRST_PAUSE,
        };
        loop {
            self.wait(episode.pause);
            episode.pause = (episode.pause * 2).min(LONGEST_PAUSE);
            match self.write() {
                Ok(rotated) => {
                    self.counts.failing.store(false, Ordering::Relaxed);
                    self.after_write(rotated);
                    let dropped = self.counts.dropped.load(Ordering::Relaxed);
                    log::warn!(
                        "the chat log is written again after {:.1} s; {} entries were lost",
                        episode.since.elapsed().as_secs_f64(),
                        dropped - episode.dropped_before,
                    );
                    return true;
                }
                Err(_) if self.stopping => return false,
                Err(_) => {}
            }
        }
    }

    /// Waits, but not longer than until a control message comes.
    fn wait(&mut self, pause: Duration) {
        if self.stopping {
            return;
        }
        match self.control.recv_timeout(pause) {
            Ok(told) => self.obey(told),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => self.stopping = true,
        }
    }

    /// Counts what is still unwritten when the writer ends.
    fn give_up(&mut self) -> u64 {
        let in_batch = mem::take(&mut self.batch).len();
        let queued: usize = self.entries.try_iter().map(|batch| batch.len()).sum();
        let waiting: u64 = self.journals.iter().map(|(_, it)| it.waiting()).sum();
        waiting + (in_batch + queued) as u64
    }

    fn expire(&mut self) {
        let settings = self.settings.lock().clone();
        for (journal, appender) in &self.journals {
            let Bounds {
                keep_files,
                keep_days,
                ..
            } = journal.bounds(&settings);
            let folder = appender.folder();
            match folder.expire(keep_files, keep_days, unix_ms()) {
                Ok(0) => {}
                Ok(removed) => log::info!("removed {removed} old files of the chat log"),
                Err(error) => log::warn!(
                    "old files of the chat log in {} cannot be removed: {error}",
                    folder.path().display()
                ),
            }
        }
    }
}
