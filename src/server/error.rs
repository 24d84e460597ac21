//! Why something does not start or is not done, in words for people.

use std::fmt;
use std::io;
use std::net::SocketAddr;

use crate::chatlog::ChatLogError;
use crate::config::{ListenerKind, Problems, Protocol};
use crate::data::DataError;
use crate::hub::Refusal;
use crate::net::tls::CertificateError;
use crate::store::{OpenError, StoreError};
use crate::turn::HubUnavailable;

/// Why a chat did not start. Nothing is left running.
#[derive(Debug)]
#[non_exhaustive]
pub enum StartError {
    /// Its settings have mistakes.
    Settings(Problems),
    /// One of its listeners cannot be.
    Listen(ListenError),
    /// Something about the data folder.
    Data(DataError),
    /// Something about the chat log.
    ChatLog(ChatLogError),
    /// The database cannot be used.
    Database(OpenError),
    /// The database cannot be read.
    Store(StoreError),
    /// The other servers cannot be joined.
    #[cfg(feature = "cluster")]
    Cluster(crate::cluster::ClusterError),
    /// The address of Redis is none.
    #[cfg(feature = "cluster")]
    Redis(crate::cluster::RedisUrlError),
    /// The certificate or its key cannot be used.
    Certificate(CertificateError),
    /// A listener should speak TLS and there is no certificate.
    NoCertificate,
    /// TLS cannot be set up.
    Tls(rustls::Error),
    /// A thread or a descriptor cannot be had.
    System(io::Error),
}

/// Why a listener cannot be attached.
#[derive(Debug)]
pub struct ListenError {
    kind: ListenerKind,
    /// Nothing if it is not about a particular one.
    address: Option<SocketAddr>,
    error: io::Error,
}

/// Why a chat does not do what the program around it wants.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum ChatError {
    /// It is against the rules that hold for everyone.
    Refused(Refusal),
    /// The text is longer than this many bytes, the `limits.line_bytes` of
    /// the settings.
    TooLong(usize),
    /// The participant is no longer in the chat: it was kicked, or the chat
    /// has ended.
    Gone,
    /// The chat is too busy, or has ended.
    Unavailable,
    /// The store has not answered in time: what was asked for may still be
    /// done, or not.
    Unanswered,
}

impl ListenError {
    pub(super) fn new(
        kind: ListenerKind,
        address: Option<SocketAddr>,
        error: io::Error,
    ) -> ListenError {
        ListenError {
            kind,
            address,
            error,
        }
    }

    /// The address is none.
    pub(super) fn resolving(kind: ListenerKind, error: io::Error) -> ListenError {
        ListenError::new(kind, None, error)
    }

    /// Its setting in the configuration.
    pub(super) fn setting(&self) -> &'static str {
        self.kind.setting()
    }

    /// The listener's name.
    pub(super) fn name(&self) -> &'static str {
        self.kind.name()
    }

    /// What it was to speak.
    pub fn protocol(&self) -> Protocol {
        self.kind.protocol
    }

    /// Whether somebody else has the address.
    pub fn is_in_use(&self) -> bool {
        self.error.kind() == io::ErrorKind::AddrInUse
    }
}

impl fmt::Display for ListenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (name, error) = (self.name(), &self.error);
        match self.address {
            Some(address) if self.is_in_use() => {
                write!(f, "{name}: another program already uses {address}")
            }
            Some(address) => write!(f, "{name}: cannot listen on {address}: {error}"),
            None => write!(f, "{name}: cannot listen: {error}"),
        }
    }
}

impl std::error::Error for ListenError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.error)
    }
}

impl From<ListenError> for StartError {
    fn from(error: ListenError) -> StartError {
        StartError::Listen(error)
    }
}

impl From<Refusal> for ChatError {
    fn from(refusal: Refusal) -> ChatError {
        ChatError::Refused(refusal)
    }
}

impl From<HubUnavailable> for ChatError {
    fn from(_: HubUnavailable) -> ChatError {
        ChatError::Unavailable
    }
}

impl fmt::Display for ChatError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ChatError::Refused(refusal) => refusal.fmt(f),
            ChatError::TooLong(most) => write!(f, "The text is longer than {most} bytes."),
            ChatError::Gone => write!(f, "The participant is no longer in the chat."),
            ChatError::Unavailable => write!(f, "The chat is too busy, or has ended."),
            ChatError::Unanswered => write!(f, "There was no answer in time."),
        }
    }
}

impl std::error::Error for ChatError {}

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
            StartError::Settings(problems) => problems.fmt(f),
            StartError::Listen(error) => error.fmt(f),
            StartError::Data(error) => error.fmt(f),
            StartError::Database(error) => error.fmt(f),
            StartError::Store(error) => error.fmt(f),
            #[cfg(feature = "cluster")]
            StartError::Cluster(error) => error.fmt(f),
            #[cfg(feature = "cluster")]
            StartError::Redis(error) => write!(f, "cluster.redis: {error}"),
            StartError::ChatLog(error) => error.fmt(f),
            StartError::Certificate(error) => error.fmt(f),
            StartError::NoCertificate => {
                write!(f, "tls.certificate and tls.key: needed to listen with TLS")
            }
            StartError::Tls(error) => write!(f, "TLS cannot be set up: {error}"),
            StartError::System(error) => write!(f, "cannot start: {error}"),
        }
    }
}

impl std::error::Error for StartError {}
