//! `/api/events`: programs follow channels.

use tiny_http::Method;

use crate::model::{MessageId, Name, Power};
use crate::protocol::events::{Cursor, MOST_CHANNELS};
use crate::protocol::speech::{EVENT_STREAM, JSON_LINES};
use crate::session::events;

use super::accept::best;
use super::call::Call;
use super::problem::{ErrorBody, Problem};
use super::reply::Reply;
use super::route::{Access, Route};

const SERVER_SENT: &str = "text/event-stream";
const LINES: &str = "application/x-ndjson";

pub(super) const ROUTES: &[Route] = &[Route {
    method: Method::Get,
    path: "/api/events",
    access: Access::Needs(Power::Read),
    query: &["channel", "after"],
    run: follow,
}];

/// Streams what happens in channels, as it happens: messages, edits, deletions, reactions, topics,
/// who comes and goes.
///
/// Every event that moves the stream on comes with a cursor (the `id` of server-sent events, the
/// field `cursor` of lines). Who was cut off gives the last one back, and is first told what it has
/// missed, once and in order; it names a place in each of the channels.
#[utoipa::path(
    get, path = "/api/events", tag = "programs",
    params(
        ("channel" = Vec<String>, Query, description = "A channel, in any spelling, without #; several times for several, at most 50", explode = true),
        ("after" = Option<String>, Query, description = "A cursor, if the header Last-Event-ID has none; or, with one channel, the id of a message"),
        ("Last-Event-ID" = Option<String>, Header, description = "The last cursor that came"),
    ),
    responses(
        (status = 200, description = "The events, for as long as the connection lasts: `text/event-stream`, or a JSON object a line with `Accept: application/x-ndjson`. The last one is `end`, with the reason", content_type = "text/event-stream", body = String),
        (status = 400, description = "Names the parameter that is wrong", body = ErrorBody),
        (status = 401, description = "No valid token", body = ErrorBody),
        (status = 403, description = "The token lacks the scope for one of the channels, or its bot is banned there", body = ErrorBody),
        (status = 404, description = "There is no such channel, or none that the bot may know of (`no_such_channel`)", body = ErrorBody),
        (status = 429, description = "Too fast, or as many streams as the token may have (`too_many_streams`); Retry-After says when to try again", body = ErrorBody),
        (status = 503, description = "As many streams as the server takes, or it is too busy", body = ErrorBody),
    ),
)]
pub(super) fn follow(call: &Call<'_>) -> Result<Reply, Problem> {
    let channels = channels(call)?;
    let cursor = cursor(call, &channels)?;
    let program = call.grant()?.program().ok_or(Problem::Silent)?;
    call.refuse_banned()?;
    let offers = [SERVER_SENT, LINES];
    let form = best(call.accept, &offers).unwrap_or(SERVER_SENT);
    let reply = Reply::of(form, Vec::new()).with("X-Accel-Buffering", "no");
    if call.is_head {
        return Ok(reply);
    }
    let by = call.relayed.peer.ip().into();
    let bots = &call.context.bots;
    let following = bots.follow(program, by, &channels, |channel| cursor.place(channel))?;
    let speech = match form {
        LINES => &JSON_LINES,
        _ => &EVENT_STREAM,
    };
    let context = (call.context.sessions)();
    let then = &call.relayed.then;
    then.serve(move |upgraded| events::serve(upgraded, speech, &context, following));
    Ok(reply)
}

/// The channels that are to be followed, each of which the token must allow.
fn channels(call: &Call<'_>) -> Result<Vec<Name>, Problem> {
    let mut channels: Vec<Name> = Vec::new();
    for raw in call.query.all("channel") {
        let name = Name::parse_channel(raw).map_err(|error| Problem::field("channel", error))?;
        if !channels.contains(&name) {
            channels.push(name);
        }
        if channels.len() > MOST_CHANNELS {
            let why = format!("more than {MOST_CHANNELS}; open another stream for the others");
            return Err(Problem::field("channel", why));
        }
    }
    if channels.is_empty() {
        return Err(Problem::field("channel", "missing"));
    }
    let grant = call.grant()?;
    for channel in &channels {
        grant.check(Power::Read, Some(channel))?;
    }
    Ok(channels)
}

/// Where the stream is to go on.
fn cursor(call: &Call<'_>, channels: &[Name]) -> Result<Cursor, Problem> {
    let header = call
        .last_event_id
        .map(str::trim)
        .filter(|raw| !raw.is_empty());
    let (field, raw) = match (header, call.query.get("after")) {
        (Some(raw), _) => ("Last-Event-ID", raw),
        (None, Some(raw)) => ("after", raw),
        (None, None) => return Ok(Cursor::default()),
    };
    if let ([only], Ok(id)) = (channels, raw.parse::<MessageId>()) {
        return Ok(Cursor::of([(only.clone(), id)]));
    }
    raw.parse().map_err(|error| Problem::field(field, error))
}
