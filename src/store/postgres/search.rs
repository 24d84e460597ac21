//! Full-text search.
//!
//! The index holds what [`terms`] makes of a text, and the place the text belongs to; PostgreSQL's
//! own word rules are not used. Terms are letters, digits, marks and signs beyond ASCII, so a
//! lexeme for a place begins with `#`.

use std::ops::Range;

use diesel::connection::SimpleConnection;
use diesel::pg::PgConnection;
use diesel::prelude::*;
use diesel::result::Error;
use diesel::sql_types::{BigInt, Nullable, SmallInt, Text};

use super::conversations::extent;
use crate::model::key::{clamp, unpack};
use crate::model::{MAX_ROWS, Message, Search, SearchScope};
use crate::store::matches::{Allowed, Matches};
use crate::store::row::{self, stored};
use crate::store::words::{Term, Wanted, terms};

/// Bytes of terms indexed for one text. The index takes up to a mebibyte, and up to 2,046 bytes of
/// one term, which none reaches.
const MAX_VECTOR_BYTES: usize = 512 * 1024;
/// The least number of candidates fetched from the index at once.
const MIN_PAGE: usize = 100;
/// A lexeme in every vector made by the present [`terms`]. A vector without it is of an earlier
/// version and is rebuilt.
pub const GENERATION: &str = "#2";

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = BigInt)]
    id: i64,
    #[diesel(sql_type = BigInt)]
    at_ms: i64,
    #[diesel(sql_type = Text)]
    author: String,
    #[diesel(sql_type = Nullable<BigInt>)]
    account_id: Option<i64>,
    #[diesel(sql_type = SmallInt)]
    kind: i16,
    #[diesel(sql_type = Text)]
    text: String,
    #[diesel(sql_type = Nullable<Text>)]
    styled: Option<String>,
    #[diesel(sql_type = Nullable<BigInt>)]
    changed: Option<i64>,
    #[diesel(sql_type = Nullable<BigInt>)]
    reply_to: Option<i64>,
    #[diesel(sql_type = Nullable<Text>)]
    reply_author: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    reactions: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    channel: Option<String>,
    #[diesel(sql_type = Nullable<BigInt>)]
    low_account: Option<i64>,
    #[diesel(sql_type = Nullable<BigInt>)]
    high_account: Option<i64>,
}

/// What is indexed of a message: lexemes, separated by spaces.
pub fn vector(text: &str, conversation: i64, accounts: Option<(i64, i64)>) -> String {
    let mut vector = format!("{GENERATION} #c{conversation}");
    if let Some((one, other)) = accounts {
        vector.push_str(&format!(" #a{one} #a{other}"));
    }
    for term in terms(text) {
        if vector.len() + term.len() > MAX_VECTOR_BYTES {
            break;
        }
        vector.push(' ');
        vector.push_str(&term);
    }
    vector
}

/// See [`crate::store::Store::search`].
pub fn search(
    connection: &mut PgConnection,
    search: &Search,
    allowed: Allowed,
) -> QueryResult<Matches> {
    let wanted = Wanted::of(search);
    let place = match &search.scope {
        SearchScope::Everywhere => None,
        SearchScope::ThreadsOf(account) => Some(format!("#a{}", account.0)),
        SearchScope::Within(conversation) => match extent(connection, conversation)? {
            Some(extent) => Some(format!("#c{}", extent.id)),
            None => return Ok(Matches::default()),
        },
    };
    if wanted.is_empty() {
        return Ok(Matches::default());
    }
    let query = query(place.as_deref(), &wanted.terms());
    let limit = search.limit.min(MAX_ROWS);
    let begun = search.before.map_or(i64::MAX, clamp);
    let above = clamp(search.after);
    let mut below = begun;
    let mut results = Vec::new();
    loop {
        let page = (limit - results.len()).max(MIN_PAGE);
        let rows = match candidates(connection, &query, above..below, page, allowed) {
            Ok(rows) => rows,
            // The search has got this far, unless it has not moved at all.
            Err(error) if is_cancelled(&error) && below != begun => {
                return Ok(ended(results, below));
            }
            Err(error) => return Err(error),
        };
        let (count, last) = (rows.len(), rows.last().map(|row| row.id));
        let right = rows.into_iter().filter(|row| wanted.is_in(&row.text));
        for row in right {
            results.push(found(row)?);
        }
        below = last.unwrap_or(below);
        if results.len() >= limit || count < page {
            results.truncate(limit);
            return Ok(Matches {
                found: results,
                ended_at: None,
            });
        }
        // The index knows pairs of characters but not their order, so many candidates in a row may
        // be no match.
        if allowed.is_over() {
            return Ok(ended(results, below));
        }
    }
}

fn ended(found: Vec<Message>, below: i64) -> Matches {
    Matches {
        found,
        ended_at: Some(unpack(below)),
    }
}

/// Whether the database cancelled a statement because it ran too long.
fn is_cancelled(error: &Error) -> bool {
    match error {
        Error::DatabaseError(_, information) => information.message().contains("statement timeout"),
        _ => false,
    }
}

/// The search as a tsquery. No lexeme contains a quotation mark or an operator.
fn query(place: Option<&str>, terms: &[Term]) -> String {
    let place = place.map(|place| format!("'{place}'"));
    let terms = terms.iter().map(|term| {
        let star = if term.is_beginning { ":*" } else { "" };
        format!("'{}'{star}", term.text)
    });
    let lexemes: Vec<String> = place.into_iter().chain(terms).collect();
    lexemes.join(" & ")
}

/// The next candidates after one message and before another, unless fetching them takes longer
/// than the time that is left.
fn candidates(
    connection: &mut PgConnection,
    query: &str,
    between: Range<i64>,
    limit: usize,
    allowed: Allowed,
) -> QueryResult<Vec<Row>> {
    let left = allowed.left().as_millis().max(1);
    // A cancelled statement must not abort the whole transaction.
    connection.transaction(|connection| {
        connection.batch_execute(&format!("SET LOCAL statement_timeout = {left}"))?;
        diesel::sql_query(
            "SELECT m.id, m.at_ms, m.author, m.account_id, m.kind, m.text, m.styled, m.changed,
                    m.reply_to, m.reply_author, m.reactions,
                    c.channel, c.low_account, c.high_account
             FROM message m JOIN conversation c ON c.id = m.conversation_id
             WHERE m.words @@ $1::tsquery AND m.id > $2 AND m.id < $3
             ORDER BY m.id DESC LIMIT $4",
        )
        .bind::<Text, _>(query)
        .bind::<BigInt, _>(between.start)
        .bind::<BigInt, _>(between.end)
        .bind::<BigInt, _>(limit as i64)
        .load(connection)
    })
}

fn found(row: Row) -> QueryResult<Message> {
    let of = row::conversation((row.channel, row.low_account, row.high_account))?;
    let reply = (row.reply_to, row.reply_author);
    let body = (
        row.kind,
        row.text,
        row.styled,
        row.changed,
        reply,
        row.reactions,
    );
    stored((row.id, row.at_ms, row.author, row.account_id, body), &of)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_text_is_too_much_for_the_index() {
        let long = "\u{e4}b".repeat(5000);
        let lexemes = vector(&format!("{long} short"), 7, Some((1, 2)));
        let lexemes: Vec<&str> = lexemes.split(' ').collect();
        assert_eq!(lexemes[..4], ["#2", "#c7", "#a1", "#a2"]);
        assert_eq!(lexemes[5], "short");
        assert!(lexemes[4].len() <= 1000);
        // The texts that grow most when split into terms.
        for text in [
            "\u{fdfa} ".repeat(100_000),
            "\u{4e00}\u{4e01}".repeat(100_000),
        ] {
            assert!(vector(&text, 7, None).len() <= MAX_VECTOR_BYTES + 8);
        }
        assert!(vector("0 1 2", 7, None).ends_with("#c7 0 1 2"));
    }
}
