//! `token`: makes, lists and removes the tokens of programs, by a server that runs or in the store
//! of one that does not.

mod expiry;
mod rows;
mod stored;

use std::ffi::OsString;
use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use crate::config::Config;
use crate::http::encode;
use crate::model::scope::Scope;
use crate::model::time::unix_ms;
use crate::model::{Name, Secret};

use super::place::{Found, Place, WHERE};
use super::remote::{Client, EXIT_CODES, Failed};
use expiry::Expiry;
use rows::{Row, table};

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
";

/// The arguments of `token`.
#[derive(Args, Clone, Debug, PartialEq, Eq)]
#[command(after_help = format!("{EXAMPLES}\n{WHERE}\ndocs/programs.md lists the scopes.\n\n{EXIT_CODES}"))]
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

impl TokenTask {
    /// Whether this is about a server that the command line names, and the settings here mean
    /// nothing.
    pub(super) fn is_elsewhere(&self) -> bool {
        self.place().named().is_some()
    }

    /// Does it. Returns the program's exit code.
    pub(super) fn main(
        &self,
        config: Option<&Config>,
        environment: &[(OsString, OsString)],
    ) -> ExitCode {
        self.place()
            .work(config, environment, |found| self.run(found))
    }

    fn place(&self) -> &Place {
        match &self.deed {
            Deed::Add(add) => &add.place,
            Deed::List { place, .. } | Deed::Remove { place, .. } => place,
        }
    }

    /// Returns what is to be printed.
    fn run(&self, found: &Found) -> Result<String, Failed> {
        match &self.deed {
            Deed::Add(add) => {
                let (row, secret) = self::add(found, add)?;
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
                let rows = list(found)?;
                match json {
                    true => Ok(format!("{:#}\n", json!(rows))),
                    false => Ok(table(&rows)),
                }
            }
            Deed::Remove { id, .. } => remove(found, id).map(|()| String::new()),
        }
    }
}

fn add(found: &Found, add: &Add) -> Result<(Row, Secret), Failed> {
    let expires_at = add.expires.as_ref().map(|expiry| expiry.at(unix_ms()));
    match found {
        Found::Stopped(stopped) => stored::add(&stopped.store, add, expires_at),
        Found::Server(client) => {
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
            let secret = secret.ok_or_else(|| client.foreign())?;
            Ok((row(client, made)?, secret))
        }
    }
}

fn list(found: &Found) -> Result<Vec<Row>, Failed> {
    match found {
        Found::Stopped(stopped) => stored::list(&stopped.store),
        Found::Server(client) => {
            let mut listed = client.get(TOKENS)?.json()?;
            let rows = listed["tokens"].take();
            serde_json::from_value(rows).map_err(|_| client.foreign())
        }
    }
}

fn remove(found: &Found, id: &str) -> Result<(), Failed> {
    match found {
        Found::Stopped(stopped) => stored::remove(&stopped.store, id),
        Found::Server(client) => {
            let path = format!("{TOKENS}/{}", encode(id));
            client.delete(&path)?.json()?;
            Ok(())
        }
    }
}
fn row(client: &Client, made: Value) -> Result<Row, Failed> {
    serde_json::from_value(made).map_err(|_| client.foreign())
}
