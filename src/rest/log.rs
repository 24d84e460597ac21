//! `/admin/log`: searching the chat log.

use std::num::NonZeroUsize;

use serde::Serialize;
use serde_json::value::RawValue;
use tiny_http::Method;
use utoipa::ToSchema;

use crate::chatlog::{self, Cursor, MAX_LIMIT, Page};
use crate::model::time::from_rfc3339;
use crate::model::{Kind, Power};

use super::call::Call;
use super::problem::{ErrorBody, Problem};
use super::query::Query;
use super::reply::Reply;
use super::route::{Access, Route};

pub(super) const ROUTES: &[Route] = &[Route {
    method: Method::Get,
    path: "/admin/log",
    access: Access::Needs(Power::Log),
    query: &[
        "pattern", "kind", "nick", "channel", "since", "until", "limit", "cursor",
    ],
    run: search_log,
}];

/// The result of a search.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({
    "entries": [{"at": "2030-01-31T12:00:00.000Z", "kind": "message",
                 "id": "1896091200000-1", "nick": "alice", "channel": "dev",
                 "text": "hello"}],
    "next_cursor": null,
    "timed_out": false,
}))]
struct Found {
    /// Newest first, as they are in the log.
    #[schema(value_type = Vec<Object>)]
    entries: Vec<Box<RawValue>>,
    /// Pass it as `cursor` to continue with older entries; `null` if there are none.
    next_cursor: Option<String>,
    /// The search took too long and stopped early: there may be more, although this is not a full
    /// page. `next_cursor` continues from there.
    timed_out: bool,
}

/// Searches the chat log, newest entries first.
///
/// Programs are shown private messages if their tokens have the scope `private`, too. Entries must
/// meet all conditions. Entries logged before can be searched even while logging is
/// switched off.
#[utoipa::path(
    get, path = "/admin/log", tag = "chat log", security(("admin_token" = [])),
    params(
        ("pattern" = Option<String>, Query, description =
            "A regular expression, found anywhere in an entry's text"),
        ("kind" = Option<String>, Query, description =
            "message, private, command, open, close, join, leave, announcement, admin or error"),
        ("nick" = Option<String>, Query, description =
            "The nickname that acted, received the private message, or was the object of an administrator's action; in any spelling"),
        ("channel" = Option<String>, Query, description = "In which channel"),
        ("since" = Option<String>, Query, description =
            "Not before this time, such as 2030-01-31T12:00:00Z"),
        ("until" = Option<String>, Query, description =
            "Not after this time, such as 2030-01-31T12:00:00Z"),
        ("limit" = Option<usize>, Query, description = "1 to 1000; 100 if not given"),
        ("cursor" = Option<String>, Query, description = "next_cursor of the page before"),
    ),
    responses(
        (status = 200, description = "Entries, and where to go on", body = Found),
        (status = 400, description = "Names the parameter that is wrong", body = ErrorBody),
        (status = 401, description = "Not the admin token", body = ErrorBody),
        (status = 503, description = "Other searches are running, then Retry-After says \
            when to try again; or the log cannot be read", body = ErrorBody),
    ),
)]
pub(super) fn search_log(call: &Call<'_>) -> Result<Reply, Problem> {
    let query = chatlog::Query {
        without_private: !call.may(Power::Private),
        ..query(&call.query)?
    };
    let page = search(call, &query)?;
    let found = Found {
        entries: page.lines,
        next_cursor: page.next.map(|cursor| cursor.to_string()),
        timed_out: page.timed_out,
    };
    Ok(Reply::json(200, &found))
}

/// Searches, until the client has gone away.
pub(super) fn search(call: &Call<'_>, query: &chatlog::Query) -> Result<Page, Problem> {
    Ok(call.context.log.search(query, &call.relayed.cancel)?)
}

fn query(query: &Query) -> Result<chatlog::Query, Problem> {
    let given = |name| query.get(name).map(str::to_owned);
    Ok(chatlog::Query {
        pattern: given("pattern").filter(|pattern| !pattern.is_empty()),
        kind: query.get("kind").map(kind).transpose()?,
        said: false,
        without_private: false,
        nick: given("nick"),
        channel: given("channel"),
        since: time(query, "since")?,
        until: time(query, "until")?,
        limit: query.get("limit").map(limit).transpose()?,
        cursor: query.get("cursor").map(cursor).transpose()?,
    })
}

fn kind(word: &str) -> Result<Kind, Problem> {
    Kind::from_word(word).ok_or_else(|| {
        let words = Kind::ALL.map(Kind::word).join(", ");
        Problem::field("kind", format!("must be one of {words}"))
    })
}

fn time(query: &Query, field: &str) -> Result<Option<u64>, Problem> {
    let Some(raw) = query.get(field) else {
        return Ok(None);
    };
    let why = "must be a time such as 2030-01-31T12:00:00Z; the + of a time zone is written %2B";
    let ms = from_rfc3339(raw).ok_or_else(|| Problem::field(field, why))?;
    Ok(Some(ms))
}

fn limit(raw: &str) -> Result<NonZeroUsize, Problem> {
    let limit = raw
        .parse()
        .ok()
        .filter(|limit: &NonZeroUsize| limit.get() <= MAX_LIMIT);
    limit.ok_or_else(|| {
        let why = format!("must be a number from 1 to {MAX_LIMIT}");
        Problem::field("limit", why)
    })
}

fn cursor(raw: &str) -> Result<Cursor, Problem> {
    let why = "must be the next_cursor of an earlier answer";
    raw.parse().map_err(|_| Problem::field("cursor", why))
}
