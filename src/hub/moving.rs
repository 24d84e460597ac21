//! Operators of the server take users into channels, whatever their rules say, and out of them.

use crate::model::{Name, Text};

use super::{Command, ConnectionId, Effects, Hub, Now, Pass, Refusal};

impl Hub {
    /// Takes the connections of a user on this server into a channel. Returns how many there
    /// are.
    pub fn take_into(
        &mut self,
        name: &Name,
        channel: Name,
        now: Now,
        fx: &mut Effects,
    ) -> Result<usize, Refusal> {
        let all = self.movable(name);
        for &id in &all {
            let command = Box::new(Command::Join(channel.clone()));
            let pass = Pass::Override;
            match self.carry_out_noted(id, Command::Opened { pass, command }, now, fx) {
                Ok(()) | Err(Refusal::AlreadyInChannel(_)) => {}
                Err(refusal) => return Err(refusal),
            }
        }
        Ok(all.len())
    }

    /// Takes the connections of a user on this server out of a channel. Returns how many there
    /// are.
    pub fn take_from(
        &mut self,
        name: &Name,
        channel: &Name,
        reason: Option<Text>,
        now: Now,
        fx: &mut Effects,
    ) -> Result<usize, Refusal> {
        let all = self.movable(name);
        let index = self.channels.find(channel);
        let index = index.ok_or_else(|| Refusal::NotInChannel(channel.clone()))?;
        for &id in &all {
            if self.is_member(id, index) {
                self.leave(id, Some(channel.clone()), reason.clone(), now, fx)?;
            }
        }
        Ok(all.len())
    }

    /// The connections of a user whose clients can be in several channels: others leave one
    /// channel for the next.
    fn movable(&self, name: &Name) -> Vec<ConnectionId> {
        let mut all = self.connections_of(name);
        all.retain(|&id| {
            let connection = self.connection(id);
            connection.is_some_and(|it| !it.profile.one_channel && !it.is_ending)
        });
        all
    }
}
