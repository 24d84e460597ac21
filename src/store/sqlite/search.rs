//! Full-text search.
//!
//! Messages are indexed in quiet moments, not when they are committed, which
//! would halve the speed of that. What is not indexed yet is at the end, and
//! is looked through word by word.

use std::collections::HashMap;

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Text};
use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

use super::history::{MESSAGE, MessageRow, conversation_id, name, stored};
use super::schema::{conversation, message, search_state};
use crate::store::key::clamp;
use crate::store::{AccountId, Conversation, Found, MAX_ROWS, Search, SearchScope};

/// Messages indexed in one slice: a few milliseconds.
const SLICE: i64 = 512;
/// Messages at the end that are looked through when they are not indexed yet;
/// more than that can only be behind under a load that lasts.
const MAX_SCAN: i64 = 200_000;
/// Words of a search that count.
const MAX_WORDS: usize = 16;

#[derive(QueryableByName)]
struct Hit {
    #[diesel(sql_type = BigInt)]
    id: i64,
}

#[derive(QueryableByName)]
struct LastOfSlice {
    #[diesel(sql_type = diesel::sql_types::Nullable<BigInt>)]
    last: Option<i64>,
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
    let words: Vec<String> = words(&search.words).take(MAX_WORDS).collect();
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

    /// The search in the index's language. Words hold letters and digits only,
    /// so nothing in them can be taken for an operator.
    fn expression(&self) -> String {
        let words = self.words.iter().map(|word| format!("text : \"{word}\""));
        let place = match self.within {
            Within::Everything => None,
            Within::Conversation(id) => Some(format!("place : \"c{id}\"")),
            Within::Account(id) => Some(format!("place : \"a{id}\"")),
        };
        place.into_iter().chain(words).collect::<Vec<_>>().join(" AND ")
    }
}

/// The words of a text as the index has them: runs of letters and digits,
/// without case and accents.
fn words(text: &str) -> impl Iterator<Item = String> {
    let is_part = |c: char| c.is_alphanumeric() || is_combining_mark(c);
    text.split(move |c| !is_part(c))
        .map(|word| {
            let bare = word.nfkd().filter(|&c| !is_combining_mark(c));
            bare.flat_map(char::to_lowercase).collect()
        })
        .filter(|word: &String| !word.is_empty())
}

fn load(connection: &mut SqliteConnection, ids: &[i64]) -> QueryResult<Vec<Found>> {
    type Row = (MessageRow, (Option<String>, Option<i64>, Option<i64>));
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
        let Some((message, (channel, low, high))) = by_id.remove(id) else {
            continue;
        };
        let conversation = match (channel, low, high) {
            (None, Some(low), Some(high)) => Conversation::Thread(AccountId(low), AccountId(high)),
            (channel, ..) => Conversation::Channel(name(&channel.unwrap_or_default())?),
        };
        let message = stored(message)?;
        found.push(Found {
            conversation,
            message,
        });
    }
    Ok(found)
}

fn indexed_to(connection: &mut SqliteConnection) -> QueryResult<i64> {
    search_state::table
        .select(search_state::indexed_to)
        .first(connection)
}

/// Indexes a slice of what is not indexed yet; whether there was any.
pub fn index_some(connection: &mut SqliteConnection) -> QueryResult<bool> {
    let from = indexed_to(connection)?;
    let slice: LastOfSlice = diesel::sql_query(
        "SELECT max(id) AS last FROM \
         (SELECT id FROM message WHERE id > ? ORDER BY id LIMIT ?)",
    )
    .bind::<BigInt, _>(from)
    .bind::<BigInt, _>(SLICE)
    .get_result(connection)?;
    let Some(last) = slice.last else {
        return Ok(false);
    };
    diesel::sql_query(
        "INSERT INTO message_search (rowid, place, text) \
         SELECT m.id, \
                'c' || c.id || coalesce(' a' || c.low_account || ' a' || c.high_account, ''), \
                m.text \
         FROM message m JOIN conversation c ON c.id = m.conversation_id \
         WHERE m.id > ? AND m.id <= ? ORDER BY m.id",
    )
    .bind::<BigInt, _>(from)
    .bind::<BigInt, _>(last)
    .execute(connection)?;
    diesel::update(search_state::table)
        .set(search_state::indexed_to.eq(last))
        .execute(connection)?;
    Ok(true)
}

/// Takes messages out of the index.
pub fn forget(connection: &mut SqliteConnection, ids: &[i64]) -> QueryResult<()> {
    let indexed_to = indexed_to(connection)?;
    for id in ids.iter().filter(|&&id| id <= indexed_to) {
        diesel::sql_query("DELETE FROM message_search WHERE rowid = ?")
            .bind::<BigInt, _>(id)
            .execute(connection)?;
    }
    Ok(())
}
