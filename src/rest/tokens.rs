//! `/admin/tokens`: the tokens of programs.

use serde::{Deserialize, Serialize};
use tiny_http::Method;
use utoipa::ToSchema;

use crate::account::NewProgram;
use crate::model::program::Shown;
use crate::model::time::{LAST_MS, from_rfc3339};
use crate::model::{Name, Power, ProgramToken, Scopes};

use super::body::Object;
use super::call::Call;
use super::problem::{ErrorBody, Problem};
use super::refusals::ToAdministrators;
use super::reply::{Reply, rfc3339};
use super::route::Route;

pub(super) const ROUTES: &[Route] = &[
    Route::needs(Power::Tokens, Method::Post, "/admin/tokens", add_token),
    Route::needs(Power::Tokens, Method::Get, "/admin/tokens", list_tokens),
    Route::needs(
        Power::Tokens,
        Method::Delete,
        "/admin/tokens/{id}",
        remove_token,
    ),
];

/// A token to make.
#[derive(Deserialize, ToSchema)]
#[expect(
    dead_code,
    reason = "describes the body; fields are read one by one, to name mistakes"
)]
struct NewToken {
    /// What the audit trail calls it; has the form of a nickname.
    #[schema(example = "build-server")]
    name: String,
    /// `post:#c`, `read:#c` and `moderate:#c` (or `*` for all channels), `announce`, `log`,
    /// `private`, `users`, `bans`, `metrics`, `tokens` or `all`.
    #[schema(example = json!(["post:#builds"]))]
    scopes: Vec<String>,
    /// The nickname as which a program that posts or reads takes part; the name if not given. A
    /// program that makes a token gives its own, or one that no account has, unless it may do `all`.
    bot: Option<String>,
    /// Left out: never; if a program makes it, when the program's own token ends, which is the
    /// latest that it may give.
    #[schema(format = DateTime)]
    expires_at: Option<String>,
    /// Calls a minute; 600 if not given. A program gives no more than its own token has.
    rate: Option<u32>,
}

/// A token that was made.
#[derive(Serialize, ToSchema)]
struct MadeToken {
    #[serde(flatten)]
    is: TokenRow,
    /// The token itself, shown this once: the server keeps only a hash.
    #[schema(example = "cst_0123456789abcdefghijklmnopqrstuvwxyzABCDEFG")]
    token: String,
}

/// The tokens.
#[derive(Serialize, ToSchema)]
struct TokenList {
    /// The oldest first.
    tokens: Vec<TokenRow>,
}

/// A token as administrators see it.
#[derive(Serialize, ToSchema)]
pub(super) struct TokenRow {
    id: String,
    name: String,
    scopes: Vec<String>,
    /// The nickname as which the program takes part.
    #[serde(skip_serializing_if = "Option::is_none")]
    bot: Option<String>,
    #[schema(format = DateTime)]
    created_at: String,
    /// `null`: never.
    #[schema(format = DateTime)]
    expires_at: Option<String>,
    /// To the minute; `null`: never.
    #[schema(format = DateTime)]
    used_at: Option<String>,
    /// Calls a minute.
    rate: u32,
}

impl TokenRow {
    pub fn of(token: ProgramToken) -> TokenRow {
        TokenRow {
            id: token.id,
            name: token.name.to_string(),
            scopes: token.scopes.iter().map(ToString::to_string).collect(),
            bot: token.bot.map(|(_, name)| name.to_string()),
            created_at: rfc3339(token.created_at),
            expires_at: token.expires_at.map(rfc3339),
            used_at: token.used_at.map(rfc3339),
            rate: token.rate,
        }
    }
}

/// Makes a token for a program. Its secret is shown this once.
#[utoipa::path(
    post, path = "/admin/tokens", tag = "programs", security(("admin_token" = [])),
    request_body = NewToken,
    responses(
        (status = 201, description = "The token", body = MadeToken),
        (status = 400, description = "Names the field that is wrong", body = ErrorBody),
        (status = 409, description = "There are too many, or the nickname is a person's or another program's", body = ErrorBody),
        ToAdministrators,
    ),
)]
pub(super) fn add_token(call: &Call<'_>) -> Result<Reply, Problem> {
    let mut object = call.object(&["name", "scopes", "bot", "expires_at", "rate"])?;
    let scopes = object.strings("scopes")?;
    let scopes = scopes.ok_or_else(|| Problem::field("scopes", "missing"))?;
    let scopes = Scopes::parse(scopes.iter().map(String::as_str));
    let new = NewProgram {
        name: name(&mut object, "name")?.ok_or_else(|| Problem::field("name", "missing"))?,
        shown: Shown::Token,
        scopes: scopes.map_err(|why| Problem::field("scopes", why))?,
        bot: name(&mut object, "bot")?,
        expires_at: expiry(&mut object)?,
        rate: rate(&mut object)?,
    };
    let context = call.context;
    let (token, secret) = context.admin.add_program(
        call.actor(),
        call.grant()?,
        &context.accounts,
        call.asker(),
        new,
    )?;
    let location = format!("tokens/{}", token.id);
    let made = MadeToken {
        is: TokenRow::of(token),
        token: secret.expose().to_owned(),
    };
    Ok(Reply::json(201, &made).with("Location", location))
}

/// Lists the tokens of programs, without their secrets.
#[utoipa::path(
    get, path = "/admin/tokens", tag = "programs", security(("admin_token" = [])),
    responses(
        (status = 200, description = "The tokens", body = TokenList),
        ToAdministrators,
    ),
)]
pub(super) fn list_tokens(call: &Call<'_>) -> Result<Reply, Problem> {
    let admin = &call.context.admin;
    let tokens = admin.programs(&call.context.accounts, Shown::Token)?;
    let tokens = tokens.into_iter().map(TokenRow::of).collect();
    Ok(Reply::json(200, &TokenList { tokens }))
}

/// Removes a token, which is good for nothing from then on. Its bot leaves the chat, unless another
/// token speaks as it.
#[utoipa::path(
    delete, path = "/admin/tokens/{id}", tag = "programs", security(("admin_token" = [])),
    params(("id" = String, Path, description = "As listed")),
    responses(
        (status = 204, description = "Removed"),
        (status = 403, description = "It allows more than your own token (`missing_scope`)", body = ErrorBody),
        (status = 404, description = "There is no such token", body = ErrorBody),
        ToAdministrators,
    ),
)]
pub(super) fn remove_token(call: &Call<'_>) -> Result<Reply, Problem> {
    let (admin, accounts) = (&call.context.admin, &call.context.accounts);
    admin.remove_token(call.actor(), call.grant()?, accounts, call.argument())?;
    Ok(Reply::empty(204))
}

/// A field that is a name, if it is there.
pub(super) fn name(object: &mut Object, field: &str) -> Result<Option<Name>, Problem> {
    let name = object.string(field)?;
    let name = name.as_deref().map(Name::parse_nickname).transpose();
    name.map_err(|error| Problem::field(field, error))
}

/// When it ends, in milliseconds since 1970 UTC.
pub(super) fn expiry(object: &mut Object) -> Result<Option<u64>, Problem> {
    let Some(raw) = object.string("expires_at")? else {
        return Ok(None);
    };
    let why = "must be a time such as 2030-01-31T12:00:00Z";
    let end = from_rfc3339(&raw).filter(|end| *end <= LAST_MS);
    end.map(Some)
        .ok_or_else(|| Problem::field("expires_at", why))
}

/// The calls a minute.
pub(super) fn rate(object: &mut Object) -> Result<Option<u32>, Problem> {
    let rate = object.number("rate")?;
    let rate = rate.map(u32::try_from).transpose();
    rate.map_err(|_| Problem::field("rate", "is too large"))
}
