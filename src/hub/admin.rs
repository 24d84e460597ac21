//! What administrators may see and do.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use crate::chatlog::{Entry, Kind};
use crate::name::Name;
use crate::text::Text;

use super::remote::Person;
use super::{Effects, Event, Farewell, Hub, Now, Order};

/// One connection with a nickname.
#[derive(Clone, Debug)]
pub struct UserInfo {
    /// Who.
    pub nickname: Name,
    /// From where.
    pub address: SocketAddr,
    /// In which protocol.
    pub protocol: &'static str,
    /// Since when, milliseconds since 1970 UTC.
    pub since_ms: u64,
    /// Joined channels, in the order joined.
    pub channels: Vec<Name>,
}

/// One channel.
#[derive(Clone, Debug)]
pub struct ChannelInfo {
    /// Its name.
    pub name: Name,
    /// The people in it, by name.
    pub members: Vec<Name>,
}

/// How many there are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Connections, with or without nickname.
    pub connections: usize,
    /// Nicknames in use.
    pub users: usize,
    /// Channels.
    pub channels: usize,
}

/// How many connections of one protocol there are and were.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ProtocolCounts {
    /// Open now.
    pub open: usize,
    /// Opened since the start.
    pub opened: u64,
}

impl Hub {
    /// Who is on: one entry a connection, by nickname.
    pub fn users(&self) -> Vec<UserInfo> {
        let mut users: Vec<UserInfo> = self
            .connections
            .iter()
            .flatten()
            .filter_map(|connection| {
                let channels = connection.memberships.iter();
                Some(UserInfo {
                    nickname: connection.nickname.clone()?,
                    address: connection.profile.address,
                    protocol: connection.profile.protocol,
                    since_ms: connection.opened_ms,
                    channels: channels
                        .filter_map(|m| self.channels.get(m.channel))
                        .map(|channel| channel.name.clone())
                        .collect(),
                })
            })
            .collect();
        users.sort_by_cached_key(|user| user.nickname.alphabetical());
        users
    }

    /// All channels and their members, by name.
    pub fn channels(&self) -> Vec<ChannelInfo> {
        let here = self.channels.iter().map(|channel| ChannelInfo {
            name: channel.name.clone(),
            members: self.member_names(channel),
        });
        let elsewhere = self.remote.iter().flat_map(|remote| remote.channels());
        let elsewhere = elsewhere.filter(|name| self.channels.find(name).is_none());
        let elsewhere = elsewhere.map(|name| {
            let mut members: Vec<Name> = self.remote_names(name).collect();
            members.sort_by_cached_key(Name::alphabetical);
            ChannelInfo {
                name: name.clone(),
                members,
            }
        });
        let mut channels: Vec<ChannelInfo> = here.chain(elsewhere).collect();
        channels.sort_by_cached_key(|channel| channel.name.alphabetical());
        channels
    }

    /// How many there are.
    pub fn counts(&self) -> Counts {
        Counts {
            connections: self.online,
            users: self.people(),
            channels: self.channels.iter().count(),
        }
    }

    /// How many connections of each protocol; of those that were ever used.
    pub fn protocols(&self) -> BTreeMap<&'static str, ProtocolCounts> {
        self.traffic.clone()
    }

    /// Tells every connection, of whatever protocol, here and on the other
    /// servers. Returns how many there are here.
    pub fn announce(&mut self, text: Text, now: Now, fx: &mut Effects) -> usize {
        let at_ms = now.unix_ms;
        fx.log(Entry {
            text: Some(text.clone().into()),
            ..Entry::new(at_ms, Kind::Announcement)
        });
        let order = || Order::Announce {
            text: text.clone(),
            at_ms,
        };
        self.share_order(order, fx);
        self.announce_here(text, at_ms, fx)
    }

    pub(super) fn announce_here(&self, text: Text, at_ms: u64, fx: &mut Effects) -> usize {
        let everyone = self.connections.iter().flatten().map(|c| c.id);
        fx.tell_all(everyone, Event::Announcement { text, at_ms });
        self.online
    }

    /// Ends all connections of a user, here and on the other servers. Returns
    /// how many there were; another server counts as one.
    pub fn kick(&mut self, name: &Name, reason: Option<Text>, now: Now, fx: &mut Effects) -> usize {
        let elsewhere = self.remote_person(name).map_or(0, Person::servers);
        if elsewhere > 0 {
            let order = || Order::Kick {
                name: name.clone(),
                reason: reason.clone(),
            };
            self.share_order(order, fx);
        }
        elsewhere + self.kick_here(name, reason, now, fx)
    }

    pub(super) fn kick_here(
        &mut self,
        name: &Name,
        reason: Option<Text>,
        now: Now,
        fx: &mut Effects,
    ) -> usize {
        let connections = self.connections_of(name);
        for &id in &connections {
            self.close(id, Farewell::Kicked(reason.clone()), now, fx);
        }
        connections.len()
    }
}
