//! What administrators do to messages.

use crate::model::{Located, Text};

use super::channels::{ChannelFailed, administrator};
use super::{Actor, Administration};

impl Administration {
    /// Deletes a message of a channel, and waits until it is gone.
    pub fn delete_message(
        &self,
        actor: Actor,
        found: Located,
        reason: Option<Text>,
    ) -> Result<(), ChannelFailed> {
        let by = administrator()?;
        let message = &found.message;
        let what = match message.place.channel() {
            Some(channel) => format!("deleted message {} in #{channel}", message.id),
            None => format!("deleted message {}", message.id),
        };
        let (words, author, by_whom) = (what.clone(), message.author.clone(), actor.clone());
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
}
