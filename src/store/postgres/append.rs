//! Committing a group of messages.
//!
//! One statement inserts all messages of a group; without changes of channels, it is a transaction
//! by itself. It leaves an id that is stored already as it is, so a server that does not know whether
//! its group was committed may send it again, and several servers may write what they read from the
//! same log.

use std::collections::HashMap;

use diesel::pg::{Pg, PgConnection};
use diesel::prelude::*;
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use diesel::sql_types::{Array, BigInt, Nullable, SmallInt, Text};

use super::amendments;
use super::calls;
use super::channels;
use super::conversations::Conversations;
use super::reactions;
use super::schema::message;
use super::search;
use crate::model::governance::ChannelChange;
use crate::model::key::{clamp, pack};
use crate::model::{Amendment, Keyed, Message, Place, Reaction, Record, Styled};
use crate::store::rules::EventRow;
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
    pub kind: i16,
    pub styled: Option<&'a str>,
    pub reply_to: Option<i64>,
    pub reply_author: Option<&'a str>,
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
    kind: Vec<i16>,
    styled: Vec<Option<&'a str>>,
    reply_to: Vec<Option<i64>>,
    reply_author: Vec<Option<&'a str>>,
    words: Vec<String>,
}

impl Memory {
    /// Forgets the rows of conversations, to be read again.
    pub fn forget_conversations(&mut self) {
        self.conversations = Conversations::default();
    }

    /// Inserts messages and changes.
    pub fn append(
        &mut self,
        connection: &mut PgConnection,
        records: &[Record],
        order: Order,
    ) -> QueryResult<Vec<Appended>> {
        let messages: Vec<&Message> = records.iter().filter_map(Record::message).collect();
        self.conversations.learn(connection, &messages)?;
        let group = Group::of(records, &self.conversations, self.last_id, order);
        let changes_messages = !group.amendments.is_empty() || !group.reactions.is_empty();
        let is_simple = group.changes.is_empty() && !changes_messages && group.calls.is_empty();
        let results = match is_simple {
            true => self.insert(connection, records, &group)?,
            // What is said after a change must not be there without it.
            false => {
                connection.transaction(|connection| self.insert(connection, records, &group))?
            }
        };
        self.last_id = group.last_id;
        Ok(results)
    }

    fn insert(
        &self,
        connection: &mut PgConnection,
        records: &[Record],
        group: &Group<'_>,
    ) -> QueryResult<Vec<Appended>> {
        let mut inserted: Vec<i64> = match group.columns.id.is_empty() {
            true => Vec::new(),
            false => Insert(&group.columns).load(connection)?,
        };
        calls::remember(connection, group.calls.iter().copied())?;
        if !group.changes.is_empty() {
            inserted.extend(channels::commit(connection, &group.changes)?);
        }
        if !group.amendments.is_empty() {
            amendments::commit(connection, &group.amendments)?;
        }
        if !group.reactions.is_empty() {
            reactions::commit(connection, &group.reactions)?;
        }
        let mut results = group.results.clone();
        let mut repeated = group.repeated.clone();
        if inserted.len() < group.columns.id.len() + group.changes.len() {
            repeated.extend(conflicts(records, inserted));
        }
        self.check_repeated(connection, records, &repeated, &mut results)?;
        Ok(results)
    }

    /// Tells a repeated entry from another one with the same id.
    fn check_repeated(
        &self,
        connection: &mut PgConnection,
        records: &[Record],
        repeated: &[(usize, i64)],
        results: &mut [Appended],
    ) -> QueryResult<()> {
        if repeated.is_empty() {
            return Ok(());
        }
        let ids: Vec<i64> = repeated.iter().map(|(_, id)| *id).collect();
        let stored = Stored::read(connection, &ids)?;
        for (n, id) in repeated {
            if let (Some(record), Some(result)) = (records.get(*n), results.get_mut(*n)) {
                *result = match record {
                    Record::Message(message) => stored.check(&self.conversations, message, *id),
                    Record::Keyed(keyed) => stored.check(&self.conversations, &keyed.message, *id),
                    Record::Change(change) => stored.check_change(change, *id)?,
                    Record::Amend(amendment) => {
                        let is_known = amendments::is_stored(connection, amendment.message, *id)?;
                        is_known.then_some(()).ok_or(AppendError::OutOfOrder)
                    }
                    Record::React(reaction) => {
                        let of = reaction.message;
                        let is_known = amendments::is_reaction_stored(connection, of, *id)?;
                        is_known.then_some(()).ok_or(AppendError::OutOfOrder)
                    }
                };
            }
        }
        Ok(())
    }
}

/// What is to be inserted of a group.
struct Group<'a> {
    columns: Columns<'a>,
    changes: Vec<&'a ChannelChange>,
    amendments: Vec<&'a Amendment>,
    reactions: Vec<&'a Reaction>,
    calls: Vec<&'a Keyed>,
    /// One for each entry, as far as it is known before inserting.
    results: Vec<Appended>,
    /// Entries that may be stored already, by their place in the group.
    repeated: Vec<(usize, i64)>,
    last_id: i64,
}

impl<'a> Group<'a> {
    fn of(
        records: &'a [Record],
        conversations: &Conversations,
        last_id: i64,
        order: Order,
    ) -> Group<'a> {
        let mut group = Group {
            columns: Columns::default(),
            changes: Vec::new(),
            amendments: Vec::new(),
            reactions: Vec::new(),
            calls: Vec::new(),
            results: Vec::with_capacity(records.len()),
            repeated: Vec::new(),
            last_id,
        };
        for (n, record) in records.iter().enumerate() {
            let result = group.add(n, record, conversations, order);
            group.results.push(result);
        }
        group
    }

    fn add(
        &mut self,
        n: usize,
        record: &'a Record,
        conversations: &Conversations,
        order: Order,
    ) -> Appended {
        let id = pack(record.id()).ok_or(AppendError::IdOutOfRange)?;
        if id <= self.last_id && order == Order::Checked {
            self.repeated.push((n, id));
            return Ok(());
        }
        match record {
            Record::Message(message) => self.add_message(message, id, conversations)?,
            Record::Keyed(keyed) => {
                self.add_message(&keyed.message, id, conversations)?;
                self.calls.push(keyed);
            }
            Record::Change(change) => self.changes.push(change),
            Record::Amend(amendment) => self.amendments.push(amendment),
            Record::React(reaction) => self.reactions.push(reaction),
        }
        self.last_id = self.last_id.max(id);
        Ok(())
    }

    fn add_message(
        &mut self,
        message: &'a Message,
        id: i64,
        conversations: &Conversations,
    ) -> Appended {
        let conversation_id = conversations.get(&message.place);
        let conversation_id = conversation_id.ok_or(AppendError::NoSuchAccount)?;
        self.columns.push(Row::of(message, id, conversation_id));
        Ok(())
    }
}

/// What is stored under some ids.
struct Stored {
    messages: HashMap<i64, MessageRow>,
    changes: HashMap<i64, EventRow>,
}

/// Id, conversation, author and text, and the last change, which the text comes from then.
type MessageRow = (i64, i64, String, String, Option<i64>);

impl Stored {
    fn read(connection: &mut PgConnection, ids: &[i64]) -> QueryResult<Stored> {
        let messages: Vec<MessageRow> = message::table
            .filter(message::id.eq_any(ids))
            .select((
                message::id,
                message::conversation_id,
                message::author,
                message::text,
                message::changed,
            ))
            .load(connection)?;
        let changes = channels::stored(connection, ids)?;
        Ok(Stored {
            messages: messages.into_iter().map(|row| (row.0, row)).collect(),
            changes: changes.into_iter().map(|row| (row.id, row)).collect(),
        })
    }

    fn check(&self, conversations: &Conversations, message: &Message, id: i64) -> Appended {
        match self.messages.get(&id) {
            None => Err(AppendError::OutOfOrder),
            Some((_, conversation_id, author, text, changed))
                if conversations.get(&message.place) == Some(*conversation_id)
                    && author == message.author.as_str()
                    && (changed.is_some() || text == message.body.text.as_str()) =>
            {
                Ok(())
            }
            Some(_) => Err(AppendError::IdTaken),
        }
    }

    fn check_change(&self, change: &ChannelChange, id: i64) -> QueryResult<Appended> {
        Ok(match self.changes.get(&id) {
            None => Err(AppendError::OutOfOrder),
            Some(row) if *row == EventRow::of(change, id)? => Ok(()),
            Some(_) => Err(AppendError::IdTaken),
        })
    }
}

/// The entries whose ids are not among the `inserted`.
fn conflicts(records: &[Record], mut inserted: Vec<i64>) -> Vec<(usize, i64)> {
    inserted.sort_unstable();
    let numbered = records.iter().enumerate();
    // A change of a message inserts nothing.
    let is_inserted = |record: &Record| !matches!(record, Record::Amend(_) | Record::React(_));
    let numbered = numbered.filter(|(_, record)| is_inserted(record));
    numbered
        .filter_map(|(n, record)| Some((n, pack(record.id())?)))
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
        self.kind.push(row.kind);
        self.styled.push(row.styled);
        self.reply_to.push(row.reply_to);
        self.reply_author.push(row.reply_author);
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
            text: message.body.text.as_str(),
            kind: message.body.kind.number().into(),
            styled: message.body.styled.as_ref().map(Styled::as_str),
            reply_to: message.body.reply().map(|reply| clamp(reply.id)),
            reply_author: message.body.reply().map(|reply| reply.author.as_str()),
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
             (id, conversation_id, author, account_id, at_ms, text, kind, styled, \
             reply_to, reply_author, words) \
             SELECT id, conversation_id, author, account_id, at_ms, text, kind, styled, \
             reply_to, reply_author, \
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
        out.push_bind_param::<Array<SmallInt>, _>(&columns.kind)?;
        out.push_sql(", ");
        out.push_bind_param::<Array<Nullable<Text>>, _>(&columns.styled)?;
        out.push_sql(", ");
        out.push_bind_param::<Array<Nullable<BigInt>>, _>(&columns.reply_to)?;
        out.push_sql(", ");
        out.push_bind_param::<Array<Nullable<Text>>, _>(&columns.reply_author)?;
        out.push_sql(", ");
        out.push_bind_param::<Array<Text>, _>(&columns.words)?;
        // Not `ON CONFLICT (id)`: if two servers insert the same id at the same moment, one would
        // fail at the other unique index instead of seeing the conflict.
        out.push_sql(
            ") AS row (id, conversation_id, author, account_id, at_ms, text, kind, styled, \
             reply_to, reply_author, words) \
             ON CONFLICT DO NOTHING RETURNING id",
        );
        Ok(())
    }
}
