//! The program's version, and the commit it was built from.

use std::sync::LazyLock;

/// The version, as in `Cargo.toml`.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The commit, if `CHAT_COMMIT` was set during the build.
pub const COMMIT: Option<&str> = option_env!("CHAT_COMMIT");

/// Stands for an unknown commit.
const UNKNOWN: &str = "unknown";

/// The commit, or a word that says that it is unknown.
pub fn commit() -> &'static str {
    match COMMIT {
        None | Some("") => UNKNOWN,
        Some(commit) => commit,
    }
}

/// Version and commit, for people.
pub fn line() -> &'static str {
    static LINE: LazyLock<String> = LazyLock::new(|| match commit() {
        UNKNOWN => VERSION.to_owned(),
        commit => format!("{VERSION} (commit {commit})"),
    });
    &LINE
}
