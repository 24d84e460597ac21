//! `/api/inbox`, `/api/thread` and the WebSocket beside them: messages
//! between accounts.

use serde::Serialize;
use tiny_http::Method;
use utoipa::ToSchema;

use crate::envelope::{Envelope, Failure, Nothing, PER_PAGE};
use crate::hub::Private;
use crate::model::{Account, Conversation, Message, MessageId, Name, ThreadSummary, Window};
use crate::protocol::direct::DirectMessage;

use super::call::Call;
use super::problem::Problem;
use super::reply::{Reply, rfc3339};
use super::route::{Access, Route};

/// How often an inbox is read while its newest messages are being deleted.
const READINGS: usize = 3;

pub(super) const ROUTES: &[Route] = &[
    Route {
        method: Method::Get,
        path: "/api/inbox",
        access: Access::Account,
        query: &["page", "token", "access_token"],
        run: inbox,
    },
    Route {
        method: Method::Get,
        path: "/api/thread/{username}",
        access: Access::Account,
        query: &["page", "token", "access_token"],
        run: thread,
    },
    Route {
        method: Method::Post,
        path: "/api/thread/{username}/read",
        access: Access::Account,
        query: &["token", "access_token"],
        run: mark_read,
    },
    Route {
        method: Method::Get,
        path: "/api/ws",
        access: Access::Everyone,
        query: &["token", "access_token"],
        run: not_upgraded,
    },
];

/// One thread of the inbox.
#[derive(Serialize, ToSchema)]
struct Thread {
    /// The other account's username, also if it wrote last.
    author_username: String,
    /// When the newest message was written.
    #[schema(format = DateTime)]
    created_at: String,
    /// The text of the newest message; empty if the account ignores its author.
    latest_message: String,
    /// The author of the newest message.
    latest_author: String,
    /// The id of the newest message.
    id: String,
    /// Unread messages from the other account; none if it is ignored.
    unread: u64,
}

/// The position up to which a thread has been read.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes the body; the field is read by name")]
struct Read {
    /// The last message read; without it, all of them.
    up_to: Option<String>,
}

impl Thread {
    /// Messages from ignored accounts are not shown as new.
    fn of(summary: &ThreadSummary, ignored: &[Name]) -> Thread {
        let is_ignored = ignored.contains(&summary.peer_name);
        let is_shown = !is_ignored || summary.latest.author != summary.peer_name;
        let latest = is_shown.then(|| summary.latest.body.text.to_string());
        Thread {
            author_username: summary.peer_name.to_string(),
            created_at: rfc3339(summary.latest.at_ms),
            latest_message: latest.unwrap_or_default(),
            latest_author: summary.latest.author.to_string(),
            id: summary.latest.id.to_string(),
            unread: if is_ignored { 0 } else { summary.unread },
        }
    }
}

/// Lists the threads of the account, newest first.
#[utoipa::path(
    get, path = "/api/inbox", tag = "messages", security(("account_token" = [])),
    params(
        ("page" = Option<u64>, Query, description = "From 1; ten threads a page"),
        ("token" = Option<String>, Query, description = "The JWT, instead of a header"),
        ("access_token" = Option<String>, Query, description = "The same by another name"),
    ),
    responses(
        (status = 200, description = "Threads", body = Envelope<Thread>),
        (status = 401, description = "Unauthenticated", body = Envelope<Nothing>),
    ),
)]
pub(super) fn inbox(call: &Call<'_>) -> Result<Reply, Problem> {
    let (account, _) = call.signer()?;
    let page = page(call);
    let summaries = summaries(call, account, page)?;
    let threads = summaries.iter();
    let threads = threads.map(|summary| Thread::of(summary, &account.ignored));
    let threads = threads.collect();
    Ok(Reply::enveloped(&Envelope::page(page, threads)))
}

/// Reads the threads of an account as they are now. If a newest message is deleted meanwhile the
/// one before it is shown, so they are read again, but not for as long as that goes on.
fn summaries(call: &Call<'_>, account: &Account, page: u64) -> Result<Vec<ThreadSummary>, Problem> {
    let hub = &call.context.hub;
    let mut summaries = Vec::new();
    for _ in 0..READINGS {
        let changes = hub.changes()?;
        let read = call.question(|store| store.inbox(account.id, page, PER_PAGE))?;
        let (mended, is_as_now) = hub.ask(move |hub, _, _| {
            let mut read = read;
            let seen = hub.mend_read(changes, read.iter_mut().map(|it| &mut it.latest));
            let is_deleted = read.iter().any(|it| it.latest.body.is_deleted());
            (read, !seen.is_stale() && !is_deleted)
        })?;
        summaries = mended;
        if is_as_now {
            break;
        }
    }
    Ok(summaries)
}

/// Lists the messages of a thread, newest first.
///
/// Requesting the first page marks the thread as read.
#[utoipa::path(
    get, path = "/api/thread/{username}", tag = "messages", security(("account_token" = [])),
    params(
        ("username" = String, Path, description = "In any spelling"),
        ("page" = Option<u64>, Query, description = "From 1; ten messages a page"),
        ("token" = Option<String>, Query, description = "The JWT, instead of a header"),
        ("access_token" = Option<String>, Query, description = "The same by another name"),
    ),
    responses(
        (status = 200, description = "Messages", body = Envelope<DirectMessage>),
        (status = 400, description = "User error: no such user",
         body = Envelope<Nothing>),
        (status = 401, description = "Unauthenticated", body = Envelope<Nothing>),
    ),
)]
pub(super) fn thread(call: &Call<'_>) -> Result<Reply, Problem> {
    let (account, _) = call.signer()?;
    let page = page(call);
    let peer = peer(call)?;
    let conversation = Conversation::Thread(account.id, peer.id);
    let changes = call.context.hub.changes()?;
    let messages = call.question(|store| {
        let history = store.history(&conversation, Window::Page(page), PER_PAGE)?;
        let mut messages = history.messages;
        messages.retain(|message| !message.body.is_deleted());
        messages.reverse();
        if page == 1
            && !call.is_head
            && let Some(newest) = messages.first()
            && let Err(error) = store.mark_read(account.id, peer.id, newest.id)
        {
            // Reading works even while nothing can be written.
            error.log("it could not be stored that a thread was read");
        }
        Ok(messages)
    })?;
    let (messages, _) = call.context.hub.mend(changes, messages)?;
    let messages = messages.into_iter();
    let messages: Vec<Private> = messages.map(|m| private(m, account, &peer)).collect();
    let messages = messages.iter().map(DirectMessage::of).collect();
    Ok(Reply::enveloped(&Envelope::page(page, messages)))
}

/// Marks a thread as read, for clients that received the messages over the WebSocket.
#[utoipa::path(
    post, path = "/api/thread/{username}/read", tag = "messages",
    security(("account_token" = [])),
    params(
        ("username" = String, Path, description = "In any spelling"),
        ("token" = Option<String>, Query, description = "The JWT, instead of a header"),
        ("access_token" = Option<String>, Query, description = "The same by another name"),
    ),
    request_body(content(
        (Read = "application/x-www-form-urlencoded"), (Read = "application/json"),
    )),
    responses(
        (status = 200, description = "Noted", body = Envelope<Nothing>),
        (status = 400, description = "Form error: not an id; User error: no such user",
         body = Envelope<Nothing>),
        (status = 401, description = "Unauthenticated", body = Envelope<Nothing>),
    ),
)]
pub(super) fn mark_read(call: &Call<'_>) -> Result<Reply, Problem> {
    let (account, _) = call.signer()?;
    let peer = peer(call)?;
    let form = call.form()?;
    let up_to = match form.get("up_to") {
        "" => MessageId {
            ms: u64::MAX,
            sequence: u64::MAX,
        },
        raw => raw
            .parse()
            .map_err(|_| Problem::field("up_to", "is not the id of a message"))?,
    };
    call.question(|store| store.mark_read(account.id, peer.id, up_to))?;
    Ok(Reply::enveloped(&Envelope::<Nothing>::of(Vec::new())))
}

/// Delivers direct messages as they come: a WebSocket.
///
/// The token may also be offered as a subprotocol. Frames are JSON objects: `{"recipient",
/// "message"}` from the client, with `reply_to`, `edit`, `delete` or `react` and a message's id for what
/// is to become of it; messages and, with status `fail`, envelopes from the server.
#[utoipa::path(
    get, path = "/api/ws", tag = "messages",
    params(
        ("token" = Option<String>, Query, description = "The JWT, instead of a header"),
        ("access_token" = Option<String>, Query, description = "The same by another name"),
    ),
    responses(
        (status = 101, description = "Frames follow", body = DirectMessage),
        (status = 401, description = "Unauthenticated", body = Envelope<Nothing>),
        (status = 426, description = "Not a WebSocket's handshake", body = Envelope<Nothing>),
    ),
)]
pub(super) fn not_upgraded(_: &Call<'_>) -> Result<Reply, Problem> {
    let failure = Failure::new(426, "this is a WebSocket, and needs its handshake");
    let reply = Problem::from(failure).reply_in_envelope();
    Ok(reply.with("Upgrade", "websocket"))
}

/// The page asked for; the first, if the parameter is not a page. Older clients count from 0, or
/// send whatever is in an input field; the answer says which page it is.
fn page(call: &Call<'_>) -> u64 {
    let page = call.query.get("page").and_then(|raw| raw.parse().ok());
    page.filter(|page| *page >= 1).unwrap_or(1)
}

/// The other account of the thread.
fn peer(call: &Call<'_>) -> Result<Account, Problem> {
    let nobody = || Problem::from(Failure::unknown_user("username", "there is no such user"));
    let raw = call.argument();
    let name = Name::parse_nickname(raw).map_err(|_| nobody())?;
    let found = call.context.accounts.find(call.asker(), &name);
    let found = found.map_err(|error| Problem::store(&error))?;
    found.ok_or_else(nobody)
}

/// A message of the thread between two accounts.
fn private(message: Message, own: &Account, peer: &Account) -> Private {
    let to = match message.place.account() == Some(own.id) {
        true => &peer.username,
        false => &own.username,
    };
    Private {
        id: message.id,
        at_ms: message.at_ms,
        from: message.author,
        to: to.clone(),
        body: message.body,
    }
}
