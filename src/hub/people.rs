//! The users of this server, found by nickname and by account, listed by name.

use std::collections::{BTreeMap, HashMap};
use std::ops::Bound;
use std::sync::Arc;

use crate::model::name::Alphabetical;
use crate::model::{AccountId, Name};

use super::users::User;

/// The users of this server.
#[derive(Default)]
pub(super) struct People {
    /// By [`Name::key`].
    by_key: HashMap<Arc<str>, User>,
    /// The keys, in the order of the list.
    by_name: BTreeMap<Alphabetical, Arc<str>>,
    by_account: HashMap<AccountId, Arc<str>>,
}

impl People {
    pub fn len(&self) -> usize {
        self.by_key.len()
    }

    pub fn get(&self, key: &str) -> Option<&User> {
        self.by_key.get(key)
    }

    /// For changes to anything but the name and the account.
    pub fn get_mut(&mut self, key: &str) -> Option<&mut User> {
        self.by_key.get_mut(key)
    }

    pub fn contains_key(&self, key: &str) -> bool {
        self.by_key.contains_key(key)
    }

    /// Adds a user. The nickname must be free.
    pub fn insert(&mut self, user: User) -> &mut User {
        let key = user.name.key().clone();
        self.by_name
            .insert(Alphabetical(user.name.clone()), key.clone());
        if let Some(account) = user.account {
            self.by_account.insert(account, key.clone());
        }
        self.by_key.entry(key).insert_entry(user).into_mut()
    }

    pub fn remove(&mut self, key: &str) -> Option<User> {
        let user = self.by_key.remove(key)?;
        self.by_name.remove(&Alphabetical(user.name.clone()));
        if let Some(account) = user.account {
            self.by_account.remove(&account);
        }
        Some(user)
    }

    /// Makes a guest the owner of an account.
    pub fn set_account(&mut self, key: &Arc<str>, account: AccountId) {
        if let Some(user) = self.by_key.get_mut(key) {
            user.account = Some(account);
            self.by_account.insert(account, key.clone());
        }
    }

    /// The owner of an account, if online.
    pub fn owner_of(&self, account: AccountId) -> Option<&User> {
        self.by_key.get(self.by_account.get(&account)?)
    }

    /// The users from `start` on, sorted by name.
    pub fn from(&self, start: Bound<Alphabetical>) -> impl Iterator<Item = &User> {
        let keys = self.by_name.range((start, Bound::Unbounded));
        keys.filter_map(|(_, key)| self.by_key.get(key))
    }

    /// A nickname in the spelling that this server lists it by.
    pub fn listed(&self, name: &Name) -> Name {
        let user = self.by_key.get(name.key());
        user.map_or_else(|| name.clone(), |user| user.name.clone())
    }
}
