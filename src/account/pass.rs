//! Nickname tokens: a signed pass that says which nickname its holder may
//! use, made by `POST /auth` and shown when a WebSocket is opened.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use data_encoding::BASE32_NOPAD;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation, decode, encode};
use serde::{Deserialize, Serialize};

use crate::config::Secret;
use crate::name::Name;
use crate::store::{Account, AccountId};

/// How long a pass is good for. A nickname that somebody else has by then is
/// refused all the same.
pub const PASS_LIFE: Duration = Duration::from_hours(24);
/// The longest pass that is looked at.
const MAX_PASS_BYTES: usize = 4096;

/// What a valid pass says.
#[derive(Clone, Debug)]
pub struct Pass {
    /// Whose it is.
    pub nickname: Name,
    /// Tells it from other passes.
    pub token: Arc<str>,
    /// The account, if the nickname is registered.
    pub account: Option<Account>,
    /// When it comes to its end, in milliseconds since 1970 UTC.
    pub expires_at_ms: u64,
}

/// What a pass itself says.
#[derive(Clone, Debug, PartialEq)]
pub struct Said {
    /// Whose it is.
    pub nickname: Name,
    /// Tells it from other passes.
    pub token: Arc<str>,
    /// The nickname's account, if it had one.
    pub account: Option<AccountId>,
    /// When it comes to its end, in milliseconds since 1970 UTC.
    pub expires_at_ms: u64,
}

/// Makes and checks passes.
pub struct Passes {
    sign: EncodingKey,
    check: DecodingKey,
}

/// Why a pass is not good.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PassError {
    /// Not one of ours.
    Invalid,
    /// Its time is over.
    Expired,
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
}

impl Passes {
    /// Passes signed with `secret`.
    pub fn new(secret: &Secret) -> Passes {
        Passes {
            sign: EncodingKey::from_secret(secret.expose().as_bytes()),
            check: DecodingKey::from_secret(secret.expose().as_bytes()),
        }
    }

    /// Makes a pass; what to give out, and the word that tells it from others.
    pub fn issue(
        &self,
        nickname: &Name,
        account: Option<AccountId>,
        now_ms: u64,
    ) -> Result<(String, Arc<str>), PassError> {
        let mut random = [0; 16];
        getrandom::fill(&mut random).map_err(|_| PassError::NoRandom)?;
        let token = BASE32_NOPAD.encode(&random);
        let claims = Claims {
            sub: nickname.as_str().to_owned(),
            jti: token.clone(),
            exp: now_ms / 1000 + PASS_LIFE.as_secs(),
            account: account.map(|account| account.0),
        };
        let pass = encode(&Header::new(Algorithm::HS256), &claims, &self.sign);
        let pass = pass.map_err(|_| PassError::Invalid)?;
        Ok((pass, token.into()))
    }

    /// What a pass says that is good at `now_ms`.
    pub fn check(&self, pass: &str, now_ms: u64) -> Result<Said, PassError> {
        if pass.len() > MAX_PASS_BYTES {
            return Err(PassError::Invalid);
        }
        let mut validation = Validation::new(Algorithm::HS256);
        // Compared below, with the clock that was passed in.
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
        })
    }
}

impl fmt::Display for PassError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            PassError::Invalid => write!(f, "the token is not one of this server"),
            PassError::Expired => write!(f, "the token has expired"),
            PassError::NoRandom => write!(f, "no token can be made at present"),
        }
    }
}

impl std::error::Error for PassError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pass_is_good_here_and_for_its_time_only() {
        let passes = Passes::new(&Secret::parse("a-long-enough-secret").unwrap());
        let alice = Name::parse("alice").unwrap();
        let (pass, token) = passes.issue(&alice, Some(AccountId(7)), 1_000_000).unwrap();
        let life = PASS_LIFE.as_millis() as u64;
        let good = passes.check(&pass, 1_000_000 + life - 1000).unwrap();
        let said = Said {
            nickname: alice,
            token,
            account: Some(AccountId(7)),
            expires_at_ms: 1_000_000 + life,
        };
        assert_eq!(good, said);
        let late = passes.check(&pass, 1_000_000 + life);
        assert_eq!(late, Err(PassError::Expired));
        let others = Passes::new(&Secret::parse("some-other-secret").unwrap());
        assert_eq!(others.check(&pass, 1_000_000), Err(PassError::Invalid));
        assert_eq!(passes.check("x.y.z", 0), Err(PassError::Invalid));
    }
}
