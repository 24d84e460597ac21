//! Full-text search.
//!
//! Messages are indexed in quiet moments, not when they are committed, which
//! would halve the speed of that. What is not indexed yet is at the end, and
//! is looked through word by word.

use std::collections::HashMap;

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Text};

use super::history::{MESSAGE, conversation_id};
use super::schema::{conversation, message, message_search, search_state};
use crate::store::key::clamp;
use crate::store::row::{self, MessageRow, PlaceRow, stored};
use crate::store::words::{self, words};
use crate::store::{Found, MAX_ROWS, Search, SearchScope};

/// Messages indexed in one slice: a few milliseconds.
const SLICE: i64 = 512;
/// Messages at the end that are looked through when they are not indexed yet;
/// more than that can only be behind under a load that lasts.
const MAX_SCAN: i64 = 200_000;
#[derive(QueryableByName)]
struct Hit {
    #[diesel(sql_type = BigInt)]
    id: i64,
}

/// A search in terms of rows.
struct Plan {
    words: Vec<String>,
    within: Within,
    below: i64,
    limit: usize,
}

enum Within {
    Everything,
    Conversation(i64),
    Account(i64),
}

/// See [`crate::store::Store::search`].
pub fn search(connection: &mut SqliteConnection, search: &Search) -> QueryResult<Vec<Found>> {
    let words: Vec<String> = words::wanted(search);
    let within = match &search.scope {
        SearchScope::Everywhere => Some(Within::Everything),
        SearchScope::ThreadsOf(account) => Some(Within::Account(account.0)),
        SearchScope::Within(conversation) => {
            conversation_id(connection, conversation)?.map(Within::Conversation)
        }
    };
    let (Some(within), false) = (within, words.is_empty()) else {
        return Ok(Vec::new());
    };
    let plan = Plan {
        words,
        within,
        below: search.before.map_or(i64::MAX, clamp),
        limit: search.limit.min(MAX_ROWS),
    };
    let indexed_to = indexed_to(connection)?;
    let mut ids = plan.scan(connection, indexed_to)?;
    if ids.len() < plan.limit {
        ids.extend(plan.look_up(connection, plan.limit - ids.len())?);
    }
    load(connection, &ids)
}

impl Plan {
    /// Looks through what has not been indexed, newest first.
    fn scan(&self, connection: &mut SqliteConnection, after: i64) -> QueryResult<Vec<i64>> {
        let mut query = message::table
            .inner_join(conversation::table)
            .filter(message::id.gt(after))
            .filter(message::id.lt(self.below))
            .order(message::id.desc())
            .limit(MAX_SCAN)
            .select((message::id, message::text))
            .into_boxed();
        match self.within {
            Within::Everything => {}
            Within::Conversation(id) => query = query.filter(message::conversation_id.eq(id)),
            Within::Account(id) => {
                let low = conversation::low_account.eq(id);
                query = query.filter(low.or(conversation::high_account.eq(id)));
            }
        }
        let mut ids = Vec::new();
        for row in query.load_iter::<(i64, String), _>(connection)? {
            let (id, text) = row?;
            if self.matches(&text) {
                ids.push(id);
            }
            if ids.len() == self.limit {
                break;
            }
        }
        Ok(ids)
    }

    fn matches(&self, text: &str) -> bool {
        let mut missing: Vec<&String> = self.words.iter().collect();
        for word in words(text) {
            missing.retain(|&wanted| *wanted != word);
        }
        missing.is_empty()
    }

    /// Asks the index, newest first.
    fn look_up(&self, connection: &mut SqliteConnection, limit: usize) -> QueryResult<Vec<i64>> {
        let hits: Vec<Hit> = diesel::sql_query(
            "SELECT rowid AS id FROM message_search \
             WHERE message_search MATCH ? AND rowid < ? \
             ORDER BY rowid DESC LIMIT ?",
        )
        .bind::<Text, _>(self.expression())
        .bind::<BigInt, _>(self.below)
        .bind::<BigInt, _>(limit as i64)
        .load(connection)?;
        Ok(hits.into_iter().map(|hit| hit.id).collect())
    }

    /// The search in the index's language. Words hold nothing but letters and digits,
    /// so nothing in them can be taken for an operator.
    fn expression(&self) -> String {
        let words = self.words.iter().map(|word| format!("text : \"{word}\""));
        let place = match self.within {
            Within::Everything => None,
            Within::Conversation(id) => Some(format!("place : \"c{id}\"")),
            Within::Account(id) => Some(format!("place : \"a{id}\"")),
        };
        place
            .into_iter()
            .chain(words)
            .collect::<Vec<_>>()
            .join(" AND ")
    }
}

fn load(connection: &mut SqliteConnection, ids: &[i64]) -> QueryResult<Vec<Found>> {
    type Row = (MessageRow, PlaceRow);
    let rows: Vec<Row> = message::table
        .inner_join(conversation::table)
        .filter(message::id.eq_any(ids))
        .select((
            MESSAGE,
            (
                conversation::channel,
                conversation::low_account,
                conversation::high_account,
            ),
        ))
        .load(connection)?;
    let mut by_id: HashMap<i64, Row> = rows.into_iter().map(|row| (row.0.0, row)).collect();
    let mut found = Vec::with_capacity(ids.len());
    for id in ids {
        // What retention has just removed is no longer there to be found.
        let Some((message, place)) = by_id.remove(id) else {
            continue;
        };
        found.push(Found {
            conversation: row::conversation(place)?,
            message: stored(message)?,
        });
    }
    Ok(found)
}

fn indexed_to(connection: &mut SqliteConnection) -> QueryResult<i64> {
    search_state::table
        .select(search_state::indexed_to)
        .get_result(connection)
}

/// Indexes a slice of what is not indexed yet; whether there was any.
pub fn index_some(connection: &mut SqliteConnection) -> QueryResult<bool> {
    type Row = (i64, String, i64, Option<i64>, Option<i64>);
    let rows: Vec<Row> = message::table
        .inner_join(conversation::table)
        .filter(message::id.gt(indexed_to(connection)?))
        .order(message::id)
        .limit(SLICE)
        .select((
            message::id,
            message::text,
            conversation::id,
            conversation::low_account,
            conversation::high_account,
        ))
        .load(connection)?;
    let Some(&(last, ..)) = rows.last() else {
        return Ok(false);
    };
    for (id, text, conversation_id, low, high) in &rows {
        let words: Vec<String> = words(text).collect();
        let place = match (low, high) {
            (Some(low), Some(high)) => format!("c{conversation_id} a{low} a{high}"),
            _ => format!("c{conversation_id}"),
        };
        diesel::insert_into(message_search::table)
            .values((
                message_search::rowid.eq(id),
                message_search::place.eq(place),
                message_search::text.eq(words.join(" ")),
            ))
            .execute(connection)?;
    }
    diesel::update(search_state::table)
        .set(search_state::indexed_to.eq(last))
        .execute(connection)?;
    Ok(true)
}

/// Takes messages out of the index.
pub fn forget(
    connection: &mut SqliteConnection,
    ids: impl Iterator<Item = i64>,
) -> QueryResult<()> {
    let indexed_to = indexed_to(connection)?;
    for id in ids.take_while(|&id| id <= indexed_to) {
        diesel::delete(message_search::table.find(id)).execute(connection)?;
    }
    Ok(())
}
