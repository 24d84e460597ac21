//! Checks a configuration that a program made instead of reading it.

use serde_json::Value as Json;

use super::Config;
use super::loader::Loader;
use super::problem::{Origin, Problems};
use super::value::Given;

impl Config {
    /// Checks that every setting has a value that the file could have, too. The
    /// listeners are not checked: the program attaches its own.
    pub fn check(&self) -> Result<(), Problems> {
        let defaults = Config::default();
        let mut loader = Loader::default();
        for setting in Config::settings() {
            let text = match setting.value(self) {
                // The type has checked a secret already, and a setting that is
                // unset by default may stay unset.
                _ if (setting.get)(self).is_secret() => continue,
                Json::Null if setting.value(&defaults).is_null() => continue,
                Json::String(text) => text,
                Json::Array(items) => joined(&items),
                other => other.to_string(),
            };
            loader.set(setting, Given::Text(&text), &Origin::Program);
        }
        loader.check_backlog();
        loader
            .config
            .store
            .postgres
            .clone_from(&self.store.postgres);
        loader.config.cluster.clone_from(&self.cluster);
        for path in ["store.postgres", "cluster.postgres", "cluster.redis"] {
            loader.origins.insert(path, Origin::Program);
        }
        loader.check_features();
        match loader.problems.is_empty() {
            true => Ok(()),
            false => Err(Problems(loader.problems)),
        }
    }
}

fn joined(items: &[Json]) -> String {
    let items = items.iter().filter_map(Json::as_str);
    items.collect::<Vec<_>>().join(",")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Secret;

    fn problems(change: impl FnOnce(&mut Config)) -> Vec<String> {
        let mut config = Config::default();
        change(&mut config);
        match config.check() {
            Ok(()) => Vec::new(),
            Err(problems) => problems.iter().map(ToString::to_string).collect(),
        }
    }

    #[test]
    fn what_could_not_stand_in_the_file_is_named() {
        assert_eq!(problems(|_| {}), [""; 0]);
        let found = problems(|config| {
            config.admin.token = Some(Secret::parse("0123456789abcdef").unwrap());
            config.web.allowed_origins = vec!["https://a.example".into(), "*".into()];
            config.admin.workers = 0;
            config.limits.message_rate = f64::NAN;
            config.greeting.clear();
            config.limits.backlog_bytes = 4096;
        });
        assert_eq!(
            found,
            [
                "greeting (the program): expected one line of 1 to 500 characters, found \"\"",
                "admin.workers (the program): expected a whole number from 1 to 256, found \"0\"",
                "limits.message_rate (the program): expected a number from 0.1 to 1000000, \
                 or 0 for no limit, found \"null\"",
                "limits.backlog_bytes (the program): expected at least 8192, twice \
                 limits.line_bytes (the program), found 4096",
            ]
        );
    }
}
