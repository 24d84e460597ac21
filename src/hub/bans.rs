//! Bans by nickname and by address, with or without an end.

use std::fmt;
use std::net::IpAddr;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use crate::model::{Name, Text};

use super::banned::Bans;
use super::{Effects, Hub, Now, Order, Shared};

/// Bans the server keeps at most.
pub const MAX_BANS: usize = 10_000;

/// Bits in front of an IPv4 address that is written as IPv6.
const MAPPED_BITS: u8 = 96;

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
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum BanTarget {
    /// A nickname in all its spellings.
    Nickname(Name),
    /// One address or a network.
    Address(IpNet),
}

impl Ban {
    pub(super) fn is_over(&self, now: Now) -> bool {
        self.is_over_at(now.unix_ms)
    }

    pub(super) fn is_over_at(&self, now_ms: u64) -> bool {
        self.ends_ms() <= now_ms
    }

    /// When it is over; never is the end of time.
    pub(super) fn ends_ms(&self) -> u64 {
        self.expires_ms.unwrap_or(u64::MAX)
    }
}

impl BanTarget {
    /// A network, from which addresses are compared as they count: IPv4 is
    /// IPv4 although it may be written as a part of IPv6.
    pub fn network(net: IpNet) -> BanTarget {
        let mapped = match net {
            IpNet::V6(v6) => v6
                .prefix_len()
                .checked_sub(MAPPED_BITS)
                .zip(v6.addr().to_ipv4_mapped()),
            IpNet::V4(_) => None,
        };
        let v4 = mapped.and_then(|(bits, address)| IpNet::new(address.into(), bits).ok());
        BanTarget::Address(v4.unwrap_or(net).trunc())
    }
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

impl Hub {
    /// Puts bans in force that were made in an earlier life of the server.
    pub fn restore_bans(&mut self, bans: Vec<Ban>) {
        self.bans = Bans::default();
        for ban in bans {
            self.bans.add(ban);
        }
    }

    /// All bans in force, by number. They may be many: a hub that others wait
    /// for gives them out by [`Hub::bans_after`].
    pub fn bans(&self, now: Now) -> Vec<Ban> {
        self.bans.in_force(now.unix_ms).cloned().collect()
    }

    /// A page of the bans in force, by number: the first, or the one after a
    /// number. And the number after which there are more, if there are.
    pub fn bans_after(&self, number: Option<u64>, now: Now) -> (Vec<Ban>, Option<u64>) {
        self.bans.page(number, now.unix_ms)
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
        let id = self.bans.last_id + 1;
        self.ban_as(id, target, reason, expires_ms, now, fx)
    }

    /// Bans under a number that was agreed on.
    pub fn ban_as(
        &mut self,
        id: u64,
        target: BanTarget,
        reason: Option<Text>,
        expires_ms: Option<u64>,
        now: Now,
        fx: &mut Effects,
    ) -> Result<Ban, BanError> {
        let ban = Ban {
            id,
            target,
            reason,
            created_ms: now.unix_ms,
            expires_ms,
        };
        self.ban_here(ban.clone(), now)?;
        self.enforce(ban.target.clone(), now, fx);
        self.give_order(&ban, false, fx);
        Ok(ban)
    }

    /// The highest number a ban has had here.
    pub fn last_ban_id(&self) -> u64 {
        self.bans.last_id
    }

    fn ban_here(&mut self, ban: Ban, now: Now) -> Result<(), BanError> {
        self.bans.forget_over(now);
        // Servers know them by their targets.
        if self.remote.is_some() {
            self.bans.remove_target(&ban.target);
        }
        if self.bans.len() >= MAX_BANS {
            return Err(BanError::TooMany);
        }
        self.bans.add(ban);
        Ok(())
    }

    /// Puts those in force that are on all servers, instead of those here, but
    /// for what has been ordered here and they do not know of.
    pub(super) fn replace_bans(&mut self, mut bans: Vec<Ban>, now: Now, fx: &mut Effects) {
        let unconfirmed = &mut self.bans.unconfirmed;
        unconfirmed.compare(&bans);
        bans.retain(|ban| !unconfirmed.has(&ban.target));
        let (made, again) = (unconfirmed.made(), unconfirmed.again());
        for target in self.bans.replace(bans, now) {
            self.enforce_later(target);
        }
        for ban in made {
            if let Some(target) = self.put_in_force(ban, now) {
                self.enforce_later(target);
            }
        }
        for order in again {
            self.share_order(|| order, fx);
        }
    }

    /// Has all servers put a ban in force or lift it, as is done here already.
    fn give_order(&mut self, ban: &Ban, is_lifted: bool, fx: &mut Effects) {
        if self.remote.is_some() {
            let order = self.bans.unconfirmed.add(ban.clone(), is_lifted);
            fx.share(Shared::Order(order));
        }
    }

    /// Puts a ban in force that was made elsewhere, or before: for what.
    fn put_in_force(&mut self, ban: Ban, now: Now) -> Option<BanTarget> {
        let target = ban.target.clone();
        if ban.is_over(now) {
            self.unban_here(&target);
            return None;
        }
        // If there are too many, those here have to do.
        self.ban_here(ban, now).ok().map(|()| target)
    }

    /// Hears of a ban that another server has made.
    pub(super) fn ban_heard(&mut self, ban: Ban, now: Now, fx: &mut Effects) {
        if !self.bans.unconfirmed.has(&ban.target)
            && let Some(target) = self.put_in_force(ban, now)
        {
            self.enforce(target, now, fx);
        }
    }

    /// Hears that another server has lifted a ban.
    pub(super) fn unban_heard(&mut self, target: &BanTarget) {
        if !self.bans.unconfirmed.has(target) {
            self.unban_here(target);
        }
    }

    /// An own order has come to its place among those of the others.
    pub(super) fn ordered(&mut self, order: Order, now: Now, fx: &mut Effects) {
        let target = match &order {
            Order::Ban(ban) => &ban.target,
            Order::Unban(target) => target,
            _ => return,
        };
        // What is waited for is in force here since it was ordered.
        if !self.bans.unconfirmed.confirm(target) {
            self.obey(order, now, fx);
        }
    }

    /// Lifts a ban, if there is one of that number.
    pub fn unban(&mut self, id: u64, fx: &mut Effects) -> Option<Ban> {
        let ban = self.bans.remove_id(id)?;
        self.give_order(&ban, true, fx);
        Some(ban)
    }

    fn unban_here(&mut self, target: &BanTarget) {
        self.bans.remove_target(target);
    }

    /// The ban that keeps an address out, if there is one.
    pub fn banned(&self, address: IpAddr, now: Now) -> Option<&Ban> {
        self.bans.address(address, now.unix_ms)
    }

    /// Whether nobody may come in under this nickname, or one like it.
    pub fn is_nickname_banned(&self, name: &Name, now: Now) -> bool {
        self.bans.nickname(name, now.unix_ms).is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks_are_compared_as_they_count() {
        for (given, meant) in [
            ("192.0.2.7/24", "192.0.2.0/24"),
            ("::ffff:192.0.2.7/128", "192.0.2.7/32"),
            ("::ffff:192.0.2.7/120", "192.0.2.0/24"),
            ("::ffff:0:0/96", "0.0.0.0/0"),
            ("::ffff:0:0/95", "::fffe:0:0/95"),
            ("2001:db8::1/64", "2001:db8::/64"),
        ] {
            let target = BanTarget::network(given.parse().unwrap());
            let meant = BanTarget::Address(meant.parse().unwrap());
            assert_eq!(target, meant, "{given}");
        }
    }
}
