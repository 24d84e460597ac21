//! The data folder: its lock, and the small files in it.
//!
//! One server uses it at a time. Files are written completely or not at all. A file that cannot be
//! read is reported, never overwritten: it may be valuable. The chat log and the database are in
//! the folder too, but have modules of their own.

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

/// Permission bits of group and others.
const OTHERS: u32 = 0o077;

/// The data folder, locked until it is released or dropped.
#[derive(Debug)]
pub struct DataDir {
    path: PathBuf,
    lock: File,
    /// Serialises saving; see [`DataDir::bans`].
    bans: Mutex<()>,
}

impl DataDir {
    /// Locks the folder, after creating it if necessary.
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

    /// Lets other processes use it, although this value may still exist for a while.
    pub fn release(&self) {
        // Fails only for an invalid descriptor.
        let _ = flock(&self.lock, FlockOperation::Unlock);
    }

    /// The path of the folder.
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
    // For the error message above, in another process.
    file.set_len(0)
        .and_then(|()| writeln!(file, "{}", std::process::id()))
        .map_err(failed)?;
    Ok(file)
}

/// The process that the lock file names as its holder.
fn holder(file: &File) -> Option<u32> {
    let mut text = String::new();
    file.take(20).read_to_string(&mut text).ok()?;
    text.trim().parse().ok()
}
