//! One connection's socket, as its reader, the hub and the flusher share it.

use std::collections::VecDeque;
use std::io::{self, Read};
use std::net::{Shutdown, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::net::SendFlags;

use super::flusher::Watcher;
use super::tls::Session;
use super::transport::Transport;

/// The socket of one chat connection. The reader blocks on it; everybody
/// else only sends, and never blocks.
#[derive(Debug)]
pub struct Link {
    stream: TcpStream,
    /// TLS, if there is any: then everything here is ciphertext.
    session: Option<Box<Session>>,
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

/// What became of bytes that were to be sent in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Posted {
    /// Whether the kernel was asked.
    pub tried: bool,
    /// Bytes waiting now.
    pub waiting: usize,
}

impl Link {
    /// Makes a chat connection of what it came in on.
    pub fn new(transport: impl Into<Transport>) -> Link {
        let (stream, secure) = transport.into().into_parts();
        Link {
            stream,
            session: secure.map(|secure| Box::new(secure.into_session())),
            backlog: Mutex::default(),
            backlogged: AtomicBool::new(false),
            closing: AtomicBool::new(false),
            heard: AtomicBool::new(true),
        }
    }

    /// The socket. What [`LinkReader`] reads may be only its ciphertext.
    pub fn stream(&self) -> &TcpStream {
        &self.stream
    }

    /// The connection's TLS, through which everything must be sent then.
    pub fn session(&self) -> Option<&Session> {
        self.session.as_deref()
    }

    /// Sends without blocking, or keeps what the kernel does not take for the
    /// flusher. One thread at a time, or order is lost.
    pub fn post(self: &Arc<Link>, bytes: &[u8], watcher: &Watcher) -> Posted {
        if let Some(waiting) = self.queue_behind_backlog(bytes) {
            let tried = false;
            return Posted { tried, waiting };
        }
        let waiting = match self.send(bytes) {
            Sent::All => 0,
            Sent::Part(sent) => {
                let rest = bytes.get(sent..).unwrap_or_default();
                self.start_backlog(rest, || watcher.watch(self))
            }
            Sent::Broken => {
                self.abort();
                0
            }
        };
        let tried = true;
        Posted { tried, waiting }
    }

    /// Sends without blocking.
    fn send(&self, bytes: &[u8]) -> Sent {
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

    /// Appends to the backlog if there is one, and says how much it has then.
    fn queue_behind_backlog(&self, bytes: &[u8]) -> Option<usize> {
        if !self.backlogged.load(Ordering::Acquire) {
            return None;
        }
        let mut backlog = self.backlog.lock();
        // The flusher may have emptied it since.
        if backlog.bytes.is_empty() {
            return None;
        }
        backlog.bytes.extend(bytes);
        Some(backlog.bytes.len())
    }

    /// Starts a backlog with what the kernel did not take. `watch` runs before
    /// the flusher can find the backlog empty again.
    fn start_backlog(&self, bytes: &[u8], watch: impl FnOnce()) -> usize {
        let mut backlog = self.backlog.lock();
        backlog.bytes.extend(bytes);
        self.backlogged.store(true, Ordering::Release);
        watch();
        backlog.bytes.len()
    }

    /// Bytes nobody has taken yet.
    pub fn waiting(&self) -> usize {
        let plaintext = self.session().map_or(0, Session::waiting);
        plaintext + self.backlog_bytes()
    }

    /// Bytes in the backlog.
    pub(super) fn backlog_bytes(&self) -> usize {
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
    pub fn close_when_sent(self: &Arc<Link>) {
        self.closing.store(true, Ordering::Release);
        match self.session() {
            None => self.finish_when_sent(),
            Some(session) => session.close_when_sent(self),
        }
    }

    /// Ends our side as soon as the backlog is sent.
    pub(super) fn finish_when_sent(&self) {
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

/// The connection's one reader: what the peer has sent, decrypted if need be.
#[derive(Debug)]
pub struct LinkReader {
    link: Arc<Link>,
    /// Ciphertext that came with more than was asked for. Mostly empty.
    unread: Vec<u8>,
}

impl LinkReader {
    /// Reads what is sent on `link`.
    pub fn new(link: Arc<Link>) -> LinkReader {
        let unread = Vec::new();
        LinkReader { link, unread }
    }
}

impl Read for LinkReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self.link.session() {
            None => self.link.stream().read(buffer),
            Some(session) => session.read(&self.link, &mut self.unread, buffer),
        }
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
