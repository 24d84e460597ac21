//! Amendments: what becomes of a message after it was sent. Each is an entry of the same
//! log as the message.

use super::body::{Body, MessageKind};
use super::id::MessageId;
use super::message::{Conversation, Message, Place};
use super::name::Name;
use super::text::Text;

/// A change of a message.
#[derive(Clone, Debug, PartialEq)]
pub struct Amendment {
    /// Its own id, which is higher than the message's.
    pub id: MessageId,
    /// The message.
    pub message: MessageId,
    /// Where the message is.
    pub place: Place,
    /// The message's author, as the message has it.
    pub author: Name,
    /// The recipient of a direct message, as shown.
    pub to: Option<Name>,
    /// The user who has made the change; `None` where that is not known any more.
    pub by: Option<Name>,
    /// What the message says from now on: nothing, if it was deleted.
    pub body: Body,
    /// Why the message was deleted, if that is said. It is told, and not stored.
    pub reason: Option<Text>,
}

impl Amendment {
    /// The conversation it belongs to: the message's.
    pub fn conversation(&self) -> Conversation {
        Conversation::of(&self.place)
    }

    /// Gives it the id that the log has given out.
    pub fn set_id(&mut self, id: MessageId) {
        self.id = id;
        self.body.more.get_or_insert_default().changed = Some(id);
    }

    /// Whether the message is deleted.
    pub fn deletes(&self) -> bool {
        self.body.kind == MessageKind::Deleted
    }

    /// Changes the message, unless it knows of a later change. What comes of several
    /// amendments does not depend on the order in which they are applied: a deleted message
    /// stays deleted, and of several texts that with the highest id counts.
    pub fn apply(&self, message: &mut Message) {
        if message.id == self.message && self.overrides(&message.body) {
            let kept = message.body.reactions().filter(|_| !self.deletes());
            message.body = self.body.clone().with_reactions(kept.cloned());
        }
    }

    /// Whether it counts more than what has become of the message so far.
    fn overrides(&self, body: &Body) -> bool {
        let is_newer = body.changed() < Some(self.id);
        match (body.kind == MessageKind::Deleted, self.deletes()) {
            (true, false) => false,
            (false, true) => true,
            _ => is_newer,
        }
    }

    /// What has become of a message, if anything has.
    pub fn of(message: &Message) -> Option<Amendment> {
        Some(Amendment {
            id: message.body.changed()?,
            message: message.id,
            place: message.place.clone(),
            author: message.author.clone(),
            to: None,
            by: None,
            body: message.body.clone().with_reactions(None),
            reason: None,
        })
    }
}

/// A message, and its recipient if it is a direct one: what has to be known to amend it.
#[derive(Clone, Debug)]
pub struct Located {
    /// The message.
    pub message: Message,
    /// The recipient's name, if it is a direct message.
    pub to: Option<Name>,
    /// Whether it is in a channel that is on hold.
    pub is_held: bool,
}

impl Located {
    /// A message of a channel that no store has, or that is not to be changed.
    pub fn remembered(message: Message) -> Located {
        Located {
            message,
            to: None,
            is_held: false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Text;

    fn id(ms: u64) -> MessageId {
        MessageId { ms, sequence: 0 }
    }

    fn said() -> Message {
        Message {
            id: id(1),
            at_ms: 1,
            author: Name::parse("ann").unwrap(),
            place: Place::Channel {
                channel: Name::parse("dev").unwrap(),
                account: None,
            },
            body: Text::clean("teh").into(),
        }
    }

    fn amended(ms: u64, body: Body) -> Amendment {
        let Message { author, place, .. } = said();
        Amendment {
            id: id(ms),
            message: id(1),
            place,
            by: Some(author.clone()),
            author,
            to: None,
            body: body.changed_by(id(ms)),
            reason: None,
        }
    }

    #[test]
    fn the_order_in_which_amendments_come_does_not_matter() {
        let edit = |ms, text: &str| amended(ms, Text::clean(text).into());
        let all = [edit(2, "the"), edit(4, "them"), amended(3, Body::deleted())];
        let orders = [
            [0, 1, 2],
            [0, 2, 1],
            [1, 0, 2],
            [1, 2, 0],
            [2, 0, 1],
            [2, 1, 0],
        ];
        for order in orders {
            let (mut edited, mut deleted) = (said(), said());
            for at in order {
                all[at].apply(&mut deleted);
                if at < 2 {
                    all[at].apply(&mut edited);
                }
            }
            assert_eq!(edited.body.text.as_str(), "them");
            assert_eq!(edited.body.changed(), Some(id(4)));
            assert_eq!(deleted.body.kind, MessageKind::Deleted);
            assert!(deleted.body.is_empty());
        }
    }

    #[test]
    fn an_amendment_is_of_one_message() {
        let mut other = said();
        other.id = id(9);
        amended(10, Body::deleted()).apply(&mut other);
        assert_eq!(other.body.text.as_str(), "teh");
    }
}
