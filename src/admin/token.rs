//! The administrators' token, the token for metrics alone, and the limit on wrong tokens.

use std::net::IpAddr;
use std::time::Instant;

use parking_lot::{Mutex, RwLock};

use crate::account::{Attempts, TooManyAttempts};
use crate::config::Secret;

/// A secret that can be replaced while the server runs.
pub struct AdminToken {
    secret: RwLock<Secret>,
    /// The token that is good for the metrics alone.
    of_metrics: RwLock<Option<Secret>>,
    /// Wrong tokens, by address. Locked while one is compared, so that concurrent attempts do not
    /// get more than the limit.
    failures: Mutex<Attempts>,
    started: Instant,
}

impl AdminToken {
    /// The token in force. Each address may be wrong `failures` times a minute; 0 is no limit.
    pub fn new(token: Secret, failures: u32) -> AdminToken {
        AdminToken {
            secret: RwLock::new(token),
            of_metrics: RwLock::default(),
            failures: Mutex::new(Attempts::new(failures)),
            started: Instant::now(),
        }
    }

    /// Changes the limit on failures.
    pub fn set_failures(&self, per_minute: u32) {
        *self.failures.lock() = Attempts::new(per_minute);
    }

    /// Replaces the token; the old one is no longer valid. Returns whether they differ.
    pub fn replace(&self, token: Secret) -> bool {
        let mut in_force = self.secret.write();
        let differs = *in_force != token;
        *in_force = token;
        differs
    }

    /// Sets the token that gives access to the metrics and nothing else.
    pub fn set_metrics_token(&self, token: Option<Secret>) {
        *self.of_metrics.write() = token;
    }

    /// The token in force.
    pub fn secret(&self) -> Secret {
        self.secret.read().clone()
    }

    /// Whether the token is right. Takes equally long whichever byte differs. After too many wrong
    /// tokens the answer no longer says whether this one is right.
    pub fn check(&self, candidate: &str, peer: IpAddr) -> Result<bool, TooManyAttempts> {
        self.check_at(candidate, peer, self.now_ms(), |candidate| {
            self.secret.read().matches(candidate)
        })
    }

    /// Whether the token gives access to the metrics; the administrators' does, too.
    pub fn check_for_metrics(
        &self,
        candidate: &str,
        peer: IpAddr,
    ) -> Result<bool, TooManyAttempts> {
        self.check_at(candidate, peer, self.now_ms(), |candidate| {
            let of_metrics = self.of_metrics.read();
            let is_theirs = of_metrics
                .as_ref()
                .is_some_and(|token| token.matches(candidate));
            // Both are compared in any case.
            self.secret.read().matches(candidate) | is_theirs
        })
    }

    /// Whether it is the administrators' token: for telling it from others, not for letting anyone
    /// in.
    pub(super) fn is(&self, candidate: &str) -> bool {
        self.secret.read().matches(candidate)
    }

    /// Checks that there were not too many wrong tokens from an address.
    pub(super) fn check_peer(&self, peer: IpAddr) -> Result<(), TooManyAttempts> {
        self.failures.lock().check(peer, self.now_ms())
    }

    /// Counts a wrong token of a program.
    pub(super) fn count_wrong(&self, peer: IpAddr) {
        self.failures.lock().count(peer, self.now_ms());
    }

    fn now_ms(&self) -> u64 {
        self.started.elapsed().as_millis() as u64
    }

    fn check_at(
        &self,
        candidate: &str,
        peer: IpAddr,
        now_ms: u64,
        is_good: impl FnOnce(&str) -> bool,
    ) -> Result<bool, TooManyAttempts> {
        let mut failures = self.failures.lock();
        failures.check(peer, now_ms)?;
        let is_it = is_good(candidate);
        if !is_it {
            failures.count(peer, now_ms);
        }
        Ok(is_it)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOME: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);

    fn check_at(
        token: &AdminToken,
        candidate: &str,
        peer: IpAddr,
        now_ms: u64,
    ) -> Result<bool, TooManyAttempts> {
        token.check_at(candidate, peer, now_ms, |candidate| {
            token.secret.read().matches(candidate)
        })
    }

    fn secret(text: &str) -> Secret {
        Secret::parse(text).unwrap()
    }

    #[test]
    fn only_the_token_in_force_is_the_token() {
        let token = AdminToken::new(secret("a-long-enough-secret"), 0);
        let is = |candidate| token.check(candidate, HOME) == Ok(true);
        assert!(is("a-long-enough-secret"));
        for wrong in ["", "a-long-enough-secre", "A-long-enough-secret"] {
            assert!(!is(wrong), "{wrong:?}");
        }
        assert!(!token.replace(secret("a-long-enough-secret")));
        assert!(token.replace(secret("another-long-secret")));
        assert!(!is("a-long-enough-secret"));
        assert!(is("another-long-secret"));
    }

    #[test]
    fn who_is_wrong_too_often_waits_and_nobody_else_does() {
        let token = AdminToken::new(secret("a-long-enough-secret"), 2);
        let there: IpAddr = "192.0.2.1".parse().unwrap();
        // Right tokens are not counted.
        for _ in 0..5 {
            assert_eq!(check_at(&token, "a-long-enough-secret", there, 0), Ok(true));
        }
        for _ in 0..2 {
            assert_eq!(check_at(&token, "wrong", there, 0), Ok(false));
        }
        let wait = Err(TooManyAttempts { retry_seconds: 30 });
        assert_eq!(check_at(&token, "wrong", there, 0), wait);
        assert_eq!(check_at(&token, "a-long-enough-secret", there, 0), wait);
        assert_eq!(check_at(&token, "a-long-enough-secret", HOME, 0), Ok(true));
        assert_eq!(
            check_at(&token, "a-long-enough-secret", there, 30_000),
            Ok(true)
        );
    }
}
