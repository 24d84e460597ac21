//! One connection's socket, as its reader, the hub and the flusher share it.

use std::collections::VecDeque;
use std::io;
use std::net::{Shutdown, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::net::SendFlags;

/// The socket of one chat connection. The reader blocks on it; everybody
/// else only sends, and never blocks.
#[derive(Debug)]
pub struct Link {
    stream: TcpStream,
    /// A lock, because hub and flusher both send; taken only while there is
    /// something the kernel would not take at once.
    backlog: Mutex<Backlog>,
    /// Whether the backlog has anything: saves the hub the lock.
    backlogged: AtomicBool,
    /// Last words are said; what the peer still sends is thrown away.
    closing: AtomicBool,
    /// Set by the reader whenever the peer sends something.
    heard: AtomicBool,
}

/// Bytes the kernel did not take yet.
#[derive(Debug, Default)]
struct Backlog {
    bytes: VecDeque<u8>,
    then_close: bool,
}

/// How far a send came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sent {
    /// Everything is with the kernel.
    All,
    /// The kernel took this many bytes.
    Part(usize),
    /// The connection is broken.
    Broken,
}

/// What became of bytes offered to the backlog.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Queued {
    /// There is no backlog: send directly.
    NoBacklog,
    /// Kept. True: this is the first, the flusher must watch the socket.
    Kept {
        /// Bytes waiting now.
        waiting: usize,
    },
}

impl Link {
    /// Prepares a socket: no delay, keepalive.
    pub fn new(stream: TcpStream) -> Link {
        Link {
            stream,
            backlog: Mutex::default(),
            backlogged: AtomicBool::new(false),
            closing: AtomicBool::new(false),
            heard: AtomicBool::new(true),
        }
    }

    /// The socket, for reading.
    pub fn stream(&self) -> &TcpStream {
        &self.stream
    }

    /// Sends without blocking.
    pub fn send(&self, bytes: &[u8]) -> Sent {
        loop {
            let flags = SendFlags::DONTWAIT | SendFlags::NOSIGNAL;
            match rustix::net::send(&self.stream, bytes, flags) {
                Ok(sent) if sent >= bytes.len() => return Sent::All,
                Ok(sent) => return Sent::Part(sent),
                Err(Errno::AGAIN) => return Sent::Part(0),
                Err(Errno::INTR) => {}
                Err(_) => return Sent::Broken,
            }
        }
    }

    /// Appends to the backlog if there is one.
    pub fn queue_behind_backlog(&self, bytes: &[u8]) -> Queued {
        if !self.backlogged.load(Ordering::Acquire) {
            return Queued::NoBacklog;
        }
        let mut backlog = self.backlog.lock();
        // The flusher may have emptied it since.
        if backlog.bytes.is_empty() {
            return Queued::NoBacklog;
        }
        backlog.bytes.extend(bytes);
        Queued::Kept {
            waiting: backlog.bytes.len(),
        }
    }

    /// Starts a backlog with what the kernel did not take. `watch` runs before
    /// the flusher can find the backlog empty again.
    pub fn start_backlog(&self, bytes: &[u8], watch: impl FnOnce()) -> usize {
        let mut backlog = self.backlog.lock();
        backlog.bytes.extend(bytes);
        self.backlogged.store(true, Ordering::Release);
        watch();
        backlog.bytes.len()
    }

    /// Bytes in the backlog.
    pub fn waiting(&self) -> usize {
        match self.backlogged.load(Ordering::Acquire) {
            true => self.backlog.lock().bytes.len(),
            false => 0,
        }
    }

    /// Sends what it can of the backlog. `unwatch` runs when that was all or
    /// nothing will ever go again.
    pub fn drain(&self, unwatch: impl FnOnce()) {
        let mut backlog = self.backlog.lock();
        loop {
            let (front, _) = backlog.bytes.as_slices();
            let length = front.len();
            let sent = match length {
                0 => Sent::All,
                _ => self.send(front),
            };
            match sent {
                Sent::All if length > 0 => {
                    backlog.bytes.drain(..length);
                }
                Sent::Part(sent) => {
                    backlog.bytes.drain(..sent);
                    return;
                }
                Sent::All => break,
                Sent::Broken => {
                    backlog.bytes.clear();
                    self.abort();
                    break;
                }
            }
        }
        backlog.bytes = VecDeque::new();
        self.backlogged.store(false, Ordering::Release);
        if backlog.then_close {
            self.finish();
        }
        unwatch();
    }

    /// Ends our side as soon as everything is sent; what the peer still sends
    /// is thrown away from now on.
    pub fn close_when_sent(&self) {
        self.closing.store(true, Ordering::Release);
        let mut backlog = self.backlog.lock();
        if backlog.bytes.is_empty() {
            self.finish();
        } else {
            backlog.then_close = true;
        }
    }

    /// Waits until the connection has ended in both directions, for a reader
    /// whose peer has stopped sending but may still be reading.
    pub fn wait_ended(&self, most: Duration) {
        let deadline = Instant::now() + most;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let Ok(left) = Timespec::try_from(left) else {
                return;
            };
            // Hang-ups and errors are reported without being asked for.
            let mut polled = [PollFd::new(&self.stream, PollFlags::empty())];
            match poll(&mut polled, Some(&left)) {
                Err(Errno::INTR) => {}
                _ => return,
            }
        }
    }

    /// Whether the last words are said.
    pub fn is_closing(&self) -> bool {
        self.closing.load(Ordering::Acquire)
    }

    /// Notes that the peer is alive.
    pub fn note_heard(&self) {
        self.heard.store(true, Ordering::Relaxed);
    }

    /// Whether the peer was heard since this was last asked.
    pub fn take_heard(&self) -> bool {
        self.heard.swap(false, Ordering::Relaxed)
    }

    /// Tells the peer that nothing more will come.
    fn finish(&self) {
        let _ = self.stream.shutdown(Shutdown::Write);
    }

    /// Ends the connection in both directions; its reader wakes up.
    pub fn abort(&self) {
        let _ = self.stream.shutdown(Shutdown::Both);
    }
}

/// Prepares an accepted socket: small writes go at once, and a peer that has
/// vanished is noticed.
pub fn prepare(stream: &TcpStream) -> io::Result<()> {
    use rustix::net::sockopt;
    stream.set_nodelay(true)?;
    sockopt::set_socket_keepalive(stream, true)?;
    sockopt::set_tcp_keepidle(stream, Duration::from_secs(60))?;
    sockopt::set_tcp_keepintvl(stream, Duration::from_secs(15))?;
    sockopt::set_tcp_keepcnt(stream, 4)?;
    Ok(())
}
