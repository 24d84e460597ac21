//! The order in which the outbox sends, and when other threads help.

use std::collections::VecDeque;

use crossbeam_channel::{Receiver, never};

use crate::hub::ConnectionId;

use super::Outbox;
use super::seat::{Lane, Range, Seat};
use super::senders::{ENOUGH, Slice, hand_over};

/// Milliseconds for which a busy hub may delay sending clients their own words.
const ECHO_MS: u64 = 25;
/// From this many connections on, other threads help to send.
const TOGETHER: usize = 64;
/// From this many waiting messages on, a connection is flooded. A flood is sent
/// the faster the more of it goes at once, so there is no hurry.
const FLOOD: u32 = 4;
/// The most connections in one slice for the helping threads.
const SLICE: usize = 1024;
/// Arena memory kept between turns.
const ARENA_KEEP: usize = 256 * 1024;

impl Outbox {
    /// Sends what waits. Connections with a small delivery come first. Then come
    /// the others, or only some of them if inputs are waiting and there is room
    /// to encode their results. Speakers get their own words last. A hub that is
    /// `busy` or has inputs waiting delays those for up to 25 ms, since they may
    /// be sent together with something else.
    pub fn flush<T>(&mut self, busy: bool, inputs: &Receiver<T>) {
        self.flush_urgent();
        self.flush_bulk(inputs);
        self.flush_echoes(busy, inputs);
        if self.is_flushed() {
            for arena in &mut self.arenas {
                arena.clear();
                arena.shrink_to(ARENA_KEEP);
            }
        }
    }

    /// When the first speaker must get its own words, if nothing else waits.
    pub fn echoes_due(&self) -> Option<u64> {
        let first = self.echoes.front()?;
        let is_all = self.urgent.is_empty() && self.bulk.is_empty();
        is_all.then_some(first.1 + ECHO_MS)
    }

    fn flush_urgent(&mut self) {
        let mut waiting = std::mem::take(&mut self.urgent);
        self.flush_lane(&mut waiting, &never::<()>());
        self.urgent = waiting;
    }

    fn flush_bulk<T>(&mut self, inputs: &Receiver<T>) {
        let mut waiting = std::mem::take(&mut self.bulk);
        match self.is_full() {
            true => self.flush_lane(&mut waiting, &never::<T>()),
            false => self.flush_lane(&mut waiting, inputs),
        }
        self.bulk = waiting;
    }

    fn flush_echoes<T>(&mut self, busy: bool, inputs: &Receiver<T>) {
        while let Some(&(index, since)) = self.echoes.front() {
            let is_due = self.is_full() || self.now_ms >= since + ECHO_MS;
            if !is_due && (busy || !inputs.is_empty()) {
                break;
            }
            self.echoes.pop_front();
            self.send(index);
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

    /// Sends to the first `most` of these connections.
    fn flush_each(&mut self, waiting: &mut VecDeque<u32>, most: usize) {
        for index in waiting.drain(..waiting.len().min(most)) {
            self.send(index);
        }
    }

    /// Sends to the first of these connections, with the help of other threads.
    fn flush_together<T>(&mut self, waiting: &mut VecDeque<u32>, inputs: &Receiver<T>) {
        let mut posts = std::mem::take(&mut self.posts);
        // With inputs waiting, the rest of a larger slice would not be begun.
        let most = match inputs.is_empty() {
            true => SLICE,
            false => ENOUGH,
        };
        for index in waiting.drain(..waiting.len().min(most)) {
            let seat = self.seats.get_mut(index as usize);
            match seat.and_then(Option::as_mut).and_then(Seat::post) {
                Some(post) => posts.push(post),
                None => self.send(index),
            }
        }
        let arenas = std::mem::take(&mut self.arenas);
        let slice = Slice::new(arenas, posts, self.backlog_limit);
        let (mut slice, sent) = self.senders.send(slice, inputs);
        let (slow, sends) = slice.outcome();
        self.sums.sends += sends;
        for id in slow {
            self.found_slow(id);
        }
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
        seat.is_some_and(|seat| seat.messages >= FLOOD)
    }

    /// Sends everything that waits for one connection with one `send`.
    pub(super) fn send(&mut self, index: u32) {
        let seat = self.seats.get_mut(index as usize);
        let Some(seat) = seat.and_then(Option::as_mut) else {
            return;
        };
        seat.lane = Lane::None;
        seat.messages = 0;
        if seat.range.is_empty() {
            return;
        }
        let Some(arena) = self.arenas.get(seat.slot) else {
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
        if handed.is_slow {
            let id = seat.id;
            self.found_slow(id);
        }
    }

    /// Notes that a connection does not read, unless that is known or it is being closed.
    fn found_slow(&mut self, id: ConnectionId) {
        let seat = self.seats.get_mut(id.index as usize);
        let Some(seat) = seat.and_then(Option::as_mut).filter(|it| it.id == id) else {
            return;
        };
        if seat.closing || std::mem::replace(&mut seat.is_slow, true) {
            return;
        }
        self.slow.push(id);
        self.sums.slow_readers += 1;
    }
}
