//! Registered channels: who may have how many, and how long.

use std::ops::Bound;

use crate::model::governance::{By, Change, Grant, Person, Role};
use crate::model::name::Alphabetical;
use crate::model::{AccountId, Name};

use super::{Deed, Registrars};
use crate::hub::channel::ChannelIndex;
use crate::hub::{Effects, Hub, Now, Refusal};

const HOUR_MS: u64 = 60 * 60 * 1000;
/// How long the visit of someone who operates a channel counts before another one is
/// noted: less than the shortest time after which a channel expires.
const VISIT_MS: u64 = 12 * HOUR_MS;
/// How often the visits are looked at. The first time is so long after the start that
/// people have come back, and that a clock that was wrong has been set.
const SWEEP_MS: u64 = HOUR_MS;

/// Where the look at all registered channels is.
#[derive(Default)]
pub(in crate::hub) struct Sweep {
    /// When the next one begins, on the monotonic clock.
    due_ms: Option<u64>,
    /// The channel that was looked at last, while one is under way.
    at: Option<Bound<Alphabetical>>,
}

impl Sweep {
    /// Whether there is more to look at.
    pub fn is_under_way(&self) -> bool {
        self.at.is_some()
    }
}

impl Hub {
    /// Checks that the terms of this server allow someone to register a channel, or to
    /// give it to an account.
    pub(super) fn check_registering(
        &self,
        index: ChannelIndex,
        by: &By,
        deed: &Deed,
    ) -> Result<(), Refusal> {
        let terms = &self.limits.channel_terms;
        let is_administrator = matches!(by, By::Administrator(_));
        let is_registered = self
            .channels
            .get(index)
            .is_some_and(|it| it.is_registered());
        let who = match deed {
            Deed::Register => by.account(),
            Deed::Transfer(who) => who.account.or_else(|| self.account_called(&who.name)),
            _ => return Ok(()),
        };
        let may_register = match terms.register {
            Registrars::Accounts => true,
            Registrars::Administrators => is_administrator,
            Registrars::Nobody => false,
        };
        if !is_registered && !may_register {
            return Err(Refusal::MayNotRegister);
        }
        let most = terms.per_account;
        let founded = who.map_or(0, |account| self.channels.founded_by(account));
        match most > 0 && founded >= most && !is_administrator {
            true => Err(Refusal::TooManyRegistered(most)),
            false => Ok(()),
        }
    }

    /// At most `limit` of the channels that an account has registered, those after this one. With
    /// each come the accounts that are operators of it, the one that has been there longest first.
    pub fn founded(
        &self,
        account: AccountId,
        after: Option<&Name>,
        limit: usize,
    ) -> Vec<(Name, Vec<Person>)> {
        let after = after.and_then(|after| self.channels.find(after));
        let founded = self.channels.founded_after(account, after).take(limit);
        let governed = founded.filter_map(|it| Some((&it.name, it.governed.as_deref()?)));
        let with_operators = governed.map(|(name, governed)| {
            let grants = governed.rules.grants.iter();
            let mut operators: Vec<_> = grants
                .filter(|(_, grant)| grant.role == Some(Role::Operator))
                .collect();
            operators.sort_unstable_by_key(|(_, grant)| grant.since);
            let person = |(id, grant): (&AccountId, &Grant)| Person {
                name: grant.name.clone(),
                account: Some(*id),
            };
            (name.clone(), operators.into_iter().map(person).collect())
        });
        with_operators.collect()
    }

    fn account_called(&self, name: &Name) -> Option<AccountId> {
        let here = self.users.get(name.key()).map(|user| user.account);
        here.or_else(|| self.remote_account(name)).flatten()
    }

    /// The change that notes the visit of an account, if that is due.
    pub(super) fn visit(&self, index: ChannelIndex, who: &Person, now: Now) -> Option<Change> {
        let rules = &self.channels.get(index)?.governed.as_deref()?.rules;
        let is_due = rules.registered.is_some()
            && rules.role_of(who.account?) >= Some(Role::Operator)
            && now.unix_ms.saturating_sub(rules.visited_ms) >= VISIT_MS;
        is_due.then(|| Change::Visited(who.clone()))
    }

    /// When the visits are next looked at, on the monotonic clock.
    pub(in crate::hub) fn next_sweep(&self) -> Option<u64> {
        let expires = self.limits.channel_terms.expire_days > 0;
        expires.then(|| self.sweep.due_ms.unwrap_or_default())
    }

    /// Begins to look at the visits, if it is time.
    pub(in crate::hub) fn begin_sweep(&mut self, now: Now) {
        if self.limits.channel_terms.expire_days == 0 {
            self.sweep = Sweep::default();
            return;
        }
        let next = now.ticks_ms.saturating_add(SWEEP_MS);
        let due = *self.sweep.due_ms.get_or_insert(next);
        if due <= now.ticks_ms {
            self.sweep.due_ms = Some(next);
            self.sweep.at.get_or_insert(Bound::Unbounded);
        }
    }

    /// Looks at the visits of some channels. Returns whether there were any.
    pub(in crate::hub) fn sweep_some(&mut self, now: Now, fx: &mut Effects) -> bool {
        let Some(start) = self.sweep.at.take() else {
            return false;
        };
        let most = self.limits.piece;
        let mut looked_at = Vec::new();
        let channels = self.channels.indexed_from(start).take(most);
        for (name, index) in channels {
            looked_at.push((name.clone(), index));
        }
        if looked_at.len() == most {
            let last = looked_at.last().map(|(name, _)| name.clone());
            self.sweep.at = last.map(Bound::Excluded);
        }
        for (_, index) in looked_at {
            self.look_at_visits(index, now, fx);
        }
        true
    }

    /// Notes that someone who operates a channel is there, or has it committed that it
    /// has expired.
    fn look_at_visits(&mut self, index: ChannelIndex, now: Now, fx: &mut Effects) {
        let Some(governed) = self
            .channels
            .get(index)
            .and_then(|it| it.governed.as_deref())
        else {
            return;
        };
        let rules = &governed.rules;
        let Some(registered) = &rules.registered else {
            return;
        };
        let idle_ms = now
            .unix_ms
            .saturating_sub(rules.visited_ms.max(registered.since_ms));
        if idle_ms < VISIT_MS {
            return;
        }
        let days = self.limits.channel_terms.expire_days;
        let expires = days > 0 && idle_ms >= days.saturating_mul(24 * HOUR_MS);
        let (version, present) = (rules.version, self.operator_present(index));
        let change = match present {
            Some(person) => Change::Visited(person),
            None if expires => Change::Expired(version),
            None => return,
        };
        if let Ok(server) = Name::restore("system") {
            // It is looked at again in an hour.
            let _ = self.draft_change(index, By::Server(server), vec![change], None, now, fx);
        }
    }

    /// An account that operates a channel and is in it, on this server.
    fn operator_present(&self, index: ChannelIndex) -> Option<Person> {
        let governed = self.channels.get(index)?.governed.as_deref()?;
        let grants = governed.rules.grants.iter();
        let mut operators = grants.filter(|(_, grant)| grant.role >= Some(Role::Operator));
        let present = operators.find(|(account, grant)| {
            let user = self.users.get(grant.name.key());
            let is_it = user.is_some_and(|user| user.account == Some(**account));
            is_it && self.user_is_in(&grant.name, index)
        });
        present.map(|(account, grant)| Person {
            name: grant.name.clone(),
            account: Some(*account),
        })
    }
}
