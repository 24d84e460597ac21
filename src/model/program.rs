//! Programs: the tokens and hooks by which they take part.

use std::fmt;

use aws_lc_rs::digest::{SHA256, digest};
use data_encoding::{BASE64URL_NOPAD, HEXLOWER};

use super::account::AccountId;
use super::name::Name;
use super::scope::Scopes;
use super::secret::Secret;

/// What every token of a program begins with, so that scanners for secrets find it.
pub const PREFIX: &str = "cst_";
/// The most tokens, and the most hooks.
pub const MAX_PROGRAMS: usize = 1000;
/// The most calls a minute unless the token says otherwise, and the most that it can say.
pub const USUAL_RATE: u32 = 600;
/// The highest [`ProgramToken::rate`].
pub const MAX_RATE: u32 = 60_000;
const RANDOM_BYTES: usize = 32;
/// Digits of the hash that make an id.
const ID_DIGITS: usize = 16;

/// How a program shows its secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shown {
    /// In a header, as a token.
    Token,
    /// In the address that it posts to.
    Hook,
    /// It is not shown: an outgoing hook is called by nobody.
    Nothing,
}

impl Shown {
    /// The number that stands for it in databases.
    pub fn number(self) -> i16 {
        match self {
            Shown::Token => 0,
            Shown::Hook => 1,
            Shown::Nothing => 2,
        }
    }

    /// What a number stands for.
    pub fn of_number(number: i16) -> Option<Shown> {
        match number {
            0 => Some(Shown::Token),
            1 => Some(Shown::Hook),
            2 => Some(Shown::Nothing),
            _ => None,
        }
    }
}

/// What a program proves itself with. Of its secret, only a hash is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProgramToken {
    /// Identifies it in public.
    pub id: String,
    /// What administrators call it.
    pub name: Name,
    /// How it is shown.
    pub shown: Shown,
    /// The SHA-256 of the secret, in hexadecimal digits.
    pub secret_hash: String,
    /// What it allows.
    pub scopes: Scopes,
    /// The account and nickname as which it speaks.
    pub bot: Option<(AccountId, Name)>,
    /// When it was made, in milliseconds since 1970 UTC.
    pub created_at: u64,
    /// When it expires.
    pub expires_at: Option<u64>,
    /// When it was last used, to the minute.
    pub used_at: Option<u64>,
    /// Calls a minute.
    pub rate: u32,
}

/// The secret of a program: 32 random bytes.
#[derive(Clone, PartialEq, Eq)]
pub struct ProgramSecret(Secret);

impl ProgramSecret {
    /// The secret made of these bytes, which must be random.
    pub fn of(random: [u8; RANDOM_BYTES]) -> ProgramSecret {
        let coded = BASE64URL_NOPAD.encode(&random);
        ProgramSecret(Secret::new(format!("{PREFIX}{coded}")))
    }

    /// Reads what has the form of one.
    pub fn parse(raw: &str) -> Option<ProgramSecret> {
        let coded = raw.strip_prefix(PREFIX)?;
        let decoded = BASE64URL_NOPAD.decode(coded.as_bytes()).ok()?;
        (decoded.len() == RANDOM_BYTES).then(|| ProgramSecret(Secret::new(raw)))
    }

    /// The secret as it is written, to be shown once.
    pub fn expose(&self) -> &str {
        self.0.expose()
    }

    /// What is kept of it.
    pub fn hash(&self) -> String {
        HEXLOWER.encode(digest(&SHA256, self.0.expose().as_bytes()).as_ref())
    }
}

impl ProgramToken {
    /// The id of the token with this hash: nobody finds the secret by it.
    pub fn id_of(secret_hash: &str) -> String {
        secret_hash.chars().take(ID_DIGITS).collect()
    }

    /// The token that the connections of its event streams have logged in with, as the hub knows
    /// it: they end when the token is removed.
    pub fn connection_token(&self) -> String {
        format!("program:{}", self.id)
    }

    /// Whether it speaks as this account.
    pub fn speaks_as(&self, account: AccountId) -> bool {
        self.bot.as_ref().is_some_and(|(id, _)| *id == account)
    }

    /// Whether this is its hash. Takes equally long whichever digit differs.
    pub fn has_hash(&self, secret_hash: &str) -> bool {
        Secret::new(self.secret_hash.as_str()) == Secret::new(secret_hash)
    }

    /// Whether it is valid at a time.
    pub fn is_valid_at(&self, now_ms: u64) -> bool {
        self.expires_at.is_none_or(|end| now_ms < end)
    }
}

impl fmt::Debug for ProgramSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_read_as_it_is_written_and_not_shown() {
        let secret = ProgramSecret::of([0xfe; RANDOM_BYTES]);
        assert_eq!(secret.expose().len(), PREFIX.len() + 43);
        assert_eq!(ProgramSecret::parse(secret.expose()), Some(secret.clone()));
        assert!(!format!("{secret:?}").contains(&secret.expose()[4..10]));
        for other in ["", "cst_", "cst_abc", &secret.expose()[4..]] {
            assert_eq!(ProgramSecret::parse(other), None, "{other}");
        }
        assert_eq!(secret.hash().len(), 64);
        assert_eq!(ProgramToken::id_of(&secret.hash()).len(), ID_DIGITS);
    }
}
