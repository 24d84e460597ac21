//! Accounts, and the tokens that act for them.

use super::name::Name;
use super::secret::Secret;
use super::server_role::ServerRole;

/// Identifies an account for as long as the database lives.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize,
)]
pub struct AccountId(pub i64);

/// The details of an account to be created.
#[derive(Clone, Debug)]
pub struct NewAccount {
    /// Unique among all accounts.
    pub username: Name,
    /// May be empty.
    pub first_name: String,
    /// May be empty.
    pub last_name: String,
    /// An e-mail address, unverified.
    pub email: Option<String>,
    /// A telephone number, unverified.
    pub phone: Option<String>,
    /// Whether another account's e-mail address and telephone number, in any case
    /// and grouping, are refused, as `/api/register` does. Other ways to register
    /// do not reveal whether another account has them.
    pub unique_contacts: bool,
    /// A PHC string.
    pub password_hash: Secret,
    /// When it was created, in milliseconds since 1970 UTC.
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
    /// When it was created, in milliseconds since 1970 UTC.
    pub created_at: u64,
    /// How often its password has been changed.
    pub password_changes: u64,
    /// The users whose private messages it ignores.
    pub ignored: Vec<Name>,
    /// Whether it can be used.
    pub standing: Standing,
    /// When its owner was last seen, to within an hour: in milliseconds since 1970 UTC.
    pub seen_at: Option<u64>,
    /// What it may do on the whole server, if it can be used.
    pub role: Option<ServerRole>,
}

/// What the owner of an account has said about themselves, all of it unverified.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Profile {
    /// May be empty.
    pub first_name: String,
    /// May be empty.
    pub last_name: String,
    /// An e-mail address.
    pub email: Option<String>,
    /// A telephone number.
    pub phone: Option<String>,
}

/// Whether an account can be used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Standing {
    /// By its owner.
    #[default]
    Good,
    /// By nobody until an administrator enables it.
    Disabled,
    /// By nobody any more. Its name stays reserved: what it wrote is still shown under it.
    Deleted,
}

/// An account in the list that administrators see.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedAccount {
    /// The nickname that only its owner may use.
    pub username: Name,
    /// When it was created, in milliseconds since 1970 UTC.
    pub created_at: u64,
    /// When its owner was last seen, to within an hour.
    pub seen_at: Option<u64>,
    /// Whether it can be used.
    pub standing: Standing,
    /// What it may do on the whole server, if it can be used.
    pub role: Option<ServerRole>,
}

/// An address from which an account was logged in to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnownAddress {
    /// The key of the account's username.
    pub account: String,
    /// The address.
    pub address: String,
    /// The time, in milliseconds since 1970 UTC.
    pub at_ms: u64,
}

/// How to find an account.
#[derive(Clone, Debug)]
pub enum Who {
    /// By its id.
    Id(AccountId),
    /// By its username, in any spelling of it.
    Username(Name),
    /// By the name under which a reverse proxy knows its owner.
    Remote(String),
}

/// A field in which two accounts must differ.
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
    /// Identifies the token in public.
    pub access_key_id: String,
    /// Signs requests; kept as it is, because signatures are checked with it.
    pub secret_access_key: Secret,
    /// Exchanges the token for a new one.
    pub refresh_token: Secret,
    /// The account it acts for.
    pub account: AccountId,
    /// When it was made, in milliseconds since 1970 UTC.
    pub created_at: u64,
    /// When it expires.
    pub expires_at: u64,
    /// When it was last changed.
    pub modified_at: u64,
    /// Whether it can still be exchanged.
    pub is_refreshable: bool,
    /// Whether it is valid, unless it has expired: false once it is revoked.
    pub is_active: bool,
}

impl Standing {
    /// A stable word for programs.
    pub fn as_str(self) -> &'static str {
        match self {
            Standing::Good => "active",
            Standing::Disabled => "disabled",
            Standing::Deleted => "deleted",
        }
    }
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
