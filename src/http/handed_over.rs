//! Connections that go on with something else than requests.

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;

use parking_lot::Mutex;

use crate::net::transport::Transport;

/// A socket on which no requests follow: WebSocket frames, or the rest of an answer.
pub struct Upgraded {
    /// The socket, without time-outs.
    pub transport: Transport,
    /// Bytes that the client sent after its request.
    pub leftover: Vec<u8>,
    /// The client's address.
    pub peer: SocketAddr,
}

/// Serves such a connection to its end.
pub type Serve = Box<dyn FnOnce(Upgraded) + Send>;

/// Where the handler of a request puts what serves the connection after the head of the answer.
#[derive(Clone, Default)]
pub struct Then(Arc<Mutex<Option<Serve>>>);

impl Then {
    /// Has the connection served so. Of the answer, only the head is sent.
    pub fn serve(&self, serve: impl FnOnce(Upgraded) + Send + 'static) {
        *self.0.lock() = Some(Box::new(serve));
    }

    pub(super) fn take(&self) -> Option<Serve> {
        self.0.lock().take()
    }
}

impl fmt::Debug for Then {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Then")
    }
}
