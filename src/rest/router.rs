//! Finds the handler for a request.

use std::net::Ipv4Addr;

use tiny_http::{Method, Request};

use crate::account::SignatureError;
use crate::admin::{Actor, Grant, NotGranted};
use crate::envelope;
use crate::fair::Asker;
use crate::http::{
    Asked, RELAY_HEADER, RefusalPage, Relayed, Relays, TOKEN_PARAMETERS, bearer, decode,
};
use crate::model::program::PREFIX;
use crate::model::{Account, Name, Power, Token};

use super::call::Call;
use super::problem::Problem;
use super::query::Query;
use super::reply::Reply;
use super::route::{Access, Families, Route};
use super::{
    RestContext, accounts, admin_accounts, announce, auth, bans, channels, docs, events, found,
    hooks, invitations, keeping, legacy, log, mending, messages, nodes, outgoing, own_account,
    passwords, posts, remote, resets, sign_ins, status, tokens, users,
};

/// All routes, by family.
pub(super) const FAMILIES: Families = &[
    users::ROUTES,
    bans::ROUTES,
    channels::ROUTES,
    announce::ROUTES,
    auth::ROUTES,
    found::ROUTES,
    log::ROUTES,
    status::ROUTES,
    nodes::ROUTES,
    legacy::ROUTES,
    accounts::ROUTES,
    messages::ROUTES,
    mending::ROUTES,
    passwords::ROUTES,
    admin_accounts::ROUTES,
    keeping::ROUTES,
    own_account::ROUTES,
    invitations::ROUTES,
    sign_ins::ROUTES,
    remote::ROUTES,
    resets::ROUTES,
    tokens::ROUTES,
    posts::ROUTES,
    hooks::ROUTES,
    outgoing::ROUTES,
    events::ROUTES,
    docs::ROUTES,
];

/// What else the web listener serves itself: pages and WebSockets.
const BESIDE_REST: [&str; 6] = ["client", "docs", "join", "mychat", "reset", "ws"];

/// Whether a path belongs to the server itself, so that no file of a folder may be served there.
pub fn is_reserved(path: &str) -> bool {
    let first = |path: &'_ str| path.split('/').nth(1).unwrap_or_default().to_owned();
    let begins = first(path);
    let routes = FAMILIES.iter().flat_map(|family| family.iter());
    BESIDE_REST.contains(&begins.as_str())
        || routes
            .map(|route| first(route.path))
            .any(|own| own == begins)
}

/// Seconds after which to try again when too many requests wait.
const BUSY_SECONDS: u64 = 1;
/// Seconds for which a browser may remember the answer to a preflight.
const PREFLIGHT_SECONDS: &str = "600";
/// Headers that pages may send; some frameworks always send all of these.
const PREFLIGHT_HEADERS: &str = "Authorization, Content-Type, X-Requested-With, Accept, \
     Content-Length, Accept-Encoding, X-CSRF-Token, Idempotency-Key, Last-Event-ID";

/// The parts of a request that decide where it goes.
struct Incoming {
    method: Method,
    url: String,
    path: String,
    query: String,
    authorization: Option<String>,
    idempotency_key: Option<String>,
    last_event_id: Option<String>,
    accept: Option<String>,
    user_agent: Option<String>,
    content_type: Option<String>,
    of_hook: Vec<(&'static str, String)>,
    origin: Option<String>,
    asks_for_method: bool,
    relayed: Relayed,
}

/// The workers for a kind of request.
pub(super) enum Lane {
    /// Workers for requests that take little time.
    Usual,
    /// Workers for requests with passwords.
    Slow,
    /// Workers for requests that wait for the store.
    Reading,
    /// Workers for messages of programs, which wait until these are stored.
    Posting,
}

/// The workers that a request is for.
pub(super) fn lane(request: &Request) -> Lane {
    let path = path_of(request);
    if accounts::takes_long(request.method(), path) {
        return Lane::Slow;
    }
    let is_of = |family: &[Route]| {
        let mut routes = routes_at(path).into_iter();
        routes.any(|(route, _)| family.iter().any(|other| other.path == route.path))
    };
    let is_slow = |family: &[Route]| *request.method() != Method::Get && is_of(family);
    if is_slow(posts::ROUTES) || path.starts_with(hooks::POSTED) {
        return Lane::Posting;
    }
    match is_of(messages::ROUTES)
        || is_of(mending::ROUTES)
        || is_of(posts::ROUTES)
        || is_of(events::ROUTES)
        || is_of(found::ROUTES)
        || is_slow(channels::ROUTES)
        || is_of(admin_accounts::ROUTES)
        || is_of(keeping::ROUTES)
        || is_of(tokens::ROUTES)
        || is_of(hooks::ROUTES)
        || is_of(outgoing::ROUTES)
    {
        true => Lane::Reading,
        false => Lane::Usual,
    }
}

/// The asker whose turn a request takes.
pub(super) fn asker(request: &Request, relays: &Relays) -> Asker {
    let relayed = relay_id(request).and_then(|id| relays.find(id));
    // A request that did not come through the front, or is no longer waited for, is refused at
    // once.
    let address = relayed.map_or(Ipv4Addr::LOCALHOST.into(), |relayed| relayed.peer.ip());
    Asker::at(address)
}

fn relay_id(request: &Request) -> Option<u64> {
    let mut headers = request.headers().iter();
    let header = headers.find(|header| header.field.equiv(RELAY_HEADER))?;
    header.value.as_str().parse().ok()
}

/// The path of a request, without the query.
pub(super) fn path_of(request: &Request) -> &str {
    let url = request.url();
    url.split_once('?').map_or(url, |(path, _)| path)
}

/// A path as it may be shown: that of a hook has its key in it, also with a typing error.
pub(super) fn shown(path: &str) -> &str {
    match path.find(PREFIX) {
        _ if path.starts_with(hooks::POSTED) => hooks::POSTED,
        Some(key) => path.get(..key).unwrap_or_default(),
        None => path,
    }
}

/// The answer to a request when too many of its kind wait.
pub(super) fn too_busy(request: &Request) -> Reply {
    let path = path_of(request);
    match accounts::takes_long(request.method(), path) {
        true => Problem::from(accounts::busy()).reply_in_envelope(),
        false => {
            let words = "too many requests are waiting; try again in a moment";
            Problem::Busy(words.to_owned(), BUSY_SECONDS).reply_at(path)
        }
    }
}

/// Answers a request; refuses it if it did not come through the front.
pub(super) fn answer(request: &mut Request, context: &RestContext) -> Reply {
    let Some(incoming) = Incoming::read(request, context) else {
        return Problem::Cancelled.reply();
    };
    let mut body = Vec::new();
    // The front has read all of it, within its limit.
    if std::io::copy(request.as_reader(), &mut body).is_err() {
        return incoming.refuse(Problem::BadRequest("the body did not arrive".into()));
    }
    let reply = dispatch(&incoming, &body, context);
    let reply = reply.unwrap_or_else(|problem| incoming.refuse(problem));
    with_cors(reply, &incoming, context)
}

impl Incoming {
    fn read(request: &Request, context: &RestContext) -> Option<Incoming> {
        let header = |name: &'static str| {
            let mut headers = request.headers().iter();
            let header = headers.find(|header| header.field.equiv(name));
            header.map(|header| header.value.as_str().to_owned())
        };
        let id = relay_id(request)?;
        let of_hook = hooks::FIELDS.iter();
        let of_hook = of_hook.filter_map(|&name| Some((name, header(name)?)));
        let (path, query) = request.url().split_once('?').unwrap_or((request.url(), ""));
        Some(Incoming {
            method: request.method().clone(),
            url: request.url().to_owned(),
            path: path.to_owned(),
            query: query.to_owned(),
            authorization: header("Authorization"),
            idempotency_key: header("Idempotency-Key"),
            last_event_id: header("Last-Event-ID"),
            accept: header("Accept"),
            user_agent: header("User-Agent"),
            content_type: header("Content-Type"),
            of_hook: of_hook.collect(),
            origin: header("Origin"),
            asks_for_method: header("Access-Control-Request-Method").is_some(),
            relayed: context.relays.find(id)?,
        })
    }

    /// The answer that says why, in the format used at this path.
    fn refuse(&self, problem: Problem) -> Reply {
        match legacy::covers(&self.path) {
            true => {
                let posted = self.method == Method::Post;
                legacy::refuse(problem, &self.relayed.host, &self.url, posted)
            }
            false if self.is_opened_by_a_person() => {
                let (status, words) = (problem.status_and_code().0, problem.to_string());
                let page = RefusalPage {
                    status,
                    words: &words,
                    path: shown(&self.path),
                };
                problem.reply().with_page(page.html()).varies_by("Accept")
            }
            false => problem.reply_at(&self.path),
        }
    }

    /// Whether it comes with the token of a program, be it a good one or not.
    fn is_by_a_program(&self) -> bool {
        let token = self.authorization.as_deref().and_then(bearer);
        token.is_some_and(|token| token.starts_with(PREFIX))
    }

    /// Whether a browser shows the answer to a person.
    fn is_opened_by_a_person(&self) -> bool {
        let asked = Asked {
            method: self.method.as_str(),
            path: &self.path,
            accept: self.accept.as_deref(),
        };
        asked.wants_page() && !envelope::covers(&self.path)
    }
}

fn dispatch(incoming: &Incoming, body: &[u8], context: &RestContext) -> Result<Reply, Problem> {
    let routes = routes_at(&incoming.path);
    if incoming.method == Method::Options && !routes.is_empty() {
        return options(&routes, incoming, context);
    }
    let needed = routes.iter().find_map(|(route, _)| match route.access {
        Access::Needs(power) => Some(power),
        Access::AccountOr(power) => Some(power).filter(|_| incoming.is_by_a_program()),
        Access::Everyone | Access::Account => None,
    });
    // Callers without a token do not learn which paths exist below /admin.
    let needed = needed.or_else(|| incoming.path.starts_with("/admin").then_some(Power::All));
    let grant = match needed {
        Some(power) => Some(authorise(incoming, context, power)?),
        None => None,
    };
    if routes.is_empty() {
        let why = format!("there is nothing at {}; see /docs", shown(&incoming.path));
        return Err(Problem::NotFound(why));
    }
    let method = match &incoming.method {
        Method::Head => &Method::Get,
        method => method,
    };
    let wanted = routes.iter().find(|(route, _)| route.method == *method);
    let (route, arguments) = wanted.ok_or_else(|| Problem::Method(allowed(&routes)))?;
    let arguments = arguments.iter().map(|raw| {
        let why = "the path is not percent-encoded UTF-8";
        decode(raw).ok_or_else(|| Problem::BadRequest(why.into()))
    });
    let arguments: Vec<String> = arguments.collect::<Result<_, _>>()?;
    if let (Access::Needs(power) | Access::AccountOr(power), Some(grant)) = (route.access, &grant) {
        let channel = arguments.first().filter(|_| power.is_of_channels());
        let channel = channel.and_then(|raw| Name::parse_channel(raw).ok());
        check_scope(grant, power, channel.as_ref())?;
    }
    // An administrator's typing errors are reported. Elsewhere monitors and browsers add parameters
    // of their own, against caches for example.
    let query = match incoming.path.starts_with("/admin") {
        true => Query::parse(&incoming.query, route.query)?,
        false => Query::parse_known(&incoming.query, route.query)?,
    };
    let signer = match route.access {
        Access::AccountOr(_) if grant.is_some() => None,
        Access::Account | Access::AccountOr(_) => Some(authenticate(incoming, &query, context)?),
        Access::Everyone | Access::Needs(_) => None,
    };
    (route.run)(&Call {
        context,
        url: &incoming.url,
        arguments,
        query,
        content_type: incoming.content_type.as_deref(),
        of_hook: &incoming.of_hook,
        accept: incoming.accept.as_deref(),
        user_agent: incoming.user_agent.as_deref(),
        body,
        is_head: incoming.method == Method::Head,
        authorization: incoming.authorization.as_deref(),
        idempotency_key: incoming.idempotency_key.as_deref(),
        origin: incoming.origin.as_deref(),
        last_event_id: incoming.last_event_id.as_deref(),
        grant,
        signer,
        relayed: incoming.relayed.clone(),
    })
}

/// A route, and the parts of the path that are in braces in its template.
type Match<'a> = (&'static Route, Vec<&'a str>);

/// The routes of a path. A slash at the end is ignored.
fn routes_at(path: &str) -> Vec<Match<'_>> {
    fn at(path: &str) -> Vec<Match<'_>> {
        let routes = FAMILIES.iter().flat_map(|family| family.iter());
        routes
            .filter_map(|route| Some((route, matches(route.path, path)?)))
            .collect()
    }
    let routes = at(path);
    match path.strip_suffix('/') {
        Some(path) if routes.is_empty() => at(path),
        _ => routes,
    }
}

/// Whether a path matches a template. Returns the parts that matched those in braces.
fn matches<'a>(template: &str, path: &'a str) -> Option<Vec<&'a str>> {
    let mut arguments = Vec::new();
    let mut parts = path.split('/');
    for wanted in template.split('/') {
        let part = parts.next()?;
        if wanted.starts_with('{') {
            if part.is_empty() {
                return None;
            }
            arguments.push(part);
        } else if wanted != part {
            return None;
        }
    }
    parts.next().is_none().then_some(arguments)
}

/// What the caller may do; `wanted` is what the call needs at least.
fn authorise(incoming: &Incoming, context: &RestContext, wanted: Power) -> Result<Grant, Problem> {
    let Some(authorization) = &incoming.authorization else {
        return Err(Problem::Unauthorised(
            "this needs the header Authorization: Bearer <admin token> (the server says at its \
             start where the token is), the token of a program, or that of an account with a \
             role",
        ));
    };
    let peer = incoming.relayed.peer;
    // A missing token counts as a wrong one.
    let token = bearer(authorization).unwrap_or_default();
    match context.doors.admit(token, wanted, peer.ip()) {
        Ok(grant) => Ok(grant),
        Err(NotGranted::Wrong) => {
            let (method, path) = (&incoming.method, shown(&incoming.path).escape_debug());
            let wanted = format!("{method} {path}");
            context.admin.refused(Actor::at(peer), &wanted);
            Err(Problem::Unauthorised(
                "that is not the admin token, nor one of a program or of an account with a role",
            ))
        }
        // Not recorded, because a caller could fill the disk that way.
        Err(refused) => Err(refused.into()),
    }
}

/// Refuses a call that goes beyond what its token allows.
fn check_scope(grant: &Grant, power: Power, channel: Option<&Name>) -> Result<(), Problem> {
    Ok(grant.check(power, channel)?)
}

/// The account and token that signed the call.
fn authenticate(
    incoming: &Incoming,
    query: &Query,
    context: &RestContext,
) -> Result<(Account, Token), Problem> {
    let header = incoming.authorization.as_deref().and_then(bearer);
    let parameters = TOKEN_PARAMETERS.iter();
    let parameter = parameters
        .filter_map(|name| query.get(name))
        .find(|token| !token.is_empty());
    let jwt = header.or(parameter);
    let jwt = jwt.ok_or_else(|| Problem::unauthenticated("no token was sent"))?;
    let signer = context
        .accounts
        .authenticate(Asker::at(incoming.relayed.peer.ip()), jwt);
    signer.map_err(|error| match error {
        SignatureError::Store(error) => Problem::store(&error),
        other => Problem::unauthenticated(other.to_string()),
    })
}

fn allowed(routes: &[Match<'_>]) -> String {
    let mut methods: Vec<&str> = routes
        .iter()
        .map(|(route, _)| route.method.as_str())
        .collect();
    if methods.contains(&"GET") {
        methods.push("HEAD");
    }
    methods.push("OPTIONS");
    methods.join(", ")
}

fn options(
    routes: &[Match<'_>],
    incoming: &Incoming,
    context: &RestContext,
) -> Result<Reply, Problem> {
    let methods = allowed(routes);
    let reply = Reply::empty(204).with("Allow", methods.clone());
    match &incoming.origin {
        Some(origin) if incoming.asks_for_method => match context.origins.lists(origin) {
            true => Ok(reply
                .with("Access-Control-Allow-Methods", methods)
                .with("Access-Control-Allow-Headers", PREFLIGHT_HEADERS)
                .with("Access-Control-Max-Age", PREFLIGHT_SECONDS)),
            false => Err(Problem::Origin),
        },
        _ => Ok(reply),
    }
}

fn with_cors(reply: Reply, incoming: &Incoming, context: &RestContext) -> Reply {
    let reply = reply.varies_by("Origin, Authorization");
    match &incoming.origin {
        Some(origin) if context.origins.lists(origin) => {
            reply.with("Access-Control-Allow-Origin", origin.clone())
        }
        _ => reply,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn templates_match_whole_parts() {
        let template = "/admin/users/{nickname}";
        assert_eq!(matches(template, "/admin/users/a"), Some(vec!["a"]));
        assert_eq!(matches("/healthz", "/healthz"), Some(vec![]));
        let template = "/admin/channels/{name}/roles/{user}";
        let path = "/admin/channels/a%2Fb/roles/c";
        assert_eq!(matches(template, path), Some(vec!["a%2Fb", "c"]));
        assert_eq!(matches(template, "/admin/channels/a/roles/"), None);
        let template = "/admin/users/{nickname}";
        for other in [
            "/admin/users/",
            "/admin/users",
            "/admin/users/a/b",
            "/admin/users/a/",
        ] {
            assert_eq!(matches(template, other), None, "{other}");
        }
    }
}
