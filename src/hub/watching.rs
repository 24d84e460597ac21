//! Watching: a connection is told when users come online and go, without sharing a
//! channel with them.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use crate::model::Name;

use super::{ConnectionId, Effects, Event, Face, Hub, RosterNews};

/// The most users that one connection watches.
pub const MAX_WATCHED: usize = 100;

/// The connections that watch a user, by the key of the nickname.
pub(super) type Watchers = HashMap<Arc<str>, BTreeSet<ConnectionId>>;

/// What became of the wish to watch users.
#[derive(Debug, Default)]
pub struct Watched {
    /// Those who are online, and what is shown of them.
    pub online: Vec<(Name, Arc<Face>)>,
    /// Those who are not.
    pub offline: Vec<Name>,
    /// Those that did not fit.
    pub too_many: Vec<Name>,
}

impl Hub {
    /// Has a connection watch these users, too. The protocol bounds their number.
    pub fn watch(&mut self, id: ConnectionId, names: Vec<Name>) -> Watched {
        let mut watched = Watched::default();
        for name in names {
            let Some(connection) = self.connection_mut(id) else {
                break;
            };
            let is_known = connection.watched.contains_key(name.key());
            if !is_known && connection.watched.len() >= MAX_WATCHED {
                watched.too_many.push(name);
                continue;
            }
            let key = name.key().clone();
            connection.watched.insert(key.clone(), name.clone());
            self.watchers.entry(key).or_default().insert(id);
            self.see(name, &mut watched);
        }
        watched
    }

    fn see(&self, name: Name, watched: &mut Watched) {
        // The name of an account that is called otherwise is nobody's nickname.
        let is_called = self.nicknames.of(&name).is_some();
        let owner = self.nicknames.owner(name.key()).cloned();
        let (user, is_on) = self.presence(owner.unwrap_or_else(|| name.clone()));
        match is_on && !is_called {
            true => {
                let face = self.face_of(&user).unwrap_or_default();
                watched.online.push((self.shown(&user).clone(), face));
            }
            false => watched.offline.push(name),
        }
    }

    /// Ends that a connection watches these users.
    pub fn unwatch(&mut self, id: ConnectionId, names: &[Name]) {
        for name in names {
            if let Some(connection) = self.connection_mut(id) {
                connection.watched.remove(name.key());
            }
            self.forget_watcher(id, name.key());
        }
    }

    /// Ends that a connection watches anyone.
    pub fn unwatch_all(&mut self, id: ConnectionId) {
        let connection = self.connection_mut(id);
        let watched = connection.map(|it| std::mem::take(&mut it.watched));
        for key in watched.unwrap_or_default().into_keys() {
            self.forget_watcher(id, &key);
        }
    }

    pub(super) fn forget_watcher(&mut self, id: ConnectionId, key: &str) {
        if let Some(watchers) = self.watchers.get_mut(key) {
            watchers.remove(&id);
            if watchers.is_empty() {
                self.watchers.remove(key);
            }
        }
    }

    /// The users that a connection watches.
    pub fn watched_by(&self, id: ConnectionId) -> Watched {
        let mut watched = Watched::default();
        let connection = self.connection(id);
        let names = connection.map(|it| it.watched.values().cloned());
        for name in names.into_iter().flatten() {
            self.see(name, &mut watched);
        }
        watched
    }

    /// Whether anyone watches a user.
    pub(super) fn is_watched(&self, name: &Name) -> bool {
        self.watchers.contains_key(self.shown(name).key())
    }

    /// The connections that watch a user, but for these, which are sorted.
    pub(super) fn watchers_of(&self, name: &Name, except: &[ConnectionId]) -> Vec<ConnectionId> {
        let watchers = self.watchers.get(name.key()).into_iter().flatten();
        let watchers = watchers.filter(|id| except.binary_search(id).is_err());
        watchers.copied().collect()
    }

    /// Tells those who watch a user that the user has come online.
    pub(super) fn tell_online(&self, name: &Name, fx: &mut Effects) {
        let called = self.shown(name);
        let news = RosterNews::Online {
            nickname: called.clone(),
        };
        let watchers = self.watchers_of(called, &[]);
        fx.shown_as(self.face_of(name), |fx| {
            fx.tell_all(watchers, Event::Roster(news));
        });
    }

    /// Tells those who watch a user that the user has gone offline.
    pub(super) fn tell_offline(&self, name: &Name, fx: &mut Effects) {
        self.tell_offline_as(self.shown(name), fx);
    }

    /// The same by what the user was called.
    pub(super) fn tell_offline_as(&self, name: &Name, fx: &mut Effects) {
        let news = RosterNews::Offline {
            nickname: name.clone(),
        };
        fx.tell_all(self.watchers_of(name, &[]), Event::Roster(news));
    }

    /// Tells those who watch a user what those are told who see the user in a channel,
    /// unless they are among these, which are sorted.
    pub(super) fn tell_watchers(
        &self,
        name: &Name,
        told: &[ConnectionId],
        news: &RosterNews,
        fx: &mut Effects,
    ) {
        let watchers = self.watchers_of(self.shown(name), told);
        if watchers.is_empty() {
            return;
        }
        let news = RosterNews::Watched(Box::new(news.clone()));
        fx.shown_as(self.face_of(name), |fx| {
            fx.tell_all(watchers, Event::Roster(news));
        });
    }
}
