//! Standard output and standard error, without waiting for who reads them.
//!
//! A thread each writes what is put in. A pipe that is full holds up that
//! thread and nothing else: what no longer fits is dropped and counted, and the
//! count is said as soon as lines are read again. When the other end is closed,
//! or the disk is full, lines are dropped, too. Never panics, never blocks who
//! puts in.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, bounded};
use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::Errno;

/// Lines that wait at most.
const QUEUE_LINES: usize = 4096;
/// And bytes.
const QUEUE_BYTES: usize = 1024 * 1024;
/// What the end of the program waits for its last lines, for each of both.
const LAST_LINES: Duration = Duration::from_millis(500);

static STDOUT: OnceLock<Output> = OnceLock::new();
static STDERR: OnceLock<Output> = OnceLock::new();

/// Where to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stream {
    /// What the program has to say.
    Stdout,
    /// What goes wrong, and the log.
    Stderr,
}

/// One of the two, with its thread.
struct Output {
    items: Sender<Item>,
    waiting: AtomicUsize,
    /// Lines that were dropped and not yet spoken of.
    dropped: AtomicU64,
}

enum Item {
    Line(Vec<u8>),
    /// Says so once everything before is written.
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

    /// Has whole lines written.
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

/// Starts both threads: later there may be none to be had, and that is to be
/// said.
pub(super) fn start_all() {
    for stream in [Stream::Stdout, Stream::Stderr] {
        stream.output();
    }
}

/// Waits until all that was put in is written, but not for long: nobody may be
/// reading.
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
        // In vain, if nobody reads.
        let _ = is_done.recv_deadline(deadline);
    }
}

/// Starts the thread. Without one lines are counted as dropped: there is
/// nobody to write them.
fn start(stream: Stream) -> Output {
    let (items, waiting) = bounded(QUEUE_LINES);
    let name = match stream {
        Stream::Stdout => "stdout",
        Stream::Stderr => "stderr",
    };
    let thread = thread::Builder::new().name(name.to_owned());
    // It ends with the process.
    let _ = thread.spawn(move || match stream {
        // What the standard library keeps back is not used.
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
                // Whoever asked may have gone.
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
            // Somebody else has made it so: a shell, or who started us.
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
