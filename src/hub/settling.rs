//! What is done when a message has been told: its sender hears that it is
//! stored, those who have gone are said to have left, and what waited goes on.
//!
//! A message may be held until the past of its channel has been read. Then all
//! of this is held with it, and ends with it.

use std::collections::VecDeque;

use crate::model::{MessageId, Name};

use super::channel::ChannelIndex;
use super::past::{Released, Settlement};
use super::{ConnectionId, Effects, Hub, Now};

impl Hub {
    /// Does what comes behind a message: at once, as nothing is held.
    pub(super) fn finish(&mut self, settlement: Settlement, now: Now, fx: &mut Effects) {
        let sender = settlement.sender;
        self.tell_settled(settlement, now, fx);
        self.answered(sender, now, fx);
    }

    /// Does what comes behind a message that was told before, or will be with
    /// what is held.
    pub(super) fn finish_behind_held(
        &mut self,
        channel: &Name,
        settlement: Settlement,
        now: Now,
        fx: &mut Effects,
    ) {
        let index = self.channels.find(channel);
        let channel = index.and_then(|index| Some((index, self.channels.get_mut(index)?)));
        let Some((index, channel)) = channel.filter(|(_, it)| it.past.is_awaited()) else {
            return self.finish(settlement, now, fx);
        };
        if let Some(released) = channel.past.put_off(settlement) {
            self.release(index, released, now, fx);
        }
    }

    /// Tells what was held until the past of a channel was known, or given up,
    /// and behind each message what was to come behind it.
    pub(super) fn release(
        &mut self,
        index: ChannelIndex,
        released: Released,
        now: Now,
        fx: &mut Effects,
    ) {
        let Released {
            known,
            new,
            mut settlements,
        } = released;
        let mut answered: Vec<ConnectionId> = settlements.iter().map(|it| it.sender).collect();
        if let Some(channel) = self.channels.get(index) {
            // All of them came while the past was being read.
            answered.extend(&channel.members);
        }
        for message in known {
            let id = message.body.id;
            self.tell_known(index, message, fx);
            self.tell_settled_up_to(id, &mut settlements, now, fx);
        }
        for message in new {
            let id = message.body.id;
            if let Some(channel) = self.channels.get_mut(index) {
                channel.tell_message(message, fx);
            }
            self.tell_settled_up_to(id, &mut settlements, now, fx);
        }
        for settlement in settlements {
            self.tell_settled(settlement, now, fx);
        }
        // Only now: who joined in between would be told some of it twice.
        self.all_answered(&answered);
    }

    /// Channels are gone before their pasts were read: nobody is left to tell
    /// what was held, but others may wait for what comes behind it.
    pub(super) fn settle_abandoned(&mut self, now: Now, fx: &mut Effects) {
        for settlement in std::mem::take(&mut self.channels.abandoned) {
            self.finish(settlement, now, fx);
        }
    }

    fn tell_settled_up_to(
        &mut self,
        told: MessageId,
        settlements: &mut VecDeque<Settlement>,
        now: Now,
        fx: &mut Effects,
    ) {
        let is_told = |it: &Settlement| it.message.is_none_or(|message| message <= told);
        while settlements.front().is_some_and(is_told) {
            if let Some(settlement) = settlements.pop_front() {
                self.tell_settled(settlement, now, fx);
            }
        }
    }

    fn tell_settled(&mut self, settlement: Settlement, now: Now, fx: &mut Effects) {
        let Settlement {
            sender,
            tag,
            message,
        } = settlement;
        if let Some(tag) = tag {
            self.settle_tag(sender, tag, message, now, fx);
        }
        self.note_settled(sender, now, fx);
    }
}
