//! The tokens in the database of a server that does not run.

use crate::account::{NewProgram, stored_bot};
use crate::cli::remote::Failed;
use crate::data::DataDir;
use crate::model::program::{MAX_PROGRAMS, Shown};
use crate::model::time::unix_ms;
use crate::model::{Scopes, Secret};
use crate::store::{SqliteSettings, SqliteStore, Store};

use super::Add;
use super::rows::Row;

/// The database, which no server can use meanwhile.
pub(super) struct Stored {
    store: SqliteStore,
    /// Dropped last.
    _data: DataDir,
}

impl Stored {
    /// Opens the database in a data folder.
    pub fn open(data: DataDir) -> Result<Stored, Failed> {
        let settings = SqliteSettings::new(data.path().join("chat.db"));
        let store = SqliteStore::open(settings).map_err(failed)?;
        Ok(Stored { store, _data: data })
    }

    /// Makes a token that ends then, in milliseconds since 1970 UTC.
    pub fn add(&self, add: &Add, expires_at: Option<u64>) -> Result<(Row, Secret), Failed> {
        let scopes: Vec<String> = add.scopes.iter().map(ToString::to_string).collect();
        let new = NewProgram {
            name: add.name.clone(),
            shown: Shown::Token,
            scopes: Scopes::parse(scopes.iter().map(String::as_str)).map_err(failed)?,
            bot: add.bot.clone(),
            expires_at,
            rate: add.rate,
        };
        let now = unix_ms();
        new.check(now)
            .map_err(|bad| Failed::Here(format!("{}: {bad}", bad.field())))?;
        let bot = new
            .nickname()
            .map(|nickname| stored_bot(&self.store, nickname));
        let bot = bot.transpose().map_err(failed)?;
        let (token, secret) = new.make(bot.as_ref(), now).map_err(failed)?;
        match self.store.add_program(&token).map_err(failed)? {
            true => Ok((token.into(), Secret::new(secret.expose()))),
            false => {
                let why = format!("there are {MAX_PROGRAMS} tokens already; remove some first");
                Err(Failed::Here(why))
            }
        }
    }

    /// All tokens, the oldest first.
    pub fn list(&self) -> Result<Vec<Row>, Failed> {
        let all = self.store.programs().map_err(failed)?.into_iter();
        let tokens = all.filter(|program| program.shown == Shown::Token);
        Ok(tokens.map(Row::from).collect())
    }

    /// Removes a token.
    pub fn remove(&self, id: &str) -> Result<(), Failed> {
        let mut all = self.store.programs().map_err(failed)?.into_iter();
        if !all.any(|program| program.shown == Shown::Token && program.id == id) {
            return Err(Failed::Here(format!("there is none with the id {id:?}")));
        }
        self.store.remove_program(id).map_err(failed)?;
        Ok(())
    }
}

fn failed(error: impl std::error::Error) -> Failed {
    Failed::Here(error.to_string())
}
