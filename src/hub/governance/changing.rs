//! Changing a channel: the wish is checked and becomes a draft; once that is
//! committed it is folded into the rules, carried out and told.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::model::governance::{By, Change, ChannelChange, Link, List, Person, Role};
use crate::model::{Entry, Kind, MessageId, Name, Record};

use super::closing::opens;
use super::elsewhere::admits_creation;
use super::{Act, Deed, LastWas, Target, Ticket};
use crate::hub::away::check_reason;
use crate::hub::channel::ChannelIndex;
use crate::hub::messages::Content;
use crate::hub::{ConnectionId, Draft, Effects, Event, GLOBAL, Hub, Now, Refusal};

/// The most rules that one command changes.
pub const MAX_CHANGES: usize = 20;

impl Hub {
    /// Carries out what the user of a connection wishes.
    pub(in crate::hub) fn govern(
        &mut self,
        id: ConnectionId,
        channel: Option<Name>,
        deed: Deed,
        now: Now,
        fx: &mut Effects,
    ) -> Result<(), Refusal> {
        check_reason(deed.reason())?;
        let index = self.channel_to_govern(id, channel, now)?;
        self.check_governing()?;
        let (name, user) = self.user_of(id)?;
        let by = By::User(Person {
            name,
            account: user.account,
        });
        let act = self.act_of(index, &by, &deed);
        self.may(id, index, &act, now)?;
        self.check_registering(index, &by, &deed)?;
        if let Deed::Invite(who) = deed {
            return self.invite(id, index, who, now, fx);
        }
        let secret = match &deed {
            Deed::NewLink { secret, .. } => secret.clone(),
            _ => None,
        };
        let changes = self.resolve(index, &by, deed, now)?;
        let channel = self.channels.get(index).map(|channel| channel.name.clone());
        let draft = self.draft_change(index, by, changes, Some(id), now, fx)?;
        if let Some((channel, secret)) = channel.zip(secret) {
            match draft {
                Some(draft) => {
                    self.link_secrets.insert(draft, secret);
                }
                None => fx.tell(id, Event::LinkMade { channel, secret }),
            }
        }
        Ok(())
    }

    /// Carries out what an administrator wishes. It is checked for its form alone. Unless
    /// it is refused here, [`Effect::Done`](crate::hub::Effect::Done) follows with the
    /// number of the ticket, once it is in force or cannot be stored.
    pub fn govern_as(
        &mut self,
        by: By,
        channel: &Name,
        deed: Deed,
        ticket: Ticket,
        now: Now,
        fx: &mut Effects,
    ) -> Result<(), Refusal> {
        self.check_governing()?;
        let index = match self.channels.find(channel) {
            Some(index) => index,
            // Only an account can be given a channel that is not there.
            None if !matches!(deed, Deed::Transfer(_)) && self.remote_members(channel) == 0 => {
                return Err(Refusal::NoSuchChannel(channel.clone()));
            }
            None => self.channels.get_or_create(channel.clone(), None),
        };
        let mut result = Err(Refusal::NoChannel);
        fx.on_behalf_of(ticket.from.clone(), |fx| {
            result = self
                .check_registering(index, &by, &deed)
                .and_then(|()| self.resolve(index, &by, deed, now))
                .and_then(|changes| self.draft_change(index, by, changes, None, now, fx));
        });
        match result {
            Ok(Some(draft)) => {
                self.tickets.insert(draft, ticket);
            }
            Ok(None) => fx.done(ticket.number, Ok(())),
            Err(_) => self.channels.tidy(index),
        }
        result.map(|_| ())
    }

    /// The channel that a command is about, if its user may know of it.
    pub(in crate::hub) fn channel_to_govern(
        &self,
        id: ConnectionId,
        channel: Option<Name>,
        now: Now,
    ) -> Result<ChannelIndex, Refusal> {
        let Some(name) = channel else {
            return self.current_channel(id).ok_or(Refusal::NoChannel);
        };
        let Some(index) = self.channels.find(&name) else {
            return Err(Refusal::NoSuchChannel(name));
        };
        let seen = self.may(id, index, &Act::See, now);
        seen.map_err(|refusal| refusal.naming(&name))?;
        Ok(index)
    }

    /// The changes that a wish means.
    fn resolve(
        &mut self,
        index: ChannelIndex,
        by: &By,
        deed: Deed,
        now: Now,
    ) -> Result<Vec<Change>, Refusal> {
        let channel = self.channels.get(index).ok_or(Refusal::NoChannel)?;
        let name = channel.name.clone();
        let is_global = name.as_str() == GLOBAL;
        let is_topic = matches!(deed, Deed::Topic(_));
        let is_administrator = matches!(by, By::Administrator(_));
        if is_global && !is_topic && !(is_administrator && deed.fits_global()) {
            return Err(Refusal::ChannelIsGlobal);
        }
        Ok(match deed {
            Deed::Topic(text) => vec![Change::Topic(text)],
            Deed::Rules(changes) => {
                check_supported(&changes)?;
                changes.into_iter().take(MAX_CHANGES).collect()
            }
            Deed::Role { who, role, keep } => vec![Change::Role {
                who: self.person_in(index, who)?,
                role,
                keep: keep && channel.is_registered(),
            }],
            Deed::Raise { who, role } => vec![self.raise(index, who, role)?],
            Deed::Lower { who, role } => vec![self.lower(index, who, role)?],
            Deed::Kick { who, reason } => vec![Change::Kick {
                who: self.person_in(index, who)?,
                reason,
            }],
            Deed::Add {
                list,
                who,
                for_ms,
                reason,
            } => self.entry(index, list, who, for_ms.map(|ms| now.unix_ms + ms), reason)?,
            Deed::Remove { list, who } => {
                let listed = self.listed_as(index, list, who)?.into_iter();
                listed.map(|mask| Change::Remove(list, mask)).collect()
            }
            Deed::Invite(who) => {
                let entry = Target::Person(who);
                self.entry(index, List::Invite, entry, None, None)?
            }
            Deed::Link(link) => vec![Change::Link(link)],
            Deed::NewLink {
                uses,
                for_ms,
                secret,
            } => vec![Change::Link(Link {
                hash: secret.ok_or(Refusal::NotStored)?.hash(),
                by: by.shown(),
                uses,
                until_ms: for_ms.map(|ms| now.unix_ms.saturating_add(ms)),
            })],
            Deed::Unlink(None) => vec![Change::Unlink(None)],
            Deed::Unlink(Some(id)) => vec![Change::Unlink(Some(self.link_of(index, &id)?))],
            Deed::Register => match by {
                By::User(person) => vec![Change::Register(person.clone())],
                _ => return Err(Refusal::NeedsAccount(name)),
            },
            Deed::Transfer(who) => {
                let who = self.known(who);
                if who.account.is_none() {
                    return Err(Refusal::NoSuchAccount(who.name));
                }
                match (channel.is_registered(), by) {
                    (true, _) => vec![Change::Transfer(who)],
                    (false, By::Administrator(_)) => vec![Change::Register(who)],
                    (false, _) => return Err(Refusal::ChannelNotRegistered(name)),
                }
            }
            Deed::Drop if channel.is_registered() => vec![Change::Drop],
            Deed::Drop => return Err(Refusal::ChannelNotRegistered(name)),
        })
    }

    /// A person with the account that they are known by here.
    pub(super) fn known(&self, who: Person) -> Person {
        let here = self.users.get(who.name.key());
        let here = here.map(|user| (user.name.clone(), user.account));
        let elsewhere = || {
            let person = self.remote_person(&who.name)?;
            Some((person.name.clone(), person.account))
        };
        match here.or_else(elsewhere) {
            Some((name, account)) => Person {
                name,
                account: account.or(who.account),
            },
            None => who,
        }
    }

    /// A person who is in a channel, or whose account is known.
    pub(super) fn person_in(&self, index: ChannelIndex, who: Person) -> Result<Person, Refusal> {
        let who = self.known(who);
        let channel = self.channels.get(index).ok_or(Refusal::NoChannel)?;
        let is_in =
            self.user_is_in(&who.name, index) || self.is_remote_member(&who.name, &channel.name);
        match is_in || who.account.is_some() {
            true => Ok(who),
            false => Err(Refusal::NotOnChannel(who.name, channel.name.clone())),
        }
    }

    /// The hash of the link with this id.
    fn link_of(&self, index: ChannelIndex, id: &str) -> Result<Arc<str>, Refusal> {
        let channel = self.channels.get(index).ok_or(Refusal::NoChannel)?;
        let governed = channel.governed.as_deref();
        let mut links = governed.into_iter().flat_map(|it| &it.rules.links);
        let link = links.find(|link| link.id() == id);
        let link = link.ok_or_else(|| Refusal::NoSuchLink(channel.name.clone()))?;
        Ok(link.hash.clone())
    }

    /// Has changes committed, or makes them at once where nothing is stored. Returns the
    /// draft that waits to be committed.
    pub(in crate::hub) fn draft_change(
        &mut self,
        index: ChannelIndex,
        by: By,
        changes: Vec<Change>,
        sender: Option<ConnectionId>,
        now: Now,
        fx: &mut Effects,
    ) -> Result<Option<MessageId>, Refusal> {
        let channel = self.channels.get(index).ok_or(Refusal::NoChannel)?;
        let registers = matches!(changes.first(), Some(Change::Register(_)));
        let is_kept = self.limits.history || channel.is_registered() || registers;
        let change = ChannelChange {
            channel: channel.name.clone(),
            id: self.next_id(now),
            at_ms: now.unix_ms,
            by,
            changes,
        };
        if !is_kept && self.remote.is_none() {
            self.changed(change, LastWas::Ours, now, fx);
            return Ok(None);
        }
        let sender = sender.unwrap_or(ConnectionId::NOBODY);
        fx.append(Draft {
            record: Record::Change(Box::new(change.clone())),
            to: None,
            tag: None,
            sender,
        });
        let draft = change.id;
        self.await_settling(sender, Content::Change(Box::new(change)));
        Ok(Some(draft))
    }

    /// Folds a committed change into the rules, carries it out and tells it.
    /// `last` says whose it is to open the channel again, if nobody is in it.
    pub(in crate::hub) fn changed(
        &mut self,
        change: ChannelChange,
        last: LastWas,
        now: Now,
        fx: &mut Effects,
    ) {
        let index = self.channels.get_or_create(change.channel.clone(), None);
        let present = self.present_of(index, &change);
        let roles = self.roles_before(index, &change);
        let by = change.by.clone();
        let Some(channel) = self.channels.get_mut(index) else {
            return;
        };
        channel.is_needed |= self.remote.is_some();
        let governed = channel.governed.get_or_insert_default();
        let creates = admits_creation(governed, change.id, &change.changes);
        let had_rules = !governed.rules.is_open();
        let was_registered = governed.rules.registered.is_some();
        governed.rules.fold(&change);
        let opened = opens(&change.changes, had_rules, &governed.rules);
        let is_void = change.changes.iter().all(Change::opens) && !opened;
        let is_expired = change
            .changes
            .iter()
            .any(|it| matches!(it, Change::Expired(_)))
            && was_registered
            && governed.rules.registered.is_none();
        for one in &change.changes {
            match one {
                Change::Role { who, role, keep } => {
                    let is_kept = *keep && who.account.is_some();
                    let is_present = present.contains(who.name.key());
                    let role = role.filter(|_| !is_kept && is_present);
                    governed.set_present_role(who.name.key(), role);
                }
                Change::Register(who) => governed.set_present_role(who.name.key(), None),
                Change::Created(who) if creates && present.contains(who.name.key()) => {
                    governed.set_present_role(who.name.key(), Some(Role::Operator));
                }
                Change::Kick { who, .. } => governed.take_pass(who.name.key()),
                Change::UseLink(hash) if last == LastWas::Ours => governed.used_link(hash),
                _ => {}
            }
        }
        self.channels.rules_changed(index);
        self.closing_changed(index, &change, (opened, last));
        if !is_void {
            self.log_change(&change, fx);
        }
        self.expel(index, &change, last, now, fx);
        self.share_roles(index, &change, fx);
        if creates {
            self.tell_creator(index, &change, fx);
        }
        self.tell_change(index, change, opened || is_expired, fx);
        self.tell_roles(index, &by, roles, fx);
        self.vacated(index, last, now, fx);
        self.channels.tidy(index);
    }

    /// The keys of the members to which a change gives a role, on any
    /// server. A role of the moment is theirs only while they are.
    fn present_of(&self, index: ChannelIndex, change: &ChannelChange) -> BTreeSet<Arc<str>> {
        let named = change.changes.iter().filter_map(|one| match one {
            Change::Role { who, .. } | Change::Created(who) => Some(&who.name),
            _ => None,
        });
        let is_in = |name: &&Name| {
            self.user_is_in(name, index) || self.is_remote_member(name, &change.channel)
        };
        named.filter(is_in).map(|name| name.key().clone()).collect()
    }

    /// Tells the other servers the roles that a change gives to users who are here.
    fn share_roles(&self, index: ChannelIndex, change: &ChannelChange, fx: &mut Effects) {
        for one in &change.changes {
            if let Change::Role { who, .. } | Change::Register(who) | Change::Created(who) = one {
                self.share_role(index, &who.name, fx);
            }
        }
    }

    /// Tells the one who has created a channel that they operate it.
    fn tell_creator(&self, index: ChannelIndex, change: &ChannelChange, fx: &mut Effects) {
        for one in &change.changes {
            let Change::Created(who) = one else {
                continue;
            };
            let connections = self.connections_of(&who.name).into_iter();
            let event = Event::Role {
                channel: change.channel.clone(),
                role: Some(Role::Operator),
            };
            fx.tell_all(connections.filter(|&id| self.is_member(id, index)), event);
        }
    }

    fn log_change(&self, change: &ChannelChange, fx: &mut Effects) {
        // A visit is no deed.
        let deeds = change.changes.iter();
        for one in deeds.filter(|one| !matches!(one, Change::Visited(_))) {
            fx.log(Entry {
                nick: Some(change.by.shown().shown()),
                channel: Some(change.channel.shown()),
                to: one.whom().map(Name::shown),
                text: Some(one.to_string().into()),
                id: Some(change.id),
                ..Entry::new(change.at_ms, Kind::Admin)
            });
        }
    }
}

/// Checks that every rule that is switched on has an effect.
fn check_supported(changes: &[Change]) -> Result<(), Refusal> {
    let without_effect = changes.iter().find_map(|one| match one {
        Change::Flag(flag, true) if !flag.is_supported() => Some(*flag),
        _ => None,
    });
    without_effect.map_or(Ok(()), |flag| Err(Refusal::NotSupported(flag)))
}
