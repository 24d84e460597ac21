//! Rules of channels that have members on several servers.
//!
//! Every server folds the same changes in the same order, and keeps the rules of a
//! channel for as long as it is registered, or somebody is in it on any server, or it
//! is still to be open again ([`super::closing`]).

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::model::governance::{Change, Role, Rules};
use crate::model::{MessageId, Name};

use super::closing::{LastWas, Vacant};
use crate::hub::channel::ChannelIndex;
use crate::hub::{Effects, Hub, Now, RosterChange};

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
        self.vacant = Vacant::unsure();
    }

    /// Notes that the users of all other servers are known: channels that nobody is in
    /// are to be open again.
    pub(in crate::hub) fn others_met(&mut self, now: Now, fx: &mut Effects) {
        self.vacant.is_sure();
        self.see_some(now, fx);
    }

    /// Takes note that a user of another server has joined a channel.
    pub(in crate::hub) fn joined_elsewhere(&mut self, index: ChannelIndex, name: &Name) {
        let Some(channel) = self.channels.get_mut(index) else {
            return;
        };
        if let Some(governed) = channel.governed.as_deref_mut() {
            governed.take_pass(name.key());
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
}

/// Whether the channel may have an operator already.
pub(in crate::hub) fn admits_creation(
    governed: &super::Governed,
    id: MessageId,
    changes: &[Change],
) -> bool {
    let creates = |one: &Change| matches!(one, Change::Created(_));
    changes.iter().any(creates) && governed.rules.admits_creation(id) && !governed.has_operator()
}
