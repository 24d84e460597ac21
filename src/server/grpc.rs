//! The gRPC listener: administration, health and reflection.

use std::io;
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use crate::grpc::{
    self, AdminParts, AdminService, Describe, IsReady, Limits, Registration, RegistrationTerms,
    Routes,
};
use crate::net::listener::Service;
use crate::net::registry::{Permit, Refused};
use crate::net::tls::{self, Inside, Tls};

use super::Chat;
use super::rest::Rest;
use super::shared::Shared;

const SERVICES: &[&str] = &[
    grpc::ADMIN,
    grpc::CHANNELS,
    "grpc.health.v1.Health",
    "grpc.reflection.v1.ServerReflection",
];

/// Administration over gRPC.
pub(super) struct Grpc {
    shared: Arc<Shared>,
    tls: Option<Arc<Tls>>,
    admin: AdminService,
    is_ready: IsReady,
}

impl Grpc {
    /// The service of a listener, with TLS or without.
    pub fn new(shared: Arc<Shared>, rest: &Rest, tls: Option<Arc<Tls>>) -> Grpc {
        let this = shared.clone();
        let admin = AdminService::new(AdminParts {
            admin: shared.admin.clone(),
            doors: shared.doors.clone(),
            hub: shared.hub.clone(),
            log: shared.chat_log.clone(),
            nodes: Arc::new(move || this.nodes()),
        });
        let readiness = rest.readiness();
        let is_ready: IsReady = Arc::new(move || readiness.hindrances().is_empty());
        Grpc {
            shared,
            tls,
            admin,
            is_ready,
        }
    }
}

/// Registers a chat with the name server it is configured with, if any.
pub(super) fn register(chat: &mut Chat) -> io::Result<()> {
    let settings = chat.shared.config().name_server;
    let Some(at) = settings.url else {
        return Ok(());
    };
    let shared = chat.shared.clone();
    let describe: Describe = Arc::new(move || shared.this_node());
    let terms = RegistrationTerms {
        at,
        beat: Duration::from_secs(settings.beat_seconds),
        secret: settings.secret,
    };
    let id = chat.shared.node_id.clone();
    chat.registration = Some(Registration::start(terms, id, describe)?);
    Ok(())
}

impl Service for Grpc {
    fn admit(&self, peer: SocketAddr) -> Result<Permit, Refused> {
        self.shared.admit_to_rest(peer)
    }

    fn serve(&self, stream: TcpStream, peer: SocketAddr, _permit: Permit) {
        let limits = Limits::of(&self.shared.config().limits);
        let transport = self.shared.open(stream, self.tls.as_deref(), Inside::Grpc);
        let Some(transport) = transport else {
            return;
        };
        let routes = self.admin.add(Routes::default(), limits.message_bytes);
        let routes = grpc::add_health(routes, SERVICES, self.is_ready.clone());
        let routes = grpc::add_reflection(routes, SERVICES, limits.message_bytes);
        grpc::serve(
            transport,
            peer,
            &Arc::new(routes),
            limits,
            &self.shared.grpc,
        );
    }

    fn refusal(&self, _why: Refused) -> Vec<u8> {
        match &self.tls {
            Some(_) => tls::REFUSAL.to_vec(),
            // HTTP/2 has no way to say anything before its preface.
            None => Vec::new(),
        }
    }
}
