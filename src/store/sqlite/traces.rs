//! The traces that a deleted or replaced text leaves in the files.
//!
//! The text itself is gone with the commit that deletes it: SQLite overwrites what it frees
//! (`secure_delete`). Its terms stay in the index, marked as deleted, until their part of the index is
//! written anew, and its pages stay in the write-ahead log. Both are cleaned up some time after the
//! first deletion, for all deletions until then at once, because the whole index has to be merged for
//! that. It is done in slices between other work.

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Nullable};

/// How long after a deletion cleaning begins.
pub const AFTER_DELETION_MS: u64 = 30 * 60 * 1000;
/// The same after retention has removed messages, which it does all the time.
pub const AFTER_RETENTION_MS: u64 = 24 * 60 * 60 * 1000;
/// Pages of the index that are written in one slice: 1 MB.
const MERGED: i64 = 256;
/// With fewer changed rows than this a merge had nothing to do (SQLite's documentation).
const NOTHING_MERGED: i64 = 2;

/// How far cleaning has come. A crash or a failed transaction begins it anew.
#[derive(Default)]
pub struct Traces {
    stage: Stage,
    /// How many texts had been deleted when it began.
    removals: i64,
}

#[derive(Default, PartialEq, Eq)]
enum Stage {
    #[default]
    Idle,
    /// The index is being merged.
    Merging,
    /// The write-ahead log is to be emptied.
    Merged,
    /// All of it is done.
    Emptied,
}

#[derive(QueryableByName)]
struct Due {
    #[diesel(sql_type = Nullable<BigInt>)]
    clean_at: Option<i64>,
    #[diesel(sql_type = BigInt)]
    removals: i64,
}

#[derive(QueryableByName)]
struct Changes {
    #[diesel(sql_type = BigInt)]
    count: i64,
}

/// Notes that texts were deleted or replaced, the traces of which are to be cleaned up at this time.
pub fn note(connection: &mut SqliteConnection, clean_at_ms: u64) -> QueryResult<()> {
    diesel::sql_query(
        "UPDATE search_state
         SET removals = removals + 1, clean_at = min(coalesce(clean_at, ?1), ?1)",
    )
    .bind::<BigInt, _>(time(clean_at_ms))
    .execute(connection)?;
    Ok(())
}

impl Traces {
    /// Does a slice, if it is time to. Returns whether there is more to do.
    pub fn clean_some(
        &mut self,
        connection: &mut SqliteConnection,
        now_ms: u64,
    ) -> QueryResult<bool> {
        match self.stage {
            Stage::Idle => {
                let due: Due = diesel::sql_query("SELECT clean_at, removals FROM search_state")
                    .get_result(connection)?;
                if due.clean_at.is_none_or(|at| at > time(now_ms)) {
                    return Ok(false);
                }
                self.removals = due.removals;
                self.stage = Stage::Merging;
                // The minus sign begins with all of the index.
                merge(connection, -MERGED)?;
                Ok(true)
            }
            Stage::Merging => {
                let has_more = merge(connection, MERGED)?;
                if !has_more {
                    self.stage = Stage::Merged;
                }
                Ok(has_more)
            }
            Stage::Merged => Ok(false),
            Stage::Emptied => {
                let again = now_ms.saturating_add(AFTER_DELETION_MS);
                diesel::sql_query(
                    "UPDATE search_state
                     SET clean_at = CASE WHEN removals = ? THEN NULL ELSE ? END",
                )
                .bind::<BigInt, _>(self.removals)
                .bind::<BigInt, _>(time(again))
                .execute(connection)?;
                self.stage = Stage::Idle;
                Ok(false)
            }
        }
    }

    /// Whether the write-ahead log is to be emptied now.
    pub fn wants_empty_log(&self) -> bool {
        self.stage == Stage::Merged
    }

    /// Notes that it is empty.
    pub fn log_is_empty(&mut self) {
        self.stage = Stage::Emptied;
    }
}

/// Merges a part of the index, and returns whether there was anything to merge.
fn merge(connection: &mut SqliteConnection, pages: i64) -> QueryResult<bool> {
    let before = changes(connection)?;
    diesel::sql_query("INSERT INTO message_search (message_search, rank) VALUES ('merge', ?)")
        .bind::<BigInt, _>(pages)
        .execute(connection)?;
    Ok(changes(connection)? - before >= NOTHING_MERGED)
}

/// How many rows this connection has changed so far.
fn changes(connection: &mut SqliteConnection) -> QueryResult<i64> {
    let changes: Changes =
        diesel::sql_query("SELECT total_changes() AS count").get_result(connection)?;
    Ok(changes.count)
}

fn time(ms: u64) -> i64 {
    ms.try_into().unwrap_or(i64::MAX)
}
