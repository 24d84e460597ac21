//! The admin token and the keys: configured, or generated at the first start and kept in
//! files.

use std::fs::{File, Permissions};
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use data_encoding::BASE32_NOPAD;

use crate::config::{Secret, SecretError};

use crate::small_file;

use super::{DataDir, DataError, OTHERS, write};

const CLOAK_KEY: &str = "cloak-key";
/// Far longer than any token.
const MAX_FILE_BYTES: u64 = 4096;

/// The admin token, and where an administrator finds it.
#[derive(Clone, Debug, PartialEq)]
pub enum AdminToken {
    /// From the configuration.
    Configured(Secret),
    /// From this file in the data folder.
    Kept(Secret, PathBuf),
}

impl AdminToken {
    /// The token.
    pub fn secret(&self) -> &Secret {
        match self {
            AdminToken::Configured(secret) | AdminToken::Kept(secret, _) => secret,
        }
    }
}

impl DataDir {
    /// The configured token or, without one, that of the folder's file, which is generated if
    /// necessary.
    pub fn admin_token(&self, configured: Option<&Secret>) -> Result<AdminToken, DataError> {
        if let Some(secret) = configured {
            return Ok(AdminToken::Configured(secret.clone()));
        }
        let secret = self.kept("admin-token")?;
        Ok(AdminToken::Kept(secret, self.path.join("admin-token")))
    }
}

impl DataDir {
    /// The key that signs nickname tokens; generated at the first start and kept, so that they stay
    /// valid after a restart.
    pub fn signing_key(&self) -> Result<Secret, DataError> {
        self.kept("signing-key")
    }

    /// The key that makes what stands for clients' addresses; generated at the first start and
    /// kept, so that bans of channels hit the same people after a restart.
    pub fn cloak_key(&self) -> Result<Secret, DataError> {
        self.kept(CLOAK_KEY)
    }

    /// Keeps the cloak key that the servers of a cluster have agreed on: any of them can then be
    /// the first one after Redis has lost its data.
    #[cfg(feature = "cluster")]
    pub fn keep_cloak_key(&self, common: &Secret) -> Result<(), DataError> {
        if self.cloak_key()? == *common {
            return Ok(());
        }
        let path = self.path.join(CLOAK_KEY);
        write::replace(&path, format!("{}\n", common.expose()).as_bytes())
            .map_err(|error| DataError::File(path, error))
    }

    fn kept(&self, name: &str) -> Result<Secret, DataError> {
        let path = self.path.join(name);
        match small_file::open(&path) {
            Ok(file) => read(&file, &path),
            Err(error) if error.kind() == io::ErrorKind::NotFound => make(&path),
            Err(error) => Err(DataError::File(path, error)),
        }
    }
}

fn read(file: &File, path: &Path) -> Result<Secret, DataError> {
    let failed = |error| DataError::File(path.to_owned(), error);
    let mode = file.metadata().map_err(failed)?.permissions().mode();
    if mode & OTHERS != 0 {
        file.set_permissions(Permissions::from_mode(0o600))
            .map_err(failed)?;
        log::warn!(
            "the secret in {} was open to others on this machine (mode {:o}), now it is \
             not; if others may have read it, delete the file and restart for a new one",
            path.display(),
            mode & 0o777,
        );
    }
    let parsed = match write::read_limited(file, MAX_FILE_BYTES) {
        Ok(text) => Secret::parse(text.trim()),
        Err(error) if error.kind() == io::ErrorKind::InvalidData => Err(SecretError::BadCharacter),
        Err(error) => return Err(failed(error)),
    };
    parsed.map_err(|error| DataError::BadToken(path.to_owned(), error))
}

/// 32 random bytes.
fn make(path: &Path) -> Result<Secret, DataError> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).map_err(DataError::Random)?;
    let text = BASE32_NOPAD.encode(&bytes);
    write::replace(path, format!("{text}\n").as_bytes())
        .map_err(|error| DataError::File(path.to_owned(), error))?;
    Secret::parse(&text).map_err(|error| DataError::BadToken(path.to_owned(), error))
}
