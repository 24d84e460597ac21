//! Copies a database that is in use: one snapshot of it, complete and checked.
//!
//! `VACUUM INTO` makes the copy within one read transaction: writers continue and cannot make it
//! start over, so it takes only as long as there is data to copy. It changes neither the database
//! nor any file that exists already.

use std::fmt;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread;
use std::time::Duration;

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Integer, Text};

use super::file::{APPLICATION_ID, connect};
use super::lock::LockedFile;
use super::{cause, inspect, upkeep};
use crate::model::{MessageId, key};
use crate::store::OpenError;

/// How often the progress is reported.
const SAID_EVERY: Duration = Duration::from_millis(200);

/// The progress, for display.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BackupStep {
    /// Bytes written, and about how many there will be.
    Copying(u64, u64),
    /// The copy is being read back.
    Checking,
}

/// The contents of a copy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BackupContents {
    /// Size of the file.
    pub bytes: u64,
    /// Number of accounts.
    pub accounts: u64,
    /// Number of messages.
    pub messages: u64,
    /// Number of channels with rules of their own.
    pub channels: u64,
    /// The highest message id, even if that message has been removed.
    pub last: MessageId,
}

/// Why there is no copy. No file is left behind, and nothing was changed.
#[derive(Debug)]
pub enum BackupError {
    /// There is no such database, or it cannot be used.
    Source(OpenError),
    /// A file of that name exists already.
    Exists(PathBuf),
    /// Another backup writes to the same name.
    AlreadyRunning(PathBuf),
    /// The file cannot be written.
    Target(PathBuf, io::Error),
    /// Copying failed.
    Copying(String),
    /// The copy is not sound.
    Unsound(String),
}

/// Copies a database, in use or not, to a file that does not exist yet.
pub fn backup(
    from: &Path,
    to: &Path,
    mut tell: impl FnMut(BackupStep),
) -> Result<BackupContents, BackupError> {
    let target = |error| BackupError::Target(to.to_owned(), error);
    let to = std::path::absolute(to).map_err(target)?;
    let source = source(from).map_err(BackupError::Source)?;
    let partial = Partial::make(&to)?;
    copy(from, source, &partial, &mut tell)?;
    tell(BackupStep::Checking);
    let contents = check(&partial)?;
    partial.finish(&to)?;
    Ok(contents)
}

/// Connects to an existing database of ours.
fn source(path: &Path) -> Result<SqliteConnection, OpenError> {
    let unreadable = |why: String| OpenError::Unreadable(path.to_owned(), why);
    let bytes = path
        .metadata()
        .map_err(|error| unreadable(error.to_string()))?
        .len();
    // Recovering what a killed server left needs write access.
    let mut connection = connect(path, "rw").map_err(|error| unreadable(error.to_string()))?;
    let id: Number =
        diesel::sql_query("SELECT application_id AS number FROM pragma_application_id")
            .get_result(&mut connection)
            .map_err(|error| match error {
                diesel::result::Error::DatabaseError(_, why)
                    if why.message().contains("not a database") =>
                {
                    OpenError::NotOurs(path.to_owned())
                }
                other => unreadable(cause(&other)),
            })?;
    match id.number == APPLICATION_ID && bytes > 0 {
        true => Ok(connection),
        false => Err(OpenError::NotOurs(path.to_owned())),
    }
}

/// Copies on a thread of its own and reports the progress meanwhile.
fn copy(
    from: &Path,
    mut source: SqliteConnection,
    partial: &Partial,
    tell: &mut impl FnMut(BackupStep),
) -> Result<(), BackupError> {
    let path = partial.path.to_str();
    let path =
        path.ok_or_else(|| BackupError::Copying("the path is not valid UTF-8".to_owned()))?;
    let all = size(from);
    let (done, is_done) = channel::<()>();
    let copied = thread::scope(|scope| {
        let copying = scope.spawn(move || {
            // Dropped when this thread ends, however it ends.
            let _done = done;
            diesel::sql_query("VACUUM INTO ?")
                .bind::<Text, _>(path)
                .execute(&mut source)
        });
        while let Err(RecvTimeoutError::Timeout) = is_done.recv_timeout(SAID_EVERY) {
            tell(BackupStep::Copying(size(&partial.path), all));
        }
        copying.join()
    });
    match copied {
        Ok(Ok(_)) => partial
            .file
            .sync_all()
            .map_err(|error| partial.failed(error)),
        Ok(Err(error)) => Err(BackupError::Copying(cause(&error))),
        Err(_) => Err(BackupError::Copying(
            "the copying thread has panicked".to_owned(),
        )),
    }
}

/// The size of a file; roughly that of the database, since its log may hold newer pages.
fn size(path: &Path) -> u64 {
    path.metadata().map_or(0, |file| file.len())
}

#[derive(QueryableByName)]
struct Number {
    #[diesel(sql_type = Integer)]
    number: i32,
}

#[derive(QueryableByName)]
struct Counts {
    #[diesel(sql_type = BigInt)]
    accounts: i64,
    #[diesel(sql_type = BigInt)]
    messages: i64,
    #[diesel(sql_type = BigInt)]
    channels: i64,
}

#[derive(QueryableByName)]
struct Check {
    #[diesel(sql_type = Text)]
    integrity_check: String,
}

/// Reads all of a copy and checks it as a server does at its start, and more.
fn check(partial: &Partial) -> Result<BackupContents, BackupError> {
    let unsound = |error: diesel::result::Error| BackupError::Unsound(cause(&error));
    inspect::inspect(&partial.path, &partial.file)
        .map_err(|error| BackupError::Unsound(error.to_string()))?;
    let mut connection =
        connect(&partial.path, "ro").map_err(|error| BackupError::Unsound(error.to_string()))?;
    let check: Check = diesel::sql_query("PRAGMA integrity_check(1)")
        .get_result(&mut connection)
        .map_err(unsound)?;
    if check.integrity_check != "ok" {
        return Err(BackupError::Unsound(check.integrity_check));
    }
    let counts: Counts = diesel::sql_query(
        "SELECT (SELECT count(*) FROM account) AS accounts, \
         (SELECT count(*) FROM message) AS messages, \
         (SELECT count(*) FROM channel) AS channels",
    )
    .get_result(&mut connection)
    .map_err(unsound)?;
    let last = upkeep::last_id(&mut connection).map_err(unsound)?;
    Ok(BackupContents {
        bytes: size(&partial.path),
        accounts: counts.accounts.max(0).cast_unsigned(),
        messages: counts.messages.max(0).cast_unsigned(),
        channels: counts.channels.max(0).cast_unsigned(),
        last: key::unpack(last),
    })
}

/// An unfinished copy beside its target, removed unless it is finished. The remains of an
/// interrupted one are overwritten.
struct Partial {
    path: PathBuf,
    /// Locked against other backups. Closed after SQLite's connections to it.
    file: LockedFile,
    is_finished: bool,
}

impl Partial {
    fn make(to: &Path) -> Result<Partial, BackupError> {
        if to.symlink_metadata().is_ok() {
            return Err(BackupError::Exists(to.to_owned()));
        }
        let path = to.with_added_extension("partial");
        let failed = |error| BackupError::Target(path.clone(), error);
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            // It will contain secrets and private messages.
            .mode(0o600)
            .custom_flags(rustix::fs::OFlags::NOFOLLOW.bits().cast_signed())
            .open(&path)
            .map_err(failed)?;
        let file = LockedFile::new(file).map_err(|error| match error {
            TryLockError::WouldBlock => BackupError::AlreadyRunning(path.clone()),
            TryLockError::Error(error) => failed(error),
        })?;
        // Another backup may have finished under this name in the meantime.
        let is_this = path.metadata().is_ok_and(|named| {
            file.metadata()
                .is_ok_and(|opened| named.ino() == opened.ino())
        });
        if !is_this {
            return Err(BackupError::AlreadyRunning(path));
        }
        file.set_permissions(std::os::unix::fs::PermissionsExt::from_mode(0o600))
            .and_then(|()| file.set_len(0))
            .map_err(failed)?;
        Ok(Partial {
            path,
            file,
            is_finished: false,
        })
    }

    fn failed(&self, error: io::Error) -> BackupError {
        BackupError::Target(self.path.clone(), error)
    }

    /// Gives the copy its final name, unless another file has it by now.
    fn finish(mut self, to: &Path) -> Result<(), BackupError> {
        let target = |error| BackupError::Target(to.to_owned(), error);
        // A link never replaces an existing file, as a rename would.
        match fs::hard_link(&self.path, to) {
            Ok(()) => fs::remove_file(&self.path).map_err(target)?,
            Err(_) if to.symlink_metadata().is_ok() => {
                return Err(BackupError::Exists(to.to_owned()));
            }
            // Some file systems have no links.
            Err(_) => fs::rename(&self.path, to).map_err(target)?,
        }
        self.is_finished = true;
        // The name is durable only once the folder is on disk.
        let folder = to.parent().unwrap_or(Path::new("/"));
        let synced = File::open(folder).and_then(|folder| folder.sync_all());
        synced.map_err(|error| BackupError::Target(to.to_owned(), error))
    }
}

impl Drop for Partial {
    fn drop(&mut self) {
        if !self.is_finished {
            // The cause has been reported; this only tidies up.
            let _ = fs::remove_file(&self.path);
        }
    }
}

impl fmt::Display for BackupError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            BackupError::Source(error) => error.fmt(f),
            BackupError::Exists(path) => write!(
                f,
                "{} is there already and has been left alone; name another file",
                path.display()
            ),
            BackupError::AlreadyRunning(path) => write!(
                f,
                "another backup is writing {}; wait for it, or name another file",
                path.display()
            ),
            BackupError::Target(path, error) => write!(
                f,
                "cannot write {}: {error}; check that the folder exists, that this user may \
                 write there, and that there is room",
                path.display()
            ),
            BackupError::Copying(why) => write!(
                f,
                "the database could not be copied: {why}; nothing has been kept of the copy"
            ),
            BackupError::Unsound(what) => write!(
                f,
                "the copy is not sound ({what}), so the database may be damaged; keep the last \
                 good backup"
            ),
        }
    }
}

impl std::error::Error for BackupError {}
