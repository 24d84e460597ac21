//! The secret in an invitation link. Channels keep a hash of it.

use std::fmt;
use std::sync::Arc;

use aws_lc_rs::digest::{SHA256, digest};
use data_encoding::HEXLOWER;

use crate::model::Secret;

/// The length of a secret.
const BYTES: usize = 16;

/// What lets people in who follow an invitation link: 128 bits, written as 32
/// hexadecimal digits. It is longer than any [`Key`](super::Key), so the two cannot be
/// mistaken for each other.
#[derive(Clone, PartialEq, Eq)]
pub struct LinkSecret(Secret);

impl LinkSecret {
    /// The secret made of these bytes, which must be random.
    pub fn of(random: [u8; BYTES]) -> LinkSecret {
        LinkSecret(Secret::new(HEXLOWER.encode(&random)))
    }

    /// Reads a secret; capitals are the same as small letters.
    pub fn parse(raw: &str) -> Option<LinkSecret> {
        let is_secret = raw.len() == 2 * BYTES && raw.bytes().all(|b| b.is_ascii_hexdigit());
        is_secret.then(|| LinkSecret(Secret::new(raw.to_ascii_lowercase())))
    }

    /// The secret as it is written, for the link alone.
    pub fn expose(&self) -> &str {
        self.0.expose()
    }

    /// The link to reset a password, below the address of the server. Browsers send nothing of what
    /// stands behind the `#`.
    pub fn reset_path(&self) -> String {
        format!("/reset#{}", self.expose())
    }

    /// What a [`Link`](super::Link) keeps of it: its SHA-256, in hexadecimal digits.
    pub fn hash(&self) -> Arc<str> {
        let hash = digest(&SHA256, self.0.expose().as_bytes());
        HEXLOWER.encode(hash.as_ref()).into()
    }
}

impl fmt::Debug for LinkSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::governance::Key;

    #[test]
    fn a_secret_is_read_as_it_is_written() {
        let secret = LinkSecret::of([0xab; BYTES]);
        assert_eq!(secret.expose(), "ab".repeat(BYTES));
        assert_eq!(LinkSecret::parse(&"AB".repeat(BYTES)), Some(secret.clone()));
        assert_ne!(LinkSecret::of([1; BYTES]).hash(), secret.hash());
        assert_eq!(format!("{secret:?}"), "(secret)");
        assert!(Key::parse(secret.expose()).is_err());
    }

    #[test]
    fn the_hash_is_sha_256() {
        // printf 00000000000000000000000000000000 | sha256sum
        let hash = "84e0c0eafaa95a34c293f278ac52e45ce537bab5e752a00e6959a13ae103b65a";
        assert_eq!(&*LinkSecret::of([0; BYTES]).hash(), hash);
    }

    #[test]
    fn other_strings_are_none() {
        for raw in ["", "ab", &"a".repeat(31), &"a".repeat(33), &"g".repeat(32)] {
            assert_eq!(LinkSecret::parse(raw), None, "{raw}");
        }
        assert_eq!(LinkSecret::parse(&"é".repeat(16)), None);
    }
}
