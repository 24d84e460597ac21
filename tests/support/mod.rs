//! What the behaviour tests share: the real server as a child process, and raw
//! clients that see exactly the bytes a user would get.
//!
//! Nothing here sleeps for luck: every wait is for a condition and has a
//! deadline; when it passes, the test fails and shows what was received so far.

// Each test program uses only a part of this.
#![allow(dead_code, unused_imports)]

mod carrier;
mod event_stream;
mod http;
mod irc_client;
mod json_client;
mod line_client;
mod not_tested;
#[cfg(feature = "cluster")]
mod postgres;
mod programs;
mod proxy;
mod python;
mod receiver;
#[cfg(feature = "cluster")]
mod redis;
mod script;
mod server;
mod small_disk;
mod terminal;
mod turn;
mod user;
mod ws_client;

pub use carrier::{Carrier, Identity, Tape};
pub use event_stream::EventStream;
pub use http::{Answer, texts_of};
pub use irc_client::IrcClient;
pub use json_client::JsonClient;
pub use line_client::LineClient;
pub use not_tested::not_tested;
#[cfg(feature = "cluster")]
pub use postgres::{Postgres, connect};
pub use programs::{Told, call};
pub use proxy::{Proxy, deployed};
pub use python::{python, run_python};
pub use receiver::{Receiver, Reserved, answer};
#[cfg(feature = "cluster")]
pub use redis::Redis;
pub use script::Script;
pub use server::{DEADLINE, Server, free_address, wait_equal, wait_for, wait_until};
pub use small_disk::SmallDisk;
pub use terminal::{Terminal, missing};
pub use turn::Turn;
pub use user::{User, is_message, is_private, is_shown};
pub use ws_client::WsClient;
