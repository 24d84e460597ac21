//! What the hubs of several servers tell each other.
//!
//! A hub that stands alone tells nobody anything and hears nothing: then its
//! own store settles its drafts and there is no news. It does not know what
//! carries all this, nor how many others there are.

use std::sync::Arc;

use crate::model::{AccountId, MessageId, Name, NewMessage, Text};

use super::tags::Tag;
use super::{Ban, BanTarget, ConnectionId, Message, Private};

/// One server of several, for one life of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeId(pub u64);

/// A message to be committed.
#[derive(Clone, Debug)]
pub struct Draft {
    /// The message. Where the log gives out ids, this one is only a handle for
    /// [`Settled::draft`].
    pub message: NewMessage,
    /// Whom a private message is for, as shown.
    pub to: Option<Name>,
    /// The tag it has, if it may be sent again by way of another server.
    pub tag: Option<SharedTag>,
    /// Who wrote it.
    pub sender: ConnectionId,
}

/// A tag that all servers know, so that none publishes its message again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SharedTag {
    /// The client: an account or a token, as one word or two.
    pub owner: Arc<str>,
    /// Where the message goes. The same tag may stand for messages to others.
    pub to: Arc<str>,
    /// The tag.
    pub tag: Tag,
    /// How many tags of this owner are remembered: beyond, the oldest go.
    pub most: usize,
}

/// What became of a draft.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settled {
    /// Its handle.
    pub draft: MessageId,
    /// What became of it.
    pub fate: Fate,
}

impl Settled {
    /// What became of a draft whose handle is its id for good.
    pub fn by_id(draft: MessageId, committed: bool) -> Settled {
        let fate = match committed {
            true => Fate::Committed(draft),
            false => Fate::NotStored,
        };
        Settled { draft, fate }
    }
}

/// What may become of a draft.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It is committed, under this id.
    Committed(MessageId),
    /// A message with its tag was committed before, under this id; that one
    /// has been told, or will be.
    Before(MessageId),
    /// It is not committed, and never will be.
    NotStored,
}

impl Fate {
    /// The message that is committed.
    pub(super) fn message(self) -> Option<MessageId> {
        match self {
            Fate::Committed(id) | Fate::Before(id) => Some(id),
            Fate::NotStored => None,
        }
    }
}

/// Something for the other servers.
#[derive(Clone, Debug)]
pub enum Shared {
    /// Who is here, and in which channels.
    Roster(RosterChange),
    /// Something to be done by all.
    Order(Order),
    /// A private message that is not kept, for somebody who is elsewhere.
    Whisper {
        /// The message.
        message: Private,
        /// The sender's account.
        from: Option<AccountId>,
    },
    /// Everything of the time before [`News::CutOff`] is forgotten here, and
    /// everybody gone: this server can be one of them again. With the bans in
    /// force here, should the others turn out to know of none.
    Rejoin(Vec<Ban>),
    /// A guest of ours wants another nickname: answered by [`News::Claimed`].
    Claim {
        /// Whose.
        connection: ConnectionId,
        /// Which.
        name: Name,
    },
}

/// A change in who is on a server.
#[derive(Clone, Debug, PartialEq)]
pub enum RosterChange {
    /// Somebody's first connection there.
    Online {
        /// Who.
        name: Name,
        /// Guests have none.
        account: Option<AccountId>,
    },
    /// Somebody's last connection there has ended.
    Offline {
        /// Who.
        name: Name,
    },
    /// Somebody is in a channel.
    Joined {
        /// Who.
        name: Name,
        /// Which.
        channel: Name,
    },
    /// Somebody is no longer in a channel.
    Left {
        /// Who.
        name: Name,
        /// Which.
        channel: Name,
    },
    /// Somebody has another nickname, or writes it otherwise.
    Renamed {
        /// What they were called.
        from: Name,
        /// What they are called.
        to: Name,
        /// Guests have none.
        account: Option<AccountId>,
    },
}

/// Something that every server does.
#[derive(Clone, Debug, PartialEq)]
pub enum Order {
    /// Tell everybody.
    Announce {
        /// What.
        text: Text,
        /// When it was said, in milliseconds since 1970 UTC.
        at_ms: u64,
    },
    /// End all connections of a user.
    Kick {
        /// Whose.
        name: Name,
        /// What they are told.
        reason: Option<Text>,
    },
    /// Put a ban in force; its number is the same on all.
    Ban(Ban),
    /// Lift the ban of somebody or something.
    Unban(BanTarget),
    /// End the connections that came with a token.
    Revoke {
        /// Which.
        token: Arc<str>,
    },
    /// End the connections with a token, whose owner has come elsewhere.
    Replace {
        /// Which.
        token: Arc<str>,
    },
    /// End the connections of an account, which has another password.
    SignOut {
        /// Whose.
        name: Name,
    },
    /// End the connection of a guest whose nickname now belongs to an account.
    EvictGuest {
        /// Whose.
        name: Name,
    },
    /// Somebody in a channel is typing.
    Typing {
        /// Who.
        from: Name,
        /// Where, unless it is for one user.
        channel: Option<Name>,
        /// For whom, unless it is in a channel.
        to: Option<Name>,
    },
}

/// Something from the log, or from the other servers.
#[derive(Clone, Debug)]
pub enum News {
    /// A draft of ours is settled. Those of a channel come in the order of the
    /// log, between the messages of others.
    Settled(Settled),
    /// A message to a channel, from another server.
    Message(Message),
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
        /// The connection it was written on, if that is one of ours.
        except: Option<ConnectionId>,
    },
    /// Who is on another server.
    Roster(NodeId, RosterChange),
    /// Another server is gone, and everybody on it.
    Gone(NodeId),
    /// Something to be done.
    Order(Order),
    /// An order of ours about a ban, where it has its place among those of the
    /// others. Each comes once, unless [`News::CutOff`] comes first.
    Ordered(Order),
    /// The bans in force on all servers, in place of those here.
    Bans(Vec<Ban>),
    /// Whether a guest may have another nickname.
    Claimed {
        /// Which guest.
        connection: ConnectionId,
        /// Which nickname.
        name: Name,
        /// Whether it is theirs.
        free: bool,
    },
    /// A nickname in use here belongs to somebody on another server.
    Lost(Name),
    /// The others have given this server up. Whoever is here has to come anew.
    CutOff,
}
