//! `chat-server init`: what it asks, and that the server starts with the answers.

use std::fs;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use serde_json::{Value, json};

fn run(dir: &Path, arguments: &[&str], answers: &str) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_chat-server"));
    command.args(arguments).current_dir(dir);
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    // A program that asks nothing may have ended before it reads.
    let _ = child.stdin.take().unwrap().write_all(answers.as_bytes());
    child.wait_with_output().unwrap()
}

fn written(dir: &Path, file: &str) -> Value {
    let checked = run(dir, &["-c", file, "check-config"], "");
    assert!(checked.status.success(), "{checked:?}");
    serde_json::from_slice(&fs::read(dir.join(file)).unwrap()).unwrap()
}

#[test]
fn answers_become_a_configuration() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    let answers = "everyone\noff\n\nkept here\nHello, \"all\".\n";
    let output = run(dir, &["init"], answers);
    assert!(output.status.success(), "{output:?}");
    let asked = String::from_utf8(output.stderr).unwrap();
    assert_eq!(asked.matches('?').count(), 5, "{asked}");
    let next = String::from_utf8(output.stdout).unwrap();
    assert!(next.contains("SECURITY.md"), "{next}");
    let start = concat!(env!("CARGO_BIN_EXE_chat-server"), " -c config.json\n");
    assert!(next.contains(start), "{next}");
    let expected = json!({
        "listen": {"telnet": "0.0.0.0:4000", "web": "0.0.0.0:4004", "irc": "off"},
        "data_dir": "kept here", "history": "on", "greeting": "Hello, \"all\".",
    });
    assert_eq!(written(dir, "config.json"), expected);
    let mode = fs::metadata(dir.join("config.json")).unwrap().permissions();
    assert_eq!(mode.mode() & 0o777, 0o600);

    // A file that is there stays as it is.
    let again = run(dir, &["init"], "local\n");
    assert_eq!(again.status.code(), Some(1), "{again:?}");
    assert_eq!(written(dir, "config.json"), expected);
}

#[test]
fn options_answer_in_advance_and_no_answer_is_the_default() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    let output = run(dir, &["-c", "a.json", "init", "--keep-messages", "off"], "");
    assert!(output.status.success(), "{output:?}");
    let asked = String::from_utf8(output.stderr).unwrap();
    assert_eq!(asked.matches('?').count(), 4, "{asked}");
    let expected = json!({
        "listen": {"telnet": "127.0.0.1:4000", "web": "127.0.0.1:4004", "irc": "127.0.0.1:6667"},
        "data_dir": "data", "history": "off", "greeting": "Welcome to the chat server.",
    });
    assert_eq!(written(dir, "a.json"), expected);
}

#[test]
fn an_answer_that_there_is_not_is_named_and_nothing_is_written() {
    let dir = tempfile::tempdir().unwrap();
    let output = run(dir.path(), &["init"], "nobody\n");
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("\"nobody\" is none of the answers"), "{said}");
    assert!(!dir.path().join("config.json").exists());
}
