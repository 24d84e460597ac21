//! The client's socket, with a deadline on everything.

use std::io::{ErrorKind, Write};
use std::net::{Shutdown, TcpStream};
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::net::{RecvFlags, recv};

/// A client that takes an answer slower than this holds a thread for nothing.
const ANSWER_TIME: Duration = Duration::from_secs(120);
/// How long, and for how many bytes, a client that was turned away may go on
/// sending before the connection is cut under it.
const LINGER_TIME: Duration = Duration::from_secs(2);
const LINGER_BYTES: usize = 1024 * 1024;
const READ_BYTES: usize = 16 * 1024;

/// A socket and what was read from it but not yet used.
pub(super) struct Wire {
    pub stream: TcpStream,
    pub buffer: Vec<u8>,
}

/// Why there is nothing more to read.
#[derive(Debug, PartialEq)]
pub(super) enum ReadEnd {
    /// The client closed, or the connection broke.
    Gone,
    /// The deadline passed.
    TimedOut,
}

/// The client is gone or does not read.
#[derive(Debug)]
pub(super) struct WriteFailed;

impl Wire {
    /// `stall` is how long the client may read nothing of an answer.
    pub fn new(stream: TcpStream, stall: Duration) -> Wire {
        // Answers leave in one or two writes; waiting to merge them costs 40 ms.
        let _ = stream.set_nodelay(true);
        let _ = stream.set_write_timeout(Some(stall.max(Duration::from_millis(1))));
        Wire {
            stream,
            buffer: Vec::new(),
        }
    }

    /// Reads at least one byte more into the buffer.
    pub fn fill(&mut self, deadline: Instant) -> Result<(), ReadEnd> {
        let mut chunk = [0; READ_BYTES];
        loop {
            let readable = {
                let mut fds = [PollFd::new(&self.stream, PollFlags::IN)];
                wait(&mut fds, deadline)
            };
            if !readable {
                return Err(ReadEnd::TimedOut);
            }
            // Even what was readable a moment ago must not block past the deadline.
            match recv(&self.stream, &mut chunk, RecvFlags::DONTWAIT) {
                Ok((0, _)) => return Err(ReadEnd::Gone),
                Ok((length, _)) => {
                    let read = chunk.get(..length).unwrap_or_default();
                    self.buffer.extend_from_slice(read);
                    return Ok(());
                }
                Err(Errno::INTR | Errno::AGAIN) => {}
                Err(_) => return Err(ReadEnd::Gone),
            }
        }
    }

    /// Removes `length` bytes from the front of the buffer.
    pub fn take(&mut self, length: usize) -> Vec<u8> {
        let rest = self.buffer.split_off(length.min(self.buffer.len()));
        std::mem::replace(&mut self.buffer, rest)
    }

    /// Writes all of `bytes`, unless the client takes too long.
    pub fn write(&mut self, mut bytes: &[u8]) -> Result<(), WriteFailed> {
        let deadline = Instant::now() + ANSWER_TIME;
        while !bytes.is_empty() {
            match self.stream.write(bytes) {
                Ok(0) => return Err(WriteFailed),
                Ok(written) => bytes = bytes.get(written..).unwrap_or_default(),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(_) => return Err(WriteFailed),
            }
            if Instant::now() > deadline {
                return Err(WriteFailed);
            }
        }
        Ok(())
    }

    /// Closes so that the answer arrives: closing with unread bytes waiting
    /// would reset the connection, and the client would lose what it was told.
    pub fn close(mut self) {
        if self.stream.shutdown(Shutdown::Write).is_err() {
            return;
        }
        let deadline = Instant::now() + LINGER_TIME;
        let mut read = 0;
        while read < LINGER_BYTES {
            self.buffer.clear();
            if self.fill(deadline).is_err() {
                return;
            }
            read += self.buffer.len();
        }
    }
}

/// Waits until one of `fds` is ready; false when the deadline passes first.
pub(super) fn wait(fds: &mut [PollFd<'_>], deadline: Instant) -> bool {
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        let timeout = Timespec::try_from(left).ok();
        match poll(fds, timeout.as_ref()) {
            Ok(0) if left.is_zero() => return false,
            Ok(0) | Err(Errno::INTR) => {}
            // A broken descriptor shows itself when it is read.
            Ok(_) | Err(_) => return true,
        }
    }
}

/// Waits for `upstream` to be readable. `client_left` is called once if the
/// client closes meanwhile; false when the deadline passes.
pub(super) fn wait_upstream(
    upstream: impl AsFd,
    client: &TcpStream,
    client_left: &mut dyn FnMut(),
    watch_client: &mut bool,
    deadline: Instant,
) -> bool {
    let gone = PollFlags::RDHUP | PollFlags::HUP | PollFlags::ERR;
    loop {
        let mut fds = vec![PollFd::new(&upstream, PollFlags::IN)];
        if *watch_client {
            fds.push(PollFd::new(client, PollFlags::RDHUP));
        }
        if !wait(&mut fds, deadline) {
            return false;
        }
        if fds.get(1).is_some_and(|fd| fd.revents().intersects(gone)) {
            *watch_client = false;
            client_left();
        }
        if fds.first().is_some_and(|fd| !fd.revents().is_empty()) {
            return true;
        }
    }
}
