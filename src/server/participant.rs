//! The program itself as somebody who takes part, without a socket.

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

/// How long the store may take for a message of the program's.
const PATIENCE: Duration = Duration::from_secs(10);
/// Answers that may wait for whoever has given one up.
const ANSWERS: usize = 16;

/// The program as one of the users; made by [`Chat::enter`]. It speaks with
/// this and hears with a [`Watch`]. Dropping it leaves the chat.
///
/// Each call comes back when it has been carried out, or refused: a message is
/// stored then, if it is to be kept at all, and has been delivered. Calls from
/// several threads wait for each other.
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
    /// Locked by the call that is under way.
    calls: Mutex<Calls>,
}

struct Calls {
    /// What becomes of them.
    answers: Receiver<Event>,
    /// Messages so far; each has the next number for its tag.
    messages: u64,
}

impl Participant {
    pub(super) fn enter(nickname: Name, shared: &Arc<Shared>) -> Result<Participant, ChatError> {
        // Whoever is registered comes in with a password only.
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
        // Whatever fails from here on, dropping it undoes.
        let participant = Participant {
            id,
            nickname: nickname.clone(),
            shared: shared.clone(),
            calls: Mutex::new(Calls {
                answers,
                messages: 0,
            }),
        };
        let profile = PROGRAM.profile(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)));
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

    /// Joins a channel, which comes into being if it does not exist.
    pub fn join(&self, channel: &str) -> Result<(), ChatError> {
        let command = Command::Join(channel_name(channel)?);
        let joined = |event: &Event| matches!(event, Event::Joined { .. });
        self.carry_out(&mut self.calls.lock(), command, joined)
    }

    /// Leaves a channel.
    pub fn leave(&self, channel: &str) -> Result<(), ChatError> {
        let command = Command::Leave(Some(channel_name(channel)?));
        let left = |event: &Event| matches!(event, Event::Left { .. });
        self.carry_out(&mut self.calls.lock(), command, left)
    }

    /// Says something in a channel it has joined.
    pub fn say(&self, channel: &str, text: &str) -> Result<(), ChatError> {
        let channel = Some(channel_name(channel)?);
        let text = sayable(text, &self.shared)?;
        self.send(Command::Say { channel, text })
    }

    /// Sends somebody who is on a private message.
    pub fn tell(&self, nickname: &str, text: &str) -> Result<(), ChatError> {
        let to = Name::parse_nickname(nickname).map_err(Refusal::BadName)?;
        let text = sayable(text, &self.shared)?;
        self.send(Command::Private {
            to,
            account: None,
            text,
        })
    }

    /// Sends a message with a tag, so that it is known what becomes of it.
    fn send(&self, message: Command) -> Result<(), ChatError> {
        let mut calls = self.calls.lock();
        calls.messages += 1;
        let tag = Tag::parse(&calls.messages.to_string()).map_err(|_| ChatError::Unavailable)?;
        let own = tag.clone();
        let stored = move |event: &Event| matches!(event, Event::Stored { tag, .. } if *tag == own);
        let message = Box::new(message);
        self.carry_out(&mut calls, Command::Tagged { tag, message }, stored)
    }

    /// Has a command carried out, and waits until `is_done` says so of an event.
    fn carry_out(
        &self,
        calls: &mut Calls,
        command: Command,
        is_done: impl Fn(&Event) -> bool,
    ) -> Result<(), ChatError> {
        // Of a call that was given up.
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
                // Of a call that was given up.
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

fn channel_name(channel: &str) -> Result<Name, Refusal> {
    Name::parse_channel(channel).map_err(Refusal::BadName)
}
