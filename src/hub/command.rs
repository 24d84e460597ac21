//! Commands: what a connection can ask of the hub.

use std::net::SocketAddr;
use std::sync::Arc;

use crate::model::governance::Cloak;
use crate::model::{AccountId, Body, MessageId, MessageKind, Name, Text, Window};

use super::rows::OwnChannel;
use super::{Audience, Deed, Farewell, Mark, Note, Part, Pass, Refusal, Seen, Tag};

/// What the hub knows about a connection from the start.
#[derive(Clone, Debug)]
pub struct Profile {
    /// The protocol's name, for lists and the log; the hub decides nothing by it.
    pub protocol: &'static str,
    /// The peer, as seen through trusted proxies.
    pub address: SocketAddr,
    /// What stands for the address where other users see it, if the server has a key
    /// for that.
    pub cloak: Option<Cloak>,
    /// Whether joining a channel leaves the previous one.
    pub one_channel: bool,
    /// Whether the protocol shows messages from before the connection joined. A
    /// connection that shows none must be told every message published since,
    /// even one that the channel's past already contained.
    pub shows_past: bool,
    /// Whether the connection ends when it is taken out of its channel, because its
    /// client could not join another one.
    pub ends_with_channel: bool,
    /// Whether its client keeps lists of the members of its channels, so that it must be
    /// given one when it joins, and be told of everyone who comes and goes.
    pub keeps_rosters: bool,
}

/// Proof that a connection may use a registered nickname, made by the code that
/// checked its password or token.
#[derive(Clone, Debug)]
pub struct Credential {
    /// The account that owns the nickname.
    pub account: AccountId,
    /// The users whose private messages the account ignores.
    pub ignored: Vec<Name>,
    /// The token that was used, so that revoking it closes the connection.
    pub token: Option<Arc<str>>,
}

/// A request from a connection that has a nickname. Where a channel is
/// optional, `None` is the current channel: the one joined last.
#[derive(Clone, Debug)]
pub enum Command {
    /// A message to a channel.
    Say {
        /// The channel.
        channel: Option<Name>,
        /// The message.
        body: Body,
    },
    /// A line for the current channel, delivered as it is, even if it is empty.
    Line(Text),
    /// A private message.
    Private {
        /// The recipient.
        to: Name,
        /// The recipient's account, if the name is registered; the recipient need
        /// not be online.
        account: Option<AccountId>,
        /// The message.
        body: Body,
    },
    /// Changes a message: its author does, or an operator who deletes it.
    Mend {
        /// The message.
        message: super::Which,
        /// What is to become of it.
        wish: super::Wish,
    },
    /// A message that answers another one of the same conversation, which its author may
    /// read.
    Reply {
        /// The message that is answered.
        to: super::Which,
        /// The answer.
        replying: Replying,
    },
    /// A message that the client may send again if it is cut off before it
    /// learns the outcome. The hub answers with [`super::Event::Stored`] or
    /// [`super::Event::NotSent`], and publishes the message once, however often
    /// it arrives.
    Tagged {
        /// The client's own name for the message.
        tag: Tag,
        /// [`Command::Say`] or [`Command::Private`].
        message: Box<Command>,
    },
    /// A command with what its protocol wants back with the answers.
    Marked {
        /// What is given back.
        mark: Mark,
        /// Any other command.
        command: Box<Command>,
    },
    /// [`Command::Answer`] or [`Command::AnswerFromPast`] with messages that the connection's
    /// thread has read. Those that have changed since are told as they are now.
    AsSeen {
        /// The messages, as they were when the answer was written.
        seen: Seen,
        /// The answer.
        answer: Box<Command>,
    },
    /// Joins a channel, and creates it if it does not exist.
    Join(Name),
    /// Joins a channel, unless the connection is a member already, and asks for
    /// the messages since it was cut off. Live delivery resumes when all of
    /// them have been read: see [`super::Event::Resumed`].
    Resume {
        /// The channel.
        channel: Name,
        /// The last message the client has; the default id asks for the whole
        /// history.
        after: MessageId,
    },
    /// Makes an existing channel the current one. A connection that is not a
    /// member leaves its current channel and joins this one.
    Switch(Name),
    /// Leaves the current channel for a new one, which must not exist yet.
    Create(Name),
    /// Leaves a channel.
    Leave {
        /// The channel.
        channel: Option<Name>,
        /// Why: at most [`super::MAX_REASON_CHARS`].
        reason: Option<Text>,
    },
    /// A command that joins a channel, with what opens it.
    Opened {
        /// What opens it.
        pass: Pass,
        /// [`Command::Join`], [`Command::Resume`], [`Command::Switch`] or
        /// [`Command::Create`].
        command: Box<Command>,
    },
    /// Changes who may do what in a channel, or its topic.
    Govern(Option<Name>, Deed),
    /// Asks for the topic of a channel.
    AskTopic(Option<Name>),
    /// Asks for the rules of a channel.
    AskRules(Option<Name>),
    /// Asks for the bans and the other lists of a channel, without the first so many
    /// entries.
    AskLists(Option<Name>, usize),
    /// Asks for the bans and mutes of a channel alone.
    AskBans(Option<Name>),
    /// The user is away, for this reason of at most [`super::MAX_REASON_CHARS`], or is
    /// back.
    SetAway(Option<Text>),
    /// Changes the nickname.
    Rename(Name),
    /// Ignores the private messages of a user from now on.
    Ignore(Name),
    /// Undoes [`Command::Ignore`].
    Unignore(Name),
    /// Asks for a page of the ignored users.
    ListIgnored(Part),
    /// Asks for a page of a channel's members.
    ListMembers(Option<Name>, Part),
    /// Asks for a page of the channels.
    ListChannels(Part),
    /// Asks for part of a channel's history.
    History {
        /// The channel.
        channel: Option<Name>,
        /// The part of its history.
        window: Window,
        /// The most messages to return.
        limit: usize,
    },
    /// Asks a question that changes nothing: see [`super::Event::Answered`].
    Ask {
        /// What.
        question: super::Question,
        /// The entry for the chat log, if there is to be one.
        logged: Option<String>,
    },
    /// The user is typing.
    Typing(Audience),
    /// A signal from the user's program to those of others.
    Signal(Audience, super::Signal),
    /// Chooses which optional events the connection is told.
    Listen {
        /// Typing notices.
        typing: bool,
    },
    /// Bytes from the connection's own thread to its client, such as the answer
    /// to a malformed command; written as they are, in order with every other
    /// answer. With a mark they answer that request, and none are the end of its answers.
    Answer(Vec<u8>),
    /// Like [`Command::Answer`], for what the thread has found in the past of a channel:
    /// refused if the connection may no longer read so much of it.
    AnswerFromPast {
        /// The channel.
        channel: Name,
        /// The message after which it was looked for.
        after: MessageId,
        /// Written as they are.
        bytes: Vec<u8>,
    },
    /// The channels of the connection's account, which its own thread has looked up; the
    /// hub tells those that it may still know of.
    AnswerOwnChannels(Vec<OwnChannel>),
    /// Like [`Command::Answer`], with an entry for the chat log.
    Noted {
        /// Written as they are.
        bytes: Vec<u8>,
        /// The entry.
        note: Note,
    },
    /// A command that the connection's own thread refuses; the hub tells the
    /// client, so that the refusal comes in order.
    Refuse {
        /// The client's tag for the message, if it gave one.
        tag: Option<Tag>,
        /// The reason.
        refusal: Refusal,
        /// The command in words, if it is to be logged.
        logged: Option<String>,
    },
    /// Closes the connection because the user asked for it; the reason is told in the
    /// channels, and is at most [`super::MAX_REASON_CHARS`].
    Quit {
        /// Why.
        reason: Option<Text>,
    },
    /// Closes the connection for a reason found by its own thread.
    End(Farewell),
}

/// A message that is to answer another one.
#[derive(Clone, Debug)]
pub struct Replying {
    /// [`Command::Say`] or [`Command::Private`], perhaps as [`Command::Tagged`].
    pub message: Box<Command>,
    /// Whether it is sent as a message that answers nothing if there is none to answer.
    pub or_plain: bool,
}

impl Command {
    /// The same as an answer to the message with this id, if there is one.
    pub fn replying_to(self, to: Option<MessageId>, or_plain: bool) -> Command {
        match to {
            None => self,
            Some(to) => Command::Reply {
                to: super::Which::Id(to),
                replying: Replying {
                    message: Box::new(self),
                    or_plain,
                },
            },
        }
    }

    /// Whether nothing is to answer it, not even a refusal: it is a notice. One with a
    /// tag is answered, because its client asks for that.
    pub(super) fn wants_no_answer(&self) -> bool {
        match self {
            Command::Say { body, .. } | Command::Private { body, .. } => {
                body.kind == MessageKind::Notice
            }
            Command::Reply { replying, .. } => replying.message.wants_no_answer(),
            _ => false,
        }
    }
}
