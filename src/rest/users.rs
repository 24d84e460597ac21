//! `/admin/users` and `/admin/channels`: who is on, and putting an end to it.

use serde::Serialize;
use tiny_http::Method;
use utoipa::ToSchema;

use crate::hub::{ChannelInfo, UserInfo};
use crate::name::Name;
use crate::net::peer;

use super::call::Call;
use super::problem::{ErrorBody, Problem};
use super::reply::{Reply, rfc3339};
use super::router::{Access, Route};

pub(super) const ROUTES: &[Route] = &[
    Route {
        method: Method::Get,
        path: "/admin/users",
        access: Access::Admin,
        query: &[],
        run: list_users,
    },
    Route {
        method: Method::Delete,
        path: "/admin/users/{nickname}",
        access: Access::Admin,
        query: &["reason"],
        run: disconnect_user,
    },
    Route {
        method: Method::Get,
        path: "/admin/channels",
        access: Access::Admin,
        query: &[],
        run: list_channels,
    },
];

/// Who is on.
#[derive(Serialize, ToSchema)]
struct Users {
    /// One entry a connection, by nickname.
    users: Vec<User>,
}

/// One connection with a nickname.
#[derive(Serialize, ToSchema)]
struct User {
    nickname: String,
    /// From where.
    #[schema(example = "127.0.0.1:50000")]
    address: String,
    /// In which protocol.
    protocol: &'static str,
    /// Since when, RFC 3339.
    #[schema(format = DateTime)]
    since: String,
    /// In which channels, in the order joined.
    channels: Vec<String>,
}

/// All channels.
#[derive(Serialize, ToSchema)]
struct Channels {
    /// By name.
    channels: Vec<Channel>,
}

/// One channel.
#[derive(Serialize, ToSchema)]
struct Channel {
    name: String,
    /// The nicknames in it.
    members: Vec<String>,
}

/// What disconnecting somebody came to.
#[derive(Serialize, ToSchema)]
struct Disconnected {
    /// How many connections were ended.
    disconnected: usize,
}

fn names(names: &[Name]) -> Vec<String> {
    names.iter().map(Name::to_string).collect()
}

impl From<UserInfo> for User {
    fn from(info: UserInfo) -> User {
        User {
            nickname: info.nickname.to_string(),
            address: peer::written(info.address),
            protocol: info.protocol,
            since: rfc3339(info.since_ms),
            channels: names(&info.channels),
        }
    }
}

impl From<ChannelInfo> for Channel {
    fn from(info: ChannelInfo) -> Channel {
        Channel {
            name: info.name.to_string(),
            members: names(&info.members),
        }
    }
}

/// Who is on, from where, in which protocol and channels.
#[utoipa::path(
    get, path = "/admin/users", tag = "users", security(("admin_token" = [])),
    responses(
        (status = 200, description = "Who is on", body = Users),
        (status = 401, description = "Not the admin token", body = ErrorBody),
    ),
)]
pub(super) fn list_users(call: &Call<'_>) -> Result<Reply, Problem> {
    let users = call.context.hub.ask(|hub, _, _| hub.users())?;
    let users = users.into_iter().map(User::from).collect();
    Ok(Reply::json(200, &Users { users }))
}

/// Ends all connections of a user; they may come back at once.
///
/// A reason, shown to the user, may stand in the query or in a JSON body.
#[utoipa::path(
    delete, path = "/admin/users/{nickname}", tag = "users", security(("admin_token" = [])),
    params(
        ("nickname" = String, Path, description = "In any spelling"),
        ("reason" = Option<String>, Query, description = "Shown to the user"),
    ),
    responses(
        (status = 200, description = "Disconnected", body = Disconnected),
        (status = 400, description = "Not a nickname, or a bad reason", body = ErrorBody),
        (status = 401, description = "Not the admin token", body = ErrorBody),
        (status = 404, description = "Nobody of that nickname is on", body = ErrorBody),
    ),
)]
pub(super) fn disconnect_user(call: &Call<'_>) -> Result<Reply, Problem> {
    let raw = call.argument.as_deref().unwrap_or_default();
    let name = Name::parse_nickname(raw).map_err(|error| Problem::field("nickname", error))?;
    let mut reason = call.query.get("reason").map(str::to_owned);
    if !call.body.is_empty() {
        let in_body = call.object(&["reason"])?.string("reason")?;
        if in_body.is_some() && reason.is_some() {
            return Err(Problem::field("reason", "given twice"));
        }
        reason = reason.or(in_body);
    }
    let reason = call.reason(reason)?;
    match call.context.admin.kick(call.actor(), &name, reason)? {
        0 => Err(Problem::NotFound(format!("nobody called {name} is on"))),
        disconnected => Ok(Reply::json(200, &Disconnected { disconnected })),
    }
}

/// All channels and who is in them.
#[utoipa::path(
    get, path = "/admin/channels", tag = "users", security(("admin_token" = [])),
    responses(
        (status = 200, description = "All channels", body = Channels),
        (status = 401, description = "Not the admin token", body = ErrorBody),
    ),
)]
pub(super) fn list_channels(call: &Call<'_>) -> Result<Reply, Problem> {
    let channels = call.context.hub.ask(|hub, _, _| hub.channels())?;
    let channels = channels.into_iter().map(Channel::from).collect();
    Ok(Reply::json(200, &Channels { channels }))
}
