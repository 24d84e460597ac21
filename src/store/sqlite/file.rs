//! The mark of our files, the layouts they can have, and how to open one.

use std::path::Path;

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel_migrations::{EmbeddedMigrations, embed_migrations};

/// Every layout there has been, in order.
pub const MIGRATIONS: EmbeddedMigrations = embed_migrations!("src/store/migrations/sqlite");

/// Marks a file as ours: "Chat".
pub const APPLICATION_ID: i32 = 0x4368_6174;

/// Opens an existing file. A URI names the mode, so that no file is ever created by mistake.
pub fn connect(path: &Path, mode: &str) -> ConnectionResult<SqliteConnection> {
    let path = path.to_str().ok_or_else(|| {
        ConnectionError::InvalidConnectionUrl("the path is not valid UTF-8".to_owned())
    })?;
    let mut address = String::from("file:");
    for c in path.chars() {
        match c {
            '%' => address.push_str("%25"),
            '?' => address.push_str("%3f"),
            '#' => address.push_str("%23"),
            c => address.push(c),
        }
    }
    let mut connection = SqliteConnection::establish(&format!("{address}?mode={mode}"))?;
    connection
        .batch_execute("PRAGMA busy_timeout = 2000")
        .map_err(ConnectionError::CouldntSetupConfiguration)?;
    Ok(connection)
}
