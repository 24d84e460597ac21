//! What administrators do to messages.

use crate::hub::Refusal;
use crate::model::{MessageId, Name, Text};

use super::channels::{ChannelFailed, administrator};
use super::{Actor, Administration};

impl Administration {
    /// Deletes a message of a channel, and waits until it is gone. One that is elsewhere is not
    /// there.
    pub fn delete_message(
        &self,
        actor: Actor,
        (channel, id): (&Name, MessageId),
        reason: Option<Text>,
    ) -> Result<(), ChannelFailed> {
        let by = administrator()?;
        self.spend(&actor)?;
        let accounts = self.accounts.as_ref().ok_or(ChannelFailed::CannotLookUp)?;
        let found = accounts.question(&actor.asker(), |store| store.find_message(id));
        let found = found.map_err(|error| {
            error.log("a message to delete could not be looked up");
            ChannelFailed::CannotLookUp
        })?;
        let found = found.filter(|found| found.message.place.channel() == Some(channel));
        let found = found.ok_or(ChannelFailed::Refused(Refusal::NoSuchMessage))?;
        let what = format!("deleted message {id} in #{channel}");
        let author = found.message.author.clone();
        let (words, by_whom) = (what.clone(), actor.clone());
        let draft = self.hub.ask(move |hub, now, fx| {
            let draft = hub.delete_for_administrator(found, by, reason, now, fx)?;
            fx.log(by_whom.did(now.unix_ms, Some(&author), what));
            Ok(draft)
        })?;
        if let Some(draft) = draft.map_err(ChannelFailed::Refused)? {
            self.hub.outcome(draft)?;
        }
        ::log::info!("{actor}: {words}");
        Ok(())
    }

    /// Counts what a program is about to have written. Administrators themselves may clear up
    /// without limit.
    fn spend(&self, actor: &Actor) -> Result<(), ChannelFailed> {
        match (&self.spend, actor.program_address()) {
            (Some(spend), Some(address)) => spend(address).map_err(ChannelFailed::Refused),
            _ => Ok(()),
        }
    }
}
