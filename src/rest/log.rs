//! `/admin/log`: searching the chat log.

use std::sync::atomic::AtomicBool;

use jiff::Timestamp;
use serde::de::IgnoredAny;
use tiny_http::Method;

use crate::chatlog::Kind;
use crate::name::{Name, NameError};

use super::call::{Call, Query};
use super::problem::{ErrorBody, Problem};
use super::reply::Reply;
use super::router::{Access, Route};

pub(super) const ROUTES: &[Route] = &[Route {
    method: Method::Get,
    path: "/admin/log",
    access: Access::Admin,
    query: &[
        "pattern", "kind", "nick", "channel", "since", "until", "limit", "cursor",
    ],
    run: search_log,
}];

/// Entries a page may have.
pub const MAX_LOG_LIMIT: usize = 1000;
const DEFAULT_LOG_LIMIT: usize = 100;

/// The kinds, and the words for them.
const KINDS: &[(&str, Kind)] = &[
    ("message", Kind::Message),
    ("private", Kind::Private),
    ("command", Kind::Command),
    ("open", Kind::Open),
    ("close", Kind::Close),
    ("join", Kind::Join),
    ("leave", Kind::Leave),
    ("announcement", Kind::Announcement),
    ("error", Kind::Error),
];

/// Searches the chat log.
pub trait LogSearch: Send + Sync {
    /// The newest entries that match, newest first. Gives up soon after
    /// `cancelled` becomes true.
    fn search(&self, query: &LogQuery, cancelled: &AtomicBool) -> Result<LogPage, LogSearchError>;
}

/// What to look for: entries that match all that is given.
#[derive(Clone, Debug, PartialEq)]
pub struct LogQuery {
    /// A regular expression.
    pub pattern: Option<String>,
    /// What kind of entry.
    pub kind: Option<Kind>,
    /// Who did it.
    pub nick: Option<Name>,
    /// In which channel.
    pub channel: Option<Name>,
    /// Not before this, in milliseconds since 1970 UTC.
    pub since_ms: Option<u64>,
    /// Before this, in milliseconds since 1970 UTC.
    pub until_ms: Option<u64>,
    /// How many at most; 1 to [`MAX_LOG_LIMIT`].
    pub limit: usize,
    /// Where the page before ended.
    pub cursor: Option<String>,
}

/// Some entries of the chat log.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LogPage {
    /// The lines as they stand in the log, one JSON object each.
    pub lines: Vec<String>,
    /// Where to go on, if there may be more.
    pub next_cursor: Option<String>,
}

/// Why a search found nothing.
#[derive(Clone, Debug, PartialEq)]
pub enum LogSearchError {
    /// A field of the query is wrong.
    Query {
        /// Which, as in [`LogQuery`].
        field: &'static str,
        /// What is wrong with it.
        message: String,
    },
    /// It was cancelled.
    Cancelled,
    /// The log cannot be read, or there is none; says why.
    Unavailable(String),
}

/// Searches the chat log, newest entries first.
#[utoipa::path(
    get, path = "/admin/log", tag = "chat log", security(("admin_token" = [])),
    params(
        ("pattern" = Option<String>, Query, description = "A regular expression"),
        ("kind" = Option<String>, Query, description =
            "message, private, command, open, close, join, leave, announcement or error"),
        ("nick" = Option<String>, Query, description = "Who did it"),
        ("channel" = Option<String>, Query, description = "In which channel"),
        ("since" = Option<String>, Query, description = "Not before this time, RFC 3339"),
        ("until" = Option<String>, Query, description = "Before this time, RFC 3339"),
        ("limit" = Option<usize>, Query, description = "1 to 1000; 100 if not given"),
        ("cursor" = Option<String>, Query, description = "next_cursor of the page before"),
    ),
    responses(
        (status = 200, description = "Entries, and where to go on", body = Object, example = json!({
            "entries": [{"at": "2030-01-31T12:00:00Z", "kind": "message", "nick": "alice",
                         "channel": "dev", "text": "hello"}],
            "next_cursor": null,
        })),
        (status = 400, description = "Names the parameter that is wrong", body = ErrorBody),
        (status = 401, description = "Not the admin token", body = ErrorBody),
        (status = 503, description = "The log cannot be searched", body = ErrorBody),
    ),
)]
pub(super) fn search_log(call: &Call<'_>) -> Result<Reply, Problem> {
    let page = search(call, &query(&call.query)?)?;
    // The lines are JSON already; one that a crash cut short is left out.
    let entries: Vec<&str> = page
        .lines
        .iter()
        .map(String::as_str)
        .filter(|line| serde_json::from_str::<IgnoredAny>(line).is_ok())
        .collect();
    let next_cursor = serde_json::Value::from(page.next_cursor);
    let body = format!(
        "{{\"entries\":[{}],\"next_cursor\":{next_cursor}}}",
        entries.join(",")
    );
    Ok(Reply::of("application/json", body.into_bytes()))
}

/// Searches, until nobody waits any more.
pub(super) fn search(call: &Call<'_>, query: &LogQuery) -> Result<LogPage, Problem> {
    let log = call.context.log.as_ref();
    let log = log.ok_or_else(|| Problem::Log("it is switched off".into()))?;
    Ok(log.search(query, &call.relayed.cancelled)?)
}

/// A query for the newest entries that match a pattern.
pub(super) fn matching(pattern: &str, limit: usize) -> LogQuery {
    LogQuery {
        pattern: Some(pattern.to_owned()).filter(|pattern| !pattern.is_empty()),
        kind: None,
        nick: None,
        channel: None,
        since_ms: None,
        until_ms: None,
        limit,
        cursor: None,
    }
}

fn query(query: &Query) -> Result<LogQuery, Problem> {
    Ok(LogQuery {
        kind: query.get("kind").map(kind).transpose()?,
        nick: name(query, "nick", Name::parse_nickname)?,
        channel: name(query, "channel", Name::parse_channel)?,
        since_ms: time(query, "since")?,
        until_ms: time(query, "until")?,
        cursor: query.get("cursor").map(str::to_owned),
        ..matching(query.get("pattern").unwrap_or_default(), limit(query)?)
    })
}

fn kind(word: &str) -> Result<Kind, Problem> {
    let kind = KINDS.iter().find(|(known, _)| *known == word);
    kind.map(|(_, kind)| *kind).ok_or_else(|| {
        let words: Vec<&str> = KINDS.iter().map(|(word, _)| *word).collect();
        Problem::field("kind", format!("must be one of {}", words.join(", ")))
    })
}

fn name(
    query: &Query,
    field: &str,
    parse: fn(&str) -> Result<Name, NameError>,
) -> Result<Option<Name>, Problem> {
    let name = query.get(field).map(parse).transpose();
    name.map_err(|error| Problem::field(field, error))
}

fn time(query: &Query, field: &str) -> Result<Option<u64>, Problem> {
    let Some(raw) = query.get(field) else {
        return Ok(None);
    };
    let timestamp: Timestamp = raw.parse().map_err(|_| {
        // The + of an offset is a space unless it is encoded.
        Problem::field(field, "must be a time such as 2030-01-31T12:00:00Z")
    })?;
    Ok(Some(u64::try_from(timestamp.as_millisecond()).unwrap_or(0)))
}

fn limit(query: &Query) -> Result<usize, Problem> {
    let Some(raw) = query.get("limit") else {
        return Ok(DEFAULT_LOG_LIMIT);
    };
    match raw.parse() {
        Ok(limit) if (1..=MAX_LOG_LIMIT).contains(&limit) => Ok(limit),
        _ => Err(Problem::field(
            "limit",
            format!("must be a number from 1 to {MAX_LOG_LIMIT}"),
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_are_those_of_the_log() {
        for (word, kind) in KINDS {
            assert_eq!(serde_json::json!(kind), serde_json::json!(word));
        }
    }
}
