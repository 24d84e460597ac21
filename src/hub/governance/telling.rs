//! Who in a channel is told of a change.

use std::sync::Arc;

use crate::model::governance::{Change, ChannelChange, Role, Told};

use crate::hub::channel::ChannelIndex;
use crate::hub::{ConnectionId, Effects, Event, Hub};

impl Hub {
    /// Tells those members of a change whom it concerns: all, if it has opened the
    /// channel that they are in.
    pub(super) fn tell_change(
        &self,
        index: ChannelIndex,
        change: ChannelChange,
        opened: bool,
        fx: &mut Effects,
    ) {
        let Some(channel) = self.channels.get(index) else {
            return;
        };
        let members = channel.listeners();
        let told = match opened {
            true => Some(Told::Members),
            false => change.changes.iter().map(Change::told).max(),
        };
        match told {
            None | Some(Told::Nobody) => {}
            Some(Told::Members) => fx.tell_all(members, Event::Changed(Arc::new(change))),
            Some(Told::Operators) => {
                let operators = members.filter(|&id| self.operates(id, index));
                fx.tell_all(operators, Event::Changed(Arc::new(change)));
            }
        }
    }

    fn operates(&self, id: ConnectionId, index: ChannelIndex) -> bool {
        let name = self.nickname_of(id);
        name.is_some_and(|name| self.role_in(index, &name) >= Some(Role::Operator))
    }
}
