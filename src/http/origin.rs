//! The origins whose pages may talk to this server.

use parking_lot::RwLock;

/// The allowed origins; can be replaced while the server runs.
#[derive(Debug, Default)]
pub struct Origins {
    allowed: RwLock<Vec<String>>,
}

impl Origins {
    /// Allows these origins, such as `https://chat.example`; `*` allows any.
    pub fn new(allowed: Vec<String>) -> Origins {
        Origins {
            allowed: RwLock::new(allowed),
        }
    }

    /// Replaces the list.
    pub fn replace(&self, allowed: Vec<String>) {
        *self.allowed.write() = allowed;
    }

    /// Whether `origin` is on the list.
    pub fn lists(&self, origin: &str) -> bool {
        let sent = Parts::of(origin);
        let is_sent = |entry: &String| {
            entry == "*"
                || sent
                    .as_ref()
                    .is_some_and(|sent| Parts::of(entry).as_ref() == Some(sent))
        };
        self.allowed.read().iter().any(is_sent)
    }

    /// Whether a page of `origin` may open a WebSocket at `host`. Programs that are not browsers
    /// send no origin.
    pub fn admits(&self, origin: Option<&str>, host: Option<&str>) -> bool {
        origin.is_none_or(|origin| {
            host.is_some_and(|host| is_same(origin, host)) || self.lists(origin)
        })
    }
}

/// Whether `origin` is the one the request was sent to. The scheme is not compared: a proxy may
/// have terminated TLS before us.
fn is_same(origin: &str, host: &str) -> bool {
    Parts::of(origin).is_some_and(|origin| {
        let port = origin.default_port();
        port.is_some_and(|port| origin.authority == without_port(host, port))
    })
}

/// The parts of an origin that are compared. Browsers send `scheme://host[:port]` in one spelling;
/// other programs send what their user has typed: with a slash or a path after it, with the
/// scheme's default port, with capitals.
#[derive(PartialEq)]
struct Parts {
    scheme: String,
    /// Without the scheme's default port.
    authority: String,
}

impl Parts {
    fn of(origin: &str) -> Option<Parts> {
        let (scheme, rest) = origin.trim().split_once("://")?;
        let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
        let mut parts = Parts {
            scheme: scheme.to_ascii_lowercase(),
            authority: String::new(),
        };
        parts.authority = match parts.default_port() {
            Some(port) => without_port(authority, port),
            None => authority.to_ascii_lowercase(),
        };
        (!parts.authority.is_empty()).then_some(parts)
    }

    /// The default port of the schemes that a page, or a program that imitates one, can come with.
    fn default_port(&self) -> Option<&'static str> {
        match self.scheme.as_str() {
            "http" | "ws" => Some("80"),
            "https" | "wss" => Some("443"),
            _ => None,
        }
    }
}

/// `host[:port]` in lower case, without the port if it is the default one or empty.
fn without_port(authority: &str, port: &str) -> String {
    let authority = authority.to_ascii_lowercase();
    match authority.rsplit_once(':') {
        // The last colon of `[::1]` belongs to the address.
        Some((host, own)) if own.is_empty() || own == port => host.to_owned(),
        _ => authority,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_itself_lists_and_programs_are_admitted() {
        let origins = Origins::new(vec!["https://friend.example/".into()]);
        for (origin, host, admitted) in [
            (None, Some("x"), true),
            (None, None, true),
            (Some("http://localhost:4004"), Some("localhost:4004"), true),
            (Some("http://LocalHost"), Some("localhost:80"), true),
            (Some("https://x:443"), Some("x"), true),
            (Some("https://friend.example"), Some("x"), true),
            (Some("http://friend.example"), Some("x"), false),
            (Some("https://friend.example.evil"), Some("x"), false),
            (Some("HTTPS://Friend.Example:443/"), Some("x"), true),
            (Some("wss://friend.example"), Some("x"), false),
            (Some("http://localhost:8099/"), Some("localhost:8099"), true),
            (
                Some("HTTP://LOCALHOST:8099/mychat?x"),
                Some("LocalHost:8099"),
                true,
            ),
            (
                Some("ws://localhost:8099/mychat"),
                Some("localhost:8099"),
                true,
            ),
            (Some("http://x:80/"), Some("x"), true),
            (Some("http://x/"), Some("x:80"), true),
            (Some("http://x:"), Some("x"), true),
            (Some("http://[::1]:8099/"), Some("[::1]:8099"), true),
            (Some("http://[::1]/"), Some("[::1]:80"), true),
            (Some("http://[::1]"), Some("[:"), false),
            (Some("https://x:80"), Some("x"), false),
            (Some("http://x@evil.example/"), Some("x"), false),
            (Some("http://evil.example/x"), Some("x"), false),
            (Some("http://evil.example#x"), Some("x"), false),
            (Some("chrome-extension://x/"), Some("x"), false),
            (Some("http://localhost:4005"), Some("localhost:4004"), false),
            (Some("http://x:80"), Some("x:8080"), false),
            (Some("null"), Some("null"), false),
            (Some("file://"), Some(""), false),
            (Some("http://"), Some(""), false),
            (Some("http://x"), None, false),
        ] {
            assert_eq!(
                origins.admits(origin, host),
                admitted,
                "{origin:?} at {host:?}"
            );
        }
        origins.replace(vec!["*".into()]);
        assert!(origins.admits(Some("null"), Some("x")));
    }
}
