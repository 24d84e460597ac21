//! Listeners: which protocol, at which address, for how long.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use parking_lot::Mutex;

use crate::config::{ListenerKind, Protocol};
use crate::net::listener::{Bound, Listening, Service};
use crate::net::tls::Tls;

use super::ListenError;
use super::rest::Rest;
use super::room_lines_at::RoomLinesAt;
use super::services::{self, Exposes, Http, Lines, Places};
use super::shared::Shared;

/// The service for the connections of a listener.
fn service(
    protocol: Protocol,
    tls: Option<Arc<Tls>>,
    shared: &Arc<Shared>,
    rest: &Rest,
    room_lines: RoomLinesAt,
) -> io::Result<Arc<dyn Service>> {
    let shared = shared.clone();
    let exposes = match protocol {
        Protocol::Telnet => {
            let spoken = &services::TELNET;
            return Ok(Arc::new(Lines {
                shared,
                tls,
                spoken,
            }));
        }
        Protocol::Irc => {
            let spoken = &services::IRC;
            return Ok(Arc::new(Lines {
                shared,
                tls,
                spoken,
            }));
        }
        Protocol::RoomLines => {
            let spoken = &services::ROOM_LINES;
            return Ok(Arc::new(Lines {
                shared,
                tls,
                spoken,
            }));
        }
        #[cfg(feature = "grpc")]
        Protocol::Grpc => return Ok(Arc::new(super::grpc::Grpc::new(shared, rest, tls))),
        #[cfg(not(feature = "grpc"))]
        Protocol::Grpc => {
            let words = "this program was built without gRPC";
            return Err(io::Error::new(io::ErrorKind::Unsupported, words));
        }
        Protocol::Rest => Exposes::Rest,
        Protocol::Web => Exposes::Web,
        Protocol::RoomLinesWebSocket => Exposes::RoomLines,
    };
    Ok(Arc::new(Http {
        relays: rest.relays(&shared)?,
        turned_away: Places::default(),
        exposes,
        room_lines,
        shared,
        tls,
    }))
}

/// A bound address that is not accepting yet.
pub(super) struct BoundAs {
    kind: ListenerKind,
    bound: Bound,
    room_lines: RoomLinesAt,
}

impl BoundAs {
    /// Binds the first available one of `addresses`.
    pub fn bind(
        kind: ListenerKind,
        addresses: impl IntoIterator<Item = SocketAddr>,
    ) -> Result<BoundAs, ListenError> {
        let nothing = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
        let mut failed = ListenError::resolving(kind, nothing);
        for address in addresses {
            match Bound::bind(kind.name(), address) {
                Ok(bound) => {
                    let room_lines = RoomLinesAt::default();
                    return Ok(BoundAs {
                        kind,
                        bound,
                        room_lines,
                    });
                }
                Err(error) => failed = ListenError::new(kind, Some(address), error),
            }
        }
        Err(failed)
    }

    /// Sets where room lines are served.
    pub fn with(self, room_lines: RoomLinesAt) -> BoundAs {
        BoundAs { room_lines, ..self }
    }

    /// The protocol.
    pub fn protocol(&self) -> Protocol {
        self.kind.protocol
    }

    /// The address.
    pub fn address(&self) -> Option<SocketAddr> {
        self.bound.address().ok()
    }

    /// Starts accepting.
    pub fn start(self, shared: &Arc<Shared>, rest: &Rest) -> Result<Listener, ListenError> {
        let kind = self.kind;
        let failed = |error| ListenError::new(kind, None, error);
        let address = self.bound.address().map_err(failed)?;
        let tls = match kind.secure {
            true => Some(shared.tls.clone().ok_or_else(|| failed(no_certificate()))?),
            false => None,
        };
        let service = service(kind.protocol, tls, shared, rest, self.room_lines);
        let service = service.map_err(failed)?;
        let listening = self.bound.start(service).map_err(failed)?;
        Ok(Listener {
            kind,
            address,
            listening: Arc::new(Mutex::new(Some(listening))),
        })
    }
}

fn no_certificate() -> io::Error {
    let words = "TLS needs a certificate and its key";
    io::Error::new(io::ErrorKind::InvalidInput, words)
}

/// A listener of a chat. Clones are handles to the same one, and dropping them stops nothing.
#[derive(Clone, Debug)]
pub struct Listener {
    kind: ListenerKind,
    address: SocketAddr,
    /// `None` once it is stopped. Locked to stop it once.
    listening: Arc<Mutex<Option<Listening>>>,
}

impl Listener {
    /// The protocol.
    pub fn protocol(&self) -> Protocol {
        self.kind.protocol
    }

    /// Whether it speaks TLS.
    pub fn is_secure(&self) -> bool {
        self.kind.secure
    }

    pub(super) fn name(&self) -> &'static str {
        self.kind.name()
    }

    /// The address, with the real port.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Stops accepting and releases the address. Existing connections stay.
    pub fn stop(&self) {
        drop(self.listening.lock().take());
    }

    /// Whether it was stopped.
    pub fn is_stopped(&self) -> bool {
        self.listening.lock().is_none()
    }
}
