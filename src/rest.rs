//! The REST API: administration, status, and its own documentation.
//!
//! tiny_http serves it on a private socket behind the HTTP front, and answers only requests that
//! the front passed on. It holds no chat state of its own: it asks the hub.

mod accept;
mod accounts;
mod admin_accounts;
mod announce;
mod auth;
mod bans;
mod body;
mod call;
mod channels;
pub mod docs;
mod events;
mod found;
mod hooks;
mod invitations;
mod keeping;
mod legacy;
mod log;
mod mending;
mod messages;
pub(crate) mod nodes;
mod outgoing;
mod own_account;
mod pace;
mod passwords;
mod posts;
mod problem;
mod query;
mod readiness;
mod refusals;
mod remote;
mod remote_user;
mod reply;
mod resets;
mod route;
mod router;
mod scopes;
mod server;
mod sign_ins;
mod socket;
mod status;
mod tokens;
mod users;

use std::sync::Arc;
use std::sync::atomic::AtomicUsize;

use jiff::Timestamp;

use crate::account::{Accounts, Gate};
use crate::admin::{Administration, Doors};
use crate::chatlog::ChatLog;
use crate::hooks::Hooks;
use crate::http::{Origins, Relays};
use crate::metrics::Metrics;
use crate::nodes::Node;
use crate::session::bots::Bots;
use crate::session::context::SessionContext;
use crate::turn::HubHandle;

pub use crate::admin::AdminToken;
pub use body::fields_of;
pub use pace::CallPace;
pub use readiness::Readiness;
pub use router::is_reserved;
pub use server::{RestHandle, start};
pub use socket::Socket;

/// The parts that the REST API works with.
pub struct RestContext {
    /// The hub.
    pub hub: HubHandle,
    /// Decides which client may use which nickname.
    pub gate: Arc<Gate>,
    /// The accounts, and the messages between them.
    pub accounts: Arc<Accounts>,
    /// The chat log, for searching.
    pub log: ChatLog,
    /// Lets administrators and programs in.
    pub doors: Arc<Doors>,
    /// The bots as which programs take part.
    pub bots: Arc<Bots>,
    /// How fast accounts may change messages.
    pub pace: Arc<CallPace>,
    /// What sends for outgoing hooks, if anything does.
    pub hooks: Option<Arc<Hooks>>,
    /// What an event stream works with that begins now.
    pub sessions: Arc<dyn Fn() -> SessionContext + Send + Sync>,
    /// The administrators' actions.
    pub admin: Arc<Administration>,
    /// The program's version.
    pub version: &'static str,
    /// When the server started.
    pub started: Timestamp,
    /// The servers that form this chat.
    pub nodes: Arc<dyn Fn() -> Vec<Node> + Send + Sync>,
    /// The metrics.
    pub metrics: Arc<Metrics>,
    /// Whether the server is ready, and if not, why.
    pub readiness: Arc<Readiness>,
    /// Origins whose pages may call the API.
    pub origins: Arc<Origins>,
    /// The front's side of the private socket.
    pub relays: Arc<Relays>,
    /// Requests processed at once.
    pub workers: usize,
    /// Workers among them that are busy with a password although other requests wait; at most half.
    pub on_passwords: AtomicUsize,
}
