//! The command line: the task to do, and the sources of the settings.
//!
//! This is the only place that reads the process's arguments and environment.
//! It binds nothing: the caller passes in the function that runs the server.

mod account;
mod arguments;
mod backup;
mod configuration;
mod hash_password;
mod init;
mod make_cert;
mod migrate;
mod output;
mod parent;
mod parse;
mod place;
mod remote;
mod say;
mod shell;
mod table;
mod tail;
mod token;

use std::fmt::Display;
use std::io;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use signal_hook::consts::SIGXFSZ;

use crate::bench::Bench;
use crate::config::{Config, Note, Sources};
use crate::logging;

use arguments::Arguments;

pub use account::AccountTask;
pub use backup::{BackedUp, Backup, CannotBackUp};
pub use init::{CannotInit, Init, Written};
pub use make_cert::{Made, MakeCert, MakeCertError};
pub use migrate::{CannotMigrate, Migrate, Migrated};
pub use parse::parse;
pub use say::Say;
pub use shell::Shell;
pub use tail::Tail;
pub use token::TokenTask;

/// Exit code for bad usage and bad configuration.
const MISTAKE: u8 = 2;

/// A command line, understood.
pub struct Invocation {
    /// The task.
    pub action: Action,
    /// Where to read the settings from.
    pub sources: Sources,
    /// The process id of the parent together with which this process ends, if any.
    pub end_with: Option<u32>,
}

/// A task of the program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Run the server.
    Run,
    /// Check the configuration and stop.
    CheckConfig,
    /// Print a configuration file in today's form and stop.
    ConvertConfig(PathBuf),
    /// Print the hash of a password and stop.
    HashPassword,
    /// Make a certificate and stop.
    MakeCert(MakeCert),
    /// Measure a server and stop.
    Bench(Box<Bench>),
    /// Run a name server.
    #[cfg(feature = "grpc")]
    NameServer,
    /// Copy everything to another database and stop.
    Migrate(Migrate),
    /// Copy the database, whether a server runs or not, and stop.
    Backup(Backup),
    /// Ask for the settings to begin with, write them to this file and stop.
    Init(Init, PathBuf),
    /// Post a message to a channel of a server and stop.
    Say(Say),
    /// Print what is said in channels of a server.
    Tail(Tail),
    /// Make, list or remove tokens of programs and stop.
    Token(TokenTask),
    /// List, reset or delete accounts and stop.
    Account(AccountTask),
    /// Print the completions for a shell and stop.
    Completions(Shell),
    /// Print the man page and stop.
    ManPage,
}

impl Action {
    /// Whether this task opens the configured listeners.
    fn is_server(&self) -> bool {
        matches!(self, Action::Run)
    }
}

/// The program: parses the process's arguments and environment and does the task.
/// `run` runs the server or the name server; it gets the sources, to read them
/// again on reload.
pub fn main(run: impl FnOnce(Action, Config, Sources) -> ExitCode) -> ExitCode {
    // For every task: reaching the limit on file sizes (`ulimit -f`) must be an
    // error like a full disk, not the end of the process.
    if let Err(error) = survive_file_limits() {
        output::complain(&error.to_string());
    }
    let invocation = match parse(std::env::args_os(), std::env::vars_os()) {
        Ok(invocation) => invocation,
        Err(error) => {
            // If standard error is closed, there is nowhere to report that.
            let printed = error.print();
            return if error.use_stderr() {
                ExitCode::from(MISTAKE)
            } else {
                output::shown(printed)
            };
        }
    };
    match invocation.end_with.map(parent::end_with) {
        None | Some(Ok(true)) => {}
        Some(Ok(false)) => return ExitCode::FAILURE,
        Some(Err(error)) => return conclude(Err::<String, _>(error)),
    }
    match &invocation.action {
        Action::MakeCert(what) => return conclude(what.run()),
        Action::HashPassword => return conclude(hash_password::hash_password()),
        Action::Bench(what) => return what.main(),
        Action::Init(what, file) => return conclude(what.run(file)),
        Action::Completions(shell) => {
            return output::show(&shell::completions(*shell, Arguments::program()));
        }
        Action::ManPage => return conclude(shell::man_page(Arguments::program())),
        Action::ConvertConfig(path) => return configuration::convert(path),
        Action::Say(what) => return what.main(&invocation.sources.environment),
        Action::Tail(what) => return what.main(&invocation.sources.environment),
        Action::Token(what) if what.is_elsewhere() => {
            return what.main(None, &invocation.sources.environment);
        }
        Action::Account(what) if what.is_elsewhere() => {
            return what.main(None, &invocation.sources.environment);
        }
        _ => {}
    }
    let loaded = match invocation.sources.load() {
        Ok(loaded) => loaded,
        Err(problems) => {
            configuration::complain(&problems);
            return ExitCode::from(MISTAKE);
        }
    };
    match invocation.action {
        Action::CheckConfig => output::show(&configuration::summary(&loaded)),
        Action::Migrate(what) => conclude(what.run(&loaded.config)),
        Action::Backup(what) => conclude(what.run(&loaded.config)),
        Action::Token(what) => what.main(Some(&loaded.config), &invocation.sources.environment),
        Action::Account(what) => what.main(Some(&loaded.config), &invocation.sources.environment),
        action => {
            logging::configure(&loaded.config);
            logging::catch_panics();
            for note in loaded.notes() {
                if is_of_use(note, &action) {
                    logging::say(&note.to_string());
                }
            }
            let code = run(action, loaded.config, invocation.sources);
            logging::finish();
            code
        }
    }
}

/// Of an older server's keys, a name server uses only the log level.
fn is_of_use(note: &Note, action: &Action) -> bool {
    action.is_server() || note.what.contains("log_level")
}

/// Prints the result of a task, or why it failed.
fn conclude(result: Result<impl Display, impl Display>) -> ExitCode {
    match result {
        Ok(done) => output::show(&done.to_string()),
        Err(error) => {
            output::complain(&error.to_string());
            ExitCode::FAILURE
        }
    }
}

/// Handles SIGXFSZ, so that a write beyond the limit on file sizes fails instead of
/// ending the process.
fn survive_file_limits() -> io::Result<()> {
    let seen = Arc::new(AtomicBool::new(false));
    signal_hook::flag::register(SIGXFSZ, seen).map(|_| ())
}

#[cfg(all(test, feature = "grpc"))]
mod tests {
    use super::*;

    #[test]
    fn a_name_server_is_told_only_of_its_own_settings() {
        let note = |what: &str| Note {
            key: "k".to_owned(),
            what: what.to_owned(),
        };
        let (listener, level) = (note("listen.web is \":1\""), note("log_level is \"info\""));
        assert!(is_of_use(&listener, &Action::Run));
        assert!(!is_of_use(&listener, &Action::NameServer));
        assert!(is_of_use(&level, &Action::NameServer));
    }
}
