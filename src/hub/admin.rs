//! What administrators can see and do.

use std::collections::BTreeMap;

use crate::model::{Entry, Kind, Name, Text};

use super::{Effects, Event, Farewell, Hub, Now, Order, RulesSummary};

/// One channel.
#[derive(Clone, Debug)]
pub struct ChannelInfo {
    /// Its name.
    pub name: Name,
    /// Its members, by name.
    pub members: Vec<Name>,
    /// Those of them that are programs.
    pub bots: Vec<Name>,
    /// Whether there are more members than these.
    pub more: bool,
    /// Its rules, in short.
    pub rules: RulesSummary,
}

/// Numbers of connections, users and channels.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Connections, with or without nickname.
    pub connections: usize,
    /// Nicknames in use.
    pub users: usize,
    /// Channels that are not secret.
    pub channels: usize,
    /// Connections here of those who operate the server.
    pub operators: usize,
    /// Connections here of those who do not want to show.
    pub invisible: usize,
    /// Nicknames in use on this server.
    pub users_here: usize,
    /// The most nicknames that were in use at once, on this server and on all.
    pub most_users: (usize, usize),
}

/// Numbers of connections of one protocol.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ProtocolCounts {
    /// Open now.
    pub open: usize,
    /// Opened since the start.
    pub opened: u64,
}

impl Hub {
    /// The numbers of connections, users and channels.
    pub fn counts(&self) -> Counts {
        let (operators, invisible) = self.standing.counts();
        Counts {
            connections: self.online,
            users: self.people(),
            channels: self.channels.shown(),
            operators,
            invisible,
            users_here: self.users.len(),
            most_users: self.standing.most(),
        }
    }

    /// The numbers of connections of each protocol that was ever used.
    pub fn protocols(&self) -> BTreeMap<&'static str, ProtocolCounts> {
        self.traffic.clone()
    }

    /// Makes an announcement to every connection on all servers. Returns the number
    /// of connections on this one.
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

    /// Closes all connections of a user, on all servers. Returns their number;
    /// each other server counts as one.
    pub fn kick(&mut self, name: &Name, reason: Option<Text>, now: Now, fx: &mut Effects) -> usize {
        let elsewhere = self
            .remote
            .as_ref()
            .map_or(0, |remote| remote.servers(name));
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
        self.end_all(&connections, &Farewell::Kicked(reason), now, fx)
    }
}
