//! Full-text search.
//!
//! Messages are indexed in quiet moments, not when they are committed, which
//! would halve the speed of that. What is not indexed yet is at the end, and
//! is looked through word by word. So it is after an update that indexes anew
//! what was there before.

use std::collections::HashMap;

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Text};

use super::history::{MESSAGE, conversation_id};
use super::schema::{conversation, message, message_search, search_state};
use crate::model::key::clamp;
use crate::model::{Found, MAX_ROWS, Search, SearchScope};
use crate::store::row::{self, MessageRow, PlaceRow, stored};
use crate::store::words::{Wanted, terms};

/// Messages indexed in one slice: a few milliseconds.
const SLICE: i64 = 512;
/// Messages at the end that are looked through when they are not indexed yet;
/// more than that can only be behind under a load that lasts.
const MAX_SCAN: i64 = 200_000;
/// Messages looked at of those that the index brings. It knows of pairs of
/// characters, not of their order, so some may be something else; more than
/// that only if somebody has seen to it.
const MAX_CANDIDATES: usize = 20_000;
/// Of them, so many at a time.
const MIN_PAGE: usize = 100;

#[derive(QueryableByName)]
struct Hit {
    #[diesel(sql_type = BigInt)]
    id: i64,
}

/// A search in terms of rows.
struct Plan {
    wanted: Wanted,
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
    let wanted = Wanted::of(search);
    let within = match &search.scope {
        SearchScope::Everywhere => Some(Within::Everything),
        SearchScope::ThreadsOf(account) => Some(Within::Account(account.0)),
        SearchScope::Within(conversation) => {
            conversation_id(connection, conversation)?.map(Within::Conversation)
        }
    };
    let (Some(within), false) = (within, wanted.is_empty()) else {
        return Ok(Vec::new());
    };
    let plan = Plan {
        wanted,
        within,
        below: search.before.map_or(i64::MAX, clamp),
        limit: search.limit.min(MAX_ROWS),
    };
    let indexed_to = indexed_to(connection)?;
    let ids = plan.scan(connection, indexed_to)?;
    let mut found = load(connection, &ids)?;
    if found.len() < plan.limit {
        plan.look_up(connection, &mut found)?;
    }
    Ok(found)
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
            if self.wanted.is_in(&text) {
                ids.push(id);
            }
            if ids.len() == self.limit {
                break;
            }
        }
        Ok(ids)
    }

    /// Asks the index, newest first, until there are enough.
    fn look_up(
        &self,
        connection: &mut SqliteConnection,
        found: &mut Vec<Found>,
    ) -> QueryResult<()> {
        let expression = self.expression();
        let mut below = self.below;
        let mut candidates = 0;
        while found.len() < self.limit && candidates < MAX_CANDIDATES {
            let page = (self.limit - found.len()).max(MIN_PAGE);
            let hits: Vec<Hit> = diesel::sql_query(
                "SELECT rowid AS id FROM message_search \
                 WHERE message_search MATCH ? AND rowid < ? \
                 ORDER BY rowid DESC LIMIT ?",
            )
            .bind::<Text, _>(&expression)
            .bind::<BigInt, _>(below)
            .bind::<BigInt, _>(page as i64)
            .load(connection)?;
            let ids: Vec<i64> = hits.into_iter().map(|hit| hit.id).collect();
            let loaded = load(connection, &ids)?;
            found.extend(
                loaded
                    .into_iter()
                    .filter(|found| self.wanted.is_in(found.message.text.as_str())),
            );
            candidates += ids.len();
            match ids.last() {
                Some(&last) if ids.len() == page => below = last,
                _ => break,
            }
        }
        found.truncate(self.limit);
        Ok(())
    }

    /// The search in the index's language. Terms hold nothing but letters, digits, marks
    /// and signs beyond ASCII, so nothing in them can be taken for an operator.
    fn expression(&self) -> String {
        let terms = self.wanted.terms().into_iter().map(|term| {
            let star = if term.is_beginning { " *" } else { "" };
            format!("text : \"{}\"{star}", term.text)
        });
        let place = match self.within {
            Within::Everything => None,
            Within::Conversation(id) => Some(format!("place : \"c{id}\"")),
            Within::Account(id) => Some(format!("place : \"a{id}\"")),
        };
        place
            .into_iter()
            .chain(terms)
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

/// Indexes a slice of what is not indexed yet; up to which message, if there
/// was any.
pub fn index_some(connection: &mut SqliteConnection) -> QueryResult<Option<i64>> {
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
        return Ok(None);
    };
    for (id, text, conversation_id, low, high) in &rows {
        let terms: Vec<String> = terms(text).collect();
        let place = match (low, high) {
            (Some(low), Some(high)) => format!("c{conversation_id} a{low} a{high}"),
            _ => format!("c{conversation_id}"),
        };
        diesel::insert_into(message_search::table)
            .values((
                message_search::rowid.eq(id),
                message_search::place.eq(place),
                message_search::text.eq(terms.join(" ")),
            ))
            .execute(connection)?;
    }
    diesel::update(search_state::table)
        .set(search_state::indexed_to.eq(last))
        .execute(connection)?;
    Ok(Some(last))
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
