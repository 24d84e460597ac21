//! The arguments of the command line, with their help.

use std::path::PathBuf;

use clap::{Command, CommandFactory, Parser, Subcommand};

use crate::bench::Bench;
use crate::build_info;
use crate::config::Flag;

use super::{AccountTask, Backup, Init, MakeCert, Migrate, Say, Shell, Tail, TokenTask};

const EXAMPLES: &str = "\
Examples:
  chat-server                               on this machine only: telnet 4000,
                                            REST 4001, page and WebSocket 4004,
                                            room lines 8989 and 8099, IRC 6667
  chat-server --telnet 0.0.0.0:4000         let other machines in by telnet
  chat-server --web off --tcp :9989         no page; room lines on port 9989
  chat-server -c /etc/chat.json check-config
  chat-server convert-config old.json       a file of an older server in today's form
  chat-server make-cert                     a certificate to try TLS with
  chat-server init                          five questions, then a config.json
  chat-server completions bash              for the shell: see docs/operations.md
  chat-server hash-password                 for irc.operators, of a password typed in
  chat-server bench room                    measure a room of 1,000 members
  chat-server token add builds --scope 'post:#dev'
                                            a token for a program
  chat-server say --channel dev done        what a program says
  chat-server tail --channel dev            what is said, as it is said
  chat-server account reset mina            a link to set a new password, once
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
#[command(name = "chat-server", version = build_info::line(),
    long_version = build_info::lines(), after_help = EXAMPLES)]
pub(super) struct Arguments {
    /// Configuration file, also -config [default: config.json, config.yaml or
    /// config.yml, the first that exists]
    #[arg(short, long, value_name = "FILE", global = true)]
    pub config: Option<PathBuf>,
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
    /// IRC [default: 127.0.0.1:6667]
    #[arg(long, value_name = "ADDR", global = true)]
    irc: Option<String>,
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
    /// As --irc, over TLS [default: off]
    #[arg(long, value_name = "ADDR", global = true, help_heading = "TLS")]
    tls_irc: Option<String>,
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
    pub end_with: Option<u32>,
    #[command(subcommand)]
    pub task: Option<Task>,
}

#[derive(Subcommand)]
pub(super) enum Task {
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
    /// Print the hash of the password in the first line of standard input, for irc.operators
    HashPassword,
    /// Put load on a server and measure what it carries
    Bench(Box<Bench>),
    /// Run a name server, which lists the chat servers and directs clients to them
    #[cfg(feature = "grpc")]
    NameServer,
    /// Copy accounts and messages from SQLite to PostgreSQL; the server must not run
    Migrate(Migrate),
    /// Copy the SQLite database to a file, and check the copy; the server may run
    Backup(Backup),
    /// Ask five questions and write a configuration file
    Init(Init),
    /// Post a message to a channel of a server that runs, here or elsewhere
    Say(Say),
    /// Print what is said in channels of a server that runs, here or elsewhere
    Tail(Tail),
    /// Make, list and remove the tokens of programs
    Token(TokenTask),
    /// List accounts, make links to reset their passwords, and delete them
    Account(AccountTask),
    /// Print the completions of this command line for a shell
    Completions {
        /// The shell that is to complete
        shell: Shell,
    },
    /// Print the man page, chat-server(1)
    ManPage,
}

/// The tasks that call a server, and the settings that mean something to them, which their help
/// shows.
const CALLERS: [(&str, &[&str]); 4] = [
    ("say", &[]),
    ("tail", &[]),
    ("token", &["config", "data_dir"]),
    ("account", &["config", "data_dir"]),
];

impl Arguments {
    /// The command line, whole.
    pub fn program() -> Command {
        let mut program = Arguments::command();
        // Hands the settings on to the tasks.
        program.build();
        let settings = program.get_arguments().filter(|it| it.is_global_set());
        let settings: Vec<_> = settings.map(|it| it.get_id().to_string()).collect();
        for (task, shown) in CALLERS {
            let settings = settings.iter().map(String::as_str);
            let hidden: Vec<&str> = settings.filter(|it| !shown.contains(it)).collect();
            if let Some(task) = program.find_subcommand_mut(task) {
                hide(task, &hidden);
            }
        }
        program
    }

    /// The settings that flags were given for.
    pub fn flags(self) -> Vec<Flag> {
        [
            ("--telnet", "listen.telnet", self.telnet),
            ("--rest", "listen.rest", self.rest),
            ("--web", "listen.web", self.web),
            ("--tcp", "listen.tcp", self.tcp),
            ("--ws", "listen.ws", self.ws),
            ("--irc", "listen.irc", self.irc),
            ("--grpc", "listen.grpc", self.grpc),
            ("--tls-certificate", "tls.certificate", self.tls_certificate),
            ("--tls-key", "tls.key", self.tls_key),
            ("--tls-telnet", "tls.telnet", self.tls_telnet),
            ("--tls-rest", "tls.rest", self.tls_rest),
            ("--tls-web", "tls.web", self.tls_web),
            ("--tls-tcp", "tls.tcp", self.tls_tcp),
            ("--tls-ws", "tls.ws", self.tls_ws),
            ("--tls-irc", "tls.irc", self.tls_irc),
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

/// Leaves arguments out of the help of a task, and of those within it.
fn hide(task: &mut Command, hidden: &[&str]) {
    let shown = std::mem::take(task);
    *task = shown.mut_args(|it| match hidden.contains(&it.get_id().as_str()) {
        true => it.hide(true),
        false => it,
    });
    for task in task.get_subcommands_mut() {
        hide(task, hidden);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Config, ListenerKind, Setting};
    use clap::CommandFactory;

    fn flags(line: &str) -> Vec<(&'static str, String)> {
        let words = std::iter::once("chat-server").chain(line.split_whitespace());
        let arguments = Arguments::try_parse_from(words).unwrap_or_else(|e| panic!("{line}: {e}"));
        let flags = arguments.flags().into_iter();
        flags.map(|flag| (flag.path, flag.value)).collect()
    }

    #[test]
    fn the_declaration_is_sound() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn tasks_that_call_a_server_show_no_settings_of_one() {
        let mut program = Arguments::program();
        for (task, shown) in CALLERS {
            let task = program.find_subcommand_mut(task).unwrap();
            let help = task.render_long_help().to_string();
            assert!(!help.contains("--telnet"), "{help}");
            assert_eq!(help.contains("--data-dir"), !shown.is_empty(), "{help}");
            assert!(help.contains("Exit codes:"), "{help}");
        }
    }

    #[test]
    fn every_flag_sets_a_setting() {
        let line = "--telnet a --rest b --web c --tcp d --ws e --data-dir f --log-level g \
             --tls-certificate h --tls-key i --tls-telnet j --tls-rest k --tls-web l --tls-tcp m \
             --tls-ws n --grpc o --tls-grpc p --irc q --tls-irc r";
        let flags = flags(line);
        assert_eq!(flags.len(), 18);
        for (path, _) in flags {
            assert!(Setting::find(path).is_some(), "{path}");
        }
    }

    #[test]
    fn a_message_recommends_only_flags_that_there_are() {
        for kind in ListenerKind::all() {
            let line = format!("--{} :1", kind.name());
            assert_eq!(flags(&line), [(kind.setting(), ":1".to_owned())]);
        }
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
            ("--irc", "listen.irc"),
            ("--tls-irc", "tls.irc"),
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
