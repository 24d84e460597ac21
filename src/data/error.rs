//! What can be wrong with the data folder, and what to do about it.

use std::fmt;
use std::io;
use std::path::PathBuf;

use crate::config::SecretError;

/// Why the data folder or a file in it cannot be used.
#[derive(Debug)]
pub enum DataError {
    /// The folder cannot be created or read.
    Folder(PathBuf, io::Error),
    /// Another process uses it.
    InUse {
        /// The folder.
        folder: PathBuf,
        /// The process, if its lock file says so.
        process: Option<u32>,
    },
    /// A file cannot be read or written.
    File(PathBuf, io::Error),
    /// The system has no random numbers.
    Random(getrandom::Error),
    /// The admin token's file does not contain a valid token.
    BadToken(PathBuf, SecretError),
    /// The file of bans cannot be parsed.
    BadBans(PathBuf, String),
    /// There are too many bans for the file to be loaded again.
    TooManyBans(PathBuf),
}

impl fmt::Display for DataError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            DataError::Folder(path, error) => write!(
                f,
                "the data folder {} cannot be used: {error}; give its owner access, or name \
                 another folder with --data-dir or data_dir",
                path.display()
            ),
            DataError::InUse { folder, process } => {
                write!(
                    f,
                    "the data folder {} is in use by another chat-server",
                    folder.display()
                )?;
                if let Some(process) = process {
                    write!(f, " (process {process})")?;
                }
                f.write_str("; stop that one, or name another folder with --data-dir or data_dir")
            }
            DataError::File(path, error) => {
                write!(
                    f,
                    "{} cannot be read or written: {error}; make it and its folder readable and \
                     writable for this user, or name another folder with --data-dir or data_dir",
                    path.display()
                )
            }
            DataError::Random(error) => {
                write!(f, "no random numbers for the admin token: {error}")
            }
            DataError::BadToken(path, error) => write!(
                f,
                "the secret in {} is not usable, it {error}; write a better one there, or delete the file \
                 to have one made at the next start",
                path.display()
            ),
            DataError::BadBans(path, error) => write!(
                f,
                "the bans in {} cannot be understood: {error}; correct the file, or move it away \
                 to start without bans (it is left as it is)",
                path.display()
            ),
            DataError::TooManyBans(path) => write!(
                f,
                "the bans are more than {} may hold; remove some, or shorten their reasons",
                path.display()
            ),
        }
    }
}

impl std::error::Error for DataError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            DataError::Folder(_, error) | DataError::File(_, error) => Some(error),
            DataError::BadToken(_, error) => Some(error),
            _ => None,
        }
    }
}
