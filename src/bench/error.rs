//! Why nothing could be measured, worded for the user.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

/// Why nothing could be measured.
#[derive(Debug)]
pub enum BenchError {
    /// Not an address, or one that cannot be resolved.
    Address(String, io::Error),
    /// No server answers there, or not as expected.
    Unreachable(SocketAddr, io::Error),
    /// The server refused a client.
    Refused {
        /// What the client tried.
        step: Step,
        /// Clients that had succeeded before.
        inside: usize,
        /// What the server said.
        heard: String,
    },
    /// A client waited in vain to be let in.
    NotLetIn {
        /// What the client tried.
        step: Step,
        /// Clients that had succeeded before.
        inside: usize,
        /// How long it waited.
        patience: Duration,
        /// What the server said last.
        heard: String,
    },
    /// The server closed a connection in the middle; with its last words.
    Closed(String),
    /// The server refuses what senders send; with its words.
    HeldBack(String),
    /// Nothing arrived any more; with the last words that were heard.
    Stalled(Duration, String),
    /// The server falls behind the schedule.
    Behind(usize),
    /// Bytes that are not the protocol.
    Garbled(&'static str),
    /// More descriptors are needed than the system allows.
    Descriptors {
        /// Needed by the run.
        needed: u64,
        /// Allowed by the system.
        allowed: u64,
    },
    /// The server that was started did not become ready; with its output.
    NoServer(String),
    /// There is no such process here.
    NoProcess(u32, io::Error),
    /// A certificate is not valid, or is for something else.
    Tls(String),
    /// The figures cannot be written.
    Unwritable(PathBuf, io::Error),
    /// A call to the system failed.
    Io(&'static str, io::Error),
    /// Ctrl-C was pressed.
    Interrupted,
}

/// A step that clients take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Registering an account.
    Registration,
    /// Logging in.
    Login,
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Step::Registration => "registered",
            Step::Login => "let in",
        })
    }
}

impl BenchError {
    /// Wraps an error of the system.
    pub(super) fn io(what: &'static str) -> impl Fn(io::Error) -> BenchError {
        move |error| BenchError::Io(what, error)
    }

    /// Wraps an error as rustix returns it.
    pub(super) fn errno(what: &'static str) -> impl Fn(rustix::io::Errno) -> BenchError {
        move |error| BenchError::Io(what, error.into())
    }
}

/// What to change at the server, by words in its answer.
const HINTS: [(&str, &str); 10] = [
    (
        "connections from your address",
        "raise limits.connections_per_address there; loopback has no such limit",
    ),
    (
        "server is full",
        "raise limits.connections there; its log says at the start what else bounds it",
    ),
    (
        "too fast",
        "set limits.message_rate to 0 there while you measure",
    ),
    (
        "as much as it may in a minute",
        "set limits.bytes_per_address to 0 there while you measure",
    ),
    ("attempts", "raise limits.auth_attempts there"),
    (
        "too many logins at once",
        "others log in or register there, too; try again when it is quiet, or lower --at-once",
    ),
    (
        "slow reader",
        "raise limits.backlog_bytes there, or use a smaller --window",
    ),
    // Answers of ngircd and inspircd.
    (
        "Too many connections",
        "raise MaxConnections and MaxConnectionsIP there",
    ),
    (
        "connect class",
        "raise localmax, globalmax and limit of its <connect> there",
    ),
    ("SendQ", "raise sendq of its <connect> there"),
];

fn hint(heard: &str) -> &'static str {
    let found = HINTS.iter().find(|(words, _)| heard.contains(words));
    found.map_or("", |(_, hint)| hint)
}

/// Writes the last words of the server and, if they are known, what can be done.
fn write_heard(f: &mut fmt::Formatter<'_>, heard: &str) -> fmt::Result {
    let words = match heard.split_once("\r\n\r\n") {
        // For a web page the status says more.
        Some((head, body)) if head.starts_with("HTTP/") && !body.starts_with('{') => {
            head.lines().next()
        }
        _ => heard.lines().rfind(|line| !line.trim().is_empty()),
    };
    match words.map(str::trim) {
        None => write!(f, "; the server said nothing")?,
        Some(words) => write!(f, "; the server said: {}", crate::model::Text::clean(words))?,
    }
    match hint(heard) {
        "" => Ok(()),
        hint => write!(f, "\n  {hint}"),
    }
}

impl fmt::Display for BenchError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            BenchError::Address(address, error) => write!(
                f,
                "--address {address:?}: {error}; expected host:port such as localhost:4000"
            ),
            BenchError::Unreachable(address, error) => {
                write!(f, "no connection to {address}: {error}")
            }
            BenchError::Refused {
                step,
                inside,
                heard,
            } => {
                write!(f, "a client was not {step}, after {inside} others")?;
                write_heard(f, heard)
            }
            BenchError::NotLetIn {
                step,
                inside,
                patience,
                heard,
            } => {
                let seconds = patience.as_secs();
                write!(
                    f,
                    "{inside} were {step}, then no other for {seconds} s (--timeout)"
                )?;
                write_heard(f, heard)
            }
            BenchError::Closed(heard) => {
                write!(f, "the server closed a connection")?;
                write_heard(f, heard)
            }
            BenchError::HeldBack(heard) => {
                write!(f, "the server does not take all that is sent")?;
                write_heard(f, heard)
            }
            BenchError::Stalled(patience, heard) => {
                let seconds = patience.as_secs();
                write!(f, "nothing arrived any more for {seconds} s (--timeout)")?;
                write_heard(f, heard)
            }
            BenchError::Behind(most) => write!(
                f,
                "the server does not keep up: {most} connections at once; ask for fewer a second"
            ),
            BenchError::Garbled(what) => write!(f, "the server does not speak --protocol: {what}"),
            BenchError::Descriptors { needed, allowed } => write!(
                f,
                "{needed} open files are needed and {allowed} allowed: ulimit -n {needed}"
            ),
            BenchError::NoServer(heard) => {
                write!(f, "the server it started did not get ready:\n{heard}")
            }
            BenchError::NoProcess(pid, error) => write!(f, "--pid {pid}: {error}"),
            BenchError::Tls(why) => write!(f, "no TLS: {why}"),
            BenchError::Unwritable(path, error) => {
                write!(f, "{} cannot be written: {error}", path.display())
            }
            BenchError::Io(what, error) => write!(f, "{what}: {error}"),
            BenchError::Interrupted => write!(f, "interrupted, nothing was measured to the end"),
        }
    }
}

impl std::error::Error for BenchError {}
