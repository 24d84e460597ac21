//! Committing a group of messages.
//!
//! One statement inserts all rows of a group and is a transaction by itself. It leaves an id that
//! is stored already as it is, so a server that does not know whether its group was committed may
//! send it again, and several servers may write what they read from the same log.

use std::collections::HashMap;

use diesel::pg::{Pg, PgConnection};
use diesel::prelude::*;
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use diesel::sql_types::{Array, BigInt, Nullable, Text};

use super::conversations::Conversations;
use super::schema::message;
use super::search;
use crate::model::key::pack;
use crate::model::{Message, Place};
use crate::store::{AppendError, Appended};

/// What the writing side remembers of the database.
#[derive(Default)]
pub struct Memory {
    /// The highest id committed by this server. Other servers may have committed higher ones: ids
    /// follow the order of the log, not the order in which servers write.
    last_id: i64,
    conversations: Conversations,
}

/// What makes sure that ids increase.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// The database: a message that comes late is refused.
    Checked,
    /// A log: messages may come in any order.
    Settled,
}

/// One row to be inserted.
pub struct Row<'a> {
    pub id: i64,
    pub conversation_id: i64,
    pub author: &'a str,
    pub account_id: Option<i64>,
    pub at_ms: i64,
    pub text: &'a str,
    /// The accounts whose thread it is in.
    pub thread: Option<(i64, i64)>,
}

/// The columns of the rows to be inserted.
#[derive(Default)]
pub struct Columns<'a> {
    id: Vec<i64>,
    conversation_id: Vec<i64>,
    author: Vec<&'a str>,
    account_id: Vec<Option<i64>>,
    at_ms: Vec<i64>,
    text: Vec<&'a str>,
    words: Vec<String>,
}

impl Memory {
    /// Forgets the rows of conversations, to be read again.
    pub fn forget_conversations(&mut self) {
        self.conversations = Conversations::default();
    }

    /// Inserts messages.
    pub fn append(
        &mut self,
        connection: &mut PgConnection,
        messages: &[Message],
        order: Order,
    ) -> QueryResult<Vec<Appended>> {
        self.conversations.learn(connection, messages)?;
        let mut columns = Columns::default();
        let mut last_id = self.last_id;
        let mut results: Vec<Appended> = Vec::with_capacity(messages.len());
        // Messages that may be stored already, by their place in the group.
        let mut repeated = Vec::new();
        for (n, message) in messages.iter().enumerate() {
            results.push(
                match (pack(message.id), self.conversations.get(&message.place)) {
                    (None, _) => Err(AppendError::IdOutOfRange),
                    (Some(id), _) if id <= last_id && order == Order::Checked => {
                        repeated.push((n, id));
                        Ok(())
                    }
                    (Some(_), None) => Err(AppendError::NoSuchAccount),
                    (Some(id), Some(conversation_id)) => {
                        columns.push(Row::of(message, id, conversation_id));
                        last_id = last_id.max(id);
                        Ok(())
                    }
                },
            );
        }
        if !columns.id.is_empty() {
            let inserted: Vec<i64> = Insert(&columns).load(connection)?;
            if inserted.len() < columns.id.len() {
                repeated.extend(conflicts(messages, inserted));
            }
        }
        self.check_repeated(connection, messages, &repeated, &mut results)?;
        self.last_id = last_id;
        Ok(results)
    }

    /// Tells a repeated message from another one with the same id.
    fn check_repeated(
        &self,
        connection: &mut PgConnection,
        messages: &[Message],
        repeated: &[(usize, i64)],
        results: &mut [Appended],
    ) -> QueryResult<()> {
        if repeated.is_empty() {
            return Ok(());
        }
        type Row = (i64, i64, String, String);
        let ids: Vec<i64> = repeated.iter().map(|(_, id)| *id).collect();
        let rows: Vec<Row> = message::table
            .filter(message::id.eq_any(ids))
            .select((
                message::id,
                message::conversation_id,
                message::author,
                message::text,
            ))
            .load(connection)?;
        let stored: HashMap<i64, Row> = rows.into_iter().map(|row| (row.0, row)).collect();
        for (n, id) in repeated {
            let (Some(message), Some(result)) = (messages.get(*n), results.get_mut(*n)) else {
                continue;
            };
            *result = match stored.get(id) {
                None => Err(AppendError::OutOfOrder),
                Some((_, conversation_id, author, text))
                    if self.conversations.get(&message.place) == Some(*conversation_id)
                        && author == message.author.as_str()
                        && text == message.text.as_str() =>
                {
                    Ok(())
                }
                Some(_) => Err(AppendError::IdTaken),
            };
        }
        Ok(())
    }
}

/// The messages whose ids are not among the `inserted`.
fn conflicts(messages: &[Message], mut inserted: Vec<i64>) -> Vec<(usize, i64)> {
    inserted.sort_unstable();
    let numbered = messages.iter().enumerate();
    numbered
        .filter_map(|(n, message)| Some((n, pack(message.id)?)))
        .filter(|(_, id)| inserted.binary_search(id).is_err())
        .collect()
}

impl<'a> Columns<'a> {
    /// Adds a row.
    pub fn push(&mut self, row: Row<'a>) {
        let words = search::vector(row.text, row.conversation_id, row.thread);
        self.id.push(row.id);
        self.conversation_id.push(row.conversation_id);
        self.author.push(row.author);
        self.account_id.push(row.account_id);
        self.at_ms.push(row.at_ms);
        self.text.push(row.text);
        self.words.push(words);
    }
}

impl<'a> Row<'a> {
    fn of(message: &'a Message, id: i64, conversation_id: i64) -> Row<'a> {
        let (account_id, thread) = match message.place {
            Place::Channel { account, .. } => (account.map(|account| account.0), None),
            Place::Direct { from, to } => (Some(from.0), Some((from.0, to.0))),
        };
        Row {
            id,
            conversation_id,
            author: message.author.as_str(),
            account_id,
            at_ms: message.at_ms.try_into().unwrap_or(i64::MAX),
            text: message.text.as_str(),
            thread,
        }
    }
}

/// Inserts rows, any number of them, with one prepared statement. Returns the ids that were not
/// there before.
pub struct Insert<'a>(pub &'a Columns<'a>);

impl QueryId for Insert<'_> {
    type QueryId = Insert<'static>;
}

impl Query for Insert<'_> {
    type SqlType = BigInt;
}

impl RunQueryDsl<PgConnection> for Insert<'_> {}

impl QueryFragment<Pg> for Insert<'_> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        let Insert(columns) = self;
        out.push_sql(
            "INSERT INTO message \
             (id, conversation_id, author, account_id, at_ms, text, words) \
             SELECT id, conversation_id, author, account_id, at_ms, text, \
             array_to_tsvector(string_to_array(words, ' ')) FROM unnest(",
        );
        out.push_bind_param::<Array<BigInt>, _>(&columns.id)?;
        out.push_sql(", ");
        out.push_bind_param::<Array<BigInt>, _>(&columns.conversation_id)?;
        out.push_sql(", ");
        out.push_bind_param::<Array<Text>, _>(&columns.author)?;
        out.push_sql(", ");
        out.push_bind_param::<Array<Nullable<BigInt>>, _>(&columns.account_id)?;
        out.push_sql(", ");
        out.push_bind_param::<Array<BigInt>, _>(&columns.at_ms)?;
        out.push_sql(", ");
        out.push_bind_param::<Array<Text>, _>(&columns.text)?;
        out.push_sql(", ");
        out.push_bind_param::<Array<Text>, _>(&columns.words)?;
        // Not `ON CONFLICT (id)`: if two servers insert the same id at the same moment, one would
        // fail at the other unique index instead of seeing the conflict.
        out.push_sql(
            ") AS row (id, conversation_id, author, account_id, at_ms, text, words) \
             ON CONFLICT DO NOTHING RETURNING id",
        );
        Ok(())
    }
}
