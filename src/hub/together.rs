//! Connections of one user that share channels: clients that keep lists of members have no
//! idea of a user who is in a channel, and yet not on this connection. What one of them joins
//! or leaves, the user's others do, too.

use crate::model::{Name, Text};

use super::channel::ChannelIndex;
use super::governance::Act;
use super::{ConnectionId, Effects, Hub, Now, Pass, Refusal};

impl Hub {
    /// Joins a channel as [`Hub::join`] does, with all connections that share it.
    pub(super) fn join_together(
        &mut self,
        id: ConnectionId,
        name: Name,
        now: Now,
        fx: &mut Effects,
    ) -> Result<(), Refusal> {
        self.join(id, name.clone(), now, fx)?;
        self.bring_along(id, &name, now, fx);
        Ok(())
    }

    /// Takes all connections that share the channels of a connection into a channel that it is in.
    /// What has let the user in lets them in, too, unless they are banned where they come from.
    pub fn bring_along(&mut self, id: ConnectionId, name: &Name, now: Now, fx: &mut Effects) {
        let Ok(index) = self.channel_of(id, Some(name.clone())) else {
            return;
        };
        for other in self.sharing_with(id) {
            let pass = self.pass_of_user(other, index, now);
            let pass = pass.or_else(|| self.connection(id).and_then(|it| it.pass.clone()));
            let before = self.set_pass(other, pass);
            // One that cannot, because it is in too many, has only itself to blame.
            let _ = self.come_in(other, name.clone(), now, fx);
            self.set_pass(other, before);
        }
    }

    /// What lets a connection into a channel in which its user is with another one.
    pub(super) fn pass_of_user(
        &self,
        id: ConnectionId,
        index: ChannelIndex,
        now: Now,
    ) -> Option<Pass> {
        let may_read = self.may(id, index, &Act::Read, now).is_ok();
        may_read.then_some(Pass::Override)
    }

    /// Gives a connection another pass. Returns the one before.
    pub(super) fn set_pass(&mut self, id: ConnectionId, pass: Option<Pass>) -> Option<Pass> {
        let connection = self.connection_mut(id)?;
        std::mem::replace(&mut connection.pass, pass)
    }

    /// Leaves a channel as [`Hub::leave`] does, with all connections that share it.
    pub(super) fn leave_together(
        &mut self,
        id: ConnectionId,
        channel: Option<Name>,
        reason: Option<Text>,
        now: Now,
        fx: &mut Effects,
    ) -> Result<(), Refusal> {
        let index = self.channel_of(id, channel.clone())?;
        let sharing = self.sharing_with(id);
        self.leave(id, channel, reason.clone(), now, fx)?;
        let name = self.channels.get(index).map(|channel| channel.name.clone());
        for other in sharing {
            if let Some(name) = name.clone().filter(|_| self.is_member(other, index)) {
                self.leave(other, Some(name), reason.clone(), now, fx)?;
            }
        }
        Ok(())
    }

    /// The other connections of a connection's user that share its channels.
    fn sharing_with(&self, id: ConnectionId) -> Vec<ConnectionId> {
        let shares = |id: ConnectionId| {
            let connection = self.connection(id);
            connection.is_some_and(|it| it.profile.keeps_rosters && !it.is_ending)
        };
        let Ok((_, user)) = self.user_of(id) else {
            return Vec::new();
        };
        // A guest has one connection.
        if user.account.is_none() || !shares(id) {
            return Vec::new();
        }
        let others = user.connections().iter().copied();
        others.filter(|&it| it != id && shares(it)).collect()
    }

    /// The channels of the other connections with which a connection shares them.
    pub fn shared_channels(&self, id: ConnectionId) -> Vec<Name> {
        let mut channels: Vec<Name> = self
            .sharing_with(id)
            .into_iter()
            .flat_map(|other| self.channels_of(other))
            .collect();
        channels.sort_by(|a, b| a.key().cmp(b.key()));
        channels.dedup();
        channels
    }
}
