//! Listeners: accept connections, admit or refuse them, and give each one a thread.

use std::fs::File;
use std::io;
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use rustix::io::DupFlags;

use super::link;
use super::registry::{Permit, Refused};
use super::thread;

/// Pause after an accept that failed for want of descriptors or memory.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// What happens to the connections of a listener.
pub trait Service: Send + Sync + 'static {
    /// Admits a connection, or returns the reason why not.
    fn admit(&self, peer: SocketAddr) -> Result<Permit, Refused>;

    /// Serves a connection on its own thread until it ends. A panic ends this
    /// connection only.
    fn serve(&self, stream: TcpStream, peer: SocketAddr, permit: Permit);

    /// The bytes that tell a peer that it is refused.
    fn refusal(&self, why: Refused) -> Vec<u8>;

    /// Refuses in a better way, on a thread of its own, if there is one and room for it: how a
    /// client wants to be told may show only in what it sends.
    fn listening_refusal(&self) -> Option<ListeningRefusal> {
        None
    }
}

/// Reads what a client sends for a moment, and then tells it that it is refused.
pub type ListeningRefusal = Box<dyn FnOnce(TcpStream, Refused) + Send>;

/// A bound address that does not accept yet, so that all can be bound before
/// any is served.
#[derive(Debug)]
pub struct Bound {
    name: &'static str,
    listener: TcpListener,
}

/// A listener at work.
#[derive(Debug)]
pub struct Listening {
    socket: TcpListener,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Bound {
    /// Binds `address` for the listener called `name`.
    pub fn bind(name: &'static str, address: SocketAddr) -> io::Result<Bound> {
        let listener = TcpListener::bind(address)?;
        Ok(Bound { name, listener })
    }

    /// Where it is bound, with the real port.
    pub fn address(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// The listener's name.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// Starts accepting.
    pub fn start(self, service: Arc<dyn Service>) -> io::Result<Listening> {
        let stop = Arc::new(AtomicBool::new(false));
        let socket = self.listener.try_clone()?;
        let stopped = stop.clone();
        let (name, listener, spare) = (self.name, self.listener, Spare::new());
        let thread = std::thread::Builder::new()
            .name(format!("accept {name}"))
            .spawn(move || accept_all(name, &listener, spare, &service, &stopped))?;
        Ok(Listening {
            socket,
            stop,
            thread: Some(thread),
        })
    }
}

impl Listening {
    /// Stops accepting; connections go on.
    pub fn stop(&mut self) {
        self.stop.store(true, Ordering::Release);
        // On Linux this ends a blocked accept.
        let _ = rustix::net::shutdown(&self.socket, rustix::net::Shutdown::Both);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        self.stop();
    }
}

fn accept_all(
    name: &'static str,
    listener: &TcpListener,
    mut spare: Spare,
    service: &Arc<dyn Service>,
    stop: &AtomicBool,
) {
    let mut failing = false;
    while !stop.load(Ordering::Acquire) {
        match listener.accept() {
            Ok((stream, peer)) => {
                failing = false;
                let peer = canonical(peer);
                if let Err(error) = begin(name, stream, peer, service) {
                    log::error!("{name}: cannot serve {peer}: {error}");
                }
            }
            Err(_) if stop.load(Ordering::Acquire) => return,
            Err(error) if is_about_one_connection(&error) => {}
            Err(error) => {
                // One line an episode, or a lack of descriptors would fill the log.
                if !std::mem::replace(&mut failing, true) {
                    log::error!("{name}: cannot accept connections: {error}");
                }
                if !spare.refuse_one(listener, service) {
                    std::thread::sleep(ACCEPT_PAUSE);
                }
            }
        }
    }
}

/// The address in its canonical form: IPv4 for an IPv4 client of any listener.
fn canonical(peer: SocketAddr) -> SocketAddr {
    SocketAddr::new(peer.ip().to_canonical(), peer.port())
}

/// A descriptor kept for when there are no others left: in its place a connection
/// can be accepted and refused, instead of waiting in vain.
struct Spare {
    /// What the descriptor is open on while it is spare.
    null: Option<File>,
    kept: Option<OwnedFd>,
}

impl Spare {
    fn new() -> Spare {
        let null = File::open("/dev/null").ok();
        let mut spare = Spare { null, kept: None };
        spare.renew();
        spare
    }

    /// Takes a spare descriptor again, if there is one.
    fn renew(&mut self) {
        let null = self.null.as_ref();
        self.kept = null.and_then(|null| null.as_fd().try_clone_to_owned().ok());
    }

    /// Refuses one connection; false if even that was not possible.
    ///
    /// Other threads take every descriptor that becomes free, and keep it. So the
    /// spare one is given up just for the call that accepts, and the connection's
    /// own descriptor becomes the next spare one.
    fn refuse_one(&mut self, listener: &TcpListener, service: &Arc<dyn Service>) -> bool {
        // A connection must be waiting, or this thread would block.
        if !is_waited_for(listener) {
            return false;
        }
        let (Some(null), Some(kept)) = (&self.null, self.kept.take()) else {
            self.renew();
            return false;
        };
        drop(kept);
        let Ok((stream, _)) = listener.accept() else {
            self.renew();
            return false;
        };
        refuse(&stream, &service.refusal(Refused::Full));
        let mut descriptor = OwnedFd::from(stream);
        match rustix::io::dup3(null, &mut descriptor, DupFlags::CLOEXEC) {
            Ok(()) => self.kept = Some(descriptor),
            Err(_) => self.renew(),
        }
        true
    }
}

/// Whether a connection waits to be accepted.
fn is_waited_for(listener: &TcpListener) -> bool {
    use rustix::event::{PollFd, PollFlags, Timespec, poll};
    let mut polled = [PollFd::new(listener, PollFlags::IN)];
    let at_once = Timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    poll(&mut polled, Some(&at_once)).is_ok_and(|ready| ready > 0)
}

/// Whether accepting failed for this peer only.
fn is_about_one_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionReset, Interrupted};
    matches!(
        error.kind(),
        ConnectionAborted | ConnectionReset | Interrupted
    )
}

fn begin(
    name: &'static str,
    stream: TcpStream,
    peer: SocketAddr,
    service: &Arc<dyn Service>,
) -> io::Result<()> {
    link::prepare(&stream)?;
    let permit = match service.admit(peer) {
        Ok(permit) => permit,
        Err(why) => {
            log::warn!("{name}: refused {peer}: {}", why.words());
            turn_away(name, stream, peer, (service, why));
            return Ok(());
        }
    };
    let of_thread = service.clone();
    let to_refuse = stream.try_clone();
    let spawned = thread::spawn(name, peer, move || of_thread.serve(stream, peer, permit));
    if let Err(error) = spawned {
        if let Ok(stream) = to_refuse {
            refuse(&stream, &service.refusal(Refused::Full));
        }
        return Err(error);
    }
    Ok(())
}

fn turn_away(
    name: &'static str,
    stream: TcpStream,
    peer: SocketAddr,
    (service, why): (&Arc<dyn Service>, Refused),
) {
    let Some(refusal) = service.listening_refusal() else {
        return refuse(&stream, &service.refusal(why));
    };
    let to_refuse = stream.try_clone();
    let spawned = thread::spawn(name, peer, move || refusal(stream, why));
    if let (Err(_), Ok(stream)) = (spawned, to_refuse) {
        refuse(&stream, &service.refusal(why));
    }
}

/// Refuses a connection without ever waiting for the peer.
fn refuse(stream: &TcpStream, words: &[u8]) {
    use std::io::Read;
    let _ = stream.set_nonblocking(true);
    let _ = rustix::net::send(
        stream,
        words,
        rustix::net::SendFlags::DONTWAIT | rustix::net::SendFlags::NOSIGNAL,
    );
    let _ = stream.shutdown(Shutdown::Write);
    // Closing with unread bytes would take our words back (RFC 1122, 4.2.2.13).
    let _ = (&mut &*stream).take(64 * 1024).read_to_end(&mut Vec::new());
}
