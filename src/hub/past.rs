//! The last messages of a channel, kept for the members that join next.

use std::collections::VecDeque;

use super::held::{Held, MAX_MESSAGES};
use super::tags::TagKey;
use super::{ConnectionId, Message};
use crate::model::MessageId;

/// Messages shown to a member that joins a channel.
pub const RECALLED: usize = 20;

/// Remembers the last [`RECALLED`] messages.
///
/// When a channel is created, its past has yet to be read from the store.
/// Messages published meanwhile are held, so that the first members get old
/// messages before new ones. If more arrive than can be held, the channel stops
/// waiting, and its members do without the past.
#[derive(Default)]
pub(super) struct Past {
    recent: VecDeque<Message>,
    /// The number of the unanswered question for the past.
    awaited: Option<u64>,
    /// The last message of the server when it was asked for.
    asked_after: MessageId,
    held: Held,
    /// The settlements that follow the held messages, in the same order.
    /// Messages from other servers have none.
    settlements: VecDeque<Settlement>,
}

/// What is to be done with a message that is being published.
pub(super) enum Taken {
    /// Nothing: it is held until the past has been read.
    Held,
    /// Deliver it only to members that were not shown the past, which contained
    /// it.
    Known,
    /// Deliver it to all members.
    New,
    /// Deliver all of these: too many are held, and the channel no longer waits
    /// for its past.
    GivenUp(Released),
}

/// What remains to be done after a message has been delivered: its sender is
/// told, and the sender's later commands go on.
pub(super) struct Settlement {
    pub sender: ConnectionId,
    pub tag: Option<TagKey>,
    /// The message, if it is committed.
    pub message: Option<MessageId>,
}

/// The messages that were held until the past was read.
pub(super) struct Released {
    /// Those that the past contains as well, or that are older than what was read of
    /// it.
    pub known: Vec<Message>,
    /// Those that are newer.
    pub new: Vec<Message>,
    /// The settlements that follow them.
    pub settlements: VecDeque<Settlement>,
}

impl Released {
    /// The held messages that are older than all that was read of the past, if `limit` messages
    /// were read and more may come before them. With fewer the store has said that there is
    /// nothing older: retention has removed what was held.
    pub fn before(&self, past: &[Message], limit: usize) -> Vec<Message> {
        let oldest = past.first().filter(|_| past.len() >= limit);
        let Some(oldest) = oldest else {
            return Vec::new();
        };
        let older = self.known.iter().filter(|held| held.id < oldest.id);
        older.cloned().collect()
    }
}

impl Past {
    /// Whether any message is remembered.
    pub fn is_known(&self) -> bool {
        !self.recent.is_empty()
    }

    /// Whether the past is being read.
    pub fn is_awaited(&self) -> bool {
        self.awaited.is_some()
    }

    /// Notes that the past is being read, in answer to question `number`, which was asked
    /// after message `newest`.
    pub fn begin(&mut self, number: u64, newest: MessageId) {
        self.awaited = Some(number);
        self.asked_after = newest;
    }

    /// The last message of the server when the past was asked for: what came after it was
    /// said by those who were here by then.
    pub fn asked_after(&self) -> MessageId {
        self.asked_after
    }

    /// Remembers a message that is being published, and says what to do with it.
    /// If the message is held, its settlement is taken out of `behind`.
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
        if self.newest().is_some_and(|newest| newest >= message.id) {
            return Taken::Known;
        }
        self.remember(message.clone());
        Taken::New
    }

    /// Puts a settlement behind all held messages. Returns them for delivery if
    /// there are too many settlements.
    pub fn put_off(&mut self, settlement: Settlement) -> Option<Released> {
        let has_room = self.has_room();
        self.settlements.push_back(settlement);
        (!has_room).then(|| self.give_up(None))
    }

    /// Whether another settlement may wait.
    fn has_room(&self) -> bool {
        self.settlements.len() < MAX_MESSAGES
    }

    /// Takes all settlements out.
    pub fn take_settlements(&mut self) -> VecDeque<Settlement> {
        std::mem::take(&mut self.settlements)
    }

    /// Stops waiting for the past. Returns the held messages, and `last` behind
    /// them.
    fn give_up(&mut self, last: Option<&Message>) -> Released {
        self.awaited = None;
        let held = self.held.take().into_iter();
        let new: Vec<Message> = held.chain(last.cloned()).collect();
        for message in &new {
            self.remember(message.clone());
        }
        Released {
            known: Vec::new(),
            new,
            settlements: self.take_settlements(),
        }
    }

    /// Sets the past. Returns the held messages, or `None` if the answer is not
    /// to the awaited question.
    pub fn fill(&mut self, number: u64, past: &[Message]) -> Option<Released> {
        if self.awaited != Some(number) {
            return None;
        }
        self.awaited = None;
        for message in past {
            self.remember(message.clone());
        }
        let newest = self.newest();
        let is_known = |message: &Message| newest.is_some_and(|newest| message.id <= newest);
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

    /// Changes a message, if it is remembered or held.
    pub fn change(&mut self, id: MessageId, change: impl Fn(&mut Message)) {
        for message in self.recent.iter_mut().filter(|it| it.id == id) {
            change(message);
            forget_taken_back(message);
        }
        self.held.change(id, change);
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

    /// How many settlements wait behind them.
    pub fn settlements(&self) -> usize {
        self.settlements.len()
    }

    /// The last message that is remembered.
    pub fn newest(&self) -> Option<MessageId> {
        self.recent.back().map(|message| message.id)
    }

    fn remember(&mut self, mut message: Message) {
        forget_taken_back(&mut message);
        if self.recent.len() == RECALLED {
            self.recent.pop_front();
        }
        self.recent.push_back(message);
    }
}

/// Forgets the reactions of a message that were taken back. Here changes come in the order of the
/// log, so nothing has to remember them.
fn forget_taken_back(message: &mut Message) {
    if let Some(reactions) = message
        .body
        .more
        .as_mut()
        .and_then(|it| it.reactions.as_mut())
    {
        reactions.forget_taken_back(u64::MAX);
    }
}
