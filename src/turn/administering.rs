//! Administrators who wait until their change of a channel is in force.

use std::collections::HashMap;

use crossbeam_channel::Sender;

use crate::hub::{Deed, Effects, Hub, Now, Refusal, Ticket};
use crate::model::governance::By;
use crate::model::{Name, Origin};

/// The most changes that wait to be committed; beyond it, more are refused.
const MOST: usize = 256;

/// A change of a channel that an administrator asks for.
pub struct Wish {
    /// The administrator, as members see it.
    pub by: By,
    /// From where the administrator acts.
    pub from: Origin,
    /// The channel.
    pub channel: Name,
    /// The change.
    pub deed: Deed,
    /// Is told what became of it; must have room.
    pub told: Sender<Result<(), Refusal>>,
}

/// Those who wait, by the number of their ticket.
#[derive(Default)]
pub(super) struct Administering {
    last: u64,
    waiting: HashMap<u64, Sender<Result<(), Refusal>>>,
}

impl Administering {
    /// Has the hub carry out a wish.
    pub fn begin(&mut self, wish: Wish, hub: &mut Hub, now: Now, fx: &mut Effects) {
        if self.waiting.len() >= MOST {
            tell(&wish.told, Err(Refusal::TooManyWaiting(MOST)));
            return;
        }
        self.last += 1;
        let ticket = Ticket {
            number: self.last,
            from: Some(wish.from),
        };
        match hub.govern_as(wish.by, &wish.channel, wish.deed, ticket, now, fx) {
            Ok(()) => {
                self.waiting.insert(self.last, wish.told);
            }
            Err(refusal) => tell(&wish.told, Err(refusal)),
        }
    }

    /// Tells the administrator with this ticket what became of the change.
    pub fn done(&mut self, ticket: u64, outcome: Result<(), Refusal>) {
        if let Some(told) = self.waiting.remove(&ticket) {
            tell(&told, outcome);
        }
    }
}

fn tell(told: &Sender<Result<(), Refusal>>, outcome: Result<(), Refusal>) {
    // The administrator may have stopped waiting; the hub does not wait.
    let _ = told.try_send(outcome);
}
