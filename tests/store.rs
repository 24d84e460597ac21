//! The embedded store keeps what it is given, and gives it back in order.

mod store_suite;

use std::sync::Arc;

use chat_server::store::{Retention, SqliteSettings, SqliteStore, Store};
use tempfile::TempDir;

struct InFile(TempDir);

impl store_suite::Database for InFile {
    fn create() -> InFile {
        InFile(tempfile::tempdir().unwrap())
    }

    fn open(&self, retention: Retention) -> Arc<dyn Store> {
        let settings = SqliteSettings {
            retention,
            ..SqliteSettings::new(self.0.path().join("chat.db"))
        };
        Arc::new(SqliteStore::open(settings).unwrap())
    }
}

store_suite!(InFile);
