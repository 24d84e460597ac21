//! One connection's socket, as its reader, the hub and the flusher share it.

use std::io::{self, Read};
use std::net::{Shutdown, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::net::SendFlags;

use super::backlog::{Backlog, Posted, Sent, Wire};
use super::tls::Session;
use super::transport::Transport;

/// The socket of one chat connection. Its reader blocks on it; all other threads
/// only send, and never block.
#[derive(Debug)]
pub struct Link {
    stream: TcpStream,
    /// The connection's TLS, if any: then everything else here is ciphertext.
    session: Option<Box<Session>>,
    /// Bytes that the kernel did not take at once.
    backlog: Backlog,
    /// Whether the farewell was sent; what the peer still sends is dropped.
    closing: AtomicBool,
    /// Set by the reader whenever the peer sends something.
    heard: AtomicBool,
}

impl Link {
    /// Makes a chat connection of an accepted transport.
    pub fn new(transport: impl Into<Transport>) -> Link {
        let (stream, secure) = transport.into().into_parts();
        Link {
            stream,
            session: secure.map(|secure| Box::new(secure.into_session())),
            backlog: Backlog::new(),
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

    /// Sends without blocking, and keeps what the kernel does not take; `watch`
    /// runs when the backlog begins. One thread at a time, or order is lost.
    pub fn post(&self, bytes: &[u8], watch: impl FnOnce()) -> Posted {
        self.backlog.post(self, bytes, watch)
    }

    /// Bytes that the kernel has not taken yet.
    pub fn waiting(&self) -> usize {
        let plaintext = self.session().map_or(0, Session::waiting);
        plaintext + self.backlog_bytes()
    }

    /// Bytes in the backlog.
    pub(super) fn backlog_bytes(&self) -> usize {
        self.backlog.waiting()
    }

    /// Sends what the kernel takes of the backlog. `unwatch` runs when everything
    /// is sent, or nothing can ever be sent again.
    pub fn drain(&self, unwatch: impl FnOnce()) {
        self.backlog.drain(self, unwatch);
    }

    /// Ends our side as soon as everything is sent; from now on, what the peer
    /// still sends is dropped.
    pub fn close_when_sent(self: &Arc<Link>) {
        self.closing.store(true, Ordering::Release);
        match self.session() {
            None => self.finish_when_sent(),
            Some(session) => session.close_when_sent(self),
        }
    }

    /// Ends our side as soon as the backlog is sent.
    pub(super) fn finish_when_sent(&self) {
        self.backlog.finish_when_sent(self);
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

    /// Whether the farewell was sent.
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

    /// Ends the connection in both directions; its reader wakes up.
    pub fn abort(&self) {
        let _ = self.stream.shutdown(Shutdown::Both);
    }
}

impl Wire for Link {
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

    fn finish(&self) {
        let _ = self.stream.shutdown(Shutdown::Write);
    }

    fn abort(&self) {
        Link::abort(self);
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
            // Not the C library's, where a thread can be cancelled: that has a cost.
            None => Ok(rustix::io::read(self.link.stream(), buffer)?),
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
    sockopt::set_tcp_keepidle(stream, silence())?;
    sockopt::set_tcp_keepintvl(stream, Duration::from_secs(15))?;
    sockopt::set_tcp_keepcnt(stream, 4)?;
    Ok(())
}

/// How long a peer may be silent before the kernel probes it: about a minute. Not
/// the same for all: thousands of peers that connected together, as after a
/// restart, would be probed together for ever, and answers would get lost.
fn silence() -> Duration {
    const SHORTEST: u64 = 45;
    const SPREAD: u64 = 30;
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let next = NEXT.fetch_add(1, Ordering::Relaxed);
    Duration::from_secs(SHORTEST + next % SPREAD)
}
