//! Opens the file: keeps other servers out, checks it, and sets up the connections.

use std::fs::{OpenOptions, TryLockError};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::time::Duration;

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::sql_types::Integer;
use diesel_migrations::MigrationHarness;

use super::file::{APPLICATION_ID, MIGRATIONS, connect};
use super::inspect::{self, Found};
use super::lock::LockedFile;
use super::lookalikes;
use super::{Durability, SqliteSettings};
use crate::store::OpenError;

const PAGE_BYTES: u64 = 4096;
/// How long messages wait, at most, for connections that still read while the log is to be emptied.
const EMPTYING: Duration = Duration::from_millis(50);

#[derive(QueryableByName)]
struct Checkpoint {
    #[diesel(sql_type = Integer)]
    busy: i32,
}

/// Opens the database for writing, or creates one. Returns the lock too, which keeps other servers
/// out for as long as it is held.
pub fn open(settings: &SqliteSettings) -> Result<(LockedFile, SqliteConnection), OpenError> {
    let path = &settings.path;
    let unreadable = |why: String| OpenError::Unreadable(path.clone(), why);
    let file = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        // The file contains secrets and private messages.
        .mode(0o600)
        .open(path)
        .map_err(|error| unreadable(error.to_string()))?;
    let file = LockedFile::new(file).map_err(|error| match error {
        TryLockError::WouldBlock => OpenError::InUse(path.clone()),
        TryLockError::Error(error) => unreadable(error.to_string()),
    })?;
    let found = inspect::inspect(path, &file)?;
    let mut connection =
        writer(settings, settings.max_bytes).map_err(|error| unreadable(error.to_string()))?;
    migrate(&mut connection, found)
        .map_err(|why| OpenError::Migration(path.display().to_string(), why.to_string()))?;
    Ok((file, connection))
}

fn migrate(
    connection: &mut SqliteConnection,
    found: Found,
) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    if found == Found::Nothing {
        connection.batch_execute(&format!("PRAGMA application_id = {APPLICATION_ID}"))?;
    }
    connection.run_pending_migrations(MIGRATIONS)?;
    lookalikes::complete(connection)?;
    lookalikes::report(connection)?;
    Ok(())
}

/// A connection that writes.
pub fn writer(settings: &SqliteSettings, max_bytes: u64) -> ConnectionResult<SqliteConnection> {
    let mut connection = connect(&settings.path, "rw")?;
    let synchronous = match settings.durability {
        Durability::Process => "NORMAL",
        Durability::Power => "FULL",
    };
    let busy = settings.wait.as_millis();
    let max_pages = match max_bytes {
        0 => i64::from(u32::MAX - 1),
        bytes => (bytes / PAGE_BYTES).max(1).try_into().unwrap_or(i64::MAX),
    };
    connection
        .batch_execute(&format!(
            "PRAGMA busy_timeout = {busy};
             PRAGMA journal_mode = WAL;
             PRAGMA synchronous = {synchronous};
             PRAGMA foreign_keys = ON;
             PRAGMA secure_delete = ON;
             PRAGMA max_page_count = {max_pages};
             PRAGMA cache_size = -16384;
             PRAGMA wal_autocheckpoint = 4096;
             PRAGMA journal_size_limit = 67108864;"
        ))
        .map_err(ConnectionError::CouldntSetupConfiguration)?;
    Ok(connection)
}

/// A connection that cannot write.
pub fn reader(path: &Path) -> ConnectionResult<SqliteConnection> {
    let mut connection = connect(path, "rw")?;
    connection
        .batch_execute("PRAGMA query_only = ON; PRAGMA cache_size = -16384;")
        .map_err(ConnectionError::CouldntSetupConfiguration)?;
    Ok(connection)
}

/// Moves everything from the write-ahead log into the file.
pub fn checkpoint(connection: &mut SqliteConnection) -> QueryResult<()> {
    connection.batch_execute("PRAGMA wal_checkpoint(TRUNCATE)")
}

/// Does the same while connections may be reading, and returns whether nothing is left in the log.
/// Afterwards the connection waits for locks as long as `wait` again.
pub fn empty_log(connection: &mut SqliteConnection, wait: Duration) -> QueryResult<bool> {
    let wait_for = |time: Duration| format!("PRAGMA busy_timeout = {}", time.as_millis());
    connection.batch_execute(&wait_for(EMPTYING))?;
    let done: QueryResult<Checkpoint> =
        diesel::sql_query("PRAGMA wal_checkpoint(TRUNCATE)").get_result(connection);
    connection.batch_execute(&wait_for(wait))?;
    Ok(done?.busy == 0)
}
