//! Checks which connection gets which nickname.

use chat_server::hub::{Now, Refusal};
use chat_server::name::Name;

use super::super::call::Claim;
use super::super::invariant::{Check, Invariant, ensure};
use super::super::model::{Model, Slot, User};
use super::super::names::{Nick, bit, nick};

/// Why a connection cannot have a nickname.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Denied {
    Banned,
    InUse,
    IsAccount,
}

impl Denied {
    pub fn is(self, refusal: &Refusal) -> bool {
        match self {
            Denied::Banned => matches!(refusal, Refusal::NicknameBanned(_)),
            Denied::InUse => matches!(refusal, Refusal::NicknameInUse(_)),
            Denied::IsAccount => *refusal == Refusal::NicknameIsAccount,
        }
    }
}

impl Model {
    /// Whether a nickname is free and open to everyone.
    pub fn check_free(&self, nick: Nick, now: Now) -> Result<(), Denied> {
        match self.users[nick] {
            _ if self.bans_nick(nick, now) => Err(Denied::Banned),
            Some(_) => Err(Denied::InUse),
            None if self.is_held(nick, now) => Err(Denied::InUse),
            None => Ok(()),
        }
    }

    /// Whether a connection may log in under a nickname.
    pub fn check_claim(&self, nick: Nick, is_account: bool, now: Now) -> Result<(), Denied> {
        match &self.users[nick] {
            // All connections of an account are the same user.
            Some(user) if user.is_account && is_account => {
                if self.bans_nick(nick, now) {
                    Err(Denied::Banned)
                } else {
                    Ok(())
                }
            }
            _ => self.check_free(nick, now),
        }
    }

    /// Whether a guest may continue as the owner of an account.
    pub fn check_become(&self, slot: Slot, nick: Nick, now: Now) -> Result<(), Denied> {
        let own = self.nick_of(slot);
        match &self.users[nick] {
            _ if self.is_account(slot) => Err(Denied::IsAccount),
            _ if own == Some(nick) => Ok(()),
            _ if self.bans_nick(nick, now) => Err(Denied::Banned),
            Some(User {
                is_account: false, ..
            }) => Err(Denied::InUse),
            _ => Ok(()),
        }
    }

    pub(super) fn welcomed(&mut self, to: &[Slot], name: &Name, now: Now) -> Check {
        let claim = self.call.claim.take();
        let expected = claim.as_ref().is_some_and(|claim| to == [claim.slot]);
        let (Some(claim), true) = (claim, expected) else {
            return ensure(false, Invariant::LivingOnly, || {
                format!("{to:?} are welcomed without a claim")
            });
        };
        let answer = self.check_claim(nick(name), claim.is_account, now);
        self.may_have(answer, claim.slot, name)?;
        self.take_name(claim.slot, name, claim.is_account, claim.ignored);
        if let Some(conn) = self.alive_mut(claim.slot) {
            conn.token = claim.token;
        }
        Ok(())
    }

    pub(super) fn renamed(&mut self, to: &[Slot], name: &Name, now: Now) -> Check {
        if let Some(claim) = self.call.claim.take() {
            return self.became_account(claim, name, now);
        }
        let slot = to[0];
        let all = self.user_of(slot).map(|user| user.slots.as_slice());
        ensure(all == Some(to), Invariant::LivingOnly, || {
            format!("{to:?} are told of their new nickname, the user's connections are {all:?}")
        })?;
        let answer = match self.nick_of(slot) {
            _ if self.is_account(slot) => Err(Denied::IsAccount),
            own if own == Some(nick(name)) => Ok(()),
            _ => self.check_free(nick(name), now),
        };
        self.may_have(answer, slot, name)?;
        self.rename(slot, name);
        Ok(())
    }

    fn became_account(&mut self, claim: Claim, name: &Name, now: Now) -> Check {
        let answer = self.check_become(claim.slot, nick(name), now);
        self.may_have(answer, claim.slot, name)?;
        let Some(guest) = self.nick_of(claim.slot) else {
            return Ok(());
        };
        let as_guest = self.users[guest].as_ref();
        let ignored = as_guest.map_or(0, |user| user.ignored) & !bit(nick(name));
        let aliases = as_guest.map(|user| user.aliases.clone());
        let aliases = aliases.unwrap_or_default().into_iter().chain([guest]);
        self.release_name(claim.slot);
        self.take_name(claim.slot, name, true, claim.ignored);
        if let Some(user) = &mut self.users[nick(name)] {
            // It is the same user as before.
            user.ignored |= ignored;
            aliases.for_each(|alias| user.add_alias(alias));
        }
        self.owe_new_name(claim.slot);
        self.call_self(claim.slot, guest, name);
        if let Some(conn) = self.alive_mut(claim.slot) {
            conn.token = claim.token;
        }
        Ok(())
    }

    fn may_have(&self, answer: Result<(), Denied>, slot: Slot, name: &Name) -> Check {
        let invariant = match answer {
            Err(Denied::Banned) => Invariant::BansHold,
            _ => Invariant::OneOwner,
        };
        ensure(answer.is_ok(), invariant, || {
            format!("{slot} asked to become {name}: {answer:?}")
        })
    }
}
