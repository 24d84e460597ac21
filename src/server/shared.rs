//! State shared by listeners, REST and signal handling while the server runs.

use std::collections::HashMap;
use std::net::{SocketAddr, TcpStream};
use std::ops::Deref;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use std::{io, iter};

use parking_lot::{Mutex, RwLock};

use crate::account::{Accounts, Gate};
use crate::admin::{Administration, AllServers, Doors, Servers};
use crate::chatlog::ChatLog;
use crate::config::Config;
use crate::data::{self, DataDir};
use crate::hooks::{Hooks, Parts};
use crate::http::{Folder, HttpLimits, Origins, Proxies};
use crate::hub::{Ban, NodeId, Refusal};
use crate::metrics::{ClusterHealth, Metrics};
use crate::model::Entry;
use crate::model::governance::CloakKey;
use crate::model::time::unix_ms;
use crate::net::limits::{Capacity, capacity};
use crate::net::proxy_header::{self, BadHeader};
use crate::net::registry::{Permit, Refused, Registry};
use crate::net::tls::{Certificate, Inside, Tls};
use crate::net::transport::Transport;
use crate::nodes::{Node, new_id};
use crate::rest::{self, AdminToken, CallPace};
use crate::session::allowance::{Allowances, ENTRY_BYTES};
use crate::session::bots::Bots;
use crate::session::context::{IrcTerms, SessionContext, SessionLimits};
use crate::turn::{HubHandle, Input};

use super::book;
use super::operating::Operating;
use super::settings::{
    guess_limits, hook_settings, http_limits, pass_lives, registrations, remote_rules, settings,
    stream_limits, user_header,
};

/// Connections reserved for the REST listener, so that administrators get in when the server is
/// full.
const RESERVED: usize = 16;

/// Handles of the running parts, and the settings in force.
pub struct Shared {
    /// Locked only to read a setting or to replace them all.
    config: RwLock<Config>,
    capacity: RwLock<Capacity>,
    handles: Handles,
    /// Where the admin token was found at the start.
    pub found_token: data::AdminToken,
    /// The administrators' token.
    pub admin_token: Arc<AdminToken>,
    /// Lets administrators and programs in.
    pub doors: Arc<Doors>,
    /// The administrators' actions.
    pub admin: Arc<Administration>,
    /// What operators of the server on IRC can have done.
    pub operating: Arc<Operating>,
    /// Ends the connections over gRPC.
    #[cfg(feature = "grpc")]
    pub grpc: crate::grpc::Stop,
    /// The address that clients and other servers are told; empty if there is none.
    pub own_address: String,
    /// The origins whose pages may open WebSockets.
    pub origins: Arc<Origins>,
    /// Proxies that are trusted to name the client's address.
    pub proxies: Arc<Proxies>,
    /// What the connections of an address may have written.
    pub allowances: Arc<Allowances>,
    /// Balancers that name the client's address in a PROXY header.
    balancers: Proxies,
    /// The longest text of an administrator.
    pub admin_text_bytes: Arc<AtomicUsize>,
    /// Whether it is about to be shut down.
    is_draining: AtomicBool,
    /// Its id among other servers: generated at the start, replaced by the one that a name server
    /// assigns.
    pub node_id: Arc<Mutex<String>>,
    /// Registry ids without a connection: those of the program's participants and of bots.
    pub participants: Arc<AtomicUsize>,
    /// The bots of programs.
    pub bots: Arc<Bots>,
    /// How fast accounts may change messages by REST.
    pub call_pace: Arc<CallPace>,
    /// What sends for outgoing hooks.
    pub hooks: Arc<Hooks>,
}

/// The running parts.
pub struct Handles {
    /// The connections.
    pub registry: Arc<Registry>,
    /// The hub thread.
    pub hub: HubHandle,
    /// The accounts, and the store.
    pub accounts: Arc<Accounts>,
    /// Decides which client may use which nickname.
    pub gate: Arc<Gate>,
    /// Makes what stands for the addresses of clients.
    pub cloaks: Arc<CloakKey>,
    /// What IRC clients are told.
    pub irc: Arc<IrcTerms>,
    /// The chat log.
    pub chat_log: ChatLog,
    /// The data folder, held for as long as the server runs.
    pub data: Arc<DataDir>,
    /// What is counted.
    pub metrics: Arc<Metrics>,
    /// TLS, if a listener speaks it.
    pub tls: Option<Arc<Tls>>,
    /// The other servers, if this is one of several.
    pub others: Option<Arc<dyn Others>>,
}

/// This server as one of several that form one chat.
pub trait Others: Send + Sync {
    /// All live servers that clients may be sent to.
    fn nodes(&self) -> Vec<Node>;

    /// The names of all live servers: `host:port`.
    fn addresses(&self) -> HashMap<NodeId, String>;

    /// A number for a ban, unique on all servers; waits for it.
    fn ban_number(&self, above: u64) -> Option<u64>;

    /// Asks that no more clients are sent to this server.
    fn drain(&self);

    /// How well it reaches the shared Redis and PostgreSQL; never waits.
    fn health(&self) -> ClusterHealth;
}

/// Gives access to the handles.
impl Deref for Shared {
    type Target = Handles;

    fn deref(&self) -> &Handles {
        &self.handles
    }
}

impl Shared {
    /// Puts the handles and the settings together.
    pub fn new(
        config: Config,
        own_address: String,
        found_token: data::AdminToken,
        handles: Handles,
    ) -> io::Result<Shared> {
        let admin_text_bytes = Arc::new(AtomicUsize::new(config.limits.line_bytes));
        let data = handles.data.clone();
        let save_bans = move |list: &[Ban]| data.bans().save(list).map_err(io::Error::other);
        let mut admin = Administration::new(
            handles.hub.clone(),
            handles.chat_log.clone(),
            Box::new(save_bans),
            admin_text_bytes.clone(),
        );
        admin = admin.with_accounts(handles.accounts.clone());
        let allowances = Arc::new(Allowances::new(config.limits.bytes_per_address));
        let counted = allowances.clone();
        admin = admin.with_spending(Box::new(move |address| {
            let spent = counted.of(address).take(ENTRY_BYTES);
            spent.map_err(|spent| Refusal::AllowanceSpent(spent.bytes))
        }));
        if let Some(others) = handles.others.clone() {
            let here = own_address.clone();
            admin = admin.among(Box::new(All { here, others }));
        }
        let admin = Arc::new(admin);
        let operating = Arc::new(Operating::new(admin.clone()));
        let token = AdminToken::new(found_token.secret().clone(), config.limits.auth_attempts);
        token.set_metrics_token(config.admin.metrics_token.clone());
        let token = Arc::new(token);
        let call_pace = CallPace::new(allowances.clone(), config.limits.message_rate);
        let participants = Arc::new(AtomicUsize::new(0));
        let bots = Bots::new(
            handles.hub.clone(),
            handles.registry.clone(),
            handles.accounts.clone(),
            allowances.clone(),
            participants.clone(),
        );
        bots.limit_streams(stream_limits(&config.limits));
        let bots = Arc::new(bots);
        let node_id = new_id().unwrap_or_default();
        let hooks = Hooks::start(
            Parts {
                hub: handles.hub.clone(),
                accounts: handles.accounts.clone(),
                bots: bots.clone(),
                holder: node_id.clone(),
                has_others: handles.others.is_some(),
                metrics: handles.metrics.hooks.clone(),
                agent: format!("chat-server/{}", crate::build_info::VERSION),
            },
            hook_settings(&config),
        )?;
        let proxies = Proxies::new(config.web.trusted_proxies.clone());
        proxies.set_user_header(user_header(&config));
        Ok(Shared {
            hooks: Arc::new(hooks),
            operating,
            admin,
            capacity: RwLock::new(capacity(config.limits.connections)),
            origins: Arc::new(Origins::new(config.web.allowed_origins.clone())),
            proxies: Arc::new(proxies),
            call_pace: Arc::new(call_pace),
            allowances,
            balancers: Proxies::new(config.listen.proxy_protocol_from.clone()),
            doors: Arc::new(Doors::new(
                token.clone(),
                handles.accounts.clone(),
                handles.gate.clone(),
            )),
            admin_token: token,
            admin_text_bytes,
            is_draining: AtomicBool::new(false),
            node_id: Arc::new(Mutex::new(node_id)),
            participants,
            bots,
            #[cfg(feature = "grpc")]
            grpc: crate::grpc::Stop::default(),
            own_address,
            config: RwLock::new(config),
            found_token,
            handles,
        })
    }

    /// The live servers that clients may be sent to; only this one, if it stands alone.
    pub fn nodes(&self) -> Vec<Node> {
        match &self.others {
            Some(others) => others.nodes(),
            None if self.is_draining.load(Ordering::Relaxed) => Vec::new(),
            None => vec![self.this_node()],
        }
    }

    /// From now on clients should be sent elsewhere.
    pub fn drain(&self) {
        self.is_draining.store(true, Ordering::Relaxed);
        if let Some(others) = &self.others {
            others.drain();
        }
    }

    /// This server, as others see it.
    pub fn this_node(&self) -> Node {
        Node {
            id: self.node_id.lock().clone(),
            address: self.own_address.clone(),
            connections: self.registry.connections() as u64,
            capacity: self.capacity().connections as u64,
            last_heartbeat_ms: unix_ms(),
            is_hindered: false,
            version: crate::build_info::VERSION.to_owned(),
        }
    }

    /// Admits a connection for lines over TCP, or says why not. Connections from a balancer are not
    /// limited by its address, only by those of the clients it connects.
    pub fn admit_lines(&self, peer: SocketAddr) -> Result<Permit, Refused> {
        let is_gateway = self.irc.gateways.includes(peer.ip());
        let per_address = match is_gateway || self.balancers.trusts(peer.ip()) {
            true => 0,
            false => self.per_address(),
        };
        self.check_allowance(peer)?;
        self.admit_within(peer, per_address, 0)
    }

    /// As [`Shared::admit_lines`], for a connection attached by the program around the chat, which
    /// comes without a balancer.
    pub fn admit_attached(&self, peer: SocketAddr) -> Result<Permit, Refused> {
        self.check_allowance(peer)?;
        self.admit_within(peer, self.per_address(), 0)
    }

    /// Whether a client of this address may write anything at present. Coming and going leaves
    /// traces in the log, too.
    pub fn check_allowance(&self, peer: SocketAddr) -> Result<(), Refused> {
        match self.allowances.of(peer.ip()).is_spent() {
            true => {
                self.metrics.connections_refused.inc();
                Err(Refused::AllowanceSpent)
            }
            false => Ok(()),
        }
    }

    /// The address of the client, if a balancer names it; the permit then counts for that address.
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
        // A connection of the balancer's own is not counted.
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

    /// As [`Shared::admit_lines`], for HTTP, where proxies name the client later.
    pub fn admit_http(&self, peer: SocketAddr) -> Result<Permit, Refused> {
        self.admit_within(peer, self.per_address_of(peer), 0)
    }

    /// As [`Shared::admit_http`], for a listener for administrators, which has room in a full
    /// server.
    pub fn admit_to_rest(&self, peer: SocketAddr) -> Result<Permit, Refused> {
        self.admit_within(peer, self.per_address_of(peer), RESERVED)
    }

    /// Connections allowed for one address; 0 is no limit.
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

    /// A connection ready for its protocol; `None` if its TLS handshake failed.
    pub fn open(&self, stream: TcpStream, tls: Option<&Tls>, inside: Inside) -> Option<Transport> {
        match tls {
            None => Some(stream.into()),
            Some(tls) => {
                let limit = self.config.read().limits.http_seconds;
                tls.accept(stream, inside, Duration::from_secs(limit))
            }
        }
    }

    /// The context for a session that begins now.
    pub fn session_context(&self) -> SessionContext {
        let config = self.config.read();
        let limits = SessionLimits {
            line_bytes: config.limits.line_bytes,
            message_rate: config.limits.message_rate,
            message_burst: config.limits.message_burst,
            connections_per_address: config.limits.connections_per_address,
        };
        SessionContext {
            hub: self.hub.clone(),
            registry: self.registry.clone(),
            accounts: self.accounts.clone(),
            cloaks: self.cloaks.clone(),
            allowances: self.allowances.clone(),
            irc: self.irc.clone(),
            operating: Some(self.operating.clone()),
            limits,
        }
    }

    /// The limits for an HTTP connection that begins now.
    pub fn http_limits(&self) -> HttpLimits {
        http_limits(&self.config.read().limits)
    }

    /// The folders whose files are served beside the page: the book, and one of the operator's.
    pub fn folders(&self) -> Vec<Folder> {
        let (book, folder) = {
            let web = &self.config.read().web;
            (web.book.clone(), web.folder.clone())
        };
        let folder = folder.map(|root| Folder::new(root, rest::is_reserved));
        iter::once(book::folder(book)).chain(folder).collect()
    }

    /// How many connections fit.
    pub fn capacity(&self) -> Capacity {
        self.capacity.read().clone()
    }

    /// The settings in force.
    pub fn config(&self) -> Config {
        self.config.read().clone()
    }

    /// Applies the settings that may change while the server runs.
    pub fn reload(&self, new: &Config) {
        let config = {
            let mut config = self.config.write();
            config.adopt(new);
            config.clone()
        };
        *self.capacity.write() = capacity(config.limits.connections);
        self.origins.replace(config.web.allowed_origins.clone());
        self.proxies.replace(config.web.trusted_proxies.clone());
        self.proxies.set_user_header(user_header(&config));
        self.balancers
            .replace(config.listen.proxy_protocol_from.clone());
        self.allowances.set(config.limits.bytes_per_address);
        self.call_pace.set(config.limits.message_rate);
        self.bots.limit_streams(stream_limits(&config.limits));
        self.accounts.set_guess_limits(guess_limits(&config));
        self.accounts.set_registrations(registrations(&config));
        self.accounts.set_remote_rules(remote_rules(&config));
        self.gate.set_lives(pass_lives(&config));
        self.admin_token.set_failures(config.limits.auth_attempts);
        self.admin_text_bytes
            .store(config.limits.line_bytes, Ordering::Relaxed);
        self.chat_log.configure(&config.chat_log);
        self.hooks.configure(hook_settings(&config));
        self.reload_admin_token(&config);
        self.admin_token
            .set_metrics_token(config.admin.metrics_token.clone());
        self.reload_certificate(&config);
        // Fails only without a hub, and then there is nothing left to configure.
        let _ = self.hub.send(Input::Configure(Box::new(settings(&config))));
    }

    /// Adds an action on the machine itself to the audit trail.
    pub fn note(&self, what: String) {
        let entry = Entry::admin(unix_ms(), what);
        // For watches only: the chat log has the entry even without a hub.
        let _ = self.hub.send(Input::Tell(Box::new(entry.clone())));
        self.chat_log.record(entry);
    }

    /// Reads the certificate again, from wherever the settings now say.
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

    /// The configured token or, without one, the present content of its file.
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

/// Why a connection was not taken in.
pub enum NoArrival {
    /// The balancer's header does not name the client.
    Header(BadHeader),
    /// The client is refused.
    Refused(SocketAddr, Refused),
}

/// All servers, as administration sees them.
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
