//! The part of the log that may not be in the store yet.

use crate::model::Record;
use crate::model::governance::ChannelChange;

use super::common::Common;
use super::entry;
use super::error::LinkError;
use super::keys::EntryId;
use super::link::{Link, answer};
use super::stream::entries;

/// Entries asked for at once.
pub const PAGE: usize = 1000;

/// The part of a shard that may not be in the store.
pub struct Unstored {
    /// Its first entry.
    pub from: EntryId,
    /// The newest id that the log has given out.
    pub newest: EntryId,
}

/// Where the part of a shard begins that may not be stored yet.
pub fn unstored_from(link: &mut Link, common: &Common, shard: u32) -> Result<Unstored, LinkError> {
    let shard = shard.to_string();
    let arguments: [&[u8]; 2] = [common.settings.prefix.as_bytes(), shard.as_bytes()];
    let reply = link.script(&common.scripts.unstored, &arguments)?;
    let mut parts = answer::array(reply).into_iter().filter_map(answer::text);
    let text = parts.next().unwrap_or_default();
    let newest = parts.next().and_then(|id| id.parse().ok());
    let stored: Option<EntryId> = text.strip_prefix('(').and_then(|id| id.parse().ok());
    let from = match stored {
        Some(EntryId { ms, sequence }) => EntryId {
            ms,
            sequence: sequence + 1,
        },
        None => text.parse().unwrap_or_default(),
    };
    let newest = newest.unwrap_or_default();
    Ok(Unstored { from, newest })
}

/// The changes in a shard from one entry to another, in order.
pub fn changes_between(
    link: &mut Link,
    log: &str,
    shard: u32,
    from: EntryId,
    to: Option<EntryId>,
) -> Result<Vec<ChannelChange>, LinkError> {
    let mut start = from.to_string();
    let end = to.map_or_else(|| "+".to_owned(), |id| id.to_string());
    let mut changes = Vec::new();
    loop {
        let mut command = redis::cmd("XRANGE");
        command.arg(log).arg(&start).arg(&end);
        command.arg("COUNT").arg(PAGE);
        let page = entries(link.call(&command)?);
        let is_last = page.len() < PAGE;
        if let Some(last) = page.last() {
            start = format!("({}", last.id);
        }
        for entry in page {
            let Some(node) = entry.node else { continue };
            let read = entry::decode(node, entry.id.message(shard), &entry.bytes);
            if let Ok(Record::Change(change)) = read.map(|entry| entry.record) {
                changes.push(*change);
            }
        }
        if is_last {
            return Ok(changes);
        }
    }
}
