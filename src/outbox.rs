//! The outbox: encodes each event once a wire format, and sends to each connection
//! once a turn. Only the hub thread uses it, and it never waits for a socket. Other
//! threads help to send events that go to many connections.
//!
//! Cost of a delivery: no allocation, no copy in user space (one when a
//! connection has more than one range in a turn), and a share of one `send`.

mod classes;
mod flush;
mod following;
mod seat;
pub mod senders;
pub mod share;

use std::collections::VecDeque;
use std::sync::Arc;

use crate::hub::{Circumstances, ConnectionId, Event, Farewell, Mark, Now};
use crate::model::{MessageId, Name};
use crate::net::flusher::{Flusher, Watcher};
use crate::net::link::Link;
use crate::net::registry::Registry;
use crate::protocol::events::Follower;
use crate::protocol::irc::nicknames::Nicknames;
use crate::protocol::irc::{self, Caps};
use crate::protocol::{Encoder, Speech, WireFormat};

use classes::{Classes, SLOTS};
use following::Shared;
use seat::{Lane, Range, Seat};
use senders::{Arenas, Post, Senders};

/// Deliveries to at most this many connections go before all others, except to
/// the speaker, who is served last.
const SMALL_DELIVERY: usize = 32;
/// Encoded bytes after which a turn must be sent before more is encoded.
const ARENA_LIMIT: usize = 4 * 1024 * 1024;
/// Rounds of pings that a client may leave unanswered.
const SILENT_ROUNDS: u8 = 2;

/// What the outbox has done since the start, in numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sums {
    /// Events, counted once for each recipient.
    pub deliveries: u64,
    /// `send` calls; over TLS, hand-overs to a writer thread.
    pub sends: u64,
    /// Bytes handed to the kernel or the flusher.
    pub bytes: u64,
    /// Connections closed because they did not read.
    pub slow_readers: u64,
}

/// Every connection's way out.
pub struct Outbox {
    /// By [`ConnectionId::index`].
    seats: Vec<Option<Seat>>,
    /// This turn's bytes, by slot.
    arenas: Arenas,
    classes: Classes,
    encoder: Encoder,
    urgent: VecDeque<u32>,
    /// Seats that wait for their own words, and since when.
    echoes: VecDeque<(u32, u64)>,
    /// Milliseconds, on the clock of the turns.
    now_ms: u64,
    bulk: VecDeque<u32>,
    scratch: Vec<u8>,
    slow: Vec<ConnectionId>,
    /// Event streams that follow nothing any more.
    over: Vec<ConnectionId>,
    flusher: Flusher,
    watcher: Watcher,
    senders: Senders,
    /// Empty between flushes; its memory is reused.
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
            classes: Classes::default(),
            encoder,
            urgent: VecDeque::new(),
            echoes: VecDeque::new(),
            now_ms: 0,
            bulk: VecDeque::new(),
            scratch: Vec::new(),
            slow: Vec::new(),
            over: Vec::new(),
            watcher: flusher.watcher(),
            senders: Senders::start(&flusher.watcher()),
            posts: Vec::new(),
            flusher,
            registry,
            backlog_limit,
            sums: Sums::default(),
        }
    }

    /// Puts new settings in force.
    pub fn configure(&mut self, greeting: String, backlog_limit: usize) {
        self.encoder.greeting = greeting;
        self.backlog_limit = backlog_limit;
    }

    /// Adds a connection.
    pub fn open(&mut self, id: ConnectionId, link: Arc<Link>, speech: &Speech) {
        let index = id.index as usize;
        if self.seats.len() <= index {
            self.seats.resize_with(index + 1, || None);
        }
        if let Some(slot) = self.seats.get_mut(index) {
            let mut seat = Seat::new(id, link, speech);
            if let Some(reader) = &seat.reader {
                seat.slot = self.classes.enter(reader.shape());
            }
            *slot = Some(seat);
        }
    }

    /// Gives an IRC client other capabilities, from now on.
    pub fn adapt(&mut self, id: ConnectionId, caps: Caps) {
        // What waits is in the arena of the shape before.
        self.send(id.index);
        let seat = self.seats.get_mut(id.index as usize);
        let Some(seat) = seat.and_then(Option::as_mut).filter(|seat| seat.id == id) else {
            return;
        };
        if let Some(reader) = &mut seat.reader {
            self.classes.leave(seat.slot);
            reader.set_caps(caps);
            seat.slot = self.classes.enter(reader.shape());
        }
    }

    /// Encodes `event` for these connections; [`Outbox::flush`] sends it. If it
    /// repeats the words of the speaker, that connection gets it last, or not at
    /// all if its protocol does not echo.
    pub fn deliver(&mut self, to: &[ConnectionId], told: &Circumstances, event: &Event) {
        let mut encoded: [Option<Range>; SLOTS] = [None; SLOTS];
        let mut streamed = [None; 2];
        let lane = match to.len() {
            0..=SMALL_DELIVERY => Lane::Urgent,
            _ => Lane::Bulk,
        };
        for &id in to {
            let seat = self.seats.get_mut(id.index as usize);
            let Some(seat) = seat.and_then(Option::as_mut) else {
                continue;
            };
            let is_speaker = told.speaker == Some(id);
            if seat.id != id || seat.closing || (is_speaker && !seat.echoes) {
                continue;
            }
            let slot = seat.slot;
            let (Some(known), Some(arena)) = (encoded.get_mut(slot), self.arenas.get_mut(slot))
            else {
                continue;
            };
            let encoder = &mut self.encoder;
            let format = seat.format;
            let range = match &mut seat.reader {
                None if seat.follower.is_some() => {
                    let shared: &mut Option<Shared> = match format {
                        WireFormat::EventStream => &mut streamed[0],
                        _ => &mut streamed[1],
                    };
                    if following::tell(seat, event, shared, arena) {
                        self.sums.deliveries += 1;
                        if seat.follower.as_ref().is_some_and(|it| it.is_over()) {
                            self.over.push(id);
                        }
                        self.wake(id.index, lane);
                    }
                    continue;
                }
                None => *known.get_or_insert_with(|| {
                    Range::append(arena, |out| encoder.event(format, event, out))
                }),
                Some(reader) if irc::leaves_out(reader, event, is_speaker) => continue,
                Some(reader) if irc::is_labelled(reader, event, told) => {
                    Range::append(arena, |out| encoder.irc_labelled(reader, event, told, out))
                }
                Some(reader) if irc::is_personal(event) => Range::append(arena, |out| {
                    encoder.irc_personal(reader, event, told, out);
                }),
                Some(reader) => {
                    let shape = reader.shape();
                    let mut encode =
                        || Range::append(arena, |out| encoder.irc_shared(shape, event, told, out));
                    match slot == WireFormat::Irc.index() {
                        true => encode(),
                        false => *known.get_or_insert_with(encode),
                    }
                }
            };
            if range.is_empty() {
                continue;
            }
            self.sums.deliveries += 1;
            seat.add(range);
            let lane = match lane {
                Lane::Urgent if is_speaker => Lane::Echo,
                lane => lane,
            };
            self.wake(id.index, lane);
        }
    }

    /// Puts a connection that has something to be sent into a lane.
    fn wake(&mut self, index: u32, lane: Lane) {
        let seat = self.seats.get_mut(index as usize);
        let Some(seat) = seat.and_then(Option::as_mut).filter(|it| it.lane < lane) else {
            return;
        };
        seat.lane = lane;
        match lane {
            Lane::Urgent => self.urgent.push_back(index),
            Lane::Echo => self.echoes.push_back((index, self.now_ms)),
            _ => self.bulk.push_back(index),
        }
    }

    /// Has an event stream follow channels, from now on.
    pub fn follow(&mut self, id: ConnectionId, follower: Box<Follower>) {
        self.append_for(id, |_, seat, out| following::begin(seat, follower, out));
    }

    /// How far an event stream has come in a channel.
    pub fn place(&self, id: ConnectionId, channel: &Name) -> Option<MessageId> {
        let seat = self.seats.get(id.index as usize)?.as_ref()?;
        let seat = Some(seat).filter(|seat| seat.id == id)?;
        seat.follower.as_ref()?.place(channel)
    }

    /// Notes that the hub has told an event stream all that was missed of a channel.
    pub fn caught_up(&mut self, id: ConnectionId, channel: &Name) {
        self.append_for(id, |_, seat, out| following::caught_up(seat, channel, out));
    }

    /// What accounts are called in what is encoded from now on.
    pub fn nicknames(&self) -> &Nicknames {
        &self.encoder.irc.nicknames
    }

    /// Sends bytes from a connection's own thread, in order with the rest. They may
    /// answer a request that has a mark.
    pub fn write(&mut self, id: ConnectionId, bytes: &[u8], mark: Option<&Mark>) {
        self.append_for(id, |encoder, seat, out| match &mut seat.reader {
            Some(reader) => encoder.irc_answer(reader, bytes, mark, out),
            None => out.extend_from_slice(bytes),
        });
    }

    /// Sends bytes below the protocol, in order with the rest.
    pub fn write_raw(&mut self, id: ConnectionId, bytes: &[u8]) {
        self.append_for(id, |_, _, out| out.extend_from_slice(bytes));
    }

    fn append_for(
        &mut self,
        id: ConnectionId,
        write: impl FnOnce(&mut Encoder, &mut Seat, &mut Vec<u8>),
    ) {
        let seat = self.seats.get_mut(id.index as usize);
        let Some(seat) = seat.and_then(Option::as_mut) else {
            return;
        };
        if seat.id != id || seat.closing {
            return;
        }
        let Some(arena) = self.arenas.get_mut(seat.slot) else {
            return;
        };
        let encoder = &mut self.encoder;
        let range = Range::append(arena, |out| write(encoder, seat, out));
        if range.is_empty() {
            return;
        }
        seat.add(range);
        if seat.lane < Lane::Urgent {
            seat.lane = Lane::Urgent;
            self.urgent.push_back(id.index);
        }
    }

    /// Says farewell and closes as soon as everything before is sent.
    pub fn close(&mut self, id: ConnectionId, farewell: &Farewell) {
        self.append_for(id, |encoder, seat, out| {
            encoder.farewell(seat.format, farewell, out);
        });
        self.send(id.index);
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
            && let Some(seat) = slot.take_if(|seat| seat.id == id)
        {
            self.classes.leave(seat.slot);
        }
        self.registry.release_id(id);
    }

    /// Whether nothing is waiting to be sent.
    pub fn is_flushed(&self) -> bool {
        self.urgent.is_empty() && self.bulk.is_empty() && self.echoes.is_empty()
    }

    /// Begins a turn.
    pub fn begin(&mut self, now: Now) {
        self.now_ms = now.ticks_ms;
        self.encoder.now_ms = now.unix_ms;
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

    /// Event streams of which the last channel is not followed any more, since the last call.
    pub fn take_ended_streams(&mut self) -> Vec<ConnectionId> {
        std::mem::take(&mut self.over)
    }

    /// Pings the WebSockets and IRC clients among at most `most` seats: every `step`-th one from
    /// `from` on. Returns the connections that have left too many pings
    /// unanswered, and the seat to go on from, if there are more.
    pub fn ping(
        &mut self,
        from: usize,
        step: usize,
        most: usize,
    ) -> (Vec<ConnectionId>, Option<usize>) {
        let mut silent = Vec::new();
        let mut alive = Vec::new();
        let next = from.saturating_add(step.max(1).saturating_mul(most));
        let more = next < self.seats.len();
        let seats = self.seats.iter_mut().skip(from).step_by(step.max(1));
        for seat in seats.take(most).flatten() {
            if !seat.format.is_pinged() || seat.closing {
                continue;
            }
            if seat.link.take_heard() {
                seat.silent_rounds = 0;
                if seat.format.is_irc() {
                    // People see these pings: only a silent client is asked.
                    continue;
                }
            } else {
                seat.silent_rounds += 1;
            }
            match seat.silent_rounds {
                SILENT_ROUNDS.. => silent.push(seat.id),
                _ => alive.push(seat.id),
            }
        }
        for id in alive {
            self.append_for(id, |encoder, seat, out| encoder.ping(seat.format, out));
        }
        (silent, more.then_some(next))
    }

    /// The numbers so far.
    pub fn sums(&self) -> Sums {
        self.sums
    }
}
