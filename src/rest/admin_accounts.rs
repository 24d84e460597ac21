//! `/admin/accounts`: lists accounts, gives them roles, disables and deletes them, and makes links
//! to reset their passwords.

use serde::Serialize;
use tiny_http::Method;
use utoipa::ToSchema;

use crate::account::AccountFailed;
use crate::admin::{AccountDeed, ChannelFailed};
use crate::hub::SignedOut;
use crate::model::{Account, Erased, Erasing, ListedAccount, Name, Power, ServerRole, Standing};

use super::call::Call;
use super::problem::{ErrorBody, Problem};
use super::reply::{Reply, rfc3339};
use super::route::{Access, Route};

/// The number of accounts unless the call says otherwise.
const USUALLY_LISTED: usize = 100;
/// The most accounts at once.
const MOST_LISTED: usize = 500;
/// The longest name of a reverse proxy's user, in bytes.
const MAX_REMOTE_USER: usize = 256;

pub(super) const ROUTES: &[Route] = &[
    Route {
        method: Method::Get,
        path: "/admin/accounts",
        access: Access::Needs(Power::Users),
        query: &["prefix", "after", "limit"],
        run: list_accounts,
    },
    Route::needs(
        Power::All,
        Method::Patch,
        "/admin/accounts/{username}",
        change_account,
    ),
    Route {
        method: Method::Delete,
        path: "/admin/accounts/{username}",
        access: Access::Needs(Power::All),
        query: &["messages"],
        run: delete_account,
    },
    Route::needs(
        Power::All,
        Method::Get,
        "/admin/accounts/{username}/erasing",
        show_erasing,
    ),
    Route::needs(
        Power::All,
        Method::Post,
        "/admin/accounts/{username}/reset",
        offer_reset,
    ),
];

/// Some of the accounts.
#[derive(Serialize, ToSchema)]
struct AccountList {
    /// By username.
    accounts: Vec<AccountRow>,
    /// `true` if there are more: ask again with the last username as `after`.
    #[serde(skip_serializing_if = "Option::is_none")]
    more: Option<bool>,
}

/// An account as administrators see it.
#[derive(Serialize, ToSchema)]
struct AccountRow {
    username: String,
    /// `active`, `disabled` or `deleted`.
    #[schema(example = "active")]
    state: &'static str,
    /// `administrator` or `moderator` of the server; missing if it is neither.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "moderator")]
    role: Option<&'static str>,
    /// Whether its owner is online, on any server.
    online: bool,
    #[schema(format = DateTime)]
    registered_at: String,
    /// When its owner was last here, to within an hour; missing if that was before this was noted.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(format = DateTime)]
    last_seen_at: Option<String>,
}

/// What is to be changed: at least one of these.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes the body; fields are read by name")]
struct AccountChange {
    /// Whether the account cannot be used.
    disabled: Option<bool>,
    /// `administrator`, `moderator` or `none`.
    #[schema(example = "moderator")]
    role: Option<String>,
    /// The name under which a reverse proxy knows its owner, who signs in by it; `null` ends that.
    remote_user: Option<String>,
}

/// An account that was changed.
#[derive(Serialize, ToSchema)]
struct ChangedAccount {
    username: String,
    /// `active` or `disabled`.
    state: &'static str,
    /// `administrator`, `moderator` or `none`.
    role: &'static str,
}

/// A link to reset a password.
#[derive(Serialize, ToSchema)]
struct ResetLink {
    username: String,
    /// Below the address of the server. It is enough to set the password, so it is shown this
    /// once, and only its owner should get it.
    #[schema(example = "/reset#0123456789abcdef0123456789abcdef")]
    link: String,
    #[schema(format = DateTime)]
    expires_at: String,
}

/// How far erasing what an account has written is.
#[derive(Serialize, ToSchema)]
pub(super) struct ErasingRow {
    username: String,
    /// `erasing` or `erased`.
    #[schema(example = "erased")]
    state: &'static str,
    #[schema(format = DateTime)]
    ordered_at: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(format = DateTime)]
    erased_at: Option<String>,
    /// Messages in channels. The numbers are final once all is erased.
    messages: u64,
    /// The channels they were in.
    channels: u64,
    direct_messages: u64,
    /// Reactions to messages, which are taken back.
    reactions: u64,
    /// Messages that stay, because their channels are on hold. Order it again once they are not.
    held: u64,
}

impl ErasingRow {
    pub(super) fn of(account: &Account, erasing: &Erasing) -> ErasingRow {
        let Erased {
            messages,
            channels,
            direct_messages,
            reactions,
            held,
        } = erasing.erased;
        ErasingRow {
            username: account.username.to_string(),
            state: match erasing.done_ms {
                Some(_) => "erased",
                None => "erasing",
            },
            ordered_at: rfc3339(erasing.began_ms),
            erased_at: erasing.done_ms.map(rfc3339),
            messages,
            channels,
            direct_messages,
            reactions,
            held,
        }
    }
}

impl AccountRow {
    fn of(listed: ListedAccount, (online, last_here): (bool, Option<u64>)) -> AccountRow {
        AccountRow {
            username: listed.username.to_string(),
            state: listed.standing.as_str(),
            role: listed.role.map(ServerRole::word),
            online,
            registered_at: rfc3339(listed.created_at),
            last_seen_at: listed.seen_at.max(last_here).map(rfc3339),
        }
    }
}

/// Lists accounts: when they were registered, when their owners were last here, and which are
/// disabled. Deleted ones are listed, too, because their names stay reserved.
#[utoipa::path(
    get, path = "/admin/accounts", tag = "users", security(("admin_token" = [])),
    params(
        ("prefix" = Option<String>, Query, description = "Only names that begin with this, in any case"),
        ("after" = Option<String>, Query, description = "Only names that come after this one"),
        ("limit" = Option<usize>, Query, description = "1 to 500 accounts; 100 if not given"),
    ),
    responses(
        (status = 200, description = "The accounts", body = AccountList),
        (status = 400, description = "A bad parameter", body = ErrorBody),
        (status = 401, description = "Not the admin token", body = ErrorBody),
        (status = 503, description = "Accounts cannot be read at present", body = ErrorBody),
    ),
)]
pub(super) fn list_accounts(call: &Call<'_>) -> Result<Reply, Problem> {
    let name = |field: &str| {
        let given = call.query.get(field).filter(|given| !given.is_empty());
        let name = given.map(Name::parse_nickname).transpose();
        name.map_err(|error| Problem::field(field, error))
    };
    let (prefix, after) = (name("prefix")?, name("after")?);
    let limit = match call.query.get("limit").map(str::parse) {
        None => USUALLY_LISTED,
        Some(Ok(limit)) if (1..=MOST_LISTED).contains(&limit) => limit,
        Some(_) => {
            let why = format!("must be a number from 1 to {MOST_LISTED}");
            return Err(Problem::field("limit", why));
        }
    };
    let accounts = &call.context.accounts;
    let listed = accounts.list(&call.asker(), prefix.as_ref(), after.as_ref(), limit + 1);
    let mut listed = listed.map_err(|error| Problem::store(&error))?;
    let more = (listed.len() > limit).then_some(true);
    listed.truncate(limit);
    let names: Vec<Name> = listed.iter().map(|it| it.username.clone()).collect();
    let presences = call
        .context
        .hub
        .ask(move |hub, _, _| hub.presences(&names))?;
    let rows = listed.into_iter().zip(presences);
    let accounts = rows
        .map(|(listed, here)| AccountRow::of(listed, here))
        .collect();
    Ok(Reply::json(200, &AccountList { accounts, more }))
}

/// Disables an account, or enables it again; or gives it a role on the server.
///
/// Once it is disabled, its tokens and its connections end, on all servers, and it cannot be logged
/// in to until it is enabled. Its name, messages, rooms and roles stay. A role is in force at once,
/// on all servers, as is its end: an `administrator` may do what the admin token allows, a
/// `moderator` what the calls that need this role do.
#[utoipa::path(
    patch, path = "/admin/accounts/{username}", tag = "users", security(("admin_token" = [])),
    params(("username" = String, Path, description = "In any spelling")),
    request_body = AccountChange,
    responses(
        (status = 200, description = "The account as it is now", body = ChangedAccount),
        (status = 400, description = "Not a username, or no change", body = ErrorBody),
        (status = 401, description = "Not the admin token", body = ErrorBody),
        (status = 404, description = "There is no such account", body = ErrorBody),
        (status = 409, description = "Another account is linked with the user", body = ErrorBody),
        (status = 503, description = "It cannot be stored at present", body = ErrorBody),
    ),
)]
pub(super) fn change_account(call: &Call<'_>) -> Result<Reply, Problem> {
    let mut account = account(call)?;
    let mut changes = call.object(&["disabled", "role", "remote_user"])?;
    let disabled = changes.boolean("disabled")?;
    let role = changes.string("role")?.as_deref().map(ServerRole::parse);
    let role = role.transpose();
    let role = role.map_err(|error| Problem::field("role", error))?;
    let links = changes.names("remote_user");
    let remote_user = changes.string("remote_user")?;
    if disabled.is_none() && role.is_none() && !links {
        return Err(Problem::field(
            "disabled",
            "missing, as are role and remote_user",
        ));
    }
    if links {
        link(call, &account, remote_user)?;
    }
    if let Some(role) = role {
        call.context.accounts.set_role(&account, role)?;
        record(call, AccountDeed::Role(role), &account)?;
        account.role = role;
    }
    if let Some(disabled) = disabled {
        account.standing = disable(call, &account, disabled)?;
    }
    let changed = ChangedAccount {
        username: account.username.to_string(),
        state: account.standing.as_str(),
        role: account.role.map_or(ServerRole::NONE, ServerRole::word),
    };
    Ok(Reply::json(200, &changed))
}

/// Says under which name a reverse proxy knows the owner of an account.
fn link(call: &Call<'_>, account: &Account, user: Option<String>) -> Result<(), Problem> {
    let is_name = |user: &String| (1..=MAX_REMOTE_USER).contains(&user.len());
    if user.as_ref().is_some_and(|user| !is_name(user)) {
        let why = format!("must have 1 to {MAX_REMOTE_USER} bytes");
        return Err(Problem::field("remote_user", why));
    }
    let linked = call
        .context
        .accounts
        .link_remote(account, user.as_deref())?;
    if !linked {
        let why = "another account is linked with this user".to_owned();
        return Err(Problem::Conflict(why));
    }
    record(call, AccountDeed::Link(user.is_some()), account)
}

/// Disables or enables an account. Returns its standing.
fn disable(call: &Call<'_>, account: &Account, disabled: bool) -> Result<Standing, Problem> {
    let accounts = &call.context.accounts;
    let (done, deed, standing) = match disabled {
        true => (
            accounts.disable(account, SignedOut::Disabled),
            AccountDeed::Disable,
            Standing::Disabled,
        ),
        false => (
            accounts.enable(account),
            AccountDeed::Enable,
            Standing::Good,
        ),
    };
    done?;
    record(call, deed, account)?;
    Ok(standing)
}

/// Deletes an account: what its owner told about themselves, its password, tokens, rooms, what it
/// ignores and how far it has read.
///
/// Its messages stay, and so does its name: no one can register it and speak as the person who wrote
/// them. A channel that it has registered goes to the account that has been an operator of it the
/// longest; one without operators stays registered, and only administrators rule it.
#[utoipa::path(
    delete, path = "/admin/accounts/{username}", tag = "users", security(("admin_token" = [])),
    params(
        ("username" = String, Path, description = "In any spelling"),
        ("messages" = Option<String>, Query, description = "`erase`: everything it has written is \
         deleted, too, also if the account was deleted before. `keep` if not given"),
    ),
    responses(
        (status = 204, description = "Deleted"),
        (status = 202, description = "Deleted; what it has written is being erased", body = ErasingRow),
        (status = 400, description = "Not a username, or not a word for `messages`", body = ErrorBody),
        (status = 401, description = "Not the admin token", body = ErrorBody),
        (status = 404, description = "There is no such account", body = ErrorBody),
        (status = 503, description = "Not all of it could be stored: the account is disabled at \
         most; try again", body = ErrorBody),
    ),
)]
pub(super) fn delete_account(call: &Call<'_>) -> Result<Reply, Problem> {
    let erases = erases(call.query.get("messages").unwrap_or_default())?;
    let account = match erases {
        true => account_or_its_remains(call)?,
        false => account(call)?,
    };
    if account.standing != Standing::Deleted {
        delete(call, &account)?;
        record(call, AccountDeed::Delete, &account)?;
    }
    if !erases {
        return Ok(Reply::empty(204));
    }
    call.context.accounts.erase(&account)?;
    record(call, AccountDeed::Erase, &account)?;
    let erasing = call.context.accounts.erasing(&account)?;
    let erasing = erasing.ok_or(Problem::Internal)?;
    Ok(Reply::json(202, &ErasingRow::of(&account, &erasing)))
}

/// Whether what an account has written is to be erased.
pub(super) fn erases(said: &str) -> Result<bool, Problem> {
    match said {
        "" | "keep" => Ok(false),
        "erase" => Ok(true),
        _ => Err(Problem::field("messages", "must be keep or erase")),
    }
}

/// Deletes an account, and hands over the channels that it has registered.
pub(super) fn delete(call: &Call<'_>, account: &Account) -> Result<(), Problem> {
    let accounts = &call.context.accounts;
    // It cannot register or rule channels while these are handed over.
    accounts.disable(account, SignedOut::Deleted)?;
    let is_usable = |name: &Name| match accounts.find(call.asker(), name) {
        Ok(found) => Ok(found.is_some_and(|it| it.standing == Standing::Good)),
        Err(_) => Err(ChannelFailed::CannotLookUp),
    };
    let from = (account.id, &account.username);
    let admin = &call.context.admin;
    admin.hand_over(call.actor(), from, is_usable)?;
    admin.remove_hooks_of(call.actor(), accounts, &account.username)?;
    accounts.delete(account)?;
    Ok(())
}

/// Shows how far erasing what an account has written is, and what was erased.
#[utoipa::path(
    get, path = "/admin/accounts/{username}/erasing", tag = "users",
    security(("admin_token" = [])),
    params(("username" = String, Path, description = "In any spelling")),
    responses(
        (status = 200, description = "The last order", body = ErasingRow),
        (status = 400, description = "Not a username", body = ErrorBody),
        (status = 401, description = "Not the admin token", body = ErrorBody),
        (status = 404, description = "No such account, or nothing was to be erased", body = ErrorBody),
        (status = 503, description = "It cannot be looked up at present", body = ErrorBody),
    ),
)]
pub(super) fn show_erasing(call: &Call<'_>) -> Result<Reply, Problem> {
    let account = account_or_its_remains(call)?;
    let erasing = call.context.accounts.erasing(&account)?;
    let erasing = erasing.ok_or_else(|| {
        let name = &account.username;
        Problem::NotFound(format!("nothing that {name} has written was to be erased"))
    })?;
    Ok(Reply::json(200, &ErasingRow::of(&account, &erasing)))
}

/// Makes a link with which the owner of an account sets a new password.
///
/// It is valid for a day, and once. An older link is not valid any more; the present password is,
/// until the link is used.
#[utoipa::path(
    post, path = "/admin/accounts/{username}/reset", tag = "users", security(("admin_token" = [])),
    params(("username" = String, Path, description = "In any spelling")),
    responses(
        (status = 201, description = "The link", body = ResetLink),
        (status = 400, description = "Not a username", body = ErrorBody),
        (status = 401, description = "Not the admin token", body = ErrorBody),
        (status = 404, description = "There is no such account", body = ErrorBody),
        (status = 409, description = "The account is disabled, or a program's", body = ErrorBody),
        (status = 503, description = "It cannot be stored at present", body = ErrorBody),
    ),
)]
pub(super) fn offer_reset(call: &Call<'_>) -> Result<Reply, Problem> {
    let account = account(call)?;
    let (secret, expires_at) = call.context.accounts.offer_reset(&account)?;
    record(call, AccountDeed::Reset, &account)?;
    let link = ResetLink {
        username: account.username.to_string(),
        link: secret.reset_path(),
        expires_at: rfc3339(expires_at),
    };
    Ok(Reply::json(201, &link))
}

/// The account, also if it was deleted.
fn account_or_its_remains(call: &Call<'_>) -> Result<Account, Problem> {
    let name = Name::parse_nickname(call.argument());
    let name = name.map_err(|error| Problem::field("username", error))?;
    let found = call.context.accounts.find(call.asker(), &name);
    let found = found.map_err(|error| Problem::store(&error))?;
    Ok(found.ok_or(AccountFailed::NoSuchAccount(name))?)
}

fn account(call: &Call<'_>) -> Result<Account, Problem> {
    let name = Name::parse_nickname(call.argument());
    let name = name.map_err(|error| Problem::field("username", error))?;
    Ok(call.context.accounts.undeleted(call.asker(), &name)?)
}

fn record(call: &Call<'_>, deed: AccountDeed, account: &Account) -> Result<(), Problem> {
    let admin = &call.context.admin;
    Ok(admin.did_to_account(call.actor(), deed, &account.username)?)
}

impl From<AccountFailed> for Problem {
    fn from(failed: AccountFailed) -> Problem {
        let words = failed.to_string();
        match failed {
            AccountFailed::NoSuchAccount(_) => Problem::NotFound(words),
            AccountFailed::Disabled(_) | AccountFailed::Program(_) => Problem::Conflict(words),
            AccountFailed::NoRandom => Problem::Internal,
            AccountFailed::Store(error) => Problem::store(&error),
        }
    }
}
