//! A chat server that speaks several protocols to one set of channels.
//!
//! One OS thread per connection reads, one *hub* thread owns all chat state
//! and writes; there is no async runtime. `docs/architecture.md` has the map.
#![forbid(unsafe_code)]
#![warn(missing_docs)]

pub mod account;
pub mod chatlog;
pub mod config;
pub mod hub;
pub mod name;
pub mod store;
pub mod text;
pub mod turn;
