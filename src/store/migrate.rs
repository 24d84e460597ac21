//! Copies a whole database from SQLite to PostgreSQL.
//!
//! The copy goes batch by batch, so it may be interrupted at any moment and run again: it continues
//! where it stopped. Until everything has been copied and counted, no server starts with the new
//! database, and none with the old one while it is being read. The old one is not changed.

mod shapes;
mod tables;

use std::fmt;
use std::path::Path;

use super::postgres::Import;
use super::sqlite::Export;
use super::{OpenError, PostgresSettings, StoreError};

pub(super) use shapes::{
    CallCopy, ConversationCopy, EndedPassCopy, KnownCopy, MessageCopy, ReadMarkCopy,
    RemoteUserCopy, ResetCopy, RulesCopy,
};

/// Rows in one batch.
pub(super) const BATCH: i64 = 1000;

/// The tables of the new database that are filled, and what their rows are called. The other tables
/// are made by the servers that start with it.
const COUNTED: [(&str, &str); 23] = [
    ("account", "accounts"),
    ("ignored", "ignored nicknames"),
    ("token", "tokens"),
    ("conversation", "channels and threads"),
    ("message", "messages"),
    ("read_mark", "read marks"),
    ("channel", "channels with rules"),
    ("channel_event", "changes of rules"),
    ("account_channel", "saved channels"),
    ("program_token", "tokens of programs"),
    ("hook", "hooks"),
    ("hook_out", "outgoing hooks"),
    ("delivery", "deliveries of hooks"),
    ("hook_seen", "calls of programs"),
    ("bot", "bots"),
    ("sign_in", "sign-ins"),
    ("ended_pass", "ended passes"),
    ("password_reset", "links for passwords"),
    ("known_address", "known addresses"),
    ("account_invitation", "invitations"),
    ("remote_user", "sign-ins by a proxy"),
    ("keeping", "channels kept otherwise"),
    ("erasing", "orders to erase"),
];

/// The number of rows in each table that is copied.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    rows: Vec<(&'static str, u64)>,
    messages: u64,
}

impl Counts {
    /// Counts the rows of each table with this function.
    pub(super) fn of(
        mut count: impl FnMut(&str) -> Result<u64, StoreError>,
    ) -> Result<Counts, StoreError> {
        let mut counts = Counts::default();
        for (table, words) in COUNTED {
            let number = count(table)?;
            if table == "message" {
                counts.messages = number;
            }
            counts.rows.push((words, number));
        }
        Ok(counts)
    }
}

/// Why a database was not copied, or not completely.
#[derive(Clone, Debug, PartialEq)]
pub enum MigrateError {
    /// One of the two databases cannot be used.
    Open(OpenError),
    /// The new database is not empty.
    NotEmpty,
    /// A server is using the new database.
    InUse,
    /// The new database is being filled, or was, from this other one.
    OtherSource(String),
    /// The copy was finished before.
    Finished,
    /// The old database cannot be read.
    Reading(StoreError),
    /// The new database cannot be written.
    Writing(StoreError),
    /// The numbers of rows differ after copying.
    Differs {
        /// What the old database has.
        from: Box<Counts>,
        /// What the new database has.
        to: Box<Counts>,
    },
}

impl From<OpenError> for MigrateError {
    fn from(error: OpenError) -> MigrateError {
        MigrateError::Open(error)
    }
}

/// Errors of the old database are told apart where they arise.
impl From<StoreError> for MigrateError {
    fn from(error: StoreError) -> MigrateError {
        MigrateError::Writing(error)
    }
}

/// Copies everything from the SQLite file to the PostgreSQL database, which has to be empty unless
/// this continues an interrupted copy. Calls `progress` with the number of messages copied and the
/// total.
pub fn migrate(
    from: &Path,
    to: &PostgresSettings,
    mut progress: impl FnMut(u64, u64),
) -> Result<Counts, MigrateError> {
    let mut export = Export::open(from)?;
    let path = from.canonicalize().unwrap_or_else(|_| from.to_owned());
    let source = format!("{} (inode {})", path.display(), export.identity());
    let mut import = Import::open(to)?;
    import.begin(&source)?;
    let expected = export.counts().map_err(MigrateError::Reading)?;
    tables::copy_all(&mut export, &mut import, |copied| {
        progress(copied, expected.messages);
    })?;
    let found = import.counts()?;
    if found != expected {
        return Err(MigrateError::Differs {
            from: Box::new(expected),
            to: Box::new(found),
        });
    }
    import.finish()?;
    Ok(found)
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, (words, number)) in self.rows.iter().enumerate() {
            let comma = if n == 0 { "" } else { ", " };
            write!(f, "{comma}{number} {words}")?;
        }
        Ok(())
    }
}

impl fmt::Display for MigrateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            MigrateError::Open(error) => error.fmt(f),
            MigrateError::NotEmpty => write!(
                f,
                "there is something in the new database already, and it has been left alone; \
                 use an empty one"
            ),
            MigrateError::InUse => write!(
                f,
                "a server is using the new database; stop it until all has been copied"
            ),
            MigrateError::OtherSource(source) => write!(
                f,
                "the new database has been filled from {source}; use an empty one"
            ),
            MigrateError::Finished => write!(
                f,
                "all has been copied before; servers may have written to the new database since"
            ),
            MigrateError::Reading(error) => {
                write!(f, "the old database cannot be read: {error}")
            }
            MigrateError::Writing(error) => write!(
                f,
                "the new database cannot be written: {error}; \
                 run it again to go on from where it was"
            ),
            MigrateError::Differs { from, to } => write!(
                f,
                "the old database has {from}, but the new one has {to}; \
                 begin again with an empty one"
            ),
        }
    }
}

impl std::error::Error for MigrateError {}
