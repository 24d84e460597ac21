//! SCRAM-SHA-256 (RFC 5802, RFC 7677): a client proves that it knows a password without
//! sending it. The server keeps keys made of the password for that, beside its hash.
//! They are weaker than the hash if they are stolen: guessing a password takes the time of
//! [`ITERATIONS`] rounds of SHA-256, and no memory.

use std::fmt;
use std::num::NonZeroU32;

use aws_lc_rs::{digest, hmac, pbkdf2};
use data_encoding::BASE64;
use subtle::ConstantTimeEq;

use crate::model::Secret;

/// Rounds of SHA-256 for a password.
const ITERATIONS: NonZeroU32 = NonZeroU32::new(16_384).unwrap();
/// The most rounds that stored keys may have been made with.
const MAX_ITERATIONS: u32 = 1_000_000;
const SALT_BYTES: usize = 16;
/// The random bytes of the server's part of a nonce.
const NONCE_BYTES: usize = 18;
/// The most bytes of a client's nonce, which the server repeats.
const MAX_NONCE: usize = 256;

/// What stored keys begin with, as in PostgreSQL: `SCRAM-SHA-256$rounds:salt$stored:server`.
const PREFIX: &str = "SCRAM-SHA-256$";

type Key = [u8; digest::SHA256_OUTPUT_LEN];

/// What is kept of a password so that clients can prove that they know it.
#[derive(Clone, PartialEq, Eq)]
pub struct Verifier {
    iterations: NonZeroU32,
    salt: Vec<u8>,
    stored_key: Key,
    server_key: Key,
}

impl Verifier {
    /// The keys of a password, with a random salt; `None` if there are no random numbers.
    pub fn of(password: &Secret) -> Option<Verifier> {
        let mut salt = vec![0; SALT_BYTES];
        getrandom::fill(&mut salt).ok()?;
        Some(Verifier::with(password, salt, ITERATIONS))
    }

    fn with(password: &Secret, salt: Vec<u8>, iterations: NonZeroU32) -> Verifier {
        let mut salted = Key::default();
        let algorithm = pbkdf2::PBKDF2_HMAC_SHA256;
        let password = password.expose().as_bytes();
        pbkdf2::derive(algorithm, iterations, &salt, password, &mut salted);
        let client_key = mac(&salted, b"Client Key");
        Verifier {
            iterations,
            salt,
            stored_key: hash(&client_key),
            server_key: mac(&salted, b"Server Key"),
        }
    }

    /// Keys that no password has, for an account that has none: a client cannot tell them
    /// from others. The same seed makes the same.
    pub fn decoy(seed: &[u8; 32]) -> Verifier {
        let salt = hash(seed).get(..SALT_BYTES).unwrap_or_default().to_vec();
        Verifier {
            iterations: ITERATIONS,
            salt,
            stored_key: Key::default(),
            server_key: Key::default(),
        }
    }

    /// Reads keys as they are stored.
    pub fn parse(stored: &str) -> Option<Verifier> {
        let (cost, keys) = stored.strip_prefix(PREFIX)?.split_once('$')?;
        let (iterations, salt) = cost.split_once(':')?;
        let (stored_key, server_key) = keys.split_once(':')?;
        let key = |written: &str| -> Option<Key> { decoded(written)?.try_into().ok() };
        let iterations: NonZeroU32 = iterations.parse().ok()?;
        (iterations.get() <= MAX_ITERATIONS).then_some(Verifier {
            iterations,
            salt: decoded(salt)?,
            stored_key: key(stored_key)?,
            server_key: key(server_key)?,
        })
    }
}

/// The keys as they are stored.
impl fmt::Display for Verifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Verifier { iterations, .. } = self;
        let [salt, stored_key, server_key] =
            [&self.salt[..], &self.stored_key, &self.server_key].map(|it| BASE64.encode(it));
        write!(f, "{PREFIX}{iterations}:{salt}${stored_key}:{server_key}")
    }
}

impl fmt::Debug for Verifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(keys of a password)")
    }
}

/// The first message of a client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Opening {
    /// The name of the account.
    pub account: String,
    /// What comes before the bare message, which says that there is no channel binding.
    header: String,
    bare: String,
    nonce: String,
}

impl Opening {
    /// Reads the message; `None` if it is malformed, or asks for what is not done: to act as
    /// another account, channel binding, or extensions that must be understood.
    pub fn parse(message: &str) -> Option<Opening> {
        let (flag, rest) = message.split_once(',')?;
        let (acting_as, bare) = rest.split_once(',')?;
        if !matches!(flag, "n" | "y") {
            return None;
        }
        let mut parts = bare.split(',');
        let account = name(parts.next()?.strip_prefix("n=")?)?;
        let nonce = parts.next()?.strip_prefix("r=")?;
        let is_own = match acting_as.strip_prefix("a=") {
            Some(other) => name(other)? == account,
            None => acting_as.is_empty(),
        };
        let is_printable = |b: u8| (0x21..=0x7e).contains(&b);
        let is_nonce = (1..=MAX_NONCE).contains(&nonce.len()) && nonce.bytes().all(is_printable);
        (is_own && is_nonce).then(|| Opening {
            account,
            header: format!("{flag},{acting_as},"),
            bare: bare.to_owned(),
            nonce: nonce.to_owned(),
        })
    }
}

/// A dialogue in which the server has asked for the proof.
#[derive(Debug)]
pub struct Challenge {
    verifier: Verifier,
    opening: Opening,
    nonce: String,
    message: String,
}

impl Challenge {
    /// Answers a client's first message; `None` if there are no random numbers.
    pub fn new(opening: Opening, verifier: Verifier) -> Option<Challenge> {
        let mut random = [0; NONCE_BYTES];
        getrandom::fill(&mut random).ok()?;
        Some(Challenge::with(opening, verifier, &BASE64.encode(&random)))
    }

    fn with(opening: Opening, verifier: Verifier, random: &str) -> Challenge {
        let nonce = format!("{}{random}", opening.nonce);
        let (salt, rounds) = (BASE64.encode(&verifier.salt), verifier.iterations);
        Challenge {
            message: format!("r={nonce},s={salt},i={rounds}"),
            verifier,
            opening,
            nonce,
        }
    }

    /// The server's first message.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// The server's last message, which proves that it knows the keys, too; `None` if the
    /// client's last message does not prove that the client knows the password.
    pub fn answer(&self, last: &str) -> Option<String> {
        let (unproved, proof) = last.rsplit_once(",p=")?;
        let mut parts = unproved.split(',');
        let binding = decoded(parts.next()?.strip_prefix("c=")?)?;
        let nonce = parts.next()?.strip_prefix("r=")?;
        if binding != self.opening.header.as_bytes() || nonce != self.nonce {
            return None;
        }
        let signed = format!("{},{},{unproved}", self.opening.bare, self.message);
        let signature = mac(&self.verifier.stored_key, signed.as_bytes());
        let mut client_key: Key = decoded(proof)?.try_into().ok()?;
        for (byte, mask) in client_key.iter_mut().zip(signature) {
            *byte ^= mask;
        }
        let is_right = hash(&client_key).ct_eq(&self.verifier.stored_key);
        bool::from(is_right).then(|| {
            let own = mac(&self.verifier.server_key, signed.as_bytes());
            format!("v={}", BASE64.encode(&own))
        })
    }
}

/// A name in which `,` and `=` are written otherwise.
fn name(written: &str) -> Option<String> {
    let mut name = String::new();
    let mut rest = written;
    while let Some((before, after)) = rest.split_once('=') {
        name.push_str(before);
        let (sign, after) = [("2C", ','), ("3D", '=')]
            .into_iter()
            .find_map(|(code, sign)| Some((sign, after.strip_prefix(code)?)))?;
        name.push(sign);
        rest = after;
    }
    name.push_str(rest);
    (!name.is_empty()).then_some(name)
}

fn decoded(written: &str) -> Option<Vec<u8>> {
    BASE64.decode(written.as_bytes()).ok()
}

fn mac(key: &[u8], message: &[u8]) -> Key {
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), message);
    tag.as_ref().try_into().unwrap_or_default()
}

fn hash(bytes: &[u8]) -> Key {
    let digest = digest::digest(&digest::SHA256, bytes);
    digest.as_ref().try_into().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of RFC 7677, section 3.
    fn example() -> Challenge {
        let opening = Opening::parse("n,,n=user,r=rOprNGfwEbeRWgbNEkqO").unwrap();
        let salt = decoded("W22ZaJ0SNY7soEsUEjb6gQ==").unwrap();
        let rounds = NonZeroU32::new(4096).unwrap();
        let verifier = Verifier::with(&Secret::new("pencil"), salt, rounds);
        Challenge::with(opening, verifier, "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0")
    }

    const PROOF: &str = "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,\
        p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=";

    #[test]
    fn the_example_of_the_specification_is_carried_out() {
        let challenge = example();
        assert_eq!(
            challenge.message(),
            "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,\
             s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096"
        );
        let answer = challenge.answer(PROOF);
        let right = "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=";
        assert_eq!(answer.as_deref(), Some(right));
        for (part, other) in [("p=d", "p=e"), ("c=biws", "c=eSws"), ("k0,", "k1,")] {
            assert_eq!(
                challenge.answer(&PROOF.replace(part, other)),
                None,
                "{part}"
            );
        }
        for wrong in ["", ",p=", "c=biws", "c=,r=,p=AA==", "p=AA=="] {
            assert_eq!(challenge.answer(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn keys_are_read_as_they_are_stored() {
        let made = Verifier::of(&Secret::new("correct horse")).unwrap();
        assert_eq!(Verifier::parse(&made.to_string()), Some(made.clone()));
        assert!(!format!("{made:?}").contains('$'));
        let seed = [7; 32];
        assert_eq!(Verifier::decoy(&seed), Verifier::decoy(&seed));
        assert_eq!(Verifier::decoy(&seed).salt.len(), made.salt.len());
        for wrong in ["", "SCRAM-SHA-256$", "SCRAM-SHA-256$0:AA==$AA==:AA==", "x"] {
            assert_eq!(Verifier::parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn an_opening_asks_for_nothing_that_is_not_done() {
        let account = |message| Opening::parse(message).map(|opening| opening.account);
        assert_eq!(account("y,a=a=2Cb,n=a=2Cb,r=x").as_deref(), Some("a,b"));
        assert_eq!(account("n,,n=ann,r=x,e=1").as_deref(), Some("ann"));
        for wrong in [
            "p=tls-unique,,n=ann,r=x",
            "n,a=bob,n=ann,r=x",
            "n,,m=1,n=ann,r=x",
            "n,,n=,r=x",
            "n,,n=a=b,r=x",
            "n,,n=ann,r=",
            "n,,n=ann",
            "",
        ] {
            assert_eq!(account(wrong), None, "{wrong}");
        }
    }
}
