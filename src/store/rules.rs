//! The rules of a channel as columns, the same for every database.

use diesel::QueryResult;
use diesel::result::Error;

use super::row::name;
use crate::model::Name;
use crate::model::governance::{ChannelChange, Rules};

/// A channel's name, and its rules as JSON.
pub type ChannelRow = (String, String);

/// A change as it is stored.
#[derive(Clone, Debug, PartialEq, diesel::Queryable, diesel::Insertable)]
#[diesel(table_name = super::schema::channel_event)]
pub struct EventRow {
    pub id: i64,
    pub channel_key: String,
    pub at_ms: i64,
    pub author: String,
    pub changes: String,
}

#[cfg(feature = "cluster")]
impl EventRow {
    /// A change under its packed id.
    pub fn of(change: &ChannelChange, id: i64) -> QueryResult<EventRow> {
        let (author, changes) = written(change)?;
        Ok(EventRow {
            id,
            channel_key: change.channel.key().to_string(),
            at_ms: change.at_ms.try_into().unwrap_or(i64::MAX),
            author,
            changes,
        })
    }
}

/// The author and the changes of an entry, as JSON.
pub fn written(change: &ChannelChange) -> QueryResult<(String, String)> {
    let json = |error| Error::SerializationError(Box::new(error));
    let author = serde_json::to_string(&change.by).map_err(json)?;
    let changes = serde_json::to_string(&change.changes).map_err(json)?;
    Ok((author, changes))
}

/// The rules of a row with a change folded in.
pub fn folded(before: Option<&str>, change: &ChannelChange) -> QueryResult<Rules> {
    let mut rules = match before {
        Some(document) => parsed(document)?,
        None => Rules::default(),
    };
    rules.fold(change);
    Ok(rules)
}

/// The document to be stored; `None` if the channel is simply open, and needs no row.
pub fn document(rules: &Rules) -> QueryResult<Option<String>> {
    if !rules.is_kept() {
        return Ok(None);
    }
    written_rules(rules).map(Some)
}

/// The document of rules.
pub fn written_rules(rules: &Rules) -> QueryResult<String> {
    serde_json::to_string(rules).map_err(|error| Error::SerializationError(Box::new(error)))
}

/// A channel from its row.
pub fn read((channel, document): ChannelRow) -> QueryResult<(Name, Rules)> {
    Ok((name(&channel)?, parsed(&document)?))
}

/// A change from its row, for a channel of this name.
pub fn change(channel: &Name, row: &EventRow) -> QueryResult<ChannelChange> {
    let json = |error| Error::DeserializationError(Box::new(error));
    Ok(ChannelChange {
        id: crate::model::key::unpack(row.id),
        at_ms: row.at_ms.try_into().unwrap_or(0),
        channel: channel.clone(),
        by: serde_json::from_str(&row.author).map_err(json)?,
        changes: serde_json::from_str(&row.changes).map_err(json)?,
    })
}

/// The rules of a document.
pub fn parsed(document: &str) -> QueryResult<Rules> {
    serde_json::from_str(document).map_err(|error| Error::DeserializationError(Box::new(error)))
}
