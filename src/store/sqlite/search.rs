//! Full-text search.
//!
//! Messages are indexed in quiet moments and not when they are committed, which would halve the
//! speed of commits. Those not indexed yet are the newest ones; a search scans their words. The
//! same holds after an update that rebuilds the index.

use std::collections::HashMap;

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Text};

use super::history::conversation_id;
use super::schema::{MESSAGE, conversation, message, message_search, search_state};
use crate::model::key::{clamp, unpack};
use crate::model::{MAX_ROWS, Message, Search, SearchScope};
use crate::store::matches::{Allowed, Matches};
use crate::store::row::{self, MessageRow, PlaceRow, stored};
use crate::store::words::{Wanted, terms};

/// Messages indexed in one slice: a few milliseconds.
const SLICE: i64 = 512;
/// Messages scanned before the search checks whether there is time for more.
const SCANNED: i64 = 2_000;
/// The least number of candidates fetched from the index at once.
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
    /// The message after which those are that are looked for.
    above: i64,
    limit: usize,
    allowed: Allowed,
}

enum Within {
    Everything,
    Conversation(i64),
    Account(i64),
}

/// See [`crate::store::Store::search`].
pub fn search(
    connection: &mut SqliteConnection,
    search: &Search,
    allowed: Allowed,
) -> QueryResult<Matches> {
    let wanted = Wanted::of(search);
    let within = match &search.scope {
        SearchScope::Everywhere => Some(Within::Everything),
        SearchScope::ThreadsOf(account) => Some(Within::Account(account.0)),
        SearchScope::Within(conversation) => {
            conversation_id(connection, conversation)?.map(Within::Conversation)
        }
    };
    let (Some(within), false) = (within, wanted.is_empty()) else {
        return Ok(Matches::default());
    };
    let plan = Plan {
        wanted,
        within,
        above: clamp(search.after),
        limit: search.limit.min(MAX_ROWS),
        allowed,
    };
    let mut below = search.before.map_or(i64::MAX, clamp);
    let indexed_to = indexed_to(connection)?;
    let (ids, reached) = plan.scan(connection, indexed_to, below)?;
    let mut found = load(connection, &ids)?;
    let mut is_over = reached.is_some();
    below = reached.unwrap_or(below);
    if !is_over && found.len() < plan.limit {
        (below, is_over) = plan.look_up(connection, below, &mut found)?;
    }
    Ok(Matches {
        found,
        ended_at: is_over.then(|| unpack(below)),
    })
}

impl Within {
    fn has(&self, conversation: i64, low: Option<i64>, high: Option<i64>) -> bool {
        match self {
            Within::Everything => true,
            Within::Conversation(id) => *id == conversation,
            Within::Account(id) => low == Some(*id) || high == Some(*id),
        }
    }
}

impl Plan {
    /// Scans the messages not indexed yet, newest first, slice by slice. If time runs out, also
    /// returns the message it got to.
    fn scan(
        &self,
        connection: &mut SqliteConnection,
        after: i64,
        mut below: i64,
    ) -> QueryResult<(Vec<i64>, Option<i64>)> {
        type Row = (i64, String, i64, Option<i64>, Option<i64>);
        let mut ids = Vec::new();
        loop {
            // Messages of other conversations are filtered here, not by the database, which would
            // otherwise read on until a slice is full.
            let rows = message::table
                .inner_join(conversation::table)
                .filter(message::id.gt(after.max(self.above)))
                .filter(message::id.lt(below))
                .order(message::id.desc())
                .limit(SCANNED)
                .select((
                    message::id,
                    message::text,
                    conversation::id,
                    conversation::low_account,
                    conversation::high_account,
                ))
                .load_iter::<Row, _>(connection)?;
            let before = below;
            let mut count = 0;
            for row in rows {
                let (id, text, conversation, low, high) = row?;
                count += 1;
                below = id;
                if self.within.has(conversation, low, high) && self.wanted.is_in(&text) {
                    ids.push(id);
                }
                if ids.len() == self.limit {
                    return Ok((ids, None));
                }
            }
            if count < SCANNED || below == before {
                return Ok((ids, None));
            }
            if self.allowed.is_over() {
                return Ok((ids, Some(below)));
            }
        }
    }

    /// Asks the index, newest first, until there are enough matches. Returns the message it got to,
    /// and whether time ran out.
    fn look_up(
        &self,
        connection: &mut SqliteConnection,
        mut below: i64,
        found: &mut Vec<Message>,
    ) -> QueryResult<(i64, bool)> {
        let expression = self.expression();
        loop {
            let page = (self.limit - found.len()).max(MIN_PAGE);
            let hits: Vec<Hit> = diesel::sql_query(
                "SELECT rowid AS id FROM message_search \
                 WHERE message_search MATCH ? AND rowid > ? AND rowid < ? \
                 ORDER BY rowid DESC LIMIT ?",
            )
            .bind::<Text, _>(&expression)
            .bind::<BigInt, _>(self.above)
            .bind::<BigInt, _>(below)
            .bind::<BigInt, _>(page as i64)
            .load(connection)?;
            let ids: Vec<i64> = hits.into_iter().map(|hit| hit.id).collect();
            let loaded = load(connection, &ids)?;
            let is_right = |found: &Message| self.wanted.is_in(found.body.text.as_str());
            found.extend(loaded.into_iter().filter(is_right));
            if let Some(&last) = ids.last() {
                below = last;
            }
            if found.len() >= self.limit || ids.len() < page {
                found.truncate(self.limit);
                return Ok((below, false));
            }
            // The index knows pairs of characters but not their order, so many candidates in a row
            // may be no match.
            if self.allowed.is_over() {
                return Ok((below, true));
            }
        }
    }

    /// The search as an FTS5 expression. Terms hold only letters, digits, marks and signs beyond
    /// ASCII, so none of them contains an operator.
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

fn load(connection: &mut SqliteConnection, ids: &[i64]) -> QueryResult<Vec<Message>> {
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
        // Retention has just removed this message.
        let Some((message, place)) = by_id.remove(id) else {
            continue;
        };
        found.push(stored(message, &row::conversation(place)?)?);
    }
    Ok(found)
}

fn indexed_to(connection: &mut SqliteConnection) -> QueryResult<i64> {
    search_state::table
        .select(search_state::indexed_to)
        .get_result(connection)
}

/// Indexes a slice of the messages that are not indexed yet. Returns the last one, if there was
/// any.
pub fn index_some(connection: &mut SqliteConnection) -> QueryResult<Option<i64>> {
    let rows: Vec<Indexed> = message::table
        .inner_join(conversation::table)
        .filter(message::id.gt(indexed_to(connection)?))
        .order(message::id)
        .limit(SLICE)
        .select(INDEXED)
        .load(connection)?;
    let Some(&(last, ..)) = rows.last() else {
        return Ok(None);
    };
    for row in &rows {
        index(connection, row)?;
    }
    diesel::update(search_state::table)
        .set(search_state::indexed_to.eq(last))
        .execute(connection)?;
    Ok(Some(last))
}

/// Puts the present text of a message into the index, if its former one is there.
pub fn index_again(connection: &mut SqliteConnection, id: i64) -> QueryResult<()> {
    if id > indexed_to(connection)? {
        return Ok(());
    }
    diesel::delete(message_search::table.find(id)).execute(connection)?;
    let row: Indexed = message::table
        .inner_join(conversation::table)
        .filter(message::id.eq(id))
        .select(INDEXED)
        .get_result(connection)?;
    index(connection, &row)
}

fn index(connection: &mut SqliteConnection, row: &Indexed) -> QueryResult<()> {
    let (id, text, conversation_id, low, high) = row;
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
    Ok(())
}

/// What the index needs of a message: id, text, conversation, and the accounts of its thread.
type Indexed = (i64, String, i64, Option<i64>, Option<i64>);

/// Selects it.
const INDEXED: (
    message::id,
    message::text,
    conversation::id,
    conversation::low_account,
    conversation::high_account,
) = (
    message::id,
    message::text,
    conversation::id,
    conversation::low_account,
    conversation::high_account,
);

/// Removes messages from the index.
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
