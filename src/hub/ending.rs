//! Closing many connections: a bounded number at once, so that other connections
//! need not wait, and the rest as deferred work. A connection that is queued to
//! be closed has its commands dropped.

use std::collections::VecDeque;

use crate::model::Name;

use super::{BanTarget, ConnectionId, Effects, Farewell, Hub, Now};

/// Connections that are still to be closed.
#[derive(Default)]
pub(super) struct Endings {
    waiting: VecDeque<(ConnectionId, Farewell)>,
    /// Targets with connections that are still to be closed, unless the ban is
    /// lifted first.
    banned: VecDeque<BanTarget>,
}

impl Endings {
    pub fn is_empty(&self) -> bool {
        self.waiting.is_empty() && self.banned.is_empty()
    }

    /// How many connections and targets wait.
    pub fn len(&self) -> usize {
        self.waiting.len() + self.banned.len()
    }
}

impl Hub {
    /// Closes these connections, as many as one piece of work allows now and the
    /// rest later. Returns how many of them exist.
    pub fn end_all(
        &mut self,
        ids: &[ConnectionId],
        farewell: &Farewell,
        now: Now,
        fx: &mut Effects,
    ) -> usize {
        let mut budget = self.limits.piece;
        let mut count = 0;
        for &id in ids {
            let Some(connection) = self.connection_mut(id) else {
                continue;
            };
            count += 1;
            if budget > 0 {
                self.end_within(id, farewell.clone(), &mut budget, now, fx);
            } else if !std::mem::replace(&mut connection.is_ending, true) {
                self.endings.waiting.push_back((id, farewell.clone()));
            }
        }
        count
    }

    /// Closes the connections that match a ban: as many as one piece of work
    /// allows now, and the rest later.
    pub(super) fn enforce(&mut self, target: BanTarget, now: Now, fx: &mut Effects) {
        let mut budget = self.limits.piece;
        if !self.enforce_within(&target, &mut budget, now, fx) {
            self.enforce_later(target);
        }
    }

    /// Queues a ban's target, so that matching connections are closed later.
    pub(super) fn enforce_later(&mut self, target: BanTarget) {
        self.endings.banned.push_back(target);
    }

    /// Closes some of the queued connections. Returns whether there were any.
    pub(super) fn end_some(&mut self, now: Now, fx: &mut Effects) -> bool {
        let mut budget = self.limits.piece;
        let had_any = !self.endings.is_empty();
        while budget > 0 {
            if let Some((id, farewell)) = self.endings.waiting.pop_front() {
                self.end_within(id, farewell, &mut budget, now, fx);
            } else if let Some(target) = self.endings.banned.pop_front() {
                if !self.enforce_within(&target, &mut budget, now, fx) {
                    self.endings.banned.push_front(target);
                }
            } else {
                break;
            }
        }
        had_any
    }

    /// Closes a connection, and charges it to the budget with all its channels.
    pub(super) fn end_within(
        &mut self,
        id: ConnectionId,
        farewell: Farewell,
        budget: &mut usize,
        now: Now,
        fx: &mut Effects,
    ) {
        let connection = self.connection(id);
        let channels = connection.map_or(0, |connection| connection.memberships.len());
        *budget = budget.saturating_sub(1 + channels);
        self.close(id, farewell, now, fx);
    }

    /// Closes connections that match a ban, within the budget. Returns whether
    /// that was all of them.
    fn enforce_within(
        &mut self,
        target: &BanTarget,
        budget: &mut usize,
        now: Now,
        fx: &mut Effects,
    ) -> bool {
        let Some(ban) = self.bans.of_target(target, now.unix_ms) else {
            // The ban was lifted meanwhile, or has expired.
            *budget = budget.saturating_sub(1);
            return true;
        };
        let farewell = Farewell::Banned(ban.reason.clone());
        while *budget > 0 {
            let hit = self.hit_by(target, *budget);
            if hit.is_empty() {
                *budget -= 1;
                return true;
            }
            for id in hit {
                if *budget == 0 {
                    return false;
                }
                self.end_within(id, farewell.clone(), budget, now, fx);
            }
        }
        false
    }

    /// Whether a connection that wants something has no say any more, because it
    /// is to be ended. If a ban has not come to it yet, it is ended now: what it
    /// wants costs no more than that.
    pub(super) fn has_no_say(&mut self, id: ConnectionId, now: Now, fx: &mut Effects) -> bool {
        let Some(connection) = self.connection(id) else {
            return true;
        };
        if connection.is_ending {
            return true;
        }
        if self.endings.banned.is_empty() {
            return false;
        }
        let address = connection.profile.address.ip();
        let nickname = connection.nickname.as_ref();
        let by_nickname = || {
            let name = nickname?;
            let by_name = self.bans.nickname(name, now.unix_ms);
            by_name.or_else(|| self.bans.nickname(self.nicknames.of(name)?, now.unix_ms))
        };
        let has_address = connection.program.is_none();
        let ban = has_address.then(|| self.bans.address(address, now.unix_ms));
        let Some(ban) = ban.flatten().or_else(by_nickname) else {
            return false;
        };
        let farewell = Farewell::Banned(ban.reason.clone());
        self.close(id, farewell, now, fx);
        true
    }

    /// Some of the connections that match a ban.
    fn hit_by(&self, target: &BanTarget, most: usize) -> Vec<ConnectionId> {
        match target {
            BanTarget::Address(net) => {
                let first = (net.network(), ConnectionId::FIRST);
                let last = (net.broadcast(), ConnectionId::LAST);
                let hit = self.by_address.range(first..=last);
                hit.take(most).map(|&(_, id)| id).collect()
            }
            BanTarget::Nickname(name) => {
                let claims = name.claims();
                let like = self.looks.like(&claims).map(|name| name.key());
                let called = claims.iter().filter_map(|key| self.nicknames.owner(key));
                let users = claims.iter().chain(like).chain(called.map(Name::key));
                let users = users.filter_map(|key| self.users.get(key));
                let hit = users.flat_map(|user| user.connections());
                hit.take(most).copied().collect()
            }
        }
    }
}
