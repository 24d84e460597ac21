//! The form of Redis's address, which a program without the feature `cluster`
//! checks, too.

use std::fmt;

/// `redis://user:password@host:port/database`, `rediss://` for TLS, or
/// `redis+unix:///path`, with the same for Valkey. Shows without user and
/// password.
#[derive(Clone, PartialEq, Eq)]
pub struct RedisAddress(String);

impl RedisAddress {
    /// Parses an address. Only the form is checked; nothing connects.
    pub fn parse(text: &str) -> Option<RedisAddress> {
        let schemes = [
            "redis://",
            "rediss://",
            "redis+unix://",
            "valkey://",
            "valkeys://",
            "valkey+unix://",
        ];
        let rest = schemes
            .iter()
            .find_map(|scheme| text.strip_prefix(scheme))?;
        let is_plain = rest.bytes().all(|byte| byte.is_ascii_graphic());
        (is_plain && !rest.is_empty()).then(|| RedisAddress(text.to_owned()))
    }

    /// Whether it is reached by TLS.
    pub fn is_tls(&self) -> bool {
        self.0.starts_with("rediss://") || self.0.starts_with("valkeys://")
    }

    /// The whole URL, with user and password.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for RedisAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (scheme, rest) = self.0.split_once("://").unwrap_or_default();
        let shown = rest.rsplit_once('@').map_or(rest, |(_, place)| place);
        let shown = shown.split_once('?').map_or(shown, |(place, _)| place);
        write!(f, "{scheme}://{shown}")
    }
}

impl fmt::Debug for RedisAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_shows_without_its_password() {
        let address = RedisAddress::parse("redis://me:p@ss@host:6379/1?x=y").unwrap();
        assert_eq!(address.to_string(), "redis://host:6379/1");
        assert_eq!(format!("{address:?}"), "redis://host:6379/1");
        for text in ["rediss://host", "valkey://host", "valkeys://host:1/2"] {
            assert_eq!(RedisAddress::parse(text).unwrap().to_string(), text);
        }
        for text in ["", "host:6379", "redis://", "http://host", "redis://a b"] {
            assert_eq!(RedisAddress::parse(text), None, "{text}");
        }
    }
}
