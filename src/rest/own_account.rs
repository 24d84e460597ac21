//! `/auth/account`: what the owner of an account does to it.

use tiny_http::Method;
use utoipa::ToSchema;

use crate::account::NoPass;
use crate::admin::AccountDeed;
use crate::model::{Name, Secret};

use super::admin_accounts::{ErasingRow, delete, erases};
use super::auth::{PasswordTurn, problem};
use super::call::Call;
use super::problem::{ErrorBody, Problem};
use super::reply::Reply;
use super::route::{Access, Route};

pub(super) const ROUTES: &[Route] = &[Route {
    method: Method::Delete,
    path: "/auth/account",
    access: Access::Everyone,
    query: &[],
    run: delete_own_account,
}];

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
    let nickname = Name::parse_nickname(form.get("nickname").trim());
    let nickname = nickname.map_err(|error| Problem::field("nickname", error))?;
    let erases = erases(form.get("messages"))?;
    let password = match form.get("password") {
        "" => return Err(Problem::field("password", "missing")),
        given => Secret::new(given),
    };
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
