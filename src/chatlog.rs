//! The chat log: what happens on the server, one JSON object per line.
//!
//! Members' messages and actions, administrators' actions, and errors and refusals go to three
//! journals, each with files and limits of its own; a search merges them again.
//!
//! [`ChatLog::record`] hands entries to a writer thread and never waits, whatever the disk does;
//! entries that do not fit are counted, and the log itself says how many are missing.
//! [`ChatLog::search`] reads the files on the caller's thread and does not involve the writer.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, bounded};
use parking_lot::Mutex;

use crate::cancel::Cancel;
use crate::config;

mod appender;
mod filter;
mod folder;
mod journal;
mod lines;
mod order;
mod pattern;
mod query;
mod search;
mod shown;
mod track;
mod writer;

pub use crate::model::{Entry, Kind};
pub use pattern::{BadPattern, MAX_PATTERN_BYTES};
pub use query::{BadCursor, Cursor, DEFAULT_LIMIT, MAX_LIMIT, Page, Query, SearchError};
pub use shown::shown;

use appender::Appender;
use folder::Folder;
use journal::Journal;
use order::Sequence;
use writer::{Control, Counts, Writer};

/// The most batches that may wait for the writer; see also [`ChatLogOptions::queue_bytes`].
const QUEUE_BATCHES: usize = 16_384;
/// Additional batches for administrators' actions, which have room even when the queue is full.
const RESERVED_BATCHES: usize = 1024;
/// Additional bytes for them.
const RESERVED_BYTES: usize = 1024 * 1024;
/// Control messages that may wait for the writer.
const QUEUE_CONTROL: usize = 16;

/// How the chat log works.
#[derive(Clone, Debug)]
pub struct ChatLogOptions {
    /// The folder for its files, unless the settings name a file; created if necessary.
    pub folder: PathBuf,
    /// The settings that an administrator chooses.
    pub settings: config::ChatLog,
    /// About how many bytes of entries may wait for the disk.
    pub queue_bytes: usize,
    /// How many searches may run at once.
    pub searches: usize,
    /// How long a search may take before it returns what it has.
    pub search_budget: Duration,
}

impl ChatLogOptions {
    /// A log in `folder`, with the default limits.
    pub fn new(folder: impl Into<PathBuf>, settings: config::ChatLog) -> ChatLogOptions {
        ChatLogOptions {
            folder: folder.into(),
            settings,
            queue_bytes: 64 * 1024 * 1024,
            searches: 2,
            search_budget: Duration::from_secs(30),
        }
    }
}

/// The chat log. Clones are handles to the same one.
#[derive(Clone)]
pub struct ChatLog {
    shared: Arc<Shared>,
}

struct Shared {
    journals: Vec<(Journal, Folder)>,
    /// A copy of the setting, for the hub thread, which takes no lock.
    private_messages: AtomicBool,
    settings: Arc<Mutex<config::ChatLog>>,
    queue_bytes: usize,
    /// `None` if nothing is logged.
    queue: Option<Queue>,
    searches: usize,
    searching: AtomicUsize,
    search_budget: Duration,
}

/// The sending end of the writer's queue.
struct Queue {
    entries: Sender<Vec<Entry>>,
    control: Sender<Control>,
    counts: Arc<Counts>,
    /// Never receives anything; disconnected when the writer has ended.
    ended: Receiver<()>,
    /// Taken once, to shut the log down.
    thread: Mutex<Option<JoinHandle<u64>>>,
}

/// Why the chat log cannot be used as requested.
#[derive(Debug)]
pub enum ChatLogError {
    /// Its file cannot be created or written.
    Unwritable {
        /// The file.
        path: PathBuf,
        /// The error.
        error: io::Error,
    },
    /// The system cannot start a thread.
    NoThread(io::Error),
    /// The waiting entries were not written within the time allowed.
    TooSlow,
    /// It ended while the disk was failing.
    Lost {
        /// Number of entries that were not written.
        entries: u64,
    },
}

impl fmt::Display for ChatLogError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ChatLogError::Unwritable { path, error } => write!(
                f,
                "the chat log {} cannot be written: {error}; make it writable for this user, \
                 choose another place with chat_log.file or data_dir, or switch the log off \
                 with chat_log.enabled",
                path.display()
            ),
            ChatLogError::NoThread(error) => {
                write!(f, "the chat log's thread cannot be started: {error}")
            }
            ChatLogError::TooSlow => write!(
                f,
                "the chat log was not written in time; its last entries may be missing"
            ),
            ChatLogError::Lost { entries } => write!(
                f,
                "the chat log could not be written; its last {entries} entries are missing"
            ),
        }
    }
}

impl std::error::Error for ChatLogError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            ChatLogError::Unwritable { error, .. } | ChatLogError::NoThread(error) => Some(error),
            ChatLogError::TooSlow | ChatLogError::Lost { .. } => None,
        }
    }
}

impl ChatLog {
    /// Opens the log and starts its writer. If the log is switched off, only searching works.
    pub fn open(options: ChatLogOptions) -> Result<ChatLog, ChatLogError> {
        let journals = journals(&options.folder, &options.settings)?;
        let private_messages = AtomicBool::new(options.settings.private_messages);
        let enabled = options.settings.enabled;
        let settings = Arc::new(Mutex::new(options.settings));
        let queue = match enabled {
            true => Some(start_writer(&journals, settings.clone())?),
            false => None,
        };
        Ok(ChatLog {
            shared: Arc::new(Shared {
                journals,
                private_messages,
                settings,
                queue_bytes: options.queue_bytes,
                queue,
                searches: options.searches,
                searching: AtomicUsize::new(0),
                search_budget: options.search_budget,
            }),
        })
    }

    /// Adds an entry. Never waits: if too many entries wait already, it is dropped and counted.
    pub fn record(&self, entry: Entry) {
        self.record_batch(vec![entry]);
    }

    /// Adds entries in order, all or none; cheaper than one by one.
    pub fn record_batch(&self, mut entries: Vec<Entry>) {
        let Some(queue) = &self.shared.queue else {
            return;
        };
        if !self.shared.private_messages.load(Ordering::Relaxed) {
            entries.retain(|entry| entry.kind != Kind::Private);
        }
        if entries.is_empty() {
            return;
        }
        let (count, bytes) = (entries.len(), entries.iter().map(writer::weight).sum());
        let waiting = &queue.counts.waiting_bytes;
        let before = waiting.fetch_add(bytes, Ordering::Relaxed);
        let is_audit = |entry: &Entry| Journal::of(entry) == Journal::Audit;
        let full = match entries.iter().all(is_audit) {
            true => before.saturating_add(bytes) > self.shared.queue_bytes + RESERVED_BYTES,
            // A batch larger than the whole queue is accepted by an empty one.
            false => {
                before > 0 && before.saturating_add(bytes) > self.shared.queue_bytes
                    || queue.entries.len() >= QUEUE_BATCHES
            }
        };
        if full || queue.entries.try_send(entries).is_err() {
            waiting.fetch_sub(bytes, Ordering::Relaxed);
            queue.counts.drop_entries(count);
        }
    }

    /// Entries dropped since the start.
    pub fn dropped(&self) -> u64 {
        let queue = self.shared.queue.as_ref();
        queue.map_or(0, |queue| queue.counts.dropped.load(Ordering::Relaxed))
    }

    /// Whether entries are waiting because the file cannot be written at present.
    pub fn is_failing(&self) -> bool {
        let queue = self.shared.queue.as_ref();
        queue.is_some_and(|queue| queue.counts.failing.load(Ordering::Relaxed))
    }

    /// Applies other settings, except `enabled`: what is logged from now on, and which files are
    /// kept.
    pub fn configure(&self, settings: &config::ChatLog) {
        let private_messages = settings.private_messages;
        self.shared
            .private_messages
            .store(private_messages, Ordering::Relaxed);
        *self.shared.settings.lock() = settings.clone();
        if let Some(queue) = &self.shared.queue {
            // Full: the writer reads the settings when it next rotates a file.
            let _ = queue.control.try_send(Control::Expire);
        }
    }

    /// Closes the file and opens it again, for use after it was moved away.
    pub fn reopen(&self) {
        if let Some(queue) = &self.shared.queue {
            // Full: the writer is in trouble and will reopen the file anyway.
            let _ = queue.control.try_send(Control::Reopen);
        }
    }

    /// Waits until everything recorded so far is in the file.
    pub fn flush(&self, timeout: Duration) -> Result<(), ChatLogError> {
        let Some(queue) = &self.shared.queue else {
            return Ok(());
        };
        let deadline = Instant::now() + timeout;
        let (done, written) = bounded(1);
        queue
            .control
            .send_deadline(Control::Flush(done), deadline)
            .map_err(|_| ChatLogError::TooSlow)?;
        written
            .recv_deadline(deadline)
            .map_err(|_| ChatLogError::TooSlow)
    }

    /// Writes everything that is waiting and ends the writer. Entries recorded afterwards are
    /// dropped.
    pub fn shutdown(&self, timeout: Duration) -> Result<(), ChatLogError> {
        let Some(queue) = &self.shared.queue else {
            return Ok(());
        };
        let Some(thread) = queue.thread.lock().take() else {
            return Ok(());
        };
        let deadline = Instant::now() + timeout;
        let _ = queue.control.send_deadline(Control::Stop, deadline);
        match queue.ended.recv_deadline(deadline) {
            Err(error) if error.is_disconnected() => {}
            _ => return Err(ChatLogError::TooSlow),
        }
        match thread.join() {
            Ok(0) => Ok(()),
            Ok(entries) => Err(ChatLogError::Lost { entries }),
            Err(_) => Err(ChatLogError::TooSlow),
        }
    }

    /// Finds entries, newest first. Takes up to the search budget and must not be called from a
    /// thread that others wait for.
    pub fn search(&self, query: &Query, cancel: &Cancel) -> Result<Page, SearchError> {
        let _running = Running::start(&self.shared)?;
        search::search(
            &self.shared.journals,
            query,
            cancel,
            self.shared.search_budget,
        )
    }
}

/// A search that counts as running until this is dropped.
struct Running<'a>(&'a AtomicUsize);

impl<'a> Running<'a> {
    fn start(shared: &'a Shared) -> Result<Running<'a>, SearchError> {
        let running = Running(&shared.searching);
        let others = shared.searching.fetch_add(1, Ordering::Relaxed);
        match others < shared.searches {
            true => Ok(running),
            false => Err(SearchError::Busy),
        }
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// The folders of the journals. A file named in the settings is that of the chat.
fn journals(
    folder: &Path,
    settings: &config::ChatLog,
) -> Result<Vec<(Journal, Folder)>, ChatLogError> {
    let mut journals: Vec<(Journal, Folder)> = Vec::new();
    for journal in Journal::ALL {
        let files = match &settings.file {
            Some(file) if journal == Journal::Chat => {
                let files = Folder::of_file(file);
                files.ok_or_else(|| unwritable(file, "that is no file's name"))?
            }
            _ => Folder::new(folder.to_owned(), journal.stem()),
        };
        if let Some((_, taken)) = journals.iter().find(|(_, other)| other.is_same(&files)) {
            let words = "entries of another kind are kept there";
            return Err(unwritable(&taken.current(), words));
        }
        journals.push((journal, files));
    }
    Ok(journals)
}

fn unwritable(path: &Path, why: &str) -> ChatLogError {
    ChatLogError::Unwritable {
        path: path.to_owned(),
        error: io::Error::new(io::ErrorKind::InvalidInput, why),
    }
}

fn open_journal(
    (journal, folder): &(Journal, Folder),
    settings: &config::ChatLog,
) -> Result<(Journal, Appender), ChatLogError> {
    let rotate_bytes = journal.bounds(settings).rotate_bytes;
    let appender = Appender::open(folder.clone(), rotate_bytes);
    let appender = appender.map_err(|error| ChatLogError::Unwritable {
        path: folder.current(),
        error,
    })?;
    Ok((*journal, appender))
}

fn start_writer(
    journals: &[(Journal, Folder)],
    settings: Arc<Mutex<config::ChatLog>>,
) -> Result<Queue, ChatLogError> {
    let bounds = settings.lock().clone();
    let journals: Vec<(Journal, Appender)> = journals
        .iter()
        .map(|journal| open_journal(journal, &bounds))
        .collect::<Result<_, _>>()?;
    let found = journals.iter().map(|(_, appender)| appender.found()).max();
    let (entries, waiting) = bounded(QUEUE_BATCHES + RESERVED_BATCHES);
    let (control, told) = bounded(QUEUE_CONTROL);
    let (ending, ended) = bounded(0);
    let counts = Arc::new(Counts::default());
    let writer = Writer {
        journals,
        sequence: Sequence::after(found.unwrap_or_default()),
        entries: waiting,
        control: told,
        counts: counts.clone(),
        settings,
        batch: Vec::new().into_iter(),
        flushes: Vec::new(),
        stopping: false,
    };
    let thread = thread::Builder::new()
        .name("chat log".to_owned())
        .spawn(move || {
            // Dropped when the writer ends, however it ends.
            let _ending: Sender<()> = ending;
            writer.run()
        })
        .map_err(ChatLogError::NoThread)?;
    Ok(Queue {
        entries,
        control,
        counts,
        ended,
        thread: Mutex::new(Some(thread)),
    })
}
