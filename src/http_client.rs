//! What all calls over HTTP to other programs have in common: TLS, and why a call has no answer.

use std::fmt;
use std::io;
use std::path::Path;
use std::sync::Arc;

use rustls::crypto::aws_lc_rs;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::{self, PemObject};
use ureq::Timeout;
use ureq::config::Config;
use ureq::http::Uri;
use ureq::tls::{Certificate, RootCerts, TlsConfig, TlsProvider};
use ureq::unversioned::resolver::{DefaultResolver, ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::NextTimeout;

/// Why a call has no answer; `Display` is for the user who made it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// The host has no address.
    NoHost,
    /// There is no connection: it was refused, say.
    NoConnection(String),
    /// No connection was made in time.
    ConnectTimedOut,
    /// TLS could not be agreed on.
    Tls(String),
    /// The connection broke after the request, or a part of it, was sent.
    Broken(String),
    /// The answer did not come in time.
    TimedOut,
    /// What came is not HTTP.
    Nonsense,
}

/// Looks up the addresses of hosts. A host that has none is [`ureq::Error::HostNotFound`], which the
/// resolver of ureq tells in another way.
#[derive(Debug, Default)]
pub struct Lookup(DefaultResolver);

impl Resolver for Lookup {
    fn resolve(
        &self,
        uri: &Uri,
        config: &Config,
        timeout: NextTimeout,
    ) -> Result<ResolvedSocketAddrs, ureq::Error> {
        let found = self.0.resolve(uri, config, timeout);
        found.map_err(|error| match error {
            ureq::Error::Io(_) => ureq::Error::HostNotFound,
            other => other,
        })
    }
}

/// The authorities that the system trusts. Those that cannot be read are left out; with what is
/// wrong with them.
pub fn system_roots() -> (RootCerts, Vec<impl fmt::Display>) {
    let found = rustls_native_certs::load_native_certs();
    (roots(&found.certs), found.errors)
}

/// The authorities in a PEM file.
pub fn roots_in(path: &Path) -> Result<RootCerts, pem::Error> {
    let found: Result<Vec<_>, _> = CertificateDer::pem_file_iter(path)?.collect();
    let found = found?;
    match found.is_empty() {
        true => Err(pem::Error::NoItemsFound),
        false => Ok(roots(&found)),
    }
}

fn roots(certificates: &[CertificateDer<'static>]) -> RootCerts {
    let roots = certificates.iter();
    let roots = roots.map(|root| Certificate::from_der(root).to_owned());
    RootCerts::from(roots.collect::<Vec<_>>())
}

/// TLS that trusts these authorities.
pub fn tls(roots: RootCerts) -> TlsConfig {
    TlsConfig::builder()
        .provider(TlsProvider::Rustls)
        .root_certs(roots)
        .unversioned_rustls_crypto_provider(Arc::new(aws_lc_rs::default_provider()))
        .build()
}

impl Failure {
    /// What an error means.
    pub fn of(error: &ureq::Error) -> Failure {
        match error {
            ureq::Error::Timeout(Timeout::Resolve | Timeout::Connect) => Failure::ConnectTimedOut,
            ureq::Error::Timeout(_) => Failure::TimedOut,
            ureq::Error::HostNotFound | ureq::Error::BadUri(_) => Failure::NoHost,
            ureq::Error::Tls(why) => Failure::Tls((*why).to_owned()),
            ureq::Error::Rustls(error) => Failure::Tls(error.to_string()),
            ureq::Error::ConnectionFailed => Failure::NoConnection("connection failed".into()),
            ureq::Error::Io(error) => Failure::of_io(error),
            _ => Failure::Nonsense,
        }
    }

    fn of_io(error: &io::Error) -> Failure {
        let inner = error.get_ref();
        if let Some(error) = inner.and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
            return Failure::Tls(error.to_string());
        }
        if let Some(error) = inner.and_then(|inner| inner.downcast_ref::<ureq::Error>()) {
            return Failure::of(error);
        }
        let words = error.kind().to_string();
        match error.kind() {
            io::ErrorKind::TimedOut => Failure::TimedOut,
            io::ErrorKind::ConnectionRefused
            | io::ErrorKind::HostUnreachable
            | io::ErrorKind::NetworkUnreachable
            | io::ErrorKind::AddrNotAvailable => Failure::NoConnection(words),
            _ => Failure::Broken(words),
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Failure::NoHost => f.write_str("the host has no address"),
            Failure::NoConnection(why) => f.write_str(why),
            Failure::ConnectTimedOut => f.write_str("no connection in time"),
            Failure::Tls(why) => write!(f, "TLS failed: {why}"),
            Failure::Broken(why) => write!(f, "the connection broke: {why}"),
            Failure::TimedOut => f.write_str("no answer in time"),
            Failure::Nonsense => f.write_str("the answer is not HTTP"),
        }
    }
}

impl std::error::Error for Failure {}
