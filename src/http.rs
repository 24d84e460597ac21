//! The HTTP front that every HTTP listener has.
//!
//! It reads each request completely, under limits and a deadline, then answers with a file, hands
//! the connection over to be a WebSocket, or has the REST server behind it process the request. It
//! must never pass on a byte it has not parsed, and never wait without a limit.

mod answer;
pub mod chunked;
mod file;
mod folder;
mod handed_over;
pub mod head;
mod named_user;
mod origin;
mod proxies;
mod query;
mod refusal_page;
mod rejection;
mod relay;
mod upgrade;
mod wire;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::net::deadline::ReadEnd;
use crate::net::registry::{Permit, Refused};
use crate::net::thread;
use crate::net::transport::Transport;

use answer::Answer;
use chunked::Chunked;
pub use file::{File, FileSet, Found};
pub use folder::{Folder, Shelf};
pub use handed_over::{Serve, Then, Upgraded};
use head::{Framing, Head};
pub use named_user::{Named, NamedUser, UserHeader};
pub use origin::Origins;
pub use proxies::Proxies;
pub use query::{decode, encode, pairs};
pub use refusal_page::{Asked, HTML, RefusalPage};
pub use rejection::Rejection;
pub use relay::{RELAY_HEADER, Relayed, Relays};
pub use upgrade::{Admission, Denial, Handshake, Presented, TOKEN_PARAMETERS, Upgrades, bearer};
use wire::Wire;

/// What one listener exposes. Listeners differ in nothing else.
pub struct FrontContext {
    /// The limits on a request.
    pub limits: HttpLimits,
    /// Files answered directly; the first set that has the path wins.
    pub files: Vec<FileSet>,
    /// Files on disk, which come after those and before REST, except that at `/` they come first;
    /// the first folder that has the path wins.
    pub folders: Vec<Folder>,
    /// WebSockets, if there are any here.
    pub upgrades: Option<Arc<dyn Upgrades>>,
    /// Answers that need no other thread, if there are any.
    pub answers: Option<Answers>,
    /// The way to REST, if it is reachable here.
    pub relays: Option<Arc<Relays>>,
    /// The only REST paths reachable here, unless all are.
    pub relayed: Option<&'static [&'static str]>,
    /// Origins that may open WebSockets, besides our own.
    pub origins: Arc<Origins>,
    /// Proxies that are trusted to name the client's address.
    pub proxies: Arc<Proxies>,
    /// WebSockets allowed for one address through such a proxy; 0 is no limit.
    pub per_address: usize,
}

/// The answer for a path: status and body. Must not take long.
pub type Answers = Arc<dyn Fn(&str) -> Option<(u16, serde_json::Value)> + Send + Sync>;

/// The limits on a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HttpLimits {
    /// The longest head.
    pub head_bytes: usize,
    /// The longest body.
    pub body_bytes: usize,
    /// Time for a request to arrive completely, from its first byte or the end of the one before.
    pub arrival: Duration,
}

/// How a request ended.
enum Outcome {
    /// The next one may follow on this connection.
    Next,
    /// The connection is to be closed.
    Close,
    /// The client is gone.
    Gone,
    /// The connection is a WebSocket now, of this client.
    Upgraded(Admission, SocketAddr),
    /// The rest of the connection, of this client, is the body of the answer.
    Streams(Serve, SocketAddr),
}

/// Why a request did not arrive completely.
#[derive(Debug)]
enum Incomplete {
    /// The client went away, or never began.
    Gone,
    /// It is refused.
    Rejected(Rejection),
}

impl From<Rejection> for Incomplete {
    fn from(rejection: Rejection) -> Incomplete {
        Incomplete::Rejected(rejection)
    }
}

/// Serves one connection, which holds `permit`, until it ends or becomes a WebSocket, which has a
/// thread of its own. Runs on the connection's thread.
pub fn serve(
    transport: impl Into<Transport>,
    peer: SocketAddr,
    permit: Permit,
    context: &FrontContext,
) {
    serve_after(transport, Vec::new(), peer, permit, context);
}

/// As [`serve`], for a connection of which some bytes were read to recognise the protocol.
pub fn serve_after(
    transport: impl Into<Transport>,
    read: Vec<u8>,
    peer: SocketAddr,
    mut permit: Permit,
    context: &FrontContext,
) {
    let mut wire = Wire::new(transport.into(), context.limits.arrival);
    wire.buffer = read;
    loop {
        match exchange(&mut wire, peer, &mut permit, context) {
            Outcome::Next => {}
            Outcome::Close => return wire.close(),
            Outcome::Gone => return wire.transport.finish(),
            Outcome::Upgraded(admission, client) => {
                return hand_over("websocket", wire, client, permit, admission.run);
            }
            Outcome::Streams(serve, client) => {
                return hand_over("events", wire, client, permit, serve);
            }
        }
    }
}

/// Continues on a fresh thread with what is no HTTP, or no request any more.
fn hand_over(
    name: &'static str,
    wire: Wire,
    client: SocketAddr,
    permit: Permit,
    serve: impl FnOnce(Upgraded) + Send + 'static,
) {
    let _ = wire.transport.stream().set_write_timeout(None);
    let upgraded = Upgraded {
        transport: wire.transport,
        leftover: wire.buffer,
        peer: client,
    };
    thread::renew(name, client, move || {
        let _permit = permit;
        serve(upgraded);
    });
}

/// Tells a client that it may not connect, in the format of the request that it sends. A client
/// that sends none in the time for one is told, too.
pub fn refuse(transport: impl Into<Transport>, why: Refused, limits: HttpLimits) {
    let mut wire = Wire::new(transport.into(), limits.arrival);
    let head = read_head(&mut wire, limits, Instant::now() + limits.arrival).ok();
    match turn_away(&mut wire, Rejection::Refused(why).into(), head.as_ref()) {
        Outcome::Gone => wire.transport.finish(),
        _ => wire.close(),
    }
}

/// One request and its answer.
fn exchange(
    wire: &mut Wire,
    peer: SocketAddr,
    permit: &mut Permit,
    context: &FrontContext,
) -> Outcome {
    let limits = context.limits;
    let deadline = Instant::now() + limits.arrival;
    let head = match read_head(wire, limits, deadline) {
        Ok(head) => head,
        Err(incomplete) => return turn_away(wire, incomplete, None),
    };
    let client = context.proxies.client(peer, &head);
    if let Some(upgrades) = context.upgrades.as_deref()
        && upgrade::is_asked_for(&head)
    {
        let admitted = upgrade::shake_hands(&head, client, &context.origins, upgrades);
        let admitted = admitted.and_then(|admitted| {
            // The proxy's own address says nothing about how many connections a client has.
            let moved = match client.ip() == peer.ip() {
                true => Ok(()),
                false => permit.move_to(client.ip(), context.per_address),
            };
            moved.map(|()| admitted).map_err(Rejection::Refused)
        });
        return match admitted {
            Ok((switching, admission)) => match wire.write(&switching) {
                Ok(()) => Outcome::Upgraded(admission, client),
                Err(wire::WriteFailed) => Outcome::Gone,
            },
            Err(rejection) => turn_away(wire, rejection.into(), Some(&head)),
        };
    }
    let answer = read_body(wire, &head, limits, deadline).and_then(|body| {
        let named = context.proxies.named(peer, &head);
        let from = (client, named);
        carry_out(&head, &body, wire, from, context).map_err(Incomplete::Rejected)
    });
    match answer {
        Ok(mut answer) => match answer.serve.take() {
            None => send(wire, answer, head.keep_alive),
            Some(serve) => stream(wire, answer, serve, (peer, client), (permit, context)),
        },
        Err(incomplete) => turn_away(wire, incomplete, Some(&head)),
    }
}

/// Sends the head of an answer that does not end before its connection.
fn stream(
    wire: &mut Wire,
    answer: Answer,
    serve: Serve,
    (peer, client): (SocketAddr, SocketAddr),
    (permit, context): (&mut Permit, &FrontContext),
) -> Outcome {
    if client.ip() != peer.ip()
        && let Err(refused) = permit.move_to(client.ip(), context.per_address)
    {
        return turn_away(wire, Rejection::Refused(refused).into(), None);
    }
    match wire.write(&answer.head_of_stream()) {
        Ok(()) => Outcome::Streams(serve, client),
        Err(wire::WriteFailed) => Outcome::Gone,
    }
}

fn carry_out(
    head: &Head,
    body: &[u8],
    wire: &Wire,
    from: (SocketAddr, Named),
    context: &FrontContext,
) -> Result<Answer, Rejection> {
    let of_folder = || {
        context
            .folders
            .iter()
            .find_map(|folder| folder.answer(head))
    };
    if head.path == "/"
        && let Some(start_page) = of_folder()
    {
        return start_page;
    }
    let file = context.files.iter().find_map(|set| set(&head.path));
    if let Some(file) = file {
        return file.answer(head);
    }
    let upgrades = context.upgrades.as_deref();
    if upgrades.is_some_and(|upgrades| upgrades.is_at(&head.path)) {
        return Err(Rejection::NotUpgraded);
    }
    let known = context.answers.as_ref();
    let path = one_slash_less(&head.path);
    if let Some((status, body)) = known.and_then(|answers| answers(path)) {
        return answer_known(status, &body, head);
    }
    if let Some(answer) = of_folder() {
        return answer;
    }
    if let Some(relayed) = context.relayed
        && !relayed.contains(&path)
    {
        return Err(Rejection::NotFound);
    }
    let relays = context.relays.as_ref().ok_or(Rejection::NotFound)?;
    relays.relay(head, body, wire.transport.stream(), from)
}

/// An answer in JSON, open to every client that can connect.
fn answer_known(status: u16, body: &serde_json::Value, head: &Head) -> Result<Answer, Rejection> {
    if !matches!(head.method.as_str(), "GET" | "HEAD") {
        return Err(Rejection::ReadOnly);
    }
    let body = format!("{body}\n").into_bytes();
    let answer = Answer::new(status)
        .with("Content-Type", "application/json")
        .with("Cache-Control", "no-store")
        .with("Access-Control-Allow-Origin", "*");
    let answer = match status {
        503 => answer.with("Retry-After", "1"),
        _ => answer,
    };
    Ok(match head.is_head() {
        true => answer.without_body(body.len()),
        false => answer.with_body(body),
    })
}

/// A path as it is looked up: a slash at its end is one too many, on every
/// listener.
pub fn one_slash_less(path: &str) -> &str {
    path.strip_suffix('/')
        .filter(|path| !path.is_empty())
        .unwrap_or(path)
}

fn read_head(wire: &mut Wire, limits: HttpLimits, deadline: Instant) -> Result<Head, Incomplete> {
    let mut seen = 0;
    loop {
        // A head ends with a line break: without one in the new bytes there is nothing to parse, so
        // a client that sends single bytes does not cause a parse for each.
        let new = wire.buffer.get(seen..).unwrap_or_default();
        let is_worth_it = seen == 0 || new.contains(&b'\n') || is_over(wire, limits);
        if !new.is_empty()
            && is_worth_it
            && let Some((head, length)) = Head::parse(&wire.buffer, limits.head_bytes)?
        {
            wire.take(length);
            return Ok(head);
        }
        seen = wire.buffer.len();
        match wire.fill(deadline) {
            Ok(()) => {}
            Err(ReadEnd::Gone) => return Err(Incomplete::Gone),
            // An idle connection is no error.
            Err(ReadEnd::TimedOut) if wire.buffer.is_empty() => return Err(Incomplete::Gone),
            Err(ReadEnd::TimedOut) => return Err(too_slow(limits)),
        }
    }
}

fn is_over(wire: &Wire, limits: HttpLimits) -> bool {
    wire.buffer.len() >= limits.head_bytes
}

fn read_body(
    wire: &mut Wire,
    head: &Head,
    limits: HttpLimits,
    deadline: Instant,
) -> Result<Vec<u8>, Incomplete> {
    match head.framing {
        Framing::Empty => return Ok(Vec::new()),
        Framing::Length(length) if length > limits.body_bytes => {
            return Err(Rejection::BodyTooLarge(limits.body_bytes).into());
        }
        Framing::Length(_) | Framing::Chunked => {}
    }
    if head.expects_continue && wire.buffer.is_empty() {
        let go_on = wire.write(b"HTTP/1.1 100 Continue\r\n\r\n");
        go_on.map_err(|wire::WriteFailed| Incomplete::Gone)?;
    }
    let mut chunked = Chunked::new(limits.body_bytes);
    loop {
        match head.framing {
            Framing::Length(length) if wire.buffer.len() < length => {}
            Framing::Length(length) => return Ok(wire.take(length)),
            _ => {
                if let Some(body) = chunked.feed(&mut wire.buffer)? {
                    return Ok(body);
                }
            }
        }
        match wire.fill(deadline) {
            Ok(()) => {}
            Err(ReadEnd::Gone) => return Err(Incomplete::Gone),
            Err(ReadEnd::TimedOut) => return Err(too_slow(limits)),
        }
    }
}

fn too_slow(limits: HttpLimits) -> Incomplete {
    Rejection::TooSlow(limits.arrival).into()
}

/// Answers a request that is refused; `head` is as much of it as was read.
fn turn_away(wire: &mut Wire, incomplete: Incomplete, head: Option<&Head>) -> Outcome {
    let Incomplete::Rejected(rejection) = incomplete else {
        return Outcome::Gone;
    };
    let answer = rejection.answer(head.map(|head| Asked {
        method: &head.method,
        path: &head.path,
        accept: head.field("accept"),
    }));
    let answer = match head.is_some_and(Head::is_head) {
        true => {
            let length = answer.body.len();
            answer.without_body(length)
        }
        false => answer,
    };
    send(wire, answer, false)
}

fn send(wire: &mut Wire, mut answer: Answer, keep_alive: bool) -> Outcome {
    /// Bodies up to this size are sent together with their head.
    const TOGETHER: usize = 16 * 1024;
    let mut head = answer.head(keep_alive);
    let sent = if let Some((file, length)) = answer.file.take() {
        wire.write(&head)
            .and_then(|()| wire.write_file(file, length))
    } else if answer.body.len() <= TOGETHER {
        head.extend_from_slice(&answer.body);
        wire.write(&head)
    } else {
        wire.write(&head).and_then(|()| wire.write(&answer.body))
    };
    match sent {
        Err(wire::WriteFailed) => Outcome::Gone,
        Ok(()) if keep_alive => Outcome::Next,
        Ok(()) => Outcome::Close,
    }
}
