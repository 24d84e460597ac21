//! A connection without a socket: a user of the chat that is part of this program.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError, bounded};
use data_encoding::HEXLOWER;
use parking_lot::{Mutex, MutexGuard};

use crate::hub::{
    Command, ConnectionId, Credential, Event, Farewell, Hub, Now, Refusal, Tag, WayIn,
};
use crate::model::{MessageId, Name, Once};
use crate::net::registry::Registry;
use crate::protocol::speech::PROGRAM;
use crate::turn::{HubHandle, HubUnavailable, Input};

/// How long a command may take; the store may be slow.
const PATIENCE: Duration = Duration::from_secs(10);
/// Answers to calls that were given up.
const ANSWERS: usize = 16;

/// A user without a socket. Its commands count against no rate limit. Dropping it leaves the chat.
///
/// Each call returns when its command has been carried out or refused. Calls from several threads
/// wait for each other.
pub struct Voice {
    id: ConnectionId,
    hub: HubHandle,
    /// How many there are.
    count: Arc<AtomicUsize>,
    /// Begins the tags of messages that have none of their own: tags of one account must differ
    /// on all servers, and after a restart.
    nonce: String,
    /// Locked by the call in progress.
    calls: Mutex<Calls>,
}

struct Calls {
    /// The hub's answers.
    answers: Receiver<Event>,
    /// Messages so far; the number is the tag of the next one that has none.
    messages: u64,
}

/// Why a command was not carried out.
#[derive(Clone, Debug, PartialEq)]
pub enum NotHeard {
    /// The hub refuses it.
    Refused(Refusal),
    /// The connection has been ended.
    Gone,
    /// There is no answer yet; it may still be carried out.
    Unanswered,
    /// The hub does not answer, or too many calls wait for each other.
    Busy,
}

impl Voice {
    /// Comes into the chat, and counts itself in `count` for as long as it is there. With a
    /// credential it is the program of an account.
    pub fn enter(
        hub: &HubHandle,
        registry: &Registry,
        count: &Arc<AtomicUsize>,
        nickname: Name,
        credential: Option<Credential>,
    ) -> Result<Voice, NotHeard> {
        let mut random = [0; 8];
        getrandom::fill(&mut random).map_err(|_| NotHeard::Busy)?;
        let id = registry.take_id();
        count.fetch_add(1, Ordering::Relaxed);
        let (told, answers) = bounded(ANSWERS);
        // If anything below fails, dropping it undoes this.
        let voice = Voice {
            id,
            hub: hub.clone(),
            count: count.clone(),
            nonce: HEXLOWER.encode(&random),
            calls: Mutex::new(Calls {
                answers,
                messages: 0,
            }),
        };
        // It has no address, so no cloak either: a ban of a guest on this machine does not hit it.
        let profile = PROGRAM.profile(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)), None);
        let program = credential.as_ref().map(|it| it.account);
        hub.ask(move |hub, now, fx| match program {
            Some(account) => hub.open_program(id, profile, account, now, fx),
            None => hub.open(id, profile, now, fx),
        })?;
        hub.claim(id, nickname, credential)?
            .map_err(NotHeard::Refused)?;
        hub.send(Input::Attend(id, told))?;
        Ok(voice)
    }

    /// The connection's id.
    pub fn id(&self) -> ConnectionId {
        self.id
    }

    /// Joins a channel, creating it if it does not exist.
    pub fn join(&self, channel: Name) -> Result<(), NotHeard> {
        let joined = |event: &Event| matches!(event, Event::Joined { .. }).then_some(());
        let mut calls = self.turn()?;
        self.carry_out(&mut calls, Command::Join(channel), joined)
    }

    /// Comes into a channel that is there already, or was: `has_past` says that something was said
    /// in it. Does nothing if it is inside.
    pub fn come_in(&self, channel: Name, has_past: bool) -> Result<(), NotHeard> {
        let joined = |event: &Event| matches!(event, Event::Joined { .. }).then_some(());
        let mut calls = self.turn()?;
        let is_inside = self.ask({
            let channel = channel.clone();
            move |hub, id, now| hub.way_in(id, &channel, now)
        })?;
        if is_inside == Ok(WayIn::Inside) {
            return Ok(());
        }
        // Asked again where it joins: it must not make a channel that has gone meanwhile.
        let may_join = move |hub: &mut Hub, id, now| match hub.way_in(id, &channel, now)? {
            WayIn::Missing if !has_past => Err(Refusal::NoSuchChannel(channel)),
            _ => Ok(Command::Join(channel)),
        };
        self.carry_out_if(&mut calls, may_join, None, joined)
    }

    /// Leaves a channel.
    pub fn leave(&self, channel: Name) -> Result<(), NotHeard> {
        let left = |event: &Event| matches!(event, Event::Left { .. }).then_some(());
        let leave = Command::Leave {
            channel: Some(channel),
            reason: None,
        };
        let mut calls = self.turn()?;
        self.carry_out(&mut calls, leave, left)
    }

    /// Sends a message, perhaps as the answer to another one. One that is known by its call is
    /// published once, however often it is sent. Returns its id.
    pub fn say(
        &self,
        message: Command,
        once: Option<Arc<Once>>,
        reply_to: Option<MessageId>,
    ) -> Result<MessageId, NotHeard> {
        let mut calls = self.turn()?;
        calls.messages += 1;
        let tag = match once {
            Some(once) => Tag::of(once),
            None => {
                let tag = format!("{}-{}", self.nonce, calls.messages);
                Tag::parse(&tag).map_err(|_| NotHeard::Busy)?
            }
        };
        let own = tag.clone();
        let stored = move |event: &Event| match event {
            Event::Stored { tag, id } if *tag == own => Some(*id),
            _ => None,
        };
        let message = Box::new(message);
        let tagged = Command::Tagged { tag, message }.replying_to(reply_to, false);
        self.carry_out(&mut calls, tagged, stored)
    }

    /// Asks the hub something about this connection.
    pub fn ask<T: Send + 'static>(
        &self,
        ask: impl FnOnce(&mut Hub, ConnectionId, Now) -> T + Send + 'static,
    ) -> Result<T, NotHeard> {
        let id = self.id;
        Ok(self.hub.ask(move |hub, now, _| ask(hub, id, now))?)
    }

    fn turn(&self) -> Result<MutexGuard<'_, Calls>, NotHeard> {
        self.calls.try_lock_for(PATIENCE).ok_or(NotHeard::Busy)
    }

    /// Carries out a command, and waits for an event for which `is_done` has a result.
    fn carry_out<T>(
        &self,
        calls: &mut Calls,
        command: Command,
        is_done: impl Fn(&Event) -> Option<T>,
    ) -> Result<T, NotHeard> {
        let tag = command.tag();
        self.carry_out_if(calls, |_, _, _| Ok(command), tag, is_done)
    }

    /// Carries out the command that `choose` gives, on the hub's thread.
    fn carry_out_if<T>(
        &self,
        calls: &mut Calls,
        choose: impl FnOnce(&mut Hub, ConnectionId, Now) -> Result<Command, Refusal> + Send + 'static,
        tag: Option<Tag>,
        is_done: impl Fn(&Event) -> Option<T>,
    ) -> Result<T, NotHeard> {
        // Left over from a call that was given up.
        while calls.answers.try_recv().is_ok() {}
        let id = self.id;
        self.hub.ask(move |hub, now, fx| {
            if hub.nickname_of(id).is_none() {
                return Err(NotHeard::Gone);
            }
            let command = choose(hub, id, now).map_err(NotHeard::Refused)?;
            hub.apply(id, command, now, fx);
            Ok(())
        })??;
        let deadline = Instant::now() + PATIENCE;
        loop {
            let event = match calls.answers.recv_deadline(deadline) {
                Ok(event) => event,
                Err(RecvTimeoutError::Timeout) => return Err(NotHeard::Unanswered),
                Err(RecvTimeoutError::Disconnected) => return Err(NotHeard::Gone),
            };
            if let Some(done) = is_done(&event) {
                return Ok(done);
            }
            match event {
                Event::Refused(refusal) if tag.is_none() => {
                    return Err(NotHeard::Refused(refusal));
                }
                Event::NotSent { tag: of, refusal } if Some(&of) == tag.as_ref() => {
                    return Err(NotHeard::Refused(refusal));
                }
                // Left over from a call that was given up.
                _ => {}
            }
        }
    }
}

impl From<HubUnavailable> for NotHeard {
    fn from(_: HubUnavailable) -> NotHeard {
        NotHeard::Busy
    }
}

impl Drop for Voice {
    fn drop(&mut self) {
        self.count.fetch_sub(1, Ordering::Relaxed);
        // Without a hub there is nothing left to leave.
        let _: Result<(), HubUnavailable> = self.hub.send(Input::Done(self.id, Farewell::Quit));
    }
}
