//! Where Redis is, without ever showing its password.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use redis::{Client, ConnectionAddr, ConnectionInfo, IntoConnectionInfo, RedisResult};

/// Where a Redis is: `redis://user:password@host:port/database`, `rediss://` for
/// TLS, or `redis+unix:///path`. It shows without user and password.
#[derive(Clone)]
pub struct RedisUrl {
    info: ConnectionInfo,
    /// The certificates, as PEM, that vouch for it instead of the system's.
    ca: Option<Arc<[u8]>>,
}

/// Why a text is no such URL, or cannot be used. Says nothing of the text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RedisUrlError {
    /// It is not of the form `redis://host:port/database`.
    Form,
    /// It names several, or something that only knows where Redis is.
    NotOne,
    /// It asks for TLS that trusts everybody.
    Insecure,
    /// It asks for TLS, which this program was built without.
    NoTls,
    /// The file with the certificates that vouch for it cannot be used.
    Ca(String),
}

impl RedisUrl {
    /// Takes the URL of one Redis.
    pub fn parse(text: &str) -> Result<RedisUrl, RedisUrlError> {
        let (scheme, rest) = text.split_once("://").ok_or(RedisUrlError::Form)?;
        let place = rest.split(['/', '?', '#']).next().unwrap_or_default();
        let hosts = place.rsplit('@').next().unwrap_or_default();
        if scheme.contains("sentinel") || scheme.contains("cluster") || hosts.contains(',') {
            return Err(RedisUrlError::NotOne);
        }
        let info = text
            .into_connection_info()
            .map_err(|_| RedisUrlError::Form)?;
        match info.addr() {
            ConnectionAddr::TcpTls { insecure: true, .. } => Err(RedisUrlError::Insecure),
            ConnectionAddr::TcpTls { .. } if !cfg!(feature = "cluster-tls") => {
                Err(RedisUrlError::NoTls)
            }
            _ => Ok(RedisUrl { info, ca: None }),
        }
    }

    /// The same, vouched for by the certificates in a PEM file.
    pub fn trusting(self, path: &Path) -> Result<RedisUrl, RedisUrlError> {
        use rustls::pki_types::CertificateDer;
        use rustls::pki_types::pem::PemObject;

        let failed =
            |why: String| RedisUrlError::Ca(format!("cannot use {}: {why}", path.display()));
        let pem = std::fs::read(path).map_err(|error| failed(error.to_string()))?;
        let read: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&pem).collect();
        match read {
            Ok(certificates) if !certificates.is_empty() => Ok(RedisUrl {
                ca: Some(pem.into()),
                ..self
            }),
            Ok(_) => Err(failed("there is no certificate in it".to_owned())),
            Err(error) => Err(failed(error.to_string())),
        }
    }

    /// What connects there, password and all.
    pub(crate) fn client(&self) -> RedisResult<Client> {
        // Naming itself to Redis would cost two commands a connection.
        let redis = self.info.redis_settings().clone().set_skip_set_lib_name();
        let info = self.info.clone().set_redis_settings(redis);
        #[cfg(feature = "cluster-tls")]
        if let (ConnectionAddr::TcpTls { .. }, Some(ca)) = (info.addr(), &self.ca) {
            let certificates = redis::TlsCertificates {
                client_tls: None,
                root_cert: Some(ca.to_vec()),
            };
            return Client::build_with_tls(info, certificates);
        }
        Client::open(info)
    }
}

impl fmt::Display for RedisUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let database = self.info.redis_settings().db();
        match self.info.addr() {
            ConnectionAddr::Unix(path) => write!(f, "redis+unix://{}", path.display()),
            ConnectionAddr::TcpTls { host, port, .. } => {
                write!(f, "rediss://{host}:{port}/{database}")
            }
            address => write!(f, "redis://{address}/{database}"),
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
            RedisUrlError::Form => write!(
                f,
                "expected redis://host:6379, redis://:password@host:6379/0, or \
                 rediss://user:password@host:6379 for TLS"
            ),
            RedisUrlError::NotOne => write!(
                f,
                "neither Sentinel nor Redis Cluster is asked: give an address at which one \
                 writable Redis always answers, such as that of a proxy or service which \
                 follows the master"
            ),
            RedisUrlError::Insecure => write!(
                f,
                "TLS that trusts everybody (#insecure) protects from nobody; name the \
                 certificates that vouch for Redis in cluster.redis_ca"
            ),
            RedisUrlError::NoTls => write!(
                f,
                "this program was built without TLS to Redis; build one with: cargo build \
                 --release --features full"
            ),
            RedisUrlError::Ca(why) => write!(f, "cluster.redis_ca: {why}"),
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
            ("valkey://chat:secret@db", "redis://db:6379/0"),
            #[cfg(feature = "cluster-tls")]
            ("rediss://chat:secret@db:6380", "rediss://db:6380/0"),
            #[cfg(feature = "cluster-tls")]
            ("valkeys://chat:secret@db", "rediss://db:6379/0"),
            (
                "redis+unix:///run/redis.sock?pass=secret",
                "redis+unix:///run/redis.sock",
            ),
        ] {
            let parsed = RedisUrl::parse(url).unwrap();
            assert_eq!(parsed.to_string(), shown);
            assert_eq!(format!("{parsed:?}"), shown);
        }
        for (url, error) in [
            ("http://db", RedisUrlError::Form),
            ("db:6379", RedisUrlError::Form),
            ("rediss://db/#insecure", RedisUrlError::Insecure),
            ("redis-sentinel://db:26379/mymaster", RedisUrlError::NotOne),
            ("redis+cluster://db", RedisUrlError::NotOne),
            ("redis://:p,w@one:6379,two:6379", RedisUrlError::NotOne),
        ] {
            assert_eq!(RedisUrl::parse(url).unwrap_err(), error, "{url}");
        }
        assert!(RedisUrl::parse("redis://:p,w@one").is_ok());
    }
}
