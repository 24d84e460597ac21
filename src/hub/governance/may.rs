//! The one gate for rights: whether a person may do something in a channel.

use crate::model::governance::{Flag, Key, List, Masked, Role};
use crate::model::{AccountId, Name};

use super::{Governed, Pass};
use crate::hub::channel::{Channel, ChannelIndex, Heard};
use crate::hub::{ConnectionId, GLOBAL, Hub, Now, Refusal, Silence};

/// Something that not everyone may do.
pub(in crate::hub) enum Act<'a> {
    /// To become a member.
    Join(Option<&'a Pass>),
    /// To say something.
    Speak,
    /// To ask the programs of all others something.
    Ask,
    /// To read what was said, in whatever way.
    Read,
    /// To be told that the channel exists, its topic and its members.
    See,
    /// To set the topic.
    Topic,
    /// To change rules and lists, to remove people, to let in who is kept out.
    Operate,
    /// To invite someone.
    Invite,
    /// To see the list of those that the channel keeps out.
    SeeBans,
    /// To take this role from someone, or give it.
    Appoint(Option<Role>),
    /// To register the channel.
    Register,
    /// To do what only the founder may.
    Own,
}

/// Who wants to do something.
struct Asker<'a> {
    hub: &'a Hub,
    id: ConnectionId,
    index: ChannelIndex,
    name: Name,
    account: Option<AccountId>,
    role: Option<Role>,
}

impl<'a> Asker<'a> {
    fn is_member(&self) -> bool {
        self.hub.user_is_in(&self.name, self.index)
    }

    fn masked(&self) -> Masked<'a> {
        self.hub.masked(self.id, &self.name)
    }

    /// Whether no list kept it from speaking a while ago, and none can do so since.
    fn was_heard(&self, round: u64, now: Now) -> bool {
        let heard = self.hub.heard(self.id, self.index);
        heard.is_some_and(|heard| heard.holds(round, now))
    }
}

impl Hub {
    /// Whether the user of a connection may do something in a channel. Every
    /// path asks here; administrators do not.
    pub(in crate::hub) fn may(
        &self,
        id: ConnectionId,
        index: ChannelIndex,
        act: &Act<'_>,
        now: Now,
    ) -> Result<(), Refusal> {
        let channel = self.channels.get(index).ok_or(Refusal::NoChannel)?;
        let Some(governed) = channel.governed.as_deref() else {
            let is_member = self
                .user_of(id)
                .is_ok_and(|(name, _)| self.user_is_in(&name, index));
            return open(act, &channel.name, is_member);
        };
        let asker = self.asker(id, index, governed)?;
        let people = match (act, governed.rules.limit) {
            (Act::Join(_), Some(limit)) => self.people_in(channel, limit as usize),
            _ => 0,
        };
        governed.may(&asker, act, people, &channel.name, now)
    }

    /// How many people are in a channel, on all servers; at most `most` are counted.
    fn people_in(&self, channel: &Channel, most: usize) -> usize {
        let here = channel.people_count();
        let elsewhere = self.remote_members_of(&channel.name);
        let elsewhere = elsewhere.filter(|name| !channel.has(name));
        here + elsewhere.take(most.saturating_sub(here)).count()
    }

    fn asker<'a>(
        &'a self,
        id: ConnectionId,
        index: ChannelIndex,
        governed: &Governed,
    ) -> Result<Asker<'a>, Refusal> {
        let (name, user) = self.user_of(id)?;
        let account = user.account;
        Ok(Asker {
            hub: self,
            id,
            index,
            role: governed.role(&name, account),
            account,
            name,
        })
    }

    /// Whether an account operates a registered channel, be it there or not. Outsiders are not
    /// told that a secret one exists.
    pub fn account_operates(&self, account: AccountId, channel: &Name) -> Result<(), Refusal> {
        let index = self.channels.find(channel);
        let found = index.and_then(|index| self.channels.get(index));
        let found = found.ok_or_else(|| Refusal::NoSuchChannel(channel.clone()))?;
        let name = found.name.clone();
        let Some(governed) = found.governed.as_deref() else {
            return Err(Refusal::ChannelNotRegistered(name));
        };
        let rules = &governed.rules;
        if rules.is_secret() && !rules.has_member(account) {
            return Err(Refusal::NoSuchChannel(channel.clone()));
        }
        match rules.role_of(account) {
            _ if !governed.is_registered() => Err(Refusal::ChannelNotRegistered(name)),
            Some(role) if role >= Role::Operator => Ok(()),
            _ => Err(Refusal::NotOperator(name)),
        }
    }

    /// Checks that a connection may speak in a channel, and notes that it does. What the
    /// lists say of it is remembered until the rules change, so that it is not looked for
    /// with each message.
    pub(in crate::hub) fn let_speak(
        &mut self,
        id: ConnectionId,
        index: ChannelIndex,
        now: Now,
    ) -> Result<(), Refusal> {
        let channel = self.channels.get(index).ok_or(Refusal::NoChannel)?;
        let Some(governed) = channel.governed.as_deref() else {
            return Ok(());
        };
        let heard = self.heard(id, index);
        let was_heard = heard.is_some_and(|heard| heard.holds(governed.round, now));
        if was_heard && governed.lets_all_speak() {
            return Ok(());
        }
        self.may(id, index, &Act::Speak, now)?;
        if !was_heard {
            self.was_let_speak(id, index, now);
        }
        self.has_spoken(id, index, now);
        Ok(())
    }

    fn was_let_speak(&mut self, id: ConnectionId, index: ChannelIndex, now: Now) {
        let channel = self.channels.get(index);
        let Some(governed) = channel.and_then(|it| it.governed.as_deref()) else {
            return;
        };
        let heard = Heard {
            round: governed.round,
            until_ms: governed.rules.exceptions_hold_until(now.unix_ms),
        };
        if let Some(membership) = self.membership_mut(id, index) {
            membership.heard = Some(heard);
        }
    }

    /// A user as masks see them.
    pub(in crate::hub) fn masked(&self, id: ConnectionId, nickname: &Name) -> Masked<'_> {
        let user = self.users.get(nickname.key());
        let aliases = user.map(|user| user.aliases().iter().cloned());
        let cloak = self.connection(id).and_then(|it| it.profile.cloak.as_ref());
        let account = user.and_then(|user| user.account);
        let said = user.and_then(|user| user.face.introduction.as_deref());
        let called = self
            .nicknames
            .of(nickname)
            .map(|called| called.key().clone());
        let names = aliases.into_iter().flatten().chain(called);
        let masked = Masked::new(nickname, names, account, cloak);
        masked.with_user(said.map(|said| &*said.user))
    }

    /// What a user is in a channel.
    pub(in crate::hub) fn role_in(&self, index: ChannelIndex, name: &Name) -> Option<Role> {
        let governed = self.channels.get(index)?.governed.as_deref()?;
        let here = self.users.get(name.key()).map(|user| user.account);
        let account = here.or_else(|| self.remote_account(name)).flatten();
        governed.role(name, account)
    }
}

/// What everyone may do in a channel without rules: it has no operator.
fn open(act: &Act<'_>, channel: &Name, is_member: bool) -> Result<(), Refusal> {
    match act {
        Act::Join(_) | Act::Speak | Act::Ask | Act::Read | Act::See => Ok(()),
        Act::Invite if channel.as_str() == GLOBAL => Err(Refusal::NotOperator(channel.clone())),
        Act::Invite | Act::SeeBans if is_member => Ok(()),
        Act::Invite | Act::SeeBans => Err(Refusal::NotInChannel(channel.clone())),
        Act::Topic | Act::Operate | Act::Appoint(_) | Act::Register => {
            Err(Refusal::NotOperator(channel.clone()))
        }
        Act::Own => Err(Refusal::ChannelNotRegistered(channel.clone())),
    }
}

impl Governed {
    /// What a user is in the channel.
    pub fn role(&self, name: &Name, account: Option<AccountId>) -> Option<Role> {
        let kept = account.and_then(|account| self.rules.role_of(account));
        kept.max(self.present_role(name.key()))
    }

    fn may(
        &self,
        asker: &Asker<'_>,
        act: &Act<'_>,
        people: usize,
        channel: &Name,
        now: Now,
    ) -> Result<(), Refusal> {
        let is_at_least = |role| asker.role >= Some(role);
        match act {
            Act::Join(pass) => {
                let verdict = self.may_join(asker, *pass, people, channel, now);
                verdict.map_err(|refusal| match self.is_known_to(asker, *pass, now) {
                    true => refusal,
                    false => Refusal::ChannelNameTaken(channel.clone()),
                })
            }
            Act::Speak => self.may_speak(asker, channel, now),
            Act::Ask if self.rules.has(Flag::NoCtcp) => {
                self.may_speak(asker, channel, now)?;
                Err(Refusal::CannotSpeak(channel.clone(), Silence::NoRequests))
            }
            Act::Ask => self.may_speak(asker, channel, now),
            Act::Read if self.keeps_out(asker, now) => {
                Err(Refusal::BannedFromChannel(channel.clone()))
            }
            Act::Read if asker.is_member() => Ok(()),
            Act::Read => Err(Refusal::NotInChannel(channel.clone())),
            Act::See if !self.is_seen_by(asker) => Err(Refusal::NoSuchChannel(channel.clone())),
            Act::See => Ok(()),
            Act::Topic if !self.rules.has(Flag::TopicLocked) && asker.is_member() => Ok(()),
            Act::Topic | Act::Operate if is_at_least(Role::Operator) => Ok(()),
            Act::Topic | Act::Operate => Err(Refusal::NotOperator(channel.clone())),
            Act::Invite | Act::SeeBans if is_at_least(Role::Operator) => Ok(()),
            Act::Invite | Act::SeeBans if !asker.is_member() => {
                Err(Refusal::NotInChannel(channel.clone()))
            }
            // Where an invitation opens something, it is for operators to decide.
            Act::Invite if self.is_shut() || channel.as_str() == GLOBAL => {
                Err(Refusal::NotOperator(channel.clone()))
            }
            Act::Invite | Act::SeeBans => Ok(()),
            Act::Appoint(Some(Role::Founder | Role::Operator)) if self.is_registered() => {
                self.may_own(asker, channel)
            }
            Act::Appoint(_) if is_at_least(Role::Operator) => Ok(()),
            Act::Appoint(_) => Err(Refusal::NotOperator(channel.clone())),
            Act::Register if self.is_registered() => {
                Err(Refusal::ChannelRegistered(channel.clone()))
            }
            Act::Register if asker.account.is_none() => Err(Refusal::NeedsAccount(channel.clone())),
            Act::Register if is_at_least(Role::Operator) => Ok(()),
            Act::Register => Err(Refusal::NotOperator(channel.clone())),
            Act::Own => self.may_own(asker, channel),
        }
    }

    /// Whether there is something that an invitation opens.
    fn is_shut(&self) -> bool {
        let rules = &self.rules;
        rules.has(Flag::InviteOnly) || rules.key.is_some() || rules.limit.is_some()
    }

    fn is_registered(&self) -> bool {
        self.rules.registered.is_some()
    }

    fn belongs(&self, asker: &Asker<'_>) -> bool {
        let account = asker.account;
        account.is_some_and(|account| self.rules.has_member(account))
    }

    /// Whether someone is told that the channel exists.
    fn is_seen_by(&self, asker: &Asker<'_>) -> bool {
        !self.rules.is_secret() || asker.is_member() || self.belongs(asker)
    }

    /// Whether someone at the door shows that they know of the channel: the reason why
    /// they are not let in tells them nothing new then.
    fn is_known_to(&self, asker: &Asker<'_>, pass: Option<&Pass>, now: Now) -> bool {
        let key = self.rules.key.as_ref();
        self.is_seen_by(asker)
            || self.is_invited(asker.name.key(), now.unix_ms)
            || self.has_link(pass, now)
            || key.is_some_and(|key| is_key(pass, key))
            || self.has_invitation(asker, now)
    }

    fn may_own(&self, asker: &Asker<'_>, channel: &Name) -> Result<(), Refusal> {
        match (self.is_registered(), asker.role) {
            (true, Some(Role::Founder)) => Ok(()),
            (true, _) => Err(Refusal::NotFounder(channel.clone())),
            (false, _) => Err(Refusal::ChannelNotRegistered(channel.clone())),
        }
    }

    /// The checks of joining, in this order: founders and operators always; bans;
    /// accounts only; invitations; the key; the limit.
    fn may_join(
        &self,
        asker: &Asker<'_>,
        pass: Option<&Pass>,
        people: usize,
        channel: &Name,
        now: Now,
    ) -> Result<(), Refusal> {
        let rules = &self.rules;
        if asker.role >= Some(Role::Operator) || pass == Some(&Pass::Override) {
            return Ok(());
        }
        if self.keeps_out(asker, now) {
            return Err(Refusal::BannedFromChannel(channel.clone()));
        }
        if rules.has(Flag::RegisteredOnly) && asker.account.is_none() {
            return Err(Refusal::NeedsAccount(channel.clone()));
        }
        let is_invited = self.belongs(asker)
            || self.is_invited(asker.name.key(), now.unix_ms)
            || self.has_link(pass, now);
        if rules.has(Flag::InviteOnly) && !is_invited && !self.has_invitation(asker, now) {
            return Err(Refusal::InviteOnly(channel.clone()));
        }
        if let Some(key) = &rules.key
            && !is_invited
            && !is_key(pass, key)
        {
            return Err(Refusal::WrongKey(channel.clone()));
        }
        if let Some(limit) = rules.limit
            && people >= limit as usize
            && !self.is_invited(asker.name.key(), now.unix_ms)
            && !asker.is_member()
        {
            return Err(Refusal::ChannelFull(channel.clone()));
        }
        Ok(())
    }

    /// Whether someone who is not in the channel may be heard there. They are told as
    /// little of it as by any other question.
    fn may_call_in(&self, asker: &Asker<'_>, channel: &Name) -> Result<(), Refusal> {
        let rules = &self.rules;
        let is_unknown = rules.is_secret() && !self.belongs(asker);
        if rules.has(Flag::MembersOnly) || is_unknown {
            return Err(Refusal::NotInChannel(channel.clone()));
        }
        if rules.has(Flag::RegisteredOnly) && asker.account.is_none() {
            return Err(Refusal::NeedsAccount(channel.clone()));
        }
        Ok(())
    }

    fn may_speak(&self, asker: &Asker<'_>, channel: &Name, now: Now) -> Result<(), Refusal> {
        let rules = &self.rules;
        if !asker.hub.is_member(asker.id, asker.index) {
            self.may_call_in(asker, channel)?;
        }
        let was_heard = asker.was_heard(self.round, now);
        if !was_heard && self.keeps_out(asker, now) {
            return Err(Refusal::BannedFromChannel(channel.clone()));
        }
        if asker.role >= Some(Role::Voice) {
            return Ok(());
        }
        let refused = |why| Err(Refusal::CannotSpeak(channel.clone(), why));
        if rules.has(Flag::Moderated) {
            return refused(Silence::Moderated);
        }
        if rules.has(Flag::RegisteredSpeak) && asker.account.is_none() {
            return refused(Silence::AccountsOnly);
        }
        if !was_heard && self.is_listed(List::Mute, asker, now) {
            return refused(Silence::Muted);
        }
        match self.must_wait(asker.name.key(), now.ticks_ms) {
            Some(seconds) => Err(Refusal::SlowMode(channel.clone(), seconds)),
            None => Ok(()),
        }
    }

    /// Whether every member that is on no list of mutes or bans may speak at any time.
    fn lets_all_speak(&self) -> bool {
        let rules = &self.rules;
        let asks_for_more = rules.has(Flag::Moderated) || rules.has(Flag::RegisteredSpeak);
        !asks_for_more && rules.slow_seconds == 0
    }

    /// Whether a ban concerns someone who does not operate the channel.
    fn keeps_out(&self, asker: &Asker<'_>, now: Now) -> bool {
        asker.role < Some(Role::Operator) && self.is_listed(List::Ban, asker, now)
    }

    /// Whether a list concerns someone who is not excepted.
    fn is_listed(&self, list: List, asker: &Asker<'_>, now: Now) -> bool {
        if self.rules.list(list).is_empty() {
            return false;
        }
        let person = asker.masked();
        let is_on = |list| self.rules.listed(list, &person, now.unix_ms).is_some();
        is_on(list) && !is_on(List::Except)
    }

    fn has_invitation(&self, asker: &Asker<'_>, now: Now) -> bool {
        !self.rules.list(List::Invite).is_empty()
            && (self
                .rules
                .listed(List::Invite, &asker.masked(), now.unix_ms))
            .is_some()
    }

    fn has_link(&self, pass: Option<&Pass>, now: Now) -> bool {
        let Some(Pass::Link(hash)) = pass else {
            return false;
        };
        self.lets_in(hash, now.unix_ms)
    }
}

fn is_key(pass: Option<&Pass>, key: &Key) -> bool {
    matches!(pass, Some(Pass::Key(given)) if given == key)
}
