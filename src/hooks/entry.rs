//! A hook that this server sees to: when it is due, and which senders it has.

use crate::model::hook::Duty;
use crate::model::time::unix_ms;

use super::lanes::{AFTER_PANIC_MS, Lane};
use super::sender::{Done, Next, Pace};
use super::turns::{Keeper, Sharer, State};

/// How often a hook is seen to for what was said on other servers.
const POLL_MS: u64 = 2_000;
/// The most quick jobs that a hook must do before it counts as quick again.
const MOST_PROOFS: u32 = 64;

/// A hook that this server has.
pub struct Entry {
    pub duty: Box<Duty>,
    keeper: Keeper,
    /// When it is to be seen to, in milliseconds since 1970 UTC.
    due_ms: Option<u64>,
    /// The senders of which one has it.
    held: Option<Lane>,
    /// When a sender had it last: a number that grows with each turn.
    served: u64,
    /// The same before its last turn.
    served_before: u64,
    /// Something was said that it may not have seen yet.
    heard: bool,
    trust: Trust,
}

/// Whether a receiver has proved to answer quickly. Each time that it then does not, it has to do
/// so twice as often as before: one that answers and hangs in turn stays among the slow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Trust {
    /// Quick jobs in a row.
    proofs: u32,
    needed: u32,
}

impl Trust {
    const NONE: Trust = Trust {
        proofs: 0,
        needed: 1,
    };

    fn lane(self) -> Lane {
        match self.proofs >= self.needed {
            true => Lane::Usual,
            false => Lane::Slow,
        }
    }

    fn note(&mut self, pace: Pace) {
        match pace {
            Pace::Unknown => {}
            Pace::Quick => self.proofs = self.proofs.saturating_add(1),
            Pace::Slow => {
                if self.lane() == Lane::Usual {
                    self.needed = (self.needed * 2).min(MOST_PROOFS);
                }
                self.proofs = 0;
            }
        }
    }
}

impl Entry {
    pub fn new(duty: Duty, now: u64) -> Entry {
        Entry {
            due_ms: Some(duty.next_at.max(now)),
            keeper: Keeper::of(&duty.hook),
            duty: Box::new(duty),
            held: None,
            served: 0,
            served_before: 0,
            heard: true,
            trust: Trust::NONE,
        }
    }

    /// The same with what the store knows now. What was said while its receiver was away goes into
    /// the queue, so that its keepers see how much waits.
    pub fn with(mut self, duty: Duty, now: u64) -> Entry {
        let is_to_go_on = duty.next_at < self.duty.next_at;
        self.duty = Box::new(duty);
        if self.heard || is_to_go_on {
            self.due_ms = Some(now);
        } else if self.duty.waiting > 0 {
            let due = self.duty.next_at.max(now);
            self.due_ms = Some(self.due_ms.map_or(due, |own| own.min(due)));
        }
        self
    }

    /// Something was said in its channel.
    pub fn hear(&mut self, now: u64) {
        self.heard = true;
        // While its receiver is away, it waits for the next look. One that waits for its turn has
        // waited since then.
        let is_due = self.due_ms.is_some_and(|due| due <= now);
        if self.held.is_none() && !is_due && self.duty.next_at <= now {
            self.due_ms = Some(now);
        }
    }

    /// The senders that see to it.
    pub fn lane(&self) -> Lane {
        self.held.unwrap_or(self.trust.lane())
    }

    pub fn is_held(&self) -> bool {
        self.held.is_some()
    }

    /// When it is to be seen to, if no sender has it.
    pub fn due_ms(&self) -> Option<u64> {
        self.due_ms.filter(|_| self.held.is_none())
    }

    /// The hook among those that share its senders.
    pub fn sharer(&self, now: u64) -> Sharer<'_> {
        let state = match (self.held, self.due_ms) {
            (Some(_), _) => State::Held,
            (None, Some(due)) if due <= now => State::Waits(due),
            (None, _) => State::Rests,
        };
        Sharer {
            id: &self.duty.hook.program.id,
            keeper: &self.keeper,
            state,
            served: self.served,
        }
    }

    /// A sender has it.
    pub fn hold(&mut self, turn: u64) {
        self.held = Some(self.lane());
        self.served_before = std::mem::replace(&mut self.served, turn);
        self.heard = false;
        self.due_ms = None;
    }

    /// No sender takes it.
    pub fn put_off(&mut self) {
        self.held = None;
        self.heard = true;
        self.due_ms = Some(unix_ms() + AFTER_PANIC_MS);
    }

    /// The same, to be forgotten when its sender is done.
    pub fn ending(mut self) -> Entry {
        self.due_ms = Some(u64::MAX);
        self
    }

    /// A sender is done with it. Returns whether it is to be forgotten.
    pub fn is_done(&mut self, done: Done, duty: Box<Duty>, has_others: bool) -> bool {
        let is_ending = self.due_ms == Some(u64::MAX);
        self.held = None;
        if done.pace == Pace::Unknown {
            // A turn without a call is none: there was nothing to send yet.
            self.served = self.served_before;
        }
        self.trust.note(done.pace);
        self.duty = duty;
        let now = unix_ms();
        self.due_ms = match done.next {
            Next::Now => Some(now),
            Next::At(at) => Some(at),
            Next::Idle if self.heard => Some(now),
            // What was said on other servers is not heard here.
            Next::Idle if has_others => Some(now + POLL_MS),
            Next::Idle | Next::Never => None,
        };
        is_ending || done.next == Next::Never
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_receiver_that_answers_and_hangs_in_turn_stays_among_the_slow() {
        let mut trust = Trust::NONE;
        assert_eq!(trust.lane(), Lane::Slow);
        trust.note(Pace::Unknown);
        assert_eq!(trust.lane(), Lane::Slow);
        trust.note(Pace::Quick);
        assert_eq!(trust.lane(), Lane::Usual);
        trust.note(Pace::Slow);
        for _ in 0..100 {
            trust.note(Pace::Quick);
            assert_eq!(trust.lane(), Lane::Slow);
            trust.note(Pace::Slow);
        }
        trust.note(Pace::Quick);
        trust.note(Pace::Quick);
        assert_eq!(trust.lane(), Lane::Usual);
    }
}
