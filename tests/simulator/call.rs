//! One call of the hub, with its cause, so that the model can judge the
//! effects.

use std::sync::Arc;

use chat_server::hub::{ConnectionId, MessageId};
use chat_server::store::History;

use super::invariant::{Check, Invariant, ensure};
use super::judge::TagNumber;
use super::model::{Draft, Model, Slot};
use super::names::{Nicks, ROOMS, Room, shown};

/// From this many members on, joins and leaves are announced as counts.
pub const LARGE: usize = 20;
/// How long the hub may gather such counts.
pub const GATHERED_MS: u64 = 1000;

/// The call under way.
#[derive(Default)]
pub struct Call {
    /// The connection that was opened.
    pub opened: Option<Slot>,
    /// The connection that claims a nickname.
    pub claim: Option<Claim>,
    /// The question that the store answered.
    pub reading: Option<Answered>,
    /// Committed messages, which the hub must deliver in this call.
    pub settled: Vec<(MessageId, Draft)>,
    /// Connections that must be told in this call that their message was not
    /// stored.
    pub not_stored: Vec<(Slot, Option<TagNumber>)>,
    /// The tags of messages that could not be stored.
    pub failed_tags: Vec<TagNumber>,
    /// A token is being revoked.
    pub revoking: bool,
    /// Messages told again to a resuming client where no history is kept.
    pub told_again: Vec<MessageId>,
    /// Connections that must get an announcement.
    pub announced: Option<Vec<Slot>>,
    /// The private message being delivered.
    pub handing: Option<Handing>,
    /// A command was refused because too many were waiting.
    pub overflowed: bool,
}

/// The store's answer to a question.
#[derive(Debug)]
pub struct Answered {
    pub slot: Slot,
    pub history: Option<History>,
    /// The messages are those after an id, oldest first.
    pub oldest_first: bool,
    /// The channel in which the client missed these messages.
    pub missed_in: Option<Room>,
    /// How many of the messages the client has been told.
    pub told: usize,
}

/// A connection that claims a nickname.
pub struct Claim {
    pub slot: Slot,
    pub is_account: bool,
    pub ignored: Nicks,
    pub token: Option<Arc<str>>,
}

/// The connections still to get a private message. Each leaves the list when it
/// gets it.
#[derive(Debug)]
pub struct Handing {
    pub id: MessageId,
    pub copies: Vec<ConnectionId>,
    pub recipients: Vec<ConnectionId>,
    /// The recipient's connections, if the recipient ignores the sender.
    pub ignoring: Vec<ConnectionId>,
    pub sender: Option<ConnectionId>,
}

impl Model {
    /// Checks at the end of a call that everything due in it has happened.
    pub fn end_call(&mut self, now_ticks: u64) -> Check {
        self.end_handing()?;
        let call = std::mem::take(&mut self.call);
        ensure(call.settled.is_empty(), Invariant::NothingLost, || {
            format!("committed but not delivered: {:?}", call.settled)
        })?;
        let alive = |slot: Slot| self.alive(slot).is_some();
        ensure(
            !call.not_stored.iter().any(|&(slot, _)| alive(slot)),
            Invariant::NothingLost,
            || {
                format!(
                    "not told that the message was not stored: {:?}",
                    call.not_stored
                )
            },
        )?;
        let untold = call.announced.unwrap_or_default();
        ensure(untold.is_empty(), Invariant::AllTold, || {
            format!("did not get the announcement: {untold:?}")
        })?;
        let unanswered = call.reading.filter(|reading| alive(reading.slot));
        ensure(unanswered.is_none(), Invariant::EverythingAnswered, || {
            format!("not told the store's answer: {unanswered:?}")
        })?;
        self.check_owed()?;
        self.check_notices(now_ticks)
    }

    /// Checks that the previous private message reached every connection it was
    /// for.
    pub fn end_handing(&mut self) -> Check {
        let Some(handing) = self.call.handing.take() else {
            return Ok(());
        };
        let missed = !handing.copies.is_empty()
            || !handing.recipients.is_empty()
            || handing.sender.is_some();
        ensure(!missed, Invariant::PrivateToTwo, || {
            format!("a private message did not reach all its connections: {handing:?}")
        })
    }

    /// Checks that no member still waits for a message, unless the past is
    /// being read.
    fn check_owed(&self) -> Check {
        let due = |room: usize| self.channels[room].awaited.is_none();
        let lost = self.owed.iter().find(|owed| due(owed.room));
        ensure(lost.is_none(), Invariant::NothingLost, || {
            format!("members did not get messages: {lost:?}")
        })
    }

    fn check_notices(&mut self, now_ticks: u64) -> Check {
        self.end_lateness();
        for room in 0..ROOMS {
            // A leave that is put off is neither announced nor counted yet.
            let (late, seen) = (self.late_in(room).count() as i64, self.seen_in(room));
            let channel = &mut self.channels[room];
            let counted = channel.came != 0 || channel.went != late;
            if channel.miscounted {
                let since = *channel.untold_since.get_or_insert(now_ticks);
                if since + GATHERED_MS < now_ticks {
                    // The counts have been announced, even if no member was
                    // left to hear them.
                    channel.miscounted = false;
                    channel.untold_since = None;
                }
                continue;
            }
            if !channel.rationed {
                ensure(!counted, Invariant::NoticesAgree, || {
                    let (came, went) = (channel.came, channel.went);
                    format!("not announced in {room}: {came} joins, {went} leaves")
                })?;
                for (slot, conn) in self.members(room) {
                    let place = conn.places.iter().find(|place| place.room == room);
                    let view = place.map_or(0, |place| place.view);
                    ensure(view == seen, Invariant::NoticesAgree, || {
                        let (view, seen) = (shown(view), shown(seen));
                        format!("{slot} takes {view} for the members of {room}, expected {seen}")
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
                        format!("joins and leaves in {room} not announced since {since}")
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
