//! What administrators may see and do.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use crate::chatlog::{Entry, Kind};
use crate::name::Name;
use crate::text::Text;

use super::{Effects, Event, Farewell, Hub, Now};

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
        users.sort_by(|a, b| a.nickname.key().cmp(b.nickname.key()));
        users
    }

    /// All channels and their members, by name.
    pub fn channels(&self) -> Vec<ChannelInfo> {
        let mut channels: Vec<ChannelInfo> = self
            .channels
            .iter()
            .map(|channel| ChannelInfo {
                name: channel.name.clone(),
                members: self.member_names(channel),
            })
            .collect();
        channels.sort_by(|a, b| a.name.key().cmp(b.name.key()));
        channels
    }

    /// How many there are.
    pub fn counts(&self) -> Counts {
        Counts {
            connections: self.online,
            users: self.users.len(),
            channels: self.channels.iter().count(),
        }
    }

    /// How many connections of each protocol; of those that were ever used.
    pub fn protocols(&self) -> BTreeMap<&'static str, ProtocolCounts> {
        self.traffic.clone()
    }

    /// Tells every connection, of whatever protocol. Returns how many.
    pub fn announce(&mut self, text: Text, now: Now, fx: &mut Effects) -> usize {
        fx.log(Entry {
            text: Some(text.clone().into()),
            ..Entry::new(now.unix_ms, Kind::Announcement)
        });
        let everyone = self.connections.iter().flatten().map(|c| c.id);
        let at_ms = now.unix_ms;
        fx.tell_all(everyone, Event::Announcement { text, at_ms });
        self.online
    }

    /// Ends all connections of a user. Returns how many there were.
    pub fn kick(&mut self, name: &Name, reason: Option<Text>, now: Now, fx: &mut Effects) -> usize {
        let user = self.users.get(name.key());
        let connections = user
            .map(|user| user.connections.clone())
            .unwrap_or_default();
        for &id in &connections {
            self.close(id, Farewell::Kicked(reason.clone()), now, fx);
        }
        connections.len()
    }
}
