//! Where settings are given, and how they become a [`Config`].
//!
//! The file is overridden by the environment, and both by flags. Reading
//! goes on after a mistake, so that all of them are reported at once.

use std::collections::{HashMap, HashSet};
use std::ffi::{OsStr, OsString};
use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use super::document::Node;
use super::problem::{Origin, Problem, Problems};
use super::setting::{ENVIRONMENT_PREFIX, Setting};
use super::value::{Given, Rejected, quoted};
use super::{Config, address, suggest};

/// A larger file is not a configuration.
const MAX_FILE_BYTES: u64 = 1024 * 1024;

/// Everything that says how the server is set up. Kept to read the
/// configuration again on reload; holds secrets, so it has no `Debug`.
#[derive(Clone)]
pub struct Sources {
    /// The configuration file.
    pub file: ConfigFile,
    /// The environment; what does not start with `CHAT_SERVER_` is ignored.
    pub environment: Vec<(OsString, OsString)>,
    /// Flags that were given.
    pub flags: Vec<Flag>,
}

/// Which configuration file to read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ConfigFile {
    /// This one, if it is there.
    IfPresent(PathBuf),
    /// This one, and it must be there.
    Required(PathBuf),
}

/// A setting given on the command line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Flag {
    /// The flag, such as `--telnet`.
    pub name: &'static str,
    /// The path of the setting it sets.
    pub path: &'static str,
    /// What was given.
    pub value: String,
}

/// A configuration together with where each setting comes from.
#[derive(Debug)]
pub struct Loaded {
    /// The configuration.
    pub config: Config,
    /// The file that was read; `None` when there is none.
    pub file: Option<PathBuf>,
    origins: HashMap<&'static str, Origin>,
}

impl Sources {
    /// Reads and checks everything.
    pub fn load(&self) -> Result<Loaded, Problems> {
        let mut loader = Loader::default();
        let file = loader.file(&self.file);
        loader.environment(&self.environment);
        for flag in &self.flags {
            loader.flag(flag);
        }
        loader.check_listeners();
        loader.check_backlog();
        if !loader.problems.is_empty() {
            return Err(Problems(loader.problems));
        }
        Ok(Loaded {
            config: loader.config,
            file,
            origins: loader.origins,
        })
    }
}

impl Loaded {
    /// Where the value of the setting at `path` comes from.
    pub fn origin(&self, path: &str) -> &Origin {
        self.origins.get(path).unwrap_or(&Origin::Default)
    }
}

/// Every setting with its value, and its origin where that is not the
/// default. Secrets are not shown.
impl fmt::Display for Loaded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for setting in Config::settings() {
            write!(f, "{} = {}", setting.path, setting.value(&self.config))?;
            match self.origin(setting.path) {
                Origin::Default => writeln!(f)?,
                origin => writeln!(f, "  ({origin})")?,
            }
        }
        Ok(())
    }
}

/// A configuration in the making.
#[derive(Default)]
struct Loader {
    config: Config,
    origins: HashMap<&'static str, Origin>,
    /// Settings with a mistake: what depends on them is not checked.
    rejected: HashSet<&'static str>,
    problems: Vec<Problem>,
}

impl Loader {
    fn problem(&mut self, path: &str, origin: &Origin, what: String) {
        self.problems.push(Problem {
            path: path.to_owned(),
            origin: origin.clone(),
            what,
        });
    }

    fn set(&mut self, setting: &'static Setting, given: Given<'_>, origin: &Origin) {
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

    /// Returns the file that was read.
    fn file(&mut self, file: &ConfigFile) -> Option<PathBuf> {
        let (ConfigFile::IfPresent(path) | ConfigFile::Required(path)) = file;
        let origin = Origin::File(path.clone());
        match read_file(path) {
            Ok(text) => {
                self.document(&text, &origin);
                Some(path.clone())
            }
            Err(error) => {
                let absent = error.kind() == io::ErrorKind::NotFound;
                if !(absent && matches!(file, ConfigFile::IfPresent(_))) {
                    self.problem("", &origin, format!("cannot be read: {error}"));
                }
                None
            }
        }
    }

    fn document(&mut self, text: &str, origin: &Origin) {
        match Node::parse(text) {
            Ok(Node::Object(entries)) => self.object("", &entries, origin),
            Ok(other) => {
                let what = format!("expected an object of settings, found {}", other.kind());
                self.problem("", origin, what);
            }
            // Its words end in the line and the column.
            Err(error) => self.problem("", origin, format!("not valid JSON: {error}")),
        }
    }

    fn object(&mut self, section: &str, entries: &[(String, Node)], origin: &Origin) {
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
        let what = match meant(section, key) {
            Some(meant) if meant == path => {
                format!("unknown setting; write {}", nested(&meant))
            }
            Some(meant) => format!("unknown setting; did you mean {meant}?"),
            None => "unknown setting".to_owned(),
        };
        self.problem(&printable(&path), origin, what);
    }

    fn environment(&mut self, variables: &[(OsString, OsString)]) {
        let mut ours: Vec<(&str, &OsStr)> = variables
            .iter()
            .filter_map(|(name, value)| Some((name.to_str()?, value.as_os_str())))
            .filter(|(name, _)| name.starts_with(ENVIRONMENT_PREFIX) && !is_service_link(name))
            .collect();
        ours.sort_unstable();
        for (name, value) in ours {
            self.variable(name, value);
        }
    }

    fn variable(&mut self, name: &str, value: &OsStr) {
        let origin = Origin::Environment(name.to_owned());
        let Some(setting) = Config::settings().find(|setting| setting.environment() == name) else {
            let known: Vec<String> = Config::settings().map(Setting::environment).collect();
            // Compared without what they all have in common.
            let tail = |name: &'_ str| name.trim_start_matches(ENVIRONMENT_PREFIX).to_owned();
            let tails: Vec<String> = known.iter().map(|name| tail(name)).collect();
            let what = match suggest::nearest(&tail(name), tails.iter().map(String::as_str)) {
                Some(meant) => format!(
                    "unknown environment variable; did you mean {ENVIRONMENT_PREFIX}{meant}?"
                ),
                None => "unknown environment variable".to_owned(),
            };
            let origin = Origin::Environment(printable(name));
            self.problem("", &origin, what);
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

    fn flag(&mut self, flag: &Flag) {
        let origin = Origin::Flag(flag.name);
        match Setting::find(flag.path) {
            Some(setting) => self.set(setting, Given::Text(&flag.value), &origin),
            None => self.problem(flag.path, &origin, "unknown setting".to_owned()),
        }
    }

    /// Two listeners cannot have one address, and there has to be one.
    fn check_listeners(&mut self) {
        let listen = &self.config.listen;
        let all = [
            ("listen.telnet", listen.telnet),
            ("listen.rest", listen.rest),
            ("listen.web", listen.web),
            ("listen.tcp", listen.tcp),
            ("listen.ws", listen.ws),
        ];
        let sound: Vec<(&'static str, Option<SocketAddr>)> = all
            .into_iter()
            .filter(|(path, _)| !self.rejected.contains(path))
            .collect();
        let open: Vec<(&'static str, SocketAddr)> = sound
            .iter()
            .filter_map(|&(path, address)| Some((path, address?)))
            .collect();
        if open.is_empty() && sound.len() == all.len() {
            let what = "every listener is off; at least one is needed".to_owned();
            self.problem("listen", &self.origin_of("listen.telnet"), what);
        }
        for (index, &(path, address)) in open.iter().enumerate() {
            let earlier = open.iter().take(index);
            let Some((taken_by, _)) = earlier
                .copied()
                .find(|&(_, other)| address::collide(address, other))
            else {
                continue;
            };
            let what = format!(
                "{address} is taken by {taken_by} ({}); give each its own address or switch one off",
                self.origin_of(taken_by)
            );
            self.problem(path, &self.origin_of(path), what);
        }
    }

    /// A backlog that a single line can fill makes everybody a slow reader.
    fn check_backlog(&mut self) {
        let (backlog, line) = ("limits.backlog_bytes", "limits.line_bytes");
        if self.rejected.contains(backlog) || self.rejected.contains(line) {
            return;
        }
        let least = self.config.limits.line_bytes.saturating_mul(2);
        if self.config.limits.backlog_bytes < least {
            let what = format!(
                "expected at least {least}, twice {line} ({}), found {}",
                self.origin_of(line),
                self.config.limits.backlog_bytes
            );
            self.problem(backlog, &self.origin_of(backlog), what);
        }
    }

    fn origin_of(&self, path: &str) -> Origin {
        self.origins.get(path).cloned().unwrap_or(Origin::Default)
    }
}

fn read_file(path: &Path) -> io::Result<String> {
    let mut text = String::new();
    let mut file = File::open(path)?.take(MAX_FILE_BYTES + 1);
    file.read_to_string(&mut text)?;
    if text.len() as u64 > MAX_FILE_BYTES {
        let what = format!("larger than {MAX_FILE_BYTES} bytes");
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, what));
    }
    Ok(text)
}

fn join(section: &str, key: &str) -> String {
    if section.is_empty() {
        key.to_owned()
    } else {
        format!("{section}.{key}")
    }
}

fn is_section(path: &str) -> bool {
    !path.is_empty() && Config::settings().any(|setting| setting.split().0 == path)
}

/// The settings of a section; of the top level, the sections as well.
fn names_in(section: &str) -> impl Iterator<Item = &'static str> {
    Config::settings().filter_map(move |setting| {
        let (of, name) = setting.split();
        match (of == section, section.is_empty()) {
            (true, _) => Some(name),
            (false, true) => Some(of),
            (false, false) => None,
        }
    })
}

/// The path that an unknown key is probably meant for: a near name in the
/// same section, or the same name in another one.
fn meant(section: &str, key: &str) -> Option<String> {
    if let Some(setting) = Setting::find(key) {
        return Some(setting.path.to_owned());
    }
    if let Some(name) = suggest::nearest(key, names_in(section)) {
        return Some(join(section, name));
    }
    let elsewhere = Config::settings().find(|setting| setting.split().1 == key)?;
    Some(elsewhere.path.to_owned())
}

/// How a dotted path is written in the file.
fn nested(path: &str) -> String {
    match path.split_once('.') {
        Some((section, name)) => format!("{{\"{section}\": {{\"{name}\": ...}}}}"),
        None => path.to_owned(),
    }
}

/// A name from outside as it can be printed.
fn printable(name: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-');
    if !name.is_empty() && name.len() <= 100 && name.chars().all(plain) {
        name.to_owned()
    } else {
        quoted(name)
    }
}

/// Whether an orchestrator set the variable: for a service called
/// `chat-server` it hands `CHAT_SERVER_SERVICE_HOST`, `CHAT_SERVER_PORT` and
/// the like to every container.
fn is_service_link(name: &str) -> bool {
    let name = name.trim_start_matches(ENVIRONMENT_PREFIX);
    ["SERVICE_HOST", "SERVICE_PORT", "PORT"]
        .into_iter()
        .filter_map(|link| name.strip_prefix(link))
        .any(|rest| rest.is_empty() || rest.starts_with('_'))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Sources of nothing but a document.
    fn problems_of(text: &str) -> Vec<String> {
        let mut loader = Loader::default();
        loader.document(text, &Origin::File("f".into()));
        loader.check_listeners();
        loader.check_backlog();
        loader.problems.iter().map(Problem::to_string).collect()
    }

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
            ["admin (f): expected an object with token, workers, found a string"]
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
            ("1048576", true),
            ("1048577", false),
            ("0", false),
        ] {
            let text = format!(r#"{{"limits":{{"line_bytes":{value},"backlog_bytes":4000000}}}}"#);
            assert_eq!(problems_of(&text).is_empty(), accepted, "{value}");
        }
        for value in [
            "-1",
            "64.5",
            "1e3",
            "\"64\"",
            "null",
            "18446744073709551616",
        ] {
            let text = format!(r#"{{"limits":{{"line_bytes":{value}}}}}"#);
            assert_eq!(problems_of(&text).len(), 1, "{value}");
        }
        for (value, accepted) in [("0", true), ("0.05", false), ("0.1", true), ("20", true)] {
            let text = format!(r#"{{"limits":{{"message_rate":{value}}}}}"#);
            assert_eq!(problems_of(&text).is_empty(), accepted, "{value}");
        }
    }

    #[test]
    fn listeners_need_an_address_each_and_there_must_be_one() {
        assert_eq!(
            problems_of(r#"{"listen":{"ws":"localhost:4001"}}"#),
            [
                "listen.ws (f): 127.0.0.1:4001 is taken by listen.rest (default); \
              give each its own address or switch one off"
            ]
        );
        assert_eq!(
            problems_of(r#"{"listen":{"telnet":"off","rest":"off","web":"off"}}"#),
            ["listen (f): every listener is off; at least one is needed"]
        );
        // What is wrong already is not held against the others.
        let text = r#"{"listen":{"telnet":"nowhere","rest":"off","web":"off"}}"#;
        assert_eq!(problems_of(text).len(), 1);
    }

    #[test]
    fn a_backlog_holds_two_lines() {
        let text = |bytes| format!(r#"{{"limits":{{"line_bytes":8192,"backlog_bytes":{bytes}}}}}"#);
        assert_eq!(problems_of(&text(16384)), [""; 0]);
        assert_eq!(
            problems_of(&text(16383)),
            [
                "limits.backlog_bytes (f): expected at least 16384, twice limits.line_bytes (f), \
              found 16383"
            ]
        );
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
