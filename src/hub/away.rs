//! Away: a user says that they do not read along, and why.
//!
//! It belongs to the user, with all connections and on all servers, and ends with
//! the last connection. Lists of members show it, and a client that sends the user a
//! private message is told.

use crate::model::{Name, Text};

use super::{ConnectionId, Effects, Event, Hub, Refusal, RosterNews};

/// The most characters of a reason: why a user is away, leaves, or is removed.
pub const MAX_REASON_CHARS: usize = 300;

/// Checks the length of a reason.
pub(super) fn check_reason(reason: Option<&Text>) -> Result<(), Refusal> {
    let length = reason.map_or(0, |reason| reason.as_str().chars().count());
    match length > MAX_REASON_CHARS {
        true => Err(Refusal::ReasonTooLong(MAX_REASON_CHARS)),
        false => Ok(()),
    }
}

impl Hub {
    /// Notes that the user of a connection is away, or is back, and tells all of the
    /// user's connections.
    pub(super) fn set_away(
        &mut self,
        id: ConnectionId,
        text: Option<Text>,
        fx: &mut Effects,
    ) -> Result<(), Refusal> {
        check_reason(text.as_ref())?;
        let text = text.filter(|text| !text.is_empty());
        let (name, _) = self.user_of(id)?;
        self.share_away(&name, text.clone(), fx);
        self.away_here(&name, text, fx);
        Ok(())
    }

    /// Notes that a user with connections here is away, or is back.
    pub(super) fn away_here(&mut self, name: &Name, text: Option<Text>, fx: &mut Effects) {
        let Some(user) = self.users.get_mut(name.key()) else {
            return;
        };
        user.away.clone_from(&text);
        let user = user.name.clone();
        let connections = self.connections_of(&user);
        for &id in &connections {
            let memberships = self.connection(id).map(|it| it.memberships.clone());
            for membership in memberships.unwrap_or_default() {
                self.channels.members_changed(membership.channel);
            }
        }
        let news = RosterNews::Away {
            nickname: user.clone(),
            text: text.clone(),
        };
        self.tell_all_who_see(&user, &connections, news, fx);
        let is_own = true;
        fx.tell_all(connections, Event::Away { user, text, is_own });
    }

    /// Why a user on any server is away.
    pub(super) fn away_of(&self, name: &Name) -> Option<&Text> {
        match self.users.get(name.key()) {
            Some(user) => user.away.as_ref(),
            None => self.remote_person(name)?.away.as_ref(),
        }
    }

    /// Tells a connection that has sent a private message that the recipient is away.
    pub(super) fn tell_away(&self, sender: ConnectionId, to: &Name, fx: &mut Effects) {
        if self.connection(sender).is_some()
            && let Some(text) = self.away_of(to)
        {
            let event = Event::Away {
                user: to.clone(),
                text: Some(text.clone()),
                is_own: false,
            };
            fx.tell(sender, event);
        }
    }
}
