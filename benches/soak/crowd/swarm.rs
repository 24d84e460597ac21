//! Thousands of line clients on one thread, told apart by their roles.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::time::Duration;

use rustix::event::{Timespec, epoll};
use rustix::fd::OwnedFd;
use rustix::net::{AddressFamily, SocketFlags, SocketType};

use super::tally::{Member, Tally};

/// Loopback addresses to connect from: each has its own range of ports.
const SOURCES: u32 = 64;
/// Bytes of one read.
const CHUNK: usize = 64 * 1024;

/// All clients, by index.
pub struct Swarm {
    server: SocketAddr,
    epoll: OwnedFd,
    clients: Vec<Option<Client>>,
    free: Vec<usize>,
    connected: u32,
    inside: usize,
    events: Vec<epoll::Event>,
    chunk: Vec<u8>,
}

/// A client's role.
pub enum Role {
    /// Stays connected and does nothing.
    Idle,
    /// Reads every message of a channel.
    Member(Member),
    /// Connects and disconnects.
    Visitor,
}

struct Client {
    stream: TcpStream,
    role: Role,
    /// The beginning of an unfinished line.
    partial: Vec<u8>,
    inside: bool,
    /// Whether the client is closing the connection itself.
    leaving: bool,
    /// The last line it received, unless it is a member.
    last: String,
}

impl Swarm {
    /// An empty swarm.
    pub fn new(server: SocketAddr) -> io::Result<Swarm> {
        Ok(Swarm {
            server,
            epoll: epoll::create(epoll::CreateFlags::CLOEXEC)?,
            clients: Vec::new(),
            free: Vec::new(),
            connected: 0,
            inside: 0,
            events: Vec::with_capacity(1024),
            chunk: vec![0; CHUNK],
        })
    }

    /// Connects a client and joins a channel, if one is given.
    pub fn connect(&mut self, role: Role, name: &str, channel: Option<&str>) -> io::Result<usize> {
        let mut stream = connect(self.server, self.connected % SOURCES)?;
        self.connected = self.connected.wrapping_add(1);
        let join = channel.map(|channel| format!("/join #{channel}\r\n"));
        let start = format!("{name}\r\n{}", join.unwrap_or_default());
        stream.write_all(start.as_bytes())?;
        stream.set_nonblocking(true)?;
        let index = self.free.pop().unwrap_or(self.clients.len());
        let data = epoll::EventData::new_u64(index as u64);
        epoll::add(&self.epoll, &stream, data, epoll::EventFlags::IN)?;
        let client = Some(Client {
            stream,
            role,
            partial: Vec::new(),
            inside: false,
            leaving: false,
            last: String::new(),
        });
        match self.clients.get_mut(index) {
            Some(slot) => *slot = client,
            None => self.clients.push(client),
        }
        Ok(index)
    }

    /// The number of connected clients.
    pub fn connected(&self) -> usize {
        self.clients.len() - self.free.len()
    }

    /// The number of clients that have logged in.
    pub fn inside(&self) -> usize {
        self.inside
    }

    /// Whether a client has logged in; `None` if it is not connected.
    pub fn is_inside(&self, index: usize) -> Option<bool> {
        self.client(index).map(|client| client.inside)
    }

    /// The members of channels.
    pub fn members(&self) -> impl Iterator<Item = &Member> {
        let clients = self.clients.iter().flatten();
        clients.filter_map(|client| match &client.role {
            Role::Member(member) => Some(member),
            _ => None,
        })
    }

    /// Sends a line; a short one always fits into the socket's buffer.
    pub fn send(&mut self, index: usize, line: &str) -> io::Result<()> {
        match self.clients.get_mut(index) {
            Some(Some(client)) => client.stream.write_all(format!("{line}\r\n").as_bytes()),
            _ => Err(ErrorKind::NotConnected.into()),
        }
    }

    /// Asks to be disconnected.
    pub fn quit(&mut self, index: usize) -> io::Result<()> {
        if let Some(Some(client)) = self.clients.get_mut(index) {
            client.leaving = true;
        }
        self.send(index, "/quit")
    }

    /// Disconnects without `/quit`; with `reset` the connection is aborted.
    pub fn leave(&mut self, index: usize, reset: bool) {
        if reset && let Some(client) = self.client(index) {
            let at_once = Some(Duration::ZERO);
            let _ = rustix::net::sockopt::set_socket_linger(&client.stream, at_once);
        }
        self.forget(index);
    }

    fn client(&self, index: usize) -> Option<&Client> {
        self.clients.get(index)?.as_ref()
    }

    fn forget(&mut self, index: usize) {
        // Closing the descriptor takes it out of the epoll set.
        if let Some(client) = self.clients.get_mut(index).and_then(Option::take) {
            self.inside -= usize::from(client.inside);
            self.free.push(index);
        }
    }

    /// Waits at most this long and reads what has arrived for any client.
    pub fn poll(&mut self, wait: Duration, tally: &mut Tally) -> io::Result<()> {
        let wait = Timespec {
            tv_sec: wait.as_secs() as i64,
            tv_nsec: wait.subsec_nanos().into(),
        };
        self.events.clear();
        let spare = rustix::buffer::spare_capacity(&mut self.events);
        match epoll::wait(&self.epoll, spare, Some(&wait)) {
            Err(rustix::io::Errno::INTR) => return Ok(()),
            result => result?,
        };
        for at in 0..self.events.len() {
            let index = self.events[at].data.u64() as usize;
            let Some(Some(client)) = self.clients.get_mut(index) else {
                continue;
            };
            let was_inside = client.inside;
            let lives = client.read(&mut self.chunk, tally);
            self.inside += usize::from(client.inside && !was_inside);
            if !lives {
                if !client.leaving {
                    tally.cut_off(&client.last);
                }
                self.forget(index);
            }
        }
        Ok(())
    }
}

impl Client {
    /// Reads what has arrived; false at the end of the connection.
    fn read(&mut self, chunk: &mut [u8], tally: &mut Tally) -> bool {
        let count = match self.stream.read(chunk) {
            Ok(0) => return false,
            Ok(count) => count,
            Err(error) => {
                return matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted);
            }
        };
        let mut rest = &chunk[..count];
        while let Some(end) = memchr::memchr(b'\n', rest) {
            let (line, after) = rest.split_at(end);
            rest = &after[1..];
            if self.partial.is_empty() {
                self.hear(line, tally);
            } else {
                let mut whole = std::mem::take(&mut self.partial);
                whole.extend_from_slice(line);
                self.hear(&whole, tally);
            }
        }
        self.partial.extend_from_slice(rest);
        true
    }

    fn hear(&mut self, line: &[u8], tally: &mut Tally) {
        if let Role::Member(member) = &mut self.role
            && self.inside
        {
            return member.hear(line, tally);
        }
        let sign: &[u8] = match self.role {
            Role::Idle => b"/help",
            Role::Member(_) | Role::Visitor => b"in #",
        };
        self.inside |= memchr::memmem::find(line, sign).is_some();
        self.last = String::from_utf8_lossy(line).into_owned();
    }
}

/// Connects from one of many loopback addresses.
fn connect(server: SocketAddr, source: u32) -> io::Result<TcpStream> {
    let address = Ipv4Addr::from(u32::from(Ipv4Addr::LOCALHOST) + 1 + source);
    let flags = SocketFlags::CLOEXEC;
    let socket = rustix::net::socket_with(AddressFamily::INET, SocketType::STREAM, flags, None)?;
    rustix::net::bind(&socket, &SocketAddr::from((address, 0)))?;
    rustix::net::connect(&socket, &server)?;
    let stream = TcpStream::from(socket);
    stream.set_nodelay(true)?;
    Ok(stream)
}
