//! The network: listeners, connections and what is sent to them.

pub mod front;
