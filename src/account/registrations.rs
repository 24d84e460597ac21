//! Who registers accounts.

use crate::model::Account;
use crate::store::Store;

use super::{PasswordWorkers, RegisterError, Registration, new_account, not_created};

/// Who registers accounts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Registrations {
    /// Everyone.
    #[default]
    Open,
    /// Those who have an invitation.
    Invited,
    /// Nobody.
    Closed,
}

impl Registrations {
    /// A stable word for programs.
    pub fn as_str(self) -> &'static str {
        match self {
            Registrations::Open => "open",
            Registrations::Invited => "invitation",
            Registrations::Closed => "closed",
        }
    }
}

/// As [`super::register`], with the invitation that the form has.
pub(super) fn register_invited(
    store: &dyn Store,
    workers: &PasswordWorkers,
    registration: Registration,
    now_ms: u64,
) -> Result<Account, RegisterError> {
    let invitation = registration.invitation.clone();
    let secret = invitation.ok_or(RegisterError::NotInvited)?;
    let account = new_account(workers, registration, now_ms)?;
    let made = store.create_invited(&account, &secret.hash());
    made.map_err(not_created)?.ok_or(RegisterError::NotInvited)
}
