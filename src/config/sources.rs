//! Where settings are given, and how they become a [`Config`].
//!
//! The file is overridden by the environment, and both by flags. Reading
//! goes on after a mistake, so that all of them are reported at once.

use std::collections::HashMap;
use std::ffi::OsString;
use std::fmt;
use std::path::PathBuf;

use super::Config;
use super::file::{ConfigFile, Reading};
use super::loader::{Flag, Loader};
use super::originals::Note;
use super::problem::{Origin, Problems};

/// The sources of the configuration. Kept to read it again on reload. Holds
/// secrets, so it has no `Debug`.
#[derive(Clone)]
pub struct Sources {
    /// The configuration file.
    pub file: ConfigFile,
    /// The environment. Only variables that start with `CHAT_SERVER_`, and those of
    /// older servers, are used.
    pub environment: Vec<(OsString, OsString)>,
    /// Flags of the command line.
    pub flags: Vec<Flag>,
}

/// A configuration together with where each setting comes from.
#[derive(Debug)]
pub struct Loaded {
    /// The configuration.
    pub config: Config,
    /// The file that was read, if any.
    pub file: Option<PathBuf>,
    origins: HashMap<&'static str, Origin>,
    notes: Vec<Note>,
}

impl Sources {
    /// Reads and checks everything.
    pub fn load(&self) -> Result<Loaded, Problems> {
        self.read(Reading::First)
    }

    /// Reads and checks everything again, for a reload. The file must be a regular
    /// one, because a reload must not block on a pipe.
    pub fn load_again(&self) -> Result<Loaded, Problems> {
        self.read(Reading::Again)
    }

    fn read(&self, reading: Reading) -> Result<Loaded, Problems> {
        let mut loader = Loader::default();
        let file = loader.file(&self.file, reading);
        loader.environment(&self.environment);
        for flag in &self.flags {
            loader.flag(flag);
        }
        loader.correct_notes();
        loader.check();
        if !loader.problems.is_empty() {
            return Err(Problems(loader.problems));
        }
        Ok(Loaded {
            config: loader.config,
            file,
            origins: loader.origins,
            notes: loader.notes,
        })
    }
}

impl Loaded {
    /// Where the value of the setting at `path` comes from.
    pub fn origin(&self, path: &str) -> &Origin {
        self.origins.get(path).unwrap_or(&Origin::Default)
    }

    /// What became of each key and variable of an older server, if there are
    /// any.
    pub fn notes(&self) -> &[Note] {
        &self.notes
    }
}

/// Every setting with its value, and its origin where that is not the
/// default. Secrets are not shown.
impl fmt::Display for Loaded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for setting in Config::settings() {
            write!(f, "{} = {}", setting.path, setting.value(&self.config))?;
            match self.origin(setting.path) {
                Origin::Default => writeln!(f)?,
                origin => writeln!(f, "  ({origin})")?,
            }
        }
        Ok(())
    }
}
