//! Bans of nicknames and addresses, for ever or for a time.

use std::fmt;
use std::net::IpAddr;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use crate::model::{Name, Text};

use super::banned::Bans;
use super::{Effects, Hub, Now, Order, Shared};

/// The most bans a server keeps.
pub const MAX_BANS: usize = 10_000;

/// Prefix bits of an IPv4-mapped IPv6 address.
const MAPPED_BITS: u8 = 96;

/// A nickname or address that is kept out.
#[derive(Clone, Debug, PartialEq)]
pub struct Ban {
    /// Number in the list, for removing it.
    pub id: u64,
    /// The nickname or the addresses that are kept out.
    pub target: BanTarget,
    /// Shown to the clients that it keeps out.
    pub reason: Option<Text>,
    /// When it was made, in milliseconds since 1970 UTC.
    pub created_ms: u64,
    /// When it ends; `None` is for ever.
    pub expires_ms: Option<u64>,
}

/// What a ban keeps out.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum BanTarget {
    /// A nickname in all its spellings, and all that look like it.
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
    /// The target for a network. An IPv4-mapped IPv6 network becomes the IPv4
    /// network it stands for, as the addresses of clients do.
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
    /// Replaces all bans, for instance with those loaded when the server starts.
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

    /// A page of the bans in force, by number, from the one after `number` on.
    /// Returns also the number to go on after, if there are more.
    pub fn bans_after(&self, number: Option<u64>, now: Now) -> (Vec<Ban>, Option<u64>) {
        self.bans.page(number, now.unix_ms)
    }

    /// Makes a ban, on this server and all others, and closes the connections that
    /// match it.
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

    /// As [`Hub::ban`], under a number that the servers have agreed on.
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
        // The servers tell each other about bans by target, so there is one for
        // each target.
        if self.remote.is_some() {
            self.bans.remove_target(&ban.target);
        }
        if self.bans.len() >= MAX_BANS {
            return Err(BanError::TooMany);
        }
        self.bans.add(ban);
        Ok(())
    }

    /// Replaces the bans here by those of all servers, except where an order
    /// given here has not reached the other servers yet.
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

    /// Orders all servers to put a ban in force or to lift it, as this one has
    /// already done.
    fn give_order(&mut self, ban: &Ban, is_lifted: bool, fx: &mut Effects) {
        if self.remote.is_some() {
            let order = self.bans.unconfirmed.add(ban.clone(), is_lifted);
            fx.share(Shared::Order(order));
        }
    }

    /// Puts a ban in force that was made on another server, or earlier. Returns
    /// the target, if there is a ban to enforce.
    fn put_in_force(&mut self, ban: Ban, now: Now) -> Option<BanTarget> {
        let target = ban.target.clone();
        if ban.is_over(now) {
            self.unban_here(&target);
            return None;
        }
        // If the list is full, the bans already here have to do: the ban was made
        // elsewhere, so there is no administrator to tell.
        self.ban_here(ban, now).ok().map(|()| target)
    }

    /// Takes in a ban made on another server.
    pub(super) fn ban_heard(&mut self, ban: Ban, now: Now, fx: &mut Effects) {
        if !self.bans.unconfirmed.has(&ban.target)
            && let Some(target) = self.put_in_force(ban, now)
        {
            self.enforce(target, now, fx);
        }
    }

    /// Takes in that another server has lifted a ban.
    pub(super) fn unban_heard(&mut self, target: &BanTarget) {
        if !self.bans.unconfirmed.has(target) {
            self.unban_here(target);
        }
    }

    /// Takes in an order of this server from the common log, where it has its
    /// place among the orders of the other servers.
    pub(super) fn ordered(&mut self, order: Order, now: Now, fx: &mut Effects) {
        let target = match &order {
            Order::Ban(ban) => &ban.target,
            Order::Unban(target) => target,
            _ => return,
        };
        // An order still waited for has been in force here since it was given.
        if !self.bans.unconfirmed.confirm(target) {
            self.obey(order, now, fx);
        }
    }

    /// Lifts the ban with this number, on this server and all others.
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

    /// Whether a ban forbids this nickname, or one like it.
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
