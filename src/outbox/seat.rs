//! One connection's place in the outbox: the bytes that wait for it, and their
//! urgency.

use std::sync::Arc;

use crate::hub::ConnectionId;
use crate::net::link::Link;
use crate::protocol::events::Follower;
use crate::protocol::irc::Reader;
use crate::protocol::{Speech, WireFormat};

use super::senders::Post;

/// One connection's place in the outbox.
pub(super) struct Seat {
    /// The connection.
    pub id: ConnectionId,
    /// Its socket.
    pub link: Arc<Link>,
    /// Its wire format.
    pub format: WireFormat,
    /// The arena of its bytes.
    pub slot: usize,
    /// What its lines depend on besides, if it speaks IRC.
    pub reader: Option<Box<Reader>>,
    /// How far it has come, if it is an event stream.
    pub follower: Option<Box<Follower>>,
    /// Whether the connection gets its own words.
    pub echoes: bool,
    /// The lane in which it waits.
    pub lane: Lane,
    /// Whether its farewell has been written.
    pub closing: bool,
    /// Whether it was found to be a slow reader, which is reported once: its farewell is behind the
    /// same backlog.
    pub is_slow: bool,
    /// Rounds of pings it has not answered.
    pub silent_rounds: u8,
    /// Its bytes in the arena: mostly one range, because neighbours merge.
    pub range: Range,
    /// Further ranges.
    pub more: Vec<Range>,
    /// How many messages and answers its bytes are.
    pub messages: u32,
}

/// Bytes in an arena.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Range {
    start: u32,
    end: u32,
}

/// Where a connection waits to be flushed; the later, the more urgently.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Lane {
    /// It does not wait.
    None,
    /// It waits for its own words.
    Echo,
    /// It waits for a delivery to many connections.
    Bulk,
    /// It waits for a delivery to few connections.
    Urgent,
}

impl Seat {
    /// An empty one.
    pub fn new(id: ConnectionId, link: Arc<Link>, speech: &Speech) -> Seat {
        Seat {
            id,
            link,
            format: speech.format,
            slot: speech.format.index(),
            reader: (speech.format.is_irc()).then(|| Box::new(Reader::of(speech.format))),
            follower: (speech.format.is_stream()).then(Box::default),
            echoes: speech.echoes,
            lane: Lane::None,
            closing: false,
            is_slow: false,
            silent_rounds: 0,
            range: Range::default(),
            more: Vec::new(),
            messages: 0,
        }
    }

    /// Takes its bytes out, for any thread to send, if they are exactly one range.
    pub fn post(&mut self) -> Option<Post> {
        let Range { start, end } = self.range;
        if !self.more.is_empty() || self.range.is_empty() {
            return None;
        }
        self.lane = Lane::None;
        self.range = Range::default();
        Some(Post {
            id: self.id,
            link: self.link.clone(),
            arena: self.slot,
            bytes: start as usize..end as usize,
            messages: std::mem::take(&mut self.messages),
        })
    }

    /// Undoes [`Seat::post`].
    pub fn put_back(&mut self, post: &Post) {
        self.lane = Lane::Bulk;
        self.range = Range {
            start: post.bytes.start as u32,
            end: post.bytes.end as u32,
        };
        self.messages = post.messages;
    }

    /// Appends to the bytes that wait.
    pub fn add(&mut self, range: Range) {
        self.messages = self.messages.saturating_add(1);
        self.add_rest(range);
    }

    /// Appends more of what was added last.
    pub fn add_rest(&mut self, range: Range) {
        let last = self.more.last_mut().unwrap_or(&mut self.range);
        if last.is_empty() {
            *last = range;
        } else if last.end == range.start {
            last.end = range.end;
        } else {
            self.more.push(range);
        }
    }
}

impl Range {
    /// Appends to an arena and returns the range. Arenas stay far below 4 GiB: a
    /// turn ends long before.
    pub fn append(arena: &mut Vec<u8>, write: impl FnOnce(&mut Vec<u8>)) -> Range {
        let start = arena.len() as u32;
        write(arena);
        Range {
            start,
            end: arena.len() as u32,
        }
    }

    /// Whether the range is empty.
    pub fn is_empty(self) -> bool {
        self.start == self.end
    }

    /// The bytes.
    pub fn of(self, arena: &[u8]) -> &[u8] {
        let range = self.start as usize..self.end as usize;
        arena.get(range).unwrap_or_default()
    }
}
