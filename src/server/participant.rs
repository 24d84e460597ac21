//! The program itself as somebody who takes part, without a socket.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use crate::hub::{
    Command, ConnectionId, Effect, Effects, Event, Farewell, Hub, Now, Profile, Refusal,
};
use crate::name::Name;
use crate::turn::{HubUnavailable, Input};

use super::shared::Shared;
use super::{ChatError, sayable};

/// The program as one of the users; made by [`Chat::enter`]. It speaks with
/// this and hears with a [`Watch`]. Dropping it leaves the chat.
///
/// What it says counts against no rate limit. To others it is a user like
/// any other: an administrator may kick it, and then nothing works any more.
///
/// [`Chat::enter`]: super::Chat::enter
/// [`Watch`]: crate::Watch
pub struct Participant {
    id: ConnectionId,
    nickname: Name,
    shared: Arc<Shared>,
}

impl Participant {
    pub(super) fn enter(nickname: Name, shared: &Arc<Shared>) -> Result<Participant, ChatError> {
        // Whoever is registered comes in with a password only.
        match shared.accounts.find(&nickname) {
            Ok(None) => {}
            Ok(Some(_)) => return Err(Refusal::NicknameRegistered(nickname).into()),
            Err(error) => {
                log::error!("a nickname could not be looked up: {error}");
                return Err(ChatError::Unavailable);
            }
        }
        let id = shared.registry.take_id();
        shared.participants.fetch_add(1, Ordering::Relaxed);
        // Whatever fails from here on, dropping it undoes.
        let participant = Participant {
            id,
            nickname: nickname.clone(),
            shared: shared.clone(),
        };
        let profile = Profile {
            protocol: "program",
            address: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            one_channel: false,
        };
        shared
            .hub
            .ask(move |hub, now, fx| hub.open(id, profile, now, fx))?;
        shared.hub.claim(id, nickname, None)??;
        Ok(participant)
    }

    /// Its nickname.
    pub fn nickname(&self) -> &str {
        self.nickname.as_str()
    }

    /// Joins a channel, which comes into being if it does not exist.
    pub fn join(&self, channel: &str) -> Result<(), ChatError> {
        self.carry_out(Command::Join(channel_name(channel)?))
    }

    /// Leaves a channel.
    pub fn leave(&self, channel: &str) -> Result<(), ChatError> {
        self.carry_out(Command::Leave(Some(channel_name(channel)?)))
    }

    /// Says something in a channel it has joined.
    pub fn say(&self, channel: &str, text: &str) -> Result<(), ChatError> {
        let channel = Some(channel_name(channel)?);
        let text = sayable(text, &self.shared)?;
        self.carry_out(Command::Say { channel, text })
    }

    /// Sends somebody who is on a private message.
    pub fn tell(&self, nickname: &str, text: &str) -> Result<(), ChatError> {
        let to = Name::parse_nickname(nickname).map_err(Refusal::BadName)?;
        let text = sayable(text, &self.shared)?;
        self.carry_out(Command::Private {
            to,
            account: None,
            text,
        })
    }

    fn carry_out(&self, command: Command) -> Result<(), ChatError> {
        let id = self.id;
        self.shared
            .hub
            .ask(move |hub, now, fx| apply(hub, id, command, now, fx))?
    }
}

impl Drop for Participant {
    fn drop(&mut self) {
        self.shared.participants.fetch_sub(1, Ordering::Relaxed);
        // Without a hub there is nobody to tell.
        let _: Result<(), HubUnavailable> =
            self.shared.hub.send(Input::Done(self.id, Farewell::Quit));
    }
}

impl std::fmt::Debug for Participant {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Participant").field(&self.nickname).finish()
    }
}

/// Runs on the hub's thread. What others get is delivered as always; what
/// this connection would be told goes nowhere, for it has no seat in the
/// outbox, so a refusal is taken from among the effects.
fn apply(
    hub: &mut Hub,
    id: ConnectionId,
    command: Command,
    now: Now,
    fx: &mut Effects,
) -> Result<(), ChatError> {
    if hub.nickname_of(id).is_none() {
        return Err(ChatError::Gone);
    }
    let before = fx.list().len();
    hub.apply(id, command, now, fx);
    let news = fx.list().iter().skip(before);
    let mut refusal = news.filter_map(|effect| match effect {
        Effect::Deliver {
            to,
            event: Event::Refused(refusal),
        } if fx.recipients(*to) == [id] => Some(refusal.clone()),
        _ => None,
    });
    match refusal.next_back() {
        Some(refusal) => Err(ChatError::Refused(refusal)),
        None => Ok(()),
    }
}

fn channel_name(channel: &str) -> Result<Name, Refusal> {
    Name::parse_channel(channel).map_err(Refusal::BadName)
}
