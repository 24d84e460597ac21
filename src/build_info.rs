//! The program's version, the commit it was built from, and its optional features.

use std::sync::LazyLock;

/// The version, as in `Cargo.toml`.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The commit, if `CHAT_COMMIT` was set during the build.
pub const COMMIT: Option<&str> = option_env!("CHAT_COMMIT");

/// The optional features that the program was built with.
pub const FEATURES: &[&str] = &[
    #[cfg(feature = "cluster")]
    "cluster",
    #[cfg(feature = "cluster-tls")]
    "cluster-tls",
    #[cfg(feature = "grpc")]
    "grpc",
];

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

/// The optional features in one string, with commas; empty if there are none.
pub fn features() -> &'static str {
    static JOINED: LazyLock<String> = LazyLock::new(|| FEATURES.join(","));
    &JOINED
}

/// What `--version` says: [`line`], then the optional features.
pub fn lines() -> &'static str {
    static LINES: LazyLock<String> = LazyLock::new(|| {
        let features = match FEATURES {
            [] => "none".to_owned(),
            some => some.join(", "),
        };
        format!("{}\nfeatures: {features}", line())
    });
    &LINES
}
