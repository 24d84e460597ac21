//! What happens after a message has been delivered: its sender is told that it is
//! stored, departures that waited for it are told, and the sender's waiting
//! commands go on.
//!
//! While a message is held because the past of its channel is being read, all of
//! this waits with it.

use std::collections::VecDeque;

use crate::model::{MessageId, Name};

use super::channel::ChannelIndex;
use super::past::{Released, Settlement};
use super::{ConnectionId, Effects, Hub, Now};

impl Hub {
    /// Finishes a message's settlement at once, because the message is not held.
    pub(super) fn finish(&mut self, settlement: Settlement, now: Now, fx: &mut Effects) {
        let sender = settlement.sender;
        self.tell_settled(settlement, now, fx);
        self.answered(sender, now, fx);
    }

    /// Finishes the settlement of a message that was published before: after the
    /// held messages, because that message may be one of them.
    pub(super) fn finish_behind_held(
        &mut self,
        channel: Option<&Name>,
        settlement: Settlement,
        now: Now,
        fx: &mut Effects,
    ) {
        let index = channel.and_then(|channel| self.channels.find(channel));
        let channel = index.and_then(|index| Some((index, self.channels.get_mut(index)?)));
        let Some((index, channel)) = channel.filter(|(_, it)| it.past.is_awaited()) else {
            return self.finish(settlement, now, fx);
        };
        if let Some(released) = channel.past.put_off(settlement) {
            self.release(index, released, now, fx);
        }
    }

    /// Delivers the messages that were held until a channel's past was read or
    /// given up, and settles each one after its delivery.
    pub(super) fn release(
        &mut self,
        index: ChannelIndex,
        released: Released,
        now: Now,
        fx: &mut Effects,
    ) {
        let Released {
            mut known,
            mut new,
            mut settlements,
        } = released;
        let mut answered: Vec<ConnectionId> = settlements.iter().map(|it| it.sender).collect();
        if let Some(channel) = self.channels.get(index) {
            // The channel may have closed since they came: those who are in it now came after that.
            known.retain(|message| !channel.hides(message.id));
            new.retain(|message| !channel.hides(message.id));
            // Every member has joined while the past was being read.
            answered.extend(&channel.members);
        }
        let since = self.reading_since(index, now);
        for message in known {
            let id = message.id;
            self.tell_known(index, message, &since, fx);
            self.tell_settled_up_to(id, &mut settlements, now, fx);
        }
        for message in new {
            let id = message.id;
            if let Some(channel) = self.channels.get_mut(index) {
                channel.tell_held(message, &since, fx);
            }
            self.tell_settled_up_to(id, &mut settlements, now, fx);
        }
        for settlement in settlements {
            self.tell_settled(settlement, now, fx);
        }
        // Only now may their waiting commands go on: a connection that joined
        // halfway through would get some of the messages twice.
        self.all_answered(&answered);
    }

    /// Finishes the settlements of channels that were removed before their past
    /// was read. No member is left to get the held messages, but the connections
    /// that sent them still wait.
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
