//! The WebSocket handshake, as far as HTTP goes.

use std::net::SocketAddr;

use tungstenite::handshake::derive_accept_key;

use crate::net::transport::Transport;

use super::head::{Framing, Head};
use super::origin::Origins;
use super::rejection::Rejection;

/// Decides who may open a WebSocket where, and takes it from there.
pub trait Upgrades: Send + Sync {
    /// Called before the client is answered.
    fn admit(&self, handshake: &Handshake<'_>) -> Result<Admission, Denial>;

    /// Whether there is a WebSocket at this path and nothing else.
    fn is_at(&self, path: &str) -> bool;
}

/// A client's wish to open a WebSocket, already checked for form and origin.
#[derive(Clone, Debug)]
pub struct Handshake<'a> {
    /// The path; not decoded.
    pub path: &'a str,
    /// What follows `?`; not decoded.
    pub query: Option<&'a str>,
    /// The subprotocols the client offers, best first. Browsers can put a
    /// token here and nowhere else.
    pub subprotocols: Vec<&'a str>,
    /// The `Authorization` header.
    pub authorization: Option<&'a str>,
    /// The client's address.
    pub peer: SocketAddr,
}

/// A token somebody has presented.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Presented<'a> {
    /// The token.
    pub token: &'a str,
    /// The subprotocol it came as, to be echoed.
    pub subprotocol: Option<&'a str>,
}

impl<'a> Handshake<'a> {
    /// The token, wherever the client can put one: in `Authorization`, as
    /// `?token=` or, from browsers, as a subprotocol.
    pub fn token(&self) -> Option<Presented<'a>> {
        let plain = |token| Presented {
            token,
            subprotocol: None,
        };
        let header = self.authorization.and_then(bearer).map(plain);
        let pairs = self.query.into_iter().flat_map(|query| query.split('&'));
        let query = pairs
            .filter_map(|pair| pair.strip_prefix("token="))
            .find(|token| !token.is_empty());
        // "Bearer <token>" is either one subprotocol or, with a comma, two.
        let offered = self.subprotocols.iter();
        let offered = offered.filter(|name| !name.eq_ignore_ascii_case("bearer"));
        let subprotocol = offered.copied().next().map(|name| Presented {
            token: bearer(name).unwrap_or(name),
            subprotocol: Some(name),
        });
        header.or(query.map(plain)).or(subprotocol)
    }
}

/// The token behind `Bearer `, in any case.
pub fn bearer(value: &str) -> Option<&str> {
    let (scheme, token) = value.split_once(' ')?;
    let token = token.trim();
    (scheme.eq_ignore_ascii_case("bearer") && !token.is_empty()).then_some(token)
}

/// The connection may be a WebSocket.
pub struct Admission {
    /// The offered subprotocol that was chosen; browsers insist on one if
    /// they offered any.
    pub subprotocol: Option<String>,
    /// Runs on a thread for the connection once the client has its 101; the
    /// connection is over when it returns.
    pub run: Box<dyn FnOnce(Upgraded) + Send>,
}

/// Why the connection may not be a WebSocket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Denial {
    /// No WebSocket is served at this path.
    NotFound,
    /// The token is missing, wrong or expired; says so.
    Unauthorised(String),
    /// It cannot be said at present.
    Unavailable,
}

/// A socket on which WebSocket frames follow.
pub struct Upgraded {
    /// The socket, without time-outs.
    pub transport: Transport,
    /// What the client sent behind the handshake.
    pub leftover: Vec<u8>,
    /// The client's address.
    pub peer: SocketAddr,
}

/// Whether a request asks for a WebSocket.
pub(super) fn is_asked_for(head: &Head) -> bool {
    head.has_token("upgrade", "websocket")
}

/// Checks the handshake and asks `upgrades`; the bytes of the 101 and what
/// runs after them.
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
        // Only what was offered may be answered.
        admission.subprotocol = None;
    }
    Ok((switching(key, admission.subprotocol.as_deref()), admission))
}

/// The key, if the head is a handshake as RFC 6455 has it.
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
    if head.field("sec-websocket-version") != Some("13") {
        return Err(Rejection::WebSocketVersion);
    }
    let key = head.field("sec-websocket-key").unwrap_or_default();
    let decoded = data_encoding::BASE64.decode(key.as_bytes());
    match decoded {
        Ok(nonce) if nonce.len() == 16 => Ok(key),
        _ => Err(Rejection::Malformed(
            "Sec-WebSocket-Key is not 16 bytes in base64",
        )),
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
                (presented.token.to_owned(), subprotocol)
            })
        };
        let found = |token: &str, subprotocol: Option<&str>| {
            Some((token.to_owned(), subprotocol.map(str::to_owned)))
        };
        assert_eq!(presented(None, None, &[]), None);
        assert_eq!(
            presented(Some("Basic x"), Some("token=&x"), &["bearer"]),
            None
        );
        assert_eq!(
            presented(Some("bEARER  t "), Some("token=q"), &["p"]),
            found("t", None)
        );
        assert_eq!(
            presented(Some("Basic x"), Some("a&token=q"), &["p"]),
            found("q", None)
        );
        assert_eq!(presented(None, None, &["p", "x"]), found("p", Some("p")));
        assert_eq!(
            presented(None, None, &["Bearer", "p"]),
            found("p", Some("p"))
        );
        assert_eq!(
            presented(None, None, &["Bearer p"]),
            found("p", Some("Bearer p"))
        );
    }
}
