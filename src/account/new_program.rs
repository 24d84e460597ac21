//! A token or hook of a program that is to be made, by whichever interface.

use std::fmt;

use crate::model::program::{MAX_RATE, Shown, USUAL_RATE};
use crate::model::{Account, Name, Power, ProgramSecret, ProgramToken, Scopes};

/// A token or a hook to be made.
#[derive(Clone, Debug)]
pub struct NewProgram {
    /// What administrators call it.
    pub name: Name,
    /// How it is shown.
    pub shown: Shown,
    /// What it allows.
    pub scopes: Scopes,
    /// The nickname as which the program speaks, if it does and not under the name of the token.
    pub bot: Option<Name>,
    /// When it expires, in milliseconds since 1970 UTC.
    pub expires_at: Option<u64>,
    /// Calls a minute.
    pub rate: Option<u32>,
}

/// Why it cannot be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BadProgram {
    /// It would have expired already.
    Expired,
    /// It may not call so often.
    Rate,
    /// Its name is one under which the server itself acts.
    Name,
    /// The nickname as which it is to speak is such a name.
    Bot,
    /// There is no randomness for a secret.
    NoRandom,
}

impl NewProgram {
    /// Refuses what cannot be made.
    pub fn check(&self, now_ms: u64) -> Result<(), BadProgram> {
        if self.expires_at.is_some_and(|end| end <= now_ms) {
            return Err(BadProgram::Expired);
        }
        if self.name.is_title() {
            return Err(BadProgram::Name);
        }
        if self.bot.as_ref().is_some_and(Name::is_title) {
            return Err(BadProgram::Bot);
        }
        match (1..=MAX_RATE).contains(&self.rate.unwrap_or(USUAL_RATE)) {
            true => Ok(()),
            false => Err(BadProgram::Rate),
        }
    }

    /// The nickname as which it speaks, if it speaks or reads.
    pub fn nickname(&self) -> Option<&Name> {
        let speaks = [Power::Post, Power::Read].into_iter();
        let mut speaks = speaks.filter(|power| self.scopes.allow(*power, None));
        match (&self.bot, speaks.next()) {
            (Some(bot), _) => Some(bot),
            (None, Some(_)) => Some(&self.name),
            (None, None) => None,
        }
    }

    /// The token or hook, which is not stored yet, and its secret. `bot` is the account with the
    /// nickname as which it speaks.
    pub fn make(
        self,
        bot: Option<&Account>,
        now_ms: u64,
    ) -> Result<(ProgramToken, ProgramSecret), BadProgram> {
        let mut random = [0; 32];
        getrandom::fill(&mut random).map_err(|_| BadProgram::NoRandom)?;
        let secret = ProgramSecret::of(random);
        let secret_hash = secret.hash();
        let token = ProgramToken {
            id: ProgramToken::id_of(&secret_hash),
            name: self.name,
            shown: self.shown,
            secret_hash,
            scopes: self.scopes,
            bot: bot.map(|account| (account.id, account.username.clone())),
            created_at: now_ms,
            expires_at: self.expires_at,
            used_at: None,
            rate: self.rate.unwrap_or(USUAL_RATE),
        };
        Ok((token, secret))
    }
}

impl BadProgram {
    /// The field that is wrong, if one is.
    pub fn field(self) -> &'static str {
        match self {
            BadProgram::Expired => "expires_at",
            BadProgram::Rate => "rate",
            BadProgram::Name => "name",
            BadProgram::Bot => "bot",
            BadProgram::NoRandom => "",
        }
    }
}

impl fmt::Display for BadProgram {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            BadProgram::Expired => f.write_str("must be in the future"),
            BadProgram::Rate => write!(f, "must be from 1 to {MAX_RATE} calls a minute"),
            BadProgram::Name | BadProgram::Bot => write!(
                f,
                "is, or looks like, a name under which the server itself acts; choose another one"
            ),
            BadProgram::NoRandom => f.write_str("no secret can be made at present"),
        }
    }
}

impl std::error::Error for BadProgram {}
