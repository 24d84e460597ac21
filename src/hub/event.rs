//! What the hub tells connections. Protocols turn these into bytes.

use std::sync::Arc;

use crate::model::{MessageId, Name, Text};

use super::page::Page;
use super::refusal::Refusal;
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
        /// Whether the client has asked, or has only come in.
        asked: bool,
        /// The time at which it is told.
        now_ms: u64,
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
    /// Members of a channel, sorted.
    Members {
        /// Which.
        channel: Name,
        /// Who.
        page: Arc<Page<Name>>,
    },
    /// Channels with their member counts, sorted.
    Channels(Arc<Page<(Name, usize)>>),
    /// Private messages of this user no longer arrive.
    Ignored(Name),
    /// Private messages of this user arrive again.
    Unignored(Name),
    /// Those whose private messages do not arrive, sorted.
    IgnoreList(Arc<Page<Name>>),
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
