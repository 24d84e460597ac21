//! Direct messages that are stored nowhere, because one of the two users is a guest. Each of
//! the two keeps the last ones in memory for as long as it is on, for clients that ask what
//! was said. A later user of the same nickname is another user, who has none of them.

use std::collections::VecDeque;

use crate::model::{Body, MessageId, Name};

use super::{ConnectionId, Hub, Private};

/// The most that one user keeps, in messages and in bytes.
const MOST: usize = 50;
const MOST_BYTES: usize = 8 * 1024;

/// A direct message that is stored nowhere.
#[derive(Clone, Debug)]
pub struct Whisper {
    /// What was said.
    pub message: Private,
    /// Whether the author has an account.
    pub is_by_account: bool,
}

/// The last such messages of one user, oldest first, each with the other user.
#[derive(Default)]
pub(super) struct Whispered {
    list: VecDeque<(Name, Whisper)>,
    bytes: usize,
}

impl Whispered {
    fn add(&mut self, with: Name, whisper: Whisper) {
        self.bytes += whisper.message.body.bytes();
        self.list.push_back((with, whisper));
        while self.list.len() > MOST || self.bytes > MOST_BYTES {
            let Some((_, oldest)) = self.list.pop_front() else {
                return;
            };
            self.bytes = self.bytes.saturating_sub(oldest.message.body.bytes());
        }
    }
}

impl Hub {
    /// Keeps a message for one of its two users, who is on this server.
    pub(super) fn keep_whisper(&mut self, of: &Name, message: &Private, is_by_account: bool) {
        let with = match message.from == *of {
            true => message.to.clone(),
            false => message.from.clone(),
        };
        // Tags are for the moment.
        let body = Body {
            extras: None,
            ..message.body.clone()
        };
        let message = Private {
            body,
            ..message.clone()
        };
        if let Some(user) = self.users.get_mut(of.key()) {
            let whisper = Whisper {
                message,
                is_by_account,
            };
            user.whispered.add(with, whisper);
        }
    }

    /// What the user of a connection and another one have said to each other, if that is
    /// stored nowhere: in the order in which it was said.
    pub fn whispers(&self, id: ConnectionId, with: &Name) -> Vec<Whisper> {
        let Ok((_, user)) = self.user_of(id) else {
            return Vec::new();
        };
        let list = user.whispered.list.iter();
        let own = list.filter(|(other, _)| other == with);
        let mut own: Vec<Whisper> = own.map(|(_, whisper)| whisper.clone()).collect();
        own.sort_by_key(|whisper| whisper.message.id);
        own
    }

    /// The users that the user of a connection has exchanged such messages with, each with the id of the
    /// newest message.
    pub fn whispered_with(&self, id: ConnectionId) -> Vec<(Name, MessageId)> {
        let mut newest: Vec<(Name, MessageId)> = Vec::new();
        let Ok((_, user)) = self.user_of(id) else {
            return newest;
        };
        for (with, whisper) in &user.whispered.list {
            let id = whisper.message.id;
            match newest.iter_mut().find(|(other, _)| other == with) {
                Some((_, last)) => *last = id.max(*last),
                None => newest.push((with.clone(), id)),
            }
        }
        newest
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{MessageKind, Text};

    fn whisper(ms: u64, text: &str) -> Whisper {
        let name = |raw| Name::parse(raw).unwrap();
        Whisper {
            message: Private {
                id: MessageId { ms, sequence: 0 },
                at_ms: ms,
                from: name("ann"),
                to: name("bob"),
                body: Body::plain(MessageKind::Say, Text::clean(text)),
            },
            is_by_account: false,
        }
    }

    #[test]
    fn few_messages_and_few_bytes_are_kept() {
        let bob = Name::parse("bob").unwrap();
        let mut kept = Whispered::default();
        for ms in 0..2 * MOST as u64 {
            kept.add(bob.clone(), whisper(ms, "hi"));
        }
        assert_eq!(kept.list.len(), MOST);
        assert_eq!(kept.bytes, 2 * MOST);
        for ms in 0..5 {
            kept.add(bob.clone(), whisper(ms, &"x".repeat(MOST_BYTES / 2)));
        }
        assert_eq!((kept.list.len(), kept.bytes), (2, MOST_BYTES));
        kept.add(bob, whisper(9, &"x".repeat(MOST_BYTES + 1)));
        assert_eq!((kept.list.len(), kept.bytes), (0, 0));
    }
}
