//! `/auth/sign-ins`: where the owner of an account is signed in.

use serde::Serialize;
use tiny_http::Method;
use utoipa::ToSchema;

use crate::admin::AccountDeed;
use crate::model::SignIn;

use super::auth::{Token, owner_with_pass, problem};
use super::call::Call;
use super::problem::{ErrorBody, Problem};
use super::reply::{Reply, rfc3339};
use super::route::Route;

pub(super) const ROUTES: &[Route] = &[
    Route::for_everyone(Method::Get, "/auth/sign-ins", list_sign_ins),
    Route::for_everyone(Method::Delete, "/auth/sign-ins", end_sign_ins),
    Route::for_everyone(Method::Delete, "/auth/sign-ins/{id}", end_sign_in),
];

/// Where an account is signed in.
#[derive(Serialize, ToSchema)]
struct SignInList {
    /// The one used last first; at most 100.
    sign_ins: Vec<SignInRow>,
}

/// One token of an account.
#[derive(Serialize, ToSchema)]
struct SignInRow {
    id: String,
    /// `chat`, a token of `POST /auth`, or `direct`, one of `POST /api/auth_token`.
    kind: &'static str,
    /// The `User-Agent` of the client that signed in; may be empty.
    client: String,
    /// The address of that client; empty if it is not known.
    address: String,
    #[schema(format = DateTime)]
    signed_in_at: String,
    /// To the hour; of the kind `direct`, when it was made or exchanged.
    #[schema(format = DateTime)]
    last_used_at: String,
    #[schema(format = DateTime)]
    expires_at: String,
    /// Whether it is the token that this call came with.
    current: bool,
}

impl SignInRow {
    fn of(sign_in: SignIn, current: &str) -> SignInRow {
        SignInRow {
            current: sign_in.id == current,
            kind: if sign_in.is_token { "direct" } else { "chat" },
            id: sign_in.id,
            client: sign_in.client,
            address: sign_in.address,
            signed_in_at: rfc3339(sign_in.created_at),
            last_used_at: rfc3339(sign_in.used_at),
            expires_at: rfc3339(sign_in.expires_at),
        }
    }
}

/// Lists where the owner of a token is signed in.
#[utoipa::path(
    get, path = "/auth/sign-ins", tag = "nicknames",
    params(("Authorization" = String, Header, description = "`Bearer` and the token")),
    responses(
        (status = 200, description = "The sign-ins", body = SignInList),
        (status = 401, description = "The token is not valid, or missing, or a guest's", body = ErrorBody),
        (status = 403, description = "The address is banned", body = ErrorBody),
        (status = 503, description = "They cannot be read now", body = ErrorBody),
    ),
)]
pub(super) fn list_sign_ins(call: &Call<'_>) -> Result<Reply, Problem> {
    let (account, pass) = owner_with_pass(call)?;
    let listed = call.context.accounts.sign_ins(call.asker(), account.id);
    let listed = listed.map_err(|error| Problem::store(&error))?.into_iter();
    let sign_ins = listed.map(|one| SignInRow::of(one, &pass.token)).collect();
    Ok(Reply::json(200, &SignInList { sign_ins }))
}

/// Ends one sign-in, on all servers, with the connections that were opened with it.
#[utoipa::path(
    delete, path = "/auth/sign-ins/{id}", tag = "nicknames",
    params(
        ("id" = String, Path, description = "As listed"),
        ("Authorization" = String, Header, description = "`Bearer` and the token"),
    ),
    responses(
        (status = 204, description = "It has ended"),
        (status = 401, description = "The token is not valid, or missing, or a guest's", body = ErrorBody),
        (status = 403, description = "The address is banned", body = ErrorBody),
        (status = 404, description = "The account has no such sign-in", body = ErrorBody),
        (status = 503, description = "It cannot be stored now", body = ErrorBody),
    ),
)]
pub(super) fn end_sign_in(call: &Call<'_>) -> Result<Reply, Problem> {
    let (account, _) = owner_with_pass(call)?;
    let longest = call.context.gate.longest();
    let accounts = &call.context.accounts;
    let ended = accounts.end_sign_in(call.asker(), account.id, (call.argument(), longest));
    match ended.map_err(|error| Problem::store(&error))? {
        true => Ok(Reply::empty(204)),
        false => Err(Problem::NotFound("there is no such sign-in".to_owned())),
    }
}

/// Ends all sign-ins of the account, on all servers, also those that are not listed, with its
/// connections. The answer has a new token.
#[utoipa::path(
    delete, path = "/auth/sign-ins", tag = "nicknames",
    params(("Authorization" = String, Header, description = "`Bearer` and the token")),
    responses(
        (status = 200, description = "All have ended", body = Token),
        (status = 401, description = "The token is not valid, or missing, or a guest's", body = ErrorBody),
        (status = 403, description = "The address is banned", body = ErrorBody),
        (status = 503, description = "It cannot be stored now", body = ErrorBody),
    ),
)]
pub(super) fn end_sign_ins(call: &Call<'_>) -> Result<Reply, Problem> {
    let (account, pass) = owner_with_pass(call)?;
    let ended = call.context.accounts.end_sign_ins(account);
    let account = ended.map_err(|error| Problem::store(&error))?;
    let admin = &call.context.admin;
    admin.did_to_account(call.actor(), AccountDeed::SignOut, &account.username)?;
    let token = call
        .context
        .gate
        .issue_to(&account, pass.kept, call.visitor());
    let token = token.map_err(|error| problem(&error))?;
    Ok(Reply::json(200, &Token { token }))
}
