//! The rules of channels.
//!
//! Several servers store what they read from one log, each its share of it, so the changes of a
//! channel may come in any order; but only in order can they be folded. So a channel's row is what
//! the older changes make, up to its version, and the reader folds in the newer ones. Those
//! are folded into the row once nothing older can be under way any more.

use std::collections::BTreeMap;
use std::time::Duration;

use diesel::connection::SimpleConnection;
use diesel::pg::PgConnection;
use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Text};

use super::schema::channel;
use crate::model::Name;
use crate::model::governance::{Change, ChannelChange, Rules};
use crate::model::key::{clamp, unpack};
use crate::model::{MAX_ROWS, MessageId, Window};
use crate::store::row::name;
use crate::store::rules::{self, EventRow};
use crate::store::schema::channel_event;

/// How much older than the newest change of a channel a change has to be to be folded into the
/// row. A server that stops is relieved of its share of the log after some seconds.
const SETTLED_AFTER_MS: u64 = Duration::from_mins(5).as_millis() as u64;
/// Channels settled in one slice of background work.
const CHANNELS: i64 = 50;
/// Changes removed in one slice.
const REMOVALS: i64 = 500;

/// A channel's row.
#[derive(Queryable, QueryableByName)]
#[diesel(table_name = channel)]
struct Row {
    #[diesel(sql_type = Text)]
    channel_key: String,
    #[diesel(sql_type = Text, column_name = "channel")]
    name: String,
    #[diesel(sql_type = BigInt)]
    version: i64,
    #[diesel(sql_type = BigInt)]
    newest: i64,
    #[diesel(sql_type = Text)]
    rules: String,
}

/// Stores changes that are not stored yet, and returns the ids of those. Call it inside a
/// transaction.
pub fn commit(connection: &mut PgConnection, changes: &[&ChannelChange]) -> QueryResult<Vec<i64>> {
    // In the order of their keys, so that two servers never deadlock.
    let mut by_channel: BTreeMap<&str, Vec<&ChannelChange>> = BTreeMap::new();
    for change in changes {
        let of = by_channel.entry(change.channel.key()).or_default();
        of.push(change);
    }
    let mut inserted = Vec::new();
    for changes in by_channel.into_values() {
        inserted.extend(commit_to(connection, &changes)?);
    }
    Ok(inserted)
}

/// Stores changes of one channel.
fn commit_to(connection: &mut PgConnection, changes: &[&ChannelChange]) -> QueryResult<Vec<i64>> {
    let Some(newest) = changes.iter().max_by_key(|change| change.id) else {
        return Ok(Vec::new());
    };
    let row = lock(connection, &newest.channel, clamp(newest.id))?;
    let events = changes
        .iter()
        .map(|change| EventRow::of(change, clamp(change.id)))
        .collect::<QueryResult<Vec<EventRow>>>()?;
    let inserted: Vec<i64> = diesel::insert_into(channel_event::table)
        .values(events)
        .on_conflict_do_nothing()
        .returning(channel_event::id)
        .load(connection)?;
    let late = inserted.iter().copied().filter(|&id| id <= row.version);
    let settled_to = row.version.max(long_before(row.newest));
    match late.min() {
        Some(first) => fold_late(connection, &row, first, settled_to)?,
        None => fold(connection, &row, settled_to)?,
    }
    Ok(inserted)
}

/// Locks the row of a channel, which is made if there is none.
fn lock(connection: &mut PgConnection, of: &Name, newest: i64) -> QueryResult<Row> {
    let nothing = rules::written_rules(&Rules::default())?;
    diesel::sql_query(
        "INSERT INTO channel (channel_key, channel, version, newest, rules)
         VALUES ($1, $2, 0, $3, $4)
         ON CONFLICT (channel_key) DO UPDATE SET
             channel = CASE WHEN excluded.newest > channel.newest
                       THEN excluded.channel ELSE channel.channel END,
             newest = greatest(channel.newest, excluded.newest)
         RETURNING channel_key, channel, version, newest, rules",
    )
    .bind::<Text, _>(&**of.key())
    .bind::<Text, _>(of.as_str())
    .bind::<BigInt, _>(newest)
    .bind::<Text, _>(nothing)
    .get_result(connection)
}

/// The id before which nothing can be under way any more when there is this one.
fn long_before(id: i64) -> i64 {
    let ms = unpack(id).ms.saturating_sub(SETTLED_AFTER_MS);
    clamp(MessageId { ms, sequence: 0 }).saturating_sub(1)
}

/// Folds changes up to this id into a locked row.
fn fold(connection: &mut PgConnection, row: &Row, to: i64) -> QueryResult<()> {
    let events = events(connection, &row.channel_key, row.version, to)?;
    if events.is_empty() {
        return Ok(());
    }
    let rules = folded(row, rules::parsed(&row.rules)?, &events)?;
    save(connection, row, &rules)
}

/// Puts a change into a locked row that newer ones were folded into already: the newer ones are
/// repeated after it. This happens only if a server was held up for minutes. Whether the past was
/// to be hidden by one of them cannot be told any more: then it is.
fn fold_late(connection: &mut PgConnection, row: &Row, first: i64, to: i64) -> QueryResult<()> {
    log::warn!(
        "a change of #{} was stored minutes after newer ones",
        row.name
    );
    let events = events(connection, &row.channel_key, first.saturating_sub(1), to)?;
    let mut rules = rules::parsed(&row.rules)?;
    let floor = rules.floor;
    rules.version = MessageId::default();
    let mut rules = folded(row, rules, &events)?;
    rules.floor = floor.max(rules.floor).max(hidden_to(row, &events)?);
    save(connection, row, &rules)
}

/// The last of these changes that may have hidden what was said before it.
fn hidden_to(row: &Row, events: &[EventRow]) -> QueryResult<MessageId> {
    let channel = name(&row.name)?;
    let mut last = MessageId::default();
    for event in events {
        let change = rules::change(&channel, event)?;
        if change.changes.iter().any(Change::may_hide) {
            last = last.max(change.id);
        }
    }
    Ok(last)
}

fn folded(row: &Row, mut rules: Rules, events: &[EventRow]) -> QueryResult<Rules> {
    let channel = name(&row.name)?;
    for event in events {
        rules.fold(&rules::change(&channel, event)?);
    }
    Ok(rules)
}

fn save(connection: &mut PgConnection, row: &Row, rules: &Rules) -> QueryResult<()> {
    diesel::update(channel::table.find(&row.channel_key))
        .set((
            channel::version.eq(clamp(rules.version)),
            channel::rules.eq(rules::written_rules(rules)?),
        ))
        .execute(connection)?;
    Ok(())
}

/// The changes of a channel after one id and up to another.
fn events(
    connection: &mut PgConnection,
    key: &str,
    after: i64,
    to: i64,
) -> QueryResult<Vec<EventRow>> {
    channel_event::table
        .filter(channel_event::channel_key.eq(key))
        .filter(channel_event::id.gt(after))
        .filter(channel_event::id.le(to))
        .order(channel_event::id)
        .load(connection)
}

/// See [`crate::store::Store::changes`].
pub fn changes(
    connection: &mut PgConnection,
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

/// The changes among those with these ids.
pub fn stored(connection: &mut PgConnection, ids: &[i64]) -> QueryResult<Vec<EventRow>> {
    channel_event::table
        .filter(channel_event::id.eq_any(ids))
        .load(connection)
}

/// The id of the newest change.
pub fn last_id(connection: &mut PgConnection) -> QueryResult<Option<i64>> {
    channel_event::table
        .select(diesel::dsl::max(channel_event::id))
        .first(connection)
}

/// See [`crate::store::Store::channels`]. Call it at the beginning of a transaction.
pub fn after(
    connection: &mut PgConnection,
    key: Option<&str>,
    limit: usize,
) -> QueryResult<Vec<(Name, Rules)>> {
    // Rows and changes must be of the same moment.
    connection.batch_execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")?;
    let limit = limit.min(MAX_ROWS);
    let mut after = key.unwrap_or_default().to_owned();
    let mut found = Vec::new();
    // Rows of channels that are open again do not count.
    while found.len() < limit {
        let rows: Vec<Row> = channel::table
            .filter(channel::channel_key.gt(&after))
            .order(channel::channel_key)
            .limit((limit - found.len()) as i64)
            .load(connection)?;
        let Some(last) = rows.last() else { break };
        after.clone_from(&last.channel_key);
        let mut newer = newer(connection, &rows)?;
        for row in rows {
            let events = newer.remove(&row.channel_key).unwrap_or_default();
            let rules = folded(&row, rules::parsed(&row.rules)?, &events)?;
            if rules.is_kept() {
                found.push((name(&row.name)?, rules));
            }
        }
    }
    Ok(found)
}

/// The changes that are not folded into these rows, by the keys of the channels.
fn newer(
    connection: &mut PgConnection,
    rows: &[Row],
) -> QueryResult<BTreeMap<String, Vec<EventRow>>> {
    #[derive(QueryableByName)]
    #[diesel(table_name = channel_event)]
    struct Found {
        id: i64,
        channel_key: String,
        at_ms: i64,
        author: String,
        changes: String,
    }
    let unsettled = rows.iter().filter(|row| row.newest > row.version);
    let (keys, versions): (Vec<&str>, Vec<i64>) = unsettled
        .map(|row| (row.channel_key.as_str(), row.version))
        .unzip();
    let mut newer: BTreeMap<String, Vec<EventRow>> = BTreeMap::new();
    if keys.is_empty() {
        return Ok(newer);
    }
    let found: Vec<Found> = diesel::sql_query(
        "SELECT e.id, e.channel_key, e.at_ms, e.author, e.changes
         FROM unnest($1, $2) AS row (key, version)
         JOIN channel_event AS e ON e.channel_key = row.key AND e.id > row.version
         ORDER BY e.id",
    )
    .bind::<Array<Text>, _>(keys)
    .bind::<Array<BigInt>, _>(versions)
    .load(connection)?;
    for row in found {
        let event = EventRow {
            id: row.id,
            channel_key: row.channel_key,
            at_ms: row.at_ms,
            author: row.author,
            changes: row.changes,
        };
        let of = newer.entry(event.channel_key.clone()).or_default();
        of.push(event);
    }
    Ok(newer)
}

/// Folds into their rows the changes of some channels that have had none for a while, and removes
/// the rows of those that are open again. Returns whether there may be more.
pub fn settle_some(connection: &mut PgConnection, now_ms: u64) -> QueryResult<bool> {
    let now = clamp(MessageId {
        ms: now_ms,
        sequence: 0,
    });
    let rows: Vec<Row> = channel::table
        .filter(channel::newest.gt(channel::version))
        .filter(channel::newest.le(long_before(now)))
        .order(channel::newest)
        .limit(CHANNELS)
        .for_update()
        .skip_locked()
        .load(connection)?;
    for row in &rows {
        let events = events(connection, &row.channel_key, row.version, row.newest)?;
        let rules = folded(row, rules::parsed(&row.rules)?, &events)?;
        match rules.is_kept() {
            true => save(connection, row, &rules)?,
            false => {
                diesel::delete(channel::table.find(&row.channel_key)).execute(connection)?;
            }
        }
    }
    Ok(rows.len() as i64 == CHANNELS)
}

/// Removes changes that are older than the messages that retention has left of a channel.
pub fn forget_of(connection: &mut PgConnection, conversation: i64, to: i64) -> QueryResult<()> {
    diesel::sql_query(
        "DELETE FROM channel_event WHERE id IN (
             SELECT e.id FROM channel_event AS e
             JOIN conversation AS c ON c.channel_key = e.channel_key
             WHERE c.id = $1 AND e.id <= $2 AND e.id < (SELECT max(id) FROM channel_event)
               AND NOT EXISTS (SELECT FROM channel
                               WHERE channel.channel_key = e.channel_key
                                 AND channel.version < e.id)
             ORDER BY e.id LIMIT $3)",
    )
    .bind::<BigInt, _>(conversation)
    .bind::<BigInt, _>(to)
    .bind::<BigInt, _>(REMOVALS)
    .execute(connection)?;
    Ok(())
}

/// Removes changes up to this id, in whatever channel, and returns whether there may be more.
pub fn forget_to(connection: &mut PgConnection, to: i64) -> QueryResult<bool> {
    let removed = diesel::sql_query(
        "DELETE FROM channel_event WHERE id IN (
             SELECT e.id FROM channel_event AS e
             WHERE e.id <= $1 AND e.id < (SELECT max(id) FROM channel_event)
               AND e.channel_key NOT IN (SELECT channel_key FROM keeping WHERE is_held)
               AND NOT EXISTS (SELECT FROM channel
                               WHERE channel.channel_key = e.channel_key
                                 AND channel.version < e.id)
             ORDER BY e.id LIMIT $2)",
    )
    .bind::<BigInt, _>(to)
    .bind::<BigInt, _>(REMOVALS)
    .execute(connection)?;
    Ok(removed as i64 == REMOVALS)
}
