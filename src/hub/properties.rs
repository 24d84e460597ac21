//! Properties: what users say of themselves and operators of their channels, in words that
//! the hub does not understand, such as a name to be shown. They are kept in memory, on
//! this server alone: a user's as long as the user is here, a channel's as long as it is.
//! Connections are told of changes of the keys that they ask for.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::model::{Name, Text};

use super::channel::ChannelIndex;
use super::governance::Act;
use super::page::Part;
use super::property::{MAX_SUBSCRIPTIONS, Owner, Properties, Told, Unmet};
use super::{ConnectionId, Effects, Event, Hub, Now, RosterNews};

/// A connection that joins a channel with more members than this is not told theirs.
const MAX_TOLD: usize = 100;

/// Where properties are.
#[derive(Clone, Debug)]
enum Found {
    User(Name),
    Channel(ChannelIndex),
}

impl Hub {
    /// The properties of an owner, who is spelt as others are shown it.
    pub fn properties_of(
        &self,
        id: ConnectionId,
        owner: &Owner,
    ) -> Result<(Owner, Properties), Unmet> {
        let found = self.find_owner(id, owner)?;
        Ok((self.spelt(&found), self.properties(&found).clone()))
    }

    /// The properties of a user, who has none if not on this server.
    pub(super) fn properties_of_user(&self, name: &Name) -> Properties {
        let user = self.users.get(name.key());
        user.map_or_else(Properties::default, |user| user.properties.clone())
    }

    /// Sets a property, or takes it away. Returns the owner as others are shown it.
    pub fn set_property(
        &mut self,
        id: ConnectionId,
        owner: &Owner,
        (key, value): (&Arc<str>, Option<&Text>),
        now: Now,
        fx: &mut Effects,
    ) -> Result<Owner, Unmet> {
        let found = self.find_own(id, owner, now)?;
        if self.properties(&found).get(key) == value {
            return Ok(self.spelt(&found));
        }
        if !self
            .properties_mut(&found)
            .is_some_and(|it| it.set(key, value))
        {
            return Err(Unmet::Full);
        }
        self.tell_property(id, &found, (key, value), fx);
        Ok(self.spelt(&found))
    }

    /// Takes all properties away. Returns them, and their owner as others are shown it.
    pub fn clear_properties(
        &mut self,
        id: ConnectionId,
        owner: &Owner,
        now: Now,
        fx: &mut Effects,
    ) -> Result<(Owner, Properties), Unmet> {
        let found = self.find_own(id, owner, now)?;
        let before = self.properties_mut(&found).map(std::mem::take);
        let before = before.unwrap_or_default();
        for (key, _) in before.iter() {
            self.tell_property(id, &found, (key, None), fx);
        }
        Ok((self.spelt(&found), before))
    }

    /// Has a connection told of these keys, too. Returns those for which there is room.
    pub fn subscribe(&mut self, id: ConnectionId, keys: Vec<Arc<str>>) -> Vec<Arc<str>> {
        let Some(connection) = self.connection_mut(id) else {
            return Vec::new();
        };
        let subscribed = &mut connection.subscribed;
        let mut added = Vec::new();
        for key in keys {
            if subscribed.contains(&key) || subscribed.len() < MAX_SUBSCRIPTIONS {
                subscribed.insert(key.clone());
                added.push(key);
            }
        }
        added
    }

    /// Ends that a connection is told of these keys.
    pub fn unsubscribe(&mut self, id: ConnectionId, keys: &[Arc<str>]) {
        if let Some(connection) = self.connection_mut(id) {
            for key in keys {
                connection.subscribed.remove(key);
            }
        }
    }

    /// The keys of which a connection is told.
    pub fn subscriptions(&self, id: ConnectionId) -> BTreeSet<Arc<str>> {
        let connection = self.connection(id);
        connection.map_or_else(BTreeSet::new, |it| it.subscribed.clone())
    }

    /// What a connection asks to be told of a channel, and of a page of its members.
    /// Returns also the last name of the page, if the list goes on.
    pub fn properties_in(
        &mut self,
        id: ConnectionId,
        channel: &Name,
        part: Part,
        now: Now,
    ) -> Result<(Vec<Told>, Option<Name>), Unmet> {
        // Outsiders may be shown the members, and nothing that is said here.
        self.find_owner(id, &Owner::Channel(channel.clone()))?;
        let is_first = part.after.is_none();
        let shown = self.members_shown_to(id, channel, part, now);
        let page = shown.map_err(|_| Unmet::NoOwner)?.page;
        let keys = self.subscriptions(id);
        let mut told = Vec::new();
        if is_first && let Some(index) = self.channels.find(channel) {
            told.extend(self.told(&Found::Channel(index), &keys));
        }
        for row in &page.rows {
            told.extend(self.told(&Found::User(row.name.clone()), &keys));
        }
        let last = page.rows.last().filter(|_| page.more);
        Ok((told, last.map(|row| row.name.clone())))
    }

    /// What of an owner has these keys.
    fn told(&self, found: &Found, keys: &BTreeSet<Arc<str>>) -> Option<Told> {
        let all = self.properties(found).iter();
        let wanted = all.filter(|(key, _)| keys.contains(*key));
        let wanted = wanted.map(|(key, value)| (key.clone(), value.clone()));
        let wanted: Vec<_> = wanted.collect();
        (!wanted.is_empty()).then(|| (self.spelt(found), wanted))
    }

    /// Tells a connection that has joined a channel what it asks for of the channel and
    /// its members, unless there are many; and the members what they ask for of its user.
    pub(super) fn tell_properties_in(
        &self,
        id: ConnectionId,
        index: ChannelIndex,
        nickname: &Name,
        fx: &mut Effects,
    ) {
        let found = Found::User(nickname.clone());
        for (key, value) in self.properties(&found).iter() {
            self.tell_about(id, nickname, [index], (key, Some(value)), fx);
        }
        let keys = self.subscriptions(id);
        let Some(channel) = self.channels.get(index).filter(|_| !keys.is_empty()) else {
            return;
        };
        let mut told: Vec<Told> = self
            .told(&Found::Channel(index), &keys)
            .into_iter()
            .collect();
        if channel.members.len() > MAX_TOLD {
            let (nickname, channel) = (nickname.clone(), channel.name.clone());
            fx.tell(id, Event::Roster(RosterNews::Untold { nickname, channel }));
        } else {
            let people = channel
                .members
                .iter()
                .filter_map(|&id| self.nickname_of(id));
            let mut people: Vec<Name> = people.filter(|name| name != nickname).collect();
            people.sort_unstable_by(|a, b| a.key().cmp(b.key()));
            people.dedup();
            let people = people.into_iter().map(Found::User);
            told.extend(people.filter_map(|found| self.told(&found, &keys)));
        }
        for (owner, values) in told {
            for (key, value) in values {
                let news = news(owner.clone(), nickname, (&key, Some(&value)));
                fx.tell(id, Event::Roster(news));
            }
        }
    }

    fn find_owner(&self, id: ConnectionId, owner: &Owner) -> Result<Found, Unmet> {
        let own = || self.nickname_of(id).ok_or(Unmet::NoOwner);
        match owner {
            Owner::Own => own().map(Found::User),
            Owner::User(name) => match self.presence(name.clone()) {
                (name, true) => Ok(Found::User(name)),
                (_, false) => Err(Unmet::NoOwner),
            },
            Owner::Channel(name) => {
                let index = self.channel_of(id, Some(name.clone()));
                let index = index.ok().filter(|&index| self.is_member(id, index));
                index.map(Found::Channel).ok_or(Unmet::NoOwner)
            }
        }
    }

    /// The owner, if its properties are the user's to change.
    fn find_own(&self, id: ConnectionId, owner: &Owner, now: Now) -> Result<Found, Unmet> {
        let found = self.find_owner(id, owner)?;
        let own = self.nickname_of(id).ok_or(Unmet::NoOwner)?;
        let may = match &found {
            Found::User(name) => *name == own,
            Found::Channel(index) => self.may(id, *index, &Act::Operate, now).is_ok(),
        };
        may.then_some(found).ok_or(Unmet::Forbidden)
    }

    fn spelt(&self, found: &Found) -> Owner {
        match found {
            Found::User(name) => Owner::User(self.users.listed(name)),
            Found::Channel(index) => match self.channels.get(*index) {
                Some(channel) => Owner::Channel(channel.name.clone()),
                None => Owner::Own,
            },
        }
    }

    fn properties(&self, found: &Found) -> &Properties {
        static NONE: Properties = Properties::new();
        let own = match found {
            Found::User(name) => self.users.get(name.key()).map(|user| &user.properties),
            Found::Channel(index) => self.channels.get(*index).map(|it| &it.properties),
        };
        own.unwrap_or(&NONE)
    }

    fn properties_mut(&mut self, found: &Found) -> Option<&mut Properties> {
        match found {
            Found::User(name) => (self.users.get_mut(name.key())).map(|it| &mut it.properties),
            Found::Channel(index) => (self.channels.get_mut(*index)).map(|it| &mut it.properties),
        }
    }

    /// Tells those who ask for a key what became of it.
    fn tell_property(
        &self,
        id: ConnectionId,
        found: &Found,
        change: (&Arc<str>, Option<&Text>),
        fx: &mut Effects,
    ) {
        match found {
            Found::User(name) => {
                self.tell_about(id, name, self.channels_of_user(name), change, fx);
            }
            Found::Channel(index) => {
                let Some(by) = self.nickname_of(id) else {
                    return;
                };
                let told = self.observers([*index], &[id]);
                let told = self.asking_for(told, change.0);
                let news = news(self.spelt(found), &by, change);
                fx.tell_all(told, Event::Roster(news));
            }
        }
    }

    /// Tells those who see a user in a channel, or watch the user, and ask for a key.
    fn tell_about(
        &self,
        id: ConnectionId,
        name: &Name,
        channels: impl IntoIterator<Item = ChannelIndex>,
        change: (&Arc<str>, Option<&Text>),
        fx: &mut Effects,
    ) {
        let mut told = self.observers_of(name, channels, &[id]);
        let news = news(Owner::User(name.clone()), name, change);
        if self.is_watched(name) {
            let mut except = told.clone();
            except.push(id);
            except.sort_unstable();
            let watchers = self.watchers_of(name, &except);
            told.extend(watchers);
        }
        fx.tell_all(self.asking_for(told, change.0), Event::Roster(news));
    }

    fn asking_for(&self, mut ids: Vec<ConnectionId>, key: &Arc<str>) -> Vec<ConnectionId> {
        let asks = |id: &ConnectionId| {
            let connection = self.connection(*id);
            connection.is_some_and(|it| it.subscribed.contains(key))
        };
        ids.retain(asks);
        ids
    }
}

fn news(owner: Owner, by: &Name, (key, value): (&Arc<str>, Option<&Text>)) -> RosterNews {
    RosterNews::Property {
        nickname: by.clone(),
        owner,
        key: key.clone(),
        value: value.cloned(),
    }
}
