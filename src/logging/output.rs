//! Standard output and standard error, without waiting for their readers.
//!
//! Each has a thread that writes the queued lines. A full pipe holds up that thread and nothing
//! else: lines that no longer fit are dropped and counted, and the count is written as soon as
//! lines are read again. Lines are also dropped when the other end is closed or the disk is full.
//! Never panics, never blocks a caller.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, bounded};
use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::Errno;

/// The most lines that may wait.
const QUEUE_LINES: usize = 4096;
/// The most bytes that may wait.
const QUEUE_BYTES: usize = 1024 * 1024;
/// How long the end of the program waits for the last lines of each stream.
const LAST_LINES: Duration = Duration::from_millis(500);

static STDOUT: OnceLock<Output> = OnceLock::new();
static STDERR: OnceLock<Output> = OnceLock::new();

/// A stream to write to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stream {
    /// The program's announcements.
    Stdout,
    /// Errors, and the log.
    Stderr,
}

/// One stream, with its thread.
struct Output {
    items: Sender<Item>,
    waiting: AtomicUsize,
    /// Lines that were dropped and not yet reported.
    dropped: AtomicU64,
}

enum Item {
    Line(Vec<u8>),
    /// Reply once everything before is written.
    Flush(Sender<()>),
}

impl Stream {
    fn output(self) -> &'static Output {
        let place = match self {
            Stream::Stdout => &STDOUT,
            Stream::Stderr => &STDERR,
        };
        place.get_or_init(|| start(self))
    }

    /// Queues whole lines for writing.
    pub fn put(self, lines: &[u8]) {
        let output = self.output();
        let before = output.waiting.fetch_add(lines.len(), Ordering::Relaxed);
        let full = before > 0 && before.saturating_add(lines.len()) > QUEUE_BYTES;
        if full || output.items.try_send(Item::Line(lines.to_vec())).is_err() {
            output.waiting.fetch_sub(lines.len(), Ordering::Relaxed);
            output.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// Starts both threads now: later the system may have none left, which would have to be logged.
pub(super) fn start_all() {
    for stream in [Stream::Stdout, Stream::Stderr] {
        stream.output();
    }
}

/// Waits until everything queued is written, but not for long: the reader may be gone.
pub(super) fn finish() {
    let deadline = Instant::now() + LAST_LINES;
    let flushes = [&STDOUT, &STDERR].into_iter().filter_map(OnceLock::get);
    let waiting: Vec<Receiver<()>> = flushes
        .filter_map(|output| {
            let (done, is_done) = bounded(1);
            let sent = output.items.send_deadline(Item::Flush(done), deadline);
            sent.is_ok().then_some(is_done)
        })
        .collect();
    for is_done in waiting {
        // Runs out if the stream is not read.
        let _ = is_done.recv_deadline(deadline);
    }
}

/// Starts the thread. Without it all lines count as dropped.
fn start(stream: Stream) -> Output {
    let (items, waiting) = bounded(QUEUE_LINES);
    let name = match stream {
        Stream::Stdout => "stdout",
        Stream::Stderr => "stderr",
    };
    let thread = thread::Builder::new().name(name.to_owned());
    // It ends with the process.
    let _ = thread.spawn(move || match stream {
        // The standard library's buffer is bypassed.
        Stream::Stdout => write_all(stream, io::stdout().as_fd(), &waiting),
        Stream::Stderr => write_all(stream, io::stderr().as_fd(), &waiting),
    });
    Output {
        items,
        waiting: AtomicUsize::new(0),
        dropped: AtomicU64::new(0),
    }
}

fn write_all(stream: Stream, to: BorrowedFd<'_>, waiting: &Receiver<Item>) {
    for item in waiting {
        let output = stream.output();
        match item {
            Item::Flush(done) => {
                // The caller may have given up.
                let _ = done.try_send(());
            }
            Item::Line(line) => {
                output.waiting.fetch_sub(line.len(), Ordering::Relaxed);
                let dropped = output.dropped.swap(0, Ordering::Relaxed);
                if dropped > 0 && write(to, super::dropped_line(dropped).as_bytes()).is_err() {
                    output.dropped.fetch_add(dropped, Ordering::Relaxed);
                }
                if write(to, &line).is_err() {
                    output.dropped.fetch_add(1, Ordering::Relaxed);
                }
            }
        }
    }
}

fn write(to: BorrowedFd<'_>, mut rest: &[u8]) -> Result<(), Errno> {
    while !rest.is_empty() {
        match rustix::io::write(to, rest) {
            Ok(written) => rest = rest.get(written..).unwrap_or_default(),
            Err(Errno::INTR) => {}
            // The stream was made non-blocking by another process: a shell, or the one that started
            // us.
            Err(Errno::AGAIN) => {
                let mut wanted = [PollFd::from_borrowed_fd(to, PollFlags::OUT)];
                match poll(&mut wanted, None) {
                    Ok(_) | Err(Errno::INTR) => {}
                    Err(error) => return Err(error),
                }
            }
            Err(error) => return Err(error),
        }
    }
    Ok(())
}
