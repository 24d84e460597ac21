//! Sockets: listeners, connection threads, the outbox and the flusher.
//!
//! A connection is one thread that reads; the hub thread writes through the
//! [`outbox`]. No chat rules here.

pub mod allowance;
pub mod backlog;
mod cost;
pub mod deadline;
pub mod direct;
pub mod flusher;
pub mod front;
pub mod json;
mod json_queries;
pub mod limits;
pub mod line;
pub mod link;
pub mod listener;
pub mod outbox;
pub mod peer;
pub mod proxy_header;
pub mod rate;
pub mod registry;
pub mod room;
mod seat;
pub mod senders;
pub mod share;
pub mod stream;
pub mod subscriber;
pub mod telnet;
pub mod thread;
pub mod tls;
pub mod transport;
pub mod websocket;
