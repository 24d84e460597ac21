//! Why a task that calls a server has failed, and the exit code that says so.

use std::fmt;
use std::io;
use std::path::PathBuf;
use std::process::ExitCode;

use crate::cli::{MISTAKE, output};

use super::Problem;

/// Exit code where the server cannot be reached, or has no time.
const NOT_REACHED: u8 = 3;
/// Exit code where the token is refused.
const TOKEN: u8 = 4;

/// Why a task has failed; `Display` is for the user at the command line.
#[derive(Debug)]
pub enum Failed {
    /// There is no token.
    NoToken,
    /// Two variables give a token.
    TwoTokens,
    /// A file that should have a token cannot be read.
    TokenFile(PathBuf, io::Error),
    /// A file has no token in it.
    BadToken(PathBuf),
    /// A variable has a wrong value.
    Variable(&'static str, String),
    /// The certificates to trust cannot be read.
    Trust(PathBuf, String),
    /// A call has failed for good.
    Call(Problem),
    /// A call was tried until the time was over; and whether it may have been done.
    GaveUp(Problem, bool),
    /// Something else went wrong, as these words say.
    Here(String),
}

impl Failed {
    /// Something else that went wrong.
    pub fn here(error: impl std::error::Error) -> Failed {
        Failed::Here(error.to_string())
    }

    /// Says so on standard error. Returns the exit code.
    pub fn complain(&self) -> ExitCode {
        output::complain(&self.to_string());
        ExitCode::from(self.code())
    }

    fn code(&self) -> u8 {
        match self {
            Failed::NoToken
            | Failed::TwoTokens
            | Failed::TokenFile(..)
            | Failed::BadToken(_)
            | Failed::Variable(..)
            | Failed::Trust(..) => MISTAKE,
            Failed::GaveUp(..) => NOT_REACHED,
            Failed::Call(Problem::NoAnswer(..) | Problem::Later { .. }) => NOT_REACHED,
            Failed::Call(Problem::Token(_)) => TOKEN,
            Failed::Call(_) | Failed::Here(_) => 1,
        }
    }
}

impl From<Problem> for Failed {
    fn from(problem: Problem) -> Failed {
        Failed::Call(problem)
    }
}

impl fmt::Display for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Failed::NoToken => f.write_str(
                "no token: name its file with --token-file, or set CHAT_TOKEN_FILE or CHAT_TOKEN; \
                 `chat-server token add` makes one",
            ),
            Failed::TwoTokens => {
                f.write_str("both CHAT_TOKEN and CHAT_TOKEN_FILE are set: unset one of them")
            }
            Failed::TokenFile(path, error) => {
                write!(f, "the token in {} cannot be read: {error}", path.display())
            }
            Failed::BadToken(path) => write!(f, "{} has no token in it", path.display()),
            Failed::Variable(name, why) => write!(f, "{name}: {why}"),
            Failed::Trust(path, why) => write!(f, "--tls-trust {}: {why}", path.display()),
            Failed::Call(problem) | Failed::GaveUp(problem, false) => problem.fmt(f),
            Failed::GaveUp(problem, true) => {
                write!(f, "{problem}; it may have been done nevertheless")
            }
            Failed::Here(why) => f.write_str(why),
        }
    }
}

impl std::error::Error for Failed {}
