//! `/auth`: tokens for nicknames, to open a WebSocket with.

use std::sync::atomic::{AtomicUsize, Ordering};

use serde::Serialize;
use tiny_http::Method;
use utoipa::ToSchema;

use crate::account::{LoginError, NoPass, NotLetIn, PasswordError, Rejected};
use crate::hub::Refusal;
use crate::name::Name;
use crate::net::front::bearer;
use crate::store::Secret;

use super::RestContext;
use super::call::Call;
use super::problem::{ErrorBody, Problem};
use super::reply::{Reply, rfc3339};
use super::router::{Access, Route};

/// When to try again what there was no room for.
const RETRY_SECONDS: u64 = 2;

pub(super) const ROUTES: &[Route] = &[
    Route {
        method: Method::Post,
        path: "/auth",
        access: Access::Everyone,
        query: &["nickname", "password"],
        run: auth,
    },
    Route {
        method: Method::Get,
        path: "/auth",
        access: Access::Everyone,
        query: &[],
        run: look_at_pass,
    },
];

/// Who wants to come in.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes the body; fields are read by name")]
pub(super) struct Entrance {
    nickname: String,
    /// Of the account, if the nickname is registered.
    password: Option<String>,
}

/// What lets one in.
#[derive(Serialize, ToSchema)]
struct Token {
    /// A JWT for the WebSocket at `/ws`; good for a day.
    token: String,
}

/// A token for a nickname. It is held for its owner for a minute.
#[utoipa::path(
    post, path = "/auth", tag = "nicknames",
    params(
        ("nickname" = Option<String>, Query, description = "Instead of the body"),
        ("password" = Option<String>, Query, description = "Instead of the body; better there"),
    ),
    request_body(content = Entrance, content_type = "application/x-www-form-urlencoded"),
    responses(
        (status = 201, description = "The token", body = Token),
        (status = 400, description = "Not a nickname", body = ErrorBody),
        (status = 401, description = "Not the password of that nickname", body = ErrorBody),
        (status = 403, description = "The address is banned", body = ErrorBody),
        (status = 409, description = "Somebody has the nickname", body = ErrorBody),
        (status = 429, description = "Too many attempts from the address", body = ErrorBody),
        (status = 503, description = "Too busy", body = ErrorBody),
    ),
)]
pub(super) fn auth(call: &Call<'_>) -> Result<Reply, Problem> {
    call.refuse_banned()?;
    let form = call.form()?;
    let field = |name: &str| match form.get(name) {
        "" => call.query.get(name).unwrap_or_default().to_owned(),
        given => given.to_owned(),
    };
    let nickname = field("nickname");
    let nickname = Name::parse_nickname(nickname.trim());
    let nickname = nickname.map_err(|error| Problem::field("nickname", error))?;
    let password = Some(field("password")).filter(|password| !password.is_empty());
    let password = password.map(Secret::new);
    let _turn = match password {
        Some(_) => Some(PasswordTurn::take(call.context)?),
        None => None,
    };
    let peer = call.relayed.peer.ip();
    let issued = call.context.gate.issue(&nickname, password.as_ref(), peer);
    let token = issued.map_err(|error| problem(&error))?;
    Ok(Reply::json(201, &Token { token }))
}

/// Whose a token is.
#[derive(Serialize, ToSchema)]
struct PassInfo {
    nickname: String,
    /// Until when it is good.
    expires_at: String,
}

/// Whether a token is good, and whose it is. A browser whose WebSocket does not
/// open asks this, since it is not told why.
#[utoipa::path(
    get, path = "/auth", tag = "nicknames",
    params(("Authorization" = String, Header, description = "`Bearer` and the token")),
    responses(
        (status = 200, description = "It is good", body = PassInfo),
        (status = 401, description = "It is not, or there is none", body = ErrorBody),
        (status = 503, description = "The account cannot be looked up now", body = ErrorBody),
    ),
)]
pub(super) fn look_at_pass(call: &Call<'_>) -> Result<Reply, Problem> {
    let token = call.authorization.and_then(bearer);
    let token = token.ok_or(Problem::BadPass(
        "this needs the header Authorization: Bearer <token of POST /auth>",
    ))?;
    let pass = call.context.gate.check(token);
    let pass = pass.map_err(|refused| match refused {
        NotLetIn::Store(error) => Problem::store(&error),
        NotLetIn::Pass(_) => Problem::BadPass("the token is not, or no longer, good"),
    })?;
    let nickname = pass
        .account
        .map_or(pass.nickname, |account| account.username);
    Ok(Reply::json(
        200,
        &PassInfo {
            nickname: nickname.to_string(),
            expires_at: rfc3339(pass.expires_at_ms),
        },
    ))
}

/// The right to keep a worker with a password. Only the body tells whether a
/// call has one, so it comes to a worker like all others; a storm of them
/// must leave some workers free.
struct PasswordTurn<'a>(&'a AtomicUsize);

impl<'a> PasswordTurn<'a> {
    fn take(context: &'a RestContext) -> Result<PasswordTurn<'a>, Problem> {
        let turn = PasswordTurn(&context.on_passwords);
        let others = turn.0.fetch_add(1, Ordering::Relaxed);
        match others < (context.workers / 2).max(1) {
            true => Ok(turn),
            false => Err(Problem::Busy(
                PasswordError::Busy.to_string(),
                RETRY_SECONDS,
            )),
        }
    }
}

impl Drop for PasswordTurn<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

fn problem(error: &NoPass) -> Problem {
    let words = error.to_string();
    match error {
        NoPass::Refused(Refusal::TooManyHeld) => Problem::Busy(words, RETRY_SECONDS),
        NoPass::Refused(Refusal::TooManyHeldForAddress) => {
            Problem::TooManyAttempts(words, RETRY_SECONDS)
        }
        NoPass::Refused(_) => Problem::Conflict(words),
        NoPass::Rejected(Rejected::TooMany(wait)) => {
            Problem::TooManyAttempts(words, wait.retry_seconds)
        }
        NoPass::Rejected(Rejected::Login(LoginError::Wrong)) => Problem::WrongPassword(words),
        NoPass::Rejected(Rejected::Login(LoginError::NotText)) => Problem::field("password", words),
        NoPass::Rejected(Rejected::Login(LoginError::Password(PasswordError::Busy))) => {
            Problem::Busy(words, RETRY_SECONDS)
        }
        NoPass::Store(store) | NoPass::Rejected(Rejected::Login(LoginError::Store(store))) => {
            Problem::store(store)
        }
        NoPass::Busy => Problem::Hub,
        NoPass::Rejected(_) | NoPass::Pass(_) => {
            ::log::error!("no token can be made: {words}");
            Problem::Internal
        }
    }
}
