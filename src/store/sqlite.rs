//! The store in one SQLite file, which needs no set-up.
//!
//! One connection writes, behind a lock; a few others read, and thanks to
//! write-ahead logging neither waits for the other. All waiting is bounded.
//!
//! A query for at most one row uses `get_result`, not `first`: `first` adds a LIMIT, and SQLite
//! prepares a statement anew whenever the value of its LIMIT is bound.

mod accounts;
mod append;
mod backup;
mod channels;
#[cfg(feature = "cluster")]
mod export;
mod file;
mod history;
mod insert;
mod inspect;
mod lookalikes;
mod open;
mod readers;
mod saved;
mod schema;
mod search;
mod upkeep;

use std::fs::File;
use std::path::PathBuf;
use std::time::Duration;

use diesel::prelude::*;
use diesel::result::{DatabaseErrorKind, Error};
use parking_lot::Mutex;

use super::matches::{Allowed, Matches};
use super::{Appended, OpenError, Retention, SEARCH_TIME, Store, StoreError};
use crate::model::governance::Rules;
use crate::model::{
    Account, AccountId, Conversation, History, KnownAddress, MAX_ROWS, MessageId, Name, NewAccount,
    Record, SavedChannel, Search, Secret, ThreadSummary, Token, Unread, Who, Window, key,
};
use append::Tails;
pub use backup::{BackupContents, BackupError, BackupStep, backup};
#[cfg(feature = "cluster")]
pub(super) use export::Export;
use readers::Readers;
use upkeep::Upkeep;

/// How the database is kept.
#[derive(Clone, Debug)]
pub struct SqliteSettings {
    /// The file; SQLite keeps two more beside it, ending in `-wal` and `-shm`.
    pub path: PathBuf,
    /// What a commit survives.
    pub durability: Durability,
    /// The number of connections that read.
    pub readers: usize,
    /// How long to wait for a connection, or for another process's lock on the file, before it is
    /// [`StoreError::Busy`].
    pub wait: Duration,
    /// How large the file may become; 0 is as large as the disk allows.
    pub max_bytes: u64,
    /// How long a search may run; its answer is what it has found by then.
    pub search_time: Duration,
    /// Which messages are removed, and when.
    pub retention: Retention,
}

/// What a commit survives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Durability {
    /// The end of the process, however sudden.
    Process,
    /// Also a crash of the operating system, and loss of power.
    Power,
}

/// Messages and accounts in one SQLite file.
pub struct SqliteStore {
    settings: SqliteSettings,
    readers: Readers,
    writing: Mutex<Writing>,
    /// Keeps other servers out; `None` once the store is closed. Dropped last, because closing the
    /// file releases the locks that SQLite holds on it.
    lock: Mutex<Option<File>>,
}

/// The error text of a store that is closed.
const CLOSED: &str = "it is closed";

/// The writing side.
struct Writing {
    /// `None` after a failure: the next use opens a new one, so that nothing of the failed
    /// transaction remains.
    connection: Option<SqliteConnection>,
    tails: Tails,
    upkeep: Upkeep,
    max_bytes: u64,
    closed: bool,
}

impl SqliteSettings {
    /// The default settings for a database in this file.
    pub fn new(path: impl Into<PathBuf>) -> SqliteSettings {
        SqliteSettings {
            path: path.into(),
            durability: Durability::Power,
            // One for each thread that may read at the same time: two for clients' questions, two
            // for account look-ups, the hub's own, and those behind REST.
            readers: 10,
            wait: Duration::from_secs(2),
            max_bytes: 0,
            search_time: SEARCH_TIME,
            retention: Retention::default(),
        }
    }
}

impl SqliteStore {
    /// Opens the database, or creates one. A database that is damaged, foreign or of a newer
    /// version is not changed.
    pub fn open(settings: SqliteSettings) -> Result<SqliteStore, OpenError> {
        let (lock, mut connection) = open::open(&settings)?;
        let damaged = |error: Error| OpenError::Damaged(settings.path.clone(), cause(&error));
        let last_id = upkeep::last_id(&mut connection).map_err(damaged)?;
        let writing = Writing {
            connection: Some(connection),
            tails: Tails::new(last_id),
            upkeep: Upkeep::default(),
            max_bytes: settings.max_bytes,
            closed: false,
        };
        Ok(SqliteStore {
            readers: Readers::new(&settings),
            writing: Mutex::new(writing),
            settings,
            lock: Mutex::new(Some(lock)),
        })
    }

    /// Changes the limit on the size of the file.
    pub fn set_max_bytes(&self, max_bytes: u64) {
        let mut writing = self.writing.lock();
        writing.max_bytes = max_bytes;
        // The next connection is opened with the new limit.
        writing.connection = None;
    }

    /// Reads, all from one snapshot of the database.
    fn read<T>(
        &self,
        query: impl FnOnce(&mut SqliteConnection) -> QueryResult<T>,
    ) -> Result<T, StoreError> {
        self.readers.read(query)
    }

    /// Writes in one transaction.
    fn write<T>(
        &self,
        change: impl FnOnce(&mut SqliteConnection, &mut Tails, &mut Upkeep) -> QueryResult<T>,
    ) -> Result<T, StoreError> {
        let mut writing = self
            .writing
            .try_lock_for(self.settings.wait)
            .ok_or(StoreError::Busy)?;
        let writing = &mut *writing;
        if writing.closed {
            return Err(StoreError::Database(CLOSED.to_owned()));
        }
        let mut connection = match writing.connection.take() {
            Some(connection) => connection,
            None => open::writer(&self.settings, writing.max_bytes)
                .map_err(|error| StoreError::Database(error.to_string()))?,
        };
        let last_id = writing.tails.last_id();
        let mut cause = None;
        let result = connection.immediate_transaction(|connection| {
            change(connection, &mut writing.tails, &mut writing.upkeep)
                .inspect_err(|error| cause = Some(translate(error)))
        });
        match result {
            Ok(value) => {
                writing.connection = Some(connection);
                Ok(value)
            }
            Err(error) => {
                writing.tails = Tails::new(last_id);
                // The rollback may fail too, but that is not the cause.
                Err(cause.unwrap_or_else(|| translate(&error)))
            }
        }
    }
}

impl Store for SqliteStore {
    fn commit(&self, records: &[Record]) -> Result<Vec<Appended>, StoreError> {
        self.write(|connection, tails, _| tails.append(connection, records))
    }

    fn channels(
        &self,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<(Name, Rules)>, StoreError> {
        self.read(|connection| channels::after(connection, after, limit))
    }

    fn last_message_id(&self) -> Result<MessageId, StoreError> {
        let writing = self.writing.try_lock_for(self.settings.wait);
        let writing = writing.ok_or(StoreError::Busy)?;
        Ok(key::unpack(writing.tails.last_id()))
    }

    fn history(
        &self,
        conversation: &Conversation,
        window: Window,
        limit: usize,
    ) -> Result<History, StoreError> {
        self.read(|connection| history::history(connection, conversation, window, limit))
    }

    fn inbox(
        &self,
        account: AccountId,
        page: u64,
        per_page: usize,
    ) -> Result<Vec<ThreadSummary>, StoreError> {
        self.read(|connection| history::inbox(connection, account, page, per_page))
    }

    fn mark_read(
        &self,
        account: AccountId,
        peer: AccountId,
        up_to: MessageId,
    ) -> Result<(), StoreError> {
        self.write(|connection, _, _| history::mark_read(connection, account, peer, up_to))
    }

    fn search(&self, search: &Search) -> Result<Matches, StoreError> {
        let allowed = Allowed::from_now(self.settings.search_time);
        self.read(|connection| search::search(connection, search, allowed))
    }

    fn create_account(&self, account: &NewAccount) -> Result<Account, StoreError> {
        let made = self.write(|connection, _, _| accounts::create(connection, account))?;
        made.map_err(StoreError::Taken)
    }

    fn account(&self, who: &Who) -> Result<Option<Account>, StoreError> {
        self.read(|connection| accounts::find(connection, who))
    }

    fn rehash_password(
        &self,
        account: AccountId,
        from: &Secret,
        to: &Secret,
    ) -> Result<(), StoreError> {
        self.write(|connection, _, _| accounts::rehash_password(connection, account, (from, to)))
    }

    fn change_password(
        &self,
        account: AccountId,
        hash: &Secret,
        now_ms: u64,
    ) -> Result<(), StoreError> {
        self.write(|connection, _, _| accounts::change_password(connection, account, hash, now_ms))?
            .ok_or(StoreError::NoSuchAccount)
    }

    fn add_known_address(
        &self,
        account: AccountId,
        address: &str,
        at_ms: u64,
    ) -> Result<(), StoreError> {
        self.write(|connection, _, _| {
            accounts::add_known_address(connection, account, address, at_ms)
        })
    }

    fn known_addresses(&self, since_ms: u64) -> Result<Vec<KnownAddress>, StoreError> {
        self.write(|connection, _, _| accounts::known_addresses(connection, since_ms))
    }

    fn end_pass(&self, pass: &str, expires_at: u64) -> Result<(), StoreError> {
        self.write(|connection, _, _| accounts::end_pass(connection, pass, expires_at))
    }

    fn is_pass_ended(&self, pass: &str) -> Result<bool, StoreError> {
        self.read(|connection| accounts::is_pass_ended(connection, pass))
    }

    fn set_ignored(
        &self,
        account: AccountId,
        nickname: &Name,
        ignored: bool,
    ) -> Result<(), StoreError> {
        self.write(|connection, _, _| {
            accounts::set_ignored(connection, account, nickname, ignored)
        })?
        .ok_or(StoreError::NoSuchAccount)
    }

    fn saved_channels(&self, of: AccountId) -> Result<Vec<SavedChannel>, StoreError> {
        self.read(|connection| saved::of(connection, of))
    }

    fn save_channel(
        &self,
        of: AccountId,
        channel: &Name,
        read_up_to: MessageId,
    ) -> Result<bool, StoreError> {
        self.write(|connection, _, _| saved::save(connection, of, channel, read_up_to))
    }

    fn forget_channel(&self, of: AccountId, channel: &Name) -> Result<(), StoreError> {
        self.write(|connection, _, _| saved::forget(connection, of, channel))
    }

    fn mark_channel_read(
        &self,
        of: AccountId,
        channel: &Name,
        up_to: MessageId,
    ) -> Result<bool, StoreError> {
        self.write(|connection, _, _| saved::mark(connection, of, channel, up_to))
    }

    fn mark_channels_read(&self, marks: &[(AccountId, Name, MessageId)]) -> Result<(), StoreError> {
        self.write(|connection, _, _| saved::mark_all(connection, marks))
    }

    fn mute_channel(&self, of: AccountId, channel: &Name, muted: bool) -> Result<bool, StoreError> {
        self.write(|connection, _, _| saved::mute(connection, of, channel, muted))
    }

    fn unread(
        &self,
        of: (AccountId, &Name),
        channels: &[(Name, MessageId)],
    ) -> Result<Vec<Unread>, StoreError> {
        self.read(|connection| saved::unread(connection, of, channels))
    }

    fn channel_accounts(
        &self,
        channel: &Name,
        after: Option<&Name>,
        limit: usize,
    ) -> Result<Vec<(AccountId, Name)>, StoreError> {
        let limit = limit.min(MAX_ROWS) as i64;
        let after = after.map(|it| &**it.key());
        self.read(|connection| saved::accounts(connection, channel, after, limit))
    }

    fn add_token(&self, token: &Token) -> Result<(), StoreError> {
        self.write(|connection, _, _| accounts::add_token(connection, token))?
            .ok_or(StoreError::NoSuchAccount)
    }

    fn token(&self, access_key_id: &str) -> Result<Option<Token>, StoreError> {
        self.read(|connection| accounts::token(connection, access_key_id))
    }

    fn exchange_token(
        &self,
        refresh_token: &Secret,
        new: &Token,
        now_ms: u64,
    ) -> Result<Option<Token>, StoreError> {
        self.write(|connection, _, _| {
            accounts::exchange_token(connection, refresh_token, new, now_ms)
        })
    }

    fn deactivate_token(&self, access_key_id: &str, now_ms: u64) -> Result<bool, StoreError> {
        self.write(|connection, _, _| accounts::deactivate_token(connection, access_key_id, now_ms))
    }

    fn check_writable(&self) -> Result<(), StoreError> {
        self.write(|connection, _, _| upkeep::touch(connection))
    }

    fn tend(&self, now_ms: u64) -> Result<bool, StoreError> {
        let retention = self.settings.retention;
        self.write(|connection, tails, upkeep| upkeep.tend(connection, tails, retention, now_ms))
    }

    fn close(&self) -> Result<(), StoreError> {
        let mut writing = self.writing.lock();
        writing.closed = true;
        let tidied = match writing.connection.take() {
            Some(mut connection) => open::checkpoint(&mut connection),
            None => Ok(()),
        };
        self.readers.close()?;
        *self.lock.lock() = None;
        tidied.map_err(|error| translate(&error))
    }
}

/// The cause of a failure to open, without advice: the caller that cannot open the database adds
/// its own.
fn cause(error: &Error) -> String {
    match translate(error) {
        StoreError::Damaged(what) | StoreError::Database(what) => what,
        other => other.to_string(),
    }
}

/// Sorts SQLite's errors by what can be done about them.
fn translate(error: &Error) -> StoreError {
    let words = match error {
        Error::DatabaseError(DatabaseErrorKind::UnableToSendCommand, _) => error.to_string(),
        Error::DatabaseError(_, information) => information.message().to_owned(),
        Error::DeserializationError(cause) => return StoreError::Damaged(cause.to_string()),
        other => other.to_string(),
    };
    match words.as_str() {
        "database or disk is full" => StoreError::Full,
        "database is locked" | "database table is locked" => StoreError::Busy,
        "database disk image is malformed" | "file is not a database" => StoreError::Damaged(words),
        _ => StoreError::Database(words),
    }
}
