//! Giving roles and taking them: what a wish means, and which right it needs.

use crate::model::governance::{By, Change, Person, Role};

use super::{Act, Deed};
use crate::hub::channel::ChannelIndex;
use crate::hub::{Hub, Refusal};

impl Hub {
    /// The right that a wish needs.
    pub(super) fn act_of(&self, index: ChannelIndex, by: &By, deed: &Deed) -> Act<'static> {
        match deed {
            Deed::Topic(_) => Act::Topic,
            Deed::Rules(changes) if changes.iter().any(|it| matches!(it, Change::History(_))) => {
                Act::Own
            }
            Deed::Rules(_) | Deed::Kick { .. } | Deed::Add { .. } | Deed::Remove { .. } => {
                Act::Operate
            }
            Deed::Invite(_) => Act::Invite,
            Deed::Link(_) | Deed::NewLink { .. } | Deed::Unlink(_) => Act::Operate,
            // To make an operator an ordinary member takes the right to appoint one.
            Deed::Role { who, role, .. } => self.appoint(index, by, who, *role),
            Deed::Raise { who, role } => self.appoint(index, by, who, Some(*role)),
            Deed::Lower { who, .. } => self.appoint(index, by, who, None),
            Deed::Register => Act::Register,
            Deed::Transfer(_) | Deed::Drop => Act::Own,
        }
    }

    /// The right to give a person a role or to take away the one they have. To step down
    /// is everyone's own right.
    fn appoint(
        &self,
        index: ChannelIndex,
        by: &By,
        who: &Person,
        role: Option<Role>,
    ) -> Act<'static> {
        let has = self.role_of_person(index, who);
        let is_own = by.shown() == who.name;
        match is_own && role < has {
            true => Act::Operate,
            false => Act::Appoint(role.max(has)),
        }
    }

    /// The change that gives a person at least this role.
    pub(super) fn raise(
        &self,
        index: ChannelIndex,
        who: Person,
        role: Role,
    ) -> Result<Change, Refusal> {
        let channel = self.channels.get(index).ok_or(Refusal::NoChannel)?;
        let who = self.someone_in(index, who)?;
        match self.role_of_person(index, &who) {
            Some(has) if has >= role => Err(Refusal::HasRole(who.name, channel.name.clone(), has)),
            _ => Ok(Change::Role {
                who,
                role: Some(role),
                keep: channel.is_registered(),
            }),
        }
    }

    /// The change that takes this role from a person.
    pub(super) fn lower(
        &self,
        index: ChannelIndex,
        who: Person,
        role: Role,
    ) -> Result<Change, Refusal> {
        let channel = self.channels.get(index).ok_or(Refusal::NoChannel)?;
        let who = self.someone_in(index, who)?;
        match self.role_of_person(index, &who) {
            Some(Role::Founder) => Err(Refusal::HasRole(
                who.name,
                channel.name.clone(),
                Role::Founder,
            )),
            Some(has) if has == role => Ok(Change::Role {
                who,
                role: None,
                keep: channel.is_registered(),
            }),
            _ => Err(Refusal::LacksRole(who.name, channel.name.clone(), role)),
        }
    }

    /// As [`Hub::person_in`]; one who is nowhere is told apart.
    fn someone_in(&self, index: ChannelIndex, who: Person) -> Result<Person, Refusal> {
        let (name, is_on) = self.presence(who.name.clone());
        match is_on || who.account.is_some() {
            true => self.person_in(index, who),
            false => Err(Refusal::NoSuchUser(name)),
        }
    }

    /// What a person is in a channel, or would be there.
    fn role_of_person(&self, index: ChannelIndex, who: &Person) -> Option<Role> {
        let governed = self.channels.get(index)?.governed.as_deref()?;
        let who = self.known(who.clone());
        governed.role(&who.name, who.account)
    }
}
