//! `chat-server name-server`: the list of chat servers. One port for gRPC (servers register and
//! beat) and for HTTP (clients ask); the first bytes of a connection tell which it is.

use std::io;
use std::net::{SocketAddr, TcpStream};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use serde_json::{Value, json};
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use crate::config::Config;
use crate::grpc::{self, Limits, NameTerms, Nodes, Routes, Spoken, Stop};
use crate::http::{self, Answers, FrontContext, Origins, Proxies};
use crate::logging;
use crate::model::time::unix_ms;
use crate::net::limits::{capacity, raise_descriptor_limit};
use crate::net::listener::{Bound, Listening, Service};
use crate::net::registry::{Permit, Refused, Registry};
use crate::net::transport::Transport;
use crate::nodes::{Node, NodeRegistry};
use crate::rest::nodes::NodeBody;

use super::settings::http_limits;

const SERVICES: &[&str] = &[
    grpc::NAME,
    "grpc.health.v1.Health",
    "grpc.reflection.v1.ServerReflection",
];
/// How often to check whether the last connection has ended.
const POLL: Duration = Duration::from_millis(5);

/// A running name server. Dropping it ends it.
pub struct NameServer {
    address: SocketAddr,
    listening: Listening,
    stop: Stop,
    registry: Arc<Registry>,
}

/// The service for its connections.
struct Names {
    config: Config,
    connections: usize,
    registry: Arc<Registry>,
    routes: Arc<Routes>,
    answers: Answers,
    stop: Stop,
}

impl NameServer {
    /// Starts it with `name_server` and `limits` of the settings.
    pub fn start(config: Config) -> io::Result<NameServer> {
        let Some(address) = config.name_server.listen else {
            let words = "name_server.listen is off";
            return Err(io::Error::new(io::ErrorKind::InvalidInput, words));
        };
        let bound = Bound::bind("name-server", address)?;
        let address = bound.address()?;
        let silence = Duration::from_secs(config.name_server.silence_seconds);
        let nodes: Nodes = Arc::new(Mutex::new(NodeRegistry::new(silence)));
        let (registry, stop) = (Arc::<Registry>::default(), Stop::default());
        let message_bytes = config.limits.http_body_bytes;
        let terms = NameTerms {
            silence,
            secret: config.name_server.secret.clone(),
        };
        let routes = grpc::add_name_service(Routes::default(), nodes.clone(), terms, message_bytes);
        let routes = grpc::add_health(routes, SERVICES, Arc::new(|| true));
        let routes = grpc::add_reflection(routes, SERVICES, message_bytes);
        let names = Names {
            connections: capacity(config.limits.connections).connections,
            config,
            registry: registry.clone(),
            routes: Arc::new(routes),
            answers: Arc::new(move |path| answer(path, &nodes)),
            stop: stop.clone(),
        };
        let listening = bound.start(Arc::new(names))?;
        Ok(NameServer {
            address,
            listening,
            stop,
            registry,
        })
    }

    /// The address it listens on, with the real port.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Stops accepting, and waits for connections to end, at most for `allowed`.
    pub fn shut_down(mut self, allowed: Duration) {
        self.listening.stop();
        self.stop.stop();
        let deadline = Instant::now() + allowed;
        while self.registry.connections() > 0 && Instant::now() < deadline {
            std::thread::sleep(POLL);
        }
    }
}

impl Drop for NameServer {
    fn drop(&mut self) {
        self.listening.stop();
        self.stop.stop();
    }
}

impl std::fmt::Debug for NameServer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("NameServer")
            .field("address", &self.address)
            .finish_non_exhaustive()
    }
}

/// Runs a name server until a signal ends it. Returns the program's exit code.
pub fn run_name_server(config: Config) -> ExitCode {
    raise_descriptor_limit();
    let allowed = Duration::from_secs(config.shutdown_seconds);
    let wanted = config.name_server.listen;
    let signals = Signals::new([SIGINT, SIGTERM]);
    let (server, mut signals) = match NameServer::start(config).and_then(|s| Ok((s, signals?))) {
        Ok(started) => started,
        Err(error) => {
            let at = wanted.map_or_else(String::new, |address| format!(" at {address}"));
            logging::complain(&format!(
                "chat-server: the name server cannot start{at}: {error}"
            ));
            return ExitCode::FAILURE;
        }
    };
    logging::say(&format!(
        "listening: name-server http://{}/api/nodes",
        server.address()
    ));
    logging::say("ready");
    signals.forever().next();
    logging::say("shutting down");
    server.shut_down(allowed);
    ExitCode::SUCCESS
}

impl Service for Names {
    fn admit(&self, peer: SocketAddr) -> Result<Permit, Refused> {
        let per_address = self.config.limits.connections_per_address;
        self.registry
            .admit(peer.ip(), self.connections, per_address)
    }

    fn serve(&self, stream: TcpStream, peer: SocketAddr, permit: Permit) {
        let limits = &self.config.limits;
        let mut transport = Transport::from(stream);
        let mut read = Vec::new();
        let deadline = Instant::now() + Duration::from_secs(limits.http_seconds);
        match grpc::recognise(&mut transport, &mut read, deadline) {
            None => {}
            Some(Spoken::Grpc) => {
                let limits = Limits::of(limits);
                grpc::serve_read(transport, read, peer, &self.routes, limits, &self.stop);
            }
            Some(Spoken::Other) => {
                let context = FrontContext {
                    folders: Vec::new(),
                    limits: http_limits(limits),
                    files: Vec::new(),
                    upgrades: None,
                    answers: Some(self.answers.clone()),
                    relayed: None,
                    relays: None,
                    origins: Arc::new(Origins::new(Vec::new())),
                    proxies: Arc::new(Proxies::default()),
                    per_address: 0,
                };
                http::serve_after(transport, read, peer, permit, &context);
            }
        }
    }

    fn refusal(&self, _why: Refused) -> Vec<u8> {
        // Which protocol the client speaks is not known yet.
        Vec::new()
    }
}

/// The answer for a path.
fn answer(path: &str, nodes: &Nodes) -> Option<(u16, Value)> {
    let now_ms = unix_ms();
    match path {
        "/api/nodes" => {
            let nodes: Vec<Value> = nodes.lock().list(now_ms).iter().map(shown).collect();
            Some((200, json!({ "nodes": nodes })))
        }
        "/api/nodes/best" => Some(match nodes.lock().best(now_ms) {
            Ok(node) => (200, shown(&node)),
            Err(error) => {
                let error = json!({"code": "no_node", "message": error.to_string()});
                (503, json!({ "error": error }))
            }
        }),
        "/healthz" => Some((200, json!({"status": "ok"}))),
        _ => None,
    }
}

fn shown(node: &Node) -> Value {
    serde_json::to_value(NodeBody::from(node)).unwrap_or_default()
}
