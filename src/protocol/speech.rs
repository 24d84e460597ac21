//! The table of protocols: a row has everything that the rest of the server must know
//! about a protocol to serve it. A new protocol begins with a row here.

use std::net::SocketAddr;

use crate::hub::Profile;
use crate::model::governance::Cloak;

use super::WireFormat;

/// A protocol that is spoken on a socket.
#[derive(Debug, PartialEq, Eq)]
pub struct Speech {
    /// How its users take part.
    pub manners: Manners,
    /// The wire format of its connections.
    pub format: WireFormat,
    /// Whether a client is sent its own channel messages, too.
    pub echoes: bool,
}

/// How the users of a protocol take part: all that the hub knows of a protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Manners {
    /// The protocol's name in lists, metrics and the chat log.
    pub name: &'static str,
    /// Whether joining a channel leaves the previous one.
    pub one_channel: bool,
    /// Whether it shows messages from before its user joined.
    pub shows_past: bool,
    /// Whether a client that is taken out of its channel has nowhere else to go.
    pub ends_with_channel: bool,
    /// Whether clients keep lists of the members of their channels.
    pub keeps_rosters: bool,
}

/// The line protocol over TCP.
pub static TELNET: Speech = Speech {
    manners: Manners {
        name: "telnet",
        one_channel: true,
        shows_past: true,
        ends_with_channel: false,
        keeps_rosters: false,
    },
    format: WireFormat::Telnet,
    echoes: true,
};

/// The line protocol over a WebSocket.
pub static WEBSOCKET_LINES: Speech = Speech {
    manners: Manners {
        name: "websocket",
        one_channel: true,
        shows_past: true,
        ends_with_channel: false,
        keeps_rosters: false,
    },
    format: WireFormat::WebSocketLine,
    echoes: true,
};

/// JSON commands over a WebSocket.
pub static JSON: Speech = Speech {
    manners: Manners {
        name: "json",
        one_channel: false,
        shows_past: true,
        ends_with_channel: false,
        keeps_rosters: false,
    },
    format: WireFormat::Json,
    echoes: true,
};

/// Direct messages over a WebSocket.
pub static DIRECT: Speech = Speech {
    manners: Manners {
        name: "direct",
        one_channel: true,
        shows_past: true,
        ends_with_channel: false,
        keeps_rosters: false,
    },
    format: WireFormat::Direct,
    echoes: true,
};

/// Room lines over TCP.
pub static ROOM_LINES: Speech = Speech {
    manners: Manners {
        name: "room",
        one_channel: true,
        shows_past: false,
        ends_with_channel: true,
        keeps_rosters: false,
    },
    format: WireFormat::RoomTcp,
    echoes: true,
};

/// Room lines over a WebSocket.
pub static ROOM_WEBSOCKET: Speech = Speech {
    manners: Manners {
        name: "room-websocket",
        one_channel: true,
        shows_past: false,
        ends_with_channel: true,
        keeps_rosters: false,
    },
    format: WireFormat::RoomWebSocket,
    echoes: true,
};

/// IRC over TCP.
pub static IRC: Speech = Speech {
    manners: Manners {
        name: "irc",
        one_channel: false,
        shows_past: false,
        ends_with_channel: false,
        keeps_rosters: true,
    },
    format: WireFormat::Irc,
    echoes: true,
};

/// IRC over a WebSocket, in text frames.
pub static IRC_TEXT: Speech = Speech {
    manners: IRC_WEBSOCKET,
    format: WireFormat::IrcText,
    echoes: true,
};

/// IRC over a WebSocket, in binary frames.
pub static IRC_BINARY: Speech = Speech {
    manners: IRC_WEBSOCKET,
    format: WireFormat::IrcBinary,
    echoes: true,
};

const IRC_WEBSOCKET: Manners = Manners {
    name: "irc-websocket",
    one_channel: false,
    shows_past: false,
    ends_with_channel: false,
    keeps_rosters: true,
};

/// Server-sent events over HTTP.
pub static EVENT_STREAM: Speech = Speech {
    manners: EVENTS,
    format: WireFormat::EventStream,
    echoes: true,
};

/// Events over HTTP, a JSON object a line.
pub static JSON_LINES: Speech = Speech {
    manners: EVENTS,
    format: WireFormat::JsonLines,
    echoes: true,
};

/// Streams of events, which follow channels for a program and say nothing.
const EVENTS: Manners = Manners {
    name: "events",
    one_channel: false,
    shows_past: true,
    ends_with_channel: false,
    keeps_rosters: false,
};

/// The program around the chat, which has no socket.
pub static PROGRAM: Manners = Manners {
    name: "program",
    one_channel: false,
    shows_past: true,
    ends_with_channel: false,
    keeps_rosters: false,
};

impl Manners {
    /// A connection of this protocol from an address, as the hub knows it, with what
    /// stands for the address.
    pub fn profile(&self, address: SocketAddr, cloak: Option<Cloak>) -> Profile {
        Profile {
            protocol: self.name,
            address,
            cloak,
            one_channel: self.one_channel,
            shows_past: self.shows_past,
            ends_with_channel: self.ends_with_channel,
            keeps_rosters: self.keeps_rosters,
        }
    }
}
