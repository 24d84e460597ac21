//! Marks: what a client's protocol wants back with the answer to a request.

use std::fmt;
use std::sync::Arc;

/// The note that a protocol puts on a request, so that it knows what an answer belongs
/// to. The hub does not read it, and gives it back with everything that it tells the
/// connection because of the request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mark(Arc<str>);

impl Mark {
    /// A mark that says this.
    pub fn new(words: impl Into<Arc<str>>) -> Mark {
        Mark(words.into())
    }

    /// What it says.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Mark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
