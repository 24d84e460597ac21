//! The address of a server that is to be called.

use std::fmt;

use ureq::http::Uri;

/// The longest address, in bytes.
const MOST_BYTES: usize = 2048;

/// Where a server's REST calls are: scheme, host and port, and the path below which they are, if a
/// proxy has put them there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerUrl(String);

/// Why a text is no address of a server; `Display` is for the user who wrote it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BadUrl {
    /// It does not begin with `http://` or `https://`.
    Scheme,
    /// There is no host in it, or a character that addresses do not have.
    Form,
    /// It has a nickname or password.
    User,
    /// It has a query or a fragment.
    More,
    /// It is longer than [`MOST_BYTES`].
    Long,
}

impl Default for ServerUrl {
    /// The REST listener of a server on this machine with its default settings.
    fn default() -> ServerUrl {
        ServerUrl("http://127.0.0.1:4001".to_owned())
    }
}

impl ServerUrl {
    /// Reads an address such as `https://chat.example.org` or `http://host:4001/chat/`.
    pub fn parse(raw: &str) -> Result<ServerUrl, BadUrl> {
        let raw = raw.trim();
        if raw.len() > MOST_BYTES {
            return Err(BadUrl::Long);
        }
        let lower = raw.to_ascii_lowercase();
        if !lower.starts_with("http://") && !lower.starts_with("https://") {
            return Err(BadUrl::Scheme);
        }
        if raw.contains(['?', '#']) {
            return Err(BadUrl::More);
        }
        let uri: Uri = raw.parse().map_err(|_| BadUrl::Form)?;
        let authority = uri.authority().ok_or(BadUrl::Form)?;
        if authority.as_str().contains('@') {
            return Err(BadUrl::User);
        }
        let has_port = match authority.as_str().rsplit_once(':') {
            Some((_, port)) if !port.ends_with(']') => authority.port_u16().is_some(),
            _ => true,
        };
        match authority.host().is_empty() || !has_port {
            true => Err(BadUrl::Form),
            false => Ok(ServerUrl(raw.trim_end_matches('/').to_owned())),
        }
    }

    /// The address of a call, such as `/api/events`.
    pub fn of(&self, path: &str) -> String {
        format!("{}{path}", self.0)
    }

    /// Whether calls go over TLS.
    pub fn is_secure(&self) -> bool {
        self.0.to_ascii_lowercase().starts_with("https:")
    }
}

impl fmt::Display for ServerUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for BadUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            BadUrl::Scheme => f.write_str("must begin with http:// or https://"),
            BadUrl::Form => f.write_str("expected an address such as https://chat.example.org"),
            BadUrl::User => {
                f.write_str("must not have a user in it; the token comes from --token-file")
            }
            BadUrl::More => f.write_str("must end with the host, its port or a path"),
            BadUrl::Long => write!(f, "is longer than {MOST_BYTES} bytes"),
        }
    }
}

impl std::error::Error for BadUrl {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_a_host_and_perhaps_a_path() {
        for (raw, call) in [
            ("http://localhost:4001", "http://localhost:4001/x"),
            ("https://chat.example.org/", "https://chat.example.org/x"),
            ("HTTPS://h/chat//", "HTTPS://h/chat/x"),
            ("http://[::1]:4001", "http://[::1]:4001/x"),
            ("http://[::1]", "http://[::1]/x"),
        ] {
            assert_eq!(ServerUrl::parse(raw).unwrap().of("/x"), call);
        }
        for (raw, why) in [
            ("", BadUrl::Scheme),
            ("localhost:4001", BadUrl::Scheme),
            ("ftp://h", BadUrl::Scheme),
            ("http://", BadUrl::Form),
            ("http:///x", BadUrl::Form),
            ("http://h:x", BadUrl::Form),
            ("http://h:99999", BadUrl::Form),
            ("http://a b", BadUrl::Form),
            ("http://ann:secret@h", BadUrl::User),
            ("http://h/?a=b", BadUrl::More),
            ("http://h/#a", BadUrl::More),
        ] {
            assert_eq!(ServerUrl::parse(raw), Err(why), "{raw}");
        }
        let long = format!("http://h/{}", "a".repeat(MOST_BYTES));
        assert_eq!(ServerUrl::parse(&long), Err(BadUrl::Long));
        assert!(ServerUrl::parse("HTTPS://h").unwrap().is_secure());
        assert!(!ServerUrl::default().is_secure());
    }
}
