//! No server, only its threads: one reads each socket and passes the bytes to the one that sends,
//! which gives them to the other of the two. A server with these threads cannot do with less, so its
//! rooms of two are compared with this.

use std::io::{self, Read};
use std::net::{TcpListener, TcpStream};
use std::thread;

use crossbeam_channel::{Receiver, Sender, bounded};
use rustix::io::Errno;
use rustix::net::{SendFlags, send};

use super::pairs;
use crate::bench::Run;
use crate::bench::error::BenchError;
use crate::bench::protocol::Protocol;
use crate::bench::report::Report;
use crate::bench::swarm::Swarm;

/// As many as the server's hub has waiting for it.
const WAITING: usize = 4096;
/// As much as the server reads at once.
const READ_BYTES: usize = 1024;
/// The readers need little.
const STACK_BYTES: usize = 64 * 1024;

/// Bytes for the socket at a place.
type Passed = (usize, Vec<u8>);

/// Relays between the two of each room.
pub(super) fn run(run: &Run, rooms: usize) -> Result<Report, BenchError> {
    let failed = BenchError::io("sockets cannot be made");
    let listener = TcpListener::bind("127.0.0.1:0").map_err(&failed)?;
    let address = listener.local_addr().map_err(&failed)?;
    // Nobody hears their own messages here, as on IRC.
    let mut swarm = Swarm::new(run)?.at(address, Protocol::Irc);
    let mut sockets = Vec::with_capacity(rooms * 2);
    for _ in 0..rooms * 2 {
        swarm.connect(String::new())?;
        // It is there: on loopback, connecting completes the connection.
        sockets.push(listener.accept().map_err(&failed)?.0);
    }
    let (passing, passed) = bounded(WAITING);
    for (place, socket) in sockets.iter().enumerate() {
        let socket = socket.try_clone().map_err(&failed)?;
        let (partner, passing) = (place ^ 1, passing.clone());
        thread::Builder::new()
            .stack_size(STACK_BYTES)
            .spawn(move || read(socket, partner, &passing))
            .map_err(&failed)?;
    }
    // All threads end when the clients have gone.
    drop(passing);
    thread::spawn(move || pass_on(&sockets, &passed));
    pairs::talk(run, rooms, swarm)
}

fn read(mut socket: TcpStream, partner: usize, passing: &Sender<Passed>) {
    let mut buffer = [0; READ_BYTES];
    loop {
        match socket.read(&mut buffer) {
            Ok(0) => return,
            Ok(length) => {
                let bytes = buffer.get(..length).unwrap_or_default().to_vec();
                if passing.send((partner, bytes)).is_err() {
                    return;
                }
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(_) => return,
        }
    }
}

/// Sends until all readers have ended, or a socket takes nothing: each has one message under way.
fn pass_on(sockets: &[TcpStream], passed: &Receiver<Passed>) {
    for (place, bytes) in passed {
        let Some(socket) = sockets.get(place) else {
            return;
        };
        match send(socket, &bytes, SendFlags::NOSIGNAL | SendFlags::DONTWAIT) {
            Ok(_) | Err(Errno::PIPE | Errno::CONNRESET) => {}
            Err(_) => return,
        }
    }
}
