//! Typing notices: told to those who listen for them, kept by nobody.

use crate::name::Name;

use super::{ConnectionId, Effects, Event, Hub, Now, Refusal};

/// A connection's notices are passed on at most this often.
const EVERY_MS: u64 = 1000;
/// In a channel with more members somebody always types.
const MOST_MEMBERS: usize = 200;

/// For whom somebody is typing.
#[derive(Clone, Debug)]
pub enum Audience {
    /// The members of a channel; `None` is the current one.
    Channel(Option<Name>),
    /// One user.
    User(Name),
}

impl Hub {
    /// Whether the connection wants to be told who is typing.
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
        let (from, user) = self.user_of(id)?;
        let own = user.connections.clone();
        let (channel, to, audience) = match audience {
            Audience::Channel(channel) => {
                let index = self.channel_of(id, channel)?;
                let channel = self.channels.get(index).ok_or(Refusal::NoChannel)?;
                let members = match channel.members.len() {
                    0..=MOST_MEMBERS => channel.members.clone(),
                    _ => Vec::new(),
                };
                (Some(channel.name.clone()), None, members)
            }
            Audience::User(name) => {
                let other = self.users.get(name.key());
                let other = other.ok_or(Refusal::NoSuchUser(name))?;
                let connections = match other.ignores(&from, Some(user)) {
                    true => Vec::new(),
                    false => other.connections.clone(),
                };
                (None, Some(other.name.clone()), connections)
            }
        };
        if !self.may_tell_of_typing(id, now) {
            return Ok(());
        }
        let listens = |&other: &ConnectionId| {
            let other = self.connection(other);
            other.is_some_and(|other| other.listens_for_typing)
        };
        let audience = audience.into_iter().filter(|other| !own.contains(other));
        fx.tell_all(
            audience.filter(listens),
            Event::Typing { from, channel, to },
        );
        Ok(())
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
