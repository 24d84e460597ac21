//! Why a call has not done what it should.

use std::fmt;
use std::time::Duration;

use crate::http_client::Failure;
use crate::model::Text;

use super::ServerUrl;

/// Why a call has not done what it should; `Display` is for the user at the command line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Problem {
    /// There is no answer.
    NoAnswer(ServerUrl, Failure),
    /// The answer leads to another address, where the token must not go unasked.
    Elsewhere(String),
    /// The answer is not one that this program's server gives.
    Foreign(ServerUrl, u16),
    /// The token is not valid, or does not allow this.
    Token(String),
    /// The server refuses it.
    Refused(String),
    /// The server has no time now, or the program has gone too fast.
    Later {
        /// What the server says.
        why: String,
        /// How long it asks to wait.
        wait: Option<Duration>,
        /// Whether it may have done what was asked for nevertheless.
        is_open: bool,
    },
}

impl Problem {
    /// Whether it may have passed by the next try.
    pub fn may_pass(&self) -> bool {
        match self {
            Problem::NoAnswer(_, failure) => !matches!(
                failure,
                Failure::NoHost | Failure::Tls(_) | Failure::Nonsense
            ),
            Problem::Later { .. } => true,
            _ => false,
        }
    }

    /// How long the server asks to wait.
    pub fn wait(&self) -> Option<Duration> {
        match self {
            Problem::Later { wait, .. } => *wait,
            _ => None,
        }
    }

    /// Whether the server may have done what was asked for nevertheless.
    pub fn may_be_done(&self) -> bool {
        match self {
            Problem::NoAnswer(_, failure) => matches!(
                failure,
                Failure::Broken(_) | Failure::TimedOut | Failure::Nonsense
            ),
            Problem::Later { is_open, .. } => *is_open,
            _ => false,
        }
    }
}

/// What others have written, on one line and without what controls a terminal.
pub fn on_one_line(raw: &str) -> Text {
    Text::one_line(raw)
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Problem::NoAnswer(server, Failure::Tls(why)) => write!(
                f,
                "{server}: TLS failed: {}; --tls-trust FILE trusts a certificate of your own",
                on_one_line(why)
            ),
            Problem::NoAnswer(server, failure) => {
                write!(f, "{server} cannot be reached: {failure}")
            }
            Problem::Elsewhere(to) => write!(
                f,
                "the server says that it is at {}: name that one with --server",
                on_one_line(to)
            ),
            Problem::Foreign(server, status) => write!(
                f,
                "{server} answers ({status}), but not as a chat-server does: is it the address of \
                 its REST or web listener?"
            ),
            Problem::Token(why) | Problem::Refused(why) | Problem::Later { why, .. } => {
                write!(f, "{}", on_one_line(why))
            }
        }
    }
}

impl std::error::Error for Problem {}
