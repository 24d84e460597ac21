//! People who came into a large channel without being told by name.
//!
//! Naming everyone who comes to everyone who is there costs the square of the members. Clients
//! that keep lists of members are told of the others when those first do something that shows
//! them: as if they had come at that moment.

use std::collections::HashMap;
use std::sync::Arc;

use crate::model::Name;

/// The people in a channel whose coming was counted instead of told.
#[derive(Default)]
pub(super) struct Unannounced {
    /// By [`Name::key`]; whether somebody has been given a list with them.
    people: HashMap<Arc<str>, Known>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Known {
    /// Nobody has been told of them.
    ToNobody,
    /// Some have them in a list, and must be told when they go.
    ToSome,
}

impl Unannounced {
    /// Notes somebody who comes: whether that is told by name, and whether somebody keeps a
    /// list.
    pub fn note_coming(&mut self, name: &Name, by_name: bool, is_watched: bool) {
        if by_name {
            self.remove(name);
        } else if is_watched {
            self.people.insert(name.key().clone(), Known::ToNobody);
        }
    }

    /// Notes that somebody is told of by name. Returns whether that is news.
    pub fn remove(&mut self, name: &Name) -> bool {
        !self.people.is_empty() && self.people.remove(name.key()).is_some()
    }

    /// Notes that somebody is in a list that a client gets.
    pub fn is_listed(&mut self, name: &Name) {
        if let Some(known) = self.people.get_mut(name.key()) {
            *known = Known::ToSome;
        }
    }

    /// Notes another nickname. If a user with that was there before, it is told of as before,
    /// unless the other one was told of.
    pub fn rename(&mut self, from: &Name, to: &Name, was_there: bool) {
        match self.people.remove(from.key()) {
            Some(known) if !was_there => {
                self.people.insert(to.key().clone(), known);
            }
            Some(_) => {}
            None => {
                self.people.remove(to.key());
            }
        }
    }

    /// Whether no client has been told of somebody, so that none need be told what becomes
    /// of them.
    pub fn conceals(&self, name: &Name) -> bool {
        !self.people.is_empty() && self.people.get(name.key()) == Some(&Known::ToNobody)
    }

    /// Whether everybody has been told of everybody.
    pub fn is_empty(&self) -> bool {
        self.people.is_empty()
    }

    /// Forgets all, because nobody keeps a list any more.
    pub fn clear(&mut self) {
        self.people.clear();
    }
}
