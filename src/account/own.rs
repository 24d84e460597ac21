//! What the owner of an account does to it, having proved the password.

use std::net::IpAddr;

use crate::hub::{ConnectionId, SignedOut};
use crate::model::time::unix_ms;
use crate::model::{Account, Name, Profile, Secret};

use super::form::{FormErrors, ProfileForm};
use super::service::{Accounts, logged};
use super::{LoginError, RegisterError, Rejected, opaque};

/// Why nothing was changed about an account.
#[derive(Clone, Debug, PartialEq)]
pub enum NotChanged {
    /// The present password is wrong, or there were too many attempts, or the store has failed.
    Rejected(Rejected),
    /// These fields are wrong.
    Form(FormErrors),
}

impl Accounts {
    /// Replaces the password of an account with one that [`super::check_password`] has accepted,
    /// if the present one is right; a wrong one counts as a guess. Everything granted by the
    /// present one ends on all servers: tokens, passes and connections, except for the connection
    /// that `stays` because it has made the change. Returns the account as it is now.
    pub fn change_own_password(
        &self,
        username: &Name,
        (present, new): (&Secret, &Secret),
        peer: IpAddr,
        stays: Option<ConnectionId>,
    ) -> Result<Account, Rejected> {
        let account = self.log_in(username, present, peer)?;
        let opaque = opaque::opaque(new.expose());
        let opaque = opaque.ok_or(Rejected::Login(LoginError::NotText))?;
        let hashed = self.passwords().hash(&opaque);
        let hash = hashed.map_err(|error| Rejected::Login(LoginError::Password(error)))?;
        let changes = account.password_changes;
        let changed = self
            .store()
            .change_own_password(account.id, changes, &hash, unix_ms());
        match changed {
            Ok(true) => {}
            // The one that was right has been changed meanwhile, or the account disabled.
            Ok(false) => return Err(Rejected::Login(LoginError::Wrong)),
            Err(error) => return Err(logged(Rejected::Login(LoginError::Store(error)))),
        }
        self.forget_guesses(account.username.key());
        self.sign_out_others(&account.username, SignedOut::PasswordChanged, stays);
        let account = Account {
            password_hash: hash,
            password_changes: changes + 1,
            ..account
        };
        // The owner has just been here, which is forgotten with all other addresses.
        let key = account.username.key().clone();
        self.logged_in(account, peer, &key)
    }

    /// Changes what the owner has said about themselves in the fields that are given, if the
    /// password is right; a wrong one counts as a guess. Returns the account as it is now.
    pub fn change_profile(
        &self,
        username: &Name,
        password: &Secret,
        peer: IpAddr,
        form: &ProfileForm<'_>,
    ) -> Result<Account, NotChanged> {
        let account = self.log_in(username, password, peer);
        let account = account.map_err(NotChanged::Rejected)?;
        let before = Profile {
            first_name: account.first_name.clone(),
            last_name: account.last_name.clone(),
            email: account.email.clone(),
            phone: account.phone.clone(),
        };
        let profile = form.applied_to(before).map_err(NotChanged::Form)?;
        let stored = self.store().set_profile(account.id, &profile);
        stored.map_err(|error| {
            NotChanged::Rejected(logged(Rejected::Register(RegisterError::Store(error))))
        })?;
        Ok(Account {
            first_name: profile.first_name,
            last_name: profile.last_name,
            email: profile.email,
            phone: profile.phone,
            ..account
        })
    }
}
