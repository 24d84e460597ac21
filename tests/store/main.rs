//! Data that survives kills, full disks and upgrades: messages and accounts in
//! SQLite and PostgreSQL, and the chat log.

#[path = "../support/mod.rs"]
mod support;

mod amendments_suite;
mod backup;
mod channels_suite;
mod chat_log;
mod chat_log_commands;
mod chat_log_file;
mod disk_full;
#[cfg(feature = "cluster")]
mod fair_reads;
mod keeping_suite;
#[cfg(feature = "cluster")]
mod migrate;
#[cfg(feature = "cluster")]
mod migrate_tables;
mod nothing_seen_is_lost;
mod programs_suite;
mod saved_suite;
#[cfg(feature = "cluster")]
mod server_on_postgres;
mod sqlite;
mod store_failures;
mod store_outlives_a_kill;
#[cfg(feature = "cluster")]
mod store_postgres;
mod store_suite;
mod traces;

use chat_server::store::{SqliteSettings, SqliteStore};

fn open_store(settings: SqliteSettings) -> SqliteStore {
    SqliteStore::open(settings).unwrap()
}
