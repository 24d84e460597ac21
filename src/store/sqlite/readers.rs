//! The connections that read.

use std::path::PathBuf;
use std::time::Duration;

use crossbeam_channel::{Receiver, Sender, bounded};
use diesel::prelude::*;

use super::{SqliteSettings, open, translate};
use crate::store::StoreError;

/// A fixed number of connections, opened when first needed.
pub struct Readers {
    path: PathBuf,
    wait: Duration,
    places: usize,
    /// `None` for a connection that is not open yet, or that failed.
    idle: Receiver<Option<SqliteConnection>>,
    home: Sender<Option<SqliteConnection>>,
}

/// Returns the connection's place to the pool, whatever happens to the connection.
struct Lease<'a> {
    connection: Option<SqliteConnection>,
    home: &'a Sender<Option<SqliteConnection>>,
}

impl Readers {
    /// As many as the settings say, but at least one.
    pub fn new(settings: &SqliteSettings) -> Readers {
        let count = settings.readers.max(1);
        let (home, idle) = bounded(count);
        for _ in 0..count {
            // There is room for all of them.
            let _ = home.send(None);
        }
        Readers {
            path: settings.path.clone(),
            wait: settings.wait,
            places: count,
            idle,
            home,
        }
    }

    /// Runs a query on one snapshot of the database.
    pub fn read<T>(
        &self,
        query: impl FnOnce(&mut SqliteConnection) -> QueryResult<T>,
    ) -> Result<T, StoreError> {
        let place = self.idle.recv_timeout(self.wait);
        let idle = place.map_err(|_| StoreError::Busy)?;
        let mut lease = Lease {
            connection: None,
            home: &self.home,
        };
        let mut connection = match idle {
            Some(connection) => connection,
            None => {
                open::reader(&self.path).map_err(|error| StoreError::Database(error.to_string()))?
            }
        };
        let value = connection
            .transaction(query)
            .map_err(|error| translate(&error))?;
        lease.connection = Some(connection);
        Ok(value)
    }

    /// Closes all connections, for good. Fails if one stays in use for too long; that one and those
    /// after it stay open.
    pub fn close(&self) -> Result<(), StoreError> {
        for _ in 0..self.places {
            let place = self.idle.recv_timeout(self.wait);
            place.map_err(|_| StoreError::Busy)?;
        }
        Ok(())
    }
}

impl Drop for Lease<'_> {
    fn drop(&mut self) {
        // There is room: every lease returns its place once.
        let _ = self.home.send(self.connection.take());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::SqliteStore;
    use diesel::result::Error;

    #[test]
    fn readers_wait_for_a_place_and_not_for_ever() {
        let folder = tempfile::tempdir().unwrap();
        let settings = SqliteSettings {
            readers: 1,
            wait: Duration::from_millis(20),
            ..SqliteSettings::new(folder.path().join("chat.db"))
        };
        let _store = SqliteStore::open(settings.clone()).unwrap();
        let readers = Readers::new(&settings);
        let inner = readers.read(|_| Ok(readers.read(|_| Ok(()))));
        assert_eq!(inner, Ok(Err(StoreError::Busy)));
        // A failure returns the place, too.
        let failed = readers.read(|_| QueryResult::<()>::Err(Error::NotFound));
        assert!(failed.is_err());
        let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            let _ = readers.read(|_| -> QueryResult<()> { panic!("on purpose") });
        }));
        assert!(panicked.is_err());
        assert_eq!(readers.read(|_| Ok(7)), Ok(7));
        let closing = readers.read(|_| Ok(readers.close()));
        assert_eq!(closing, Ok(Err(StoreError::Busy)));
        assert_eq!(readers.close(), Ok(()));
        assert_eq!(readers.read(|_| Ok(7)), Err(StoreError::Busy));
    }
}
