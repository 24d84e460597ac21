//! The client's socket, with a deadline on every operation.

use std::fs::File;
use std::io::{ErrorKind, Read};
use std::net::TcpStream;
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags};

use crate::net::deadline::{ReadEnd, close_gently, wait};
use crate::net::transport::Transport;

/// A client that takes longer than this for an answer is disconnected.
const ANSWER_TIME: Duration = Duration::from_secs(120);

/// Bytes of a file held in memory at once.
const PIECE: usize = 64 * 1024;

/// The client's connection, and the bytes read but not yet used.
pub(super) struct Wire {
    pub transport: Transport,
    pub buffer: Vec<u8>,
}

/// The client is gone or does not read.
#[derive(Debug)]
pub(super) struct WriteFailed;

impl Wire {
    /// `stall` is how long the client may read nothing of an answer.
    pub fn new(transport: Transport, stall: Duration) -> Wire {
        let stream = transport.stream();
        // Answers leave in one or two writes; waiting to merge them costs 40 ms.
        let _ = stream.set_nodelay(true);
        let _ = stream.set_write_timeout(Some(stall.max(Duration::from_millis(1))));
        Wire {
            transport,
            buffer: Vec::new(),
        }
    }

    /// Reads at least one more byte into the buffer.
    pub fn fill(&mut self, deadline: Instant) -> Result<(), ReadEnd> {
        self.transport.fill(&mut self.buffer, deadline)
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
            match self.transport.write(bytes) {
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

    /// Writes this many bytes of a file, piece by piece. If the file has become shorter, the write
    /// fails: the client waits for the announced length.
    pub fn write_file(&mut self, file: File, length: u64) -> Result<(), WriteFailed> {
        let mut rest = file.take(length);
        let mut piece = vec![0; PIECE];
        while rest.limit() > 0 {
            match rest.read(&mut piece) {
                Ok(0) => return Err(WriteFailed),
                Ok(read) => self.write(piece.get(..read).unwrap_or_default())?,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(_) => return Err(WriteFailed),
            }
        }
        Ok(())
    }

    /// Closes the connection in a way that lets the answer arrive.
    pub fn close(mut self) {
        self.transport.finish();
        close_gently(self.transport.stream());
    }
}

/// Waits for `upstream` to be readable. Calls `client_left` once if the client closes in the
/// meantime; false when the deadline passes.
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
