//! Signals: what a user's program tells the programs of others. They are told to the
//! clients that keep lists of members, since only those have words for them, are never
//! stored, and no person is shown them.

use std::sync::Arc;

use crate::model::governance::Role;
use crate::model::{Entry, Kind, Name};

use super::channel::ChannelIndex;
use super::governance::Act;
use super::{Audience, ConnectionId, Effects, Event, Hub, Now, Refusal};
use super::{Signal, SignalKind, Signalled};

impl Hub {
    /// Passes a signal on. Only clients on this server are told.
    pub(super) fn signal(
        &mut self,
        id: ConnectionId,
        audience: Audience,
        signal: Signal,
        now: Now,
        fx: &mut Effects,
    ) -> Result<(), Refusal> {
        let (from, sender) = self.user_of(id)?;
        let is_guest = sender.account.is_none();
        let is_typing = signal.is_typing;
        if matches!(signal.kind, SignalKind::Text | SignalKind::Notice) {
            self.is_not_idle(id, now);
        }
        let mut told = Signalled {
            id: self.next_id(now),
            from,
            channel: None,
            to: None,
            signal,
        };
        let audience = match audience {
            Audience::Channel(channel) => {
                let index = self.channel_to_speak_in(id, channel, now)?;
                let name = self.lets_signal(id, index, told.signal.kind, now)?;
                if told.signal.kind != SignalKind::Extras {
                    self.has_spoken(id, index, now);
                }
                self.make_known(index, &told.from, fx);
                told.channel = Some(name.clone());
                let heard = self.observers([index], &[]);
                let heard = self.with_role(index, told.signal.least, heard);
                self.log_signal(id, &told, now, fx);
                self.tell_signal(id, heard, told, fx);
                Audience::Channel(Some(name))
            }
            Audience::User(name) => {
                let (name, is_on) = self.presence(name);
                if !is_on {
                    return Err(Refusal::NoSuchUser(name));
                }
                if is_guest && self.refuses_guests(&name) {
                    return Err(Refusal::AccountsOnly(name));
                }
                told.to = Some(name.clone());
                self.tell_signal_to(id, &name, told, fx);
                Audience::User(name)
            }
        };
        match is_typing && self.may_show_typing(id, &audience) {
            true => self.typing_told(id, audience, true, now, fx),
            false => Ok(()),
        }
    }

    /// Whether others are told that a connection's user is typing: one may speak in a
    /// channel without being in it, but not type there.
    fn may_show_typing(&self, id: ConnectionId, audience: &Audience) -> bool {
        match audience {
            Audience::Channel(channel) => self.channel_of(id, channel.clone()).is_ok(),
            Audience::User(_) => true,
        }
    }

    /// Those of these connections of which the users have at least a role in a channel.
    fn with_role(
        &self,
        index: ChannelIndex,
        least: Option<Role>,
        mut heard: Vec<ConnectionId>,
    ) -> Vec<ConnectionId> {
        if least.is_some() {
            heard.retain(|&id| {
                let name = self.nickname_of(id);
                name.is_some_and(|name| self.role_in(index, &name) >= least)
            });
        }
        heard
    }

    /// Logs a text for people, as a message is.
    fn log_signal(&self, id: ConnectionId, told: &Signalled, now: Now, fx: &mut Effects) {
        if !told.signal.is_logged() {
            return;
        }
        let connection = self.connection(id);
        fx.log(Entry {
            id: Some(told.id),
            nick: Some(told.from.shown()),
            channel: told.channel.as_ref().map(Name::shown),
            address: connection.map(|it| it.profile.address),
            protocol: connection.map(|it| it.profile.protocol),
            text: Some(told.signal.words.clone().into()),
            ..Entry::new(now.unix_ms, Kind::Message)
        });
    }

    /// Whether the rules of a channel let a user's program speak there.
    fn lets_signal(
        &self,
        id: ConnectionId,
        index: ChannelIndex,
        kind: SignalKind,
        now: Now,
    ) -> Result<Name, Refusal> {
        let channel = self.channels.get(index).ok_or(Refusal::NoChannel)?;
        let name = channel.name.clone();
        let act = match kind {
            SignalKind::Extras | SignalKind::Text | SignalKind::Notice => Act::Speak,
            SignalKind::Request | SignalKind::Answer => Act::Ask,
        };
        let verdict = self.may(id, index, &act, now);
        verdict.map_err(|refusal| refusal.naming(&name))?;
        Ok(name)
    }

    /// Tells a user and the sender itself, unless the user ignores the sender.
    fn tell_signal_to(&self, id: ConnectionId, to: &Name, told: Signalled, fx: &mut Effects) {
        let user = self.users.get(to.key());
        let hears =
            |user: &&super::users::User| !user.ignores(&told.from, self.aliases_of(&told.from));
        let connections = user.filter(hears).map(|user| user.connections().to_vec());
        let face = self.face_of(&told.from);
        let event = Event::Signal(Arc::new(told));
        fx.shown_as(face, |fx| {
            fx.tell_all(connections.unwrap_or_default(), event.clone());
            fx.spoken_by(Some(id), |fx| fx.tell(id, event));
        });
    }

    fn tell_signal(
        &self,
        id: ConnectionId,
        to: Vec<ConnectionId>,
        told: Signalled,
        fx: &mut Effects,
    ) {
        let face = self.face_of(&told.from);
        let event = Event::Signal(Arc::new(told));
        fx.shown_as(face, |fx| {
            fx.spoken_by(Some(id), |fx| fx.tell_all(to, event));
        });
    }
}
