//! The people on other servers, and the channels they are in.
//!
//! Built from the changes that those servers announce ([`RosterChange`]). A
//! channel with members elsewhere exists here too, and a nickname in use
//! elsewhere is in use here. Messages to them travel through the log, not
//! through this module.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque};
use std::ops::Bound;
use std::sync::Arc;

use crate::model::governance::Cloak;
use crate::model::name::Alphabetical;
use crate::model::{AccountId, Name, Text};

use super::lookalikes::Lookalikes;
use super::nickname::Nickname;
use super::{NodeId, RosterChange};

/// The people on other servers.
#[derive(Default)]
pub(super) struct Remote {
    people: HashMap<Name, Person>,
    /// Those of their nicknames that look like other names.
    looks: Lookalikes,
    people_by_name: BTreeSet<Alphabetical>,
    /// The keys of the nicknames on each server.
    people_by_node: HashMap<NodeId, BTreeSet<Arc<str>>>,
    /// Servers that are gone, with users that have yet to be removed. Such users
    /// still appear in lists and as members, but count for nothing else.
    gone: VecDeque<NodeId>,
    channels: HashMap<Name, Gathering>,
    channels_by_name: BTreeSet<Alphabetical>,
    /// The channels that look like other names.
    channel_looks: Lookalikes,
}

/// A user on at least one other server.
pub(super) struct Person {
    /// As the user writes it.
    pub name: Name,
    /// `None` for a guest.
    pub account: Option<AccountId>,
    /// Why the user is away.
    pub away: Option<Text>,
    /// What stands for the user's address.
    pub cloak: Option<Cloak>,
    /// What the account is called on each server, if not by its name.
    pub nicknames: BTreeMap<NodeId, Nickname>,
    /// The user's channels on each server.
    nodes: BTreeMap<NodeId, HashSet<Name>>,
    /// Keys of earlier nicknames.
    pub aliases: VecDeque<Arc<str>>,
}

/// A channel on at least one other server.
struct Gathering {
    /// As it is written there.
    name: Name,
    /// For each member, the number of servers on which it is in the channel, and
    /// the name it is listed by.
    members: HashMap<Name, (usize, Alphabetical)>,
    by_name: BTreeSet<Alphabetical>,
    /// The sum of those numbers.
    places: usize,
}

/// A change as the users of this server see it.
#[derive(Debug, PartialEq)]
pub(super) enum Noticed {
    /// A user has joined a channel, having been in it on no other server.
    Joined { name: Name, channel: Name },
    /// A user has left a channel, and is in it on no other server.
    Left {
        name: Name,
        channel: Name,
        reason: Option<Text>,
    },
    /// A user has left the last of the other servers.
    Gone { name: Name },
    /// A user is perhaps called otherwise.
    Called { name: Name },
    /// A user in these channels has changed nickname.
    Renamed {
        from: Name,
        to: Name,
        channels: Vec<Name>,
    },
}

impl Remote {
    /// The user of this name on other servers.
    pub fn person(&self, name: &Name) -> Option<&Person> {
        self.present(name.key())
    }

    /// The number of other servers that a user is on.
    pub fn servers(&self, name: &Name) -> usize {
        let nodes = self.people.get(name).map(|person| person.nodes.keys());
        let nodes = nodes.into_iter().flatten();
        nodes.filter(|node| !self.gone.contains(node)).count()
    }

    /// The user of the nickname with this key, on a server that is not gone.
    fn present(&self, key: &str) -> Option<&Person> {
        let person = self.people.get(key)?;
        let mut nodes = person.nodes.keys();
        let is_present = nodes.any(|node| !self.gone.contains(node));
        is_present.then_some(person)
    }

    /// Whether a user other than `own` has a nickname that looks like the name
    /// with these claims, the first of which is the name's own key.
    pub fn has_lookalike(&self, claims: &[Arc<str>], own: Option<&Name>) -> bool {
        let mut like = self.looks.like(claims);
        let mut others = claims.iter().skip(1);
        like.any(|name| Some(name) != own && self.person(name).is_some())
            || others.any(|key| {
                let is_own = own.is_some_and(|own| own.key() == key);
                !is_own && self.present(key).is_some()
            })
    }

    /// Whether a guest has a nickname that looks like the name with these claims.
    pub fn has_guest_like(&self, claims: &[Arc<str>]) -> bool {
        let like = self.looks.like(claims).map(Name::key).chain(claims);
        let mut people = like.filter_map(|key| self.present(key));
        people.any(|person| person.account.is_none())
    }

    /// How many users there are.
    pub fn people(&self) -> usize {
        self.people.len()
    }

    /// All users from `start` on, once for each of their servers, sorted by name.
    pub fn everybody_from(
        &self,
        start: Bound<Alphabetical>,
    ) -> impl Iterator<Item = (&Name, NodeId)> {
        let names = self.people_by_name.range((start, Bound::Unbounded));
        let people = names.filter_map(|name| self.people.get(&name.0));
        people.flat_map(|person| person.nodes.keys().map(|node| (&person.name, *node)))
    }

    /// The channels of a user on a server, sorted by name.
    pub fn channels_of(&self, name: &Name, node: NodeId) -> Vec<Name> {
        let there = self.people.get(name).and_then(|p| p.nodes.get(&node));
        sorted(there.into_iter().flatten().cloned())
    }

    /// The channel's name as it is written elsewhere, if it exists there.
    pub fn channel(&self, name: &Name) -> Option<&Name> {
        Some(&self.channels.get(name)?.name)
    }

    /// A channel elsewhere that looks like the name with these claims, the first
    /// of which is the name's own key.
    pub fn channel_like(&self, claims: &[Arc<str>]) -> Option<&Name> {
        let mut others = claims.iter().skip(1);
        let by_key = others.find_map(|key| self.channels.get(&**key));
        let by_key = by_key.map(|channel| &channel.name);
        by_key.or_else(|| self.channel_looks.like(claims).next())
    }

    /// How many members a channel has elsewhere.
    pub fn members(&self, channel: &Name) -> usize {
        let channel = self.channels.get(channel);
        channel.map_or(0, |channel| channel.places)
    }

    /// The members of a channel elsewhere, from `start` on, sorted by name.
    pub fn members_from(
        &self,
        channel: &Name,
        start: Bound<Alphabetical>,
    ) -> impl Iterator<Item = &Name> {
        let channel = self.channels.get(channel).into_iter();
        let names = channel.flat_map(move |it| it.by_name.range((start.clone(), Bound::Unbounded)));
        names.map(|name| &name.0)
    }

    /// Whether a user is in a channel elsewhere.
    pub fn is_member(&self, name: &Name, channel: &Name) -> bool {
        let channel = self.channels.get(channel);
        channel.is_some_and(|channel| channel.members.contains_key(name))
    }

    /// The channels elsewhere, from `start` on, sorted by name.
    pub fn channels_from(&self, start: Bound<Alphabetical>) -> impl Iterator<Item = &Name> {
        let names = self.channels_by_name.range((start, Bound::Unbounded));
        names.map(|name| &name.0)
    }

    /// How many channels there are elsewhere.
    pub fn channel_count(&self) -> usize {
        self.channels.len()
    }

    /// Applies a change. Applying it again has no effect.
    pub fn change(&mut self, node: NodeId, change: RosterChange) -> Vec<Noticed> {
        if self.gone.contains(&node) {
            // The server wrote this before it noticed that it is cut off.
            return Vec::new();
        }
        match change {
            RosterChange::Online {
                name,
                account,
                cloak,
            } => {
                self.online(node, name, account, cloak);
                Vec::new()
            }
            // The hub knows what it means.
            RosterChange::Role { .. } => Vec::new(),
            RosterChange::Offline { name } => self.offline(node, name.key()),
            RosterChange::Called { name, nickname } => {
                Vec::from_iter(self.called(node, name, nickname))
            }
            RosterChange::Joined { name, channel } => {
                Vec::from_iter(self.joined(node, &name, channel))
            }
            RosterChange::Left {
                name,
                channel,
                reason,
            } => Vec::from_iter(self.left(node, &name, &channel, reason)),
            RosterChange::Away { name, text } => {
                if let Some(person) = self.people.get_mut(&name) {
                    person.away = text;
                }
                Vec::new()
            }
            RosterChange::Renamed {
                from,
                to,
                account,
                nickname,
            } => {
                let renamed = self.renamed(node, &from, to.clone(), account);
                if renamed.is_some() && nickname.is_some() {
                    // Those who see the user are told of both at once.
                    let _ = self.called(node, to, nickname);
                }
                Vec::from_iter(renamed)
            }
        }
    }

    /// Takes a user out of a channel on all servers.
    pub fn expel(&mut self, name: &Name, channel: &Name) {
        let Some(person) = self.people.get(name) else {
            return;
        };
        let nodes: Vec<NodeId> = person.nodes.keys().copied().collect();
        for node in nodes {
            self.left(node, name, channel, None);
        }
    }

    /// Notes that a server is gone; [`Remote::part_some`] removes its users.
    pub fn gone(&mut self, node: NodeId) {
        if self.people_by_node.contains_key(&node) && !self.gone.contains(&node) {
            self.gone.push_back(node);
        }
    }

    /// Whether users of servers that are gone have yet to be removed.
    pub fn has_gone(&self) -> bool {
        !self.gone.is_empty()
    }

    /// Removes some users of servers that are gone: about `most`, counting also
    /// the channels that they leave.
    pub fn part_some(&mut self, most: usize) -> Vec<Noticed> {
        let mut noticed = Vec::new();
        let mut done = 0;
        while done < most
            && let Some(&node) = self.gone.front()
        {
            let there = self.people_by_node.get(&node);
            let first = there.and_then(BTreeSet::first).cloned();
            match first {
                Some(key) => {
                    let parted = self.offline(node, &key);
                    done += parted.len().max(1);
                    noticed.extend(parted);
                }
                None => {
                    self.gone.pop_front();
                    done += 1;
                }
            }
        }
        while self
            .gone
            .front()
            .is_some_and(|node| !self.people_by_node.contains_key(node))
        {
            self.gone.pop_front();
        }
        noticed
    }

    /// Removes a user from the servers that are gone.
    pub fn part(&mut self, name: &Name) -> Vec<Noticed> {
        if self.gone.is_empty() {
            return Vec::new();
        }
        let gone: Vec<NodeId> = self.gone.iter().copied().collect();
        let left = gone
            .into_iter()
            .flat_map(|node| self.offline(node, name.key()));
        left.collect()
    }

    fn online(
        &mut self,
        node: NodeId,
        name: Name,
        account: Option<AccountId>,
        cloak: Option<Cloak>,
    ) {
        self.looks.add(&name);
        if let Some(before) = self.people.get(&name) {
            let before = Alphabetical(before.name.clone());
            self.people_by_name.remove(&before);
        }
        self.people_by_name.insert(Alphabetical(name.clone()));
        let person = self.people.entry(name.clone()).or_insert_with(|| Person {
            name: name.clone(),
            account,
            away: None,
            cloak: None,
            nicknames: BTreeMap::new(),
            nodes: BTreeMap::new(),
            aliases: VecDeque::new(),
        });
        person.name = name;
        person.account = account;
        person.cloak = cloak.or(person.cloak.take());
        person.nodes.entry(node).or_default();
        let key = person.name.key().clone();
        self.people_by_node.entry(node).or_default().insert(key);
    }

    fn offline(&mut self, node: NodeId, key: &str) -> Vec<Noticed> {
        let was_called = self
            .people
            .get(key)
            .is_some_and(|person| !person.nicknames.is_empty());
        let Some((name, channels)) = self.take(node, key) else {
            return Vec::new();
        };
        let channels = channels.into_iter();
        let left = channels.filter_map(|channel| self.leave(&name, &channel, None));
        let mut noticed: Vec<Noticed> = left.collect();
        if !self.people.contains_key(key) {
            noticed.push(Noticed::Gone { name: name.clone() });
        }
        if was_called {
            noticed.push(Noticed::Called { name });
        }
        noticed
    }

    /// Removes a user from a server. Returns the nickname and the channels that
    /// the user had there.
    fn take(&mut self, node: NodeId, key: &str) -> Option<(Name, Vec<Name>)> {
        let person = self.people.get_mut(key)?;
        let shown = person.name.clone();
        let channels = person.nodes.remove(&node)?;
        person.nicknames.remove(&node);
        if let Some(there) = self.people_by_node.get_mut(&node) {
            there.remove(key);
            if there.is_empty() {
                self.people_by_node.remove(&node);
            }
        }
        if person.nodes.is_empty() {
            self.looks.remove(&shown);
            self.people.remove(key);
            self.people_by_name.remove(&Alphabetical(shown.clone()));
        }
        Some((shown, sorted(channels)))
    }

    fn called(&mut self, node: NodeId, name: Name, nickname: Option<Nickname>) -> Option<Noticed> {
        let person = self.people.get_mut(&name)?;
        // It comes after what has brought the user there.
        person.nodes.get(&node)?;
        match nickname {
            Some(nickname) => person.nicknames.insert(node, nickname),
            None => person.nicknames.remove(&node),
        };
        Some(Noticed::Called { name })
    }

    fn joined(&mut self, node: NodeId, name: &Name, channel: Name) -> Option<Noticed> {
        let person = self.people.get_mut(name)?;
        if !person.nodes.get_mut(&node)?.insert(channel.clone()) {
            return None;
        }
        let gathering = self.channels.entry(channel.clone());
        let gathering = gathering.or_insert_with(|| {
            self.channels_by_name.insert(Alphabetical(channel.clone()));
            self.channel_looks.add(&channel);
            Gathering {
                name: channel,
                members: HashMap::new(),
                by_name: BTreeSet::new(),
                places: 0,
            }
        });
        gathering.places += 1;
        let listed = || (0, Alphabetical(person.name.clone()));
        let member = gathering.members.entry(name.clone());
        let (times, listed) = member.or_insert_with(listed);
        *times += 1;
        if *times > 1 {
            return None;
        }
        gathering.by_name.insert(listed.clone());
        Some(Noticed::Joined {
            name: person.name.clone(),
            channel: gathering.name.clone(),
        })
    }

    fn left(
        &mut self,
        node: NodeId,
        name: &Name,
        channel: &Name,
        reason: Option<Text>,
    ) -> Option<Noticed> {
        let person = self.people.get_mut(name)?;
        let name = person.name.clone();
        if person.nodes.get_mut(&node)?.remove(channel) {
            self.leave(&name, channel, reason)
        } else {
            None
        }
    }

    /// Counts a user as being in a channel on one server fewer.
    fn leave(&mut self, name: &Name, channel: &Name, reason: Option<Text>) -> Option<Noticed> {
        let gathering = self.channels.get_mut(channel)?;
        let (times, listed) = gathering.members.get_mut(name)?;
        *times = times.saturating_sub(1);
        gathering.places = gathering.places.saturating_sub(1);
        if *times > 0 {
            return None;
        }
        gathering.by_name.remove(listed);
        gathering.members.remove(name);
        let shown = gathering.name.clone();
        if gathering.members.is_empty() {
            self.channel_looks.remove(&shown);
            self.channels.remove(channel);
            self.channels_by_name.remove(&Alphabetical(shown.clone()));
        }
        Some(Noticed::Left {
            name: name.clone(),
            channel: shown,
            reason,
        })
    }

    fn renamed(
        &mut self,
        node: NodeId,
        from: &Name,
        to: Name,
        account: Option<AccountId>,
    ) -> Option<Noticed> {
        let before = self.people.get(from)?;
        let (aliases, away) = (before.aliases.clone(), before.away.clone());
        let cloak = before.cloak.clone();
        let (from, channels) = self.take(node, from.key())?;
        for channel in &channels {
            self.leave(&from, channel, None);
        }
        self.online(node, to.clone(), account, cloak);
        if let Some(person) = self.people.get_mut(&to) {
            person.aliases = aliases;
            person.away = away;
            if from != to {
                super::users::add_alias(&mut person.aliases, from.key().clone());
            }
        }
        for channel in &channels {
            self.joined(node, &to, channel.clone());
        }
        Some(Noticed::Renamed { from, to, channels })
    }
}

impl Person {
    /// Some of the user's channels, at most so many.
    pub fn channels(&self, most: usize) -> impl Iterator<Item = &Name> {
        self.nodes.values().flatten().take(most)
    }
}

/// Sorts names, so that effects do not depend on the order of a hash table.
fn sorted(names: impl IntoIterator<Item = Name>) -> Vec<Name> {
    let mut names: Vec<Name> = names.into_iter().collect();
    names.sort_by(|a, b| a.key().cmp(b.key()));
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: NodeId = NodeId(1);
    const B: NodeId = NodeId(2);

    fn name(raw: &str) -> Name {
        Name::parse(raw).unwrap()
    }

    fn online(who: &str) -> RosterChange {
        RosterChange::Online {
            name: name(who),
            account: Some(AccountId(7)),
            cloak: None,
        }
    }

    fn joined(who: &str, channel: &str) -> RosterChange {
        RosterChange::Joined {
            name: name(who),
            channel: name(channel),
        }
    }

    fn gone(remote: &mut Remote, node: NodeId) -> Vec<Noticed> {
        remote.gone(node);
        remote.part_some(usize::MAX)
    }

    #[test]
    fn who_is_in_a_channel_on_two_servers_has_left_when_they_left_both() {
        let mut remote = Remote::default();
        for node in [A, B] {
            remote.change(node, online("ada"));
        }
        assert_eq!(remote.change(A, joined("ada", "dev")).len(), 1);
        assert_eq!(remote.change(A, joined("ada", "dev")), [], "told twice");
        assert_eq!(remote.change(B, joined("Ada", "DEV")), []);
        assert_eq!(remote.members(&name("dev")), 2);
        assert_eq!(gone(&mut remote, A), []);
        assert!(remote.is_member(&name("ada"), &name("dev")));
        let left = Noticed::Left {
            name: name("ada"),
            channel: name("dev"),
            reason: None,
        };
        let gone_too = Noticed::Gone { name: name("ada") };
        assert_eq!(gone(&mut remote, B), [left, gone_too]);
        assert_eq!(gone(&mut remote, B), []);
        assert!(remote.channel(&name("dev")).is_none());
        assert_eq!(remote.people() + remote.channel_count(), 0);
        assert_eq!(remote.everybody_from(Bound::Unbounded).count(), 0);
    }

    #[test]
    fn who_has_another_nickname_is_where_they_were() {
        let mut remote = Remote::default();
        remote.change(A, online("ada"));
        remote.change(A, joined("ada", "dev"));
        let change = RosterChange::Renamed {
            from: name("ada"),
            to: name("eve"),
            account: None,
            nickname: None,
        };
        let renamed = Noticed::Renamed {
            from: name("ada"),
            to: name("eve"),
            channels: vec![name("dev")],
        };
        assert_eq!(remote.change(A, change), [renamed]);
        assert!(remote.person(&name("ada")).is_none());
        let dev = name("dev");
        let names = remote.members_from(&dev, Bound::Unbounded);
        let names: Vec<&Name> = names.collect();
        assert_eq!(names, [&name("eve")]);
        let eve = remote.person(&name("eve")).unwrap();
        assert_eq!(eve.aliases, [name("ada").key().clone()]);
        assert_eq!(eve.account, None);
    }
}
