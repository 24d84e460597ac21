//! `/auth`: tokens for nicknames, to open a WebSocket with.

use std::sync::atomic::{AtomicUsize, Ordering};

use serde::Serialize;
use tiny_http::Method;
use utoipa::ToSchema;

use crate::account::{
    LoginError, NoPass, NotLetIn, Pass, PassError, PasswordError, RegisterError, Registrar,
    RegistrationForm, Rejected,
};
use crate::admin::{AccountDeed, NotGranted};
use crate::http::bearer;
use crate::hub::Refusal;
use crate::model::{Account, Name, Power, Secret, ServerRole};

use super::RestContext;
use super::call::Call;
use super::problem::{ErrorBody, Problem};
use super::refusals::ToPasswords;
use super::remote_user::RemoteUser;
use super::reply::{Reply, rfc3339};
use super::route::{Access, Route};

/// When to try again after there was no room.
pub(super) const RETRY_SECONDS: u64 = 2;

pub(super) const ROUTES: &[Route] = &[
    Route {
        method: Method::Post,
        path: "/auth",
        access: Access::Everyone,
        query: &["nickname", "password", "keep"],
        run: auth,
    },
    Route::for_everyone(Method::Delete, "/auth", give_up_pass),
    Route::for_everyone(Method::Post, "/auth/renew", renew_pass),
    Route::for_everyone(Method::Post, "/auth/register", register),
    Route::for_everyone(Method::Get, "/auth/register", show_registration),
    Route::for_everyone(Method::Get, "/auth", look_at_pass),
];

/// The form for a token.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes the body; fields are read by name")]
pub(super) struct Entrance {
    nickname: String,
    /// The account's password, if the nickname is registered.
    password: Option<String>,
    /// `true` to keep the owner of the account signed in.
    keep: Option<bool>,
}

/// The form for registering a nickname.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes the body; fields are read by name")]
pub(super) struct NewAccount {
    nickname: String,
    /// 8 to 1,024 bytes, unless the server is configured otherwise.
    password: String,
    first_name: Option<String>,
    last_name: Option<String>,
    email: Option<String>,
    phone: Option<String>,
    /// An invitation of an administrator, where registering needs one.
    invitation: Option<String>,
    /// `true` to stay signed in.
    keep: Option<bool>,
}

/// The token that was issued.
#[derive(Serialize, ToSchema)]
pub(super) struct Token {
    /// A JWT for the WebSocket at `/ws`; valid for `limits.pass_hours`, or for
    /// `limits.kept_pass_days` if it keeps its owner signed in.
    pub token: String,
}

/// Issues a token for a nickname, which is held for the client for a minute.
#[utoipa::path(
    post, path = "/auth", tag = "nicknames",
    params(
        ("nickname" = Option<String>, Query, description = "Instead of the body"),
        ("password" = Option<String>, Query, description = "Instead of the body; better there"),
        ("keep" = Option<bool>, Query, description = "Instead of the body"),
    ),
    request_body(content = Entrance, content_type = "application/x-www-form-urlencoded"),
    responses(
        (status = 201, description = "The token", body = Token),
        (status = 400, description = "Not a nickname", body = ErrorBody),
        (status = 409, description = "The nickname is taken", body = ErrorBody),
        ToPasswords,
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
    let keep = is_true("keep", &field("keep"))?;
    let gate = &call.context.gate;
    let issued = gate.issue(&nickname, password.as_ref(), keep, call.visitor());
    let token = issued.map_err(|error| problem(&error))?;
    Ok(Reply::json(201, &Token { token }))
}

/// Reads a flag as forms and browsers' checkboxes write it.
pub(super) fn is_true(name: &str, said: &str) -> Result<bool, Problem> {
    match said {
        "" | "false" | "0" | "off" => Ok(false),
        "true" | "1" | "on" => Ok(true),
        _ => Err(Problem::field(name, "must be true or false")),
    }
}

/// Creates an account from a nickname and a password, and issues a token for it. All other fields
/// are optional, and the answer never reveals whether another account has the same. A nickname that
/// a guest is using can only be registered with the guest's token, which is then revoked: its
/// connections end, and the client reconnects with the new token.
///
/// With the admin token, or that of an account with the role administrator, an account is made whoever
/// else may register. The first one made so, while no account has that role, has it.
#[utoipa::path(
    post, path = "/auth/register", tag = "nicknames",
    params(("Authorization" = Option<String>, Header,
            description = "`Bearer` and the token of the guest who has the nickname, or of an administrator")),
    request_body(content(
        (NewAccount = "application/x-www-form-urlencoded"), (NewAccount = "application/json"),
    )),
    responses(
        (status = 201, description = "The token", body = Token),
        (status = 400, description = "Fields that are wrong", body = ErrorBody),
        (status = 401, description = "The token is not good", body = ErrorBody),
        (status = 403, description = "The address or the nickname is banned; `registration_closed`, \
         `not_invited`", body = ErrorBody),
        (status = 409, description = "The nickname is taken", body = ErrorBody),
        (status = 429, description = "Too many attempts", body = ErrorBody),
        (status = 503, description = "Too many others at once", body = ErrorBody),
    ),
)]
pub(super) fn register(call: &Call<'_>) -> Result<Reply, Problem> {
    call.refuse_banned()?;
    let form = call.form()?;
    let keep = is_true("keep", form.get("keep"))?;
    let registration = RegistrationForm {
        first_name: form.get("first_name"),
        last_name: form.get("last_name"),
        username: form.get("nickname").trim(),
        password: form.get("password"),
        email: form.get("email"),
        phone: form.get("phone"),
        invitation: form.get("invitation"),
    };
    let registration = registration
        .check_short(call.context.accounts.lengths())
        .map_err(Problem::form)?;
    let username = registration.username.clone();
    call.refuse_banned_name(&username)?;
    let _turn = PasswordTurn::take(call.context)?;
    let peer = call.relayed.peer;
    let gate = &call.context.gate;
    let by = match call.authorization.and_then(bearer) {
        Some(token) => registrar(call, token)?,
        None => Registrar::Anyone,
    };
    let is_first = by == Registrar::Administrator && !has_administrator(call)?;
    let made = gate.register(registration, keep, call.visitor(), &by);
    let token = made.map_err(|error| problem(&error))?;
    ::log::info!("{peer}: registered {username}");
    if is_first {
        make_administrator(call, &username)?;
    }
    Ok(Reply::json(201, &Token { token }))
}

/// The client that registers a nickname with a token: the guest who has it, or an administrator.
fn registrar(call: &Call<'_>, token: &str) -> Result<Registrar, Problem> {
    match call.context.gate.registrar(call.asker(), token) {
        Ok(Registrar::Anyone) | Err(NotLetIn::Pass(PassError::Invalid)) => {}
        other => return other.map_err(refused),
    }
    let peer = call.relayed.peer.ip();
    match call.context.doors.admit(token, Power::All, peer) {
        Ok(grant) if grant.allows(Power::All, None) => Ok(Registrar::Administrator),
        Ok(grant) if grant.account().is_some() => Ok(Registrar::Anyone),
        Err(NotGranted::NoRole(_)) => Ok(Registrar::Anyone),
        Ok(_) | Err(NotGranted::Wrong) => Err(refused(NotLetIn::Pass(PassError::Invalid))),
        Err(not) => Err(not.into()),
    }
}

fn has_administrator(call: &Call<'_>) -> Result<bool, Problem> {
    let has = call.context.accounts.store().has_administrator();
    has.map_err(|error| Problem::store(&error))
}

/// Makes an account administrator: the first that an administrator has made.
fn make_administrator(call: &Call<'_>, username: &Name) -> Result<(), Problem> {
    let accounts = &call.context.accounts;
    let account = accounts.undeleted(call.asker(), username)?;
    let role = Some(ServerRole::Administrator);
    accounts.set_role(&account, role)?;
    let admin = &call.context.admin;
    admin.did_to_account(call.actor(), AccountDeed::Role(role), username)?;
    Ok(())
}

/// What it takes to register.
#[derive(Serialize, ToSchema)]
struct RegistrationInfo {
    /// `open`: anyone registers; `invitation`: those with an invitation; `closed`: nobody.
    registration: &'static str,
    /// Bytes of UTF-8 that a password has at least.
    min_password_bytes: usize,
    /// Bytes of UTF-8 that a password has at most.
    max_password_bytes: usize,
    /// Whom a reverse proxy names; missing if none is asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    remote_user: Option<RemoteUser>,
}

/// Says who registers accounts here.
#[utoipa::path(
    get, path = "/auth/register", tag = "nicknames",
    responses((status = 200, description = "What it takes", body = RegistrationInfo)),
)]
pub(super) fn show_registration(call: &Call<'_>) -> Result<Reply, Problem> {
    let accounts = &call.context.accounts;
    let lengths = accounts.lengths();
    let info = RegistrationInfo {
        registration: accounts.registrations().as_str(),
        min_password_bytes: lengths.least,
        max_password_bytes: lengths.most,
        remote_user: RemoteUser::of(call),
    };
    Ok(Reply::json(200, &info))
}

/// Issues the same token with a later expiry, for an owner who stays signed in.
#[utoipa::path(
    post, path = "/auth/renew", tag = "nicknames",
    params(("Authorization" = String, Header, description = "`Bearer` and the token")),
    responses(
        (status = 201, description = "The token", body = Token),
        (status = 401, description = "The token is not valid, or missing", body = ErrorBody),
        (status = 403, description = "The address or the nickname is banned", body = ErrorBody),
        (status = 409, description = "The token is for one visit", body = ErrorBody),
        (status = 503, description = "The account cannot be looked up now", body = ErrorBody),
    ),
)]
pub(super) fn renew_pass(call: &Call<'_>) -> Result<Reply, Problem> {
    call.refuse_banned()?;
    let token = call.context.gate.renew(call.asker(), pass_of(call)?);
    let token = token.map_err(refused)?;
    Ok(Reply::json(201, &Token { token }))
}

/// Signs out: revokes the token, and those it was renewed to, on every server, and ends the
/// connections that were opened with it.
#[utoipa::path(
    delete, path = "/auth", tag = "nicknames",
    params(("Authorization" = String, Header, description = "`Bearer` and the token")),
    responses(
        (status = 204, description = "The token is revoked"),
        (status = 401, description = "The token was not valid, or missing", body = ErrorBody),
        (status = 503, description = "It cannot be stored now", body = ErrorBody),
    ),
)]
pub(super) fn give_up_pass(call: &Call<'_>) -> Result<Reply, Problem> {
    let given_up = call.context.gate.give_up(call.asker(), pass_of(call)?);
    given_up.map_err(refused)?;
    Ok(Reply::empty(204))
}

/// The account that calls, which has shown the pass of its nickname.
pub(super) fn owner(call: &Call<'_>) -> Result<Account, Problem> {
    Ok(owner_with_pass(call)?.0)
}

/// As [`owner`], with the pass.
pub(super) fn owner_with_pass(call: &Call<'_>) -> Result<(Account, Pass), Problem> {
    call.refuse_banned()?;
    let pass = call.context.gate.check(call.asker(), pass_of(call)?);
    let mut pass = pass.map_err(refused)?;
    let account = pass.account.take();
    let account = account.ok_or(Problem::BadPass(
        "this is for those who have registered their nickname",
    ))?;
    Ok((account, pass))
}

fn pass_of<'a>(call: &Call<'a>) -> Result<&'a str, Problem> {
    let token = call.authorization.and_then(bearer);
    token.ok_or(Problem::BadPass(
        "this needs the header Authorization: Bearer <token of POST /auth>",
    ))
}

fn refused(refused: NotLetIn) -> Problem {
    match refused {
        NotLetIn::Store(error) => Problem::store(&error),
        NotLetIn::Pass(error @ PassError::NotKept) => Problem::Conflict(error.to_string()),
        NotLetIn::Rejected(Rejected::Banned(name)) => banned(name),
        NotLetIn::Rejected(_) => Problem::Hub,
        NotLetIn::Pass(PassError::Disabled) => Problem::BadPass("the account is disabled"),
        NotLetIn::Pass(_) => Problem::BadPass("the token is not, or no longer, valid"),
    }
}

fn banned(name: Name) -> Problem {
    Problem::Banned(Refusal::NicknameBanned(name).to_string())
}

/// The content of a token.
#[derive(Serialize, ToSchema)]
struct PassInfo {
    nickname: String,
    /// When it expires.
    expires_at: String,
}

/// Checks a token and returns its nickname. A browser whose WebSocket does not open asks this,
/// because it is not told why.
#[utoipa::path(
    get, path = "/auth", tag = "nicknames",
    params(("Authorization" = String, Header, description = "`Bearer` and the token")),
    responses(
        (status = 200, description = "The token is valid", body = PassInfo),
        (status = 401, description = "The token is not valid, or missing", body = ErrorBody),
        (status = 503, description = "The account cannot be looked up now", body = ErrorBody),
    ),
)]
pub(super) fn look_at_pass(call: &Call<'_>) -> Result<Reply, Problem> {
    let pass = call.context.gate.check(call.asker(), pass_of(call)?);
    let pass = pass.map_err(refused)?;
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

/// The right to occupy a worker with a password. Whether a call has one shows only in its body, so
/// it comes to a worker like all others; a storm of them must leave some workers free.
pub(super) struct PasswordTurn<'a>(&'a AtomicUsize);

impl<'a> PasswordTurn<'a> {
    pub(super) fn take(context: &'a RestContext) -> Result<PasswordTurn<'a>, Problem> {
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

pub(super) fn problem(error: &NoPass) -> Problem {
    let words = error.to_string();
    match error {
        NoPass::Refused(Refusal::TooManyHeld) => Problem::Busy(words, RETRY_SECONDS),
        NoPass::Refused(Refusal::TooManyHeldForAddress) => {
            Problem::TooManyAttempts(words, RETRY_SECONDS)
        }
        NoPass::Refused(Refusal::NicknameBanned(_)) => Problem::Banned(words),
        NoPass::Refused(_) => Problem::Conflict(words),
        NoPass::Rejected(Rejected::Banned(name)) => banned(name.clone()),
        NoPass::Rejected(Rejected::TooMany(wait)) => {
            Problem::TooManyAttempts(words, wait.retry_seconds)
        }
        NoPass::Rejected(Rejected::Login(LoginError::Wrong)) => Problem::WrongPassword(words),
        NoPass::Rejected(Rejected::Login(LoginError::Disabled | LoginError::Program(_))) => {
            Problem::Disabled(words)
        }
        NoPass::Rejected(Rejected::Login(LoginError::NotText)) => Problem::field("password", words),
        NoPass::Rejected(Rejected::Login(LoginError::Password(PasswordError::Busy))) => {
            Problem::Busy(words, RETRY_SECONDS)
        }
        NoPass::Rejected(Rejected::Register(RegisterError::Taken(_))) => {
            Problem::Conflict("that nickname is taken already".to_owned())
        }
        NoPass::Rejected(Rejected::RegistrationClosed) => Problem::RegistrationClosed(words),
        NoPass::Rejected(Rejected::Register(RegisterError::NotInvited)) => {
            Problem::NotInvited(words)
        }
        NoPass::Rejected(Rejected::GuestHasName(_)) => Problem::Conflict(words),
        NoPass::Rejected(Rejected::Register(RegisterError::Password(PasswordError::Busy))) => {
            Problem::Busy(words, RETRY_SECONDS)
        }
        NoPass::Store(store)
        | NoPass::Rejected(
            Rejected::Login(LoginError::Store(store))
            | Rejected::Register(RegisterError::Store(store)),
        ) => Problem::store(store),
        NoPass::Busy | NoPass::Rejected(Rejected::Busy) => Problem::Hub,
        NoPass::Rejected(_) | NoPass::Pass(_) => {
            ::log::error!("no token can be made: {words}");
            Problem::Internal
        }
    }
}
