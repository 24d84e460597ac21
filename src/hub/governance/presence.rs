//! What joining, speaking and leaving mean for the roles in a channel.

use crate::model::Name;
use crate::model::governance::{By, Change, Cloak, Flag, Flags, Person, Role, Visibility};

use super::{Act, Governed, Pass};
use crate::hub::channel::ChannelIndex;
use crate::hub::past::RECALLED;
use crate::hub::{Command, ConnectionId, Effects, Event, GLOBAL, Hub, Message, Now, Refusal};

impl Hub {
    /// Carries out a command that joins a channel, with what opens it.
    pub(in crate::hub) fn open_with(
        &mut self,
        id: ConnectionId,
        pass: Pass,
        command: Command,
        now: Now,
        fx: &mut Effects,
    ) -> Result<(), Refusal> {
        let set = |hub: &mut Hub, pass| {
            if let Some(connection) = hub.connection_mut(id) {
                connection.pass = pass;
            }
        };
        if matches!(pass, Pass::Key(_)) {
            self.check_guesses(id, now)?;
        }
        set(self, Some(pass));
        let result = self.carry_out(id, command, now, fx);
        set(self, None);
        result
    }

    /// Tells a connection the topic of a channel.
    pub(in crate::hub) fn tell_topic(
        &self,
        id: ConnectionId,
        channel: Option<Name>,
        now: Now,
        fx: &mut Effects,
    ) -> Result<(), Refusal> {
        let index = self.channel_to_govern(id, channel, now)?;
        let channel = self.channels.get(index).ok_or(Refusal::NoChannel)?;
        let event = Event::Topic {
            channel: channel.name.clone(),
            topic: channel.topic().cloned().map(Box::new),
        };
        fx.tell(id, event);
        Ok(())
    }

    /// What stands for the address of a user who is online.
    pub(in crate::hub) fn cloak_of(&self, name: &Name) -> Option<Cloak> {
        let Some(user) = self.users.get(name.key()) else {
            return self.remote_person(name)?.cloak.clone();
        };
        let &first = user.connections().first()?;
        self.connection(first)?.profile.cloak.clone()
    }

    /// Notes that a user has spoken, for slow mode.
    pub(in crate::hub) fn has_spoken(&mut self, id: ConnectionId, index: ChannelIndex, now: Now) {
        let Some(name) = self.nickname_of(id) else {
            return;
        };
        let channel = self.channels.get_mut(index);
        if let Some(governed) = channel.and_then(|channel| channel.governed.as_deref_mut()) {
            governed.has_spoken(name.key(), now.ticks_ms);
        }
    }

    /// Takes note of a new member: uses up the invitation, and makes an account one of
    /// those that belong to the channel.
    pub(in crate::hub) fn has_joined(
        &mut self,
        id: ConnectionId,
        index: ChannelIndex,
        name: &Name,
        now: Now,
        fx: &mut Effects,
    ) {
        let account = self.account_of(id);
        let pass = self.connection(id).and_then(|it| it.pass.clone());
        let Some(channel) = self.channels.get_mut(index) else {
            return;
        };
        let place = channel.name.clone();
        let Some(governed) = channel.governed.as_deref_mut() else {
            return;
        };
        governed.take_pass(name.key());
        let rules = &governed.rules;
        let mut changes = Vec::new();
        let mut used = None;
        if let Some(Pass::Link(hash)) = pass
            && rules
                .links
                .iter()
                .any(|link| link.hash == hash && link.uses.is_some())
        {
            used = Some(hash.clone());
            changes.push(Change::UseLink(hash));
        }
        let is_private = rules.has(Flag::InviteOnly) || rules.history == Visibility::Since;
        let person = Person {
            name: name.clone(),
            account,
        };
        if let Some(account) = account
            && rules.registered.is_some()
            && is_private
            && !rules.has_member(account)
        {
            changes.push(Change::Member(person.clone()));
        }
        if let Some(hash) = used {
            governed.uses_link(&hash);
        }
        let role = governed.role(name, account);
        changes.extend(self.visit(index, &person, now));
        if role.is_some() {
            let channel = place;
            fx.tell(id, Event::Role { channel, role });
        }
        if !changes.is_empty() {
            let by = By::User(person);
            // Nothing depends on it that could be refused.
            let _ = self.draft_change(index, by, changes, None, now, fx);
        }
    }

    /// Forgets what a user was in a channel that they have left.
    pub(in crate::hub) fn forget_role(&mut self, index: ChannelIndex, channel: &Name, name: &Name) {
        let here = self.channels.get_mut(index);
        let here = here.filter(|it| it.name == *channel);
        if let Some(governed) = here.and_then(|it| it.governed.as_deref_mut()) {
            governed.user_left(name.key());
        }
    }

    /// Whether nothing was said in a channel before its members came, as far as it is still
    /// shown. What they say while its past is being read may be in it.
    pub(in crate::hub) fn is_new(&self, index: ChannelIndex, past: &[Message]) -> bool {
        let Some(channel) = self.channels.get(index) else {
            return false;
        };
        let governed = channel.governed.as_deref();
        let floor = governed.map(Governed::floor).unwrap_or_default();
        let asked_after = channel.past.asked_after();
        let is_since =
            |message: &Message| message.id > asked_after && self.user_is_in(&message.author, index);
        past.len() < RECALLED
            && past
                .iter()
                .all(|message| message.id <= floor || is_since(message))
    }

    /// Makes the first member of a channel that is new its operator, unless it has rules.
    pub(in crate::hub) fn begin_governing(
        &mut self,
        index: ChannelIndex,
        now: Now,
        fx: &mut Effects,
    ) {
        let Some(channel) = self.channels.get(index) else {
            return;
        };
        let governed = channel.governed.as_deref();
        let is_free = governed.is_none_or(|it| it.rules.is_open() && !it.has_operator());
        let is_alone = self.remote_members(&channel.name) == 0;
        let Some(&first) = channel.members.first() else {
            return;
        };
        if !is_free || !is_alone || channel.name.as_str() == GLOBAL || !self.can_govern() {
            return;
        }
        let Ok((name, user)) = self.user_of(first) else {
            return;
        };
        let person = Person {
            account: user.account,
            name: name.clone(),
        };
        if self.remote.is_some() {
            let changes = vec![Change::Created(person.clone())];
            let _ = self.draft_change(index, By::User(person), changes, None, now, fx);
            self.begin_with_rules(index, now, fx);
            return;
        }
        let Some(channel) = self.channels.get_mut(index) else {
            return;
        };
        let governed = channel.governed.get_or_insert_default();
        governed.set_present_role(name.key(), Some(Role::Operator));
        let event = Event::Role {
            channel: channel.name.clone(),
            role: Some(Role::Operator),
        };
        fx.tell(first, event);
        self.begin_with_rules(index, now, fx);
    }

    /// Has the rules made that new channels begin with on this server.
    fn begin_with_rules(&mut self, index: ChannelIndex, now: Now, fx: &mut Effects) {
        let rules = self.limits.channel_terms.default_rules;
        let beyond = rules.beyond(Flags::default());
        let changes: Vec<Change> = beyond.map(|(flag, on)| Change::Flag(flag, on)).collect();
        if let (false, Ok(server)) = (changes.is_empty(), Name::restore("system")) {
            // Without them the channel is as any other one.
            let _ = self.draft_change(index, By::Server(server), changes, None, now, fx);
        }
    }

    /// Whether the user of a connection is to be told that a channel exists.
    pub(in crate::hub) fn may_see(&self, id: ConnectionId, name: &Name, now: Now) -> bool {
        let Some(index) = self.channels.find(name) else {
            return true;
        };
        // Asked first: a client without a nickname may see what is open, too.
        let channel = self.channels.get(index);
        let is_public = channel.is_none_or(|channel| !channel.is_secret());
        is_public || self.may(id, index, &Act::See, now).is_ok()
    }
}
