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

    /// Puts a token in force; any other is worth nothing any more. Tells
    /// whether there was another.
    pub fn replace(&self, token: Secret) -> bool {
        let mut in_force = self.0.write();
        let differs = *in_force != token;
        *in_force = token;
        differs
    }

    /// The token in force.
    pub fn secret(&self) -> Secret {
        self.0.read().clone()
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
        assert!(!token.replace(secret("a-long-enough-secret")));
        assert!(token.replace(secret("another-long-secret")));
        assert!(!token.is("a-long-enough-secret"));
        assert!(token.is("another-long-secret"));
    }
}
