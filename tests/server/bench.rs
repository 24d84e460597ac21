//! `chat-server bench` with small numbers: its figures, and its errors when
//! there are none.

mod endings;
mod figures;
mod trouble;

use std::process::{Command, Output, Stdio};

use crate::support::Server;
use serde_json::Value;

fn command(arguments: &str) -> Command {
    impatient("20", arguments)
}

/// A run that gives up after this many seconds without progress.
fn impatient(timeout: &str, arguments: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_chat-server"));
    command
        .args(["bench", "--timeout", timeout])
        .args(arguments.split_whitespace())
        .stdin(Stdio::null());
    command
}

/// The figures of a run that must succeed. One in whose second nothing was delivered is repeated: on a
/// machine that stood still for so long there is nothing to measure.
fn figures(arguments: &str) -> Value {
    let delivered = |figures: &Value| {
        let all = ["", "before_", "after_"].map(|part| format!("{part}deliveries_per_second"));
        all.iter().all(|key| figures[key] != 0.0)
    };
    let mut runs = (0..5).map(|_| figures_of_one(arguments));
    runs.find(delivered)
        .unwrap_or_else(|| panic!("{arguments}: nothing was ever delivered"))
}

fn figures_of_one(arguments: &str) -> Value {
    let output = command(arguments).args(["--json", "-"]).output().unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{arguments}\n{errors}");
    assert_eq!(errors, "", "no terminal, no progress");
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    report["figures"].clone()
}

/// The error of a run that must fail.
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

/// Every client got every message once.
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

/// The times at which messages arrived and at which the generator read them.
fn assert_messages_timed(figures: &Value, of: &str) {
    assert_latencies(figures, of);
    assert_latencies(figures, &format!("{of}_read"));
    for percentile in ["p50", "max"] {
        let arrived = number(figures, &format!("{of}_{percentile}_ms"));
        let read = number(figures, &format!("{of}_read_{percentile}_ms"));
        assert!(arrived <= read, "{figures:#}");
    }
}

/// A server without rate limits.
fn unlimited() -> Server {
    Server::start(|config| {
        config["limits"]["message_rate"] = 0.into();
        config["limits"]["auth_attempts"] = 0.into();
    })
}
