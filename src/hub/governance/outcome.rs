//! Invitations, and what people are shown of a channel's rules.

use std::sync::Arc;

use crate::model::Name;
use crate::model::governance::{Person, Role};

use super::Act;
use super::view::{RulesView, founder};
use crate::hub::channel::ChannelIndex;
use crate::hub::{ConnectionId, Effects, Event, Hub, Now, Order, Refusal};

impl Hub {
    /// Tells a connection the rules of a channel.
    pub(in crate::hub) fn tell_rules(
        &self,
        id: ConnectionId,
        channel: Option<Name>,
        now: Now,
        fx: &mut Effects,
    ) -> Result<(), Refusal> {
        let index = self.channel_to_govern(id, channel, now)?;
        let (name, _) = self.user_of(id)?;
        let is_member = self.user_is_in(&name, index);
        let role = self.role_in(index, &name);
        let mut view = self.rules_of(index).ok_or(Refusal::NoChannel)?;
        view.role = role;
        if !is_member {
            view.rules.key = None;
            view.rules.grants.clear();
        }
        match role < Some(Role::Operator) {
            true => view.rules.links.clear(),
            false => (view.rules.links).retain(|link| link.holds_at(now.unix_ms)),
        }
        if !is_member && role < Some(Role::Operator) {
            view.rules.lists.clear();
        }
        fx.tell(id, Event::Rules(Arc::new(view)));
        Ok(())
    }

    /// Tells a connection the bans and the other lists of a channel, without their first
    /// `skipped` entries.
    pub(in crate::hub) fn tell_lists(
        &self,
        id: ConnectionId,
        (channel, skipped): (Option<Name>, usize),
        now: Now,
        fx: &mut Effects,
    ) -> Result<(), Refusal> {
        let index = self.channel_to_govern(id, channel, now)?;
        self.may(id, index, &Act::Operate, now)?;
        let mut view = self.rules_of(index).ok_or(Refusal::NoChannel)?;
        view.skip(skipped);
        fx.tell(id, Event::Lists(Arc::new(view)));
        Ok(())
    }

    /// All rules of a channel, as administrators see them.
    pub fn rules(&self, channel: &Name) -> Option<RulesView> {
        self.rules_of(self.channels.find(channel)?)
    }

    fn rules_of(&self, index: ChannelIndex) -> Option<RulesView> {
        let channel = self.channels.get(index)?;
        let rules = channel.governed.as_deref().map(|it| it.rules.clone());
        let rules = rules.unwrap_or_default();
        Some(RulesView {
            channel: channel.name.clone(),
            founder: founder(&rules),
            rules,
            role: None,
            skipped: 0,
        })
    }

    /// Lets a person who is online in, and tells both.
    pub(super) fn invite(
        &mut self,
        id: ConnectionId,
        index: ChannelIndex,
        who: Person,
        now: Now,
        fx: &mut Effects,
    ) -> Result<(), Refusal> {
        let (by, _) = self.user_of(id)?;
        let (name, is_on) = self.presence(who.name);
        if !is_on {
            return Err(Refusal::NoSuchUser(name));
        }
        let is_in = self.user_is_in(&name, index);
        let channel = self.channels.get_mut(index).ok_or(Refusal::NoChannel)?;
        let place = channel.name.clone();
        if is_in {
            return Err(Refusal::AlreadyOnChannel(name, place));
        }
        let governed = channel.governed.get_or_insert_default();
        if !governed.invite(name.key(), now.unix_ms) {
            return Err(Refusal::TooManyInvited(place));
        }
        let order = || Order::Invite {
            name: name.clone(),
            channel: place.clone(),
            by: by.clone(),
        };
        self.share_order(order, fx);
        self.tell_invited(&name, place.clone(), by, fx);
        fx.tell(
            id,
            Event::InviteSent {
                channel: place,
                to: name,
            },
        );
        Ok(())
    }

    /// Lets a user in who was invited on another server: the user may be on any.
    pub(in crate::hub) fn invited_here(
        &mut self,
        name: &Name,
        channel: Name,
        by: Name,
        now: Now,
        fx: &mut Effects,
    ) {
        // One that is not known here is open to everyone.
        let index = self.channels.find(&channel);
        if let Some(channel) = index.and_then(|index| self.channels.get_mut(index)) {
            let governed = channel.governed.get_or_insert_default();
            governed.invite(name.key(), now.unix_ms);
        }
        self.tell_invited(name, channel, by, fx);
    }

    /// Tells the connections that an invited user has here, unless the user ignores the
    /// one who invites.
    fn tell_invited(&self, name: &Name, channel: Name, by: Name, fx: &mut Effects) {
        let user = self.users.get(name.key());
        if !user.is_some_and(|user| user.ignores(&by, None)) {
            let invited = Event::Invited { channel, by };
            fx.tell_all(self.connections_of(name), invited);
        }
    }
}
