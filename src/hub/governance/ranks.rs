//! Changes of roles, as those see them whose clients keep lists of members.

use crate::model::Name;
use crate::model::governance::{By, Change, ChannelChange, Role};

use super::view::founder;
use crate::hub::channel::ChannelIndex;
use crate::hub::{ConnectionId, Effects, Hub, RosterNews};

impl Hub {
    /// Tells those who keep lists of members what one is who has just come with a
    /// connection.
    pub(in crate::hub) fn tell_role_of(
        &mut self,
        id: ConnectionId,
        index: ChannelIndex,
        nickname: &Name,
        fx: &mut Effects,
    ) {
        let Some(role) = self.role_in(index, nickname) else {
            return;
        };
        self.make_known(index, nickname, fx);
        if let Some(channel) = self.channels.get(index) {
            let news = RosterNews::Role {
                channel: channel.name.clone(),
                nickname: nickname.clone(),
                before: None,
                now: Some(role),
                by: None,
            };
            self.tell_observers([index], &[id], None, news, fx);
        }
    }

    /// What those are in a channel whose roles a change is about, if there is anyone who
    /// must be told.
    pub(super) fn roles_before(
        &self,
        index: ChannelIndex,
        change: &ChannelChange,
    ) -> Vec<(Name, Option<Role>)> {
        let channel = self.channels.get(index);
        if channel.is_none_or(|channel| channel.named.is_empty()) {
            return Vec::new();
        }
        let governed = channel.and_then(|channel| channel.governed.as_deref());
        let founder = governed.and_then(|governed| founder(&governed.rules));
        let whom = change.changes.iter().filter_map(|one| match one {
            Change::Role { who, .. } | Change::Register(who) | Change::Transfer(who) => {
                Some(who.name.clone())
            }
            _ => None,
        });
        let whom = whom.chain(founder);
        whom.map(|name| (name.clone(), self.role_in(index, &name)))
            .collect()
    }

    /// Tells those who keep lists of members which of these have another role now.
    pub(super) fn tell_roles(
        &mut self,
        index: ChannelIndex,
        by: &By,
        before: Vec<(Name, Option<Role>)>,
        fx: &mut Effects,
    ) {
        for (nickname, before) in before {
            let now = self.role_in(index, &nickname);
            if now == before || !self.user_is_in(&nickname, index) {
                continue;
            }
            self.make_known(index, &nickname, fx);
            let Some(channel) = self.channels.get(index) else {
                return;
            };
            let news = RosterNews::Role {
                channel: channel.name.clone(),
                nickname,
                before,
                now,
                by: match by {
                    By::User(person) => Some(person.name.clone()),
                    By::Administrator(_) | By::Server(_) => None,
                },
            };
            let face = self.face_of(&by.shown());
            self.tell_observers([index], &[], face, news, fx);
        }
    }
}
