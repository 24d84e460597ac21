//! The gate: decides which client may use which nickname, and issues the passes that say so.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::fair::Asker;
use crate::hub::Refusal;
use crate::model::{Account, AccountId, Name, Secret, Standing, Who};
use crate::store::{Store, StoreError};
use crate::turn::HubHandle;

use super::sign_ins::{NotedPass, USED_MS};
use super::{
    Accounts, Pass, PassError, PassLives, Passes, Registrar, Registration, Rejected, Said, Visitor,
};
use crate::model::time::unix_ms;

/// How long a nickname is held for a client that has a pass and has not connected.
const HOLD: Duration = Duration::from_secs(60);

/// Issues passes and checks them.
pub struct Gate {
    passes: Passes,
    accounts: Arc<Accounts>,
    hub: HubHandle,
}

/// Why no pass was issued.
#[derive(Clone, Debug, PartialEq)]
pub enum NoPass {
    /// The client may not have the nickname.
    Refused(Refusal),
    /// The nickname is registered, and the password is wrong.
    Rejected(Rejected),
    /// Whether the nickname is registered cannot be found out.
    Store(StoreError),
    /// The pass itself could not be made.
    Pass(PassError),
    /// The hub does not answer.
    Busy,
}

/// Why a pass is not accepted.
#[derive(Clone, Debug, PartialEq)]
pub enum NotLetIn {
    /// The pass is not valid.
    Pass(PassError),
    /// Its account cannot be looked up.
    Store(StoreError),
    /// Its nickname is banned, or the bans cannot be checked.
    Rejected(Rejected),
}

impl Gate {
    /// Creates a gate whose passes are made and checked by `passes`.
    pub fn new(passes: Passes, accounts: Arc<Accounts>, hub: HubHandle) -> Gate {
        Gate {
            passes,
            accounts,
            hub,
        }
    }

    /// Issues a pass for a nickname. A registered nickname needs its password; any other is held
    /// for the client until it connects, for at most a minute.
    pub fn issue(
        &self,
        nickname: &Name,
        password: Option<&Secret>,
        keep: bool,
        visitor: Visitor<'_>,
    ) -> Result<String, NoPass> {
        let peer = visitor.address;
        let account = self.accounts.find(Asker::at(peer), nickname);
        let account = account.map_err(NoPass::Store)?;
        let Some(account) = account else {
            let counted = self.accounts.count_guest(peer);
            counted.map_err(|wait| NoPass::Rejected(Rejected::TooMany(wait)))?;
            let (pass, token) = self
                .passes
                .issue(nickname, None, false, unix_ms())
                .map_err(NoPass::Pass)?;
            let name = nickname.clone();
            let hold_ms = HOLD.as_millis() as u64;
            let held = self
                .hub
                .ask(move |hub, now, _| hub.hold(&name, token, peer, hold_ms, now));
            return match held {
                Ok(Ok(())) => Ok(pass),
                Ok(Err(refusal)) => Err(NoPass::Refused(refusal)),
                Err(_) => Err(NoPass::Busy),
            };
        };
        let Some(password) = password else {
            let refusal = Refusal::NicknameRegistered(account.username);
            return Err(NoPass::Refused(refusal));
        };
        let account = self
            .accounts
            .log_in(&account.username, password, peer)
            .map_err(NoPass::Rejected)?;
        self.issue_to(&account, keep, visitor)
    }

    /// Registers an account and issues its pass. With `keep` the owner stays signed in.
    pub fn register(
        &self,
        registration: Registration,
        keep: bool,
        visitor: Visitor<'_>,
        by: &Registrar,
    ) -> Result<String, NoPass> {
        let account = self.accounts.register(registration, visitor.address, by);
        self.issue_to(&account.map_err(NoPass::Rejected)?, keep, visitor)
    }

    /// Issues a pass to the owner of an account, who has proved it.
    pub fn issue_to(
        &self,
        account: &Account,
        keep: bool,
        visitor: Visitor<'_>,
    ) -> Result<String, NoPass> {
        let now = unix_ms();
        let issued = self
            .passes
            .issue(&account.username, Some(account), keep, now);
        let (pass, token) = issued.map_err(NoPass::Pass)?;
        let noted = NotedPass {
            token: &token,
            account: account.id,
            expires_at_ms: self.passes.end(keep, now),
        };
        self.accounts.note_pass(noted, visitor);
        Ok(pass)
    }

    /// The latest end that a pass existing now can ever have, in milliseconds since 1970 UTC.
    pub fn longest(&self) -> u64 {
        self.passes.longest(unix_ms())
    }

    /// Sets how long new passes are valid.
    pub fn set_lives(&self, lives: PassLives) {
        self.passes.set_lives(lives);
    }

    /// Issues the same pass with a later expiry, for an owner who stays signed in.
    pub fn renew(&self, asker: Asker, pass: &str) -> Result<String, NotLetIn> {
        let good = self.check(asker, pass)?;
        if let Some(account) = good.account {
            let banned = self.accounts.refuse_banned(&account.username);
            banned.map_err(NotLetIn::Rejected)?;
        }
        let said = self.said(asker, pass)?;
        let now = unix_ms();
        let renewed = self.passes.renew(&said, now).map_err(NotLetIn::Pass)?;
        if let Some(account) = said.account {
            self.accounts.note_pass_used(NotedPass {
                token: &said.token,
                account,
                expires_at_ms: self.passes.end(said.kept, now),
            });
        }
        Ok(renewed)
    }

    /// Revokes a pass on all servers, and ends the connections that were opened with it.
    pub fn give_up(&self, asker: Asker, pass: &str) -> Result<(), NotLetIn> {
        let said = self.said(asker, pass)?;
        let store = self.accounts.store();
        let longest = self.passes.longest(unix_ms()).max(said.expires_at_ms);
        store
            .end_pass(&said.token, longest)
            .map_err(NotLetIn::Store)?;
        // A hub that does not answer is shutting down, and its connections with it.
        let _ = self.hub.ask(move |hub, now, fx| {
            hub.let_go(&said.nickname, &said.token);
            hub.revoke(&said.token, now, fx)
        });
        Ok(())
    }

    fn said(&self, asker: Asker, pass: &str) -> Result<Said, NotLetIn> {
        let said = self.passes.check(pass, unix_ms()).map_err(NotLetIn::Pass)?;
        let is_ended = self.accounts.is_pass_ended(asker, &said.token);
        match is_ended.map_err(NotLetIn::Store)? {
            true => Err(NotLetIn::Pass(PassError::GivenUp)),
            false => Ok(said),
        }
    }

    /// The registrar that presents this pass.
    pub fn registrar(&self, asker: Asker, pass: &str) -> Result<Registrar, NotLetIn> {
        let pass = self.check(asker, pass)?;
        Ok(match pass.account {
            Some(_) => Registrar::Anyone,
            None => Registrar::Holder(pass.token),
        })
    }

    /// The content of a pass, if it is valid.
    pub fn check(&self, asker: Asker, pass: &str) -> Result<Pass, NotLetIn> {
        let said = self.said(asker, pass)?;
        let account = match said.account {
            Some(id) => {
                let token = said.token.clone();
                let found = self.accounts.look_up(asker, move |store: &dyn Store| {
                    Ok((store.account(&Who::Id(id))?, store.sign_in_used_at(&token)?))
                });
                let (found, used_at) = found.map_err(NotLetIn::Store)?;
                let account = found.ok_or(NotLetIn::Pass(PassError::Invalid))?;
                if account.standing != Standing::Good {
                    return Err(NotLetIn::Pass(PassError::Disabled));
                }
                if account.password_changes != said.password_changes {
                    return Err(NotLetIn::Pass(PassError::PasswordChanged));
                }
                self.accounts.note_seen(&account);
                self.note_used(&said, id, used_at);
                Some(account)
            }
            // The nickname may have been registered since.
            None => match self
                .accounts
                .find(asker, &said.nickname)
                .map_err(NotLetIn::Store)?
            {
                Some(_) => return Err(NotLetIn::Pass(PassError::Invalid)),
                None => None,
            },
        };
        Ok(Pass {
            nickname: said.nickname,
            token: said.token,
            account,
            expires_at_ms: said.expires_at_ms,
            kept: said.kept,
        })
    }

    /// Notes that a pass is used, if that was not noted in the last hour. At times when many come
    /// in, only some are noted.
    fn note_used(&self, said: &Said, account: AccountId, used_at: Option<u64>) {
        let now = unix_ms();
        let is_known = used_at.is_some_and(|at| now < at + USED_MS);
        if !is_known && self.accounts.may_note_use(now) {
            self.accounts.note_pass_used(NotedPass {
                token: &said.token,
                account,
                expires_at_ms: said.expires_at_ms,
            });
        }
    }
}

impl fmt::Display for NoPass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            NoPass::Refused(refusal) => refusal.fmt(f),
            NoPass::Rejected(rejected) => rejected.fmt(f),
            NoPass::Store(error) => f.write_str(error.for_people()),
            NoPass::Pass(error) => error.fmt(f),
            NoPass::Busy => write!(f, "the server is too busy; try again"),
        }
    }
}

impl std::error::Error for NoPass {}

impl fmt::Display for NotLetIn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            NotLetIn::Pass(error) => error.fmt(f),
            NotLetIn::Rejected(rejected) => rejected.fmt(f),
            NotLetIn::Store(error) => f.write_str(error.for_people()),
        }
    }
}

impl std::error::Error for NotLetIn {}
