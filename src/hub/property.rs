//! A property, and its owner.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::model::{Name, Text};

/// The most properties of a user or a channel.
pub const MAX_PROPERTIES: usize = 20;
/// The most keys that a connection asks to be told of.
pub const MAX_SUBSCRIPTIONS: usize = 50;
/// The properties of a user or a channel, by key.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Properties(BTreeMap<Arc<str>, Text>);

impl Properties {
    /// None.
    pub const fn new() -> Properties {
        Properties(BTreeMap::new())
    }

    /// The value of a key.
    pub fn get(&self, key: &str) -> Option<&Text> {
        self.0.get(key)
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// All of them, by key.
    pub fn iter(&self) -> impl Iterator<Item = (&Arc<str>, &Text)> {
        self.0.iter()
    }

    /// Sets a property or takes it away. Returns whether there is room for it.
    pub(super) fn set(&mut self, key: &Arc<str>, value: Option<&Text>) -> bool {
        let Some(value) = value else {
            self.0.remove(key);
            return true;
        };
        if !self.0.contains_key(key) && self.0.len() >= MAX_PROPERTIES {
            return false;
        }
        self.0.insert(key.clone(), value.clone());
        true
    }
}

/// The owner of the properties that are meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Owner {
    /// One's own.
    Own,
    /// A user's.
    User(Name),
    /// A channel's.
    Channel(Name),
}

/// Why a wish about properties is not done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unmet {
    /// There is no such user, or no such channel that the connection is in.
    NoOwner,
    /// They are not the user's, who does not operate the channel either.
    Forbidden,
    /// There are too many.
    Full,
}

/// The properties that a connection asks to be told of, of one owner.
pub type Told = (Owner, Vec<(Arc<str>, Text)>);
