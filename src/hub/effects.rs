//! Effects: what the hub wants done, in order. It does none of it itself.

use std::net::IpAddr;
use std::sync::Arc;

use crate::model::{AccountId, Entry, Kind, MessageId, Name, Origin, Window};

use super::{
    ConnectionId, Draft, Event, Face, Farewell, Finding, Mark, Refusal, Shared, SharedTag,
};

/// One thing to do.
#[derive(Debug)]
pub enum Effect {
    /// Deliver an event to connections.
    Deliver {
        /// The connections; resolve with [`Effects::recipients`].
        to: Recipients,
        /// The event.
        event: Event,
        /// What the event belongs to.
        circumstances: Circumstances,
    },
    /// Send these bytes to a connection as they are.
    Write {
        /// The connection.
        connection: ConnectionId,
        /// The bytes.
        bytes: Vec<u8>,
        /// The mark of the request that they answer.
        mark: Option<Mark>,
    },
    /// Say farewell to a connection and close it.
    Close {
        /// The connection.
        connection: ConnectionId,
        /// The reason, which is also the last thing the client is told.
        farewell: Farewell,
    },
    /// Write an entry to the chat log.
    Log(Entry),
    /// Commit this entry of the log, then report it to [`super::Hub::settle`].
    Append(Draft),
    /// Tell the other servers. Only a hub that is one of several does so.
    Share(Shared),
    /// An account is called so from now on by those who know users by nicknames; `None` is
    /// by its name.
    Call {
        /// The account's name.
        owner: Name,
        /// The nickname.
        nickname: Option<Name>,
    },
    /// A request to the store other than to commit a message.
    Chore(Chore),
    /// A token is revoked: what else than connections was begun with it ends, too. `None` is that
    /// tokens may have been revoked without this server's hearing of it.
    Revoked(Option<Arc<str>>),
    /// The change that an administrator asked for is in force, or never will be.
    Done {
        /// As given to [`super::Hub::govern_as`].
        ticket: u64,
        /// What became of it.
        outcome: Result<(), Refusal>,
    },
}

/// A request to the store that no message waits for.
#[derive(Clone, Debug)]
pub enum Chore {
    /// Read the last messages of a channel, then hand them to
    /// [`super::Hub::recalled`].
    Recall(Recall),
    /// Read part of a channel's history, then hand it to
    /// [`super::Hub::history_read`].
    Read(Reading),
    /// Find a message that is to be changed, then hand it to [`super::Hub::found`].
    Find(Finding),
    /// Store that an account ignores a user, or no longer does.
    SetIgnored {
        /// The account that ignores.
        account: AccountId,
        /// The user that is ignored.
        nickname: Name,
        /// Whether the user is ignored from now on.
        ignored: bool,
    },
    /// Store a change in the channels of an account.
    Keep(Keeping),
}

/// A change in the channels of an account.
#[derive(Clone, Debug, PartialEq)]
pub enum Keeping {
    /// The channel is one of the account's from now on.
    Joined {
        /// The account.
        account: AccountId,
        /// The channel.
        channel: Name,
        /// The last message before: the account need not read what was said earlier.
        read_up_to: MessageId,
    },
    /// The channel is no longer one of the account's.
    Left {
        /// The account.
        account: AccountId,
        /// The channel.
        channel: Name,
    },
    /// The account has read the channel up to a message, or further.
    Read {
        /// The account.
        account: AccountId,
        /// The channel.
        channel: Name,
        /// The message.
        up_to: MessageId,
    },
}

/// A question for part of a channel's history.
#[derive(Clone, Debug)]
pub struct Reading {
    /// The connection that asks.
    pub connection: ConnectionId,
    /// Its address, for fair turns at the store.
    pub address: IpAddr,
    /// The channel.
    pub channel: Name,
    /// The part of its history.
    pub window: Window,
    /// The most messages to read.
    pub limit: usize,
    /// The message after which the connection might read when it asked.
    pub readable: MessageId,
    /// Whether this is a page of messages that the connection missed.
    pub catching_up: bool,
    /// Whether nothing is wanted but whether there is anything.
    pub is_look_up: bool,
    /// How many changes of messages the hub had told by then.
    pub changes: u64,
}

/// A question for the last messages of a channel.
#[derive(Clone, Debug, PartialEq)]
pub struct Recall {
    /// The channel.
    pub channel: Name,
    /// Only messages before this id: later ones are delivered live.
    pub before: MessageId,
    /// Distinguishes this question from earlier ones about the same channel.
    pub number: u64,
    /// The most messages to read.
    pub limit: usize,
    /// How many changes of messages the hub had told by then.
    pub changes: u64,
}

/// A list of connections inside an [`Effects`].
#[derive(Clone, Copy, Debug)]
pub struct Recipients {
    start: usize,
    end: usize,
}

/// What goes with an event besides its words.
#[derive(Clone, Debug, Default)]
pub struct Circumstances {
    /// The connection whose own message this is: it is in no hurry to read it.
    pub speaker: Option<ConnectionId>,
    /// What others are shown of the user who has done what the event tells.
    pub by: Option<Arc<Face>>,
    /// The mark of the request that this answers.
    pub mark: Option<Mark>,
}

/// Effects in the order in which they must happen. Reused from turn to turn, so
/// that a busy hub need not allocate them anew.
#[derive(Debug, Default)]
pub struct Effects {
    list: Vec<Effect>,
    recipients: Vec<ConnectionId>,
    speaker: Option<ConnectionId>,
    by: Option<Arc<Face>>,
    /// The connection whose request is being carried out, and its mark.
    answering: Option<(ConnectionId, Mark)>,
    /// The administrator whose change is being carried out.
    administrator: Option<Origin>,
}

impl Effects {
    /// Marks the events that `tell` delivers as the words of this connection.
    pub(super) fn spoken_by(
        &mut self,
        speaker: Option<ConnectionId>,
        tell: impl FnOnce(&mut Effects),
    ) {
        self.speaker = speaker;
        tell(self);
        self.speaker = None;
    }

    /// Adds the face of the user who has done it to the events that `tell` delivers.
    pub(super) fn shown_as(&mut self, by: Option<Arc<Face>>, tell: impl FnOnce(&mut Effects)) {
        let before = std::mem::replace(&mut self.by, by);
        tell(self);
        self.by = before;
    }

    /// Adds the mark of a connection's request to what the connection is told from now
    /// on. Returns the one that was added before.
    pub(super) fn answer(
        &mut self,
        request: Option<(ConnectionId, Mark)>,
    ) -> Option<(ConnectionId, Mark)> {
        std::mem::replace(&mut self.answering, request)
    }

    /// Adds an administrator's origin to the entries of the audit trail that `change`
    /// makes.
    pub(super) fn on_behalf_of(
        &mut self,
        administrator: Option<Origin>,
        change: impl FnOnce(&mut Effects),
    ) {
        self.administrator = administrator;
        change(self);
        self.administrator = None;
    }

    /// Tells one connection.
    pub fn tell(&mut self, connection: ConnectionId, event: Event) {
        self.tell_all(std::iter::once(connection), event);
    }

    /// Tells many connections the same event.
    pub fn tell_all(&mut self, to: impl IntoIterator<Item = ConnectionId>, event: Event) {
        let start = self.recipients.len();
        self.recipients.extend(to);
        let others = match self.answering.clone() {
            Some((id, mark)) => self.answer_apart(start, id, mark, &event),
            None => start,
        };
        self.deliver(others, self.recipients.len(), None, event);
    }

    /// Tells the connection whose request is being carried out apart from the others,
    /// with its mark. Returns where the others begin.
    fn answer_apart(&mut self, start: usize, id: ConnectionId, mark: Mark, event: &Event) -> usize {
        let mut told = self.recipients.iter().skip(start);
        let Some(place) = told.position(|&other| other == id) else {
            return start;
        };
        self.recipients.swap(start, start + place);
        self.deliver(start, start + 1, Some(mark), event.clone());
        start + 1
    }

    /// Delivers an event to some of the recipients.
    fn deliver(&mut self, start: usize, end: usize, mark: Option<Mark>, event: Event) {
        if end > start {
            let circumstances = Circumstances {
                speaker: self.speaker,
                by: self.by.clone(),
                mark,
            };
            self.list.push(Effect::Deliver {
                to: Recipients { start, end },
                event,
                circumstances,
            });
        }
    }

    /// Sends bytes to a connection as they are.
    pub fn write(&mut self, connection: ConnectionId, bytes: Vec<u8>) {
        let answering = self.answering.as_ref();
        let mark = answering.filter(|(id, _)| *id == connection);
        self.list.push(Effect::Write {
            connection,
            bytes,
            mark: mark.map(|(_, mark)| mark.clone()),
        });
    }

    /// Ends a connection.
    pub fn close(&mut self, connection: ConnectionId, farewell: Farewell) {
        self.list.push(Effect::Close {
            connection,
            farewell,
        });
    }

    /// Writes to the chat log.
    pub fn log(&mut self, mut entry: Entry) {
        if entry.kind == Kind::Admin
            && let Some(origin) = &self.administrator
        {
            entry.address = entry.address.or(origin.address);
            entry.token = entry.token.or_else(|| origin.token.clone());
            entry.nick = entry.nick.or_else(|| origin.account.clone());
            entry.token_id = entry.token_id.or_else(|| origin.token_id.clone());
        }
        self.list.push(Effect::Log(entry));
    }

    /// Has an account be called so by those who know users by nicknames.
    pub(super) fn call(&mut self, owner: Name, nickname: Option<Name>) {
        self.list.push(Effect::Call { owner, nickname });
    }

    /// Reports what became of an administrator's change.
    pub(super) fn done(&mut self, ticket: u64, outcome: Result<(), Refusal>) {
        self.list.push(Effect::Done { ticket, outcome });
    }

    /// Takes back an entry for the chat log, because its command was refused.
    pub(super) fn withdraw_entry(&mut self, index: usize) {
        if matches!(self.list.get(index), Some(Effect::Log(_))) {
            self.list.remove(index);
        }
    }

    /// Ends what else than connections was begun with a token; see [`Effect::Revoked`].
    pub(super) fn revoked(&mut self, token: Option<Arc<str>>) {
        self.list.push(Effect::Revoked(token));
    }

    /// Has a message committed.
    pub fn append(&mut self, draft: Draft) {
        self.list.push(Effect::Append(draft));
    }

    /// Adds a tag to the draft that was appended last, if it has this id.
    pub(super) fn tag(&mut self, id: MessageId, tag: SharedTag) {
        let mut list = self.list.iter_mut().rev();
        let draft = list.find_map(|effect| match effect {
            Effect::Append(draft) => Some(draft),
            _ => None,
        });
        if let Some(draft) = draft.filter(|draft| draft.record.id() == id) {
            draft.tag = Some(tag);
        }
    }

    /// Tells the other servers.
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

    /// Has a message found.
    pub fn find(&mut self, finding: Finding) {
        self.list.push(Effect::Chore(Chore::Find(finding)));
    }

    /// Has it stored that an account ignores a user, or no longer does.
    pub fn set_ignored(&mut self, account: AccountId, nickname: Name, ignored: bool) {
        self.list.push(Effect::Chore(Chore::SetIgnored {
            account,
            nickname,
            ignored,
        }));
    }

    /// Has a change in the channels of an account stored.
    pub fn keep(&mut self, keeping: Keeping) {
        self.list.push(Effect::Chore(Chore::Keep(keeping)));
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

    /// Drops all effects, and keeps the allocated memory.
    pub fn clear(&mut self) {
        self.list.clear();
        self.recipients.clear();
    }

    /// Takes the list out; return it with [`Effects::put_back`].
    pub fn take_list(&mut self) -> Vec<Effect> {
        std::mem::take(&mut self.list)
    }

    /// Gives back the memory of a list taken with [`Effects::take_list`].
    pub fn put_back(&mut self, mut list: Vec<Effect>) {
        list.clear();
        self.list = list;
        self.recipients.clear();
    }
}
