//! What administrators lay down for the past of a channel: how long it is kept, and whether it is on
//! hold.

use std::ops::RangeInclusive;

use crate::hub::Refusal;
use crate::model::{Entry, Keeping, Name};

use super::channels::ChannelFailed;
use super::{Actor, Administration};

/// The most days, as for all channels.
const MAX_DAYS: u64 = 36_500;
/// The fewest messages, as for all channels, and the most.
const MESSAGES: RangeInclusive<u64> = 20..=1 << 40;

/// What to lay down; `None` stays as it is.
#[derive(Clone, Copy, Debug, Default)]
pub struct KeepingChanges {
    /// Days for which messages are kept; 0 is as for all channels.
    pub days: Option<u64>,
    /// How many messages are kept; 0 is as for all channels.
    pub messages: Option<u64>,
    /// Whether nothing is removed, edited or deleted.
    pub hold: Option<bool>,
}

impl KeepingChanges {
    fn check(&self) -> Result<(), ChannelFailed> {
        if self.days.is_some_and(|days| days > MAX_DAYS) {
            let why = format!("must be a number from 1 to {MAX_DAYS}, or 0");
            return Err(ChannelFailed::Field("days", why));
        }
        if self
            .messages
            .is_some_and(|it| it != 0 && !MESSAGES.contains(&it))
        {
            let (least, most) = (MESSAGES.start(), MESSAGES.end());
            let why = format!("must be a number from {least} to {most}, or 0");
            return Err(ChannelFailed::Field("messages", why));
        }
        Ok(())
    }
}

impl Administration {
    /// What is laid down for the past of a channel.
    pub fn keeping(&self, actor: &Actor, channel: &Name) -> Result<Keeping, ChannelFailed> {
        let accounts = self.accounts.as_ref().ok_or(ChannelFailed::CannotLookUp)?;
        let found = accounts.question(&actor.asker(), |store| store.keeping(channel));
        found.map_err(|error| {
            error.log("what is laid down for a channel could not be looked up");
            ChannelFailed::CannotLookUp
        })
    }

    /// Lays down what is to hold for the past of a channel, and records that.
    pub fn set_keeping(
        &self,
        actor: Actor,
        channel: &Name,
        changes: KeepingChanges,
    ) -> Result<Keeping, ChannelFailed> {
        changes.check()?;
        let before = self.keeping(&actor, channel)?;
        let keeping = Keeping {
            days: changes.days.unwrap_or(before.days),
            messages: changes.messages.unwrap_or(before.messages),
            is_held: changes.hold.unwrap_or(before.is_held),
            channel: before.channel,
        };
        let accounts = self.accounts.as_ref().ok_or(ChannelFailed::CannotLookUp)?;
        let set = accounts.question(&actor.asker(), |store| store.set_keeping(&keeping));
        set.map_err(|error| {
            error.log("what was laid down for a channel could not be stored");
            ChannelFailed::Refused(Refusal::NotStored)
        })?;
        self.laid_down(actor, &keeping)?;
        Ok(keeping)
    }

    /// Records what was laid down.
    fn laid_down(&self, actor: Actor, keeping: &Keeping) -> Result<(), ChannelFailed> {
        let usual = |value: u64| match value {
            0 => "as usual".to_owned(),
            value => value.to_string(),
        };
        let what = format!(
            "keeps of #{}: days {}, messages {}, on hold: {}",
            keeping.channel,
            usual(keeping.days),
            usual(keeping.messages),
            if keeping.is_held { "yes" } else { "no" },
        );
        let channel = keeping.channel.shown();
        ::log::info!("{actor}: {what}");
        self.hub.ask(move |_, now, fx| {
            fx.log(Entry {
                channel: Some(channel),
                ..actor.did(now.unix_ms, None, what)
            });
        })?;
        Ok(())
    }
}
