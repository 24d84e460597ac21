//! What administrators do to the hooks of channels, and operators to those of their own.

use crate::account::{Accounts, NewProgram};
use crate::fair::Asker;
use crate::model::hook::SigningKey;
use crate::model::outgoing::Outgoing;
use crate::model::program::Shown;
use crate::model::{Account, Hook, MessageId, Name, Power, ProgramSecret, ProgramToken, Scopes};

use super::programs::{check_scopes, check_speaks, limited, make, within};
use super::{Actor, Administration, Grant, ProgramFailed};

/// Who deals with hooks.
#[derive(Clone, Copy, Debug)]
pub enum Keeper<'a> {
    /// An administrator, or a program, with what it may do.
    Administrator(&'a Grant),
    /// The owner of an account, who must operate the channel.
    Operator(&'a Account),
}

/// A hook to be made.
#[derive(Clone, Debug)]
pub struct NewHook {
    /// The channel.
    pub channel: Name,
    /// The nickname as which it speaks.
    pub name: Name,
    /// Whether it takes only signed calls.
    pub is_signed: bool,
    /// Calls a minute.
    pub rate: Option<u32>,
    /// Where it sends what is said, if programs do not post to it.
    pub outgoing: Option<Outgoing>,
}

impl Administration {
    /// Makes a hook. Its secrets are returned this once.
    pub fn add_hook(
        &self,
        actor: Actor,
        keeper: Keeper<'_>,
        accounts: &Accounts,
        asker: Asker,
        new: NewHook,
    ) -> Result<(Hook, ProgramSecret), ProgramFailed> {
        let powers: &[Power] = match new.outgoing {
            Some(_) => &[Power::Post, Power::Read],
            None => &[Power::Post],
        };
        let scopes: Vec<String> = powers
            .iter()
            .map(|power| power.scope(Some(&new.channel)))
            .collect();
        let scopes = Scopes::parse(scopes.iter().map(String::as_str))
            .map_err(|why| ProgramFailed::Field("channel", why.to_string()))?;
        let made_by = match keeper {
            Keeper::Administrator(grant) => {
                check_scopes(grant, &scopes)?;
                if let Some(own) = limited(grant) {
                    self.check_name(accounts, asker, &new, Some(own))?;
                }
                None
            }
            Keeper::Operator(account) => {
                self.check_operator(account, &new.channel)?;
                self.check_name(accounts, asker, &new, None)?;
                Some(account.username.clone())
            }
        };
        let after = self.newest(accounts, &new)?;
        let is_outgoing = new.outgoing.is_some();
        let program = NewProgram {
            name: new.name,
            shown: match is_outgoing {
                true => Shown::Nothing,
                false => Shown::Hook,
            },
            scopes,
            bot: None,
            expires_at: None,
            rate: new.rate,
        };
        let program = match keeper {
            Keeper::Administrator(grant) => within(grant, program)?,
            Keeper::Operator(_) => program,
        };
        let (program, secret) = make(accounts, asker, program)?;
        let mut random = [0; 32];
        getrandom::fill(&mut random).map_err(|_| ProgramFailed::NoRandom)?;
        let hook = Hook {
            program,
            channel: new.channel,
            // Receivers have nothing else by which they know who calls.
            signing: (new.is_signed || is_outgoing).then(|| SigningKey::of(random)),
            made_by,
            outgoing: new.outgoing,
        };
        let added = accounts.store().add_hook(&hook, after).map_err(|error| {
            error.log("a hook could not be stored");
            ProgramFailed::Store
        })?;
        if !added {
            return Err(ProgramFailed::TooManyHooks);
        }
        self.did_to_program(&actor, "made", &hook.program, hook.made_by.as_ref())?;
        Ok((hook, secret))
    }

    /// The message after which an outgoing hook sends what is said.
    fn newest(&self, accounts: &Accounts, new: &NewHook) -> Result<MessageId, ProgramFailed> {
        if new.outgoing.is_none() {
            return Ok(MessageId::default());
        }
        if !(self.hub).ask(|hub, _, _| hub.keeps_history())? {
            return Err(ProgramFailed::NoHistory);
        }
        accounts.store().last_message_id().map_err(|error| {
            error.log("the newest message could not be looked up for a hook");
            ProgramFailed::Store
        })
    }

    /// A hook, of a channel if one is given.
    pub fn hook(
        &self,
        keeper: Keeper<'_>,
        accounts: &Accounts,
        channel: Option<&Name>,
        id: &str,
    ) -> Result<Hook, ProgramFailed> {
        let mut all = self.hooks(keeper, accounts, channel)?.into_iter();
        let found = all.find(|it| it.program.id == id);
        found.ok_or_else(|| ProgramFailed::NoSuch(id.to_owned()))
    }

    /// Has an outgoing hook go on, and what has failed for good sent again.
    pub fn resend(
        &self,
        actor: Actor,
        keeper: Keeper<'_>,
        accounts: &Accounts,
        channel: Option<&Name>,
        id: &str,
    ) -> Result<(), ProgramFailed> {
        let hook = self.hook(keeper, accounts, channel, id)?;
        let is_there = accounts.store().resend(id).map_err(|error| {
            error.log("a hook could not be told to send again");
            ProgramFailed::Store
        })?;
        if !is_there {
            return Err(ProgramFailed::NoSuch(id.to_owned()));
        }
        let operator = match keeper {
            Keeper::Administrator(_) => None,
            Keeper::Operator(account) => Some(&account.username),
        };
        Ok(self.did_to_program(&actor, "resends of", &hook.program, operator)?)
    }

    /// The hooks of a channel, or of all, the oldest first: of a program's, those that allow no more
    /// than its own token.
    pub fn hooks(
        &self,
        keeper: Keeper<'_>,
        accounts: &Accounts,
        channel: Option<&Name>,
    ) -> Result<Vec<Hook>, ProgramFailed> {
        if let (Keeper::Operator(account), Some(channel)) = (keeper, channel) {
            self.check_operator(account, channel)?;
        }
        let mut hooks = every_hook(accounts, channel)?;
        if let Keeper::Administrator(grant) = keeper {
            hooks.retain(|hook| check_scopes(grant, &hook.program.scopes).is_ok());
        }
        Ok(hooks)
    }

    /// Removes a hook, of a channel if one is given: its address is good for nothing any more.
    pub fn remove_hook(
        &self,
        actor: Actor,
        keeper: Keeper<'_>,
        accounts: &Accounts,
        channel: Option<&Name>,
        id: &str,
    ) -> Result<(), ProgramFailed> {
        self.hook(keeper, accounts, channel, id)?;
        let operator = match keeper {
            Keeper::Administrator(_) => None,
            Keeper::Operator(account) => Some(&account.username),
        };
        match self.take_away(&actor, accounts, id, operator)? {
            true => Ok(()),
            false => Err(ProgramFailed::NoSuch(id.to_owned())),
        }
    }

    /// Removes the hooks that an account has made, which is about to be deleted.
    pub fn remove_hooks_of(
        &self,
        actor: Actor,
        accounts: &Accounts,
        maker: &Name,
    ) -> Result<(), ProgramFailed> {
        let hooks = every_hook(accounts, None)?.into_iter();
        for hook in hooks.filter(|hook| hook.made_by.as_ref() == Some(maker)) {
            self.take_away(&actor, accounts, &hook.program.id, None)?;
        }
        Ok(())
    }

    /// Removes a hook, and its bot. Returns whether it was there.
    fn take_away(
        &self,
        actor: &Actor,
        accounts: &Accounts,
        id: &str,
        operator: Option<&Name>,
    ) -> Result<bool, ProgramFailed> {
        let removed = accounts.store().remove_program(id).map_err(|error| {
            error.log("a hook could not be removed");
            ProgramFailed::Store
        })?;
        let Some(removed) = removed else {
            return Ok(false);
        };
        self.did_to_program(actor, "removed", &removed, operator)?;
        self.end_bot(accounts, &removed)?;
        Ok(true)
    }

    /// Checks that an account operates a channel.
    fn check_operator(&self, account: &Account, channel: &Name) -> Result<(), ProgramFailed> {
        let (id, channel) = (account.id, channel.clone());
        let asked = (self.hub).ask(move |hub, _, _| hub.account_operates(id, &channel))?;
        asked.map_err(ProgramFailed::NotOperator)
    }

    /// Checks that nothing but hooks of the same channel, and the maker's own program, speaks under
    /// the name of a new one.
    fn check_name(
        &self,
        accounts: &Accounts,
        asker: Asker,
        new: &NewHook,
        own: Option<&ProgramToken>,
    ) -> Result<(), ProgramFailed> {
        let hooks = every_hook(accounts, Some(&new.channel))?;
        let mut speakers: Vec<&ProgramToken> = hooks.iter().map(|hook| &hook.program).collect();
        speakers.extend(own);
        check_speaks(accounts, asker, &new.name, |bot| {
            speakers.iter().any(|speaker| speaker.speaks_as(bot))
        })
    }
}

/// The hooks of a channel, or of all, the oldest first.
fn every_hook(accounts: &Accounts, channel: Option<&Name>) -> Result<Vec<Hook>, ProgramFailed> {
    accounts.store().hooks(channel).map_err(|error| {
        error.log("the hooks could not be read");
        ProgramFailed::Store
    })
}
