//! The program itself as a participant, without a socket.

use std::net::Ipv4Addr;
use std::sync::Arc;

use crate::fair::Asker;
use crate::hub::{Command, Refusal};
use crate::model::{Body, MessageKind, Name};
use crate::session::voice::{NotHeard, Voice};

use super::shared::Shared;
use super::{ChatError, sayable};

/// The program as a user of the chat; made by [`Chat::enter`]. It speaks with this and listens with
/// a [`Watch`]. Dropping it leaves the chat.
///
/// Each call returns when its command has been carried out or refused: a message has then been
/// stored, if it is to be stored at all, and delivered. Calls from several threads wait for each
/// other.
///
/// Its messages count against no rate limit. For others it is a user like any other: an
/// administrator may kick it, and then every call fails.
///
/// [`Chat::enter`]: super::Chat::enter
/// [`Watch`]: crate::Watch
pub struct Participant {
    voice: Voice,
    nickname: Name,
    shared: Arc<Shared>,
}

impl Participant {
    pub(super) fn enter(nickname: Name, shared: &Arc<Shared>) -> Result<Participant, ChatError> {
        // A registered nickname needs a password.
        match shared
            .accounts
            .find(Asker::at(Ipv4Addr::LOCALHOST.into()), &nickname)
        {
            Ok(None) => {}
            Ok(Some(_)) => return Err(Refusal::NicknameRegistered(nickname).into()),
            Err(error) => {
                error.log("a nickname could not be looked up");
                return Err(ChatError::Unavailable);
            }
        }
        let (hub, registry, count) = (&shared.hub, &shared.registry, &shared.participants);
        let voice = Voice::enter(hub, registry, count, nickname.clone(), None)?;
        Ok(Participant {
            voice,
            nickname,
            shared: shared.clone(),
        })
    }

    /// Its nickname.
    pub fn nickname(&self) -> &str {
        self.nickname.as_str()
    }

    /// Joins a channel, creating it if it does not exist.
    pub fn join(&self, channel: &str) -> Result<(), ChatError> {
        Ok(self.voice.join(channel_name(channel)?)?)
    }

    /// Leaves a channel.
    pub fn leave(&self, channel: &str) -> Result<(), ChatError> {
        Ok(self.voice.leave(channel_name(channel)?)?)
    }

    /// Sends a message to a channel it has joined.
    pub fn say(&self, channel: &str, text: &str) -> Result<(), ChatError> {
        self.speak(channel, MessageKind::Say, text)
    }

    /// Does something in a channel it has joined: `act("dev", "waves")` shows `* name waves`.
    pub fn act(&self, channel: &str, text: &str) -> Result<(), ChatError> {
        self.speak(channel, MessageKind::Action, text)
    }

    /// Sends a notice to a channel it has joined: a message that no other program answers.
    pub fn notice(&self, channel: &str, text: &str) -> Result<(), ChatError> {
        self.speak(channel, MessageKind::Notice, text)
    }

    fn speak(&self, channel: &str, kind: MessageKind, text: &str) -> Result<(), ChatError> {
        let channel = Some(channel_name(channel)?);
        let body = Body::plain(kind, sayable(text, &self.shared)?);
        self.send(Command::Say { channel, body })
    }

    /// Sends a private message to a user who is online.
    pub fn tell(&self, nickname: &str, text: &str) -> Result<(), ChatError> {
        let to = Name::parse_nickname(nickname).map_err(Refusal::BadName)?;
        let text = sayable(text, &self.shared)?;
        self.send(Command::Private {
            to,
            account: None,
            body: text.into(),
        })
    }

    fn send(&self, message: Command) -> Result<(), ChatError> {
        self.voice.say(message, None, None)?;
        Ok(())
    }
}

impl From<NotHeard> for ChatError {
    fn from(not: NotHeard) -> ChatError {
        match not {
            NotHeard::Refused(refusal) => refusal.into(),
            NotHeard::Gone => ChatError::Gone,
            NotHeard::Unanswered => ChatError::Unanswered,
            NotHeard::Busy => ChatError::Unavailable,
        }
    }
}

impl std::fmt::Debug for Participant {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Participant").field(&self.nickname).finish()
    }
}

fn channel_name(channel: &str) -> Result<Name, Refusal> {
    Name::parse_channel(channel).map_err(Refusal::BadName)
}
