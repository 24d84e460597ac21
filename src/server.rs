//! Starts the parts in order, joins them, stops them. No chat rules.

mod error;
mod services;
mod shared;
mod signals;

use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use parking_lot::Mutex;

use crate::account::{Accounts, Gate, Passes};
use crate::chatlog::{ChatLog, ChatLogOptions};
use crate::config::{Config, Sources};
use crate::data::{AdminToken, DataDir};
use crate::hub::{Ban, Hub};
use crate::keeper::{Keeper, KeeperThreads};
use crate::metrics::Metrics;
use crate::net::flusher::Flusher;
use crate::net::front::Relays;
use crate::net::limits::raise_descriptor_limit;
use crate::net::listener::{Bound, Listening, Service};
use crate::net::outbox::Outbox;
use crate::net::registry::Registry;
use crate::net::tls::{Certificate, Tls, Writers};
use crate::protocol::Encoder;
use crate::rest::{self, Readiness, RestContext, RestHandle};
use crate::store::{Durability, Retention, SqliteSettings, SqliteStore, Store, WriterSettings};
use crate::turn::{HubHandle, Input, Parts, Turn};

pub use error::StartError;
use services::{Http, RoomLines, Telnet};
use shared::{Handles, Shared};

/// How long a REST request may take inside.
const REST_PATIENCE: Duration = Duration::from_secs(60);
/// What store and chat log get for their last writes, however late it is.
const LAST_WRITES: Duration = Duration::from_millis(500);
/// What HTTP clients get to read their last answers.
const LAST_ANSWERS: Duration = Duration::from_millis(500);
/// How often the end of the last connection is looked for at shutdown.
const SHUTDOWN_POLL: Duration = Duration::from_millis(5);

/// A running server.
pub struct Server {
    shared: Arc<Shared>,
    listeners: Vec<Listening>,
    addresses: Vec<(&'static str, SocketAddr)>,
    admin_token: AdminToken,
    hub_thread: Option<JoinHandle<()>>,
    rest: Option<RestHandle>,
    keeping: Option<KeeperThreads>,
}

/// Runs a server until it is told to stop; the program's exit code.
pub fn run(config: Config, sources: Sources) -> ExitCode {
    let server = match Server::start(config) {
        Ok(server) => server,
        Err(error) => {
            eprintln!("chat-server: {error}");
            return ExitCode::FAILURE;
        }
    };
    signals::serve(server, &sources)
}

impl Server {
    /// Binds everything, then starts everything; if anything is missing,
    /// nothing runs.
    pub fn start(config: Config) -> Result<Server, StartError> {
        raise_descriptor_limit();
        let certificate = load_certificate(&config)?;
        let bound = bind_all(&config)?;
        let data = Arc::new(DataDir::open(&config.data_dir)?);
        let admin_token = data.admin_token(config.admin.token.as_ref())?;
        let registry = Arc::new(Registry::default());
        let metrics = Metrics::new();
        let settings = shared::settings(&config);
        let folder = data.path().join("chatlog");
        let chat_log = ChatLog::open(ChatLogOptions::new(folder, config.chat_log.clone()))?;
        let store: Arc<dyn Store> = Arc::new(SqliteStore::open(store_settings(&config, &data))?);
        let (hub, inputs) = HubHandle::new();
        let flusher = Flusher::start()?;
        let tls = match certificate {
            Some(certificate) => {
                let writers = Writers::start(flusher.watcher())?;
                let tls = Tls::new(certificate, writers).map_err(StartError::Tls)?;
                Some(Arc::new(tls))
            }
            None => None,
        };
        let outbox = Outbox::new(
            Encoder::new(settings.greeting.clone()),
            settings.backlog_bytes,
            flusher,
            registry.clone(),
        );
        let mut state = Hub::new(settings.limits);
        state.restore_bans(data.bans().load(unix_ms())?);
        state.continue_after(store.last_message_id().map_err(StartError::Store)?);
        let (keeper, keeping) = Keeper::start(&store, &hub, WriterSettings::default())?;
        let readiness = Readiness::default();
        let appender = keeper.appender();
        readiness.watch("store", move || {
            let words = "messages cannot be stored at present";
            (!appender.is_healthy()).then(|| words.to_owned())
        });
        let turn = Turn::new(Parts {
            hub: state,
            outbox,
            inputs,
            chat_log: Some(chat_log.clone()),
            keeper: Some(keeper),
            metrics: metrics.clone(),
            ping_seconds: settings.ping_seconds,
        });
        let hub_thread = turn.start()?;
        let workers = config.admin.workers;
        let accounts = Accounts::new(store, hub.clone(), config.limits.auth_attempts)?;
        let accounts = Arc::new(accounts);
        let passes = Passes::new(&data.signing_key()?);
        let gate = Gate::new(passes, accounts.clone(), hub.clone());
        let handles = Handles {
            registry,
            hub,
            accounts,
            gate: Arc::new(gate),
            chat_log,
            data,
            metrics,
            tls,
        };
        let shared = Arc::new(Shared::new(config, &admin_token, handles));
        let socket = rest::Socket::place(shared.data.path())?;
        let relays = Arc::new(Relays::new(socket.path().to_owned(), REST_PATIENCE));
        let context = rest_context(&shared, &relays, workers, readiness);
        let rest = rest::start(context, socket)?;
        let mut server = Server {
            shared,
            listeners: Vec::new(),
            addresses: Vec::new(),
            admin_token,
            hub_thread: Some(hub_thread),
            rest: Some(rest),
            keeping: Some(keeping),
        };
        for bound in bound {
            server.serve(bound, &relays)?;
        }
        Ok(server)
    }

    fn serve(&mut self, bound: Bound, relays: &Arc<Relays>) -> Result<(), StartError> {
        let name = bound.name();
        let shared = self.shared.clone();
        let (inside, tls) = match name.strip_prefix("tls-") {
            Some(inside) => (inside, shared.tls.clone()),
            None => (name, None),
        };
        let service: Arc<dyn Service> = match inside {
            "telnet" => Arc::new(Telnet { shared, tls }),
            "tcp" => Arc::new(RoomLines { shared, tls }),
            _ => Arc::new(Http {
                shared,
                tls,
                page: inside == "web",
                relays: relays.clone(),
            }),
        };
        self.addresses.push((name, bound.address()?));
        self.listeners.push(bound.start(service)?);
        Ok(())
    }

    /// The listeners and where they are, with their real ports.
    pub fn addresses(&self) -> &[(&'static str, SocketAddr)] {
        &self.addresses
    }

    /// Says where everything is, a line each.
    fn introduce(&self) {
        for (name, address) in &self.addresses {
            match *name {
                "web" => println!("listening: web http://{address}/client"),
                "rest" => println!("listening: rest http://{address}/docs"),
                "ws" => println!("listening: ws ws://{address}/mychat"),
                "tls-web" => println!("listening: tls-web https://{address}/client"),
                "tls-rest" => println!("listening: tls-rest https://{address}/docs"),
                "tls-ws" => println!("listening: tls-ws wss://{address}/mychat"),
                name => println!("listening: {name} {address}"),
            }
        }
        match &self.admin_token {
            AdminToken::Configured(_) => println!("admin token: as configured"),
            AdminToken::Kept(_, path) => println!("admin token: {}", path.display()),
        }
        let capacity = self.shared.capacity();
        if let Some(bound_by) = capacity.bound_by {
            let fit = capacity.connections;
            println!("connections: at most {fit}, because of {bound_by}");
        }
        println!("ready");
    }

    /// Stops accepting, tells everybody, waits until everything is sent, but
    /// no longer than the configuration allows.
    pub fn shut_down(mut self) {
        let allowed = Duration::from_secs(self.shared.config().shutdown_seconds);
        let deadline = Instant::now() + allowed;
        self.listeners.clear();
        let _ = self.shared.hub.send(Input::Stop);
        let registry = &self.shared.registry;
        wait_while(deadline, || registry.ids() > 0);
        if let Some(rest) = self.rest.take() {
            rest.shutdown();
        }
        // What is left is sending an answer, or has asked for nothing.
        let soon = deadline.min(Instant::now() + LAST_ANSWERS);
        wait_while(soon, || registry.connections() > 0);
        let _ = self.shared.hub.send(Input::End);
        if let Some(thread) = self.hub_thread.take() {
            let _ = thread.join();
        }
        let left = deadline.saturating_duration_since(Instant::now());
        if let Some(keeping) = self.keeping.take() {
            keeping.shut_down(left.max(LAST_WRITES));
        }
        if let Err(error) = self.shared.chat_log.shutdown(left.max(LAST_WRITES)) {
            log::error!("{error}");
        }
    }
}

fn wait_while(deadline: Instant, is_so: impl Fn() -> bool) {
    while is_so() && Instant::now() < deadline {
        std::thread::sleep(SHUTDOWN_POLL);
    }
}

fn rest_context(
    shared: &Shared,
    relays: &Arc<Relays>,
    workers: usize,
    readiness: Readiness,
) -> RestContext {
    let data = shared.data.clone();
    let save_bans = move |list: &[Ban]| data.bans().save(list).map_err(std::io::Error::other);
    RestContext {
        hub: shared.hub.clone(),
        accounts: shared.accounts.clone(),
        gate: shared.gate.clone(),
        log: shared.chat_log.clone(),
        token: shared.admin_token.clone(),
        save_bans: Mutex::new(Box::new(save_bans)),
        max_text_bytes: shared.admin_text_bytes.clone(),
        version: env!("CARGO_PKG_VERSION"),
        started: jiff::Timestamp::now(),
        metrics: shared.metrics.clone(),
        readiness: Arc::new(readiness),
        origins: shared.origins.clone(),
        relays: relays.clone(),
        workers,
    }
}

fn store_settings(config: &Config, data: &DataDir) -> SqliteSettings {
    let settings = &config.store;
    SqliteSettings {
        durability: match settings.durability.as_str() {
            "process" => Durability::Process,
            _ => Durability::Power,
        },
        max_bytes: settings.max_bytes,
        retention: Retention {
            channel_days: settings.channel_days,
            channel_messages: settings.channel_messages,
            direct_days: settings.direct_days,
        },
        ..SqliteSettings::new(data.path().join("chat.db"))
    }
}

/// The certificate, if a listener needs one.
fn load_certificate(config: &Config) -> Result<Option<Certificate>, StartError> {
    let tls = &config.tls;
    if tls.listeners().iter().all(|(_, address)| address.is_none()) {
        return Ok(None);
    }
    match (&tls.certificate, &tls.key) {
        (Some(certificate), Some(key)) => Ok(Some(Certificate::load(certificate, key)?)),
        _ => Err(StartError::NoCertificate),
    }
}

fn bind_all(config: &Config) -> Result<Vec<Bound>, StartError> {
    let (listen, tls) = (&config.listen, &config.tls);
    [
        ("telnet", listen.telnet),
        ("rest", listen.rest),
        ("web", listen.web),
        ("tcp", listen.tcp),
        ("ws", listen.ws),
        ("tls-telnet", tls.telnet),
        ("tls-rest", tls.rest),
        ("tls-web", tls.web),
        ("tls-tcp", tls.tcp),
        ("tls-ws", tls.ws),
    ]
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

fn unix_ms() -> u64 {
    let unix = SystemTime::now().duration_since(UNIX_EPOCH);
    unix.map_or(0, |unix| unix.as_millis() as u64)
}
