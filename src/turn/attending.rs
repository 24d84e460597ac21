//! Participants without a socket: they are told what becomes of what they ask,
//! and nothing else.

use std::collections::HashMap;

use crossbeam_channel::Sender;

use crate::hub::{ConnectionId, Event};

/// Who attends which connection. There are few, and mostly none.
#[derive(Default)]
pub(super) struct Attending(HashMap<ConnectionId, Sender<Event>>);

impl Attending {
    pub fn add(&mut self, id: ConnectionId, told: Sender<Event>) {
        self.0.insert(id, told);
    }

    /// The connection has ended; whoever waits for it notices.
    pub fn remove(&mut self, id: ConnectionId) {
        self.0.remove(&id);
    }

    /// Passes on what answers a command. Whoever asks one thing at a time has
    /// room for it; nobody else is waited for.
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
    )
}
