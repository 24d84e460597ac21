//! What listeners, REST and signals share while the server runs.

use std::collections::HashMap;
use std::io;
use std::net::{SocketAddr, TcpStream};
use std::ops::Deref;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use parking_lot::{Mutex, RwLock};

use crate::account::{Accounts, Gate, unix_ms};
use crate::admin::{Administration, AllServers, Servers};
use crate::chatlog::ChatLog;
use crate::config::Config;
use crate::data::{self, DataDir};
use crate::http::{Folder, HttpLimits, Origins, Proxies};
use crate::hub::{Ban, NodeId};
use crate::metrics::{ClusterHealth, Metrics};
use crate::model::Entry;
use crate::net::limits::{Capacity, capacity};
use crate::net::proxy_header::{self, BadHeader};
use crate::net::registry::{Permit, Refused, Registry};
use crate::net::tls::{Certificate, Inside, Tls};
use crate::net::transport::Transport;
use crate::nodes::{Node, new_id};
use crate::rest::{self, AdminToken};
use crate::session::allowance::Allowances;
use crate::session::context::{SessionContext, SessionLimits};
use crate::turn::{HubHandle, Input};

use super::settings::{guess_limits, http_limits, pass_lives, settings};

/// Places kept for the REST listener, so that administrators get in when
/// everybody else has taken theirs.
const RESERVED: usize = 16;

/// Handles of the running parts, and the settings in force.
pub struct Shared {
    /// Locked to read a setting or to put others in force, never for longer.
    config: RwLock<Config>,
    capacity: RwLock<Capacity>,
    handles: Handles,
    /// Where the admin token was found at the start.
    pub found_token: data::AdminToken,
    /// What administrators must know.
    pub admin_token: Arc<AdminToken>,
    /// What administrators can do.
    pub admin: Arc<Administration>,
    /// Ends the connections over gRPC.
    #[cfg(feature = "grpc")]
    pub grpc: crate::grpc::Stop,
    /// Where clients and other servers are told this one is; empty: nowhere.
    pub own_address: String,
    /// Which pages may open WebSockets.
    pub origins: Arc<Origins>,
    /// Proxies whose word on a client's address is taken.
    pub proxies: Arc<Proxies>,
    /// What the connections of an address may have written.
    pub allowances: Arc<Allowances>,
    /// Balancers that say in a PROXY header whom they speak for.
    balancers: Proxies,
    /// Longest text of an administrator.
    pub admin_text_bytes: Arc<AtomicUsize>,
    /// Whether it is about to be shut down.
    is_draining: AtomicBool,
    /// What it calls itself among others: made up at the start, and from
    /// then on what a name server calls it.
    pub node_id: Arc<Mutex<String>>,
    /// Ids of the registry that have no connection: the program's own.
    pub participants: AtomicUsize,
}

/// The running parts.
pub struct Handles {
    /// Who is connected.
    pub registry: Arc<Registry>,
    /// The hub thread.
    pub hub: HubHandle,
    /// Who is registered, and the store.
    pub accounts: Arc<Accounts>,
    /// Who may come in under which nickname.
    pub gate: Arc<Gate>,
    /// What happened.
    pub chat_log: ChatLog,
    /// The data folder, held for as long as the server runs.
    pub data: Arc<DataDir>,
    /// What is counted.
    pub metrics: Arc<Metrics>,
    /// TLS, if a listener speaks it.
    pub tls: Option<Arc<Tls>>,
    /// The others, if this is one of several servers.
    pub others: Option<Arc<dyn Others>>,
}

/// This server's place among several that are one chat.
pub trait Others: Send + Sync {
    /// All live servers that people may be sent to.
    fn nodes(&self) -> Vec<Node>;

    /// What all live servers are called: `host:port`.
    fn addresses(&self) -> HashMap<NodeId, String>;

    /// A number for a ban that no other has; waits for it.
    fn ban_number(&self, above: u64) -> Option<u64>;

    /// Has people sent to this one no more.
    fn drain(&self);

    /// How it gets on with what they share; never waits.
    fn health(&self) -> ClusterHealth;
}

/// Whoever has the settings in force has the parts they apply to.
impl Deref for Shared {
    type Target = Handles;

    fn deref(&self) -> &Handles {
        &self.handles
    }
}

impl Shared {
    /// Brings the handles together.
    pub fn new(
        config: Config,
        own_address: String,
        found_token: data::AdminToken,
        handles: Handles,
    ) -> Shared {
        let admin_text_bytes = Arc::new(AtomicUsize::new(config.limits.line_bytes));
        let data = handles.data.clone();
        let save_bans = move |list: &[Ban]| data.bans().save(list).map_err(io::Error::other);
        let mut admin = Administration::new(
            handles.hub.clone(),
            handles.chat_log.clone(),
            Box::new(save_bans),
            admin_text_bytes.clone(),
        );
        if let Some(others) = handles.others.clone() {
            let here = own_address.clone();
            admin = admin.among(Box::new(All { here, others }));
        }
        let token = AdminToken::new(found_token.secret().clone(), config.limits.auth_attempts);
        token.set_metrics_token(config.admin.metrics_token.clone());
        Shared {
            admin: Arc::new(admin),
            capacity: RwLock::new(capacity(config.limits.connections)),
            origins: Arc::new(Origins::new(config.web.allowed_origins.clone())),
            proxies: Arc::new(Proxies::new(config.web.trusted_proxies.clone())),
            allowances: Arc::new(Allowances::new(config.limits.bytes_per_address)),
            balancers: Proxies::new(config.listen.proxy_protocol_from.clone()),
            admin_token: Arc::new(token),
            admin_text_bytes,
            is_draining: AtomicBool::new(false),
            node_id: Arc::new(Mutex::new(new_id().unwrap_or_default())),
            participants: AtomicUsize::new(0),
            #[cfg(feature = "grpc")]
            grpc: crate::grpc::Stop::default(),
            own_address,
            config: RwLock::new(config),
            found_token,
            handles,
        }
    }

    /// The live servers that people may be sent to; this one, if it stands
    /// alone.
    pub fn nodes(&self) -> Vec<Node> {
        match &self.others {
            Some(others) => others.nodes(),
            None if self.is_draining.load(Ordering::Relaxed) => Vec::new(),
            None => vec![self.this_node()],
        }
    }

    /// People are to be sent elsewhere from now on.
    pub fn drain(&self) {
        self.is_draining.store(true, Ordering::Relaxed);
        if let Some(others) = &self.others {
            others.drain();
        }
    }

    /// This server, as others would see it.
    pub fn this_node(&self) -> Node {
        Node {
            id: self.node_id.lock().clone(),
            address: self.own_address.clone(),
            connections: self.registry.connections() as u64,
            capacity: self.capacity().connections as u64,
            last_heartbeat_ms: unix_ms(),
            is_hindered: false,
        }
    }

    /// Lets a connection to lines over TCP in, or says why not. How many come
    /// through a balancer is not to be limited, only whom they come for.
    pub fn admit_lines(&self, peer: SocketAddr) -> Result<Permit, Refused> {
        let per_address = match self.balancers.trusts(peer.ip()) {
            true => 0,
            false => self.per_address(),
        };
        self.check_allowance(peer)?;
        self.admit_within(peer, per_address, 0)
    }

    /// As [`Shared::admit_lines`], for a connection that the program around the
    /// chat has brought: no balancer stands before that.
    pub fn admit_attached(&self, peer: SocketAddr) -> Result<Permit, Refused> {
        self.check_allowance(peer)?;
        self.admit_within(peer, self.per_address(), 0)
    }

    /// Whether who comes from this address may say anything at present. Who
    /// comes and goes leaves traces, too.
    pub fn check_allowance(&self, peer: SocketAddr) -> Result<(), Refused> {
        match self.allowances.of(peer.ip()).is_spent() {
            true => {
                self.metrics.connections_refused.inc();
                Err(Refused::AllowanceSpent)
            }
            false => Ok(()),
        }
    }

    /// Who has come to lines over TCP, if a balancer says so; the permit is
    /// theirs then.
    pub fn arrival(
        &self,
        stream: &TcpStream,
        peer: SocketAddr,
        permit: &mut Permit,
    ) -> Result<SocketAddr, NoArrival> {
        if !self.balancers.trusts(peer.ip()) {
            return Ok(peer);
        }
        let allowed = Duration::from_secs(self.config.read().limits.http_seconds);
        let announced = proxy_header::read(stream, Instant::now() + allowed);
        let client = announced.map_err(|why| {
            if why != BadHeader::Gone {
                self.metrics.connections_refused.inc();
            }
            NoArrival::Header(why)
        })?;
        let client = client.unwrap_or(peer);
        // Whom the balancer itself wants something from is not counted.
        if client != peer {
            let moved = permit.move_to(client.ip(), self.per_address());
            moved.map_err(|why| {
                self.metrics.connections_refused.inc();
                NoArrival::Refused(client, why)
            })?;
            let spent = self.check_allowance(client);
            spent.map_err(|why| NoArrival::Refused(client, why))?;
        }
        Ok(client)
    }

    /// As [`Shared::admit_lines`], for HTTP, where proxies say later whom they
    /// come for.
    pub fn admit_http(&self, peer: SocketAddr) -> Result<Permit, Refused> {
        self.admit_within(peer, self.per_address_of(peer), 0)
    }

    /// As [`Shared::admit_http`], for a listener for administrators: there is
    /// room for them in a server that is full.
    pub fn admit_to_rest(&self, peer: SocketAddr) -> Result<Permit, Refused> {
        self.admit_within(peer, self.per_address_of(peer), RESERVED)
    }

    /// Connections one address may have; 0 is no limit.
    pub fn per_address(&self) -> usize {
        self.config.read().limits.connections_per_address
    }

    fn per_address_of(&self, peer: SocketAddr) -> usize {
        match self.proxies.trusts(peer.ip()) {
            true => 0,
            false => self.per_address(),
        }
    }

    fn admit_within(
        &self,
        peer: SocketAddr,
        per_address: usize,
        reserved: usize,
    ) -> Result<Permit, Refused> {
        let in_all = self.capacity.read().connections.saturating_add(reserved);
        let permit = self.registry.admit(peer.ip(), in_all, per_address);
        if permit.is_err() {
            self.metrics.connections_refused.inc();
        }
        permit
    }

    /// A connection ready to be spoken on; nothing if it should have had a
    /// handshake and had none.
    pub fn open(&self, stream: TcpStream, tls: Option<&Tls>, inside: Inside) -> Option<Transport> {
        match tls {
            None => Some(stream.into()),
            Some(tls) => {
                let limit = self.config.read().limits.http_seconds;
                tls.accept(stream, inside, Duration::from_secs(limit))
            }
        }
    }

    /// What a session that begins now works with.
    pub fn session_context(&self) -> SessionContext {
        let config = self.config.read();
        let limits = SessionLimits {
            line_bytes: config.limits.line_bytes,
            message_rate: config.limits.message_rate,
            message_burst: config.limits.message_burst,
        };
        SessionContext {
            hub: self.hub.clone(),
            registry: self.registry.clone(),
            accounts: self.accounts.clone(),
            allowances: self.allowances.clone(),
            limits,
        }
    }

    /// What an HTTP connection that begins now may cost.
    pub fn http_limits(&self) -> HttpLimits {
        http_limits(&self.config.read().limits)
    }

    /// The folder whose files are served with the page, if there is one.
    pub fn folder(&self) -> Option<Folder> {
        let root = self.config.read().web.folder.clone()?;
        Some(Folder::new(root, rest::is_reserved))
    }

    /// How many connections fit.
    pub fn capacity(&self) -> Capacity {
        self.capacity.read().clone()
    }

    /// The settings in force.
    pub fn config(&self) -> Config {
        self.config.read().clone()
    }

    /// Puts what may change while running in force.
    pub fn reload(&self, new: &Config) {
        let config = {
            let mut config = self.config.write();
            config.adopt(new);
            config.clone()
        };
        *self.capacity.write() = capacity(config.limits.connections);
        self.origins.replace(config.web.allowed_origins.clone());
        self.proxies.replace(config.web.trusted_proxies.clone());
        self.balancers
            .replace(config.listen.proxy_protocol_from.clone());
        self.allowances.set(config.limits.bytes_per_address);
        self.accounts.set_guess_limits(guess_limits(&config));
        self.gate.set_lives(pass_lives(&config));
        self.admin_token.set_failures(config.limits.auth_attempts);
        self.admin_text_bytes
            .store(config.limits.line_bytes, Ordering::Relaxed);
        self.chat_log.configure(&config.chat_log);
        self.reload_admin_token(&config);
        self.admin_token
            .set_metrics_token(config.admin.metrics_token.clone());
        self.reload_certificate(&config);
        // Fails only without a hub, when there is nothing left to set.
        let _ = self.hub.send(Input::Configure(Box::new(settings(&config))));
    }

    /// Adds to the audit trail what was done on the machine itself.
    pub fn note(&self, what: String) {
        let entry = Entry::admin(unix_ms(), what);
        // For watches only: the chat log has it also without a hub.
        let _ = self.hub.send(Input::Tell(Box::new(entry.clone())));
        self.chat_log.record(entry);
    }

    /// What the files say now, wherever they are now.
    fn reload_certificate(&self, config: &Config) {
        let (Some(tls), Some(certificate), Some(key)) =
            (&self.tls, &config.tls.certificate, &config.tls.key)
        else {
            return;
        };
        let loaded = Certificate::load(certificate, key).map_err(|error| error.to_string());
        let replaced = loaded.and_then(|new| tls.replace(new).map_err(|error| error.to_string()));
        match replaced {
            Ok(true) => {
                let path = certificate.display();
                log::info!("new connections get the certificate in {path}");
                self.note(format!("reload: the certificate is now that in {path}"));
            }
            Ok(false) => {}
            Err(error) => log::error!("the certificate stays as it was: {error}"),
        }
    }

    /// The configured token or, without one, what its file says now.
    fn reload_admin_token(&self, config: &Config) {
        let token = match self.data.admin_token(config.admin.token.as_ref()) {
            Ok(token) => token,
            Err(error) => {
                log::error!("the admin token stays as it was: {error}");
                return;
            }
        };
        if self.admin_token.replace(token.secret().clone()) {
            self.note("reload: the admin token is now another".to_owned());
            match token {
                data::AdminToken::Configured(_) => log::info!("admin token: as configured"),
                data::AdminToken::Kept(_, path) => log::info!("admin token: {}", path.display()),
            }
        }
    }
}

/// Why nobody has come with a connection.
pub enum NoArrival {
    /// The balancer does not say who.
    Header(BadHeader),
    /// They may not.
    Refused(SocketAddr, Refused),
}

/// All servers, as administration knows them.
struct All {
    here: String,
    others: Arc<dyn Others>,
}

impl AllServers for All {
    fn called(&self) -> Servers {
        Servers {
            here: self.here.clone(),
            others: self.others.addresses(),
        }
    }

    fn ban_number(&self, above: u64) -> Option<u64> {
        self.others.ban_number(above)
    }
}
