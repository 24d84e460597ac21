//! The accounts in the database of a server that does not run.

use crate::account::{AccountFailed, offer_reset};
use crate::cli::remote::Failed;
use crate::model::time::{rfc3339, unix_ms};
use crate::model::{Account, AccountId, Name, ServerRole, Standing, Who};
use crate::store::Store;

use super::rows::{Link, Page, Row};

/// Channels that are looked through at once.
const CHANNELS: usize = 1_000;

/// At most so many accounts whose names begin with a prefix, after one of them.
pub(super) fn list(
    store: &dyn Store,
    prefix: Option<&Name>,
    after: Option<&Name>,
    limit: usize,
) -> Result<Page, Failed> {
    let key = |name: Option<&Name>| name.map_or("", |name| name.key()).to_owned();
    let listed = store.accounts(&key(prefix), &key(after), limit + 1);
    let mut listed = listed.map_err(Failed::here)?;
    let more = listed.len() > limit;
    listed.truncate(limit);
    Ok(Page {
        accounts: listed.into_iter().map(Row::from).collect(),
        more,
    })
}

/// Makes a link to reset the password of an account.
pub(super) fn reset(store: &dyn Store, name: &Name) -> Result<Link, Failed> {
    let account = undeleted(store, name)?;
    let (secret, expires_at) = offer_reset(store, &account).map_err(Failed::here)?;
    Ok(Link {
        username: account.username.to_string(),
        link: secret.reset_path(),
        expires_at: rfc3339(expires_at),
    })
}

/// Gives an account a role on the server, or takes the one it has.
pub(super) fn set_role(
    store: &dyn Store,
    name: &Name,
    role: Option<ServerRole>,
) -> Result<(), Failed> {
    let account = undeleted(store, name)?;
    store.set_role(account.id, role).map_err(Failed::here)
}

/// Deletes an account that has registered no channel: those are handed over by a server that runs.
pub(super) fn delete(store: &dyn Store, name: &Name) -> Result<(), Failed> {
    let account = undeleted(store, name)?;
    if let Some(channel) = founded(store, account.id)? {
        let why = format!(
            "{} has registered the channel {channel}, which a server that runs gives to another \
             account: start it",
            account.username
        );
        return Err(Failed::Here(why));
    }
    let deleted = store.delete_account(account.id, unix_ms());
    deleted.map_err(Failed::here)
}

fn undeleted(store: &dyn Store, name: &Name) -> Result<Account, Failed> {
    let found = store.account(&Who::Username(name.clone()));
    let found = found.map_err(Failed::here)?;
    let found = found.filter(|account| account.standing != Standing::Deleted);
    found.ok_or_else(|| Failed::here(AccountFailed::NoSuchAccount(name.clone())))
}

/// A channel that an account has registered, if there is one.
fn founded(store: &dyn Store, by: AccountId) -> Result<Option<Name>, Failed> {
    let mut after: Option<String> = None;
    loop {
        let page = store.channels(after.as_deref(), CHANNELS);
        let page = page.map_err(Failed::here)?;
        let Some((last, _)) = page.last() else {
            return Ok(None);
        };
        after = Some(last.key().to_string());
        let is_theirs = |rules: &crate::model::governance::Rules| {
            let registered = rules.registered.as_ref();
            registered.is_some_and(|registered| registered.founder == by)
        };
        if let Some((channel, _)) = page.into_iter().find(|(_, rules)| is_theirs(rules)) {
            return Ok(Some(channel));
        }
    }
}
