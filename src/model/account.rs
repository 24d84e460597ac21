//! Accounts, and the tokens that act for them.

use super::name::Name;
use super::secret::Secret;

/// Names one account, for as long as the database lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AccountId(pub i64);

/// What an account is made from.
#[derive(Clone, Debug)]
pub struct NewAccount {
    /// Nobody else may have it.
    pub username: Name,
    /// May be empty.
    pub first_name: String,
    /// May be empty.
    pub last_name: String,
    /// An e-mail address, which nobody has verified.
    pub email: Option<String>,
    /// A telephone number, likewise.
    pub phone: Option<String>,
    /// Whether address and number, whatever their case and however their digits
    /// are grouped, are refused to others, as `/api/register` says. Who
    /// registers otherwise does not learn whose they are.
    pub unique_contacts: bool,
    /// A PHC string.
    pub password_hash: Secret,
    /// When, in milliseconds since 1970 UTC.
    pub created_at: u64,
}

/// A registered user.
#[derive(Clone, Debug)]
pub struct Account {
    /// Its id.
    pub id: AccountId,
    /// The nickname that only its owner may use.
    pub username: Name,
    /// May be empty.
    pub first_name: String,
    /// May be empty.
    pub last_name: String,
    /// As given.
    pub email: Option<String>,
    /// As given.
    pub phone: Option<String>,
    /// A PHC string.
    pub password_hash: Secret,
    /// When, in milliseconds since 1970 UTC.
    pub created_at: u64,
    /// How often its password has been changed.
    pub password_changes: u64,
    /// Whose private messages it does not want.
    pub ignored: Vec<Name>,
}

/// An address from which an account was logged in to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnownAddress {
    /// The key of the account's username.
    pub account: String,
    /// The address.
    pub address: String,
    /// When, in milliseconds since 1970 UTC.
    pub at_ms: u64,
}

/// How to find an account.
#[derive(Clone, Debug)]
pub enum Who {
    /// By its id.
    Id(AccountId),
    /// By its username, in any spelling of it.
    Username(Name),
}

/// What no two accounts may have in common.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UniqueField {
    /// The username.
    Username,
    /// The e-mail address.
    Email,
    /// The telephone number.
    Phone,
}

/// The right to act for an account.
#[derive(Clone, Debug)]
pub struct Token {
    /// Names the token in public.
    pub access_key_id: String,
    /// Signs requests; kept as it is, because signatures are checked with it.
    pub secret_access_key: Secret,
    /// Exchanges the token for a new one.
    pub refresh_token: Secret,
    /// For whom.
    pub account: AccountId,
    /// When it was made, in milliseconds since 1970 UTC.
    pub created_at: u64,
    /// From when on it is worth nothing.
    pub expires_at: u64,
    /// When it was last changed.
    pub modified_at: u64,
    /// Whether it can still be exchanged.
    pub is_refreshable: bool,
    /// Whether it has been given up.
    pub is_active: bool,
}

impl UniqueField {
    /// The field's name in forms.
    pub fn as_str(self) -> &'static str {
        match self {
            UniqueField::Username => "username",
            UniqueField::Email => "email",
            UniqueField::Phone => "phone",
        }
    }
}
