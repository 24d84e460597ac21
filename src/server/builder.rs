//! Configures a chat before it starts.

use std::io;
use std::net::{SocketAddr, ToSocketAddrs};
use std::path::PathBuf;

use parking_lot::Mutex;

use crate::config::{Config, Durability, History, Listen, ListenerKind, Protocol};
use crate::net::tls::Certificate;

use super::listener::BoundAs;
use super::{Chat, ListenError, StartError, Stopper, parts};

/// The configuration of a chat; made by [`Chat::builder`]. Where two calls set the same thing, the
/// later one wins.
#[must_use = "nothing runs until `start` is called"]
pub struct Builder {
    config: Config,
    keeps: bool,
    listen: Vec<(ListenerKind, io::Result<Vec<SocketAddr>>)>,
    failed: Box<dyn FnOnce() + Send>,
}

impl Builder {
    pub(super) fn new() -> Builder {
        let mut config = Config {
            listen: Listen::off(),
            ..Config::default()
        };
        keep(&mut config, false);
        Builder {
            config,
            keeps: false,
            listen: Vec::new(),
            failed: Box::new(|| {}),
        }
    }

    /// Keeps accounts, messages and the chat log in this folder, which is created if necessary.
    /// Only one chat can use a folder at a time.
    ///
    /// Without a folder, a chat has no history and no chat log, and its accounts and their direct
    /// messages are lost when it ends.
    pub fn data_dir(mut self, folder: impl Into<PathBuf>) -> Builder {
        self.config.data_dir = folder.into();
        self.keeps = true;
        keep(&mut self.config, true);
        self
    }

    /// Changes settings: limits, the greeting, and everything else that `docs/configuration.md`
    /// describes, within the ranges given there.
    pub fn settings(mut self, change: impl FnOnce(&mut Config)) -> Builder {
        change(&mut self.config);
        self
    }

    /// Takes all settings from a configuration, as the program does, including its data folder and
    /// its listeners.
    pub fn config(mut self, config: Config) -> Builder {
        self.config = config;
        self.keeps = true;
        self
    }

    /// Attaches a listener as soon as the chat starts. If its address is not available, nothing is
    /// started.
    pub fn listen(mut self, protocol: Protocol, address: impl ToSocketAddrs) -> Builder {
        let addresses = address.to_socket_addrs().map(Iterator::collect);
        let secure = false;
        self.listen
            .push((ListenerKind { protocol, secure }, addresses));
        self
    }

    /// Presents this certificate, with this key, to clients that connect by TLS; both are PEM
    /// files.
    pub fn certificate(
        mut self,
        certificate: impl Into<PathBuf>,
        key: impl Into<PathBuf>,
    ) -> Builder {
        self.config.tls.certificate = Some(certificate.into());
        self.config.tls.key = Some(key.into());
        self
    }

    /// As [`Builder::listen`], with TLS; needs a [`Builder::certificate`].
    pub fn listen_tls(mut self, protocol: Protocol, address: impl ToSocketAddrs) -> Builder {
        let addresses = address.to_socket_addrs().map(Iterator::collect);
        let secure = true;
        self.listen
            .push((ListenerKind { protocol, secure }, addresses));
        self
    }

    /// Sets what to do if the hub or the store's writer fails, which would be a bug in this crate:
    /// the chat is then dead and can only be dropped. Runs once, on the thread that failed.
    pub fn on_failure(mut self, failed: impl FnOnce() + Send + 'static) -> Builder {
        self.failed = Box::new(failed);
        self
    }

    /// Checks the settings, binds all listeners, then starts everything. On an error, nothing is
    /// left running.
    pub fn start(self) -> Result<Chat, StartError> {
        let stopper = Stopper::default();
        self.config.check().map_err(StartError::Settings)?;
        let secure = self.listen.iter().any(|(kind, _)| kind.secure)
            || ListenerKind::configured(&self.config).any(|(kind, _)| kind.secure);
        let certificate = certificate(&self.config, secure)?;
        let bound = bind_all(&self.config, self.listen)?;
        let temporary = match self.keeps {
            true => None,
            false => Some(tempfile::Builder::new().prefix("chat-server-").tempdir()?),
        };
        let mut config = self.config;
        if let Some(folder) = &temporary {
            config.data_dir = folder.path().to_owned();
            // A temporary folder need not survive a power failure.
            config.store.durability = Durability::Process;
        }
        let address = advertised(&config, &bound);
        let (of_failure, failed) = (stopper.clone(), self.failed);
        let failed = Box::new(move || {
            failed();
            of_failure.fail();
        });
        let parts = parts::start(config, address, temporary, certificate, failed)?;
        #[cfg_attr(not(feature = "grpc"), expect(unused_mut))]
        let mut chat = Chat {
            shared: parts.shared,
            rest: parts.rest,
            listeners: Mutex::default(),
            #[cfg(feature = "grpc")]
            registration: None,
            ending: Some(parts.ending),
            stopper,
        };
        for bound in bound {
            chat.serve(bound)?;
        }
        #[cfg(feature = "grpc")]
        super::grpc::register(&mut chat)?;
        Ok(chat)
    }
}

impl std::fmt::Debug for Builder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Builder")
            .field("config", &self.config)
            .field("listen", &self.listen)
            .finish_non_exhaustive()
    }
}

/// Sets whether messages and events are stored.
fn keep(config: &mut Config, keeps: bool) {
    config.history = if keeps { History::On } else { History::Off };
    config.chat_log.enabled = keeps;
}

/// Loads the certificate, if there is one, before anything is bound.
fn certificate(config: &Config, needed: bool) -> Result<Option<Certificate>, StartError> {
    match (&config.tls.certificate, &config.tls.key) {
        (Some(certificate), Some(key)) => Ok(Some(Certificate::load(certificate, key)?)),
        _ if needed => Err(StartError::NoCertificate),
        _ => Ok(None),
    }
}

/// The address that clients are told to connect to: the configured one, or that of the web
/// listener, or that of any other.
fn advertised(config: &Config, bound: &[BoundAs]) -> String {
    let given = [&config.cluster.advertise, &config.name_server.advertise];
    if let Some(given) = given.into_iter().find(|given| !given.is_empty()) {
        return given.clone();
    }
    let web = bound.iter().find(|bound| bound.protocol() == Protocol::Web);
    let address = web.or(bound.first()).and_then(BoundAs::address);
    address.map_or_else(String::new, |address| address.to_string())
}

fn bind_all(
    config: &Config,
    more: Vec<(ListenerKind, io::Result<Vec<SocketAddr>>)>,
) -> Result<Vec<BoundAs>, ListenError> {
    ListenerKind::configured(config)
        .map(|(kind, address)| (kind, Ok(vec![address])))
        .chain(more)
        .map(|(kind, addresses)| {
            let addresses = addresses.map_err(|error| ListenError::resolving(kind, error))?;
            BoundAs::bind(kind, addresses)
        })
        .collect()
}
