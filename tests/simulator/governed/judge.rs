//! Judges what the hub does by the rules that the model knows.

use std::sync::Arc;

use chat_server::hub::{ConnectionId, Draft, Event, MessageId, Reply};
use chat_server::model::Record;
use chat_server::model::governance::{Change, Flag, Role};
use chat_server::name::Name;
use chat_server::store::Message;

use super::super::invariant::{Check, Invariant, ensure};
use super::super::names::{Nick, Room, nick, room};
use super::law::MAX_LINKS;
use super::model::{Conn, Model};
use super::screens::Said;
use super::world::Fact;

impl Model {
    pub fn witness(&mut self, fact: &Fact) -> Check {
        match fact {
            Fact::Tell(to, event) => {
                for &id in to {
                    if self.conn(id).is_some() {
                        self.told(id, event)?;
                    }
                }
                Ok(())
            }
            Fact::Close(id) => {
                self.end(*id);
                Ok(())
            }
            Fact::Append(draft) => self.appended(draft),
            Fact::Settled(id, is_committed) => {
                self.settled(*id, *is_committed);
                Ok(())
            }
            Fact::Chore(_) => Ok(()),
            Fact::Write(id, bytes) => {
                let shown = self.answers.remove(bytes).unwrap_or_default();
                shown
                    .iter()
                    .try_for_each(|message| self.reads(*id, message))
            }
        }
    }

    fn told(&mut self, id: ConnectionId, event: &Event) -> Check {
        match event {
            Event::Joined { channel, .. } => self.enters(id, channel),
            Event::Left { channel, .. } | Event::Kicked { channel, .. } => {
                self.is_told_of(id, channel)?;
                self.leave(id, room(channel));
                Ok(())
            }
            Event::Message(message) => self.reads(id, message),
            Event::History { messages, .. } => {
                messages.iter().try_for_each(|it| self.reads(id, it))
            }
            Event::Amended(amendment) => {
                if let Some(channel) = amendment.place.channel() {
                    self.may_read(id, amendment.message, channel)?;
                }
                self.is_amended(id, amendment)
            }
            Event::Reacted(reaction) => {
                if let Some(channel) = reaction.place.channel() {
                    self.may_read(id, reaction.message, channel)?;
                }
                self.shows_reaction(id, reaction)
            }
            Event::Reactions(found) => self.reads_reactions(id, &found.message),
            Event::LinkMade { channel, secret } => self.is_told_link(channel, &secret.hash()),
            Event::MemberJoined { channel, .. }
            | Event::MemberLeft { channel, .. }
            | Event::MembersChanged { channel, .. }
            | Event::MemberRenamed { channel, .. }
            | Event::Members { channel, .. }
            | Event::Resumed { channel, .. } => self.is_told_of(id, channel),
            Event::Changed(change) => {
                self.is_told_of(id, &change.channel)?;
                let is_committed = self.changed.iter().any(|it| it.id == change.id);
                ensure(is_committed, Invariant::RightsCommitted, || {
                    format!("{id:?} is told {change:?}, which was not committed")
                })
            }
            Event::Channels(page) => {
                let mut rows = page.rows.iter().map(|row| &row.name);
                rows.try_for_each(|name| self.is_shown(id, name))
            }
            Event::Answered(Reply::User(card)) => {
                let mut names = card.channels.iter().map(|it| &it.name);
                names.try_for_each(|name| self.is_shown(id, name))
            }
            Event::Topic { channel, .. } => self.is_shown(id, channel),
            Event::Rules(view) => self.is_shown(id, &view.channel),
            Event::Role { channel, role } => self.is_given(id, channel, *role),
            Event::Renamed { to } => {
                self.rename(id, nick(to));
                Ok(())
            }
            Event::InviteSent { channel, to } => {
                self.places[room(channel)].passes.insert(nick(to));
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn enters(&mut self, id: ConnectionId, channel: &Name) -> Check {
        let room = room(channel);
        if self.is_in(id, room) {
            return Ok(());
        }
        let admits = self.conn(id).is_some_and(|conn| self.admits(conn, room));
        ensure(admits, Invariant::AdmittedByRight, || {
            format!("{id:?} enters {channel}, whose rules keep it out")
        })?;
        let before = self.conn(id).filter(|conn| conn.one_channel);
        for (before, _) in before.map(|conn| conn.rooms.clone()).unwrap_or_default() {
            self.leave(id, before);
        }
        self.join(id, room);
        Ok(())
    }

    fn is_told_of(&self, id: ConnectionId, channel: &Name) -> Check {
        ensure(
            self.is_in(id, room(channel)),
            Invariant::PastByRight,
            || format!("{id:?} is told about {channel} but is not in it"),
        )
    }

    fn is_shown(&self, id: ConnectionId, channel: &Name) -> Check {
        ensure(
            self.shows(id, room(channel)),
            Invariant::SecretsKept,
            || format!("{id:?} is shown {channel}, which is secret"),
        )
    }

    fn reads(&mut self, id: ConnectionId, message: &Message) -> Check {
        let Some(channel) = message.place.channel() else {
            return Ok(());
        };
        self.may_read(id, message.id, channel)?;
        self.shows_message(id, message);
        Ok(())
    }

    pub fn may_read(&self, id: ConnectionId, message: MessageId, channel: &Name) -> Check {
        let bound = self.bound(id, room(channel));
        let may_read =
            bound.is_some_and(|bound| message > bound) || self.heard(id, room(channel), message);
        ensure(may_read, Invariant::PastByRight, || {
            format!("{id:?} reads {message} of {channel}, but may read what is after {bound:?}")
        })
    }

    fn is_given(&mut self, id: ConnectionId, channel: &Name, role: Option<Role>) -> Check {
        let room = room(channel);
        let Some(conn) = self.conn(id) else {
            return Ok(());
        };
        let (nick, known) = (conn.nick, self.role(conn, room));
        if known.is_none() && role == Some(Role::Operator) && self.is_new(room) {
            self.places[room].roles.insert(nick, Role::Operator);
            return Ok(());
        }
        ensure(known == role, Invariant::RightsCommitted, || {
            format!("{id:?} is told that it is {role:?} in {channel}, and is {known:?}")
        })
    }

    fn appended(&mut self, draft: &Draft) -> Check {
        let id = draft.record.id();
        self.last_id = self.last_id.max(id);
        match &draft.record {
            Record::Message(message) => {
                if let Some(channel) = message.place.channel() {
                    let room = room(channel);
                    let sender = self.conn(draft.sender);
                    let may = sender.is_some_and(|conn| {
                        conn.joined(room).is_some() && self.lets_speak(conn, room)
                    });
                    ensure(may, Invariant::SpeaksByRight, || {
                        format!("{:?} speaks in {channel}, and may not", draft.sender)
                    })?;
                    let said = Said {
                        room,
                        sender: draft.sender,
                        nick: nick(&message.author),
                        account: message.place.account(),
                    };
                    if let Some(to) = message.body.reply() {
                        self.may_read(draft.sender, to.id, channel)?;
                    }
                    self.has_spoken(room, said.nick);
                    self.screens.said.insert(id, said);
                }
            }
            Record::Keyed(keyed) => unreachable!("no program posts {keyed:?}"),
            Record::Amend(amendment) => {
                if let Some(channel) = amendment.place.channel() {
                    self.mends(draft.sender, amendment, channel)?;
                }
            }
            Record::React(reaction) => {
                if let Some(channel) = reaction.place.channel() {
                    self.reacts(draft.sender, reaction, channel)?;
                }
            }
            Record::Change(change) => {
                let room = room(&change.channel);
                let mut changes = change.changes.iter();
                let by_right = match self.conn(draft.sender) {
                    Some(conn) => changes.all(|one| self.may_change(conn, room, one)),
                    None => changes.all(is_by_rule),
                };
                ensure(by_right, Invariant::ChangedByRight, || {
                    format!("{:?} makes {change:?}, and may not", draft.sender)
                })?;
                self.uses_links(change);
            }
        }
        self.drafts.insert(id, draft.clone());
        Ok(())
    }

    fn has_spoken(&mut self, room: Room, nick: Nick) {
        let ticks_ms = self.ticks_ms;
        let place = &mut self.places[room];
        if place.law.slow > 0 {
            place.spoke.insert(nick, ticks_ms);
        }
    }

    /// Who has made an invitation link is told of it once it holds.
    fn is_told_link(&mut self, channel: &Name, hash: &Arc<str>) -> Check {
        let room = room(channel);
        let links = &self.places[room].law.links;
        let holds = links.contains_key(hash) || links.len() >= MAX_LINKS;
        self.links.push((room, hash.clone()));
        ensure(holds, Invariant::RightsCommitted, || {
            format!("a link into {channel} is told that does not hold")
        })
    }

    fn may_change(&self, conn: &Conn, room: Room, change: &Change) -> bool {
        let law = &self.places[room].law;
        let role = self.role(conn, room);
        let is_registered = law.founder.is_some();
        match change {
            // It is the person that is in the channel, by whichever connection.
            Change::Topic(_)
                if !law.has(Flag::TopicLocked)
                    && self.members(room).any(|it| it.nick == conn.nick) =>
            {
                true
            }
            Change::History(_) | Change::Drop => role == Some(Role::Founder),
            Change::Register(_) => {
                !is_registered && conn.account.is_some() && role >= Some(Role::Operator)
            }
            Change::Role { role: given, .. } if is_registered && *given >= Some(Role::Operator) => {
                role == Some(Role::Founder)
            }
            _ => role >= Some(Role::Operator),
        }
    }

    /// Checks at the end of a call that nobody is where a change has removed them.
    pub fn end_call(&mut self) -> Check {
        self.changed.clear();
        for (room, nick) in std::mem::take(&mut self.removed) {
            let left = self.members(room).find(|conn| conn.nick == nick);
            ensure(left.is_none(), Invariant::RemovedAreOut, || {
                let id = left.map(|conn| conn.id);
                format!("{id:?} was removed from {room} and is still in it")
            })?;
        }
        Ok(())
    }
}

/// Whether the server makes such a change by itself.
fn is_by_rule(change: &Change) -> bool {
    matches!(
        change,
        Change::Floor(_) | Change::Reset(_) | Change::Member(_) | Change::UseLink(_)
    )
}
