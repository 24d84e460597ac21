//! What clients show of messages: what they were told last. A message that a client may not read any
//! more when it changes leaves its screen.

use std::collections::{BTreeMap, BTreeSet};

use chat_server::hub::{ConnectionId, MessageId};
use chat_server::model::{Amendment, Body};
use chat_server::name::Name;
use chat_server::store::{AccountId, Message};

use super::super::invariant::{Check, Invariant, ensure};
use super::super::names::{Nick, Room, room};
use super::model::Model;

/// A message that was said.
#[derive(Clone, Debug)]
pub struct Said {
    pub room: Room,
    pub sender: ConnectionId,
    pub nick: Nick,
    pub account: Option<AccountId>,
}

/// What all clients show.
#[derive(Default)]
pub struct Screens {
    /// Who has said what.
    pub said: BTreeMap<MessageId, Said>,
    /// The changes of messages that were committed.
    changes: BTreeSet<MessageId>,
    shown: BTreeMap<(ConnectionId, MessageId), Body>,
}

impl Model {
    /// A client shows a message as it is told.
    pub fn shows_message(&mut self, id: ConnectionId, message: &Message) {
        let body = message.body.clone();
        self.screens.shown.insert((id, message.id), body);
        self.shows_reactions(id, message);
    }

    /// A client is told what has become of a message.
    pub fn is_amended(&mut self, id: ConnectionId, amendment: &Amendment) -> Check {
        let change = amendment.id;
        // The store, which told what is in a page, may be ahead of the hub.
        let is_committed = amendment.by.is_none() || self.screens.changes.contains(&change);
        ensure(is_committed, Invariant::CommitFirst, || {
            format!("{id:?} is told {amendment:?}, which was not committed")
        })?;
        if let Some(body) = self.screens.shown.get_mut(&(id, amendment.message)) {
            body.clone_from(&amendment.body);
        }
        if amendment.deletes() {
            self.reacting.is_deleted(id, amendment.message);
        }
        Ok(())
    }

    /// A client leaves a channel, and shows nothing of it any more.
    pub fn clear_screen(&mut self, id: ConnectionId, of: Room) {
        let said = &self.screens.said;
        let is_other = |message: &MessageId| said.get(message).is_none_or(|it| it.room != of);
        self.screens
            .shown
            .retain(|(it, message), _| *it != id || is_other(message));
        self.reacting.clear_screen(id, is_other);
    }

    /// A change of a message is committed.
    pub fn is_mended(&mut self, amendment: &Amendment) {
        self.screens.changes.insert(amendment.id);
        let Some(channel) = amendment.place.channel() else {
            return;
        };
        self.leaves_screens(amendment.message, room(channel));
    }

    /// A message that changes leaves the screens of those who may not read it any more.
    pub fn leaves_screens(&mut self, message: MessageId, of: Room) {
        let shown = self.screens.shown.keys();
        let on: Vec<ConnectionId> = shown
            .filter(|(_, shown)| *shown == message)
            .map(|(id, _)| *id)
            .collect();
        for id in on {
            let bound = self.bound(id, of);
            if bound.is_none_or(|bound| message <= bound) {
                self.screens.shown.remove(&(id, message));
                self.reacting.is_deleted(id, message);
            }
        }
    }

    /// Checks that a change of a message is made by one who may make it.
    pub fn mends(&self, sender: ConnectionId, amendment: &Amendment, channel: &Name) -> Check {
        let may = || {
            let conn = self.conn(sender)?;
            let said = self.screens.said.get(&amendment.message)?;
            let reads = self.may_read(sender, amendment.message, channel).is_ok();
            let is_author = match said.account {
                Some(account) => conn.account == Some(account),
                None => said.sender == sender && said.nick == conn.nick,
            };
            let may_delete = amendment.deletes() && self.operates(conn, said.room);
            Some(reads && said.room == room(channel) && (is_author || may_delete))
        };
        ensure(may() == Some(true), Invariant::MendedByRight, || {
            format!("{sender:?} makes {amendment:?}, and may not")
        })
    }

    /// Compares the screens with the messages as they are, once all is delivered.
    pub fn screens_agree(&self, rooms: &[Vec<Message>]) -> Check {
        let all = rooms.iter().flatten();
        let all: BTreeMap<MessageId, &Body> = all.map(|it| (it.id, &it.body)).collect();
        for ((id, message), body) in &self.screens.shown {
            let Some(is) = all.get(message).filter(|_| self.conn(*id).is_some()) else {
                continue;
            };
            let agrees = (body.kind, &body.text) == (is.kind, &is.text);
            ensure(agrees, Invariant::ScreensAgree, || {
                format!("{id:?} shows {message} as {body:?}, but it is {is:?}")
            })?;
            if self.conn(*id).is_some_and(|conn| !conn.one_channel) {
                self.reacting.agrees(*id, *message, is)?;
            }
        }
        Ok(())
    }
}
