//! `/admin/announce`: a message to everyone.

use serde::{Deserialize, Serialize};
use tiny_http::Method;
use utoipa::ToSchema;

use crate::model::Power;

use super::call::Call;
use super::problem::{ErrorBody, Problem};
use super::reply::Reply;
use super::route::Route;

pub(super) const ROUTES: &[Route] = &[Route::needs(
    Power::Announce,
    Method::Post,
    "/admin/announce",
    announce,
)];

/// What to announce.
#[derive(Deserialize, ToSchema)]
#[expect(dead_code, reason = "describes the body; the field is read by name")]
pub(super) struct Announcement {
    message: String,
}

/// The result of an announcement.
#[derive(Serialize, ToSchema)]
struct Announced {
    /// How many connections received it.
    delivered_to: usize,
}

/// Sends a message to every connected client of every protocol.
#[utoipa::path(
    post, path = "/admin/announce", tag = "announcements", security(("admin_token" = [])),
    request_body = Announcement,
    responses(
        (status = 200, description = "Announced", body = Announced),
        (status = 400, description = "Empty, too long or not a string", body = ErrorBody),
        (status = 401, description = "Not the admin token", body = ErrorBody),
    ),
)]
pub(super) fn announce(call: &Call<'_>) -> Result<Reply, Problem> {
    let message = call.object(&["message"])?.string("message")?;
    let message = message.ok_or_else(|| Problem::field("message", "missing"))?;
    let delivered_to = tell_everyone(call, &message)?;
    Ok(Reply::json(200, &Announced { delivered_to }))
}

/// Announces a message. Returns how many connections received it.
pub(super) fn tell_everyone(call: &Call<'_>, message: &str) -> Result<usize, Problem> {
    let text = call.text("message", message)?;
    Ok(call.context.admin.announce(call.actor(), text)?)
}
