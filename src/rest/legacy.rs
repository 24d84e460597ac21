//! The older names: announcements, search, status and their description, at the paths and in the
//! format of an older server.

mod docs;
mod form;
mod pattern;

use serde::Serialize;
use tiny_http::Method;
use utoipa::ToSchema;

use crate::chatlog::{self, MAX_PATTERN_BYTES, Query};
use crate::model::Power;

use super::announce::{Announcement, tell_everyone};
use super::body::Object;
use super::call::Call;
use super::log::search;
use super::problem::Problem;
use super::reply::Reply;
use super::route::{Access, Handler, Route};

pub(super) use docs::*;
pub(super) use form::{Frame, Refused, covers, refuse};
use form::{ResponseError, Severity};

pub(super) const ROUTES: &[Route] = &[
    announcing("/api/message", post_message),
    announcing("/v1/api/message", post_message_v1),
    searching("/api/message", find_message),
    searching("/v1/api/message", find_message_v1),
    describing("/docs.json", listing),
    describing("/docs.json/api", declaration),
    describing("/api/docs.json", listing_below_api),
    describing("/api/docs.json/api", declaration_below_api),
];

const fn announcing(path: &'static str, run: Handler) -> Route {
    Route::needs(Power::Announce, Method::Post, path, run)
}

const fn searching(path: &'static str, run: Handler) -> Route {
    Route {
        method: Method::Get,
        path,
        access: Access::Needs(Power::Log),
        query: &["pattern"],
        run,
    }
}

const fn describing(path: &'static str, run: Handler) -> Route {
    Route::for_everyone(Method::Get, path, run)
}

/// The result of an announcement.
#[derive(Serialize, ToSchema)]
struct OlderAnnounced {
    #[serde(flatten)]
    frame: Frame,
    success: bool,
}

/// The lines that match.
#[derive(Serialize, ToSchema)]
struct Occurrences {
    #[serde(flatten)]
    frame: Frame,
    /// The newest lines that match, the oldest of them first.
    occurrences: Vec<String>,
}

/// Announces, as `/admin/announce` does.
#[utoipa::path(
    post, path = "/api/message", tag = "older names", security(("admin_token" = [])),
    request_body = Announcement,
    responses(
        (status = 200, description = "Announced", body = OlderAnnounced),
        (status = 400, description = "Says why in errors", body = Refused),
        (status = 401, description = "Not the admin token", body = Refused),
    ),
)]
pub(super) fn post_message(call: &Call<'_>) -> Result<Reply, Problem> {
    // The key may have any case; other keys are ignored.
    let message = Object::parse(call.body)?.in_any_case().string("message")?;
    let message = message.ok_or_else(|| Problem::field("message", "missing"))?;
    let count = tell_everyone(call, &message)?;
    let frame = Frame::of(call).with_count(count);
    let frame = match count {
        0 => frame.with_error(ResponseError::new(
            Severity::Info,
            "no-connected-users",
            "No users are connected to this server",
        )),
        _ => frame,
    };
    let success = true;
    Ok(Reply::json(200, &OlderAnnounced { frame, success }))
}

/// Announces, as `/admin/announce` does.
#[utoipa::path(
    post, path = "/v1/api/message", tag = "older names", security(("admin_token" = [])),
    request_body = Announcement,
    responses(
        (status = 200, description = "Announced", body = OlderAnnounced),
        (status = 400, description = "Says why in errors", body = Refused),
        (status = 401, description = "Not the admin token", body = Refused),
    ),
)]
pub(super) fn post_message_v1(call: &Call<'_>) -> Result<Reply, Problem> {
    post_message(call)
}

/// Searches what was said in channels, in private and by administrators.
///
/// The pattern is found anywhere in a line: in the time, in the names and in
/// what was said.
#[utoipa::path(
    get, path = "/api/message", tag = "older names", security(("admin_token" = [])),
    params(("pattern" = Option<String>, Query, description = "A regular expression")),
    responses(
        (status = 200, description = "At most 100 lines", body = Occurrences),
        (status = 400, description = "Says why in errors", body = Refused),
        (status = 401, description = "Not the admin token", body = Refused),
    ),
)]
pub(super) fn find_message(call: &Call<'_>) -> Result<Reply, Problem> {
    let raw = call.query.get("pattern").unwrap_or_default();
    let pattern = pattern::from_go(raw);
    let query = Query {
        pattern: (!pattern.is_empty()).then(|| pattern.to_string()),
        said: true,
        without_private: !call.may(Power::Private),
        ..Query::default()
    };
    let page = search(call, &query).map_err(|problem| as_read(problem, raw, &pattern))?;
    let lines = page.lines.iter().rev();
    let lines = lines.filter_map(|line| chatlog::shown(line.get()));
    let occurrences: Vec<String> = lines.collect();
    let mut frame = Frame::of(call).with_count(occurrences.len());
    if page.timed_out {
        frame = frame.with_error(ResponseError::new(
            Severity::Notice,
            "search-ended-early",
            "The search took too long: there may be older lines; /admin/log goes on from a cursor",
        ));
    } else if page.next.is_some() {
        frame = frame.with_error(ResponseError::new(
            Severity::Notice,
            "too-many-results",
            "These are only the newest; /admin/log has the others, page by page",
        ));
    }
    Ok(Reply::json(200, &Occurrences { frame, occurrences }))
}

/// The problem, with the pattern it is about: positions count in the translated pattern.
fn as_read(problem: Problem, raw: &str, read: &str) -> Problem {
    match problem {
        Problem::Field(name, why)
            if name == "pattern" && raw != read && read.len() <= MAX_PATTERN_BYTES =>
        {
            Problem::Field(name, format!("{why}; it was read as {read}"))
        }
        other => other,
    }
}

/// Searches what was said in channels, in private and by administrators.
#[utoipa::path(
    get, path = "/v1/api/message", tag = "older names", security(("admin_token" = [])),
    params(("pattern" = Option<String>, Query, description = "A regular expression")),
    responses(
        (status = 200, description = "At most 100 lines", body = Occurrences),
        (status = 400, description = "Says why in errors", body = Refused),
        (status = 401, description = "Not the admin token", body = Refused),
    ),
)]
pub(super) fn find_message_v1(call: &Call<'_>) -> Result<Reply, Problem> {
    find_message(call)
}
