//! A chat server that speaks several protocols to one set of channels.
//!
//! One OS thread per connection reads, one *hub* thread owns all chat state
//! and writes; there is no async runtime. `docs/architecture.md` has the map.
#![forbid(unsafe_code)]
#![warn(missing_docs)]

pub mod account;
pub mod cancel;
pub mod chatlog;
pub mod cli;
pub mod config;
pub mod data;
pub mod envelope;
pub mod hub;
pub mod keeper;
pub mod logging;
pub mod metrics;
pub mod name;
pub mod net;
pub mod page;
pub mod protocol;
pub mod rest;
pub mod server;
pub mod store;
pub mod text;
pub mod turn;
pub mod watch;

pub use config::Config;
pub use server::{
    Builder, Chat, ChatError, ListenError, Listener, Overdue, Participant, Protocol, StartError,
};
pub use watch::Watch;
