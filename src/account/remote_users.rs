//! Accounts of users whom a reverse proxy names, which has checked who they are.
//!
//! An account belongs to the user of a proxy only if it was made for that user, or an administrator
//! has said so: else whoever registers a name first would have what the user of that name gets.

use std::fmt;

use crate::fair::Asker;
use crate::model::time::unix_ms;
use crate::model::{Account, Name, NameError, NewAccount, ServerRole, Who};
use crate::store::StoreError;

use super::programs::unknown_password;
use super::service::{Accounts, logged};
use super::{LoginError, NoBot, Rejected, RemoteRules, Visitor};

/// Why the user of a proxy is not let in; `Display` is for that user.
#[derive(Clone, Debug, PartialEq)]
pub enum NotRemote {
    /// The name cannot be a nickname.
    Name(String, NameError),
    /// An account has the nickname, and is not this user's.
    NotTheirs(Name),
    /// Accounts are not made for new users.
    NoAccount(String),
    /// As everyone else is.
    Rejected(Rejected),
}

impl Accounts {
    /// What follows from what a proxy says.
    pub fn remote_rules(&self) -> RemoteRules {
        self.remote.lock().clone()
    }

    /// Changes what follows from it.
    pub fn set_remote_rules(&self, rules: RemoteRules) {
        *self.remote.lock() = rules;
    }

    /// The account of a proxy's user, made if there is none.
    pub fn remote(
        &self,
        user: &str,
        email: Option<&str>,
        visitor: Visitor<'_>,
    ) -> Result<Account, NotRemote> {
        let peer = visitor.address;
        let who = Who::Remote(user.to_owned());
        let found = self.look_up(Asker::at(peer), move |store| store.account(&who));
        let account = match found.map_err(not_looked_up)? {
            Some(account) => account,
            None => self.new_remote(user, email, visitor)?,
        };
        self.has_proved(account, peer).map_err(NotRemote::Rejected)
    }

    /// The role that the account's owner has by these groups, if it is another one than before.
    pub fn role_by_groups(
        &self,
        account: &Account,
        groups: &[String],
    ) -> Option<Option<ServerRole>> {
        let role = self.remote_rules().role(groups);
        role.filter(|role| *role != account.role)
    }

    fn new_remote(
        &self,
        user: &str,
        email: Option<&str>,
        visitor: Visitor<'_>,
    ) -> Result<Account, NotRemote> {
        let peer = visitor.address;
        let nickname = Name::parse_nickname(user);
        let nickname = nickname.and_then(|name| match name.is_title() {
            true => Err(NameError::Reserved),
            false => Ok(name),
        });
        let nickname = nickname.map_err(|why| NotRemote::Name(shortened(user), why))?;
        let taken = self.find(Asker::at(peer), &nickname);
        if let Some(other) = taken.map_err(not_looked_up)? {
            return Err(NotRemote::NotTheirs(other.username));
        }
        if !self.remote_rules().creates {
            return Err(NotRemote::NoAccount(shortened(user)));
        }
        let refused = |rejected| NotRemote::Rejected(rejected);
        self.count_made(peer).map_err(refused)?;
        self.refuse_banned(&nickname).map_err(refused)?;
        match self.hub().is_free_of_guests(&nickname) {
            Ok(true) => {}
            Ok(false) => return Err(refused(Rejected::GuestHasName(nickname))),
            Err(_) => return Err(refused(Rejected::Busy)),
        }
        let password_hash = unknown_password(self.passwords()).map_err(|error| match error {
            NoBot::Store(error) => not_looked_up(error),
            _ => refused(Rejected::Busy),
        })?;
        let new = NewAccount {
            username: nickname.clone(),
            first_name: String::new(),
            last_name: String::new(),
            email: email.and_then(super::form::checked_email),
            phone: None,
            unique_contacts: false,
            password_hash,
            created_at: unix_ms(),
        };
        let made = self.store().create_remote(&new, user);
        let account = made.map_err(|error| match error {
            // Someone has registered it at the same moment.
            StoreError::Taken(_) => NotRemote::NotTheirs(nickname.clone()),
            error => not_looked_up(error),
        })?;
        // A guest may have taken the nickname while the account was being made.
        let name = account.username.clone();
        let _ = (self.hub()).ask(move |hub, now, fx| hub.evict_guest(&name, now, fx));
        Ok(account)
    }
}

fn not_looked_up(error: StoreError) -> NotRemote {
    NotRemote::Rejected(logged(Rejected::Login(LoginError::Store(error))))
}

/// A name as it may be shown.
fn shortened(user: &str) -> String {
    user.chars().take(40).collect()
}

impl fmt::Display for NotRemote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            NotRemote::Name(user, why) => write!(
                f,
                "you are signed in as {user:?}, which cannot be a nickname here: {why}; ask an \
                 administrator to link your sign-in with an account"
            ),
            NotRemote::NotTheirs(name) => write!(
                f,
                "the nickname {name} belongs to an account that was not made for your sign-in; if \
                 it is yours, ask an administrator to link them"
            ),
            NotRemote::NoAccount(user) => write!(
                f,
                "you are signed in as {user:?}, which has no account here; ask an administrator"
            ),
            NotRemote::Rejected(rejected) => rejected.fmt(f),
        }
    }
}

impl std::error::Error for NotRemote {}
