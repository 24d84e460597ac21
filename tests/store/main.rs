//! Data that survives kills, full disks and upgrades: messages and accounts in
//! SQLite and PostgreSQL, and the chat log.

#[path = "../support/mod.rs"]
mod support;

mod backup;
mod channels_suite;
mod chat_log;
mod chat_log_commands;
mod chat_log_file;
mod disk_full;
#[cfg(feature = "cluster")]
mod fair_reads;
#[cfg(feature = "cluster")]
mod migrate;
mod nothing_seen_is_lost;
mod saved_suite;
#[cfg(feature = "cluster")]
mod server_on_postgres;
mod sqlite;
mod store_failures;
mod store_outlives_a_kill;
#[cfg(feature = "cluster")]
mod store_postgres;
mod store_suite;

use std::time::{Duration, Instant};

use chat_server::store::{OpenError, SqliteSettings, SqliteStore};

/// Opens a database that this process may have had open a moment ago. A child process that
/// another test starts has a copy of the file's lock until it executes its program.
fn open_store(settings: SqliteSettings) -> SqliteStore {
    let begun = Instant::now();
    loop {
        match SqliteStore::open(settings.clone()) {
            Err(OpenError::InUse(_)) if begun.elapsed() < support::DEADLINE => {
                std::thread::sleep(Duration::from_millis(10));
            }
            opened => return opened.unwrap(),
        }
    }
}
