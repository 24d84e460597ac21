//! What can go wrong with the store, in words for the person who reads them.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use crate::model::UniqueField;

/// Why the store did not do something.
#[derive(Clone, Debug, PartialEq)]
pub enum StoreError {
    /// Every connection is in use; try again.
    Busy,
    /// The database does not answer at all. The operation may still take effect.
    Silent,
    /// The database does not answer this, but it answers other questions. The operation may still
    /// take effect.
    Slow,
    /// The database cannot be reached, or it closed the connection. The operation may have taken
    /// effect.
    Away(String),
    /// The disk is full, or the database has reached its size limit.
    Full,
    /// These fields belong to another account already.
    Taken(Vec<UniqueField>),
    /// There is no such account.
    NoSuchAccount,
    /// The database holds data that it should not.
    Damaged(String),
    /// Any other error of the database.
    Database(String),
}

/// Why a message was not committed. It will never appear in the history.
#[derive(Clone, Debug, PartialEq)]
pub enum AppendError {
    /// Its id is not above those committed before.
    OutOfOrder,
    /// Another message has its id: two servers without a common log write to
    /// the same database.
    IdTaken,
    /// Its id is too large to store.
    IdOutOfRange,
    /// It is between accounts of which one does not exist.
    NoSuchAccount,
    /// The group it belonged to could not be committed.
    NotCommitted(Arc<StoreError>),
}

/// Why a database cannot be used. It was not changed.
#[derive(Clone, Debug, PartialEq)]
pub enum OpenError {
    /// The file cannot be read or created.
    Unreadable(PathBuf, String),
    /// Another server is using the file.
    InUse(PathBuf),
    /// The file is not a database of a chat server.
    NotOurs(PathBuf),
    /// Parts of the file are missing or wrong.
    Damaged(PathBuf, String),
    /// A newer version of the server has changed the layout.
    Newer(String, String),
    /// The layout could not be brought up to date.
    Migration(String, String),
    /// The database server does not answer, or refuses the login.
    Unreachable(String, String),
    /// The database server is set up in a way that cannot work.
    Unsuitable(String, String),
}

impl StoreError {
    /// The answer for the client. The database's own words go into the log only.
    pub fn for_people(&self) -> &'static str {
        match self {
            StoreError::Busy => "the server is too busy to look that up; try again in a moment",
            StoreError::Slow => "the server's database takes too long; try again in a moment",
            StoreError::Silent | StoreError::Away(_) => {
                "the server cannot reach its database; try again in a moment"
            }
            StoreError::Full => {
                "the server has no space left to store that; please tell its administrator"
            }
            StoreError::Taken(_) => "another account has that already",
            StoreError::NoSuchAccount => "there is no such account any more",
            StoreError::Damaged(_) => {
                "the server's database is damaged; please tell its administrator"
            }
            StoreError::Database(_) => {
                "the server's database could not do that; \
                 if it happens again, please tell its administrator"
            }
        }
    }

    /// Whether the error is about the state of the database and not about this question. Every
    /// client that asks at the same time may then get the same answer.
    pub fn is_outage(&self) -> bool {
        match self {
            StoreError::Busy | StoreError::Silent | StoreError::Slow | StoreError::Away(_) => true,
            StoreError::Full
            | StoreError::Taken(_)
            | StoreError::NoSuchAccount
            | StoreError::Damaged(_)
            | StoreError::Database(_) => false,
        }
    }

    /// Logs what failed because of this error. The store itself logs an outage once when it begins
    /// and once when it ends; a line for each request would let any client fill the log.
    pub fn log(&self, what: &str) {
        match self.is_outage() {
            true => log::debug!("{what}: {self}"),
            false => log::error!("{what}: {self}"),
        }
    }
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            StoreError::Busy => write!(f, "the database is busy; try again"),
            StoreError::Silent => write!(f, "the database does not answer; try again later"),
            StoreError::Slow => write!(f, "the database took too long; try again"),
            StoreError::Away(why) => write!(f, "the database cannot be reached: {why}"),
            StoreError::Full => {
                write!(f, "the disk, or the space allowed to the database, is full")
            }
            StoreError::Taken(fields) => {
                let names: Vec<&str> = fields.iter().map(|field| field.as_str()).collect();
                write!(f, "taken already: {}", names.join(", "))
            }
            StoreError::NoSuchAccount => write!(f, "there is no such account"),
            StoreError::Damaged(what) => write!(
                f,
                "the database is damaged ({what}); restore it from a backup"
            ),
            StoreError::Database(what) => write!(f, "the database failed: {what}"),
        }
    }
}

impl std::error::Error for StoreError {}

impl fmt::Display for AppendError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            AppendError::OutOfOrder => write!(f, "a later message was stored before"),
            AppendError::IdTaken => write!(f, "another message has the same id"),
            AppendError::IdOutOfRange => write!(f, "the message's id is too large to store"),
            AppendError::NoSuchAccount => write!(f, "there is no such account"),
            AppendError::NotCommitted(error) => write!(f, "not stored: {error}"),
        }
    }
}

impl std::error::Error for AppendError {}

impl fmt::Display for OpenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            OpenError::Unreadable(path, why) => write!(
                f,
                "cannot open the database {}: {why}; \
                 check that the folder exists and that this user may write there",
                path.display()
            ),
            OpenError::InUse(path) => write!(
                f,
                "the database {} is in use by another server; stop that one, \
                 or give this one another data folder",
                path.display()
            ),
            OpenError::NotOurs(path) => write!(
                f,
                "{} is not a database of this server and has been left alone; \
                 move it away, or choose another data folder",
                path.display()
            ),
            OpenError::Damaged(path, what) => write!(
                f,
                "the database {} is damaged ({what}) and has been left as it is; \
                 restore it from a backup, or move it away to start with an empty one",
                path.display()
            ),
            OpenError::Newer(place, version) => write!(
                f,
                "the database {place} was written by a newer version of this server \
                 (layout {version}) and has been left alone; \
                 run that version, or restore a backup from before the upgrade"
            ),
            OpenError::Migration(place, why) => write!(
                f,
                "cannot bring the database {place} up to date: {why}; \
                 nothing of the step that failed was kept"
            ),
            OpenError::Unreachable(place, why) => {
                write!(f, "cannot connect to the database {place}: {why}")
            }
            OpenError::Unsuitable(place, what) => {
                write!(f, "the database {place} cannot be used: {what}")
            }
        }
    }
}

impl std::error::Error for OpenError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_hear_of_a_database_out_of_reach_only_when_it_is() {
        let text = || "FATAL: a secret of the database".to_owned();
        let all = [
            (StoreError::Busy, "busy"),
            (StoreError::Silent, "cannot reach"),
            (StoreError::Slow, "takes too long"),
            (StoreError::Away(text()), "cannot reach"),
            (StoreError::Full, "no space left"),
            (
                StoreError::Taken(vec![UniqueField::Email]),
                "another account",
            ),
            (StoreError::NoSuchAccount, "no such account"),
            (StoreError::Damaged(text()), "damaged"),
            (StoreError::Database(text()), "could not do that"),
        ];
        for (error, words) in all {
            let told = error.for_people();
            assert!(told.contains(words), "{error:?}: {told}");
            assert!(!told.contains("secret"), "{told}");
            // Only an outage is worth another try.
            assert_eq!(told.contains("try again"), error.is_outage(), "{told}");
            let is_away = words == "cannot reach";
            assert_eq!(told.contains("reach"), is_away, "{told}");
        }
    }
}
