//! `/admin/accounts/{username}/password`: a new password for an account whose owner has lost
//! theirs.

use serde::Serialize;
use tiny_http::Method;
use utoipa::ToSchema;

use crate::account::{LoginError, PasswordError, check_password};
use crate::admin::AccountDeed;
use crate::model::{Name, Power};

use super::call::Call;
use super::problem::{ErrorBody, Problem};
use super::reply::Reply;
use super::route::{Access, Route};

/// When to try again after there was no room.
const RETRY_SECONDS: u64 = 2;

pub(super) const ROUTES: &[Route] = &[Route {
    method: Method::Put,
    path: "/admin/accounts/{username}/password",
    access: Access::Needs(Power::All),
    query: &[],
    run: set_password,
}];

/// The new password.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes the body; the field is read by name")]
struct NewPassword {
    /// 8 to 1,024 bytes, unless the server is configured otherwise.
    password: String,
}

/// The account it was changed for.
#[derive(Serialize, ToSchema)]
struct Changed {
    username: String,
}

/// Puts another password in place of an account's. Its tokens and its
/// connections end, on all servers.
#[utoipa::path(
    put, path = "/admin/accounts/{username}/password", tag = "users",
    security(("admin_token" = [])),
    params(("username" = String, Path, description = "In any spelling")),
    request_body = NewPassword,
    responses(
        (status = 200, description = "The password is another", body = Changed),
        (status = 400, description = "Not a username, or no password", body = ErrorBody),
        (status = 401, description = "Not the admin token", body = ErrorBody),
        (status = 404, description = "There is no such account", body = ErrorBody),
        (status = 409, description = "The account is a program's, which has no password", body = ErrorBody),
        (status = 503, description = "Too many others at once", body = ErrorBody),
    ),
)]
pub(super) fn set_password(call: &Call<'_>) -> Result<Reply, Problem> {
    let raw = call.argument();
    let name = Name::parse_nickname(raw).map_err(|error| Problem::field("username", error))?;
    let password = call.object(&["password"])?.string("password")?;
    let password = check_password(
        &password.unwrap_or_default(),
        call.context.accounts.lengths(),
    );
    let password = password.map_err(|error| Problem::field("password", error))?;
    let changed = call
        .context
        .accounts
        .change_password(call.asker(), &name, &password);
    let account = changed.map_err(|error| match error {
        LoginError::Store(error) => Problem::store(&error),
        LoginError::Password(PasswordError::Busy) => {
            Problem::Busy(PasswordError::Busy.to_string(), RETRY_SECONDS)
        }
        LoginError::Program(_) => Problem::Conflict(error.to_string()),
        other => Problem::field("password", other),
    })?;
    let account =
        account.ok_or_else(|| Problem::NotFound(format!("there is no account called {name}")))?;
    call.context
        .admin
        .did_to_account(call.actor(), AccountDeed::Password, &account.username)?;
    let username = account.username.to_string();
    Ok(Reply::json(200, &Changed { username }))
}
