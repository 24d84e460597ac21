//! `/api/nodes`: the servers that form one chat, and which of them has room. A server that stands
//! alone lists itself.

use serde::Serialize;
use tiny_http::Method;
use utoipa::ToSchema;

use crate::nodes::{Node, NodeError};

use super::call::Call;
use super::problem::{ErrorBody, Problem};
use super::reply::{Reply, rfc3339};
use super::route::{Handler, Route};

pub(super) const ROUTES: &[Route] = &[
    open("/api/nodes", list_nodes),
    open("/api/nodes/best", best_node),
];

/// Seconds after which to ask again when no server has room.
const RETRY_SECONDS: u64 = 5;

const fn open(path: &'static str, run: Handler) -> Route {
    Route::for_everyone(Method::Get, path, run)
}

/// One server.
#[derive(Serialize, ToSchema)]
pub(crate) struct NodeBody {
    /// Identifies the server.
    id: String,
    /// Where clients connect.
    address: String,
    /// The part of its capacity that is in use.
    load: f64,
    connections: u64,
    /// The number of connections it can have; 0 is unknown.
    capacity: u64,
    #[schema(format = DateTime)]
    last_heartbeat: String,
    /// Whether the server is ready, as its `/readyz` says.
    ready: bool,
    /// The version of its program, if it reports it: servers of older versions do not.
    #[serde(skip_serializing_if = "String::is_empty")]
    #[schema(required = false)]
    version: String,
    /// Whether another live server has the same address, which is a mistake in the configuration of
    /// one of them.
    address_shared: bool,
}

/// The list of servers.
#[derive(Serialize, ToSchema)]
struct Nodes {
    nodes: Vec<NodeBody>,
}

impl From<&Node> for NodeBody {
    fn from(node: &Node) -> NodeBody {
        NodeBody {
            id: node.id.clone(),
            address: node.address.clone(),
            load: node.load() as f64 / 1e6,
            connections: node.connections,
            capacity: node.capacity,
            last_heartbeat: rfc3339(node.last_heartbeat_ms),
            ready: !node.is_hindered,
            version: node.version.clone(),
            address_shared: false,
        }
    }
}

/// Lists the live servers.
#[utoipa::path(
    get, path = "/api/nodes", tag = "status",
    responses((status = 200, description = "The live servers", body = Nodes)),
)]
pub(super) fn list_nodes(call: &Call<'_>) -> Result<Reply, Problem> {
    let nodes = (call.context.nodes)();
    let is_shared = |node: &Node| {
        let same = nodes.iter().filter(|other| other.address == node.address);
        !node.address.is_empty() && same.count() > 1
    };
    let nodes = nodes.iter().map(|node| NodeBody {
        address_shared: is_shared(node),
        ..NodeBody::from(node)
    });
    let nodes = nodes.collect();
    Ok(Reply::json(200, &Nodes { nodes }))
}

/// Finds the server to connect to: the least busy one that has room.
#[utoipa::path(
    get, path = "/api/nodes/best", tag = "status",
    responses(
        (status = 200, description = "Where to connect", body = NodeBody),
        (status = 503, description = "No server has room", body = ErrorBody),
    ),
)]
pub(super) fn best_node(call: &Call<'_>) -> Result<Reply, Problem> {
    let nodes = (call.context.nodes)();
    match Node::best(&nodes) {
        Some(node) => Ok(Reply::json(200, &NodeBody::from(node))),
        None => {
            let words = NodeError::NoNode.to_string();
            Err(Problem::Busy(words, RETRY_SECONDS))
        }
    }
}
