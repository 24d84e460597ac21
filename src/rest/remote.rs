//! `/auth/remote`: a token for the user whom a reverse proxy names, which has checked who it is.

use tiny_http::Method;

use crate::account::{NoPass, NotRemote};
use crate::admin::{AccountDeed, Actor};
use crate::http::{Named, NamedUser};
use crate::model::Account;

use super::auth::{PasswordTurn, Token, problem};
use super::call::Call;
use super::problem::{ErrorBody, Problem};
use super::reply::Reply;
use super::route::Route;

pub(super) const ROUTES: &[Route] = &[Route::for_everyone(
    Method::Post,
    "/auth/remote",
    sign_in_remote_user,
)];

/// Issues a token for the account of the user whom the reverse proxy names in a header. An account
/// is made for a name that is seen for the first time, unless the settings forbid it; a nickname that
/// belongs to another account is refused. If groups decide about roles, the account has the role of
/// its owner's groups from then on.
///
/// Pages of other origins are refused, unless `web.allowed_origins` lists them.
#[utoipa::path(
    post, path = "/auth/remote", tag = "nicknames",
    responses(
        (status = 201, description = "The token", body = Token),
        (status = 401, description = "No trusted proxy names a user", body = ErrorBody),
        (status = 403, description = "`not_a_nickname`, `not_your_account`, `no_account`; or the \
         address or nickname is banned, the account disabled, the origin not allowed", body = ErrorBody),
        (status = 404, description = "No proxy is asked (`remote_user.header`)", body = ErrorBody),
        (status = 409, description = "A guest is using the nickname", body = ErrorBody),
        (status = 429, description = "Too many new accounts from the address", body = ErrorBody),
        (status = 503, description = "Too busy", body = ErrorBody),
    ),
)]
pub(super) fn sign_in_remote_user(call: &Call<'_>) -> Result<Reply, Problem> {
    let user = match &call.relayed.named {
        Named::NotAsked => {
            let why = "no reverse proxy is asked who users are (remote_user.header)";
            return Err(Problem::NotFound(why.to_owned()));
        }
        Named::Nobody => {
            return Err(Problem::BadPass(
                "no reverse proxy that is trusted here names a user",
            ));
        }
        Named::User(user) => user,
    };
    // The browser sends what the proxy lets it in by, whichever page makes the call.
    let host = Some(call.relayed.host.as_str());
    if !call.context.origins.admits(call.origin, host) {
        return Err(Problem::Origin);
    }
    call.refuse_banned()?;
    let _turn = PasswordTurn::take(call.context)?;
    let accounts = &call.context.accounts;
    let account = accounts.remote(&user.name, user.email.as_deref(), call.visitor());
    let account = account.map_err(|error| refused(&error))?;
    follow_groups(call, &account, user)?;
    let gate = &call.context.gate;
    let issued = gate.issue_to(&account, false, call.visitor());
    let token = issued.map_err(|error| problem(&error))?;
    ::log::info!(
        "{}: {} signed in by a proxy",
        call.relayed.peer,
        account.username
    );
    Ok(Reply::json(201, &Token { token }))
}

/// Gives an account the role of its owner's groups.
fn follow_groups(call: &Call<'_>, account: &Account, user: &NamedUser) -> Result<(), Problem> {
    let accounts = &call.context.accounts;
    let Some(role) = accounts.role_by_groups(account, &user.groups) else {
        return Ok(());
    };
    accounts.set_role(account, role)?;
    let actor = Actor::at(call.relayed.peer);
    let deed = AccountDeed::RoleByGroups(role);
    call.context
        .admin
        .did_to_account(actor, deed, &account.username)?;
    Ok(())
}

fn refused(error: &NotRemote) -> Problem {
    let words = error.to_string();
    match error {
        NotRemote::Name(..) => Problem::Remote("not_a_nickname", words),
        NotRemote::NotTheirs(_) => Problem::Remote("not_your_account", words),
        NotRemote::NoAccount(_) => Problem::Remote("no_account", words),
        NotRemote::Rejected(rejected) => problem(&NoPass::Rejected(rejected.clone())),
    }
}
