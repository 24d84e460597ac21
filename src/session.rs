//! Sessions: what a connection's thread does with the bytes it reads.
//!
//! There is one file a protocol, each a loop on the connection's own thread: it
//! limits the rate, decodes, and sends commands to the hub, which answers through
//! the outbox. There are no chat rules here.

pub mod allowance;
pub mod attached;
pub mod bots;
pub mod context;
pub mod direct;
pub mod entry;
pub mod events;
pub mod irc;
pub mod json;
mod json_queries;
pub mod line;
mod no_answer;
mod own_rooms;
pub mod pace;
pub mod rate;
pub mod room;
pub mod stream;
pub mod streams;
pub mod telnet;
pub mod voice;
pub mod websocket;
