//! Starts the parts in order, joins them, stops them. No chat rules.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use parking_lot::RwLock;

use crate::config::Config;
use crate::hub::Hub;
use crate::net::flusher::Flusher;
use crate::net::limits::{Capacity, capacity, raise_descriptor_limit};
use crate::net::line::LineLimits;
use crate::net::listener::{Bound, Listening, Service};
use crate::net::outbox::Outbox;
use crate::net::registry::{Permit, Refused, Registry};
use crate::net::telnet;
use crate::protocol::Encoder;
use crate::turn::{Counters, HubHandle, Input, Turn};

/// A running server.
pub struct Server {
    shared: Arc<Shared>,
    listeners: Vec<Listening>,
    addresses: Vec<(&'static str, SocketAddr)>,
    hub_thread: Option<JoinHandle<()>>,
    shutdown: Duration,
}

/// What all listeners and REST share.
pub struct Shared {
    /// The settings in force.
    pub config: RwLock<Arc<Config>>,
    /// Who is connected.
    pub registry: Arc<Registry>,
    /// How many connections fit.
    pub capacity: RwLock<Capacity>,
    /// The hub thread.
    pub hub: HubHandle,
    /// What the hub thread has done.
    pub counters: Arc<Counters>,
}

/// Why the server did not start.
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
    /// A thread or a descriptor cannot be had.
    System(io::Error),
}

impl Server {
    /// Binds everything, then starts everything; if anything is missing,
    /// nothing runs.
    pub fn start(config: Config) -> Result<Server, StartError> {
        raise_descriptor_limit();
        let bound = bind_all(&config)?;
        let registry = Arc::new(Registry::default());
        let counters = Arc::new(Counters::default());
        let (hub, inputs) = HubHandle::new();
        let outbox = Outbox::new(
            Encoder::new(config.greeting.clone()),
            config.limits.backlog_bytes,
            Flusher::start()?,
            registry.clone(),
        );
        let turn = Turn::new(
            Hub::new(config.limits.hub()),
            outbox,
            inputs,
            config.limits.ping_seconds,
            Box::new(|_entry| {}),
            counters.clone(),
        );
        let hub_thread = turn.start()?;
        let shared = Arc::new(Shared {
            capacity: RwLock::new(capacity(config.limits.connections)),
            registry,
            hub,
            counters,
            config: RwLock::new(Arc::new(config.clone())),
        });
        let mut server = Server {
            shared,
            listeners: Vec::new(),
            addresses: Vec::new(),
            hub_thread: Some(hub_thread),
            shutdown: Duration::from_secs(config.shutdown_seconds),
        };
        for bound in bound {
            server.serve(bound)?;
        }
        Ok(server)
    }

    fn serve(&mut self, bound: Bound) -> Result<(), StartError> {
        let service = Arc::new(Telnet(self.shared.clone()));
        self.addresses.push((bound.name(), bound.address()?));
        self.listeners.push(bound.start(service)?);
        Ok(())
    }

    /// The listeners and where they are, with their real ports.
    pub fn addresses(&self) -> &[(&'static str, SocketAddr)] {
        &self.addresses
    }

    /// Stops accepting, tells everybody, waits until everything is sent.
    pub fn shut_down(mut self) {
        let deadline = Instant::now() + self.shutdown;
        self.listeners.clear();
        let _ = self.shared.hub.send(Input::Stop);
        while self.shared.registry.connections() > 0 && Instant::now() < deadline {
            std::thread::sleep(Duration::from_millis(5));
        }
        let _ = self.shared.hub.send(Input::End);
        if let Some(thread) = self.hub_thread.take() {
            let _ = thread.join();
        }
    }
}

fn bind_all(config: &Config) -> Result<Vec<Bound>, StartError> {
    let listen = &config.listen;
    [("telnet", listen.telnet)]
        .into_iter()
        .filter_map(|(name, address)| Some((name, address?)))
        .map(|(name, address)| {
            Bound::bind(name, address).map_err(|error| StartError::Bind {
                name,
                address,
                error,
            })
        })
        .collect()
}

impl Shared {
    fn admit(&self, peer: SocketAddr) -> Result<Permit, Refused> {
        let per_address = self.config.read().limits.connections_per_address;
        let in_all = self.capacity.read().connections;
        self.registry.admit(peer.ip(), in_all, per_address)
    }

    fn line_limits(&self) -> LineLimits {
        let config = self.config.read();
        LineLimits {
            line_bytes: config.limits.line_bytes,
            message_rate: config.limits.message_rate,
            message_burst: config.limits.message_burst,
        }
    }
}

struct Telnet(Arc<Shared>);

impl Service for Telnet {
    fn admit(&self, peer: SocketAddr) -> Result<Permit, Refused> {
        self.0.admit(peer)
    }

    fn serve(&self, stream: std::net::TcpStream, peer: SocketAddr, permit: Permit) {
        let limits = self.0.line_limits();
        telnet::serve(stream, peer, &self.0.hub, &self.0.registry, limits);
        drop(permit);
    }

    fn refusal(&self, why: Refused) -> Vec<u8> {
        format!("* {}\r\n", why.words()).into_bytes()
    }
}

impl From<io::Error> for StartError {
    fn from(error: io::Error) -> StartError {
        StartError::System(error)
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
                "{name}: another program already uses {address}; \
                 choose another address with --{name} ADDR, or listen.{name} in the configuration"
            ),
            StartError::Bind {
                name,
                address,
                error,
            } => write!(f, "{name}: cannot listen on {address}: {error}"),
            StartError::System(error) => write!(f, "cannot start: {error}"),
        }
    }
}

impl std::error::Error for StartError {}
