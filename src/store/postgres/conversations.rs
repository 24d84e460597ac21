//! The rows of conversations.
//!
//! A conversation's row never changes and is never removed, so what is remembered here stays true
//! whatever other servers do, for as long as the same database answers. After a reconnect it is
//! read again.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use diesel::pg::PgConnection;
use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt};

use super::schema::conversation;
use crate::model::{AccountId, Conversation, Message, Name, Place};

/// Conversations remembered between groups; beyond it, all are forgotten.
const MAX_KNOWN: usize = 65_536;

/// The rows of conversations seen so far.
#[derive(Default)]
pub struct Conversations {
    channels: HashMap<Arc<str>, i64>,
    threads: HashMap<Pair, i64>,
}

/// Two accounts, the lower id first; they may be equal.
pub type Pair = (i64, i64);

/// The accounts of a thread in order.
pub fn pair(one: AccountId, other: AccountId) -> Pair {
    (one.min(other).0, one.max(other).0)
}

impl Conversations {
    /// The row of the conversation a message belongs to, if it has one.
    pub fn get(&self, place: &Place) -> Option<i64> {
        match place {
            Place::Channel { channel, .. } => self.channels.get(channel.key()).copied(),
            Place::Direct { from, to } => self.threads.get(&pair(*from, *to)).copied(),
        }
    }

    /// Makes sure that the conversations of all these messages have rows,
    /// except for threads with an account that does not exist.
    pub fn learn(
        &mut self,
        connection: &mut PgConnection,
        messages: &[&Message],
    ) -> QueryResult<()> {
        if self.channels.len() + self.threads.len() > MAX_KNOWN {
            *self = Conversations::default();
        }
        // In order, so that two servers never deadlock.
        let mut channels: HashMap<&str, &Name> = HashMap::new();
        let mut threads = BTreeSet::new();
        for message in messages.iter().filter(|m| self.get(&m.place).is_none()) {
            match &message.place {
                Place::Channel { channel, .. } => {
                    channels.entry(channel.key()).or_insert(channel);
                }
                Place::Direct { from, to } => {
                    threads.insert(pair(*from, *to));
                }
            }
        }
        if !channels.is_empty() {
            let mut channels: Vec<(&str, &Name)> = channels.into_iter().collect();
            channels.sort_unstable_by_key(|(key, _)| *key);
            self.learn_channels(connection, &channels)?;
        }
        if !threads.is_empty() {
            self.learn_threads(connection, threads)?;
        }
        Ok(())
    }

    fn learn_channels(
        &mut self,
        connection: &mut PgConnection,
        channels: &[(&str, &Name)],
    ) -> QueryResult<()> {
        self.load_channels(connection, channels)?;
        let missing: Vec<(&str, &Name)> = channels
            .iter()
            .copied()
            .filter(|(key, _)| !self.channels.contains_key(*key))
            .collect();
        if missing.is_empty() {
            return Ok(());
        }
        let rows: Vec<_> = missing
            .iter()
            .map(|(key, name)| {
                (
                    conversation::channel.eq(name.as_str()),
                    conversation::channel_key.eq(*key),
                )
            })
            .collect();
        diesel::insert_into(conversation::table)
            .values(rows)
            .on_conflict_do_nothing()
            .execute(connection)?;
        self.load_channels(connection, &missing)
    }

    fn load_channels(
        &mut self,
        connection: &mut PgConnection,
        channels: &[(&str, &Name)],
    ) -> QueryResult<()> {
        let keys: Vec<&str> = channels.iter().map(|(key, _)| *key).collect();
        let rows: Vec<(Option<String>, i64)> = conversation::table
            .filter(conversation::channel_key.eq_any(keys))
            .select((conversation::channel_key, conversation::id))
            .load(connection)?;
        let rows = rows.into_iter().filter_map(|(key, id)| Some((key?, id)));
        self.channels.extend(rows.map(|(key, id)| (key.into(), id)));
        Ok(())
    }

    fn learn_threads(
        &mut self,
        connection: &mut PgConnection,
        threads: BTreeSet<Pair>,
    ) -> QueryResult<()> {
        let (low, high): (Vec<i64>, Vec<i64>) = threads.into_iter().unzip();
        diesel::sql_query(
            "INSERT INTO conversation (low_account, high_account)
             SELECT low, high FROM unnest($1, $2) AS thread (low, high)
             WHERE EXISTS (SELECT FROM account WHERE id = low)
               AND EXISTS (SELECT FROM account WHERE id = high)
               AND NOT EXISTS (SELECT FROM conversation
                               WHERE low_account = low AND high_account = high)
             ORDER BY low, high
             ON CONFLICT DO NOTHING",
        )
        .bind::<Array<BigInt>, _>(&low)
        .bind::<Array<BigInt>, _>(&high)
        .execute(connection)?;
        let rows: Vec<Thread> = diesel::sql_query(
            "SELECT id, low_account, high_account FROM conversation
             JOIN unnest($1, $2) AS thread (low, high)
               ON low_account = low AND high_account = high",
        )
        .bind::<Array<BigInt>, _>(&low)
        .bind::<Array<BigInt>, _>(&high)
        .load(connection)?;
        let rows = rows
            .iter()
            .map(|row| ((row.low_account, row.high_account), row.id));
        self.threads.extend(rows);
        Ok(())
    }
}

#[derive(QueryableByName)]
struct Thread {
    #[diesel(sql_type = BigInt)]
    id: i64,
    #[diesel(sql_type = BigInt)]
    low_account: i64,
    #[diesel(sql_type = BigInt)]
    high_account: i64,
}

/// Where a conversation begins.
#[derive(Queryable)]
pub struct Extent {
    pub id: i64,
    pub low_account: Option<i64>,
    pub removed_id: i64,
}

/// Selects an [`Extent`].
const EXTENT: (
    conversation::id,
    conversation::low_account,
    conversation::removed_id,
) = (
    conversation::id,
    conversation::low_account,
    conversation::removed_id,
);

/// A conversation, if it has ever had a message.
pub fn extent(connection: &mut PgConnection, of: &Conversation) -> QueryResult<Option<Extent>> {
    match of {
        Conversation::Channel(name) => conversation::table
            .filter(conversation::channel_key.eq(&**name.key()))
            .select(EXTENT)
            .first(connection)
            .optional(),
        Conversation::Thread(one, other) => {
            let (low, high) = pair(*one, *other);
            conversation::table
                .filter(conversation::low_account.eq(low))
                .filter(conversation::high_account.eq(high))
                .select(EXTENT)
                .first(connection)
                .optional()
        }
    }
}

/// Some conversations, in the order of their rows.
pub fn extents_after(
    connection: &mut PgConnection,
    row: i64,
    limit: i64,
) -> QueryResult<Vec<Extent>> {
    conversation::table
        .filter(conversation::id.gt(row))
        .order(conversation::id)
        .limit(limit)
        .select(EXTENT)
        .load(connection)
}
