//! `/admin/messages`: full-text search of messages.

use serde::Serialize;
use tiny_http::Method;
use utoipa::ToSchema;

use crate::model::{
    Conversation, MAX_ROWS, Message, MessageId, MessageKind, Power, Search, SearchScope, Who,
};
use crate::store::Store;

use super::call::Call;
use super::problem::{ErrorBody, Problem};
use super::reply::{Reply, rfc3339};
use super::route::{Access, Route};

/// The number of messages unless the call says otherwise.
const USUAL: usize = 100;

pub(super) const ROUTES: &[Route] = &[Route {
    method: Method::Get,
    path: "/admin/messages",
    access: Access::Needs(Power::Log),
    query: &["q", "channel", "before", "limit"],
    run: search_messages,
}];

/// The messages found, newest first.
#[derive(Serialize, ToSchema)]
struct FoundMessages {
    messages: Vec<FoundMessage>,
    /// Pass it as `before` to continue with older messages; `null` if there are none.
    next_before: Option<String>,
    /// The search took too long and stopped early: there may be more, although fewer than asked for
    /// were found. `next_before` continues from there.
    timed_out: bool,
}

/// A message that was found.
#[derive(Serialize, ToSchema)]
struct FoundMessage {
    id: String,
    #[schema(format = DateTime)]
    at: String,
    author: String,
    /// The channel; absent for direct messages.
    #[serde(skip_serializing_if = "Option::is_none")]
    channel: Option<String>,
    /// The two usernames of a direct message.
    #[serde(skip_serializing_if = "Option::is_none")]
    between: Option<[String; 2]>,
    text: String,
    /// Whether it is what its author does: `* ann waves`.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    action: bool,
    /// Whether it is a notice: nothing answers it.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    notice: bool,
}

/// Searches channel and direct messages for words; all of them must occur. The beginning of a word
/// matches it, as does any part of a text in a script without spaces. Callers who may not read
/// private messages (programs without the scope `private`, and moderators) have to name a channel.
#[utoipa::path(
    get, path = "/admin/messages", tag = "chat log", security(("admin_token" = [])),
    params(
        ("q" = String, Query, description = "Words, in any order; case and accents do not matter"),
        ("channel" = Option<String>, Query, description = "Only in this channel"),
        ("before" = Option<String>, Query, description = "Only before the message with this id"),
        ("limit" = Option<usize>, Query, description = "1 to 1000; 100 if not given"),
    ),
    responses(
        (status = 200, description = "Messages, newest first", body = FoundMessages),
        (status = 400, description = "Names the parameter that is wrong", body = ErrorBody),
        (status = 401, description = "Not the admin token", body = ErrorBody),
        (status = 503, description = "The store cannot be read", body = ErrorBody),
    ),
)]
pub(super) fn search_messages(call: &Call<'_>) -> Result<Reply, Problem> {
    let search = search(call)?;
    let matches = call.question(|store| store.search(&search))?;
    let found = matches.found.iter();
    let messages: Result<Vec<_>, Problem> = found.map(|message| shown(call, message)).collect();
    let messages = messages?;
    let next = matches.next(search.limit);
    Ok(Reply::json(
        200,
        &FoundMessages {
            timed_out: next.is_some() && messages.len() < search.limit,
            next_before: next.map(|id| id.to_string()),
            messages,
        },
    ))
}

fn search(call: &Call<'_>) -> Result<Search, Problem> {
    let query = &call.query;
    let words = query.get("q").unwrap_or_default().trim();
    if words.is_empty() {
        return Err(Problem::field("q", "missing: the words to look for"));
    }
    let channel = query.get("channel").map(crate::model::Name::parse_channel);
    let channel = channel.transpose();
    let channel = channel.map_err(|error| Problem::field("channel", error))?;
    if channel.is_none() && !call.may(Power::Private) {
        let why = "missing: without the right to read private messages, name the channel to search";
        return Err(Problem::field("channel", why));
    }
    let before = query.get("before").map(str::parse).transpose();
    let before = before.map_err(|error| Problem::field("before", error))?;
    let limit = match query.get("limit").map(str::parse) {
        None => USUAL,
        Some(Ok(limit)) if (1..=MAX_ROWS).contains(&limit) => limit,
        Some(_) => return Err(Problem::field("limit", "must be a number from 1 to 1000")),
    };
    Ok(Search {
        words: words.to_owned(),
        scope: match channel {
            Some(channel) => SearchScope::Within(Conversation::Channel(channel)),
            None => SearchScope::Everywhere,
        },
        before,
        after: MessageId::default(),
        limit,
    })
}

fn shown(call: &Call<'_>, message: &Message) -> Result<FoundMessage, Problem> {
    let (channel, between) = match message.conversation() {
        Conversation::Channel(name) => (Some(name.as_str().to_owned()), None),
        Conversation::Thread(one, other) => {
            let username = |id| -> Result<String, Problem> {
                let account = move |store: &dyn Store| store.account(&Who::Id(id));
                let account = call.context.accounts.look_up(call.asker(), account);
                let account = account.map_err(|error| Problem::store(&error))?;
                Ok(account.map_or_else(String::new, |account| account.username.to_string()))
            };
            (None, Some([username(one)?, username(other)?]))
        }
    };
    Ok(FoundMessage {
        id: message.id.to_string(),
        at: rfc3339(message.at_ms),
        author: message.author.to_string(),
        channel,
        between,
        text: message.body.text.to_string(),
        action: message.body.kind == MessageKind::Action,
        notice: message.body.kind == MessageKind::Notice,
    })
}
