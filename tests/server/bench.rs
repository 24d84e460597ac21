//! `chat-server bench`, small: what its figures say, and what it says when
//! there can be none.

mod endings;
mod figures;
mod trouble;

use std::process::{Command, Output, Stdio};

use crate::support::Server;
use serde_json::Value;

fn command(arguments: &str) -> Command {
    impatient("20", arguments)
}

/// One for which nothing may happen for so many seconds.
fn impatient(timeout: &str, arguments: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_chat-server"));
    command
        .args(["bench", "--timeout", timeout])
        .args(arguments.split_whitespace())
        .stdin(Stdio::null());
    command
}

/// The figures of a run that has to succeed.
fn figures(arguments: &str) -> Value {
    let output = command(arguments).args(["--json", "-"]).output().unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{arguments}\n{errors}");
    assert_eq!(errors, "", "nobody watches");
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    report["figures"].clone()
}

/// What is said when a run has to fail.
fn complaint(output: Output) -> String {
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert_eq!(output.stdout, b"", "no figures");
    said
}

fn number(figures: &Value, key: &str) -> f64 {
    let value = figures[key].as_f64();
    value.unwrap_or_else(|| panic!("no {key} in {figures:#}"))
}

/// Everybody got everything once.
fn assert_balanced(figures: &Value, deliveries_a_message: f64) {
    let [sent, expected, received, lost] =
        ["sent", "expected", "received", "lost"].map(|key| number(figures, key));
    assert!(sent > 0.0, "{figures:#}");
    assert_eq!(expected, sent * deliveries_a_message, "{figures:#}");
    assert_eq!(received, expected, "{figures:#}");
    assert_eq!(lost, 0.0, "{figures:#}");
    assert!(figures.get("surplus").is_none(), "{figures:#}");
}

fn assert_latencies(figures: &Value, of: &str) {
    let latencies =
        ["p50", "p90", "p99", "p99_9", "max"].map(|p| number(figures, &format!("{of}_{p}_ms")));
    assert!(latencies[0] > 0.0, "{figures:#}");
    assert!(latencies.is_sorted(), "{figures:#}");
}

/// When messages arrived, and when the generator came to read them.
fn assert_messages_timed(figures: &Value, of: &str) {
    assert_latencies(figures, of);
    assert_latencies(figures, &format!("{of}_read"));
    for percentile in ["p50", "max"] {
        let arrived = number(figures, &format!("{of}_{percentile}_ms"));
        let read = number(figures, &format!("{of}_read_{percentile}_ms"));
        assert!(arrived <= read, "{figures:#}");
    }
}

/// A server that lets anybody say and try as much as they like.
fn unlimited() -> Server {
    Server::start(|config| {
        config["limits"]["message_rate"] = 0.into();
        config["limits"]["auth_attempts"] = 0.into();
    })
}
