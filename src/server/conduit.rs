//! Connections that are not our own sockets: a pipe, a serial line, an SSH channel, anything that
//! the program around the chat can read and write.
//!
//! The rest of the server expects a stream socket that it can write to without waiting. So a
//! conduit gets one end of a socket pair, and two threads carry bytes between the other end and the
//! program's reader and writer. Only these threads ever block on them, one in a read, the other in
//! a write. Limits, backlog and farewells are those of every connection.

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

/// How long writing the last bytes may take once the session is over.
const LAST_WORDS: Duration = Duration::from_secs(2);
/// Bytes copied at once.
const PIECE: usize = 4096;

/// Something to attach to a chat with [`Chat::attach_lines`] or [`Chat::attach_room_lines`].
///
/// Reading and writing may block for as long as they like: each has a thread of its own. A reader
/// that ends or fails is a client that has stopped sending. A writer that fails is a client that is
/// gone, and one that accepts nothing is a slow reader like any other: beyond
/// `limits.backlog_bytes` its connection ends. [`Conduit::on_close`] should then end both;
/// otherwise their threads wait for as long as reader and writer do.
#[must_use = "nothing is attached yet"]
pub struct Conduit {
    reader: Box<dyn Read + Send>,
    writer: Box<dyn Write + Send>,
    peer: SocketAddr,
    closer: Closer,
}

/// A connection that was attached. Dropping it changes nothing; clones refer to the same
/// connection.
#[derive(Clone, Debug)]
pub struct Connection {
    peer: SocketAddr,
    outside: Arc<UnixStream>,
    /// Never receives anything; disconnected when the connection is over and closed.
    over: Receiver<()>,
}

/// Why a conduit was not attached; it has been closed.
#[derive(Debug)]
#[non_exhaustive]
pub enum AttachError {
    /// There are as many connections as allowed.
    Refused(Refused),
    /// The system provides no thread or no descriptor.
    System(io::Error),
}

/// Closes the conduit exactly once.
struct Closer(Option<Box<dyn FnOnce() + Send>>);

/// Shuts down its half of the socket pair when the thread ends, however it ends.
struct Half(Arc<UnixStream>, Shutdown);

impl Conduit {
    /// Reads what the client sends from `reader`, and writes what it receives to `writer`.
    pub fn new(reader: impl Read + Send + 'static, writer: impl Write + Send + 'static) -> Conduit {
        Conduit {
            reader: Box::new(reader),
            writer: Box::new(writer),
            peer: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            closer: Closer(None),
        }
    }

    /// Sets the client's address, for limits, bans, logs and lists of users. Without it, the client
    /// counts as being on this machine.
    pub fn peer(mut self, address: SocketAddr) -> Conduit {
        self.peer = address;
        self
    }

    /// Sets how to close the reader and the writer, so that blocked calls return. Runs once: after
    /// the last bytes are written, when they cannot be written, or when the conduit is not attached
    /// at all.
    pub fn on_close(mut self, close: impl FnOnce() + Send + 'static) -> Conduit {
        self.closer.0 = Some(Box::new(close));
        self
    }
}

impl Chat {
    /// Attaches a connection that speaks the line protocol, as over telnet.
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
        // Any stream socket will do, whatever its address family.
        let inside = TcpStream::from(OwnedFd::from(inside));
        let outside = Arc::new(outside);
        let (over_sender, over) = bounded(0);
        let (written_sender, written) = bounded(0);
        let context = self.shared.session_context();
        let session = move || {
            let (_over, closer): (Sender<()>, Closer) = (over_sender, closer);
            speak(Transport::from(inside), peer, context);
            drop(permit);
            // Returns when the writer's thread has ended.
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
            // Threads that were started find the pair closed.
            connection.close();
            return Err(error.into());
        }
        Ok(connection)
    }
}

/// A thread that runs the program's code, with a stack of the default size, because the need is
/// unknown.
fn carry(bytes: impl FnOnce() + Send + 'static) -> io::Result<()> {
    let thread = std::thread::Builder::new().name("conduit".to_owned());
    thread.spawn(bytes).map(drop)
}

/// Copies from the client to the chat, until the client's end.
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

/// Copies from the chat to the client, until either ends.
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
    /// The client's address, as the program gave it.
    pub fn peer(&self) -> SocketAddr {
        self.peer
    }

    /// Ends the connection, as if the client had closed it.
    pub fn close(&self) {
        // It may have ended already.
        let _ = self.outside.shutdown(Shutdown::Both);
    }

    /// Whether the connection is over and the conduit is closed.
    pub fn is_over(&self) -> bool {
        use crossbeam_channel::TryRecvError;
        self.over.try_recv() == Err(TryRecvError::Disconnected)
    }

    /// Waits until the connection is over and the conduit is closed.
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
