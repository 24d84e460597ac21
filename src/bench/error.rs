//! Why nothing could be measured, for the person who wanted it.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

/// Why nothing could be measured.
#[derive(Debug)]
pub enum BenchError {
    /// Not an address, or of nobody.
    Address(String, io::Error),
    /// Nobody answers there, or not as they should.
    Unreachable(SocketAddr, io::Error),
    /// The server does not let somebody in; how many were in, and its words.
    Refused {
        /// For what they had come.
        step: Step,
        /// Who were in already.
        inside: usize,
        /// What the server said.
        heard: String,
    },
    /// Somebody waited in vain to be let in; how many were in, and the last
    /// words that were heard.
    NotLetIn {
        /// For what they had come.
        step: Step,
        /// Who were in already.
        inside: usize,
        /// How long.
        patience: Duration,
        /// What the server said last.
        heard: String,
    },
    /// The server closed a connection in the middle; its last words.
    Closed(String),
    /// The server does not take what senders say; its words.
    HeldBack(String),
    /// Nothing arrived any more; the last words that were heard.
    Stalled(Duration, String),
    /// The server does not keep up with the schedule.
    Behind(usize),
    /// Bytes that are not the protocol.
    Garbled(&'static str),
    /// More descriptors are needed than the system allows.
    Descriptors {
        /// Needed.
        needed: u64,
        /// Allowed.
        allowed: u64,
    },
    /// The server it started did not get ready; what it said.
    NoServer(String),
    /// There is no such process here.
    NoProcess(u32, io::Error),
    /// A certificate is no certificate, or says something else.
    Tls(String),
    /// The figures cannot be written.
    Unwritable(PathBuf, io::Error),
    /// The system did not do something.
    Io(&'static str, io::Error),
    /// Ctrl-C.
    Interrupted,
}

/// What clients come for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// An account.
    Registration,
    /// Being let in.
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
    /// Something the system did not do.
    pub(super) fn io(what: &'static str) -> impl Fn(io::Error) -> BenchError {
        move |error| BenchError::Io(what, error)
    }

    /// The same, as rustix has it.
    pub(super) fn errno(what: &'static str) -> impl Fn(rustix::io::Errno) -> BenchError {
        move |error| BenchError::Io(what, error.into())
    }
}

/// What to change at the server, by words it says.
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
    // ngircd and inspircd.
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

/// The last of the server's words and, if we know them, what can be done.
fn write_heard(f: &mut fmt::Formatter<'_>, heard: &str) -> fmt::Result {
    let words = match heard.split_once("\r\n\r\n") {
        // Of a page the status says more.
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
                write!(f, "somebody was not {step}, after {inside} others")?;
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
                    "{inside} were {step}, then nobody for {seconds} s (--timeout)"
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
