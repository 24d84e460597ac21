//! Nicknames: who has which, and who ignores whom.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use crate::name::Name;

use super::{Connection, ConnectionId, Effects, Event, Hub, Now, Refusal};

/// People one user may ignore.
const MAX_IGNORED: usize = 1000;
/// Earlier nicknames remembered of a user, so that changing the nickname is
/// no way round being ignored.
const MAX_ALIASES: usize = 16;

/// One user: a nickname and its connections.
pub(super) struct User {
    pub name: Name,
    pub connections: Vec<ConnectionId>,
    /// By key.
    ignored: HashMap<Arc<str>, Name>,
    /// Keys of nicknames this user had before.
    aliases: VecDeque<Arc<str>>,
}

impl User {
    fn new(name: Name) -> User {
        User {
            name,
            connections: Vec::new(),
            ignored: HashMap::new(),
            aliases: VecDeque::new(),
        }
    }

    /// Whether this user wants no private messages from `other`.
    pub fn ignores(&self, other: &User) -> bool {
        let mut keys = std::iter::once(other.name.key()).chain(&other.aliases);
        !self.ignored.is_empty() && keys.any(|key| self.ignored.contains_key(key))
    }
}

impl Hub {
    /// Gives a connection its nickname, if nobody has it.
    pub fn claim(
        &mut self,
        id: ConnectionId,
        name: Name,
        now: Now,
        fx: &mut Effects,
    ) -> Result<(), Refusal> {
        let result = self.check_free(&name, now);
        if let Err(refusal) = result {
            fx.tell(id, Event::Refused(refusal.clone()));
            return Err(refusal);
        }
        let Some(connection) = self.connection_mut(id) else {
            return Ok(());
        };
        connection.nickname = Some(name.clone());
        let mut user = User::new(name.clone());
        user.connections.push(id);
        self.users.insert(name.key().clone(), user);
        fx.tell(id, Event::Welcome { nickname: name });
        Ok(())
    }

    fn check_free(&self, name: &Name, now: Now) -> Result<(), Refusal> {
        if self.bans.nickname(name, now.unix_ms).is_some() {
            return Err(Refusal::NicknameBanned(name.clone()));
        }
        if self.users.contains_key(name.key()) {
            return Err(Refusal::NicknameInUse(name.clone()));
        }
        Ok(())
    }

    pub(super) fn rename(
        &mut self,
        id: ConnectionId,
        to: Name,
        now: Now,
        fx: &mut Effects,
    ) -> Result<(), Refusal> {
        let (from, _) = self.user_of(id)?;
        // Another spelling of one's own nickname is always free.
        if from != to {
            self.check_free(&to, now)?;
        }
        let Some(mut user) = self.users.remove(from.key()) else {
            return Ok(());
        };
        if from != to {
            if user.aliases.len() == MAX_ALIASES {
                user.aliases.pop_front();
            }
            user.aliases.push_back(from.key().clone());
        }
        user.name = to.clone();
        let connections = user.connections.clone();
        self.users.insert(to.key().clone(), user);
        let mut channels = Vec::new();
        for &connection in &connections {
            if let Some(connection) = self.connection_mut(connection) {
                connection.nickname = Some(to.clone());
                channels.extend(connection.memberships.iter().map(|m| m.channel));
            }
        }
        channels.sort_unstable();
        channels.dedup();
        fx.tell_all(
            connections.iter().copied(),
            Event::Renamed { to: to.clone() },
        );
        for channel in channels.into_iter().filter_map(|c| self.channels.get(c)) {
            let others = channel.members.iter().copied();
            let others = others.filter(|member| !connections.contains(member));
            let event = Event::MemberRenamed {
                channel: channel.name.clone(),
                from: from.clone(),
                to: to.clone(),
            };
            fx.tell_all(others, event);
        }
        Ok(())
    }

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
        let Some(user) = self.users.get_mut(own.key()) else {
            return Ok(());
        };
        if !user.ignored.contains_key(name.key()) && user.ignored.len() >= MAX_IGNORED {
            return Err(Refusal::TooManyIgnored(MAX_IGNORED));
        }
        let name = known.ok_or(Refusal::NoSuchUser(name))?;
        user.ignored.insert(name.key().clone(), name.clone());
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
        if let Some(user) = self.users.get(name.key()) {
            keys.extend(user.aliases.iter().cloned());
        }
        let Some(user) = self.users.get_mut(own.key()) else {
            return Ok(());
        };
        let before = user.ignored.len();
        user.ignored.retain(|key, _| !keys.contains(key));
        if user.ignored.len() == before {
            return Err(Refusal::NotIgnored(name));
        }
        fx.tell(id, Event::Unignored(name));
        Ok(())
    }

    /// A closed connection gives its nickname back if it was the last one.
    pub(super) fn release_nickname(&mut self, connection: &Connection) {
        let Some(name) = &connection.nickname else {
            return;
        };
        if let Some(user) = self.users.get_mut(name.key()) {
            user.connections.retain(|&id| id != connection.id);
            if user.connections.is_empty() {
                self.users.remove(name.key());
            }
        }
    }

    /// The nickname and user of a connection.
    pub(super) fn user_of(&self, id: ConnectionId) -> Result<(Name, &User), Refusal> {
        self.connection(id)
            .and_then(|connection| connection.nickname.clone())
            .and_then(|name| {
                let user = self.users.get(name.key())?;
                Some((name, user))
            })
            .ok_or(Refusal::NoChannel)
    }
}
