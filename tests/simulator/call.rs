//! One call of the hub: what it was called for, so that what it says can be
//! judged.

use std::sync::Arc;

use chat_server::hub::{ConnectionId, MessageId};
use chat_server::store::History;

use super::invariant::{Check, Invariant, ensure};
use super::judge::TagNumber;
use super::model::{Draft, Model, Slot};
use super::names::{Nicks, ROOMS, Room, shown};

/// Members from which on comings and goings are told as numbers.
pub const LARGE: usize = 20;
/// How long such numbers may be gathered.
pub const GATHERED_MS: u64 = 1000;

/// What the call under way is about.
#[derive(Default)]
pub struct Call {
    /// The connection that was opened.
    pub opened: Option<Slot>,
    /// The connection that is to get a nickname.
    pub claim: Option<Claim>,
    /// The question that the store has answered.
    pub reading: Option<Answered>,
    /// Messages that are committed, and have to be handed over now.
    pub settled: Vec<(MessageId, Draft)>,
    /// Those whose messages could not be stored, and have to be told so now.
    pub not_stored: Vec<(Slot, Option<TagNumber>)>,
    /// The tags of messages that could not be stored.
    pub failed_tags: Vec<TagNumber>,
    /// A token is given up.
    pub revoking: bool,
    /// What was told once more to who was cut off, where nothing is kept.
    pub told_again: Vec<MessageId>,
    /// The connections that are to get an announcement.
    pub announced: Option<Vec<Slot>>,
    /// The private message being handed over.
    pub handing: Option<Handing>,
    /// A command was refused because too many wait.
    pub overflowed: bool,
}

/// What the store has read.
#[derive(Debug)]
pub struct Answered {
    pub slot: Slot,
    pub history: Option<History>,
    /// It is what comes after a message.
    pub oldest_first: bool,
    /// It was missed in this channel.
    pub missed_in: Option<Room>,
    /// How much of it has been told.
    pub told: usize,
}

/// A connection comes in.
pub struct Claim {
    pub slot: Slot,
    pub is_account: bool,
    pub ignored: Nicks,
    pub token: Option<Arc<str>>,
}

/// Who must get a private message; whoever has, is taken off.
#[derive(Debug)]
pub struct Handing {
    pub id: MessageId,
    pub copies: Vec<ConnectionId>,
    pub recipients: Vec<ConnectionId>,
    /// Those who would get it if they did not ignore the sender.
    pub ignoring: Vec<ConnectionId>,
    pub sender: Option<ConnectionId>,
}

impl Model {
    /// The hub is done: everything that was due has to have happened.
    pub fn end_call(&mut self, now_ticks: u64) -> Check {
        self.end_handing()?;
        let call = std::mem::take(&mut self.call);
        ensure(call.settled.is_empty(), Invariant::NothingLost, || {
            format!("committed and not handed over: {:?}", call.settled)
        })?;
        let alive = |slot: Slot| self.alive(slot).is_some();
        ensure(
            !call.not_stored.iter().any(|&(slot, _)| alive(slot)),
            Invariant::NothingLost,
            || format!("not told that nothing was stored: {:?}", call.not_stored),
        )?;
        let untold = call.announced.unwrap_or_default();
        ensure(untold.is_empty(), Invariant::AllTold, || {
            format!("have missed the announcement: {untold:?}")
        })?;
        let unanswered = call.reading.filter(|reading| alive(reading.slot));
        ensure(unanswered.is_none(), Invariant::EverythingAnswered, || {
            format!("not told what the store has found: {unanswered:?}")
        })?;
        self.check_owed()?;
        self.check_notices(now_ticks)
    }

    /// The private message before has to have reached everyone.
    pub fn end_handing(&mut self) -> Check {
        let Some(handing) = self.call.handing.take() else {
            return Ok(());
        };
        let missed = !handing.copies.is_empty()
            || !handing.recipients.is_empty()
            || handing.sender.is_some();
        ensure(!missed, Invariant::PrivateToTwo, || {
            format!("a private message has not reached everyone: {handing:?}")
        })
    }

    /// Members may have to wait for a message while the past is being read.
    fn check_owed(&self) -> Check {
        let due = |room: usize| self.channels[room].awaited.is_none();
        let lost = self.owed.iter().find(|owed| due(owed.room));
        ensure(lost.is_none(), Invariant::NothingLost, || {
            format!("a member has not got what was said: {lost:?}")
        })
    }

    fn check_notices(&mut self, now_ticks: u64) -> Check {
        self.end_lateness();
        for room in 0..ROOMS {
            // What is put off is neither told nor counted.
            let (late, seen) = (self.late_in(room).count() as i64, self.seen_in(room));
            let channel = &mut self.channels[room];
            let counted = channel.came != 0 || channel.went != late;
            if channel.miscounted {
                let since = *channel.untold_since.get_or_insert(now_ticks);
                if since + GATHERED_MS < now_ticks {
                    // What was counted has been told, if only to nobody.
                    channel.miscounted = false;
                    channel.untold_since = None;
                }
                continue;
            }
            if !channel.rationed {
                ensure(!counted, Invariant::NoticesAgree, || {
                    let (came, went) = (channel.came, channel.went);
                    format!("not told in {room}: {came} came, {went} went")
                })?;
                for (slot, conn) in self.members(room) {
                    let place = conn.places.iter().find(|place| place.room == room);
                    let view = place.map_or(0, |place| place.view);
                    ensure(view == seen, Invariant::NoticesAgree, || {
                        let (view, seen) = (shown(view), shown(seen));
                        format!("{slot} believes {view} to be in {room}, it is {seen}")
                    })?;
                }
                continue;
            }
            match channel.untold_since {
                _ if !counted => channel.untold_since = None,
                None => channel.untold_since = Some(now_ticks),
                Some(since) => {
                    let in_time = since + GATHERED_MS >= now_ticks;
                    ensure(in_time, Invariant::NoticesAgree, || {
                        format!("comings and goings in {room} not told since {since}")
                    })?;
                }
            }
            if !counted && self.members(room).count() <= LARGE {
                self.channels[room].rationed = false;
            }
        }
        Ok(())
    }
}
