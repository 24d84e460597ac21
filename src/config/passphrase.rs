//! A password that people type, which may be short.

use std::fmt;

/// The longest one, in bytes.
const MAX_BYTES: usize = 128;

/// A password that people type. `Debug` prints nothing of it and there is no `Display`.
#[derive(Clone, PartialEq, Eq)]
pub struct Passphrase(Box<str>);

impl Passphrase {
    /// Accepts 1 to 128 bytes without control characters.
    pub fn parse(text: &str) -> Option<Passphrase> {
        let fits = (1..=MAX_BYTES).contains(&text.len()) && !text.contains(char::is_control);
        fits.then(|| Passphrase(text.into()))
    }

    /// The password itself, for the one place that compares it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Passphrase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Passphrase")
    }
}
