//! Typing notices: told to the connections that listen for them, never stored.

use crate::model::Name;

use super::{ConnectionId, Effects, Event, Hub, Now, Order, Refusal};

/// The shortest time between two notices passed on from one connection.
const EVERY_MS: u64 = 1000;
/// A channel with more members gets no notices: there is always a member typing.
const MOST_MEMBERS: usize = 200;

/// The readers a user is typing for.
#[derive(Clone, Debug)]
pub enum Audience {
    /// The members of a channel; `None` is the current one.
    Channel(Option<Name>),
    /// One user.
    User(Name),
}

impl Hub {
    /// Sets whether the connection is told that users are typing.
    pub(super) fn listen(&mut self, id: ConnectionId, typing: bool, fx: &mut Effects) {
        if let Some(connection) = self.connection_mut(id) {
            connection.listens_for_typing = typing;
            fx.tell(id, Event::Listening { typing });
        }
    }

    pub(super) fn typing(
        &mut self,
        id: ConnectionId,
        audience: Audience,
        now: Now,
        fx: &mut Effects,
    ) -> Result<(), Refusal> {
        self.typing_told(id, audience, false, now, fx)
    }

    /// As [`Hub::typing`]. Clients that have been told by a signal are not told again.
    pub(super) fn typing_told(
        &mut self,
        id: ConnectionId,
        audience: Audience,
        by_signal: bool,
        now: Now,
        fx: &mut Effects,
    ) -> Result<(), Refusal> {
        let (from, user) = self.user_of(id)?;
        let is_guest = user.account.is_none();
        let (channel, to) = match audience {
            Audience::Channel(channel) => (Some(self.own_channel(id, channel)?), None),
            Audience::User(name) => match self.presence(name) {
                (name, true) if is_guest && self.refuses_guests(&name) => {
                    return Err(Refusal::AccountsOnly(name));
                }
                (name, true) => (None, Some(name)),
                (name, false) => return Err(Refusal::NoSuchUser(name)),
            },
        };
        if !self.may_tell_of_typing(id, now) {
            return Ok(());
        }
        if self.matters_elsewhere(channel.as_ref(), to.as_ref()) {
            let order = || Order::Typing {
                from: from.clone(),
                channel: channel.clone(),
                to: to.clone(),
            };
            self.share_order(order, fx);
        }
        self.tell_typing_but(by_signal, (&from, channel, to), fx);
        Ok(())
    }

    fn matters_elsewhere(&self, channel: Option<&Name>, to: Option<&Name>) -> bool {
        let members = channel.map_or(0, |channel| self.remote_members(channel));
        (1..=MOST_MEMBERS).contains(&members) || to.is_some_and(|to| self.is_elsewhere(to))
    }

    /// Tells the listening connections of this server that a user is typing.
    pub(super) fn tell_typing(
        &self,
        from: &Name,
        channel: Option<Name>,
        to: Option<Name>,
        fx: &mut Effects,
    ) {
        self.tell_typing_but(false, (from, channel, to), fx);
    }

    fn tell_typing_but(
        &self,
        by_signal: bool,
        (from, channel, to): (&Name, Option<Name>, Option<Name>),
        fx: &mut Effects,
    ) {
        let mut audience = match &to {
            Some(to) => self.connections_of(to),
            None => Vec::new(),
        };
        if let Some(to) = to.as_ref().and_then(|to| self.users.get(to.key()))
            && to.ignores(from, self.aliases_of(from))
        {
            audience.clear();
        }
        let here = channel.as_ref().and_then(|name| self.channels.find(name));
        if let Some(channel) = here.and_then(|index| self.channels.get(index))
            && channel.members.len() <= MOST_MEMBERS
        {
            audience.extend(channel.listeners());
        }
        audience.retain(|&other| {
            self.connection(other).is_some_and(|other| {
                let is_own = other.nickname.as_ref() == Some(from);
                let was_told = by_signal && other.profile.keeps_rosters;
                other.listens_for_typing && !is_own && !was_told
            })
        });
        let event = Event::Typing {
            from: from.clone(),
            channel,
            to,
        };
        fx.shown_as(self.face_of(from), |fx| fx.tell_all(audience, event));
    }

    fn may_tell_of_typing(&mut self, id: ConnectionId, now: Now) -> bool {
        let Some(connection) = self.connection_mut(id) else {
            return false;
        };
        if connection.typing_told_until_ms > now.ticks_ms {
            return false;
        }
        connection.typing_told_until_ms = now.ticks_ms + EVERY_MS;
        true
    }
}
