//! Which other servers have their common log. Servers tell each other in the place where they meet
//! anyway: in the database.
//!
//! A server that has its log holds an exclusive advisory lock under its own number, on a connection
//! of its own. The lock is released with the connection, however that ends. Nothing is written.

use diesel::pg::PgConnection;
use diesel::prelude::*;
use diesel::sql_types::{Bool, Integer};

use super::{PostgresSettings, away, connect, cut_off};
use crate::store::StoreError;

/// The first half of these locks' keys: "Chat". The other half is the server's number.
const CLASS: i32 = 0x4368_6174;

/// The connection that holds the lock.
#[derive(Default)]
pub struct Company {
    connection: Option<PgConnection>,
    /// The number that this server holds.
    held: Option<i32>,
}

#[derive(QueryableByName)]
struct Others {
    #[diesel(sql_type = Bool)]
    are_there: bool,
}

impl Company {
    /// See [`crate::store::Store::others_have_log`].
    pub fn meet(
        &mut self,
        settings: &PostgresSettings,
        own: i32,
        has_log: bool,
    ) -> Result<bool, StoreError> {
        let mut connection = match self.connection.take() {
            Some(connection) => connection,
            None => {
                self.held = None;
                connect::connect(settings).map_err(|error| away(&error))?
            }
        };
        let wanted = has_log.then_some(own);
        if self.held != wanted {
            let release = "SELECT pg_advisory_unlock_all()";
            let released = diesel::sql_query(release).execute(&mut connection);
            released.map_err(|error| cut_off(&error))?;
            if let Some(number) = wanted {
                diesel::sql_query("SELECT pg_try_advisory_lock($1, $2)")
                    .bind::<Integer, _>(CLASS)
                    .bind::<Integer, _>(number)
                    .execute(&mut connection)
                    .map_err(|error| cut_off(&error))?;
            }
            self.held = wanted;
        }
        let others: Others = diesel::sql_query(
            "SELECT EXISTS (
                 SELECT 1 FROM pg_locks
                 JOIN pg_database ON pg_database.oid = pg_locks.database
                 WHERE locktype = 'advisory' AND granted AND objsubid = 2
                   AND datname = current_database()
                   AND classid::bigint = $1::bigint
                   AND objid::bigint <> ($2::bigint & 4294967295)) AS are_there",
        )
        .bind::<Integer, _>(CLASS)
        .bind::<Integer, _>(own)
        .get_result(&mut connection)
        .map_err(|error| cut_off(&error))?;
        self.connection = Some(connection);
        Ok(others.are_there)
    }
}
