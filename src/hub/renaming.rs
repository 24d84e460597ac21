//! Changing a nickname: which ones are allowed, and which connections are told.

use crate::model::Name;

use super::{ConnectionId, Effects, Event, Hub, Now, Refusal, RosterNews};

impl Hub {
    pub(super) fn rename(
        &mut self,
        id: ConnectionId,
        to: Name,
        now: Now,
        fx: &mut Effects,
    ) -> Result<(), Refusal> {
        let (from, user) = self.user_of(id)?;
        if user.account.is_some() {
            return match self.take_wish(id) {
                Some(wished) if wished == to => self.choose_nickname(id, &from, to, now, fx),
                _ => Err(Refusal::NicknameIsAccount),
            };
        }
        if from.as_str() == to.as_str() {
            fx.tell(id, Event::Renamed { to });
            return Ok(());
        }
        // A user may always respell their own nickname, unless the new spelling
        // looks like the nickname of another user.
        if from == to {
            self.check_spelling(&to, now)?;
        } else {
            self.check_free(&to, Some(&from), now)?;
            if self.remote.is_some() {
                self.await_claim(id, to, fx);
                return Ok(());
            }
        }
        self.rename_now(id, to, now, fx)
    }

    /// Gives a guest a nickname that is known to be free.
    pub(super) fn rename_now(
        &mut self,
        id: ConnectionId,
        to: Name,
        now: Now,
        fx: &mut Effects,
    ) -> Result<(), Refusal> {
        let (from, _) = self.user_of(id)?;
        self.tell_departures_of(&to, now, fx);
        let Some(mut user) = self.users.remove(from.key()) else {
            return Ok(());
        };
        if from != to {
            user.add_alias(from.key().clone());
        }
        let listed = std::mem::replace(&mut user.name, to.clone());
        if from != to {
            user.named_after = self.last_id;
            self.parted.forget(to.key());
        }
        let connections = user.connections().to_vec();
        self.users.insert(user);
        self.looks.remove(&from);
        self.looks.add(&to);
        self.share_renamed((&from, &to), None, None, fx);
        if from != to {
            let face = self.face_of(&to).unwrap_or_default();
            self.remember(&from, face, now);
            self.note_gone(&from, now, fx);
            self.tell_online(&to, fx);
        }
        let mut channels = Vec::new();
        for &connection in &connections {
            if let Some(connection) = self.connection_mut(connection) {
                connection.nickname = Some(to.clone());
                channels.extend(connection.memberships.iter().map(|m| m.channel));
            }
            self.list_as(connection, &listed, &to);
        }
        channels.sort_unstable();
        channels.dedup();
        self.channels.tell_late_of_each(&channels, &to, fx);
        let face = self.face_of(&to);
        fx.shown_as(face, |fx| {
            let own = connections.iter().copied();
            fx.tell_all(own, Event::Renamed { to: to.clone() });
        });
        self.tell_renamed(&channels, &connections, (&from, &to), now, fx);
        for id in connections {
            self.leave_if_banned(id, now, fx);
        }
        Ok(())
    }

    /// Tells all other members of these channels about a new nickname.
    pub(super) fn tell_renamed(
        &mut self,
        channels: &[usize],
        own: &[ConnectionId],
        names: (&Name, &Name),
        now: Now,
        fx: &mut Effects,
    ) {
        let (from, to) = names;
        // Those who were not told that it has left a channel would rename it there.
        self.channels.tell_all_late_of(from, fx);
        let news = RosterNews::Renamed {
            from: from.clone(),
            to: to.clone(),
        };
        let observed = channels.iter().copied();
        self.tell_observers(observed, own, self.face_of(to), news, fx);
        let listed = self.users.listed(to);
        for &channel in channels {
            let there = self.channels.get(channel);
            let was_there = there.is_some_and(|it| it.connections_of(&listed) > own.len());
            self.channels
                .tell_renamed(channel, own, names, was_there, now, fx);
        }
    }
}
