//! The last messages of a channel, kept for whoever joins next.

use std::collections::VecDeque;

use super::held::{Held, MAX_MESSAGES};
use super::history::RECALLED;
use super::tags::TagKey;
use super::{ConnectionId, Message};
use crate::model::MessageId;

/// Remembers the last [`RECALLED`] messages. When a channel comes into being
/// its past is still being read; messages published meanwhile are held, so
/// that the first members get old before new. If more come than can be held,
/// they are not kept waiting any longer and do without the past.
#[derive(Default)]
pub(super) struct Past {
    recent: VecDeque<Message>,
    /// The question for the past that has not been answered yet.
    awaited: Option<u64>,
    held: Held,
    /// What is to come behind those that are held, in their order; of another
    /// server's messages nothing.
    settlements: VecDeque<Settlement>,
}

/// What is to be done with a message that is being published.
pub(super) enum Taken {
    /// Nothing until the past has been read.
    Held,
    /// The past contained it: it is no news to those who were shown that.
    Known,
    /// It is to be delivered.
    New,
    /// Too many are held: these are to be delivered, and nobody waits for
    /// the past any longer.
    GivenUp(Released),
}

/// What is to be done behind a message.
pub(super) struct Settlement {
    pub sender: ConnectionId,
    pub tag: Option<TagKey>,
    /// The message, if it is committed.
    pub message: Option<MessageId>,
}

/// What was held until the past was read.
pub(super) struct Released {
    /// What the past contains, too.
    pub known: Vec<Message>,
    /// What is newer.
    pub new: Vec<Message>,
    /// What is to come behind these.
    pub settlements: VecDeque<Settlement>,
}

impl Past {
    /// Whether the past was read, or there is something to remember.
    pub fn is_known(&self) -> bool {
        !self.recent.is_empty()
    }

    /// Whether the past is being read.
    pub fn is_awaited(&self) -> bool {
        self.awaited.is_some()
    }

    /// The past is being read.
    pub fn begin(&mut self, number: u64) {
        self.awaited = Some(number);
    }

    /// Remembers a message, and says what is to be done with it. If it is
    /// held, what is to come behind it is taken, too.
    pub fn take(&mut self, message: &Message, behind: &mut Option<Settlement>) -> Taken {
        if self.awaited.is_some() {
            let has_room = self.held.has_room_for(message) && self.has_room();
            self.settlements.extend(behind.take());
            if has_room {
                self.held.push(message.clone());
                return Taken::Held;
            }
            return Taken::GivenUp(self.give_up(Some(message)));
        }
        if self
            .newest()
            .is_some_and(|newest| newest >= message.body.id)
        {
            return Taken::Known;
        }
        self.remember(message.clone());
        Taken::New
    }

    /// Something is to come behind all that is held. Returns that if there is
    /// too much of it.
    pub fn put_off(&mut self, settlement: Settlement) -> Option<Released> {
        let has_room = self.has_room();
        self.settlements.push_back(settlement);
        (!has_room).then(|| self.give_up(None))
    }

    /// Whether something more may wait for what is held.
    fn has_room(&self) -> bool {
        self.settlements.len() < MAX_MESSAGES
    }

    /// What waits for what is held waits no longer.
    pub fn take_settlements(&mut self) -> VecDeque<Settlement> {
        std::mem::take(&mut self.settlements)
    }

    /// Waits for the past no longer. Returns what was held, and the last one.
    fn give_up(&mut self, last: Option<&Message>) -> Released {
        self.awaited = None;
        let held = self.held.take().into_iter();
        let held: Vec<Message> = held.chain(last.cloned()).collect();
        for message in &held {
            self.remember(message.clone());
        }
        Released {
            known: Vec::new(),
            new: held,
            settlements: self.take_settlements(),
        }
    }

    /// Sets the past. Returns what was held, or nothing if another answer is
    /// awaited.
    pub fn fill(&mut self, number: u64, past: &[Message]) -> Option<Released> {
        if self.awaited != Some(number) {
            return None;
        }
        self.awaited = None;
        for message in past {
            self.remember(message.clone());
        }
        let newest = self.newest();
        let is_known = |message: &Message| newest.is_some_and(|newest| message.body.id <= newest);
        let held = self.held.take().into_iter();
        let (known, new): (Vec<_>, Vec<_>) = held.partition(is_known);
        for message in &new {
            self.remember(message.clone());
        }
        Some(Released {
            known,
            new,
            settlements: self.take_settlements(),
        })
    }

    /// The last messages, oldest first; none while the past is being read.
    pub fn recent(&self) -> Vec<Message> {
        match self.awaited {
            None => self.recent.iter().cloned().collect(),
            Some(_) => Vec::new(),
        }
    }

    /// How many messages are remembered.
    pub fn remembered(&self) -> usize {
        self.recent.len()
    }

    /// How many messages are held.
    pub fn held(&self) -> usize {
        self.held.len()
    }

    /// For how many something waits behind them.
    pub fn settlements(&self) -> usize {
        self.settlements.len()
    }

    fn newest(&self) -> Option<MessageId> {
        self.recent.back().map(|message| message.body.id)
    }

    fn remember(&mut self, message: Message) {
        if self.recent.len() == RECALLED {
            self.recent.pop_front();
        }
        self.recent.push_back(message);
    }
}
