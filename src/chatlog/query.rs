//! Queries to the chat log, and their results.

use std::fmt;
use std::io;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::str::FromStr;

use serde_json::value::RawValue;

use super::order::{MOST, Place, Seq};
use super::pattern::BadPattern;
use crate::model::{Kind, NameError};

/// Lines per page unless the query says otherwise.
pub const DEFAULT_LIMIT: usize = 100;
/// The most lines per page.
pub const MAX_LIMIT: usize = 1000;

/// Conditions for entries. All of them must hold.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Query {
    /// A regular expression found somewhere in the entry's text.
    pub pattern: Option<String>,
    /// Only messages and announcements, with the pattern found somewhere in the line that
    /// [`super::shown()`] makes of them.
    pub said: bool,
    /// No private messages.
    pub without_private: bool,
    /// Only this kind.
    pub kind: Option<Kind>,
    /// The nickname that acted or, for a private message, received it. May start with `@`.
    pub nick: Option<String>,
    /// The channel. May start with `#`.
    pub channel: Option<String>,
    /// Not before this time, in milliseconds since 1970 UTC.
    pub since: Option<u64>,
    /// Not after this time, in milliseconds since 1970 UTC.
    pub until: Option<u64>,
    /// The most entries to return; [`DEFAULT_LIMIT`] if `None`, and never more than [`MAX_LIMIT`].
    pub limit: Option<NonZeroUsize>,
    /// Where the previous page ended.
    pub cursor: Option<Cursor>,
}

/// Some entries, newest first.
#[derive(Debug, Default)]
pub struct Page {
    /// The lines, as they are stored.
    pub lines: Vec<Box<RawValue>>,
    /// Where to continue; `None` if there is nothing older.
    pub next: Option<Cursor>,
    /// The search ran out of time: the page is not full although older lines may match. `next`
    /// continues from there.
    pub timed_out: bool,
}

/// A position in the log that stays the same while lines are added and files rotated or removed. To
/// callers it is an opaque word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cursor {
    /// The page is to hold entries before it.
    pub(super) before: Place,
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Place {
            seq: Seq { run, number },
            offset,
        } = self.before;
        write!(f, "{run:x}-{number:x}-{offset:x}")
    }
}

/// The string is not a cursor that a search returned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BadCursor;

impl fmt::Display for BadCursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the cursor is not one that a search returned")
    }
}

impl std::error::Error for BadCursor {}

impl FromStr for Cursor {
    type Err = BadCursor;

    fn from_str(raw: &str) -> Result<Cursor, BadCursor> {
        let mut parts = raw.split('-').map(hexadecimal);
        let mut part = || parts.next().flatten().ok_or(BadCursor);
        let seq = Seq {
            run: part()?,
            number: part()?,
        };
        let offset = part()?;
        let before = Place { seq, offset };
        match parts.next() {
            // In earlier versions the first number was not bounded.
            None if seq.run < MOST => Ok(Cursor { before }),
            _ => Err(BadCursor),
        }
    }
}

fn hexadecimal(digits: &str) -> Option<u64> {
    let all_digits = digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    all_digits
        .then(|| u64::from_str_radix(digits, 16).ok())
        .flatten()
}

/// Why a search failed.
#[derive(Debug)]
pub enum SearchError {
    /// The pattern cannot be used.
    Pattern(BadPattern),
    /// `nick` is not a nickname.
    Nick(NameError),
    /// `channel` is not a channel name.
    Channel(NameError),
    /// As many searches as may run at once are running.
    Busy,
    /// The search was cancelled.
    Cancelled,
    /// A file could not be read.
    Io {
        /// The file.
        path: PathBuf,
        /// The error.
        error: io::Error,
    },
}

impl fmt::Display for SearchError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SearchError::Pattern(error) => write!(f, "the pattern is {error}"),
            SearchError::Nick(error) => write!(f, "nick is not a nickname: {error}"),
            SearchError::Channel(error) => write!(f, "channel is not a channel name: {error}"),
            SearchError::Busy => write!(
                f,
                "other searches of the chat log are still running; try again in a moment"
            ),
            SearchError::Cancelled => write!(f, "the search was cancelled"),
            SearchError::Io { path, error } => {
                write!(f, "the chat log {} cannot be read: {error}", path.display())
            }
        }
    }
}

impl std::error::Error for SearchError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            SearchError::Pattern(error) => Some(error),
            SearchError::Nick(error) | SearchError::Channel(error) => Some(error),
            SearchError::Io { error, .. } => Some(error),
            SearchError::Busy | SearchError::Cancelled => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cursors_are_words_that_read_back() {
        let cursor = Cursor {
            before: Place {
                seq: Seq {
                    run: 3,
                    number: u64::MAX,
                },
                offset: 0,
            },
        };
        assert_eq!(cursor.to_string().parse(), Ok(cursor));
        for bad in [
            "",
            "-",
            "1-2",
            "1-2-3-4",
            "1-2-g",
            "1--3",
            "+1-2-3",
            "1-2-11112222333344445",
            "cbf29ce484222325-2-3",
        ] {
            assert_eq!(bad.parse::<Cursor>(), Err(BadCursor), "{bad}");
        }
    }
}
