//! The store in a PostgreSQL database, which several servers may share.
//!
//! One connection of each server appends, behind a lock; a pool of others
//! does the rest. Nothing is assumed about what other servers do meanwhile:
//! what must not happen twice is left to the database to decide. All waiting
//! is bounded, by the pool here and by time limits on each connection.

mod accounts;
mod append;
mod connect;
mod conversations;
mod history;
mod import;
pub(super) mod schema;
mod search;
mod upkeep;

use std::time::Duration;

use diesel::pg::PgConnection;
use diesel::prelude::*;
use diesel::result::{DatabaseErrorKind, Error};
use parking_lot::{Mutex, RwLock};

use super::{
    Account, AccountId, Appended, Conversation, DatabaseUrl, Found, History, NewAccount,
    NewMessage, OpenError, Retention, Search, Secret, Store, StoreError, ThreadSummary, Token, Who,
    Window, key,
};
use crate::hub::MessageId;
use crate::name::Name;
pub(super) use append::Row;
use append::{Memory, Order};
use connect::{Connections, Unfinished};
pub(super) use import::Import;
use upkeep::Upkeep;

/// How the database is reached and kept.
#[derive(Clone, Debug)]
pub struct PostgresSettings {
    /// Where it is. Parameters in it count more than what is set here.
    pub url: DatabaseUrl,
    /// Connections besides the one that appends.
    pub connections: u32,
    /// How long to wait for a connection to become free before it is
    /// [`StoreError::Busy`].
    pub wait: Duration,
    /// How long connecting may take.
    pub connect_timeout: Duration,
    /// How long what was sent may go unanswered by the other machine.
    pub network_timeout: Duration,
    /// How long the database may take over one statement.
    pub statement_timeout: Duration,
    /// What is removed in time.
    pub retention: Retention,
}

/// Messages and accounts in a PostgreSQL database.
pub struct PostgresStore {
    settings: PostgresSettings,
    /// `None` once closed.
    connections: RwLock<Option<Connections>>,
    writing: Mutex<Writing>,
    upkeep: Mutex<Upkeep>,
}

/// What the store says when it is closed.
const CLOSED: &str = "it is closed";

/// The appending side.
struct Writing {
    /// `None` when it has to be opened first.
    connection: Option<PgConnection>,
    memory: Memory,
    closed: bool,
}

impl PostgresSettings {
    /// The defaults for a database.
    pub fn new(url: DatabaseUrl) -> PostgresSettings {
        PostgresSettings {
            url,
            connections: 8,
            wait: Duration::from_secs(2),
            connect_timeout: Duration::from_secs(3),
            network_timeout: Duration::from_secs(10),
            statement_timeout: Duration::from_secs(10),
            retention: Retention::default(),
        }
    }
}

impl PostgresStore {
    /// Connects to the database, and makes its tables if it has none. One of a
    /// newer version is left as it is.
    pub fn open(settings: PostgresSettings) -> Result<PostgresStore, OpenError> {
        let connection = connect::open(&settings, Unfinished::Refused)?;
        let writing = Writing {
            connection: Some(connection),
            memory: Memory::default(),
            closed: false,
        };
        Ok(PostgresStore {
            connections: RwLock::new(Some(connect::pool(&settings))),
            writing: Mutex::new(writing),
            upkeep: Mutex::default(),
            settings,
        })
    }

    fn write(&self, messages: &[NewMessage], order: Order) -> Result<Vec<Appended>, StoreError> {
        let mut writing = self
            .writing
            .try_lock_for(self.settings.wait)
            .ok_or(StoreError::Busy)?;
        match writing.closed {
            true => Err(closed()),
            false => writing.append(&self.settings, messages, order),
        }
    }

    /// Does something in one transaction, on any connection.
    fn transaction<T>(
        &self,
        work: impl FnOnce(&mut PgConnection) -> QueryResult<T>,
    ) -> Result<T, StoreError> {
        let connections = self.connections.read().clone();
        let connections = connections.ok_or_else(closed)?;
        let mut connection = connections.get().map_err(|error| {
            match error
                .to_string()
                .strip_prefix("timed out waiting for connection: ")
            {
                Some(why) => StoreError::Database(connect::words(why)),
                None => StoreError::Busy,
            }
        })?;
        PgConnection::transaction(&mut connection, work).map_err(|error| translate(&error))
    }
}

impl Writing {
    /// Appends. A connection that turns out to be dead is replaced, once: the
    /// database may have been restarted since.
    fn append(
        &mut self,
        settings: &PostgresSettings,
        messages: &[NewMessage],
        order: Order,
    ) -> Result<Vec<Appended>, StoreError> {
        let unreachable =
            |error: ConnectionError| StoreError::Database(connect::words(&error.to_string()));
        let mut connection = match self.connection.take() {
            Some(connection) => connection,
            None => connect::connect(settings).map_err(unreachable)?,
        };
        let mut result = self.memory.append(&mut connection, messages, order);
        if result.is_err() && is_dead(&mut connection) {
            connection = connect::connect(settings).map_err(unreachable)?;
            // What the dead one may have committed is not committed twice.
            result = self.memory.append(&mut connection, messages, order);
        }
        if result.is_ok() || !is_dead(&mut connection) {
            self.connection = Some(connection);
        }
        result.map_err(|error| translate(&error))
    }
}

fn is_dead(connection: &mut PgConnection) -> bool {
    diesel::sql_query("SELECT 1").execute(connection).is_err()
}

impl Store for PostgresStore {
    fn append(&self, messages: &[NewMessage]) -> Result<Vec<Appended>, StoreError> {
        self.write(messages, Order::Checked)
    }

    fn merge(&self, messages: &[NewMessage]) -> Result<Vec<Appended>, StoreError> {
        self.write(messages, Order::Settled)
    }

    fn last_message_id(&self) -> Result<MessageId, StoreError> {
        self.transaction(upkeep::last_id).map(key::unpack)
    }

    fn history(
        &self,
        conversation: &Conversation,
        window: Window,
        limit: usize,
    ) -> Result<History, StoreError> {
        self.transaction(|connection| history::history(connection, conversation, window, limit))
    }

    fn inbox(
        &self,
        account: AccountId,
        page: u64,
        per_page: usize,
    ) -> Result<Vec<ThreadSummary>, StoreError> {
        self.transaction(|connection| history::inbox(connection, account, page, per_page))
    }

    fn mark_read(
        &self,
        account: AccountId,
        peer: AccountId,
        up_to: MessageId,
    ) -> Result<(), StoreError> {
        self.transaction(|connection| history::mark_read(connection, account, peer, up_to))
    }

    fn search(&self, search: &Search) -> Result<Vec<Found>, StoreError> {
        self.transaction(|connection| search::search(connection, search))
    }

    fn create_account(&self, account: &NewAccount) -> Result<Account, StoreError> {
        let made = self.transaction(|connection| accounts::create(connection, account))?;
        made.map_err(StoreError::Taken)
    }

    fn account(&self, who: &Who) -> Result<Option<Account>, StoreError> {
        self.transaction(|connection| accounts::find(connection, who))
    }

    fn set_ignored(
        &self,
        account: AccountId,
        nickname: &Name,
        ignored: bool,
    ) -> Result<(), StoreError> {
        self.transaction(|connection| {
            accounts::set_ignored(connection, account, nickname, ignored)
        })?
        .ok_or(StoreError::NoSuchAccount)
    }

    fn add_token(&self, token: &Token) -> Result<(), StoreError> {
        self.transaction(|connection| accounts::add_token(connection, token))?
            .ok_or(StoreError::NoSuchAccount)
    }

    fn token(&self, access_key_id: &str) -> Result<Option<Token>, StoreError> {
        if cannot_be_stored(access_key_id) {
            return Ok(None);
        }
        self.transaction(|connection| accounts::token(connection, access_key_id))
    }

    fn exchange_token(
        &self,
        refresh_token: &Secret,
        new: &Token,
        now_ms: u64,
    ) -> Result<Option<Token>, StoreError> {
        if cannot_be_stored(refresh_token.expose()) {
            return Ok(None);
        }
        self.transaction(|connection| {
            accounts::exchange_token(connection, refresh_token, new, now_ms)
        })
    }

    fn deactivate_token(&self, access_key_id: &str, now_ms: u64) -> Result<bool, StoreError> {
        if cannot_be_stored(access_key_id) {
            return Ok(false);
        }
        self.transaction(|connection| accounts::deactivate_token(connection, access_key_id, now_ms))
    }

    fn check_writable(&self) -> Result<(), StoreError> {
        self.transaction(upkeep::touch)
    }

    fn tend(&self, now_ms: u64) -> Result<bool, StoreError> {
        let retention = self.settings.retention;
        let mut upkeep = self.upkeep.lock();
        if !upkeep.is_due(retention, now_ms) {
            return Ok(false);
        }
        self.transaction(|connection| upkeep.tend(connection, retention, now_ms))
    }

    fn close(&self) -> Result<(), StoreError> {
        let mut writing = self.writing.lock();
        writing.closed = true;
        writing.connection = None;
        *self.connections.write() = None;
        Ok(())
    }
}

fn closed() -> StoreError {
    StoreError::Database(CLOSED.to_owned())
}

/// PostgreSQL has no way to hold this character, so nothing with it is there.
fn cannot_be_stored(text: &str) -> bool {
    text.contains('\0')
}

/// PostgreSQL's own words, sorted by what can be done about it.
fn translate(error: &Error) -> StoreError {
    let words = match error {
        Error::DatabaseError(DatabaseErrorKind::UnableToSendCommand, _) => error.to_string(),
        Error::DatabaseError(_, information) => information.message().to_owned(),
        Error::DeserializationError(cause) => return StoreError::Damaged(cause.to_string()),
        other => other.to_string(),
    };
    let says = |what: &str| words.contains(what);
    if says("No space left on device") {
        StoreError::Full
    } else if says("due to statement timeout") || says("due to lock timeout") {
        StoreError::Busy
    } else {
        StoreError::Database(connect::words(&words))
    }
}
