//! Sockets: listeners, the threads of connections, TLS, and what a peer has
//! not taken yet.
//!
//! Bytes only: what they mean is known to [`crate::session`], who they are
//! for to [`crate::outbox`].

pub mod backlog;
pub mod deadline;
pub mod flusher;
pub mod limits;
pub mod link;
pub mod listener;
pub mod proxy_header;
pub mod registry;
pub mod thread;
pub mod tls;
pub mod transport;
