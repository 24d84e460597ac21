//! Cloaks: what stands for the address of a guest.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use aws_lc_rs::hmac;
use data_encoding::BASE32_NOPAD;
use serde::{Deserialize, Serialize};

use crate::model::subscriber::subscriber;

/// The length of the longest cloak.
const MAX_CLOAK_BYTES: usize = 32;
/// The characters of a cloak that depend on the address: 60 bits.
const HASH_CHARS: usize = 12;
/// What follows them.
const SUFFIX: &str = ".guest";

/// What stands for a connection's address where other people see it: a keyed hash,
/// so that an address can be banned without being shown.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Cloak(Arc<str>);

impl Cloak {
    /// Reads a cloak: small ASCII letters, digits and dots.
    pub fn parse(raw: &str) -> Option<Cloak> {
        let is_part = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'.';
        let fits = (1..=MAX_CLOAK_BYTES).contains(&raw.len()) && raw.bytes().all(is_part);
        fits.then(|| Cloak(raw.into()))
    }

    /// The cloak as it is shown.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The key with which cloaks are made. Without it an address cannot be found by trying.
#[derive(Clone)]
pub struct CloakKey(hmac::Key);

impl CloakKey {
    /// The key made of a secret.
    pub fn new(secret: &[u8]) -> CloakKey {
        CloakKey(hmac::Key::new(hmac::HMAC_SHA256, secret))
    }

    /// The cloak of an address. The IPv6 addresses of one /64 network share one, because
    /// a subscriber changes between them at will.
    pub fn cloak(&self, address: IpAddr) -> Cloak {
        let subject = subscriber(address).to_string();
        let hash = hmac::sign(&self.0, subject.as_bytes());
        let mut cloak = BASE32_NOPAD.encode(hash.as_ref()).to_ascii_lowercase();
        cloak.truncate(HASH_CHARS);
        cloak.push_str(SUFFIX);
        Cloak(cloak.into())
    }
}

impl CloakKey {
    /// Bytes that stand for a name and a purpose; they cannot be told from random ones.
    pub fn seed(&self, purpose: &str, name: &str) -> [u8; 32] {
        // No address has a line feed in it.
        let subject = format!("{purpose}\n{name}");
        let hash = hmac::sign(&self.0, subject.as_bytes());
        hash.as_ref().try_into().unwrap_or_default()
    }
}

impl fmt::Debug for CloakKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(cloak key)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cloak(key: &str, address: &str) -> Cloak {
        CloakKey::new(key.as_bytes()).cloak(address.parse().unwrap())
    }

    #[test]
    fn a_cloak_is_a_keyed_hash() {
        // printf 192.0.2.7 | openssl dgst -sha256 -hmac key -binary | base32 | cut -c-12
        assert_eq!(cloak("key", "192.0.2.7").as_str(), "ew4oa4lmxtek.guest");
        assert_ne!(cloak("other", "192.0.2.7"), cloak("key", "192.0.2.7"));
        assert_ne!(cloak("key", "192.0.2.8"), cloak("key", "192.0.2.7"));
    }

    #[test]
    fn a_cloak_is_read_as_it_is_written() {
        let made = cloak("key", "2001:db8::1");
        assert_eq!(made.as_str().len(), HASH_CHARS + SUFFIX.len());
        assert_eq!(Cloak::parse(made.as_str()), Some(made));
    }

    #[test]
    fn the_spelling_of_an_address_and_the_free_half_of_ipv6_do_not_count() {
        for (one, other) in [
            ("::ffff:192.0.2.7", "192.0.2.7"),
            ("2001:db8:1:2::", "2001:db8:1:2:ffff::1"),
        ] {
            assert_eq!(cloak("key", one), cloak("key", other), "{one} {other}");
        }
        assert_ne!(
            cloak("key", "2001:db8:1:3::"),
            cloak("key", "2001:db8:1:2::")
        );
    }
}
