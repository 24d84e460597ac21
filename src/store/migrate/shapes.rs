//! The rows that one end of the copying reads and the other writes, where the database needs no such
//! shape for anything else.

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Nullable};

use crate::store::postgres::Row;
use crate::store::postgres::schema::conversation;
use crate::store::schema::{call_seen, ended_pass, known_address, password_reset, remote_user};

/// A pass that has ended, for copying.
#[derive(Queryable, Insertable)]
#[diesel(table_name = ended_pass)]
pub struct EndedPassCopy {
    pub pass: String,
    expires_at: i64,
}

/// A link to reset a password, for copying.
#[derive(Queryable, Insertable)]
#[diesel(table_name = password_reset)]
pub struct ResetCopy {
    pub account_id: i64,
    secret_hash: String,
    expires_at: i64,
}

/// The name under which a proxy knows the owner of an account, for copying.
#[derive(Queryable, Insertable)]
#[diesel(table_name = remote_user)]
pub struct RemoteUserCopy {
    pub account_id: i64,
    name: String,
}

/// An address that an account was logged in to from, for copying.
#[derive(Queryable, Insertable)]
#[diesel(table_name = known_address)]
pub struct KnownCopy {
    pub account_id: i64,
    pub address: String,
    at_ms: i64,
}

/// A call of a program that would publish nothing if it came again, for copying.
#[derive(Queryable, Insertable)]
#[diesel(table_name = call_seen)]
pub struct CallCopy {
    pub program_id: String,
    pub mark: String,
    message_id: i64,
    at_ms: i64,
    content: Option<String>,
}

/// The rules of a channel, for copying.
#[derive(Queryable)]
pub struct RulesCopy {
    pub channel_key: String,
    pub name: String,
    pub version: i64,
    pub rules: String,
}

/// A conversation, for copying.
#[derive(Queryable, Insertable)]
#[diesel(table_name = conversation)]
pub struct ConversationCopy {
    pub id: i64,
    pub channel: Option<String>,
    pub channel_key: Option<String>,
    pub low_account: Option<i64>,
    pub high_account: Option<i64>,
    pub removed_id: i64,
}

/// A message, for copying, with the accounts of its thread.
#[derive(Queryable)]
pub struct MessageCopy {
    pub id: i64,
    conversation_id: i64,
    author: String,
    account_id: Option<i64>,
    at_ms: i64,
    text: String,
    kind: i16,
    styled: Option<String>,
    pub changed: Option<i64>,
    reply_to: Option<i64>,
    reply_author: Option<String>,
    pub reactions: Option<String>,
    pub reacted: Option<i64>,
    low_account: Option<i64>,
    high_account: Option<i64>,
}

/// How far an account has read a thread, for copying.
#[derive(QueryableByName)]
pub struct ReadMarkCopy {
    #[diesel(sql_type = BigInt)]
    pub account_id: i64,
    #[diesel(sql_type = BigInt)]
    pub peer_id: i64,
    #[diesel(sql_type = BigInt)]
    pub conversation_id: i64,
    #[diesel(sql_type = Nullable<BigInt>)]
    pub up_to: Option<i64>,
}

impl MessageCopy {
    /// The columns, as they are inserted.
    pub fn columns(&self) -> Row<'_> {
        Row {
            id: self.id,
            conversation_id: self.conversation_id,
            author: &self.author,
            account_id: self.account_id,
            at_ms: self.at_ms,
            text: &self.text,
            kind: self.kind,
            styled: self.styled.as_deref(),
            reply_to: self.reply_to,
            reply_author: self.reply_author.as_deref(),
            thread: self.low_account.zip(self.high_account),
        }
    }
}
