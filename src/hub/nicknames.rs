//! Nicknames of accounts: connections whose clients keep lists of members may call their
//! account otherwise than by its name. It has one such nickname at a time, which nobody else
//! can take, for as long as one of these connections is there, on any server. To the hub the
//! user is still the account; only those who know people by nicknames are told of it.

use std::collections::HashMap;
use std::sync::Arc;

use crate::model::Name;

use super::lookalikes::Lookalikes;
use super::nickname::Nickname;
use super::{ConnectionId, Effects, Event, Hub, Now, Refusal, RosterChange, RosterNews};

/// What accounts are called that are not called by their names.
#[derive(Default)]
pub(super) struct Nicknames {
    /// The name of the account, by the key of the nickname.
    owners: HashMap<Arc<str>, Name>,
    /// The nickname, by the key of the account's name.
    by_owner: HashMap<Arc<str>, Name>,
    /// The nicknames that look like other names.
    looks: Lookalikes,
    /// Accounts without the nickname that they have chosen: another one has it. The servers
    /// agree on whose it is before it is given out, unless they have lost each other.
    waiting: HashMap<Arc<str>, Vec<Name>>,
}

impl Nicknames {
    pub fn is_empty(&self) -> bool {
        self.by_owner.is_empty() && self.waiting.is_empty()
    }

    /// The nickname of the account of this name.
    pub fn of(&self, owner: &Name) -> Option<&Name> {
        self.by_owner.get(owner.key())
    }

    /// The account with the nickname of this key.
    pub fn owner(&self, key: &str) -> Option<&Name> {
        self.owners.get(key)
    }

    /// Whether an account other than `own` has a nickname like the name with these claims.
    pub fn has_like(&self, claims: &[Arc<str>], own: Option<&Name>) -> bool {
        let like = self.looks.like(claims).map(Name::key).chain(claims);
        let mut owners = like.filter_map(|key| self.owners.get(key));
        owners.any(|owner| Some(owner) != own)
    }

    fn wait(&mut self, owner: &Name, nickname: &Name) {
        let waiting = self.waiting.entry(nickname.key().clone()).or_default();
        if !waiting.contains(owner) {
            waiting.push(owner.clone());
        }
    }

    fn set(&mut self, owner: &Name, nickname: Option<&Name>) {
        if let Some(before) = self.by_owner.remove(owner.key()) {
            self.owners.remove(before.key());
            self.looks.remove(&before);
        }
        if let Some(nickname) = nickname {
            self.owners.insert(nickname.key().clone(), owner.clone());
            self.by_owner.insert(owner.key().clone(), nickname.clone());
            self.looks.add(nickname);
        }
    }
}

impl Hub {
    /// Notes what a connection wants its account to be called: with the next claim, login or
    /// change of nickname. The caller must have checked that it is nobody's account.
    pub fn wish_nickname(&mut self, id: ConnectionId, nickname: Name) {
        if let Some(connection) = self.connection_mut(id) {
            connection.wished = Some(nickname);
        }
    }

    pub(super) fn take_wish(&mut self, id: ConnectionId) -> Option<Name> {
        self.connection_mut(id)?.wished.take()
    }

    /// What a connection's user is called, and whether that is settled: what the connection has
    /// sent before may still change it.
    pub fn called(&self, id: ConnectionId) -> Option<(Name, bool)> {
        let name = self.nickname_of(id)?;
        Some((self.shown(&name).clone(), self.is_settled(id)))
    }

    /// Whether an account is called otherwise than by its name, or chose to be called by it.
    pub(super) fn is_called(&self, owner: &Name) -> bool {
        self.chosen(owner).is_some()
    }

    /// What a user is called: by the nickname, if it has one.
    pub(super) fn shown<'a>(&'a self, name: &'a Name) -> &'a Name {
        self.nicknames.of(name).unwrap_or(name)
    }

    /// Tells all departures of an account of which this was the nickname: it is free then.
    pub(super) fn tell_departures_called(&mut self, nickname: &Name, now: Now, fx: &mut Effects) {
        let owner = self.nicknames.owner(nickname.key()).cloned();
        if let Some(owner) = owner.filter(|owner| self.chosen(owner).is_none()) {
            self.tell_departures_of(&owner, now, fx);
        }
    }

    /// Checks that an account may come with a nickname. If it is called something already,
    /// another connection has chosen that, and it stays.
    pub(super) fn check_wish(
        &self,
        owner: &Name,
        wished: Option<&Name>,
        now: Now,
    ) -> Result<(), Refusal> {
        match wished.filter(|wished| *wished != owner) {
            Some(wished) if self.chosen(owner).is_none() => self.check_nickname(wished, owner, now),
            _ => Ok(()),
        }
    }

    /// Checks that an account may be called so: no user is, or has a name like it.
    pub(super) fn check_nickname(
        &self,
        nickname: &Name,
        owner: &Name,
        now: Now,
    ) -> Result<(), Refusal> {
        match self.nicknames.owner(nickname.key()) {
            Some(other) if other == owner => self.check_ban(nickname, now),
            _ => self.check_free(nickname, Some(owner), now),
        }
    }

    /// What an account's connections on all servers want it to be called.
    fn chosen(&self, owner: &Name) -> Option<&Nickname> {
        let here = self.users.get(owner.key());
        let here = here.and_then(|user| user.nickname.as_ref());
        let elsewhere = self.remote_person(owner).into_iter();
        let elsewhere = elsewhere.flat_map(|person| person.nicknames.values());
        here.into_iter()
            .chain(elsewhere)
            .max_by(|a, b| a.rank().cmp(&b.rank()))
    }

    /// Has a connection that has just come share what its account is called, or else call it
    /// what the connection wishes.
    pub(super) fn come_as(
        &mut self,
        id: ConnectionId,
        owner: &Name,
        wished: Option<Name>,
        is_told: bool,
        now: Now,
        fx: &mut Effects,
    ) {
        if (wished.is_none() && self.nicknames.is_empty()) || !self.keeps_roster(id) {
            return;
        }
        // The account's own name is chosen, too: those who come later share that.
        let wished = wished.map(|wished| match wished == *owner {
            true => owner.clone(),
            false => wished,
        });
        let wished = wished.map(|name| Nickname { name, version: 1 });
        if let Some(nickname) = self.chosen(owner).cloned().or(wished) {
            self.hold_nickname(owner, nickname, fx);
            self.call_anew(owner, is_told, now, fx);
        }
    }

    /// Has an account be called otherwise from now on.
    pub(super) fn choose_nickname(
        &mut self,
        id: ConnectionId,
        owner: &Name,
        to: Name,
        now: Now,
        fx: &mut Effects,
    ) -> Result<(), Refusal> {
        if self.shown(owner).as_str() == to.as_str() {
            fx.tell(id, Event::Renamed { to });
            return Ok(());
        }
        let name = match to == *owner {
            // Accounts do not spell their names anew.
            true => owner.clone(),
            false => {
                self.check_nickname(&to, owner, now)?;
                to
            }
        };
        let version = self.chosen(owner).map_or(0, |chosen| chosen.version);
        let version = version.saturating_add(1);
        self.hold_nickname(owner, Nickname { name, version }, fx);
        self.call_anew(owner, true, now, fx);
        Ok(())
    }

    /// Calls an account as the guest is called who becomes its user. The other servers are
    /// told later: to them the nickname is still the guest's.
    pub(super) fn keep_nickname(
        &mut self,
        owner: &Name,
        name: Name,
        is_told: bool,
        now: Now,
        fx: &mut Effects,
    ) {
        if let Some(user) = self.users.get_mut(owner.key()) {
            user.nickname = Some(Nickname { name, version: 1 });
        }
        self.call_anew(owner, is_told, now, fx);
    }

    /// Tells the other servers what an account is called here.
    pub(super) fn share_nickname(&self, owner: &Name, fx: &mut Effects) {
        let nickname = self.users.get(owner.key());
        let nickname = nickname.and_then(|user| user.nickname.clone());
        let name = owner.clone();
        self.share_change(|| RosterChange::Called { name, nickname }, fx);
    }

    fn hold_nickname(&mut self, owner: &Name, nickname: Nickname, fx: &mut Effects) {
        let Some(user) = self.users.get_mut(owner.key()) else {
            return;
        };
        let nickname = Some(nickname);
        if user.nickname != nickname {
            user.nickname = nickname;
            self.share_nickname(owner, fx);
        }
    }

    /// Gives up what an account is called here once none of its connections need it.
    pub(super) fn let_nickname_go(&mut self, owner: &Name, fx: &mut Effects) {
        let user = self.users.get(owner.key());
        let Some(user) = user.filter(|user| user.nickname.is_some()) else {
            return;
        };
        if !user.connections().iter().any(|&id| self.keeps_roster(id)) {
            self.drop_nickname(owner, fx);
        }
    }

    fn drop_nickname(&mut self, owner: &Name, fx: &mut Effects) {
        if let Some(user) = self.users.get_mut(owner.key())
            && user.nickname.take().is_some()
        {
            self.share_nickname(owner, fx);
        }
    }

    /// Takes a nickname from the account that is called so: it is another one's.
    pub(super) fn lose_nickname(&mut self, nickname: &Name, now: Now, fx: &mut Effects) {
        let owner = self.nicknames.owner(nickname.key()).cloned();
        let waiting = self.nicknames.waiting.get(nickname.key()).cloned();
        for owner in owner.into_iter().chain(waiting.unwrap_or_default()) {
            self.drop_nickname(&owner, fx);
            self.call_anew(&owner, true, now, fx);
        }
    }

    /// Takes in what an account is called on another server: its connections here share it.
    pub(super) fn called_elsewhere(&mut self, owner: &Name, now: Now, fx: &mut Effects) {
        let user = self.users.get(owner.key());
        let user = user.filter(|user| user.account.is_some());
        let mut here = user.into_iter().flat_map(|user| user.connections());
        if here.any(|&id| self.keeps_roster(id))
            && let Some(chosen) = self.chosen(owner).cloned()
        {
            self.hold_nickname(owner, chosen, fx);
        }
        self.call_anew(owner, true, now, fx);
    }

    /// Forgets what accounts are called on other servers, because those are not known any more.
    pub(super) fn forget_called_elsewhere(&mut self, now: Now, fx: &mut Effects) {
        let mut owners: Vec<Name> = self.nicknames.owners.values().cloned().collect();
        owners.sort_by(|a, b| a.key().cmp(b.key()));
        for owner in owners {
            self.call_anew(&owner, false, now, fx);
        }
    }

    /// Makes what an account is called follow from what its connections want. Those who see it
    /// are told, unless it has only just come.
    pub(super) fn call_anew(&mut self, owner: &Name, is_told: bool, now: Now, fx: &mut Effects) {
        let chosen = self.chosen(owner).map(|chosen| chosen.name.clone());
        let mut chosen = chosen.filter(|name| name != owner);
        let before = self.nicknames.of(owner).cloned();
        let spelled = |name: &Option<Name>| name.as_ref().map(|name| name.shown());
        if spelled(&chosen) == spelled(&before) {
            return;
        }
        if chosen.is_none() && self.departures.has(owner) {
            // What it has said last is told under the nickname that it had.
            return;
        }
        if let Some(name) = &chosen
            && let Some(other) = self.nicknames.owner(name.key()).cloned()
            && other != *owner
        {
            // All servers must decide alike.
            if other.key() < owner.key() {
                self.nicknames.wait(owner, name);
                chosen = None;
            } else {
                self.nicknames.wait(&other, name);
                self.call(&other, None, true, now, fx);
            }
        }
        if chosen.is_some() || before.is_some() {
            self.call(owner, chosen, is_told, now, fx);
        }
        if let Some(before) = before.filter(|before| self.nicknames.owner(before.key()).is_none()) {
            let waiting = self.nicknames.waiting.remove(before.key());
            for next in waiting.unwrap_or_default() {
                self.call_anew(&next, true, now, fx);
            }
        }
    }

    fn call(
        &mut self,
        owner: &Name,
        nickname: Option<Name>,
        is_told: bool,
        now: Now,
        fx: &mut Effects,
    ) {
        let from = self.shown(owner).clone();
        let to = nickname.clone().unwrap_or_else(|| owner.clone());
        self.nicknames.set(owner, nickname.as_ref());
        if let Some(user) = self.users.get_mut(owner.key())
            && from != to
            && from != *owner
        {
            // A ban of it holds on.
            user.add_alias(from.key().clone());
        }
        // The change itself is told in the nicknames before and after, as they are.
        let is_own = nickname.is_none();
        if is_own {
            fx.call(owner.clone(), None);
        }
        if is_told && self.presence(owner.clone()).1 {
            self.tell_called(owner, (&from, &to), now, fx);
        }
        if !is_own {
            fx.call(owner.clone(), nickname);
        }
        if is_told {
            for id in self.connections_of(owner) {
                self.leave_if_banned(id, now, fx);
            }
        }
    }

    fn tell_called(&mut self, owner: &Name, names: (&Name, &Name), now: Now, fx: &mut Effects) {
        let (from, to) = names;
        let face = self.face_of(owner);
        if from != to {
            self.remember(from, face.clone().unwrap_or_default(), now);
            self.tell_offline_as(from, fx);
        }
        let mut own = self.connections_of(owner);
        own.retain(|&id| self.keeps_roster(id));
        let mut channels = self.channels_of_user(owner);
        let elsewhere = self.remote_person(owner).into_iter();
        let elsewhere = elsewhere.flat_map(|person| person.channels(usize::MAX));
        channels.extend(elsewhere.filter_map(|channel| self.channels.find(channel)));
        self.channels.tell_all_late_of(owner, fx);
        self.channels.tell_late_of_each(&channels, to, fx);
        let observers = self.observers_of(owner, channels, &own);
        let news = RosterNews::Renamed {
            from: from.clone(),
            to: to.clone(),
        };
        fx.shown_as(face, |fx| {
            fx.tell_all(own, Event::Renamed { to: to.clone() });
            fx.tell_all(observers, Event::Roster(news));
        });
        if from != to {
            self.tell_online(owner, fx);
        }
    }

    fn keeps_roster(&self, id: ConnectionId) -> bool {
        let connection = self.connection(id);
        connection.is_some_and(|connection| connection.profile.keeps_rosters)
    }
}
