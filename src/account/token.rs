//! Tokens: thirty days' permission to act for an account.

use std::time::Duration;

use data_encoding::BASE32_NOPAD;

use crate::model::{AccountId, Secret, Token};

/// How long a token is valid.
pub const TOKEN_LIFE: Duration = Duration::from_hours(30 * 24);

const KEY_BYTES: usize = 32;

/// A new token, not valid before it is stored.
pub fn new_token(account: AccountId, now_ms: u64) -> Result<Token, getrandom::Error> {
    Ok(Token {
        access_key_id: key()?,
        secret_access_key: Secret::new(key()?),
        refresh_token: Secret::new(key()?),
        account,
        created_at: now_ms,
        expires_at: now_ms + TOKEN_LIFE.as_millis() as u64,
        modified_at: now_ms,
        is_refreshable: true,
        is_active: true,
    })
}

/// 52 characters that cannot be guessed.
fn key() -> Result<String, getrandom::Error> {
    let mut bytes = [0; KEY_BYTES];
    getrandom::fill(&mut bytes)?;
    Ok(BASE32_NOPAD.encode(&bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_long_and_all_different() {
        let token = new_token(AccountId(1), 5).unwrap();
        let keys = [
            token.access_key_id.as_str(),
            token.secret_access_key.expose(),
            token.refresh_token.expose(),
        ];
        for key in keys {
            assert_eq!(key.len(), 52);
            assert_eq!(BASE32_NOPAD.decode(key.as_bytes()).unwrap().len(), 32);
            assert_eq!(keys.iter().filter(|other| **other == key).count(), 1);
        }
        assert_eq!(token.expires_at, 5 + 2_592_000_000);
        let shown = format!("{token:?}");
        assert!(!shown.contains(keys[1]) && !shown.contains(keys[2]));
    }
}
