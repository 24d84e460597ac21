//! Ignoring the private messages of other users.

use std::collections::{BTreeSet, HashMap};
use std::ops::Bound;
use std::sync::Arc;

use crate::model::Name;
use crate::model::name::Alphabetical;

use super::lookalikes::Lookalikes;
use super::page::{Page, Part};
use super::users::{MAX_IGNORED, User};
use super::{ConnectionId, Effects, Event, Hub, Refusal};

/// The users that one user ignores.
#[derive(Default)]
pub(super) struct Ignored {
    /// By [`Name::key`].
    names: HashMap<Arc<str>, Name>,
    /// The ignored names that look like other names.
    looks: Lookalikes,
    by_name: BTreeSet<Alphabetical>,
}

impl Ignored {
    pub fn of(names: &[Name]) -> Ignored {
        let mut ignored = Ignored::default();
        for name in names {
            ignored.insert(name.clone());
        }
        ignored
    }

    pub fn len(&self) -> usize {
        self.names.len()
    }

    pub fn is_empty(&self) -> bool {
        self.names.is_empty()
    }

    pub fn contains(&self, key: &str) -> bool {
        self.names.contains_key(key)
    }

    /// Whether it has this name or one that looks like it: an ignored user cannot
    /// get around it with a similar nickname.
    pub fn has_like(&self, name: &Name) -> bool {
        let claims = name.claims();
        claims.iter().any(|key| self.contains(key)) || self.looks.has_any(&claims, None)
    }

    pub fn insert(&mut self, name: Name) {
        self.remove(name.key());
        self.looks.add(&name);
        self.by_name.insert(Alphabetical(name.clone()));
        self.names.insert(name.key().clone(), name);
    }

    fn remove(&mut self, key: &str) -> Option<Name> {
        let name = self.names.remove(key)?;
        self.looks.remove(&name);
        self.by_name.remove(&Alphabetical(name.clone()));
        Some(name)
    }

    pub fn into_names(self) -> impl Iterator<Item = Name> {
        self.names.into_values()
    }

    fn page(&self, part: &Part, most: usize) -> Page<Name> {
        let names = self.by_name.range((part.start(), Bound::Unbounded));
        let names = names.map(|name| name.0.clone());
        let names = names.take_while(|name| part.reaches(name));
        Page::take(part, names, most)
    }
}

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
        if !user.ignored.contains(name.key()) && user.ignored.len() >= MAX_IGNORED {
            return Err(Refusal::TooManyIgnored(MAX_IGNORED));
        }
        // An account may also ignore users who are offline.
        let known = known.or(user.account.map(|_| name.clone()));
        let name = known.ok_or(Refusal::NoSuchUser(name))?;
        user.ignored.insert(name.clone());
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
            // Under each nickname that the user was ignored under.
            for earlier in removed {
                fx.set_ignored(account, earlier, false);
            }
        }
        fx.tell(id, Event::Unignored(name));
        Ok(())
    }

    /// Tells a connection a page of the users that its user ignores.
    pub(super) fn list_ignored(
        &self,
        id: ConnectionId,
        part: Part,
        fx: &mut Effects,
    ) -> Result<(), Refusal> {
        let most = self.limits.page_rows;
        let page = match self.user_of(id) {
            Ok((_, user)) => user.ignored.page(&part, most),
            Err(_) => Page::new(part, Vec::new(), false),
        };
        fx.tell(id, Event::IgnoreList(Arc::new(page)));
        Ok(())
    }

    /// Those of `names` that the user of a connection ignores.
    pub fn ignored_among(&self, id: ConnectionId, names: &[Name]) -> Vec<Name> {
        let user = self.user_of(id).ok();
        let names = names.iter().filter(|name| {
            let ignores = |(_, user): &(Name, &User)| user.ignored.contains(name.key());
            user.as_ref().is_some_and(ignores)
        });
        names.cloned().collect()
    }
}
