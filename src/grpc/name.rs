//! The name service: servers connect and beat, clients find the server of a room.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::{Either, select};
use futures_util::stream::{self, Stream};
use parking_lot::Mutex;
use tonic::metadata::MetadataMap;
use tonic::{Request, Response, Status, Streaming};

use crate::config::Secret;
use crate::http::bearer;
use crate::model::time::unix_ms;
use crate::nodes::{self, NodeError, NodeRegistry, Report, Session};

use super::driver::Timers;
use super::proto::name::name_service_server::{NameService, NameServiceServer};
use super::proto::name::{
    ConnectionInfo, CreateRoomRequest, CreateRoomResponse, HeartBeat, MessageServerHeader,
};
use super::routes::{Caller, Routes};

/// The service's name.
pub const NAME: &str = "proto.NameService";

/// The list of servers, shared by the services that fill it and those that read it. Locked only to
/// read or change it.
pub type Nodes = Arc<Mutex<NodeRegistry>>;

/// The settings of the name service.
#[derive(Clone, Debug)]
pub struct NameTerms {
    /// A server that is silent for this long is removed.
    pub silence: Duration,
    /// A server that presents it may replace one that is listed.
    pub secret: Option<Secret>,
}

/// Adds the name service to a server.
pub fn add(routes: Routes, nodes: Nodes, terms: NameTerms, message_bytes: usize) -> Routes {
    let service = NameServiceServer::new(Service { nodes, terms });
    routes.with(service.max_decoding_message_size(message_bytes))
}

impl NameTerms {
    /// Whether a call has the secret. A wrong secret is a mistake of the administrator, and is
    /// reported.
    fn trusts(&self, metadata: &MetadataMap) -> Result<bool, Status> {
        let given = metadata.get("authorization");
        let (Some(secret), Some(given)) = (&self.secret, given) else {
            return Ok(false);
        };
        let given = given.to_str().ok().and_then(bearer).unwrap_or_default();
        match secret.matches(given) {
            true => Ok(true),
            false => Err(Status::unauthenticated(
                "that is not the secret that this name server has as name_server.secret",
            )),
        }
    }
}

struct Service {
    nodes: Nodes,
    terms: NameTerms,
}

/// One connection of a server.
struct Connection {
    nodes: Nodes,
    silence: Duration,
    /// Whether the server presented the shared secret.
    is_trusted: bool,
    timers: Timers,
    beats: Streaming<HeartBeat>,
    listed: Option<Listed>,
}

/// Keeps a server listed for as long as this value lives.
struct Listed {
    nodes: Nodes,
    id: String,
    session: Session,
}

impl Drop for Listed {
    fn drop(&mut self) {
        self.nodes.lock().disconnect(&self.id, self.session);
    }
}

impl Connection {
    /// The answer to the next beat, and the state after it.
    async fn next(mut self) -> Option<(Result<ConnectionInfo, Status>, Option<Connection>)> {
        let beat = {
            let beat = std::pin::pin!(self.beats.message());
            match select(beat, self.timers.after(self.silence)).await {
                Either::Left((beat, _)) => beat,
                Either::Right(_) => Err(Status::deadline_exceeded("no heartbeat came in time")),
            }
        };
        let heard = match beat {
            Ok(None) => return None,
            Ok(Some(beat)) => self.hear(beat),
            Err(status) => Err(status),
        };
        let goes_on = heard.is_ok().then_some(self);
        Some((heard, goes_on))
    }

    fn hear(&mut self, beat: HeartBeat) -> Result<ConnectionInfo, Status> {
        let report = Report {
            address: beat.address,
            connections: beat.connections,
            capacity: beat.capacity,
        };
        let now_ms = unix_ms();
        let mut nodes = self.nodes.lock();
        let id = match &self.listed {
            Some(listed) => {
                let heard = nodes.beat(&listed.id, listed.session, report, now_ms);
                heard.map_err(status)?;
                listed.id.clone()
            }
            None => {
                let header = beat.header.unwrap_or_default();
                let mut connect = |id: String| {
                    let session = nodes.connect(&id, report.clone(), self.is_trusted, now_ms);
                    session.map(|session| (id, session))
                };
                let connected = match header.message_server_id {
                    id if id.is_empty() => connect(new_id()?),
                    // Several servers may have made up the same id: the one listed under it keeps
                    // it, and the others get ids of their own.
                    id => match connect(id) {
                        Err(NodeError::Taken) => connect(new_id()?),
                        connected => connected,
                    },
                };
                let (id, session) = connected.map_err(status)?;
                self.listed = Some(Listed {
                    nodes: self.nodes.clone(),
                    id: id.clone(),
                    session,
                });
                id
            }
        };
        Ok(ConnectionInfo {
            header: Some(MessageServerHeader {
                message_server_id: id,
            }),
        })
    }
}

fn new_id() -> Result<String, Status> {
    let id = nodes::new_id();
    id.ok_or_else(|| Status::unavailable("no id can be made at present"))
}

fn status(error: NodeError) -> Status {
    let words = error.to_string();
    match error {
        NodeError::BadText => Status::invalid_argument(words),
        NodeError::TooManyNodes | NodeError::TooManyRooms => Status::resource_exhausted(words),
        NodeError::Superseded | NodeError::Taken => Status::aborted(words),
        NodeError::NoNode => Status::unavailable(words),
    }
}

#[tonic::async_trait]
impl NameService for Service {
    type ConnectMessageServerStream =
        Pin<Box<dyn Stream<Item = Result<ConnectionInfo, Status>> + Send>>;

    async fn connect_message_server(
        &self,
        request: Request<Streaming<HeartBeat>>,
    ) -> Result<Response<Self::ConnectMessageServerStream>, Status> {
        let timers = Caller::of(&request)?.timers.clone();
        let is_trusted = self.terms.trusts(request.metadata())?;
        let connection = Connection {
            nodes: self.nodes.clone(),
            silence: self.terms.silence,
            is_trusted,
            timers,
            beats: request.into_inner(),
            listed: None,
        };
        let answers = stream::unfold(Some(connection), |connection| async {
            connection?.next().await
        });
        Ok(Response::new(Box::pin(answers)))
    }

    async fn create_room(
        &self,
        request: Request<CreateRoomRequest>,
    ) -> Result<Response<CreateRoomResponse>, Status> {
        let id = request.into_inner().id;
        let node = self.nodes.lock().place(&id, unix_ms()).map_err(status)?;
        Ok(Response::new(CreateRoomResponse {
            id,
            message_server_id: node.id,
            address: node.address,
        }))
    }
}
