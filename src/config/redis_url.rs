//! Redis's URL, parsed, with what TLS to it needs. Never shows the password.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use redis::{Client, ConnectionAddr, ConnectionInfo, IntoConnectionInfo, RedisResult};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

/// What stands in a PEM file.
type Pem = Arc<[u8]>;

/// Where a Redis is: `redis://user:password@host:port/database`, `rediss://` for
/// TLS, or `redis+unix:///path`. It shows without user and password.
#[derive(Clone)]
pub struct RedisUrl {
    info: ConnectionInfo,
    /// Certificate authorities, as PEM, to trust instead of the system's.
    ca: Option<Pem>,
    /// The client certificate and its key, as PEM, for a Redis that asks for one.
    identity: Option<(Pem, Pem)>,
}

/// Why a text is no such URL, or cannot be used. Shows nothing of the text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RedisUrlError {
    /// It is not of the form `redis://host:port/database`.
    Form,
    /// It names several servers, a cluster or a Sentinel.
    NotOne,
    /// It asks for TLS without verification.
    Insecure,
    /// It asks for TLS, which this program was built without.
    NoTls,
    /// The file of `cluster.redis_ca` cannot be used.
    Ca(String),
    /// The files of `cluster.redis_cert` and `cluster.redis_key` cannot be used.
    Identity(String),
}

impl RedisUrl {
    /// Parses the URL of one Redis.
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
            _ => Ok(RedisUrl {
                info,
                ca: None,
                identity: None,
            }),
        }
    }

    /// The same, trusting the certificate authorities in a PEM file.
    pub fn trusting(self, path: &Path) -> Result<RedisUrl, RedisUrlError> {
        let ca = certificates(path).map_err(RedisUrlError::Ca)?;
        Ok(RedisUrl {
            ca: Some(ca),
            ..self
        })
    }

    /// The same, presenting the client certificate in a PEM file, with its key.
    pub fn showing(self, certificate: &Path, key: &Path) -> Result<RedisUrl, RedisUrlError> {
        let certificate = certificates(certificate);
        let certificate = certificate
            .map_err(|why| RedisUrlError::Identity(format!("cluster.redis_cert: {why}")))?;
        let key = private_key(key);
        let key =
            key.map_err(|why| RedisUrlError::Identity(format!("cluster.redis_key: {why}")))?;
        Ok(RedisUrl {
            identity: Some((certificate, key)),
            ..self
        })
    }

    /// A client for this Redis, with user, password and certificates.
    pub(crate) fn client(&self) -> RedisResult<Client> {
        // Sending the library's name would cost two commands a connection.
        let redis = self.info.redis_settings().clone().set_skip_set_lib_name();
        let info = self.info.clone().set_redis_settings(redis);
        #[cfg(feature = "cluster-tls")]
        if let ConnectionAddr::TcpTls { .. } = info.addr()
            && (self.ca.is_some() || self.identity.is_some())
        {
            let identity = self.identity.as_ref();
            let certificates = redis::TlsCertificates {
                client_tls: identity.map(|(certificate, key)| redis::ClientTlsConfig {
                    client_cert: certificate.to_vec(),
                    client_key: key.to_vec(),
                }),
                root_cert: self.ca.as_ref().map(|ca| ca.to_vec()),
            };
            return Client::build_with_tls(info, certificates);
        }
        Client::open(info)
    }
}

/// Reads a PEM file that must have at least one certificate.
fn certificates(path: &Path) -> Result<Pem, String> {
    let pem = read(path)?;
    let read: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&pem).collect();
    match read {
        Ok(certificates) if !certificates.is_empty() => Ok(pem.into()),
        Ok(_) => Err(unusable(path, "there is no certificate in it")),
        Err(error) => Err(unusable(path, error)),
    }
}

/// Reads a PEM file that must have a private key.
fn private_key(path: &Path) -> Result<Pem, String> {
    let pem = read(path)?;
    match PrivateKeyDer::from_pem_slice(&pem) {
        Ok(_) => Ok(pem.into()),
        Err(_) => Err(unusable(path, "there is no private key in it")),
    }
}

fn read(path: &Path) -> Result<Vec<u8>, String> {
    std::fs::read(path).map_err(|error| unusable(path, error))
}

fn unusable(path: &Path, why: impl fmt::Display) -> String {
    format!("cannot use {}: {why}", path.display())
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
                "Sentinel and Redis Cluster are not supported: give an address at which one \
                 writable Redis always answers, such as that of a proxy or service which \
                 follows the master"
            ),
            RedisUrlError::Insecure => write!(
                f,
                "#insecure turns off the verification of Redis's certificate; leave it out and \
                 name the certificate authority in cluster.redis_ca"
            ),
            RedisUrlError::NoTls => write!(
                f,
                "this program was built without TLS to Redis; build one with: cargo build \
                 --release --features full"
            ),
            RedisUrlError::Ca(why) => write!(f, "cluster.redis_ca: {why}"),
            RedisUrlError::Identity(why) => f.write_str(why),
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
