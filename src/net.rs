//! Sockets: listeners, the threads of connections, TLS, and backlogs of bytes that
//! a peer has not taken yet.
//!
//! This module handles bytes only: [`crate::session`] knows what they mean, and
//! [`crate::outbox`] which connections they are for.

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
