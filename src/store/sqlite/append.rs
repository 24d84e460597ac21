//! Committing a group of messages.

use std::collections::HashMap;
use std::sync::Arc;

use diesel::dsl::{exists, select};
use diesel::prelude::*;

use super::insert::{Row, SetLatest, insert};
use super::schema::{account, conversation, message, participant};
use super::{amended, amendments, reactions};
use super::{calls, channels};
use crate::model::governance::ChannelChange;
use crate::model::key::{clamp, pack};
use crate::model::{Amendment, Message, Place, Reaction, Record, Styled};
use crate::store::{AppendError, Appended};

/// Conversations remembered between groups; beyond it, all are forgotten.
const MAX_TAILS: usize = 65_536;

/// What the writing side remembers of the database. It is dropped when a transaction fails, because
/// the numbers it gave out were then not used.
pub struct Tails {
    last_id: i64,
    by_key: HashMap<Key, Tail>,
}

/// What is still to be written of a group: so all of a message's reactions are written at once.
#[derive(Default)]
struct Waiting<'a> {
    rows: Vec<Row<'a>>,
    reactions: Vec<&'a Reaction>,
}

impl Waiting<'_> {
    fn write(&mut self, connection: &mut SqliteConnection) -> QueryResult<()> {
        insert(connection, &self.rows)?;
        self.rows.clear();
        reactions::commit(connection, &mut self.reactions)?;
        self.reactions.clear();
        Ok(())
    }
}

/// What identifies the conversation of a message.
#[derive(Clone, PartialEq, Eq, Hash)]
enum Key {
    Channel(Arc<str>),
    Thread(Pair),
}

/// Two accounts, the lower id first; they may be equal.
type Pair = (i64, i64);

/// The present end of a conversation.
struct Tail {
    conversation_id: i64,
    number: i64,
    from_low: i64,
}

impl Tails {
    /// Starts with nothing but the last id.
    pub fn new(last_id: i64) -> Tails {
        Tails {
            last_id,
            by_key: HashMap::new(),
        }
    }

    /// The highest id so far.
    pub fn last_id(&self) -> i64 {
        self.last_id
    }

    /// Forgets the ends of conversations, for instance after some were shortened.
    pub fn forget(&mut self) {
        self.by_key.clear();
    }

    /// Inserts messages and changes. Call it inside a transaction.
    pub fn append(
        &mut self,
        connection: &mut SqliteConnection,
        records: &[Record],
    ) -> QueryResult<Vec<Appended>> {
        if self.by_key.len() > MAX_TAILS {
            self.by_key.clear();
        }
        let mut waiting = Waiting::default();
        let mut results = Vec::with_capacity(records.len());
        let mut threads = HashMap::new();
        let mut calls = Vec::new();
        for record in records {
            let message = match record {
                Record::Message(message) => message,
                Record::Keyed(keyed) => &keyed.message,
                Record::Change(change) => {
                    results.push(self.change(connection, change)?);
                    continue;
                }
                Record::Amend(amendment) => {
                    // It may be of a message of this group.
                    waiting.write(connection)?;
                    set_all_latest(connection, &mut threads)?;
                    results.push(self.amend(connection, amendment)?);
                    continue;
                }
                Record::React(reaction) => {
                    results.push(self.react(connection, reaction, &mut waiting)?);
                    continue;
                }
            };
            results.push(match pack(message.id) {
                None => Err(AppendError::IdOutOfRange),
                Some(id) if id <= self.last_id => repeated(connection, &waiting.rows, id)?,
                Some(id) => match self.row(connection, message, id)? {
                    None => Err(AppendError::NoSuchAccount),
                    Some(row) => {
                        if let Key::Thread(pair) = Key::of(&message.place) {
                            threads.insert(pair, id);
                        }
                        waiting.rows.push(row);
                        self.last_id = id;
                        Ok(())
                    }
                },
            });
            if let (Record::Keyed(keyed), Some(Ok(()))) = (record, results.last()) {
                calls.push(&**keyed);
            }
        }
        waiting.write(connection)?;
        set_all_latest(connection, &mut threads)?;
        calls::remember(connection, calls)?;
        Ok(results)
    }

    fn amend(
        &mut self,
        connection: &mut SqliteConnection,
        amendment: &Amendment,
    ) -> QueryResult<Appended> {
        let Some(id) = pack(amendment.id) else {
            return Ok(Err(AppendError::IdOutOfRange));
        };
        if id <= self.last_id {
            let is_known = amended::is_stored(connection, amendment.message, id)?;
            return Ok(is_known.then_some(()).ok_or(AppendError::OutOfOrder));
        }
        amendments::commit(connection, amendment, id)?;
        self.last_id = id;
        Ok(Ok(()))
    }

    fn react<'a>(
        &mut self,
        connection: &mut SqliteConnection,
        reaction: &'a Reaction,
        waiting: &mut Waiting<'a>,
    ) -> QueryResult<Appended> {
        let Some(id) = pack(reaction.id) else {
            return Ok(Err(AppendError::IdOutOfRange));
        };
        if id <= self.last_id {
            waiting.write(connection)?;
            let is_known = amended::is_reaction_stored(connection, reaction.message, id)?;
            return Ok(is_known.then_some(()).ok_or(AppendError::OutOfOrder));
        }
        waiting.reactions.push(reaction);
        self.last_id = id;
        Ok(Ok(()))
    }

    fn change(
        &mut self,
        connection: &mut SqliteConnection,
        change: &ChannelChange,
    ) -> QueryResult<Appended> {
        let Some(id) = pack(change.id) else {
            return Ok(Err(AppendError::IdOutOfRange));
        };
        if id <= self.last_id {
            let is_known = channels::is_stored(connection, id)?;
            return Ok(is_known.then_some(()).ok_or(AppendError::OutOfOrder));
        }
        channels::commit(connection, change, id)?;
        self.last_id = id;
        Ok(Ok(()))
    }

    /// The row for a message, with the next number of its conversation.
    fn row<'a>(
        &mut self,
        connection: &mut SqliteConnection,
        message: &'a Message,
        id: i64,
    ) -> QueryResult<Option<Row<'a>>> {
        let key = Key::of(&message.place);
        let tail = match self.by_key.get_mut(&key) {
            Some(tail) => tail,
            None => match Tail::load_or_create(connection, &message.place)? {
                None => return Ok(None),
                Some(tail) => self.by_key.entry(key.clone()).or_insert(tail),
            },
        };
        tail.number += 1;
        let account_id = match message.place {
            Place::Channel { account, .. } => account.map(|account| account.0),
            Place::Direct { from, to } => {
                if from <= to {
                    tail.from_low += 1;
                }
                Some(from.0)
            }
        };
        Ok(Some(Row {
            id,
            conversation_id: tail.conversation_id,
            number: tail.number,
            from_low: tail.from_low,
            author: message.author.as_str(),
            account_id,
            at_ms: message.at_ms.try_into().unwrap_or(i64::MAX),
            text: message.body.text.as_str(),
            kind: message.body.kind.number().into(),
            styled: message.body.styled.as_ref().map(Styled::as_str),
            reply_to: message.body.reply().map(|reply| clamp(reply.id)),
            reply_author: message.body.reply().map(|reply| reply.author.as_str()),
        }))
    }
}

/// Sets the newest message of threads in the inboxes: once per group, however many messages a
/// thread got.
fn set_all_latest(
    connection: &mut SqliteConnection,
    threads: &mut HashMap<Pair, i64>,
) -> QueryResult<()> {
    for (pair, id) in threads.drain() {
        set_latest(connection, pair, id)?;
    }
    Ok(())
}

/// Sets the newest message of a thread in both inboxes.
fn set_latest(connection: &mut SqliteConnection, pair: Pair, id: i64) -> QueryResult<()> {
    for (account_id, peer_id) in sides(pair) {
        SetLatest {
            account_id,
            peer_id,
            id,
        }
        .execute(connection)?;
    }
    Ok(())
}

/// The (account, peer) pairs of a thread: only one if an account writes to itself.
fn sides((low, high): Pair) -> impl Iterator<Item = Pair> {
    let other = (low != high).then_some((high, low));
    std::iter::once((low, high)).chain(other)
}

/// The result for an id that is not above the last one: it may be the same message again.
fn repeated(connection: &mut SqliteConnection, rows: &[Row<'_>], id: i64) -> QueryResult<Appended> {
    let known = rows.binary_search_by_key(&id, |row| row.id).is_ok()
        || select(exists(message::table.find(id))).get_result(connection)?;
    Ok(known.then_some(()).ok_or(AppendError::OutOfOrder))
}

impl Key {
    fn of(place: &Place) -> Key {
        match place {
            Place::Channel { channel, .. } => Key::Channel(channel.key().clone()),
            Place::Direct { from, to } => Key::Thread((from.min(to).0, from.max(to).0)),
        }
    }
}

impl Tail {
    /// `None` if the conversation cannot be created because an account is missing.
    fn load_or_create(
        connection: &mut SqliteConnection,
        place: &Place,
    ) -> QueryResult<Option<Tail>> {
        let columns = (
            conversation::id,
            conversation::removed_number,
            conversation::removed_from_low,
        );
        let key = Key::of(place);
        let known: Option<(i64, i64, i64)> = match &key {
            Key::Channel(key) => conversation::table
                .filter(conversation::channel_key.eq(&**key))
                .select(columns)
                .get_result(connection)
                .optional()?,
            Key::Thread((low, high)) => conversation::table
                .filter(conversation::low_account.eq(low))
                .filter(conversation::high_account.eq(high))
                .select(columns)
                .get_result(connection)
                .optional()?,
        };
        let (conversation_id, removed_number, removed_from_low) = match known {
            Some(known) => known,
            None => match create(connection, place)? {
                Some(id) => (id, 0, 0),
                None => return Ok(None),
            },
        };
        let newest: Option<(i64, i64)> = message::table
            .filter(message::conversation_id.eq(conversation_id))
            .order(message::number.desc())
            .select((message::number, message::from_low))
            .first(connection)
            .optional()?;
        let (number, from_low) = newest.unwrap_or((removed_number, removed_from_low));
        Ok(Some(Tail {
            conversation_id,
            number,
            from_low,
        }))
    }
}

/// Creates a conversation, if its accounts exist.
fn create(connection: &mut SqliteConnection, place: &Place) -> QueryResult<Option<i64>> {
    match place {
        Place::Channel { channel, .. } => diesel::insert_into(conversation::table)
            .values((
                conversation::channel.eq(channel.as_str()),
                conversation::channel_key.eq(&**channel.key()),
            ))
            .returning(conversation::id)
            .get_result(connection)
            .map(Some),
        Place::Direct { from, to } => create_thread(connection, (from.min(to).0, from.max(to).0)),
    }
}

fn create_thread(connection: &mut SqliteConnection, pair: Pair) -> QueryResult<Option<i64>> {
    let (low, high) = pair;
    let known: i64 = account::table
        .filter(account::id.eq_any([low, high]))
        .count()
        .get_result(connection)?;
    if known < if low == high { 1 } else { 2 } {
        return Ok(None);
    }
    let id: i64 = diesel::insert_into(conversation::table)
        .values((
            conversation::low_account.eq(low),
            conversation::high_account.eq(high),
        ))
        .returning(conversation::id)
        .get_result(connection)?;
    for (account_id, peer_id) in sides(pair) {
        diesel::insert_into(participant::table)
            .values((
                participant::account_id.eq(account_id),
                participant::peer_id.eq(peer_id),
                participant::conversation_id.eq(id),
                participant::last_message_id.eq(0),
                participant::received_read.eq(0),
            ))
            .execute(connection)?;
    }
    Ok(Some(id))
}
