//! The service of each listener.

use std::io::Write;
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use rustix::net::sockopt::set_socket_send_buffer_size;

use crate::account::{NotLetIn, SignatureError};
use crate::fair::Asker;
use crate::http::{self, Admission, Denial, FrontContext, Handshake, HttpLimits, Relays, Upgrades};
use crate::net::deadline::close_gently;
use crate::net::listener::{ListeningRefusal, Service};
use crate::net::proxy_header::BadHeader;
use crate::net::registry::{Permit, Refused};
use crate::net::thread;
use crate::net::tls::{self, Inside, Tls};
use crate::net::transport::Transport;
use crate::page;
use crate::rest::docs;
use crate::session::context::SessionContext;
use crate::session::{direct, irc, json, room, telnet, websocket};

use super::room_lines_at::RoomLinesAt;
use super::shared::{NoArrival, Shared};

/// Lines over TCP.
pub struct Lines {
    /// The shared state of the server.
    pub shared: Arc<Shared>,
    /// TLS, if this listener uses it.
    pub tls: Option<Arc<Tls>>,
    /// The line protocol spoken here.
    pub spoken: &'static Spoken,
}

/// A protocol of lines over TCP.
pub struct Spoken {
    /// Serves a connection until it ends.
    serve: fn(Transport, SocketAddr, SessionContext),
    /// The text for a connection that is refused.
    refusal: fn(&str) -> String,
}

/// The line protocol.
pub static TELNET: Spoken = Spoken {
    serve: telnet::serve,
    refusal: |why| format!("* {why}\r\n"),
};

/// Room lines.
pub static ROOM_LINES: Spoken = Spoken {
    serve: room::serve_tcp,
    refusal: |why| format!("{why}\n"),
};

/// IRC.
pub static IRC: Spoken = Spoken {
    serve: irc::serve,
    refusal: |why| format!("ERROR :{why}\r\n"),
};

impl Service for Lines {
    fn admit(&self, peer: SocketAddr) -> Result<Permit, Refused> {
        self.shared.admit_lines(peer)
    }

    /// Serves after the PROXY header and the TLS handshake, if these are expected.
    fn serve(&self, stream: TcpStream, peer: SocketAddr, mut permit: Permit) {
        let Some(client) = self.arrived(&stream, peer, &mut permit) else {
            return;
        };
        let tls = self.tls.as_deref();
        let Some(transport) = self.shared.open(stream, tls, Inside::Lines) else {
            return;
        };
        let context = self.shared.session_context();
        let serve = self.spoken.serve;
        let serve = move || {
            let _permit = permit;
            serve(transport, client, context);
        };
        match tls {
            None => serve(),
            Some(_) => thread::renew("lines over TLS", client, serve),
        }
    }

    fn refusal(&self, why: Refused) -> Vec<u8> {
        match self.tls {
            Some(_) => tls::REFUSAL.to_vec(),
            None => (self.spoken.refusal)(why.words()).into_bytes(),
        }
    }
}

impl Lines {
    /// Takes in a connection. `None` if it was refused.
    fn arrived(
        &self,
        stream: &TcpStream,
        peer: SocketAddr,
        permit: &mut Permit,
    ) -> Option<SocketAddr> {
        match self.shared.arrival(stream, peer, permit) {
            Ok(client) => Some(client),
            // A balancer's health check.
            Err(NoArrival::Header(BadHeader::Gone)) => None,
            Err(NoArrival::Header(why)) => {
                log::warn!("refused a connection from {peer}: {why}");
                None
            }
            Err(NoArrival::Refused(client, why)) => {
                log::warn!("refused {client}: {}", why.words());
                // A socket that has not been written to takes this without waiting.
                let _ = (&*stream).write_all(&self.refusal(why));
                close_gently(stream);
                None
            }
        }
    }
}

/// The parts that an HTTP listener exposes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exposes {
    /// The page, REST and all WebSockets.
    Web,
    /// REST and all WebSockets; administrators can connect when the server is full.
    Rest,
    /// The WebSocket of room lines, and a health check.
    RoomLines,
}

/// The only REST paths on a listener for room lines.
const BESIDE_ROOM_LINES: &[&str] = &["/healthz"];

/// An HTTP listener.
pub struct Http {
    /// The shared state of the server.
    pub shared: Arc<Shared>,
    /// TLS, if this listener uses it.
    pub tls: Option<Arc<Tls>>,
    /// The parts exposed here.
    pub exposes: Exposes,
    /// The way to REST.
    pub relays: Arc<Relays>,
    /// The path of room lines.
    pub room_lines: RoomLinesAt,
    /// The places for clients that are being refused.
    pub turned_away: Places,
}

/// The most clients of a listener that are being refused at once in the format that they ask for;
/// more are told in JSON before they have asked.
const MOST_TURNED_AWAY: usize = 16;
/// How long such a client may take to ask.
const ASKING: Duration = Duration::from_secs(2);

/// A number of places, of which each taken one is given back when it is dropped.
#[derive(Clone, Debug, Default)]
pub struct Places(Arc<AtomicUsize>);

struct TakenPlace(Arc<AtomicUsize>);

impl Places {
    fn take(&self) -> Option<TakenPlace> {
        let taken = TakenPlace(self.0.clone());
        let others = taken.0.fetch_add(1, Ordering::Relaxed);
        (others < MOST_TURNED_AWAY).then_some(taken)
    }
}

impl Drop for TakenPlace {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Service for Http {
    fn admit(&self, peer: SocketAddr) -> Result<Permit, Refused> {
        match self.exposes {
            Exposes::Rest => self.shared.admit_to_rest(peer),
            Exposes::Web | Exposes::RoomLines => self.shared.admit_http(peer),
        }
    }

    fn serve(&self, stream: TcpStream, peer: SocketAddr, permit: Permit) {
        let context = FrontContext {
            limits: self.shared.http_limits(),
            files: match self.exposes {
                Exposes::Web => vec![page::file, docs::file],
                Exposes::Rest => vec![docs::file],
                Exposes::RoomLines => Vec::new(),
            },
            folders: match self.exposes {
                Exposes::Web => self.shared.folders(),
                Exposes::Rest | Exposes::RoomLines => Vec::new(),
            },
            upgrades: Some(Arc::new(WebSockets {
                shared: self.shared.clone(),
                exposes: self.exposes,
                room_lines: self.room_lines.clone(),
            })),
            relayed: (self.exposes == Exposes::RoomLines).then_some(BESIDE_ROOM_LINES),
            answers: None,
            relays: Some(self.relays.clone()),
            origins: self.shared.origins.clone(),
            proxies: self.shared.proxies.clone(),
            per_address: self.shared.per_address(),
        };
        let transport = self.shared.open(stream, self.tls.as_deref(), Inside::Http);
        if let Some(transport) = transport {
            http::serve(transport, peer, permit, &context);
        }
    }

    fn refusal(&self, why: Refused) -> Vec<u8> {
        if self.tls.is_some() {
            return tls::REFUSAL.to_vec();
        }
        let body = serde_json::json!({"error": {"code": why.code(), "message": why.words()}});
        let body = format!("{body}\n");
        let length = body.len();
        format!(
            "HTTP/1.1 503 Service Unavailable\r\nContent-Type: application/json\r\n\
             Content-Length: {length}\r\nRetry-After: 5\r\nConnection: close\r\n\r\n{body}"
        )
        .into_bytes()
    }

    /// A browser gets a page.
    fn listening_refusal(&self) -> Option<ListeningRefusal> {
        if self.exposes != Exposes::Web {
            return None;
        }
        let place = self.turned_away.take()?;
        let (shared, tls) = (self.shared.clone(), self.tls.clone());
        Some(Box::new(move |stream, why| {
            let _place = place;
            let limits = shared.http_limits();
            let limits = HttpLimits {
                arrival: limits.arrival.min(ASKING),
                ..limits
            };
            if let Some(transport) = shared.open(stream, tls.as_deref(), Inside::Http) {
                http::refuse(transport, why, limits);
            }
        }))
    }
}

/// The subprotocols of IRC: lines in text frames, and in binary ones.
const IRC_TEXT: &str = "text.ircv3.net";
const IRC_BINARY: &str = "binary.ircv3.net";

/// The first subprotocol of IRC that a client offers.
fn irc_subprotocol<'a>(handshake: &Handshake<'a>) -> Option<&'a str> {
    let mut offered = handshake.subprotocols.iter().copied();
    offered.find(|name| [IRC_TEXT, IRC_BINARY].contains(name))
}

/// The WebSockets of a listener.
struct WebSockets {
    shared: Arc<Shared>,
    exposes: Exposes,
    room_lines: RoomLinesAt,
}

impl Upgrades for WebSockets {
    fn admit(&self, handshake: &Handshake<'_>) -> Result<Admission, Denial> {
        let allowed = self.shared.check_allowance(handshake.peer);
        allowed.map_err(|_| Denial::Unavailable)?;
        match http::one_slash_less(handshake.path) {
            path if self.room_lines.is_at(path) => Ok(self.room_lines()),
            _ if self.exposes == Exposes::RoomLines => Err(Denial::NotFound),
            "/ws" => match handshake.token() {
                None => Ok(self.lines()),
                Some(presented) => self.json(&presented, handshake.peer),
            },
            "/api/ws" => self.direct(handshake),
            "/irc" => Ok(self.irc(irc_subprotocol(handshake))),
            _ => match irc_subprotocol(handshake).filter(|_| handshake.path == "/") {
                Some(subprotocol) => Ok(self.irc(Some(subprotocol))),
                None => Err(Denial::NotFound),
            },
        }
    }

    fn is_at(&self, path: &str) -> bool {
        match http::one_slash_less(path) {
            path if self.room_lines.is_at(path) => true,
            "/ws" | "/irc" => self.exposes != Exposes::RoomLines,
            // REST answers for `/api/ws`, which is in its description.
            _ => false,
        }
    }
}

impl WebSockets {
    /// The line protocol, open to every client.
    fn lines(&self) -> Admission {
        let shared = self.shared.clone();
        Admission {
            subprotocol: None,
            run: Box::new(move |upgraded| {
                websocket::serve_lines(upgraded, &shared.session_context());
            }),
        }
    }

    /// IRC, open to every client; without a subprotocol in text frames.
    fn irc(&self, subprotocol: Option<&str>) -> Admission {
        let shared = self.shared.clone();
        let is_binary = subprotocol == Some(IRC_BINARY);
        Admission {
            subprotocol: subprotocol.map(str::to_owned),
            run: Box::new(move |upgraded| {
                irc::serve_websocket(upgraded, &shared.session_context(), is_binary);
            }),
        }
    }

    /// Room lines, open to every client.
    fn room_lines(&self) -> Admission {
        let shared = self.shared.clone();
        let (read_buffer, write_buffer) = self.room_lines.sizes();
        Admission {
            subprotocol: None,
            run: Box::new(move |upgraded| {
                if let Some(bytes) = write_buffer {
                    // A failure here is harmless: the system keeps its own size.
                    let _ = set_socket_send_buffer_size(upgraded.transport.stream(), bytes);
                }
                room::serve_websocket(upgraded, &shared.session_context(), read_buffer);
            }),
        }
    }

    /// JSON commands, for a client with a token for a nickname.
    fn json(&self, presented: &http::Presented<'_>, peer: SocketAddr) -> Result<Admission, Denial> {
        let asker = Asker::at(peer.ip());
        let pass = self.shared.gate.check(asker, &presented.token);
        let pass = pass.map_err(|error| match error {
            NotLetIn::Store(error) => {
                error.log("a nickname could not be looked up");
                Denial::Unavailable
            }
            NotLetIn::Pass(error) => Denial::Unauthorised(error.to_string()),
            NotLetIn::Rejected(_) => Denial::Unavailable,
        })?;
        let shared = self.shared.clone();
        Ok(Admission {
            subprotocol: presented.subprotocol.map(str::to_owned),
            run: Box::new(move |upgraded| {
                json::serve_json(upgraded, &shared.session_context(), &pass);
            }),
        })
    }

    /// Direct messages, for a client signed in to an account.
    fn direct(&self, handshake: &Handshake<'_>) -> Result<Admission, Denial> {
        let presented = handshake.token();
        let presented =
            presented.ok_or_else(|| Denial::Unauthorised("no token was sent".into()))?;
        let owner = self
            .shared
            .accounts
            .authenticate(Asker::at(handshake.peer.ip()), &presented.token);
        let owner = owner.map_err(|error| match error {
            SignatureError::Store(error) => {
                error.log("a token could not be looked up");
                Denial::Unavailable
            }
            other => Denial::Unauthorised(other.to_string()),
        })?;
        let shared = self.shared.clone();
        Ok(Admission {
            subprotocol: presented.subprotocol.map(str::to_owned),
            run: Box::new(move |upgraded| {
                direct::serve_direct(upgraded, &shared.session_context(), &owner);
            }),
        })
    }
}
