//! Rebuilds the search vectors of older messages, a slice at a time, after an update that changed
//! the index terms.
//!
//! Each slice commits how far it got, and one server at a time does the work. Servers of the
//! earlier version may run on for a while and write old vectors, so each server that starts
//! continues to what is then the newest message. Vectors that are right already are only read.

use diesel::pg::PgConnection;
use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Bool, Nullable, Text};

use super::history::last_id;
use super::search::{GENERATION, vector};
use crate::model::key;
use crate::store::progress::Progress;

/// Messages looked at in one slice.
const SLICE: i64 = 500;

/// How far this server has to make sure of the vectors.
#[derive(Default)]
pub struct Renewal {
    /// The newest message when this server first looked.
    target: Option<i64>,
    is_done: bool,
    progress: Progress,
}

#[derive(QueryableByName)]
struct State {
    #[diesel(sql_type = BigInt)]
    made_to: i64,
}

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = BigInt)]
    id: i64,
    #[diesel(sql_type = BigInt)]
    conversation_id: i64,
    #[diesel(sql_type = Nullable<BigInt>)]
    low_account: Option<i64>,
    #[diesel(sql_type = Nullable<BigInt>)]
    high_account: Option<i64>,
    #[diesel(sql_type = Text)]
    text: String,
    #[diesel(sql_type = Bool)]
    is_new: bool,
}

impl Renewal {
    /// Whether there may be work to do.
    pub fn is_due(&self) -> bool {
        !self.is_done
    }

    /// Does one slice and returns whether there is more to do. Call it inside a transaction, on one
    /// server at a time.
    pub fn tend(&mut self, connection: &mut PgConnection, now_ms: u64) -> QueryResult<bool> {
        if self.is_done {
            return Ok(false);
        }
        let target = match self.target {
            Some(target) => target,
            None => *self.target.insert(last_id(connection)?),
        };
        let state: State =
            diesel::sql_query("SELECT made_to FROM search_state").get_result(connection)?;
        if state.made_to >= target {
            self.is_done = true;
            self.progress.at(key::unpack(target).ms, false, now_ms);
            return Ok(false);
        }
        let made_to = renew(connection, state.made_to, target)?;
        self.progress.at(key::unpack(made_to).ms, true, now_ms);
        Ok(true)
    }
}

/// Rebuilds a slice and returns its last message.
fn renew(connection: &mut PgConnection, after: i64, target: i64) -> QueryResult<i64> {
    let rows: Vec<Row> = diesel::sql_query(
        "SELECT m.id, m.conversation_id, c.low_account, c.high_account, m.text,
                m.words @@ $1::tsquery AS is_new
         FROM message m JOIN conversation c ON c.id = m.conversation_id
         WHERE m.id > $2 AND m.id <= $3 ORDER BY m.id LIMIT $4",
    )
    .bind::<Text, _>(format!("'{GENERATION}'"))
    .bind::<BigInt, _>(after)
    .bind::<BigInt, _>(target)
    .bind::<BigInt, _>(SLICE)
    .load(connection)?;
    let made_to = match rows.last() {
        Some(last) if rows.len() as i64 == SLICE => last.id,
        _ => target,
    };
    let old = rows.iter().filter(|row| !row.is_new);
    let (ids, vectors): (Vec<i64>, Vec<String>) = old
        .map(|row| {
            let accounts = row.low_account.zip(row.high_account);
            (row.id, vector(&row.text, row.conversation_id, accounts))
        })
        .unzip();
    if !ids.is_empty() {
        diesel::sql_query(
            "UPDATE message SET words = array_to_tsvector(string_to_array(new.words, ' '))
             FROM unnest($1, $2) AS new (id, words) WHERE message.id = new.id",
        )
        .bind::<Array<BigInt>, _>(&ids)
        .bind::<Array<Text>, _>(&vectors)
        .execute(connection)?;
    }
    diesel::sql_query("UPDATE search_state SET made_to = $1")
        .bind::<BigInt, _>(made_to)
        .execute(connection)?;
    Ok(made_to)
}
