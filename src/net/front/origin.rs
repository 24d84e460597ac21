//! Which pages of other origins may talk to this server.

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

    /// Allows these instead.
    pub fn replace(&self, allowed: Vec<String>) {
        *self.allowed.write() = allowed;
    }

    /// Whether `origin` is on the list.
    pub fn lists(&self, origin: &str) -> bool {
        let allowed = self.allowed.read();
        let origin = origin.trim_end_matches('/');
        allowed
            .iter()
            .any(|entry| entry == "*" || entry.trim_end_matches('/').eq_ignore_ascii_case(origin))
    }

    /// Whether a page of `origin` may open a WebSocket at `host`. Programs
    /// that are not browsers send no origin.
    pub fn admits(&self, origin: Option<&str>, host: Option<&str>) -> bool {
        origin.is_none_or(|origin| {
            host.is_some_and(|host| is_same(origin, host)) || self.lists(origin)
        })
    }
}

/// Whether `origin` is the one the request was sent to. The scheme is not
/// compared: a proxy may have ended TLS before us.
fn is_same(origin: &str, host: &str) -> bool {
    let Some((scheme, authority)) = origin.split_once("://") else {
        return false;
    };
    let default_port = match scheme {
        "http" => ":80",
        "https" => ":443",
        _ => return false,
    };
    let bare = |authority: &str| {
        let authority = authority.to_ascii_lowercase();
        let bare = authority.strip_suffix(default_port).map(str::to_owned);
        bare.unwrap_or(authority)
    };
    !authority.is_empty() && bare(authority) == bare(host)
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
