//! What the server calls itself, and what it tells everyone.

use super::nicknames::Nicknames;

/// The settings of IRC that its encoders need.
#[derive(Clone, Debug, PartialEq)]
pub struct Terms {
    /// The server's name, as in the prefix of its lines.
    pub name: String,
    /// The network's name.
    pub network: String,
    /// The message of the day, a line each; none is "there is none".
    pub motd: Vec<String>,
    /// When the server started, in words.
    pub started: String,
    /// The same in milliseconds since 1970 UTC.
    pub started_ms: u64,
    /// The most channels of a connection; 0 is no limit.
    pub channels: usize,
    /// The most bytes of the text of a message.
    pub text_bytes: usize,
    /// The most messages shown to clients that join a channel and cannot ask for them.
    pub replay_lines: usize,
    /// Whether an account can be registered before the client has its nickname.
    pub registers_before_connect: bool,
    /// Whether an account needs an e-mail address.
    pub email_required: bool,
    /// That clients are to come by TLS.
    pub sts: Option<Sts>,
    /// Whether clients are in the channels of their account as soon as they have logged in.
    pub rejoins: bool,
    /// Whether an account may be called otherwise than by its name.
    pub frees_nicknames: bool,
    /// What accounts are called.
    pub nicknames: Nicknames,
    /// Whether clients can prove a password without sending it.
    pub scram: bool,
}

/// Strict transport security: clients come by TLS from now on.
/// <https://ircv3.net/specs/extensions/sts>
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sts {
    /// The port with TLS.
    pub port: u16,
    /// How long a client remembers it, in seconds.
    pub seconds: u64,
}

impl Sts {
    /// The capability, for a connection with TLS or without.
    pub fn capability(&self, is_secure: bool) -> String {
        match is_secure {
            true => format!("sts=duration={}", self.seconds),
            false => format!("sts=port={}", self.port),
        }
    }
}

impl Default for Terms {
    fn default() -> Terms {
        Terms {
            name: "irc.localhost".to_owned(),
            network: "chat".to_owned(),
            motd: Vec::new(),
            started: String::new(),
            started_ms: 0,
            channels: 100,
            text_bytes: 4096,
            replay_lines: 20,
            registers_before_connect: false,
            email_required: false,
            sts: None,
            rejoins: true,
            frees_nicknames: false,
            nicknames: Nicknames::default(),
            scram: false,
        }
    }
}

/// The version, as clients are told it.
pub const VERSION: &str = concat!("chat-server-", env!("CARGO_PKG_VERSION"));
