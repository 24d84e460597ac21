//! What administrators do to accounts, and how the owner of one sets a new password with the link
//! that an administrator has made.

use std::fmt;
use std::net::IpAddr;
use std::time::Duration;

use crate::fair::Asker;
use crate::hub::SignedOut;
use crate::model::governance::LinkSecret;
use crate::model::time::unix_ms;
use crate::model::{Account, ListedAccount, Name, Secret, ServerRole, Standing, Who};
use crate::store::{Store, StoreError};

use super::service::Accounts;
use super::{LoginError, PasswordError, Rejected, TooManyAttempts, is_a_program, opaque};

/// How long a link to reset a password is valid.
pub const RESET_LIFE: Duration = Duration::from_hours(24);
/// How exactly it is known when the owner of an account was last seen.
const SEEN_MS: u64 = 60 * 60 * 1000;
/// Why nothing was done to an account.
#[derive(Clone, Debug, PartialEq)]
pub enum AccountFailed {
    /// No account has this name, or it was deleted.
    NoSuchAccount(Name),
    /// The account is disabled, so its password need not be reset.
    Disabled(Name),
    /// The account is a program's, which has no password.
    Program(Name),
    /// There is no randomness for a secret.
    NoRandom,
    /// The store has failed.
    Store(StoreError),
}

/// Why no new password was set with a link; `Display` is for the client.
#[derive(Clone, Debug, PartialEq)]
pub enum ResetFailed {
    /// The link was used, replaced or never made, or its time is over.
    NotValid,
    /// There were too many attempts.
    TooMany(TooManyAttempts),
    /// The password cannot be one, or could not be hashed.
    Login(LoginError),
}

impl ResetFailed {
    /// The text for [`ResetFailed::NotValid`].
    pub const NOT_VALID: &str =
        "the link has been used, or its time is over; an administrator can make another one";
}

impl Accounts {
    /// At most `limit` accounts whose names begin with `prefix`, by name, after this one.
    pub fn list(
        &self,
        asker: &Asker,
        prefix: Option<&Name>,
        after: Option<&Name>,
        limit: usize,
    ) -> Result<Vec<ListedAccount>, StoreError> {
        let key = |name: Option<&Name>| name.map_or("", |name| name.key()).to_owned();
        let (prefix, after) = (key(prefix), key(after));
        self.question(asker, |store| store.accounts(&prefix, &after, limit))
    }

    /// The account of this name, in any spelling, unless it was deleted.
    pub fn undeleted(&self, asker: Asker, username: &Name) -> Result<Account, AccountFailed> {
        let found = self.find(asker, username).map_err(AccountFailed::Store)?;
        found
            .filter(|account| account.standing != Standing::Deleted)
            .ok_or_else(|| AccountFailed::NoSuchAccount(username.clone()))
    }

    /// Disables an account until it is enabled. Revokes its tokens and passes and ends its
    /// connections, on all servers, for this reason.
    pub fn disable(&self, account: &Account, why: SignedOut) -> Result<(), AccountFailed> {
        let disabled = self.store().disable_account(account.id, unix_ms());
        disabled.map_err(|error| failed(account, error))?;
        self.forget_guesses(account.username.key());
        self.sign_out(&account.username, why);
        Ok(())
    }

    /// Enables an account that was disabled.
    pub fn enable(&self, account: &Account) -> Result<(), AccountFailed> {
        let enabled = self.store().enable_account(account.id);
        enabled.map_err(|error| failed(account, error))
    }

    /// Gives an account a role on the server in place of the one it has, or takes it. What it was
    /// let in to by the old one ends, on all servers.
    pub fn set_role(
        &self,
        account: &Account,
        role: Option<ServerRole>,
    ) -> Result<(), AccountFailed> {
        let set = self.store().set_role(account.id, role);
        set.map_err(|error| failed(account, error))?;
        let token = ServerRole::token_of(&account.username);
        // A hub that does not answer is going down, and its connections with it.
        let _ = (self.hub()).ask(move |hub, now, fx| hub.revoke(&token, now, fx));
        Ok(())
    }

    /// Says under which name a reverse proxy knows the owner of an account. Returns false if another
    /// account has the name.
    pub fn link_remote(
        &self,
        account: &Account,
        user: Option<&str>,
    ) -> Result<bool, AccountFailed> {
        let linked = self.store().link_remote(account.id, user);
        linked.map_err(|error| failed(account, error))
    }

    /// Deletes an account: its tokens, what it ignores, its channels and how far it has read. Its
    /// name stays reserved, because what it wrote is still shown under it.
    pub fn delete(&self, account: &Account) -> Result<(), AccountFailed> {
        let deleted = self.store().delete_account(account.id, unix_ms());
        deleted.map_err(|error| failed(account, error))?;
        self.forget_recipient(&account.username);
        // Who logged in after it was disabled is not there, but who was about to come in may be.
        self.sign_out(&account.username, SignedOut::Deleted);
        Ok(())
    }

    /// Makes the secret of a link with which a new password for an account can be set, once.
    /// Returns it with the time, since 1970 UTC, at which it ends. An older one is not valid any
    /// more; the present password is, until the link is used.
    pub fn offer_reset(&self, account: &Account) -> Result<(LinkSecret, u64), AccountFailed> {
        offer_reset(self.store().as_ref(), account)
    }

    /// The account whose password a link sets. Counts as a guess of the address.
    pub fn reset_of(
        &self,
        secret: Option<&LinkSecret>,
        peer: IpAddr,
    ) -> Result<Account, ResetFailed> {
        self.count_guess(peer, None).map_err(counted)?;
        let hash = secret.ok_or(ResetFailed::NotValid)?.hash();
        let found = self.look_up(Asker::at(peer), move |store| {
            match store.reset_of(&hash, unix_ms())? {
                // One that was made before they were refused for programs is good for nothing.
                Some(id) if !store.is_bot(id)? => store.account(&Who::Id(id)),
                _ => Ok(None),
            }
        });
        let found = found.map_err(|error| ResetFailed::Login(LoginError::Store(error)))?;
        found.ok_or(ResetFailed::NotValid)
    }

    /// Sets a new password with the secret of a link, which is used up. As with any new password,
    /// the account's tokens, passes and connections end.
    pub fn reset_password(
        &self,
        secret: Option<&LinkSecret>,
        password: &Secret,
        peer: IpAddr,
    ) -> Result<Account, ResetFailed> {
        let account = self.reset_of(secret, peer)?;
        let hash = secret.ok_or(ResetFailed::NotValid)?.hash();
        let opaque = opaque::opaque(password.expose());
        let opaque = opaque.ok_or(ResetFailed::Login(LoginError::NotText))?;
        let hashed = self.passwords().hash(&opaque);
        let hashed = hashed.map_err(|error| ResetFailed::Login(LoginError::Password(error)))?;
        let used = self.store().use_reset(&hash, &hashed, unix_ms());
        let used = used.map_err(|error| ResetFailed::Login(LoginError::Store(error)))?;
        if used != Some(account.id) {
            return Err(ResetFailed::NotValid);
        }
        self.forget_guesses(account.username.key());
        self.sign_out(&account.username, SignedOut::PasswordChanged);
        Ok(account)
    }

    /// Notes that the owner of an account is there, if that was not noted in the last hour. At times
    /// when many come in, only some are noted.
    pub fn note_seen(&self, account: &Account) {
        let now = unix_ms();
        let is_known = account.seen_at.is_some_and(|at| now < at + SEEN_MS);
        if is_known || !self.may_note(now) {
            return;
        }
        if let Err(error) = self.store().note_seen(account.id, now) {
            error.log("it could not be noted that the owner of an account is there");
        }
    }
}

/// See [`Accounts::offer_reset`]; in the store of a server that may not run.
pub fn offer_reset(
    store: &dyn Store,
    account: &Account,
) -> Result<(LinkSecret, u64), AccountFailed> {
    if account.standing == Standing::Disabled {
        return Err(AccountFailed::Disabled(account.username.clone()));
    }
    if store.is_bot(account.id).map_err(AccountFailed::Store)? {
        return Err(AccountFailed::Program(account.username.clone()));
    }
    let mut random = [0; 16];
    getrandom::fill(&mut random).map_err(|_| AccountFailed::NoRandom)?;
    let secret = LinkSecret::of(random);
    let expires_at = unix_ms() + RESET_LIFE.as_millis() as u64;
    let offered = store.offer_reset(account.id, &secret.hash(), expires_at);
    offered.map_err(|error| failed(account, error))?;
    Ok((secret, expires_at))
}

pub(super) fn failed(account: &Account, error: StoreError) -> AccountFailed {
    match error {
        StoreError::NoSuchAccount => AccountFailed::NoSuchAccount(account.username.clone()),
        other => AccountFailed::Store(other),
    }
}

fn counted(rejected: Rejected) -> ResetFailed {
    match rejected {
        Rejected::TooMany(wait) => ResetFailed::TooMany(wait),
        _ => ResetFailed::Login(LoginError::Password(PasswordError::Busy)),
    }
}

impl fmt::Display for AccountFailed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            AccountFailed::NoSuchAccount(name) => write!(f, "there is no account called {name}"),
            AccountFailed::Disabled(name) => {
                write!(f, "the account {name} is disabled; enable it first")
            }
            AccountFailed::Program(name) => is_a_program(name, f),
            AccountFailed::NoRandom => write!(f, "no link can be made at present"),
            AccountFailed::Store(error) => f.write_str(error.for_people()),
        }
    }
}

impl std::error::Error for AccountFailed {}

impl fmt::Display for ResetFailed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ResetFailed::NotValid => f.write_str(ResetFailed::NOT_VALID),
            ResetFailed::TooMany(error) => error.fmt(f),
            ResetFailed::Login(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for ResetFailed {}
