//! Configuration files and variables of the four older servers: what the real
//! program makes of them, and of errors in them.

use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Command, Output};

use crate::support::{DEADLINE, LineClient, Server, User, WsClient};
use serde_json::{Value, json};
use tempfile::TempDir;

/// A file of the line server's first version.
const PORTS: &str = r#"{
  "telnet_port" : 4000,
  "rest_port" : 4001,
  "websocket_port" : 4004,
  "log_file" : "chat-server.log",
  "ip" : "0.0.0.0"
}"#;
/// A file as the line server shipped later.
const ADDRESSES: &str = r#"{
  "telnet_address" : "",
  "web_address" : "0.0.0.0:80",
  "static_web" : "static-web",
  "https":false
}
"#;
/// A file of the direct message server.
const DIRECT: &str = r#"{
    "postgres": "postgres://chatable:hunter2@localhost:5432/chatable?sslmode=disable",
    "host": ":8080",
    "redis_host": "localhost:6379",
    "shared_queue_key": "development:envelope:shared",
    "message_queue_key": "development:envelope:ark",
    "queue_manager_key": "development:queue_manager"
}
"#;

/// A working directory with one configuration file.
struct Place(TempDir, &'static str);

impl Place {
    fn new(name: &'static str, content: impl AsRef<[u8]>) -> Place {
        let place = Place(tempfile::tempdir().unwrap(), name);
        fs::write(place.0.path().join(name), content).unwrap();
        place
    }

    fn run_with(&self, arguments: &[&str], variables: &[(&str, &str)]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_chat-server"));
        for (name, _) in std::env::vars_os() {
            let name = name.to_string_lossy();
            if name.starts_with("CHAT_SERVER_") || name.starts_with("ICS_") {
                command.env_remove(&*name);
            }
        }
        let command = command.args(arguments).envs(variables.iter().copied());
        command.current_dir(self.0.path()).output().unwrap()
    }

    fn run(&self, arguments: &[&str]) -> Output {
        self.run_with(arguments, &[])
    }

    /// The settings in force, after a note on each key.
    fn checked(&self) -> (Vec<String>, Vec<String>) {
        let output = self.run(&["-c", self.1, "check-config"]);
        assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
        let out = stdout(&output);
        let mut lines = out.lines().map(str::to_owned);
        assert_eq!(lines.next(), Some(format!("OK: {}", self.1)));
        lines.partition(|line| !line.contains(" = "))
    }

    /// The errors, without the line that counts them. The program must not have
    /// bound an address or made a file.
    fn mistakes(&self) -> Vec<String> {
        for arguments in [&["-c", self.1, "check-config"][..], &["-c", self.1]] {
            let output = self.run(arguments);
            assert_eq!(output.status.code(), Some(2), "{}", stdout(&output));
            assert_eq!(stdout(&output), "");
        }
        assert!(!self.0.path().join("data").exists());
        let output = self.run(&["-c", self.1, "check-config"]);
        let mut lines: Vec<String> = stderr(&output).lines().map(str::to_owned).collect();
        let count = lines.pop().unwrap();
        assert!(count.ends_with("; nothing was started"), "{count}");
        lines
    }
}

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

fn is_in(lines: &[String], line: &str) {
    assert!(lines.iter().any(|l| l == line), "{line} in {lines:#?}");
}

#[test]
fn each_key_of_the_line_server_is_carried_out() {
    let (notes, settings) = Place::new("config.json", PORTS).checked();
    assert_eq!(
        notes,
        [
            "config.json: a file of the older line server; `chat-server convert-config \
             config.json` prints it in today's form",
            "ip: 0.0.0.0 is the address of the ports below",
            r#"telnet_port: listen.telnet is "0.0.0.0:4000""#,
            r#"rest_port: listen.rest is "0.0.0.0:4001""#,
            r#"websocket_port: listen.web is "0.0.0.0:4004""#,
            r#"log_file: chat_log.file is "chat-server.log""#,
        ]
    );
    is_in(
        &settings,
        r#"listen.telnet = "0.0.0.0:4000"  (telnet_port in config.json)"#,
    );
    // That version had no room lines.
    is_in(&settings, r#"listen.tcp = "off"  (config.json)"#);
    let place = Place::new("config.json", ADDRESSES);
    fs::create_dir(place.0.path().join("static-web")).unwrap();
    let (notes, settings) = place.checked();
    assert_eq!(
        notes[1..],
        [
            r#"telnet_address: listen.telnet is "off""#,
            r#"web_address: listen.web is "0.0.0.0:80""#,
            "https: false, so web_address is listen.web",
            r#"static_web: web.folder is "static-web""#,
        ]
    );
    is_in(&settings, r#"listen.rest = "off"  (config.json)"#);
}

#[test]
fn https_paths_begin_at_cwd_or_where_the_file_lies() {
    let place = Place::new("elsewhere.json", "{}");
    let made = place.run(&["make-cert", "--out", "tls"]);
    assert!(made.status.success(), "{}", stderr(&made));
    let root = place.0.path();
    fs::create_dir_all(root.join("etc/web")).unwrap();
    fs::rename(root.join("tls/certificate.pem"), root.join("etc/tls.crt")).unwrap();
    fs::rename(root.join("tls/key.pem"), root.join("etc/tls.key")).unwrap();
    let file = |cwd: &str, more: Value| {
        let mut file = json!({"web_address": "localhost:4001", "https": true, "cwd": cwd});
        for (key, value) in more.as_object().unwrap() {
            file[key] = value.clone();
        }
        fs::write(root.join("etc/config.json"), file.to_string()).unwrap();
        let output = place.run(&["-config=etc/config.json", "check-config"]);
        assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
        stdout(&output)
    };
    let absolute = root.join("etc").display().to_string();
    for (cwd, begins) in [("", "etc"), ("etc", "etc"), (&absolute, &absolute)] {
        let out = file(cwd, json!({"static_web": "web"}));
        for line in [
            r#"tls.web = "127.0.0.1:4001"  (web_address in etc/config.json)"#.to_owned(),
            r#"listen.web = "off"  (etc/config.json)"#.to_owned(),
            format!(r#"tls.certificate = "{begins}/tls.crt"  (tls_cert in etc/config.json)"#),
            format!(r#"tls.key = "{begins}/tls.key"  (tls_key in etc/config.json)"#),
            format!(r#"web.folder = "{begins}/web"  (static_web in etc/config.json)"#),
        ] {
            assert!(out.lines().any(|l| l == line), "{line} in {out}");
        }
    }
    // There an absolute path was relative to the folder as well; here both
    // work.
    for folder in ["/web", &format!("{absolute}/web")] {
        let out = file("etc", json!({"static_web": folder}));
        assert!(out.contains("etc/web\"  (static_web"), "{out}");
    }
    for (path, words) in [
        ("/api/docs.json", "the older names are described there"),
        (
            "/elsewhere.json",
            "not carried out: the older names are described at /docs.json and",
        ),
    ] {
        let out = file("etc", json!({"api_doc_path": path}));
        assert!(out.contains(&format!("\napi_doc_path: {words}")), "{out}");
    }
    // Without HTTPS no certificate is required.
    let out = file(
        "nowhere",
        json!({"https": false, "tls_key": "k", "tls_cert": "c"}),
    );
    assert!(out.contains("\ntls_key: not used, "), "{out}");
    assert!(out.contains("\ntls.key = null\n"), "{out}");
}

#[test]
fn yaml_with_an_address_is_the_server_of_json_commands() {
    for content in [
        "addr: \":7000\"",
        "---\n# where\naddr: ':7000' # everywhere\n...\n",
        "{\"addr\": \":7000\"}",
        "\u{feff}Addr: \":7000\"\n",
    ] {
        // Read without being named, as the older server did.
        let place = Place::new("config.yaml", content);
        let output = place.run(&["check-config"]);
        assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
        let out = stdout(&output);
        for line in [
            "OK: config.yaml",
            r#"listen.web = "0.0.0.0:7000"  (addr in config.yaml)"#,
            r#"web.allowed_origins = ["*"]  (addr in config.yaml)"#,
            r#"listen.telnet = "off"  (config.yaml)"#,
        ] {
            assert!(out.lines().any(|l| l == line), "{line} in {out}");
        }
    }
    let place = Place::new(
        "config.yaml",
        "addr: localhost:7000\nns_endpoints:\n- localhost:2379\n",
    );
    let (notes, _) = place.checked();
    assert!(
        notes[1].starts_with(r#"addr: listen.web is "localhost:7000", and "#),
        "{notes:?}"
    );
    assert!(
        notes[2].starts_with("ns_endpoints: not carried out: "),
        "{notes:?}"
    );
    // Current names may be used in YAML as well.
    let place = Place::new(
        "today.yml",
        "listen:\n  telnet: off\n  web: 5004\nlog_level: debug\n",
    );
    let (notes, settings) = place.checked();
    assert_eq!(notes, [""; 0]);
    is_in(&settings, r#"listen.web = "127.0.0.1:5004"  (today.yml)"#);
    is_in(&settings, r#"listen.rest = "127.0.0.1:4001""#);
}

#[test]
fn either_ending_of_yaml_is_found_without_being_named() {
    for name in ["config.yaml", "config.yml"] {
        let output = Place::new(name, "addr: \"127.0.0.1:0\"").run(&["check-config"]);
        let out = stdout(&output);
        assert!(out.starts_with(&format!("OK: {name}\n")), "{out}");
    }
}

#[test]
fn variables_of_the_server_of_json_commands_are_heeded_or_named() {
    let place = Place::new("config.yaml", "addr: \":7000\"");
    let run = |variables: &[(&str, &str)]| {
        let output = place.run_with(&["check-config"], variables);
        assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
        stdout(&output)
    };
    let key = ("ICS_JWT_KEY", "correct-horse-battery");
    let out = run(&[("ICS_ENVIRONMENT", "DEVELOPMENT"), key]);
    assert!(
        out.contains("\nICS_ENVIRONMENT: log_level is \"debug\"\n"),
        "{out}"
    );
    assert!(
        out.contains("\nlog_level = \"debug\"  (ICS_ENVIRONMENT)\n"),
        "{out}"
    );
    assert!(out.contains("\nICS_JWT_KEY: not used: "), "{out}");
    assert!(!out.contains(key.1), "{out}");
    let out = run(&[
        ("ICS_ENVIRONMENT", "RELEASE"),
        ("CHAT_SERVER_LOG_LEVEL", "warn"),
    ]);
    assert!(
        out.contains("\nlog_level = \"warn\"  (CHAT_SERVER_LOG_LEVEL)\n"),
        "{out}"
    );
    let line = "\nICS_ENVIRONMENT: overridden: log_level is \"warn\" (CHAT_SERVER_LOG_LEVEL)\n";
    assert!(out.contains(line), "{out}");
    // Variables override keys of the file as well.
    let out = run(&[("CHAT_SERVER_LISTEN_WEB", "127.0.0.1:0")]);
    let line = "\naddr: overridden: listen.web is \"127.0.0.1:0\" (CHAT_SERVER_LISTEN_WEB), and \
                web.allowed_origins is [\"*\"]: ";
    assert!(out.contains(line), "{out}");
    let out = run(&[("ICS_ENVIRONMENT", "staging")]);
    assert!(
        out.contains("\nICS_ENVIRONMENT: \"staging\" changes nothing; write "),
        "{out}"
    );
    assert!(out.contains("\nlog_level = \"info\"\n"), "{out}");
}

#[test]
fn each_key_of_the_server_of_direct_messages_is_carried_out_or_named() {
    let place = Place::new("development.json", DIRECT);
    let (notes, settings) = place.checked();
    is_in(
        &settings,
        r#"listen.web = "0.0.0.0:8080"  (host in development.json)"#,
    );
    is_in(&settings, "store.postgres = null");
    let keys: Vec<&str> = notes
        .iter()
        .map(|line| line.split(':').next().unwrap())
        .collect();
    assert_eq!(
        keys,
        [
            "development.json",
            "host",
            "postgres",
            "redis_host",
            "shared_queue_key",
            "message_queue_key",
            "queue_manager_key"
        ]
    );
    for note in &notes[2..] {
        assert!(note.contains(": not carried out: "), "{note}");
        assert!(!note.contains("hunter2"), "{note}");
    }
}

#[test]
fn what_is_converted_is_todays_form_of_the_same() {
    for (name, content) in [
        ("config.json", PORTS),
        ("config.json", ADDRESSES),
        (
            "config.json",
            r#"{"ip": "::1", "telnet_port": 0, "log_file": ""}"#,
        ),
        ("config.yaml", "addr: \":7000\""),
        ("development.json", DIRECT),
        (
            "today.yaml",
            "listen: {telnet: off}\nweb: {allowed_origins: [https://a.example]}",
        ),
        (
            "today.json",
            r#"{"admin": {"token": "correct-horse-battery"}}"#,
        ),
    ] {
        let place = Place::new(name, content);
        fs::create_dir(place.0.path().join("static-web")).unwrap();
        let converted = place.run(&["convert-config", name]);
        assert_eq!(converted.status.code(), Some(0), "{}", stderr(&converted));
        let (notes, before) = place.checked();
        // The first line mentions this command.
        for note in notes.iter().skip(1) {
            assert!(stderr(&converted).contains(note), "{note}");
        }
        let json: Value = serde_json::from_slice(&converted.stdout).unwrap();
        assert!(json.is_object());
        let today = Place::new("config.json", &converted.stdout);
        fs::create_dir(today.0.path().join("static-web")).unwrap();
        let (notes, after) = today.checked();
        assert_eq!(notes, [""; 0], "{json}");
        let values = |lines: &[String]| -> Vec<String> {
            let value = |line: &String| line.split("  (").next().unwrap().to_owned();
            lines.iter().map(value).collect()
        };
        assert_eq!(values(&before), values(&after), "{content}");
    }
    // The file of -c counts; without one there is an error.
    let place = Place::new("old.json", PORTS);
    assert_eq!(
        place
            .run(&["-c", "old.json", "convert-config"])
            .status
            .code(),
        Some(0)
    );
    let output = place.run(&["convert-config"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("convert-config FILE"));
    // A host that is not local is not resolved.
    let place = Place::new(
        "old.json",
        r#"{"telnet_address": "no-such-host.invalid:4000"}"#,
    );
    let output = place.run(&["convert-config", "old.json"]);
    assert!(stdout(&output).contains("no-such-host.invalid:4000"));
}

#[test]
fn wrong_keys_and_values_are_named_with_what_to_write() {
    let port = "expected a port from 0 to 65535, without quotes, found";
    let address = |key: &str, example: &str, found: &str| {
        format!("{key} (f.json): expected an address such as \"{example}\", found {found}")
    };
    for (content, expected) in [
        (
            r#"{"telnet_port": "4000"}"#,
            format!("telnet_port (f.json): {port} \"4000\"; write 4000"),
        ),
        (
            r#"{"rest_port": 65536}"#,
            format!("rest_port (f.json): {port} 65536"),
        ),
        (
            r#"{"websocket_port": -1}"#,
            format!("websocket_port (f.json): {port} -1"),
        ),
        (
            r#"{"telnet_port": 4000.5}"#,
            format!("telnet_port (f.json): {port} 4000.5"),
        ),
        (
            r#"{"telnet_port": [4000]}"#,
            format!("telnet_port (f.json): {port} a list"),
        ),
        (
            r#"{"ip": 127, "telnet_port": 4000}"#,
            "ip (f.json): expected a string, found 127; write \"127\"".to_owned(),
        ),
        (
            r#"{"ip": "300.1.1.1", "telnet_port": 4000}"#,
            "ip (f.json): expected an IP address such as \"0.0.0.0\", or the name of a host, \
             found \"300.1.1.1\""
                .to_owned(),
        ),
        (
            r#"{"telnet_address": "localhost"}"#,
            address(
                "telnet_address",
                "0.0.0.0:4000",
                "\"localhost\"; write \"localhost:4000\"",
            ),
        ),
        (
            r#"{"telnet_address": "off"}"#,
            address(
                "telnet_address",
                "0.0.0.0:4000",
                "\"off\"; write \"\" to switch it off",
            ),
        ),
        (r#"{"host": "off"}"#, address("host", ":8080", "\"off\"")),
        (
            r#"{"telnet_address": ":4000", "log_file": "./f.json"}"#,
            "chat_log.file (log_file in f.json): ./f.json is the configuration file, which the \
             chat log would spoil; name another file"
                .to_owned(),
        ),
        (
            r#"{"telnet_address": ":4000", "log_file": "data/admin-token"}"#,
            "chat_log.file (log_file in f.json): data/admin-token is admin-token of the data \
             folder, which the chat log would spoil; name another file"
                .to_owned(),
        ),
        (
            r#"{"telnet_address": ":4000", "log_file": "/dev/null"}"#,
            "chat_log.file (log_file in f.json): /dev/null cannot be written: it is not a \
             regular file; name one"
                .to_owned(),
        ),
        (
            r#"{"web_address": "4001"}"#,
            address("web_address", "0.0.0.0:4001", "\"4001\"; write \":4001\""),
        ),
        (
            r#"{"web_address": 4001}"#,
            address("web_address", "0.0.0.0:4001", "4001; write \":4001\""),
        ),
        (
            r#"{"web_address": "localhost:99999"}"#,
            address("web_address", "0.0.0.0:4001", "\"localhost:99999\""),
        ),
        (
            r#"{"web_address": ":4001", "https": "true"}"#,
            "https (f.json): expected true or false, without quotes, found \"true\"".to_owned(),
        ),
        (
            r#"{"telnet_prt": 1, "rest_port": 4001}"#,
            "telnet_prt (f.json): unknown key in a file of the older line server; did you mean \
             telnet_port?"
                .to_owned(),
        ),
        (
            r#"{"telnet_prt": 1}"#,
            "telnet_prt (f.json): unknown setting; did you mean telnet_port, of the older line \
             server?"
                .to_owned(),
        ),
        (
            r#"{"telnet_port": 4000, "TELNET_PORT": 4001}"#,
            "TELNET_PORT (f.json): given twice".to_owned(),
        ),
        (
            r#"{"telnet_port": 4000, "telnet_address": ":4001"}"#,
            "telnet_address (f.json): telnet_port says the same (listen.telnet); keep one of them"
                .to_owned(),
        ),
        (
            r#"{"rest_port": 4000, "telnet_port": 4000}"#,
            "listen.rest (rest_port in f.json): 0.0.0.0:4000 is taken by listen.telnet \
             (telnet_port in f.json); give each its own address or switch one off"
                .to_owned(),
        ),
        (
            r#"{"telnet_address": "", "web_address": ""}"#,
            "f.json: a file of the older line server that opens no listener; write \
             {\"telnet_address\": \"0.0.0.0:4000\", \"web_address\": \"0.0.0.0:4001\"}"
                .to_owned(),
        ),
        (
            r#"{"redis_host": "localhost:6379"}"#,
            "f.json: a file of the server of direct messages that opens no listener; write \
             {\"host\": \":8080\"}"
                .to_owned(),
        ),
        (
            r#"{"addr": ":7000", "host": ":8080"}"#,
            "host (f.json): a key of the server of direct messages in a file of the server of \
             JSON commands; a file is that of one server"
                .to_owned(),
        ),
        (
            r#"{"web_address": "127.0.0.1:0", "static_web": "f.json"}"#,
            "web.folder (static_web in f.json): f.json is no folder; name one".to_owned(),
        ),
    ] {
        assert_eq!(
            Place::new("f.json", content).mistakes(),
            [expected],
            "{content}"
        );
    }
    // Several files at once, and current names in the same file.
    let place = Place::new(
        "f.json",
        r#"{"listen": {"telent": "off"}, "telnet_port": 4000, "host": ":8080", "colour": 1}"#,
    );
    assert_eq!(
        place.mistakes(),
        [
            "listen.telent (f.json): unknown setting; did you mean listen.telnet?",
            "telnet_port (f.json): a key of the older line server, which means nothing beside \
             today's names; write {\"listen\": {\"telnet\": \"0.0.0.0:4000\"}}",
            "host (f.json): a key of the server of direct messages, which means nothing beside \
             today's names; write {\"listen\": {\"web\": \"0.0.0.0:8080\"}}",
            "colour (f.json): unknown setting",
        ]
    );
    let output = place.run(&["convert-config", "f.json"]);
    assert_eq!(
        (output.status.code(), stdout(&output)),
        (Some(2), String::new())
    );
}

#[test]
fn what_is_no_configuration_is_named_with_what_to_do() {
    for (name, content, words) in [
        ("f.json", &b""[..], "f.json: is empty; {} is all defaults"),
        ("f.yaml", b" \n", "f.yaml: is empty; {} is all defaults"),
        (
            "f.json",
            b"\xef\xbb\xbf",
            "f.json: is empty; {} is all defaults",
        ),
        (
            "f.json",
            b"\x7fELF\x02\xff\xfe",
            "; a configuration is text (UTF-8), JSON or YAML",
        ),
        ("f.json", b"addr: :7000", "f.json: not valid JSON: "),
        ("f.yaml", b"addr: \":7000", "f.yaml: not valid YAML: "),
        ("f.yaml", b"addr: [", "f.yaml: not valid YAML: "),
        (
            "f.yaml",
            b"addr: :7000\n---\naddr: :7001\n",
            "a second document",
        ),
        (
            "f.yaml",
            b"- addr",
            "f.yaml: expected an object of settings, found a list",
        ),
        (
            "f.yaml",
            b"addr",
            "f.yaml: expected an object of settings, found a string",
        ),
        ("f.yaml", b"addr: 7000", "found 7000; write \":7000\""),
        (
            "f.yaml",
            b"addr: \"\"",
            "addr (f.yaml): expected an address such as \":7000\"",
        ),
        (
            "f.json",
            b"[1]",
            "f.json: expected an object of settings, found a list",
        ),
    ] {
        let place = Place::new(name, content);
        let mistakes = place.mistakes();
        assert_eq!(mistakes.len(), 1, "{mistakes:?}");
        assert!(mistakes[0].contains(words), "{words}: {mistakes:?}");
        let output = place.run(&["convert-config", name]);
        assert_eq!(output.status.code(), Some(2));
        assert_eq!(stderr(&output).lines().next(), Some(&*mistakes[0]));
    }
    let mut place = Place::new("config.json", "{}");
    place.1 = ".";
    let mistakes = place.mistakes();
    assert!(mistakes[0].contains("; name a file in it"), "{mistakes:?}");
    place.1 = "none.json";
    let mistakes = place.mistakes();
    assert!(
        mistakes[0].contains("; name a file that is there"),
        "{mistakes:?}"
    );
}

/// A server with a line server's file and these keys.
fn line_server(keys: Value) -> Server {
    Server::start(|config| *config = keys)
}

#[test]
fn the_line_servers_ports_are_served_and_said_in_the_start_up_output() {
    let server = line_server(json!({
        "ip": "127.0.0.1", "telnet_port": 0, "rest_port": 0, "websocket_port": 0,
        "log_file": "chat-server.log",
    }));
    let mut mina = LineClient::enter_channel(&server, "mina", "dev");
    let mut jon = WsClient::enter(&server, "jon");
    jon.send_frame(tungstenite::Message::text("/join #dev"));
    mina.expect("jon");
    assert_eq!(server.get("/admin/users").status, 200);
    let out = server.output();
    assert!(
        out.contains("\ntelnet_port: listen.telnet is \"127.0.0.1:0\"\n"),
        "{out}"
    );
    assert!(!out.contains("listening: tcp "), "{out}");
    crate::support::wait_until("the log file has the conversation", || {
        let log = fs::read_to_string(server.dir().join("chat-server.log"));
        log.is_ok_and(|log| log.contains("mina"))
    });
}

#[test]
fn a_reload_reads_such_a_file_again_and_refuses_a_wrong_one() {
    let server =
        line_server(json!({"telnet_address": "127.0.0.1:0", "web_address": "127.0.0.1:0"}));
    fs::create_dir(server.dir().join("site")).unwrap();
    fs::write(server.dir().join("site/hello.txt"), "hello").unwrap();
    assert_eq!(status(&get(server.web(), "/hello.txt")), 404);
    server.reload(|config| config["static_web"] = "site".into());
    assert_eq!(body(&get(server.web(), "/hello.txt")), "hello");
    let config = server.dir().join("config.json");
    fs::write(&config, r#"{"telnet_address": 4000}"#).unwrap();
    server.hang_up_in_vain();
    server.wait_output("telnet_address");
    assert_eq!(body(&get(server.web(), "/hello.txt")), "hello");
}

/// The answer to a request sent exactly as written.
fn ask(address: SocketAddr, request: &str) -> Vec<u8> {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(DEADLINE)).unwrap();
    let request = format!("{request}\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    answer
}

fn get(address: SocketAddr, path: &str) -> Vec<u8> {
    ask(address, &format!("GET {path} HTTP/1.1"))
}

fn parts(answer: &[u8]) -> (String, &[u8]) {
    let end = answer
        .windows(4)
        .position(|four| four == b"\r\n\r\n")
        .unwrap();
    let head = String::from_utf8(answer[..end].to_vec()).unwrap();
    (head, &answer[end + 4..])
}

fn status(answer: &[u8]) -> u16 {
    let (head, _) = parts(answer);
    head.split(' ').nth(1).unwrap().parse().unwrap()
}

fn body(answer: &[u8]) -> String {
    assert_eq!(status(answer), 200, "{:?}", parts(answer).0);
    String::from_utf8(parts(answer).1.to_vec()).unwrap()
}

fn server_with_folder(fill: impl FnOnce(&Path)) -> (Server, TempDir) {
    let outside = tempfile::tempdir().unwrap();
    let site = outside.path().join("site");
    fs::create_dir(&site).unwrap();
    fs::write(outside.path().join("secret.txt"), "secret").unwrap();
    fill(&site);
    let server = line_server(json!({
        "web_address": "127.0.0.1:0", "static_web": "site", "cwd": outside.path(),
    }));
    (server, outside)
}

#[test]
fn a_folder_is_served_from_the_root_on() {
    let large: Vec<u8> = (0..5_000_000_u32).map(|at| at as u8).collect();
    let (server, _outside) = server_with_folder(|site| {
        fs::write(site.join("index.html"), "<p>home").unwrap();
        fs::create_dir(site.join("js")).unwrap();
        fs::write(site.join("js/index.html"), "<p>js").unwrap();
        fs::write(site.join("js/a b.js"), "1").unwrap();
        fs::write(site.join("large.bin"), &large).unwrap();
        // Our own paths keep precedence.
        fs::create_dir(site.join("api")).unwrap();
        fs::write(site.join("api/status"), "theirs").unwrap();
        fs::write(site.join("healthz"), "theirs").unwrap();
    });
    let web = server.web();
    assert_eq!(body(&get(web, "/")), "<p>home");
    assert_eq!(body(&get(web, "/index.html?v=1")), "<p>home");
    assert_eq!(body(&get(web, "/js/")), "<p>js");
    let answer = get(web, "/js/a%20b.js");
    assert!(
        parts(&answer)
            .0
            .contains("Content-Type: text/javascript; charset=utf-8")
    );
    assert_eq!(body(&answer), "1");
    let answer = get(web, "/js");
    assert_eq!(status(&answer), 302);
    assert!(parts(&answer).0.contains("\r\nLocation: js/\r\n"));
    assert!(get(web, "/large.bin").ends_with(&large));
    for own in ["/api/status", "/healthz", "/client"] {
        let answer = String::from_utf8_lossy(&get(web, own)).into_owned();
        assert!(!answer.contains("theirs"), "{own}");
        assert!(!answer.contains("404 Not Found"), "{own}");
    }
    assert_eq!(status(&get(web, "/none.html")), 404);
    // An unchanged file is not sent again.
    let answer = get(web, "/index.html");
    let (head, _) = parts(&answer);
    let tag = head
        .lines()
        .find_map(|line| line.strip_prefix("ETag: "))
        .unwrap();
    let again = format!("GET /index.html HTTP/1.1\r\nIf-None-Match: {tag}");
    assert_eq!(status(&ask(web, &again)), 304);
    let answer = ask(web, "HEAD /large.bin HTTP/1.1");
    assert!(parts(&answer).0.contains("\r\nContent-Length: 5000000\r\n"));
    assert_eq!(parts(&answer).1, b"");
    assert_eq!(
        status(&ask(web, "POST /index.html HTTP/1.1\r\nContent-Length: 0")),
        405
    );
}

#[test]
fn nothing_outside_of_the_folder_is_ever_served() {
    let (server, _outside) = server_with_folder(|site| {
        fs::write(site.join(".env"), "secret").unwrap();
        fs::create_dir(site.join(".git")).unwrap();
        fs::write(site.join(".git/config"), "secret").unwrap();
        fs::create_dir(site.join("empty")).unwrap();
        fs::write(site.join("here.txt"), "here").unwrap();
        let link = |to: &Path, name: &str| std::os::unix::fs::symlink(to, site.join(name)).unwrap();
        link(Path::new("here.txt"), "inside.txt");
        link(Path::new("../secret.txt"), "up.txt");
        link(&site.parent().unwrap().join("secret.txt"), "away.txt");
        link(site.parent().unwrap(), "parent");
        link(Path::new("/proc/self/root"), "proc");
        let readable = rustix::fs::Mode::from_raw_mode(0o644);
        let fifo = rustix::fs::FileType::Fifo;
        rustix::fs::mknodat(rustix::fs::CWD, site.join("pipe"), fifo, readable, 0).unwrap();
    });
    let web = server.web();
    assert_eq!(body(&get(web, "/inside.txt")), "here");
    for path in [
        "/../secret.txt",
        "/%2e%2e/secret.txt",
        "/..%2fsecret.txt",
        "/empty/../../secret.txt",
        "/empty/..%5c..%5csecret.txt",
        "//../secret.txt",
        "/./here.txt",
        "/up.txt",
        "/away.txt",
        "/parent/secret.txt",
        "/proc/etc/passwd",
        "/.env",
        "/.git/config",
        "/empty",
        "/empty/",
        "/pipe",
        "/here.txt/",
        "/here.txt%00",
        "/%",
    ] {
        let answer = get(web, path);
        assert_eq!(status(&answer), 404, "{path}");
        assert!(!answer.ends_with(b"secret"), "{path}");
    }
}

/// The variables kubelet sets for a service with one port.
fn service_variables(service: &str, port: u16) -> Vec<(String, String)> {
    let name = service.to_uppercase().replace('-', "_");
    let url = format!("tcp://10.96.3.17:{port}");
    let port_name = format!("{name}_PORT_{port}_TCP");
    [
        (format!("{name}_SERVICE_HOST"), "10.96.3.17".to_owned()),
        (format!("{name}_SERVICE_PORT"), port.to_string()),
        (format!("{name}_SERVICE_PORT_TELNET"), port.to_string()),
        (format!("{name}_PORT"), url.clone()),
        (port_name.clone(), url),
        (format!("{port_name}_PROTO"), "tcp".to_owned()),
        (format!("{port_name}_PORT"), port.to_string()),
        (format!("{port_name}_ADDR"), "10.96.3.17".to_owned()),
    ]
    .into()
}

#[test]
fn variables_of_services_are_no_settings_and_slips_stay_mistakes() {
    let place = Place::new("config.json", "{}");
    let services = [
        "chat-server",
        "chat-server-redis",
        "chat-server-listen-telnet",
        "chat-server-admin",
    ];
    let all: Vec<(String, String)> = services
        .into_iter()
        .flat_map(|service| service_variables(service, 6379))
        .collect();
    let mut variables: Vec<(&str, &str)> = all.iter().map(|(n, v)| (&**n, &**v)).collect();
    let output = place.run_with(&["check-config"], &variables);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert!(stdout(&output).contains("listen.telnet = \"127.0.0.1:4000\"\n"));
    variables.push(("CHAT_SERVER_LISTEN_TELENT", "127.0.0.1:1"));
    variables.push(("CHAT_SERVER_REDIS_URL", "redis://redis"));
    let output = place.run_with(&["check-config"], &variables);
    assert_eq!(output.status.code(), Some(2));
    assert_eq!(
        stderr(&output).lines().next(),
        Some(
            "CHAT_SERVER_LISTEN_TELENT: unknown environment variable; did you mean \
             CHAT_SERVER_LISTEN_TELNET?"
        )
    );
    assert!(
        stderr(&output).contains("2 mistakes"),
        "{}",
        stderr(&output)
    );
}
