//! Where Redis is, without ever showing its password.

use std::fmt;

use redis::{ConnectionAddr, ConnectionInfo, IntoConnectionInfo};

/// Where a Redis is: `redis://:password@host:port/database`, or
/// `redis+unix:///path`. It shows without its password.
#[derive(Clone)]
pub struct RedisUrl(ConnectionInfo);

/// Why a text is no such URL. Says nothing of the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RedisUrlError {
    /// It is not of the form `redis://host:port/database`.
    Form,
    /// It asks for TLS, which this server does not have for Redis.
    Tls,
}

impl RedisUrl {
    /// Takes a URL that can be connected to without TLS.
    pub fn parse(text: &str) -> Result<RedisUrl, RedisUrlError> {
        if text.starts_with("rediss:") || text.starts_with("valkeys:") {
            return Err(RedisUrlError::Tls);
        }
        let info = text
            .into_connection_info()
            .map_err(|_| RedisUrlError::Form)?;
        match info.addr() {
            ConnectionAddr::TcpTls { .. } => Err(RedisUrlError::Tls),
            _ => Ok(RedisUrl(info)),
        }
    }

    /// What the client library needs to connect, password and all.
    pub(super) fn info(&self) -> ConnectionInfo {
        // Naming itself to Redis would cost two commands a connection.
        let redis = self.0.redis_settings().clone().set_skip_set_lib_name();
        self.0.clone().set_redis_settings(redis)
    }
}

impl fmt::Display for RedisUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.addr() {
            ConnectionAddr::Unix(path) => write!(f, "redis+unix://{}", path.display()),
            address => write!(f, "redis://{address}/{}", self.0.redis_settings().db()),
        }
    }
}

impl fmt::Debug for RedisUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for RedisUrlError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            RedisUrlError::Form => {
                write!(
                    f,
                    "expected redis://host:6379 or redis://:password@host:6379/0"
                )
            }
            RedisUrlError::Tls => write!(
                f,
                "TLS to Redis is not built in; reach it through a tunnel or a private network"
            ),
        }
    }
}

impl std::error::Error for RedisUrlError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_shows_without_its_secrets() {
        for (url, shown) in [
            ("redis://:secret@db:6380/2", "redis://db:6380/2"),
            ("redis://chat:secret@db", "redis://db:6379/0"),
            (
                "redis+unix:///run/redis.sock?pass=secret",
                "redis+unix:///run/redis.sock",
            ),
        ] {
            let parsed = RedisUrl::parse(url).unwrap();
            assert_eq!(parsed.to_string(), shown);
            assert_eq!(format!("{parsed:?}"), shown);
        }
        assert_eq!(
            RedisUrl::parse("rediss://db").unwrap_err(),
            RedisUrlError::Tls
        );
        assert_eq!(
            RedisUrl::parse("http://db").unwrap_err(),
            RedisUrlError::Form
        );
        assert_eq!(RedisUrl::parse("db:6379").unwrap_err(), RedisUrlError::Form);
    }
}
