//! `token`: makes, lists and removes the tokens of programs, by a server that runs or in the store
//! of one that does not.

mod expiry;
mod rows;
mod stored;

use std::ffi::OsString;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use crate::config::Config;
use crate::data::{DataDir, DataError};
use crate::http::encode;
use crate::model::scope::Scope;
use crate::model::time::unix_ms;
use crate::model::{Name, Secret};

use super::output;
use super::remote::{Client, EXIT_CODES, Failed, Problem, Remote, ServerUrl};
use expiry::Expiry;
use rows::{Row, table};
use stored::Stored;

/// The longest wait for an answer.
const ANSWER: Duration = Duration::from_secs(30);
const TOKENS: &str = "/admin/tokens";

const EXAMPLES: &str = "\
Examples:
  T=$(chat-server token add builds --scope 'post:#dev')
  chat-server token add watcher --scope 'read:#dev' --scope 'read:#ops' \\
              --expires 30d --rate 60 > ~/.chat-token
  chat-server token list
  chat-server token remove 4f1c0d9a2b7e6853
  chat-server token list --server https://chat.example.org --token-file admin-token

Without --server this is about the chat in the data folder (-c, --data-dir): a
server that runs there is asked, with the token in its file admin-token;
otherwise the database is changed. With --server, the token is that of
--token-file, CHAT_TOKEN_FILE or CHAT_TOKEN. docs/programs.md lists the scopes.
";

/// The arguments of `token`.
#[derive(Args, Clone, Debug, PartialEq, Eq)]
#[command(after_help = format!("{EXAMPLES}\n{EXIT_CODES}"))]
pub struct TokenTask {
    #[command(subcommand)]
    deed: Deed,
}

#[derive(Subcommand, Clone, Debug, PartialEq, Eq)]
enum Deed {
    /// Make a token and print it: it is shown this once
    Add(Add),
    /// List the tokens, without their secrets
    List {
        /// Print JSON
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        place: Place,
    },
    /// Remove a token, which is good for nothing from then on
    Remove {
        /// Its id, as listed
        #[arg(value_name = "ID")]
        id: String,
        #[command(flatten)]
        place: Place,
    },
}

/// A token to make.
#[derive(Args, Clone, Debug, PartialEq, Eq)]
struct Add {
    /// What lists and the audit trail call it; has the form of a nickname
    #[arg(value_name = "NAME", value_parser = Name::parse_nickname)]
    name: Name,
    /// What it allows, such as post:#dev, read:* or announce; may be given several times
    #[arg(long = "scope", value_name = "SCOPE", required = true, value_parser = Scope::parse)]
    scopes: Vec<Scope>,
    /// The nickname as which it posts and reads [default: NAME]
    #[arg(long, value_name = "NICKNAME", value_parser = Name::parse_nickname)]
    bot: Option<Name>,
    /// When it ends: a time such as 2030-01-31T12:00:00Z, or 90m, 12h, 30d, 8w from now
    /// [default: never]
    #[arg(long, value_name = "WHEN", value_parser = Expiry::parse)]
    expires: Option<Expiry>,
    /// The most calls a minute [default: 600]
    #[arg(long, value_name = "CALLS")]
    rate: Option<u32>,
    /// Print JSON: the token with its id
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    place: Place,
}

/// Where the tokens are.
#[derive(Args, Clone, Debug, PartialEq, Eq)]
struct Place {
    /// Change the database itself, and fail if a server uses it
    #[arg(long, conflicts_with = "server")]
    offline: bool,
    #[command(flatten)]
    remote: Remote,
}

/// A place where there are tokens.
enum Tokens {
    /// A server that runs.
    Server(Client),
    /// The store of one that does not.
    Store(Box<Stored>),
}

impl TokenTask {
    /// Whether this is about a server that the command line names, and the settings here mean
    /// nothing.
    pub(super) fn is_elsewhere(&self) -> bool {
        self.place().remote.named().is_some()
    }

    /// Does it. Returns the program's exit code.
    pub(super) fn main(
        &self,
        config: Option<&Config>,
        environment: &[(OsString, OsString)],
    ) -> ExitCode {
        let tokens = match config {
            Some(config) => self.place().of(config),
            None => self.place().remote.client(environment).map(Tokens::Server),
        };
        match tokens.and_then(|tokens| self.run(&tokens)) {
            Ok(words) => output::show(&words),
            Err(error) => error.complain(),
        }
    }

    fn place(&self) -> &Place {
        match &self.deed {
            Deed::Add(add) => &add.place,
            Deed::List { place, .. } | Deed::Remove { place, .. } => place,
        }
    }

    /// Returns what is to be printed.
    fn run(&self, tokens: &Tokens) -> Result<String, Failed> {
        match &self.deed {
            Deed::Add(add) => {
                let (row, secret) = tokens.add(add)?;
                match add.json {
                    true => {
                        let mut made = json!(row);
                        made["token"] = json!(secret.expose());
                        Ok(format!("{made:#}\n"))
                    }
                    false => Ok(format!("{}\n", secret.expose())),
                }
            }
            Deed::List { json, .. } => {
                let rows = tokens.list()?;
                match json {
                    true => Ok(format!("{:#}\n", json!(rows))),
                    false => Ok(table(&rows)),
                }
            }
            Deed::Remove { id, .. } => tokens.remove(id).map(|()| String::new()),
        }
    }
}

impl Place {
    /// The tokens of the chat with this configuration.
    fn of(&self, config: &Config) -> Result<Tokens, Failed> {
        if config.postgres().is_some() {
            return match self.offline {
                true => Err(Failed::Here(
                    "the configuration keeps tokens in PostgreSQL: start the server, and leave \
                     --offline out"
                        .into(),
                )),
                false => self.running(config),
            };
        }
        let folder = config.data_dir.display();
        if !config.data_dir.join("chat.db").exists() {
            let why = format!(
                "there is no chat in {folder}: start the server once, name another folder with \
                 --data-dir or -c, or a server with --server"
            );
            return Err(Failed::Here(why));
        }
        match DataDir::open(&config.data_dir) {
            Ok(data) => Ok(Tokens::Store(Box::new(Stored::open(data)?))),
            Err(DataError::InUse { .. }) if !self.offline => self.running(config),
            Err(error) => Err(Failed::Here(error.to_string())),
        }
    }

    /// The server that runs with this configuration on this machine.
    fn running(&self, config: &Config) -> Result<Tokens, Failed> {
        let address = config.listen.rest.or(config.listen.web);
        let address = address.filter(|address| address.port() != 0);
        let address = address.ok_or_else(|| {
            let why = "the server that runs has no REST or web listener without TLS at a port \
                       that the configuration says: name its address with --server, and the \
                       file admin-token with --token-file";
            Failed::Here(why.into())
        })?;
        let url = format!("http://{}", reachable(address));
        let server = ServerUrl::parse(&url).map_err(|why| Failed::Here(format!("{url}: {why}")))?;
        let client = match &config.admin.token {
            Some(token) => (self.remote).client_with(server, Secret::new(token.expose()))?,
            None => {
                let file = config.data_dir.join("admin-token");
                self.remote.client_of(server, &file)?
            }
        };
        Ok(Tokens::Server(client))
    }
}

impl Tokens {
    fn add(&self, add: &Add) -> Result<(Row, Secret), Failed> {
        let expires_at = add.expires.as_ref().map(|expiry| expiry.at(unix_ms()));
        match self {
            Tokens::Store(stored) => stored.add(add, expires_at),
            Tokens::Server(client) => {
                let scopes: Vec<String> = add.scopes.iter().map(ToString::to_string).collect();
                let mut body = json!({ "name": add.name, "scopes": scopes });
                if let Some(bot) = &add.bot {
                    body["bot"] = json!(bot);
                }
                if let Some(at) = expires_at {
                    body["expires_at"] = json!(crate::model::time::rfc3339(at));
                }
                if let Some(rate) = add.rate {
                    body["rate"] = json!(rate);
                }
                let fields = [("Content-Type", "application/json")];
                let made = client.post(TOKENS, &fields, &body.to_string(), ANSWER)?;
                let made = made.json()?;
                let secret = made["token"].as_str().map(Secret::new);
                let secret = secret.ok_or_else(|| foreign(client))?;
                Ok((row(client, made)?, secret))
            }
        }
    }

    fn list(&self) -> Result<Vec<Row>, Failed> {
        match self {
            Tokens::Store(stored) => stored.list(),
            Tokens::Server(client) => {
                let mut found = client.get(TOKENS)?.json()?;
                let rows = found["tokens"].take();
                serde_json::from_value(rows).map_err(|_| foreign(client))
            }
        }
    }

    fn remove(&self, id: &str) -> Result<(), Failed> {
        match self {
            Tokens::Store(stored) => stored.remove(id),
            Tokens::Server(client) => {
                let path = format!("{TOKENS}/{}", encode(id));
                client.delete(&path)?.json()?;
                Ok(())
            }
        }
    }
}

/// An address at which a listener is reached from this machine.
fn reachable(address: SocketAddr) -> SocketAddr {
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, address.port())
}

fn row(client: &Client, made: Value) -> Result<Row, Failed> {
    serde_json::from_value(made).map_err(|_| foreign(client))
}

fn foreign(client: &Client) -> Failed {
    Problem::Foreign(client.server().clone(), 200).into()
}
