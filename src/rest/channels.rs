//! `/admin/channels`: channels, their rules, and what administrators do to them.

mod shown;

use serde::{Deserialize, Serialize};
use tiny_http::Method;
use utoipa::ToSchema;

use crate::admin::channels::{self, NewEntry, Whom};
use crate::admin::{MAX_LISTED, USUALLY_LISTED};
use crate::http::encode;
use crate::model::governance::{Change, Flag, List};
use crate::model::{Name, Power};

use super::body::Object;
use super::call::Call;
use super::problem::{ErrorBody, Problem};
use super::reply::{Reply, rfc3339};
use super::route::{Access, Handler, Route};
use shown::{Channel, Channels, Lists, Rules};

pub(super) const ROUTES: &[Route] = &[
    route(
        Method::Get,
        "/admin/channels",
        &["after", "limit"],
        list_channels,
    ),
    route(Method::Get, "/admin/channels/{name}", &[], show_channel),
    route(Method::Patch, "/admin/channels/{name}", &[], change_channel),
    route(
        Method::Put,
        "/admin/channels/{name}/roles/{user}",
        &[],
        set_role,
    ),
    route(
        Method::Delete,
        "/admin/channels/{name}/roles/{user}",
        &[],
        remove_role,
    ),
    route(
        Method::Delete,
        "/admin/channels/{name}/members/{user}",
        &["reason"],
        remove_member,
    ),
    route(
        Method::Get,
        "/admin/channels/{name}/bans",
        &["list"],
        list_entries,
    ),
    route(Method::Post, "/admin/channels/{name}/bans", &[], add_entry),
    route(
        Method::Delete,
        "/admin/channels/{name}/bans",
        &["user", "mask", "list"],
        remove_entry,
    ),
    route(
        Method::Post,
        "/admin/channels/{name}/invitations",
        &[],
        invite,
    ),
    route(
        Method::Delete,
        "/admin/channels/{name}/invitations",
        &["id"],
        withdraw,
    ),
    route(
        Method::Put,
        "/admin/channels/{name}/registration",
        &[],
        register,
    ),
    route(
        Method::Delete,
        "/admin/channels/{name}/registration",
        &[],
        drop_registration,
    ),
];

const fn route(
    method: Method,
    path: &'static str,
    query: &'static [&'static str],
    run: Handler,
) -> Route {
    // The list of channels names secret ones, too.
    let power = match path.as_bytes() {
        b"/admin/channels" => Power::Users,
        _ => Power::Moderate,
    };
    Route {
        method,
        path,
        access: Access::Needs(power),
        query,
        run,
    }
}

/// What to change; whatever is not named stays.
#[derive(Deserialize, ToSchema)]
#[expect(
    dead_code,
    reason = "describes the body; fields are read one by one, to name mistakes"
)]
struct ChannelChanges {
    /// One line; `null` or `""` takes it away.
    topic: Option<String>,
    rules: Option<Rules>,
}

/// A role to give.
#[derive(Deserialize, ToSchema)]
#[expect(dead_code, reason = "as above")]
struct NewRole {
    /// `operator`, `voice`, or `member` for none.
    role: String,
    /// Whether the account has it whenever it is there; only in a registered channel. Otherwise
    /// the user has it until they leave.
    keep: Option<bool>,
}

/// An entry to make in a list: exactly one of `user` and `mask`.
#[derive(Deserialize, ToSchema)]
#[expect(dead_code, reason = "as above")]
struct NewListEntry {
    /// A nickname: the entry concerns the account, or else what stands for the address.
    user: Option<String>,
    /// A nickname perhaps with `*` and `?`, `account:name`, or `host:` and what stands for an
    /// address.
    mask: Option<String>,
    /// `ban` if not given; or `mute`, `except` or `invite`.
    list: Option<String>,
    /// Left out: for ever.
    minutes: Option<u64>,
    reason: Option<String>,
}

/// A link to make.
#[derive(Deserialize, ToSchema)]
#[expect(dead_code, reason = "as above")]
struct NewInvitation {
    /// How often it can be used; any number of times if not given.
    uses: Option<u64>,
    /// How long it holds; for ever if not given.
    minutes: Option<u64>,
}

/// An invitation link, shown this once: the server keeps only a hash of its secret.
#[derive(Serialize, ToSchema)]
struct Invitation {
    /// Below the address of the web listener, or wherever a proxy puts that.
    #[schema(example = "/join/dev/0123456789abcdef0123456789abcdef")]
    link: String,
    /// For withdrawing it.
    id: String,
    uses: Option<u32>,
    #[schema(format = DateTime)]
    expires_at: Option<String>,
}

/// The account that is to own the channel.
#[derive(Deserialize, ToSchema)]
#[expect(dead_code, reason = "as above")]
struct NewRegistration {
    /// An account, which need not be online.
    founder: String,
}

/// Lists all channels with their members, topic and rules, by name: also secret ones, and
/// registered ones in which no client is.
#[utoipa::path(
    get, path = "/admin/channels", tag = "channels", security(("admin_token" = [])),
    params(
        ("after" = Option<String>, Query, description = "Only names that come after this one"),
        ("limit" = Option<usize>, Query, description = "1 to 100000; 10000 if not given"),
    ),
    responses(
        (status = 200, description = "The channels", body = Channels),
        (status = 400, description = "A bad parameter", body = ErrorBody),
        (status = 401, description = "Not the admin token", body = ErrorBody),
    ),
)]
pub(super) fn list_channels(call: &Call<'_>) -> Result<Reply, Problem> {
    let after = call.query.get("after").map(Name::parse_channel).transpose();
    let after = after.map_err(|error| Problem::field("after", error))?;
    let limit = match call.query.get("limit").map(str::parse) {
        None => USUALLY_LISTED,
        Some(Ok(limit)) if (1..=MAX_LISTED).contains(&limit) => limit,
        Some(_) => {
            let why = format!("must be a number from 1 to {MAX_LISTED}");
            return Err(Problem::field("limit", why));
        }
    };
    let (channels, more) = call.context.admin.channels(after, limit)?;
    Ok(Reply::json(200, &Channels::of(channels, more)))
}

/// Shows a channel with its members, all of its rules, lists, accounts and links.
#[utoipa::path(
    get, path = "/admin/channels/{name}", tag = "channels", security(("admin_token" = [])),
    params(("name" = String, Path, description = "In any spelling, without #")),
    responses(
        (status = 200, description = "The channel", body = Channel),
        (status = 400, description = "Not a name", body = ErrorBody),
        (status = 401, description = "Not the admin token", body = ErrorBody),
        (status = 404, description = "It is not registered, and no client is in it", body = ErrorBody),
    ),
)]
pub(super) fn show_channel(call: &Call<'_>) -> Result<Reply, Problem> {
    show(call, &channel(call)?)
}

/// Changes the topic and rules of a channel; all of it is in force at once. Answered when it is
/// stored.
///
/// `global` can have a topic and rules, but none that keeps anyone out.
#[utoipa::path(
    patch, path = "/admin/channels/{name}", tag = "channels", security(("admin_token" = [])),
    params(("name" = String, Path, description = "In any spelling, without #")),
    request_body = ChannelChanges,
    responses(
        (status = 200, description = "The channel as it is now", body = Channel),
        (status = 400, description = "Names the field that is wrong", body = ErrorBody),
        (status = 401, description = "Not the admin token", body = ErrorBody),
        (status = 404, description = "No such channel", body = ErrorBody),
        (status = 409, description = "`channel_is_global`: it stays open", body = ErrorBody),
        (status = 503, description = "Not stored (`not_stored`), or perhaps (`unanswered`)", body = ErrorBody),
    ),
)]
pub(super) fn change_channel(call: &Call<'_>) -> Result<Reply, Problem> {
    let name = channel(call)?;
    let mut object = call.object(&["topic", "rules"])?;
    let mut changes = Vec::new();
    if object.names("topic") {
        let topic = object.string("topic")?;
        changes.push(channels::topic(&topic.unwrap_or_default())?);
    }
    if let Some(rules) = object.nested("rules")? {
        changes.extend(rules_of(rules)?);
    }
    call.context.admin.change(call.actor(), &name, changes)?;
    show(call, &name)
}

/// Gives a user or an account a role.
#[utoipa::path(
    put, path = "/admin/channels/{name}/roles/{user}", tag = "channels", security(("admin_token" = [])),
    params(
        ("name" = String, Path, description = "In any spelling, without #"),
        ("user" = String, Path, description = "A nickname; an account may be offline if the role is kept"),
    ),
    request_body = NewRole,
    responses(
        (status = 204, description = "In force"),
        (status = 400, description = "Names the field that is wrong", body = ErrorBody),
        (status = 401, description = "Not the admin token", body = ErrorBody),
        (status = 404, description = "No such channel, or the user is not in it", body = ErrorBody),
        (status = 409, description = "The channel cannot have it; the code says why", body = ErrorBody),
        (status = 503, description = "Not stored, or perhaps", body = ErrorBody),
    ),
)]
pub(super) fn set_role(call: &Call<'_>) -> Result<Reply, Problem> {
    let mut object = call.object(&["role", "keep"])?;
    let role = object.string("role")?;
    let role = role.ok_or_else(|| Problem::field("role", "missing"))?;
    let role = channels::role(&role)?;
    let keep = object.boolean("keep")?.unwrap_or(false);
    let (name, user) = (channel(call)?, user(call)?);
    let admin = &call.context.admin;
    admin.set_role(call.actor(), &name, &user, role, keep)?;
    Ok(Reply::empty(204))
}

/// Takes a user's or an account's role away.
#[utoipa::path(
    delete, path = "/admin/channels/{name}/roles/{user}", tag = "channels", security(("admin_token" = [])),
    params(
        ("name" = String, Path, description = "In any spelling, without #"),
        ("user" = String, Path, description = "A nickname, or the name of an account"),
    ),
    responses(
        (status = 204, description = "Taken away"),
        (status = 400, description = "Not a name", body = ErrorBody),
        (status = 401, description = "Not the admin token", body = ErrorBody),
        (status = 404, description = "No such channel, or the user is not in it", body = ErrorBody),
        (status = 409, description = "The channel cannot have it; the code says why", body = ErrorBody),
        (status = 503, description = "Not stored, or perhaps", body = ErrorBody),
    ),
)]
pub(super) fn remove_role(call: &Call<'_>) -> Result<Reply, Problem> {
    let (name, user) = (channel(call)?, user(call)?);
    let admin = &call.context.admin;
    admin.set_role(call.actor(), &name, &user, None, false)?;
    Ok(Reply::empty(204))
}

/// Takes a user out of a channel, who may come back unless the rules keep them out.
///
/// A reason, shown to the user, may be given in the query or in a JSON body.
#[utoipa::path(
    delete, path = "/admin/channels/{name}/members/{user}", tag = "channels", security(("admin_token" = [])),
    params(
        ("name" = String, Path, description = "In any spelling, without #"),
        ("user" = String, Path, description = "A nickname"),
        ("reason" = Option<String>, Query, description = "Shown to the user and the members"),
    ),
    responses(
        (status = 204, description = "Removed"),
        (status = 400, description = "Not a name, or a bad reason", body = ErrorBody),
        (status = 401, description = "Not the admin token", body = ErrorBody),
        (status = 404, description = "No such channel, or the user is not in it", body = ErrorBody),
        (status = 409, description = "`channel_is_global`: everybody is in it", body = ErrorBody),
        (status = 503, description = "Not stored, or perhaps", body = ErrorBody),
    ),
)]
pub(super) fn remove_member(call: &Call<'_>) -> Result<Reply, Problem> {
    let (name, user) = (channel(call)?, user(call)?);
    let mut reason = call.query.get("reason").map(str::to_owned);
    if !call.body.is_empty() {
        let in_body = call.object(&["reason"])?.string("reason")?;
        if in_body.is_some() && reason.is_some() {
            return Err(Problem::field("reason", "given twice"));
        }
        reason = reason.or(in_body);
    }
    let reason = call.reason(reason)?;
    let admin = &call.context.admin;
    admin.remove(call.actor(), &name, &user, reason)?;
    Ok(Reply::empty(204))
}

/// Shows the lists of a channel: bans, mutes, exceptions and invitations.
#[utoipa::path(
    get, path = "/admin/channels/{name}/bans", tag = "channels", security(("admin_token" = [])),
    params(
        ("name" = String, Path, description = "In any spelling, without #"),
        ("list" = Option<String>, Query, description = "Only this one: ban, mute, except or invite"),
    ),
    responses(
        (status = 200, description = "The lists", body = Lists),
        (status = 400, description = "Names the parameter that is wrong", body = ErrorBody),
        (status = 401, description = "Not the admin token", body = ErrorBody),
        (status = 404, description = "No such channel", body = ErrorBody),
    ),
)]
pub(super) fn list_entries(call: &Call<'_>) -> Result<Reply, Problem> {
    let only = call.query.get("list").map(channels::list).transpose()?;
    let (_, overview) = call.context.admin.channel(&channel(call)?)?;
    Ok(Reply::json(200, &Lists::of(&overview.view.rules, only)))
}

/// Bans, mutes, excepts or invites a person, or all that a mask concerns. A ban also removes those
/// who are in the channel. An entry that is there already is replaced.
#[utoipa::path(
    post, path = "/admin/channels/{name}/bans", tag = "channels", security(("admin_token" = [])),
    params(("name" = String, Path, description = "In any spelling, without #")),
    request_body = NewListEntry,
    responses(
        (status = 204, description = "In force"),
        (status = 400, description = "Names the field that is wrong", body = ErrorBody),
        (status = 401, description = "Not the admin token", body = ErrorBody),
        (status = 404, description = "No such channel or account", body = ErrorBody),
        (status = 409, description = "`list_full`, or `channel_is_global`", body = ErrorBody),
        (status = 503, description = "Not stored, or perhaps", body = ErrorBody),
    ),
)]
pub(super) fn add_entry(call: &Call<'_>) -> Result<Reply, Problem> {
    let mut object = call.object(&["user", "mask", "list", "minutes", "reason"])?;
    let entry = NewEntry {
        whom: whom(object.string("user")?, object.string("mask")?)?,
        list: list(object.string("list")?)?,
        minutes: object.number("minutes")?,
        reason: call.reason(object.string("reason")?)?,
    };
    let admin = &call.context.admin;
    admin.add_entry(call.actor(), &channel(call)?, entry)?;
    Ok(Reply::empty(204))
}

/// Takes a person or a mask off a list. The parameters may be in the query or in a JSON body.
#[utoipa::path(
    delete, path = "/admin/channels/{name}/bans", tag = "channels", security(("admin_token" = [])),
    params(
        ("name" = String, Path, description = "In any spelling, without #"),
        ("user" = Option<String>, Query, description = "A nickname"),
        ("mask" = Option<String>, Query, description = "As listed"),
        ("list" = Option<String>, Query, description = "ban if not given; or mute, except or invite"),
    ),
    responses(
        (status = 204, description = "Taken off"),
        (status = 400, description = "Names the field that is wrong, or whoever is not on the list", body = ErrorBody),
        (status = 401, description = "Not the admin token", body = ErrorBody),
        (status = 404, description = "No such channel or account", body = ErrorBody),
        (status = 409, description = "The channel cannot have it; the code says why", body = ErrorBody),
        (status = 503, description = "Not stored, or perhaps", body = ErrorBody),
    ),
)]
pub(super) fn remove_entry(call: &Call<'_>) -> Result<Reply, Problem> {
    let mut fields = ["user", "mask", "list"].map(|field| call.query.get(field).map(str::to_owned));
    if !call.body.is_empty() {
        let mut object = call.object(&["user", "mask", "list"])?;
        for (field, value) in ["user", "mask", "list"].into_iter().zip(&mut fields) {
            let in_body = object.string(field)?;
            if in_body.is_some() && value.is_some() {
                return Err(Problem::field(field, "given twice"));
            }
            *value = value.take().or(in_body);
        }
    }
    let [user, mask, word] = fields;
    let (whom, list) = (whom(user, mask)?, list(word)?);
    let admin = &call.context.admin;
    admin.remove_entry(call.actor(), &channel(call)?, list, whom)?;
    Ok(Reply::empty(204))
}

/// Makes an invitation link, with which people may join whatever keeps others out.
#[utoipa::path(
    post, path = "/admin/channels/{name}/invitations", tag = "channels", security(("admin_token" = [])),
    params(("name" = String, Path, description = "In any spelling, without #")),
    request_body = NewInvitation,
    responses(
        (status = 201, description = "The link, shown this once", body = Invitation),
        (status = 400, description = "Names the field that is wrong", body = ErrorBody),
        (status = 401, description = "Not the admin token", body = ErrorBody),
        (status = 404, description = "No such channel", body = ErrorBody),
        (status = 409, description = "`list_full`, or `channel_is_global`", body = ErrorBody),
        (status = 503, description = "Not stored, or perhaps", body = ErrorBody),
    ),
)]
pub(super) fn invite(call: &Call<'_>) -> Result<Reply, Problem> {
    let name = channel(call)?;
    let (mut uses, mut minutes) = (None, None);
    if !call.body.is_empty() {
        let mut object = call.object(&["uses", "minutes"])?;
        (uses, minutes) = (object.number("uses")?, object.number("minutes")?);
    }
    let admin = &call.context.admin;
    let (secret, link) = admin.invite(call.actor(), &name, uses, minutes)?;
    let invitation = Invitation {
        link: format!("/join/{}/{}", encode(name.as_str()), secret.expose()),
        id: link.id().to_owned(),
        uses: link.uses,
        expires_at: link.until_ms.map(rfc3339),
    };
    Ok(Reply::json(201, &invitation))
}

/// Withdraws the invitation links of a channel, or one of them.
#[utoipa::path(
    delete, path = "/admin/channels/{name}/invitations", tag = "channels", security(("admin_token" = [])),
    params(
        ("name" = String, Path, description = "In any spelling, without #"),
        ("id" = Option<String>, Query, description = "Only the link with this id"),
    ),
    responses(
        (status = 204, description = "Withdrawn"),
        (status = 400, description = "There is no link with this id", body = ErrorBody),
        (status = 401, description = "Not the admin token", body = ErrorBody),
        (status = 404, description = "No such channel", body = ErrorBody),
        (status = 409, description = "`channel_is_global`", body = ErrorBody),
        (status = 503, description = "Not stored, or perhaps", body = ErrorBody),
    ),
)]
pub(super) fn withdraw(call: &Call<'_>) -> Result<Reply, Problem> {
    let admin = &call.context.admin;
    admin.withdraw(call.actor(), &channel(call)?, call.query.get("id"))?;
    Ok(Reply::empty(204))
}

/// Registers a channel for an account, or makes the account the founder of one that is registered.
///
/// The channel need not be there: it may have been used before, or be new.
#[utoipa::path(
    put, path = "/admin/channels/{name}/registration", tag = "channels", security(("admin_token" = [])),
    params(("name" = String, Path, description = "In any spelling, without #")),
    request_body = NewRegistration,
    responses(
        (status = 200, description = "The channel as it is now", body = Channel),
        (status = 400, description = "Names the field that is wrong", body = ErrorBody),
        (status = 401, description = "Not the admin token", body = ErrorBody),
        (status = 404, description = "`no_such_account`", body = ErrorBody),
        (status = 409, description = "`channel_is_global`", body = ErrorBody),
        (status = 503, description = "Not stored, or perhaps", body = ErrorBody),
    ),
)]
pub(super) fn register(call: &Call<'_>) -> Result<Reply, Problem> {
    let name = channel(call)?;
    let founder = call.object(&["founder"])?.string("founder")?;
    let founder = founder.ok_or_else(|| Problem::field("founder", "missing: an account"))?;
    let founder = Name::parse_nickname(&founder);
    let founder = founder.map_err(|error| Problem::field("founder", error))?;
    call.context.admin.register(call.actor(), &name, &founder)?;
    show(call, &name)
}

/// Ends the registration of a channel. What was said while it was restricted is not shown again.
#[utoipa::path(
    delete, path = "/admin/channels/{name}/registration", tag = "channels", security(("admin_token" = [])),
    params(("name" = String, Path, description = "In any spelling, without #")),
    responses(
        (status = 204, description = "Not registered any more"),
        (status = 400, description = "Not a name", body = ErrorBody),
        (status = 401, description = "Not the admin token", body = ErrorBody),
        (status = 404, description = "No such channel", body = ErrorBody),
        (status = 409, description = "`not_registered_channel`", body = ErrorBody),
        (status = 503, description = "Not stored, or perhaps", body = ErrorBody),
    ),
)]
pub(super) fn drop_registration(call: &Call<'_>) -> Result<Reply, Problem> {
    let admin = &call.context.admin;
    admin.drop_registration(call.actor(), &channel(call)?)?;
    Ok(Reply::empty(204))
}

fn show(call: &Call<'_>, name: &Name) -> Result<Reply, Problem> {
    let (info, overview) = call.context.admin.channel(name)?;
    Ok(Reply::json(200, &Channel::whole(info, &overview)))
}

fn channel(call: &Call<'_>) -> Result<Name, Problem> {
    Name::parse_channel(call.argument()).map_err(|error| Problem::field("name", error))
}

fn user(call: &Call<'_>) -> Result<Name, Problem> {
    let name = Name::parse_nickname(call.second_argument());
    name.map_err(|error| Problem::field("user", error))
}

/// The changes that an object of rules means.
fn rules_of(mut object: Object) -> Result<Vec<Change>, Problem> {
    let flags = Flag::ALL.map(|flag| (flag, channels::field_of(flag)));
    let others = ["key", "limit", "history", "slow_seconds"];
    let known: Vec<&str> = flags.iter().map(|(_, field)| field.as_str()).collect();
    object = object.with_only(&[known.as_slice(), &others].concat())?;
    let mut changes = Vec::new();
    for (flag, field) in &flags {
        if let Some(on) = object.boolean(field)? {
            changes.push(Change::Flag(*flag, on));
        }
    }
    if object.names("key") {
        let key = object.string("key")?.unwrap_or_default();
        changes.push(channels::key(&key)?);
    }
    if object.names("limit") {
        let limit = object.number("limit")?.unwrap_or(0);
        changes.push(channels::limit(limit)?);
    }
    if let Some(word) = object.string("history")? {
        changes.push(channels::history(&word)?);
    }
    if let Some(seconds) = object.number("slow_seconds")? {
        changes.push(channels::slow(seconds)?);
    }
    Ok(changes)
}

fn whom(user: Option<String>, mask: Option<String>) -> Result<Whom, Problem> {
    match (user, mask) {
        (Some(user), None) => Ok(Whom::User(user)),
        (None, Some(mask)) => Ok(Whom::Mask(mask)),
        (None, None) => Err(Problem::field("user", "missing; give one of user and mask")),
        (Some(_), Some(_)) => Err(Problem::BadRequest(
            "give only one of user and mask".to_owned(),
        )),
    }
}

fn list(word: Option<String>) -> Result<List, Problem> {
    match word {
        None => Ok(List::Ban),
        Some(word) => Ok(channels::list(&word)?),
    }
}
