//! Builds a configuration: applies one source after the other and collects every
//! mistake instead of stopping at the first.

use std::collections::{HashMap, HashSet};
use std::ffi::{OsStr, OsString};
use std::io;
use std::path::{Path, PathBuf};

use super::document::Node;
use super::file::{ConfigFile, Reading, parse, read_file, unreadable};
use super::listeners::ListenerKind;
use super::names::{is_section, join, meant, names_in, nested, printable};
use super::originals::{self, Assignment, Note, Original};
use super::problem::{Origin, Problem};
use super::service_link::is_service_link;
use super::setting::{ENVIRONMENT_PREFIX, Setting};
use super::value::{Given, Rejected};
use super::{Config, suggest};

/// A setting given on the command line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Flag {
    /// The flag, such as `--telnet`.
    pub name: &'static str,
    /// The path of the setting it sets.
    pub path: &'static str,
    /// Its value, as text.
    pub value: String,
}

/// A configuration under construction.
#[derive(Default)]
pub(super) struct Loader {
    pub config: Config,
    pub origins: HashMap<&'static str, Origin>,
    /// Settings with a mistake; checks that depend on them are skipped.
    pub rejected: HashSet<&'static str>,
    pub problems: Vec<Problem>,
    /// What became of keys and variables of an older server.
    pub notes: Vec<Note>,
    /// The settings that those keys and variables set.
    assigned: Vec<(Assignment, Origin)>,
    /// The file that was read.
    pub read: Option<PathBuf>,
}

impl Loader {
    pub fn problem(&mut self, path: &str, origin: &Origin, what: String) {
        self.problems.push(Problem {
            path: path.to_owned(),
            origin: origin.clone(),
            what,
        });
    }

    pub fn set(&mut self, setting: &'static Setting, given: Given<'_>, origin: &Origin) {
        let value = (setting.get_mut)(&mut self.config);
        let what = match value.read(given, &setting.rule) {
            Ok(()) => {
                self.origins.insert(setting.path, origin.clone());
                return;
            }
            Err(Rejected::Because(why)) => why,
            Err(Rejected::Unexpected) => format!(
                "expected {}, found {}",
                value.expected(&setting.rule),
                given.shown(value.is_secret())
            ),
        };
        self.rejected.insert(setting.path);
        self.problem(setting.path, origin, what);
    }

    /// Applies the configuration file. Returns its path, if a file was read.
    pub fn file(&mut self, file: &ConfigFile, reading: Reading) -> Option<PathBuf> {
        let (ConfigFile::IfPresent(path) | ConfigFile::Required(path)) = file;
        let origin = Origin::File(path.clone());
        match read_file(path, reading) {
            Ok(text) => {
                self.document(&text, &origin);
                self.read = Some(path.clone());
                Some(path.clone())
            }
            Err(error) => {
                let absent = error.kind() == io::ErrorKind::NotFound;
                if !(absent && matches!(file, ConfigFile::IfPresent(_))) {
                    self.problem("", &origin, unreadable(&error));
                }
                None
            }
        }
    }

    fn document(&mut self, text: &str, origin: &Origin) {
        let path = match origin {
            Origin::File(path) => path.as_path(),
            _ => Path::new(""),
        };
        match parse(text, path) {
            Ok(entries) => match Original::of(&entries) {
                Some(original) => self.original(original, &entries, path),
                None => self.object("", &entries, origin),
            },
            Err(what) => self.problem("", origin, what),
        }
    }

    /// Applies the configuration file of an older server.
    fn original(&mut self, original: Original, entries: &[(String, Node)], path: &Path) {
        let origin = Origin::File(path.to_owned());
        let translated = original.translate(entries, path);
        if !translated.mistakes.is_empty() {
            // With a mistake in the file, it is not known which listeners it opens.
            self.rejected.extend(ListenerKind::usually_open());
        }
        for (key, what) in translated.mistakes {
            self.problem(&key, &origin, what);
        }
        for assignment in &translated.assignments {
            let origin = match assignment.key {
                Some(key) => Origin::Key(key, path.to_owned()),
                None => origin.clone(),
            };
            self.assign(assignment, &origin);
        }
        self.notes.push(Note::of_file(path, original));
        self.notes.extend(translated.notes);
    }

    fn assign(&mut self, assignment: &Assignment, origin: &Origin) {
        self.assigned.push((assignment.clone(), origin.clone()));
        match Setting::find(assignment.path) {
            Some(setting) => self.set(setting, Given::Text(&assignment.text()), origin),
            None => self.problem(assignment.path, origin, "unknown setting".to_owned()),
        }
    }

    pub fn object(&mut self, section: &str, entries: &[(String, Node)], origin: &Origin) {
        let mut seen = HashSet::new();
        for (key, node) in entries {
            let path = join(section, key);
            if !seen.insert(key) {
                self.problem(&printable(&path), origin, "given twice".to_owned());
            } else if key.contains('.') {
                self.unknown(section, key, origin);
            } else if let Some(setting) = Setting::find(&path) {
                self.set(setting, Given::Json(node), origin);
            } else if is_section(&path) {
                self.section(&path, node, origin);
            } else {
                self.unknown(section, key, origin);
            }
        }
    }

    fn section(&mut self, path: &str, node: &Node, origin: &Origin) {
        if let Node::Object(entries) = node {
            self.object(path, entries, origin);
            return;
        }
        let names: Vec<&str> = names_in(path).collect();
        let what = format!(
            "expected an object with {}, found {}",
            names.join(", "),
            node.kind()
        );
        self.problem(path, origin, what);
    }

    fn unknown(&mut self, section: &str, key: &str, origin: &Origin) {
        let path = join(section, key);
        let old = section.is_empty().then(|| originals::find(key)).flatten();
        let slip = || section.is_empty().then(|| originals::meant(key)).flatten();
        let what = match meant(section, key) {
            _ if let Some(old) = old => originals::misplaced(old),
            Some(meant) if meant == path => {
                format!("unknown setting; write {}", nested(&meant))
            }
            Some(meant) => format!("unknown setting; did you mean {meant}?"),
            None => match slip() {
                Some(meant) => format!("unknown setting; did you mean {meant}?"),
                None => "unknown setting".to_owned(),
            },
        };
        self.problem(&printable(&path), origin, what);
    }

    pub fn environment(&mut self, variables: &[(OsString, OsString)]) {
        self.older_variables(variables);
        let mut ours: Vec<(&str, &OsStr)> = variables
            .iter()
            .filter_map(|(name, value)| Some((name.to_str()?, value.as_os_str())))
            .filter(|(name, _)| name.starts_with(ENVIRONMENT_PREFIX))
            .filter(|(name, value)| !is_service_link(name, value))
            .collect();
        ours.sort_unstable();
        for (name, value) in ours {
            self.variable(name, value);
        }
    }

    /// Applies the variables of an older server first, so that today's override them.
    fn older_variables(&mut self, variables: &[(OsString, OsString)]) {
        for (name, value) in variables {
            let (Some(name), value) = (name.to_str(), value.to_string_lossy()) else {
                continue;
            };
            let Some((assignment, note)) = originals::variable(name, &value) else {
                continue;
            };
            if let Some(assignment) = assignment {
                self.assign(&assignment, &Origin::Environment(name.to_owned()));
            }
            self.notes.push(note);
        }
    }

    fn variable(&mut self, name: &str, value: &OsStr) {
        let origin = Origin::Environment(name.to_owned());
        let Some(setting) = Config::settings().find(|setting| setting.environment() == name) else {
            self.unknown_variable(name);
            return;
        };
        match value.to_str() {
            Some(text) => self.set(setting, Given::Text(text), &origin),
            None => {
                self.rejected.insert(setting.path);
                self.problem(setting.path, &origin, "is not UTF-8".to_owned());
            }
        }
    }

    fn unknown_variable(&mut self, name: &str) {
        // The common prefix would make all names look alike.
        let tail = name.strip_prefix(ENVIRONMENT_PREFIX).unwrap_or(name);
        let known: Vec<String> = Config::settings()
            .map(|setting| setting.path.replace('.', "_"))
            .collect();
        let what = match suggest::nearest(tail, known.iter().map(String::as_str)) {
            Some(meant) => format!(
                "unknown environment variable; did you mean {ENVIRONMENT_PREFIX}{}?",
                meant.to_ascii_uppercase()
            ),
            None => "unknown environment variable".to_owned(),
        };
        self.problem("", &Origin::Environment(printable(name)), what);
    }

    pub fn flag(&mut self, flag: &Flag) {
        let origin = Origin::Flag(flag.name);
        match Setting::find(flag.path) {
            Some(setting) => self.set(setting, Given::Text(&flag.value), &origin),
            None => self.problem(flag.path, &origin, "unknown setting".to_owned()),
        }
    }

    /// Corrects the notes on assignments that a later source has overridden, so that
    /// they say what is in force.
    pub fn correct_notes(&mut self) {
        for (assignment, origin) in std::mem::take(&mut self.assigned) {
            let (path, last) = (assignment.path, self.origin_of(assignment.path));
            let Some(setting) = Setting::find(path).filter(|_| last != origin) else {
                continue;
            };
            let said = format!("{path} is {}", assignment.value);
            let value = setting.value(&self.config);
            let true_now = format!("overridden: {path} is {value} ({last})");
            for note in &mut self.notes {
                if assignment.key == Some(note.key.as_str()) {
                    note.what = note.what.replace(&said, &true_now);
                }
            }
        }
    }

    pub fn origin_of(&self, path: &str) -> Origin {
        self.origins.get(path).cloned().unwrap_or(Origin::Default)
    }
}

/// The problems of a document called `f`, for tests.
#[cfg(test)]
pub(super) fn problems_of(text: &str) -> Vec<String> {
    let mut loader = Loader::default();
    loader.document(text, &Origin::File("f".into()));
    loader.check();
    loader.problems.iter().map(Problem::to_string).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment(variables: &[(&str, &str)]) -> Loader {
        let mut loader = Loader::default();
        let variables: Vec<(OsString, OsString)> = variables
            .iter()
            .map(|(name, value)| (name.into(), value.into()))
            .collect();
        loader.environment(&variables);
        loader
    }

    #[test]
    fn unknown_keys_are_traced_to_what_was_meant() {
        for (text, expected) in [
            (
                r#"{"listen":{"telent":"off"}}"#,
                "listen.telent (f): unknown setting; did you mean listen.telnet?",
            ),
            (
                r#"{"limit":{}}"#,
                "limit (f): unknown setting; did you mean limits?",
            ),
            (r#"{"lineBytes":1}"#, "lineBytes (f): unknown setting"),
            (
                r#"{"line_bytes":1}"#,
                "line_bytes (f): unknown setting; did you mean limits.line_bytes?",
            ),
            (
                r#"{"limits.line_bytes":1}"#,
                r#"limits.line_bytes (f): unknown setting; write {"limits": {"line_bytes": ...}}"#,
            ),
            (r#"{"\u001b[2J":1}"#, r#""\u{1b}[2J" (f): unknown setting"#),
            (r#"{"":1}"#, r#""" (f): unknown setting"#),
        ] {
            assert_eq!(problems_of(text), [expected], "{text}");
        }
    }

    #[test]
    fn what_is_no_settings_object_is_named_without_its_value() {
        assert_eq!(
            problems_of(r#"{"admin":"0123456789abcdef"}"#),
            ["admin (f): expected an object with token, metrics_token, workers, found a string"]
        );
        assert_eq!(
            problems_of("[]"),
            ["f: expected an object of settings, found a list"]
        );
        assert_eq!(
            problems_of("{\n  \"limits\": }"),
            ["f: not valid JSON: expected value at line 2 column 13"]
        );
    }

    #[test]
    fn a_key_given_twice_is_a_mistake() {
        assert_eq!(
            problems_of(r#"{"limits":{"line_bytes":100,"line_bytes":200},"limits":{}}"#),
            [
                "limits.line_bytes (f): given twice",
                "limits (f): given twice"
            ]
        );
    }

    #[test]
    fn ranges_hold_at_their_edges() {
        for (value, accepted) in [
            ("63", false),
            ("64", true),
            ("64.0", true),
            ("1e3", true),
            ("1048576", true),
            ("1048577", false),
            ("0", false),
        ] {
            let text = format!(r#"{{"limits":{{"line_bytes":{value},"backlog_bytes":4000000}}}}"#);
            assert_eq!(problems_of(&text).is_empty(), accepted, "{value}");
        }
        for value in ["-1", "64.5", "\"64\"", "null", "18446744073709551616"] {
            let text = format!(r#"{{"limits":{{"line_bytes":{value}}}}}"#);
            assert_eq!(problems_of(&text).len(), 1, "{value}");
        }
        for (value, accepted) in [("0", true), ("0.05", false), ("0.1", true), ("20", true)] {
            let text = format!(r#"{{"limits":{{"message_rate":{value}}}}}"#);
            assert_eq!(problems_of(&text).is_empty(), accepted, "{value}");
        }
    }

    #[test]
    fn variables_set_what_they_are_named_after() {
        let loader = environment(&[
            ("CHAT_SERVER_LIMITS_LINE_BYTES", "8192"),
            ("CHAT_SERVER_WEB_ALLOWED_ORIGINS", "https://a.example, *"),
            ("CHAT_SERVER_CHAT_LOG_ENABLED", "false"),
            ("CHAT_SERVER_LISTEN_TCP", ":8989"),
            ("PATH", "/bin"),
        ]);
        assert_eq!(loader.problems, []);
        assert_eq!(loader.config.limits.line_bytes, 8192);
        assert_eq!(
            loader.config.web.allowed_origins,
            ["https://a.example", "*"]
        );
        assert!(!loader.config.chat_log.enabled);
        assert_eq!(loader.config.listen.tcp, "127.0.0.1:8989".parse().ok());
    }

    #[test]
    fn every_setting_can_be_given_as_a_variable() {
        let defaults = Config::default();
        for setting in Config::settings() {
            let text = match setting.value(&defaults) {
                serde_json::Value::String(text) => text,
                serde_json::Value::Null if setting.path.ends_with(".postgres") => {
                    "postgres://localhost/chat".to_owned()
                }
                serde_json::Value::Null if setting.path == "cluster.redis" => {
                    "redis://localhost".to_owned()
                }
                serde_json::Value::Null => "0123456789abcdef".to_owned(),
                serde_json::Value::Array(_) => String::new(),
                other => other.to_string(),
            };
            let name = setting.environment();
            let loader = environment(&[(&name, &text)]);
            assert_eq!(loader.problems, [], "{name}={text}");
            assert_eq!(loader.origins[setting.path], Origin::Environment(name));
        }
    }

    #[test]
    fn unknown_variables_are_mistakes_unless_an_orchestrator_set_them() {
        let loader = environment(&[
            ("CHAT_SERVER_LIMITS_LINEBYTES", "1"),
            ("CHAT_SERVER_PORT", "tcp://10.0.0.1:4000"),
            ("CHAT_SERVER_PORT_4000_TCP_ADDR", "10.0.0.1"),
            ("CHAT_SERVER_SERVICE_HOST", "10.0.0.1"),
        ]);
        let problems: Vec<String> = loader.problems.iter().map(Problem::to_string).collect();
        assert_eq!(
            problems,
            [
                "CHAT_SERVER_LIMITS_LINEBYTES: unknown environment variable; \
              did you mean CHAT_SERVER_LIMITS_LINE_BYTES?"
            ]
        );
    }

    #[test]
    fn a_rejected_secret_is_not_repeated() {
        let loader = environment(&[("CHAT_SERVER_ADMIN_TOKEN", "hunter2")]);
        let problem = loader.problems[0].to_string();
        assert!(problem.starts_with("admin.token (CHAT_SERVER_ADMIN_TOKEN): expected at least 16"));
        assert!(problem.ends_with("found 7 characters"), "{problem}");
        assert_eq!(problems_of(r#"{"admin":{"token":""}}"#).len(), 1);
        let number = problems_of(r#"{"admin":{"token":123454321}}"#);
        assert!(number[0].ends_with("found a number"), "{number:?}");
    }
}
