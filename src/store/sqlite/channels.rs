//! The rules of channels: each change is stored, and folded into the channel's row.

use diesel::dsl::{exists, select};
use diesel::prelude::*;
use diesel::sql_types::BigInt;

use super::schema::channel;
use crate::model::governance::{ChannelChange, Rules};
use crate::model::key::clamp;
use crate::model::{MAX_ROWS, Name, Window};
use crate::store::rules::{self, ChannelRow, EventRow};
use crate::store::schema::channel_event;

/// Changes removed in one slice of background work.
const REMOVALS: i64 = 500;

/// Stores a change under its packed id. Call it inside a transaction.
pub fn commit(
    connection: &mut SqliteConnection,
    change: &ChannelChange,
    id: i64,
) -> QueryResult<()> {
    let key = &**change.channel.key();
    let (author, changes) = rules::written(change)?;
    diesel::insert_into(channel_event::table)
        .values((
            channel_event::id.eq(id),
            channel_event::channel_key.eq(key),
            channel_event::at_ms.eq(i64::try_from(change.at_ms).unwrap_or(i64::MAX)),
            channel_event::author.eq(author),
            channel_event::changes.eq(changes),
        ))
        .execute(connection)?;
    let before: Option<String> = channel::table
        .find(key)
        .select(channel::rules)
        .get_result(connection)
        .optional()?;
    let after = rules::folded(before.as_deref(), change)?;
    match rules::document(&after)? {
        Some(document) => {
            let columns = (
                channel::channel_key.eq(key),
                channel::name.eq(change.channel.as_str()),
                channel::version.eq(clamp(after.version)),
                channel::rules.eq(document),
            );
            diesel::replace_into(channel::table)
                .values(columns)
                .execute(connection)?;
        }
        None => {
            diesel::delete(channel::table.find(key)).execute(connection)?;
        }
    }
    Ok(())
}

/// See [`crate::store::Store::changes`].
pub fn changes(
    connection: &mut SqliteConnection,
    channel: &Name,
    window: Window,
    limit: usize,
) -> QueryResult<Vec<ChannelChange>> {
    let limit = limit.min(MAX_ROWS) as i64;
    let all = channel_event::table
        .filter(channel_event::channel_key.eq(&**channel.key()))
        .limit(limit)
        .into_boxed();
    let mut rows: Vec<EventRow> = match window {
        Window::After(id) => all
            .filter(channel_event::id.gt(clamp(id)))
            .order(channel_event::id)
            .load(connection)?,
        Window::Before(id) => all
            .filter(channel_event::id.lt(clamp(id)))
            .order(channel_event::id.desc())
            .load(connection)?,
        Window::Latest | Window::Page(_) => all.order(channel_event::id.desc()).load(connection)?,
    };
    rows.sort_by_key(|row| row.id);
    rows.iter().map(|row| rules::change(channel, row)).collect()
}

/// Whether a change has been stored under this id.
pub fn is_stored(connection: &mut SqliteConnection, id: i64) -> QueryResult<bool> {
    select(exists(channel_event::table.find(id))).get_result(connection)
}

/// The id of the newest change.
pub fn last_id(connection: &mut SqliteConnection) -> QueryResult<Option<i64>> {
    channel_event::table
        .select(diesel::dsl::max(channel_event::id))
        .get_result(connection)
}

/// See [`crate::store::Store::channels`].
pub fn after(
    connection: &mut SqliteConnection,
    key: Option<&str>,
    limit: usize,
) -> QueryResult<Vec<(Name, Rules)>> {
    let rows: Vec<ChannelRow> = channel::table
        .filter(channel::channel_key.gt(key.unwrap_or_default()))
        .order(channel::channel_key)
        .limit(i64::try_from(limit).unwrap_or(i64::MAX))
        .select((channel::name, channel::rules))
        .load(connection)?;
    rows.into_iter().map(rules::read).collect()
}

/// Removes changes that are older than the messages that retention has left of a channel. The newest
/// change of all stays, so that no id is used twice.
pub fn forget_of(connection: &mut SqliteConnection, conversation: i64, to: i64) -> QueryResult<()> {
    diesel::sql_query(
        "DELETE FROM channel_event WHERE id IN (
             SELECT e.id FROM channel_event AS e
             WHERE e.channel_key = (SELECT channel_key FROM conversation WHERE id = ?)
               AND e.id <= ? AND e.id < (SELECT max(id) FROM channel_event)
             ORDER BY e.id LIMIT ?)",
    )
    .bind::<BigInt, _>(conversation)
    .bind::<BigInt, _>(to)
    .bind::<BigInt, _>(REMOVALS)
    .execute(connection)?;
    Ok(())
}

/// Removes changes up to this id, in whatever channel, and returns whether there may be more.
pub fn forget_to(connection: &mut SqliteConnection, to: i64) -> QueryResult<bool> {
    let removed = diesel::sql_query(
        "DELETE FROM channel_event WHERE id IN (
             SELECT id FROM channel_event
             WHERE id <= ? AND id < (SELECT max(id) FROM channel_event)
               AND channel_key NOT IN (SELECT channel_key FROM keeping WHERE is_held)
             ORDER BY id LIMIT ?)",
    )
    .bind::<BigInt, _>(to)
    .bind::<BigInt, _>(REMOVALS)
    .execute(connection)?;
    Ok(removed as i64 == REMOVALS)
}
