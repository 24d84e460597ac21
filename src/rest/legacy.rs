//! `/api/message`: older names of announcing and of searching the log.

use serde::Serialize;
use tiny_http::Method;
use utoipa::ToSchema;

use crate::chatlog::Query;

use super::announce::{Announcement, tell_everyone};
use super::call::Call;
use super::log::search;
use super::problem::{ErrorBody, Problem};
use super::reply::Reply;
use super::router::{Access, Route};

const PATH: &str = "/api/message";

pub(super) const ROUTES: &[Route] = &[
    Route {
        method: Method::Post,
        path: PATH,
        access: Access::Admin,
        query: &[],
        run: post_message,
    },
    Route {
        method: Method::Get,
        path: PATH,
        access: Access::Admin,
        query: &["pattern"],
        run: find_message,
    },
];

/// What every answer here has.
#[derive(Serialize, ToSchema)]
struct Envelope {
    links: Links,
    metadata: Metadata,
    /// What went wrong, if anything did.
    errors: Vec<String>,
    /// After POST: whether it was announced.
    #[serde(skip_serializing_if = "Option::is_none")]
    success: Option<bool>,
    /// After GET: the matching lines of the log, newest first.
    #[serde(skip_serializing_if = "Option::is_none")]
    occurrences: Option<Vec<String>>,
}

#[derive(Serialize, ToSchema)]
struct Links {
    #[serde(rename = "self")]
    own: &'static str,
}

#[derive(Default, Serialize, ToSchema)]
struct Metadata {
    /// Connections told, or lines found.
    count: usize,
}

impl Envelope {
    fn new(count: usize) -> Envelope {
        Envelope {
            links: Links { own: PATH },
            metadata: Metadata { count },
            errors: Vec::new(),
            success: None,
            occurrences: None,
        }
    }

    fn of(problem: &Problem) -> Envelope {
        Envelope {
            errors: vec![problem.to_string()],
            ..Envelope::new(0)
        }
    }
}

/// Announces, as `/admin/announce` does.
#[utoipa::path(
    post, path = "/api/message", tag = "older names", security(("admin_token" = [])),
    request_body = Announcement,
    responses(
        (status = 200, description = "Announced", body = Envelope),
        (status = 400, description = "Says why in errors", body = Envelope),
        (status = 401, description = "Not the admin token", body = ErrorBody),
    ),
)]
pub(super) fn post_message(call: &Call<'_>) -> Result<Reply, Problem> {
    Ok(match tell_everyone(call) {
        Ok(count) => Reply::json(
            200,
            &Envelope {
                success: Some(true),
                ..Envelope::new(count)
            },
        ),
        Err(problem) => {
            let envelope = Envelope {
                success: Some(false),
                ..Envelope::of(&problem)
            };
            problem.reply_with(&envelope)
        }
    })
}

/// Searches the chat log, as `/admin/log` does.
#[utoipa::path(
    get, path = "/api/message", tag = "older names", security(("admin_token" = [])),
    params(("pattern" = Option<String>, Query, description = "A regular expression")),
    responses(
        (status = 200, description = "At most 100 lines", body = Envelope),
        (status = 400, description = "Says why in errors", body = Envelope),
        (status = 401, description = "Not the admin token", body = ErrorBody),
    ),
)]
pub(super) fn find_message(call: &Call<'_>) -> Result<Reply, Problem> {
    let pattern = call.query.get("pattern").map(str::to_owned);
    let query = Query {
        pattern: pattern.filter(|pattern| !pattern.is_empty()),
        ..Query::default()
    };
    Ok(match search(call, &query) {
        Ok(page) => {
            let lines = page.lines.iter().map(|line| line.get().to_owned());
            let occurrences: Vec<String> = lines.collect();
            Reply::json(
                200,
                &Envelope {
                    occurrences: Some(occurrences),
                    ..Envelope::new(page.lines.len())
                },
            )
        }
        Err(problem) => {
            let envelope = Envelope {
                occurrences: Some(Vec::new()),
                ..Envelope::of(&problem)
            };
            problem.reply_with(&envelope)
        }
    })
}
