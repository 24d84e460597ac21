//! Every setting, typed, with its default in one place.
//!
//! Names are the same in the file (`limits.line_bytes`), the environment
//! (`CHAT_SERVER_LIMITS_LINE_BYTES`) and, where there is one, the flag.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use crate::hub::Limits as HubLimits;

/// All settings of one server.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// Where to listen.
    pub listen: Listen,
    /// The data folder: chat log, admin token, bans, database.
    pub data_dir: PathBuf,
    /// `error`, `warn`, `info`, `debug`, `trace` or a filter such as `info,chat_server=debug`.
    pub log_level: String,
    /// The first line a client sees.
    pub greeting: String,
    /// Seconds a shutdown may take before the process exits anyway.
    pub shutdown_seconds: u64,
    /// Admin REST.
    pub admin: Admin,
    /// The chat log.
    pub chat_log: ChatLog,
    /// Web origins.
    pub web: Web,
    /// Limits.
    pub limits: Limits,
}

/// One address a listener; `None` is `"off"`.
#[derive(Clone, Debug, PartialEq)]
pub struct Listen {
    /// Line protocol over TCP.
    pub telnet: Option<SocketAddr>,
    /// Admin REST.
    pub rest: Option<SocketAddr>,
    /// Page, WebSockets and REST on one origin.
    pub web: Option<SocketAddr>,
    /// Room lines over TCP.
    pub tcp: Option<SocketAddr>,
    /// Room lines over WebSocket.
    pub ws: Option<SocketAddr>,
}

/// Admin REST settings.
#[derive(Clone, PartialEq)]
pub struct Admin {
    /// The bearer token; `None`: made at first start and kept in the data folder.
    pub token: Option<String>,
    /// Worker threads behind the HTTP front.
    pub workers: usize,
}

/// Chat log settings.
#[derive(Clone, Debug, PartialEq)]
pub struct ChatLog {
    /// Whether anything is logged.
    pub enabled: bool,
    /// Whether private messages are logged too.
    pub private_messages: bool,
    /// Size at which the current file is rotated, in bytes.
    pub rotate_bytes: u64,
    /// How many rotated files are kept; 0 keeps all.
    pub keep_files: usize,
    /// Days after which rotated files are removed; 0 keeps them.
    pub keep_days: u64,
}

/// Web settings.
#[derive(Clone, Debug, PartialEq)]
pub struct Web {
    /// Origins besides our own that may call the API and open WebSockets; `*` is any.
    pub allowed_origins: Vec<String>,
}

/// Limits in the order of `docs`; 0 means no limit where that makes sense.
#[derive(Clone, Debug, PartialEq)]
pub struct Limits {
    /// Connections in all.
    pub connections: usize,
    /// Connections of one address; loopback is exempt.
    pub connections_per_address: usize,
    /// Seconds to log in.
    pub login_seconds: u64,
    /// Longest line or frame.
    pub line_bytes: usize,
    /// Sustained messages per second and connection.
    pub message_rate: f64,
    /// Messages a connection may send at once.
    pub message_burst: u32,
    /// Login and register attempts per minute, per address and per account.
    pub auth_attempts: u32,
    /// Unsent bytes at which a connection is a slow reader.
    pub backlog_bytes: usize,
    /// Seconds of silence before a WebSocket is pinged; after twice that it is closed.
    pub ping_seconds: u64,
    /// HTTP request head.
    pub http_head_bytes: usize,
    /// HTTP request body.
    pub http_body_bytes: usize,
    /// Seconds for an HTTP request to arrive whole.
    pub http_seconds: u64,
    /// Channels a connection may be in.
    pub channels_per_connection: usize,
}

impl Default for Config {
    fn default() -> Config {
        Config {
            listen: Listen::default(),
            data_dir: PathBuf::from("data"),
            log_level: "info".to_owned(),
            greeting: "Welcome to the chat server.".to_owned(),
            shutdown_seconds: 10,
            admin: Admin::default(),
            chat_log: ChatLog::default(),
            web: Web::default(),
            limits: Limits::default(),
        }
    }
}

impl Default for Listen {
    fn default() -> Listen {
        let loopback = |port| Some(SocketAddr::from(([127, 0, 0, 1], port)));
        Listen {
            telnet: loopback(4000),
            rest: loopback(4001),
            web: loopback(4004),
            tcp: None,
            ws: None,
        }
    }
}

impl Default for Admin {
    fn default() -> Admin {
        Admin {
            token: None,
            workers: 4,
        }
    }
}

impl Default for ChatLog {
    fn default() -> ChatLog {
        ChatLog {
            enabled: true,
            private_messages: true,
            rotate_bytes: 256 * 1024 * 1024,
            keep_files: 16,
            keep_days: 0,
        }
    }
}

impl Default for Web {
    fn default() -> Web {
        Web {
            allowed_origins: Vec::new(),
        }
    }
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            connections: 20_000,
            connections_per_address: 1_000,
            login_seconds: 60,
            line_bytes: 4096,
            message_rate: 20.0,
            message_burst: 40,
            auth_attempts: 10,
            backlog_bytes: 1024 * 1024,
            ping_seconds: 30,
            http_head_bytes: 16 * 1024,
            http_body_bytes: 64 * 1024,
            http_seconds: 10,
            channels_per_connection: 100,
        }
    }
}

impl Limits {
    /// What of this the hub enforces.
    pub fn hub(&self) -> HubLimits {
        HubLimits {
            login: Duration::from_secs(self.login_seconds),
            channels_per_connection: self.channels_per_connection,
            history: false,
        }
    }
}

/// Prints nothing of the token.
impl std::fmt::Debug for Admin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Admin")
            .field("token", &self.token.as_ref().map(|_| "(set)"))
            .field("workers", &self.workers)
            .finish()
    }
}
