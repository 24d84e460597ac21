//! The configuration as an administrator sees it: `check-config` of the real
//! program, the shipped `config.json`, and the documentation.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use chat_server::config::{Applies, Config, ConfigFile, Setting, Sources};
use tempfile::TempDir;

const TOKEN: &str = "correct-horse-battery";

/// A working directory, with or without a `config.json`.
struct Place(TempDir);

impl Place {
    fn new() -> Place {
        Place(tempfile::tempdir().unwrap())
    }

    fn with(config: &str) -> Place {
        let place = Place::new();
        place.write("config.json", config);
        place
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.0.path().join(name), text).unwrap();
    }

    fn run(&self, arguments: &[&str], variables: &[(&str, &str)]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_chat-server"));
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("CHAT_SERVER_") {
                command.env_remove(name);
            }
        }
        command
            .args(arguments)
            .envs(variables.iter().copied())
            .current_dir(self.0.path())
            .output()
            .unwrap()
    }

    fn is_empty(&self) -> bool {
        fs::read_dir(self.0.path()).unwrap().next().is_none()
    }
}

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

/// The errors, without the line that counts them.
fn mistakes(output: &Output) -> Vec<String> {
    assert_eq!(output.status.code(), Some(2), "{}", stderr(output));
    assert_eq!(stdout(output), "");
    let mut lines: Vec<String> = stderr(output).lines().map(str::to_owned).collect();
    let count = lines.pop().unwrap();
    let number = count.strip_prefix("chat-server: ").unwrap();
    let number: usize = number.split_once(' ').unwrap().0.parse().unwrap();
    assert_eq!(number, lines.len(), "{count}");
    lines
}

#[test]
fn without_any_configuration_the_defaults_are_in_force() {
    let place = Place::new();
    let output = place.run(&["check-config"], &[]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let summary = stdout(&output);
    assert!(
        summary.starts_with("OK: no configuration file\n"),
        "{summary}"
    );
    for setting in Config::settings() {
        let value = setting.value(&Config::default());
        let line = format!("\n{} = {value}\n", setting.path);
        assert!(summary.contains(&line), "{line} in {summary}");
    }
    assert!(place.is_empty(), "checking leaves nothing behind");
}

#[test]
fn every_mistake_is_named_at_once_with_its_place() {
    let place = Place::with(
        r#"{
            "listen": {"telent": "off", "rest": "localhost", "web": "127.0.0.1:4000"},
            "data_dir": 7,
            "log_level": "loud",
            "greeting": "two\nlines",
            "admin": {"token": "", "workers": 0},
            "web": {"allowed_origins": ["https://chat.example.org/path"]},
            "limits": {"line_bytes": "4k", "line_bytes": 5, "message_rate": -1},
            "colour": "blue"
        }"#,
    );
    let variables = [
        ("CHAT_SERVER_LIMITS_HTTP_SECONDS", "soon"),
        ("CHAT_SERVER_LISTEN_TLENET", "off"),
        ("CHAT_SERVER_ADMIN_TOKEN", "hunter2"),
    ];
    let output = place.run(&["check-config", "--ws", "127.0.0.1:99999"], &variables);
    let address =
        r#"expected host:port such as "127.0.0.1:4000" or "[::1]:4000", a port, or "off""#;
    let token = "expected at least 16 letters, digits or punctuation, or null";
    assert_eq!(
        mistakes(&output),
        [
            "listen.telent (config.json): unknown setting; did you mean listen.telnet?",
            &format!(r#"listen.rest (config.json): {address}, found "localhost""#),
            "data_dir (config.json): expected a path, found 7",
            r#"log_level (config.json): expected one of off, error, warn, info, debug, trace, or a filter such as "info,chat_server=debug", found "loud""#,
            r#"greeting (config.json): expected one line of 1 to 500 characters, found "two\nlines""#,
            &format!("admin.token (config.json): {token}, found 0 characters"),
            "admin.workers (config.json): expected a whole number from 1 to 256, found 0",
            r#"web.allowed_origins (config.json): expected origins such as "https://chat.example.org", without a path, found "https://chat.example.org/path""#,
            r#"limits.line_bytes (config.json): expected a whole number from 64 to 1048576, found "4k""#,
            "limits.line_bytes (config.json): given twice",
            "limits.message_rate (config.json): expected a number from 0.1 to 1000000, or 0 for no limit, found -1",
            "colour (config.json): unknown setting",
            &format!("admin.token (CHAT_SERVER_ADMIN_TOKEN): {token}, found 7 characters"),
            r#"limits.http_seconds (CHAT_SERVER_LIMITS_HTTP_SECONDS): expected a whole number from 1 to 3600, found "soon""#,
            "CHAT_SERVER_LISTEN_TLENET: unknown environment variable; did you mean CHAT_SERVER_LISTEN_TELNET?",
            &format!(r#"listen.ws (--ws): {address}, found "127.0.0.1:99999""#),
            "listen.web (config.json): 127.0.0.1:4000 is taken by listen.telnet (default); give each its own address or switch one off",
        ]
        .map(str::to_owned)
    );
}

#[test]
fn the_server_itself_refuses_to_start_on_a_mistake() {
    let place = Place::with(r#"{"limits": {"line_bytes": 1}}"#);
    let output = place.run(&[], &[]);
    assert_eq!(mistakes(&output).len(), 1);
    assert!(!place.0.path().join("data").exists());
}

#[test]
fn broken_json_is_named_with_line_and_column() {
    let place = Place::with("{\n  \"listen\": {\n    \"telnet\": off\n  }\n}\n");
    let output = place.run(&["check-config"], &[]);
    assert_eq!(
        mistakes(&output),
        ["config.json: not valid JSON: expected value at line 3 column 15"]
    );
}

#[test]
fn flags_override_the_environment_and_that_the_file() {
    let place = Place::with(r#"{"listen": {"telnet": ":5001", "rest": ":5002", "web": ":5003"}}"#);
    let variables = [
        ("CHAT_SERVER_LISTEN_REST", "[::1]:6002"),
        ("CHAT_SERVER_LISTEN_WEB", "6003"),
    ];
    let output = place.run(
        &["check-config", "--web", "localhost:7003", "-tcp=:7004"],
        &variables,
    );
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let summary = stdout(&output);
    for line in [
        "OK: config.json",
        r#"listen.telnet = "127.0.0.1:5001"  (config.json)"#,
        r#"listen.rest = "[::1]:6002"  (CHAT_SERVER_LISTEN_REST)"#,
        r#"listen.web = "127.0.0.1:7003"  (--web)"#,
        r#"listen.tcp = "127.0.0.1:7004"  (--tcp)"#,
        r#"listen.ws = "127.0.0.1:8099""#,
    ] {
        assert!(summary.lines().any(|l| l == line), "{line} in {summary}");
    }
}

#[test]
fn a_file_that_is_named_has_to_be_there_and_is_the_one_read() {
    let place = Place::with("not even JSON");
    let output = place.run(&["-c", "other.json", "check-config"], &[]);
    let lines = mistakes(&output);
    assert!(
        lines[0].starts_with("other.json: cannot be read: "),
        "{lines:?}"
    );
    place.write("other.json", r#"{"log_level": "debug"}"#);
    let output = place.run(&["check-config", "-c", "other.json"], &[]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert!(stdout(&output).contains("log_level = \"debug\"  (other.json)\n"));
}

#[test]
fn a_file_without_end_is_refused() {
    let place = Place::with(&" ".repeat(1024 * 1024 + 1));
    let lines = mistakes(&place.run(&["check-config"], &[]));
    assert_eq!(
        lines,
        ["config.json: cannot be read: larger than 1048576 bytes"]
    );
}

#[test]
fn wrong_usage_is_exit_code_2_and_help_is_0() {
    let place = Place::new();
    for arguments in [
        &["--colour"][..],
        &["--telnet"],
        &["start"],
        &["-telnet", ":1"],
    ] {
        let output = place.run(arguments, &[]);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert!(stderr(&output).contains("--help"), "{arguments:?}");
    }
    let help = place.run(&["--help"], &[]);
    assert_eq!(help.status.code(), Some(0));
    for taught in [
        "-tcp",
        "check-config",
        "CHAT_SERVER_ADMIN_TOKEN",
        "Examples:",
    ] {
        assert!(stdout(&help).contains(taught), "{taught}");
    }
    let version = place.run(&["--version"], &[]);
    assert_eq!(version.status.code(), Some(0));
    let line = concat!("chat-server ", env!("CARGO_PKG_VERSION"));
    assert!(stdout(&version).starts_with(line), "{}", stdout(&version));
}

#[test]
fn the_admin_token_is_never_shown() {
    let good = format!(r#"{{"admin": {{"token": "{TOKEN}"}}}}"#);
    // The same token in the wrong places, and in every kind of error.
    let misplaced = [
        good.clone(),
        format!(r#"{{"admin": "{TOKEN}"}}"#),
        format!(r#"{{"admin": {{"token": ["{TOKEN}"]}}}}"#),
        format!(r#"{{"admin": {{"token": "{TOKEN} "}}}}"#),
        format!(r#"{{"admin": {{"tokn": "{TOKEN}"}}}}"#),
        format!(r#"{{"admin": {{"token": "{TOKEN}", "token": "{TOKEN}"}}}}"#),
        format!(r#"{{"admin": {{"token": "{TOKEN}"}}"#),
        format!(r#"{{"admin": {{"token": {TOKEN}}}}}"#),
    ];
    for config in misplaced {
        let output = Place::with(&config).run(&["check-config"], &[]);
        let all = stdout(&output) + &stderr(&output);
        assert!(!all.contains(TOKEN), "{config}\n{all}");
        assert!(
            all.contains("admin.token") || output.status.code() == Some(2),
            "{all}"
        );
    }
    for name in ["CHAT_SERVER_ADMIN_TOKEN", "CHAT_SERVER_ADMIN_TOKN"] {
        let output = Place::new().run(&["check-config"], &[(name, TOKEN)]);
        let all = stdout(&output) + &stderr(&output);
        assert!(!all.contains(TOKEN), "{all}");
    }
    let config = Config::load(&Sources {
        file: ConfigFile::IfPresent("/nonexistent/config.json".into()),
        environment: vec![("CHAT_SERVER_ADMIN_TOKEN".into(), TOKEN.into())],
        flags: Vec::new(),
    })
    .unwrap();
    assert!(config.admin.token.as_ref().unwrap().matches(TOKEN));
    assert!(!format!("{config:?}").contains(TOKEN));
}

#[test]
fn the_password_of_a_database_is_never_shown() {
    let url = format!("postgres://chat:{TOKEN}@db/chat");
    for given in [
        url.clone(),
        format!("{url}?password={TOKEN}"),
        format!("postgres://chat:{TOKEN}/@db/chat"),
        format!("postgres://chat:%{TOKEN}@db/chat"),
        format!("host=db password={TOKEN}"),
    ] {
        let output = Place::new().run(&["check-config"], &[("CHAT_SERVER_STORE_POSTGRES", &given)]);
        let all = stdout(&output) + &stderr(&output);
        assert!(!all.contains(TOKEN), "{all}");
        assert!(all.contains("store.postgres"), "{all}");
    }
    let config = format!(r#"{{"store": {{"postgres": "{url}"}}}}"#);
    let output = Place::with(&config).run(&["check-config"], &[]);
    if cfg!(feature = "cluster") {
        let line = "store.postgres = \"postgres://chat@db/chat\"  (config.json)\n";
        assert!(stdout(&output).contains(line), "{}", stderr(&output));
    } else {
        assert_eq!(
            mistakes(&output),
            [
                "store.postgres (config.json): this program was built without PostgreSQL and Redis; \
                 build one with: cargo build --release --features cluster"
            ]
        );
    }
}

fn shipped(name: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

#[test]
fn the_shipped_file_lists_every_setting_with_its_default() {
    let sources = Sources {
        file: ConfigFile::Required(shipped("config.json")),
        environment: Vec::new(),
        flags: Vec::new(),
    };
    let config = Config::load(&sources).unwrap_or_else(|problems| panic!("{problems}"));
    assert_eq!(config, Config::default());
    let text = fs::read_to_string(shipped("config.json")).unwrap();
    let document: serde_json::Value = serde_json::from_str(&text).unwrap();
    for setting in Config::settings() {
        let pointer = format!("/{}", setting.path.replace('.', "/"));
        let value = document.pointer(&pointer);
        assert_eq!(value, Some(&setting.value(&config)), "{}", setting.path);
    }
}

#[test]
fn the_documentation_says_of_every_setting_what_the_program_does() {
    let text = fs::read_to_string(shipped("docs/configuration.md")).unwrap();
    let rows: Vec<String> = Config::settings().map(row).collect();
    let documented: Vec<&str> = text
        .lines()
        .filter(|line| line.starts_with("| `"))
        .collect();
    assert_eq!(documented, rows, "\n{}\n", rows.join("\n"));
}

fn row(setting: &'static Setting) -> String {
    let reload = match setting.applies {
        Applies::Now => "yes",
        Applies::Restart => "no",
    };
    format!(
        "| `{}` | `{}` | {} | {} | {reload} |",
        setting.path,
        setting.value(&Config::default()),
        setting.expected(),
        setting.doc(),
    )
}
