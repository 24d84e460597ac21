//! `/auth/reset`: a new password with the link that an administrator has made.

use serde::Serialize;
use tiny_http::Method;
use utoipa::ToSchema;

use crate::account::{LoginError, PasswordError, ResetFailed, check_password};
use crate::http::bearer;
use crate::model::Account;
use crate::model::governance::LinkSecret;

use super::auth::{PasswordTurn, RETRY_SECONDS};
use super::call::Call;
use super::problem::{ErrorBody, Problem};
use super::reply::Reply;
use super::route::{Access, Route};

pub(super) const ROUTES: &[Route] = &[
    Route {
        method: Method::Get,
        path: "/auth/reset",
        access: Access::Everyone,
        query: &[],
        run: look_at_link,
    },
    Route {
        method: Method::Post,
        path: "/auth/reset",
        access: Access::Everyone,
        query: &[],
        run: reset_password,
    },
];

/// The new password.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes the body; the field is read by name")]
struct ChosenPassword {
    /// 8 to 1,024 bytes, unless the server is configured otherwise.
    password: String,
}

/// The account that a link is for.
#[derive(Serialize, ToSchema)]
struct LinkedAccount {
    nickname: String,
}

impl LinkedAccount {
    fn of(account: &Account) -> LinkedAccount {
        LinkedAccount {
            nickname: account.username.to_string(),
        }
    }
}

/// Says for which account a link to reset a password is.
#[utoipa::path(
    get, path = "/auth/reset", tag = "nicknames",
    params(("Authorization" = String, Header,
            description = "`Bearer` and what follows `#` in the link")),
    responses(
        (status = 200, description = "The link is valid", body = LinkedAccount),
        (status = 401, description = "The link was used, or its time is over", body = ErrorBody),
        (status = 403, description = "The address is banned", body = ErrorBody),
        (status = 429, description = "Too many attempts", body = ErrorBody),
        (status = 503, description = "The account cannot be looked up now", body = ErrorBody),
    ),
)]
pub(super) fn look_at_link(call: &Call<'_>) -> Result<Reply, Problem> {
    call.refuse_banned()?;
    let accounts = &call.context.accounts;
    let account = accounts.reset_of(secret(call).as_ref(), call.relayed.peer.ip())?;
    Ok(Reply::json(200, &LinkedAccount::of(&account)))
}

/// Sets a new password with a link, which is used up. The account's tokens and connections end, on
/// all servers.
#[utoipa::path(
    post, path = "/auth/reset", tag = "nicknames",
    params(("Authorization" = String, Header,
            description = "`Bearer` and what follows `#` in the link")),
    request_body(content(
        (ChosenPassword = "application/x-www-form-urlencoded"),
        (ChosenPassword = "application/json"),
    )),
    responses(
        (status = 200, description = "The password is another", body = LinkedAccount),
        (status = 400, description = "The password cannot be one", body = ErrorBody),
        (status = 401, description = "The link was used, or its time is over", body = ErrorBody),
        (status = 403, description = "The address is banned", body = ErrorBody),
        (status = 429, description = "Too many attempts", body = ErrorBody),
        (status = 503, description = "Too many others at once", body = ErrorBody),
    ),
)]
pub(super) fn reset_password(call: &Call<'_>) -> Result<Reply, Problem> {
    call.refuse_banned()?;
    let form = call.form()?;
    let password = check_password(form.get("password"), call.context.accounts.lengths());
    let password = password.map_err(|error| Problem::field("password", error))?;
    let _turn = PasswordTurn::take(call.context)?;
    let peer = call.relayed.peer;
    let accounts = &call.context.accounts;
    let account = accounts.reset_password(secret(call).as_ref(), &password, peer.ip())?;
    ::log::info!(
        "{peer}: set a new password for {} with a link",
        account.username
    );
    Ok(Reply::json(200, &LinkedAccount::of(&account)))
}

fn secret(call: &Call<'_>) -> Option<LinkSecret> {
    LinkSecret::parse(call.authorization.and_then(bearer)?)
}

impl From<ResetFailed> for Problem {
    fn from(failed: ResetFailed) -> Problem {
        let words = failed.to_string();
        match failed {
            ResetFailed::NotValid => Problem::BadPass(ResetFailed::NOT_VALID),
            ResetFailed::TooMany(wait) => Problem::TooManyAttempts(words, wait.retry_seconds),
            ResetFailed::Login(LoginError::Store(error)) => Problem::store(&error),
            ResetFailed::Login(LoginError::Password(PasswordError::Busy)) => {
                Problem::Busy(words, RETRY_SECONDS)
            }
            ResetFailed::Login(LoginError::NotText) => Problem::field("password", words),
            ResetFailed::Login(_) => {
                ::log::error!("a password could not be reset: {words}");
                Problem::Internal
            }
        }
    }
}
