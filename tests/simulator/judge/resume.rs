//! Checks catching up: a client that lost its connection gets each missed
//! message once, in order, and learns truthfully whether any are gone.

use chat_server::hub::{MessageId, Reading};
use chat_server::name::Name;
use chat_server::store::Window;

use super::super::invariant::{Check, Invariant, ensure};
use super::super::model::{Model, Move, Owed, Slot};
use super::super::names::{Room, room};

/// Messages that the hub may hold for connections that read the past, ...
pub const HELD_MESSAGES: usize = 1000;
/// ... and bytes of text in them.
const HELD_BYTES: usize = 256 * 1024;
/// Text that one page of the past may have; a single message may be longer.
pub const PAGE_BYTES: usize = 256 * 1024;

/// Progress of a connection that catches up with a channel. It gets no live
/// messages of the channel meanwhile.
pub struct CatchingUp {
    /// The page being read; none while the client has to ask for more.
    page: Option<Page>,
    /// Whether some of the missed messages are gone.
    gap: bool,
}

/// A page of the past that is being read.
struct Page {
    /// The last message that the client has.
    after: MessageId,
    /// Messages published since the request, with the length of each.
    meanwhile: Vec<(MessageId, usize)>,
}

impl CatchingUp {
    /// Records a message published in the channel.
    pub fn published(&mut self, id: MessageId, bytes: usize) {
        if let Some(page) = &mut self.page {
            page.meanwhile.push((id, bytes));
        }
    }

    pub fn is_reading(&self) -> bool {
        self.page.is_some()
    }
}

impl Page {
    /// Whether more was published than the hub can hold.
    fn is_too_late(&self) -> bool {
        is_too_much(&self.meanwhile)
    }
}

/// Whether these messages, each with its length, exceed what the hub can hold.
pub fn is_too_much(messages: &[(MessageId, usize)]) -> bool {
    let bytes: usize = messages.iter().map(|&(_, bytes)| bytes).sum();
    messages.len() > HELD_MESSAGES || bytes > HELD_BYTES
}

impl Model {
    /// The hub asks the store for missed messages.
    pub(super) fn catches_up(&mut self, reading: &Reading) -> Check {
        let room = room(&reading.channel);
        let slot = self.slot_of(reading.connection);
        let last_id = self.last_id;
        let conn = slot.and_then(|slot| self.alive_mut(slot));
        let asked = conn.and_then(|conn| conn.moves.pop_front());
        let (Some(slot), Some(Move::Resume(wanted, after))) = (slot, asked) else {
            return ensure(false, Invariant::ResumedInOrder, || {
                format!("the hub reads {reading:?}, the request was {asked:?}")
            });
        };
        // A message without an id yet has not been missed.
        let unknown = after > last_id;
        let after = after.min(last_id);
        let right = wanted == room && reading.window == Window::After(after);
        ensure(right, Invariant::ResumedInOrder, || {
            format!("the hub reads {reading:?}, the request was {asked:?}")
        })?;
        // Messages held for the past of the channel are published first.
        let (waiting, others) = self
            .owed
            .drain(..)
            .partition(|owed| owed.slot == slot && owed.room == room);
        self.owed = others;
        let waiting: Vec<Owed> = waiting;
        let held = self.channels[room].held.iter().copied();
        let waits = |&(id, _): &(MessageId, usize)| waiting.iter().any(|owed| owed.id == id);
        let page = Page {
            after,
            meanwhile: held.filter(waits).collect(),
        };
        let place = self.place_mut(slot, room);
        let gap = place.map(|place| {
            let before = place.catching_up.take();
            let gap = unknown || before.is_some_and(|before| before.gap);
            let page = Some(page);
            place.catching_up = Some(CatchingUp { page, gap });
        });
        ensure(gap.is_some(), Invariant::MembersOnly, || {
            format!("{slot} catches up with {room} but is not a member")
        })
    }

    /// Whether a message that is not owed is a missed one.
    pub(super) fn caught_up_with(&mut self, slot: Slot, room: Room, id: MessageId) -> Check<bool> {
        if !self.limits.history {
            return Ok(self.told_again(slot, room, id));
        }
        let place = self.place(slot, room);
        if place.is_none_or(|place| place.catching_up.is_none()) {
            return Ok(false);
        }
        let page = self.call.reading.as_mut();
        let page = page.filter(|page| page.slot == slot && page.missed_in == Some(room));
        let next = page.and_then(|page| {
            let next = page.history.as_ref()?.messages.get(page.told)?.id;
            page.told += 1;
            Some(next)
        });
        ensure(next == Some(id), Invariant::ResumedInOrder, || {
            format!("{slot} catches up with {room} and gets {id}, the next one is {next:?}")
        })?;
        Ok(true)
    }

    /// Where no history is kept, the hub tells again what it remembers.
    fn told_again(&mut self, slot: Slot, room: Room, id: MessageId) -> bool {
        let conn = self.alive(slot);
        let asked = conn.and_then(|conn| conn.moves.front());
        let told_again = matches!(asked, Some(Move::Resume(wanted, _)) if *wanted == room);
        if told_again {
            self.call.told_again.push(id);
        }
        told_again
    }

    pub(super) fn resumed(
        &mut self,
        to: &[Slot],
        channel: &Name,
        complete: bool,
        more: bool,
    ) -> Check {
        let room = room(channel);
        self.all_in(to, room)?;
        if self.limits.history {
            self.page_told(to, room, complete, more)
        } else {
            self.all_told_again(to[0], room, complete, more)
        }
    }

    fn page_told(&mut self, to: &[Slot], room: Room, complete: bool, more: bool) -> Check {
        let answered = self.call.reading.take();
        let answered = answered.filter(|a| to == [a.slot] && a.missed_in == Some(room));
        let slot = to[0];
        let place = self.place_mut(slot, room);
        let catching_up = place.and_then(|place| place.catching_up.take());
        let (Some(answered), Some(catching_up)) = (answered, catching_up) else {
            return ensure(false, Invariant::ResumedInOrder, || {
                format!("{to:?} are told without a request that they have caught up")
            });
        };
        let (Some(page), Some(history)) = (catching_up.page, answered.history) else {
            return ensure(false, Invariant::ResumedInOrder, || {
                format!("{slot} is told that it has caught up; nothing was read")
            });
        };
        let (told, rest) = history.messages.split_at(answered.told);
        let gap = catching_up.gap || history.gap;
        ensure(complete != gap, Invariant::ResumedTruly, || {
            format!("{slot} is told that {room} is complete: {complete}; messages are gone: {gap}")
        })?;
        if let Some(next) = rest.first() {
            let all = told.iter().chain([next]);
            let bytes: usize = all.map(|row| row.body.text.as_str().len()).sum();
            let too_much = bytes > PAGE_BYTES && !told.is_empty();
            ensure(too_much, Invariant::ResumedInOrder, || {
                format!("{slot} is not told {} of {room}", next.id)
            })?;
        }
        let left = history.more || !rest.is_empty();
        let right = more == left || more && page.is_too_late();
        ensure(right, Invariant::ResumedTruly, || {
            format!("{slot} is told that {room} has more: {more}; it has more: {left}")
        })?;
        let seen = told.last().map_or(page.after, |row| row.id);
        let unseen = page.meanwhile.iter().filter(|&&(id, _)| id > seen);
        if !more {
            // From now on it gets live messages, beginning with those published
            // meanwhile.
            let owed = unseen.map(|&(id, _)| Owed { slot, room, id });
            self.owed.extend(owed);
        }
        if let Some(place) = self.place_mut(slot, room) {
            place.resumed = true;
            place.past = seen;
            place.catching_up = more.then_some(CatchingUp { page: None, gap });
        }
        Ok(())
    }

    fn all_told_again(&mut self, slot: Slot, room: Room, complete: bool, more: bool) -> Check {
        ensure(!complete && !more, Invariant::ResumedTruly, || {
            format!("{slot} is told that {room} is complete, but no history is kept")
        })?;
        let told = std::mem::take(&mut self.call.told_again);
        let conn = self.alive_mut(slot);
        let asked = conn.and_then(|conn| conn.moves.pop_front());
        let Some(Move::Resume(_, after)) = asked else {
            return ensure(false, Invariant::ResumedInOrder, || {
                format!("{slot} is told that it has caught up, the request was {asked:?}")
            });
        };
        if let Some(place) = self.place_mut(slot, room) {
            place.resumed = true;
        }
        let recent = self.channels[room].recent.iter();
        let missed = recent.filter(|&&id| id > after);
        ensure(missed.eq(&told), Invariant::ResumedInOrder, || {
            let recent = &self.channels[room].recent;
            format!("{slot} is told {told:?} after {after}; the recent messages are {recent:?}")
        })
    }

    /// The store could not read; a connection that was catching up may ask
    /// again.
    pub(super) fn reading_failed(&mut self, slot: Slot) -> bool {
        let answered = self.call.reading.take();
        let Some(answered) = answered.filter(|a| a.slot == slot && a.history.is_none()) else {
            return false;
        };
        let place = answered.missed_in.map(|room| self.place_mut(slot, room));
        if let Some(Some(place)) = place
            && let Some(catching_up) = &mut place.catching_up
        {
            catching_up.page = None;
        }
        true
    }

    /// Checks that no connection that asked for missed messages is shown the
    /// past of the channel as well.
    pub(super) fn none_catches_up(&self, to: &[Slot], room: Room) -> Check {
        let asked = to.iter().find(|&&slot| {
            let place = self.place(slot, room);
            place.is_some_and(|place| place.resumed || place.catching_up.is_some())
        });
        ensure(asked.is_none(), Invariant::ResumedInOrder, || {
            format!("{asked:?} is shown the past of {room} while it catches up or after")
        })
    }
}
