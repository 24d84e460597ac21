//! Nickname tokens: a signed pass for one nickname, made by `POST /auth` and presented when a
//! WebSocket is opened.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use data_encoding::BASE32_NOPAD;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation, decode, encode};
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};

use crate::config::Secret;
use crate::model::{Account, AccountId, Name};

use super::jws;

/// How long passes are valid. A nickname that another member has by then is refused all the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PassLives {
    /// A pass for one visit.
    pub once: Duration,
    /// A pass that keeps the owner of an account signed in. It can be renewed at any time, for as
    /// long again.
    pub kept: Duration,
}

impl Default for PassLives {
    fn default() -> PassLives {
        PassLives {
            once: Duration::from_hours(24),
            kept: Duration::from_hours(30 * 24),
        }
    }
}

impl PassLives {
    fn of(self, kept: bool) -> Duration {
        match kept {
            true => self.kept,
            false => self.once,
        }
    }
}

/// The longest pass that is parsed.
const MAX_PASS_BYTES: usize = 4096;

/// The content of a valid pass, with its account.
#[derive(Clone, Debug)]
pub struct Pass {
    /// The nickname.
    pub nickname: Name,
    /// Identifies the pass.
    pub token: Arc<str>,
    /// The account, if the nickname is registered.
    pub account: Option<Account>,
    /// When it expires, in milliseconds since 1970 UTC.
    pub expires_at_ms: u64,
    /// Whether it keeps its owner signed in.
    pub kept: bool,
}

/// The signed content of a pass.
#[derive(Clone, Debug, PartialEq)]
pub struct Said {
    /// The nickname.
    pub nickname: Name,
    /// Identifies the pass.
    pub token: Arc<str>,
    /// The nickname's account, if it had one.
    pub account: Option<AccountId>,
    /// When it expires, in milliseconds since 1970 UTC.
    pub expires_at_ms: u64,
    /// Whether it keeps its owner signed in.
    pub kept: bool,
    /// How often the account's password had been changed when it was given out.
    pub password_changes: u64,
}

/// Makes and checks passes.
pub struct Passes {
    sign: EncodingKey,
    check: DecodingKey,
    /// Locked only to read or replace it.
    lives: Mutex<PassLives>,
}

/// Why a pass is not valid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PassError {
    /// It was not issued by this server.
    Invalid,
    /// It has expired.
    Expired,
    /// Its owner has signed out.
    GivenUp,
    /// The password it was given out for is another now.
    PasswordChanged,
    /// An administrator has disabled its account.
    Disabled,
    /// It does not keep its owner signed in.
    NotKept,
    /// There is no randomness to make one.
    NoRandom,
}

#[derive(Serialize, Deserialize)]
struct Claims {
    sub: String,
    jti: String,
    exp: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    account: Option<i64>,
    #[serde(default, skip_serializing_if = "is_not")]
    kept: bool,
    #[serde(default, skip_serializing_if = "is_never")]
    password_changes: u64,
}

fn is_not(flag: &bool) -> bool {
    !flag
}

fn is_never(count: &u64) -> bool {
    *count == 0
}

impl Passes {
    /// Passes signed with `secret`, valid for the default times.
    pub fn new(secret: &Secret) -> Passes {
        Passes {
            sign: EncodingKey::from_secret(secret.expose().as_bytes()),
            check: DecodingKey::from_secret(secret.expose().as_bytes()),
            lives: Mutex::default(),
        }
    }

    /// Sets how long new passes are valid.
    pub fn set_lives(&self, lives: PassLives) {
        *self.lives.lock() = lives;
    }

    /// The latest expiry that a pass existing at `now_ms` can ever have, renewals included.
    pub fn longest(&self, now_ms: u64) -> u64 {
        let lives = *self.lives.lock();
        now_ms + lives.once.max(lives.kept).as_millis() as u64
    }

    /// When a pass that is made at `now_ms` ends, in milliseconds since 1970 UTC.
    pub fn end(&self, kept: bool, now_ms: u64) -> u64 {
        (now_ms / 1000 + self.lives.lock().of(kept).as_secs()) * 1000
    }

    /// Makes a pass. Returns the token to give out, and the word that identifies it. A `kept` one
    /// keeps the owner of an account signed in.
    pub fn issue(
        &self,
        nickname: &Name,
        account: Option<&Account>,
        kept: bool,
        now_ms: u64,
    ) -> Result<(String, Arc<str>), PassError> {
        let mut random = [0; 16];
        getrandom::fill(&mut random).map_err(|_| PassError::NoRandom)?;
        let token = BASE32_NOPAD.encode(&random);
        let claims = Claims {
            sub: nickname.as_str().to_owned(),
            jti: token.clone(),
            exp: now_ms / 1000 + self.lives.lock().of(kept).as_secs(),
            account: account.map(|account| account.id.0),
            kept,
            password_changes: account.map_or(0, |account| account.password_changes),
        };
        Ok((self.sign(&claims)?, token.into()))
    }

    /// The same pass with a later expiry. Revoking either revokes both.
    pub fn renew(&self, said: &Said, now_ms: u64) -> Result<String, PassError> {
        let (true, Some(account)) = (said.kept, said.account) else {
            return Err(PassError::NotKept);
        };
        self.sign(&Claims {
            sub: said.nickname.as_str().to_owned(),
            jti: said.token.as_ref().to_owned(),
            exp: now_ms / 1000 + self.lives.lock().of(true).as_secs(),
            account: Some(account.0),
            kept: true,
            password_changes: said.password_changes,
        })
    }

    fn sign(&self, claims: &Claims) -> Result<String, PassError> {
        let pass = encode(&Header::new(Algorithm::HS256), claims, &self.sign);
        pass.map_err(|_| PassError::Invalid)
    }

    /// The content of a pass that is valid at `now_ms`.
    pub fn check(&self, pass: &str, now_ms: u64) -> Result<Said, PassError> {
        if pass.len() > MAX_PASS_BYTES {
            return Err(PassError::Invalid);
        }
        jws::header(pass).map_err(|_| PassError::Invalid)?;
        let mut validation = Validation::new(Algorithm::HS256);
        // The expiry is compared below, with the clock that was passed in.
        validation.validate_exp = false;
        let claims = decode::<Claims>(pass, &self.check, &validation)
            .map_err(|_| PassError::Invalid)?
            .claims;
        if claims.exp <= now_ms / 1000 {
            return Err(PassError::Expired);
        }
        let nickname = Name::parse(&claims.sub).map_err(|_| PassError::Invalid)?;
        Ok(Said {
            nickname,
            token: claims.jti.into(),
            account: claims.account.map(AccountId),
            expires_at_ms: claims.exp.saturating_mul(1000),
            kept: claims.kept,
            password_changes: claims.password_changes,
        })
    }
}

impl fmt::Display for PassError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            PassError::Invalid => write!(f, "the token is not one of this server"),
            PassError::Expired => write!(f, "the token has expired"),
            PassError::GivenUp => write!(f, "the token has been revoked"),
            PassError::PasswordChanged => {
                write!(
                    f,
                    "the password has been changed since the token was given out"
                )
            }
            PassError::Disabled => write!(f, "the account is disabled"),
            PassError::NotKept => write!(
                f,
                "the token is for one visit; sign in again, with keep=true to stay signed in"
            ),
            PassError::NoRandom => write!(f, "no token can be made at present"),
        }
    }
}

impl std::error::Error for PassError {}

#[cfg(test)]
mod tests {
    use super::*;

    fn account(id: i64) -> Account {
        Account {
            id: AccountId(id),
            username: Name::parse("alice").unwrap(),
            first_name: String::new(),
            last_name: String::new(),
            email: None,
            phone: None,
            password_hash: crate::model::Secret::new(""),
            created_at: 0,
            password_changes: 3,
            ignored: Vec::new(),
            standing: crate::model::Standing::Good,
            seen_at: None,
            role: None,
        }
    }

    #[test]
    fn a_pass_is_good_here_and_for_its_time_only() {
        let passes = Passes::new(&Secret::parse("a-long-enough-secret").unwrap());
        let alice = Name::parse("alice").unwrap();
        let (pass, token) = passes
            .issue(&alice, Some(&account(7)), false, 1_000_000)
            .unwrap();
        let life = PassLives::default().once.as_millis() as u64;
        let good = passes.check(&pass, 1_000_000 + life - 1000).unwrap();
        let said = Said {
            nickname: alice,
            token,
            account: Some(AccountId(7)),
            expires_at_ms: 1_000_000 + life,
            kept: false,
            password_changes: 3,
        };
        assert_eq!(good, said);
        let late = passes.check(&pass, 1_000_000 + life);
        assert_eq!(late, Err(PassError::Expired));
        let others = Passes::new(&Secret::parse("some-other-secret").unwrap());
        assert_eq!(others.check(&pass, 1_000_000), Err(PassError::Invalid));
        assert_eq!(passes.check("x.y.z", 0), Err(PassError::Invalid));
    }

    #[test]
    fn a_kept_pass_is_renewed_and_stays_the_same() {
        let passes = Passes::new(&Secret::parse("a-long-enough-secret").unwrap());
        let alice = Name::parse("alice").unwrap();
        let life = PassLives::default().kept.as_millis() as u64;
        let (pass, _) = passes.issue(&alice, Some(&account(7)), true, 0).unwrap();
        let said = passes.check(&pass, life - 1000).unwrap();
        let renewed = passes.renew(&said, life - 1000).unwrap();
        let later = passes.check(&renewed, 2 * life - 2000).unwrap();
        assert_eq!((&later.token, later.kept), (&said.token, true));
        assert!(passes.check(&pass, life).is_err());
        assert!(later.expires_at_ms <= passes.longest(life - 1000));
        let (pass, _) = passes.issue(&alice, Some(&account(7)), false, 0).unwrap();
        let once = passes.check(&pass, 0).unwrap();
        assert_eq!(passes.renew(&once, 0), Err(PassError::NotKept));
    }

    #[test]
    fn what_its_header_asks_for_is_understood_or_it_is_no_pass() {
        let passes = Passes::new(&Secret::parse("a-long-enough-secret").unwrap());
        let alice = Name::parse("alice").unwrap();
        let mut claims = Claims {
            sub: alice.as_str().to_owned(),
            jti: "x".to_owned(),
            exp: 100,
            account: None,
            kept: false,
            password_changes: 0,
        };
        let good = passes.sign(&claims).unwrap();
        assert!(passes.check(&good, 0).is_ok());
        let mut header = Header::new(Algorithm::HS256);
        header.typ = Some("at+jwt".to_owned());
        let other = encode(&header, &claims, &passes.sign).unwrap();
        assert_eq!(passes.check(&other, 0), Err(PassError::Invalid));
        claims.exp = 0;
        let over = passes.sign(&claims).unwrap();
        assert_eq!(passes.check(&over, 0), Err(PassError::Expired));
    }
}
