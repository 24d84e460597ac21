//! Why the server does not start, in words that say what to do.

use std::fmt;
use std::io;
use std::net::SocketAddr;

use crate::chatlog::ChatLogError;
use crate::data::DataError;
use crate::net::tls::CertificateError;
use crate::store::{OpenError, StoreError};

/// Why the server did not start. Nothing is left running.
#[derive(Debug)]
pub enum StartError {
    /// A listener's address cannot be had.
    Bind {
        /// The listener.
        name: &'static str,
        /// Its address.
        address: SocketAddr,
        /// Why.
        error: io::Error,
    },
    /// Something about the data folder.
    Data(DataError),
    /// Something about the chat log.
    ChatLog(ChatLogError),
    /// The database cannot be used.
    Database(OpenError),
    /// The database cannot be read.
    Store(StoreError),
    /// The certificate or its key cannot be used.
    Certificate(CertificateError),
    /// A listener should speak TLS and there is no certificate.
    NoCertificate,
    /// TLS cannot be set up.
    Tls(rustls::Error),
    /// A thread or a descriptor cannot be had.
    System(io::Error),
}

impl From<io::Error> for StartError {
    fn from(error: io::Error) -> StartError {
        StartError::System(error)
    }
}

impl From<CertificateError> for StartError {
    fn from(error: CertificateError) -> StartError {
        StartError::Certificate(error)
    }
}

impl From<ChatLogError> for StartError {
    fn from(error: ChatLogError) -> StartError {
        StartError::ChatLog(error)
    }
}

impl From<OpenError> for StartError {
    fn from(error: OpenError) -> StartError {
        StartError::Database(error)
    }
}

impl From<DataError> for StartError {
    fn from(error: DataError) -> StartError {
        StartError::Data(error)
    }
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            StartError::Bind {
                name,
                address,
                error,
            } if error.kind() == io::ErrorKind::AddrInUse => write!(
                f,
                "{name}: another program already uses {address}; choose another \
                 address with --{name} ADDR or {} in the configuration",
                setting(name)
            ),
            StartError::Bind {
                name,
                address,
                error,
            } => write!(f, "{name}: cannot listen on {address}: {error}"),
            StartError::Data(error) => error.fmt(f),
            StartError::Database(error) => error.fmt(f),
            StartError::Store(error) => error.fmt(f),
            StartError::ChatLog(error) => error.fmt(f),
            StartError::Certificate(error) => error.fmt(f),
            StartError::NoCertificate => write!(
                f,
                "tls.certificate and tls.key: needed for the listeners in tls"
            ),
            StartError::Tls(error) => write!(f, "TLS cannot be set up: {error}"),
            StartError::System(error) => write!(f, "cannot start: {error}"),
        }
    }
}

/// Where a listener's address stands in the file.
fn setting(listener: &str) -> String {
    match listener.strip_prefix("tls-") {
        Some(inside) => format!("tls.{inside}"),
        None => format!("listen.{listener}"),
    }
}

impl std::error::Error for StartError {}
