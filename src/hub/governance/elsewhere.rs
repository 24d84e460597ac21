//! Rules of channels whose people are on several servers.
//!
//! Every server folds the same changes in the same order, and keeps the rules of a
//! channel for as long as it is registered, or somebody is in it on any server. The
//! server that its last member was on has it committed that the channel is open
//! again; until that is settled the rules stay in force everywhere.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::model::governance::{By, Change, Role, Rules};
use crate::model::{MessageId, Name};

use crate::hub::channel::ChannelIndex;
use crate::hub::{Effects, GLOBAL, Hub, Now, RosterChange};

/// Channels that nobody is in any more, and that are not open again yet.
#[derive(Default)]
pub(in crate::hub) struct Vacant {
    /// Whether it is not known yet who is online on the other servers.
    is_unsure: bool,
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

    /// Whether this server has to open channels.
    pub fn is_due(&self) -> bool {
        !self.due.is_empty()
    }

    fn forget(&mut self, key: &str) {
        self.awaited.remove(key);
        self.due.remove(key);
        self.failed.remove(key);
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
    /// Takes up the rules of all channels, in place of what is known of them.
    pub fn take_rules(&mut self, rules: Vec<(Name, Rules)>) {
        let known: BTreeMap<Arc<str>, (Name, Rules)> = rules
            .into_iter()
            .map(|(name, rules)| (name.key().clone(), (name, rules)))
            .collect();
        self.channels.forget_rules_except(&known);
        for (name, rules) in known.into_values() {
            self.last_id = self.last_id.max(rules.version);
            self.channels.take_rules(name, rules);
        }
        if let Some(remote) = &mut self.remote {
            remote.vacant = Vacant::unsure();
        }
    }

    /// Notes that the users of all other servers are known: channels that nobody is in
    /// are to be open again.
    pub(in crate::hub) fn others_met(&mut self, now: Now, fx: &mut Effects) {
        if let Some(remote) = &mut self.remote {
            remote.vacant.is_unsure = false;
        }
        for index in self.channels.needed() {
            self.vacated(index, LastWas::Ours, now, fx);
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
        let name = channel.name.clone();
        let is_used = !channel.members.is_empty() || self.remote_members(&name) > 0;
        if is_used || channel.is_registered() || name.as_str() == GLOBAL {
            return;
        }
        let governed = channel.governed.as_deref();
        let is_open = governed.is_none_or(|governed| governed.rules.is_open());
        let Some(remote) = &mut self.remote else {
            return;
        };
        remote.vacant.forget(name.key());
        if is_open {
            if let Some(channel) = self.channels.get_mut(index) {
                channel.is_needed = false;
            }
            self.channels.tidy(index);
            self.settle_abandoned(now, fx);
        } else if !remote.vacant.is_unsure {
            remote.vacant.add(&name, last);
        }
    }

    /// Has it committed that one of the channels that nobody is in is open again.
    /// Returns whether there was one.
    pub(in crate::hub) fn open_vacant(&mut self, now: Now, fx: &mut Effects) -> bool {
        let remote = self.remote.as_mut();
        let Some((_, name)) = remote.and_then(|remote| remote.vacant.due.pop_first()) else {
            return false;
        };
        let index = self.channels.find(&name);
        let channel = index.and_then(|index| Some((index, self.channels.get(index)?)));
        let Some((index, channel)) = channel else {
            return true;
        };
        let is_used = !channel.members.is_empty() || self.remote_members(&name) > 0;
        let Some(governed) = channel.governed.as_deref().filter(|_| !is_used) else {
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
        let opens = |one: &Change| matches!(one, Change::Floor(_) | Change::Reset(_));
        if let Some(remote) = &mut self.remote
            && changes.iter().any(opens)
        {
            let failed = &mut remote.vacant.failed;
            failed.insert(name.key().clone(), name.clone());
        }
    }

    /// Notes that the log takes something in.
    pub(in crate::hub) fn log_is_back(&mut self) {
        if let Some(remote) = &mut self.remote
            && !remote.vacant.failed.is_empty()
        {
            let failed = std::mem::take(&mut remote.vacant.failed);
            remote.vacant.due.extend(failed);
        }
    }

    /// Takes over what a server that is gone may have left undone.
    pub(in crate::hub) fn open_for_others(&mut self) {
        if let Some(remote) = &mut self.remote {
            let awaited = std::mem::take(&mut remote.vacant.awaited);
            remote.vacant.due.extend(awaited);
        }
    }

    /// Takes note that a user of another server has joined a channel.
    pub(in crate::hub) fn joined_elsewhere(&mut self, index: ChannelIndex, name: &Name) {
        let Some(channel) = self.channels.get_mut(index) else {
            return;
        };
        if let Some(governed) = channel.governed.as_deref_mut() {
            governed.take_pass(name.key());
            let key = channel.name.key().clone();
            if let Some(remote) = &mut self.remote {
                remote.vacant.forget(&key);
            }
        }
    }

    /// Takes note that a user is in a channel on no other server any more.
    pub(in crate::hub) fn left_elsewhere(
        &mut self,
        index: ChannelIndex,
        name: &Name,
        last: LastWas,
        now: Now,
        fx: &mut Effects,
    ) {
        if !self.user_is_in(name, index)
            && let Some(channel) = self.channels.get_mut(index)
            && let Some(governed) = channel.governed.as_deref_mut()
        {
            governed.user_left(name.key());
        }
        self.vacated(index, last, now, fx);
    }

    /// Files what a user of other servers is in channels under a new nickname.
    pub(in crate::hub) fn renamed_elsewhere(&mut self, from: &Name, to: &Name, channels: &[Name]) {
        for name in channels {
            let index = self.channels.find(name);
            if let Some(index) = index
                && !self.user_is_in(from, index)
                && let Some(channel) = self.channels.get_mut(index)
                && let Some(governed) = channel.governed.as_deref_mut()
            {
                governed.user_renamed(from.key(), to.key());
            }
        }
    }

    /// Takes up the role that a user of another server has while in a channel.
    pub(in crate::hub) fn role_elsewhere(
        &mut self,
        name: &Name,
        channel: Name,
        role: Option<Role>,
    ) {
        let is_known = self.channels.find(&channel);
        if !self.is_remote_member(name, &channel) || (is_known.is_none() && role.is_none()) {
            return;
        }
        let index = self.channels.get_or_create(channel, None);
        if let Some(channel) = self.channels.get_mut(index) {
            channel.is_needed = true;
            let governed = channel.governed.get_or_insert_default();
            governed.set_present_role(name.key(), role);
        }
    }

    /// Tells the other servers what a user who is here is in a channel, for those that
    /// start later.
    pub(in crate::hub) fn share_role(&self, index: ChannelIndex, name: &Name, fx: &mut Effects) {
        let Some(channel) = self.channels.get(index) else {
            return;
        };
        if !self.user_is_in(name, index) {
            return;
        }
        let governed = channel.governed.as_deref();
        let role = governed.and_then(|governed| governed.present_role(name.key()));
        let change = || RosterChange::Role {
            name: name.clone(),
            channel: channel.name.clone(),
            role,
        };
        self.share_change(change, fx);
    }

    /// As [`Hub::share_role`], for a user who comes in and has a role from another
    /// server.
    pub(in crate::hub) fn rejoined_role(&self, index: ChannelIndex, name: &Name, fx: &mut Effects) {
        let governed = self
            .channels
            .get(index)
            .and_then(|it| it.governed.as_deref());
        if governed.is_some_and(|governed| governed.present_role(name.key()).is_some()) {
            self.share_role(index, name, fx);
        }
    }

    /// Takes a user out of a channel on other servers, which do the same and tell
    /// nobody.
    pub(in crate::hub) fn expel_elsewhere(&mut self, name: &Name, channel: &Name) {
        if let Some(remote) = &mut self.remote {
            remote.expel(name, channel);
            self.roster_version += 1;
        }
    }
}

/// Whether somebody could be an operator of it already.
pub(in crate::hub) fn admits_creation(
    governed: &super::Governed,
    id: MessageId,
    changes: &[Change],
) -> bool {
    let creates = |one: &Change| matches!(one, Change::Created(_));
    changes.iter().any(creates) && governed.rules.admits_creation(id) && !governed.has_operator()
}
