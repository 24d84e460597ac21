//! The HTTP part of the WebSocket handshake.

use std::borrow::Cow;
use std::net::SocketAddr;

use tungstenite::handshake::derive_accept_key;

use super::handed_over::Serve;
use super::head::{Framing, Head};
use super::origin::Origins;
use super::query::pairs;
use super::rejection::Rejection;

/// Decides which clients may open a WebSocket at which path, and serves it.
pub trait Upgrades: Send + Sync {
    /// Called before the client is answered.
    fn admit(&self, handshake: &Handshake<'_>) -> Result<Admission, Denial>;

    /// Whether a path serves only a WebSocket.
    fn is_at(&self, path: &str) -> bool;
}

/// A client's request to open a WebSocket, already checked for form and origin.
#[derive(Clone, Debug)]
pub struct Handshake<'a> {
    /// The path; not decoded.
    pub path: &'a str,
    /// The part after `?`; not decoded.
    pub query: Option<&'a str>,
    /// The subprotocols the client offers, best first. Browsers can put a token only here.
    pub subprotocols: Vec<&'a str>,
    /// The `Authorization` header.
    pub authorization: Option<&'a str>,
    /// The client's address.
    pub peer: SocketAddr,
}

/// A token that the client has presented.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Presented<'a> {
    /// The token.
    pub token: Cow<'a, str>,
    /// The subprotocol in which it came, to be echoed.
    pub subprotocol: Option<&'a str>,
}

impl<'a> Handshake<'a> {
    /// The token, wherever the client can put one: in `Authorization`, as `?token=` or
    /// `?access_token=` or, from browsers, as a subprotocol. The first of these wins.
    pub fn token(&self) -> Option<Presented<'a>> {
        let header = self.authorization.and_then(bearer).map(Cow::Borrowed);
        let elsewhere = header.or_else(|| query_token(self.query?).map(Cow::Owned));
        match elsewhere {
            // Browsers insist on an answer to the subprotocols they offer, even if the token is
            // also in the address.
            Some(token) => Some(Presented {
                subprotocol: self
                    .subprotocols
                    .iter()
                    .copied()
                    .find(|name| unwrapped(name) == token),
                token,
            }),
            None => self.offered_token(),
        }
    }

    /// The token among the subprotocols. Others may come before it, in the same line or in lines of
    /// their own; a signed token is recognised by its form. Without one, the first name counts as
    /// the token, and will be found wrong.
    fn offered_token(&self) -> Option<Presented<'a>> {
        let offered = self.subprotocols.iter().copied();
        // "Bearer <token>" is either one subprotocol or, with a comma, two.
        let mut names = offered.filter(|name| !name.eq_ignore_ascii_case("bearer"));
        let signed = names.clone().find(|name| is_signed(unwrapped(name)));
        signed.or_else(|| names.next()).map(|name| Presented {
            token: Cow::Borrowed(unwrapped(name)),
            subprotocol: Some(name),
        })
    }
}

/// The query parameters that may hold a token.
pub const TOKEN_PARAMETERS: [&str; 2] = ["token", "access_token"];

fn query_token(query: &str) -> Option<String> {
    let mut parameters = pairs(query).flatten();
    let is_token = |(name, value): &(String, String)| {
        TOKEN_PARAMETERS.contains(&name.as_str()) && !value.is_empty()
    };
    let (_, value) = parameters.find(is_token)?;
    Some(unwrapped(&value).to_owned())
}

/// A token without the `Bearer` that may precede it, with a space or, from careless scripts,
/// without.
fn unwrapped(token: &str) -> &str {
    const SCHEME: &str = "bearer";
    let glued = || {
        let (scheme, rest) = token.split_at_checked(SCHEME.len())?;
        (scheme.eq_ignore_ascii_case(SCHEME) && is_signed(rest)).then_some(rest)
    };
    bearer(token).or_else(glued).unwrap_or(token)
}

/// Whether a text has the form of a JWT: three parts in base64url.
fn is_signed(token: &str) -> bool {
    let is_coded = |part: &str| {
        let coded = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
        !part.is_empty() && part.bytes().all(coded)
    };
    let mut parts = token.split('.');
    // A header begins with `{"`.
    token.starts_with("eyJ")
        && parts.by_ref().take(3).filter(|part| is_coded(part)).count() == 3
        && parts.next().is_none()
}

/// The token after `Bearer `, in any case.
pub fn bearer(value: &str) -> Option<&str> {
    let (scheme, token) = value.split_once(' ')?;
    let token = token.trim();
    (scheme.eq_ignore_ascii_case("bearer") && !token.is_empty()).then_some(token)
}

/// Permission for the connection to become a WebSocket.
pub struct Admission {
    /// The offered subprotocol that was chosen; browsers insist on one if they offered any.
    pub subprotocol: Option<String>,
    /// Runs on the connection's own thread after the 101 was sent; the connection ends when it
    /// returns.
    pub run: Serve,
}

/// Why the connection may not become a WebSocket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Denial {
    /// No WebSocket is served at this path.
    NotFound,
    /// The token is missing, wrong or expired; says which.
    Unauthorised(String),
    /// Whether it may cannot be found out at present.
    Unavailable,
}

/// Whether a request asks for a WebSocket.
pub(super) fn is_asked_for(head: &Head) -> bool {
    head.has_token("upgrade", "websocket")
}

/// Checks the handshake and asks `upgrades`. Returns the bytes of the 101 and the admission.
pub(super) fn shake_hands(
    head: &Head,
    peer: SocketAddr,
    origins: &Origins,
    upgrades: &dyn Upgrades,
) -> Result<(Vec<u8>, Admission), Rejection> {
    let key = check(head)?;
    if !origins.admits(head.field("origin"), head.field("host")) {
        return Err(Rejection::Origin);
    }
    let offered = head.field("sec-websocket-protocol").unwrap_or_default();
    let subprotocols = offered.split(',').map(str::trim);
    let handshake = Handshake {
        path: &head.path,
        query: head.query.as_deref(),
        subprotocols: subprotocols.filter(|name| !name.is_empty()).collect(),
        authorization: head.field("authorization"),
        peer,
    };
    let mut admission = upgrades.admit(&handshake).map_err(|denial| match denial {
        Denial::NotFound => Rejection::NotFound,
        Denial::Unauthorised(why) => Rejection::Unauthorised(why),
        Denial::Unavailable => Rejection::Unavailable,
    })?;
    let chosen = admission.subprotocol.as_deref();
    if !chosen.is_none_or(|name| handshake.subprotocols.contains(&name)) {
        // Only an offered subprotocol may be chosen.
        admission.subprotocol = None;
    }
    Ok((switching(key, admission.subprotocol.as_deref()), admission))
}

/// The key, if the head is a handshake according to RFC 6455.
fn check(head: &Head) -> Result<&str, Rejection> {
    if head.method != "GET" || !head.http11 {
        return Err(Rejection::Malformed(
            "a WebSocket is opened with GET and HTTP/1.1",
        ));
    }
    if !head.has_token("connection", "upgrade") {
        return Err(Rejection::Malformed(
            "a WebSocket needs Connection: Upgrade",
        ));
    }
    if head.framing != Framing::Empty {
        return Err(Rejection::Malformed("a WebSocket is opened without a body"));
    }
    if !head.has_token("sec-websocket-version", "13") {
        return Err(Rejection::WebSocketVersion);
    }
    // RFC 6455 demands 16 bytes in base64. Older servers took anything, and some scripts make up a
    // key; the answer is derived from the key as written, and its form protects nothing.
    match head.field("sec-websocket-key").unwrap_or_default() {
        "" => Err(Rejection::Malformed(
            "a WebSocket needs a Sec-WebSocket-Key",
        )),
        key => Ok(key),
    }
}

fn switching(key: &str, subprotocol: Option<&str>) -> Vec<u8> {
    let accept = derive_accept_key(key.as_bytes());
    let mut answer = format!(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Accept: {accept}\r\n"
    );
    if let Some(name) = subprotocol {
        answer.push_str(&format!("Sec-WebSocket-Protocol: {name}\r\n"));
    }
    answer.push_str("\r\n");
    answer.into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_found_wherever_it_is_put() {
        const JWT: &str = "eyJh.eyJi.c-_1";
        let presented = |authorization, query, subprotocols: &[&'static str]| {
            let handshake = Handshake {
                path: "/ws",
                query,
                subprotocols: subprotocols.to_vec(),
                authorization,
                peer: SocketAddr::from(([127, 0, 0, 1], 1)),
            };
            let token = handshake.token();
            token.map(|presented| {
                let subprotocol = presented.subprotocol.map(str::to_owned);
                (presented.token.into_owned(), subprotocol)
            })
        };
        let found = |token: &str, subprotocol: Option<&str>| {
            Some((token.to_owned(), subprotocol.map(str::to_owned)))
        };
        for (authorization, query, subprotocols, expected) in [
            (None, None, vec![], None),
            (Some("Basic x"), Some("token=&x"), vec!["bearer"], None),
            (
                Some("bEARER  t "),
                Some("token=q"),
                vec!["p"],
                found("t", None),
            ),
            (
                Some("Basic x"),
                Some("a&token=q"),
                vec!["p"],
                found("q", None),
            ),
            (None, Some("access_token=q"), vec![], found("q", None)),
            (
                None,
                Some("token=&access_token=q"),
                vec![],
                found("q", None),
            ),
            (
                None,
                Some("access_token=a&token=b"),
                vec![],
                found("a", None),
            ),
            (None, Some("token=Bearer%20q%2E"), vec![], found("q.", None)),
            (None, Some("token=Bearer+q"), vec![], found("q", None)),
            (
                None,
                Some("token=%zz&access_token=q"),
                vec![],
                found("q", None),
            ),
            (None, Some("xtoken=q&TOKEN=q"), vec![], None),
            (None, Some("token=q"), vec!["x", "q"], found("q", Some("q"))),
            (None, None, vec!["p", "x"], found("p", Some("p"))),
            (None, None, vec!["Bearer", "p"], found("p", Some("p"))),
            (None, None, vec!["Bearer p"], found("p", Some("Bearer p"))),
            (None, None, vec!["chat", JWT], found(JWT, Some(JWT))),
            (None, None, vec![JWT, "chat"], found(JWT, Some(JWT))),
            (
                None,
                None,
                vec!["v1.chat.x", "bearer", JWT],
                found(JWT, Some(JWT)),
            ),
            (
                None,
                None,
                vec!["chat", "Bearer   eyJh.eyJi.c-_1"],
                found(JWT, Some("Bearer   eyJh.eyJi.c-_1")),
            ),
            (
                None,
                None,
                vec!["BearereyJh.eyJi.c-_1"],
                found(JWT, Some("BearereyJh.eyJi.c-_1")),
            ),
            (
                None,
                None,
                vec!["Bearertoken"],
                found("Bearertoken", Some("Bearertoken")),
            ),
            (
                None,
                None,
                vec!["eyJ.a.b.c", "x"],
                found("eyJ.a.b.c", Some("eyJ.a.b.c")),
            ),
        ] {
            let token = presented(authorization, query, &subprotocols);
            assert_eq!(
                token, expected,
                "{authorization:?} {query:?} {subprotocols:?}"
            );
        }
    }
}
