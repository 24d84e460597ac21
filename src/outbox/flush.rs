//! In what order the outbox sends, and with whom.

use std::collections::VecDeque;

use crossbeam_channel::{Receiver, never};

use super::Outbox;
use super::seat::{Lane, Range, Seat};
use super::senders::{ENOUGH, Slice, hand_over};

/// Milliseconds for which a busy hub may owe people their own words.
const ECHO_MS: u64 = 25;
/// Connections that it is worth while to serve with other threads.
const TOGETHER: usize = 64;
/// Messages for one connection that are more than a few. A flood goes the
/// faster the more of it goes at once: there is no hurry.
const FLOOD: u32 = 4;
/// Connections served together at most.
const SLICE: usize = 1024;
/// Arena memory kept between turns.
const ARENA_KEEP: usize = 256 * 1024;

impl Outbox {
    /// Sends what waits: to everyone a small delivery is waiting for; then to
    /// the others, or to some of them when something waits in `inputs` and
    /// there is room to encode what comes of it; then to people their own words.
    /// A `busy` hub owes them those for 25 ms, since they may be able to go with
    /// something else, and so does one for which something waits in `inputs`.
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

    /// When people must get their own words, if nothing else is waiting.
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

    /// Sends to the first of these, at most so many.
    fn flush_each(&mut self, waiting: &mut VecDeque<u32>, most: usize) {
        for index in waiting.drain(..waiting.len().min(most)) {
            self.send(index);
        }
    }

    /// Sends to the first of these, with the help of other threads.
    fn flush_together<T>(&mut self, waiting: &mut VecDeque<u32>, inputs: &Receiver<T>) {
        let mut posts = std::mem::take(&mut self.posts);
        // What would not be begun need not be handed out.
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
        seat.is_some_and(|seat| seat.messages >= FLOOD)
    }

    /// Sends what is waiting for one connection: one `send`.
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
