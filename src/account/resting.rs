//! Hooks that may not go on: those of operators who are none any more, and those with an end.

use std::fmt;

use crate::fair::Asker;
use crate::model::time::unix_ms;
use crate::model::{Hook, Name, Standing};

use super::programs::NoBot;
use super::service::Accounts;

/// Why a hook does nothing; `Display` is for its keepers and for its channel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Rests {
    /// Its time is over.
    Expired,
    /// The account that made it is disabled or deleted.
    NoMaker(Name),
    /// The account that made it does not operate the channel any more.
    NotOperator(Name),
}

impl Accounts {
    /// Why a hook does nothing at present; `None` if it may go on. What an operator has made goes on
    /// only while they operate the channel, so that it does not read on for somebody who was put out.
    pub fn rests(&self, asker: impl Into<Asker>, hook: &Hook) -> Result<Option<Rests>, NoBot> {
        if !hook.program.is_valid_at(unix_ms()) {
            return Ok(Some(Rests::Expired));
        }
        let Some(maker) = hook.made_by.clone() else {
            return Ok(None);
        };
        let found = self.find(asker.into(), &maker).map_err(NoBot::Store)?;
        let Some(account) = found.filter(|account| account.standing == Standing::Good) else {
            return Ok(Some(Rests::NoMaker(maker)));
        };
        let channel = hook.channel.clone();
        let operates = self
            .hub()
            .ask(move |hub, _, _| hub.account_operates(account.id, &channel));
        let operates = operates.map_err(|_| NoBot::Busy)?;
        Ok(operates.err().map(|_| Rests::NotOperator(maker)))
    }
}

impl fmt::Display for Rests {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Rests::Expired => write!(f, "its time is over"),
            Rests::NoMaker(maker) => write!(
                f,
                "the account {maker}, which made it, is disabled or deleted"
            ),
            Rests::NotOperator(maker) => write!(
                f,
                "{maker}, who made it, does not operate the channel any more"
            ),
        }
    }
}
