//! What a server reports about itself to the others.

use serde::{Deserialize, Serialize};

use super::entry::{CHANGE_VERSION, VERSION};

/// A server's report. What older servers do not report has the value that is true of them.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct About {
    pub address: String,
    pub connections: u64,
    pub started_ms: u64,
    #[serde(default)]
    pub draining: bool,
    #[serde(default = "yes")]
    pub ready: bool,
    /// The version of the program.
    #[serde(default)]
    pub version: Option<String>,
    /// The latest version of entries that it reads.
    #[serde(default = "first")]
    pub reads: u32,
}

fn yes() -> bool {
    true
}

fn first() -> u32 {
    VERSION
}

impl About {
    /// Reads a report.
    pub fn parse(text: &str) -> Option<About> {
        serde_json::from_str(text).ok()
    }

    /// As it is sent.
    pub fn text(&self) -> String {
        // It contains nothing that JSON cannot hold.
        serde_json::to_string(self).unwrap_or_default()
    }
}

/// Whether all of these servers carry out changes of channels.
pub fn all_can_govern<'a>(reports: impl IntoIterator<Item = &'a str>) -> bool {
    let mut reports = reports.into_iter().map(About::parse);
    reports.all(|about| about.is_some_and(|about| about.reads >= CHANGE_VERSION))
}

#[cfg(test)]
mod tests {
    use super::*;

    const OLD: &str = r#"{"address":"a:1","connections":3,"started_ms":7,"ready":true}"#;

    #[test]
    fn a_server_of_an_older_version_is_known_by_what_it_does_not_report() {
        let old = About::parse(OLD).unwrap();
        assert_eq!((old.version.clone(), old.reads), (None, VERSION));
        let new = About {
            version: Some("2.0.0".to_owned()),
            reads: CHANGE_VERSION,
            ..old
        };
        let new = new.text();
        assert!(all_can_govern([&*new, &*new]));
        assert!(!all_can_govern([&*new, OLD]));
        assert!(!all_can_govern([&*new, "{}"]));
        assert!(!all_can_govern([&*new, "not JSON"]));
    }
}
