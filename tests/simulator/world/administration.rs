//! What administrators do.

use chat_server::hub::BanTarget;
use chat_server::text::Text;
use ipnet::IpNet;

use super::super::bug::Bug;
use super::super::invariant::{Check, Invariant, ensure};
use super::super::model::Slot;
use super::super::names::{nick, nickname, room};
use super::super::store::account_of;
use super::connections::{ADDRESSES, address};
use super::{World, limits};

/// Most bans at a time, so that some clients are left.
pub const BANS: usize = 6;

impl World {
    pub(super) fn announce(&mut self) -> Check<bool> {
        self.trace.act(21, format_args!("an announcement"));
        let all: Vec<Slot> = self.model.all_alive().map(|(slot, _)| slot).collect();
        let count = all.len();
        self.model.call.announced = Some(all);
        let told = self.call(|hub, now, fx| hub.announce(Text::clean("soup"), now, fx))?;
        ensure(told == count, Invariant::AllTold, || {
            format!("the hub counts {told} recipients, there are {count}")
        })?;
        Ok(true)
    }

    pub(super) fn kick(&mut self) -> Check<bool> {
        let name = self.some_nickname();
        let user = self.model.users[nick(&name)].as_ref();
        let slots = user.map(|user| user.slots.clone()).unwrap_or_default();
        self.trace
            .act(22, format_args!("{name} is kicked: {slots:?}"));
        let hit = self.call(|hub, now, fx| hub.kick(&name, None, now, fx))?;
        ensure(hit == slots.len(), Invariant::ListsTrue, || {
            format!("the hub counts {hit} ended connections of {name}, expected {slots:?}")
        })?;
        self.work_off()?;
        self.all_ended(&slots)?;
        Ok(true)
    }

    pub(super) fn ban(&mut self) -> Check<bool> {
        if self.model.bans.len() >= BANS {
            return self.unban();
        }
        let target = if self.random.chance(600) {
            BanTarget::Nickname(self.some_nickname())
        } else {
            BanTarget::Address(self.some_network())
        };
        let for_ms = *self
            .random
            .pick(&[None, Some(5), Some(5_000), Some(3_000_000)]);
        let expires_ms = for_ms.map(|ms| self.now.unix_ms + ms);
        self.trace.act(
            23,
            format_args!("{target:?} is banned until {expires_ms:?}"),
        );
        let now_ms = self.now.unix_ms;
        self.model
            .bans
            .retain(|ban| ban.expires_ms.is_none_or(|end| end > now_ms));
        if self.saboteur.is(Bug::ForgetsBans) {
            return self.pretend_to_ban(target, expires_ms);
        }
        let ban = self.call(|hub, now, fx| hub.ban(target, None, expires_ms, now, fx))?;
        let Ok(ban) = ban else {
            return ensure(false, Invariant::RefusalsTrue, || {
                format!("not banned: {ban:?}")
            })
            .map(|()| true);
        };
        self.model.bans.push(ban);
        self.work_off()?;
        self.save_bans()
    }

    fn pretend_to_ban(&mut self, target: BanTarget, expires_ms: Option<u64>) -> Check<bool> {
        self.model.bans.push(chat_server::hub::Ban {
            id: self.random.next(),
            target,
            reason: None,
            created_ms: 0,
            expires_ms,
        });
        Ok(true)
    }

    /// Checks that a new ban has ended the connections it matches, and that the
    /// list is right.
    fn save_bans(&mut self) -> Check<bool> {
        let bans = self.hub.bans(self.now);
        let right = bans.iter().eq(self.model.bans_in_force(self.now));
        ensure(right, Invariant::ListsTrue, || {
            format!(
                "{bans:?} are listed as bans, expected {:?}",
                self.model.bans
            )
        })?;
        if let Some(ban) = self.model.bans.last() {
            let hit = |slot: &Slot| {
                let conn = self.model.alive(*slot);
                conn.is_some_and(|conn| match &ban.target {
                    BanTarget::Nickname(name) => conn.name.as_ref() == Some(name),
                    BanTarget::Address(net) => {
                        net.contains(&conn.profile.address.ip().to_canonical())
                    }
                })
            };
            let left: Vec<Slot> = (0..self.model.slots.len()).filter(hit).collect();
            // A ban that was lifted, or whose time the clock moved, ends no
            // connections again.
            let new = ban.created_ms == self.now.unix_ms;
            ensure(left.is_empty() || !new, Invariant::BansHold, || {
                format!("{ban:?} should have ended {left:?}")
            })?;
        }
        self.store.bans = bans;
        Ok(true)
    }

    fn some_network(&mut self) -> IpNet {
        let address = address(self.random.below(ADDRESSES)).to_canonical();
        let bits = if address.is_ipv4() {
            *self.random.pick(&[32, 31])
        } else {
            128
        };
        IpNet::new(address, bits)
            .expect("a valid prefix length")
            .trunc()
    }

    pub(super) fn unban(&mut self) -> Check<bool> {
        let listed = self.model.bans.len();
        if listed == 0 {
            return Ok(false);
        }
        let id = self.model.bans.remove(self.random.below(listed)).id;
        self.trace.act(24, format_args!("ban {id} is lifted"));
        let lifted = self.call(|hub, _, fx| hub.unban(id, fx))?;
        let right = lifted.is_some() || self.saboteur.is(Bug::ForgetsBans);
        ensure(right, Invariant::ListsTrue, || {
            format!("the hub denies that there is a ban {id}")
        })?;
        self.store.bans = self.hub.bans(self.now);
        Ok(true)
    }

    /// Revokes an account's token.
    pub(super) fn revoke(&mut self) -> Check<bool> {
        self.check_tokens()?;
        let key = self.some_key();
        let slots = self.with_token(&key);
        self.trace
            .act(25, format_args!("{key} is given up: {slots:?}"));
        self.model.call.revoking = true;
        let hit = self.call(|hub, now, fx| hub.revoke(&key, now, fx))?;
        ensure(hit == slots.len(), Invariant::ListsTrue, || {
            format!("the hub counts {hit} ended connections with {key}, expected {slots:?}")
        })?;
        while self.hub.has_work() {
            self.model.call.revoking = true;
            self.call(|hub, now, fx| hub.work(now, fx))?;
        }
        self.all_ended(&slots)?;
        Ok(true)
    }

    /// Asks for users and counts, as REST and connection threads do.
    pub(super) fn look(&mut self) -> Check<bool> {
        self.trace.act(29, format_args!("REST asks for users"));
        for nick in 0..self.plan.nicks {
            let asked = nickname(nick, 1);
            let (name, is_on) = self.hub.presence(asked.clone());
            let known = self.model.users[nick].is_some();
            let right = is_on == known && name == asked;
            ensure(right, Invariant::ListsTrue, || {
                format!("the hub says that {name} is on: {is_on}; expected: {known}")
            })?;
        }
        for (slot, conn) in self.model.all_alive() {
            let name = self.hub.nickname_of(conn.id);
            let current = self.hub.own_channel(conn.id, None).ok();
            let known = conn.places.last().map(|place| place.room);
            let right = name == conn.name && current.as_ref().map(room) == known;
            ensure(right, Invariant::ListsTrue, || {
                format!("the hub says that {slot} is {name:?} in {current:?}, expected {known:?}")
            })?;
        }
        let open: usize = self.hub.protocols().values().map(|each| each.open).sum();
        let known = self.model.all_alive().count();
        ensure(open == known, Invariant::ListsTrue, || {
            format!("the hub counts {open} connections, expected {known}")
        })?;
        Ok(true)
    }

    fn check_tokens(&mut self) -> Check {
        let nick = self.some_nick();
        let listed = self.hub.tokens_of(account_of(nick));
        let user = self.model.users[nick].as_ref();
        let user = user.filter(|user| user.is_account);
        let slots = user.map(|user| user.slots.as_slice()).unwrap_or_default();
        let conns = slots.iter().filter_map(|&slot| self.model.alive(slot));
        let mut known: Vec<_> = conns.filter_map(|conn| conn.token.clone()).collect();
        known.sort_unstable();
        known.dedup();
        ensure(listed == known, Invariant::ListsTrue, || {
            let name = nickname(nick, 0);
            format!("the hub lists {listed:?} for {name}, expected {known:?}")
        })
    }

    /// Changes the limits; what exceeds them already may stay.
    pub(super) fn configure(&mut self) -> Check<bool> {
        self.plan.channels_per_connection = self.random.below(4);
        self.plan.channels = *self.random.pick(&[0, 2, 4]);
        self.plan.channels_per_address = *self.random.pick(&[0, 1, 2]);
        self.plan.login_ms = *self.random.pick(&[0, 500, 5_000]);
        self.trace.act(
            26,
            format_args!("the limits change: {:?}", limits(&self.plan)),
        );
        let limits = limits(&self.plan);
        self.model.limits = limits.clone();
        if !self.saboteur.is(Bug::ForgetsLimits) {
            self.call(|hub, _, _| hub.set_limits(limits))?;
        }
        Ok(true)
    }
}
