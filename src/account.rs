//! Accounts: authentication and registration.
//!
//! Passwords, tokens and the signatures made with them. Nothing here opens a connection or stores
//! an account: the [`Store`] does that. Calls block for as long as checking a password takes, so
//! the hub never makes one.

mod administering;
mod attempts;
mod desk;
mod erasing;
mod form;
mod gate;
mod gateways;
mod guesses;
mod hashing_memory;
mod jws;
mod new_program;
mod opaque;
mod operators;
mod own;
mod pass;
mod password;
mod programs;
mod recipients;
mod registering;
mod registrations;
mod remote_rules;
mod remote_users;
mod resting;
mod scram;
mod service;
mod sign_ins;
mod signed;
mod token;
mod visitor;

use std::fmt;

pub use administering::{AccountFailed, RESET_LIFE, ResetFailed, offer_reset};
pub use attempts::{Attempts, Rates, TooManyAttempts};
pub use form::{FieldError, FormErrors, MAX_PASSWORD_BYTES, MIN_PASSWORD_BYTES};
pub use form::{PasswordLengths, ProfileForm, Registration, RegistrationForm, check_password};
pub use gate::{Gate, NoPass, NotLetIn};
pub use gateways::{Gateway, Gateways};
pub use guesses::{GuessLimits, Guesses, KNOWN_FOR, SharedGuesses};
pub use new_program::{BadProgram, NewProgram};
pub use operators::{NotChecked, Operator, Operators};
pub use own::NotChanged;
pub use pass::{Pass, PassError, PassLives, Passes, Said};
pub use password::{PasswordError, PasswordWorkers};
pub use programs::{NoBot, stored_bot};
pub use registering::{LONGEST_INVITATION, NoInvitation};
pub use registrations::Registrations;
pub use remote_rules::RemoteRules;
pub use remote_users::NotRemote;
pub use resting::Rests;
pub use scram::{Challenge, Opening, Verifier};
pub use service::{Accounts, MADE_A_MINUTE, Registrar, Rejected, credential};
pub use signed::{SignatureError, authenticate};
pub use token::{TOKEN_LIFE, new_token};
pub use visitor::Visitor;

use crate::model::{Account, AccountId, Name, NewAccount, Secret, Standing, UniqueField};
use crate::store::{Store, StoreError};

/// Why a login failed.
#[derive(Clone, Debug, PartialEq)]
pub enum LoginError {
    /// There is no such account, or the password is wrong. The client must not learn which.
    Wrong,
    /// The password is right, and an administrator has disabled the account.
    Disabled,
    /// The account of this name is a program's, which has tokens and no password.
    Program(Name),
    /// The password was not UTF-8 when it was sent.
    NotText,
    /// The password could not be checked.
    Password(PasswordError),
    /// The account could not be looked up.
    Store(StoreError),
}

/// Why an account was not created.
#[derive(Clone, Debug, PartialEq)]
pub enum RegisterError {
    /// These fields belong to other accounts already.
    Taken(Vec<UniqueField>),
    /// It needs an invitation, and none was given that can still be used.
    NotInvited,
    /// The password could not be hashed.
    Password(PasswordError),
    /// The account could not be stored.
    Store(StoreError),
}

/// Returns the account, if the password is right and it can be used. Takes equally long if there is
/// no such account. A hash of a password as typed (by an older version) is replaced by one of its
/// prepared form.
pub fn log_in(
    store: &dyn Store,
    workers: &PasswordWorkers,
    account: Option<Account>,
    password: &Secret,
) -> Result<Account, LoginError> {
    // A deleted account has no password, and looks to clients as if it were not there.
    let account = account.filter(|account| account.standing != Standing::Deleted);
    let account = check_password_of(store, workers, account, password)?;
    match account.standing {
        Standing::Good => Ok(account),
        Standing::Disabled | Standing::Deleted => Err(LoginError::Disabled),
    }
}

fn check_password_of(
    store: &dyn Store,
    workers: &PasswordWorkers,
    account: Option<Account>,
    password: &Secret,
) -> Result<Account, LoginError> {
    let opaque = opaque::opaque(password.expose()).ok_or(LoginError::NotText)?;
    let hash = account.as_ref().map(|account| &account.password_hash);
    let matches = |password| workers.verify(password, hash).map_err(LoginError::Password);
    if matches(&opaque)? {
        let account = account.ok_or(LoginError::Wrong)?;
        if let Some(completed) = workers.completed(&opaque, &account.password_hash) {
            replace(store, &account, &completed);
        }
        return Ok(account);
    }
    if opaque == *password || !matches(password)? {
        return Err(LoginError::Wrong);
    }
    let account = account.ok_or(LoginError::Wrong)?;
    // Replacing it is tried again at the next login.
    if let Ok(hash) = workers.hash(&opaque) {
        replace(store, &account, &hash);
    }
    Ok(account)
}

/// Replaces what is kept of the password of an account, of the same password.
fn replace(store: &dyn Store, account: &Account, hash: &Secret) {
    if let Err(error) = store.rehash_password(account.id, &account.password_hash, hash) {
        error.log("a password's hash could not be replaced");
    }
}

/// Replaces the password of an account, and revokes its tokens and passes.
pub fn change_password(
    store: &dyn Store,
    workers: &PasswordWorkers,
    account: AccountId,
    password: &Secret,
    now_ms: u64,
) -> Result<(), LoginError> {
    let opaque = opaque::opaque(password.expose()).ok_or(LoginError::NotText)?;
    let hash = workers.hash(&opaque).map_err(LoginError::Password)?;
    store
        .change_password(account, &hash, now_ms)
        .map_err(LoginError::Store)
}

/// Creates an account from a form that has been checked.
pub fn register(
    store: &dyn Store,
    workers: &PasswordWorkers,
    registration: Registration,
    now_ms: u64,
) -> Result<Account, RegisterError> {
    let account = new_account(workers, registration, now_ms)?;
    store.create_account(&account).map_err(not_created)
}

fn not_created(error: StoreError) -> RegisterError {
    match error {
        StoreError::Taken(fields) => RegisterError::Taken(fields),
        other => RegisterError::Store(other),
    }
}

/// The account that a form asks for, which has been checked.
fn new_account(
    workers: &PasswordWorkers,
    registration: Registration,
    now_ms: u64,
) -> Result<NewAccount, RegisterError> {
    let password_hash = workers
        .hash(&registration.password)
        .map_err(RegisterError::Password)?;
    Ok(NewAccount {
        username: registration.username,
        first_name: registration.first_name,
        last_name: registration.last_name,
        email: registration.email,
        phone: registration.phone,
        unique_contacts: registration.unique_contacts,
        password_hash,
        created_at: now_ms,
    })
}

/// Why nobody signs in as a bot.
fn is_a_program(name: &Name, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    write!(
        f,
        "{name} is a program: it has tokens and no password, and nobody signs in as it"
    )
}

impl fmt::Display for LoginError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            LoginError::Wrong => write!(f, "wrong username or password"),
            LoginError::Disabled => write!(f, "the account is disabled"),
            LoginError::Program(name) => is_a_program(name, f),
            LoginError::NotText => write!(f, "that password {}", opaque::NOT_TEXT),
            LoginError::Password(error) => error.fmt(f),
            LoginError::Store(error) => f.write_str(error.for_people()),
        }
    }
}

impl std::error::Error for LoginError {}

impl fmt::Display for RegisterError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            RegisterError::Taken(fields) => StoreError::Taken(fields.clone()).fmt(f),
            RegisterError::NotInvited => f.write_str(
                "registering needs an invitation of an administrator that is not used up or over",
            ),
            RegisterError::Password(error) => error.fmt(f),
            RegisterError::Store(error) => f.write_str(error.for_people()),
        }
    }
}

impl std::error::Error for RegisterError {}
