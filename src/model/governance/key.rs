//! The key of a channel.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// The length of the longest key.
const MAX_KEY_BYTES: usize = 23;

/// What one must know to join a channel.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Key(Arc<str>);

/// The string is no key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BadKey;

impl fmt::Display for BadKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "a key is 1 to {MAX_KEY_BYTES} printable ASCII characters without space and comma, \
             and does not begin with a colon"
        )
    }
}

impl std::error::Error for BadKey {}

impl Key {
    /// Reads a key.
    pub fn parse(raw: &str) -> Result<Key, BadKey> {
        let is_part = |b: u8| (b'!'..=b'~').contains(&b) && b != b',';
        let fits = (1..=MAX_KEY_BYTES).contains(&raw.len()) && !raw.starts_with(':');
        match fits && raw.bytes().all(is_part) {
            true => Ok(Key(raw.into())),
            false => Err(BadKey),
        }
    }

    /// The key as it is written.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}
