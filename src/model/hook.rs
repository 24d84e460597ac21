//! Hooks: addresses that programs post to, and how what is sent to them and by them is signed.

use std::fmt;

use aws_lc_rs::hmac;
use data_encoding::{BASE64, HEXLOWER, HEXLOWER_PERMISSIVE};

use super::id::MessageId;
use super::name::Name;
use super::once::Mark;
use super::outgoing::Outgoing;
use super::program::ProgramToken;
use super::secret::Secret;

/// The most hooks of one channel, of each direction.
pub const MAX_IN_CHANNEL: usize = 10;
/// By how much the time of a signed call may differ from ours, in seconds.
pub const TOLERANCE_S: u64 = 5 * 60;
/// What a key for signatures begins with.
const PREFIX: &str = "whsec_";
const RANDOM_BYTES: usize = 32;
/// The most signatures of one call that are looked at: a sender that is changing keys has two.
const MAX_SIGNATURES: usize = 4;

/// A hook of a channel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hook {
    /// What it proves itself with, and the bot as which it speaks.
    pub program: ProgramToken,
    /// The channel.
    pub channel: Name,
    /// The key for signatures, if there are any.
    pub signing: Option<SigningKey>,
    /// The operator of the channel who made it; `None` if administrators did.
    pub made_by: Option<Name>,
    /// Where it sends what is said, if it is an outgoing one.
    pub outgoing: Option<Outgoing>,
}

/// An outgoing hook that a server has to see to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Duty {
    /// The hook.
    pub hook: Hook,
    /// Every message up to this one is in the queue, or is not for the hook.
    pub fed_to: MessageId,
    /// When the first delivery in the queue may be tried, in milliseconds since 1970 UTC.
    pub next_at: u64,
    /// Deliveries that wait.
    pub waiting: u64,
}

/// The key that signatures are made with, as both sides have it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SigningKey(Secret);

/// The signatures with which a call to a hook came, as they were written.
#[derive(Clone, Copy, Debug, Default)]
pub struct Signatures<'a> {
    /// GitHub's, which Gitea sends, too: `sha256=` and hexadecimal digits.
    pub of_hub: Option<&'a str>,
    /// Gitea's: hexadecimal digits.
    pub of_gitea: Option<&'a str>,
    /// Those of Standard Webhooks: the id, the time and the signatures.
    pub standard: Option<(&'a str, &'a str, &'a str)>,
}

/// Why a signature is not accepted; `Display` is for whoever set up the sender.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BadSignature {
    /// There is none.
    Missing,
    /// It was not made of this body with this key.
    Wrong,
    /// It was made too long ago, or clocks differ.
    Late,
}

impl SigningKey {
    /// The key made of these bytes, which must be random.
    pub fn of(random: [u8; RANDOM_BYTES]) -> SigningKey {
        SigningKey(Secret::new(format!("{PREFIX}{}", BASE64.encode(&random))))
    }

    /// A key that was stored.
    pub fn restore(raw: &str) -> SigningKey {
        SigningKey(Secret::new(raw))
    }

    /// The key as it is written, to be shown once and to be stored.
    pub fn expose(&self) -> &str {
        self.0.expose()
    }

    /// The signature of Standard Webhooks for a body that is sent at a time, in seconds.
    pub fn sign(&self, id: &str, at_s: u64, body: &[u8]) -> String {
        let signed = [format!("{id}.{at_s}.").as_bytes(), body].concat();
        let tag = hmac::sign(&self.standard_key(), &signed);
        format!("v1,{}", BASE64.encode(tag.as_ref()))
    }

    /// Checks the signature of a body. Returns what tells the call from others.
    pub fn check(
        &self,
        signatures: &Signatures<'_>,
        body: &[u8],
        now_s: u64,
    ) -> Result<Mark, BadSignature> {
        if let Some((id, at, given)) = signatures.standard {
            return self.check_standard((id, at, given), body, now_s);
        }
        let of_hub = signatures.of_hub.map(|it| it.strip_prefix("sha256="));
        let digits = match (of_hub, signatures.of_gitea) {
            (Some(digits), _) => digits.ok_or(BadSignature::Wrong)?,
            (None, Some(digits)) => digits,
            (None, None) => return Err(BadSignature::Missing),
        };
        let given = HEXLOWER_PERMISSIVE.decode(digits.trim().as_bytes());
        let given = given.map_err(|_| BadSignature::Wrong)?;
        // These senders take the key as it is written.
        let key = hmac::Key::new(hmac::HMAC_SHA256, self.0.expose().as_bytes());
        let good = hmac::verify(&key, body, &given);
        good.map_err(|_| BadSignature::Wrong)?;
        Ok(Mark::of("signature", &HEXLOWER.encode(&given)))
    }

    fn check_standard(
        &self,
        (id, at, given): (&str, &str, &str),
        body: &[u8],
        now_s: u64,
    ) -> Result<Mark, BadSignature> {
        let at_s: u64 = at.trim().parse().map_err(|_| BadSignature::Wrong)?;
        let signed = [format!("{id}.{at_s}.").as_bytes(), body].concat();
        let key = self.standard_key();
        let mut given = given.split(' ').take(MAX_SIGNATURES);
        let is_good = given.any(|one| {
            let coded = one.strip_prefix("v1,").unwrap_or_default();
            let decoded = BASE64.decode(coded.as_bytes());
            decoded.is_ok_and(|tag| hmac::verify(&key, &signed, &tag).is_ok())
        });
        match is_good {
            false => Err(BadSignature::Wrong),
            true if now_s.abs_diff(at_s) > TOLERANCE_S => Err(BadSignature::Late),
            true => Ok(Mark::of("id", id)),
        }
    }

    /// The key as Standard Webhooks have it: the bytes that are written in base64.
    fn standard_key(&self) -> hmac::Key {
        let coded = self.0.expose().strip_prefix(PREFIX).unwrap_or_default();
        let bytes = BASE64.decode(coded.as_bytes()).unwrap_or_default();
        hmac::Key::new(hmac::HMAC_SHA256, &bytes)
    }
}

impl fmt::Display for BadSignature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            BadSignature::Missing => write!(
                f,
                "this hook takes only signed calls: give the sender the secret that was shown \
                 when the hook was made"
            ),
            BadSignature::Wrong => write!(
                f,
                "the signature is not that of this body with the secret of this hook"
            ),
            BadSignature::Late => write!(
                f,
                "the signature is more than {} minutes old, or clocks differ",
                TOLERANCE_S / 60
            ),
        }
    }
}

impl std::error::Error for BadSignature {}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of the specification of Standard Webhooks.
    #[test]
    fn signatures_are_those_of_standard_webhooks() {
        let key = SigningKey::restore("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
        let (id, body) = ("msg_p5jXN8AQM9LWM0D4loKWxJek", br#"{"test": 2432232314}"#);
        let signature = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";
        assert_eq!(key.sign(id, 1_614_265_330, body), signature);
        let check = |id, at: &str, signature, now_s| {
            let signatures = Signatures {
                standard: Some((id, at, signature)),
                ..Signatures::default()
            };
            key.check(&signatures, body, now_s)
        };
        let (at, now) = ("1614265330", 1_614_265_330);
        assert_eq!(check(id, at, signature, now), Ok(Mark::of("id", id)));
        let two = format!("v1a,xxxx {signature}");
        assert!(check(id, at, &two, now + TOLERANCE_S).is_ok());
        let late = Err(BadSignature::Late);
        assert_eq!(check(id, at, signature, now + TOLERANCE_S + 1), late);
        assert_eq!(check(id, at, signature, now - TOLERANCE_S - 1), late);
        let wrong = Err(BadSignature::Wrong);
        for (id, at, signature) in [
            ("msg_other", at, signature),
            (id, "1614265331", signature),
            (id, "soon", signature),
            (id, at, "v1,"),
            (id, at, ""),
            (id, at, "g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="),
        ] {
            assert_eq!(check(id, at, signature, now), wrong, "{id} {at}");
        }
    }

    /// The example of GitHub's documentation.
    #[test]
    fn signatures_are_those_of_github_and_gitea() {
        let key = SigningKey::restore("It's a Secret to Everybody");
        let digits = "757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";
        let of_hub = format!("sha256={digits}");
        let check = |of_hub, of_gitea, body: &[u8]| {
            let signatures = Signatures {
                of_hub,
                of_gitea,
                standard: None,
            };
            key.check(&signatures, body, 0)
        };
        let mark = Ok(Mark::of("signature", digits));
        assert_eq!(check(Some(&of_hub), None, b"Hello, World!"), mark);
        assert_eq!(check(None, Some(digits), b"Hello, World!"), mark);
        let wrong = Err(BadSignature::Wrong);
        assert_eq!(check(Some(&of_hub), None, b"Hello, World"), wrong);
        for other in ["", "sha256=", "sha1=00", digits, "sha256=zz"] {
            assert_eq!(check(Some(other), Some(digits), b"Hello, World!"), wrong);
        }
        assert_eq!(check(None, None, b""), Err(BadSignature::Missing));
    }

    #[test]
    fn a_key_is_not_shown() {
        let key = SigningKey::of([0xfe; RANDOM_BYTES]);
        assert!(key.expose().starts_with("whsec_") && key.expose().len() == 6 + 44);
        assert!(!format!("{key:?}").contains(&key.expose()[8..12]));
    }
}
