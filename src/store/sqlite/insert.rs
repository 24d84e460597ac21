//! Inserting messages fast: several rows a statement, prepared once.
//!
//! Diesel builds and prepares a batch insert or an update anew each time. With a type of its own,
//! which includes the number of rows, a statement stays in the cache and only its values change.
//!
//! A row that cannot be inserted fails its group in any case; with `OR ROLLBACK` SQLite need not
//! keep each page as it was before the statement.

use diesel::prelude::*;
use diesel::query_builder::{AstPass, QueryFragment, QueryId};
use diesel::sql_types::{BigInt, Nullable, SmallInt, Text};
use diesel::sqlite::Sqlite;

/// Rows that go in with one statement.
const CHUNK: usize = 32;

/// One row of the table `message`.
pub struct Row<'a> {
    pub id: i64,
    pub conversation_id: i64,
    pub number: i64,
    pub from_low: i64,
    pub author: &'a str,
    pub account_id: Option<i64>,
    pub at_ms: i64,
    pub text: &'a str,
    pub kind: i16,
    pub styled: Option<&'a str>,
    pub reply_to: Option<i64>,
    pub reply_author: Option<&'a str>,
}

/// Inserts all rows.
pub fn insert(connection: &mut SqliteConnection, rows: &[Row<'_>]) -> QueryResult<()> {
    let (chunks, rest) = rows.as_chunks::<CHUNK>();
    for chunk in chunks {
        Insert(chunk).execute(connection)?;
    }
    for row in rest.as_chunks::<1>().0 {
        Insert(row).execute(connection)?;
    }
    Ok(())
}

struct Insert<'a, const N: usize>(&'a [Row<'a>; N]);

impl<const N: usize> QueryId for Insert<'_, N> {
    type QueryId = Insert<'static, N>;
}

impl<const N: usize> RunQueryDsl<SqliteConnection> for Insert<'_, N> {}

impl<const N: usize> QueryFragment<Sqlite> for Insert<'_, N> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Sqlite>) -> QueryResult<()> {
        out.push_sql(
            "INSERT OR ROLLBACK INTO message (id, conversation_id, number, from_low, \
             author, account_id, at_ms, text, kind, styled, reply_to, reply_author) VALUES ",
        );
        for (n, row) in self.0.iter().enumerate() {
            out.push_sql(if n == 0 { "(" } else { ", (" });
            out.push_bind_param::<BigInt, _>(&row.id)?;
            out.push_sql(", ");
            out.push_bind_param::<BigInt, _>(&row.conversation_id)?;
            out.push_sql(", ");
            out.push_bind_param::<BigInt, _>(&row.number)?;
            out.push_sql(", ");
            out.push_bind_param::<BigInt, _>(&row.from_low)?;
            out.push_sql(", ");
            out.push_bind_param::<Text, str>(row.author)?;
            out.push_sql(", ");
            out.push_bind_param::<Nullable<BigInt>, _>(&row.account_id)?;
            out.push_sql(", ");
            out.push_bind_param::<BigInt, _>(&row.at_ms)?;
            out.push_sql(", ");
            out.push_bind_param::<Text, str>(row.text)?;
            out.push_sql(", ");
            out.push_bind_param::<SmallInt, _>(&row.kind)?;
            out.push_sql(", ");
            out.push_bind_param::<Nullable<Text>, _>(&row.styled)?;
            out.push_sql(", ");
            out.push_bind_param::<Nullable<BigInt>, _>(&row.reply_to)?;
            out.push_sql(", ");
            out.push_bind_param::<Nullable<Text>, _>(&row.reply_author)?;
            out.push_sql(")");
        }
        Ok(())
    }
}

/// Sets the newest message of a thread in one side's inbox.
pub struct SetLatest {
    pub account_id: i64,
    pub peer_id: i64,
    pub id: i64,
}

impl QueryId for SetLatest {
    type QueryId = SetLatest;
}

impl RunQueryDsl<SqliteConnection> for SetLatest {}

impl QueryFragment<Sqlite> for SetLatest {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Sqlite>) -> QueryResult<()> {
        out.push_sql("UPDATE participant SET last_message_id = ");
        out.push_bind_param::<BigInt, _>(&self.id)?;
        out.push_sql(" WHERE account_id = ");
        out.push_bind_param::<BigInt, _>(&self.account_id)?;
        out.push_sql(" AND peer_id = ");
        out.push_bind_param::<BigInt, _>(&self.peer_id)?;
        Ok(())
    }
}
