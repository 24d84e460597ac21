//! What an account is called besides its own name.

use crate::model::Name;

/// A nickname that the clients of an account on one server have given it. The one that was
/// chosen last, on whatever server, is the one that counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Nickname {
    /// The nickname; the account's own name if it is called by that again.
    pub name: Name,
    /// Counts how often another one was chosen.
    pub version: u64,
}

impl Nickname {
    /// By what all servers agree on which of two was chosen last.
    pub(super) fn rank(&self) -> (u64, &str) {
        (self.version, self.name.as_str())
    }
}
