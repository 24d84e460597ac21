//! Connections: how each is set up, and what is checked before the first use.

use std::time::Duration;

use diesel::connection::SimpleConnection;
use diesel::pg::{Pg, PgConnection};
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Bool, Text};
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};

use super::PostgresSettings;
use super::schema::migrated;
use crate::store::OpenError;

/// Every layout there has been, in order.
const MIGRATIONS: EmbeddedMigrations = embed_migrations!("src/store/migrations/postgres");
/// The oldest version with every feature used here.
const OLDEST_VERSION: i64 = 12;
/// A server that changes the layout holds this advisory lock: "Chat", then 1.
const LAYOUT_LOCK: i64 = 0x4368_6174_0001;
/// How long to wait for another server that changes the layout.
const LAYOUT_WAIT: Duration = Duration::from_secs(60);

/// Whether a database that is being filled from another may be used.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Unfinished {
    Refused,
    Accepted,
}

#[derive(QueryableByName)]
struct Server {
    #[diesel(sql_type = BigInt)]
    version: i64,
    #[diesel(sql_type = Text)]
    encoding: String,
    #[diesel(sql_type = Bool)]
    standby: bool,
}

/// A connection, ready for use.
pub fn connect(settings: &PostgresSettings) -> ConnectionResult<PgConnection> {
    let mut connection = PgConnection::establish(&address(settings))?;
    prepare(&mut connection, settings).map_err(ConnectionError::CouldntSetupConfiguration)?;
    Ok(connection)
}

/// The URL, with parameters that bound every wait for the network. Those already in the URL win.
fn address(settings: &PostgresSettings) -> String {
    let connect = settings.connect_timeout.as_secs().max(2).to_string();
    let unanswered = settings.network_timeout.as_millis().max(1000).to_string();
    settings.url.with_defaults(&[
        ("application_name", "chat-server".to_owned()),
        ("connect_timeout", connect),
        ("tcp_user_timeout", unanswered),
        // An answer may take long, but must not be awaited for ever from a machine that is gone.
        ("keepalives_idle", "10".to_owned()),
        ("keepalives_interval", "5".to_owned()),
        ("keepalives_count", "3".to_owned()),
    ])
}

fn prepare(connection: &mut PgConnection, settings: &PostgresSettings) -> QueryResult<()> {
    let statement = settings.statement_timeout.as_millis();
    // `synchronous_commit` may be stricter than `on`, but never laxer.
    connection.batch_execute(&format!(
        "SET statement_timeout = {statement};
         SET idle_in_transaction_session_timeout = {statement};
         SET jit = off;
         SELECT set_config('synchronous_commit', 'on', false)
         WHERE current_setting('synchronous_commit') IN ('off', 'local');"
    ))
}

/// Connects for the first time: checks the database and brings its layout up to date. The
/// connection can write.
pub fn open(
    settings: &PostgresSettings,
    unfinished: Unfinished,
) -> Result<PgConnection, OpenError> {
    let place = settings.url.to_string();
    let mut connection = connect(settings)
        .map_err(|error| OpenError::Unreachable(place.clone(), words(&error.to_string())))?;
    let failed = |error: diesel::result::Error| {
        OpenError::Unreachable(place.clone(), words(&error.to_string()))
    };
    let server: Server = diesel::sql_query(
        "SELECT current_setting('server_version_num')::bigint / 10000 AS version,
                getdatabaseencoding()::text AS encoding, pg_is_in_recovery() AS standby",
    )
    .get_result(&mut connection)
    .map_err(failed)?;
    if let Some(what) = server.objection() {
        return Err(OpenError::Unsuitable(place, what));
    }
    update_layout(&mut connection).map_err(|error| error.at(&place))?;
    prepare(&mut connection, settings).map_err(failed)?;
    look_at_standbys(&mut connection, &place).map_err(failed)?;
    let filling = migrated::table
        .filter(migrated::finished.eq(false))
        .select(migrated::source)
        .first::<String>(&mut connection)
        .optional()
        .map_err(failed)?;
    match filling {
        Some(source) if unfinished == Unfinished::Refused => Err(OpenError::Unsuitable(
            place,
            format!("it has only part of what is in {source}; run chat-server migrate again"),
        )),
        _ => Ok(connection),
    }
}

/// The timeline that the database is on, and the identifier of its cluster.
pub fn timeline(connection: &mut PgConnection) -> QueryResult<String> {
    #[derive(QueryableByName)]
    struct Line {
        #[diesel(sql_type = Text)]
        line: String,
    }
    let line: Line = diesel::sql_query(
        "SELECT substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8)::text AS line",
    )
    .get_result(connection)?;
    Ok(line.line)
}

/// Warns of standbys that may lack the latest commits when they take over.
fn look_at_standbys(connection: &mut PgConnection, place: &str) -> QueryResult<()> {
    #[derive(QueryableByName)]
    struct Standbys {
        #[diesel(sql_type = BigInt)]
        count: i64,
        #[diesel(sql_type = Text)]
        synchronous: String,
    }
    let standbys: Standbys = diesel::sql_query(
        "SELECT (SELECT count(*) FROM pg_stat_replication) AS count,
                current_setting('synchronous_standby_names')::text AS synchronous",
    )
    .get_result(connection)?;
    if standbys.count > 0 && standbys.synchronous.trim().is_empty() {
        log::warn!(
            "{place} has {} standby servers and waits for none of them: one that takes over may \
             lack what was committed last, accounts among it; set synchronous_standby_names, \
             such as 'ANY 1 (*)'",
            standbys.count
        );
    }
    Ok(())
}

/// The client library's error text, on one line.
pub fn words(error: &str) -> String {
    error.split_whitespace().collect::<Vec<_>>().join(" ")
}

impl Server {
    fn objection(&self) -> Option<String> {
        if self.version < OLDEST_VERSION {
            let version = self.version;
            return Some(format!(
                "its server is PostgreSQL {version}; {OLDEST_VERSION} or newer is needed"
            ));
        }
        if self.encoding != "UTF8" {
            let encoding = &self.encoding;
            return Some(format!(
                "its encoding is {encoding}; make one with ENCODING 'UTF8' TEMPLATE template0"
            ));
        }
        self.standby
            .then(|| "its server is a standby that cannot be written to".to_owned())
    }
}

/// Why a layout was not brought up to date.
enum LayoutError {
    Newer(String),
    Failed(String),
}

impl LayoutError {
    fn at(self, place: &str) -> OpenError {
        match self {
            LayoutError::Newer(version) => OpenError::Newer(place.to_owned(), version),
            LayoutError::Failed(why) => OpenError::Migration(place.to_owned(), words(&why)),
        }
    }
}

impl From<diesel::result::Error> for LayoutError {
    fn from(error: diesel::result::Error) -> LayoutError {
        LayoutError::Failed(error.to_string())
    }
}

impl From<Box<dyn std::error::Error + Send + Sync>> for LayoutError {
    fn from(error: Box<dyn std::error::Error + Send + Sync>) -> LayoutError {
        LayoutError::Failed(error.to_string())
    }
}

/// Applies the missing migrations: all of them or none, one server at a time.
fn update_layout(connection: &mut PgConnection) -> Result<(), LayoutError> {
    let wait = LAYOUT_WAIT.as_millis();
    // Changing a large table may take long.
    connection.batch_execute(&format!(
        "SET statement_timeout = 0; SET lock_timeout = {wait};"
    ))?;
    connection.transaction::<(), LayoutError, _>(|connection| {
        diesel::sql_query("SELECT pg_advisory_xact_lock($1)")
            .bind::<BigInt, _>(LAYOUT_LOCK)
            .execute(connection)?;
        let known = known_versions()?;
        let applied = connection.applied_migrations()?;
        let unknown = applied
            .iter()
            .map(ToString::to_string)
            .find(|version| !known.contains(version));
        if let Some(version) = unknown {
            return Err(LayoutError::Newer(version));
        }
        connection.run_pending_migrations(MIGRATIONS)?;
        Ok(())
    })?;
    connection.batch_execute("RESET lock_timeout")?;
    Ok(())
}

fn known_versions() -> Result<Vec<String>, LayoutError> {
    let migrations = diesel::migration::MigrationSource::<Pg>::migrations(&MIGRATIONS)?;
    let versions = migrations.iter().map(|m| m.name().version().to_string());
    Ok(versions.collect())
}
