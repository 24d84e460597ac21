//! The sizes of the hub's tables, by which an observer can tell that none of
//! them grows without bound.

use super::Hub;

/// Numbers of entries in the hub's tables.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sizes {
    /// Slots for connections, in use or not.
    pub connection_slots: usize,
    /// Connections that have a deadline to take a nickname.
    pub login_deadlines: usize,
    /// Commands that wait for answers to earlier ones.
    pub waiting_commands: usize,
    /// Connections with waiting commands that can now be carried out.
    pub ready: usize,
    /// Slots for channels, in use or not.
    pub channel_slots: usize,
    /// Addresses remembered for having created channels.
    pub channel_makers: usize,
    /// Questions for lists that are not answered yet.
    pub open_questions: usize,
    /// Channels with counted joins and leaves to be told.
    pub due_notices: usize,
    /// Leavings that those who keep lists of members have yet to be told.
    pub late_leavings: usize,
    /// Messages remembered for members that join next.
    pub remembered_messages: usize,
    /// Messages held back until a channel's past has been read.
    pub held_messages: usize,
    /// Settlements that wait for held messages to be delivered.
    pub held_settlements: usize,
    /// Connections that are catching up, counted once for each channel.
    pub catching_up: usize,
    /// Messages held for them while their pages are read.
    pub held_for_catching_up: usize,
    /// Messages that are being committed.
    pub unsettled_messages: usize,
    /// Guests remembered by their tokens after they have left.
    pub parted_guests: usize,
    /// Changes of messages that are remembered for pages being read.
    pub mended_messages: usize,
    /// Messages with reactions that are being committed.
    pub pending_reactions: usize,
    /// Changes of messages that are waited for by others than connections.
    pub awaited_changes: usize,
    /// Closed connections with messages that are still being committed.
    pub departures: usize,
    /// Nicknames reserved for clients with a token.
    pub held_nicknames: usize,
    /// Remembered message tags.
    pub tags: usize,
    /// Remembered message tags that will expire.
    pub aging_tags: usize,
    /// Connections that close when their token expires.
    pub expiries: usize,
    /// Bans, in force or over.
    pub bans: usize,
    /// Connections that are still to be ended, and bans to be enforced.
    pub endings: usize,
    /// Members of channels that are still to be taken out.
    pub expulsions: usize,
    /// Orders about bans given here that are not in the common log yet.
    pub unconfirmed_bans: usize,
}

impl Hub {
    /// The sizes of all tables.
    pub fn sizes(&self) -> Sizes {
        let connections = self.connections.iter().flatten();
        let pasts = || self.channels.iter().map(|channel| &channel.past);
        let catching_up = || self.channels.iter().map(|channel| &channel.catching_up);
        Sizes {
            connection_slots: self.connections.len(),
            login_deadlines: self.login_deadlines.len(),
            waiting_commands: connections.map(|c| c.waiting.len()).sum(),
            ready: self.ready.len(),
            channel_slots: self.channels.slots(),
            channel_makers: self.channels.makers.len(),
            open_questions: self.questions.len(),
            due_notices: self.channels.due_notices(),
            late_leavings: self.channels.late_leavings(),
            remembered_messages: pasts().map(|past| past.remembered()).sum(),
            held_messages: pasts().map(|past| past.held()).sum(),
            held_settlements: pasts().map(|past| past.settlements()).sum(),
            catching_up: catching_up().map(|those| those.len()).sum(),
            held_for_catching_up: catching_up().map(|those| those.held()).sum(),
            unsettled_messages: self.unsettled.len(),
            parted_guests: self.parted.len(),
            mended_messages: self.mended.len(),
            pending_reactions: self.reacting.len(),
            awaited_changes: self.awaited.len(),
            departures: self.departures.len(),
            held_nicknames: self.holds.len(),
            tags: self.tags.len(),
            aging_tags: self.tags.aging(),
            expiries: self.expiries.len(),
            bans: self.bans.len(),
            endings: self.endings.len(),
            expulsions: self.expulsions.len(),
            unconfirmed_bans: self.bans.unconfirmed.len(),
        }
    }
}
