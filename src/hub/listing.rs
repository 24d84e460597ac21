//! The list of everyone online, on this and other servers, a page at a time.

use std::net::SocketAddr;
use std::ops::Bound;

use crate::model::Name;
use crate::model::name::Alphabetical;

use super::users::User;
use super::{ConnectionId, Hub, NodeId};

/// The part of the list that is asked for.
#[derive(Clone, Debug, Default)]
pub struct Listing {
    /// Only the connections of this server.
    pub here: bool,
    /// Only entries after this place.
    pub after: After,
}

/// The place in the list after which a part begins.
#[derive(Clone, Debug, Default)]
pub enum After {
    /// At the beginning of the list.
    #[default]
    Nothing,
    /// After all entries of this nickname.
    Nickname(Name),
    /// After this entry, which may be followed by others of the same nickname.
    Entry(Box<Entry>),
}

/// An entry's place in the list.
#[derive(Clone, Debug)]
pub struct Entry {
    nickname: Name,
    place: EntryPlace,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum EntryPlace {
    Here(ConnectionId),
    Elsewhere(NodeId),
}

/// A connection here, or a user on another server.
#[derive(Clone, Debug)]
pub struct Listed {
    /// Its place in the list.
    pub entry: Entry,
    /// The user.
    pub nickname: Name,
    /// The server, with details if it is this one.
    pub place: Place,
    /// Whether it is a program.
    pub is_bot: bool,
    /// The channels: of a connection in the order joined, of a user on another
    /// server by name.
    pub channels: Vec<Name>,
}

impl Listed {
    /// The address of the client, if it is known here: a program that calls REST has none.
    pub fn address(&self) -> Option<SocketAddr> {
        match self.place {
            Place::Here { address, .. } => {
                let is_none = address.ip().is_loopback() && address.port() == 0;
                Some(address).filter(|_| !(self.is_bot && is_none))
            }
            Place::Elsewhere(_) => None,
        }
    }
}

/// Where an entry's connection or user is.
#[derive(Clone, Debug)]
pub enum Place {
    /// On this server, with this connection.
    Here {
        /// The client's address.
        address: SocketAddr,
        /// The protocol.
        protocol: &'static str,
        /// When the connection was opened, in milliseconds since 1970 UTC.
        since_ms: u64,
    },
    /// On another server, with one connection or several.
    Elsewhere(NodeId),
}

impl Hub {
    /// A page of everyone online, by nickname, and whether there are more.
    pub fn everybody(&self, listing: &Listing) -> (Vec<Listed>, bool) {
        let start = listing.after.start();
        let here = self.users.from(start.clone());
        let here = here.flat_map(|user| self.entries_of(user, &listing.after));
        let remote = self.remote.iter().filter(|_| !listing.here);
        let elsewhere = remote.flat_map(|remote| remote.everybody_from(start.clone()));
        let elsewhere = elsewhere.map(|(name, node)| entry(name, EntryPlace::Elsewhere(node)));
        let elsewhere = elsewhere.filter(|entry| listing.after.is_before(entry));
        let (mut here, mut elsewhere) = (here.peekable(), elsewhere.peekable());
        let mut listed = Vec::new();
        loop {
            let is_here = match (here.peek(), elsewhere.peek()) {
                (Some(one), Some(other)) => one.order() <= other.order(),
                (None, None) => return (listed, false),
                (one, _) => one.is_some(),
            };
            if listed.len() >= self.limits.page_rows {
                return (listed, true);
            }
            let next = match is_here {
                true => here.next(),
                false => elsewhere.next(),
            };
            listed.extend(next.and_then(|entry| self.listed(entry)));
        }
    }

    /// The connections of a user that come after a place in the list.
    fn entries_of(&self, user: &User, after: &After) -> impl Iterator<Item = Entry> {
        let connections = match after {
            After::Entry(last) if last.is_of(&user.name) => match last.place {
                EntryPlace::Here(id) => user.connections_after(id),
                EntryPlace::Elsewhere(_) => &[],
            },
            _ => user.connections(),
        };
        let entries = connections.iter();
        entries.map(|&id| entry(&user.name, EntryPlace::Here(id)))
    }

    fn listed(&self, entry: Entry) -> Option<Listed> {
        let is_bot = (self.face_of(&entry.nickname)).is_some_and(|face| face.is_bot);
        match entry.place {
            EntryPlace::Here(id) => {
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
                    is_bot,
                    entry,
                })
            }
            EntryPlace::Elsewhere(node) => Some(Listed {
                nickname: entry.nickname.clone(),
                place: Place::Elsewhere(node),
                channels: self.remote.as_ref()?.channels_of(&entry.nickname, node),
                is_bot,
                entry,
            }),
        }
    }
}

impl After {
    fn start(&self) -> Bound<Alphabetical> {
        match self {
            After::Nothing => Bound::Unbounded,
            After::Nickname(name) => Bound::Excluded(Alphabetical(name.clone())),
            After::Entry(entry) => Bound::Included(Alphabetical(entry.nickname.clone())),
        }
    }

    /// Whether an entry at or after [`After::start`] comes after this place.
    fn is_before(&self, entry: &Entry) -> bool {
        match self {
            After::Entry(last) => last.order() < entry.order(),
            After::Nothing | After::Nickname(_) => true,
        }
    }
}

impl Entry {
    fn order(&self) -> (Alphabetical, EntryPlace) {
        (Alphabetical(self.nickname.clone()), self.place)
    }

    fn is_of(&self, nickname: &Name) -> bool {
        Alphabetical(self.nickname.clone()) == Alphabetical(nickname.clone())
    }
}

fn entry(nickname: &Name, place: EntryPlace) -> Entry {
    Entry {
        nickname: nickname.clone(),
        place,
    }
}
