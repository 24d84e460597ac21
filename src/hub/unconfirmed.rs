//! Own orders about bans that have not come to their place in the common log.
//!
//! Of all orders about a target the last one in that log counts, on every
//! server. As long as ours is not there, whatever is read of its target is
//! older than it and must not undo it. An order that was lost together with a
//! life of this server is given again in the next one. What is in force is not
//! decided here: that is the hub's list.

use std::collections::VecDeque;

use super::{Ban, BanTarget, MAX_BANS, Order};

/// The newest own order for each target, oldest first; [`MAX_BANS`] at most.
#[derive(Default)]
pub(super) struct Unconfirmed {
    list: VecDeque<Waiting>,
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
        let at = self.position(&ban.target);
        let before = at.and_then(|at| self.list.remove(at));
        if self.list.len() >= MAX_BANS {
            let lifts = self.list.iter().position(|waiting| waiting.is_lifted);
            self.list.remove(lifts.unwrap_or(0));
        }
        let waiting = Waiting {
            ban,
            is_lifted,
            under_way: before.map_or(0, |before| before.under_way) + 1,
        };
        let order = waiting.order();
        self.list.push_back(waiting);
        order
    }

    /// Whether an order about a target has yet to come to its place.
    pub fn has(&self, target: &BanTarget) -> bool {
        self.position(target).is_some()
    }

    /// One of ours has come to its place; whether it was waited for.
    pub fn confirm(&mut self, target: &BanTarget) -> bool {
        let Some(at) = self.position(target) else {
            return false;
        };
        if let Some(waiting) = self.list.get_mut(at) {
            waiting.under_way = waiting.under_way.saturating_sub(1);
            if waiting.under_way == 0 {
                self.list.remove(at);
            }
        }
        true
    }

    /// Whatever was under way is lost, or its place will not be heard of.
    pub fn cut_off(&mut self) {
        for waiting in &mut self.list {
            waiting.under_way = 0;
        }
    }

    /// Forgets lost orders after which the bans of all servers are as they
    /// are: those that had come to their place, and those that were followed
    /// by another ban. Numbers of bans grow.
    pub fn compare(&mut self, bans: &[Ban]) {
        self.list.retain(|waiting| {
            let found = bans.iter().find(|ban| ban.target == waiting.ban.target);
            let is_settled = match found {
                Some(found) if waiting.is_lifted => found.id > waiting.ban.id,
                Some(found) => found.id >= waiting.ban.id,
                None => waiting.is_lifted,
            };
            waiting.under_way > 0 || !is_settled
        });
    }

    /// The bans that are to be in force.
    pub fn made(&self) -> Vec<Ban> {
        let made = self.list.iter().filter(|waiting| !waiting.is_lifted);
        made.map(|waiting| waiting.ban.clone()).collect()
    }

    /// Gives those again that were lost.
    pub fn again(&mut self) -> Vec<Order> {
        let lost = self.list.iter_mut();
        let lost = lost.filter(|waiting| waiting.under_way == 0);
        let again = lost.map(|waiting| {
            waiting.under_way = 1;
            waiting.order()
        });
        again.collect()
    }

    fn position(&self, target: &BanTarget) -> Option<usize> {
        let mut targets = self.list.iter().map(|waiting| &waiting.ban.target);
        targets.position(|waiting| waiting == target)
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
