//! The bans, kept in `bans.json`.

use std::collections::HashSet;
use std::io;
use std::path::PathBuf;

use parking_lot::MutexGuard;
use serde::{Deserialize, Serialize};

use crate::hub::{Ban, BanTarget, MAX_BANS};
use crate::json;
use crate::model::{Name, Text};
use crate::small_file;

use super::{DataDir, DataError, write};

/// Room for [`MAX_BANS`] with reasons of several KiB each.
const MAX_FILE_BYTES: u64 = 64 * 1024 * 1024;

/// The version of the format.
const VERSION: u32 = 1;

/// The file of bans, for one reader or writer at a time.
///
/// To save, take this first and then ask the hub for its list: of two concurrent saves, the later
/// one has the newer list.
pub struct BanFile<'a> {
    path: PathBuf,
    _turn: MutexGuard<'a, ()>,
}

impl DataDir {
    /// The file of bans; waits while it is in use.
    pub fn bans(&self) -> BanFile<'_> {
        BanFile {
            path: self.path.join("bans.json"),
            _turn: self.bans.lock(),
        }
    }
}

impl BanFile<'_> {
    /// The bans that have not expired by `now_ms`; none if there is no file.
    pub fn load(&self, now_ms: u64) -> Result<Vec<Ban>, DataError> {
        let read = small_file::open(&self.path)
            .and_then(|file| write::read_limited(&file, MAX_FILE_BYTES));
        let text = match read {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            // Not text, or longer than the limit.
            Err(error) if is_about_contents(&error) => {
                return Err(DataError::BadBans(self.path.clone(), error.to_string()));
            }
            Err(error) => return Err(DataError::File(self.path.clone(), error)),
        };
        let bans = parse(&text).map_err(|why| DataError::BadBans(self.path.clone(), why))?;
        let in_force = |ban: &Ban| ban.expires_ms.is_none_or(|end| end > now_ms);
        Ok(bans.into_iter().filter(in_force).collect())
    }

    /// Writes all bans; on failure the file stays as it was.
    pub fn save(&self, bans: &[Ban]) -> Result<(), DataError> {
        let failed = |error| DataError::File(self.path.clone(), error);
        let document = Document {
            version: VERSION,
            bans: bans.iter().map(StoredBan::from).collect(),
        };
        let mut json =
            serde_json::to_vec_pretty(&document).map_err(|error| failed(io::Error::from(error)))?;
        json.push(b'\n');
        if json.len() as u64 > MAX_FILE_BYTES {
            return Err(DataError::TooManyBans(self.path.clone()));
        }
        write::replace(&self.path, &json).map_err(failed)
    }
}

fn is_about_contents(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::InvalidData | io::ErrorKind::FileTooLarge
    )
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    version: u32,
    bans: Vec<StoredBan>,
}

/// A ban as it is stored.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct StoredBan {
    #[serde(deserialize_with = "json::whole_field")]
    id: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    nickname: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    address: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    #[serde(deserialize_with = "json::whole_field")]
    created_ms: u64,
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "json::optional_whole_field"
    )]
    expires_ms: Option<u64>,
}

impl From<&Ban> for StoredBan {
    fn from(ban: &Ban) -> StoredBan {
        let (nickname, address) = match &ban.target {
            BanTarget::Nickname(name) => (Some(name.as_str().to_owned()), None),
            BanTarget::Address(net) => (None, Some(net.to_string())),
        };
        StoredBan {
            id: ban.id,
            nickname,
            address,
            reason: ban.reason.as_ref().map(|text| text.as_str().to_owned()),
            created_ms: ban.created_ms,
            expires_ms: ban.expires_ms,
        }
    }
}

impl StoredBan {
    fn restore(self) -> Result<Ban, String> {
        let id = self.id;
        let target = match (self.nickname, self.address) {
            (Some(name), None) => Name::parse(&name)
                .map(BanTarget::Nickname)
                .map_err(|error| format!("ban {id}: {error}"))?,
            (None, Some(net)) => net
                .parse()
                .map(BanTarget::network)
                .map_err(|_| format!("ban {id}: expected a network such as 192.0.2.0/24"))?,
            _ => return Err(format!("ban {id} needs either a nickname or an address")),
        };
        Ok(Ban {
            id,
            target,
            // The file may have been edited by hand.
            reason: self.reason.map(|reason| Text::one_line(&reason)),
            created_ms: self.created_ms,
            expires_ms: self.expires_ms,
        })
    }
}

fn parse(text: &str) -> Result<Vec<Ban>, String> {
    let document: Document = json::read(text).map_err(|error| error.to_string())?;
    if document.version != VERSION {
        let version = document.version;
        return Err(format!(
            "version {version} is not known to this server, which writes version {VERSION}"
        ));
    }
    if document.bans.len() > MAX_BANS {
        return Err(format!("there are more than {MAX_BANS}"));
    }
    let mut ids = HashSet::new();
    let mut bans = Vec::with_capacity(document.bans.len());
    for stored in document.bans {
        if !ids.insert(stored.id) {
            return Err(format!("there are two bans with id {}", stored.id));
        }
        bans.push(stored.restore()?);
    }
    Ok(bans)
}
