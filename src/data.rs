//! The data folder: who may use it, and the small files in it.
//!
//! One server at a time. Files are written whole or not at all, and what
//! cannot be read is refused with words, never overwritten: it is somebody's.
//! The chat log and the database live here too, but belong to others.

mod bans;
mod error;
mod token;
mod write;

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use parking_lot::Mutex;
use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;

pub use bans::BanFile;
pub use error::DataError;
pub use token::AdminToken;

/// Permissions that are somebody else's.
const OTHERS: u32 = 0o077;

/// The data folder, taken until it is released or dropped.
#[derive(Debug)]
pub struct DataDir {
    path: PathBuf,
    lock: File,
    /// One save at a time; see [`DataDir::bans`].
    bans: Mutex<()>,
}

impl DataDir {
    /// Takes the folder, and makes it if need be.
    pub fn open(path: &Path) -> Result<DataDir, DataError> {
        let failed = |error| DataError::Folder(path.to_owned(), error);
        let mut builder = DirBuilder::new();
        builder
            .recursive(true)
            .mode(0o700)
            .create(path)
            .map_err(failed)?;
        let mode = path.metadata().map_err(failed)?.permissions().mode();
        if mode & OTHERS != 0 {
            log::warn!(
                "others on this machine may look into the data folder {path} (mode {:o}); \
                 `chmod 700 {path}` keeps it private",
                mode & 0o777,
                path = path.display(),
            );
        }
        Ok(DataDir {
            lock: lock(path)?,
            path: path.to_owned(),
            bans: Mutex::new(()),
        })
    }

    /// Lets others use it, although this may still be around for a while.
    pub fn release(&self) {
        // Fails only if the descriptor were none.
        let _ = flock(&self.lock, FlockOperation::Unlock);
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

/// The lock ends with the process, however that ends.
fn lock(folder: &Path) -> Result<File, DataError> {
    let path = folder.join("lock");
    let failed = |error| DataError::File(path.clone(), error);
    let mut file = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(&path)
        .map_err(failed)?;
    match flock(&file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => {}
        Err(Errno::WOULDBLOCK) => {
            return Err(DataError::InUse {
                folder: folder.to_owned(),
                process: holder(&file),
            });
        }
        Err(error) => return Err(failed(error.into())),
    }
    // For the message above, in another process.
    file.set_len(0)
        .and_then(|()| writeln!(file, "{}", std::process::id()))
        .map_err(failed)?;
    Ok(file)
}

/// The process that says it holds the lock.
fn holder(file: &File) -> Option<u32> {
    let mut text = String::new();
    file.take(20).read_to_string(&mut text).ok()?;
    text.trim().parse().ok()
}
