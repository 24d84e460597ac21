//! Copies a whole database from SQLite to PostgreSQL.
//!
//! The copy goes batch by batch, so it may be interrupted at any moment and run again: it continues
//! where it stopped. Until everything has been copied and counted, no server starts with the new
//! database, and none with the old one while it is being read. The old one is not changed.

use std::fmt;
use std::path::Path;

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Nullable};

use super::postgres::schema::conversation;
use super::postgres::{Import, Row};
use super::sqlite::Export;
use super::{OpenError, PostgresSettings, StoreError};

/// Rows in one batch.
pub(super) const BATCH: i64 = 1000;

/// The number of rows of each kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Accounts.
    pub accounts: u64,
    /// Nicknames that accounts ignore.
    pub ignored: u64,
    /// Tokens, valid or not.
    pub tokens: u64,
    /// Tokens and hooks of programs.
    pub programs: u64,
    /// Hooks of channels, which are among the programs.
    pub hooks: u64,
    /// Channels and threads.
    pub conversations: u64,
    /// Messages.
    pub messages: u64,
    /// Positions up to which a thread has been read, one for each side.
    pub read_marks: u64,
    /// Channels with rules of their own.
    pub rules: u64,
    /// Changes of channels' rules.
    pub changes: u64,
    /// Channels that accounts have saved, with how far each was read.
    pub saved_channels: u64,
}

/// Why a database was not copied, or not completely.
#[derive(Clone, Debug, PartialEq)]
pub enum MigrateError {
    /// One of the two databases cannot be used.
    Open(OpenError),
    /// The new database is not empty.
    NotEmpty,
    /// A server is using the new database.
    InUse,
    /// The new database is being filled, or was, from this other one.
    OtherSource(String),
    /// The copy was finished before.
    Finished,
    /// The old database cannot be read.
    Reading(StoreError),
    /// The new database cannot be written.
    Writing(StoreError),
    /// The numbers of rows differ after copying.
    Differs {
        /// What the old database has.
        from: Box<Counts>,
        /// What the new database has.
        to: Box<Counts>,
    },
}

impl From<OpenError> for MigrateError {
    fn from(error: OpenError) -> MigrateError {
        MigrateError::Open(error)
    }
}

/// Errors of the old database are told apart where they arise.
impl From<StoreError> for MigrateError {
    fn from(error: StoreError) -> MigrateError {
        MigrateError::Writing(error)
    }
}

/// Copies everything from the SQLite file to the PostgreSQL database, which has to be empty unless
/// this continues an interrupted copy. Calls `progress` with the number of messages copied and the
/// total.
pub fn migrate(
    from: &Path,
    to: &PostgresSettings,
    mut progress: impl FnMut(u64, u64),
) -> Result<Counts, MigrateError> {
    let mut export = Export::open(from)?;
    let path = from.canonicalize().unwrap_or_else(|_| from.to_owned());
    let source = format!("{} (inode {})", path.display(), export.identity());
    let mut import = Import::open(to)?;
    import.begin(&source)?;
    let expected = export.counts().map_err(MigrateError::Reading)?;
    copy_accounts(&mut export, &mut import)?;
    copy_messages(&mut export, &mut import, |copied| {
        progress(copied, expected.messages);
    })?;
    copy_read_marks(&mut export, &mut import)?;
    copy_channels(&mut export, &mut import)?;
    let found = import.counts()?;
    if found != expected {
        return Err(MigrateError::Differs {
            from: Box::new(expected),
            to: Box::new(found),
        });
    }
    import.finish()?;
    Ok(found)
}

fn copy_accounts(export: &mut Export, import: &mut Import) -> Result<(), MigrateError> {
    let mut last = i64::MIN;
    loop {
        let rows = export.accounts(last).map_err(MigrateError::Reading)?;
        let Some(end) = rows.last() else { break };
        last = end.id;
        import.accounts(&rows)?;
    }
    let mut last = (i64::MIN, String::new());
    loop {
        let rows = export
            .ignored((last.0, &last.1))
            .map_err(MigrateError::Reading)?;
        let Some(end) = rows.last() else { break };
        last = (end.account_id, end.nickname_key.clone());
        import.ignored(&rows)?;
    }
    let mut last = String::new();
    loop {
        let rows = export.tokens(&last).map_err(MigrateError::Reading)?;
        let Some(end) = rows.last() else { break };
        last.clone_from(&end.access_key_id);
        import.tokens(&rows)?;
    }
    copy_programs(export, import)
}

fn copy_programs(export: &mut Export, import: &mut Import) -> Result<(), MigrateError> {
    let mut last = i64::MIN;
    loop {
        let rows = export.bots(last).map_err(MigrateError::Reading)?;
        let Some(end) = rows.last() else { break };
        last = *end;
        import.bots(&rows)?;
    }
    let mut last = String::new();
    loop {
        let rows = export.programs(&last).map_err(MigrateError::Reading)?;
        let Some(end) = rows.last() else { break };
        last.clone_from(&end.id);
        import.programs(&rows)?;
    }
    let mut last = String::new();
    loop {
        let rows = export.hooks(&last).map_err(MigrateError::Reading)?;
        let Some(end) = rows.last() else { break };
        last.clone_from(&end.id);
        import.hooks(&rows)?;
    }
    copy_deliveries(export, import)
}

fn copy_deliveries(export: &mut Export, import: &mut Import) -> Result<(), MigrateError> {
    let mut last = String::new();
    loop {
        let rows = export.outgoing(&last).map_err(MigrateError::Reading)?;
        let Some(end) = rows.last() else { break };
        last.clone_from(&end.id);
        import.outgoing(&rows)?;
    }
    let mut last = (String::new(), i64::MIN);
    loop {
        let rows = export
            .deliveries((&last.0, last.1))
            .map_err(MigrateError::Reading)?;
        let Some(end) = rows.last() else { break };
        last = (end.hook_id.clone(), end.message_id);
        import.deliveries(&rows)?;
    }
    Ok(())
}

fn copy_messages(
    export: &mut Export,
    import: &mut Import,
    mut progress: impl FnMut(u64),
) -> Result<(), MigrateError> {
    let mut last = i64::MIN;
    loop {
        let rows = export.conversations(last).map_err(MigrateError::Reading)?;
        let Some(end) = rows.last() else { break };
        last = end.id;
        import.conversations(&rows)?;
    }
    // They were copied in order, so all up to the last one are there.
    let mut copied = import.counts()?.messages;
    let mut last = match copied {
        0 => i64::MIN,
        _ => import.last_message()?,
    };
    loop {
        progress(copied);
        let rows = export.messages(last).map_err(MigrateError::Reading)?;
        let Some(end) = rows.last() else { break };
        last = end.id;
        import.messages(&rows)?;
        copied += rows.len() as u64;
    }
    Ok(())
}

fn copy_read_marks(export: &mut Export, import: &mut Import) -> Result<(), MigrateError> {
    let mut last = (i64::MIN, i64::MIN);
    loop {
        let rows = export.read_marks(last).map_err(MigrateError::Reading)?;
        let Some(end) = rows.last() else { break };
        last = (end.account_id, end.peer_id);
        import.read_marks(&rows)?;
    }
    Ok(())
}

fn copy_channels(export: &mut Export, import: &mut Import) -> Result<(), MigrateError> {
    let mut last = String::new();
    loop {
        let rows = export.rules(&last).map_err(MigrateError::Reading)?;
        let Some(end) = rows.last() else { break };
        last.clone_from(&end.channel_key);
        import.rules(&rows)?;
    }
    let mut last = i64::MIN;
    loop {
        let rows = export.changes(last).map_err(MigrateError::Reading)?;
        let Some(end) = rows.last() else { break };
        last = end.id;
        import.changes(&rows)?;
    }
    let mut last = (i64::MIN, String::new());
    loop {
        let rows = export
            .saved_channels((last.0, &last.1))
            .map_err(MigrateError::Reading)?;
        let Some(end) = rows.last() else { break };
        last = (end.account_id, end.channel_key.clone());
        import.saved_channels(&rows)?;
    }
    copy_orders(export, import)
}

/// What administrators have laid down for channels, and what they have ordered to erase.
fn copy_orders(export: &mut Export, import: &mut Import) -> Result<(), MigrateError> {
    let mut last = String::new();
    loop {
        let rows = export.keepings(&last).map_err(MigrateError::Reading)?;
        let Some(end) = rows.last() else { break };
        last.clone_from(&end.channel_key);
        import.keepings(&rows)?;
    }
    let mut last = i64::MIN;
    loop {
        let rows = export.erasings(last).map_err(MigrateError::Reading)?;
        let Some(end) = rows.last() else { break };
        last = end.account_id;
        import.erasings(&rows)?;
    }
    Ok(())
}

/// The rules of a channel, for copying.
#[derive(Queryable)]
pub(super) struct RulesCopy {
    pub channel_key: String,
    pub name: String,
    pub version: i64,
    pub rules: String,
}

/// A conversation, for copying.
#[derive(Queryable, Insertable)]
#[diesel(table_name = conversation)]
pub(super) struct ConversationCopy {
    pub id: i64,
    pub channel: Option<String>,
    pub channel_key: Option<String>,
    pub low_account: Option<i64>,
    pub high_account: Option<i64>,
    pub removed_id: i64,
}

/// A message, for copying, with the accounts of its thread.
#[derive(Queryable)]
pub(super) struct MessageCopy {
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
pub(super) struct ReadMarkCopy {
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

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} accounts, {} ignored nicknames, {} tokens, {} channels and threads, \
             {} messages, {} read marks, {} channels with rules, {} changes of rules, \
             {} saved channels, {} tokens of programs, {} hooks",
            self.accounts,
            self.ignored,
            self.tokens,
            self.conversations,
            self.messages,
            self.read_marks,
            self.rules,
            self.changes,
            self.saved_channels,
            self.programs,
            self.hooks
        )
    }
}

impl fmt::Display for MigrateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            MigrateError::Open(error) => error.fmt(f),
            MigrateError::NotEmpty => write!(
                f,
                "there is something in the new database already, and it has been left alone; \
                 use an empty one"
            ),
            MigrateError::InUse => write!(
                f,
                "a server is using the new database; stop it until all has been copied"
            ),
            MigrateError::OtherSource(source) => write!(
                f,
                "the new database has been filled from {source}; use an empty one"
            ),
            MigrateError::Finished => write!(
                f,
                "all has been copied before; servers may have written to the new database since"
            ),
            MigrateError::Reading(error) => {
                write!(f, "the old database cannot be read: {error}")
            }
            MigrateError::Writing(error) => write!(
                f,
                "the new database cannot be written: {error}; \
                 run it again to go on from where it was"
            ),
            MigrateError::Differs { from, to } => write!(
                f,
                "the old database has {from}, but the new one has {to}; \
                 begin again with an empty one"
            ),
        }
    }
}

impl std::error::Error for MigrateError {}
