//! Who is on, here and on the other servers, a page at a time.

use std::net::SocketAddr;
use std::sync::Arc;

use crate::name::Name;

use super::{Hub, NodeId};

/// Which part of those who are on is wanted.
#[derive(Clone, Debug)]
pub struct Listing {
    /// Only who is on this server.
    pub here: bool,
    /// Only nicknames that come after this one.
    pub after: Option<Name>,
    /// How many entries; all of the last nickname come with it.
    pub limit: usize,
}

/// A connection here, or a user on another server.
#[derive(Clone, Debug)]
pub struct Listed {
    /// Who.
    pub nickname: Name,
    /// Where, and what is known of it.
    pub place: Place,
    /// Joined channels: of a connection in the order joined, else by name.
    pub channels: Vec<Name>,
}

/// Where somebody is.
#[derive(Clone, Debug)]
pub enum Place {
    /// On this server, with this connection.
    Here {
        /// From where.
        address: SocketAddr,
        /// In which protocol.
        protocol: &'static str,
        /// Since when, milliseconds since 1970 UTC.
        since_ms: u64,
    },
    /// On another one, with one connection or several.
    Elsewhere(NodeId),
}

impl Hub {
    /// Who is on, by nickname, and whether there are more.
    pub fn everybody(&self, listing: &Listing) -> (Vec<Listed>, bool) {
        let after = listing.after.as_ref().map(Name::alphabetical);
        let mut found: Vec<((String, Arc<str>), Found)> = Vec::new();
        let mut add = |name: &Name, one| {
            let key = name.alphabetical();
            if after.as_ref().is_none_or(|after| key > *after) {
                found.push((key, one));
            }
        };
        for connection in self.connections.iter().flatten() {
            if let Some(name) = &connection.nickname {
                add(name, Found::Here(connection.id));
            }
        }
        let remote = self.remote.iter().filter(|_| !listing.here);
        for (name, node) in remote.flat_map(|remote| remote.everybody()) {
            add(name, Found::Elsewhere(name, node));
        }
        // Without sorting all of them for the first few.
        let mut more = false;
        if found.len() > listing.limit
            && let Some(last) = listing.limit.checked_sub(1)
        {
            let (_, (last, _), _) = found.select_nth_unstable_by(last, |a, b| a.0.cmp(&b.0));
            let last = last.clone();
            let before = found.len();
            found.retain(|(key, _)| *key <= last);
            more = found.len() < before;
        }
        found.sort_by(|a, b| a.0.cmp(&b.0));
        let listed = found.into_iter().filter_map(|(_, one)| self.listed(one));
        (listed.collect(), more)
    }

    fn listed(&self, found: Found) -> Option<Listed> {
        match found {
            Found::Here(id) => {
                let connection = self.connection(id)?;
                let channels = connection.memberships.iter();
                Some(Listed {
                    nickname: connection.nickname.clone()?,
                    place: Place::Here {
                        address: connection.profile.address,
                        protocol: connection.profile.protocol,
                        since_ms: connection.opened_ms,
                    },
                    channels: channels
                        .filter_map(|m| self.channels.get(m.channel))
                        .map(|channel| channel.name.clone())
                        .collect(),
                })
            }
            Found::Elsewhere(name, node) => Some(Listed {
                nickname: name.clone(),
                place: Place::Elsewhere(node),
                channels: self.remote.as_ref()?.channels_of(name, node),
            }),
        }
    }
}

/// Somebody, before it is known whether they are asked for.
enum Found<'a> {
    Here(super::ConnectionId),
    Elsewhere(&'a Name, NodeId),
}
