//! What administrators do to tokens and hooks of programs: they are made, listed and removed.

use std::fmt;

use crate::account::{Accounts, BadProgram, NewProgram, NoBot};
use crate::fair::Asker;
use crate::hub::Refusal;
use crate::model::hook::MAX_IN_CHANNEL;
use crate::model::program::{MAX_PROGRAMS, Shown, USUAL_RATE};
use crate::model::time::{rfc3339, unix_ms};
use crate::model::{AccountId, Name, Power, ProgramSecret, ProgramToken, Scopes};
use crate::turn::HubUnavailable;

use super::{Actor, Administration, Grant};

/// Why no token was made, listed or removed; `Display` is for the administrator.
#[derive(Clone, Debug, PartialEq)]
pub enum ProgramFailed {
    /// A field is wrong.
    Field(&'static str, String),
    /// The administrator's own token does not allow this scope.
    Beyond(String),
    /// There are too many.
    TooMany,
    /// The channel has as many hooks as it may.
    TooManyHooks,
    /// Nothing is kept that an outgoing hook could send.
    NoHistory,
    /// Who makes it does not operate the channel.
    NotOperator(Refusal),
    /// Another program speaks under the nickname.
    Speaks(Name),
    /// There is none with this id.
    NoSuch(String),
    /// The program cannot speak under this nickname.
    Bot(NoBot),
    /// There is no randomness for a secret.
    NoRandom,
    /// The hub does not answer.
    Hub,
    /// The store has failed.
    Store,
}

impl Administration {
    /// Makes a token or a hook. Its secret is returned this once.
    pub fn add_program(
        &self,
        actor: Actor,
        grant: &Grant,
        accounts: &Accounts,
        asker: Asker,
        new: NewProgram,
    ) -> Result<(ProgramToken, ProgramSecret), ProgramFailed> {
        check_scopes(grant, &new.scopes)?;
        let new = within(grant, new)?;
        if let (Some(own), Some(nickname)) = (limited(grant), new.nickname()) {
            check_speaks(accounts, asker, nickname, |bot| own.speaks_as(bot))?;
        }
        let (token, secret) = make(accounts, asker, new)?;
        let added = accounts.store().add_program(&token).map_err(|error| {
            error.log("a token could not be stored");
            ProgramFailed::Store
        })?;
        if !added {
            return Err(ProgramFailed::TooMany);
        }
        self.did_to_program(&actor, "made", &token, None)?;
        Ok((token, secret))
    }

    /// The tokens or the hooks, the oldest first.
    pub fn programs(
        &self,
        accounts: &Accounts,
        shown: Shown,
    ) -> Result<Vec<ProgramToken>, ProgramFailed> {
        let all = accounts.store().programs().map_err(|error| {
            error.log("the tokens could not be read");
            ProgramFailed::Store
        })?;
        Ok(all.into_iter().filter(|it| it.shown == shown).collect())
    }

    /// Removes a token: its secret is good for nothing any more. A program removes only what allows
    /// no more than its own token.
    pub fn remove_token(
        &self,
        actor: Actor,
        grant: &Grant,
        accounts: &Accounts,
        id: &str,
    ) -> Result<ProgramToken, ProgramFailed> {
        let no_such = || ProgramFailed::NoSuch(id.to_owned());
        let mut all = self.programs(accounts, Shown::Token)?.into_iter();
        let found = all.find(|it| it.id == id).ok_or_else(no_such)?;
        check_scopes(grant, &found.scopes)?;
        let removed = accounts.store().remove_program(id).map_err(|error| {
            error.log("a token could not be removed");
            ProgramFailed::Store
        })?;
        let removed = removed.ok_or_else(no_such)?;
        self.did_to_program(&actor, "removed", &removed, None)?;
        let token = removed.connection_token();
        self.hub
            .ask(move |hub, now, fx| hub.revoke(&token, now, fx))?;
        self.end_bot(accounts, &removed)?;
        Ok(removed)
    }

    /// Has the bot of a removed token leave the chat, unless another token speaks as it.
    pub(super) fn end_bot(
        &self,
        accounts: &Accounts,
        removed: &ProgramToken,
    ) -> Result<(), ProgramFailed> {
        let Some((account, name)) = removed.bot.clone() else {
            return Ok(());
        };
        let others = accounts.store().programs().map_err(|error| {
            error.log("the tokens could not be read");
            ProgramFailed::Store
        })?;
        if others.iter().any(|other| other.speaks_as(account)) {
            return Ok(());
        }
        let ended = self
            .hub
            .ask(move |hub, now, fx| hub.kick(&name, None, now, fx));
        ended.map(drop).map_err(ProgramFailed::from)
    }

    /// Records what was done to a token or hook, by an operator of its channel or by an
    /// administrator: without its secret.
    pub(super) fn did_to_program(
        &self,
        actor: &Actor,
        deed: &str,
        token: &ProgramToken,
        operator: Option<&Name>,
    ) -> Result<(), HubUnavailable> {
        let what = match token.shown {
            Shown::Token => "token",
            Shown::Hook => "hook",
            Shown::Nothing => "outgoing hook",
        };
        let operator = operator.map(|name| format!(", as the operator {name}"));
        let what = format!(
            "{deed} the {what} {} ({}): {}{}",
            token.name,
            token.id,
            token.scopes,
            operator.unwrap_or_default()
        );
        ::log::info!("{actor}: {what}");
        let by = actor.clone();
        (self.hub).ask(move |_, now, fx| fx.log(by.did(now.unix_ms, None, what)))
    }
}

/// Nobody hands on what they may not do themselves.
pub(super) fn check_scopes(grant: &Grant, scopes: &Scopes) -> Result<(), ProgramFailed> {
    match grant.program().and_then(|own| own.scopes.beyond(scopes)) {
        Some(beyond) => Err(ProgramFailed::Beyond(beyond.to_string())),
        None => Ok(()),
    }
}

/// The token of a program that may not do everything.
pub(super) fn limited(grant: &Grant) -> Option<&ProgramToken> {
    let own = grant.program()?;
    (!own.scopes.allow(Power::All, None)).then_some(&**own)
}

/// What a program makes ends when its own token does, at the latest, and calls no faster.
pub(super) fn within(grant: &Grant, mut new: NewProgram) -> Result<NewProgram, ProgramFailed> {
    let Some(own) = grant.program() else {
        return Ok(new);
    };
    new.expires_at = new.expires_at.or(own.expires_at);
    if let (Some(end), Some(latest)) = (new.expires_at, own.expires_at)
        && end > latest
    {
        let why = format!(
            "must be no later than {}, when your own token ends",
            rfc3339(latest)
        );
        return Err(ProgramFailed::Field("expires_at", why));
    }
    let rate = new.rate.unwrap_or(USUAL_RATE.min(own.rate));
    if rate > own.rate {
        let why = format!("must be at most {}, as that of your own token", own.rate);
        return Err(ProgramFailed::Field("rate", why));
    }
    new.rate = Some(rate);
    Ok(new)
}

/// Checks that no program speaks under a nickname but one that `is_own`: who may make one must not
/// speak in the name of another, which others trust, nor read what it may read.
pub(super) fn check_speaks(
    accounts: &Accounts,
    asker: Asker,
    nickname: &Name,
    is_own: impl Fn(AccountId) -> bool,
) -> Result<(), ProgramFailed> {
    let found = accounts.find(asker, nickname).map_err(|error| {
        error.log("it could not be looked up who has the name of a program");
        ProgramFailed::Store
    })?;
    match found {
        Some(account) if !is_own(account.id) => {
            let is_bot = accounts.store().is_bot(account.id);
            let is_bot = is_bot.map_err(|error| {
                error.log("it could not be looked up whether a name is a program's");
                ProgramFailed::Store
            })?;
            Err(match is_bot {
                true => ProgramFailed::Speaks(account.username),
                false => ProgramFailed::Bot(NoBot::Registered(account.username)),
            })
        }
        _ => Ok(()),
    }
}

/// Makes a token or a hook, which is not stored yet, and its secret.
pub(super) fn make(
    accounts: &Accounts,
    asker: Asker,
    new: NewProgram,
) -> Result<(ProgramToken, ProgramSecret), ProgramFailed> {
    let now = unix_ms();
    new.check(now)?;
    let bot = match new.nickname() {
        Some(nickname) => Some(accounts.bot(asker, nickname).map_err(ProgramFailed::Bot)?),
        None => None,
    };
    Ok(new.make(bot.as_ref(), now)?)
}

impl From<BadProgram> for ProgramFailed {
    fn from(bad: BadProgram) -> ProgramFailed {
        match bad {
            BadProgram::NoRandom => ProgramFailed::NoRandom,
            bad => ProgramFailed::Field(bad.field(), bad.to_string()),
        }
    }
}

impl From<HubUnavailable> for ProgramFailed {
    fn from(_: HubUnavailable) -> ProgramFailed {
        ProgramFailed::Hub
    }
}

impl fmt::Display for ProgramFailed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ProgramFailed::Field(_, why) => f.write_str(why),
            ProgramFailed::Beyond(scope) => {
                write!(f, "your own token does not have the scope {scope}")
            }
            ProgramFailed::TooMany => {
                write!(f, "there are {MAX_PROGRAMS} already; remove some first")
            }
            ProgramFailed::TooManyHooks => write!(
                f,
                "the channel has {MAX_IN_CHANNEL} hooks already, or there are too many in all; \
                 remove some first"
            ),
            ProgramFailed::NoHistory => write!(
                f,
                "outgoing hooks need the history, which this server does not keep"
            ),
            ProgramFailed::NotOperator(refusal) => refusal.fmt(f),
            ProgramFailed::Speaks(name) => write!(
                f,
                "another program speaks as {name}; choose another nickname for this one"
            ),
            ProgramFailed::NoSuch(id) => write!(f, "there is none with the id {id:?}"),
            ProgramFailed::Bot(error) => error.fmt(f),
            ProgramFailed::NoRandom => write!(f, "no secret can be made at present"),
            ProgramFailed::Hub => write!(f, "the server is too busy or stopping; try again"),
            ProgramFailed::Store => write!(f, "it cannot be stored or looked up now; try again"),
        }
    }
}

impl std::error::Error for ProgramFailed {}
