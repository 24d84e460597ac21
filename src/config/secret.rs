//! A secret that can be compared, but not shown by accident.

use std::fmt;

use subtle::ConstantTimeEq;

/// A bearer token. `Debug` prints nothing of it and there is no `Display`.
#[derive(Clone)]
pub struct Secret(Box<str>);

/// Why a text is not accepted as a secret. Shows nothing of the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SecretError {
    /// Fewer than [`Secret::MIN_CHARS`] characters.
    TooShort,
    /// A character that a request header cannot carry.
    BadCharacter,
}

impl Secret {
    /// The shortest secret accepted; shorter ones can be guessed.
    pub const MIN_CHARS: usize = 16;

    /// Accepts a text that is long enough and fit for a request header.
    pub fn parse(text: &str) -> Result<Secret, SecretError> {
        if !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(SecretError::BadCharacter);
        }
        if text.len() < Secret::MIN_CHARS {
            return Err(SecretError::TooShort);
        }
        Ok(Secret(text.into()))
    }

    /// Compares in constant time: the time taken reveals nothing but the length.
    pub fn matches(&self, given: &str) -> bool {
        self.0.as_bytes().ct_eq(given.as_bytes()).into()
    }

    /// The secret itself, for the one place that has to write it down.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl PartialEq for Secret {
    fn eq(&self, other: &Secret) -> bool {
        self.matches(&other.0)
    }
}

impl Eq for Secret {}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret")
    }
}

impl fmt::Display for SecretError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SecretError::TooShort => {
                write!(f, "has fewer than {} characters", Secret::MIN_CHARS)
            }
            SecretError::BadCharacter => {
                f.write_str("contains something other than ASCII letters, digits and punctuation")
            }
        }
    }
}

impl std::error::Error for SecretError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_and_unprintable_secrets_are_refused() {
        assert!(Secret::parse("0123456789abcdef").is_ok());
        assert_eq!(Secret::parse("0123456789abcde"), Err(SecretError::TooShort));
        assert_eq!(Secret::parse(""), Err(SecretError::TooShort));
        assert_eq!(
            Secret::parse("0123456789 abcdef"),
            Err(SecretError::BadCharacter)
        );
    }

    #[test]
    fn a_secret_matches_itself_alone_and_debug_prints_nothing() {
        let secret = Secret::parse("0123456789abcdef").unwrap();
        assert!(secret.matches("0123456789abcdef"));
        assert!(!secret.matches("0123456789abcdeF"));
        assert!(!secret.matches("0123456789abcdef0"));
        assert!(!secret.matches(""));
        assert_eq!(format!("{:?}", Some(secret)), "Some(Secret)");
    }
}
