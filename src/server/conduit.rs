//! Connections that are no sockets of ours: a pipe, a serial line, a channel of
//! SSH, whatever the program around the chat can read from and write to.
//!
//! The rest of the server knows a connection as a stream socket that it can
//! write to without waiting. So a conduit gets one end of a pair of sockets,
//! and two threads carry bytes between the other end and what the program has
//! brought: one of them may wait in a read, the other in a write, and nobody
//! else ever waits for either. Limits, backlog and farewells are those of
//! every connection.

use std::fmt;
use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpStream};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::time::Duration;

use crossbeam_channel::{Receiver, Sender, bounded};

use crate::net::registry::Refused;
use crate::net::thread;
use crate::net::transport::Transport;
use crate::session::context::SessionContext;
use crate::session::{room, telnet};

use super::Chat;

/// How long what was said last may take to be written once the session is over.
const LAST_WORDS: Duration = Duration::from_secs(2);
/// Bytes carried at once.
const PIECE: usize = 4096;

/// Something to be attached to a chat with [`Chat::attach_lines`] or
/// [`Chat::attach_room_lines`].
///
/// Reading and writing may block for as long as they like: each has a thread.
/// A reader that is at its end, or fails, is a client that has stopped sending.
/// A writer that fails is one that is gone, and one that takes nothing is a
/// slow reader like any other: beyond `limits.backlog_bytes` its connection
/// ends. Give [`Conduit::on_close`] a way to end both then, or their threads
/// wait for as long as they do.
#[must_use = "nothing is attached yet"]
pub struct Conduit {
    reader: Box<dyn Read + Send>,
    writer: Box<dyn Write + Send>,
    peer: SocketAddr,
    closer: Closer,
}

/// A connection that was attached. Dropping this changes nothing; clones are
/// about the same one.
#[derive(Clone, Debug)]
pub struct Connection {
    peer: SocketAddr,
    outside: Arc<UnixStream>,
    /// Nothing ever comes; disconnected when it is over and closed.
    over: Receiver<()>,
}

/// Why something is not attached; it has been closed.
#[derive(Debug)]
#[non_exhaustive]
pub enum AttachError {
    /// There are as many connections as there may be.
    Refused(Refused),
    /// A thread or a descriptor cannot be had.
    System(io::Error),
}

/// Closes what was attached: once, whatever happens.
struct Closer(Option<Box<dyn FnOnce() + Send>>);

/// Ends a half of the pair, however its thread ends.
struct Half(Arc<UnixStream>, Shutdown);

impl Conduit {
    /// What is read comes from the client, what is written goes there.
    pub fn new(reader: impl Read + Send + 'static, writer: impl Write + Send + 'static) -> Conduit {
        Conduit {
            reader: Box::new(reader),
            writer: Box::new(writer),
            peer: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            closer: Closer(None),
        }
    }

    /// Where the client is, for limits, bans, logs and lists of who is on.
    /// Without it, on this machine.
    pub fn peer(mut self, address: SocketAddr) -> Conduit {
        self.peer = address;
        self
    }

    /// How to close it, so that reads and writes under way come back. Runs
    /// once: when the connection is over and its last words are written, when
    /// they cannot be, or when it is not attached at all.
    pub fn on_close(mut self, close: impl FnOnce() + Send + 'static) -> Conduit {
        self.closer.0 = Some(Box::new(close));
        self
    }
}

impl Chat {
    /// Attaches a connection that speaks the line protocol, as by telnet.
    ///
    /// ```
    /// use std::io::{BufRead, BufReader, Write};
    /// use std::net::Shutdown;
    /// use std::os::unix::net::UnixStream;
    ///
    /// use chat_server::{Chat, Conduit};
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let chat = Chat::builder().start()?;
    /// let (ours, mut theirs) = UnixStream::pair()?;
    /// let close = ours.try_clone()?;
    /// let conduit = Conduit::new(ours.try_clone()?, ours)
    ///     .peer("192.0.2.7:2222".parse()?)
    ///     .on_close(move || drop(close.shutdown(Shutdown::Both)));
    /// let connection = chat.attach_lines(conduit)?;
    ///
    /// theirs.write_all(b"mina\n/quit\n")?;
    /// let mut lines = BufReader::new(theirs).lines();
    /// assert_eq!(lines.next().unwrap()?, "Welcome to the chat server.");
    /// assert!(lines.any(|line| line.unwrap().contains("Welcome, mina!")));
    /// connection.wait();
    /// # Ok(())
    /// # }
    /// ```
    pub fn attach_lines(&self, conduit: Conduit) -> Result<Connection, AttachError> {
        self.attach("attached lines", conduit, telnet::serve)
    }

    /// Attaches a connection that speaks room lines, as over TCP.
    pub fn attach_room_lines(&self, conduit: Conduit) -> Result<Connection, AttachError> {
        self.attach("attached room lines", conduit, room::serve_tcp)
    }

    fn attach(
        &self,
        name: &'static str,
        conduit: Conduit,
        speak: fn(Transport, SocketAddr, SessionContext),
    ) -> Result<Connection, AttachError> {
        let Conduit {
            reader,
            writer,
            peer,
            closer,
        } = conduit;
        let permit = self.shared.admit_attached(peer);
        let permit = permit.map_err(AttachError::Refused)?;
        let (inside, outside) = UnixStream::pair()?;
        // A stream socket is one, of whichever family.
        let inside = TcpStream::from(OwnedFd::from(inside));
        let outside = Arc::new(outside);
        let (over_sender, over) = bounded(0);
        let (written_sender, written) = bounded(0);
        let context = self.shared.session_context();
        let session = move || {
            let (_over, closer): (Sender<()>, Closer) = (over_sender, closer);
            speak(Transport::from(inside), peer, context);
            drop(permit);
            // Comes back when the writer's thread has ended.
            let _: Result<(), _> = written.recv_timeout(LAST_WORDS);
            drop(closer);
        };
        let connection = Connection {
            peer,
            outside: outside.clone(),
            over,
        };
        let half = Half(outside.clone(), Shutdown::Both);
        let started = carry(move || write_all(&half, writer, written_sender))
            .and_then(|()| {
                let half = Half(outside, Shutdown::Write);
                carry(move || read_all(&half, reader))
            })
            .and_then(|()| thread::spawn(name, peer, session));
        if let Err(error) = started {
            // Threads that have begun find the pair ended.
            connection.close();
            return Err(error.into());
        }
        Ok(connection)
    }
}

/// A thread for what the program has brought, with a stack as usual: how much
/// that needs is not known here.
fn carry(bytes: impl FnOnce() + Send + 'static) -> io::Result<()> {
    let thread = std::thread::Builder::new().name("conduit".to_owned());
    thread.spawn(bytes).map(drop)
}

/// From the client into the chat, until its end.
fn read_all(into: &Half, mut reader: Box<dyn Read + Send>) {
    let mut piece = [0; PIECE];
    loop {
        match reader.read(&mut piece) {
            Ok(0) => return,
            Ok(length) => {
                let bytes = piece.get(..length).unwrap_or_default();
                if (&*into.0).write_all(bytes).is_err() {
                    return;
                }
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(_) => return,
        }
    }
}

/// From the chat to the client, until one of them has ended.
fn write_all(from: &Half, mut writer: Box<dyn Write + Send>, _written: Sender<()>) {
    let mut piece = [0; PIECE];
    loop {
        let length = match (&*from.0).read(&mut piece) {
            Ok(0) => return,
            Ok(length) => length,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(_) => return,
        };
        let bytes = piece.get(..length).unwrap_or_default();
        if writer
            .write_all(bytes)
            .and_then(|()| writer.flush())
            .is_err()
        {
            return;
        }
    }
}

impl Connection {
    /// Where the client is, as the program has said.
    pub fn peer(&self) -> SocketAddr {
        self.peer
    }

    /// Ends it, as a client that goes away does.
    pub fn close(&self) {
        // It may have ended already.
        let _ = self.outside.shutdown(Shutdown::Both);
    }

    /// Whether it is over, and what was attached is closed.
    pub fn is_over(&self) -> bool {
        use crossbeam_channel::TryRecvError;
        self.over.try_recv() == Err(TryRecvError::Disconnected)
    }

    /// Waits until it is over and what was attached is closed.
    pub fn wait(&self) {
        let _ = self.over.recv();
    }
}

impl Drop for Half {
    fn drop(&mut self) {
        let _ = self.0.shutdown(self.1);
    }
}

impl Drop for Closer {
    fn drop(&mut self) {
        if let Some(close) = self.0.take() {
            close();
        }
    }
}

impl fmt::Debug for Conduit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let peer = &self.peer;
        f.debug_struct("Conduit")
            .field("peer", peer)
            .finish_non_exhaustive()
    }
}

impl fmt::Display for AttachError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            AttachError::Refused(why) => f.write_str(why.words()),
            AttachError::System(error) => write!(f, "cannot attach a connection: {error}"),
        }
    }
}

impl std::error::Error for AttachError {}

impl From<io::Error> for AttachError {
    fn from(error: io::Error) -> AttachError {
        AttachError::System(error)
    }
}
