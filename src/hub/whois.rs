//! What people may know of a user.

use std::collections::BTreeMap;

use crate::model::governance::Role;
use crate::model::name::Alphabetical;
use crate::model::{Name, Text};

use super::governance::Act;
use super::{ConnectionId, Hub, Now, Refusal};

/// The most channels on a card.
const MAX_CARD_CHANNELS: usize = 200;
/// The most connections of a user that are looked at for it.
const MAX_CARD_CONNECTIONS: usize = 20;

/// What people may know of a user who is online.
#[derive(Clone, Debug, PartialEq)]
pub struct UserCard {
    /// The nickname, as the user writes it.
    pub name: Name,
    /// The name of the user's account; guests have none.
    pub account: Option<Name>,
    /// Why the user is away.
    pub away: Option<Text>,
    /// Since when the user is online, in milliseconds since 1970 UTC; unknown for
    /// users on other servers.
    pub since_ms: Option<u64>,
    /// For how long the user has said nothing, in milliseconds.
    pub idle_ms: Option<u64>,
    /// The channels that the one who asks may know of, by name.
    pub channels: Vec<UserChannel>,
}

/// A channel that a user is in.
#[derive(Clone, Debug, PartialEq)]
pub struct UserChannel {
    /// The channel.
    pub name: Name,
    /// What the user is in it.
    pub role: Option<Role>,
}

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
            away: self.away_of(&name).cloned(),
            since_ms,
            idle_ms,
            channels: channels.collect(),
            name,
        })
    }
}
