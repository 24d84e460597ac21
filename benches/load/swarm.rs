//! Many line clients on one thread.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use rustix::event::{Timespec, epoll};
use rustix::fd::OwnedFd;
use rustls::ClientConnection;

use crate::Failure;
use crate::support::{Carrier, Server};

/// Logins under way at once: fewer than a listener keeps waiting, or the
/// kernel drops connections and clients try again a second later.
const LOGINS_AT_ONCE: usize = 64;
/// How long everyone may take to log in, and stragglers to arrive.
const DEADLINE: Duration = Duration::from_secs(60);
/// Bytes read at once.
const CHUNK: usize = 256 * 1024;

/// All clients. Each is named by its index.
pub struct Swarm {
    server: SocketAddr,
    /// The certificate to insist on: then everybody comes over TLS.
    trusted: Option<PathBuf>,
    epoll: OwnedFd,
    clients: Vec<Option<Client>>,
    free: Vec<usize>,
    events: Vec<epoll::Event>,
    chunk: Vec<u8>,
    plaintext: Vec<u8>,
}

struct Client {
    stream: TcpStream,
    tls: Option<Box<ClientConnection>>,
    /// Bytes the socket has not taken yet.
    unsent: Vec<u8>,
}

/// How far a client has come.
pub enum Progress {
    /// Read the welcome, the beginning of which is waited for.
    Greeted,
    /// Has its nickname.
    Welcomed,
    /// Is in its room.
    Joined,
}

impl Swarm {
    /// Nobody yet.
    pub fn new(server: &Server) -> Result<Swarm, Failure> {
        let trusted = server.certificate();
        let listener = match trusted {
            Some(_) => "tls-telnet",
            None => "telnet",
        };
        Ok(Swarm {
            server: server.address(listener),
            trusted,
            epoll: epoll::create(epoll::CreateFlags::CLOEXEC)?,
            clients: Vec::new(),
            free: Vec::new(),
            events: Vec::with_capacity(1024),
            chunk: vec![0; CHUNK],
            plaintext: Vec::new(),
        })
    }

    /// Connects one client.
    pub fn connect(&mut self) -> Result<usize, Failure> {
        let carrier = match &self.trusted {
            Some(trusted) => Carrier::try_tls(self.server, trusted)?,
            None => Carrier::plain(self.server),
        };
        let (stream, tls) = carrier.into_parts();
        stream.set_nonblocking(true)?;
        let index = self.free.pop().unwrap_or(self.clients.len());
        let data = epoll::EventData::new_u64(index as u64);
        epoll::add(&self.epoll, &stream, data, epoll::EventFlags::IN)?;
        let client = Some(Client {
            stream,
            tls,
            unsent: Vec::new(),
        });
        match self.clients.get_mut(index) {
            Some(slot) => *slot = client,
            None => self.clients.push(client),
        }
        Ok(index)
    }

    /// Closes a client's connection.
    pub fn close(&mut self, index: usize) {
        // Closing the descriptor takes it out of the epoll set.
        if self.clients[index].take().is_some() {
            self.free.push(index);
        }
    }

    /// How many are connected.
    pub fn connected(&self) -> usize {
        self.clients.len() - self.free.len()
    }

    /// Sends, or keeps what the socket does not take until it does.
    pub fn send(&mut self, index: usize, bytes: &[u8]) -> Result<(), Failure> {
        let Some(client) = &mut self.clients[index] else {
            return Ok(());
        };
        match &mut client.tls {
            None => client.unsent.extend_from_slice(bytes),
            Some(tls) => {
                tls.writer().write_all(bytes)?;
                while tls.wants_write() {
                    tls.write_tls(&mut client.unsent)?;
                }
            }
        }
        self.send_more(index)
    }

    fn send_more(&mut self, index: usize) -> Result<(), Failure> {
        use epoll::EventFlags;
        let Some(client) = &mut self.clients[index] else {
            return Ok(());
        };
        match client.stream.write(&client.unsent) {
            Ok(count) => drop(client.unsent.drain(..count)),
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            Err(error) => return Err(error.into()),
        }
        let flags = match client.unsent.is_empty() {
            true => EventFlags::IN,
            false => EventFlags::IN | EventFlags::OUT,
        };
        let data = epoll::EventData::new_u64(index as u64);
        Ok(epoll::modify(&self.epoll, &client.stream, data, flags)?)
    }

    /// Waits at most this long and gives what each client got to `handle`; an
    /// empty slice is the end of its connection.
    pub fn poll(
        &mut self,
        wait: Duration,
        mut handle: impl FnMut(&mut Swarm, usize, &[u8]) -> Result<(), Failure>,
    ) -> Result<usize, Failure> {
        let wait = Timespec {
            tv_sec: wait.as_secs() as i64,
            tv_nsec: wait.subsec_nanos().into(),
        };
        let mut events = std::mem::take(&mut self.events);
        let mut chunk = std::mem::take(&mut self.chunk);
        events.clear();
        let into = rustix::buffer::spare_capacity(&mut events);
        epoll::wait(&self.epoll, into, Some(&wait))?;
        for event in &events {
            let index = event.data.u64() as usize;
            let flags = event.flags;
            if flags.contains(epoll::EventFlags::OUT) {
                self.send_more(index)?;
            }
            let Some(client) = &mut self.clients[index] else {
                continue;
            };
            match client.stream.read(&mut chunk) {
                Ok(count) if count > 0 && client.tls.is_some() => {
                    let mut plaintext = std::mem::take(&mut self.plaintext);
                    plaintext.clear();
                    let ended = client.decrypt(&chunk[..count], &mut plaintext)?;
                    if ended || !plaintext.is_empty() {
                        handle(self, index, &plaintext)?;
                    }
                    self.plaintext = plaintext;
                }
                Ok(count) => handle(self, index, &chunk[..count])?,
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                Err(error) if error.kind() == ErrorKind::ConnectionReset => {
                    handle(self, index, &[])?;
                }
                Err(error) => return Err(error.into()),
            }
        }
        self.chunk = chunk;
        self.events = events;
        Ok(self.events.len())
    }

    /// Connects and logs in `count` clients, each into its room if it has
    /// one. Returns how long each login took.
    pub fn enter(
        &mut self,
        count: usize,
        room: impl Fn(usize) -> Option<String>,
    ) -> Result<Vec<Duration>, Failure> {
        let deadline = Instant::now() + DEADLINE;
        let mut entering: Vec<Entering> = Vec::with_capacity(count);
        let mut times = Vec::with_capacity(count);
        while times.len() < count {
            while entering.len() < count && entering.len() - times.len() < LOGINS_AT_ONCE {
                let started = Instant::now();
                let index = self.connect()?;
                entering.push(Entering::new(format!("m{index:05}"), room(index), started));
            }
            self.poll(Duration::from_secs(1), |swarm, index, bytes| {
                if let Some(took) = entering[index].advance(swarm, index, bytes)? {
                    times.push(took);
                }
                Ok(())
            })?;
            if Instant::now() > deadline {
                return Err(format!("only {} of {count} could log in", times.len()).into());
            }
        }
        Ok(times)
    }

    /// Reads on until `done` says so.
    pub fn drain(
        &mut self,
        mut handle: impl FnMut(usize, &[u8]),
        mut done: impl FnMut() -> bool,
    ) -> Result<(), Failure> {
        let deadline = Instant::now() + DEADLINE / 4;
        while !done() && Instant::now() < deadline {
            self.poll(Duration::from_millis(10), |_, index, bytes| {
                handle(index, bytes);
                still_open(bytes)
            })?;
        }
        Ok(())
    }

    /// Reads and forgets until nothing has come for a moment.
    pub fn settle(&mut self) -> Result<(), Failure> {
        while self.poll(Duration::from_millis(1500), |_, _, bytes| still_open(bytes))? > 0 {}
        Ok(())
    }
}

impl Client {
    /// Whether the server has said that this is the end.
    fn decrypt(&mut self, mut bytes: &[u8], plaintext: &mut Vec<u8>) -> Result<bool, Failure> {
        let Some(tls) = &mut self.tls else {
            return Ok(false);
        };
        loop {
            match tls.reader().read_to_end(plaintext) {
                Ok(_) => return Ok(true),
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                Err(error) => return Err(error.into()),
            }
            if bytes.is_empty() {
                return Ok(false);
            }
            tls.read_tls(&mut bytes)?;
            tls.process_new_packets()?;
        }
    }
}

/// A scenario in which the server should close nothing fails when it does.
pub fn still_open(bytes: &[u8]) -> Result<(), Failure> {
    match bytes.is_empty() {
        true => Err("the server closed a connection".into()),
        false => Ok(()),
    }
}

/// A client on its way in.
pub struct Entering {
    nickname: String,
    room: Option<String>,
    started: Instant,
    progress: Option<Progress>,
    heard: Vec<u8>,
}

impl Entering {
    /// A client that has just connected.
    pub fn new(nickname: String, room: Option<String>, started: Instant) -> Entering {
        Entering {
            nickname,
            room,
            started,
            progress: None,
            heard: Vec::new(),
        }
    }

    /// Says the next thing. Returns how long it all took once it is in.
    pub fn advance(
        &mut self,
        swarm: &mut Swarm,
        index: usize,
        bytes: &[u8],
    ) -> Result<Option<Duration>, Failure> {
        still_open(bytes)?;
        match self.progress {
            None => {
                swarm.send(index, format!("{}\n", self.nickname).as_bytes())?;
                self.progress = Some(Progress::Greeted);
            }
            Some(Progress::Greeted) => {
                if !self.hears("/help", bytes) {
                    return Ok(None);
                }
                self.progress = Some(Progress::Welcomed);
                let Some(room) = &self.room else {
                    return Ok(Some(self.finish()));
                };
                swarm.send(index, format!("/join #{room}\n").as_bytes())?;
            }
            Some(Progress::Welcomed) => {
                let room = format!("#{}", self.room.as_deref().unwrap_or_default());
                if self.hears(&room, bytes) {
                    return Ok(Some(self.finish()));
                }
            }
            Some(Progress::Joined) => {}
        }
        Ok(None)
    }

    /// Whether `word` has come, possibly in pieces.
    fn hears(&mut self, word: &str, bytes: &[u8]) -> bool {
        self.heard.extend_from_slice(bytes);
        let found = memchr::memmem::find(&self.heard, word.as_bytes()).is_some();
        if found {
            self.heard.clear();
        }
        found
    }

    fn finish(&mut self) -> Duration {
        self.progress = Some(Progress::Joined);
        self.heard = Vec::new();
        self.started.elapsed()
    }
}
