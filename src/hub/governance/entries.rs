//! The entries of a channel's lists: the people that one made for a person concerns, and
//! which ones are meant when it is to be taken away.

use crate::model::governance::{Bound, Change, Cloak, List, MAX_ENTRIES, Mask};
use crate::model::name::Pattern;
use crate::model::{Name, Text};

use super::Target;
use crate::hub::channel::ChannelIndex;
use crate::hub::{Hub, Refusal};

/// The most members that are looked at for one command.
const MOST_LOOKED_AT: usize = 500;

impl Hub {
    /// The changes that put someone on a list.
    pub(super) fn entry(
        &self,
        index: ChannelIndex,
        list: List,
        who: Target,
        until_ms: Option<u64>,
        reason: Option<Text>,
    ) -> Result<Vec<Change>, Refusal> {
        let channel = self.channels.get(index).ok_or(Refusal::NoChannel)?;
        let rules = channel.governed.as_deref().map(|it| &it.rules);
        let length = rules.map_or(0, |rules| rules.list(list).len());
        let mask = self.mask_of(index, &who)?;
        let is_new = rules.is_none_or(|rules| {
            let mut entries = rules.list(list).iter();
            !entries.any(|entry| entry.mask.is_same(&mask))
        });
        if is_new && length >= MAX_ENTRIES {
            return Err(Refusal::ListFull(channel.name.clone(), MAX_ENTRIES));
        }
        let bound = Bound {
            until_ms,
            reason: reason.clone(),
        };
        let mut changes = vec![Change::Add(list, mask, bound)];
        if let (List::Ban, Target::Person(who)) = (list, who) {
            let who = self.known(who);
            changes.push(Change::Kick { who, reason });
        }
        Ok(changes)
    }

    /// The entries of a list that are meant by a mask or by a person.
    pub(super) fn listed_as(
        &self,
        index: ChannelIndex,
        list: List,
        who: Target,
    ) -> Result<Vec<Mask>, Refusal> {
        let channel = self.channels.get(index).ok_or(Refusal::NoChannel)?;
        let rules = channel.governed.as_deref().map(|it| &it.rules);
        let entries = rules.map_or(&[][..], |rules| rules.list(list));
        if let Target::Person(person) = &who {
            let by_name = entries.iter();
            let by_name = by_name.filter(|entry| entry.mask.is_for(&person.name));
            let by_name: Vec<Mask> = by_name.map(|entry| entry.mask.clone()).collect();
            if !by_name.is_empty() {
                return Ok(by_name);
            }
        }
        let mask = self.mask_of(index, &who)?;
        match entries.iter().any(|entry| entry.mask.is_same(&mask)) {
            true => Ok(vec![mask]),
            false => Err(Refusal::NotListed(who.shown(), channel.name.clone(), list)),
        }
    }

    /// The mask that concerns a person: the account, else the address, unless other
    /// members come from there; else the nickname.
    fn mask_of(&self, index: ChannelIndex, who: &Target) -> Result<Mask, Refusal> {
        let person = match who {
            Target::Mask(mask) => return Ok(mask.clone()),
            Target::Person(person) => self.known(person.clone()),
        };
        if let Some(account) = person.account {
            return Ok(Mask::Account(account, person.name));
        }
        if let Some(cloak) = self.cloak_of(&person.name)
            && !self.is_shared(index, &cloak, &person.name)
        {
            return Ok(Mask::Host(cloak, Some(person.name)));
        }
        match Pattern::of(&person.name) {
            Some(pattern) => Ok(Mask::Nick(pattern)),
            None => Err(Refusal::NoSuchUser(person.name)),
        }
    }

    /// Whether other members without an account come from the same address: a class
    /// behind one router must not lose everyone with the one who is banned.
    fn is_shared(&self, index: ChannelIndex, cloak: &Cloak, who: &Name) -> bool {
        let members = self.channels.get(index).map(|it| &it.members[..]);
        let mut others = members.unwrap_or_default().iter().take(MOST_LOOKED_AT);
        others.any(|&id| {
            let connection = self.connection(id);
            connection.and_then(|it| it.profile.cloak.as_ref()) == Some(cloak)
                && self.account_of(id).is_none()
                && self.nickname_of(id).is_some_and(|name| name != *who)
        })
    }
}
