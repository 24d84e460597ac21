//! Whole lists, for programs and administrators. The hub gives them out a
//! page at a time and does other things in between, so what is put together
//! here is no snapshot: whoever comes or goes meanwhile may be in it or not.

use std::net::SocketAddr;

use crate::hub::{After, Ban, ChannelInfo, Listed, Listing, Place};
use crate::model::Name;
use crate::model::name::Alphabetical;

use super::{HubHandle, HubUnavailable};

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

/// Which of those who are on are wanted.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// Only who is on this server.
    pub here: bool,
    /// Only nicknames that come after this one.
    pub after: Option<Name>,
    /// How many entries; all of the last nickname come with it.
    pub limit: usize,
}

impl HubHandle {
    /// Who is on, by nickname, and whether there are more.
    pub fn everybody(&self, wanted: Wanted) -> Result<(Vec<Listed>, bool), HubUnavailable> {
        let mut list: Vec<Listed> = Vec::new();
        let mut after = wanted.after.map_or(After::Nothing, After::Nickname);
        loop {
            let listing = Listing {
                here: wanted.here,
                after,
            };
            let (page, more) = self.ask(move |hub, _, _| hub.everybody(&listing))?;
            list.extend(page);
            if let Some(end) = end_of(&list, wanted.limit) {
                list.truncate(end);
                return Ok((list, true));
            }
            match list.last() {
                Some(last) if more => after = After::Entry(Box::new(last.entry.clone())),
                _ => return Ok((list, false)),
            }
        }
    }

    /// The connections with a nickname here, by nickname.
    pub fn users(&self) -> Result<Vec<UserInfo>, HubUnavailable> {
        let wanted = Wanted {
            here: true,
            after: None,
            limit: usize::MAX,
        };
        let (list, _) = self.everybody(wanted)?;
        let users = list.into_iter().filter_map(|listed| match listed.place {
            Place::Here {
                address,
                protocol,
                since_ms,
            } => Some(UserInfo {
                nickname: listed.nickname,
                address,
                protocol,
                since_ms,
                channels: listed.channels,
            }),
            Place::Elsewhere(_) => None,
        });
        Ok(users.collect())
    }

    /// The bans in force, by number.
    pub fn bans(&self) -> Result<Vec<Ban>, HubUnavailable> {
        let mut list = Vec::new();
        let mut after = None;
        loop {
            let (page, more) = self.ask(move |hub, now, _| hub.bans_after(after, now))?;
            list.extend(page);
            match more {
                Some(number) => after = Some(number),
                None => return Ok(list),
            }
        }
    }

    /// All channels and their members, by name.
    pub fn channels(&self) -> Result<Vec<ChannelInfo>, HubUnavailable> {
        let mut list: Vec<ChannelInfo> = Vec::new();
        let mut last: Option<ChannelInfo> = None;
        loop {
            let after = last.take();
            let (page, more) = self.ask(move |hub, _, _| hub.channels(after.as_ref()))?;
            last = page.last().cloned().filter(|_| more);
            for info in page {
                match list.last_mut() {
                    // The rest of one that was too large for a page.
                    Some(before) if before.more && before.name == info.name => {
                        before.members.extend(info.members);
                        before.more = info.more;
                    }
                    _ => list.push(info),
                }
            }
            if last.is_none() {
                return Ok(list);
            }
        }
    }
}

/// Where a list that is longer than wanted ends: behind the nickname that the
/// last of so many entries has, if another one follows.
fn end_of(list: &[Listed], limit: usize) -> Option<usize> {
    let last = list.get(limit.checked_sub(1)?)?;
    let last = Alphabetical(last.nickname.clone());
    let mut rest = list.iter().enumerate().skip(limit);
    let next = rest.find(|(_, one)| Alphabetical(one.nickname.clone()) != last);
    next.map(|(index, _)| index)
}
