//! What people may know of a user.

use std::collections::BTreeMap;

use crate::model::Name;
use crate::model::name::Alphabetical;

use super::card::{UserCard, UserChannel};
use super::governance::Act;
use super::{ConnectionId, Hub, Now, Refusal};

/// The most channels on a card.
const MAX_CARD_CHANNELS: usize = 200;
/// The most connections of a user that are looked at for it.
const MAX_CARD_CONNECTIONS: usize = 20;

impl Hub {
    /// What the user of a connection may know of another.
    pub(super) fn card(
        &self,
        asker: ConnectionId,
        asked: Name,
        now: Now,
    ) -> Result<UserCard, Refusal> {
        let (name, is_on) = self.presence(asked);
        if !is_on {
            return Err(Refusal::NoSuchUser(name));
        }
        let here = self.users.get(name.key());
        let account = match here {
            Some(user) => user.account,
            None => self.remote_account(&name).flatten(),
        };
        let connections = here.map(|user| user.connections()).unwrap_or_default();
        let connections = connections.iter().take(MAX_CARD_CONNECTIONS);
        let connections = connections.filter_map(|&id| self.connection(id));
        let since_ms = connections.clone().map(|it| it.opened_ms).min();
        let spoke = connections.clone().map(|it| it.spoke_ms).max();
        let idle_ms = spoke.map(|at| now.ticks_ms.saturating_sub(at));
        let mut channels = BTreeMap::new();
        let joined = connections.flat_map(|it| it.memberships.iter().rev().map(|m| m.channel));
        let joined = joined.filter_map(|index| Some((index, self.channels.get(index)?)));
        for (index, channel) in joined.take(MAX_CARD_CHANNELS) {
            if self.may(asker, index, &Act::See, now).is_ok() {
                let role = self.role_in(index, &name);
                channels.insert(Alphabetical(channel.name.clone()), role);
            }
        }
        let elsewhere = self.remote_person(&name).into_iter();
        for channel in elsewhere.flat_map(|person| person.channels(MAX_CARD_CHANNELS)) {
            if self.may_see(asker, channel, now) {
                let index = self.channels.find(channel);
                let role = index.and_then(|index| self.role_in(index, &name));
                channels.insert(Alphabetical(channel.clone()), role);
            }
        }
        let channels = channels.into_iter().take(MAX_CARD_CHANNELS);
        let channels = channels.map(|(name, role)| UserChannel { name: name.0, role });
        Ok(UserCard {
            account: account.map(|_| name.clone()),
            face: self.face_of(&name).unwrap_or_default(),
            away: self.away_of(&name).cloned(),
            properties: self.properties_of_user(&name),
            since_ms,
            idle_ms,
            channels: channels.collect(),
            name,
        })
    }
}
