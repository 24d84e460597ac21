//! Who is on, here and on the other servers, a page at a time.

use std::net::SocketAddr;
use std::ops::Bound;

use crate::model::Name;
use crate::model::name::Alphabetical;

use super::users::User;
use super::{ConnectionId, Hub, NodeId};

/// Which part of those who are on is wanted.
#[derive(Clone, Debug, Default)]
pub struct Listing {
    /// Only who is on this server.
    pub here: bool,
    /// Only what comes after this.
    pub after: After,
}

/// Where a part of the list of those who are on begins.
#[derive(Clone, Debug, Default)]
pub enum After {
    /// With the first of them.
    #[default]
    Nothing,
    /// After this nickname.
    Nickname(Name),
    /// After this entry, which may have more of the same nickname behind it.
    Entry(Box<Entry>),
}

/// An entry's place in the list of those who are on.
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
    /// Who is on, by nickname: a page, and whether there are more.
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
                    entry,
                })
            }
            EntryPlace::Elsewhere(node) => Some(Listed {
                nickname: entry.nickname.clone(),
                place: Place::Elsewhere(node),
                channels: self.remote.as_ref()?.channels_of(&entry.nickname, node),
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

    /// Whether an entry from there on is not the last one, or before it.
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
