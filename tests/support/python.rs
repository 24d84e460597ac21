//! Runs the Python clients in `tests/python`.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::not_tested;

/// A command that runs a program of `tests/python`.
pub fn python(client: &str, arguments: &[String]) -> Command {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/python");
    let mut command = Command::new(interpreter());
    command.arg("-B").arg(script.join(client)).args(arguments);
    command.stdin(Stdio::null());
    command
}

/// The interpreter that `.ci/install-tools` sets up with its libraries.
fn interpreter() -> PathBuf {
    let python = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/python/bin/python");
    assert!(
        python.exists(),
        "{} is missing: run `make tools`, which needs python3 with venv",
        python.display()
    );
    python
}

/// Runs one to its end, which must be successful, and repeats its notes on what
/// it could not test.
pub fn run_python(client: &str, arguments: &[String]) {
    let output = python(client, arguments).output().unwrap();
    assert!(
        output.status.success(),
        "{client}: {}\n{}{}",
        output.status,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    for line in String::from_utf8_lossy(&output.stdout).lines() {
        if let Some(what) = line.strip_prefix("not tested: ") {
            not_tested(what);
        }
    }
}
