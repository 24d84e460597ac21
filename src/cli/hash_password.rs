//! `hash-password`: the hash of a password, for `irc.operators`.
//!
//! The password comes by standard input, because process lists show arguments.

use std::fmt;
use std::io::{self, BufRead};

use crate::account::{PasswordError, PasswordWorkers};
use crate::model::Secret;

/// The longest line that is read, in bytes.
const MAX_BYTES: u64 = 4096;

/// The hash of the password in the first line of the input.
pub fn hash_password() -> Result<Hashed, CannotHash> {
    let mut line = String::new();
    let input = io::Read::take(io::stdin().lock(), MAX_BYTES);
    io::BufReader::new(input)
        .read_line(&mut line)
        .map_err(CannotHash::Read)?;
    let password = line.trim_end_matches(['\r', '\n']);
    if password.is_empty() {
        return Err(CannotHash::Nothing);
    }
    let hash = PasswordWorkers::with(1, 0).hash(&Secret::new(password));
    Ok(Hashed(hash.map_err(CannotHash::Hash)?))
}

/// The hash, to be printed.
pub struct Hashed(Secret);

/// Why there is none.
#[derive(Debug)]
pub enum CannotHash {
    /// Standard input cannot be read.
    Read(io::Error),
    /// There is no password in it.
    Nothing,
    /// The password cannot be hashed.
    Hash(PasswordError),
}

impl fmt::Display for Hashed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.0.expose())
    }
}

impl fmt::Display for CannotHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            CannotHash::Read(error) => write!(f, "cannot read the password: {error}"),
            CannotHash::Nothing => write!(f, "no password in the first line of standard input"),
            CannotHash::Hash(error) => write!(f, "{error}"),
        }
    }
}
