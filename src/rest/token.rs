//! The administrators' token.

use parking_lot::RwLock;

use crate::config::Secret;

/// A secret that can be replaced while the server runs.
#[derive(Debug)]
pub struct AdminToken(RwLock<Secret>);

impl AdminToken {
    /// The token in force.
    pub fn new(token: Secret) -> AdminToken {
        AdminToken(RwLock::new(token))
    }

    /// Puts another in force; the one before is worth nothing any more.
    pub fn replace(&self, token: Secret) {
        *self.0.write() = token;
    }

    /// Whether this is it. Takes as long whichever byte is wrong.
    pub fn is(&self, candidate: &str) -> bool {
        self.0.read().matches(candidate)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_token_in_force_is_the_token() {
        let secret = |text| Secret::parse(text).unwrap();
        let token = AdminToken::new(secret("a-long-enough-secret"));
        assert!(token.is("a-long-enough-secret"));
        for wrong in ["", "a-long-enough-secre", "A-long-enough-secret"] {
            assert!(!token.is(wrong), "{wrong:?}");
        }
        token.replace(secret("another-long-secret"));
        assert!(!token.is("a-long-enough-secret"));
        assert!(token.is("another-long-secret"));
    }
}
