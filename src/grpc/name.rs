//! The name service: servers connect and beat, rooms find a server.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use data_encoding::BASE32_NOPAD;
use futures_util::future::{Either, select};
use futures_util::stream::{self, Stream};
use parking_lot::Mutex;
use tonic::{Request, Response, Status, Streaming};

use crate::account::unix_ms;
use crate::nodes::{NodeError, NodeRegistry, Report, Session};

use super::driver::Timers;
use super::proto::name::name_service_server::{NameService, NameServiceServer};
use super::proto::name::{
    ConnectionInfo, CreateRoomRequest, CreateRoomResponse, HeartBeat, MessageServerHeader,
};
use super::routes::{Caller, Routes};

/// The service's name.
pub const NAME: &str = "proto.NameService";

/// The servers, shared by whoever learns of them and whoever asks. Locked to
/// ask or to tell, never for longer.
pub type Nodes = Arc<Mutex<NodeRegistry>>;

/// Adds the name service to a server. Whoever is silent for `silence` is gone.
pub fn add(routes: Routes, nodes: Nodes, silence: Duration, message_bytes: usize) -> Routes {
    let service = NameServiceServer::new(Service { nodes, silence });
    routes.with(service.max_decoding_message_size(message_bytes))
}

struct Service {
    nodes: Nodes,
    silence: Duration,
}

/// One server's connection.
struct Connection {
    nodes: Nodes,
    silence: Duration,
    timers: Timers,
    beats: Streaming<HeartBeat>,
    listed: Option<Listed>,
}

/// A server that is listed for as long as this lives.
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
    /// The answer to the next beat, and what goes on after it.
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
                let id = match header.message_server_id {
                    id if id.is_empty() => new_id()?,
                    id => id,
                };
                let session = nodes.connect(&id, report, now_ms).map_err(status)?;
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
    let mut random = [0; 10];
    let filled = getrandom::fill(&mut random);
    filled.map_err(|_| Status::unavailable("no id can be made at present"))?;
    Ok(BASE32_NOPAD.encode(&random).to_ascii_lowercase())
}

fn status(error: NodeError) -> Status {
    let words = error.to_string();
    match error {
        NodeError::BadText => Status::invalid_argument(words),
        NodeError::TooManyNodes | NodeError::TooManyRooms => Status::resource_exhausted(words),
        NodeError::Superseded => Status::aborted(words),
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
        let connection = Connection {
            nodes: self.nodes.clone(),
            silence: self.silence,
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
