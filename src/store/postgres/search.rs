//! Full-text search.
//!
//! The index is of what [`words`] makes of a text, word by word, and of where
//! the text belongs; PostgreSQL's own ideas of words are not asked. Words are
//! letters and digits only, so what says where begins with `#`.

use diesel::pg::PgConnection;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Nullable, Text};

use super::conversations::extent;
use crate::store::key::clamp;
use crate::store::row::{self, stored};
use crate::store::words::{self, words};
use crate::store::{Found, MAX_ROWS, Search, SearchScope};

/// Words are told apart by so many bytes; the index takes 2,046.
const MAX_WORD_BYTES: usize = 1000;
/// Words of one text that are indexed, in bytes; the index takes a mebibyte.
const MAX_VECTOR_BYTES: usize = 512 * 1024;

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
    #[diesel(sql_type = Text)]
    text: String,
    #[diesel(sql_type = Nullable<Text>)]
    channel: Option<String>,
    #[diesel(sql_type = Nullable<BigInt>)]
    low_account: Option<i64>,
    #[diesel(sql_type = Nullable<BigInt>)]
    high_account: Option<i64>,
}

/// What is indexed of a message: lexemes, with spaces between.
pub fn vector(text: &str, conversation: i64, accounts: Option<(i64, i64)>) -> String {
    let mut vector = format!("#c{conversation}");
    if let Some((one, other)) = accounts {
        vector.push_str(&format!(" #a{one} #a{other}"));
    }
    for word in words(text) {
        if vector.len() + word.len() > MAX_VECTOR_BYTES {
            break;
        }
        vector.push(' ');
        vector.push_str(cut(&word));
    }
    vector
}

fn cut(word: &str) -> &str {
    let end = word.floor_char_boundary(MAX_WORD_BYTES);
    word.get(..end).unwrap_or(word)
}

/// See [`crate::store::Store::search`].
pub fn search(connection: &mut PgConnection, search: &Search) -> QueryResult<Vec<Found>> {
    let words = words::wanted(search);
    let place = match &search.scope {
        SearchScope::Everywhere => None,
        SearchScope::ThreadsOf(account) => Some(format!("#a{}", account.0)),
        SearchScope::Within(conversation) => match extent(connection, conversation)? {
            Some(extent) => Some(format!("#c{}", extent.id)),
            None => return Ok(Vec::new()),
        },
    };
    if words.is_empty() {
        return Ok(Vec::new());
    }
    // Nothing in a lexeme can be taken for a quotation mark or an operator.
    let wanted: Vec<String> = place
        .iter()
        .map(String::as_str)
        .chain(words.iter().map(|word| cut(word)))
        .map(|lexeme| format!("'{lexeme}'"))
        .collect();
    let rows: Vec<Row> = diesel::sql_query(
        "SELECT m.id, m.at_ms, m.author, m.account_id, m.text,
                c.channel, c.low_account, c.high_account
         FROM message m JOIN conversation c ON c.id = m.conversation_id
         WHERE m.words @@ $1::tsquery AND m.id < $2
         ORDER BY m.id DESC LIMIT $3",
    )
    .bind::<Text, _>(wanted.join(" & "))
    .bind::<BigInt, _>(search.before.map_or(i64::MAX, clamp))
    .bind::<BigInt, _>(search.limit.min(MAX_ROWS) as i64)
    .load(connection)?;
    rows.into_iter().map(found).collect()
}

fn found(row: Row) -> QueryResult<Found> {
    Ok(Found {
        conversation: row::conversation((row.channel, row.low_account, row.high_account))?,
        message: stored((row.id, row.at_ms, row.author, row.account_id, row.text))?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_text_is_too_much_for_the_index() {
        let long = "\u{e4}b".repeat(5000);
        let lexemes = vector(&format!("{long} short"), 7, Some((1, 2)));
        let lexemes: Vec<&str> = lexemes.split(' ').collect();
        assert_eq!(lexemes[..3], ["#c7", "#a1", "#a2"]);
        assert_eq!(lexemes[4], "short");
        assert!((MAX_WORD_BYTES - 3..=MAX_WORD_BYTES).contains(&lexemes[3].len()));
        let many: String = (0..400_000).map(|n| format!("{n} ")).collect();
        let vector = vector(&many, 7, None);
        assert!(vector.len() <= MAX_VECTOR_BYTES + MAX_WORD_BYTES);
        assert!(vector.starts_with("#c7 0 1 2 "));
    }
}
