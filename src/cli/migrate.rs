//! `migrate`: copies accounts and messages from SQLite to PostgreSQL.
//!
//! It must never change the database it reads, nor show a password.

use std::fmt;
use std::path::{Path, PathBuf};

use clap::Args;

use crate::config::Config;
use crate::store::{DatabaseUrl, UrlError};

/// The arguments of `migrate`.
#[derive(Args, Clone, PartialEq, Eq)]
pub struct Migrate {
    /// sqlite (chat.db in the data folder), a folder that has a chat.db, or a database file
    #[arg(long, value_name = "DATABASE", default_value = "sqlite")]
    from: String,
    /// postgres (the configured store.postgres), or a postgres:// URL
    #[arg(long, value_name = "DATABASE", default_value = "postgres")]
    to: String,
}

/// Why nothing, or not everything, was copied.
#[derive(Debug)]
pub enum CannotMigrate {
    /// Only SQLite can be read.
    NotFromThere,
    /// `--to` is neither `postgres` nor a URL.
    NoUrl(UrlError),
    /// The configuration names no PostgreSQL database.
    NoTarget,
    /// The program was built without PostgreSQL.
    #[cfg(not(feature = "cluster"))]
    NotBuilt,
    /// The copying failed.
    #[cfg(feature = "cluster")]
    Failed(crate::store::MigrateError),
}

/// A finished migration.
pub struct Migrated {
    from: PathBuf,
    to: DatabaseUrl,
    what: String,
}

impl Migrate {
    /// Copies everything, with a progress bar on a terminal.
    pub fn run(&self, config: &Config) -> Result<Migrated, CannotMigrate> {
        let from = self.source(&config.data_dir)?;
        let to = self.target(config)?;
        let what = copy(&from, &to)?;
        Ok(Migrated { from, to, what })
    }

    fn source(&self, data_dir: &Path) -> Result<PathBuf, CannotMigrate> {
        let path = match self.from.as_str() {
            "sqlite" => data_dir,
            "postgres" => return Err(CannotMigrate::NotFromThere),
            url if url.contains("://") => return Err(CannotMigrate::NotFromThere),
            path => Path::new(path),
        };
        Ok(match path.is_dir() || self.from == "sqlite" {
            true => path.join("chat.db"),
            false => path.to_owned(),
        })
    }

    fn target(&self, config: &Config) -> Result<DatabaseUrl, CannotMigrate> {
        match self.to.as_str() {
            "postgres" => config.store.postgres.clone().ok_or(CannotMigrate::NoTarget),
            url => DatabaseUrl::parse(url).map_err(CannotMigrate::NoUrl),
        }
    }
}

#[cfg(not(feature = "cluster"))]
fn copy(_: &Path, _: &DatabaseUrl) -> Result<String, CannotMigrate> {
    Err(CannotMigrate::NotBuilt)
}

#[cfg(feature = "cluster")]
fn copy(from: &Path, to: &DatabaseUrl) -> Result<String, CannotMigrate> {
    use crate::store::{PostgresSettings, migrate};
    // The bar draws on a terminal only.
    let bar = indicatif::ProgressBar::new(0).with_style(
        indicatif::ProgressStyle::with_template(
            "{wide_bar} {human_pos} of {human_len} messages, {eta} left",
        )
        .unwrap_or_else(|_| indicatif::ProgressStyle::default_bar()),
    );
    let copied = migrate(from, &PostgresSettings::new(to.clone()), |done, all| {
        bar.set_length(all);
        bar.set_position(done);
    });
    bar.finish_and_clear();
    let copied = copied.map_err(CannotMigrate::Failed)?;
    Ok(copied.to_string())
}

/// Leaves out the target: its URL may hold a password.
impl fmt::Debug for Migrate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Migrate")
            .field("from", &self.from)
            .finish_non_exhaustive()
    }
}

impl fmt::Display for Migrated {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "from: {}", self.from.display())?;
        writeln!(f, "to: {}", self.to)?;
        writeln!(f, "copied and counted: {}", self.what)
    }
}

impl fmt::Display for CannotMigrate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            CannotMigrate::NotFromThere => {
                write!(
                    f,
                    "--from: only SQLite can be read: sqlite, a folder, or a file"
                )
            }
            CannotMigrate::NoUrl(UrlError::Scheme) => {
                write!(
                    f,
                    "--to: expected postgres, or a URL that begins with postgres://"
                )
            }
            CannotMigrate::NoUrl(error) => write!(f, "--to: {error}"),
            CannotMigrate::NoTarget => write!(
                f,
                "--to postgres: the configuration names no database; set store.postgres, \
                 or CHAT_SERVER_STORE_POSTGRES"
            ),
            #[cfg(not(feature = "cluster"))]
            CannotMigrate::NotBuilt => write!(
                f,
                "this program was built without PostgreSQL; \
                 build one with: cargo build --release --features cluster"
            ),
            #[cfg(feature = "cluster")]
            CannotMigrate::Failed(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for CannotMigrate {}

#[cfg(test)]
mod tests {
    use super::*;

    fn migrate(from: &str, to: &str) -> Migrate {
        Migrate {
            from: from.to_owned(),
            to: to.to_owned(),
        }
    }

    #[test]
    fn databases_go_by_their_kind_or_by_their_place() {
        let folder = tempfile::tempdir().unwrap();
        let data = Path::new("data");
        let source = |from: &str| migrate(from, "postgres").source(data);
        assert_eq!(source("sqlite").unwrap(), Path::new("data/chat.db"));
        let path = folder.path().to_str().unwrap();
        assert_eq!(source(path).unwrap(), folder.path().join("chat.db"));
        assert_eq!(source("old.db").unwrap(), Path::new("old.db"));
        assert!(source("postgres").is_err() && source("postgres://db").is_err());
        let mut config = Config::default();
        let target = |to: &str, config: &Config| {
            let target = migrate("sqlite", to).target(config);
            target.map(|url| url.expose().to_owned())
        };
        assert!(matches!(
            target("postgres", &config),
            Err(CannotMigrate::NoTarget)
        ));
        config.store.postgres = DatabaseUrl::parse("postgres://db/chat").ok();
        assert_eq!(target("postgres", &config).unwrap(), "postgres://db/chat");
        assert_eq!(
            target("postgres://other", &config).unwrap(),
            "postgres://other"
        );
        assert!(matches!(
            target("data", &config),
            Err(CannotMigrate::NoUrl(_))
        ));
    }

    #[test]
    fn a_password_on_the_command_line_is_not_repeated() {
        let migrate = migrate("sqlite", "postgres://chat:hunter2@db");
        assert!(!format!("{migrate:?}").contains("hunter2"));
    }
}
