//! Channels that everyone has left.
//!
//! The rules of a channel that is not registered end with its last member. That it is
//! open again is an entry of its log, as every change is: until it is committed the
//! rules stay in force, and who comes in meanwhile is shown nothing from before. A
//! channel that was restricted loses its past with its rules ([`Change::Floor`]), any
//! other one only its rules ([`Change::Reset`]). It loses its past even if the change that
//! lifts its last restriction was under way when everyone left. One after the other is
//! opened, among the hub's deferred work. What could not be committed is tried again.
//!
//! In a cluster the server that the last member was on opens the channel; if members
//! leave on several at once, each of these does, and the first counts. All servers note
//! that everyone has left ([`super::governed`]), but one that starts now does not
//! know it: hence a channel that was restricted is opened even if someone has come in
//! meanwhile.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::model::governance::{By, Change, ChannelChange, Rules};
use crate::model::{MessageId, Name};

use crate::hub::channel::ChannelIndex;
use crate::hub::{Effects, GLOBAL, Hub, Now};

/// Channels that have lost their last member, and that are not open again yet.
#[derive(Default)]
pub(in crate::hub) struct Vacant {
    /// Whether it is not known yet who is online on the other servers.
    is_unsure: bool,
    /// From which slot of the table on it has yet to be seen whether anybody is in the
    /// channels.
    unseen: Option<ChannelIndex>,
    /// Those that another server has to open, by key.
    awaited: BTreeMap<Arc<str>, Name>,
    /// Those that this server has to open, by key.
    due: BTreeMap<Arc<str>, Name>,
    /// Those that this server tried to open in vain, by key.
    failed: BTreeMap<Arc<str>, Name>,
}

/// The server on which the last member left a channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::hub) enum LastWas {
    /// On this one, or on one that is gone.
    Ours,
    /// On another one, which will say so.
    Theirs,
}

impl Vacant {
    /// Begins without knowing who is online on the other servers.
    pub fn unsure() -> Vacant {
        Vacant {
            is_unsure: true,
            ..Vacant::default()
        }
    }

    /// Notes that it is known who is online on the other servers.
    pub fn is_sure(&mut self) {
        self.is_unsure = false;
        self.unseen = Some(0);
    }

    /// Notes that a channel is used, or open.
    pub fn forget(&mut self, key: &str) {
        self.awaited.remove(key);
        self.due.remove(key);
        self.failed.remove(key);
    }

    /// Takes over what a server that is gone may have left undone.
    pub fn take_over(&mut self) {
        self.due.append(&mut self.awaited);
    }

    fn add(&mut self, name: &Name, last: LastWas) {
        let list = match last {
            LastWas::Ours => &mut self.due,
            LastWas::Theirs => &mut self.awaited,
        };
        list.insert(name.key().clone(), name.clone());
    }
}

impl Hub {
    /// Takes up the rules of channels as they were stored, before anyone is here. Those
    /// that are not registered are to be open again: they have no members.
    pub fn restore_channels(&mut self, channels: Vec<(Name, Rules)>) {
        for (name, rules) in channels {
            self.last_id = self.last_id.max(rules.version);
            if let Some(index) = self.channels.restore(name, rules) {
                self.leave_vacant(index, LastWas::Ours);
            }
        }
    }

    /// Drops the rules of a channel, if it has no member on any server.
    pub(in crate::hub) fn vacated(
        &mut self,
        index: ChannelIndex,
        last: LastWas,
        now: Now,
        fx: &mut Effects,
    ) {
        let Some(channel) = self.channels.get(index) else {
            return;
        };
        let is_used = self.is_used(index);
        if is_used || channel.is_registered() || channel.name.as_str() == GLOBAL {
            let is_left_here = is_used && channel.members.is_empty() && last == LastWas::Ours;
            let governed = self.channels.get_mut(index);
            let governed = governed.and_then(|it| it.governed.as_deref_mut());
            if let Some(governed) = governed.filter(|_| is_left_here) {
                governed.was_left_here();
            }
            return;
        }
        self.vacant.forget(channel.name.key());
        if channel.has_rules() {
            self.leave_vacant(index, last);
            return;
        }
        if let Some(channel) = self.channels.get_mut(index) {
            channel.is_needed = false;
        }
        self.channels.tidy(index);
        self.settle_abandoned(now, fx);
    }

    /// Notes that a channel with rules is to be open again.
    fn leave_vacant(&mut self, index: ChannelIndex, last: LastWas) {
        let (last_id, is_alone) = (self.last_id, self.remote.is_none());
        let Some(channel) = self.channels.get_mut(index) else {
            return;
        };
        let governed = channel.governed.as_deref_mut();
        let was_left_here = governed.is_some_and(|it| it.closed_after(last_id, is_alone));
        let last = match was_left_here {
            true => LastWas::Ours,
            false => last,
        };
        if !self.vacant.is_unsure {
            self.vacant.add(&channel.name, last);
        }
    }

    /// Takes note of what a change means for a channel that everyone had left.
    pub(super) fn closing_changed(
        &mut self,
        index: ChannelIndex,
        change: &ChannelChange,
        (opened, last): (bool, LastWas),
    ) {
        let Some(channel) = self.channels.get_mut(index) else {
            return;
        };
        let name = channel.name.clone();
        let is_registered = channel.is_registered();
        let Some(governed) = channel.governed.as_deref_mut() else {
            return;
        };
        if opened || is_registered || governed.rules.floor == change.id {
            governed.was_opened();
            self.vacant.forget(name.key());
            return;
        }
        // The order to open it is void because there was another change before it.
        let is_ours = last == LastWas::Ours && change.changes.iter().any(Change::opens);
        if is_ours && governed.is_closed() {
            self.vacant.add(&name, last);
        }
    }

    /// Takes note of the place of an entry that this server has drafted for a channel.
    pub(in crate::hub) fn draft_committed(
        &mut self,
        channel: &Name,
        (draft, id): (MessageId, MessageId),
    ) {
        let index = self.channels.find(channel);
        let channel = index.and_then(|index| self.channels.get_mut(index));
        if let Some(governed) = channel.and_then(|it| it.governed.as_deref_mut()) {
            governed.committed(draft, id);
        }
    }

    fn is_used(&self, index: ChannelIndex) -> bool {
        let channel = self.channels.get(index);
        channel.is_some_and(|it| !it.members.is_empty() || self.remote_members(&it.name) > 0)
    }

    /// Whether this server has to open channels.
    pub(in crate::hub) fn has_vacant(&self) -> bool {
        !self.vacant.due.is_empty() || self.vacant.unseen.is_some()
    }

    /// Looks for members in some of the channels whose rules were taken up. Returns
    /// whether there were any to look at.
    pub(in crate::hub) fn see_some(&mut self, now: Now, fx: &mut Effects) -> bool {
        let Some(first) = self.vacant.unseen else {
            return false;
        };
        let end = first + self.limits.piece.max(1);
        self.vacant.unseen = (end < self.channels.slots()).then_some(end);
        for index in first..end {
            if self.channels.is_needed(index) {
                self.vacated(index, LastWas::Ours, now, fx);
            }
        }
        true
    }

    /// Commits that one of the channels without members is open again.
    /// Returns whether there was one.
    pub(in crate::hub) fn open_vacant(&mut self, now: Now, fx: &mut Effects) -> bool {
        let Some((_, name)) = self.vacant.due.pop_first() else {
            return false;
        };
        let index = self.channels.find(&name);
        let channel = index.and_then(|index| Some((index, self.channels.get(index)?)));
        let Some((index, governed)) =
            channel.and_then(|(index, channel)| Some((index, channel.governed.as_deref()?)))
        else {
            return true;
        };
        if self.is_used(index) && !governed.is_closed() {
            return true;
        }
        let version = governed.rules.version;
        let change = match governed.is_closed() || governed.rules.is_restricted() {
            true => Change::Floor(version),
            false => Change::Reset(version),
        };
        if let Ok(server) = Name::restore("system") {
            // Nobody waits for it.
            let _ = self.draft_change(index, By::Server(server), vec![change], None, now, fx);
        }
        true
    }

    /// Notes that a change of this server was not committed: if it was to open a
    /// channel, that is done as soon as the log takes something in again.
    pub(in crate::hub) fn change_failed(&mut self, name: &Name, changes: &[Change]) {
        let channel = self.channels.find(name);
        let channel = channel.and_then(|index| self.channels.get_mut(index));
        if let Some(governed) = channel.and_then(|it| it.governed.as_deref_mut()) {
            for hash in changes.iter().filter_map(Change::used_link) {
                governed.used_link(hash);
            }
        }
        if changes.iter().any(Change::opens) {
            let failed = &mut self.vacant.failed;
            failed.insert(name.key().clone(), name.clone());
        }
    }

    /// Notes that the log takes something in.
    pub(in crate::hub) fn log_is_back(&mut self) {
        self.vacant.due.append(&mut self.vacant.failed);
    }
}

/// Whether a change has opened a channel that had rules before.
pub(super) fn opens(changes: &[Change], had_rules: bool, rules: &Rules) -> bool {
    had_rules && rules.is_open() && changes.iter().any(Change::opens)
}
