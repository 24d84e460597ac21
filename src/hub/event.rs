//! Events: what the hub tells connections. Protocols turn them into bytes.

use std::sync::Arc;

use crate::model::governance::{ChannelChange, LinkSecret, Role, Topic};
use crate::model::{Amendment, Body, Located, Message, MessageId, Name, Notify, Reaction, Text};

use super::governance::RulesView;
use super::page::Page;
use super::refusal::Refusal;
use super::roster::RosterNews;
use super::rows::{ChannelRow, Member, OwnChannel};
use super::tags::Tag;

/// Something a client is told.
#[derive(Clone, Debug)]
pub enum Event {
    /// The first event on a new connection, which asks for a nickname.
    Greeting {
        /// The number of users online.
        others: usize,
    },
    /// The connection has its nickname.
    Welcome {
        /// The nickname as it is shown.
        nickname: Name,
    },
    /// A message to a channel.
    Message(Message),
    /// A private message to this connection's user.
    Private(Private),
    /// Confirms a private message that this connection has sent.
    PrivateSent(Private),
    /// A private message that the user has sent from another connection.
    PrivateCopy(Private),
    /// A message was edited or deleted, in a channel or between two accounts.
    Amended(Arc<Amendment>),
    /// A user has given a message a sign, or has taken it back.
    Reacted(Arc<Reaction>),
    /// What reactions a message has by now.
    Reactions(Box<Located>),
    /// Earlier messages of a channel, oldest first.
    History {
        /// The channel.
        channel: Name,
        /// The messages.
        messages: Vec<Message>,
        /// Whether nothing is missing on the side that was asked for.
        complete: bool,
        /// Whether the client asked for them, or has only joined.
        asked: bool,
        /// The time of this event, in milliseconds since 1970 UTC.
        now_ms: u64,
    },
    /// Follows the [`Event::Message`]s with a page of what this connection
    /// missed of a channel.
    Resumed {
        /// The channel.
        channel: Name,
        /// Whether none of the missed messages are lost.
        complete: bool,
        /// Whether the client has to ask for another page. Until it has them
        /// all, it gets no live messages of the channel.
        more: bool,
    },
    /// A tagged message of this connection has been committed and delivered.
    Stored {
        /// The client's tag.
        tag: Tag,
        /// The message's id.
        id: MessageId,
    },
    /// A tagged message of this connection was not sent.
    NotSent {
        /// The client's tag.
        tag: Tag,
        /// The reason.
        refusal: Refusal,
    },
    /// A user is typing, to a channel or to this user.
    Typing {
        /// The user who is typing.
        from: Name,
        /// The channel, unless it is for one user.
        channel: Option<Name>,
        /// The recipient, unless it is for a channel.
        to: Option<Name>,
    },
    /// A signal from a user's program, for clients that have words for it.
    Signal(Arc<super::Signalled>),
    /// The optional events that this connection is told from now on.
    Listening {
        /// Typing notices.
        typing: bool,
    },
    /// This connection is now in a channel.
    Joined {
        /// The channel.
        channel: Name,
        /// Members besides this one.
        others: usize,
        /// What the channel is about.
        topic: Option<Box<Topic>>,
    },
    /// This connection has left a channel.
    Left {
        /// The channel.
        channel: Name,
        /// Why, if its user said so.
        reason: Option<Text>,
    },
    /// This connection was taken out of a channel.
    Kicked {
        /// The channel.
        channel: Name,
        /// Who did it.
        by: Name,
        /// Why.
        reason: Option<Text>,
    },
    /// The topic, the rules or the roles of a channel have changed.
    Changed(Arc<ChannelChange>),
    /// This connection's user has a role in a channel, or no longer has one.
    Role {
        /// The channel.
        channel: Name,
        /// The role.
        role: Option<Role>,
    },
    /// The topic of a channel.
    Topic {
        /// The channel.
        channel: Name,
        /// The topic.
        topic: Option<Box<Topic>>,
    },
    /// The rules of a channel.
    Rules(Arc<RulesView>),
    /// The lists of a channel: bans, mutes, exceptions, invitations.
    Lists(Arc<RulesView>),
    /// The invitation link that this connection has asked for.
    LinkMade {
        /// The channel.
        channel: Name,
        /// The secret, which is told this once.
        secret: LinkSecret,
    },
    /// This connection's user is invited to a channel.
    Invited {
        /// The channel.
        channel: Name,
        /// Who invites.
        by: Name,
    },
    /// Confirms an invitation that this connection has sent.
    InviteSent {
        /// The channel.
        channel: Name,
        /// Who is invited.
        to: Name,
    },
    /// Another user joined a channel.
    MemberJoined {
        /// The channel.
        channel: Name,
        /// The user.
        nickname: Name,
        /// Whether it is a program.
        is_bot: bool,
    },
    /// Another user left a channel.
    MemberLeft {
        /// The channel.
        channel: Name,
        /// The user.
        nickname: Name,
        /// Why, if the user said so.
        reason: Option<Text>,
    },
    /// So many users joined and left that they are only counted.
    MembersChanged {
        /// The channel.
        channel: Name,
        /// How many joined.
        joined: usize,
        /// How many left.
        left: usize,
    },
    /// For a connection whose client keeps lists of members.
    Roster(RosterNews),
    /// Another user in a shared channel changed nickname.
    MemberRenamed {
        /// The channel.
        channel: Name,
        /// The nickname before.
        from: Name,
        /// The nickname now.
        to: Name,
    },
    /// This connection's user has a new nickname.
    Renamed {
        /// The nickname now.
        to: Name,
    },
    /// Members of a channel, sorted.
    Members {
        /// The channel.
        channel: Name,
        /// Whether outsiders are not told of it.
        is_secret: bool,
        /// A page of its members.
        page: Arc<Page<Member>>,
    },
    /// Channels with topic and number of members, sorted.
    Channels(Arc<Page<ChannelRow>>),
    /// A user is away, or is back: one who was just sent a private message, or this
    /// connection's own user.
    Away {
        /// The user.
        user: Name,
        /// Why; `None` for one who is back.
        text: Option<Text>,
        /// Whether it is this connection's own user.
        is_own: bool,
    },
    /// The channels of this connection's account, with what is unread.
    OwnChannels(Arc<Vec<OwnChannel>>),
    /// This connection's user has read a channel so far, on another device, or before a
    /// client that keeps lists of members has joined; the default id is "nothing".
    ChannelRead {
        /// The channel.
        channel: Name,
        /// The last message that was read.
        up_to: MessageId,
    },
    /// This connection's account has muted a channel, or no longer does.
    ChannelMuted {
        /// The channel.
        channel: Name,
        /// Whether only mentions are wanted from now on.
        muted: bool,
    },
    /// This connection's account wants to be notified otherwise of a channel.
    ChannelNotifies {
        /// The channel.
        channel: Name,
        /// What of.
        notify: Notify,
    },
    /// Private messages from this user are no longer delivered.
    Ignored(Name),
    /// Private messages from this user are delivered again.
    Unignored(Name),
    /// The ignored users, sorted.
    IgnoreList(Arc<Page<Name>>),
    /// An administrator's announcement to everyone.
    Announcement {
        /// The announcement.
        text: Text,
        /// Milliseconds since 1970 UTC.
        at_ms: u64,
    },
    /// The answer to [`super::Command::Ask`].
    Answered(super::Reply),
    /// The request could not be carried out.
    Refused(Refusal),
}

/// A private message as its sender and its recipient get it. Guests have no
/// accounts, so it has no [`Place`](crate::model::Place) unless it is stored:
/// then a [`Message`] is made of it.
#[derive(Clone, Debug)]
pub struct Private {
    /// Strictly increasing on this server.
    pub id: MessageId,
    /// Milliseconds since 1970 UTC.
    pub at_ms: u64,
    /// The sender.
    pub from: Name,
    /// The recipient.
    pub to: Name,
    /// What it says.
    pub body: Body,
}
