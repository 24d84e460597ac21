//! What the hub wants done, in order: it does none of it itself.

use std::net::IpAddr;

use crate::model::{AccountId, Entry, MessageId, Name, Window};

use super::{ConnectionId, Draft, Event, Farewell, Shared, SharedTag};

/// One thing to do.
#[derive(Debug)]
pub enum Effect {
    /// Tell these connections.
    Deliver {
        /// Resolve with [`Effects::recipients`].
        to: Recipients,
        /// What.
        event: Event,
        /// Whose own words it repeats: that connection is in no hurry.
        speaker: Option<ConnectionId>,
    },
    /// Send these bytes to a connection as they are.
    Write {
        /// Which.
        connection: ConnectionId,
        /// What.
        bytes: Vec<u8>,
    },
    /// Say farewell to a connection and close it.
    Close {
        /// Which.
        connection: ConnectionId,
        /// Why.
        farewell: Farewell,
    },
    /// Write to the chat log.
    Log(Entry),
    /// Commit this message, then say so with [`super::Hub::settle`].
    Append(Draft),
    /// Let the other servers know. Only a hub that is one of several does so.
    Share(Shared),
    /// Something for the store besides messages.
    Chore(Chore),
}

/// Something for the store that no message waits for.
#[derive(Clone, Debug)]
pub enum Chore {
    /// Read the last messages of a channel, then hand them to
    /// [`super::Hub::recalled`].
    Recall(Recall),
    /// Read part of a channel's history, then hand it to
    /// [`super::Hub::history_read`].
    Read(Reading),
    /// Remember with an account whom it ignores.
    SetIgnored {
        /// Whose list.
        account: AccountId,
        /// Who is on it, or no longer.
        nickname: Name,
        /// Whether they are ignored from now on.
        ignored: bool,
    },
}

/// A question for part of a channel's history.
#[derive(Clone, Debug)]
pub struct Reading {
    /// Who asks.
    pub connection: ConnectionId,
    /// From where, for fair turns.
    pub address: IpAddr,
    /// Which channel.
    pub channel: Name,
    /// Which part.
    pub window: Window,
    /// How many messages at most.
    pub limit: usize,
    /// Whether this is what somebody has missed.
    pub catching_up: bool,
    /// Whether nothing is wanted but whether there is anything.
    pub is_look_up: bool,
}

/// A question for the last messages of a channel.
#[derive(Clone, Debug, PartialEq)]
pub struct Recall {
    /// Which channel.
    pub channel: Name,
    /// Only messages before this id: what is said from now on is no past.
    pub before: MessageId,
    /// Tells this question from earlier ones about the same channel.
    pub number: u64,
    /// How many messages.
    pub limit: usize,
}

/// A list of connections inside an [`Effects`].
#[derive(Clone, Copy, Debug)]
pub struct Recipients {
    start: usize,
    end: usize,
}

/// Effects in the order they must happen. Reused from turn to turn, so a
/// busy hub allocates nothing for it.
#[derive(Debug, Default)]
pub struct Effects {
    list: Vec<Effect>,
    recipients: Vec<ConnectionId>,
    speaker: Option<ConnectionId>,
}

impl Effects {
    /// What is told in `tell` are the words of this connection.
    pub(super) fn spoken_by(
        &mut self,
        speaker: Option<ConnectionId>,
        tell: impl FnOnce(&mut Effects),
    ) {
        self.speaker = speaker;
        tell(self);
        self.speaker = None;
    }

    /// Tells one connection.
    pub fn tell(&mut self, connection: ConnectionId, event: Event) {
        self.tell_all(std::iter::once(connection), event);
    }

    /// Tells many connections the same.
    pub fn tell_all(&mut self, to: impl IntoIterator<Item = ConnectionId>, event: Event) {
        let start = self.recipients.len();
        self.recipients.extend(to);
        let end = self.recipients.len();
        if end > start {
            let to = Recipients { start, end };
            let speaker = self.speaker;
            self.list.push(Effect::Deliver { to, event, speaker });
        }
    }

    /// Sends bytes to a connection as they are.
    pub fn write(&mut self, connection: ConnectionId, bytes: Vec<u8>) {
        self.list.push(Effect::Write { connection, bytes });
    }

    /// Ends a connection.
    pub fn close(&mut self, connection: ConnectionId, farewell: Farewell) {
        self.list.push(Effect::Close {
            connection,
            farewell,
        });
    }

    /// Writes to the chat log.
    pub fn log(&mut self, entry: Entry) {
        self.list.push(Effect::Log(entry));
    }

    /// Takes back an entry for the chat log: what it says did not happen.
    pub(super) fn withdraw_entry(&mut self, index: usize) {
        if matches!(self.list.get(index), Some(Effect::Log(_))) {
            self.list.remove(index);
        }
    }

    /// Has a message committed.
    pub fn append(&mut self, draft: Draft) {
        self.list.push(Effect::Append(draft));
    }

    /// Gives the draft that was appended last a tag, if it is the one.
    pub(super) fn tag(&mut self, id: MessageId, tag: SharedTag) {
        let mut list = self.list.iter_mut().rev();
        let draft = list.find_map(|effect| match effect {
            Effect::Append(draft) => Some(draft),
            _ => None,
        });
        if let Some(draft) = draft.filter(|draft| draft.message.id == id) {
            draft.tag = Some(tag);
        }
    }

    /// Lets the other servers know.
    pub fn share(&mut self, shared: Shared) {
        self.list.push(Effect::Share(shared));
    }

    /// Has the last messages of a channel read.
    pub fn recall(&mut self, recall: Recall) {
        self.list.push(Effect::Chore(Chore::Recall(recall)));
    }

    /// Has part of a channel's history read.
    pub fn read(&mut self, reading: Reading) {
        self.list.push(Effect::Chore(Chore::Read(reading)));
    }

    /// Has it remembered whom an account ignores.
    pub fn set_ignored(&mut self, account: AccountId, nickname: Name, ignored: bool) {
        self.list.push(Effect::Chore(Chore::SetIgnored {
            account,
            nickname,
            ignored,
        }));
    }

    /// The connections behind a [`Recipients`].
    pub fn recipients(&self, to: Recipients) -> &[ConnectionId] {
        self.recipients.get(to.start..to.end).unwrap_or(&[])
    }

    /// Everything so far, in order.
    pub fn list(&self) -> &[Effect] {
        &self.list
    }

    /// Whether there is nothing to do.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// Forgets everything, keeps the memory.
    pub fn clear(&mut self) {
        self.list.clear();
        self.recipients.clear();
    }

    /// Moves the list out; give it back with [`Effects::put_back`].
    pub fn take_list(&mut self) -> Vec<Effect> {
        std::mem::take(&mut self.list)
    }

    /// Returns the memory of a list taken with [`Effects::take_list`].
    pub fn put_back(&mut self, mut list: Vec<Effect>) {
        list.clear();
        self.list = list;
        self.recipients.clear();
    }
}
