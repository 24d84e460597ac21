//! The part of the log that may not be in the store yet.

use crate::model::governance::ChannelChange;
use crate::model::{Amendment, Conversation, Message, MessageId, Reaction, Record};

use super::common::Common;
use super::entry::{self, LogEntry};
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

/// The entry of a message in a shard, unless it was removed because it is stored.
pub fn message(
    link: &mut Link,
    log: &str,
    shard: u32,
    id: MessageId,
) -> Result<Option<LogEntry>, LinkError> {
    let at = EntryId::floor(id);
    if at.message(shard) != id {
        return Ok(None);
    }
    let mut command = redis::cmd("XRANGE");
    command.arg(log).arg(at.to_string()).arg(at.to_string());
    let found = entries(link.call(&command)?).pop();
    let entry = found.and_then(|entry| entry::decode(entry.node?, id, &entry.bytes).ok());
    Ok(entry.filter(|entry| entry.record.message().is_some()))
}

/// The changes of messages, in the order of the log.
#[derive(Debug, Default)]
pub struct Changes {
    pub amendments: Vec<Amendment>,
    pub reactions: Vec<Reaction>,
}

impl Changes {
    /// Applies those of a message.
    pub fn apply(&self, message: &mut Message) {
        for amendment in &self.amendments {
            amendment.apply(message);
        }
        for reaction in &self.reactions {
            reaction.apply(message);
        }
    }
}

/// The changes of messages of a conversation in a shard, from one entry on.
pub fn message_changes_from(
    link: &mut Link,
    log: &str,
    shard: u32,
    from: EntryId,
    of: &Conversation,
) -> Result<Changes, LinkError> {
    let mut changes = Changes::default();
    for_each_record(link, (log, shard), (from, None), |record| match record {
        Record::Amend(amendment) if amendment.conversation() == *of => {
            changes.amendments.push(*amendment);
        }
        Record::React(reaction) if reaction.conversation() == *of => {
            changes.reactions.push(*reaction);
        }
        _ => {}
    })?;
    Ok(changes)
}

/// The changes in a shard from one entry to another, in order.
pub fn changes_between(
    link: &mut Link,
    log: &str,
    shard: u32,
    from: EntryId,
    to: Option<EntryId>,
) -> Result<Vec<ChannelChange>, LinkError> {
    let mut changes = Vec::new();
    for_each_record(link, (log, shard), (from, to), |record| {
        if let Record::Change(change) = record {
            changes.push(*change);
        }
    })?;
    Ok(changes)
}

/// Reads the entries of a shard from one to another, or to its end, a page at a time. What
/// this server does not understand is passed over.
fn for_each_record(
    link: &mut Link,
    (log, shard): (&str, u32),
    (from, to): (EntryId, Option<EntryId>),
    mut each: impl FnMut(Record),
) -> Result<(), LinkError> {
    let mut start = from.to_string();
    let end = to.map_or_else(|| "+".to_owned(), |id| id.to_string());
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
            if let Ok(entry) = read {
                each(entry.record);
            }
        }
        if is_last {
            return Ok(());
        }
    }
}
