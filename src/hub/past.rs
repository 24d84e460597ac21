//! The last messages of a channel, kept for whoever joins next.

use std::collections::VecDeque;

use super::messages::RECALLED;
use super::{Message, MessageId};

/// Remembers the last [`RECALLED`] messages. When a channel comes into being
/// its past is still being read; messages published meanwhile are held, so
/// that the first members get old before new.
#[derive(Default)]
pub(super) struct Past {
    recent: VecDeque<Message>,
    /// The question for the past that has not been answered yet.
    awaited: Option<u64>,
    held: Vec<Message>,
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

    /// Remembers a message. Whether it is to be delivered now: not while the
    /// past is being read, nor if the past contained it already.
    pub fn takes(&mut self, message: &Message) -> bool {
        if self.awaited.is_some() {
            self.held.push(message.clone());
            return false;
        }
        if self
            .newest()
            .is_some_and(|newest| newest >= message.body.id)
        {
            return false;
        }
        self.remember(message.clone());
        true
    }

    /// Sets the past. Returns what was held and is newer, or nothing if
    /// another answer is awaited.
    pub fn fill(&mut self, number: u64, past: &[Message]) -> Option<Vec<Message>> {
        if self.awaited != Some(number) {
            return None;
        }
        self.awaited = None;
        for message in past {
            self.remember(message.clone());
        }
        let newest = self.newest();
        let mut held = std::mem::take(&mut self.held);
        held.retain(|message| newest.is_none_or(|newest| message.body.id > newest));
        for message in &held {
            self.remember(message.clone());
        }
        Some(held)
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
