//! Listeners: which protocol, at which address, for how long.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use parking_lot::Mutex;

use crate::config::Config;
use crate::net::listener::{Bound, Listening, Service};
use crate::net::tls::Tls;

use super::ListenError;
use super::rest::Rest;
use super::room_lines_at::RoomLinesAt;
use super::services::{Exposes, Http, RoomLines, Telnet};
use super::shared::Shared;

/// What a listener speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Protocol {
    /// The line protocol over TCP, for `telnet` and people.
    Telnet,
    /// REST, for administrators and for clients with accounts. WebSockets
    /// are here, too.
    Rest,
    /// HTTP for browsers: the page, REST, and all WebSockets: `/ws` for lines
    /// or JSON, `/mychat` for room lines, `/api/ws` for direct messages.
    Web,
    /// Room lines over TCP.
    RoomLines,
    /// HTTP with room lines on the WebSocket `/mychat`, and nothing else but
    /// `/healthz`.
    RoomLinesWebSocket,
    /// Administration over gRPC; only in a program built with the feature
    /// `grpc`.
    Grpc,
}

impl Protocol {
    /// Every protocol.
    pub const ALL: [Protocol; 6] = [
        Protocol::Telnet,
        Protocol::Rest,
        Protocol::Web,
        Protocol::RoomLines,
        Protocol::RoomLinesWebSocket,
        Protocol::Grpc,
    ];

    /// The word for it in the configuration and in messages.
    pub fn name(self) -> &'static str {
        match self {
            Protocol::Telnet => "telnet",
            Protocol::Rest => "rest",
            Protocol::Web => "web",
            Protocol::RoomLines => "tcp",
            Protocol::RoomLinesWebSocket => "ws",
            Protocol::Grpc => "grpc",
        }
    }

    /// What happens to its connections.
    fn service(
        self,
        tls: Option<Arc<Tls>>,
        shared: &Arc<Shared>,
        rest: &Rest,
        room_lines: RoomLinesAt,
    ) -> io::Result<Arc<dyn Service>> {
        let shared = shared.clone();
        Ok(match self {
            Protocol::Telnet => Arc::new(Telnet { shared, tls }),
            Protocol::RoomLines => Arc::new(RoomLines { shared, tls }),
            Protocol::Rest | Protocol::Web | Protocol::RoomLinesWebSocket => Arc::new(Http {
                relays: rest.relays(&shared)?,
                exposes: match self {
                    Protocol::Rest => Exposes::Rest,
                    Protocol::RoomLinesWebSocket => Exposes::RoomLines,
                    _ => Exposes::Web,
                },
                room_lines,
                shared,
                tls,
            }),
            #[cfg(feature = "grpc")]
            Protocol::Grpc => Arc::new(super::grpc::Grpc::new(shared, rest, tls)),
            #[cfg(not(feature = "grpc"))]
            Protocol::Grpc => {
                let words = "this program was built without gRPC";
                return Err(io::Error::new(io::ErrorKind::Unsupported, words));
            }
        })
    }
}

/// What a listener speaks, and whether by TLS.
pub(super) type Speaks = (Protocol, bool);

/// The listener's name, in messages and as a flag.
pub(super) fn name((protocol, secure): Speaks) -> &'static str {
    match (protocol, secure) {
        (_, false) => protocol.name(),
        (Protocol::Telnet, true) => "tls-telnet",
        (Protocol::Rest, true) => "tls-rest",
        (Protocol::Web, true) => "tls-web",
        (Protocol::RoomLines, true) => "tls-tcp",
        (Protocol::RoomLinesWebSocket, true) => "tls-ws",
        (Protocol::Grpc, true) => "tls-grpc",
    }
}

/// As [`name`], for the test that there is such a flag.
#[cfg(test)]
pub fn flag_of(protocol: Protocol, secure: bool) -> &'static str {
    name((protocol, secure))
}

/// The listeners that the configuration has.
pub(super) fn configured(config: &Config) -> impl Iterator<Item = (Speaks, SocketAddr)> {
    let (plain, tls) = (&config.listen, &config.tls);
    let plain = [
        plain.telnet,
        plain.rest,
        plain.web,
        plain.tcp,
        plain.ws,
        plain.grpc,
    ];
    let tls = [tls.telnet, tls.rest, tls.web, tls.tcp, tls.ws, tls.grpc];
    let of = |secure, addresses: [Option<SocketAddr>; 6]| {
        let all = Protocol::ALL.into_iter().zip(addresses);
        all.filter_map(move |(protocol, address)| Some(((protocol, secure), address?)))
    };
    of(false, plain).chain(of(true, tls))
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A bound address that does not accept yet.
pub(super) struct BoundAs {
    speaks: Speaks,
    bound: Bound,
    room_lines: RoomLinesAt,
}

impl BoundAs {
    /// Binds the first of `addresses` that can be had.
    pub fn bind(
        speaks: Speaks,
        addresses: impl IntoIterator<Item = SocketAddr>,
    ) -> Result<BoundAs, ListenError> {
        let nothing = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
        let mut failed = ListenError::resolving(speaks, nothing);
        for address in addresses {
            match Bound::bind(name(speaks), address) {
                Ok(bound) => {
                    let room_lines = RoomLinesAt::default();
                    return Ok(BoundAs {
                        speaks,
                        bound,
                        room_lines,
                    });
                }
                Err(error) => failed = ListenError::new(speaks, Some(address), error),
            }
        }
        Err(failed)
    }

    /// With room lines elsewhere than usual.
    pub fn with(self, room_lines: RoomLinesAt) -> BoundAs {
        BoundAs { room_lines, ..self }
    }

    /// What is spoken there.
    pub fn protocol(&self) -> Protocol {
        self.speaks.0
    }

    /// Where it is.
    pub fn address(&self) -> Option<SocketAddr> {
        self.bound.address().ok()
    }

    /// Starts accepting.
    pub fn start(self, shared: &Arc<Shared>, rest: &Rest) -> Result<Listener, ListenError> {
        let (protocol, secure) = self.speaks;
        let failed = |error| ListenError::new(self.speaks, None, error);
        let address = self.bound.address().map_err(failed)?;
        let tls = match secure {
            true => Some(shared.tls.clone().ok_or_else(|| failed(no_certificate()))?),
            false => None,
        };
        let service = protocol.service(tls, shared, rest, self.room_lines);
        let service = service.map_err(failed)?;
        let listening = self.bound.start(service).map_err(failed)?;
        Ok(Listener {
            protocol,
            secure,
            address,
            listening: Arc::new(Mutex::new(Some(listening))),
        })
    }
}

fn no_certificate() -> io::Error {
    let words = "TLS needs a certificate and its key";
    io::Error::new(io::ErrorKind::InvalidInput, words)
}

/// A listener of a chat. Clones are handles to the same one, and dropping
/// them stops nothing.
#[derive(Clone, Debug)]
pub struct Listener {
    protocol: Protocol,
    secure: bool,
    address: SocketAddr,
    /// Nothing once it is stopped. Locked to stop it, once.
    listening: Arc<Mutex<Option<Listening>>>,
}

impl Listener {
    /// What it speaks.
    pub fn protocol(&self) -> Protocol {
        self.protocol
    }

    /// Whether it speaks TLS.
    pub fn is_secure(&self) -> bool {
        self.secure
    }

    pub(super) fn name(&self) -> &'static str {
        name((self.protocol, self.secure))
    }

    /// Where it is, with its real port.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Stops accepting; the address is free again. Who is connected stays.
    pub fn stop(&self) {
        drop(self.listening.lock().take());
    }

    /// Whether it was stopped.
    pub fn is_stopped(&self) -> bool {
        self.listening.lock().is_none()
    }
}
