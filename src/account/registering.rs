//! Invitations to register an account.

use std::time::Duration;

use crate::model::AccountInvitation;
use crate::model::governance::LinkSecret;
use crate::model::invitation::MAX_USES;
use crate::model::time::unix_ms;
use crate::store::StoreError;

use super::service::Accounts;
use super::{RegisterError, Registration, Registrations, Rejected};

/// The longest that an invitation can last.
pub const LONGEST_INVITATION: Duration = Duration::from_hours(365 * 24);
/// Digits of the hash that make an id.
const ID_DIGITS: usize = 16;

/// Why no invitation was made; `Display` is for administrators.
#[derive(Clone, Debug, PartialEq)]
pub enum NoInvitation {
    /// There are too many.
    TooMany,
    /// There is no randomness for a secret.
    NoRandom,
    /// The store has failed.
    Store(StoreError),
}

impl Accounts {
    /// Refuses who may not register, before anything else is looked at.
    pub(super) fn may_register(&self, registration: &Registration) -> Result<(), Rejected> {
        match self.registrations() {
            Registrations::Closed => Err(Rejected::RegistrationClosed),
            Registrations::Invited if registration.invitation.is_none() => {
                Err(Rejected::Register(RegisterError::NotInvited))
            }
            Registrations::Open | Registrations::Invited => Ok(()),
        }
    }

    /// Makes an invitation for so many accounts, which is valid for this long. Returns it with its
    /// secret.
    pub fn invite(
        &self,
        uses: u32,
        life: Duration,
    ) -> Result<(AccountInvitation, LinkSecret), NoInvitation> {
        let mut random = [0; 16];
        getrandom::fill(&mut random).map_err(|_| NoInvitation::NoRandom)?;
        let secret = LinkSecret::of(random);
        let hash = secret.hash();
        let now = unix_ms();
        let uses = uses.clamp(1, MAX_USES);
        let invitation = AccountInvitation {
            id: hash.chars().take(ID_DIGITS).collect(),
            secret_hash: hash.as_ref().to_owned(),
            uses,
            uses_left: uses,
            created_at: now,
            expires_at: now + life.min(LONGEST_INVITATION).as_millis() as u64,
        };
        match self.store().add_invitation(&invitation) {
            Ok(true) => Ok((invitation, secret)),
            Ok(false) => Err(NoInvitation::TooMany),
            Err(error) => Err(NoInvitation::Store(error)),
        }
    }

    /// The invitations that are not over, the oldest first.
    pub fn invitations(&self) -> Result<Vec<AccountInvitation>, StoreError> {
        self.store().invitations(unix_ms())
    }

    /// Withdraws an invitation. Returns whether there was one.
    pub fn withdraw_invitation(&self, id: &str) -> Result<bool, StoreError> {
        self.store().remove_invitation(id)
    }
}

impl std::fmt::Display for NoInvitation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            NoInvitation::TooMany => f.write_str("there are too many invitations; withdraw some"),
            NoInvitation::NoRandom => f.write_str("no invitation can be made at present"),
            NoInvitation::Store(error) => f.write_str(error.for_people()),
        }
    }
}

impl std::error::Error for NoInvitation {}
