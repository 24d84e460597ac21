//! Bans by nickname and by address, with or without an end.

use std::fmt;
use std::net::IpAddr;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use crate::name::Name;
use crate::text::Text;

use super::{Effects, Farewell, Hub, Now};

/// Bans the server keeps at most.
pub const MAX_BANS: usize = 10_000;

/// Somebody or something that may not come in.
#[derive(Clone, Debug, PartialEq)]
pub struct Ban {
    /// Number in the list, for removing it.
    pub id: u64,
    /// Who or what.
    pub target: BanTarget,
    /// Shown to whom it hits.
    pub reason: Option<Text>,
    /// Since when, milliseconds since 1970 UTC.
    pub created_ms: u64,
    /// Until when; `None` is for ever.
    pub expires_ms: Option<u64>,
}

/// Who or what a ban is for.
#[derive(Clone, Debug, PartialEq)]
pub enum BanTarget {
    /// A nickname in all its spellings.
    Nickname(Name),
    /// One address or a network.
    Address(IpNet),
}

/// Why a ban was not made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum BanError {
    /// There are [`MAX_BANS`] already.
    TooMany,
}

impl fmt::Display for BanError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "there are {MAX_BANS} bans already; remove some first")
    }
}

impl std::error::Error for BanError {}

/// All bans in force.
#[derive(Default)]
pub(super) struct Bans {
    list: Vec<Ban>,
    last_id: u64,
}

impl Bans {
    pub fn address(&self, address: IpAddr, now_ms: u64) -> Option<&Ban> {
        // An IPv4 client of a dual-stack listener is still an IPv4 client.
        let address = address.to_canonical();
        self.in_force(now_ms).find(|ban| match &ban.target {
            BanTarget::Address(net) => net.contains(&address),
            BanTarget::Nickname(_) => false,
        })
    }

    pub fn nickname(&self, name: &Name, now_ms: u64) -> Option<&Ban> {
        self.in_force(now_ms)
            .find(|ban| matches!(&ban.target, BanTarget::Nickname(banned) if banned == name))
    }

    fn in_force(&self, now_ms: u64) -> impl Iterator<Item = &Ban> {
        let mut bans = self.list.iter();
        std::iter::from_fn(move || {
            bans.by_ref()
                .find(|ban| ban.expires_ms.is_none_or(|end| end > now_ms))
        })
    }
}

impl Hub {
    /// Puts bans in force that were made in an earlier life of the server.
    pub fn restore_bans(&mut self, bans: Vec<Ban>) {
        self.bans.last_id = bans.iter().map(|ban| ban.id).max().unwrap_or(0);
        self.bans.list = bans;
    }

    /// The bans in force.
    pub fn bans(&self, now: Now) -> Vec<Ban> {
        self.bans.in_force(now.unix_ms).cloned().collect()
    }

    /// Bans, and ends the connections it hits.
    pub fn ban(
        &mut self,
        target: BanTarget,
        reason: Option<Text>,
        expires_ms: Option<u64>,
        now: Now,
        fx: &mut Effects,
    ) -> Result<Ban, BanError> {
        self.bans
            .list
            .retain(|ban| ban.expires_ms.is_none_or(|end| end > now.unix_ms));
        if self.bans.list.len() >= MAX_BANS {
            return Err(BanError::TooMany);
        }
        self.bans.last_id += 1;
        let ban = Ban {
            id: self.bans.last_id,
            target,
            reason: reason.clone(),
            created_ms: now.unix_ms,
            expires_ms,
        };
        self.bans.list.push(ban.clone());
        let hit: Vec<_> = self
            .connections
            .iter()
            .flatten()
            .filter(|connection| match &ban.target {
                BanTarget::Nickname(name) => connection.nickname.as_ref() == Some(name),
                BanTarget::Address(net) => {
                    net.contains(&connection.profile.address.ip().to_canonical())
                }
            })
            .map(|connection| connection.id)
            .collect();
        for id in hit {
            self.close(id, Farewell::Banned(reason.clone()), now, fx);
        }
        Ok(ban)
    }

    /// Lifts a ban. False: there is none of that number.
    pub fn unban(&mut self, id: u64) -> bool {
        let before = self.bans.list.len();
        self.bans.list.retain(|ban| ban.id != id);
        self.bans.list.len() != before
    }
}
