//! `backup`: copies the SQLite database, also while a server uses it.
//!
//! It must never change the database, nor an existing file.

use std::fmt;
use std::io::{self, IsTerminal, Write};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use jiff::Timestamp;

use crate::config::Config;
use crate::store::{self, BackupContents, BackupError, BackupStep};

/// The interval of progress lines where standard error is no terminal.
const LINE_EVERY: Duration = Duration::from_secs(10);

/// The arguments of `backup`.
#[derive(Args, Clone, Debug, PartialEq, Eq)]
pub struct Backup {
    /// The file to create; it must not exist yet
    #[arg(value_name = "FILE")]
    to: PathBuf,
}

/// Why there is no backup.
#[derive(Debug)]
pub enum CannotBackUp {
    /// The data is in PostgreSQL, which has backups of its own.
    InPostgres,
    /// The copying failed.
    Failed(BackupError),
}

/// A finished backup.
#[derive(Debug)]
pub struct BackedUp {
    from: PathBuf,
    to: PathBuf,
    contents: BackupContents,
}

impl Backup {
    /// Copies `chat.db` of the data folder and shows the progress.
    pub fn run(&self, config: &Config) -> Result<BackedUp, CannotBackUp> {
        if config.postgres().is_some() {
            return Err(CannotBackUp::InPostgres);
        }
        let from = config.data_dir.join("chat.db");
        let mut progress = Progress::new();
        let copied = store::backup(&from, &self.to, |step| progress.tell(step));
        progress.bar.finish_and_clear();
        Ok(BackedUp {
            contents: copied.map_err(CannotBackUp::Failed)?,
            from,
            to: self.to.clone(),
        })
    }
}

/// Progress: a bar on a terminal, a line every [`LINE_EVERY`] elsewhere.
struct Progress {
    bar: ProgressBar,
    said: Instant,
}

impl Progress {
    fn new() -> Progress {
        let style = ProgressStyle::with_template("{wide_bar} {bytes} of about {total_bytes}{msg}");
        // The bar draws on a terminal only.
        let bar =
            ProgressBar::new(0).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
        Progress {
            bar,
            said: Instant::now(),
        }
    }

    fn tell(&mut self, step: BackupStep) {
        let words = match step {
            BackupStep::Copying(done, all) => {
                self.bar.set_length(all.max(done));
                self.bar.set_position(done);
                format!("copied {} of about {} MiB", done >> 20, all >> 20)
            }
            BackupStep::Checking => {
                self.bar.set_message(", checking");
                "copied; checking".to_owned()
            }
        };
        if !io::stderr().is_terminal() && self.said.elapsed() >= LINE_EVERY {
            self.said = Instant::now();
            // If standard error is closed, there is nowhere to report that.
            let _ = writeln!(io::stderr(), "{words}");
        }
    }
}

impl fmt::Display for BackedUp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let contents = &self.contents;
        writeln!(f, "from: {}", self.from.display())?;
        writeln!(f, "to: {}, {} bytes", self.to.display(), contents.bytes)?;
        let (accounts, channels) = (contents.accounts, contents.channels);
        let messages = contents.messages;
        write!(
            f,
            "copied and checked: {accounts} accounts, {channels} channels with rules, \
             {messages} messages"
        )?;
        let last = i64::try_from(contents.last.ms).unwrap_or(0);
        match Timestamp::from_millisecond(last) {
            Ok(time) if last > 0 => writeln!(f, ", all up to {time}"),
            _ => writeln!(f),
        }
    }
}

impl fmt::Display for CannotBackUp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            CannotBackUp::InPostgres => write!(
                f,
                "the configuration keeps accounts and messages in PostgreSQL: back them up with \
                 `pg_dump --format=custom --file=FILE DATABASE`, or as you back up that database \
                 anyway; docs/operations.md describes the rest"
            ),
            CannotBackUp::Failed(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for CannotBackUp {}
