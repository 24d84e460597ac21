//! `/api/channels/{name}/messages/{id}`: messages of channels are edited, deleted and reacted to by
//! accounts and programs; and deleted by administrators.

use serde::Deserialize;
use tiny_http::Method;
use utoipa::ToSchema;

use crate::admin::ChannelFailed;
use crate::hub::{Refusal, Wish};
use crate::model::{AccountId, Located, MessageId, Name, Power, Sign};
use crate::session::allowance::ENTRY_BYTES;

use super::call::Call;
use super::problem::{ErrorBody, Problem};
use super::reply::Reply;
use super::route::{Access, Handler, Route};

const MESSAGE: &str = "/api/channels/{name}/messages/{id}";
const REACTION: &str = "/api/channels/{name}/messages/{id}/reactions/{sign}";

pub(super) const ROUTES: &[Route] = &[
    route(Method::Patch, MESSAGE, &[], edit_message),
    route(Method::Delete, MESSAGE, &["reason"], delete_message),
    route(Method::Put, REACTION, &[], react),
    route(Method::Delete, REACTION, &[], take_reaction_back),
    Route {
        method: Method::Delete,
        path: "/admin/channels/{name}/messages/{id}",
        access: Access::Needs(Power::Moderate),
        query: &["reason"],
        run: remove_message,
    },
];

const fn route(
    method: Method,
    path: &'static str,
    query: &'static [&'static str],
    run: Handler,
) -> Route {
    Route {
        method,
        path,
        access: Access::AccountOr(Power::Post),
        query,
        run,
    }
}

/// What a message says from now on.
#[derive(Deserialize, ToSchema)]
#[expect(
    dead_code,
    reason = "describes the body; the field is read by name, to name mistakes"
)]
struct NewText {
    #[schema(example = "I meant three")]
    text: String,
}

/// Edits a message of the account's own, in a channel that one of its clients on this server is in;
/// or of the program's own.
///
/// Answered when it is stored.
#[utoipa::path(
    patch, path = "/api/channels/{name}/messages/{id}", tag = "messages",
    security(("account_token" = [])),
    params(
        ("name" = String, Path, description = "In any spelling, without #"),
        ("id" = String, Path, description = "The id of the message"),
    ),
    request_body = NewText,
    responses(
        (status = 204, description = "It says so now"),
        (status = 400, description = "Names what is wrong", body = ErrorBody),
        (status = 401, description = "The call is not signed", body = ErrorBody),
        (status = 404, description = "`no_such_message`: it does not exist, or the account may not read it", body = ErrorBody),
        (status = 409, description = "`not_in_channel`, `not_author`, `too_late` or `cannot_speak`", body = ErrorBody),
        (status = 429, description = "Too fast; Retry-After says when to try again", body = ErrorBody),
        (status = 503, description = "Not stored, or perhaps (`unanswered`)", body = ErrorBody),
    ),
)]
pub(super) fn edit_message(call: &Call<'_>) -> Result<Reply, Problem> {
    let text = call.object(&["text"])?.string("text")?;
    let text = text.ok_or_else(|| Problem::field("text", "missing"))?;
    mend(call, Wish::Edit(call.text("text", &text)?.into()))
}

/// Deletes a message of the account's own, or as an operator of the channel one of others; a program
/// needs the scope `moderate` for the latter, too.
///
/// Answered when it is stored.
#[utoipa::path(
    delete, path = "/api/channels/{name}/messages/{id}", tag = "messages",
    security(("account_token" = [])),
    params(
        ("name" = String, Path, description = "In any spelling, without #"),
        ("id" = String, Path, description = "The id of the message"),
        ("reason" = Option<String>, Query, description = "Told to the members"),
    ),
    responses(
        (status = 204, description = "It is gone"),
        (status = 400, description = "Names what is wrong", body = ErrorBody),
        (status = 401, description = "The call is not signed", body = ErrorBody),
        (status = 404, description = "`no_such_message`: it does not exist, or the account may not read it", body = ErrorBody),
        (status = 409, description = "`not_in_channel` or `not_operator`", body = ErrorBody),
        (status = 429, description = "Too fast; Retry-After says when to try again", body = ErrorBody),
        (status = 503, description = "Not stored, or perhaps (`unanswered`)", body = ErrorBody),
    ),
)]
pub(super) fn delete_message(call: &Call<'_>) -> Result<Reply, Problem> {
    let reason = call.reason(call.query.get("reason").map(str::to_owned))?;
    mend(call, Wish::Delete(reason))
}

/// Gives a message a sign: one emoji, or one word of at most 16 characters. Giving it again changes
/// nothing.
#[utoipa::path(
    put, path = "/api/channels/{name}/messages/{id}/reactions/{sign}", tag = "messages",
    security(("account_token" = [])),
    params(
        ("name" = String, Path, description = "In any spelling, without #"),
        ("id" = String, Path, description = "The id of the message"),
        ("sign" = String, Path, description = "Percent-encoded"),
    ),
    responses(
        (status = 204, description = "The message has it"),
        (status = 400, description = "Names what is wrong", body = ErrorBody),
        (status = 401, description = "The call is not signed", body = ErrorBody),
        (status = 404, description = "`no_such_message`: it does not exist, or the account may not read it", body = ErrorBody),
        (status = 409, description = "`not_in_channel`, `cannot_speak`, `too_many_signs` or `too_many_reactions`", body = ErrorBody),
        (status = 429, description = "Too fast; Retry-After says when to try again", body = ErrorBody),
        (status = 503, description = "Not stored, or perhaps (`unanswered`)", body = ErrorBody),
    ),
)]
pub(super) fn react(call: &Call<'_>) -> Result<Reply, Problem> {
    let (sign, on) = (sign(call)?, Some(true));
    mend(call, Wish::React { sign, on })
}

/// Takes the account's sign back from a message.
#[utoipa::path(
    delete, path = "/api/channels/{name}/messages/{id}/reactions/{sign}", tag = "messages",
    security(("account_token" = [])),
    params(
        ("name" = String, Path, description = "In any spelling, without #"),
        ("id" = String, Path, description = "The id of the message"),
        ("sign" = String, Path, description = "Percent-encoded"),
    ),
    responses(
        (status = 204, description = "The message does not have it from this account"),
        (status = 400, description = "Names what is wrong", body = ErrorBody),
        (status = 401, description = "The call is not signed", body = ErrorBody),
        (status = 404, description = "`no_such_message`: it does not exist, or the account may not read it", body = ErrorBody),
        (status = 409, description = "`not_in_channel` or `cannot_speak`", body = ErrorBody),
        (status = 429, description = "Too fast; Retry-After says when to try again", body = ErrorBody),
        (status = 503, description = "Not stored, or perhaps (`unanswered`)", body = ErrorBody),
    ),
)]
pub(super) fn take_reaction_back(call: &Call<'_>) -> Result<Reply, Problem> {
    let (sign, on) = (sign(call)?, Some(false));
    mend(call, Wish::React { sign, on })
}

/// Deletes any message of a channel. Answered when it is stored.
#[utoipa::path(
    delete, path = "/admin/channels/{name}/messages/{id}", tag = "channels",
    security(("admin_token" = [])),
    params(
        ("name" = String, Path, description = "In any spelling, without #"),
        ("id" = String, Path, description = "The id of the message"),
        ("reason" = Option<String>, Query, description = "Told to the members"),
    ),
    responses(
        (status = 204, description = "It is gone"),
        (status = 400, description = "Names the parameter that is wrong", body = ErrorBody),
        (status = 401, description = "Not the admin token", body = ErrorBody),
        (status = 404, description = "The channel has no such message", body = ErrorBody),
        (status = 409, description = "`on_hold`: nothing in the channel may be deleted", body = ErrorBody),
        (status = 429, description = "Too fast; Retry-After says when to try again", body = ErrorBody),
        (status = 503, description = "Not stored, or perhaps (`unanswered`)", body = ErrorBody),
    ),
)]
pub(super) fn remove_message(call: &Call<'_>) -> Result<Reply, Problem> {
    let (channel, id) = (channel(call)?, message(call)?);
    let reason = call.reason(call.query.get("reason").map(str::to_owned))?;
    let admin = &call.context.admin;
    admin.delete_message(call.actor(), (&channel, id), reason)?;
    Ok(Reply::empty(204))
}

/// Changes a message for the account that has signed the call, or for the bot of a program.
fn mend(call: &Call<'_>, wish: Wish) -> Result<Reply, Problem> {
    let (channel, id) = (channel(call)?, message(call)?);
    call.refuse_banned()?;
    let account = author(call, &channel)?;
    let bytes = match &wish {
        Wish::Edit(body) => body.bytes() + ENTRY_BYTES,
        _ => ENTRY_BYTES,
    };
    let peer = call.relayed.peer.ip();
    call.context.pace.take(account, peer, bytes)?;
    let found = call.question(|store| store.find_message(id))?;
    if matches!(wish, Wish::Delete(_)) {
        check_deleting(call, account, &channel, found.as_ref())?;
    }
    let hub = &call.context.hub;
    let draft = hub.ask(move |hub, now, fx| {
        let about = (&channel, id);
        hub.mend_for(account, about, found, wish, now, fx)
    })?;
    let draft = draft.map_err(ChannelFailed::Refused)?;
    if let Some(draft) = draft {
        hub.outcome(draft).map_err(ChannelFailed::from)?;
    }
    Ok(Reply::empty(204))
}

/// The account for which a message is changed. The bot of a program comes into the channel.
fn author(call: &Call<'_>, channel: &Name) -> Result<AccountId, Problem> {
    let Some(grant) = &call.grant else {
        return Ok(call.signer()?.0.id);
    };
    let program = grant.program().ok_or(Problem::Silent)?;
    let (account, _) = program.bot.as_ref().ok_or(Problem::Silent)?;
    let by = call.relayed.peer.ip().into();
    call.context.bots.be_in(program, by, channel)?;
    Ok(*account)
}

/// A program deletes messages of others only with the scope for it, whatever its bot may do.
fn check_deleting(
    call: &Call<'_>,
    account: AccountId,
    channel: &Name,
    found: Option<&Located>,
) -> Result<(), Problem> {
    let Some(grant) = &call.grant else {
        return Ok(());
    };
    let may = grant.check(Power::Moderate, Some(channel));
    let place = found.map(|found| &found.message.place);
    match place.filter(|place| place.channel() == Some(channel)) {
        Some(place) if place.account() == Some(account) => Ok(()),
        None if may.is_err() => Err(ChannelFailed::Refused(Refusal::NoSuchMessage).into()),
        _ => Ok(may?),
    }
}

fn channel(call: &Call<'_>) -> Result<Name, Problem> {
    Name::parse_channel(call.argument()).map_err(|error| Problem::field("name", error))
}

fn message(call: &Call<'_>) -> Result<MessageId, Problem> {
    let id = call.second_argument().parse();
    id.map_err(|error| Problem::field("id", error))
}

fn sign(call: &Call<'_>) -> Result<Sign, Problem> {
    let raw = call.arguments.get(2).map_or("", String::as_str);
    Sign::parse(raw).map_err(|error| Problem::field("sign", format!("must be {error}")))
}
