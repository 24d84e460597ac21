//! The tokens and hooks of programs, and the accounts as which they speak.

use std::fmt;
use std::sync::Arc;

use crate::fair::Asker;
use crate::model::time::unix_ms;
use crate::model::{
    Account, Hook, MessageId, Name, NewAccount, Once, ProgramToken, Secret, Seen, Standing, Who,
};
use crate::store::{Store, StoreError};

use super::password::PasswordWorkers;
use super::service::Accounts;

/// Why a program cannot speak under a nickname.
#[derive(Clone, Debug, PartialEq)]
pub enum NoBot {
    /// It is registered to a person.
    Registered(Name),
    /// A guest is using it.
    GuestHasName(Name),
    /// It is banned.
    Banned(Name),
    /// An administrator has disabled or deleted it.
    Disabled(Name),
    /// Another name looks the same.
    Taken(Name),
    /// The hub does not answer, or there is no randomness.
    Busy,
    /// The store has failed.
    Store(StoreError),
}

impl Accounts {
    /// The token or hook of which the secret has this hash, valid or not.
    pub fn program(
        &self,
        asker: Asker,
        secret_hash: String,
    ) -> Result<Option<ProgramToken>, StoreError> {
        self.look_up(asker, move |store| store.program(&secret_hash))
    }

    /// The hook with this id.
    pub fn hook(&self, asker: Asker, id: String) -> Result<Option<Hook>, StoreError> {
        self.look_up(asker, move |store| store.hook(&id))
    }

    /// What a call of a program has published lately.
    pub fn call_seen(&self, asker: Asker, once: Arc<Once>) -> Result<Option<Seen>, StoreError> {
        self.look_up(asker, move |store| store.call_seen(&once, unix_ms()))
    }

    /// Remembers that a call of a program has published a message that is not stored. A failure is
    /// logged: what the call was for is done.
    pub fn note_call(&self, once: &Once, message: MessageId) {
        if let Err(error) = self.store().note_call(once, message, unix_ms()) {
            error.log("it could not be noted what a program has posted");
        }
    }

    /// Whether a token or hook was neither removed nor has expired.
    pub fn is_program_stored(
        &self,
        asker: Asker,
        program: &ProgramToken,
    ) -> Result<bool, StoreError> {
        let found = self.program(asker, program.secret_hash.clone())?;
        Ok(found.is_some_and(|found| found.is_valid_at(unix_ms())))
    }

    /// Notes that a token or hook was used. A failure is logged: the call it was used for goes on.
    pub fn note_program_used(&self, id: &str, at_ms: u64) {
        if let Err(error) = self.store().note_program_used(id, at_ms) {
            error.log("it could not be noted that a token was used");
        }
    }

    /// The account with which a program speaks under a nickname: made, unless there is one. Nobody
    /// can log in to it, so the nickname is the program's own.
    pub fn bot(&self, asker: Asker, nickname: &Name) -> Result<Account, NoBot> {
        if let Some(account) = self.find(asker, nickname).map_err(NoBot::Store)? {
            return as_bot(&**self.store(), account, nickname);
        }
        let banned = self.refuse_banned(nickname);
        banned.map_err(|_| NoBot::Banned(nickname.clone()))?;
        match self.hub().is_free_of_guests(nickname) {
            Ok(true) => {}
            Ok(false) => return Err(NoBot::GuestHasName(nickname.clone())),
            Err(_) => return Err(NoBot::Busy),
        }
        let account = create_bot(&**self.store(), self.passwords(), nickname)?;
        // A guest may have taken the nickname while the account was being created.
        let name = account.username.clone();
        let _ = (self.hub()).ask(move |hub, now, fx| hub.evict_guest(&name, now, fx));
        Ok(account)
    }

    /// The account of a bot, as it is now.
    pub fn bot_again(&self, asker: Asker, bot: &ProgramToken) -> Result<Option<Account>, NoBot> {
        let Some((id, name)) = bot.bot.clone() else {
            return Ok(None);
        };
        let found = self.look_up(asker, move |store| store.account(&Who::Id(id)));
        let found = found.map_err(NoBot::Store)?;
        match found.filter(|account| account.standing == Standing::Good) {
            Some(account) => Ok(Some(account)),
            None => Err(NoBot::Disabled(name)),
        }
    }
}

/// The account with which a program speaks under a nickname, in a store that no server uses: made,
/// unless there is one.
pub fn stored_bot(store: &dyn Store, nickname: &Name) -> Result<Account, NoBot> {
    let found = store.account(&Who::Username(nickname.clone()));
    match found.map_err(NoBot::Store)? {
        Some(account) => as_bot(store, account, nickname),
        None => create_bot(store, &PasswordWorkers::with(1, 0), nickname),
    }
}

/// An account as a program's, if it is one.
fn as_bot(store: &dyn Store, account: Account, nickname: &Name) -> Result<Account, NoBot> {
    match store.is_bot(account.id).map_err(NoBot::Store)? {
        true if account.standing != Standing::Good => Err(NoBot::Disabled(account.username)),
        true if account.username == *nickname => Ok(account),
        _ => Err(NoBot::Registered(account.username)),
    }
}

/// Makes an account that nobody can log in to.
fn create_bot(
    store: &dyn Store,
    passwords: &PasswordWorkers,
    nickname: &Name,
) -> Result<Account, NoBot> {
    let new = NewAccount {
        username: nickname.clone(),
        first_name: String::new(),
        last_name: String::new(),
        email: None,
        phone: None,
        unique_contacts: false,
        password_hash: unknown_password(passwords)?,
        created_at: unix_ms(),
    };
    store.create_bot(&new).map_err(|error| match error {
        StoreError::Taken(_) => NoBot::Taken(nickname.clone()),
        error => NoBot::Store(error),
    })
}

/// The hash of a password that nobody knows.
pub(super) fn unknown_password(passwords: &PasswordWorkers) -> Result<Secret, NoBot> {
    let mut random = [0; 32];
    getrandom::fill(&mut random).map_err(|_| NoBot::Busy)?;
    let password = Secret::new(data_encoding::BASE64.encode(&random));
    passwords.hash(&password).map_err(|_| NoBot::Busy)
}

impl fmt::Display for NoBot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            NoBot::Registered(name) => write!(
                f,
                "the nickname {name} is registered to a person; choose another one for the program"
            ),
            NoBot::GuestHasName(name) => {
                write!(f, "a guest is using the nickname {name} at present")
            }
            NoBot::Banned(name) => write!(f, "the nickname {name} is banned"),
            NoBot::Disabled(name) => write!(f, "the account {name} is disabled or deleted"),
            NoBot::Taken(name) => {
                write!(f, "the nickname {name} is taken, or looks like another one")
            }
            NoBot::Busy => write!(f, "the server is too busy; try again"),
            NoBot::Store(error) => f.write_str(error.for_people()),
        }
    }
}

impl std::error::Error for NoBot {}
