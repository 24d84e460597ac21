//! The differences between two configurations: those that a reload puts in force,
//! and those that wait for a restart.

use std::fmt;

use super::Config;
use super::setting::{Applies, Setting};

/// One setting that differs between two configurations. A secret shows as
/// `"(set)"` or `null`, never as itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// Its path, such as `limits.line_bytes`.
    pub path: &'static str,
    /// Its value in the old configuration, as in the file.
    pub before: String,
    /// Its value in the new one.
    pub after: String,
    /// When the change comes into force.
    pub applies: Applies,
}

impl Config {
    /// The settings that differ in `new`.
    pub fn changes(&self, new: &Config) -> Vec<Change> {
        self.differences(new)
            .map(|setting| Change {
                path: setting.path,
                before: setting.value(self).to_string(),
                after: setting.value(new).to_string(),
                applies: setting.applies,
            })
            .collect()
    }

    /// Takes over from `new` the settings that may change while the server runs.
    /// The others keep their values, so the next reload reports them again.
    pub fn adopt(&mut self, new: &Config) {
        let now: Vec<&Setting> = self
            .differences(new)
            .filter(|setting| setting.applies == Applies::Now)
            .collect();
        for setting in now {
            (setting.copy)(self, new);
        }
    }

    fn differences(&self, new: &Config) -> impl Iterator<Item = &'static Setting> {
        Config::settings().filter(|setting| (setting.differs)(self, new))
    }
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} -> {}", self.path, self.before, self.after)?;
        match self.applies {
            Applies::Now => Ok(()),
            Applies::Restart => f.write_str(" (at the next start)"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Secret;
    use super::*;

    #[test]
    fn changes_are_named_and_only_reloadable_ones_adopted() {
        let mut running = Config::default();
        let mut new = Config::default();
        assert_eq!(running.changes(&new), []);
        new.limits.line_bytes = 8192;
        new.listen.telnet = None;
        let shown: Vec<String> = running
            .changes(&new)
            .iter()
            .map(Change::to_string)
            .collect();
        assert_eq!(
            shown,
            [
                "listen.telnet: \"127.0.0.1:4000\" -> \"off\" (at the next start)",
                "limits.line_bytes: 4096 -> 8192",
            ]
        );
        running.adopt(&new);
        assert_eq!(running.limits.line_bytes, 8192);
        assert_eq!(running.listen, Config::default().listen);
        assert_eq!(running.changes(&new).len(), 1);
    }

    #[test]
    fn another_token_is_a_change_that_shows_neither() {
        let config = |token| {
            let mut config = Config::default();
            config.admin.token = Some(Secret::parse(token).unwrap());
            config
        };
        let (old, new) = (config("first-0123456789"), config("second-0123456789"));
        let changes = old.changes(&new);
        assert_eq!(changes.len(), 1);
        let shown = format!("{changes:?} {} {old:?}", changes[0]);
        assert!(!shown.contains("0123456789"), "{shown}");
        assert_eq!(changes[0].applies, Applies::Now);
        assert_eq!(Config::default().changes(&new)[0].before, "null");
    }
}
