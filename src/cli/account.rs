//! `account`: lists accounts, gives them roles, makes links to reset their passwords and deletes them,
//! by a server that runs or in the store of one that does not.

mod rows;
mod stored;

use std::ffi::OsString;
use std::process::ExitCode;
use std::time::Duration;

use clap::builder::RangedU64ValueParser;
use clap::{Args, Subcommand, ValueEnum};
use serde_json::json;

use crate::config::Config;
use crate::http::encode;
use crate::model::{Name, ServerRole};

use super::output;
use super::place::{Found, Place, WHERE};
use super::remote::{Client, EXIT_CODES, Failed, ServerUrl};
use rows::{Link, Page, table};

/// The longest wait for a link.
const ANSWER: Duration = Duration::from_secs(30);
const ACCOUNTS: &str = "/admin/accounts";
/// Accounts that a server or a store is asked for at once.
const PAGE: usize = 500;
/// The most accounts that are listed.
const MOST_LISTED: u64 = 100_000;

const EXAMPLES: &str = "\
Examples:
  chat-server account list
  chat-server account list --prefix mi --json
  chat-server account reset mina --page https://chat.example.org
  chat-server account role mina moderator
  chat-server account delete mina
  chat-server account delete mina --messages erase
  chat-server account list --server https://chat.example.org --token-file admin-token
";

/// The arguments of `account`.
#[derive(Args, Clone, Debug, PartialEq, Eq)]
#[command(after_help = format!("{EXAMPLES}\n{WHERE}\n\n{EXIT_CODES}"))]
pub struct AccountTask {
    #[command(subcommand)]
    deed: Deed,
}

#[derive(Subcommand, Clone, Debug, PartialEq, Eq)]
enum Deed {
    /// List accounts by name, also those that are disabled or deleted
    List(List),
    /// Make a link with which the owner of an account sets a new password, and print it
    ///
    /// It is valid once, for 24 hours, and replaces an earlier one: give it to the owner alone. The
    /// present password is valid until then.
    Reset(Reset),
    /// Make an account administrator or moderator of the server, or take its role
    ///
    /// An administrator may do what the admin token allows; a moderator kicks, bans and mutes, and
    /// reads the chat log without private messages.
    Role(Role),
    /// Delete an account, which cannot be undone; its name stays reserved
    Delete(Delete),
}

/// Accounts to list.
#[derive(Args, Clone, Debug, PartialEq, Eq)]
struct List {
    /// Only names that begin with this, in any case
    #[arg(long, value_name = "NAME", value_parser = Name::parse_nickname)]
    prefix: Option<Name>,
    /// Only names that come after this one
    #[arg(long, value_name = "NAME", value_parser = Name::parse_nickname)]
    after: Option<Name>,
    /// The most accounts, up to 100000; a line on standard error says if there are more
    #[arg(long, value_name = "ACCOUNTS", default_value_t = 1_000, value_parser = RangedU64ValueParser::<usize>::new().range(1..=MOST_LISTED))]
    limit: usize,
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    place: Place,
}

/// An account whose owner needs a new password.
#[derive(Args, Clone, Debug, PartialEq, Eq)]
struct Reset {
    /// Its username, in any spelling
    #[arg(value_name = "NAME", value_parser = Name::parse_nickname)]
    name: Name,
    /// The address at which its owner opens the page, which the link begins with
    /// [default: --server, or none]
    #[arg(long, value_name = "URL", value_parser = ServerUrl::parse)]
    page: Option<ServerUrl>,
    /// Print JSON: the link with the username and its end
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    place: Place,
}

/// An account and its role.
#[derive(Args, Clone, Debug, PartialEq, Eq)]
struct Role {
    /// Its username, in any spelling
    #[arg(value_name = "NAME", value_parser = Name::parse_nickname)]
    name: Name,
    /// What it is from now on
    #[arg(value_name = "ROLE")]
    role: Rank,
    #[command(flatten)]
    place: Place,
}

/// What an account is on the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Rank {
    /// It may do everything.
    Administrator,
    /// It kicks, bans, mutes, and reads the chat log.
    Moderator,
    /// It may do what everyone may.
    None,
}

/// An account to delete.
#[derive(Args, Clone, Debug, PartialEq, Eq)]
struct Delete {
    /// Its username, in any spelling
    #[arg(value_name = "NAME", value_parser = Name::parse_nickname)]
    name: Name,
    /// What becomes of all that it has written; erasing needs a server that runs
    #[arg(long, value_name = "WHAT", default_value = "keep")]
    messages: Messages,
    #[command(flatten)]
    place: Place,
}

/// What becomes of the messages of an account that is deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Messages {
    /// They stay.
    Keep,
    /// They are deleted, also if the account was deleted before.
    Erase,
}

impl AccountTask {
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
            Deed::List(list) => &list.place,
            Deed::Reset(reset) => &reset.place,
            Deed::Role(role) => &role.place,
            Deed::Delete(delete) => &delete.place,
        }
    }

    /// Returns what is to be printed.
    fn run(&self, found: &Found) -> Result<String, Failed> {
        match &self.deed {
            Deed::List(list) => list.run(found),
            Deed::Reset(reset) => reset.run(found),
            Deed::Role(role) => role.run(found),
            Deed::Delete(delete) => delete.run(found),
        }
    }
}

impl List {
    fn run(&self, found: &Found) -> Result<String, Failed> {
        let mut rows = Vec::new();
        let mut after = self.after.clone();
        loop {
            let limit = PAGE.min(self.limit - rows.len());
            let page = match found {
                Found::Stopped(stopped) => {
                    stored::list(&stopped.store, self.prefix.as_ref(), after.as_ref(), limit)?
                }
                Found::Server(client) => self.ask(client, after.as_ref(), limit)?,
            };
            let last = page.accounts.last().map(rows::Row::name);
            rows.extend(page.accounts);
            let Some(last) = last.filter(|_| page.more) else {
                break;
            };
            if rows.len() >= self.limit {
                output::complain(&format!("there are more: list them with --after {last}"));
                break;
            }
            after = Some(last);
        }
        match self.json {
            true => Ok(format!("{:#}\n", json!(rows))),
            false => Ok(table(&rows)),
        }
    }

    /// A page of at most so many of a server's accounts.
    fn ask(&self, client: &Client, after: Option<&Name>, limit: usize) -> Result<Page, Failed> {
        let mut path = format!("{ACCOUNTS}?limit={limit}");
        for (field, name) in [("prefix", self.prefix.as_ref()), ("after", after)] {
            if let Some(name) = name {
                path.push_str(&format!("&{field}={}", encode(name.as_str())));
            }
        }
        let page = client.get(&path)?.json()?;
        serde_json::from_value(page).map_err(|_| client.foreign())
    }
}

impl Reset {
    fn run(&self, found: &Found) -> Result<String, Failed> {
        let mut link: Link = match found {
            Found::Stopped(stopped) => stored::reset(&stopped.store, &self.name)?,
            Found::Server(client) => {
                let path = format!("{ACCOUNTS}/{}/reset", encode(self.name.as_str()));
                let made = client.post(&path, &[], "", ANSWER)?.json()?;
                serde_json::from_value(made).map_err(|_| client.foreign())?
            }
        };
        if let Some(page) = self.page.as_ref().or(self.place.named()) {
            link.link = page.of(&link.link);
        }
        match self.json {
            true => Ok(format!("{:#}\n", json!(link))),
            false => Ok(link.line()),
        }
    }
}

impl Role {
    fn run(&self, found: &Found) -> Result<String, Failed> {
        let role = match self.role {
            Rank::Administrator => Some(ServerRole::Administrator),
            Rank::Moderator => Some(ServerRole::Moderator),
            Rank::None => None,
        };
        match found {
            Found::Stopped(stopped) => stored::set_role(&stopped.store, &self.name, role)?,
            Found::Server(client) => {
                let path = format!("{ACCOUNTS}/{}", encode(self.name.as_str()));
                let word = role.map_or(ServerRole::NONE, ServerRole::word);
                let change = json!({ "role": word }).to_string();
                client.patch(&path, &change)?.json()?;
            }
        }
        Ok(String::new())
    }
}

impl Delete {
    fn run(&self, found: &Found) -> Result<String, Failed> {
        let name = &self.name;
        match (found, self.messages) {
            (Found::Stopped(stopped), Messages::Keep) => stored::delete(&stopped.store, name)?,
            (Found::Stopped(_), Messages::Erase) => {
                let why = "messages are erased by a server that runs: start it, or delete the \
                           account without --messages erase and have them erased later";
                return Err(Failed::Here(why.into()));
            }
            (Found::Server(client), Messages::Keep) => {
                let path = format!("{ACCOUNTS}/{}", encode(name.as_str()));
                client.delete(&path)?.json()?;
            }
            (Found::Server(client), Messages::Erase) => {
                let path = format!("{ACCOUNTS}/{}", encode(name.as_str()));
                client.delete(&format!("{path}?messages=erase"))?.json()?;
                return Ok(format!(
                    "deleted; what it has written is being erased: GET {path}/erasing says how \
                     far that is\n"
                ));
            }
        }
        Ok(String::new())
    }
}
