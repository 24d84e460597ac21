//! `/api/channels/{name}/messages`: programs post to channels and read them.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use tiny_http::Method;
use utoipa::ToSchema;

use crate::hub::Tag;
use crate::model::{
    Body, History, Mark, MessageId, MessageKind, Name, Once, Power, ProgramToken, Text, Window,
};
use crate::protocol::events::{ChangeTold, MessageTold};
use crate::session::bots::{Entry, Post};

use super::body::Object;
use super::call::Call;
use super::problem::{ErrorBody, Problem};
use super::reply::{Reply, rfc3339};
use super::route::{Access, Route};

/// Messages unless the call says otherwise, and the most.
const USUAL: usize = 100;
const MOST: usize = 500;
/// The longest text of a message.
const MOST_TEXT_BYTES: usize = 64 << 10;

pub(super) const ROUTES: &[Route] = &[
    Route {
        method: Method::Post,
        path: "/api/channels/{name}/messages",
        access: Access::Needs(Power::Post),
        query: &[],
        run: post_message,
    },
    Route {
        method: Method::Get,
        path: "/api/channels/{name}/messages",
        access: Access::Needs(Power::Read),
        query: &["after", "before", "limit"],
        run: read_messages,
    },
];

/// A message to post.
#[derive(Deserialize, ToSchema)]
#[expect(
    dead_code,
    reason = "describes the body; fields are read one by one, to name mistakes"
)]
struct NewMessage {
    #[schema(example = "build 512 ok")]
    text: String,
    /// The id of the message that this one answers.
    reply_to: Option<String>,
    /// Whether it is a notice, which no other program answers.
    notice: Option<bool>,
}

/// A message that was posted.
#[derive(Serialize, ToSchema)]
pub(super) struct Posted {
    #[schema(example = "1896091200000-1")]
    id: String,
    /// The time in the id.
    #[schema(format = DateTime)]
    at: String,
}

/// Messages of a channel.
#[derive(Serialize, ToSchema)]
struct ChannelMessages {
    /// In the spelling in which it was made.
    channel: String,
    /// Oldest first.
    messages: Vec<MessageTold>,
    /// If `after` was given: what has become since of the messages up to it, in the order of the
    /// changes. Of edits and deletions of one message, it is the last one.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    changes: Vec<ChangeTold>,
    /// What to give as `after` to go on from here, if there is anything here.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
    /// Whether there are more: after these if `after` was given, otherwise before them.
    more: bool,
    /// Whether none are missing on that side: retention removes old ones, and after an id that was
    /// never given out here it is not known what is.
    complete: bool,
}

impl Posted {
    /// What is told of the message with this id.
    pub fn of(id: MessageId) -> Posted {
        Posted {
            id: id.to_string(),
            at: rfc3339(id.ms),
        }
    }
}

impl ChannelMessages {
    fn of(channel: &Name, window: Window, history: &History) -> ChannelMessages {
        let newest = history.messages.last().map(|message| message.id);
        let amended = history.amended.iter().map(ChangeTold::amended);
        let reacted = history.reacted.iter().filter_map(ChangeTold::reactions);
        let mut changes: Vec<ChangeTold> = amended.chain(reacted).collect();
        // Later ones come with the next page.
        changes.retain(|it| !history.more || Some(it.change()) <= newest);
        changes.sort_by_key(ChangeTold::change);
        let changed = changes.last().map(ChangeTold::change);
        // The place that the program names was never given out here: it goes on from now.
        let is_beyond = |now: &MessageId| matches!(window, Window::After(after) if after > *now);
        let now = history.newest.filter(is_beyond);
        let next = now.or(newest.max(changed));
        ChannelMessages {
            channel: channel.to_string(),
            messages: history.messages.iter().map(MessageTold::listed).collect(),
            changes,
            next: next.map(|id| id.to_string()),
            more: history.more,
            complete: !history.gap && now.is_none(),
        }
    }
}

/// Posts a message as the program's bot, which joins the channel if it is let in.
///
/// The body is the text itself, or JSON. With `curl`, `-d 'build 512 ok'` is enough. The answer
/// comes once the message is stored.
#[utoipa::path(
    post, path = "/api/channels/{name}/messages", tag = "programs",
    params(
        ("name" = String, Path, description = "In any spelling, without #"),
        ("Idempotency-Key" = Option<String>, Header, description =
            "1 to 64 printable ASCII characters: of several calls with the same key within a day, one \
             publishes the message, and all answer with its id"),
    ),
    request_body(content(
        (String = "text/plain"), (NewMessage = "application/json"),
    )),
    responses(
        (status = 201, description = "Posted", body = Posted),
        (status = 400, description = "Names what is wrong", body = ErrorBody),
        (status = 401, description = "No valid token", body = ErrorBody),
        (status = 403, description = "The token lacks the scope, or the channel does not let the bot speak", body = ErrorBody),
        (status = 404, description = "There is no such message to answer", body = ErrorBody),
        (status = 409, description = "The channel cannot take it, or the key was that of another message (`tag_used`); the code says why", body = ErrorBody),
        (status = 413, description = "The body is larger than `limits.http_body_bytes`", body = ErrorBody),
        (status = 429, description = "Too fast; Retry-After says when to try again", body = ErrorBody),
        (status = 503, description = "Not stored, or perhaps (`unanswered`)", body = ErrorBody),
    ),
)]
pub(super) fn post_message(call: &Call<'_>) -> Result<Reply, Problem> {
    let channel = channel(call)?;
    let program = program(call)?;
    let key = call.idempotency_key.filter(|key| !key.is_empty());
    if let Some(Err(why)) = key.map(Tag::parse) {
        return Err(Problem::field("Idempotency-Key", format!("must be {why}")));
    }
    let written = match is_json(call)? {
        Some(object) => read_object(object)?,
        None => Written {
            body: Body::plain(MessageKind::Say, text(text_of(call.body)?)?),
            reply_to: None,
        },
    };
    let mut post = Post {
        channel,
        body: written.body,
        reply_to: written.reply_to,
        once: None,
    };
    post.once = key.map(|key| once(program, key, &post));
    let by = call.relayed.peer.ip().into();
    let posted = call.context.bots.post(program, by, &post)?;
    Ok(Reply::json(201, &Posted::of(posted.id)))
}

/// What a call with an `Idempotency-Key` is known by: the key stands for this message alone.
pub(super) fn once(program: &ProgramToken, key: &str, post: &Post) -> Arc<Once> {
    let content = Mark::of_message(key, &post.channel, &post.body, post.reply_to);
    Arc::new(Once {
        program: program.id.as_str().into(),
        mark: Mark::of("key", key),
        content: Some(content),
    })
}

/// Reads messages of a channel, as far as the program's bot may: it joins the channel if it is
/// let in.
#[utoipa::path(
    get, path = "/api/channels/{name}/messages", tag = "programs",
    params(
        ("name" = String, Path, description = "In any spelling, without #"),
        ("after" = Option<String>, Query, description = "The oldest messages after this id"),
        ("before" = Option<String>, Query, description = "The newest messages before this id"),
        ("limit" = Option<usize>, Query, description = "1 to 500; 100 if not given"),
    ),
    responses(
        (status = 200, description = "The messages; the newest ones unless the call says otherwise", body = ChannelMessages),
        (status = 400, description = "Names the parameter that is wrong", body = ErrorBody),
        (status = 401, description = "No valid token", body = ErrorBody),
        (status = 403, description = "The token lacks the scope, or the bot is banned from the channel", body = ErrorBody),
        (status = 404, description = "There is no such channel, or none that the bot may know of (`no_such_channel`)", body = ErrorBody),
        (status = 409, description = "The server keeps no history (`no_history`)", body = ErrorBody),
        (status = 429, description = "Too fast; Retry-After says when to try again", body = ErrorBody),
        (status = 503, description = "The messages cannot be read now", body = ErrorBody),
    ),
)]
pub(super) fn read_messages(call: &Call<'_>) -> Result<Reply, Problem> {
    let name = channel(call)?;
    let window = match (id_in(call, "after")?, id_in(call, "before")?) {
        (None, None) => Window::Latest,
        (Some(after), None) => Window::After(after),
        (None, Some(before)) => Window::Before(before),
        (Some(_), Some(_)) => {
            return Err(Problem::BadRequest(
                "give only one of after and before".into(),
            ));
        }
    };
    let limit = match call.query.get("limit").map(str::parse) {
        None => USUAL,
        Some(Ok(limit)) if (1..=MOST).contains(&limit) => limit,
        Some(_) => {
            let why = format!("must be a number from 1 to {MOST}");
            return Err(Problem::field("limit", why));
        }
    };
    let by = call.relayed.peer.ip().into();
    let (bots, within) = (&call.context.bots, (&name, Entry::Finds));
    let (channel, history) = bots.read(program(call)?, by, within, (window, limit))?;
    let messages = ChannelMessages::of(&channel, window, &history);
    Ok(Reply::json(200, &messages))
}

/// A message as the program wrote it.
struct Written {
    body: Body,
    reply_to: Option<MessageId>,
}

fn read_object(object: Object) -> Result<Written, Problem> {
    let mut object = object.with_only(&["text", "reply_to", "notice"])?;
    let text = object.string("text")?;
    let text = text.ok_or_else(|| Problem::field("text", "missing"))?;
    let kind = match object.boolean("notice")? {
        Some(true) => MessageKind::Notice,
        _ => MessageKind::Say,
    };
    let reply_to = object.string("reply_to")?;
    let reply_to = reply_to.map(|raw| raw.parse()).transpose();
    Ok(Written {
        body: Body::plain(kind, self::text(&text)?),
        reply_to: reply_to.map_err(|error| Problem::field("reply_to", error))?,
    })
}

/// A text as members will see it. A program's report may be longer than a line.
fn text(raw: &str) -> Result<Text, Problem> {
    if raw.len() > MOST_TEXT_BYTES {
        let why = format!("longer than {MOST_TEXT_BYTES} bytes");
        return Err(Problem::field("text", why));
    }
    let text = Text::clean(raw);
    match text.is_empty() {
        true => Err(Problem::field("text", "has nothing in it")),
        false => Ok(text),
    }
}

/// The body as JSON, if it is meant as that: `curl -d` calls everything a form, so a brace at the
/// start makes it JSON unless it is called a text.
fn is_json(call: &Call<'_>) -> Result<Option<Object>, Problem> {
    let content_type = call.content_type.unwrap_or_default().to_ascii_lowercase();
    if content_type.starts_with("multipart/") {
        let why = "must be the text itself, or JSON (with curl: -d, not -F)";
        return Err(Problem::field("body", why));
    }
    let is_text = content_type.starts_with("text/");
    let is_braced = call.body.trim_ascii_start().starts_with(b"{");
    match content_type.contains("json") || (is_braced && !is_text) {
        true => Object::parse(call.body).map(Some),
        false => Ok(None),
    }
}

/// The text in a body, without the line break that programs end it with.
fn text_of(body: &[u8]) -> Result<&str, Problem> {
    let text = str::from_utf8(body).map_err(|_| Problem::field("text", "is not UTF-8"))?;
    Ok(text.trim_end_matches(['\r', '\n']))
}

pub(super) fn channel(call: &Call<'_>) -> Result<Name, Problem> {
    Name::parse_channel(call.argument()).map_err(|error| Problem::field("name", error))
}

fn id_in(call: &Call<'_>, parameter: &str) -> Result<Option<MessageId>, Problem> {
    let id = call.query.get(parameter).map(str::parse).transpose();
    id.map_err(|error| Problem::field(parameter, error))
}

/// The program that calls: administrators have no nickname in the chat.
fn program<'a>(call: &'a Call<'_>) -> Result<&'a ProgramToken, Problem> {
    let program = call.grant()?.program();
    program.map(|it| &**it).ok_or(Problem::Silent)
}
