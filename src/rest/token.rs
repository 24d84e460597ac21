//! The administrators' token.

use std::fmt;

use parking_lot::RwLock;
use subtle::ConstantTimeEq;

/// A secret that can be replaced while the server runs.
pub struct AdminToken(RwLock<String>);

impl AdminToken {
    /// The token in force.
    pub fn new(token: String) -> AdminToken {
        AdminToken(RwLock::new(token))
    }

    /// Puts another in force; the one before is worth nothing any more.
    pub fn replace(&self, token: String) {
        *self.0.write() = token;
    }

    /// Whether this is it. Takes as long whichever byte is wrong.
    pub fn is(&self, candidate: &str) -> bool {
        let token = self.0.read();
        // Nobody gets in with nothing, even if nothing is configured.
        !token.is_empty() && token.as_bytes().ct_eq(candidate.as_bytes()).into()
    }
}

impl fmt::Debug for AdminToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AdminToken(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_token_is_the_token() {
        let token = AdminToken::new("secret".into());
        assert!(token.is("secret"));
        for wrong in ["", "secre", "secret ", "Secret"] {
            assert!(!token.is(wrong), "{wrong:?}");
        }
        assert!(!format!("{token:?}").contains("secret"));
        token.replace(String::new());
        assert!(!token.is("") && !token.is("secret"));
    }
}
