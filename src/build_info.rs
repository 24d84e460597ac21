//! Which program this is: its version, and the commit it was built from.

use std::sync::LazyLock;

/// The version, as in `Cargo.toml`.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The commit, if whoever built it has said so in `CHAT_COMMIT`.
pub const COMMIT: Option<&str> = option_env!("CHAT_COMMIT");

/// What stands for a commit that nobody has said.
const UNKNOWN: &str = "unknown";

/// The commit, or a word that says that it is not known.
pub fn commit() -> &'static str {
    match COMMIT {
        None | Some("") => UNKNOWN,
        Some(commit) => commit,
    }
}

/// Both, as far as they are known, for people.
pub fn line() -> &'static str {
    static LINE: LazyLock<String> = LazyLock::new(|| match commit() {
        UNKNOWN => VERSION.to_owned(),
        commit => format!("{VERSION} (commit {commit})"),
    });
    &LINE
}
