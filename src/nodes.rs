//! The chat servers known to a name server: how busy they are, and how long they have been silent.
//!
//! A deterministic state machine: time and new ids are passed in. Knows no protocol; the services
//! that hear from a server call it.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use data_encoding::BASE32_NOPAD;
use serde::Serialize;

/// The most servers.
pub const MAX_NODES: usize = 10_000;
/// The most rooms whose server is remembered.
pub const MAX_ROOMS: usize = 100_000;
/// The longest id, address or name of a room, in bytes.
pub const MAX_TEXT: usize = 256;

/// The servers that beat.
#[derive(Debug)]
pub struct NodeRegistry {
    silence_ms: u64,
    /// No server can be due for removal before this time.
    next_expiry_ms: u64,
    nodes: BTreeMap<String, Entry>,
    /// The server of each room, for as long as that server exists.
    rooms: BTreeMap<String, String>,
    last_session: u64,
}

#[derive(Debug)]
struct Entry {
    node: Node,
    session: Session,
}

/// One server.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Node {
    /// Identifies the server.
    pub id: String,
    /// The address for clients; empty if it has reported none.
    pub address: String,
    /// Connections that it has.
    pub connections: u64,
    /// Connections that fit; 0 is unknown.
    pub capacity: u64,
    /// When it last beat, in milliseconds since 1970 UTC.
    pub last_heartbeat_ms: u64,
    /// Whether the server is not ready, so that others are preferred.
    pub is_hindered: bool,
    /// The version of its program; empty if it has not reported it.
    pub version: String,
}

/// A server's report about itself; fields that are missing keep their values.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// The address for clients.
    pub address: Option<String>,
    /// Connections that it has.
    pub connections: Option<u64>,
    /// Connections that fit; 0 is unknown.
    pub capacity: Option<u64>,
}

/// One connection of a server, as distinct from its earlier ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Session(u64);

/// Why a request was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NodeError {
    /// An id, address or room that is empty, too long or not plain text.
    BadText,
    /// There are [`MAX_NODES`] already.
    TooManyNodes,
    /// There are [`MAX_ROOMS`] already.
    TooManyRooms,
    /// Another server has this id, and the caller has not shown that it is the same.
    Taken,
    /// The server has reconnected, was silent for too long, or has left.
    Superseded,
    /// There is no server to send a client to.
    NoNode,
}

impl fmt::Display for NodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            NodeError::BadText => write!(
                f,
                "an id, address or room has 1 to {MAX_TEXT} bytes and no control characters"
            ),
            NodeError::TooManyNodes => write!(f, "there are {MAX_NODES} servers already"),
            NodeError::TooManyRooms => write!(f, "there are {MAX_ROOMS} rooms already"),
            NodeError::Taken => write!(
                f,
                "another server has this id; to take its place needs the secret of \
                 name_server.secret"
            ),
            NodeError::Superseded => write!(
                f,
                "another connection has this id by now, or this one was silent for too long"
            ),
            NodeError::NoNode => write!(
                f,
                "no server is registered at present; one registers with its setting \
                 name_server.url"
            ),
        }
    }
}

impl std::error::Error for NodeError {}

impl Node {
    /// How full it is, in millionths of its capacity. If the capacity is unknown, 10,000 is
    /// assumed.
    pub fn load(&self) -> u64 {
        let capacity = match self.capacity {
            0 => 10_000,
            capacity => capacity,
        };
        let load = u128::from(self.connections) * 1_000_000 / u128::from(capacity);
        u64::try_from(load).unwrap_or(u64::MAX)
    }

    /// The least busy server that accepts clients; one that is not ready only if none is.
    pub fn best<'a>(nodes: impl IntoIterator<Item = &'a Node>) -> Option<&'a Node> {
        let open = nodes.into_iter().filter(|node| node.is_open());
        open.min_by_key(|node| (node.is_hindered, node.load(), &node.id))
    }

    /// Whether clients can be sent there.
    fn is_open(&self) -> bool {
        !self.address.is_empty() && (self.capacity == 0 || self.connections < self.capacity)
    }
}

impl NodeRegistry {
    /// No servers; each is removed after `silence`.
    pub fn new(silence: Duration) -> NodeRegistry {
        NodeRegistry {
            silence_ms: u64::try_from(silence.as_millis()).unwrap_or(u64::MAX),
            next_expiry_ms: u64::MAX,
            nodes: BTreeMap::new(),
            rooms: BTreeMap::new(),
            last_session: 0,
        }
    }

    /// Adds a server under `id`. If a server is listed under it, the new connection replaces the
    /// old one, provided that it is the same server.
    pub fn connect(
        &mut self,
        id: &str,
        report: Report,
        is_same: bool,
        now_ms: u64,
    ) -> Result<Session, NodeError> {
        check(id)?;
        self.expire(now_ms);
        if !is_same && self.nodes.contains_key(id) {
            return Err(NodeError::Taken);
        }
        if self.nodes.len() >= MAX_NODES && !self.nodes.contains_key(id) {
            return Err(NodeError::TooManyNodes);
        }
        let mut node = Node {
            id: id.to_owned(),
            ..Node::default()
        };
        node.hear(report, now_ms)?;
        let expiry_ms = now_ms.saturating_add(self.silence_ms);
        self.next_expiry_ms = self.next_expiry_ms.min(expiry_ms);
        self.last_session += 1;
        let session = Session(self.last_session);
        self.nodes.insert(id.to_owned(), Entry { node, session });
        Ok(session)
    }

    /// The server is still there.
    pub fn beat(
        &mut self,
        id: &str,
        session: Session,
        report: Report,
        now_ms: u64,
    ) -> Result<(), NodeError> {
        self.expire(now_ms);
        let entry = self.nodes.get_mut(id);
        let entry = entry.filter(|entry| entry.session == session);
        let entry = entry.ok_or(NodeError::Superseded)?;
        entry.node.hear(report, now_ms)
    }

    /// The connection has ended, and the server is removed, unless it has another connection by
    /// now.
    pub fn disconnect(&mut self, id: &str, session: Session) {
        if self.nodes.get(id).is_some_and(|e| e.session == session) {
            self.nodes.remove(id);
            self.forget_rooms();
        }
    }

    /// All servers, by id.
    pub fn list(&mut self, now_ms: u64) -> Vec<Node> {
        self.expire(now_ms);
        self.nodes.values().map(|e| e.node.clone()).collect()
    }

    /// The least busy server that accepts clients.
    pub fn best(&mut self, now_ms: u64) -> Result<Node, NodeError> {
        self.expire(now_ms);
        let nodes = self.nodes.values().map(|entry| &entry.node);
        Node::best(nodes).cloned().ok_or(NodeError::NoNode)
    }

    /// The server of a room: the least busy one when the room is first asked for, and the same for
    /// as long as that server lives.
    pub fn place(&mut self, room: &str, now_ms: u64) -> Result<Node, NodeError> {
        check(room)?;
        self.expire(now_ms);
        let placed = self.rooms.get(room).and_then(|id| self.nodes.get(id));
        if let Some(entry) = placed {
            return Ok(entry.node.clone());
        }
        if self.rooms.len() >= MAX_ROOMS {
            return Err(NodeError::TooManyRooms);
        }
        let best = self.best(now_ms)?;
        self.rooms.insert(room.to_owned(), best.id.clone());
        Ok(best)
    }

    /// Removes servers that were silent for too long.
    fn expire(&mut self, now_ms: u64) {
        if now_ms < self.next_expiry_ms {
            return;
        }
        let silence_ms = self.silence_ms;
        let expiry_ms = |entry: &Entry| entry.node.last_heartbeat_ms.saturating_add(silence_ms);
        let before = self.nodes.len();
        self.nodes.retain(|_, entry| now_ms < expiry_ms(entry));
        let next = self.nodes.values().map(expiry_ms).min();
        self.next_expiry_ms = next.unwrap_or(u64::MAX);
        if self.nodes.len() != before {
            self.forget_rooms();
        }
    }

    fn forget_rooms(&mut self) {
        let nodes = &self.nodes;
        self.rooms.retain(|_, id| nodes.contains_key(id));
    }
}

impl Node {
    fn hear(&mut self, report: Report, now_ms: u64) -> Result<(), NodeError> {
        if let Some(address) = report.address {
            check(&address)?;
            self.address = address;
        }
        self.connections = report.connections.unwrap_or(self.connections);
        self.capacity = report.capacity.unwrap_or(self.capacity);
        self.last_heartbeat_ms = now_ms;
        Ok(())
    }
}

/// A random id, different from that of any other server. For the services that call the registry.
pub fn new_id() -> Option<String> {
    let mut random = [0; 10];
    getrandom::fill(&mut random).ok()?;
    Some(BASE32_NOPAD.encode(&random).to_ascii_lowercase())
}

fn check(text: &str) -> Result<(), NodeError> {
    let is_plain = !text.chars().any(char::is_control);
    match (1..=MAX_TEXT).contains(&text.len()) && is_plain {
        true => Ok(()),
        false => Err(NodeError::BadText),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SILENCE: Duration = Duration::from_millis(100);

    fn report(address: &str, connections: u64, capacity: u64) -> Report {
        Report {
            address: Some(address.to_owned()),
            connections: Some(connections),
            capacity: Some(capacity),
        }
    }

    fn ids(nodes: &[Node]) -> Vec<&str> {
        nodes.iter().map(|node| node.id.as_str()).collect()
    }

    #[test]
    fn a_server_is_there_for_as_long_as_it_beats() {
        let mut nodes = NodeRegistry::new(SILENCE);
        let a = nodes.connect("a", report("a:1", 3, 10), true, 0).unwrap();
        nodes.connect("b", Report::default(), true, 50).unwrap();
        nodes.beat("a", a, Report::default(), 99).unwrap();
        assert_eq!(ids(&nodes.list(149)), ["a", "b"]);
        assert_eq!(ids(&nodes.list(150)), ["a"]);
        assert_eq!(nodes.list(150)[0].connections, 3);
        assert_eq!(ids(&nodes.list(199)), [""; 0]);
        let late = nodes.beat("a", a, Report::default(), 199);
        assert_eq!(late, Err(NodeError::Superseded));
    }

    #[test]
    fn an_old_connection_does_not_end_a_new_one() {
        let mut nodes = NodeRegistry::new(SILENCE);
        let old = nodes.connect("a", report("a:1", 0, 0), true, 0).unwrap();
        let new = nodes.connect("a", report("a:2", 0, 0), true, 1).unwrap();
        nodes.disconnect("a", old);
        assert_eq!(nodes.list(1)[0].address, "a:2");
        let late = nodes.beat("a", old, Report::default(), 2);
        assert_eq!(late, Err(NodeError::Superseded));
        nodes.disconnect("a", new);
        assert_eq!(nodes.list(1), []);
    }

    #[test]
    fn nobody_takes_the_place_of_another_by_its_id_alone() {
        let mut nodes = NodeRegistry::new(SILENCE);
        let first = nodes.connect("a", report("a:1", 0, 0), false, 0).unwrap();
        let other = nodes.connect("a", report("a:2", 0, 0), false, 1);
        assert_eq!(other, Err(NodeError::Taken));
        assert_eq!(nodes.list(1)[0].address, "a:1");
        assert!(nodes.beat("a", first, Report::default(), 2).is_ok());
        // Once the server has gone, the id is free.
        nodes.disconnect("a", first);
        assert!(nodes.connect("a", report("a:2", 0, 0), false, 3).is_ok());
        assert!(nodes.connect("a", report("a:3", 0, 0), false, 103).is_ok());
    }

    #[test]
    fn the_least_busy_one_is_the_best_and_full_ones_are_none() {
        let mut nodes = NodeRegistry::new(SILENCE);
        assert_eq!(nodes.best(0), Err(NodeError::NoNode));
        nodes.connect("silent", Report::default(), true, 0).unwrap();
        nodes.connect("full", report("f:1", 5, 5), true, 0).unwrap();
        assert_eq!(nodes.best(0), Err(NodeError::NoNode));
        nodes
            .connect("large", report("l:1", 50, 1000), true, 0)
            .unwrap();
        nodes
            .connect("small", report("s:1", 6, 100), true, 0)
            .unwrap();
        assert_eq!(nodes.best(0).unwrap().id, "large");
        nodes
            .connect("large", report("l:1", 90, 1000), true, 0)
            .unwrap();
        assert_eq!(nodes.best(0).unwrap().id, "small");
    }

    #[test]
    fn a_room_stays_where_it_is_for_as_long_as_it_can() {
        let mut nodes = NodeRegistry::new(SILENCE);
        let a = nodes.connect("a", report("a:1", 0, 10), true, 0).unwrap();
        assert_eq!(nodes.place("dev", 0).unwrap().id, "a");
        nodes.beat("a", a, report("a:1", 9, 10), 0).unwrap();
        nodes.connect("b", report("b:1", 0, 10), true, 0).unwrap();
        assert_eq!(nodes.place("dev", 0).unwrap().id, "a");
        assert_eq!(nodes.place("ops", 0).unwrap().id, "b");
        nodes.disconnect("a", a);
        assert_eq!(nodes.place("dev", 0).unwrap().id, "b");
        assert_eq!(nodes.place("", 0), Err(NodeError::BadText));
        assert_eq!(nodes.place("dev", 100), Err(NodeError::NoNode));
    }

    #[test]
    fn there_are_only_so_many_and_names_are_short() {
        let mut nodes = NodeRegistry::new(SILENCE);
        for number in 0..MAX_NODES {
            let id = number.to_string();
            nodes.connect(&id, report("a:1", 0, 0), true, 0).unwrap();
        }
        let another = nodes.connect("x", Report::default(), true, 0);
        assert_eq!(another, Err(NodeError::TooManyNodes));
        assert!(nodes.connect("0", Report::default(), true, 0).is_ok());
        assert!(nodes.connect("x", Report::default(), true, 100).is_ok());
        let mut nodes = NodeRegistry::new(SILENCE);
        nodes.connect("a", report("a:1", 0, 0), true, 0).unwrap();
        for number in 0..MAX_ROOMS {
            nodes.place(&number.to_string(), 0).unwrap();
        }
        assert_eq!(nodes.place("x", 0), Err(NodeError::TooManyRooms));
        let mut nodes = NodeRegistry::new(SILENCE);
        for bad in ["", "a\n", &"x".repeat(MAX_TEXT + 1)] {
            let refused = nodes.connect(bad, Report::default(), true, 0);
            assert_eq!(refused, Err(NodeError::BadText));
        }
        assert!(
            nodes
                .connect(&"x".repeat(MAX_TEXT), Report::default(), true, 0)
                .is_ok()
        );
    }
}
