//! Why something does not start or is not done, worded for people.

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
    /// A listener cannot be attached.
    Listen(ListenError),
    /// The data folder cannot be used.
    Data(DataError),
    /// The chat log cannot be used.
    ChatLog(ChatLogError),
    /// The database cannot be used.
    Database(OpenError),
    /// The database cannot be read.
    Store(StoreError),
    /// The other servers cannot be joined.
    #[cfg(feature = "cluster")]
    Cluster(crate::cluster::ClusterError),
    /// The address of Redis is not valid.
    #[cfg(feature = "cluster")]
    Redis(crate::cluster::RedisUrlError),
    /// The certificate or its key cannot be used.
    Certificate(CertificateError),
    /// A listener is to speak TLS and there is no certificate.
    NoCertificate,
    /// TLS cannot be set up.
    Tls(rustls::Error),
    /// The system provides no thread or no descriptor.
    System(io::Error),
}

/// Why a listener cannot be attached.
#[derive(Debug)]
pub struct ListenError {
    kind: ListenerKind,
    /// `None` if it is not about a particular one.
    address: Option<SocketAddr>,
    error: io::Error,
}

/// Why a chat does not do what the program asks.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum ChatError {
    /// A rule that holds for all users forbids it.
    Refused(Refusal),
    /// The rules for a channel are not as [`Chat::set_rules`](super::Chat::set_rules) takes them.
    BadRules,
    /// The text is longer than this many bytes, the `limits.line_bytes` of the settings.
    TooLong(usize),
    /// The participant is no longer in the chat: it was kicked, or the chat
    /// has ended.
    Gone,
    /// The chat is too busy, or has ended.
    Unavailable,
    /// The store has not answered in time: the action may still happen, or not.
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

    /// The name of the address could not be resolved.
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

    /// The protocol that it was to speak.
    pub fn protocol(&self) -> Protocol {
        self.kind.protocol
    }

    /// Whether another program uses the address.
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
            ChatError::BadRules => write!(
                f,
                "Those are no rules of a channel. They are written as \"+moderated limit 50 -key\"."
            ),
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
