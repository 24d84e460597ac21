//! Examines a database before anything is written to it.
//!
//! A file that is wrong in any way is left as it is: what looks like rubbish to this program may be
//! the only copy of someone's data.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use diesel::migration::MigrationSource;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Integer, Text};
use diesel::sqlite::Sqlite;

use super::cause;
use super::file::{APPLICATION_ID, MIGRATIONS, connect};
use crate::store::OpenError;

/// Files up to this size are checked completely when opened, which takes less than a second.
const FULL_CHECK_BYTES: u64 = 256 * 1024 * 1024;

const MAGIC: &[u8; 16] = b"SQLite format 3\0";

/// What the file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Found {
    /// An empty file, or a database with nothing in it yet.
    Nothing,
    /// A database of ours, not newer than this program.
    Ours,
}

/// Examines a file without changing anything.
pub fn inspect(path: &Path, file: &File) -> Result<Found, OpenError> {
    let unreadable =
        |error: std::io::Error| OpenError::Unreadable(path.to_owned(), error.to_string());
    let bytes = file.metadata().map_err(unreadable)?.len();
    let log_is_empty = std::fs::metadata(log_path(path)).map_or(true, |log| log.len() == 0);
    if bytes == 0 {
        return if log_is_empty {
            Ok(Found::Nothing)
        } else {
            // SQLite would now discard the log.
            let what = "it is empty, but its write-ahead log is not";
            Err(OpenError::Damaged(path.to_owned(), what.to_owned()))
        };
    }
    let mut header = [0; 100];
    let read = file.read_at(&mut header, 0).map_err(unreadable)?;
    if read < header.len() || !header.starts_with(MAGIC) {
        return Err(OpenError::NotOurs(path.to_owned()));
    }
    if log_is_empty && let Some(missing) = missing_bytes(&header, bytes) {
        let what = format!("its last {missing} bytes are missing");
        return Err(OpenError::Damaged(path.to_owned(), what));
    }
    inspect_contents(path, bytes)
}

fn log_path(path: &Path) -> PathBuf {
    let mut log = path.as_os_str().to_owned();
    log.push("-wal");
    PathBuf::from(log)
}

/// How many bytes are missing according to the file's header. To be trusted only while no part of
/// the database is in the log.
fn missing_bytes(header: &[u8; 100], bytes: u64) -> Option<u64> {
    let [.., a, b] = *header.get(..18)? else {
        return None;
    };
    let page_bytes = match u16::from_be_bytes([a, b]) {
        1 => 65_536,
        other => u64::from(other),
    };
    let number = |at: usize| -> Option<u32> {
        let field = header.get(at..at + 4)?;
        Some(u32::from_be_bytes(field.try_into().ok()?))
    };
    let (changes, pages, pages_valid_for) = (number(24)?, number(28)?, number(92)?);
    let expected = u64::from(pages) * page_bytes;
    (changes == pages_valid_for && bytes < expected).then(|| expected - bytes)
}

#[derive(QueryableByName)]
struct Number {
    #[diesel(sql_type = Integer)]
    application_id: i32,
}

#[derive(QueryableByName)]
struct Count {
    #[diesel(sql_type = BigInt)]
    tables: i64,
}

#[derive(QueryableByName)]
struct Version {
    #[diesel(sql_type = Text)]
    version: String,
}

#[derive(QueryableByName)]
struct Check {
    #[diesel(sql_type = Text)]
    quick_check: String,
}

fn inspect_contents(path: &Path, bytes: u64) -> Result<Found, OpenError> {
    let damaged = |what: String| OpenError::Damaged(path.to_owned(), what);
    let failed = |error: diesel::result::Error| OpenError::Damaged(path.to_owned(), cause(&error));
    let mut connection = connect(path, "ro").map_err(|error| damaged(error.to_string()))?;
    let connection = &mut connection;
    let tables: Count = diesel::sql_query("SELECT count(*) AS tables FROM sqlite_schema")
        .get_result(connection)
        .map_err(failed)?;
    let id: Number = diesel::sql_query("PRAGMA application_id")
        .get_result(connection)
        .map_err(failed)?;
    match (id.application_id, tables.tables) {
        (0 | APPLICATION_ID, 0) => return Ok(Found::Nothing),
        (APPLICATION_ID, _) => {}
        _ => return Err(OpenError::NotOurs(path.to_owned())),
    }
    let versions: Vec<Version> =
        diesel::sql_query("SELECT version FROM __diesel_schema_migrations ORDER BY version DESC")
            .load(connection)
            .map_err(failed)?;
    let known = known_versions().map_err(damaged)?;
    let newest = versions
        .into_iter()
        .find(|row| !known.contains(&row.version));
    if let Some(row) = newest {
        return Err(OpenError::Newer(path.display().to_string(), row.version));
    }
    if bytes <= FULL_CHECK_BYTES {
        let check: Check = diesel::sql_query("PRAGMA quick_check(1)")
            .get_result(connection)
            .map_err(failed)?;
        if check.quick_check != "ok" {
            return Err(damaged(check.quick_check));
        }
    }
    Ok(Found::Ours)
}

fn known_versions() -> Result<Vec<String>, String> {
    let migrations = MigrationSource::<Sqlite>::migrations(&MIGRATIONS);
    let migrations = migrations.map_err(|error| error.to_string())?;
    let versions = migrations.iter().map(|m| m.name().version().to_string());
    Ok(versions.collect())
}
