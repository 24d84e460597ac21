//! `/api/register` and `/api/auth_token`: accounts and their tokens.

use serde::Serialize;
use tiny_http::Method;
use utoipa::ToSchema;

use crate::account::{
    LoginError, PasswordError, RegisterError, Registrar, RegistrationForm, Rejected,
};
use crate::envelope::{Envelope, Failure, Nothing};
use crate::http::bearer;
use crate::hub::Refusal;
use crate::model::{Account, Name, Secret, Token};

use super::call::Call;
use super::problem::Problem;
use super::reply::{Reply, rfc3339};
use super::route::{Access, Route};

/// Paths where a POST takes as long as a password does.
const SLOW: &[&str] = &["/api/register", "/api/auth_token"];
/// When a client should try again while too many passwords are being checked.
const BUSY_RETRY_SECONDS: u64 = 2;

pub(super) const ROUTES: &[Route] = &[
    Route::for_everyone(Method::Post, "/api/register", register),
    Route::for_everyone(Method::Post, "/api/auth_token", log_in),
    Route {
        method: Method::Delete,
        path: "/api/auth_token",
        access: Access::Account,
        query: &["token", "access_token"],
        run: log_out,
    },
    Route::for_everyone(Method::Post, "/api/auth_token/refresh", refresh),
];

/// Whether a call works on a password, which occupies a core for a while.
pub(super) fn takes_long(method: &Method, path: &str) -> bool {
    *method == Method::Post && SLOW.contains(&path)
}

/// The form for a new account.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes the body; fields are read by name")]
struct NewUser {
    first_name: String,
    last_name: String,
    #[schema(example = "mina")]
    username: String,
    /// 8 to 1,024 bytes, unless the server is configured otherwise.
    password: String,
    email: String,
    /// 5 to 15 digits, grouped as you like.
    phone: String,
}

/// The form for a new token.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes the body; fields are read by name")]
struct Login {
    username: String,
    password: String,
}

/// What is exchanged for a new token.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes the body; the field is read by name")]
struct Refresh {
    refresh_token: String,
}

/// A registered user.
#[derive(Serialize, ToSchema)]
struct User {
    first_name: String,
    last_name: String,
    username: String,
    email: String,
    phone_number: String,
    token: AccessToken,
}

/// The keys that requests are signed with.
#[derive(Serialize, ToSchema)]
struct AccessToken {
    /// Goes into the header of a JWT as `access_key`.
    access_key_id: String,
    /// Signs the JWT (HS256).
    secret_access_key: String,
    /// Can be exchanged for a new token, once.
    refresh_token: String,
    #[schema(format = DateTime)]
    created_at: String,
    #[schema(format = DateTime)]
    expires_at: String,
    #[schema(format = DateTime)]
    modified_at: String,
    is_refreshable: bool,
}

impl User {
    fn of(account: Account, token: &Token) -> User {
        User {
            first_name: account.first_name,
            last_name: account.last_name,
            username: account.username.to_string(),
            email: account.email.unwrap_or_default(),
            phone_number: account.phone.unwrap_or_default(),
            token: AccessToken::of(token),
        }
    }
}

impl AccessToken {
    fn of(token: &Token) -> AccessToken {
        AccessToken {
            access_key_id: token.access_key_id.clone(),
            secret_access_key: token.secret_access_key.expose().to_owned(),
            refresh_token: token.refresh_token.expose().to_owned(),
            created_at: rfc3339(token.created_at),
            expires_at: rfc3339(token.expires_at),
            modified_at: rfc3339(token.modified_at),
            is_refreshable: token.is_refreshable,
        }
    }
}

/// Creates an account, with a first token.
#[utoipa::path(
    post, path = "/api/register", tag = "accounts",
    request_body(content(
        (NewUser = "application/x-www-form-urlencoded"), (NewUser = "application/json"),
    )),
    responses(
        (status = 200, description = "The user", body = Envelope<User>),
        (status = 400, description = "Form error, or User error: another account has this already",
         body = Envelope<Nothing>),
        (status = 403, description = "The address or the nickname is banned, or accounts are not registered \
         by everyone here", body = Envelope<Nothing>),
        (status = 429, description = "Too many attempts", body = Envelope<Nothing>),
        (status = 503, description = "Too many others at once", body = Envelope<Nothing>),
    ),
)]
pub(super) fn register(call: &Call<'_>) -> Result<Reply, Problem> {
    call.refuse_banned()?;
    let form = call.form()?;
    let form = RegistrationForm {
        first_name: form.get("first_name"),
        last_name: form.get("last_name"),
        username: form.get("username"),
        password: form.get("password"),
        email: form.get("email"),
        phone: form.get("phone"),
        invitation: form.get("invitation"),
    };
    let registration = form
        .check(call.context.accounts.lengths())
        .map_err(|errors| {
            let errors = errors.into_iter();
            Failure::form(errors.map(|(field, why)| (field, why.to_string())))
        })?;
    call.refuse_banned_name(&registration.username)?;
    let accounts = &call.context.accounts;
    // Any other token proves nothing here and is ignored, because none is required.
    let shown = call.authorization.and_then(bearer);
    let by = shown.and_then(|pass| call.context.gate.registrar(call.asker(), pass).ok());
    let by = by.unwrap_or(Registrar::Anyone);
    let account = accounts.register(registration, call.relayed.peer.ip(), &by)?;
    let token = accounts.issue_token(call.asker(), &account, call.visitor())?;
    ::log::info!("{}: registered {}", call.relayed.peer, account.username);
    let user = User::of(account, &token);
    Ok(Reply::enveloped(&Envelope::of(vec![user])))
}

/// Issues a new token for the password.
#[utoipa::path(
    post, path = "/api/auth_token", tag = "accounts",
    request_body(content(
        (Login = "application/x-www-form-urlencoded"), (Login = "application/json"),
    )),
    responses(
        (status = 200, description = "The token", body = Envelope<AccessToken>),
        (status = 400, description = "Form error", body = Envelope<Nothing>),
        (status = 401, description = "Wrong username or password", body = Envelope<Nothing>),
        (status = 403, description = "The address or the nickname is banned, or the account is disabled",
         body = Envelope<Nothing>),
        (status = 429, description = "Too many attempts", body = Envelope<Nothing>),
        (status = 503, description = "Too many others at once", body = Envelope<Nothing>),
    ),
)]
pub(super) fn log_in(call: &Call<'_>) -> Result<Reply, Problem> {
    call.refuse_banned()?;
    let form = call.form()?;
    let (username, password) = (form.get("username").trim(), form.get("password"));
    let missing = [("username", username), ("password", password)];
    let missing = missing.into_iter().filter(|(_, value)| value.is_empty());
    let missing: Vec<_> = missing.map(|(name, _)| (name, "is required")).collect();
    if !missing.is_empty() {
        return Err(Failure::form(missing).into());
    }
    let username = Name::parse(username).map_err(|error| Problem::field("username", error))?;
    let accounts = &call.context.accounts;
    let password = Secret::new(password);
    let account = accounts.log_in(&username, &password, call.relayed.peer.ip())?;
    let token = accounts.issue_token(call.asker(), &account, call.visitor())?;
    let token = AccessToken::of(&token);
    Ok(Reply::enveloped(&Envelope::of(vec![token])))
}

/// Revokes the token that the call is signed with, and ends the connections that were opened with
/// it.
#[utoipa::path(
    delete, path = "/api/auth_token", tag = "accounts", security(("account_token" = [])),
    params(
        ("token" = Option<String>, Query, description = "The JWT, instead of a header"),
        ("access_token" = Option<String>, Query, description = "The same by another name"),
    ),
    responses(
        (status = 200, description = "The token is revoked", body = Envelope<Nothing>),
        (status = 401, description = "Unauthenticated", body = Envelope<Nothing>),
    ),
)]
pub(super) fn log_out(call: &Call<'_>) -> Result<Reply, Problem> {
    let (_, token) = call.signer()?;
    let given_up = call.context.accounts.give_up(&token.access_key_id);
    given_up.map_err(|error| Problem::store(&error))?;
    Ok(Reply::enveloped(&Envelope::<Nothing>::of(Vec::new())))
}

/// Exchanges a token for a new one. The old one is revoked, and the connections that were opened
/// with it end.
#[utoipa::path(
    post, path = "/api/auth_token/refresh", tag = "accounts",
    request_body(content(
        (Refresh = "application/x-www-form-urlencoded"), (Refresh = "application/json"),
    )),
    responses(
        (status = 200, description = "The new token", body = Envelope<AccessToken>),
        (status = 400, description = "Form error: no token, or one that is no longer valid",
         body = Envelope<Nothing>),
        (status = 403, description = "The address or the nickname is banned",
         body = Envelope<Nothing>),
    ),
)]
pub(super) fn refresh(call: &Call<'_>) -> Result<Reply, Problem> {
    call.refuse_banned()?;
    let form = call.form()?;
    let refresh_token = match form.get("refresh_token") {
        "" => return Err(Problem::field("refresh_token", "is required")),
        given => Secret::new(given),
    };
    let token = call
        .context
        .accounts
        .refresh(call.asker(), &refresh_token)?;
    let why = "is not, or no longer, valid for a new token";
    let token = token.ok_or_else(|| Problem::field("refresh_token", why))?;
    let token = AccessToken::of(&token);
    Ok(Reply::enveloped(&Envelope::of(vec![token])))
}

impl From<Rejected> for Problem {
    fn from(rejected: Rejected) -> Problem {
        let why = rejected.to_string();
        let failure = match rejected {
            Rejected::TooMany(error) => Failure::new(429, why).retry_after(error.retry_seconds),
            Rejected::Login(LoginError::Wrong) => Failure::unauthenticated(why),
            Rejected::Login(LoginError::Disabled | LoginError::Program(_)) => {
                Failure::new(403, why)
            }
            Rejected::Login(LoginError::NotText) => Failure::form([("password", why)]),
            Rejected::Register(RegisterError::Taken(fields)) => {
                let fields = fields.iter().map(|field| field.as_str());
                Failure::not_unique(fields.map(|field| (field, "is taken already")))
            }
            Rejected::Banned(name) => {
                return Problem::Banned(Refusal::NicknameBanned(name).to_string());
            }
            Rejected::RegistrationClosed | Rejected::Register(RegisterError::NotInvited) => {
                Failure::new(403, why)
            }
            Rejected::GuestHasName(_) => Failure::not_unique([("username", why)]),
            Rejected::Login(LoginError::Password(error))
            | Rejected::Register(RegisterError::Password(error)) => password(error),
            Rejected::Login(LoginError::Store(error))
            | Rejected::Register(RegisterError::Store(error))
            | Rejected::TokenNotStored(error) => return Problem::store(&error),
            Rejected::Busy => return Problem::Hub,
            Rejected::NoToken(why) => {
                ::log::error!("no token could be made: {why}");
                Failure::new(503, "no token could be made; try again")
            }
        };
        failure.into()
    }
}

fn password(error: PasswordError) -> Failure {
    match error {
        PasswordError::Busy => busy(),
        PasswordError::Failed | PasswordError::BadHash => {
            ::log::error!("a password could not be checked: {error}");
            Failure::new(500, error.to_string())
        }
    }
}

/// Too many passwords are waiting to be checked.
pub(super) fn busy() -> Failure {
    Failure::new(503, PasswordError::Busy.to_string()).retry_after(BUSY_RETRY_SECONDS)
}
