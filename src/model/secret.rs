//! Strings that must not be shown.

use std::fmt;
use std::sync::Arc;

use subtle::ConstantTimeEq;

/// A string that must not be shown: `Debug` prints nothing of it, and comparing
/// takes the same time wherever two strings differ.
#[derive(Clone)]
pub struct Secret(Arc<str>);

impl Secret {
    /// Keeps a string secret.
    pub fn new(secret: impl Into<Arc<str>>) -> Secret {
        Secret(secret.into())
    }

    /// The string, for the one place that needs it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl PartialEq for Secret {
    fn eq(&self, other: &Secret) -> bool {
        self.0.as_bytes().ct_eq(other.0.as_bytes()).into()
    }
}

impl Eq for Secret {}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(secret)")
    }
}
