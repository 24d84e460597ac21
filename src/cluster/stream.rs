//! Reads stream entries from Redis answers.

use redis::Value;

use crate::hub::NodeId;
use crate::model::MessageId;

use super::keys::{EntryId, parse_node};
use super::link::answer;

/// An entry of a stream.
#[derive(Debug)]
pub struct Entry {
    pub id: EntryId,
    /// The server that wrote it; `None` if that is not a valid node.
    pub node: Option<NodeId>,
    /// The message, where that is not what the entry's own id says.
    pub message: Option<MessageId>,
    /// The content.
    pub bytes: Vec<u8>,
}

/// The streams in an answer of XREAD or XREADGROUP, with their keys.
pub fn streams(value: Value) -> Vec<(String, Vec<Entry>)> {
    let stream = |value| {
        let mut parts = answer::array(value).into_iter();
        let key = parts.next().and_then(answer::text)?;
        Some((key, entries(parts.next()?)))
    };
    answer::array(value)
        .into_iter()
        .filter_map(stream)
        .collect()
}

/// The entries in an answer of XRANGE and similar commands.
pub fn entries(value: Value) -> Vec<Entry> {
    answer::array(value).into_iter().filter_map(entry).collect()
}

fn entry(value: Value) -> Option<Entry> {
    let mut parts = answer::array(value).into_iter();
    let id = answer::text(parts.next()?)?.parse().ok()?;
    let mut fields = answer::array(parts.next()?).into_iter();
    let mut entry = Entry {
        id,
        node: None,
        message: None,
        bytes: Vec::new(),
    };
    while let (Some(name), Some(value)) = (fields.next(), fields.next()) {
        match (name, value) {
            (Value::BulkString(name), Value::BulkString(value)) if name == b"e" => {
                entry.bytes = value;
            }
            (Value::BulkString(name), value) if name == b"n" => {
                entry.node = answer::text(value).as_deref().and_then(parse_node);
            }
            (Value::BulkString(name), value) if name == b"i" => {
                let id = answer::text(value).and_then(|id| id.parse().ok());
                entry.message = id.map(EntryId::as_message);
            }
            _ => {}
        }
    }
    Some(entry)
}
