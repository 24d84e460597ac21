//! What users are shown with: how it is made, and how it changes.

use std::sync::Arc;

use crate::model::{Name, Text};

use super::channel::ChannelIndex;
use super::{ConnectionId, Effects, Event, Face, Hub, Introduction, Mark, Refusal, RosterNews};

impl Hub {
    /// Notes what the program of a connection says about its user, before the connection
    /// takes a nickname.
    pub fn introduce(&mut self, id: ConnectionId, introduction: Introduction) {
        if let Some(connection) = self.connection_mut(id) {
            connection.introduction = Some(Arc::new(introduction));
        }
    }

    /// Gives the user of a connection another real name. The connection is told that with
    /// the mark of its request.
    pub fn set_real_name(
        &mut self,
        id: ConnectionId,
        real_name: Text,
        mark: Option<Mark>,
        fx: &mut Effects,
    ) -> Result<(), Refusal> {
        let (name, user) = self.user_of(id)?;
        let news = RosterNews::RealName {
            nickname: name.clone(),
            text: real_name.clone(),
        };
        let before = user.face.introduction.as_deref();
        let user = before.map_or_else(|| "u".into(), |before| before.user.clone());
        let introduction = Introduction { user, real_name };
        if let Some(user) = self.users.get_mut(name.key()) {
            let mut face = Face::clone(&user.face);
            face.introduction = Some(Arc::new(introduction));
            user.face = Arc::new(face);
        }
        let face = self.face_of(&name);
        let mut observers = self.observers_of(&name, self.channels_of_user(&name), &[]);
        observers.push(id);
        observers.sort_unstable();
        observers.dedup();
        self.tell_watchers(&name, &observers, &news, fx);
        let before = fx.answer(mark.map(|mark| (id, mark)));
        fx.shown_as(face, |fx| fx.tell_all(observers, Event::Roster(news)));
        fx.answer(before);
        Ok(())
    }

    /// Tells those who see a user that the user has an account now.
    pub(super) fn tell_account(&self, name: &Name, fx: &mut Effects) {
        let nickname = name.clone();
        self.tell_all_who_see(name, &[], RosterNews::Account { nickname }, fx);
    }

    /// Tells those who see a user of another server in these channels that the user has an
    /// account now.
    pub(super) fn tell_account_elsewhere(
        &self,
        name: &Name,
        channels: Vec<ChannelIndex>,
        fx: &mut Effects,
    ) {
        let news = RosterNews::Account {
            nickname: name.clone(),
        };
        self.tell_all_who_see_in(name, channels.clone(), &[], news, fx);
        if let Some(face) = self.face_of(name) {
            let mut before = Face::clone(&face);
            before.account = None;
            self.tell_host_in(name, channels, Arc::new(before), fx);
        }
    }

    /// Tells those who see a user, and the user, that something else stands for where the user
    /// is.
    pub(super) fn tell_host(&self, name: &Name, before: Option<Arc<Face>>, fx: &mut Effects) {
        if let Some(before) = before {
            self.tell_host_in(name, self.channels_of_user(name), before, fx);
        }
    }

    fn tell_host_in(
        &self,
        name: &Name,
        channels: Vec<ChannelIndex>,
        before: Arc<Face>,
        fx: &mut Effects,
    ) {
        let mut observers = self.observers_of(name, channels, &[]);
        observers.extend(self.connections_of(name));
        observers.sort_unstable();
        observers.dedup();
        observers.retain(|&id| {
            let connection = self.connection(id);
            connection.is_some_and(|it| it.profile.keeps_rosters)
        });
        let news = RosterNews::Host {
            nickname: name.clone(),
            before,
        };
        let face = self.face_of(name);
        fx.shown_as(face, |fx| fx.tell_all(observers, Event::Roster(news)));
    }

    /// What others are shown of a user on any server; `None` if no such user is online.
    pub(super) fn face_of(&self, name: &Name) -> Option<Arc<Face>> {
        if let Some(user) = self.users.get(name.key()) {
            return Some(user.face.clone());
        }
        let person = self.remote_person(name)?;
        Some(Arc::new(Face {
            account: person.account.map(|_| person.name.clone()),
            cloak: person.cloak.clone(),
            is_bot: self.is_program(person.account),
            ..Face::default()
        }))
    }

    /// The face of a user who is about to come online with a connection.
    pub(super) fn face_for(&self, id: ConnectionId, name: &Name, has_account: bool) -> Arc<Face> {
        let connection = self.connection(id);
        Arc::new(Face {
            account: has_account.then(|| name.clone()),
            cloak: connection.and_then(|it| it.profile.cloak.clone()),
            introduction: connection.and_then(|it| it.introduction.clone()),
            is_bot: connection.is_some_and(|it| it.traits.is_bot),
            is_operator: connection.is_some_and(|it| it.traits.is_operator),
        })
    }
}
