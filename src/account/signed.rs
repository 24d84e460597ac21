//! Requests signed with a token: a JWT whose header names the token, and whose signature requires
//! its secret.

use std::fmt;

use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode};
use serde::Deserialize;
use serde_json::Value;

use crate::model::Token;
use crate::store::{Store, StoreError};

use super::jws::{self, HeaderError};

/// The longest JWT that is parsed.
const MAX_JWT_BYTES: usize = 4096;
/// The greatest difference allowed between the clocks of client and server.
const LEEWAY_SECONDS: f64 = 30.0;
/// The header field that names the token.
const ACCESS_KEY: &str = "access_key";

/// Why a signed request is refused.
#[derive(Clone, Debug, PartialEq)]
pub enum SignatureError {
    /// It is not a JWT, or too long.
    Malformed,
    /// Its header requires a feature that is not supported here, such as `crit`.
    NotUnderstood,
    /// It is signed with something other than HS256.
    WrongAlgorithm,
    /// Its header names no token.
    NoAccessKey,
    /// There is no such token.
    UnknownToken,
    /// The signature does not match the token.
    WrongSignature,
    /// The token was revoked or exchanged.
    Inactive,
    /// The token has expired.
    TokenExpired,
    /// The request's own `exp` has passed.
    Expired,
    /// The request's own `nbf` has not been reached.
    NotYetValid,
    /// The token could not be looked up.
    Store(StoreError),
}

/// The claims that count; all others are ignored.
#[derive(Deserialize)]
struct Claims {
    exp: Option<f64>,
    nbf: Option<f64>,
}

/// The token that a JWT is signed with, if it is valid at `now_ms`.
pub fn authenticate(store: &dyn Store, jwt: &str, now_ms: u64) -> Result<Token, SignatureError> {
    let access_key = access_key(jwt)?;
    let token = store.token(&access_key).map_err(SignatureError::Store)?;
    let token = token.ok_or(SignatureError::UnknownToken)?;
    check(jwt, &token, now_ms)?;
    Ok(token)
}

/// The token that a JWT claims to be signed with.
fn access_key(jwt: &str) -> Result<String, SignatureError> {
    if jwt.len() > MAX_JWT_BYTES {
        return Err(SignatureError::Malformed);
    }
    let header = jws::header(jwt).map_err(|error| match error {
        HeaderError::Malformed => SignatureError::Malformed,
        HeaderError::NotUnderstood => SignatureError::NotUnderstood,
        HeaderError::WrongAlgorithm => SignatureError::WrongAlgorithm,
    })?;
    match header.get(ACCESS_KEY) {
        Some(Value::String(access_key)) => Ok(access_key.clone()),
        _ => Err(SignatureError::NoAccessKey),
    }
}

fn check(jwt: &str, token: &Token, now_ms: u64) -> Result<(), SignatureError> {
    let key = DecodingKey::from_secret(token.secret_access_key.expose().as_bytes());
    let mut validation = Validation::new(Algorithm::HS256);
    // Times are optional, and are compared below with the server's own clock.
    validation.required_spec_claims.clear();
    validation.validate_exp = false;
    validation.validate_aud = false;
    let claims = decode::<Claims>(jwt, &key, &validation).map_err(|error| match error.kind() {
        jsonwebtoken::errors::ErrorKind::InvalidSignature => SignatureError::WrongSignature,
        _ => SignatureError::Malformed,
    })?;
    if !token.is_active {
        return Err(SignatureError::Inactive);
    }
    if now_ms >= token.expires_at {
        return Err(SignatureError::TokenExpired);
    }
    let now = now_ms as f64 / 1000.0;
    if claims
        .claims
        .exp
        .is_some_and(|exp| now >= exp + LEEWAY_SECONDS)
    {
        return Err(SignatureError::Expired);
    }
    if claims
        .claims
        .nbf
        .is_some_and(|nbf| now + LEEWAY_SECONDS < nbf)
    {
        return Err(SignatureError::NotYetValid);
    }
    Ok(())
}

impl fmt::Display for SignatureError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SignatureError::Malformed => write!(f, "that is no JWT"),
            SignatureError::NotUnderstood => write!(
                f,
                "the JWT's header asks for more than is understood here: crit, b64, cty, enc, \
                 zip and other types than JWT are refused"
            ),
            SignatureError::WrongAlgorithm => write!(f, "the JWT is not signed with HS256"),
            SignatureError::NoAccessKey => {
                write!(f, "the JWT's header has no {ACCESS_KEY}")
            }
            SignatureError::UnknownToken => write!(f, "there is no such token"),
            SignatureError::WrongSignature => write!(f, "the signature is wrong"),
            SignatureError::Inactive => write!(f, "the token has been revoked"),
            SignatureError::TokenExpired => write!(f, "the token has expired"),
            SignatureError::Expired => write!(f, "the JWT has expired"),
            SignatureError::NotYetValid => write!(f, "the JWT is not valid yet"),
            SignatureError::Store(error) => f.write_str(error.for_people()),
        }
    }
}

impl std::error::Error for SignatureError {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::account::new_token;
    use crate::model::AccountId;
    use jsonwebtoken::{EncodingKey, Header, encode};
    use serde_json::json;

    const NOW_MS: u64 = 1_790_000_000_000;
    const NOW: u64 = NOW_MS / 1000;

    fn header(alg: Algorithm, access_key: Option<&str>) -> Header {
        let mut header = Header::new(alg);
        if let Some(access_key) = access_key {
            header.extras.insert(ACCESS_KEY, access_key);
        }
        header
    }

    fn sign(alg: Algorithm, token: &Token, claims: &Value) -> String {
        let header = header(alg, Some(&token.access_key_id));
        let key = EncodingKey::from_secret(token.secret_access_key.expose().as_bytes());
        encode(&header, claims, &key).unwrap()
    }

    fn result(token: &Token, jwt: &str) -> Result<(), SignatureError> {
        assert_eq!(access_key(jwt)?, token.access_key_id);
        check(jwt, token, NOW_MS)
    }

    #[test]
    fn a_signature_is_believed_within_its_time() {
        let token = new_token(AccountId(1), NOW_MS).unwrap();
        for (claims, expected) in [
            (json!({}), Ok(())),
            (json!({"aud": "somebody", "sub": 7}), Ok(())),
            (json!({"exp": NOW + 5, "nbf": NOW - 5}), Ok(())),
            (json!({"exp": NOW as f64 + 0.5}), Ok(())),
            (json!({"exp": NOW - 29}), Ok(())),
            (json!({"exp": NOW - 30}), Err(SignatureError::Expired)),
            (json!({"nbf": NOW + 30}), Ok(())),
            (json!({"nbf": NOW + 31}), Err(SignatureError::NotYetValid)),
            (json!({"exp": "soon"}), Err(SignatureError::Malformed)),
            (json!(["exp"]), Err(SignatureError::Malformed)),
        ] {
            let jwt = sign(Algorithm::HS256, &token, &claims);
            assert_eq!(result(&token, &jwt), expected, "{claims}");
        }
    }

    #[test]
    fn only_the_tokens_own_signature_counts() {
        let token = new_token(AccountId(1), NOW_MS).unwrap();
        let jwt = sign(Algorithm::HS256, &token, &json!({}));
        let other = Token {
            secret_access_key: new_token(AccountId(1), 0).unwrap().secret_access_key,
            ..token.clone()
        };
        assert_eq!(result(&other, &jwt), Err(SignatureError::WrongSignature));
        let stronger = sign(Algorithm::HS512, &token, &json!({}));
        assert_eq!(
            result(&token, &stronger),
            Err(SignatureError::WrongAlgorithm)
        );
        // {"alg":"none"} and {}
        let unsigned = "eyJhbGciOiJub25lIn0.e30.";
        assert_eq!(
            result(&token, unsigned),
            Err(SignatureError::WrongAlgorithm)
        );
        assert_eq!(result(&token, ""), Err(SignatureError::Malformed));
        let long = format!("{jwt}{}", "A".repeat(MAX_JWT_BYTES));
        assert_eq!(result(&token, &long), Err(SignatureError::Malformed));
        let key = EncodingKey::from_secret(b"x");
        let nameless = encode(&header(Algorithm::HS256, None), &json!({}), &key).unwrap();
        assert_eq!(result(&token, &nameless), Err(SignatureError::NoAccessKey));
    }

    #[test]
    fn a_token_counts_while_it_is_active_and_fresh() {
        let token = new_token(AccountId(1), NOW_MS).unwrap();
        let jwt = sign(Algorithm::HS256, &token, &json!({}));
        let end = token.expires_at;
        assert_eq!(check(&jwt, &token, end - 1), Ok(()));
        assert_eq!(check(&jwt, &token, end), Err(SignatureError::TokenExpired));
        let inactive = Token {
            is_active: false,
            ..token
        };
        assert_eq!(
            check(&jwt, &inactive, NOW_MS),
            Err(SignatureError::Inactive)
        );
    }
}
