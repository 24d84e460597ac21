//! The program itself as a participant, without a socket.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError, bounded};
use parking_lot::Mutex;

use crate::fair::Asker;
use crate::hub::{Command, ConnectionId, Event, Farewell, Refusal, Tag};
use crate::model::Name;
use crate::protocol::speech::PROGRAM;
use crate::turn::{HubUnavailable, Input};

use super::shared::Shared;
use super::{ChatError, sayable};

/// How long the store may take for a message of the program.
const PATIENCE: Duration = Duration::from_secs(10);
/// Answers to calls that were given up.
const ANSWERS: usize = 16;

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
    id: ConnectionId,
    nickname: Name,
    shared: Arc<Shared>,
    /// Locked by the call in progress.
    calls: Mutex<Calls>,
}

struct Calls {
    /// The hub's answers.
    answers: Receiver<Event>,
    /// Messages so far; the number is the tag of the next one.
    messages: u64,
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
        let id = shared.registry.take_id();
        shared.participants.fetch_add(1, Ordering::Relaxed);
        let (told, answers) = bounded(ANSWERS);
        // If anything below fails, dropping it undoes this.
        let participant = Participant {
            id,
            nickname: nickname.clone(),
            shared: shared.clone(),
            calls: Mutex::new(Calls {
                answers,
                messages: 0,
            }),
        };
        // It has no address, so no cloak either: a ban of a guest on this machine does not
        // hit it.
        let profile = PROGRAM.profile(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)), None);
        shared
            .hub
            .ask(move |hub, now, fx| hub.open(id, profile, now, fx))?;
        shared.hub.claim(id, nickname, None)??;
        shared.hub.send(Input::Attend(id, told))?;
        Ok(participant)
    }

    /// Its nickname.
    pub fn nickname(&self) -> &str {
        self.nickname.as_str()
    }

    /// Joins a channel, creating it if it does not exist.
    pub fn join(&self, channel: &str) -> Result<(), ChatError> {
        let command = Command::Join(channel_name(channel)?);
        let joined = |event: &Event| matches!(event, Event::Joined { .. });
        self.carry_out(&mut self.calls.lock(), command, joined)
    }

    /// Leaves a channel.
    pub fn leave(&self, channel: &str) -> Result<(), ChatError> {
        let command = Command::Leave {
            channel: Some(channel_name(channel)?),
            reason: None,
        };
        let left = |event: &Event| matches!(event, Event::Left { .. });
        self.carry_out(&mut self.calls.lock(), command, left)
    }

    /// Sends a message to a channel it has joined.
    pub fn say(&self, channel: &str, text: &str) -> Result<(), ChatError> {
        let channel = Some(channel_name(channel)?);
        let text = sayable(text, &self.shared)?;
        self.send(Command::Say { channel, text })
    }

    /// Sends a private message to a user who is online.
    pub fn tell(&self, nickname: &str, text: &str) -> Result<(), ChatError> {
        let to = Name::parse_nickname(nickname).map_err(Refusal::BadName)?;
        let text = sayable(text, &self.shared)?;
        self.send(Command::Private {
            to,
            account: None,
            text,
        })
    }

    /// Sends a message with a tag, to learn its outcome.
    fn send(&self, message: Command) -> Result<(), ChatError> {
        let mut calls = self.calls.lock();
        calls.messages += 1;
        let tag = Tag::parse(&calls.messages.to_string()).map_err(|_| ChatError::Unavailable)?;
        let own = tag.clone();
        let stored = move |event: &Event| matches!(event, Event::Stored { tag, .. } if *tag == own);
        let message = Box::new(message);
        self.carry_out(&mut calls, Command::Tagged { tag, message }, stored)
    }

    /// Carries out a command, and waits for an event for which `is_done` has a result.
    fn carry_out(
        &self,
        calls: &mut Calls,
        command: Command,
        is_done: impl Fn(&Event) -> bool,
    ) -> Result<(), ChatError> {
        // Left over from a call that was given up.
        while calls.answers.try_recv().is_ok() {}
        let tag = match &command {
            Command::Tagged { tag, .. } => Some(tag.clone()),
            _ => None,
        };
        let id = self.id;
        self.shared.hub.ask(move |hub, now, fx| {
            let is_on = hub.nickname_of(id).is_some();
            hub.apply(id, command, now, fx);
            is_on.then_some(()).ok_or(ChatError::Gone)
        })??;
        let deadline = Instant::now() + PATIENCE;
        loop {
            match calls.answers.recv_deadline(deadline) {
                Ok(event) if is_done(&event) => return Ok(()),
                Ok(Event::Refused(refusal)) if tag.is_none() => return Err(refusal.into()),
                Ok(Event::NotSent { tag: of, refusal }) if Some(&of) == tag.as_ref() => {
                    return Err(refusal.into());
                }
                // Left over from a call that was given up.
                Ok(_) => {}
                Err(RecvTimeoutError::Timeout) => return Err(ChatError::Unanswered),
                Err(RecvTimeoutError::Disconnected) => return Err(ChatError::Gone),
            }
        }
    }
}

impl Drop for Participant {
    fn drop(&mut self) {
        self.shared.participants.fetch_sub(1, Ordering::Relaxed);
        // Without a hub there is nothing left to leave.
        let _: Result<(), HubUnavailable> =
            self.shared.hub.send(Input::Done(self.id, Farewell::Quit));
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
