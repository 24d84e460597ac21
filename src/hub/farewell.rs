//! Why a connection ends, and the last thing its client is told.

use std::fmt;

use crate::model::{Name, Text};

use super::Refusal;

/// What is wrong with the frames of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FrameFault {
    /// The bytes are not frames of the protocol.
    Malformed,
    /// A frame is far over the limit.
    TooLarge,
    /// A text frame is not UTF-8.
    NotText,
}

/// Why a connection ends.
#[derive(Clone, Debug, PartialEq)]
pub enum Farewell {
    /// The peer closed or broke the connection, and cannot be told anything more.
    PeerLeft,
    /// The user asked for it.
    Quit,
    /// The client took no nickname within the time to log in.
    LoginTimeout,
    /// There are too many connections, altogether or from that address.
    Full,
    /// The client did not read what it was sent.
    SlowReader,
    /// The client kept sending faster than allowed.
    Flooding,
    /// The client sent an HTTP request to a port that speaks lines.
    SpokeHttp,
    /// A WebSocket client did not answer pings.
    Silent,
    /// The client broke the framing of its protocol.
    BadFrame(FrameFault),
    /// An administrator ended it, perhaps with a reason.
    Kicked(Option<Text>),
    /// The client was taken out of the one channel that it can be in.
    Removed {
        /// The user who did it; an administrator or the server has no name.
        by: Option<Name>,
        /// Why.
        reason: Option<Text>,
    },
    /// The address or nickname is banned, perhaps with a reason.
    Banned(Option<Text>),
    /// Another connection has logged in with the same token.
    Replaced,
    /// The token that the connection logged in with was revoked or has expired.
    TokenRevoked,
    /// The password of the account was changed.
    PasswordChanged,
    /// An administrator has disabled the account.
    AccountDisabled,
    /// An administrator has deleted the account.
    AccountDeleted,
    /// The user cannot have, or can no longer have, the nickname.
    NotAdmitted(Refusal),
    /// The other servers have given this one up.
    CutOff,
    /// The server is shutting down.
    Shutdown,
    /// The server has failed.
    InternalError,
}

/// Why the connections of an account end on all servers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignedOut {
    /// Its password was changed.
    PasswordChanged,
    /// Its owner has ended all sign-ins.
    Everywhere,
    /// An administrator has disabled it.
    Disabled,
    /// An administrator has deleted it.
    Deleted,
}

impl From<SignedOut> for Farewell {
    fn from(why: SignedOut) -> Farewell {
        match why {
            SignedOut::PasswordChanged => Farewell::PasswordChanged,
            SignedOut::Everywhere => Farewell::TokenRevoked,
            SignedOut::Disabled => Farewell::AccountDisabled,
            SignedOut::Deleted => Farewell::AccountDeleted,
        }
    }
}

impl Farewell {
    /// A stable word for programs.
    pub fn code(&self) -> &'static str {
        match self {
            Farewell::PeerLeft => "peer_left",
            Farewell::Quit => "quit",
            Farewell::LoginTimeout => "login_timeout",
            Farewell::Full => "full",
            Farewell::SlowReader => "slow_reader",
            Farewell::Flooding => "flooding",
            Farewell::SpokeHttp => "spoke_http",
            Farewell::Silent => "silent",
            Farewell::BadFrame(_) => "bad_frame",
            Farewell::Kicked(_) => "kicked",
            Farewell::Removed { .. } => "removed",
            Farewell::Banned(_) => "banned",
            Farewell::Replaced => "replaced",
            Farewell::TokenRevoked => "token_revoked",
            Farewell::PasswordChanged => "password_changed",
            Farewell::AccountDisabled => "account_disabled",
            Farewell::AccountDeleted => "account_deleted",
            Farewell::NotAdmitted(refusal) => refusal.code(),
            Farewell::CutOff => "cut_off",
            Farewell::Shutdown => "shutdown",
            Farewell::InternalError => "internal_error",
        }
    }
}

impl fmt::Display for Farewell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Farewell::PeerLeft => write!(f, "Connection closed by the client."),
            Farewell::Quit => write!(f, "Good-bye."),
            Farewell::LoginTimeout => write!(f, "No nickname in time. Good-bye."),
            Farewell::Full => write!(f, "The server is full. Try again later."),
            Farewell::SlowReader => {
                write!(f, "Disconnected: you are too slow reading what is sent.")
            }
            Farewell::Flooding => write!(f, "Disconnected: you keep sending too fast."),
            Farewell::SpokeHttp => {
                write!(f, "Disconnected: this port speaks lines of text, not HTTP.")
            }
            Farewell::Silent => write!(f, "Disconnected: no answer to pings."),
            Farewell::BadFrame(FrameFault::Malformed) => {
                write!(f, "Disconnected: that is not valid WebSocket.")
            }
            Farewell::BadFrame(FrameFault::TooLarge) => {
                write!(f, "Disconnected: the message is too large.")
            }
            Farewell::BadFrame(FrameFault::NotText) => {
                write!(f, "Disconnected: the text is not valid UTF-8.")
            }
            Farewell::Kicked(None) => write!(f, "Disconnected by an administrator."),
            Farewell::Kicked(Some(why)) => {
                write!(f, "Disconnected by an administrator: {why}")
            }
            Farewell::Removed { by, reason } => {
                write!(f, "You were removed")?;
                if let Some(by) = by {
                    write!(f, " by @{by}")?;
                }
                match reason {
                    Some(why) => write!(f, ": {why}"),
                    None => write!(f, "."),
                }
            }
            Farewell::Banned(None) => write!(f, "You are banned from this server."),
            Farewell::Banned(Some(why)) => write!(f, "You are banned from this server: {why}"),
            Farewell::Replaced => write!(f, "Disconnected: you have come in again elsewhere."),
            Farewell::TokenRevoked => write!(f, "Disconnected: the token is no longer valid."),
            Farewell::PasswordChanged => write!(
                f,
                "Disconnected: the password of your account was changed. Log in with the new one."
            ),
            Farewell::AccountDisabled => write!(
                f,
                "Disconnected: an administrator has disabled your account."
            ),
            Farewell::AccountDeleted => write!(
                f,
                "Disconnected: an administrator has deleted your account."
            ),
            Farewell::NotAdmitted(refusal) => refusal.fmt(f),
            Farewell::CutOff => {
                write!(
                    f,
                    "Disconnected: this server was cut off. Please come back."
                )
            }
            Farewell::Shutdown => write!(f, "The server is shutting down."),
            Farewell::InternalError => write!(f, "Disconnected: internal error."),
        }
    }
}
