//! Those who have gone while messages of theirs were being committed.
//!
//! They are no longer here, whatever asks; but that they have left is told, and
//! logged, behind their last words. Who has the nickname of such a one next is
//! not taken for them: then their leaving is told first.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use crate::model::{Entry, Name};

use super::channel::ChannelIndex;
use super::{ConnectionId, Effects, Hub, Now};

/// A connection that is gone, and what has not been told of it.
struct Departure {
    name: Name,
    /// Messages of it that are being committed: never none.
    unsettled: usize,
    left: Vec<Left>,
    entries: Vec<Entry>,
}

/// A channel that a connection was in, and which of those of that name: it may
/// be emptied and made again meanwhile.
#[derive(Clone, Copy)]
struct Left {
    channel: ChannelIndex,
    era: u64,
}

/// All of them.
#[derive(Default)]
pub(super) struct Departures {
    by_connection: BTreeMap<ConnectionId, Departure>,
    by_name: HashMap<Arc<str>, Vec<ConnectionId>>,
}

impl Departures {
    /// How many there are.
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
                entries: Vec::new(),
            }
        })
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
    /// A connection that goes has left a channel. Whether that is told later.
    pub(super) fn puts_off_leaving(
        &mut self,
        id: ConnectionId,
        name: &Name,
        channel: ChannelIndex,
    ) -> bool {
        let Some(unsettled) = self.unsettled_of(id) else {
            return false;
        };
        // To an empty channel there is nobody to tell.
        let told = self.channels.get(channel);
        if let Some(era) = told.filter(|it| !it.members.is_empty()).map(|it| it.era) {
            let left = Left { channel, era };
            self.departures.of(id, name, unsettled).left.push(left);
        }
        true
    }

    /// Logs something about a connection that goes, behind its last words.
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

    fn unsettled_of(&self, id: ConnectionId) -> Option<usize> {
        let connection = self.connection(id)?;
        (connection.is_going && connection.unsettled > 0).then_some(connection.unsettled)
    }

    /// A message of a connection is settled: perhaps it was the last one.
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

    /// Somebody is about to have a nickname, or to be seen under it: those who
    /// have gone with it are gone first.
    pub(super) fn tell_departures_of(&mut self, name: &Name, now: Now, fx: &mut Effects) {
        self.part_gone(name, now, fx);
        let gone = self.departures.by_name.get(name.key()).cloned();
        for id in gone.unwrap_or_default() {
            self.tell_departure(id, now, fx);
        }
    }

    /// Tells everything at once: nobody will be left to tell it to.
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
        for Left { channel, era } in departure.left {
            let same = self.channels.get(channel).filter(|it| it.era == era);
            let Some(name) = same.map(|it| it.name.clone()) else {
                continue;
            };
            let is_back = self.user_is_in(&departure.name, channel);
            if !is_back && !self.is_remote_member(&departure.name, &name) {
                self.channels.tell_left(channel, &departure.name, now, fx);
            }
        }
    }
}
