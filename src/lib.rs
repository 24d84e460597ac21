//! A chat server that speaks several protocols to one set of channels: a
//! program, and this library for programs that want a chat inside.
//!
//! A [`Chat`] is a hub with listeners attached. All users of one chat meet, whichever listener they
//! come in by; several chats in one process have nothing in common.
//!
//! ```
//! use std::io::{BufRead, BufReader, Write};
//! use std::net::TcpStream;
//! use std::time::Duration;
//!
//! use chat_server::{Chat, Protocol};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let chat = Chat::builder().start()?;
//! let lines = chat.listen(Protocol::RoomLines, "127.0.0.1:0")?;
//! let web = chat.listen(Protocol::Web, "127.0.0.1:0")?;
//! println!("in the browser: http://{}/client", web.address());
//!
//! let mut mina = TcpStream::connect(lines.address())?;
//! writeln!(mina, r#"{{"name":"Mina","room":"devroom"}}"#)?;
//! writeln!(mina, "hello")?;
//! let mut heard = String::new();
//! BufReader::new(&mina).read_line(&mut heard)?;
//! assert_eq!(heard, "Mina:hello\n");
//!
//! assert_eq!(chat.users()?.len(), 1);
//! chat.shut_down(Duration::from_secs(5))?;
//! # Ok(())
//! # }
//! ```
//!
//! The program around it can take part and react to messages:
//!
//! ```
//! use chat_server::chatlog::Kind;
//! use chat_server::{Chat, Protocol};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let chat = Chat::builder()
//!     .listen(Protocol::Telnet, "127.0.0.1:0")
//!     .start()?;
//! let mut watch = chat.watch()?;
//! let robot = chat.enter("robot")?;
//! robot.join("lobby")?;
//! robot.say("lobby", "Good morning!")?;
//! let said = watch.find(|entry| entry.kind == Kind::Message);
//! assert_eq!(said.unwrap().text.as_deref(), Some("Good morning!"));
//! # Ok(())
//! # }
//! ```
//!
//! Without a data folder nothing is kept. With one there are a history, lasting accounts, and a
//! chat log. Every setting of the program is available, too:
//!
//! ```
//! # use chat_server::Chat;
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let temporary = tempfile::tempdir()?;
//! # let folder = temporary.path().join("chat");
//! let chat = Chat::builder()
//!     .data_dir(&folder)
//!     .settings(|settings| settings.limits.connections = 500)
//!     .start()?;
//! assert!(folder.join("chat.db").exists());
//! # Ok(())
//! # }
//! ```
//!
//! See `docs/library.md` for more, and `examples/` for whole programs. The other modules are the
//! parts of a chat; `docs/architecture.md` has the map. One OS thread per connection reads, one
//! *hub* thread owns all chat state and writes; there is no async runtime.
#![forbid(unsafe_code)]
#![warn(missing_docs)]

// The examples in this page are run as tests.
#[cfg(doctest)]
#[doc = include_str!("../docs/library.md")]
struct Page;

pub mod chatlog;
pub mod config;
pub mod hub;
pub mod model;
pub mod net;
pub mod server;
pub mod store;
pub mod watch;

// Not part of the library: public for the program, the tests and the tools of this repository, and
// subject to change.
#[doc(hidden)]
pub mod account;
#[doc(hidden)]
pub mod admin;
#[doc(hidden)]
pub mod bench;
mod build_info;
#[doc(hidden)]
pub mod cancel;
#[doc(hidden)]
pub mod cli;
#[cfg(feature = "cluster")]
#[doc(hidden)]
pub mod cluster;
#[doc(hidden)]
pub mod data;
#[doc(hidden)]
pub mod envelope;
mod fair;
#[cfg(feature = "grpc")]
#[doc(hidden)]
pub mod grpc;
#[doc(hidden)]
pub mod hooks;
#[doc(hidden)]
pub mod http;
mod http_client;
mod json;
#[doc(hidden)]
pub mod keeper;
#[doc(hidden)]
pub mod logging;
#[doc(hidden)]
pub mod metrics;
#[doc(hidden)]
pub mod nodes;
#[doc(hidden)]
pub mod outbox;
#[doc(hidden)]
pub mod page;
#[doc(hidden)]
pub mod protocol;
#[doc(hidden)]
pub mod rest;
#[doc(hidden)]
pub mod session;
mod small_file;
mod sync;
#[doc(hidden)]
pub mod turn;

pub use config::Config;
pub use model::{name, text};
pub use server::{
    AttachError, Builder, Chat, ChatError, Conduit, Connection, ListenError, Listener, Overdue,
    Participant, Protocol, RoomLinesAt, RunError, StartError, Stopper,
};
pub use watch::Watch;
