//! `/admin/bans`: bans of nicknames, accounts and addresses.

use ipnet::IpNet;
use serde::{Deserialize, Serialize};
use tiny_http::Method;
use utoipa::ToSchema;

use crate::admin;
use crate::hub::{Ban, BanTarget};
use crate::model::time::{LAST_MS, from_rfc3339, unix_ms};
use crate::model::{Name, Power};

use super::body::Object;
use super::call::Call;
use super::problem::{ErrorBody, Problem};
use super::reply::{Reply, rfc3339};
use super::route::Route;

pub(super) const ROUTES: &[Route] = &[
    Route::needs(Power::Bans, Method::Get, "/admin/bans", list_bans),
    Route::needs(Power::Bans, Method::Post, "/admin/bans", ban),
    Route::needs(Power::Bans, Method::Delete, "/admin/bans/{id}", unban),
];

/// The bans in force.
#[derive(Serialize, ToSchema)]
struct BanList {
    bans: Vec<BanEntry>,
}

/// One ban; has either `nickname` or `address`.
#[derive(Serialize, ToSchema)]
struct BanEntry {
    /// Identifies the ban, for lifting it.
    id: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    nickname: Option<String>,
    /// One address or a network.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "192.0.2.0/24")]
    address: Option<String>,
    reason: Option<String>,
    #[schema(format = DateTime)]
    created_at: String,
    /// `null`: for ever.
    #[schema(format = DateTime)]
    expires_at: Option<String>,
}

/// A ban to make: exactly one of `nickname`, `account` and `address`, and at most one of the two
/// ends.
#[derive(Deserialize, ToSchema)]
#[expect(
    dead_code,
    reason = "describes the body; fields are read one by one, to name mistakes"
)]
struct NewBan {
    /// In any spelling.
    nickname: Option<String>,
    /// The same as `nickname`.
    account: Option<String>,
    /// One address or a network.
    #[schema(example = "192.0.2.0/24")]
    address: Option<String>,
    /// Shown to the users it applies to.
    reason: Option<String>,
    expires_in_seconds: Option<u64>,
    #[schema(format = DateTime)]
    expires_at: Option<String>,
}

impl From<Ban> for BanEntry {
    fn from(ban: Ban) -> BanEntry {
        let (nickname, address) = match ban.target {
            BanTarget::Nickname(name) => (Some(name.to_string()), None),
            BanTarget::Address(net) => (None, Some(admin::shown(net))),
        };
        BanEntry {
            id: ban.id,
            nickname,
            address,
            reason: ban.reason.map(|reason| reason.to_string()),
            created_at: rfc3339(ban.created_ms),
            expires_at: ban.expires_ms.map(rfc3339),
        }
    }
}

/// The bans in force.
#[utoipa::path(
    get, path = "/admin/bans", tag = "bans", security(("admin_token" = [])),
    responses(
        (status = 200, description = "The bans in force", body = BanList),
        (status = 401, description = "Not the admin token", body = ErrorBody),
    ),
)]
pub(super) fn list_bans(call: &Call<'_>) -> Result<Reply, Problem> {
    let bans = call.context.admin.bans()?;
    let bans = bans.into_iter().map(BanEntry::from).collect();
    Ok(Reply::json(200, &BanList { bans }))
}

/// Bans a nickname, an address or a network, and disconnects the users it applies to.
#[utoipa::path(
    post, path = "/admin/bans", tag = "bans", security(("admin_token" = [])),
    request_body = NewBan,
    responses(
        (status = 201, description = "Banned", body = BanEntry),
        (status = 400, description = "Names the field that is wrong", body = ErrorBody),
        (status = 401, description = "Not the admin token", body = ErrorBody),
        (status = 409, description = "There are too many bans", body = ErrorBody),
        (status = 500, description = "In force, but not saved", body = ErrorBody),
    ),
)]
pub(super) fn ban(call: &Call<'_>) -> Result<Reply, Problem> {
    let mut object = call.object(&[
        "nickname",
        "account",
        "address",
        "reason",
        "expires_in_seconds",
        "expires_at",
    ])?;
    let target = target(&mut object)?;
    let expires_ms = expiry(&mut object)?;
    let reason = call.reason(object.string("reason")?)?;
    let ban = call
        .context
        .admin
        .ban(call.actor(), target, reason, expires_ms)?;
    let location = format!("bans/{}", ban.id);
    Ok(Reply::json(201, &BanEntry::from(ban)).with("Location", location))
}

/// Lifts a ban.
#[utoipa::path(
    delete, path = "/admin/bans/{id}", tag = "bans", security(("admin_token" = [])),
    params(("id" = u64, Path, description = "As listed")),
    responses(
        (status = 204, description = "Lifted"),
        (status = 400, description = "Not a number", body = ErrorBody),
        (status = 401, description = "Not the admin token", body = ErrorBody),
        (status = 404, description = "There is no such ban", body = ErrorBody),
        (status = 500, description = "Lifted, but not saved", body = ErrorBody),
    ),
)]
pub(super) fn unban(call: &Call<'_>) -> Result<Reply, Problem> {
    let id: u64 = call
        .argument()
        .parse()
        .map_err(|_| Problem::field("id", "must be a number"))?;
    call.context.admin.unban(call.actor(), id)?;
    Ok(Reply::empty(204))
}

fn target(object: &mut Object) -> Result<BanTarget, Problem> {
    let mut targets = Vec::new();
    for field in ["nickname", "account"] {
        if let Some(raw) = object.string(field)? {
            let name = Name::parse_nickname(&raw).map_err(|error| Problem::field(field, error))?;
            targets.push(BanTarget::Nickname(name));
        }
    }
    if let Some(raw) = object.string("address")? {
        targets.push(BanTarget::network(network(&raw)?));
    }
    match (targets.pop(), targets.pop()) {
        (Some(target), None) => Ok(target),
        (None, _) => Err(Problem::field(
            "nickname",
            "missing; give one of nickname, account and address",
        )),
        (Some(_), Some(_)) => Err(Problem::BadRequest(
            "give only one of nickname, account and address".into(),
        )),
    }
}

fn network(raw: &str) -> Result<IpNet, Problem> {
    admin::network(raw).ok_or_else(|| {
        Problem::field(
            "address",
            "must be an address such as 192.0.2.7 or a network such as 192.0.2.0/24",
        )
    })
}

/// When the ban ends, in milliseconds since 1970 UTC.
fn expiry(object: &mut Object) -> Result<Option<u64>, Problem> {
    let now = unix_ms();
    let seconds = object.number("expires_in_seconds")?;
    let at = object.string("expires_at")?;
    let (field, end) = match (seconds, at) {
        (None, None) => return Ok(None),
        (Some(_), Some(_)) => {
            let why = "give only one of expires_in_seconds and expires_at";
            return Err(Problem::BadRequest(why.into()));
        }
        (Some(seconds), None) => {
            let field = "expires_in_seconds";
            let end = seconds.checked_mul(1000).and_then(|ms| ms.checked_add(now));
            let end = end.filter(|end| *end <= LAST_MS);
            (
                field,
                end.ok_or_else(|| Problem::field(field, "too far away"))?,
            )
        }
        (None, Some(raw)) => {
            let why = "must be a time such as 2030-01-31T12:00:00Z";
            let end = from_rfc3339(&raw).ok_or_else(|| Problem::field("expires_at", why))?;
            ("expires_at", end)
        }
    };
    match end > now {
        true => Ok(Some(end)),
        false => Err(Problem::field(field, "must be in the future")),
    }
}
