//! Taking members out of a channel: a bounded number at once, so that other
//! connections need not wait, and the rest as deferred work. From the moment of the
//! change on, none of them is told anything of the channel, and whatever they want is
//! decided without them: who asks for something is taken out first.

use std::collections::{BTreeMap, VecDeque};
use std::ops::Bound;
use std::sync::Arc;

use crate::model::governance::{By, Change, ChannelChange, List, Mask, Masked, Person, Role};
use crate::model::{Name, Text};

use super::{Act, Expulsion, Governed, LastWas};
use crate::hub::channel::ChannelIndex;
use crate::hub::{ConnectionId, Effects, Hub, Now, Refusal, RosterNews};

/// Who takes someone out by no one's order.
const SERVER: &str = "system";

/// A member of a channel on other servers.
struct Elsewhere {
    channel: Name,
    name: Name,
    last: LastWas,
}

/// What is still to be done, in all channels.
#[derive(Default)]
pub(in crate::hub) struct Expulsions {
    /// Members of channels here, who may have left meanwhile.
    here: VecDeque<(ChannelIndex, ConnectionId)>,
    /// Members on other servers, which take them out themselves: the channel and the
    /// user, by their keys.
    elsewhere: BTreeMap<(Arc<str>, Arc<str>), Elsewhere>,
}

impl Expulsions {
    /// Whether there is nothing to do.
    pub fn is_empty(&self) -> bool {
        self.here.is_empty() && self.elsewhere.is_empty()
    }

    /// How many wait.
    pub fn len(&self) -> usize {
        self.here.len() + self.elsewhere.len()
    }
}

impl Hub {
    /// Takes out of a channel the members that a change removes or bans: as many as one piece
    /// of work allows now, and the rest later.
    pub(super) fn expel(
        &mut self,
        index: ChannelIndex,
        change: &ChannelChange,
        last: LastWas,
        now: Now,
        fx: &mut Effects,
    ) {
        let mut budget = self.limits.piece;
        for one in &change.changes {
            let (here, elsewhere, reason) = match one {
                Change::Kick { who, reason } => (
                    self.connections_of(&who.name),
                    vec![who.name.clone()],
                    reason,
                ),
                Change::Add(List::Ban, mask, bound) => {
                    let elsewhere = self.members_elsewhere_under(index, mask, now);
                    (
                        self.members_under(index, mask, now),
                        elsewhere,
                        &bound.reason,
                    )
                }
                _ => {
                    self.expel_exposed(index, (change, one), &mut budget, now, fx);
                    continue;
                }
            };
            let expulsion = Arc::new(Expulsion {
                channel: change.channel.clone(),
                by: change.by.clone(),
                reason: reason.clone(),
                is_told: false,
            });
            for id in here {
                self.expel_member(id, index, &expulsion, &mut budget, now, fx);
            }
            if let Some(who) = self.removed_by(index, one, now) {
                self.let_go_of_kicked(&change.channel, &who, fx);
            }
            for name in elsewhere {
                self.expel_elsewhere(name, index, last, &mut budget);
            }
        }
    }

    /// The one person that a change removes or bans, online or not.
    fn removed_by(&self, index: ChannelIndex, change: &Change, now: Now) -> Option<Person> {
        let (account, name) = match change {
            Change::Kick { who, .. } => return Some(who.clone()),
            Change::Add(List::Ban, Mask::Account(account, name), _) => (Some(*account), name),
            _ => return None,
        };
        let governed = self.channels.get(index)?.governed.as_deref()?;
        let person = Masked::new(name, std::iter::empty(), account, None);
        let gives_way = governed.gives_way(name, &person, now);
        gives_way.then(|| Person {
            name: name.clone(),
            account,
        })
    }

    /// Takes out members that an older ban matches and that a change exposes to it:
    /// they lose an exception, or are no operator any more. Each server does so with its
    /// own members.
    fn expel_exposed(
        &mut self,
        index: ChannelIndex,
        (change, one): (&ChannelChange, &Change),
        budget: &mut usize,
        now: Now,
        fx: &mut Effects,
    ) {
        let exposed = match one {
            Change::Remove(List::Except, mask) => self.members_under(index, mask, now),
            Change::Role { who, .. } | Change::Transfer(who) => self.connections_of(&who.name),
            _ => return,
        };
        for id in exposed {
            let Some(reason) = self.banned_for(id, index, now) else {
                continue;
            };
            let expulsion = Expulsion {
                channel: change.channel.clone(),
                by: change.by.clone(),
                reason,
                is_told: true,
            };
            self.expel_member(id, index, &Arc::new(expulsion), budget, now, fx);
        }
    }

    /// The reason of the ban that keeps a member out, if one does.
    fn banned_for(&self, id: ConnectionId, index: ChannelIndex, now: Now) -> Option<Option<Text>> {
        let governed = self.channels.get(index)?.governed.as_deref()?;
        let name = self.connection(id)?.nickname.as_ref()?;
        let person = self.masked(id, name);
        let ban = governed.rules.listed(List::Ban, &person, now.unix_ms)?;
        let gives_way = governed.gives_way(name, &person, now);
        gives_way.then(|| ban.reason.clone())
    }

    /// Takes a member out if the budget allows it, and otherwise notes that it is to be
    /// taken out.
    fn expel_member(
        &mut self,
        id: ConnectionId,
        index: ChannelIndex,
        expulsion: &Arc<Expulsion>,
        budget: &mut usize,
        now: Now,
        fx: &mut Effects,
    ) {
        if !self.is_member(id, index) {
            return;
        }
        if *budget > 0 {
            *budget -= 1;
            return self.remove_member(id, index, expulsion, now, fx);
        }
        let Some(channel) = self.channels.get_mut(index) else {
            return;
        };
        channel.catching_up.remove(id);
        if channel.expelled.insert(id, expulsion) {
            self.expulsions.here.push_back((index, id));
        }
    }

    /// The same for a member on other servers, which do it too: that the member has left
    /// is not told once more.
    fn expel_elsewhere(
        &mut self,
        name: Name,
        index: ChannelIndex,
        last: LastWas,
        budget: &mut usize,
    ) {
        let Some(channel) = self.channels.get(index) else {
            return;
        };
        let channel = channel.name.clone();
        if !self.is_remote_member(&name, &channel) {
            return;
        }
        if *budget > 0 {
            *budget -= 1;
            self.remove_elsewhere(&name, &channel);
        } else {
            let key = (channel.key().clone(), name.key().clone());
            let elsewhere = Elsewhere {
                channel,
                name,
                last,
            };
            self.expulsions.elsewhere.insert(key, elsewhere);
        }
    }

    /// Takes some of those out who are still to be taken out. Returns whether there were
    /// any.
    pub(in crate::hub) fn expel_some(&mut self, now: Now, fx: &mut Effects) -> bool {
        let had_any = !self.expulsions.is_empty();
        for _ in 0..self.limits.piece.max(1) {
            if let Some((index, id)) = self.expulsions.here.pop_front() {
                self.finish_expelling(id, index, now, fx);
            } else if let Some((_, gone)) = self.expulsions.elsewhere.pop_first() {
                self.remove_elsewhere(&gone.name, &gone.channel);
                if let Some(index) = self.channels.find(&gone.channel) {
                    self.vacated(index, gone.last, now, fx);
                }
            } else {
                break;
            }
        }
        had_any
    }

    /// Takes a connection that wants something out of the channels in which it is still
    /// to be taken out.
    pub(in crate::hub) fn leave_expelled(&mut self, id: ConnectionId, now: Now, fx: &mut Effects) {
        if self.expulsions.here.is_empty() {
            return;
        }
        let memberships = self.connection(id).map(|it| it.memberships.as_slice());
        let channels = memberships.unwrap_or_default().iter().map(|it| it.channel);
        let is_expelled = |&index: &ChannelIndex| {
            let channel = self.channels.get(index);
            channel.is_some_and(|channel| channel.expelled.contains(id))
        };
        for index in channels.filter(is_expelled).collect::<Vec<_>>() {
            self.finish_expelling(id, index, now, fx);
        }
    }

    /// Whether it is known already that a user of other servers has to leave a channel.
    /// If so, it is not waited for any longer.
    pub(in crate::hub) fn was_expelled_elsewhere(&mut self, name: &Name, channel: &Name) -> bool {
        if self.expulsions.elsewhere.is_empty() {
            return false;
        }
        let key = (channel.key().clone(), name.key().clone());
        self.expulsions.elsewhere.remove(&key).is_some()
    }

    fn finish_expelling(
        &mut self,
        id: ConnectionId,
        index: ChannelIndex,
        now: Now,
        fx: &mut Effects,
    ) {
        let channel = self.channels.get_mut(index);
        // It may have left by itself, and the channel may be another one.
        if let Some(expulsion) = channel.and_then(|it| it.expelled.remove(id)) {
            self.remove_member(id, index, &expulsion, now, fx);
        }
    }

    /// Takes a member out of a channel whose members are told in other words.
    fn remove_member(
        &mut self,
        id: ConnectionId,
        index: ChannelIndex,
        expulsion: &Expulsion,
        now: Now,
        fx: &mut Effects,
    ) {
        self.let_go_of_channel(id, &expulsion.channel, fx);
        if !expulsion.is_told {
            self.tell_removed(id, index, expulsion, fx);
        }
        let ends = self.ends_with_channel(id);
        if !ends {
            let face = self.face_of(&expulsion.by.shown());
            fx.shown_as(face, |fx| fx.tell(id, expulsion.event()));
        }
        match expulsion.is_told {
            true => self.leave_channel(id, index, now, fx),
            false => self.leave_silently(id, index, now, fx),
        }
        if ends {
            self.close(id, expulsion.farewell(), now, fx);
        }
    }

    /// Tells the clients that keep lists of members that a user is being taken out with a
    /// connection.
    fn tell_removed(
        &mut self,
        id: ConnectionId,
        index: ChannelIndex,
        expulsion: &Expulsion,
        fx: &mut Effects,
    ) {
        let Some(nickname) = self.nickname_of(id) else {
            return;
        };
        let listed = self.users.listed(&nickname);
        let channel = self.channels.get(index);
        if channel.is_none_or(|channel| channel.connections_of(&listed) > 1) {
            return;
        }
        self.make_known(index, &nickname, fx);
        let by = expulsion.by.shown();
        let face = self.face_of(&by);
        let news = RosterNews::Removed {
            channel: expulsion.channel.clone(),
            nickname,
            by,
            reason: expulsion.reason.clone(),
        };
        self.tell_observers([index], &[id], face, news, fx);
    }

    fn ends_with_channel(&self, id: ConnectionId) -> bool {
        let connection = self.connection(id);
        connection.is_some_and(|connection| connection.profile.ends_with_channel)
    }

    fn remove_elsewhere(&mut self, name: &Name, channel: &Name) {
        if let Some(remote) = &mut self.remote {
            remote.expel(name, channel);
            self.roster_version += 1;
        }
        if let Some(index) = self.channels.find(channel)
            && !self.user_is_in(name, index)
        {
            self.forget_role(index, channel, name);
        }
    }

    /// Takes a user who has another nickname or account now out of the channels that it
    /// is banned from.
    pub(in crate::hub) fn leave_if_banned(&mut self, id: ConnectionId, now: Now, fx: &mut Effects) {
        let Some(connection) = self.connection_mut(id) else {
            return;
        };
        let mut channels = Vec::new();
        for membership in &mut connection.memberships {
            membership.heard = None;
            channels.push(membership.channel);
        }
        let Ok(by) = Name::restore(SERVER).map(By::Server) else {
            return;
        };
        for index in channels {
            let verdict = self.may(id, index, &Act::Read, now);
            let Err(Refusal::BannedFromChannel(channel)) = verdict else {
                continue;
            };
            let expulsion = Expulsion {
                channel,
                by: by.clone(),
                reason: None,
                is_told: true,
            };
            let ends = self.ends_with_channel(id);
            self.remove_member(id, index, &expulsion, now, fx);
            if ends {
                // It has no other channel.
                return;
            }
        }
    }

    /// The members that a ban keeps out. Each is looked at, as for a message.
    fn members_under(&self, index: ChannelIndex, mask: &Mask, now: Now) -> Vec<ConnectionId> {
        let channel = self.channels.get(index);
        let channel = channel.and_then(|it| Some((it, it.governed.as_deref()?)));
        let Some((channel, governed)) = channel else {
            return Vec::new();
        };
        let is_under = |&id: &ConnectionId| {
            let Some(name) = self.connection(id).and_then(|it| it.nickname.as_ref()) else {
                return false;
            };
            let person = self.masked(id, name);
            mask.matches(&person) && governed.gives_way(name, &person, now)
        };
        channel.members.iter().copied().filter(is_under).collect()
    }

    /// The members on other servers that a ban keeps out.
    fn members_elsewhere_under(&self, index: ChannelIndex, mask: &Mask, now: Now) -> Vec<Name> {
        let channel = self.channels.get(index);
        let channel = channel.and_then(|it| Some((it, it.governed.as_deref()?)));
        let (Some((channel, governed)), Some(remote)) = (channel, &self.remote) else {
            return Vec::new();
        };
        let is_under = |name: &&Name| {
            let Some(person) = remote.person(name) else {
                return false;
            };
            let aliases = person.aliases.iter().cloned();
            let masked = Masked::new(name, aliases, person.account, person.cloak.as_ref());
            mask.matches(&masked) && governed.gives_way(name, &masked, now)
        };
        let members = remote.members_from(&channel.name, Bound::Unbounded);
        members.filter(is_under).cloned().collect()
    }
}

impl Governed {
    /// Whether a ban that concerns a member takes them out: they are no operator, and
    /// not excepted.
    fn gives_way(&self, name: &Name, person: &Masked<'_>, now: Now) -> bool {
        self.role(name, person.account()) < Some(Role::Operator)
            && (self.rules.listed(List::Except, person, now.unix_ms)).is_none()
    }
}
