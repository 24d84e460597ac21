//! A hub that is one of several: what it tells the others, and what it hears.
//!
//! In a hub that stands alone, nothing here has any effect.

use std::ops::Bound;

use crate::model::{AccountId, Name, Text};

use super::governance::{LastWas, Vacant};
use super::remote::{Noticed, Person, Remote};
use super::tags::Tags;
use super::{
    ConnectionId, Effects, Event, Farewell, Hub, News, Nickname, Now, Order, Private, Refusal,
    RosterChange, Shared,
};

impl Hub {
    /// Makes this hub one of several. Call it before the first connection opens.
    pub fn join_others(&mut self) {
        self.remote = Some(Remote::default());
    }

    /// Takes in news from the log or from the other servers.
    pub fn hear(&mut self, news: News, now: Now, fx: &mut Effects) {
        match news {
            News::Settled(settled) => self.settle(settled, now, fx),
            News::Message(message) => self.publish(message, None, None, now, fx),
            News::Changed(change) => {
                self.changed(*change, LastWas::Theirs, now, fx);
            }
            News::Amended(amendment) => {
                self.amended(*amendment, now, fx);
            }
            News::Reacted(reaction) => {
                self.reacted(*reaction, None, now, fx);
            }
            News::Rules(rules) => self.take_rules(rules),
            News::Met => self.others_met(now, fx),
            News::AllCanGovern => self.all_can_govern(),
            News::Private { message, from } => self.tell_recipient(&message, from, None, fx),
            News::Copy {
                message,
                from,
                except,
            } => self.tell_copies(&message, from, except, fx),
            News::Roster(node, change) => {
                self.roster_version += 1;
                if let RosterChange::Online { name, .. }
                | RosterChange::Joined { name, .. }
                | RosterChange::Renamed { to: name, .. } = &change
                {
                    self.tell_departures_of(name, now, fx);
                }
                if let RosterChange::Away { name, text } = &change
                    && self
                        .users
                        .get(name.key())
                        .is_some_and(|it| it.account.is_some())
                {
                    self.away_here(name, text.clone(), fx);
                }
                if let RosterChange::Role {
                    name,
                    channel,
                    role,
                } = &change
                {
                    self.role_elsewhere(name, channel.clone(), *role);
                }
                let comes = match &change {
                    RosterChange::Online { name, .. } if !self.presence(name.clone()).1 => {
                        Some(name.clone())
                    }
                    _ => None,
                };
                let noticed = self
                    .remote
                    .as_mut()
                    .map(|remote| remote.change(node, change));
                let noticed = noticed.unwrap_or_default();
                self.notice(noticed, LastWas::Theirs, now, fx);
                if let Some(name) = comes {
                    self.note_people();
                    self.tell_online(&name, fx);
                }
            }
            News::Gone(node) => {
                if let Some(remote) = &mut self.remote {
                    remote.gone(node);
                }
                self.vacant.take_over();
                self.part_some(now, fx);
            }
            News::Order(order) => self.obey(order, now, fx),
            News::Ordered(order) => self.ordered(order, now, fx),
            News::Bans(bans) => self.replace_bans(bans, now, fx),
            News::Claimed {
                connection,
                name,
                free,
            } => self.claimed(connection, name, free, now, fx),
            News::Lost(name) => {
                self.lose_nickname(&name, now, fx);
                let connections = self.connections_of(&name);
                let farewell = Farewell::NotAdmitted(Refusal::NicknameInUse(name));
                self.end_all(&connections, &farewell, now, fx);
            }
            News::CutOff => {
                // The other servers announce their users anew.
                self.remote = Some(Remote::default());
                self.vacant = Vacant::unsure();
                self.roster_version += 1;
                self.forget_called_elsewhere(now, fx);
                // The fate of drafts on their way to the log will not be known.
                self.unsettled.clear();
                self.link_secrets.clear();
                self.channels.forget_settlements();
                self.tags = Tags::default();
                self.bans.unconfirmed.cut_off();
                fx.revoked(None);
                let all: Vec<ConnectionId> =
                    self.connections.iter().flatten().map(|c| c.id).collect();
                for id in all {
                    self.close(id, Farewell::CutOff, now, fx);
                }
                self.tell_all_departures(now, fx);
                fx.share(Shared::Rejoin(self.bans(now)));
            }
        }
    }

    /// Removes some users of servers that are gone. Returns whether there were
    /// any.
    pub(super) fn part_some(&mut self, now: Now, fx: &mut Effects) -> bool {
        let most = self.limits.piece;
        let remote = self.remote.as_mut();
        let Some(remote) = remote.filter(|remote| remote.has_gone()) else {
            return false;
        };
        let noticed = remote.part_some(most);
        self.roster_version += 1;
        self.notice(noticed, LastWas::Ours, now, fx);
        true
    }

    /// Removes the user of a nickname on servers that are gone, because a user here
    /// is about to take the nickname.
    pub(super) fn part_gone(&mut self, name: &Name, now: Now, fx: &mut Effects) {
        let noticed = self.remote.as_mut().map(|remote| remote.part(name));
        if let Some(noticed) = noticed.filter(|noticed| !noticed.is_empty()) {
            self.roster_version += 1;
            self.notice(noticed, LastWas::Ours, now, fx);
        }
    }

    pub(super) fn obey(&mut self, order: Order, now: Now, fx: &mut Effects) {
        match order {
            Order::Announce { text, at_ms } => {
                self.announce_here(text, at_ms, fx);
            }
            Order::Kick { name, reason } => {
                self.kick_here(&name, reason, now, fx);
            }
            Order::Ban(ban) => self.ban_heard(ban, now, fx),
            Order::Program { account } => self.know_programs([account]),
            Order::Unban(target) => self.unban_heard(&target),
            Order::Revoke { token } => {
                self.revoke_here(&token, now, fx);
            }
            Order::Replace { token } => {
                let connections = self.with_token(&token);
                self.end_all(&connections, &Farewell::Replaced, now, fx);
            }
            Order::SignOut { name, why } => self.sign_out_here(&name, (why, None), now, fx),
            Order::EvictGuest { name } => self.evict_guest_here(&name, now, fx),
            Order::Typing { from, channel, to } => self.tell_typing(&from, channel, to, fx),
            Order::ChannelRead {
                name,
                channel,
                up_to,
            } => self.read_elsewhere(&name, &channel, up_to, fx),
            Order::ChannelNotifies {
                name,
                channel,
                notify,
            } => self.notifies_elsewhere(&name, &channel, notify, fx),
            Order::ChannelMuted {
                name,
                channel,
                muted,
            } => self.muted_elsewhere(&name, &channel, muted, fx),
            Order::Invite { name, channel, by } => {
                self.invited_here(&name, channel, by, now, fx);
            }
        }
    }

    /// Tells the connections of this server what has changed on others.
    /// `last` says whose it is to open the channels that nobody is in any more.
    fn notice(&mut self, noticed: Vec<Noticed>, last: LastWas, now: Now, fx: &mut Effects) {
        for noticed in noticed {
            match noticed {
                Noticed::Joined { name, channel } => {
                    if let Some(index) = self.channels.find(&channel) {
                        self.joined_elsewhere(index, &name);
                        if !self.user_is_in(&name, index) {
                            self.tell_joined(index, (&name, None), now, fx);
                        }
                    }
                }
                Noticed::Left {
                    name,
                    channel,
                    reason,
                } => {
                    if let Some(index) = self.channels.find(&channel) {
                        let is_told = self.was_expelled_elsewhere(&name, &channel);
                        if !is_told && !self.user_is_in(&name, index) {
                            self.tell_left(index, (&name, false), reason, now, fx);
                        }
                        self.left_elsewhere(index, &name, last, now, fx);
                    }
                }
                Noticed::Gone { name } => self.note_gone(&name, now, fx),
                Noticed::Called { name } => self.called_elsewhere(&name, now, fx),
                Noticed::Renamed { from, to, channels } => {
                    self.notice_renamed((&from, &to), &channels, now, fx);
                }
            }
        }
    }

    /// Tells the connections of this server that a guest of another one has another nickname, or
    /// has an account now.
    fn notice_renamed(
        &mut self,
        (from, to): (&Name, &Name),
        channels: &[Name],
        now: Now,
        fx: &mut Effects,
    ) {
        self.call_anew(to, false, now, fx);
        let is_called_alike = self.shown(to) == from;
        match is_called_alike && from != to {
            true => self.note_gone_quietly(from, now),
            false => self.note_gone(from, now, fx),
        }
        if from != to && !is_called_alike {
            self.tell_online(to, fx);
        }
        self.renamed_elsewhere(from, to, channels);
        let channels = channels.iter();
        let channels: Vec<usize> = channels
            .filter_map(|name| self.channels.find(name))
            .collect();
        if from.as_str() != to.as_str() {
            self.channels.tell_late_of_each(&channels, to, fx);
            self.tell_renamed(&channels, &[], (from, to), now, fx);
        }
        if self.remote_account(to).flatten().is_some() {
            self.tell_account_elsewhere(to, channels, fx);
        }
    }

    /// Makes a guest wait until the servers have agreed on the nickname it wants.
    pub(super) fn await_claim(&mut self, connection: ConnectionId, name: Name, fx: &mut Effects) {
        if let Some(connection) = self.connection_mut(connection) {
            connection.pending += 1;
        }
        fx.share(Shared::Claim { connection, name });
    }

    fn claimed(&mut self, id: ConnectionId, name: Name, free: bool, now: Now, fx: &mut Effects) {
        let wanted = !self.has_no_say(id, now, fx);
        let result = match free {
            true => self.check_free(&name, self.nickname_of(id).as_ref(), now),
            false => Err(Refusal::NicknameInUse(name.clone())),
        };
        let result = match result {
            Ok(()) if wanted => self.rename_now(id, name.clone(), now, fx),
            result => result,
        };
        let is_here = self.users.contains_key(name.key());
        if free && !is_here {
            // The guest is gone or got another answer: the name is free again.
            self.share_offline(&name, fx);
        }
        if let Err(refusal) = result
            && wanted
        {
            fx.tell(id, Event::Refused(refusal));
        }
        self.answered(id, now, fx);
    }

    /// Has the other servers close the connections with a token, because its
    /// owner has connected here.
    pub fn replace_elsewhere(&self, token: &str, fx: &mut Effects) {
        let order = || Order::Replace {
            token: token.into(),
        };
        self.share_order(order, fx);
    }

    pub(super) fn share_order(&self, order: impl FnOnce() -> Order, fx: &mut Effects) {
        if self.remote.is_some() {
            fx.share(Shared::Order(order()));
        }
    }

    pub(super) fn share_change(&self, change: impl FnOnce() -> RosterChange, fx: &mut Effects) {
        if self.remote.is_some() {
            fx.share(Shared::Roster(change()));
        }
    }

    pub(super) fn share_online(&self, name: &Name, account: Option<AccountId>, fx: &mut Effects) {
        let change = || RosterChange::Online {
            name: name.clone(),
            account,
            cloak: self.cloak_of(name),
        };
        self.share_change(change, fx);
    }

    pub(super) fn share_offline(&self, name: &Name, fx: &mut Effects) {
        self.share_change(|| RosterChange::Offline { name: name.clone() }, fx);
    }

    pub(super) fn share_joined(&self, name: &Name, channel: &Name, fx: &mut Effects) {
        let change = || RosterChange::Joined {
            name: name.clone(),
            channel: channel.clone(),
        };
        self.share_change(change, fx);
    }

    pub(super) fn share_left(
        &self,
        name: &Name,
        channel: &Name,
        reason: Option<Text>,
        fx: &mut Effects,
    ) {
        let change = || RosterChange::Left {
            name: name.clone(),
            channel: channel.clone(),
            reason,
        };
        self.share_change(change, fx);
    }

    pub(super) fn share_away(&self, name: &Name, text: Option<Text>, fx: &mut Effects) {
        let change = || RosterChange::Away {
            name: name.clone(),
            text,
        };
        self.share_change(change, fx);
    }

    pub(super) fn share_renamed(
        &self,
        (from, to): (&Name, &Name),
        account: Option<AccountId>,
        nickname: Option<Nickname>,
        fx: &mut Effects,
    ) {
        let change = || RosterChange::Renamed {
            from: from.clone(),
            to: to.clone(),
            account,
            nickname,
        };
        self.share_change(change, fx);
    }

    /// Tells the other servers that a guest's connection now belongs to a user who
    /// was already online here.
    pub(super) fn share_merged(
        &self,
        guest: &Name,
        name: &Name,
        channels: &[usize],
        fx: &mut Effects,
    ) {
        self.share_offline(guest, fx);
        for channel in channels.iter().filter_map(|&c| self.channels.get(c)) {
            self.share_joined(name, &channel.name, fx);
        }
    }

    /// Passes on a private message that is not stored, if its recipient or other
    /// connections of its sender are on other servers.
    pub(super) fn share_whisper(
        &self,
        message: &Private,
        from: Option<AccountId>,
        fx: &mut Effects,
    ) {
        if self.is_elsewhere(&message.to) || self.is_elsewhere(&message.from) {
            fx.share(Shared::Whisper {
                message: message.clone(),
                from,
            });
        }
    }

    /// How many users there are; a user on several servers counts once here and
    /// once for all others.
    pub(super) fn people(&self) -> usize {
        let remote = self.remote.as_ref();
        self.users.len() + remote.map_or(0, Remote::people)
    }

    pub(super) fn has_gone(&self) -> bool {
        self.remote.as_ref().is_some_and(Remote::has_gone)
    }

    pub(super) fn is_elsewhere(&self, name: &Name) -> bool {
        self.remote_person(name).is_some()
    }

    pub(super) fn remote_person(&self, name: &Name) -> Option<&Person> {
        self.remote.as_ref()?.person(name)
    }

    /// The account of a user on another server: `Some(None)` for a guest.
    pub(super) fn remote_account(&self, name: &Name) -> Option<Option<AccountId>> {
        Some(self.remote_person(name)?.account)
    }

    pub(super) fn remote_channel(&self, name: &Name) -> Option<Name> {
        self.remote.as_ref()?.channel(name).cloned()
    }

    pub(super) fn remote_members(&self, channel: &Name) -> usize {
        let remote = self.remote.as_ref();
        remote.map_or(0, |remote| remote.members(channel))
    }

    /// The members of a channel on other servers, each once.
    pub(super) fn remote_members_of<'a>(
        &'a self,
        channel: &'a Name,
    ) -> impl Iterator<Item = &'a Name> {
        let remote = self.remote.as_ref().into_iter();
        remote.flat_map(move |remote| remote.members_from(channel, Bound::Unbounded))
    }

    pub(super) fn is_remote_member(&self, name: &Name, channel: &Name) -> bool {
        let remote = self.remote.as_ref();
        remote.is_some_and(|remote| remote.is_member(name, channel))
    }
}
