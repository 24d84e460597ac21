//! Parses a command line into the task to do and the sources of the settings.

use std::ffi::OsString;
use std::fmt::Display;
use std::path::{Path, PathBuf};

use clap::FromArgMatches;
use clap::error::ErrorKind;

use crate::config::{ConfigFile, Flag, Sources};

use super::arguments::{Arguments, Task};
use super::{Action, Invocation};

/// Configuration files to look for when none is named; the first that exists is read.
const DEFAULT_FILES: [&str; 3] = ["config.json", "config.yaml", "config.yml"];

/// Parses a command line, the program's name first. `--help` and `--version`
/// come back as [`clap::Error`], too.
pub fn parse(
    args: impl IntoIterator<Item = OsString>,
    environment: impl IntoIterator<Item = (OsString, OsString)>,
) -> Result<Invocation, clap::Error> {
    let mut program = Arguments::program();
    let matches = program.try_get_matches_from_mut(args.into_iter().map(with_two_dashes))?;
    let mut arguments =
        Arguments::from_arg_matches(&matches).map_err(|error| error.format(&mut program))?;
    let (config, task) = (arguments.config.take(), arguments.task.take());
    let end_with = arguments.end_with;
    let flags = arguments.flags();
    match &task {
        Some(Task::Bench(what)) => {
            refuse_unheeded("bench", config.as_deref(), &flags)?;
            what.check().map_err(|why| conflict("bench", why))?;
        }
        Some(Task::Say(_)) => refuse_unheeded("say", config.as_deref(), &flags)?,
        Some(Task::Tail(what)) => {
            refuse_unheeded("tail", config.as_deref(), &flags)?;
            what.check().map_err(|why| conflict("tail", why))?;
        }
        _ => {}
    }
    let action = match task {
        None | Some(Task::Serve) => Action::Run,
        Some(Task::ConvertConfig { file }) => {
            let named = file.or_else(|| config.clone());
            Action::ConvertConfig(named.ok_or_else(no_file_to_convert)?)
        }
        Some(Task::CheckConfig) => Action::CheckConfig,
        Some(Task::HashPassword) => Action::HashPassword,
        Some(Task::MakeCert(what)) => Action::MakeCert(what),
        Some(Task::Bench(what)) => Action::Bench(what),
        #[cfg(feature = "grpc")]
        Some(Task::NameServer) => {
            refuse_unopened(&flags)?;
            Action::NameServer
        }
        Some(Task::Migrate(what)) => Action::Migrate(what),
        Some(Task::Backup(what)) => Action::Backup(what),
        Some(Task::Init(what)) => {
            let file = config.clone().unwrap_or_else(|| DEFAULT_FILES[0].into());
            Action::Init(what, file)
        }
        Some(Task::Say(what)) => Action::Say(what),
        Some(Task::Tail(what)) => Action::Tail(what),
        Some(Task::Token(what)) => Action::Token(what),
        Some(Task::Account(what)) => Action::Account(what),
        Some(Task::Completions { shell }) => Action::Completions(shell),
        Some(Task::ManPage) => Action::ManPage,
    };
    let file = match config {
        Some(path) => ConfigFile::Required(path),
        None => ConfigFile::IfPresent(default_file()),
    };
    Ok(Invocation {
        action,
        sources: Sources {
            file,
            environment: environment.into_iter().collect(),
            flags,
        },
        end_with,
    })
}

/// `bench`, `say` and `tail` deal with another process, so a setting given here would have no
/// effect.
fn refuse_unheeded(task: &str, config: Option<&Path>, flags: &[Flag]) -> Result<(), clap::Error> {
    let config = config.map(|_| "--config");
    let Some(given) = config.or(flags.first().map(|flag| flag.name)) else {
        return Ok(());
    };
    let instead = match task {
        "bench" => {
            "--server-config changes settings of the server it starts, --address measures another"
        }
        _ => "--server names the server that is called; a channel is -C or --channel",
    };
    Err(conflict(
        task,
        format!("{given} is not for {task}: {instead}"),
    ))
}

/// A name server opens `name_server.listen` alone and stores nothing, so it refuses
/// the flags of listeners and of the data folder.
#[cfg(feature = "grpc")]
fn refuse_unopened(flags: &[Flag]) -> Result<(), clap::Error> {
    let Some(flag) = flags.iter().find(|flag| flag.path != "log_level") else {
        return Ok(());
    };
    let why = format!(
        "{} is not for name-server: it listens at name_server.listen alone, without TLS; set that \
         in the file, or CHAT_SERVER_NAME_SERVER_LISTEN",
        flag.name
    );
    Err(Arguments::program().error(ErrorKind::ArgumentConflict, why))
}

/// The error for options of a task that contradict each other, with its usage line.
fn conflict(task: &str, why: impl Display) -> clap::Error {
    let mut program = Arguments::program();
    let task = program.find_subcommand_mut(task);
    let mut task = task.map_or_else(Arguments::program, |task| task.clone());
    task.error(ErrorKind::ArgumentConflict, why)
}

/// The first default file that exists, else the one that the documentation names.
fn default_file() -> PathBuf {
    let mut files = DEFAULT_FILES.map(PathBuf::from).into_iter();
    let there = files.find(|file| file.exists());
    there.unwrap_or_else(|| PathBuf::from(DEFAULT_FILES[0]))
}

fn no_file_to_convert() -> clap::Error {
    let why = "name the file: chat-server convert-config FILE";
    Arguments::program().error(ErrorKind::MissingRequiredArgument, why)
}

/// Users of room lines write `-tcp ADDR` and `-ws=ADDR`; users of the older line
/// server write `-config FILE`.
fn with_two_dashes(argument: OsString) -> OsString {
    let is_old_flag = argument.to_str().is_some_and(|text| {
        let name = text.split_once('=').map_or(text, |(name, _)| name);
        matches!(name, "-tcp" | "-ws" | "-config")
    });
    if !is_old_flag {
        return argument;
    }
    let mut long = OsString::from("-");
    long.push(argument);
    long
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(line: &str) -> Result<Invocation, clap::Error> {
        let words = std::iter::once("chat-server").chain(line.split_whitespace());
        parse(words.map(OsString::from), [])
    }

    fn flags(line: &str) -> Vec<(&'static str, String)> {
        let flags = parsed(line)
            .unwrap_or_else(|e| panic!("{line}: {e}"))
            .sources
            .flags;
        flags
            .into_iter()
            .map(|flag| (flag.path, flag.value))
            .collect()
    }

    #[test]
    fn one_dash_will_do_for_room_lines() {
        let expected = [
            ("listen.tcp", ":8989".to_owned()),
            ("listen.ws", "off".to_owned()),
        ];
        assert_eq!(flags("-tcp :8989 -ws off"), expected);
        assert_eq!(flags("-ws=off -tcp=:8989"), expected);
        assert_eq!(flags("--tcp :8989 --ws=off"), expected);
        assert!(parsed("-telnet :4000").is_err());
        assert!(parsed("-tcpx :4000").is_err());
    }

    #[test]
    fn a_file_that_is_named_has_to_be_there() {
        let file = |line| parsed(line).unwrap_or_else(|e| panic!("{e}")).sources.file;
        assert_eq!(file(""), ConfigFile::IfPresent("config.json".into()));
        assert_eq!(file("-c a.json"), ConfigFile::Required("a.json".into()));
        assert_eq!(
            file("check-config --config a.json"),
            ConfigFile::Required("a.json".into())
        );
        // As the older line server and the server of direct messages took it.
        for line in [
            "-config a.json",
            "-config=a.json",
            "--config=a.json",
            "-c=a.json",
            "-c=a.json serve",
            "serve -config a.json",
        ] {
            assert_eq!(file(line), ConfigFile::Required("a.json".into()), "{line}");
            assert_eq!(parsed(line).ok().unwrap().action, Action::Run, "{line}");
        }
    }

    #[cfg(feature = "grpc")]
    #[test]
    fn a_name_server_refuses_what_it_does_not_open() {
        for flag in ["--grpc :1", "--tls-web :1", "--telnet off", "--data-dir d"] {
            let error = parsed(&format!("name-server {flag}")).err().unwrap();
            assert_eq!(error.kind(), ErrorKind::ArgumentConflict, "{flag}");
        }
        assert!(parsed("name-server --log-level debug -c c.json").is_ok());
    }
}
