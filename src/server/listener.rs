//! Listeners: which protocol, at which address, for how long.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use parking_lot::Mutex;

use crate::config::Listen;
use crate::net::listener::{Bound, Listening, Service};

use super::ListenError;
use super::rest::Rest;
use super::services::{Http, RoomLines, Telnet};
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
    /// HTTP with room lines on the WebSocket `/mychat`; everything of
    /// [`Protocol::Web`] but the page is here, too.
    RoomLinesWebSocket,
}

impl Protocol {
    /// Every protocol.
    pub const ALL: [Protocol; 5] = [
        Protocol::Telnet,
        Protocol::Rest,
        Protocol::Web,
        Protocol::RoomLines,
        Protocol::RoomLinesWebSocket,
    ];

    /// The word for it in the configuration and in messages.
    pub fn name(self) -> &'static str {
        match self {
            Protocol::Telnet => "telnet",
            Protocol::Rest => "rest",
            Protocol::Web => "web",
            Protocol::RoomLines => "tcp",
            Protocol::RoomLinesWebSocket => "ws",
        }
    }

    /// The address that the configuration has for it.
    pub(super) fn configured(self, listen: &Listen) -> Option<SocketAddr> {
        match self {
            Protocol::Telnet => listen.telnet,
            Protocol::Rest => listen.rest,
            Protocol::Web => listen.web,
            Protocol::RoomLines => listen.tcp,
            Protocol::RoomLinesWebSocket => listen.ws,
        }
    }

    /// What happens to its connections.
    fn service(self, shared: &Arc<Shared>, rest: &Rest) -> io::Result<Arc<dyn Service>> {
        let shared = shared.clone();
        Ok(match self {
            Protocol::Telnet => Arc::new(Telnet(shared)),
            Protocol::RoomLines => Arc::new(RoomLines(shared)),
            Protocol::Rest | Protocol::Web | Protocol::RoomLinesWebSocket => Arc::new(Http {
                relays: rest.relays(&shared)?,
                page: self == Protocol::Web,
                shared,
            }),
        })
    }
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A bound address that does not accept yet.
pub(super) struct BoundAs {
    protocol: Protocol,
    bound: Bound,
}

impl BoundAs {
    /// Binds the first of `addresses` that can be had.
    pub fn bind(
        protocol: Protocol,
        addresses: impl IntoIterator<Item = SocketAddr>,
    ) -> Result<BoundAs, ListenError> {
        let nothing = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
        let mut failed = ListenError::resolving(protocol, nothing);
        for address in addresses {
            match Bound::bind(protocol.name(), address) {
                Ok(bound) => return Ok(BoundAs { protocol, bound }),
                Err(error) => failed = ListenError::new(protocol, Some(address), error),
            }
        }
        Err(failed)
    }

    /// Starts accepting.
    pub fn start(self, shared: &Arc<Shared>, rest: &Rest) -> Result<Listener, ListenError> {
        let protocol = self.protocol;
        let failed = |error| ListenError::new(protocol, None, error);
        let address = self.bound.address().map_err(failed)?;
        let service = protocol.service(shared, rest).map_err(failed)?;
        let listening = self.bound.start(service).map_err(failed)?;
        Ok(Listener {
            protocol,
            address,
            listening: Arc::new(Mutex::new(Some(listening))),
        })
    }
}

/// A listener of a chat. Clones are handles to the same one, and dropping
/// them stops nothing.
#[derive(Clone, Debug)]
pub struct Listener {
    protocol: Protocol,
    address: SocketAddr,
    /// Nothing once it is stopped. Locked to stop it, once.
    listening: Arc<Mutex<Option<Listening>>>,
}

impl Listener {
    /// What it speaks.
    pub fn protocol(&self) -> Protocol {
        self.protocol
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
