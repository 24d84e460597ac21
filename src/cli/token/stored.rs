//! The tokens in the database of a server that does not run.

use crate::account::{NewProgram, stored_bot};
use crate::cli::remote::Failed;
use crate::model::program::{MAX_PROGRAMS, Shown};
use crate::model::time::unix_ms;
use crate::model::{Scopes, Secret};
use crate::store::Store;

use super::Add;
use super::rows::Row;

/// Makes a token in the store that ends then, in milliseconds since 1970 UTC.
pub(super) fn add(
    store: &dyn Store,
    add: &Add,
    expires_at: Option<u64>,
) -> Result<(Row, Secret), Failed> {
    let scopes: Vec<String> = add.scopes.iter().map(ToString::to_string).collect();
    let new = NewProgram {
        name: add.name.clone(),
        shown: Shown::Token,
        scopes: Scopes::parse(scopes.iter().map(String::as_str)).map_err(Failed::here)?,
        bot: add.bot.clone(),
        expires_at,
        rate: add.rate,
    };
    let now = unix_ms();
    new.check(now)
        .map_err(|bad| Failed::Here(format!("{}: {bad}", bad.field())))?;
    let bot = new.nickname().map(|nickname| stored_bot(store, nickname));
    let bot = bot.transpose().map_err(Failed::here)?;
    let (token, secret) = new.make(bot.as_ref(), now).map_err(Failed::here)?;
    match store.add_program(&token).map_err(Failed::here)? {
        true => Ok((token.into(), Secret::new(secret.expose()))),
        false => {
            let why = format!("there are {MAX_PROGRAMS} tokens already; remove some first");
            Err(Failed::Here(why))
        }
    }
}

/// All tokens, the oldest first.
pub(super) fn list(store: &dyn Store) -> Result<Vec<Row>, Failed> {
    let all = store.programs().map_err(Failed::here)?.into_iter();
    let tokens = all.filter(|program| program.shown == Shown::Token);
    Ok(tokens.map(Row::from).collect())
}

/// Removes a token.
pub(super) fn remove(store: &dyn Store, id: &str) -> Result<(), Failed> {
    let mut all = store.programs().map_err(Failed::here)?.into_iter();
    if !all.any(|program| program.shown == Shown::Token && program.id == id) {
        return Err(Failed::Here(format!("there is none with the id {id:?}")));
    }
    store.remove_program(id).map_err(Failed::here)?;
    Ok(())
}
