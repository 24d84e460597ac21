//! Whole lists, for programs and administrators. The hub gives them out a page at
//! a time and does other things in between, so a list put together here is no
//! snapshot: it may or may not contain users that come or go meanwhile.

use std::net::SocketAddr;

use crate::hub::{After, Ban, ChannelInfo, Listed, Listing, Overview, Place, RulesSummary};
use crate::model::Name;
use crate::model::name::Alphabetical;

use super::{HubHandle, HubUnavailable};

/// One connection with a nickname.
#[derive(Clone, Debug)]
pub struct UserInfo {
    /// The user's nickname.
    pub nickname: Name,
    /// The client's address.
    pub address: SocketAddr,
    /// The protocol.
    pub protocol: &'static str,
    /// When the connection was opened, in milliseconds since 1970 UTC.
    pub since_ms: u64,
    /// Joined channels, in the order joined.
    pub channels: Vec<Name>,
}

/// The part of the list of everyone online that is wanted.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// Only the connections of this server.
    pub here: bool,
    /// Only nicknames after this one.
    pub after: Option<Name>,
    /// How many entries; the last nickname comes with all of its entries.
    pub limit: usize,
}

impl HubHandle {
    /// Everyone online, by nickname, and whether there are more.
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
        Ok(self.channels_after(None, usize::MAX)?.0)
    }

    /// At most `limit` channels with their members, by name, those after `after`; and
    /// whether there are more.
    pub fn channels_after(
        &self,
        after: Option<Name>,
        limit: usize,
    ) -> Result<(Vec<ChannelInfo>, bool), HubUnavailable> {
        let mut list: Vec<ChannelInfo> = Vec::new();
        let mut last = after.map(|name| ChannelInfo {
            name,
            members: Vec::new(),
            bots: Vec::new(),
            more: false,
            rules: RulesSummary::default(),
        });
        loop {
            let after = last.take();
            let (page, more) = self.ask(move |hub, _, _| hub.channels(after.as_ref()))?;
            last = page.last().cloned().filter(|_| more);
            for info in page {
                match list.last_mut() {
                    // The rest of a channel that was too large for a page.
                    Some(before) if before.more && before.name == info.name => {
                        before.members.extend(info.members);
                        before.bots.extend(info.bots);
                        before.more = info.more;
                    }
                    _ => list.push(info),
                }
            }
            if list.len() > limit {
                list.truncate(limit);
                return Ok((list, true));
            }
            if last.is_none() {
                return Ok((list, false));
            }
        }
    }

    /// A channel with all of its members and rules; `None` if there is no such channel.
    pub fn channel(&self, name: &Name) -> Result<Option<(ChannelInfo, Overview)>, HubUnavailable> {
        let asked = name.clone();
        let found = self.ask(move |hub, _, _| {
            let overview = hub.overview(&asked)?;
            // In its own spelling, whatever the caller's.
            let info = hub.channel(&overview.view.channel, None);
            Some((info, overview))
        })?;
        let Some((mut info, overview)) = found else {
            return Ok(None);
        };
        while info.more {
            let (asked, after) = (name.clone(), info.members.last().cloned());
            let rest = self.ask(move |hub, _, _| hub.channel(&asked, after))?;
            info.more = rest.more && !rest.members.is_empty();
            info.members.extend(rest.members);
        }
        Ok(Some((info, overview)))
    }
}

/// Where to cut a list that is longer than wanted: after the last entry with the
/// same nickname as entry number `limit`, if another nickname follows.
fn end_of(list: &[Listed], limit: usize) -> Option<usize> {
    let last = list.get(limit.checked_sub(1)?)?;
    let last = Alphabetical(last.nickname.clone());
    let mut rest = list.iter().enumerate().skip(limit);
    let next = rest.find(|(_, one)| Alphabetical(one.nickname.clone()) != last);
    next.map(|(index, _)| index)
}
