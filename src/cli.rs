//! The command line: the task to do, and the sources of the settings.
//!
//! This is the only place that reads the process's arguments and environment.
//! It binds nothing: the caller passes in the function that runs the server.

mod backup;
mod make_cert;
mod migrate;
mod output;
mod parent;

use std::ffi::OsString;
use std::fmt::Display;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use clap::error::ErrorKind;
use clap::{CommandFactory, Parser, Subcommand};
use signal_hook::consts::SIGXFSZ;

use crate::bench::Bench;
use crate::build_info;
use crate::config::{self, Config, ConfigFile, Flag, Loaded, Note, Problems, Sources};
use crate::logging;

pub use backup::{BackedUp, Backup, CannotBackUp};
pub use make_cert::{Made, MakeCert, MakeCertError};
pub use migrate::{CannotMigrate, Migrate, Migrated};

/// Exit code for bad usage and bad configuration.
const MISTAKE: u8 = 2;

/// Configuration files to look for when none is named; the first that exists is read.
const DEFAULT_FILES: [&str; 3] = ["config.json", "config.yaml", "config.yml"];

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
}

impl Action {
    /// Whether this task opens the configured listeners.
    fn is_server(&self) -> bool {
        matches!(self, Action::Run)
    }
}

const EXAMPLES: &str = "\
Examples:
  chat-server                               on this machine only: telnet 4000,
                                            REST 4001, page and WebSocket 4004,
                                            room lines 8989 and 8099
  chat-server --telnet 0.0.0.0:4000         let other machines in by telnet
  chat-server --web off --tcp :9989         no page; room lines on port 9989
  chat-server -c /etc/chat.json check-config
  chat-server convert-config old.json       a file of an older server in today's form
  chat-server make-cert                     a certificate to try TLS with
  chat-server bench room                    measure a room of 1,000 members
  chat-server --tls-certificate tls/certificate.pem --tls-key tls/key.pem \\
              --tls-web 0.0.0.0:4443        page and REST by HTTPS too
  chat-server backup chat-1.db              copy the database while it is in use
  chat-server migrate --from sqlite --to postgres
                                            copy the data folder's database to
                                            store.postgres; if interrupted, run
                                            it again and it continues

Addresses are host:port, a port alone (loopback), or off.

Settings come from the file, are overridden by environment variables, and those
by flags. Every setting has a variable named after its place in the file:
  CHAT_SERVER_LISTEN_TELNET       listen.telnet
  CHAT_SERVER_DATA_DIR            data_dir
  CHAT_SERVER_LIMITS_LINE_BYTES   limits.line_bytes
  CHAT_SERVER_ADMIN_TOKEN         admin.token (never a flag: process lists show those)
check-config shows every setting, its value and the source of the value.

SIGHUP reads the file and the certificate again and reopens the chat log; SIGTERM shuts down.";

/// A chat server: telnet, WebSocket, page and REST, meeting in the same channels.
#[derive(Parser)]
#[command(name = "chat-server", version = build_info::line(), after_help = EXAMPLES)]
struct Arguments {
    /// Configuration file, also -config [default: config.json, config.yaml or
    /// config.yml, the first that exists]
    #[arg(short, long, value_name = "FILE", global = true)]
    config: Option<PathBuf>,
    /// Line protocol over TCP [default: 127.0.0.1:4000]
    #[arg(long, value_name = "ADDR", global = true)]
    telnet: Option<String>,
    /// Admin REST [default: 127.0.0.1:4001]
    #[arg(long, value_name = "ADDR", global = true)]
    rest: Option<String>,
    /// Page, WebSockets and REST on one origin [default: 127.0.0.1:4004]
    #[arg(long, value_name = "ADDR", global = true)]
    web: Option<String>,
    /// Room lines over TCP, also -tcp [default: 127.0.0.1:8989]
    #[arg(long, value_name = "ADDR", global = true)]
    tcp: Option<String>,
    /// Room lines over WebSocket, also -ws [default: 127.0.0.1:8099]
    #[arg(long, value_name = "ADDR", global = true)]
    ws: Option<String>,
    /// Administration over gRPC [default: off]
    #[arg(long, value_name = "ADDR", global = true)]
    grpc: Option<String>,
    /// PEM file with the server's certificate for TLS, followed by its intermediates
    #[arg(long, value_name = "FILE", global = true, help_heading = "TLS")]
    tls_certificate: Option<String>,
    /// PEM file with the certificate's private key
    #[arg(long, value_name = "FILE", global = true, help_heading = "TLS")]
    tls_key: Option<String>,
    /// As --telnet, over TLS [default: off]
    #[arg(long, value_name = "ADDR", global = true, help_heading = "TLS")]
    tls_telnet: Option<String>,
    /// As --rest, over HTTPS [default: off]
    #[arg(long, value_name = "ADDR", global = true, help_heading = "TLS")]
    tls_rest: Option<String>,
    /// As --web, over HTTPS [default: off]
    #[arg(long, value_name = "ADDR", global = true, help_heading = "TLS")]
    tls_web: Option<String>,
    /// As --tcp, over TLS [default: off]
    #[arg(long, value_name = "ADDR", global = true, help_heading = "TLS")]
    tls_tcp: Option<String>,
    /// As --ws, over HTTPS [default: off]
    #[arg(long, value_name = "ADDR", global = true, help_heading = "TLS")]
    tls_ws: Option<String>,
    /// As --grpc, over TLS [default: off]
    #[arg(long, value_name = "ADDR", global = true, help_heading = "TLS")]
    tls_grpc: Option<String>,
    /// Folder for chat log, admin token, bans and database [default: data]
    #[arg(long, value_name = "DIR", global = true)]
    data_dir: Option<String>,
    /// off, error, warn, info, debug, trace or a filter [default: info]
    #[arg(long, value_name = "LEVEL", global = true)]
    log_level: Option<String>,
    /// End when this process ends, which must be the one that starts it
    #[arg(long, value_name = "PID", hide = true)]
    end_with: Option<u32>,
    #[command(subcommand)]
    task: Option<Task>,
}

#[derive(Subcommand)]
enum Task {
    /// Run the server; the default
    Serve,
    /// Check the configuration, show every setting in force, bind nothing
    CheckConfig,
    /// Print a configuration file in today's form; standard error says what became of each key
    ConvertConfig {
        /// The file [default: the file of -c]
        file: Option<PathBuf>,
    },
    /// Make a certificate and its key, for trying TLS, and say how to use them
    MakeCert(MakeCert),
    /// Put load on a server and measure what it carries
    Bench(Box<Bench>),
    /// Run a name server, which lists the chat servers and directs clients to them
    #[cfg(feature = "grpc")]
    NameServer,
    /// Copy accounts and messages from SQLite to PostgreSQL; the server must not run
    Migrate(Migrate),
    /// Copy the SQLite database to a file, and check the copy; the server may run
    Backup(Backup),
}

impl Arguments {
    fn flags(self) -> Vec<Flag> {
        [
            ("--telnet", "listen.telnet", self.telnet),
            ("--rest", "listen.rest", self.rest),
            ("--web", "listen.web", self.web),
            ("--tcp", "listen.tcp", self.tcp),
            ("--ws", "listen.ws", self.ws),
            ("--grpc", "listen.grpc", self.grpc),
            ("--tls-certificate", "tls.certificate", self.tls_certificate),
            ("--tls-key", "tls.key", self.tls_key),
            ("--tls-telnet", "tls.telnet", self.tls_telnet),
            ("--tls-rest", "tls.rest", self.tls_rest),
            ("--tls-web", "tls.web", self.tls_web),
            ("--tls-tcp", "tls.tcp", self.tls_tcp),
            ("--tls-ws", "tls.ws", self.tls_ws),
            ("--tls-grpc", "tls.grpc", self.tls_grpc),
            ("--data-dir", "data_dir", self.data_dir),
            ("--log-level", "log_level", self.log_level),
        ]
        .into_iter()
        .filter_map(|(name, path, value)| {
            let value = value?;
            Some(Flag { name, path, value })
        })
        .collect()
    }
}

/// `bench` measures another process, so a setting given here would have no effect
/// and the figures would mislead.
fn refuse_unheeded(config: Option<&Path>, flags: &[Flag]) -> Result<(), clap::Error> {
    let config = config.map(|_| "--config");
    let Some(given) = config.or(flags.first().map(|flag| flag.name)) else {
        return Ok(());
    };
    let why = format!(
        "{given} is not for bench: --server-config changes settings of the server it starts, \
         --address measures another"
    );
    Err(conflict(why))
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
    Err(Arguments::command().error(ErrorKind::ArgumentConflict, why))
}

/// The error for options of `bench` that contradict each other, with its usage line.
fn conflict(why: impl Display) -> clap::Error {
    let mut program = Arguments::command();
    program.build();
    let bench = program.find_subcommand_mut("bench");
    let mut bench = bench.map_or_else(Arguments::command, |bench| bench.clone());
    bench.error(ErrorKind::ArgumentConflict, why)
}

/// Parses a command line, the program's name first. `--help` and `--version`
/// come back as [`clap::Error`], too.
pub fn parse(
    args: impl IntoIterator<Item = OsString>,
    environment: impl IntoIterator<Item = (OsString, OsString)>,
) -> Result<Invocation, clap::Error> {
    let mut arguments = Arguments::try_parse_from(args.into_iter().map(with_two_dashes))?;
    let (config, task) = (arguments.config.take(), arguments.task.take());
    let end_with = arguments.end_with;
    let flags = arguments.flags();
    if let Some(Task::Bench(what)) = &task {
        refuse_unheeded(config.as_deref(), &flags)?;
        what.check().map_err(conflict)?;
    }
    let action = match task {
        None | Some(Task::Serve) => Action::Run,
        Some(Task::ConvertConfig { file }) => {
            let named = file.or_else(|| config.clone());
            Action::ConvertConfig(named.ok_or_else(no_file_to_convert)?)
        }
        Some(Task::CheckConfig) => Action::CheckConfig,
        Some(Task::MakeCert(what)) => Action::MakeCert(what),
        Some(Task::Bench(what)) => Action::Bench(what),
        #[cfg(feature = "grpc")]
        Some(Task::NameServer) => {
            refuse_unopened(&flags)?;
            Action::NameServer
        }
        Some(Task::Migrate(what)) => Action::Migrate(what),
        Some(Task::Backup(what)) => Action::Backup(what),
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

/// The first default file that exists, else the one that the documentation names.
fn default_file() -> PathBuf {
    let mut files = DEFAULT_FILES.map(PathBuf::from).into_iter();
    let there = files.find(|file| file.exists());
    there.unwrap_or_else(|| PathBuf::from(DEFAULT_FILES[0]))
}

fn no_file_to_convert() -> clap::Error {
    let why = "name the file: chat-server convert-config FILE";
    Arguments::command().error(ErrorKind::MissingRequiredArgument, why)
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
        Action::Bench(what) => return what.main(),
        Action::ConvertConfig(path) => return convert(path),
        _ => {}
    }
    let loaded = match invocation.sources.load() {
        Ok(loaded) => loaded,
        Err(problems) => {
            complain(&problems);
            return ExitCode::from(MISTAKE);
        }
    };
    match invocation.action {
        Action::CheckConfig => output::show(&summary(&loaded)),
        Action::Migrate(what) => conclude(what.run(&loaded.config)),
        Action::Backup(what) => conclude(what.run(&loaded.config)),
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

/// Prints a configuration in today's form on standard output, and what became of
/// each key on standard error.
fn convert(path: &Path) -> ExitCode {
    let converted = match config::convert(path) {
        Ok(converted) => converted,
        Err(problems) => {
            complain(&problems);
            return ExitCode::from(MISTAKE);
        }
    };
    for note in &converted.notes {
        let _ = writeln!(io::stderr(), "{note}");
    }
    output::show(&converted.json)
}

/// Handles SIGXFSZ, so that a write beyond the limit on file sizes fails instead of
/// ending the process.
fn survive_file_limits() -> io::Result<()> {
    let seen = Arc::new(AtomicBool::new(false));
    signal_hook::flag::register(SIGXFSZ, seen).map(|_| ())
}

// These write without `println!`, which panics when the reading end is closed.

fn complain(problems: &Problems) {
    let count = problems.iter().count();
    let mistakes = if count == 1 { "mistake" } else { "mistakes" };
    let _ = writeln!(
        io::stderr(),
        "{problems}\nchat-server: {count} {mistakes} in the configuration; nothing was started"
    );
}

fn summary(loaded: &Loaded) -> String {
    let mut text = match &loaded.file {
        Some(path) => format!("OK: {}\n", path.display()),
        None => "OK: no configuration file\n".to_owned(),
    };
    for note in loaded.notes() {
        text.push_str(&format!("{note}\n"));
    }
    text + &loaded.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{ListenerKind, Setting};
    use clap::CommandFactory;

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
    fn the_declaration_is_sound() {
        Arguments::command().debug_assert();
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
    fn every_flag_sets_a_setting() {
        let line = "--telnet a --rest b --web c --tcp d --ws e --data-dir f --log-level g \
             --tls-certificate h --tls-key i --tls-telnet j --tls-rest k --tls-web l --tls-tcp m \
             --tls-ws n --grpc o --tls-grpc p";
        let flags = flags(line);
        assert_eq!(flags.len(), 16);
        for (path, _) in flags {
            assert!(Setting::find(path).is_some(), "{path}");
        }
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

    #[test]
    fn a_message_recommends_only_flags_that_there_are() {
        for kind in ListenerKind::all() {
            let line = format!("--{} :1", kind.name());
            assert_eq!(flags(&line), [(kind.setting(), ":1".to_owned())]);
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
        let note = |what: &str| Note {
            key: "k".to_owned(),
            what: what.to_owned(),
        };
        let (listener, level) = (note("listen.web is \":1\""), note("log_level is \"info\""));
        assert!(is_of_use(&listener, &Action::Run));
        assert!(!is_of_use(&listener, &Action::NameServer));
        assert!(is_of_use(&level, &Action::NameServer));
    }

    #[test]
    fn defaults_in_the_help_are_the_defaults() {
        let help = Arguments::command().render_help().to_string();
        let defaults = Config::default();
        for (flag, path) in [
            ("--telnet", "listen.telnet"),
            ("--rest", "listen.rest"),
            ("--web", "listen.web"),
            ("--tcp", "listen.tcp"),
            ("--ws", "listen.ws"),
            ("--grpc", "listen.grpc"),
            ("--tls-grpc", "tls.grpc"),
            ("--tls-telnet", "tls.telnet"),
            ("--tls-rest", "tls.rest"),
            ("--tls-web", "tls.web"),
            ("--tls-tcp", "tls.tcp"),
            ("--tls-ws", "tls.ws"),
            ("--data-dir", "data_dir"),
            ("--log-level", "log_level"),
        ] {
            let line = help
                .lines()
                .find(|line| line.contains(&format!(" {flag} ")));
            let value = Setting::find(path).unwrap().value(&defaults);
            let shown = format!("[default: {}]", value.as_str().unwrap());
            assert!(
                line.is_some_and(|line| line.ends_with(&shown)),
                "{flag}\n{help}"
            );
        }
    }
}
