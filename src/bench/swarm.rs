//! Many clients on one thread.

use std::io::ErrorKind;
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use rustix::buffer::spare_capacity;
use rustix::event::{PollFd, PollFlags, Timespec, epoll, poll};
use rustix::fd::OwnedFd;
use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketFlags, SocketType, connect, socket_with};

use super::Run;
use super::arrival::StampedReads;
use super::client::Client;
use super::error::BenchError;
use super::mark::Mark;
use super::protocol::Protocol;
use super::trust::Trust;
use super::wire::Wire;

/// Bytes read at once.
const CHUNK: usize = 256 * 1024;
/// After this long a silence, nothing more is expected.
const SILENCE: Duration = Duration::from_millis(1500);
/// Longest time to read what trickles in after the end.
const LONGEST_DRAIN: Duration = Duration::from_secs(120);
/// How often to check whether the run should end.
const GLANCE: Duration = Duration::from_millis(100);

/// All clients, by index.
pub(super) struct Swarm {
    address: SocketAddr,
    /// What the clients speak.
    pub(super) protocol: Protocol,
    trust: Option<Trust>,
    patience: Duration,
    stop: Arc<AtomicBool>,
    epoll: OwnedFd,
    clients: Vec<Option<Client>>,
    free: Vec<usize>,
    buffers: Buffers,
    reads: StampedReads,
    waited: Duration,
    /// The reply to a client that exceeded its rate limit.
    complaint: Option<String>,
}

/// Buffers, used again for each read.
#[derive(Default)]
struct Buffers {
    events: Vec<epoll::Event>,
    chunk: Vec<u8>,
    plaintext: Vec<u8>,
    text: Vec<u8>,
}

/// The result of reading.
enum Got {
    Nothing,
    /// This many bytes in the chunk.
    Bytes(usize),
    End,
}

/// A read interrupted by a signal counts as one that found nothing.
fn interruptible(result: Result<usize, Errno>) -> Result<usize, BenchError> {
    match result {
        Err(Errno::INTR) => Ok(0),
        result => result.map_err(BenchError::errno("epoll")),
    }
}

impl Swarm {
    /// No clients yet.
    pub(super) fn new(run: &Run) -> Result<Swarm, BenchError> {
        let epoll = epoll::create(epoll::CreateFlags::CLOEXEC);
        Ok(Swarm {
            address: run.target.address,
            protocol: run.options.protocol,
            trust: run.target.tls(),
            patience: run.options.patience(),
            stop: run.stop.clone(),
            epoll: epoll.map_err(BenchError::errno("no epoll"))?,
            clients: Vec::new(),
            free: Vec::new(),
            buffers: Buffers {
                events: Vec::with_capacity(1024),
                chunk: vec![0; CHUNK],
                ..Buffers::default()
            },
            reads: StampedReads::new(),
            waited: Duration::ZERO,
            complaint: None,
        })
    }

    /// The same, with clients for another server.
    pub(super) fn at(mut self, address: SocketAddr, protocol: Protocol) -> Swarm {
        (self.address, self.protocol, self.trust) = (address, protocol, None);
        self
    }

    /// How long the bytes read last had been waiting.
    pub(super) fn waited(&self) -> Duration {
        self.waited
    }

    /// How long nothing may happen.
    pub(super) fn patience(&self) -> Duration {
        self.patience
    }

    /// An error once the server has refused a client because of its rate.
    pub(super) fn not_held_back(&mut self) -> Result<(), BenchError> {
        match self.complaint.take() {
            Some(words) => Err(BenchError::HeldBack(words)),
            None => Ok(()),
        }
    }

    /// Begins to connect one client, which will talk at `place`.
    pub(super) fn connect(&mut self, place: String) -> Result<usize, BenchError> {
        let index = self.free.pop().unwrap_or(self.clients.len());
        let client = Some(self.open(index, place)?);
        match self.clients.get_mut(index) {
            Some(slot) => *slot = client,
            None => self.clients.push(client),
        }
        Ok(index)
    }

    /// Replaces the connection of a client.
    pub(super) fn reconnect(&mut self, index: usize) -> Result<(), BenchError> {
        let place = match self.client(index) {
            Some(client) => std::mem::take(&mut client.place),
            None => return Ok(()),
        };
        let anew = self.open(index, place)?;
        if let Some(slot) = self.clients.get_mut(index) {
            *slot = Some(anew);
        }
        Ok(())
    }

    fn open(&self, index: usize, place: String) -> Result<Client, BenchError> {
        let unreachable = |error: Errno| BenchError::Unreachable(self.address, error.into());
        let family = match self.address {
            SocketAddr::V4(_) => AddressFamily::INET,
            SocketAddr::V6(_) => AddressFamily::INET6,
        };
        let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
        let socket = socket_with(family, SocketType::STREAM, flags, None).map_err(unreachable)?;
        match connect(&socket, &self.address) {
            Ok(()) | Err(Errno::INPROGRESS) => {}
            Err(error) => return Err(unreachable(error)),
        }
        let stream = TcpStream::from(socket);
        StampedReads::note(&stream);
        let data = epoll::EventData::new_u64(index as u64);
        let interest = epoll::EventFlags::IN | epoll::EventFlags::OUT;
        stream
            .set_nodelay(true)
            .map_err(BenchError::io("TCP_NODELAY"))?;
        epoll::add(&self.epoll, &stream, data, interest).map_err(BenchError::errno("epoll"))?;
        Client::new(stream, self.protocol, place, self.trust.as_ref())
    }

    /// Closes a client's connection.
    pub(super) fn close(&mut self, index: usize) {
        // Closing the descriptor removes it from the epoll set.
        let slot = self.clients.get_mut(index);
        if slot.is_some_and(|slot| slot.take().is_some()) {
            self.free.push(index);
        }
    }

    /// Never reads from this client again.
    pub(super) fn stop_reading(&mut self, index: usize) {
        if let Some(Some(client)) = self.clients.get(index) {
            // It was added; the only possible error is that it was not.
            let _ = epoll::delete(&self.epoll, &client.stream);
        }
    }

    /// The number of clients that are connected.
    pub(super) fn connected(&self) -> usize {
        self.clients.len() - self.free.len()
    }

    fn client(&mut self, index: usize) -> Option<&mut Client> {
        self.clients.get_mut(index)?.as_mut()
    }

    /// From now on a client's bytes are frames; appends the text of those that have arrived
    /// already.
    pub(super) fn upgrade(
        &mut self,
        index: usize,
        bytes: &[u8],
        text: &mut Vec<u8>,
    ) -> Result<(), BenchError> {
        let mut answer = Vec::new();
        if let Some(client) = self.client(index) {
            client.wire = Wire::Frames(Vec::new());
            client.wire.decode(bytes, text, &mut answer)?;
        }
        self.send(index, &answer)
    }

    /// Has a client send a message to its place.
    pub(super) fn say(&mut self, index: usize, mark: Mark) -> Result<(), BenchError> {
        self.say_all(index, std::iter::once(mark))
    }

    /// Has a client send several messages at once.
    pub(super) fn say_all(
        &mut self,
        index: usize,
        marks: impl Iterator<Item = Mark>,
    ) -> Result<(), BenchError> {
        let protocol = self.protocol;
        let mut bytes = Vec::new();
        if let Some(client) = self.client(index) {
            client.speaks = true;
            for mark in marks {
                protocol.say(&client.place, &mark.text(), &mut bytes);
            }
        }
        self.send(index, &bytes)
    }

    /// Sends bytes, keeping what the socket does not accept yet.
    pub(super) fn send(&mut self, index: usize, bytes: &[u8]) -> Result<(), BenchError> {
        let Some(client) = self.client(index) else {
            return Ok(());
        };
        client.queue(bytes)?;
        self.send_more(index)
    }

    fn send_more(&mut self, index: usize) -> Result<(), BenchError> {
        let Some(Some(client)) = self.clients.get_mut(index) else {
            return Ok(());
        };
        if client.connecting {
            return Ok(());
        }
        client.flush()?;
        if client.unsent.is_empty() == client.awaits_space {
            client.awaits_space = !client.awaits_space;
            let mut interest = epoll::EventFlags::IN;
            interest.set(epoll::EventFlags::OUT, client.awaits_space);
            let data = epoll::EventData::new_u64(index as u64);
            epoll::modify(&self.epoll, &client.stream, data, interest)
                .map_err(BenchError::errno("epoll"))?;
        }
        Ok(())
    }

    /// Waits at most this long and passes the text that each client received to `handle`; an empty
    /// slice is the end of its connection. Returns how many sockets were ready.
    pub(super) fn poll(
        &mut self,
        wait: Duration,
        mut handle: impl FnMut(&mut Swarm, usize, &[u8]) -> Result<(), BenchError>,
    ) -> Result<usize, BenchError> {
        if self.stop.load(Ordering::Relaxed) {
            return Err(BenchError::Interrupted);
        }
        let mut buffers = std::mem::take(&mut self.buffers);
        let Buffers {
            events,
            chunk,
            plaintext,
            text,
        } = &mut buffers;
        events.clear();
        self.await_events(wait.min(GLANCE), events)?;
        for event in events.iter() {
            let index = event.data.u64() as usize;
            let count = match self.read(index, event.flags, chunk)? {
                Got::Nothing => continue,
                Got::End => {
                    handle(self, index, &[])?;
                    continue;
                }
                Got::Bytes(count) => count,
            };
            let bytes = chunk.get(..count).unwrap_or_default();
            let Some(client) = self.client(index) else {
                continue;
            };
            let (bytes, ended) = match client.is_secure() {
                false => (bytes, false),
                true => {
                    plaintext.clear();
                    let ended = client.decrypt(bytes, plaintext)?;
                    (plaintext.as_slice(), ended)
                }
            };
            // Plain bytes are not copied.
            let bytes = match client.wire {
                Wire::Plain => bytes,
                _ => {
                    text.clear();
                    let mut answer = Vec::new();
                    client.wire.decode(bytes, text, &mut answer)?;
                    client.queue(&answer)?;
                    text.as_slice()
                }
            };
            let (complaint, has_more) = (client.note(bytes), !client.unsent.is_empty());
            self.complaint = self.complaint.take().or(complaint);
            if has_more {
                self.send_more(index)?;
            }
            if !bytes.is_empty() {
                handle(self, index, bytes)?;
            }
            // A client that has reconnected meanwhile has not ended.
            if ended && self.client(index).is_some_and(|it| !it.connecting) {
                handle(self, index, &[])?;
            }
        }
        let count = events.len();
        self.buffers = buffers;
        Ok(count)
    }

    /// Takes the pending events, or waits for the first one. The next message is due in
    /// microseconds, which epoll rounds up to milliseconds.
    fn await_events(
        &self,
        wait: Duration,
        events: &mut Vec<epoll::Event>,
    ) -> Result<(), BenchError> {
        let at_once = Timespec::default();
        let wait = Timespec::try_from(wait).unwrap_or(at_once);
        let mut take = || {
            interruptible(epoll::wait(
                &self.epoll,
                spare_capacity(events),
                Some(&at_once),
            ))
        };
        if take()? > 0 || wait == at_once {
            return Ok(());
        }
        let mut polled = [PollFd::new(&self.epoll, PollFlags::IN)];
        if interruptible(poll(&mut polled, Some(&wait)))? > 0 {
            take()?;
        }
        Ok(())
    }

    fn read(
        &mut self,
        index: usize,
        flags: epoll::EventFlags,
        chunk: &mut [u8],
    ) -> Result<Got, BenchError> {
        let address = self.address;
        let unreachable = |error| BenchError::Unreachable(address, error);
        let Some(client) = self.client(index) else {
            return Ok(Got::Nothing);
        };
        if client.connecting {
            if let Some(error) = client.stream.take_error().map_err(unreachable)? {
                return Err(unreachable(error));
            }
            client.connecting = false;
            client.queue(&[])?;
        }
        if flags.contains(epoll::EventFlags::OUT) {
            self.send_more(index)?;
        }
        let Some(Some(client)) = self.clients.get(index) else {
            return Ok(Got::Nothing);
        };
        match self.reads.read(&client.stream, chunk) {
            Ok((0, _)) => Ok(Got::End),
            Ok((count, waited)) => {
                self.waited = waited;
                Ok(Got::Bytes(count))
            }
            Err(error) => match error.kind() {
                ErrorKind::WouldBlock | ErrorKind::Interrupted => Ok(Got::Nothing),
                ErrorKind::ConnectionReset | ErrorKind::BrokenPipe => Ok(Got::End),
                _ => Err(unreachable(error)),
            },
        }
    }

    /// Passes to `state` what each client receives until `done` returns true, or nothing has come
    /// for as long as the options allow.
    pub(super) fn drain<T>(
        &mut self,
        state: &mut T,
        mut handle: impl FnMut(&mut T, &Swarm, usize, &[u8]),
        done: impl Fn(&T) -> bool,
    ) -> Result<(), BenchError> {
        let patience = self.patience.min(Duration::from_secs(15));
        let mut deadline = Instant::now() + patience;
        let end = Instant::now() + LONGEST_DRAIN;
        while !done(state) && Instant::now() < deadline.min(end) {
            let came = self.poll(Duration::from_millis(10), |swarm, index, text| {
                handle(state, swarm, index, text);
                swarm.still_open(index, text)
            })?;
            if came > 0 {
                deadline = Instant::now() + patience;
            }
        }
        Ok(())
    }

    /// Reads and discards until no client has received anything for a moment; pings do not count.
    pub(super) fn settle(&mut self) -> Result<(), BenchError> {
        let begun = Instant::now();
        let mut last = begun;
        while last.elapsed() < SILENCE && begun.elapsed() < self.patience {
            self.poll(SILENCE, |swarm, index, text| {
                last = Instant::now();
                swarm.still_open(index, text)
            })?;
        }
        Ok(())
    }

    /// Fails if the server has closed a connection, in a scenario in which it should close none.
    pub(super) fn still_open(&mut self, index: usize, text: &[u8]) -> Result<(), BenchError> {
        match text.is_empty() {
            true => Err(BenchError::Closed(self.last_words(index))),
            false => Ok(()),
        }
    }

    /// The server's last words to a client apart from messages.
    pub(super) fn last_words(&mut self, index: usize) -> String {
        let words = self.client(index).map(|client| &client.last_words);
        words.map_or_else(String::new, |words| {
            String::from_utf8_lossy(words).into_owned()
        })
    }
}
