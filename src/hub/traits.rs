//! Traits: what a user's program has said of its user, and what the user was let be, for
//! as long as the connection lasts. The hub knows what follows from them for others.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::model::{Name, Text};

use super::{ConnectionId, Effects, Event, Face, Hub, RosterNews};

/// The most connections of a user that are looked at.
const MAX_CONNECTIONS: usize = 20;

/// What a connection's user is and wants.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Traits {
    /// Operates the server, by a password of its own.
    pub is_operator: bool,
    /// Is a program.
    pub is_bot: bool,
    /// Wants to be counted as one who does not show.
    pub is_invisible: bool,
    /// Wants to read what operators of the server write to all who want that.
    pub hears_operators: bool,
    /// Wants private messages from accounts only.
    pub accounts_only: bool,
}

/// The connections with traits that are counted or told something.
#[derive(Default)]
pub(super) struct Standing {
    operators: BTreeSet<ConnectionId>,
    invisible: BTreeSet<ConnectionId>,
    hearers: BTreeSet<ConnectionId>,
    /// The most users that there were at once, here and on all servers.
    most: (usize, usize),
}

impl Standing {
    /// Files a connection under its traits; under none when it has gone.
    fn file(&mut self, id: ConnectionId, traits: Traits) {
        for (set, is_in) in [
            (&mut self.operators, traits.is_operator),
            (&mut self.invisible, traits.is_invisible),
            (&mut self.hearers, traits.hears_operators),
        ] {
            match is_in {
                true => set.insert(id),
                false => set.remove(&id),
            };
        }
    }

    /// How many operate the server, and how many do not show.
    pub fn counts(&self) -> (usize, usize) {
        (self.operators.len(), self.invisible.len())
    }

    /// The most users that there were at once, here and on all servers.
    pub fn most(&self) -> (usize, usize) {
        self.most
    }
}

impl Hub {
    /// Gives a connection other traits. Returns what others are shown of its user then.
    pub fn set_traits(&mut self, id: ConnectionId, traits: Traits) -> Option<Arc<Face>> {
        let connection = self.connection_mut(id)?;
        connection.traits = traits;
        let name = connection.nickname.clone()?;
        self.standing.file(id, traits);
        self.look_again(&name);
        self.face_of(&name)
    }

    /// Notes that a connection without a nickname is a program's.
    pub fn is_of_program(&mut self, id: ConnectionId) {
        if let Some(connection) = self.connection_mut(id) {
            connection.traits.is_bot = true;
        }
    }

    /// Takes note that a connection with traits has gone.
    pub(super) fn forget_traits(&mut self, id: ConnectionId, name: Option<&Name>, traits: Traits) {
        if traits == Traits::default() {
            return;
        }
        self.standing.file(id, Traits::default());
        if let Some(name) = name {
            self.look_again(name);
        }
    }

    /// Makes what a user is shown with, and wants, follow from the user's connections.
    pub(super) fn look_again(&mut self, name: &Name) {
        let Some(user) = self.users.get(name.key()) else {
            return;
        };
        let connections = user.connections().iter().take(MAX_CONNECTIONS);
        let traits = connections.filter_map(|&id| Some(self.connection(id)?.traits));
        let traits: Vec<Traits> = traits.collect();
        let is_bot = traits.iter().any(|it| it.is_bot);
        let is_operator = traits.iter().any(|it| it.is_operator);
        let accounts_only = traits.iter().any(|it| it.accounts_only);
        let face = &user.face;
        let is_same = face.is_bot == is_bot && face.is_operator == is_operator;
        let face = (!is_same).then(|| {
            Arc::new(Face {
                is_bot,
                is_operator,
                ..Face::clone(face)
            })
        });
        if let Some(user) = self.users.get_mut(name.key()) {
            user.accounts_only = accounts_only;
            user.face = face.unwrap_or_else(|| user.face.clone());
        }
    }

    /// Takes note of how many users there are.
    pub(super) fn note_people(&mut self) {
        let (here, all) = (self.users.len(), self.people());
        let (most_here, most) = self.standing.most;
        self.standing.most = (most_here.max(here), most.max(all));
    }

    /// Tells all connections here that want it what an operator of the server writes.
    pub fn tell_hearers(&self, by: &Name, text: Text, fx: &mut Effects) {
        let news = RosterNews::Wallops {
            nickname: by.clone(),
            text,
        };
        let hearers = self.standing.hearers.iter().copied();
        fx.shown_as(self.face_of(by), |fx| {
            fx.tell_all(hearers, Event::Roster(news));
        });
    }
}
