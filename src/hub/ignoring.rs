//! Ignoring: whose private messages somebody does not want.

use crate::name::Name;

use super::users::MAX_IGNORED;
use super::{ConnectionId, Effects, Event, Hub, Refusal};

impl Hub {
    pub(super) fn ignore(
        &mut self,
        id: ConnectionId,
        name: Name,
        fx: &mut Effects,
    ) -> Result<(), Refusal> {
        let (own, _) = self.user_of(id)?;
        if own == name {
            return Err(Refusal::CannotIgnoreSelf);
        }
        let known = self.users.get(name.key()).map(|user| user.name.clone());
        let elsewhere = || Some(self.remote_person(&name)?.name.clone());
        let known = known.or_else(elsewhere);
        let Some(user) = self.users.get_mut(own.key()) else {
            return Ok(());
        };
        if !user.ignored.contains_key(name.key()) && user.ignored.len() >= MAX_IGNORED {
            return Err(Refusal::TooManyIgnored(MAX_IGNORED));
        }
        // An account's list is for those who are away, too.
        let known = known.or(user.account.map(|_| name.clone()));
        let name = known.ok_or(Refusal::NoSuchUser(name))?;
        user.ignored.insert(name.key().clone(), name.clone());
        if let Some(account) = user.account {
            fx.set_ignored(account, name.clone(), true);
        }
        fx.tell(id, Event::Ignored(name));
        Ok(())
    }

    pub(super) fn unignore(
        &mut self,
        id: ConnectionId,
        name: Name,
        fx: &mut Effects,
    ) -> Result<(), Refusal> {
        let (own, _) = self.user_of(id)?;
        let mut keys = vec![name.key().clone()];
        let aliases = self.aliases_of(&name);
        keys.extend(aliases.into_iter().flatten().cloned());
        let Some(user) = self.users.get_mut(own.key()) else {
            return Ok(());
        };
        let removed = keys.iter().filter_map(|key| user.ignored.remove(key));
        let removed: Vec<Name> = removed.collect();
        if removed.is_empty() {
            return Err(Refusal::NotIgnored(name));
        }
        if let Some(account) = user.account {
            // Under each nickname they had when they were ignored.
            for earlier in removed {
                fx.set_ignored(account, earlier, false);
            }
        }
        fx.tell(id, Event::Unignored(name));
        Ok(())
    }

    /// Whom the user of a connection ignores, by name.
    pub fn ignored_by(&self, id: ConnectionId) -> Vec<Name> {
        let user = self.user_of(id).ok();
        let ignored = user.into_iter().flat_map(|(_, user)| user.ignored.values());
        let mut names: Vec<Name> = ignored.cloned().collect();
        names.sort_by_cached_key(Name::alphabetical);
        names
    }
}
