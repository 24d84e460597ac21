//! Joining and leaving channels.

use crate::model::{Entry, Kind, MessageId, Name, Text};

use super::away::check_reason;
use super::channel::{Channel, ChannelIndex, Heard, Membership};
use super::governance::LastWas;
use super::{Command, ConnectionId, Effects, Event, Hub, Now, Pass, Refusal};

impl Hub {
    /// Puts a new connection into its first channel, as [`Command::Join`] would, with
    /// what opens it. A refusal is returned instead of being told to the client.
    pub fn enter(
        &mut self,
        id: ConnectionId,
        name: Name,
        pass: Option<Pass>,
        now: Now,
        fx: &mut Effects,
    ) -> Result<(), Refusal> {
        if self.has_no_say(id, now, fx) {
            return Err(Refusal::NoChannel);
        }
        let join = Command::Join(name);
        let command = match pass {
            Some(pass) => Command::Opened {
                pass,
                command: Box::new(join),
            },
            None => join,
        };
        self.carry_out_noted(id, command, now, fx)
    }

    pub(super) fn join(
        &mut self,
        id: ConnectionId,
        name: Name,
        now: Now,
        fx: &mut Effects,
    ) -> Result<(), Refusal> {
        let index = self.come_in(id, name, now, fx)?;
        let mut recent = self.recent_for(id, index, now);
        self.show_reader(id, &mut recent);
        let Some(channel) = self.channels.get(index) else {
            return Ok(());
        };
        if !recent.is_empty() {
            let event = Event::History {
                channel: channel.name.clone(),
                messages: recent,
                complete: true,
                asked: false,
                now_ms: now.unix_ms,
            };
            fx.tell(id, event);
        }
        Ok(())
    }

    /// Makes a connection a member, without showing it the channel's past.
    pub(super) fn come_in(
        &mut self,
        id: ConnectionId,
        name: Name,
        now: Now,
        fx: &mut Effects,
    ) -> Result<ChannelIndex, Refusal> {
        let connection = self.connection(id).ok_or(Refusal::NoChannel)?;
        let Some(nickname) = connection.nickname.clone() else {
            return Err(Refusal::NoChannel);
        };
        let one_channel = connection.profile.one_channel;
        let keeps_roster = connection.profile.keeps_rosters;
        if let Some(index) = self.channels.find(&name)
            && self.position(id, index).is_some()
        {
            return Err(Refusal::AlreadyInChannel(name));
        }
        self.check_channels(id, 0)?;
        self.check_joining(id, &name, now)?;
        let before = self.current_channel(id).filter(|_| one_channel);
        self.check_making(id, &name, before, now)?;
        self.tell_departures_of(&nickname, now, fx);
        if let Some(before) = before {
            self.leave_channel(id, before, now, fx);
        }
        let existed = self.channels.find(&name).is_some_and(|index| {
            let channel = self.channels.get(index);
            channel.is_some_and(|channel| channel.past.is_known() || !channel.members.is_empty())
        });
        let index = self.channel_to_join(id, name, now);
        let user_was_here = self.user_is_in(&nickname, index);
        let user = self.users.listed(&nickname);
        let since = self.newest_in(index);
        let membership = self.channels.add(index, (id, &user), since);
        if let Some(connection) = self.connection_mut(id) {
            connection.memberships.push(membership);
        }
        let channel = self.channels.get_mut(index).ok_or(Refusal::NoChannel)?;
        channel.since_ms.get_or_insert(now.unix_ms);
        let channel = self.channels.get(index).ok_or(Refusal::NoChannel)?;
        let channel_name = channel.name.clone();
        let others = self.others_in(&channel_name, &nickname);
        fx.log(Entry {
            nick: Some(nickname.shown()),
            channel: Some(channel_name.shown()),
            ..Entry::new(now.unix_ms, Kind::Join)
        });
        let joined = Event::Joined {
            channel: channel_name.clone(),
            others,
            topic: channel.topic().cloned().map(Box::new),
        };
        fx.shown_as(self.face_of(&nickname), |fx| fx.tell(id, joined));
        if keeps_roster {
            // Afterwards the client would take its leaving before for one from where it is now.
            self.tell_late_of(index, &nickname, fx);
            self.channels.keeps_roster(index, id);
        }
        self.has_joined(id, index, &nickname, now, fx);
        self.keep_channel(id, &channel_name, fx);
        if !existed && !self.past_is_awaited(index) {
            self.recall_past(&channel_name, fx);
            if !self.limits.history {
                // Nothing from before is kept, so it is new.
                self.begin_governing(index, now, fx);
            }
        }
        let is_behind = self.remote.is_some();
        if self.past_is_awaited(index)
            && let Some(connection) = self.connection_mut(id)
        {
            connection.pending += 1;
            if let Some(membership) = connection.memberships.last_mut()
                && is_behind
            {
                // What was said on other servers may not be known here yet.
                membership.since = MessageId::LAST;
            }
        }
        if !user_was_here {
            self.share_joined(&nickname, &channel_name, fx);
            self.rejoined_role(index, &nickname, fx);
            if !self.is_remote_member(&nickname, &channel_name) {
                self.tell_coming(id, index, &nickname, now, fx);
            }
        }
        self.tell_properties_in(id, index, &nickname, fx);
        if keeps_roster {
            self.give_roster(id, index, channel_name, fx);
        }
        Ok(index)
    }

    pub(super) fn switch(
        &mut self,
        id: ConnectionId,
        name: Name,
        now: Now,
        fx: &mut Effects,
    ) -> Result<(), Refusal> {
        let Some(index) = self.channels.find(&name) else {
            return match self.remote_channel(&name) {
                Some(name) => self.go_to(id, name, now, fx),
                None => Err(Refusal::NoSuchChannel(name)),
            };
        };
        let Some(place) = self.position(id, index) else {
            return match self.is_shut(id, index, now) {
                // It is not told apart from one that is not there.
                true => Err(Refusal::NoSuchChannel(name)),
                false => self.go_to(id, name, now, fx),
            };
        };
        if let Some(connection) = self.connection_mut(id) {
            // The last membership is the current channel.
            let membership = connection.memberships.remove(place);
            connection.memberships.push(membership);
        }
        let nickname = self.nickname_of(id).ok_or(Refusal::NoChannel)?;
        if let Some(channel) = self.channels.get(index) {
            let event = Event::Joined {
                channel: channel.name.clone(),
                others: self.others_in(&channel.name, &nickname),
                topic: channel.topic().cloned().map(Box::new),
            };
            fx.tell(id, event);
        }
        Ok(())
    }

    pub(super) fn create(
        &mut self,
        id: ConnectionId,
        name: Name,
        now: Now,
        fx: &mut Effects,
    ) -> Result<(), Refusal> {
        let exists = self.channels.find(&name).is_some() || self.remote_channel(&name).is_some();
        if exists && self.may_see(id, &name, now) {
            return Err(Refusal::ChannelExists(name));
        }
        if exists {
            self.check_guesses(id, now)?;
            return Err(Refusal::ChannelNameTaken(name));
        }
        self.go_to(id, name, now, fx)
    }

    /// Leaves the current channel for another.
    fn go_to(
        &mut self,
        id: ConnectionId,
        name: Name,
        now: Now,
        fx: &mut Effects,
    ) -> Result<(), Refusal> {
        if let Some(current) = self.current_channel(id) {
            // Checked before leaving: if a limit was lowered, the connection would
            // otherwise end up in neither channel.
            self.check_channels(id, 1)?;
            self.check_joining(id, &name, now)?;
            self.check_making(id, &name, Some(current), now)?;
            self.leave_channel(id, current, now, fx);
        }
        self.join(id, name, now, fx)
    }

    /// The channel of this name. It is created here if there is none, and counts
    /// for its maker only if there is none on another server either.
    fn channel_to_join(&mut self, id: ConnectionId, name: Name, now: Now) -> ChannelIndex {
        if let Some(index) = self.channels.find(&name) {
            return index;
        }
        let elsewhere = self.remote_channel(&name);
        let maker = self.maker(id).filter(|_| elsewhere.is_none());
        if let Some(maker) = maker {
            self.channels.makers.made(maker, &self.limits, now);
        }
        self.channels
            .get_or_create(elsewhere.unwrap_or(name), maker)
    }

    /// The name of the given channel, or of the current one, if the connection is
    /// a member.
    pub fn own_channel(&self, id: ConnectionId, channel: Option<Name>) -> Result<Name, Refusal> {
        let index = self.channel_of(id, channel)?;
        let channel = self.channels.get(index).ok_or(Refusal::NoChannel)?;
        Ok(channel.name.clone())
    }

    pub(super) fn leave(
        &mut self,
        id: ConnectionId,
        channel: Option<Name>,
        reason: Option<Text>,
        now: Now,
        fx: &mut Effects,
    ) -> Result<(), Refusal> {
        check_reason(reason.as_ref())?;
        let index = self.channel_of(id, channel)?;
        if let Some(channel) = self.channels.get(index) {
            let channel = channel.name.clone();
            self.let_go_of_channel(id, &channel, fx);
        }
        self.part(id, index, reason, now, fx);
        Ok(())
    }

    /// Takes a connection out of a channel, and tells it so. The channel stays one of its
    /// account's.
    pub(super) fn part(
        &mut self,
        id: ConnectionId,
        index: ChannelIndex,
        reason: Option<Text>,
        now: Now,
        fx: &mut Effects,
    ) {
        if let Some(channel) = self.channels.get(index) {
            let channel = channel.name.clone();
            let face = self.nickname_of(id).and_then(|name| self.face_of(&name));
            let reason = reason.clone();
            fx.shown_as(face, |fx| fx.tell(id, Event::Left { channel, reason }));
        }
        let parting = |hub: &mut Hub, reason| {
            if let Some(connection) = hub.connection_mut(id) {
                connection.parting = reason;
            }
        };
        parting(self, reason);
        self.leave_channel(id, index, now, fx);
        parting(self, None);
    }

    /// Takes a connection out of a channel and tells the remaining members.
    pub(super) fn leave_channel(
        &mut self,
        id: ConnectionId,
        index: ChannelIndex,
        now: Now,
        fx: &mut Effects,
    ) {
        self.take_out(id, index, true, now, fx);
    }

    /// Takes a connection out of a channel whose members are told in other words.
    pub(super) fn leave_silently(
        &mut self,
        id: ConnectionId,
        index: ChannelIndex,
        now: Now,
        fx: &mut Effects,
    ) {
        self.take_out(id, index, false, now, fx);
    }

    fn take_out(
        &mut self,
        id: ConnectionId,
        index: ChannelIndex,
        is_told: bool,
        now: Now,
        fx: &mut Effects,
    ) {
        let Some(place) = self.position(id, index) else {
            return;
        };
        if self.past_is_awaited(index) {
            // It will not be shown to this connection, which has waited for it.
            self.all_answered(&[id]);
        }
        let Some(connection) = self.connection_mut(id) else {
            return;
        };
        let membership = connection.memberships.remove(place);
        let nickname = connection.nickname.clone();
        let reason = connection.parting.clone();
        let is_going = connection.is_going;
        let has_quit = is_going && self.quits_with(id);
        let channel = self.channels.get(index).map(|channel| channel.name.clone());
        if let Some(channel) = &channel {
            self.read_all(id, channel, fx);
        }
        let user = nickname.as_ref().map(|name| self.users.listed(name));
        if let Some(moved) = self.channels.remove(membership, user.as_ref())
            && let Some(place) = self.position(moved, index)
            && let Some(moved) = self.connection_mut(moved)
            && let Some(theirs) = moved.memberships.get_mut(place)
        {
            theirs.position = membership.position;
        }
        let Some(nickname) = nickname else {
            return;
        };
        let entry = Entry {
            nick: Some(nickname.shown()),
            channel: channel.as_ref().map(Name::shown),
            ..Entry::new(now.unix_ms, Kind::Leave)
        };
        self.log_departure(id, entry, fx);
        if let Some(channel) = channel
            && !self.user_is_in(&nickname, index)
        {
            if !self.is_remote_member(&nickname, &channel) {
                self.forget_role(index, &channel, &nickname);
            }
            self.share_left(&nickname, &channel, reason.clone(), fx);
            if is_told
                && !self.is_remote_member(&nickname, &channel)
                && !self.puts_off_leaving(id, &nickname, index, &reason)
            {
                self.tell_left(index, (&nickname, has_quit), reason, now, fx);
            }
            if self
                .channels
                .get(index)
                .is_some_and(|it| it.name == channel)
            {
                if self.remote.is_some() {
                    self.channels.forget_past(index);
                    self.settle_abandoned(now, fx);
                }
                self.vacated(index, LastWas::Ours, now, fx);
            }
        }
    }

    /// The last message that may have been said in a channel so far. If the shared log
    /// gives out the ids, it is the last one that the members here were told, or that was
    /// there when they came.
    fn newest_in(&self, index: ChannelIndex) -> MessageId {
        let channel = self.channels.get(index).filter(|_| self.remote.is_some());
        let Some(channel) = channel else {
            return self.last_id;
        };
        let first = channel.members.first().copied();
        let first = first.and_then(|id| self.member_since(id, index));
        let told = channel.past.newest();
        told.or(first).unwrap_or_default()
    }

    /// After which message a connection became a member of a channel.
    pub(super) fn member_since(&self, id: ConnectionId, index: ChannelIndex) -> Option<MessageId> {
        let place = self.position(id, index)?;
        let membership = self.connection(id)?.memberships.get(place)?;
        Some(membership.since)
    }

    /// Notes what the last message was when the members of a channel joined that was not
    /// known here then.
    pub(super) fn joined_after(&mut self, index: ChannelIndex, newest: MessageId) {
        let channel = self.channels.get(index);
        let members = channel.map(|it| it.members.clone()).unwrap_or_default();
        for id in members {
            let place = self.position(id, index);
            let connection = self.connection_mut(id);
            let membership =
                connection.and_then(|connection| connection.memberships.get_mut(place?));
            if let Some(membership) = membership
                && membership.since == MessageId::LAST
            {
                membership.since = newest;
            }
        }
    }

    /// What was found when a connection last spoke in a channel.
    pub(super) fn heard(&self, id: ConnectionId, index: ChannelIndex) -> Option<Heard> {
        let place = self.position(id, index)?;
        self.connection(id)?.memberships.get(place)?.heard
    }

    /// The membership of a connection in a channel.
    pub(super) fn membership_mut(
        &mut self,
        id: ConnectionId,
        index: ChannelIndex,
    ) -> Option<&mut Membership> {
        let place = self.position(id, index)?;
        self.connection_mut(id)?.memberships.get_mut(place)
    }

    fn past_is_awaited(&self, index: ChannelIndex) -> bool {
        let channel = self.channels.get(index);
        channel.is_some_and(|channel| channel.past.is_awaited())
    }

    /// The given channel, or the current one, if the connection is a member.
    pub(super) fn channel_of(
        &self,
        id: ConnectionId,
        channel: Option<Name>,
    ) -> Result<ChannelIndex, Refusal> {
        match channel {
            None => self.current_channel(id).ok_or(Refusal::NoChannel),
            Some(name) => match self.channels.find(&name) {
                Some(index) if self.position(id, index).is_some() => Ok(index),
                _ => Err(Refusal::NotInChannel(name)),
            },
        }
    }

    /// The channel joined last.
    pub(super) fn current_channel(&self, id: ConnectionId) -> Option<ChannelIndex> {
        let last = self.connection(id)?.memberships.last()?;
        Some(last.channel)
    }

    /// The position of a channel among a connection's memberships.
    fn position(&self, id: ConnectionId, index: ChannelIndex) -> Option<usize> {
        let memberships = &self.connection(id)?.memberships;
        // It is mostly the current channel, which is the last.
        memberships.iter().rposition(|m| m.channel == index)
    }

    /// Whether a connection is in a channel.
    pub(super) fn is_member(&self, id: ConnectionId, index: ChannelIndex) -> bool {
        self.position(id, index).is_some()
    }

    /// How many people are in a channel. A user of several servers counts once for each.
    pub(super) fn people_of(&self, name: &Name) -> usize {
        let index = self.channels.find(name);
        let here = index.and_then(|index| self.channels.get(index));
        here.map_or(0, Channel::people_count) + self.remote_members(name)
    }

    /// How many people are in a channel besides a user who is in it.
    fn others_in(&self, channel: &Name, user: &Name) -> usize {
        let is_elsewhere = self.is_remote_member(user, channel);
        self.people_of(channel)
            .saturating_sub(1 + usize::from(is_elsewhere))
    }

    /// Whether any connection of the user is in the channel.
    pub(super) fn user_is_in(&self, nickname: &Name, index: ChannelIndex) -> bool {
        let channel = self.channels.get(index);
        channel.is_some_and(|channel| channel.has(&self.users.listed(nickname)))
    }
}
