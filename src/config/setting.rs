//! What one setting is, and the macro that declares a section of them.
//!
//! A setting is declared once: field, type, default, rule, documentation and
//! whether a reload puts it in force. File, environment, flags, the summary,
//! reloading and `docs/configuration.md` all go by that declaration, so none
//! of them can drift. Nothing here knows a particular setting.

use serde_json::Value as Json;

use super::Config;
use super::rule::Rule;
use super::value::Value;

/// The prefix of the server's environment variables.
pub const ENVIRONMENT_PREFIX: &str = "CHAT_SERVER_";

/// When a changed setting comes into force.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Applies {
    /// When the configuration is reloaded.
    Now,
    /// When the server is started again.
    Restart,
}

/// One setting, as declared.
pub struct Setting {
    /// Its path in the file, such as `limits.line_bytes`.
    pub path: &'static str,
    /// When a change comes into force.
    pub applies: Applies,
    pub(super) doc: &'static str,
    pub(super) rule: Rule,
    pub(super) get: fn(&Config) -> &dyn Value,
    pub(super) get_mut: fn(&mut Config) -> &mut dyn Value,
    pub(super) differs: fn(&Config, &Config) -> bool,
    pub(super) copy: fn(&mut Config, &Config),
}

impl Setting {
    /// The setting at `path`.
    pub fn find(path: &str) -> Option<&'static Setting> {
        Config::settings().find(|setting| setting.path == path)
    }

    /// The description, on one line.
    pub fn doc(&self) -> String {
        let words: Vec<&str> = self.doc.split_whitespace().collect();
        words.join(" ")
    }

    /// The environment variable that sets it.
    pub fn environment(&self) -> String {
        let name = self.path.replace('.', "_").to_ascii_uppercase();
        format!("{ENVIRONMENT_PREFIX}{name}")
    }

    /// The accepted values, in words.
    pub fn expected(&self) -> String {
        // A value knows its type, whichever value it is.
        let defaults = Config::default();
        (self.get)(&defaults).expected(&self.rule)
    }

    /// Its value in `config`, as in the file. A secret shows as `"(set)"`, and a
    /// URL without its password.
    pub fn value(&self, config: &Config) -> Json {
        (self.get)(config).to_json()
    }

    /// Whether its value must never be shown.
    pub fn is_secret(&self) -> bool {
        // A value knows its type, whichever value it is.
        (self.get)(&Config::default()).is_secret()
    }

    /// The section it is in and its name there.
    pub(super) fn split(&self) -> (&'static str, &'static str) {
        self.path.rsplit_once('.').unwrap_or(("", self.path))
    }
}

/// Declares a section: the struct, its `Default` and its [`Setting`]s.
///
/// Each line reads `name: type = default, rule, when a change applies;`.
macro_rules! settings {
    (
        $(#[$meta:meta])*
        pub struct Config {
            settings {$(
                $(#[doc = $doc:literal])+
                $field:ident: $type:ty = $default:expr, $rule:expr, $applies:ident;
            )*}
            sections {$(
                $(#[$section_meta:meta])+
                $section:ident: $section_type:ident;
            )*}
        }
    ) => {
        $(#[$meta])*
        #[derive(Clone, Debug, PartialEq)]
        pub struct Config {
            $($(#[doc = $doc])+ pub $field: $type,)*
            $($(#[$section_meta])+ pub $section: $section_type,)*
        }

        impl Default for Config {
            fn default() -> Config {
                Config {
                    $($field: $default,)*
                    $($section: $section_type::default(),)*
                }
            }
        }

        impl Config {
            const OWN_SETTINGS: &'static [Setting] = &[$(
                settings!(@setting stringify!($field), ($field),
                    concat!($($doc, "\n"),+), $rule, $applies),
            )*];

            /// All settings.
            pub fn settings() -> impl Iterator<Item = &'static Setting> {
                [Config::OWN_SETTINGS, $($section_type::SETTINGS),*]
                    .into_iter()
                    .flatten()
            }
        }
    };
    (
        $(#[$meta:meta])*
        pub struct $name:ident in $section:ident {$(
            $(#[doc = $doc:literal])+
            $field:ident: $type:ty = $default:expr, $rule:expr, $applies:ident;
        )*}
    ) => {
        $(#[$meta])*
        #[derive(Clone, Debug, PartialEq)]
        pub struct $name {
            $($(#[doc = $doc])+ pub $field: $type,)*
        }

        impl Default for $name {
            fn default() -> $name {
                $name { $($field: $default,)* }
            }
        }

        impl $name {
            const SETTINGS: &'static [Setting] = &[$(
                settings!(@setting concat!(stringify!($section), ".", stringify!($field)),
                    ($section.$field), concat!($($doc, "\n"),+), $rule, $applies),
            )*];
        }
    };
    (@setting $path:expr, ($($place:tt)+), $doc:expr, $rule:expr, $applies:ident) => {
        Setting {
            path: $path,
            applies: Applies::$applies,
            doc: $doc,
            rule: $rule,
            get: |config| &config.$($place)+,
            get_mut: |config| &mut config.$($place)+,
            differs: |one, other| one.$($place)+ != other.$($place)+,
            copy: |to, from| to.$($place)+.clone_from(&from.$($place)+),
        }
    };
}
pub(super) use settings;
