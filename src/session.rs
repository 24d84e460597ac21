//! Sessions: what one connection's thread does with the bytes it reads.
//!
//! One file a protocol, each a loop on a thread of its own: it judges the
//! rate, decodes, and gives commands to the hub, which answers through the
//! outbox. No chat rules here.

pub mod allowance;
pub mod attached;
pub mod context;
pub mod direct;
pub mod entry;
pub mod json;
mod json_queries;
pub mod line;
pub mod pace;
pub mod rate;
pub mod room;
pub mod stream;
pub mod telnet;
pub mod websocket;
