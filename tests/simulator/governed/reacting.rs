//! Reactions: who may give and take back which, and what clients show of them.

use std::collections::{BTreeMap, BTreeSet};

use chat_server::hub::{ConnectionId, MessageId};
use chat_server::model::{Body, Reaction};
use chat_server::name::Name;
use chat_server::store::{AccountId, Message};

use super::super::invariant::{Check, Invariant, ensure};
use super::super::names::{nick, room};
use super::model::Model;

/// A sign and the key of the nickname that has given it.
type Sign = (String, String);

/// The reactions of a message on one screen.
#[derive(Clone, Debug, Default, PartialEq)]
struct Shown {
    given: BTreeSet<Sign>,
    /// The id of the last one that the client was told.
    last: MessageId,
}

/// See the module documentation.
#[derive(Default)]
pub struct Reacting {
    /// Who was to give which message which sign, whether that was committed or not.
    by: BTreeMap<(MessageId, Sign), (ConnectionId, Option<AccountId>)>,
    committed: BTreeSet<MessageId>,
    shown: BTreeMap<(ConnectionId, MessageId), Shown>,
    /// Which reactions a client was told since it was last shown their message.
    told: BTreeMap<(ConnectionId, MessageId), BTreeSet<MessageId>>,
}

impl Reacting {
    /// A client shows nothing of a message any more.
    pub fn is_deleted(&mut self, id: ConnectionId, message: MessageId) {
        self.shown.remove(&(id, message));
    }

    /// A client shows nothing any more but other messages.
    pub fn clear_screen(&mut self, id: ConnectionId, is_other: impl Fn(&MessageId) -> bool) {
        self.shown
            .retain(|(it, message), _| *it != id || is_other(message));
    }

    /// Checks that a client shows the reactions that a message has.
    pub fn agrees(&self, id: ConnectionId, message: MessageId, is: &Body) -> Check {
        let shown = self.shown.get(&(id, message));
        let shown = shown.map(|it| it.given.clone()).unwrap_or_default();
        let has = given(is);
        ensure(shown == has, Invariant::ScreensAgree, || {
            format!("{id:?} shows {message} with {shown:?}, but it has {has:?}")
        })
    }
}

/// The reactions that a message has.
fn given(body: &Body) -> BTreeSet<Sign> {
    let all = body.reactions().into_iter().flat_map(|it| it.given());
    let on = all.filter(|given| given.on);
    on.map(|given| (given.sign.to_owned(), given.key.to_owned()))
        .collect()
}

fn sign(reaction: &Reaction) -> Sign {
    (reaction.sign.to_string(), reaction.by.key().to_string())
}

impl Model {
    /// A client shows the reactions that come with a message.
    pub fn shows_reactions(&mut self, id: ConnectionId, message: &Message) {
        let last = message.body.reactions().and_then(|it| it.last());
        let shown = Shown {
            given: given(&message.body),
            last: last.unwrap_or_default(),
        };
        self.reacting.shown.insert((id, message.id), shown);
        self.reacting.told.remove(&(id, message.id));
    }

    /// A client is told all reactions of a message that it shows.
    pub fn reads_reactions(&mut self, id: ConnectionId, message: &Message) -> Check {
        if let Some(channel) = message.place.channel() {
            self.may_read(id, message.id, channel)?;
        }
        if self.reacting.shown.contains_key(&(id, message.id)) {
            self.shows_reactions(id, message);
        }
        Ok(())
    }

    /// A client is told that someone has reacted. It leaves out what it knows already. One that is in
    /// one channel shows no reactions, and is told only what concerns its user.
    pub fn shows_reaction(&mut self, id: ConnectionId, reaction: &Reaction) -> Check {
        let is_committed = self.reacting.committed.contains(&reaction.id);
        ensure(is_committed, Invariant::CommitFirst, || {
            format!("{id:?} is told {reaction:?}, which was not committed")
        })?;
        if self.conn(id).is_none_or(|conn| conn.one_channel) {
            return Ok(());
        }
        let told = self.reacting.told.entry((id, reaction.message));
        let is_first = told.or_default().insert(reaction.id);
        ensure(is_first, Invariant::ToldOnce, || {
            format!("{id:?} is told {reaction:?} twice")
        })?;
        let shown = self.reacting.shown.get_mut(&(id, reaction.message));
        let Some(shown) = shown.filter(|shown| reaction.id > shown.last) else {
            return Ok(());
        };
        shown.last = reaction.id;
        let is_news = match reaction.on {
            true => shown.given.insert(sign(reaction)),
            false => shown.given.remove(&sign(reaction)),
        };
        ensure(is_news, Invariant::ToldOnce, || {
            format!("{id:?} is told {reaction:?}, which it shows already")
        })
    }

    /// A reaction is committed.
    pub fn is_reacted(&mut self, reaction: &Reaction) {
        self.reacting.committed.insert(reaction.id);
        if let Some(channel) = reaction.place.channel() {
            self.leaves_screens(reaction.message, room(channel));
        }
    }

    /// Checks that a reaction is one that its user may give, or take back.
    pub fn reacts(&mut self, sender: ConnectionId, reaction: &Reaction, channel: &Name) -> Check {
        let of = (reaction.message, sign(reaction));
        let may = || {
            let conn = self.conn(sender)?;
            let room = room(channel);
            let is_there = self.screens.said.get(&reaction.message)?.room == room;
            let reads = self.may_read(sender, reaction.message, channel).is_ok();
            let is_own = match reaction.on {
                true => conn.nick == nick(&reaction.by) && conn.account == reaction.account,
                false => {
                    let (giver, account) = self.reacting.by.get(&of)?;
                    match conn.account {
                        Some(_) => conn.account == *account,
                        None => sender == *giver && conn.nick == nick(&reaction.by),
                    }
                }
            };
            Some(is_there && reads && is_own && self.lets_speak(conn, room))
        };
        ensure(may() == Some(true), Invariant::ReactedByRight, || {
            format!("{sender:?} makes {reaction:?}, and may not")
        })?;
        if reaction.on {
            let by = (sender, reaction.account);
            self.reacting.by.insert(of, by);
        }
        Ok(())
    }
}
