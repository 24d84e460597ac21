//! `/auth/account`: what the owner of an account does to it.

use serde::Serialize;
use tiny_http::Method;
use utoipa::ToSchema;

use crate::account::{NoPass, NotChanged, ProfileForm, check_password};
use crate::admin::AccountDeed;
use crate::model::{Account, Name, Secret, ServerRole};

use super::admin_accounts::{ErasingRow, delete, erases};
use super::auth::{PasswordTurn, Token, is_true, owner, problem};
use super::body::Form;
use super::call::Call;
use super::problem::{ErrorBody, Problem};
use super::refusals::ToPasswords;
use super::reply::{Reply, rfc3339};
use super::route::Route;

pub(super) const ROUTES: &[Route] = &[
    Route::for_everyone(Method::Get, "/auth/account", show_own_account),
    Route::for_everyone(Method::Patch, "/auth/account", change_own_account),
    Route::for_everyone(Method::Delete, "/auth/account", delete_own_account),
    Route::for_everyone(Method::Put, "/auth/account/password", change_own_password),
];

/// An account as its owner sees it.
#[derive(Serialize, ToSchema)]
struct OwnAccount {
    nickname: String,
    /// May be empty.
    first_name: String,
    /// May be empty.
    last_name: String,
    /// Unverified.
    email: Option<String>,
    /// Unverified.
    phone: Option<String>,
    /// `administrator` or `moderator` of the server; missing if it is neither.
    #[serde(skip_serializing_if = "Option::is_none")]
    role: Option<&'static str>,
    #[schema(format = DateTime)]
    registered_at: String,
}

impl OwnAccount {
    fn of(account: Account) -> OwnAccount {
        OwnAccount {
            nickname: account.username.to_string(),
            first_name: account.first_name,
            last_name: account.last_name,
            email: account.email,
            phone: account.phone,
            role: account.role.map(ServerRole::word),
            registered_at: rfc3339(account.created_at),
        }
    }
}

/// What its owner changes about an account.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes the body; fields are read by name")]
struct ChangedProfile {
    nickname: String,
    password: String,
    /// Each of these stays as it is if it is not given, and is taken away if it is empty.
    first_name: Option<String>,
    last_name: Option<String>,
    email: Option<String>,
    phone: Option<String>,
}

/// A new password.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes the body; fields are read by name")]
struct OwnPassword {
    nickname: String,
    /// The present one.
    password: String,
    /// 8 to 1,024 bytes, unless the server is configured otherwise.
    new_password: String,
    /// `true` to stay signed in.
    keep: Option<bool>,
}

/// Returns what an account's owner has said about themselves.
#[utoipa::path(
    get, path = "/auth/account", tag = "nicknames",
    params(("Authorization" = String, Header, description = "`Bearer` and the token")),
    responses(
        (status = 200, description = "The account", body = OwnAccount),
        (status = 401, description = "The token is not valid, or missing, or a guest's", body = ErrorBody),
        (status = 403, description = "The address is banned", body = ErrorBody),
        (status = 503, description = "The account cannot be looked up now", body = ErrorBody),
    ),
)]
pub(super) fn show_own_account(call: &Call<'_>) -> Result<Reply, Problem> {
    Ok(Reply::json(200, &OwnAccount::of(owner(call)?)))
}

/// Changes what an account's owner has said about themselves. Nothing of it is verified, and
/// another account may have the same.
#[utoipa::path(
    patch, path = "/auth/account", tag = "nicknames",
    request_body(content(
        (ChangedProfile = "application/x-www-form-urlencoded"),
        (ChangedProfile = "application/json"),
    )),
    responses(
        (status = 200, description = "The account", body = OwnAccount),
        (status = 400, description = "Fields that are wrong", body = ErrorBody),
        ToPasswords,
    ),
)]
pub(super) fn change_own_account(call: &Call<'_>) -> Result<Reply, Problem> {
    call.refuse_banned()?;
    let form = call.form()?;
    let (nickname, password) = proof(&form)?;
    let _turn = PasswordTurn::take(call.context)?;
    let changes = ProfileForm {
        first_name: form.given("first_name"),
        last_name: form.given("last_name"),
        email: form.given("email"),
        phone: form.given("phone"),
    };
    let accounts = &call.context.accounts;
    let peer = call.relayed.peer.ip();
    let changed = accounts.change_profile(&nickname, &password, peer, &changes);
    let account = changed.map_err(|error| match error {
        NotChanged::Rejected(rejected) => problem(&NoPass::Rejected(rejected)),
        NotChanged::Form(errors) => Problem::form(errors),
    })?;
    let admin = &call.context.admin;
    admin.did_to_account(call.actor(), AccountDeed::ChangeOwn, &account.username)?;
    Ok(Reply::json(200, &OwnAccount::of(account)))
}

/// Puts another password in place of one's own. All tokens and connections of the account end, on
/// all servers; the answer has a new token.
#[utoipa::path(
    put, path = "/auth/account/password", tag = "nicknames",
    request_body(content(
        (OwnPassword = "application/x-www-form-urlencoded"), (OwnPassword = "application/json"),
    )),
    responses(
        (status = 200, description = "The password is another", body = Token),
        (status = 400, description = "Names the field that is wrong", body = ErrorBody),
        ToPasswords,
    ),
)]
pub(super) fn change_own_password(call: &Call<'_>) -> Result<Reply, Problem> {
    call.refuse_banned()?;
    let form = call.form()?;
    let (nickname, present) = proof(&form)?;
    let accounts = &call.context.accounts;
    let new = check_password(form.get("new_password"), accounts.lengths());
    let new = new.map_err(|error| Problem::field("new_password", error))?;
    let keep = is_true("keep", form.get("keep"))?;
    let _turn = PasswordTurn::take(call.context)?;
    let peer = call.relayed.peer.ip();
    let changed = accounts.change_own_password(&nickname, (&present, &new), peer, None);
    let account = changed.map_err(|error| problem(&NoPass::Rejected(error)))?;
    let admin = &call.context.admin;
    admin.did_to_account(call.actor(), AccountDeed::OwnPassword, &account.username)?;
    let token = call.context.gate.issue_to(&account, keep, call.visitor());
    let token = token.map_err(|error| problem(&error))?;
    Ok(Reply::json(200, &Token { token }))
}

/// The nickname and the password that the owner of an account has sent.
fn proof(form: &Form) -> Result<(Name, Secret), Problem> {
    let nickname = Name::parse_nickname(form.get("nickname").trim());
    let nickname = nickname.map_err(|error| Problem::field("nickname", error))?;
    match form.get("password") {
        "" => Err(Problem::field("password", "missing")),
        given => Ok((nickname, Secret::new(given))),
    }
}

/// The account that is to be deleted.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes the body; fields are read by name")]
struct Leaving {
    nickname: String,
    password: String,
    /// `erase`: everything it has written is deleted, too. `keep` if not given.
    messages: Option<String>,
}

/// Deletes one's own account: what was told about oneself, the password, tokens, rooms, what is
/// ignored and how far was read. This cannot be undone, so it takes the password and not only a token.
///
/// The nickname stays reserved. Messages stay, unless they are to be erased.
#[utoipa::path(
    delete, path = "/auth/account", tag = "nicknames",
    request_body(content(
        (Leaving = "application/x-www-form-urlencoded"), (Leaving = "application/json"),
    )),
    responses(
        (status = 204, description = "Deleted"),
        (status = 202, description = "Deleted; what it has written is being erased", body = ErasingRow),
        (status = 400, description = "Names the field that is wrong", body = ErrorBody),
        (status = 401, description = "Not the password of that nickname", body = ErrorBody),
        (status = 403, description = "The address or the nickname is banned, or the account is disabled",
         body = ErrorBody),
        (status = 429, description = "Too many attempts from the address", body = ErrorBody),
        (status = 503, description = "Not all of it could be stored: the account is disabled at most; \
         an administrator can delete it", body = ErrorBody),
    ),
)]
pub(super) fn delete_own_account(call: &Call<'_>) -> Result<Reply, Problem> {
    call.refuse_banned()?;
    let form = call.form()?;
    let (nickname, password) = proof(&form)?;
    let erases = erases(form.get("messages"))?;
    let turn = PasswordTurn::take(call.context)?;
    let accounts = &call.context.accounts;
    let account = accounts.log_in(&nickname, &password, call.relayed.peer.ip());
    let account = account.map_err(|error| problem(&NoPass::Rejected(error)))?;
    drop(turn);
    delete(call, &account)?;
    let admin = &call.context.admin;
    admin.did_to_account(call.actor(), AccountDeed::DeleteOwn, &account.username)?;
    if !erases {
        return Ok(Reply::empty(204));
    }
    accounts.erase(&account)?;
    admin.did_to_account(call.actor(), AccountDeed::Erase, &account.username)?;
    let erasing = accounts.erasing(&account)?.ok_or(Problem::Internal)?;
    Ok(Reply::json(202, &ErasingRow::of(&account, &erasing)))
}
