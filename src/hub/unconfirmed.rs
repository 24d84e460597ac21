//! Orders about bans given on this server that are not in the common log yet.
//!
//! On every server, the last order in that log about a target counts. Until ours
//! is in it, every order read about the same target is older than ours and must
//! not undo it. If this server is cut off while an order is under way, it gives
//! the order again when it rejoins. This module does not decide which bans are in
//! force: the hub's list does.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::{Ban, BanTarget, MAX_BANS, Order};

/// This server's newest order for each target, oldest first; at most
/// [`MAX_BANS`].
#[derive(Default)]
pub(super) struct Unconfirmed {
    /// Numbered in the order in which they were given.
    list: BTreeMap<u64, Waiting>,
    by_target: HashMap<BanTarget, u64>,
    /// The numbers of those that lift a ban.
    lifts: BTreeSet<u64>,
    last: u64,
}

struct Waiting {
    /// The ban that was made or lifted.
    ban: Ban,
    is_lifted: bool,
    /// How many orders about its target are under way to the log.
    under_way: usize,
}

impl Unconfirmed {
    /// How many orders there are.
    pub fn len(&self) -> usize {
        self.list.len()
    }

    /// Adds an order to put a ban in force or to lift it. If there are too many,
    /// one is dropped and will not be given again if it gets lost: one that
    /// lifts a ban rather than one that makes it.
    pub fn add(&mut self, ban: Ban, is_lifted: bool) -> Order {
        let at = self.by_target.get(&ban.target).copied();
        let before = at.and_then(|at| self.remove(at));
        if self.list.len() >= MAX_BANS {
            let oldest = self.list.keys().next();
            let forgotten = self.lifts.first().or(oldest).copied();
            forgotten.and_then(|at| self.remove(at));
        }
        let waiting = Waiting {
            ban,
            is_lifted,
            under_way: before.map_or(0, |before| before.under_way) + 1,
        };
        let order = waiting.order();
        self.last += 1;
        self.by_target.insert(waiting.ban.target.clone(), self.last);
        if is_lifted {
            self.lifts.insert(self.last);
        }
        self.list.insert(self.last, waiting);
        order
    }

    fn remove(&mut self, at: u64) -> Option<Waiting> {
        let waiting = self.list.remove(&at)?;
        self.by_target.remove(&waiting.ban.target);
        self.lifts.remove(&at);
        Some(waiting)
    }

    /// Whether an order about a target is not in the log yet.
    pub fn has(&self, target: &BanTarget) -> bool {
        self.by_target.contains_key(target)
    }

    /// Notes that an order of this server has appeared in the log. Returns whether
    /// it was still waited for.
    pub fn confirm(&mut self, target: &BanTarget) -> bool {
        let Some(&at) = self.by_target.get(target) else {
            return false;
        };
        if let Some(waiting) = self.list.get_mut(&at) {
            waiting.under_way = waiting.under_way.saturating_sub(1);
            if waiting.under_way == 0 {
                self.remove(at);
            }
        }
        true
    }

    /// Notes that this server is cut off: orders under way are lost, or will not be
    /// seen in the log.
    pub fn cut_off(&mut self) {
        for waiting in self.list.values_mut() {
            waiting.under_way = 0;
        }
    }

    /// Drops the lost orders that need not be given again, given the bans of all
    /// servers: orders that did reach the log, and orders that a later ban on the
    /// same target has overtaken. Later bans have higher numbers.
    pub fn compare(&mut self, bans: &[Ban]) {
        let found = bans.iter().map(|ban| (&ban.target, ban.id));
        let found: HashMap<&BanTarget, u64> = found.collect();
        let settled = self.list.iter().filter(|(_, waiting)| {
            let is_settled = match found.get(&waiting.ban.target) {
                Some(found) if waiting.is_lifted => *found > waiting.ban.id,
                Some(found) => *found >= waiting.ban.id,
                None => waiting.is_lifted,
            };
            waiting.under_way == 0 && is_settled
        });
        for at in settled.map(|(at, _)| *at).collect::<Vec<u64>>() {
            self.remove(at);
        }
    }

    /// The bans that these orders put in force.
    pub fn made(&self) -> Vec<Ban> {
        let made = self.list.values().filter(|waiting| !waiting.is_lifted);
        made.map(|waiting| waiting.ban.clone()).collect()
    }

    /// Gives the lost orders again.
    pub fn again(&mut self) -> Vec<Order> {
        let lost = self.list.values_mut();
        let lost = lost.filter(|waiting| waiting.under_way == 0);
        let again = lost.map(|waiting| {
            waiting.under_way = 1;
            waiting.order()
        });
        again.collect()
    }
}

impl Waiting {
    fn order(&self) -> Order {
        if self.is_lifted {
            Order::Unban(self.ban.target.clone())
        } else {
            Order::Ban(self.ban.clone())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ban(id: u64) -> Ban {
        let address = std::net::Ipv4Addr::from(id as u32);
        Ban {
            id,
            target: BanTarget::Address(ipnet::IpNet::from(std::net::IpAddr::from(address))),
            reason: None,
            created_ms: 0,
            expires_ms: None,
        }
    }

    #[test]
    fn of_too_many_those_that_lift_a_ban_are_forgotten_first() {
        let most = MAX_BANS as u64;
        let mut unconfirmed = Unconfirmed::default();
        for id in 0..most {
            unconfirmed.add(ban(id), id == 7);
        }
        unconfirmed.add(ban(most), false);
        assert!(!unconfirmed.has(&ban(7).target) && unconfirmed.has(&ban(0).target));
        unconfirmed.add(ban(most + 1), false);
        assert!(!unconfirmed.has(&ban(0).target));
        // A newer order for a known target needs no room.
        unconfirmed.add(ban(1), true);
        assert!(unconfirmed.has(&ban(2).target));
        assert_eq!(unconfirmed.len(), MAX_BANS);
    }
}
