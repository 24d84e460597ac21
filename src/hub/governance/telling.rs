//! Who in a channel is told of a change.

use std::sync::Arc;

use crate::model::governance::{Change, ChannelChange, Role, Told};

use crate::hub::channel::ChannelIndex;
use crate::hub::users::User;
use crate::hub::{ConnectionId, Effects, Event, Hub};

impl Hub {
    /// Tells of a change those members that it concerns: all, if it has opened the
    /// channel that they are in.
    pub(super) fn tell_change(
        &mut self,
        index: ChannelIndex,
        change: ChannelChange,
        opened: bool,
        fx: &mut Effects,
    ) {
        self.make_known(index, &change.by.shown(), fx);
        let Some(channel) = self.channels.get(index) else {
            return;
        };
        let members = channel.listeners();
        let told = match opened {
            true => Some(Told::Members),
            false => change.changes.iter().map(Change::told).max(),
        };
        let face = self.face_of(&change.by.shown());
        fx.shown_as(face, |fx| match told {
            None | Some(Told::Nobody) => {}
            Some(Told::Members) => fx.tell_all(members, Event::Changed(Arc::new(change))),
            Some(Told::Operators) => {
                fx.tell_all(self.operators(index), Event::Changed(Arc::new(change)));
            }
        });
    }

    /// The members who operate a channel. They are found by their roles: the others may
    /// be many.
    fn operators(&self, index: ChannelIndex) -> Vec<ConnectionId> {
        let channel = self.channels.get(index);
        let Some((channel, governed)) = channel.and_then(|it| Some((it, it.governed.as_deref()?)))
        else {
            return Vec::new();
        };
        let present = governed.roles().map(|(key, role)| (key, Some(role)));
        let grants = governed.rules.grants.values();
        let kept = grants.map(|grant| (&**grant.name.key(), grant.role));
        let keys = present
            .chain(kept)
            .filter(|(_, role)| *role >= Some(Role::Operator));
        let users = keys.filter_map(|(key, _)| self.users.get(key));
        let operates =
            |user: &&User| governed.role(&user.name, user.account) >= Some(Role::Operator);
        let connections = users.filter(operates).flat_map(User::connections).copied();
        let is_told =
            |&id: &ConnectionId| self.is_member(id, index) && !channel.expelled.contains(id);
        let mut operators: Vec<ConnectionId> = connections.filter(is_told).collect();
        operators.sort_unstable();
        operators.dedup();
        operators
    }
}
