//! Load: what one server carries, seen from outside.
//!
//! Starts the release build of the server with a data folder of its own and
//! drives it over loopback from one thread and one epoll set. Client and
//! server share the machine: the figures are for comparing one version with
//! another on the same machine.
//!
//! ```text
//! cargo bench --bench load                             every scenario, default sizes
//! cargo bench --bench load -- idle 10000               memory of idle connections
//! cargo bench --bench load -- room 1000 4 32 5         members, senders, window, seconds
//! cargo bench --bench load -- rate 1000 20 5           members, messages a second, seconds
//! cargo bench --bench load -- pairs 1000 5             rooms of two, seconds
//! cargo bench --bench load -- churn 500 5              comings and goings a second, seconds
//!   --tls            everybody comes over TLS
//!   --json FILE      also writes the figures there
//!   --config JSON    merged into the server's configuration
//! ```

#![forbid(unsafe_code)]

mod churn;
mod idle;
mod mark;
mod measure;
mod pairs;
mod rate;
mod report;
mod room;
mod swarm;

#[path = "../../tests/support/mod.rs"]
mod support;

use std::path::PathBuf;

use clap::{Parser, Subcommand};
use serde_json::Value;

use report::Report;
use support::{Identity, Server};

/// Whatever went wrong, for a person to read.
type Failure = Box<dyn std::error::Error>;

#[derive(Parser)]
#[command(about = "Measures what one chat server carries")]
struct Arguments {
    /// What to do; everything with its default size if not given
    #[command(subcommand)]
    scenario: Option<Scenario>,
    /// Also write the figures to this file
    #[arg(long, global = true, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Have everybody come over TLS
    #[arg(long, global = true)]
    tls: bool,
    /// Merge this into the server's configuration
    #[arg(long, global = true, value_name = "JSON", default_value = "{}", value_parser = parse_json)]
    config: Value,
    /// Given by `cargo bench`
    #[arg(long, global = true, hide = true)]
    bench: bool,
}

#[derive(Subcommand)]
enum Scenario {
    /// Memory of connections that are logged in and silent
    Idle {
        #[arg(default_value_t = 10_000)]
        connections: usize,
    },
    /// One room, senders that never let up
    Room {
        #[arg(default_value_t = 1000)]
        members: usize,
        #[arg(default_value_t = 4)]
        senders: usize,
        #[arg(default_value_t = 32)]
        window: usize,
        #[arg(default_value_t = 5)]
        seconds: u64,
    },
    /// One room, messages on a fixed schedule
    Rate {
        #[arg(default_value_t = 1000)]
        members: usize,
        #[arg(default_value_t = 20)]
        per_second: u64,
        #[arg(default_value_t = 5)]
        seconds: u64,
    },
    /// Rooms of two who answer each other at once
    Pairs {
        #[arg(default_value_t = 1000)]
        rooms: usize,
        #[arg(default_value_t = 5)]
        seconds: u64,
    },
    /// Connecting, logging in and quitting on a fixed schedule
    Churn {
        #[arg(default_value_t = 500)]
        per_second: u64,
        #[arg(default_value_t = 5)]
        seconds: u64,
    },
}

fn main() -> Result<(), Failure> {
    let arguments = Arguments::parse();
    let scenarios = match arguments.scenario {
        Some(scenario) => vec![scenario],
        None if arguments.bench => every_scenario(),
        None => {
            // Run as a test, by `cargo test --all-targets`.
            println!("nothing to test; run it with: cargo bench --bench load -- --help");
            return Ok(());
        }
    };
    measure::raise_descriptor_limit()?;
    let mut reports = Vec::new();
    let identity = arguments.tls.then(Identity::new);
    for scenario in scenarios {
        let server = start_server(&arguments.config, identity.as_ref());
        let report = scenario.run(&server)?;
        report.print();
        reports.push(report);
    }
    if let Some(path) = arguments.json {
        std::fs::write(path, report::json(&reports))?;
    }
    Ok(())
}

fn every_scenario() -> Vec<Scenario> {
    ["idle", "room", "rate", "pairs", "churn"]
        .into_iter()
        .filter_map(|name| Arguments::parse_from(["load", name]).scenario)
        .collect()
}

impl Scenario {
    fn run(self, server: &Server) -> Result<Report, Failure> {
        match self {
            Scenario::Idle { connections } => idle::run(server, connections),
            Scenario::Room {
                members,
                senders,
                window,
                seconds,
            } => room::run(server, (members, senders, window), seconds),
            Scenario::Rate {
                members,
                per_second,
                seconds,
            } => rate::run(server, members, per_second, seconds),
            Scenario::Pairs { rooms, seconds } => pairs::run(server, rooms, seconds),
            Scenario::Churn {
                per_second,
                seconds,
            } => churn::run(server, per_second, seconds),
        }
    }
}

/// The defaults, except that senders may send as fast as they like.
fn start_server(changes: &Value, identity: Option<&Identity>) -> Server {
    Server::start(|config| {
        config["limits"]["message_rate"] = 0.into();
        config["log_level"] = "warn".into();
        if let Some(identity) = identity {
            identity.configure(config, &["telnet"]);
        }
        merge(config, changes);
    })
}

fn merge(into: &mut Value, changes: &Value) {
    match changes {
        Value::Object(changes) => {
            for (name, change) in changes {
                merge(&mut into[name], change);
            }
        }
        change => *into = change.clone(),
    }
}

/// Without this, clap would take the text itself for a JSON string.
fn parse_json(text: &str) -> Result<Value, serde_json::Error> {
    serde_json::from_str(text)
}
