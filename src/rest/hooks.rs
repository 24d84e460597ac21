//! `/hooks/{key}`, to which programs post, and the calls that make, list and remove hooks: below
//! `/admin/hooks` for administrators, below `/api/channels/{name}/hooks` for operators.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use tiny_http::Method;
use utoipa::ToSchema;

use crate::account::MADE_A_MINUTE;
use crate::admin::{HookKeeper, NewHook, NotGranted};
use crate::http::pairs;
use crate::model::hook::Signatures;
use crate::model::outgoing::{MAX_TRIGGER, MAX_TRIGGERS, Outgoing};
use crate::model::time::unix_ms;
use crate::model::{Body, Hook, Mark, MessageKind, Name, Once, Power, ProgramSecret, Text};
use crate::protocol::hooks::{self, Said};
use crate::session::bots::{NotDone, Post};

use super::auth::owner;
use super::body::Object;
use super::call::Call;
use super::outgoing::HookCondition;
use super::posts::{Posted, channel, once};
use super::problem::{ErrorBody, Problem};
use super::refusals::{ToAdministrators, ToOperators};
use super::reply::{Reply, rfc3339};
use super::route::Route;
use super::tokens::{name, rate};

/// Where the addresses of hooks begin; the key follows, and nothing of it may be shown.
pub(super) const POSTED: &str = "/hooks/";

const GITHUB_EVENT: &str = "X-GitHub-Event";
const GITHUB_DELIVERY: &str = "X-GitHub-Delivery";
const GITEA_EVENT: &str = "X-Gitea-Event";
const GITEA_DELIVERY: &str = "X-Gitea-Delivery";
const HUB_SIGNATURE: &str = "X-Hub-Signature-256";
const GITEA_SIGNATURE: &str = "X-Gitea-Signature";
const WEBHOOK_ID: &str = "Webhook-Id";
const WEBHOOK_TIME: &str = "Webhook-Timestamp";
const WEBHOOK_SIGNATURE: &str = "Webhook-Signature";

/// The headers with which programs call hooks.
pub(super) const FIELDS: &[&str] = &[
    GITHUB_EVENT,
    GITHUB_DELIVERY,
    GITEA_EVENT,
    GITEA_DELIVERY,
    HUB_SIGNATURE,
    GITEA_SIGNATURE,
    WEBHOOK_ID,
    WEBHOOK_TIME,
    WEBHOOK_SIGNATURE,
];

pub(super) const ROUTES: &[Route] = &[
    Route::for_everyone(Method::Post, "/hooks/{key}", post_to_hook),
    Route::needs(Power::Tokens, Method::Post, "/admin/hooks", add_hook),
    Route::needs(Power::Tokens, Method::Get, "/admin/hooks", list_hooks),
    Route::needs(
        Power::Tokens,
        Method::Delete,
        "/admin/hooks/{id}",
        remove_hook,
    ),
    Route::for_everyone(Method::Post, "/api/channels/{name}/hooks", add_own_hook),
    Route::for_everyone(Method::Get, "/api/channels/{name}/hooks", list_own_hooks),
    Route::for_everyone(
        Method::Delete,
        "/api/channels/{name}/hooks/{id}",
        remove_own_hook,
    ),
];

/// A hook to make.
#[derive(Deserialize, ToSchema)]
#[expect(
    dead_code,
    reason = "describes the body; fields are read one by one, to name mistakes"
)]
struct NewHookBody {
    /// In any spelling; below `/api/channels` the path has it.
    #[schema(example = "ops")]
    channel: Option<String>,
    /// The nickname as which the hook speaks.
    #[schema(example = "alerts")]
    name: String,
    /// Whether it takes only calls that are signed: by GitHub, Gitea, or as Standard Webhooks are.
    signed: Option<bool>,
    /// Calls a minute; 600 if not given.
    rate: Option<u32>,
    /// `in` if not given: programs post to it; `out`: it sends what is said.
    direction: Option<String>,
    /// Where an outgoing hook sends.
    #[schema(example = "https://example.org/chat")]
    url: Option<String>,
    /// Words of which one must be at the beginning of a message for it to be sent; without any, all
    /// messages are. Messages that mention the hook's name are sent, too.
    triggers: Option<Vec<String>>,
}

/// A hook that was made.
#[derive(Serialize, ToSchema)]
struct MadeHook {
    #[serde(flatten)]
    is: HookRow,
    /// Where to post, below the address of the server; it has the key in it and is shown this once.
    /// An outgoing hook has none; its `url` is where it sends.
    #[serde(rename = "url", skip_serializing_if = "Option::is_none")]
    #[schema(example = "/hooks/cst_0123456789abcdefghijklmnopqrstuvwxyzABCDEFG")]
    address: Option<String>,
    /// The secret for signatures, shown this once.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")]
    secret: Option<String>,
}

/// The hooks.
#[derive(Serialize, ToSchema)]
struct HookList {
    /// The oldest first.
    hooks: Vec<HookRow>,
}

/// A hook as its keepers see it.
#[derive(Serialize, ToSchema)]
pub(super) struct HookRow {
    id: String,
    channel: String,
    name: String,
    /// `in` or `out`.
    direction: &'static str,
    /// Whether it takes only signed calls; what it sends is always signed.
    signed: bool,
    /// Where an outgoing hook sends.
    #[serde(skip_serializing_if = "Option::is_none")]
    url: Option<String>,
    /// What a message begins with to be sent.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    triggers: Vec<String>,
    /// How an outgoing hook does.
    #[serde(skip_serializing_if = "Option::is_none")]
    condition: Option<HookCondition>,
    /// The operator of the channel who made it; left out if administrators did.
    #[serde(skip_serializing_if = "Option::is_none")]
    made_by: Option<String>,
    #[schema(format = DateTime)]
    created_at: String,
    /// To the minute; `null`: never.
    #[schema(format = DateTime)]
    used_at: Option<String>,
    /// Left out: never. What a program has made ends when its token does.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(format = DateTime)]
    expires_at: Option<String>,
    /// Calls a minute.
    rate: u32,
}

impl HookRow {
    fn of(hook: Hook) -> HookRow {
        let (url, triggers) = match hook.outgoing {
            Some(out) => (Some(out.url.expose().to_owned()), out.triggers),
            None => (None, Vec::new()),
        };
        HookRow {
            direction: if url.is_some() { "out" } else { "in" },
            url,
            triggers,
            condition: None,
            channel: hook.channel.to_string(),
            name: hook.program.name.to_string(),
            signed: hook.signing.is_some(),
            made_by: hook.made_by.map(|name| name.to_string()),
            created_at: rfc3339(hook.program.created_at),
            used_at: hook.program.used_at.map(rfc3339),
            expires_at: hook.program.expires_at.map(rfc3339),
            rate: hook.program.rate,
            id: hook.program.id,
        }
    }
}

/// Posts to the channel of a hook, under its name; the key in the path is all that is needed.
///
/// Takes the text itself, JSON with a `text` (and `notice`), and unchanged what Alertmanager,
/// Grafana, GitHub, Gitea and programs made for Slack send. Of other JSON, a summary is posted. What
/// is longer than `limits.line_bytes` is cut off.
#[utoipa::path(
    post, path = "/hooks/{key}", tag = "programs",
    params(
        ("key" = String, Path, description = "As in the address that was shown"),
        ("Idempotency-Key" = Option<String>, Header, description =
            "Of several calls with the same key within a day, one publishes a message, and all \
             answer with its id; so do calls with the same X-GitHub-Delivery, X-Gitea-Delivery or \
             webhook-id, and repeated signed bodies"),
        ("X-GitHub-Event" = Option<String>, Header, description = "Or X-Gitea-Event: the body is that event"),
        ("X-Hub-Signature-256" = Option<String>, Header, description =
            "Or X-Gitea-Signature, or webhook-id, webhook-timestamp and webhook-signature: for a \
             hook that takes only signed calls"),
    ),
    request_body(content((String = "text/plain"), (Object = "application/json"))),
    responses(
        (status = 201, description = "Posted", body = Posted),
        (status = 200, description = "Posted before", body = Posted),
        (status = 400, description = "The body is not understood", body = ErrorBody),
        (status = 401, description = "The signature is missing, wrong, or too old", body = ErrorBody),
        (status = 403, description = "The channel does not let the hook speak, or who made it does not operate the channel any more (`hook_rests`)", body = ErrorBody),
        (status = 404, description = "There is no such hook", body = ErrorBody),
        (status = 409, description = "The channel cannot take it, or the key was that of another message (`tag_used`); the code says why", body = ErrorBody),
        (status = 413, description = "The body is larger than `limits.http_body_bytes`", body = ErrorBody),
        (status = 429, description = "Too fast; Retry-After says when to try again", body = ErrorBody),
        (status = 503, description = "Not stored, or perhaps (`unanswered`)", body = ErrorBody),
    ),
)]
pub(super) fn post_to_hook(call: &Call<'_>) -> Result<Reply, Problem> {
    let context = call.context;
    let peer = call.relayed.peer.ip();
    let program = context.doors.hook(call.argument(), peer);
    let program = program.map_err(not_let_in)?;
    let hook = context.accounts.hook(call.asker(), program.id.clone());
    let hook = hook.map_err(|error| Problem::store(&error))?;
    let hook = hook.ok_or_else(no_such_hook)?;
    let rests = context.accounts.rests(call.asker(), &hook);
    if let Some(why) = rests.map_err(NotDone::NoBot)? {
        return Err(Problem::HookRests(format!(
            "this hook takes nothing: {why}"
        )));
    }
    let known_by = known_by(call, &hook)?;
    let said = read(call)?;
    let text = context.admin.fitted(&said.text);
    let text = text.map_err(|why| Problem::field("text", why))?;
    let kind = match said.is_notice {
        true => MessageKind::Notice,
        false => MessageKind::Say,
    };
    let mut post = Post {
        channel: hook.channel,
        body: Body::plain(kind, text),
        reply_to: None,
        once: None,
    };
    post.once = known_by.map(|it| match it {
        KnownBy::Key(key) => once(&program, key, &post),
        KnownBy::Mark(mark) => Arc::new(Once {
            program: program.id.as_str().into(),
            mark,
            content: None,
        }),
    });
    let posted = context.bots.post(&program, peer.into(), &post)?;
    let status = if posted.is_again { 200 } else { 201 };
    Ok(Reply::json(status, &Posted::of(posted.id)))
}

/// Makes a hook: an address to which programs post. It is shown this once.
#[utoipa::path(
    post, path = "/admin/hooks", tag = "programs", security(("admin_token" = [])),
    request_body = NewHookBody,
    responses(
        (status = 201, description = "The hook", body = MadeHook),
        (status = 400, description = "Names the field that is wrong", body = ErrorBody),
        (status = 409, description = "There are too many, or the nickname is a person's", body = ErrorBody),
        ToAdministrators,
    ),
)]
pub(super) fn add_hook(call: &Call<'_>) -> Result<Reply, Problem> {
    let mut object = call.object(&[
        "channel",
        "name",
        "signed",
        "rate",
        "direction",
        "url",
        "triggers",
    ])?;
    let channel = object.string("channel")?;
    let channel = channel.ok_or_else(|| Problem::field("channel", "missing"))?;
    let channel = Name::parse_channel(&channel);
    let channel = channel.map_err(|error| Problem::field("channel", error))?;
    let new = new_hook(object, channel)?;
    make(call, HookKeeper::Administrator(call.grant()?), new)
}

/// Lists all hooks, without their secrets; for a program, those that allow no more than its own token.
#[utoipa::path(
    get, path = "/admin/hooks", tag = "programs", security(("admin_token" = [])),
    responses(
        (status = 200, description = "The hooks", body = HookList),
        ToAdministrators,
    ),
)]
pub(super) fn list_hooks(call: &Call<'_>) -> Result<Reply, Problem> {
    list(call, HookKeeper::Administrator(call.grant()?), None)
}

/// Removes a hook, whose address is good for nothing from then on.
#[utoipa::path(
    delete, path = "/admin/hooks/{id}", tag = "programs", security(("admin_token" = [])),
    params(("id" = String, Path, description = "As listed")),
    responses(
        (status = 204, description = "Removed"),
        (status = 404, description = "There is no such hook", body = ErrorBody),
        ToAdministrators,
    ),
)]
pub(super) fn remove_hook(call: &Call<'_>) -> Result<Reply, Problem> {
    let keeper = HookKeeper::Administrator(call.grant()?);
    remove(call, keeper, None, call.argument())
}

/// Makes a hook of a registered channel, for its operators. The address is shown this once.
#[utoipa::path(
    post, path = "/api/channels/{name}/hooks", tag = "programs",
    params(
        ("name" = String, Path, description = "In any spelling, without #"),
        ("Authorization" = String, Header, description = "`Bearer` and the token of `POST /auth`"),
    ),
    request_body = NewHookBody,
    responses(
        (status = 201, description = "The hook", body = MadeHook),
        (status = 400, description = "Names the field that is wrong", body = ErrorBody),
        (status = 409, description = "The channel is not registered or has ten, or the name is another's", body = ErrorBody),
        (status = 429, description = "Ten were made from the address within a minute (`too_fast`)", body = ErrorBody),
        ToOperators,
    ),
)]
pub(super) fn add_own_hook(call: &Call<'_>) -> Result<Reply, Problem> {
    let account = owner(call)?;
    let object = call.object(&["name", "signed", "rate", "direction", "url", "triggers"])?;
    let new = new_hook(object, channel(call)?)?;
    // A new name is taken for good, as by who registers.
    let counted = call.context.accounts.count_hook(call.relayed.peer.ip());
    counted.map_err(|wait| {
        let seconds = wait.retry_seconds;
        let why = format!(
            "{MADE_A_MINUTE} hooks a minute are made from one address; wait {seconds} seconds"
        );
        Problem::TooFast(why, seconds)
    })?;
    make(call, HookKeeper::Operator(&account), new)
}

/// Lists the hooks of a registered channel, for its operators.
#[utoipa::path(
    get, path = "/api/channels/{name}/hooks", tag = "programs",
    params(
        ("name" = String, Path, description = "In any spelling, without #"),
        ("Authorization" = String, Header, description = "`Bearer` and the token of `POST /auth`"),
    ),
    responses(
        (status = 200, description = "The hooks", body = HookList),
        (status = 409, description = "The channel is not registered", body = ErrorBody),
        ToOperators,
    ),
)]
pub(super) fn list_own_hooks(call: &Call<'_>) -> Result<Reply, Problem> {
    let account = owner(call)?;
    let channel = channel(call)?;
    list(call, HookKeeper::Operator(&account), Some(&channel))
}

/// Removes a hook of a registered channel, for its operators.
#[utoipa::path(
    delete, path = "/api/channels/{name}/hooks/{id}", tag = "programs",
    params(
        ("name" = String, Path, description = "In any spelling, without #"),
        ("id" = String, Path, description = "As listed"),
        ("Authorization" = String, Header, description = "`Bearer` and the token of `POST /auth`"),
    ),
    responses(
        (status = 204, description = "Removed"),
        (status = 409, description = "The channel is not registered", body = ErrorBody),
        ToOperators,
    ),
)]
pub(super) fn remove_own_hook(call: &Call<'_>) -> Result<Reply, Problem> {
    let account = owner(call)?;
    let channel = channel(call)?;
    let keeper = HookKeeper::Operator(&account);
    remove(call, keeper, Some(&channel), call.second_argument())
}

fn new_hook(mut object: Object, channel: Name) -> Result<NewHook, Problem> {
    Ok(NewHook {
        channel,
        name: name(&mut object, "name")?.ok_or_else(|| Problem::field("name", "missing"))?,
        is_signed: object.boolean("signed")?.unwrap_or(false),
        rate: rate(&mut object)?,
        outgoing: outgoing(&mut object)?,
    })
}

/// Where a new hook sends, if it does.
fn outgoing(object: &mut Object) -> Result<Option<Outgoing>, Problem> {
    let (url, triggers) = (object.string("url")?, object.strings("triggers")?);
    match (object.string("direction")?.as_deref(), &url, &triggers) {
        (Some("out"), ..) => {}
        (None | Some("in"), None, None) => return Ok(None),
        (None | Some("in"), Some(_), _) => {
            return Err(Problem::field("url", "only for the direction out"));
        }
        (None | Some("in"), None, Some(_)) => {
            return Err(Problem::field("triggers", "only for the direction out"));
        }
        (Some(_), ..) => return Err(Problem::field("direction", "must be in or out")),
    }
    let url = url.ok_or_else(|| Problem::field("url", "missing"))?;
    let url = Outgoing::parse_url(&url).map_err(|why| Problem::field("url", why))?;
    let mut triggers = triggers.unwrap_or_default();
    let is_good = |word: &String| {
        !word.is_empty() && word.len() <= MAX_TRIGGER && !word.contains(char::is_whitespace)
    };
    if triggers.len() > MAX_TRIGGERS || !triggers.iter().all(is_good) {
        let why = format!(
            "must be at most {MAX_TRIGGERS} words without spaces, of at most {MAX_TRIGGER} bytes"
        );
        return Err(Problem::field("triggers", why));
    }
    triggers.dedup();
    Ok(Some(Outgoing { url, triggers }))
}

fn make(call: &Call<'_>, keeper: HookKeeper<'_>, new: NewHook) -> Result<Reply, Problem> {
    let (admin, accounts) = (&call.context.admin, &call.context.accounts);
    let (hook, key) = admin.add_hook(call.actor(), keeper, accounts, call.asker(), new)?;
    if let Some(maker) = &hook.made_by {
        tell_of(call, &hook, maker);
    }
    look(call);
    let location = format!("hooks/{}", hook.program.id);
    Ok(Reply::json(201, &made(hook, &key)).with("Location", location))
}

/// Tells the channel of a hook that one of its operators has made: the members cannot see where else
/// what they say goes, or who speaks by it.
fn tell_of(call: &Call<'_>, hook: &Hook, maker: &Name) {
    let words = match &hook.outgoing {
        Some(out) => format!(
            "{maker} has made this hook: what is said here is sent to {}.",
            out.host()
        ),
        None => format!("{maker} has made this hook: programs post here by it."),
    };
    let post = Post {
        channel: hook.channel.clone(),
        body: Body::plain(MessageKind::Notice, Text::clean(&words)),
        reply_to: None,
        once: None,
    };
    let by = call.relayed.peer.ip().into();
    if let Err(error) = call.context.bots.post(&hook.program, by, &post) {
        let id = &hook.program.id;
        ::log::warn!("the channel could not be told of the hook {id}: {error}");
    }
}

fn made(hook: Hook, key: &ProgramSecret) -> MadeHook {
    let secret = hook.signing.as_ref().map(|key| key.expose().to_owned());
    let is_called = hook.outgoing.is_none();
    MadeHook {
        is: HookRow::of(hook),
        address: is_called.then(|| format!("{POSTED}{}", key.expose())),
        secret,
    }
}

fn list(call: &Call<'_>, keeper: HookKeeper<'_>, channel: Option<&Name>) -> Result<Reply, Problem> {
    let (admin, accounts) = (&call.context.admin, &call.context.accounts);
    let mut hooks = Vec::new();
    for hook in admin.hooks(keeper, accounts, channel)? {
        let condition = match hook.outgoing {
            Some(_) => accounts.store().hook_condition(&hook.program.id),
            None => Ok(None),
        };
        let condition = condition.map_err(|error| Problem::store(&error))?;
        hooks.push(HookRow {
            condition: condition.map(HookCondition::of),
            ..HookRow::of(hook)
        });
    }
    Ok(Reply::json(200, &HookList { hooks }))
}

fn remove(
    call: &Call<'_>,
    keeper: HookKeeper<'_>,
    channel: Option<&Name>,
    id: &str,
) -> Result<Reply, Problem> {
    let (admin, accounts) = (&call.context.admin, &call.context.accounts);
    admin.remove_hook(call.actor(), keeper, accounts, channel, id)?;
    look(call);
    Ok(Reply::empty(204))
}

/// Has the outgoing hooks looked at, of which there may be another one now.
fn look(call: &Call<'_>) {
    if let Some(hooks) = &call.context.hooks {
        hooks.look();
    }
}

/// What was posted, as a message.
fn read(call: &Call<'_>) -> Result<Said, Problem> {
    let event = field(call, GITHUB_EVENT).or_else(|| field(call, GITEA_EVENT));
    let inside = payload(call.body);
    let posted = hooks::Posted {
        content_type: match inside {
            Some(_) => Some("application/json"),
            None => call.content_type,
        },
        event,
        body: inside.as_deref().map_or(call.body, str::as_bytes),
    };
    hooks::read(&posted).map_err(|why| Problem::field("body", why))
}

/// The JSON in a form, as which some programs send it.
fn payload(body: &[u8]) -> Option<String> {
    let form = str::from_utf8(body).ok()?;
    form.starts_with("payload=").then_some(())?;
    let (_, payload) = pairs(form).next()??;
    payload.trim_start().starts_with('{').then_some(payload)
}

/// What tells a call from others.
enum KnownBy<'a> {
    /// A key that stands for one message.
    Key(&'a str),
    /// The id of a delivery, or a signature.
    Mark(Mark),
}

/// What tells a call from others, after its signature is checked.
fn known_by<'a>(call: &Call<'a>, hook: &Hook) -> Result<Option<KnownBy<'a>>, Problem> {
    if let Some(key) = &hook.signing {
        let signatures = Signatures {
            of_hub: field(call, HUB_SIGNATURE),
            of_gitea: field(call, GITEA_SIGNATURE),
            standard: standard(call),
        };
        let checked = key.check(&signatures, call.body, unix_ms() / 1000);
        let mark = checked.map_err(|why| Problem::Signature(why.to_string()))?;
        return Ok(Some(KnownBy::Mark(mark)));
    }
    let key = call.idempotency_key.filter(|key| !key.is_empty());
    let delivery = field(call, GITHUB_DELIVERY).or_else(|| field(call, GITEA_DELIVERY));
    Ok(match (key, delivery, field(call, WEBHOOK_ID)) {
        (Some(key), ..) => Some(KnownBy::Key(key)),
        (None, Some(delivery), _) => Some(KnownBy::Mark(Mark::of("delivery", delivery))),
        (None, None, Some(id)) => Some(KnownBy::Mark(Mark::of("id", id))),
        (None, None, None) => None,
    })
}

fn standard<'a>(call: &Call<'a>) -> Option<(&'a str, &'a str, &'a str)> {
    Some((
        field(call, WEBHOOK_ID)?,
        field(call, WEBHOOK_TIME)?,
        field(call, WEBHOOK_SIGNATURE)?,
    ))
}

fn field<'a>(call: &Call<'a>, name: &str) -> Option<&'a str> {
    let mut fields = call.of_hook.iter();
    let (_, value) = fields.find(|(other, _)| *other == name)?;
    Some(value.as_str()).filter(|value| !value.is_empty())
}

fn not_let_in(refused: NotGranted) -> Problem {
    match refused {
        NotGranted::Wrong => no_such_hook(),
        other => other.into(),
    }
}

fn no_such_hook() -> Problem {
    Problem::NotFound(
        "there is no such hook: it was removed, or its address is not complete".into(),
    )
}
