//! Tokens in WebSocket handshakes: found in the right places, and only there.

use std::net::SocketAddr;

use chat_server::http::{Handshake, bearer, pairs};

use super::parts;

pub fn check(data: &[u8]) {
    let mut parts = parts(data);
    let authorization = parts.next();
    let query = parts.next();
    let offered = parts.next().unwrap_or_default();
    let subprotocols: Vec<&str> = offered
        .split(',')
        .map(str::trim)
        .filter(|name| !name.is_empty())
        .collect();
    let handshake = Handshake {
        path: "/ws",
        query: query.as_deref(),
        subprotocols: subprotocols.clone(),
        authorization: authorization.as_deref(),
        peer: SocketAddr::from(([127, 0, 0, 1], 1)),
    };
    let presented = handshake.token();
    if let Some(presented) = &presented {
        assert!(!presented.token.is_empty());
        let decoded = query.as_deref().map(decoded);
        let places = [authorization.as_deref(), decoded.as_deref(), Some(&offered)];
        let place = places.into_iter().flatten();
        assert!(
            place
                .into_iter()
                .any(|place| place.contains(presented.token.as_ref()))
        );
        // Only a subprotocol that was offered may be echoed.
        if let Some(name) = presented.subprotocol {
            assert!(subprotocols.contains(&name));
        }
    }
    // The header takes precedence.
    if let Some(token) = authorization.as_deref().and_then(bearer) {
        assert_eq!(
            presented.map(|presented| presented.token),
            Some(token.into())
        );
        assert!(!token.starts_with(' ') && !token.ends_with(' '));
    }
    anywhere_will_do(&offered);
}

/// All values of a query that can be decoded, joined.
fn decoded(query: &str) -> String {
    let values = pairs(query).flatten().map(|(_, value)| value);
    values.collect::<Vec<_>>().join("\n")
}

fn anywhere_will_do(raw: &str) {
    let word: String = raw.chars().filter(char::is_ascii_alphanumeric).collect();
    if word.is_empty() || word.eq_ignore_ascii_case("bearer") {
        return;
    }
    let header = format!("bEARER {word}");
    let query = format!("a=b&token={word}&c");
    let access = format!("access_token={word}");
    let nothing = Handshake {
        path: "/ws",
        query: None,
        subprotocols: Vec::new(),
        authorization: None,
        peer: SocketAddr::from(([127, 0, 0, 1], 1)),
    };
    let places = [
        Handshake {
            authorization: Some(&header),
            ..nothing.clone()
        },
        Handshake {
            query: Some(&query),
            ..nothing.clone()
        },
        Handshake {
            query: Some(&access),
            ..nothing.clone()
        },
        Handshake {
            subprotocols: vec!["Bearer", &word],
            ..nothing.clone()
        },
    ];
    for place in places {
        let presented = place.token().expect("a token");
        assert_eq!(presented.token, word);
    }
}
