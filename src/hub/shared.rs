//! What the hubs of several servers tell each other.
//!
//! A hub that stands alone shares nothing and hears no news: its own store settles
//! its drafts. A hub does not know what carries these messages, nor how many
//! other servers there are.

use std::sync::Arc;

use crate::model::governance::{ChannelChange, Cloak, Role, Rules};
use crate::model::{
    AccountId, Amendment, Keyed, Message, MessageId, Name, Notify, Reaction, Record, Text,
};

use super::nickname::Nickname;
use super::tags::Tag;
use super::{Ban, BanTarget, ConnectionId, Private, SignedOut};

/// One server of several, from one start to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeId(pub u64);

/// An entry of the log to be committed.
#[derive(Clone, Debug)]
pub struct Draft {
    /// The entry. If a shared log gives out the ids, its id is only a handle for
    /// [`Settled::draft`].
    pub record: Record,
    /// The recipient of a private message, as shown.
    pub to: Option<Name>,
    /// The tag, if the client may send the message again through another server.
    pub tag: Option<SharedTag>,
    /// The connection that sent it.
    pub sender: ConnectionId,
}

impl Draft {
    /// What is to be stored.
    pub fn into_record(self) -> Record {
        let once = self.tag.and_then(|shared| shared.tag.once().cloned());
        match (self.record, once) {
            (Record::Message(message), Some(once)) => {
                Record::Keyed(Box::new(Keyed { message, once }))
            }
            (record, _) => record,
        }
    }
}

/// A tag that all servers know, so that none publishes its message a second
/// time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SharedTag {
    /// The client: the word `account` or `token`, and which.
    pub owner: Arc<str>,
    /// Where the message goes. The tag is refused for any other destination.
    pub to: Arc<str>,
    /// The tag.
    pub tag: Tag,
    /// The most tags remembered for this owner; beyond it, the oldest are dropped.
    pub most: usize,
}

/// A draft with its fate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settled {
    /// The draft's handle.
    pub draft: MessageId,
    /// What became of it.
    pub fate: Fate,
}

impl Settled {
    /// The fate of a draft whose handle is its final id.
    pub fn by_id(draft: MessageId, committed: bool) -> Settled {
        let fate = if committed {
            Fate::Committed(draft)
        } else {
            Fate::NotStored
        };
        Settled { draft, fate }
    }
}

/// What became of a draft.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It is committed, under this id.
    Committed(MessageId),
    /// A message with the same tag was committed before, under this id. That
    /// one has been delivered, or will be.
    Before(MessageId),
    /// It was not committed, and never will be.
    NotStored,
}

impl Fate {
    /// The id of the committed message.
    pub(super) fn message(self) -> Option<MessageId> {
        match self {
            Fate::Committed(id) | Fate::Before(id) => Some(id),
            Fate::NotStored => None,
        }
    }
}

/// A message to the other servers.
#[derive(Clone, Debug)]
pub enum Shared {
    /// A change in the users of this server and their channels.
    Roster(RosterChange),
    /// An order to every server.
    Order(Order),
    /// A private message that is not stored, for a user on another server.
    Whisper {
        /// The message.
        message: Private,
        /// The sender's account.
        from: Option<AccountId>,
    },
    /// This server has closed all connections from before [`News::CutOff`] and can
    /// rejoin the others. Carries the bans in force here, in case the others
    /// know of none.
    Rejoin(Vec<Ban>),
    /// A guest on this server wants a new nickname: answered by
    /// [`News::Claimed`].
    Claim {
        /// The guest's connection.
        connection: ConnectionId,
        /// The nickname that the guest wants.
        name: Name,
    },
}

/// A change in the users of a server and their channels.
#[derive(Clone, Debug, PartialEq)]
pub enum RosterChange {
    /// A user's first connection there has logged in.
    Online {
        /// The user.
        name: Name,
        /// The user's account; `None` for a guest.
        account: Option<AccountId>,
        /// What stands for the user's address.
        cloak: Option<Cloak>,
    },
    /// A user's last connection there has ended.
    Offline {
        /// The user.
        name: Name,
    },
    /// What an account is called by its clients there, if they know users by nicknames.
    Called {
        /// The account's name.
        name: Name,
        /// The nickname; `None` if they have chosen none, or are gone.
        nickname: Option<Nickname>,
    },
    /// A user has joined a channel.
    Joined {
        /// The user.
        name: Name,
        /// The channel.
        channel: Name,
    },
    /// A user has left a channel.
    Left {
        /// The user.
        name: Name,
        /// The channel.
        channel: Name,
        /// Why, if the user said so.
        reason: Option<Text>,
    },
    /// A user is away, or is back.
    Away {
        /// The user.
        name: Name,
        /// Why; `None` for one who is back.
        text: Option<Text>,
    },
    /// What a user is in a channel while in it. All servers know it from the changes
    /// of the channel, except those that start later.
    Role {
        /// The user.
        name: Name,
        /// The channel.
        channel: Name,
        /// The role; `None` is an ordinary member.
        role: Option<Role>,
    },
    /// A user has a new nickname or spelling, or has become an account's user.
    Renamed {
        /// The nickname before.
        from: Name,
        /// The nickname now.
        to: Name,
        /// The user's account; `None` for a guest.
        account: Option<AccountId>,
        /// What a guest who has logged in has the account called.
        nickname: Option<Nickname>,
    },
}

/// An order that every server carries out.
#[derive(Clone, Debug, PartialEq)]
pub enum Order {
    /// Tell every connection.
    Announce {
        /// The announcement.
        text: Text,
        /// When it was made, in milliseconds since 1970 UTC.
        at_ms: u64,
    },
    /// Close all connections of a user.
    Kick {
        /// The user.
        name: Name,
        /// The reason that the user is told.
        reason: Option<Text>,
    },
    /// Put a ban in force; its number is the same on all servers.
    Ban(Ban),
    /// Lift the ban on a target.
    Unban(BanTarget),
    /// Close the connections that logged in with a token.
    Revoke {
        /// The token.
        token: Arc<str>,
    },
    /// Close the connections with a token, because its owner has connected to
    /// another server.
    Replace {
        /// The token.
        token: Arc<str>,
    },
    /// Close the connections of an account.
    SignOut {
        /// The account's nickname.
        name: Name,
        /// Why.
        why: SignedOut,
    },
    /// Close the connection of a guest whose nickname now belongs to an account.
    EvictGuest {
        /// The nickname.
        name: Name,
    },
    /// Tell listening connections that a user is typing.
    Typing {
        /// The user who is typing.
        from: Name,
        /// The channel, unless it is for one user.
        channel: Option<Name>,
        /// The recipient, unless it is for a channel.
        to: Option<Name>,
    },
    /// Tell the connections of an account how far it has read a channel.
    ChannelRead {
        /// The account's nickname.
        name: Name,
        /// The channel.
        channel: Name,
        /// The last message that was read.
        up_to: MessageId,
    },
    /// Tell the connections of an account that it wants to be notified otherwise of a channel.
    ChannelNotifies {
        /// The account's nickname.
        name: Name,
        /// The channel.
        channel: Name,
        /// What of.
        notify: Notify,
    },
    /// Tell the connections of an account that it has muted a channel, or no longer does.
    ChannelMuted {
        /// The account's nickname.
        name: Name,
        /// The channel.
        channel: Name,
        /// Whether it is muted from now on.
        muted: bool,
    },
    /// Know that a program takes part as an account.
    Program {
        /// The account.
        account: AccountId,
    },
    /// Let a user into a channel once, and tell them.
    Invite {
        /// The user.
        name: Name,
        /// The channel.
        channel: Name,
        /// Who invites.
        by: Name,
    },
}

/// News from the shared log or from the other servers.
#[derive(Clone, Debug)]
pub enum News {
    /// A draft of this server is settled. The drafts of a channel come in the
    /// order of the log, among the messages of other servers.
    Settled(Settled),
    /// A message to a channel, from another server.
    Message(Message),
    /// A change of a channel's rules, from another server.
    Changed(Box<ChannelChange>),
    /// A change of a message, from another server.
    Amended(Box<Amendment>),
    /// A reaction, from another server.
    Reacted(Box<Reaction>),
    /// The rules of every channel that is not simply open, in place of those here. Later
    /// changes follow, and some of these perhaps a second time.
    Rules(Vec<(Name, Rules)>),
    /// The users of all other servers have been told, as [`News::Roster`].
    Met,
    /// All servers carry out changes of channels.
    AllCanGovern,
    /// A private message to a user.
    Private {
        /// The message.
        message: Private,
        /// The sender's account.
        from: Option<AccountId>,
    },
    /// A private message, for the other connections of its sender.
    Copy {
        /// The message.
        message: Private,
        /// The sender's account.
        from: Option<AccountId>,
        /// The connection that sent it, if it is on this server.
        except: Option<ConnectionId>,
    },
    /// A change in the users of another server.
    Roster(NodeId, RosterChange),
    /// Another server is gone, with everyone on it.
    Gone(NodeId),
    /// An order from another server.
    Order(Order),
    /// An order of this server about a ban, at its place among the orders of the
    /// other servers. Each comes once, unless [`News::CutOff`] comes first.
    Ordered(Order),
    /// The bans in force on all servers, in place of those here.
    Bans(Vec<Ban>),
    /// Whether a guest gets the nickname of a [`Shared::Claim`].
    Claimed {
        /// The guest's connection.
        connection: ConnectionId,
        /// The nickname.
        name: Name,
        /// Whether the guest gets it.
        free: bool,
    },
    /// A nickname in use here belongs to a user on another server.
    Lost(Name),
    /// The other servers have given this one up: all its clients have to connect
    /// anew.
    CutOff,
}
