//! `/admin/users`: lists users, and disconnects them.

use serde::Serialize;
use tiny_http::Method;
use utoipa::ToSchema;

use crate::admin::{MAX_LISTED, USUALLY_LISTED};
use crate::hub::{Listed, Place};
use crate::model::{Name, Power, peer};
use crate::turn::Wanted;

use super::call::Call;
use super::problem::{ErrorBody, Problem};
use super::reply::{Reply, rfc3339};
use super::route::{Access, Route};

pub(super) const ROUTES: &[Route] = &[
    Route {
        method: Method::Get,
        path: "/admin/users",
        access: Access::Needs(Power::Users),
        query: &["here", "after", "limit"],
        run: list_users,
    },
    Route {
        method: Method::Delete,
        path: "/admin/users/{nickname}",
        access: Access::Needs(Power::Users),
        query: &["reason"],
        run: disconnect_user,
    },
];

/// The users who are online.
#[derive(Serialize, ToSchema)]
struct Users {
    /// By nickname: one entry for each connection to the server that answers, and one for each
    /// other server that a user is on.
    users: Vec<User>,
    /// `true` if there are more: ask again with the last nickname as `after`.
    #[serde(skip_serializing_if = "Option::is_none")]
    more: Option<bool>,
}

/// One connection with a nickname, or a user on another server.
#[derive(Serialize, ToSchema)]
struct User {
    nickname: String,
    /// Whether it is a program.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    bot: bool,
    /// The server the user is on, as in `/api/nodes`, if there are several.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "chat-1.example.org:4004")]
    node: Option<String>,
    /// The client's address, if it has one: a program that calls REST has none. This and the next two are known only to the server that the user is
    /// on.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "127.0.0.1:50000")]
    address: Option<String>,
    /// The protocol that the client speaks.
    #[serde(skip_serializing_if = "Option::is_none")]
    protocol: Option<&'static str>,
    /// When the user came online, in RFC 3339.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(format = DateTime)]
    since: Option<String>,
    /// The channels joined, in order.
    channels: Vec<String>,
}

/// The result of disconnecting a user.
#[derive(Serialize, ToSchema)]
struct Disconnected {
    /// How many connections were ended.
    disconnected: usize,
}

pub(super) fn names(names: &[Name]) -> Vec<String> {
    names.iter().map(Name::to_string).collect()
}

impl From<(Listed, Option<String>)> for User {
    fn from((listed, node): (Listed, Option<String>)) -> User {
        let address = listed.address();
        let (protocol, since) = match listed.place {
            Place::Here {
                protocol, since_ms, ..
            } => (Some(protocol), Some(since_ms)),
            Place::Elsewhere(_) => (None, None),
        };
        User {
            nickname: listed.nickname.to_string(),
            bot: listed.is_bot,
            node,
            address: address.map(peer::written),
            protocol,
            since: since.map(rfc3339),
            channels: names(&listed.channels),
        }
    }
}

/// Lists the users who are online, with address, protocol and channels.
///
/// If several servers form one chat, it lists those on all of them. Address, protocol and time are
/// known only to the server that a user is on, its `node`.
#[utoipa::path(
    get, path = "/admin/users", tag = "users", security(("admin_token" = [])),
    params(
        ("here" = Option<bool>, Query, description = "`true`: only users of this server"),
        ("after" = Option<String>, Query, description = "Only nicknames that come after this one"),
        ("limit" = Option<usize>, Query, description =
            "1 to 100000 entries, and all of the last nickname; 10000 if not given"),
    ),
    responses(
        (status = 200, description = "The users online", body = Users),
        (status = 400, description = "A bad parameter", body = ErrorBody),
        (status = 401, description = "Not the admin token", body = ErrorBody),
    ),
)]
pub(super) fn list_users(call: &Call<'_>) -> Result<Reply, Problem> {
    let people = call.context.admin.people(wanted(call)?)?;
    let users = people.list.into_iter().map(User::from).collect();
    let more = people.more.then_some(true);
    Ok(Reply::json(200, &Users { users, more }))
}

fn wanted(call: &Call<'_>) -> Result<Wanted, Problem> {
    let query = &call.query;
    let here = match query.get("here") {
        None | Some("false") => false,
        Some("true") => true,
        Some(_) => return Err(Problem::field("here", "must be true or false")),
    };
    let after = query.get("after").map(Name::parse_nickname).transpose();
    let limit = match query.get("limit").map(str::parse) {
        None => USUALLY_LISTED,
        Some(Ok(limit)) if (1..=MAX_LISTED).contains(&limit) => limit,
        Some(_) => {
            let why = format!("must be a number from 1 to {MAX_LISTED}");
            return Err(Problem::field("limit", why));
        }
    };
    Ok(Wanted {
        here,
        after: after.map_err(|error| Problem::field("after", error))?,
        limit,
    })
}

/// Ends all connections of a user, who may come back at once.
///
/// A reason, shown to the user, may be given in the query or in a JSON body.
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
        (status = 404, description = "No user of that nickname is online", body = ErrorBody),
    ),
)]
pub(super) fn disconnect_user(call: &Call<'_>) -> Result<Reply, Problem> {
    let raw = call.argument();
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
        0 => Err(Problem::NotFound(format!(
            "no user called {name} is online"
        ))),
        disconnected => Ok(Reply::json(200, &Disconnected { disconnected })),
    }
}
