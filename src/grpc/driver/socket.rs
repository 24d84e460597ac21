//! A connection's socket, with the interface that the HTTP libraries expect.

use std::cell::{Cell, RefCell};
use std::io;
use std::net::TcpStream;
use std::os::fd::{AsFd, BorrowedFd};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use std::time::Instant;

use hyper::rt::{Read, ReadBufCursor, Write};
use rustix::event::PollFlags;

use crate::net::transport::Transport;

/// A socket that never blocks, with TLS around it or not.
pub struct Socket {
    transport: Transport,
    /// Bytes read from the socket and not yet consumed.
    read: Vec<u8>,
    interest: Interest,
}

/// The readiness that futures wait for. Clones share it.
#[derive(Clone)]
pub struct Interest(Rc<Waiting>);

struct Waiting {
    stream: TcpStream,
    reader: RefCell<Option<Waker>>,
    writer: RefCell<Option<Waker>>,
    blocked_since: Cell<Option<Instant>>,
}

impl Socket {
    /// Takes over a connection; `read` are bytes that were already read from it.
    pub fn new(transport: Transport, read: Vec<u8>) -> io::Result<Socket> {
        let stream = transport.stream().try_clone()?;
        stream.set_nonblocking(true)?;
        // Frames leave when they are flushed; waiting to merge them costs 40 ms.
        stream.set_nodelay(true)?;
        let interest = Interest(Rc::new(Waiting {
            stream,
            reader: RefCell::default(),
            writer: RefCell::default(),
            blocked_since: Cell::default(),
        }));
        Ok(Socket {
            transport,
            read,
            interest,
        })
    }

    /// The readiness that is waited for.
    pub fn interest(&self) -> Interest {
        self.interest.clone()
    }
}

impl Interest {
    /// Since when the peer has taken nothing although bytes wait.
    pub fn blocked_since(&self) -> Option<Instant> {
        self.0.blocked_since.get()
    }

    pub(super) fn wanted(&self) -> PollFlags {
        let flag = |waker: &RefCell<Option<Waker>>, flag| match waker.borrow().is_some() {
            true => flag,
            false => PollFlags::empty(),
        };
        flag(&self.0.reader, PollFlags::IN) | flag(&self.0.writer, PollFlags::OUT)
    }

    /// Wakes the futures that wait for any of this. An error on the socket wakes all of them.
    pub(super) fn wake(&self, ready: PollFlags) {
        let broken = PollFlags::HUP | PollFlags::ERR | PollFlags::NVAL;
        for (flag, waker) in [
            (PollFlags::IN, &self.0.reader),
            (PollFlags::OUT, &self.0.writer),
        ] {
            if ready.intersects(flag | broken)
                && let Some(waker) = waker.take()
            {
                waker.wake();
            }
        }
    }

    fn wants_to_read(&self, context: &Context<'_>) {
        self.0.reader.replace(Some(context.waker().clone()));
    }

    fn wants_to_write(&self, context: &Context<'_>) {
        self.0.writer.replace(Some(context.waker().clone()));
        if self.0.blocked_since.get().is_none() {
            self.0.blocked_since.set(Some(Instant::now()));
        }
    }

    fn has_written(&self) {
        self.0.blocked_since.set(None);
    }
}

impl AsFd for Interest {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.stream.as_fd()
    }
}

impl Read for Socket {
    fn poll_read(
        mut self: Pin<&mut Socket>,
        context: &mut Context<'_>,
        mut buffer: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        let socket = &mut *self;
        if socket.read.is_empty() {
            match socket.transport.fill_now(&mut socket.read) {
                Ok(()) => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    socket.interest.wants_to_read(context);
                    return Poll::Pending;
                }
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
        // Nothing was read: the peer has finished, and nothing is appended.
        let length = socket.read.len().min(buffer.remaining());
        let rest = socket.read.split_off(length);
        buffer.put_slice(&socket.read);
        socket.read = rest;
        Poll::Ready(Ok(()))
    }
}

impl Write for Socket {
    fn poll_write(
        mut self: Pin<&mut Socket>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = self.transport.write_now(bytes);
        self.settle(written, context)
    }

    fn poll_flush(mut self: Pin<&mut Socket>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = self.transport.flush_now();
        self.settle(flushed, context)
    }

    fn poll_shutdown(
        mut self: Pin<&mut Socket>,
        _context: &mut Context<'_>,
    ) -> Poll<io::Result<()>> {
        self.transport.finish();
        let ended = self.transport.stream().shutdown(std::net::Shutdown::Write);
        // The connection may be gone already.
        Poll::Ready(ended.or(Ok(())))
    }
}

impl Socket {
    fn settle<T>(&self, result: io::Result<T>, context: &Context<'_>) -> Poll<io::Result<T>> {
        match result {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                self.interest.wants_to_write(context);
                Poll::Pending
            }
            other => {
                self.interest.has_written();
                Poll::Ready(other)
            }
        }
    }
}
