//! Own orders about bans that have not come to their place in the common log.
//!
//! Of all orders about a target the last one in that log counts, on every
//! server. As long as ours is not there, whatever is read of its target is
//! older than it and must not undo it. An order that was lost together with a
//! life of this server is given again in the next one. What is in force is not
//! decided here: that is the hub's list.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::{Ban, BanTarget, MAX_BANS, Order};

/// The newest own order for each target, oldest first; [`MAX_BANS`] at most.
#[derive(Default)]
pub(super) struct Unconfirmed {
    /// By when they were given, which is counted.
    list: BTreeMap<u64, Waiting>,
    by_target: HashMap<BanTarget, u64>,
    /// Those of them that lift a ban.
    lifts: BTreeSet<u64>,
    last: u64,
}

struct Waiting {
    /// What was made or lifted.
    ban: Ban,
    is_lifted: bool,
    /// How many orders about its target are on their way to the log.
    under_way: usize,
}

impl Unconfirmed {
    /// How many targets there are orders about.
    pub fn len(&self) -> usize {
        self.list.len()
    }

    /// An order is given: to have a ban in force, or lifted. If there are too
    /// many, one is forgotten that would have to be given again: rather one
    /// that lifts a ban than one that makes it.
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

    /// Whether an order about a target has yet to come to its place.
    pub fn has(&self, target: &BanTarget) -> bool {
        self.by_target.contains_key(target)
    }

    /// One of ours has come to its place; whether it was waited for.
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

    /// Whatever was under way is lost, or its place will not be heard of.
    pub fn cut_off(&mut self) {
        for waiting in self.list.values_mut() {
            waiting.under_way = 0;
        }
    }

    /// Forgets lost orders after which the bans of all servers are as they
    /// are: those that had come to their place, and those that were followed
    /// by another ban. Numbers of bans grow.
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

    /// The bans that are to be in force.
    pub fn made(&self) -> Vec<Ban> {
        let made = self.list.values().filter(|waiting| !waiting.is_lifted);
        made.map(|waiting| waiting.ban.clone()).collect()
    }

    /// Gives those again that were lost.
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
        match self.is_lifted {
            true => Order::Unban(self.ban.target.clone()),
            false => Order::Ban(self.ban.clone()),
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
        // One that is there already needs no room.
        unconfirmed.add(ban(1), true);
        assert!(unconfirmed.has(&ban(2).target));
        assert_eq!(unconfirmed.len(), MAX_BANS);
    }
}
