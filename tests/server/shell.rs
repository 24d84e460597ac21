//! What `chat-server completions` and `chat-server man-page` print: a shell that has read
//! it completes a command line, and `man` shows the page.

use std::fs;
use std::process::{Command, Stdio};

use crate::support::not_tested;

const SERVER: &str = env!("CARGO_BIN_EXE_chat-server");

fn printed(arguments: &[&str]) -> String {
    let output = Command::new(SERVER).args(arguments).output().unwrap();
    assert!(output.status.success(), "{arguments:?}: {output:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// Whether a program can be started here.
fn is_installed(program: &str) -> bool {
    let mut command = Command::new(program);
    command.arg("--version").stdin(Stdio::null());
    command.stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok()
}

#[test]
fn bash_completes_tasks_and_flags() {
    let dir = tempfile::tempdir().unwrap();
    let script = dir.path().join("chat-server");
    fs::write(&script, printed(&["completions", "bash"])).unwrap();
    let completed = |words: &[&str]| {
        // As the shell does it when the tabulator is pressed after the last word.
        let line = words.join(" ");
        let command = format!(
            "source \"$0\"; COMP_WORDS=({line}); COMP_CWORD={}; \
             _chat__server chat-server {} ''; printf '%s\\n' \"${{COMPREPLY[@]}}\"",
            words.len() - 1,
            words.last().unwrap(),
        );
        let mut bash = Command::new("bash");
        bash.args(["--norc", "-c", &command]).arg(&script);
        let output = bash.output().unwrap();
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    assert_eq!(completed(&["chat-server", "check-c"]), "check-config\n");
    assert_eq!(completed(&["chat-server", "--data"]), "--data-dir\n");
    // After a task.
    let shells = completed(&["chat-server", "completions", "z"]);
    assert_eq!(shells, "zsh\n");
    assert_eq!(completed(&["chat-server", "token", "re"]), "remove\n");
    let options = completed(&["chat-server", "tail", "--co"]);
    assert!(
        options.lines().any(|option| option == "--count"),
        "{options}"
    );
}

#[test]
fn every_shell_has_its_script() {
    for (shell, begins) in [
        ("bash", "_chat__server()"),
        ("zsh", "#compdef chat-server"),
        ("fish", "# Print an optspec"),
    ] {
        let script = printed(&["completions", shell]);
        assert!(script.starts_with(begins), "{script}");
        for word in [
            "convert-config",
            "say",
            "tail",
            "each-line",
            "token-file",
            "scope",
            "account",
            "messages",
        ] {
            assert!(script.contains(word), "{word}: {shell}");
        }
        if !is_installed(shell) {
            not_tested(&format!("completions in {shell}: it is not installed"));
            continue;
        }
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("script");
        fs::write(&file, script).unwrap();
        let read = Command::new(shell).arg("-n").arg(&file).output().unwrap();
        assert!(read.status.success(), "{shell}: {read:?}");
    }
    let unknown = Command::new(SERVER)
        .args(["completions", "cmd.exe"])
        .output()
        .unwrap();
    assert_eq!(unknown.status.code(), Some(2));
    let said = String::from_utf8(unknown.stderr).unwrap();
    assert!(said.contains("possible values: bash, zsh, fish"), "{said}");
}

#[test]
fn man_shows_the_page() {
    let page = printed(&["man-page"]);
    assert!(page.contains(".TH chat-server 1"), "{page}");
    if !is_installed("man") {
        not_tested("the man page as man shows it: man is not installed");
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("chat-server.1");
    fs::write(&file, page).unwrap();
    let mut man = Command::new("man");
    man.args(["--warnings", "--local-file"]).arg(&file);
    man.env("MANWIDTH", "100").env("LC_ALL", "C.UTF-8");
    let output = man.output().unwrap();
    assert!(output.status.success(), "{output:?}");
    let shown = String::from_utf8(output.stdout).unwrap();
    for part in [
        "NAME",
        "SYNOPSIS",
        "--data-dir",
        "check-config",
        "chat-server-say(1)",
        "chat-server-tail(1)",
        "chat-server-token(1)",
        "chat-server-account(1)",
        "CHAT_SERVER_ADMIN_TOKEN",
    ] {
        assert!(shown.contains(part), "{part}\n{shown}");
    }
}
