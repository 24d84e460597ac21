//! Participants without a socket, and the threads of event streams: they are told the outcome of
//! their commands, and nothing else.

use std::collections::HashMap;

use crossbeam_channel::Sender;

use crate::hub::{ConnectionId, Event};

/// The participants by connection. There are few, and mostly none.
#[derive(Default)]
pub(super) struct Attending(HashMap<ConnectionId, Sender<Event>>);

impl Attending {
    pub fn add(&mut self, id: ConnectionId, told: Sender<Event>) {
        self.0.insert(id, told);
    }

    /// Drops a connection that has ended; a participant that waits for an answer
    /// notices.
    pub fn remove(&mut self, id: ConnectionId) {
        self.0.remove(&id);
    }

    /// Passes on an event that answers a command. A participant that sends one
    /// command at a time has room for the answer; the hub waits for none.
    pub fn tell(&self, to: &[ConnectionId], event: &Event) {
        if self.0.is_empty() || !is_answer(event) {
            return;
        }
        if let [id] = to
            && let Some(told) = self.0.get(id)
        {
            let _ = told.try_send(event.clone());
        }
    }
}

fn is_answer(event: &Event) -> bool {
    matches!(
        event,
        Event::Stored { .. }
            | Event::NotSent { .. }
            | Event::Refused(_)
            | Event::Joined { .. }
            | Event::Left { .. }
            | Event::Resumed { .. }
    )
}
