//! What the hub tells connections. Protocols turn these into bytes.

use std::fmt;

use crate::name::{Name, NameError};
use crate::text::Text;

use super::id::MessageId;
use super::tags::Tag;

/// Something a client is told.
#[derive(Clone, Debug)]
pub enum Event {
    /// The first thing on a new connection: ask for a nickname.
    Greeting {
        /// People already on.
        others: usize,
    },
    /// The nickname is yours.
    Welcome {
        /// As it will be shown.
        nickname: Name,
    },
    /// A message to a channel.
    Message(Message),
    /// A private message to this connection's user.
    Private(Private),
    /// The private message this connection has sent is on its way.
    PrivateSent(Private),
    /// The user has sent a private message from another connection.
    PrivateCopy(Private),
    /// What was said in a channel before this connection came, oldest first.
    History {
        /// Which channel.
        channel: Name,
        /// The messages.
        messages: Vec<Message>,
        /// Whether nothing is missing on the side that was asked for.
        complete: bool,
    },
    /// What this connection has missed of a channel has been told, as
    /// [`Event::Message`]s, or the first part of it.
    Resumed {
        /// Which channel.
        channel: Name,
        /// Whether nothing of what was missed is gone.
        complete: bool,
        /// Whether there is another part to ask for. Until then nothing live
        /// of the channel is told.
        more: bool,
    },
    /// A message of this connection has been committed and told.
    Stored {
        /// What the client calls it.
        tag: Tag,
        /// What it is called from now on.
        id: MessageId,
    },
    /// A message of this connection was not sent.
    NotSent {
        /// What the client calls it.
        tag: Tag,
        /// Why.
        refusal: Refusal,
    },
    /// Somebody is typing, to a channel or to this user.
    Typing {
        /// Who.
        from: Name,
        /// In which channel.
        channel: Option<Name>,
        /// To whom.
        to: Option<Name>,
    },
    /// What this connection is told besides what everybody is.
    Listening {
        /// Who is typing.
        typing: bool,
    },
    /// This connection is now in a channel.
    Joined {
        /// Which.
        channel: Name,
        /// Members besides this one.
        others: usize,
    },
    /// This connection has left a channel.
    Left {
        /// Which.
        channel: Name,
    },
    /// Somebody else came into a channel.
    MemberJoined {
        /// Which.
        channel: Name,
        /// Who.
        nickname: Name,
    },
    /// Somebody else left a channel.
    MemberLeft {
        /// Which.
        channel: Name,
        /// Who.
        nickname: Name,
    },
    /// So many came and went that they are only counted.
    MembersChanged {
        /// Which channel.
        channel: Name,
        /// How many came.
        joined: usize,
        /// How many went.
        left: usize,
    },
    /// Somebody else in a shared channel changed nickname.
    MemberRenamed {
        /// Which channel.
        channel: Name,
        /// The nickname before.
        from: Name,
        /// The nickname now.
        to: Name,
    },
    /// This connection's nickname is now another.
    Renamed {
        /// The nickname now.
        to: Name,
    },
    /// The members of a channel, sorted.
    Members {
        /// Which.
        channel: Name,
        /// Who.
        nicknames: Vec<Name>,
    },
    /// All channels with their member counts, sorted.
    Channels(Vec<(Name, usize)>),
    /// Private messages of this user no longer arrive.
    Ignored(Name),
    /// Private messages of this user arrive again.
    Unignored(Name),
    /// All whose private messages do not arrive, sorted.
    IgnoreList(Vec<Name>),
    /// An administrator's words to everyone.
    Announcement {
        /// The words.
        text: Text,
        /// Milliseconds since 1970 UTC.
        at_ms: u64,
    },
    /// The request could not be carried out.
    Refused(Refusal),
}

/// A message as its readers get it.
#[derive(Clone, Debug)]
pub struct Message {
    /// Where it was said.
    pub channel: Name,
    /// Who said it.
    pub from: Name,
    /// What was said.
    pub body: Body,
}

/// A private message as its two parties get it.
#[derive(Clone, Debug)]
pub struct Private {
    /// The sender.
    pub from: Name,
    /// The recipient.
    pub to: Name,
    /// What was said.
    pub body: Body,
}

/// What channel and private messages have in common.
#[derive(Clone, Debug)]
pub struct Body {
    /// Strictly increasing on this server.
    pub id: MessageId,
    /// Milliseconds since 1970 UTC.
    pub at_ms: u64,
    /// The words.
    pub text: Text,
}

/// Why a request was not carried out; `Display` is for the person who asked.
#[derive(Clone, Debug, PartialEq)]
pub enum Refusal {
    /// The nickname belongs to somebody who is on.
    NicknameInUse(Name),
    /// The name breaks a rule.
    BadName(NameError),
    /// Nicknames of this kind are banned.
    NicknameBanned(Name),
    /// There is no current channel.
    NoChannel,
    /// Not a member of that channel.
    NotInChannel(Name),
    /// Already a member of that channel.
    AlreadyInChannel(Name),
    /// In as many channels as one may be.
    TooManyChannels(usize),
    /// Nobody of that nickname is on.
    NoSuchUser(Name),
    /// One cannot ignore oneself.
    CannotIgnoreSelf,
    /// Was not ignored.
    NotIgnored(Name),
    /// The list of ignored users is full.
    TooManyIgnored(usize),
    /// The message has nothing in it.
    EmptyMessage,
    /// The tag stands for a message to somewhere else.
    TagUsed,
    /// The message could not be stored, and nobody has seen it.
    NotStored,
    /// There is no channel of that name.
    NoSuchChannel(Name),
    /// There is a channel of that name already.
    ChannelExists(Name),
    /// Too many nicknames are held for people who have not come yet.
    TooManyHeld,
    /// Too many of them for people of one address.
    TooManyHeldForAddress,
    /// The server keeps no history.
    NoHistory,
    /// The history cannot be read at present.
    HistoryUnavailable,
    /// Too many commands wait for earlier messages to be stored.
    TooManyWaiting(usize),
    /// The nickname is registered, and no password or token was given.
    NicknameRegistered(Name),
    /// Who has an account keeps its nickname.
    NicknameIsAccount,
}

impl Refusal {
    /// Whether it is a nickname that cannot be had.
    pub fn is_about_nickname(&self) -> bool {
        matches!(
            self,
            Refusal::NicknameInUse(_) | Refusal::NicknameBanned(_) | Refusal::NicknameRegistered(_)
        )
    }

    /// A stable word for programs.
    pub fn code(&self) -> &'static str {
        match self {
            Refusal::NicknameInUse(_) => "nickname_in_use",
            Refusal::BadName(_) => "bad_name",
            Refusal::NicknameBanned(_) => "nickname_banned",
            Refusal::NoChannel => "no_channel",
            Refusal::NotInChannel(_) => "not_in_channel",
            Refusal::AlreadyInChannel(_) => "already_in_channel",
            Refusal::TooManyChannels(_) => "too_many_channels",
            Refusal::NoSuchUser(_) => "no_such_user",
            Refusal::CannotIgnoreSelf => "cannot_ignore_self",
            Refusal::NotIgnored(_) => "not_ignored",
            Refusal::TooManyIgnored(_) => "too_many_ignored",
            Refusal::EmptyMessage => "empty_message",
            Refusal::TagUsed => "tag_used",
            Refusal::NotStored => "not_stored",
            Refusal::NoSuchChannel(_) => "no_such_channel",
            Refusal::ChannelExists(_) => "channel_exists",
            Refusal::TooManyHeld | Refusal::TooManyHeldForAddress => "too_many_held",
            Refusal::NoHistory => "no_history",
            Refusal::HistoryUnavailable => "history_unavailable",
            Refusal::TooManyWaiting(_) => "too_many_waiting",
            Refusal::NicknameRegistered(_) => "nickname_registered",
            Refusal::NicknameIsAccount => "nickname_is_account",
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Refusal::NicknameInUse(name) => {
                write!(f, "The nickname {name} is taken.")
            }
            Refusal::BadName(error) => write!(f, "That name will not do: {error}."),
            Refusal::NicknameBanned(name) => write!(f, "The nickname {name} is banned."),
            Refusal::NoChannel => {
                write!(f, "You are not in a channel. Join one first.")
            }
            Refusal::NotInChannel(name) => write!(f, "You are not in #{name}."),
            Refusal::AlreadyInChannel(name) => write!(f, "You are already in #{name}."),
            Refusal::TooManyChannels(most) => {
                write!(f, "You are in {most} channels, and more are not possible.")
            }
            Refusal::NoSuchUser(name) => write!(f, "Nobody called @{name} is here."),
            Refusal::CannotIgnoreSelf => write!(f, "You cannot ignore yourself."),
            Refusal::NotIgnored(name) => write!(f, "You were not ignoring @{name}."),
            Refusal::TooManyIgnored(most) => {
                write!(
                    f,
                    "You are ignoring {most} people, and more are not possible."
                )
            }
            Refusal::EmptyMessage => write!(f, "There is nothing in that message."),
            Refusal::TagUsed => write!(
                f,
                "That tag stands for another message. Please give this one a tag of its own."
            ),
            Refusal::NotStored => write!(
                f,
                "Your message could not be stored and was not sent. Please try again later."
            ),
            Refusal::NoSuchChannel(name) => write!(f, "There is no channel #{name}."),
            Refusal::ChannelExists(name) => write!(f, "The channel #{name} exists already."),
            Refusal::TooManyHeld => {
                write!(f, "Too many people are about to come in. Please try again.")
            }
            Refusal::TooManyHeldForAddress => write!(
                f,
                "Too many people of your address are about to come in. Please try again."
            ),
            Refusal::NoHistory => write!(f, "No history is kept here."),
            Refusal::HistoryUnavailable => {
                write!(
                    f,
                    "The history cannot be read at present. Please try again."
                )
            }
            Refusal::TooManyWaiting(most) => write!(
                f,
                "{most} of your commands are waiting already; this one was not carried out."
            ),
            Refusal::NicknameRegistered(name) => {
                write!(f, "The nickname {name} is registered to somebody.")
            }
            Refusal::NicknameIsAccount => {
                write!(f, "Your nickname is your account's and cannot be changed.")
            }
        }
    }
}

impl std::error::Error for Refusal {}

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
            Farewell::Silent => "silent",
            Farewell::BadFrame(_) => "bad_frame",
            Farewell::Kicked(_) => "kicked",
            Farewell::Banned(_) => "banned",
            Farewell::Replaced => "replaced",
            Farewell::TokenRevoked => "token_revoked",
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
