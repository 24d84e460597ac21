//! Channels that everyone has left.
//!
//! The rules of a channel that is not registered end with its last member. That it is
//! open again is an entry of its log, as every change is: until it is committed the
//! rules stay in force, and who comes in meanwhile is shown nothing from before. A
//! channel that was restricted loses its past with its rules ([`Change::Floor`]), any
//! other one only its rules ([`Change::Reset`]). One after the other is opened, among
//! the hub's deferred work. What could not be committed is tried again.
//!
//! In a cluster the server that the last member was on opens the channel.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::model::Name;
use crate::model::governance::{By, Change, Rules};

use crate::hub::channel::ChannelIndex;
use crate::hub::{Effects, GLOBAL, Hub, Now};

/// Channels that nobody is in any more, and that are not open again yet.
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

/// On whose server the last one left a channel.
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
    /// that are not registered are to be open again: nobody is in them.
    pub fn restore_channels(&mut self, channels: Vec<(Name, Rules)>) {
        for (name, rules) in channels {
            self.last_id = self.last_id.max(rules.version);
            if let Some(index) = self.channels.restore(name, rules) {
                self.leave_vacant(index, LastWas::Ours);
            }
        }
    }

    /// Lets go of the rules of a channel, if nobody is in it on any server.
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
        let last_id = self.last_id;
        let Some(channel) = self.channels.get_mut(index) else {
            return;
        };
        if let Some(governed) = channel.governed.as_deref_mut() {
            governed.closed_after(last_id);
        }
        if !self.vacant.is_unsure {
            self.vacant.add(&channel.name, last);
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

    /// Sees whether anybody is in some of the channels whose rules were taken up. Returns
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

    /// Has it committed that one of the channels that nobody is in is open again.
    /// Returns whether there was one.
    pub(in crate::hub) fn open_vacant(&mut self, now: Now, fx: &mut Effects) -> bool {
        let Some((_, name)) = self.vacant.due.pop_first() else {
            return false;
        };
        let index = self.channels.find(&name);
        let channel = index.and_then(|index| Some((index, self.channels.get(index)?)));
        let Some((index, channel)) = channel.filter(|&(index, _)| !self.is_used(index)) else {
            return true;
        };
        let Some(governed) = channel.governed.as_deref() else {
            return true;
        };
        let version = governed.rules.version;
        let change = match governed.rules.is_restricted() {
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
        let opens = |one: &Change| matches!(one, Change::Floor(_) | Change::Reset(_));
        if changes.iter().any(opens) {
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
    let opens = |one: &Change| matches!(one, Change::Floor(_) | Change::Reset(_));
    had_rules && rules.is_open() && changes.iter().any(opens)
}
