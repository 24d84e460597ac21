//! `/admin/bans`: who may not come in.

use std::net::IpAddr;

use ipnet::IpNet;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tiny_http::Method;
use utoipa::ToSchema;

use crate::hub::{Ban, BanTarget};
use crate::name::Name;

use super::call::{Call, Object};
use super::problem::{ErrorBody, Problem};
use super::reply::{Reply, rfc3339};
use super::router::{Access, Route};

pub(super) const ROUTES: &[Route] = &[
    Route {
        method: Method::Get,
        path: "/admin/bans",
        access: Access::Admin,
        query: &[],
        run: list_bans,
    },
    Route {
        method: Method::Post,
        path: "/admin/bans",
        access: Access::Admin,
        query: &[],
        run: ban,
    },
    Route {
        method: Method::Delete,
        path: "/admin/bans/{id}",
        access: Access::Admin,
        query: &[],
        run: unban,
    },
];

/// The bans in force.
#[derive(Serialize, ToSchema)]
struct BanList {
    bans: Vec<BanEntry>,
}

/// One ban; one of `nickname` and `address` is there.
#[derive(Serialize, ToSchema)]
struct BanEntry {
    /// Names it for lifting it.
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

/// A ban to make: exactly one of `nickname`, `account` and `address`, and at
/// most one of the two ends.
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
    /// Shown to whom it hits.
    reason: Option<String>,
    expires_in_seconds: Option<u64>,
    #[schema(format = DateTime)]
    expires_at: Option<String>,
}

impl From<Ban> for BanEntry {
    fn from(ban: Ban) -> BanEntry {
        let (nickname, address) = match ban.target {
            BanTarget::Nickname(name) => (Some(name.to_string()), None),
            BanTarget::Address(net) => (None, Some(shown(net))),
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

/// A network of one address is written as that address.
fn shown(net: IpNet) -> String {
    match net.prefix_len() == net.max_prefix_len() {
        true => net.addr().to_string(),
        false => net.to_string(),
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
    let bans = call.context.hub.ask(|hub, now, _| hub.bans(now))?;
    let bans = bans.into_iter().map(BanEntry::from).collect();
    Ok(Reply::json(200, &BanList { bans }))
}

/// Bans a nickname, an address or a network, and disconnects whom it hits.
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
    // Held until saved, so that an older list never replaces a newer one.
    let save = call.context.save_bans.lock();
    let actor = call.actor();
    let (ban, all) = call.context.hub.ask(move |hub, now, fx| {
        let ban = hub.ban(target, reason, expires_ms, now, fx);
        if let Ok(ban) = &ban {
            let what = format!("made {}", in_words(ban));
            fx.log(actor.did(now.unix_ms, nickname(ban), what));
        }
        (ban, hub.bans(now))
    })?;
    let ban = ban.map_err(Problem::Bans)?;
    ::log::info!("{}: ban {} made", call.relayed.peer, ban.id);
    save(&all).map_err(|error| Problem::BansNotSaved(error.to_string()))?;
    let location = format!("/admin/bans/{}", ban.id);
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
    let id = call.argument.as_deref().unwrap_or_default();
    let id: u64 = id
        .parse()
        .map_err(|_| Problem::field("id", "must be a number"))?;
    let save = call.context.save_bans.lock();
    let actor = call.actor();
    let (lifted, all) = call.context.hub.ask(move |hub, now, fx| {
        let lifted = hub.unban(id, fx);
        if let Some(ban) = &lifted {
            let what = format!("lifted {}", in_words(ban));
            fx.log(actor.did(now.unix_ms, nickname(ban), what));
        }
        (lifted.is_some(), hub.bans(now))
    })?;
    if !lifted {
        return Err(Problem::NotFound(format!("there is no ban {id}")));
    }
    ::log::info!("{}: ban {id} lifted", call.relayed.peer);
    save(&all).map_err(|error| Problem::BansNotSaved(error.to_string()))?;
    Ok(Reply::empty(204))
}

/// A ban as the audit trail names it.
fn in_words(ban: &Ban) -> String {
    let target = match &ban.target {
        BanTarget::Nickname(name) => format!("nickname {name}"),
        BanTarget::Address(net) => format!("address {}", shown(*net)),
    };
    let end = ban.expires_ms.map(rfc3339);
    let end = end.map_or_else(|| "for ever".to_owned(), |end| format!("until {end}"));
    let reason = ban.reason.as_ref();
    let reason = reason.map_or_else(String::new, |reason| format!(": {reason}"));
    format!("ban {} of {target} {end}{reason}", ban.id)
}

/// Whom a ban is for, if it has a name.
fn nickname(ban: &Ban) -> Option<&Name> {
    match &ban.target {
        BanTarget::Nickname(name) => Some(name),
        BanTarget::Address(_) => None,
    }
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
    let address = raw.parse().map(|address: IpAddr| IpNet::from(address));
    let net = address.or_else(|_| raw.parse::<IpNet>());
    net.map_err(|_| {
        Problem::field(
            "address",
            "must be an address such as 192.0.2.7 or a network such as 192.0.2.0/24",
        )
    })
}

/// When the ban ends, in milliseconds since 1970 UTC.
fn expiry(object: &mut Object) -> Result<Option<u64>, Problem> {
    let now = Timestamp::now();
    let seconds = object.number("expires_in_seconds")?;
    let at = object.string("expires_at")?;
    let (field, end) = match (seconds, at) {
        (None, None) => return Ok(None),
        (Some(_), Some(_)) => {
            let why = "give only one of expires_in_seconds and expires_at";
            return Err(Problem::BadRequest(why.into()));
        }
        (Some(seconds), None) => {
            let seconds = i64::try_from(seconds)
                .ok()
                .map(jiff::SignedDuration::from_secs);
            let end = seconds.and_then(|seconds| now.checked_add(seconds).ok());
            let end = end.ok_or_else(|| Problem::field("expires_in_seconds", "too far away"))?;
            ("expires_in_seconds", end)
        }
        (None, Some(raw)) => {
            let why = "must be a time such as 2030-01-31T12:00:00Z";
            let end = raw.parse().map_err(|_| Problem::field("expires_at", why))?;
            ("expires_at", end)
        }
    };
    match u64::try_from(end.as_millisecond()) {
        Ok(ms) if end > now => Ok(Some(ms)),
        _ => Err(Problem::field(field, "must be in the future")),
    }
}
