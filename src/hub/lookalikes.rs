//! Names in use, indexed by the other names that they look like: no guest or new
//! channel can be called `Вob` while there is a `Bob`, nor the other way round.

use std::collections::HashMap;
use std::sync::Arc;

use crate::model::Name;

/// An index of names by their look. Few names look like others, and only those
/// are in it.
#[derive(Default)]
pub(super) struct Lookalikes {
    /// By the keys of [`Name::looks`].
    names: HashMap<Arc<str>, Vec<Name>>,
}

impl Lookalikes {
    /// Adds a name that is now in use.
    pub fn add(&mut self, name: &Name) {
        for look in name.looks() {
            let names = self.names.entry(look).or_default();
            if !names.contains(name) {
                names.push(name.clone());
            }
        }
    }

    /// Removes a name that is no longer in use.
    pub fn remove(&mut self, name: &Name) {
        for look in name.looks() {
            if let Some(names) = self.names.get_mut(&look) {
                names.retain(|other| other != name);
                if names.is_empty() {
                    self.names.remove(&look);
                }
            }
        }
    }

    /// The names that look like a name with any of these keys.
    pub fn like<'a>(&'a self, keys: &[Arc<str>]) -> impl Iterator<Item = &'a Name> {
        keys.iter().filter_map(|key| self.names.get(key)).flatten()
    }

    /// Whether a name other than `except` looks like a name with any of these keys.
    pub fn has_any(&self, keys: &[Arc<str>], except: Option<&Name>) -> bool {
        self.like(keys).any(|name| Some(name) != except)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_added_is_there_until_it_is_removed() {
        let [ian, lan] = ["Ian", "lan"].map(|name| Name::parse(name).unwrap());
        let mut looks = Lookalikes::default();
        looks.add(&ian);
        looks.add(&ian);
        assert!(looks.has_any(&lan.claims(), None));
        assert!(!looks.has_any(&lan.claims(), Some(&ian)));
        looks.remove(&ian);
        assert!(looks.names.is_empty());
    }
}
