//! The chat log: what happened on the server, one JSON object a line.

mod entry;

pub use entry::{Entry, Kind};
