//! Where an account is signed in.

use super::account::AccountId;
use super::text::Text;

/// The most sign-ins of an account that are listed: those that were used last.
pub const MAX_SIGN_INS: usize = 100;
/// The longest description of a client that is kept, in characters.
const MAX_CLIENT_CHARS: usize = 200;

/// A pass of a nickname that its owner was given, or a token of the API for direct messages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignIn {
    /// Identifies the pass or token in public.
    pub id: String,
    /// The account that is signed in.
    pub account: AccountId,
    /// Whether it is a token.
    pub is_token: bool,
    /// When it was made, in milliseconds since 1970 UTC.
    pub created_at: u64,
    /// When it was last used, to the hour; a token, when it was made.
    pub used_at: u64,
    /// When it ends.
    pub expires_at: u64,
    /// The address that it was given to; empty if that is not known.
    pub address: String,
    /// What that client called itself; may be empty.
    pub client: String,
}

/// What is kept of the words by which a client calls itself.
pub fn client_name(raw: &str) -> String {
    let clean = Text::one_line(raw);
    clean
        .as_str()
        .trim()
        .chars()
        .take(MAX_CLIENT_CHARS)
        .collect()
}
