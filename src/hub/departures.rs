//! Departures: connections that closed while messages of theirs were being
//! committed.
//!
//! Such a connection is gone for every other purpose, but other members are told
//! that it has left, and the log records it, only after its last message. If its
//! nickname is taken again before that, the leave is told first, so that the new
//! user is not mistaken for the old one.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use crate::model::{Entry, Name, Text};

use super::channel::ChannelIndex;
use super::observers::Quit;
use super::{ConnectionId, Effects, Hub, Now};

/// A closed connection, and what has yet to be told about it.
struct Departure {
    name: Name,
    /// Its messages that are being committed; never 0.
    unsettled: usize,
    left: Vec<Left>,
    quit: Option<Quit>,
    entries: Vec<Entry>,
}

/// A channel that a connection has left, and its era at the time: meanwhile the
/// channel may become empty, and another one may take its place.
struct Left {
    channel: ChannelIndex,
    era: u64,
    reason: Option<Text>,
}

/// All departures.
#[derive(Default)]
pub(super) struct Departures {
    by_connection: BTreeMap<ConnectionId, Departure>,
    by_name: HashMap<Arc<str>, Vec<ConnectionId>>,
}

impl Departures {
    pub fn len(&self) -> usize {
        self.by_connection.len()
    }

    fn of(&mut self, id: ConnectionId, name: &Name, unsettled: usize) -> &mut Departure {
        let by_name = &mut self.by_name;
        self.by_connection.entry(id).or_insert_with(|| {
            by_name.entry(name.key().clone()).or_default().push(id);
            Departure {
                name: name.clone(),
                unsettled,
                left: Vec::new(),
                quit: None,
                entries: Vec::new(),
            }
        })
    }

    /// Whether something has yet to be told of a user.
    pub fn has(&self, name: &Name) -> bool {
        self.by_name.contains_key(name.key())
    }

    fn take(&mut self, id: ConnectionId) -> Option<Departure> {
        let departure = self.by_connection.remove(&id)?;
        if let Some(connections) = self.by_name.get_mut(departure.name.key()) {
            connections.retain(|&other| other != id);
            if connections.is_empty() {
                self.by_name.remove(departure.name.key());
            }
        }
        Some(departure)
    }
}

impl Hub {
    /// Defers telling a channel that a closing connection has left it, if messages
    /// of the connection are being committed. Returns whether it was deferred.
    pub(super) fn puts_off_leaving(
        &mut self,
        id: ConnectionId,
        name: &Name,
        channel: ChannelIndex,
        reason: &Option<Text>,
    ) -> bool {
        let Some(unsettled) = self.unsettled_of(id) else {
            return false;
        };
        // An empty channel has no member to tell.
        let told = self.channels.get(channel);
        if let Some(era) = told.filter(|it| !it.members.is_empty()).map(|it| it.era) {
            let left = Left {
                channel,
                era,
                reason: reason.clone(),
            };
            self.departures.of(id, name, unsettled).left.push(left);
        }
        true
    }

    /// Defers telling that a user has left the chat, as [`Hub::puts_off_leaving`] does.
    /// Returns what is to be told at once.
    pub(super) fn puts_off_quitting(
        &mut self,
        id: ConnectionId,
        name: &Name,
        quit: Quit,
    ) -> Option<Quit> {
        let Some(unsettled) = self.unsettled_of(id) else {
            return Some(quit);
        };
        self.departures.of(id, name, unsettled).quit = Some(quit);
        None
    }

    /// Logs an entry about a closing connection, after its last message.
    pub(super) fn log_departure(&mut self, id: ConnectionId, entry: Entry, fx: &mut Effects) {
        let name = self.nickname_of(id);
        match name.zip(self.unsettled_of(id)) {
            Some((name, unsettled)) => {
                let departure = self.departures.of(id, &name, unsettled);
                departure.entries.push(entry);
            }
            None => fx.log(entry),
        }
    }

    /// Whether a connection has sent something whose fate is not known yet.
    pub(super) fn has_unsettled(&self, id: ConnectionId) -> bool {
        self.unsettled_of(id).is_some()
    }

    fn unsettled_of(&self, id: ConnectionId) -> Option<usize> {
        let connection = self.connection(id)?;
        (connection.is_going && connection.unsettled > 0).then_some(connection.unsettled)
    }

    /// Notes that a message of a connection is settled. If it was the last one of
    /// a departure, the departure is told.
    pub(super) fn note_settled(&mut self, id: ConnectionId, now: Now, fx: &mut Effects) {
        if let Some(connection) = self.connection_mut(id) {
            connection.unsettled = connection.unsettled.saturating_sub(1);
            return;
        }
        let Some(departure) = self.departures.by_connection.get_mut(&id) else {
            return;
        };
        departure.unsettled = departure.unsettled.saturating_sub(1);
        if departure.unsettled == 0 {
            self.tell_departure(id, now, fx);
        }
    }

    /// Tells all departures of a nickname that a user is about to take, or to join
    /// a channel with.
    pub(super) fn tell_departures_of(&mut self, name: &Name, now: Now, fx: &mut Effects) {
        self.part_gone(name, now, fx);
        let gone = self.departures.by_name.get(name.key()).cloned();
        for id in gone.unwrap_or_default() {
            self.tell_departure(id, now, fx);
        }
    }

    /// Tells all departures at once, while there are still connections to tell.
    pub(super) fn tell_all_departures(&mut self, now: Now, fx: &mut Effects) {
        let gone: Vec<ConnectionId> = self.departures.by_connection.keys().copied().collect();
        for id in gone {
            self.tell_departure(id, now, fx);
        }
    }

    fn tell_departure(&mut self, id: ConnectionId, now: Now, fx: &mut Effects) {
        let Some(departure) = self.departures.take(id) else {
            return;
        };
        for entry in departure.entries {
            fx.log(entry);
        }
        let quit = departure.quit;
        let has_quit = quit.is_some();
        if let Some(quit) = quit {
            quit.tell(&departure.name, fx);
        }
        for Left {
            channel,
            era,
            reason,
        } in departure.left
        {
            let same = self.channels.get(channel).filter(|it| it.era == era);
            let Some(name) = same.map(|it| it.name.clone()) else {
                continue;
            };
            let is_back = self.user_is_in(&departure.name, channel);
            if !is_back && !self.is_remote_member(&departure.name, &name) {
                let who = (&departure.name, has_quit);
                self.tell_left(channel, who, reason, now, fx);
            }
        }
        if !self.nicknames.is_empty() {
            self.call_anew(&departure.name, true, now, fx);
        }
    }
}
