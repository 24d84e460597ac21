//! Leavings that the members of a large channel are told later ([`super::late`]): which are put
//! off, and when they are told.

use crate::model::Name;

use super::channel::{ChannelIndex, Channels};
use super::late::Leaving;
use super::{Effects, Event, Now};

/// The most leavings that wait in a channel. If there is one more, the oldest is told.
const MOST: usize = 10_000;
/// How often some of a channel's are told.
const PAUSE_MS: u64 = 1000;
/// How many lines of them a channel's members are sent each time, and how many leavings are
/// told at least.
const LINES_AT_ONCE: usize = 20_000;
const LEAST_AT_ONCE: usize = 5;

impl Channels {
    /// Has a leaving told later.
    pub fn leave_late(
        &mut self,
        index: ChannelIndex,
        leaving: Leaving,
        now: Now,
        fx: &mut Effects,
    ) {
        self.tell_late_of(index, &leaving.name, fx);
        let late = self.get(index).and_then(|channel| channel.late.as_ref());
        if late.is_some_and(|late| late.len() >= MOST) {
            self.tell_oldest(index, fx);
        }
        let Some(channel) = self.get_mut(index) else {
            return;
        };
        let key = leaving.name.key().clone();
        let is_first = channel.late.is_none();
        let late = channel.late.get_or_insert_default();
        late.push(leaving);
        if is_first {
            late.due_ms = now.ticks_ms + PAUSE_MS;
            let due = (late.due_ms, index);
            self.late_due.by_time.insert(due);
        }
        self.late_due.by_key.entry(key).or_default().insert(index);
    }

    /// Tells the leaving of a user now, if it has yet to be told: something else is to be told
    /// of one with this name.
    pub fn tell_late_of(&mut self, index: ChannelIndex, name: &Name, fx: &mut Effects) {
        let channel = self.get_mut(index);
        let late = channel.and_then(|channel| channel.late.as_mut());
        if let Some(leaving) = late.and_then(|late| late.take(name)) {
            self.tell_leaving(index, leaving, fx);
        }
    }

    /// The same in each of these channels, before one who is in them gets this name: the client
    /// would take it for its own leaving.
    pub fn tell_late_of_each(&mut self, channels: &[ChannelIndex], name: &Name, fx: &mut Effects) {
        for &channel in channels {
            self.tell_late_of(channel, name, fx);
        }
    }

    /// The same in all channels.
    pub fn tell_all_late_of(&mut self, name: &Name, fx: &mut Effects) {
        while let Some(channels) = self.late_due.by_key.get(name.key())
            && let Some(&index) = channels.first()
        {
            self.tell_late_of(index, name, fx);
            self.late_due.forget(index, name);
        }
    }

    /// Tells some of the leavings that have waited long enough.
    pub fn tell_some_late(&mut self, now: Now, fx: &mut Effects) {
        let mut lines = 0;
        while lines < LINES_AT_ONCE
            && let Some(&(due_ms, index)) = self.late_due.by_time.first()
            && due_ms <= now.ticks_ms
        {
            self.late_due.by_time.pop_first();
            lines += self.tell_late_in(index, now, fx).max(1);
        }
    }

    /// Tells some of a channel's. Returns the number of lines.
    fn tell_late_in(&mut self, index: ChannelIndex, now: Now, fx: &mut Effects) -> usize {
        let told = self.get(index).map_or(0, |channel| channel.named.len());
        let most = (LINES_AT_ONCE / told.max(1)).max(LEAST_AT_ONCE);
        let done = (0..most)
            .take_while(|_| self.tell_oldest(index, fx))
            .count();
        let channel = self.get_mut(index);
        if let Some(late) = channel.and_then(|channel| channel.late.as_mut()) {
            match late.is_empty() {
                true => self.forget_late(index),
                false => {
                    late.due_ms = now.ticks_ms + PAUSE_MS;
                    let due = (late.due_ms, index);
                    self.late_due.by_time.insert(due);
                }
            }
        }
        done * told
    }

    /// Tells the one that has waited longest. Returns whether there was one.
    fn tell_oldest(&mut self, index: ChannelIndex, fx: &mut Effects) -> bool {
        let channel = self.get_mut(index);
        let late = channel.and_then(|channel| channel.late.as_mut());
        let oldest = late.and_then(|late| late.take_oldest());
        let Some(oldest) = oldest else {
            return false;
        };
        self.tell_leaving(index, oldest, fx);
        true
    }

    /// Forgets a channel's, because nobody there keeps a list of members any more, or all are
    /// told.
    pub fn forget_late(&mut self, index: ChannelIndex) {
        let late = self.get_mut(index).and_then(|channel| channel.late.take());
        if let Some(late) = late {
            self.late_due.by_time.remove(&(late.due_ms, index));
            for leaving in late.iter() {
                self.late_due.forget(index, &leaving.name);
            }
        }
    }

    fn tell_leaving(&mut self, index: ChannelIndex, leaving: Leaving, fx: &mut Effects) {
        self.late_due.forget(index, &leaving.name);
        let Some(channel) = self.get(index) else {
            return;
        };
        let event = Event::MemberLeft {
            channel: channel.name.clone(),
            nickname: leaving.name,
            reason: leaving.reason,
        };
        // It is no answer to what has led to it.
        let answering = fx.answer(None);
        fx.shown_as(leaving.face, |fx| {
            fx.tell_all(channel.roster_keepers(), event);
        });
        fx.answer(answering);
    }

    /// When [`Channels::tell_some_late`] next has something to tell.
    pub fn next_late(&self) -> Option<u64> {
        self.late_due.by_time.first().map(|&(due_ms, _)| due_ms)
    }

    /// How many leavings have yet to be told.
    pub fn late_leavings(&self) -> usize {
        let channels = self.late_due.by_key.values();
        channels.map(|channels| channels.len()).sum()
    }
}
