//! The outbox: what the hub says, encoded once a wire format and sent once a
//! connection and turn. Used by the hub thread only, and never waits for a
//! socket. What goes to many, other threads help to send.
//!
//! Cost of a delivery: no allocation, no copy in user space (one when a
//! connection has more than one range in a turn), and a share of one `send`.

use std::collections::VecDeque;
use std::sync::Arc;

use crossbeam_channel::{Receiver, never};

use crate::hub::{ConnectionId, Event, Farewell};
use crate::protocol::{Encoder, WIRE_FORMATS, WireFormat, websocket};

use super::flusher::{Flusher, Watcher};
use super::link::Link;
use super::registry::Registry;
use super::seat::{Lane, Range, Seat};
use super::senders::{Arenas, ENOUGH, Post, Senders, Slice, hand_over};

/// Deliveries to at most this many connections go before everything else.
const SMALL_DELIVERY: usize = 32;
/// Milliseconds for which a busy hub may owe people their own words.
const ECHO_MS: u64 = 25;
/// Connections that it is worth while to serve with other threads.
const TOGETHER: usize = 64;
/// Bytes for one connection that are more than a few messages. A flood goes the
/// faster the more of it goes at once: there is no hurry.
const FLOOD: usize = 256;
/// Connections served together at most.
const SLICE: usize = 1024;
/// Encoded bytes after which a turn must be sent before more is encoded.
const ARENA_LIMIT: usize = 4 * 1024 * 1024;
/// Arena memory kept between turns.
const ARENA_KEEP: usize = 256 * 1024;
/// Rounds of pings a WebSocket may leave unanswered.
const SILENT_ROUNDS: u8 = 2;

/// Counts of what the outbox has done since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sums {
    /// Events times recipients.
    pub deliveries: u64,
    /// `send` calls; over TLS, hand-overs to a writer thread.
    pub sends: u64,
    /// Bytes handed to the kernel or the flusher.
    pub bytes: u64,
    /// Connections given up because they did not read.
    pub slow_readers: u64,
}

/// Every connection's way out.
pub struct Outbox {
    /// By [`ConnectionId::index`].
    seats: Vec<Option<Seat>>,
    /// This turn's bytes, by format.
    arenas: Arenas,
    encoder: Encoder,
    urgent: VecDeque<u32>,
    /// With the time since when they wait.
    echoes: VecDeque<(u32, u64)>,
    /// Milliseconds, on whatever clock the turns have.
    now_ms: u64,
    bulk: VecDeque<u32>,
    scratch: Vec<u8>,
    slow: Vec<ConnectionId>,
    flusher: Flusher,
    watcher: Watcher,
    senders: Senders,
    /// Empty; its memory is used again.
    posts: Vec<Post>,
    registry: Arc<Registry>,
    backlog_limit: usize,
    sums: Sums,
}

impl Outbox {
    /// An outbox without connections. `backlog_limit` is the number of unsent
    /// bytes at which a connection is a slow reader; 0 is no limit.
    pub fn new(
        encoder: Encoder,
        backlog_limit: usize,
        flusher: Flusher,
        registry: Arc<Registry>,
    ) -> Outbox {
        Outbox {
            seats: Vec::new(),
            arenas: Default::default(),
            encoder,
            urgent: VecDeque::new(),
            echoes: VecDeque::new(),
            now_ms: 0,
            bulk: VecDeque::new(),
            scratch: Vec::new(),
            slow: Vec::new(),
            watcher: flusher.watcher(),
            senders: Senders::start(&flusher.watcher()),
            posts: Vec::new(),
            flusher,
            registry,
            backlog_limit,
            sums: Sums::default(),
        }
    }

    /// Puts other settings in force.
    pub fn configure(&mut self, greeting: String, backlog_limit: usize) {
        self.encoder.greeting = greeting;
        self.backlog_limit = backlog_limit;
    }

    /// Adds a connection.
    pub fn open(&mut self, id: ConnectionId, link: Arc<Link>, format: WireFormat) {
        let index = id.index as usize;
        if self.seats.len() <= index {
            self.seats.resize_with(index + 1, || None);
        }
        if let Some(seat) = self.seats.get_mut(index) {
            *seat = Some(Seat::new(id, link, format));
        }
    }

    /// Encodes `event` for these connections; [`Outbox::flush_urgent`] and
    /// [`Outbox::flush_bulk`] send it. A small delivery to `speaker`, whose own
    /// words it repeats, waits until there is nothing better to do or until it
    /// can go with something else: [`Outbox::flush_echoes`].
    pub fn deliver(&mut self, to: &[ConnectionId], speaker: Option<ConnectionId>, event: &Event) {
        let mut encoded: [Option<Range>; WIRE_FORMATS] = [None; WIRE_FORMATS];
        let lane = match to.len() {
            0..=SMALL_DELIVERY => Lane::Urgent,
            _ => Lane::Bulk,
        };
        for &id in to {
            let seat = self.seats.get_mut(id.index as usize);
            let Some(seat) = seat.and_then(Option::as_mut) else {
                continue;
            };
            if seat.id != id || seat.closing {
                continue;
            }
            let format = seat.format;
            let (Some(known), Some(arena)) = (
                encoded.get_mut(format.index()),
                self.arenas.get_mut(format.index()),
            ) else {
                continue;
            };
            let encoder = &mut self.encoder;
            let range = *known.get_or_insert_with(|| {
                Range::append(arena, |out| encoder.event(format, event, out))
            });
            if range.is_empty() {
                continue;
            }
            self.sums.deliveries += 1;
            seat.add(range);
            let lane = match lane {
                Lane::Urgent if speaker == Some(id) => Lane::Echo,
                lane => lane,
            };
            if seat.lane < lane {
                seat.lane = lane;
                match lane {
                    Lane::Urgent => self.urgent.push_back(id.index),
                    Lane::Echo => self.echoes.push_back((id.index, self.now_ms)),
                    _ => self.bulk.push_back(id.index),
                }
            }
        }
    }

    /// Sends bytes a connection's own thread has made, in order with the rest.
    pub fn write(&mut self, id: ConnectionId, bytes: &[u8]) {
        self.append_for(id, |_, _, out| out.extend_from_slice(bytes));
    }

    fn append_for(
        &mut self,
        id: ConnectionId,
        write: impl FnOnce(&mut Encoder, WireFormat, &mut Vec<u8>),
    ) {
        let seat = self.seats.get_mut(id.index as usize);
        let Some(seat) = seat.and_then(Option::as_mut) else {
            return;
        };
        if seat.id != id || seat.closing {
            return;
        }
        let format = seat.format;
        let Some(arena) = self.arenas.get_mut(format.index()) else {
            return;
        };
        let encoder = &mut self.encoder;
        let range = Range::append(arena, |out| write(encoder, format, out));
        seat.add(range);
        if seat.lane < Lane::Urgent {
            seat.lane = Lane::Urgent;
            self.urgent.push_back(id.index);
        }
    }

    /// Says farewell and closes as soon as everything before is sent.
    pub fn close(&mut self, id: ConnectionId, farewell: &Farewell) {
        self.append_for(id, |encoder, format, out| {
            encoder.farewell(format, farewell, out);
        });
        self.flush(id.index);
        let seat = self.seats.get_mut(id.index as usize);
        let Some(seat) = seat.and_then(Option::as_mut) else {
            return;
        };
        if seat.id == id && !seat.closing {
            seat.closing = true;
            seat.link.close_when_sent();
            self.flusher.linger(&seat.link);
        }
    }

    /// Removes a connection whose thread is done; its id becomes free.
    pub fn remove(&mut self, id: ConnectionId) {
        self.close(id, &Farewell::PeerLeft);
        let slot = self.seats.get_mut(id.index as usize);
        if let Some(slot) = slot
            && slot.as_ref().is_some_and(|seat| seat.id == id)
        {
            *slot = None;
        }
        self.registry.release_id(id);
    }

    /// Sends to everyone a small delivery is waiting for.
    pub fn flush_urgent(&mut self) {
        let mut waiting = std::mem::take(&mut self.urgent);
        self.flush_lane(&mut waiting, &never::<()>());
        self.urgent = waiting;
    }

    /// Sends to the others: to all, or to some when something waits in
    /// `inputs` and there is room to encode what comes of it.
    pub fn flush_bulk<T>(&mut self, inputs: &Receiver<T>) {
        let mut waiting = std::mem::take(&mut self.bulk);
        match self.is_full() {
            true => self.flush_lane(&mut waiting, &never::<T>()),
            false => self.flush_lane(&mut waiting, inputs),
        }
        self.bulk = waiting;
    }

    /// Sends people their own words: those that have waited for 25 ms, and all
    /// if the hub is not `busy` and nothing waits in `inputs`.
    pub fn flush_echoes<T>(&mut self, busy: bool, inputs: &Receiver<T>) {
        while let Some(&(index, since)) = self.echoes.front() {
            let is_due = self.is_full() || self.now_ms >= since + ECHO_MS;
            if !is_due && (busy || !inputs.is_empty()) {
                break;
            }
            self.echoes.pop_front();
            self.flush(index);
        }
        if self.is_flushed() {
            for arena in &mut self.arenas {
                arena.clear();
                arena.shrink_to(ARENA_KEEP);
            }
        }
    }

    fn flush_lane<T>(&mut self, waiting: &mut VecDeque<u32>, inputs: &Receiver<T>) {
        while waiting.len() >= TOGETHER {
            match waiting.front().is_some_and(|&first| self.is_flooded(first)) {
                true => self.flush_each(waiting, ENOUGH),
                false => self.flush_together(waiting, inputs),
            }
            if !inputs.is_empty() {
                return;
            }
        }
        self.flush_each(waiting, TOGETHER);
    }

    /// Sends to the first of these, at most so many.
    fn flush_each(&mut self, waiting: &mut VecDeque<u32>, most: usize) {
        for index in waiting.drain(..waiting.len().min(most)) {
            self.flush(index);
        }
    }

    /// Sends to the first of these, with the help of other threads.
    fn flush_together<T>(&mut self, waiting: &mut VecDeque<u32>, inputs: &Receiver<T>) {
        let mut posts = std::mem::take(&mut self.posts);
        for index in waiting.drain(..waiting.len().min(SLICE)) {
            let seat = self.seats.get_mut(index as usize);
            match seat.and_then(Option::as_mut).and_then(Seat::post) {
                Some(post) => posts.push(post),
                None => self.flush(index),
            }
        }
        let arenas = std::mem::take(&mut self.arenas);
        let slice = Slice::new(arenas, posts, self.backlog_limit);
        let (mut slice, sent) = self.senders.send(slice, inputs);
        let (slow, sends) = slice.outcome();
        self.sums.sends += sends;
        self.sums.slow_readers += slow.len() as u64;
        self.slow.extend(slow);
        self.arenas = slice.arenas;
        for post in slice.posts.drain(sent.min(slice.posts.len())..).rev() {
            let seat = self.seats.get_mut(post.id.index as usize);
            if let Some(seat) = seat.and_then(Option::as_mut) {
                seat.put_back(&post);
                waiting.push_front(post.id.index);
            }
        }
        let bytes = slice.posts.iter().map(|post| post.bytes.len() as u64);
        self.sums.bytes += bytes.sum::<u64>();
        self.posts = slice.posts;
        self.posts.clear();
    }

    /// Whether many messages wait for a connection.
    fn is_flooded(&self, index: u32) -> bool {
        let seat = self.seats.get(index as usize);
        let seat = seat.and_then(Option::as_ref);
        seat.is_some_and(|seat| seat.range.len() >= FLOOD)
    }

    /// Whether nothing is waiting to be sent.
    pub fn is_flushed(&self) -> bool {
        self.urgent.is_empty() && self.bulk.is_empty() && self.echoes.is_empty()
    }

    /// When people must get their own words, if nothing else is waiting.
    pub fn echoes_due(&self) -> Option<u64> {
        let first = self.echoes.front()?;
        let is_all = self.urgent.is_empty() && self.bulk.is_empty();
        is_all.then_some(first.1 + ECHO_MS)
    }

    /// Begins a turn at a time, in milliseconds.
    pub fn begin(&mut self, now_ms: u64) {
        self.now_ms = now_ms;
    }

    /// Connections for which a small delivery is waiting.
    pub fn urgent(&self) -> usize {
        self.urgent.len()
    }

    /// Whether everything must be sent before more is encoded.
    pub fn is_full(&self) -> bool {
        self.arenas.iter().any(|arena| arena.len() >= ARENA_LIMIT)
    }

    /// Connections that turned out to be slow readers since the last call.
    pub fn take_slow_readers(&mut self) -> Vec<ConnectionId> {
        std::mem::take(&mut self.slow)
    }

    /// Pings the WebSockets whose turn it is in round `slice` of `slices`, and
    /// returns those that have not answered.
    pub fn ping(&mut self, slice: usize, slices: usize) -> Vec<ConnectionId> {
        let mut silent = Vec::new();
        let mut alive = Vec::new();
        let seats = self.seats.iter_mut().skip(slice).step_by(slices.max(1));
        for seat in seats.flatten() {
            if !seat.format.is_websocket() || seat.closing {
                continue;
            }
            if seat.link.take_heard() {
                seat.silent_rounds = 0;
            } else {
                seat.silent_rounds += 1;
            }
            match seat.silent_rounds {
                SILENT_ROUNDS.. => silent.push(seat.id),
                _ => alive.push(seat.id),
            }
        }
        for id in alive {
            self.append_for(id, |_, _, out| websocket::ping_frame(out));
        }
        silent
    }

    /// What has been done so far.
    pub fn sums(&self) -> Sums {
        self.sums
    }

    /// Sends what is waiting for one connection: one `send`.
    fn flush(&mut self, index: u32) {
        let seat = self.seats.get_mut(index as usize);
        let Some(seat) = seat.and_then(Option::as_mut) else {
            return;
        };
        seat.lane = Lane::None;
        if seat.range.is_empty() {
            return;
        }
        let Some(arena) = self.arenas.get(seat.format.index()) else {
            return;
        };
        let bytes = if seat.more.is_empty() {
            seat.range.of(arena)
        } else {
            self.scratch.clear();
            self.scratch.extend_from_slice(seat.range.of(arena));
            for range in seat.more.drain(..) {
                self.scratch.extend_from_slice(range.of(arena));
            }
            &self.scratch
        };
        seat.range = Range::default();
        self.sums.bytes += bytes.len() as u64;
        let handed = hand_over(&seat.link, bytes, &self.watcher, self.backlog_limit);
        self.sums.sends += handed.sends;
        if handed.is_slow && !seat.closing {
            self.slow.push(seat.id);
            self.sums.slow_readers += 1;
        }
    }
}
