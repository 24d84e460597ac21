//! What each listener does with its connections.

use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;

use serde_json::json;

use crate::net::front::{
    self, Admission, Denial, FrontContext, Handshake, Relays, Upgraded, Upgrades,
};
use crate::net::listener::Service;
use crate::net::registry::{Permit, Refused};
use crate::net::{telnet, websocket};
use crate::page;
use crate::rest::docs;

use super::shared::Shared;

/// The line protocol over TCP.
pub struct Telnet(pub Arc<Shared>);

impl Service for Telnet {
    fn admit(&self, peer: SocketAddr) -> Result<Permit, Refused> {
        self.0.admit(peer)
    }

    fn serve(&self, stream: TcpStream, peer: SocketAddr, _permit: Permit) {
        telnet::serve(stream, peer, self.0.line_context());
    }

    fn refusal(&self, why: Refused) -> Vec<u8> {
        format!("* {}\r\n", why.words()).into_bytes()
    }
}

/// An HTTP listener.
pub struct Http {
    /// The server's.
    pub shared: Arc<Shared>,
    /// Whether the page is here.
    pub page: bool,
    /// Where REST requests go.
    pub relays: Arc<Relays>,
}

impl Service for Http {
    fn admit(&self, peer: SocketAddr) -> Result<Permit, Refused> {
        self.shared.admit(peer)
    }

    fn serve(&self, stream: TcpStream, peer: SocketAddr, _permit: Permit) {
        let context = FrontContext {
            limits: self.shared.http_limits(),
            files: match self.page {
                true => vec![page::file, docs::file],
                false => vec![docs::file],
            },
            upgrades: Some(Arc::new(WebSockets(self.shared.clone()))),
            relays: Some(self.relays.clone()),
            origins: self.shared.origins.clone(),
        };
        front::serve(stream, peer, &context);
    }

    fn refusal(&self, why: Refused) -> Vec<u8> {
        let body = json!({"error": {"code": why.code(), "message": why.words()}});
        let body = format!("{body}\n");
        let length = body.len();
        format!(
            "HTTP/1.1 503 Service Unavailable\r\nContent-Type: application/json\r\n\
             Content-Length: {length}\r\nRetry-After: 5\r\nConnection: close\r\n\r\n{body}"
        )
        .into_bytes()
    }
}

/// Which WebSockets there are; the same ones on every HTTP listener.
struct WebSockets(Arc<Shared>);

impl Upgrades for WebSockets {
    fn admit(&self, handshake: &Handshake<'_>) -> Result<Admission, Denial> {
        if handshake.path != "/ws" {
            return Err(Denial::NotFound);
        }
        let shared = self.0.clone();
        Ok(Admission {
            subprotocol: None,
            run: Box::new(move |upgraded| serve_lines(&shared, upgraded)),
        })
    }
}

fn serve_lines(shared: &Shared, upgraded: Upgraded) {
    let Upgraded {
        stream,
        leftover,
        peer,
    } = upgraded;
    // The front has used time-outs; from here on silence is allowed.
    if stream.set_read_timeout(None).is_err() {
        return;
    }
    websocket::serve_lines(stream, leftover, peer, shared.line_context());
}
