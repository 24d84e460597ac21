//! Why a connection ends, and its last words.

use std::fmt;

use crate::model::Text;

use super::Refusal;

/// What is wrong with the frames of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FrameFault {
    /// They are not framed as the protocol has it.
    Malformed,
    /// One is far over the limit.
    TooLarge,
    /// One that should be text is not UTF-8.
    NotText,
}

/// Why a connection ends.
#[derive(Clone, Debug, PartialEq)]
pub enum Farewell {
    /// The peer closed or broke the connection; nothing more can be said.
    PeerLeft,
    /// The user asked for it.
    Quit,
    /// No nickname within the time to log in.
    LoginTimeout,
    /// Too many connections, in all or from that address.
    Full,
    /// Did not read what it was sent.
    SlowReader,
    /// Kept sending faster than allowed.
    Flooding,
    /// Sent an HTTP request to a port that speaks lines.
    SpokeHttp,
    /// A WebSocket did not answer pings.
    Silent,
    /// Broke the framing of its protocol.
    BadFrame(FrameFault),
    /// An administrator ended it, perhaps with a reason.
    Kicked(Option<Text>),
    /// The address or nickname is banned, perhaps with a reason.
    Banned(Option<Text>),
    /// Another connection has come with the same token.
    Replaced,
    /// The token the connection came with was given up.
    TokenRevoked,
    /// The account has another password.
    PasswordChanged,
    /// The nickname its token stands for cannot be had now.
    NotAdmitted(Refusal),
    /// The other servers have given this one up.
    CutOff,
    /// The server is going down.
    Shutdown,
    /// A fault of the server's own.
    InternalError,
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
            Farewell::Banned(_) => "banned",
            Farewell::Replaced => "replaced",
            Farewell::TokenRevoked => "token_revoked",
            Farewell::PasswordChanged => "password_changed",
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
            Farewell::Banned(None) => write!(f, "You are banned from this server."),
            Farewell::Banned(Some(why)) => write!(f, "You are banned from this server: {why}"),
            Farewell::Replaced => write!(f, "Disconnected: you have come in again elsewhere."),
            Farewell::TokenRevoked => write!(f, "Disconnected: the token is no longer valid."),
            Farewell::PasswordChanged => write!(
                f,
                "Disconnected: the password of your account was changed. Log in with the new one."
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
