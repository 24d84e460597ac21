//! The scenarios and their options.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand};
use serde_json::{Map, Value};

use super::protocol::Protocol;

/// More at once than this means that the server does not keep up.
pub(super) const CHURN_AT_ONCE: usize = 10_000;

const AFTER: &str = "\
Without --address it starts this very program as a server of its own, with a
temporary folder, free ports and no limit on how fast one may talk.

Examples:
  chat-server bench room                          one room of 1,000 that is flooded
  chat-server bench room --rate 20                20 messages a second, on schedule
  chat-server bench --protocol ws idle            memory of 10,000 WebSockets
  chat-server bench --address chat.example.org:4000 room --members 200
  chat-server bench --protocol irc --address localhost:6667 logins";

/// Members who send in a room, unless the option says otherwise.
const SENDERS: usize = 4;

/// What to measure.
#[derive(Args, Clone, Debug, PartialEq, Eq)]
#[command(after_help = AFTER)]
pub struct Bench {
    #[command(subcommand)]
    pub(super) scenario: Scenario,
    /// What the clients speak; for api each gets an account, which stays on the server
    #[arg(long, global = true, value_enum, default_value_t = Protocol::Telnet)]
    pub(super) protocol: Protocol,
    /// The server to measure, instead of one of its own
    #[arg(long, global = true, value_name = "HOST:PORT")]
    pub(super) address: Option<String>,
    /// The process of the server at --address, if it is on this machine
    #[arg(long, global = true, value_name = "PID")]
    pub(super) pid: Option<u32>,
    /// Seconds that are measured, after one that is not
    #[arg(long, global = true, default_value_t = 5, value_parser = clap::value_parser!(u64).range(1..=86_400))]
    pub(super) seconds: u64,
    /// Seconds in which nothing at all may happen before it gives up
    #[arg(long, global = true, default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..=86_400))]
    pub(super) timeout: u64,
    /// Logins under way at once; more than a listener keeps waiting make it drop some
    #[arg(long, global = true, default_value_t = 64, value_parser = at_least::<1>)]
    pub(super) at_once: usize,
    /// Also write the figures there, as JSON; - is standard output, without the table
    #[arg(long, global = true, value_name = "FILE")]
    pub(super) json: Option<PathBuf>,
    /// Connect all clients over TLS, to a server of its own
    #[arg(long, global = true)]
    pub(super) tls: bool,
    /// Connect all clients over TLS, trusting the certificates in this PEM file
    #[arg(long, global = true, value_name = "FILE")]
    pub(super) tls_trust: Option<PathBuf>,
    /// Settings of the server it starts, such as {"history":"off"}
    #[arg(long, global = true, value_name = "JSON", value_parser = parse_settings)]
    pub(super) server_config: Option<Value>,
}

/// Kinds of load.
#[derive(Subcommand, Clone, Debug, PartialEq, Eq)]
pub(super) enum Scenario {
    /// One room: senders that never let up, or messages on a schedule
    Room {
        /// Members of the room, senders and all
        #[arg(long, default_value_t = 1000, value_parser = at_least::<2>)]
        members: usize,
        /// Members who send, if not 4 or as many as there can be
        #[arg(long, value_parser = senders)]
        senders: Option<usize>,
        /// Messages each sender has under way
        #[arg(long, default_value_t = 32, value_parser = at_least::<1>)]
        window: usize,
        /// Instead: so many messages a second; latency counts from when each was due
        #[arg(long, value_name = "PER_SECOND", conflicts_with = "window", value_parser = clap::value_parser!(u64).range(1..=1_000_000))]
        rate: Option<u64>,
    },
    /// Rooms of two who answer each other at once
    Pairs {
        /// Rooms
        #[arg(long, default_value_t = 1000, value_parser = at_least::<1>)]
        rooms: usize,
        /// Instead: so many messages a second over all rooms; latency counts from when each was due
        #[arg(long, value_name = "PER_SECOND", value_parser = clap::value_parser!(u64).range(1..=1_000_000))]
        rate: Option<u64>,
    },
    /// Memory of connections that are logged in and silent
    Idle {
        /// Connections
        #[arg(long, default_value_t = 10_000, value_parser = at_least::<1>)]
        connections: usize,
    },
    /// How fast people come in, from connecting to being in the one channel
    Logins {
        /// People
        #[arg(long, default_value_t = 10_000, value_parser = at_least::<1>)]
        connections: usize,
    },
    /// Connecting, logging in and leaving, on a schedule
    Churn {
        /// Visits a second; times count from when each was due
        #[arg(long, default_value_t = 500, value_parser = clap::value_parser!(u64).range(1..=100_000))]
        per_second: u64,
    },
    /// A flooded room before and after some members stop reading
    Slow {
        /// Members of the room, senders and slow readers and all
        #[arg(long, default_value_t = 1000, value_parser = at_least::<3>)]
        members: usize,
        /// Members who never read again
        #[arg(long, default_value_t = 1, value_parser = at_least::<1>)]
        readers: usize,
        /// Members who send, if not 4 or as many as there can be
        #[arg(long, value_parser = senders)]
        senders: Option<usize>,
        /// Messages each sender has under way
        #[arg(long, default_value_t = 32, value_parser = at_least::<1>)]
        window: usize,
    },
    /// No server, only send(), one line to each socket: what a plain loop needs
    SendLoop {
        /// Sockets
        #[arg(long, default_value_t = 1000, value_parser = at_least::<1>)]
        members: usize,
        /// Lines a second to every socket
        #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u64).range(1..=1_000_000))]
        rate: u64,
    },
    /// No server, only threads: one reads each socket, one sends to all: what rooms of two need
    Relay {
        /// Rooms of two
        #[arg(long, default_value_t = 1000, value_parser = at_least::<1>)]
        rooms: usize,
    },
}

impl Bench {
    /// The options that shape the load, with their values.
    pub(super) fn settings(&self) -> Vec<(&'static str, u64)> {
        let mut settings = self.scenario.settings();
        settings.push(match self.scenario {
            Scenario::Idle { .. } | Scenario::Logins { .. } => ("at_once", self.at_once as u64),
            _ => ("seconds", self.seconds),
        });
        settings
    }

    /// Whether a server takes part at all.
    pub(super) fn has_server(&self) -> bool {
        !matches!(
            self.scenario,
            Scenario::SendLoop { .. } | Scenario::Relay { .. }
        )
    }

    /// Whether the clients use TLS.
    pub(super) fn is_secure(&self) -> bool {
        self.tls || self.tls_trust.is_some()
    }

    /// How long to measure.
    pub(super) fn length(&self) -> Duration {
        Duration::from_secs(self.seconds)
    }

    /// How long nothing may happen.
    pub(super) fn patience(&self) -> Duration {
        Duration::from_secs(self.timeout)
    }
}

impl Scenario {
    /// The most connections at once.
    pub(super) fn connections(&self) -> usize {
        match *self {
            Scenario::Room { members, .. } | Scenario::Slow { members, .. } => members,
            Scenario::Pairs { rooms, .. } => rooms.saturating_mul(2),
            Scenario::Idle { connections } | Scenario::Logins { connections } => connections,
            Scenario::Churn { .. } => CHURN_AT_ONCE,
            Scenario::SendLoop { members, .. } => members.saturating_mul(2),
            Scenario::Relay { rooms } => rooms.saturating_mul(4),
        }
    }

    /// Its name on the command line.
    pub(super) fn name(&self) -> &'static str {
        match self {
            Scenario::Room { .. } => "room",
            Scenario::Pairs { .. } => "pairs",
            Scenario::Idle { .. } => "idle",
            Scenario::Logins { .. } => "logins",
            Scenario::Churn { .. } => "churn",
            Scenario::Slow { .. } => "slow",
            Scenario::SendLoop { .. } => "send-loop",
            Scenario::Relay { .. } => "relay",
        }
    }

    /// How many can send, so that in a room with slow readers at least one other member goes on
    /// reading.
    pub(super) fn most_senders(&self) -> usize {
        match *self {
            Scenario::Room { members, .. } => members,
            Scenario::Slow {
                members, readers, ..
            } => members.saturating_sub(readers + 1),
            _ => 0,
        }
    }

    /// How many send in a room.
    pub(super) fn senders(&self) -> usize {
        match *self {
            Scenario::Room { senders, .. } | Scenario::Slow { senders, .. } => {
                senders.unwrap_or_else(|| self.most_senders().min(SENDERS))
            }
            _ => 0,
        }
    }

    fn settings(&self) -> Vec<(&'static str, u64)> {
        let n = |count: usize| count as u64;
        match *self {
            Scenario::Room {
                members,
                rate: Some(rate),
                ..
            } => vec![
                ("members", n(members)),
                ("senders", n(self.senders())),
                ("rate", rate),
            ],
            Scenario::Room {
                members,
                window,
                rate: None,
                ..
            } => vec![
                ("members", n(members)),
                ("senders", n(self.senders())),
                ("window", n(window)),
            ],
            Scenario::Pairs { rooms, rate } => {
                let rate = rate.map(|rate| ("rate", rate));
                std::iter::once(("rooms", n(rooms))).chain(rate).collect()
            }
            Scenario::Idle { connections } | Scenario::Logins { connections } => {
                vec![("connections", n(connections))]
            }
            Scenario::Churn { per_second } => vec![("per_second", per_second)],
            Scenario::Slow {
                members,
                readers,
                window,
                ..
            } => vec![
                ("members", n(members)),
                ("readers", n(readers)),
                ("senders", n(self.senders())),
                ("window", n(window)),
            ],
            Scenario::SendLoop { members, rate } => vec![("members", n(members)), ("rate", rate)],
            Scenario::Relay { rooms } => vec![("rooms", n(rooms))],
        }
    }
}

/// Without this, clap would take the text itself as a JSON string.
fn parse_settings(text: &str) -> Result<Value, String> {
    let settings: Map<String, Value> =
        serde_json::from_str(text).map_err(|error| format!("not a JSON object: {error}"))?;
    Ok(Value::Object(settings))
}

fn at_least<const LEAST: usize>(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(count) if (LEAST..=1_000_000).contains(&count) => Ok(count),
        _ => Err(format!("expected a whole number from {LEAST} to 1000000")),
    }
}

/// Each sender needs a letter of its own.
fn senders(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(count) if (1..=super::mark::TAGS).contains(&count) => Ok(count),
        _ => Err(format!(
            "expected a whole number from 1 to {}",
            super::mark::TAGS
        )),
    }
}
