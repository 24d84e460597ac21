//! Faults of a real server process, one family a module.
//!
//! Two bystanders on different protocols talk all the while in a channel of
//! their own: none of their messages may be lost, doubled or out of order,
//! whatever happens around them. Latencies are printed, not judged; `make soak`
//! is for that. Afterwards the server must have released everything the fault
//! made it take.

#[path = "../support/mod.rs"]
mod support;

mod bystander;
mod churn;
mod clock;
mod damaged;
mod descriptors;
mod disk;
mod floods;
mod hanging_store;
mod kills;
mod log_folder;
mod malformed;
mod process;
mod rights;
mod slow_readers;
mod slowloris;
mod threads;

use serde_json::Value;

/// Every listener, plain; with `identity.configure`, also with TLS.
const LISTENERS: [&str; 5] = ["telnet", "rest", "web", "tcp", "ws"];

/// Configures a server to open every listener.
fn every_listener(config: &mut Value) {
    for name in LISTENERS {
        config["listen"][name] = "127.0.0.1:0".into();
    }
}

/// A random number below `end`.
fn random(end: u64) -> u64 {
    let mut bytes = [0; 8];
    getrandom::fill(&mut bytes).unwrap();
    u64::from_le_bytes(bytes) % end
}
