//! Channels that look alike. A new channel is refused if it looks like an
//! existing one, here or on another server.
//!
//! A channel with a history is not new: it can be joined beside the other, so
//! that its messages stay within reach. Only the store knows whether there is a
//! history, so the command to join waits for its answer.

use crate::model::{History, MessageId, Name, Window};

use super::remote::Remote;
use super::{Command, ConnectionId, Effects, Hub, Reading};

impl Hub {
    /// The existing channel that a new one with this name would look like.
    pub(super) fn channel_like(&self, name: &Name) -> Option<&Name> {
        let claims = name.claims();
        let elsewhere = || Remote::channel_like(self.remote.as_ref()?, &claims);
        self.channels.like(&claims).or_else(elsewhere)
    }

    /// Whether the store has told a connection, which wants to join a channel,
    /// that the channel has a history.
    pub(super) fn has_history(&self, id: ConnectionId, name: &Name) -> bool {
        let looked_up = self.connection(id).and_then(|it| it.looked_up.as_ref());
        looked_up.is_some_and(|(known, has_history)| known == name && *has_history)
    }

    /// Puts off a command that would create a channel which looks like another
    /// one, until the store has told whether the channel has a history. Returns
    /// whether it was put off.
    pub(super) fn puts_off_joining(
        &mut self,
        id: ConnectionId,
        command: &Command,
        fx: &mut Effects,
    ) -> bool {
        let joins = match command {
            Command::Opened { command, .. } => command,
            command => command,
        };
        let (Command::Join(name)
        | Command::Create(name)
        | Command::Switch(name)
        | Command::Resume { channel: name, .. }) = joins
        else {
            return false;
        };
        let exists = self.channels.find(name).is_some() || self.remote_channel(name).is_some();
        if exists || !self.limits.history || self.channel_like(name).is_none() {
            return false;
        }
        let address = self.address_of(id);
        let Some(connection) = self.connection_mut(id) else {
            return false;
        };
        if connection
            .looked_up
            .as_ref()
            .is_some_and(|(known, _)| known == name)
        {
            return false;
        }
        connection.pending += 1;
        connection.waiting.push_front(command.clone());
        fx.read(Reading {
            connection: id,
            address,
            channel: name.clone(),
            window: Window::Latest,
            limit: 1,
            readable: MessageId::LAST,
            catching_up: false,
            is_look_up: true,
            changes: self.mended.count(),
        });
        true
    }

    /// Takes the store's answer. A history that cannot be read counts as none.
    pub(super) fn channel_looked_up(&mut self, reading: &Reading, history: Option<&History>) {
        let has_history = history.is_some_and(|history| !history.messages.is_empty());
        if let Some(connection) = self.connection_mut(reading.connection) {
            connection.looked_up = Some((reading.channel.clone(), has_history));
        }
    }

    /// Drops the answer once its command has been carried out: the next command
    /// must look the channel up again.
    pub(super) fn forget_looked_up(&mut self, id: ConnectionId) {
        if let Some(connection) = self.connection_mut(id) {
            connection.looked_up = None;
        }
    }
}
