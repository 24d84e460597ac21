//! Messages held back while older ones, to be delivered first, are being read.

use std::collections::VecDeque;

use super::Message;
use crate::model::MessageId;

/// The most messages held.
pub(super) const MAX_MESSAGES: usize = 1000;
/// The most text held. Together with a page of history before it, this is far
/// less than a connection's queue may hold.
const MAX_BYTES: usize = 256 * 1024;

/// The latest messages, numbered in the order of arrival.
#[derive(Default)]
pub(super) struct Held {
    messages: VecDeque<Message>,
    bytes: usize,
    /// The number of the first message held.
    first: u64,
}

impl Held {
    /// Holds a message; the oldest ones are dropped to make room for it.
    pub fn push(&mut self, message: Message) {
        self.bytes += bytes(&message);
        self.messages.push_back(message);
        while self.messages.len() > MAX_MESSAGES || self.bytes > MAX_BYTES {
            let Some(oldest) = self.messages.pop_front() else {
                break;
            };
            self.bytes -= bytes(&oldest);
            self.first += 1;
        }
    }

    /// Whether a message can be held without dropping any.
    pub fn has_room_for(&self, message: &Message) -> bool {
        self.messages.len() < MAX_MESSAGES && self.bytes + bytes(message) <= MAX_BYTES
    }

    /// The number of the next message.
    pub fn next(&self) -> u64 {
        self.first + self.messages.len() as u64
    }

    /// All messages from this number on; `None` if some of them were dropped.
    pub fn since(&self, number: u64) -> Option<impl Iterator<Item = &Message>> {
        let skipped = number.checked_sub(self.first)?;
        Some(self.messages.iter().skip(skipped as usize))
    }

    /// Changes a message, if it is held.
    pub fn change(&mut self, id: MessageId, change: impl Fn(&mut Message)) {
        let held = self.messages.iter_mut();
        for message in held.filter(|message| message.id == id) {
            self.bytes -= bytes(message);
            change(message);
            self.bytes += bytes(message);
        }
    }

    /// Takes all messages out.
    pub fn take(&mut self) -> VecDeque<Message> {
        self.first = self.next();
        self.bytes = 0;
        std::mem::take(&mut self.messages)
    }

    /// How many messages are held.
    pub fn len(&self) -> usize {
        self.messages.len()
    }
}

fn bytes(message: &Message) -> usize {
    message.body.bytes()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Name, Place, Text};

    fn message(ms: u64, bytes: usize) -> Message {
        Message {
            id: MessageId { ms, sequence: 0 },
            at_ms: ms,
            author: Name::parse("alice").unwrap(),
            place: Place::Channel {
                channel: Name::parse("dev").unwrap(),
                account: None,
            },
            body: Text::clean(&"x".repeat(bytes)).into(),
        }
    }

    fn since(held: &Held, number: u64) -> Option<Vec<u64>> {
        let messages = held.since(number)?;
        Some(messages.map(|message| message.id.ms).collect())
    }

    #[test]
    fn the_oldest_make_way_and_that_is_noticed() {
        let mut held = Held::default();
        for ms in 0..MAX_MESSAGES as u64 {
            assert!(held.has_room_for(&message(ms, 1)));
            held.push(message(ms, 1));
        }
        let last = MAX_MESSAGES as u64;
        assert_eq!(since(&held, 0).unwrap().len(), MAX_MESSAGES);
        assert!(!held.has_room_for(&message(last, 1)));
        held.push(message(last, 1));
        assert_eq!(since(&held, 0), None);
        assert_eq!(since(&held, last), Some(vec![last]));
        assert_eq!(since(&held, held.next()), Some(vec![]));
        assert_eq!(held.take().len(), MAX_MESSAGES);
        // Numbering continues.
        assert_eq!((since(&held, last), held.next()), (None, last + 1));
    }

    #[test]
    fn long_messages_make_way_sooner() {
        let mut held = Held::default();
        held.push(message(1, MAX_BYTES - 1));
        assert!(held.has_room_for(&message(2, 1)));
        assert!(!held.has_room_for(&message(2, 2)));
        held.push(message(2, 2));
        assert_eq!(held.len(), 1);
        // A message that exceeds the limit by itself is not held at all.
        held.push(message(3, MAX_BYTES + 1));
        assert_eq!((held.len(), held.bytes), (0, 0));
    }
}
