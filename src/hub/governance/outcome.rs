//! Invitations, and what people are shown of a channel's rules.

use std::sync::Arc;

use crate::model::Name;
use crate::model::governance::{List, Person, Role, Rules};

use super::Act;
use super::view::{RulesView, founder};
use crate::hub::channel::ChannelIndex;
use crate::hub::{ConnectionId, Effects, Event, Hub, Now, Order, Refusal, RosterNews};

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
        let view = self.view_of(index, |rules| {
            let mut shown = rules.in_brief();
            if role >= Some(Role::Operator) {
                let links = rules.links.iter();
                let links = links.filter(|link| link.holds_at(now.unix_ms));
                shown.links = links.cloned().collect();
            }
            match is_member {
                // Of the accounts only those that have a role are shown.
                true => {
                    let grants = rules.grants.iter().filter(|(_, it)| it.role.is_some());
                    shown.grants = grants.map(|(&id, it)| (id, it.clone())).collect();
                }
                false => shown.key = None,
            }
            shown
        });
        let mut view = view.ok_or(Refusal::NoChannel)?;
        view.role = role;
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
        let view = self.view_of(index, |rules| Rules {
            lists: rules.lists.clone(),
            ..rules.in_brief()
        });
        let mut view = view.ok_or(Refusal::NoChannel)?;
        view.skip(skipped);
        fx.tell(id, Event::Lists(Arc::new(view)));
        Ok(())
    }

    /// Tells a connection the bans and mutes of a channel: members may know them.
    pub(in crate::hub) fn tell_bans(
        &self,
        id: ConnectionId,
        channel: Option<Name>,
        now: Now,
        fx: &mut Effects,
    ) -> Result<(), Refusal> {
        let index = self.channel_to_govern(id, channel, now)?;
        self.may(id, index, &Act::SeeBans, now)?;
        let view = self.view_of(index, |rules| {
            let bans = [List::Ban, List::Mute].into_iter();
            let bans = bans.filter_map(|list| Some((list, rules.lists.get(&list)?.clone())));
            Rules {
                lists: bans.collect(),
                ..rules.in_brief()
            }
        });
        let view = view.ok_or(Refusal::NoChannel)?;
        fx.tell(id, Event::Lists(Arc::new(view)));
        Ok(())
    }

    /// All rules of a channel, as administrators see them.
    pub fn rules(&self, channel: &Name) -> Option<RulesView> {
        self.view_of(self.channels.find(channel)?, Rules::clone)
    }

    /// What `shown` copies of the rules of a channel.
    fn view_of(
        &self,
        index: ChannelIndex,
        shown: impl FnOnce(&Rules) -> Rules,
    ) -> Option<RulesView> {
        let channel = self.channels.get(index)?;
        let open = Rules::default();
        let governed = channel.governed.as_deref();
        let rules = governed.map_or(&open, |governed| &governed.rules);
        let registered = rules.registered.as_ref().map(|it| it.since_ms);
        Some(RulesView {
            since_ms: registered.or(channel.since_ms),
            channel: channel.name.clone(),
            founder: founder(rules),
            rules: shown(rules),
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
        let opens = self.may(id, index, &Act::Operate, now).is_ok();
        let channel = self.channels.get_mut(index).ok_or(Refusal::NoChannel)?;
        let place = channel.name.clone();
        if is_in {
            return Err(Refusal::AlreadyOnChannel(name, place));
        }
        // One by an ordinary member opens nothing, now or later.
        if opens && !(channel.governed.get_or_insert_default()).invite(name.key(), now.unix_ms) {
            return Err(Refusal::TooManyInvited(place));
        }
        let order = || Order::Invite {
            name: name.clone(),
            channel: place.clone(),
            by: by.clone(),
        };
        self.share_order(order, fx);
        let news = RosterNews::Invited {
            channel: place.clone(),
            nickname: by.clone(),
            who: name.clone(),
        };
        self.tell_observers([index], &[id], self.face_of(&by), news, fx);
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

    /// The channels to which the user of a connection was invited since coming online, and
    /// in which the user is not.
    pub fn invitations_of(&self, id: ConnectionId) -> Vec<Name> {
        let Ok((name, user)) = self.user_of(id) else {
            return Vec::new();
        };
        // Whether they are still there is not told: they may be secret.
        let invited = user.invited_to().filter(|channel| {
            let index = self.channels.find(channel);
            !index.is_some_and(|index| self.user_is_in(&name, index))
        });
        invited.cloned().collect()
    }

    /// Tells the connections that an invited user has here, unless the user ignores the
    /// one who invites.
    fn tell_invited(&mut self, name: &Name, channel: Name, by: Name, fx: &mut Effects) {
        let user = self.users.get_mut(name.key());
        if !user.as_ref().is_some_and(|user| user.ignores(&by, None)) {
            if let Some(user) = user {
                user.was_invited(&channel);
            }
            let face_by = by.clone();
            let invited = Event::Invited { channel, by };
            let face = self.face_of(&face_by);
            fx.shown_as(face, |fx| fx.tell_all(self.connections_of(name), invited));
        }
    }
}
