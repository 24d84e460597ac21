//! Waiting for a socket, but never beyond a deadline.

use std::net::{Shutdown, TcpStream};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::net::{RecvFlags, recv};

/// How long, and for how many bytes, a refused client may go on sending before the
/// connection is cut.
const LINGER_TIME: Duration = Duration::from_secs(2);
const LINGER_BYTES: usize = 1024 * 1024;

/// Why there is nothing more to read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReadEnd {
    /// The client closed, or the connection broke.
    Gone,
    /// The deadline passed.
    TimedOut,
}

/// Waits until one of `fds` is ready; false when the deadline passes first.
pub fn wait(fds: &mut [PollFd<'_>], deadline: Instant) -> bool {
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

/// Waits for at least one byte.
pub fn receive(stream: &TcpStream, chunk: &mut [u8], deadline: Instant) -> Result<usize, ReadEnd> {
    loop {
        let mut fds = [PollFd::new(stream, PollFlags::IN)];
        if !wait(&mut fds, deadline) {
            return Err(ReadEnd::TimedOut);
        }
        // Even what was readable a moment ago must not block past the deadline.
        match recv(stream, &mut *chunk, RecvFlags::DONTWAIT) {
            Ok((0, _)) => return Err(ReadEnd::Gone),
            Ok((length, _)) => return Ok(length),
            Err(Errno::INTR | Errno::AGAIN) => {}
            Err(_) => return Err(ReadEnd::Gone),
        }
    }
}

/// Closes so that the last bytes arrive: closing with unread bytes would reset the
/// connection, and the client could lose what it was sent.
pub fn close_gently(stream: &TcpStream) {
    if stream.shutdown(Shutdown::Write).is_err() {
        return;
    }
    let deadline = Instant::now() + LINGER_TIME;
    let mut chunk = [0; 4096];
    let mut read = 0;
    while read < LINGER_BYTES {
        match receive(stream, &mut chunk, deadline) {
            Ok(length) => read += length,
            Err(ReadEnd::Gone | ReadEnd::TimedOut) => return,
        }
    }
}
