//! `/admin/channels/{name}/keeping`: how long the messages of one channel are kept, and whether it is
//! on hold.

use serde::Serialize;
use tiny_http::Method;
use utoipa::ToSchema;

use crate::admin::KeepingChanges;
use crate::model::{Keeping, Name, Power};

use super::call::Call;
use super::problem::{ErrorBody, Problem};
use super::reply::Reply;
use super::route::Route;

pub(super) const ROUTES: &[Route] = &[
    Route::needs(
        Power::Moderate,
        Method::Get,
        "/admin/channels/{name}/keeping",
        show_keeping,
    ),
    Route::needs(
        Power::All,
        Method::Put,
        "/admin/channels/{name}/keeping",
        set_keeping,
    ),
];

/// What is laid down for the past of a channel.
#[derive(Serialize, ToSchema)]
pub(super) struct KeepingRow {
    channel: String,
    /// Days for which messages are kept; 0 is as `store.channel_days` says.
    days: u64,
    /// How many messages are kept; 0 is as `store.channel_messages` says.
    messages: u64,
    /// Whether nothing in it is removed, edited or deleted.
    hold: bool,
}

/// What to lay down; whatever is not named stays.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes the body; fields are read by name")]
struct KeepingBody {
    /// 1 to 36500, or 0 for as `store.channel_days` says.
    days: Option<u64>,
    /// 20 or more, or 0 for as `store.channel_messages` says.
    messages: Option<u64>,
    hold: Option<bool>,
}

/// Shows how long the messages of a channel are kept, and whether it is on hold.
#[utoipa::path(
    get, path = "/admin/channels/{name}/keeping", tag = "channels", security(("admin_token" = [])),
    params(("name" = String, Path, description = "In any spelling, without #")),
    responses(
        (status = 200, description = "What is laid down", body = KeepingRow),
        (status = 400, description = "Not a name", body = ErrorBody),
        (status = 401, description = "Not the admin token", body = ErrorBody),
        (status = 503, description = "It cannot be looked up at present", body = ErrorBody),
    ),
)]
pub(super) fn show_keeping(call: &Call<'_>) -> Result<Reply, Problem> {
    let channel = channel(call)?;
    let keeping = call.context.admin.keeping(&call.actor(), &channel)?;
    Ok(Reply::json(200, &row(&keeping)))
}

/// Lays down how long the messages of a channel are kept, and puts it on hold or ends that.
///
/// It holds whether the channel is there or not, beyond its registration, and within a minute. On hold
/// nothing is removed, whatever its age, and nothing is edited or deleted, by no one.
#[utoipa::path(
    put, path = "/admin/channels/{name}/keeping", tag = "channels", security(("admin_token" = [])),
    params(("name" = String, Path, description = "In any spelling, without #")),
    request_body = KeepingBody,
    responses(
        (status = 200, description = "What is laid down now", body = KeepingRow),
        (status = 400, description = "Names the field that is wrong", body = ErrorBody),
        (status = 401, description = "Not the admin token", body = ErrorBody),
        (status = 503, description = "It cannot be stored at present", body = ErrorBody),
    ),
)]
pub(super) fn set_keeping(call: &Call<'_>) -> Result<Reply, Problem> {
    let channel = channel(call)?;
    let mut object = call.object(&["days", "messages", "hold"])?;
    let changes = KeepingChanges {
        days: object.number("days")?,
        messages: object.number("messages")?,
        hold: object.boolean("hold")?,
    };
    let admin = &call.context.admin;
    let keeping = admin.set_keeping(call.actor(), &channel, changes)?;
    Ok(Reply::json(200, &row(&keeping)))
}

fn channel(call: &Call<'_>) -> Result<Name, Problem> {
    let name = Name::parse_channel(call.argument());
    name.map_err(|error| Problem::field("name", error))
}

fn row(keeping: &Keeping) -> KeepingRow {
    KeepingRow {
        channel: keeping.channel.to_string(),
        days: keeping.days,
        messages: keeping.messages,
        hold: keeping.is_held,
    }
}
