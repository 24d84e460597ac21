//! Clients take nicknames: as guests, with tokens, as owners of accounts.

use std::net::IpAddr;
use std::sync::Arc;

use chat_server::hub::{Command, Credential, Refusal};
use chat_server::name::Name;

use super::super::call::Claim;
use super::super::invariant::{Check, Invariant, ensure};
use super::super::judge::Denied;
use super::super::model::{Hold, Model, Slot};
use super::super::names::{Nick, bit, channel, nick, nickname, nicks};
use super::super::plan::Ask;
use super::World;

/// Most tokens issued for nicknames.
const PASSES: usize = 6;

impl World {
    pub(super) fn log_in(&mut self) -> Check<bool> {
        let unnamed = self.model.all_alive();
        let unnamed = unnamed.filter(|(_, conn)| conn.name.is_none());
        let unnamed: Vec<Slot> = unnamed.map(|(slot, _)| slot).collect();
        let slot = match unnamed.is_empty() {
            false if self.random.chance(800) => Some(*self.random.pick(&unnamed)),
            _ => self.some_alive(),
        };
        let Some(slot) = slot else {
            return Ok(false);
        };
        let Some(conn) = self.model.alive(slot) else {
            return Ok(false);
        };
        match (conn.name.is_some(), conn.has_asked) {
            (false, _) => self.claim(slot),
            // An earlier claim may have been carried out too late for its
            // client, which then claims again.
            (true, false) if self.random.chance(100) => self.claim(slot),
            (true, _) if self.random.chance(100) => self.become_account(slot),
            (true, _) => Ok(false),
        }
    }

    fn claim(&mut self, slot: Slot) -> Check<bool> {
        let mut nick = self.some_nick();
        if self.model.users[nick].is_some() {
            nick = self.some_nick();
        }
        let name = nickname(nick, self.random.below(3));
        if self.store.is_registered(nick) {
            let token = self.random.chance(500).then(|| self.some_key());
            let credential = self.store.credential(nick, token.as_deref());
            return self.claim_as(slot, name, credential);
        }
        if self.random.chance(300) && !self.passes.is_empty() {
            let (token, nick) = self.random.pick(&self.passes).clone();
            return self.claim_with_token(slot, token.into(), nick);
        }
        self.claim_as(slot, name, None)
    }

    /// A client loses its connection, reconnects at once under the same
    /// nickname, and resumes the channels it was in.
    pub(super) fn come_back(&mut self) -> Check<bool> {
        let Some(before) = self.some_alive() else {
            return Ok(false);
        };
        let conn = self.model.alive(before);
        let Some(name) = conn.and_then(|conn| conn.name.clone()) else {
            return Ok(false);
        };
        let rooms = conn.map(Model::rooms).unwrap_or_default();
        let left_off: Vec<_> = rooms
            .into_iter()
            .map(|room| (room, self.clients[before].has_all(room)))
            .collect();
        let token = conn.and_then(|conn| conn.token.clone());
        let token = token.filter(|_| !self.model.is_account(before));
        // A client with a token may reconnect before the server knows that the
        // connection is lost.
        if token.is_none() || self.random.chance(300) {
            self.drop_out(before)?;
        }
        let Some(slot) = self.open_slot()? else {
            return Ok(true);
        };
        if self.model.alive(slot).is_none() {
            // Its address is banned.
            return Ok(true);
        }
        match token {
            Some(token) => self.claim_with_token(slot, token, nick(&name))?,
            None => {
                let proof = self.store.credential(nick(&name), None);
                self.claim_as(slot, name, proof)?
            }
        };
        for (room, last) in left_off {
            if !self.plan.history {
                self.clients[slot].ask_again(room);
            }
            let resume = Command::Resume {
                channel: channel(room, 0),
                after: last.unwrap_or_default(),
            };
            self.submit(slot, resume)?;
            let again = self.command(slot, Ask::Resend);
            self.submit(slot, again)?;
        }
        Ok(true)
    }

    /// A name for an account's token.
    pub(super) fn some_key(&mut self) -> String {
        format!("key{}", self.random.below(4))
    }

    fn claim_as(&mut self, slot: Slot, name: Name, proof: Option<Credential>) -> Check<bool> {
        let id = self.id(slot);
        self.trace
            .act(6, format_args!("{id:?} claims {name}: {proof:?}"));
        self.give_back(slot);
        let nick = nick(&name);
        let is_account = proof.is_some();
        let expected = self.model.check_claim(nick, is_account, self.now);
        let unsure = is_account && self.store.is_ignoring(nick) && self.model.users[nick].is_none();
        self.model.call.claim = Some(Claim {
            slot,
            is_account,
            ignored: nicks(proof.iter().flat_map(|proof| &proof.ignored)),
            token: proof.as_ref().and_then(|proof| proof.token.clone()),
        });
        let answer = self.call(|hub, now, fx| hub.claim(id, name, proof, now, fx))?;
        if let (Some(user), true) = (&mut self.model.users[nick], unsure) {
            user.unsure = true;
        }
        self.named(slot, expected, &answer)
    }

    fn claim_with_token(&mut self, slot: Slot, token: Arc<str>, nick: Nick) -> Check<bool> {
        let earlier: Vec<Slot> = self.with_token(&token);
        if earlier.contains(&slot) || self.store.is_registered(nick) {
            return Ok(false);
        }
        let (id, name) = (self.id(slot), nickname(nick, 0));
        self.trace
            .act(7, format_args!("{id:?} claims {name} with {token}"));
        self.give_back(slot);
        let hold = &mut self.model.holds[nick];
        if hold.as_ref().is_some_and(|hold| hold.token == token) {
            *hold = None;
        }
        // The nickname of an earlier connection with this token, if there is
        // one.
        let current = earlier.iter().find_map(|&slot| self.model.nick_of(slot));
        let expected = match current {
            Some(current) if self.model.bans_nick(current, self.now) => Err(Denied::Banned),
            Some(_) => Ok(()),
            None => self.model.check_claim(nick, false, self.now),
        };
        self.model.call.claim = Some(Claim {
            slot,
            is_account: false,
            ignored: 0,
            token: Some(token.clone()),
        });
        let answer = self.call(|hub, now, fx| hub.claim_with_token(id, name, &token, now, fx))?;
        if answer.is_ok() {
            self.all_ended(&earlier)?;
        }
        let stays = |slot: &Slot| self.model.alive(*slot).is_some();
        let stay = answer.is_ok() || earlier.iter().all(stays);
        ensure(stay, Invariant::OneOwner, || {
            format!("{earlier:?} were ended for {slot}, which is refused: {answer:?}")
        })?;
        if let (Some(current), Ok(())) = (current, &answer) {
            let own = self.model.nick_of(slot);
            ensure(own == Some(current), Invariant::OneOwner, || {
                format!("{slot} is {own:?}, expected {current}")
            })?;
        }
        self.named(slot, expected, &answer)
    }

    /// A second claim first gives back the nickname of the first.
    fn give_back(&mut self, slot: Slot) {
        let had_name = self.model.nick_of(slot).is_some();
        self.model.release_name(slot);
        if had_name
            && self.plan.login_ms > 0
            && let Some(conn) = self.model.alive_mut(slot)
        {
            // A connection that loses its nickname gets the full time to log
            // in.
            conn.deadline = Some(self.now.ticks_ms + self.plan.login_ms);
        }
    }

    fn named(
        &mut self,
        slot: Slot,
        expected: Result<(), Denied>,
        answer: &Result<(), Refusal>,
    ) -> Check<bool> {
        as_expected(slot, expected, answer)?;
        let named = self.model.nick_of(slot).is_some();
        ensure(named == answer.is_ok(), Invariant::OneOwner, || {
            format!("{slot} has a nickname: {named}; the hub answered {answer:?}")
        })?;
        Ok(true)
    }

    fn become_account(&mut self, slot: Slot) -> Check<bool> {
        let nick = self.random.below(self.plan.registrable + 1);
        let Some(proof) = self.store.credential(nick, None) else {
            return Ok(false);
        };
        let (id, name) = (self.id(slot), nickname(nick, 1));
        self.trace.act(8, format_args!("{id:?} logs in as {name}"));
        let expected = self.model.check_become(slot, nick, self.now);
        let adopts = expected.is_ok() && self.model.nick_of(slot) == Some(nick);
        let unsure = self.store.is_ignoring(nick) && self.model.users[nick].is_none();
        let ignored = nicks(&proof.ignored);
        self.model.call.claim = Some(Claim {
            slot,
            is_account: true,
            ignored,
            token: None,
        });
        let answer = self.call(|hub, now, fx| hub.become_account(id, name, &proof, now, fx))?;
        as_expected(slot, expected, &answer)?;
        if let Some(conn) = self.model.alive_mut(slot).filter(|_| adopts) {
            conn.token = None;
        }
        if let Some(user) = &mut self.model.users[nick] {
            user.unsure |= unsure;
            if adopts {
                user.is_account = true;
                // The guest may have ignored an earlier owner of this nickname.
                user.ignored = (user.ignored | ignored) & !bit(nick);
            }
        }
        Ok(true)
    }

    /// Registers a nickname: its guest does, or REST while a guest may have it.
    pub(super) fn register(&mut self) -> Check<bool> {
        if self.plan.registrable == 0 {
            return Ok(false);
        }
        let nick = self.random.below(self.plan.registrable);
        let name = nickname(nick, 0);
        if self.store.is_registered(nick) {
            return Ok(false);
        }
        let guest = self.model.users[nick].as_ref();
        let guest = guest.map(|user| user.slots[0]);
        let is_guest = self.hub.is_guest(&name);
        ensure(is_guest == guest.is_some(), Invariant::ListsTrue, || {
            format!("the hub says that {name} is a guest: {is_guest}; expected {guest:?}")
        })?;
        self.trace.act(
            9,
            format_args!("{name} is registered; a guest has it: {guest:?}"),
        );
        self.store.register(nick);
        match guest {
            Some(slot) if self.random.chance(700) => {
                let id = self.id(slot);
                let proof = self.store.credential(nick, None);
                let Some(proof) = proof else { return Ok(false) };
                let answer = self.call(|hub, _, fx| hub.adopt(id, &name, &proof, fx))?;
                as_expected(slot, Ok(()), &answer)?;
                if let Some(user) = &mut self.model.users[nick] {
                    user.is_account = true;
                    user.ignored &= !bit(nick);
                }
                if let Some(conn) = self.model.alive_mut(slot) {
                    conn.token = None;
                }
            }
            // The guest logged in while the account was being made.
            Some(slot) => {
                self.call(|hub, now, fx| hub.evict_guest(&name, now, fx))?;
                self.all_ended(&[slot])?;
            }
            None => {}
        }
        Ok(true)
    }

    /// Holds a nickname for the owner of a new token.
    pub(super) fn hold(&mut self) -> Check<bool> {
        let nick = self.some_nick();
        if self.store.is_registered(nick) {
            return Ok(false);
        }
        let token = format!("pass{}", self.random.below(1000));
        let name = nickname(nick, self.random.below(3));
        let for_ms = *self.random.pick(&[1, 500, 60_000]);
        self.trace.act(
            10,
            format_args!("{name} is held for {for_ms} ms for {token}"),
        );
        let expected = self.model.check_free(nick, self.now);
        let kept: Arc<str> = token.as_str().into();
        let token_kept = kept.clone();
        let address = IpAddr::from([192, 0, 2, 1]);
        let answer = self.call(|hub, now, _| hub.hold(&name, kept, address, for_ms, now))?;
        let agreed = match (&expected, &answer) {
            (Ok(()), Ok(())) => true,
            (Err(denied), Err(refusal)) => denied.is(refusal),
            _ => false,
        };
        ensure(agreed, Invariant::OneOwner, || {
            format!("hold of {name}: {answer:?}, expected {expected:?}")
        })?;
        if answer.is_ok() {
            self.model.holds[nick] = Some(Hold {
                token: token_kept,
                until_ms: self.now.ticks_ms + for_ms,
            });
            if self.passes.len() == PASSES {
                self.passes.remove(0);
            }
            self.passes.push((token, nick));
        }
        Ok(true)
    }

    pub(super) fn with_token(&self, token: &str) -> Vec<Slot> {
        let all = self.model.all_alive();
        let with = all.filter(|(_, conn)| conn.token.as_deref() == Some(token));
        with.map(|(slot, _)| slot).collect()
    }
}

fn as_expected(slot: Slot, expected: Result<(), Denied>, answer: &Result<(), Refusal>) -> Check {
    let (agreed, invariant) = match (expected, answer) {
        (Ok(()), Ok(())) => (true, Invariant::OneOwner),
        (Err(denied), Err(refusal)) => (denied.is(refusal), Invariant::RefusalsTrue),
        (Err(Denied::Banned), Ok(())) => (false, Invariant::BansHold),
        _ => (false, Invariant::OneOwner),
    };
    ensure(agreed, invariant, || {
        format!("{slot} is answered {answer:?}, expected {expected:?}")
    })
}
