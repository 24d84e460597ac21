//! Administration over gRPC: what REST's `/admin` does, and a live tail of the log. Parses
//! requests, words refusals, and leaves the actions to [`Administration`].

use std::num::NonZeroUsize;
use std::pin::Pin;
use std::sync::Arc;

use futures_util::stream::{self, Stream};
use hyper::http::{Request as HttpRequest, header::AUTHORIZATION};
use serde::Deserialize;
use serde_json::value::RawValue;
use tonic::{Request, Response, Status};

use crate::admin::{self, Actor, Administration, BansFailed, MAX_LISTED, USUALLY_LISTED};
use crate::admin::{Doors, NotGranted};
use crate::chatlog::{ChatLog, MAX_LIMIT, Page, Query, SearchError};
use crate::http::bearer;
use crate::hub::{self, BanTarget, Listed, Place};
use crate::model::time::{from_rfc3339, unix_ms};
use crate::model::{Kind, Name, Power};
use crate::nodes::Node;
use crate::turn::{self, HubHandle, HubUnavailable, Input};

use super::blocking::Blocking;
use super::channels::{self, shown};
use super::failed::{actor, busy, check_scope, field, grant};
use super::places::Places;
use super::proto::admin as proto;
use super::proto::admin::admin_server::{Admin, AdminServer};
use super::proto::admin::channels_server::ChannelsServer;
use super::routes::{Caller, Guard, Routes};
use super::tail::{TOKEN_OVER, Tail, Wanted};

/// The service's name.
pub const NAME: &str = "chat.admin.v1.Admin";
/// The most tails at once, in all.
const TAILS: usize = 32;

/// Administration over gRPC. Clones are the same service.
#[derive(Clone)]
pub struct AdminService(Arc<Calls>);

/// The parts it works with.
pub struct AdminParts {
    /// The administrators' actions.
    pub admin: Arc<Administration>,
    /// Lets administrators and programs in.
    pub doors: Arc<Doors>,
    /// The hub.
    pub hub: HubHandle,
    /// The chat log, for searching.
    pub log: ChatLog,
    /// Returns the servers of this chat.
    pub nodes: Arc<dyn Fn() -> Vec<Node> + Send + Sync>,
}

impl AdminService {
    /// Brings the parts together.
    pub fn new(parts: AdminParts) -> AdminService {
        AdminService(Arc::new(Calls {
            parts,
            blocking: Blocking::default(),
            tails: Places::new(TAILS),
        }))
    }

    /// Adds the service to a server.
    pub fn add(&self, routes: Routes, message_bytes: usize) -> Routes {
        let guard = || -> Guard {
            let calls = self.0.clone();
            Box::new(move |request| authorise(request, &calls.parts.doors, &calls.parts.admin))
        };
        let service = AdminServer::from_arc(self.0.clone());
        let routes = routes.with_guarded(guard(), service.max_decoding_message_size(message_bytes));
        let channels = channels::Calls::new(self.0.parts.admin.clone(), self.0.blocking.clone());
        let service = ChannelsServer::new(channels);
        routes.with_guarded(guard(), service.max_decoding_message_size(message_bytes))
    }
}

/// What a call needs at least, by the name of its method.
fn needed(path: &str) -> Power {
    match path.rsplit('/').next().unwrap_or_default() {
        "Announce" => Power::Announce,
        "SearchLog" | "TailLog" => Power::Log,
        "ListUsers" | "Kick" | "ListChannels" | "ListNodes" => Power::Users,
        "ListBans" | "AddBan" | "RemoveBan" => Power::Bans,
        // A hold binds those who moderate, too.
        "SetKeeping" => Power::All,
        _ if path.contains(channels::NAME) => Power::Moderate,
        _ => Power::All,
    }
}

fn authorise<B>(
    request: &mut HttpRequest<B>,
    doors: &Doors,
    admin: &Administration,
) -> Result<(), Status> {
    let caller = request.extensions().get::<Caller>();
    let caller = caller.ok_or_else(|| Status::internal("the call names no caller"))?;
    let Some(given) = request.headers().get(AUTHORIZATION) else {
        return Err(Status::unauthenticated(
            "this needs the metadata authorization: Bearer <token>: the admin token, of which the \
             server says at its start where it is, the token of a program, or that of an account \
             with a role",
        ));
    };
    // A missing token counts as a wrong one.
    let given = given.to_str().ok().and_then(bearer).unwrap_or_default();
    let power = needed(request.uri().path());
    match doors.admit(given, power, caller.address.ip()) {
        Ok(grant) => {
            check_scope(&grant, power, None)?;
            request.extensions_mut().insert(grant);
            Ok(())
        }
        Err(NotGranted::Wrong) => {
            let wanted = format!("gRPC {}", request.uri().path().escape_debug());
            admin.refused(Actor::at(caller.address), &wanted);
            Err(Status::unauthenticated(NotGranted::Wrong.to_string()))
        }
        Err(refused @ NotGranted::Over(_)) => Err(Status::unauthenticated(refused.to_string())),
        Err(refused @ NotGranted::NoRole(_)) => Err(Status::permission_denied(refused.to_string())),
        Err(refused @ NotGranted::Unavailable) => Err(Status::unavailable(refused.to_string())),
        // Not recorded, because a caller could fill the disk that way.
        Err(refused) => {
            let mut status = Status::resource_exhausted(refused.to_string());
            if let Some(seconds) = refused.retry_seconds() {
                status.metadata_mut().insert("retry-after", seconds.into());
            }
            Err(status)
        }
    }
}

/// The calls of the service.
struct Calls {
    parts: AdminParts,
    blocking: Blocking,
    tails: Places,
}

impl Calls {
    /// Runs a call that asks the hub.
    async fn ask<T: Send + 'static>(
        &self,
        ask: impl FnOnce(&HubHandle) -> Result<T, HubUnavailable> + Send + 'static,
    ) -> Result<T, Status> {
        let hub = self.parts.hub.clone();
        self.blocking.run(move |_| ask(&hub).map_err(busy)).await
    }

    /// Runs a call that changes something.
    async fn act<T: Send + 'static>(
        &self,
        act: impl FnOnce(&Administration) -> Result<T, Status> + Send + 'static,
    ) -> Result<T, Status> {
        let admin = self.parts.admin.clone();
        self.blocking.run(move |_| act(&admin)).await
    }
}

type Streamed<T> = Pin<Box<dyn Stream<Item = Result<T, Status>> + Send>>;

#[tonic::async_trait]
impl Admin for Calls {
    type SearchLogStream = Streamed<proto::SearchLogResponse>;
    type TailLogStream = Streamed<proto::TailLogResponse>;

    async fn announce(
        &self,
        request: Request<proto::AnnounceRequest>,
    ) -> Result<Response<proto::AnnounceResponse>, Status> {
        let actor = actor(&request)?;
        let message = request.into_inner().message;
        let told = self.act(move |admin| {
            let text = admin.text(&message).map_err(|why| field("message", why))?;
            admin.announce(actor, text).map_err(busy)
        });
        let delivered_to = told.await? as u64;
        Ok(Response::new(proto::AnnounceResponse { delivered_to }))
    }

    async fn search_log(
        &self,
        request: Request<proto::SearchLogRequest>,
    ) -> Result<Response<Self::SearchLogStream>, Status> {
        let without_private = !grant(&request)?.allows(Power::Private, None);
        let query = Query {
            without_private,
            ..query(request.into_inner())?
        };
        let log = self.parts.log.clone();
        let page = self
            .blocking
            .run(move |cancel| log.search(&query, cancel).map_err(search_failed))
            .await?;
        Ok(Response::new(Box::pin(stream::iter(found(page)))))
    }

    async fn tail_log(
        &self,
        request: Request<proto::TailLogRequest>,
    ) -> Result<Response<Self::TailLogStream>, Status> {
        let (grant, peer) = (grant(&request)?.clone(), Caller::of(&request)?.address.ip());
        let without_private = !grant.allows(Power::Private, None);
        let wanted = Wanted {
            without_private,
            ..wanted(request.into_inner())?
        };
        let place = self.tails.take().ok_or_else(|| {
            Status::resource_exhausted(format!("there are {TAILS} tails already"))
        })?;
        let (tail, mut watcher) = Tail::new(wanted, place);
        for (token, end) in grant.ends_with() {
            watcher = watcher.with_token(token, end);
        }
        // On a thread of its own, because the hub's queue may be full.
        let begin = self.ask(move |hub| hub.send(Input::Watch(watcher)));
        begin.await?;
        // Asked once the hub knows the watch: a token that was removed before would never end it.
        let doors = self.parts.doors.clone();
        let is_good = (self.blocking).run(move |_| Ok(doors.is_still_good(&grant, peer)));
        match is_good.await? {
            Ok(true) => {}
            Ok(false) => return Err(Status::unauthenticated(TOKEN_OVER)),
            Err(refused) => return Err(Status::unavailable(refused.to_string())),
        }
        Ok(Response::new(Box::pin(tail)))
    }

    async fn list_users(
        &self,
        request: Request<proto::ListUsersRequest>,
    ) -> Result<Response<proto::ListUsersResponse>, Status> {
        let wanted = listed(&request.into_inner())?;
        let people = self.act(move |admin| admin.people(wanted).map_err(busy));
        let people = people.await?;
        let users = people.list.into_iter().map(user).collect();
        let more = people.more;
        Ok(Response::new(proto::ListUsersResponse { users, more }))
    }

    async fn list_channels(
        &self,
        request: Request<proto::ListChannelsRequest>,
    ) -> Result<Response<proto::ListChannelsResponse>, Status> {
        let request = request.into_inner();
        let after = Some(request.after.as_str()).filter(|after| !after.is_empty());
        let after = after.map(Name::parse_channel).transpose();
        let after = after.map_err(|error| field("after", error))?;
        let limit = limit(request.limit)?;
        let channels = self.act(move |admin| admin.channels(after, limit).map_err(busy));
        let (channels, more) = channels.await?;
        let channels = channels.into_iter().map(shown::short).collect();
        Ok(Response::new(proto::ListChannelsResponse {
            channels,
            more,
        }))
    }

    async fn kick(
        &self,
        request: Request<proto::KickRequest>,
    ) -> Result<Response<proto::KickResponse>, Status> {
        let actor = actor(&request)?;
        let request = request.into_inner();
        let name = nickname(&request.nickname)?;
        let kicked = self.act(move |admin| {
            let reason = admin.reason(request.reason.as_deref());
            let reason = reason.map_err(|why| field("reason", why))?;
            match admin.kick(actor, &name, reason).map_err(busy)? {
                0 => Err(Status::not_found(format!(
                    "no user called {name} is online"
                ))),
                count => Ok(count as u64),
            }
        });
        let disconnected = kicked.await?;
        Ok(Response::new(proto::KickResponse { disconnected }))
    }

    async fn list_bans(
        &self,
        _request: Request<proto::ListBansRequest>,
    ) -> Result<Response<proto::ListBansResponse>, Status> {
        let bans = self.act(|admin| admin.bans().map_err(busy)).await?;
        let bans = bans.into_iter().map(ban).collect();
        Ok(Response::new(proto::ListBansResponse { bans }))
    }

    async fn add_ban(
        &self,
        request: Request<proto::AddBanRequest>,
    ) -> Result<Response<proto::Ban>, Status> {
        let actor = actor(&request)?;
        let request = request.into_inner();
        let target = match &request.target {
            Some(proto::add_ban_request::Target::Nickname(raw)) => {
                BanTarget::Nickname(nickname(raw)?)
            }
            Some(proto::add_ban_request::Target::Address(raw)) => {
                let net = admin::network(raw).ok_or_else(|| {
                    let why = "must be an address such as 192.0.2.7 or a network such as \
                               192.0.2.0/24";
                    field("address", why)
                })?;
                BanTarget::network(net)
            }
            None => return Err(field("target", "missing; give a nickname or an address")),
        };
        let expires_ms = request.expires_in_seconds.map(expiry).transpose()?;
        let made = self.act(move |admin| {
            let reason = admin.reason(request.reason.as_deref());
            let reason = reason.map_err(|why| field("reason", why))?;
            let made = admin.ban(actor, target, reason, expires_ms);
            made.map_err(bans_failed)
        });
        Ok(Response::new(ban(made.await?)))
    }

    async fn remove_ban(
        &self,
        request: Request<proto::RemoveBanRequest>,
    ) -> Result<Response<proto::RemoveBanResponse>, Status> {
        let actor = actor(&request)?;
        let id = request.into_inner().id;
        let lifted = self.act(move |admin| admin.unban(actor, id).map_err(bans_failed));
        lifted.await?;
        Ok(Response::new(proto::RemoveBanResponse {}))
    }

    async fn list_nodes(
        &self,
        _request: Request<proto::ListNodesRequest>,
    ) -> Result<Response<proto::ListNodesResponse>, Status> {
        let nodes = (self.parts.nodes)().into_iter().map(|node| proto::Node {
            id: node.id,
            address: node.address,
            connections: node.connections,
            capacity: node.capacity,
            last_heartbeat_ms: node.last_heartbeat_ms,
        });
        let nodes = nodes.collect();
        Ok(Response::new(proto::ListNodesResponse { nodes }))
    }
}

fn bans_failed(failed: BansFailed) -> Status {
    match failed {
        BansFailed::Hub => busy(HubUnavailable),
        BansFailed::CannotAgree => Status::unavailable(BansFailed::CANNOT_AGREE),
        BansFailed::Refused(error) => Status::resource_exhausted(error.to_string()),
        BansFailed::NoSuchBan(id) => Status::not_found(format!("there is no ban {id}")),
        BansFailed::NotSaved(why) => Status::internal(format!(
            "done, but it will not survive a restart: the bans could not be saved: {why}"
        )),
    }
}

fn search_failed(error: SearchError) -> Status {
    match error {
        SearchError::Pattern(error) => field("pattern", error),
        SearchError::Nick(error) => field("nick", error),
        SearchError::Channel(error) => field("channel", error),
        SearchError::Busy => Status::resource_exhausted(
            "other searches of the chat log are still running; try again in a moment",
        ),
        SearchError::Cancelled => Status::cancelled("the client has gone"),
        SearchError::Io { .. } => Status::unavailable(error.to_string()),
    }
}

fn nickname(raw: &str) -> Result<Name, Status> {
    Name::parse_nickname(raw).map_err(|error| field("nickname", error))
}

fn names(names: &[Name]) -> Vec<String> {
    names.iter().map(Name::to_string).collect()
}

fn listed(request: &proto::ListUsersRequest) -> Result<turn::Wanted, Status> {
    let after = match request.after.as_str() {
        "" => None,
        raw => {
            let name = Name::parse_nickname(raw);
            let bad = |error| Status::invalid_argument(format!("after: {error}"));
            Some(name.map_err(bad)?)
        }
    };
    Ok(turn::Wanted {
        here: request.here,
        after,
        limit: limit(request.limit)?,
    })
}

/// The number of entries to list.
fn limit(wanted: u32) -> Result<usize, Status> {
    match wanted as usize {
        0 => Ok(USUALLY_LISTED),
        limit if limit <= MAX_LISTED => Ok(limit),
        _ => Err(field("limit", format!("must be at most {MAX_LISTED}"))),
    }
}

fn user((listed, node): (Listed, Option<String>)) -> proto::User {
    let address = listed.address();
    let user = proto::User {
        nickname: listed.nickname.to_string(),
        channels: names(&listed.channels),
        bot: listed.is_bot,
        node: node.unwrap_or_default(),
        ..proto::User::default()
    };
    match listed.place {
        Place::Elsewhere(_) => user,
        Place::Here {
            protocol, since_ms, ..
        } => proto::User {
            address: address.map(crate::model::peer::written).unwrap_or_default(),
            protocol: protocol.to_owned(),
            since_ms,
            ..user
        },
    }
}

fn ban(ban: hub::Ban) -> proto::Ban {
    proto::Ban {
        id: ban.id,
        target: Some(match ban.target {
            BanTarget::Nickname(name) => proto::ban::Target::Nickname(name.to_string()),
            BanTarget::Address(net) => proto::ban::Target::Address(admin::shown(net)),
        }),
        reason: ban.reason.map(|reason| reason.to_string()),
        created_ms: ban.created_ms,
        expires_ms: ban.expires_ms,
    }
}

/// When a ban of this many seconds ends.
fn expiry(seconds: u64) -> Result<u64, Status> {
    const FAR: u64 = 1000 * 365 * 24 * 3600;
    match seconds {
        0 => Err(field("expires_in_seconds", "must be in the future")),
        1..=FAR => Ok(unix_ms() + seconds * 1000),
        _ => Err(field("expires_in_seconds", "too far away")),
    }
}

fn kind(word: &str) -> Result<Kind, Status> {
    Kind::from_word(word).ok_or_else(|| {
        let words = Kind::ALL.map(Kind::word).join(", ");
        field("kind", format!("must be one of {words}"))
    })
}

fn query(request: proto::SearchLogRequest) -> Result<Query, Status> {
    let limit = request.limit.map(|limit| {
        let limit = NonZeroUsize::new(limit as usize).filter(|limit| limit.get() <= MAX_LIMIT);
        limit.ok_or_else(|| field("limit", format!("must be a number from 1 to {MAX_LIMIT}")))
    });
    let cursor = request.cursor.map(|cursor| {
        let why = "must be the next_cursor of an earlier answer";
        cursor.parse().map_err(|_| field("cursor", why))
    });
    Ok(Query {
        pattern: request.pattern.filter(|pattern| !pattern.is_empty()),
        kind: request.kind.as_deref().map(kind).transpose()?,
        said: false,
        without_private: false,
        nick: request.nick,
        channel: request.channel,
        since: request.since_ms,
        until: request.until_ms,
        limit: limit.transpose()?,
        cursor: cursor.transpose()?,
    })
}

fn wanted(request: proto::TailLogRequest) -> Result<Wanted, Status> {
    let channel = request.channel.as_deref().map(Name::parse_channel);
    Ok(Wanted {
        without_private: false,
        kinds: request
            .kinds
            .iter()
            .map(|word| kind(word))
            .collect::<Result<_, _>>()?,
        nick: request.nick.as_deref().map(nickname).transpose()?,
        channel: channel
            .transpose()
            .map_err(|error| field("channel", error))?,
    })
}

/// A line of the log, as it is stored.
#[derive(Deserialize)]
struct Line {
    at: String,
    kind: String,
    id: Option<String>,
    nick: Option<String>,
    channel: Option<String>,
    to: Option<String>,
    address: Option<String>,
    protocol: Option<String>,
    text: Option<String>,
}

fn found(page: Page) -> impl Iterator<Item = Result<proto::SearchLogResponse, Status>> {
    use proto::search_log_response::Item;
    let end = proto::SearchEnd {
        next_cursor: page.next.map(|cursor| cursor.to_string()),
        timed_out: page.timed_out,
    };
    let entries = page.lines.into_iter().filter_map(|line| entry(&line));
    let items = entries.map(Item::Entry).chain([Item::End(end)]);
    items.map(|item| Ok(proto::SearchLogResponse { item: Some(item) }))
}

fn entry(line: &RawValue) -> Option<proto::LogEntry> {
    let line: Line = serde_json::from_str(line.get()).ok()?;
    Some(proto::LogEntry {
        at_ms: from_rfc3339(&line.at)?,
        kind: line.kind,
        id: line.id,
        nick: line.nick,
        channel: line.channel,
        to: line.to,
        address: line.address,
        protocol: line.protocol,
        text: line.text,
    })
}
