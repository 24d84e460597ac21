//! What a connection can ask of the hub.

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;

use crate::model::{AccountId, MessageId, Name, Text, Window};

use super::{Audience, Farewell, Note, Part, Refusal, Tag};

/// Names one connection for as long as it lives. The index is dense, so that
/// tables can be plain vectors; the generation tells a reused index apart.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ConnectionId {
    /// Position in the tables of hub and outbox.
    pub index: u32,
    /// How often the index has been used before.
    pub generation: u32,
}

impl ConnectionId {
    /// The first one in order.
    pub(super) const FIRST: ConnectionId = ConnectionId {
        index: 0,
        generation: 0,
    };
    /// The last one.
    pub(super) const LAST: ConnectionId = ConnectionId {
        index: u32::MAX,
        generation: u32::MAX,
    };
}

impl fmt::Debug for ConnectionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.index, self.generation)
    }
}

/// What the hub remembers of a connection's origin.
#[derive(Clone, Debug)]
pub struct Profile {
    /// The protocol's name, for lists and the log; the hub does not read it.
    pub protocol: &'static str,
    /// The peer, as seen through trusted proxies.
    pub address: SocketAddr,
    /// Whether joining a channel leaves the one before.
    pub one_channel: bool,
    /// Whether it shows what was said before it came: who does not is told
    /// all that is published from then on, whatever the past contained.
    pub shows_past: bool,
}

/// Proof that a connection may use a registered nickname; made by whoever
/// has checked a password or token.
#[derive(Clone, Debug)]
pub struct Credential {
    /// The account.
    pub account: AccountId,
    /// Whose private messages it does not want.
    pub ignored: Vec<Name>,
    /// The token that was used, so that giving it up ends the connection.
    pub token: Option<Arc<str>>,
}

/// A request of a connection that has a nickname. Where a channel is
/// optional, `None` is the current one: the one joined last.
#[derive(Clone, Debug)]
pub enum Command {
    /// A message to a channel.
    Say {
        /// Where to.
        channel: Option<Name>,
        /// What.
        text: Text,
    },
    /// A line in the current channel, passed on as it is, even if there is
    /// nothing in it.
    Line(Text),
    /// A private message.
    Private {
        /// Who to.
        to: Name,
        /// Their account, if the name is registered; they need not be on.
        account: Option<AccountId>,
        /// What.
        text: Text,
    },
    /// A message that the client may send again if it is cut off before it
    /// knows what became of it. Told [`super::Event::Stored`] or
    /// [`super::Event::NotSent`]; published once, however often it comes.
    Tagged {
        /// What the client calls it.
        tag: Tag,
        /// [`Command::Say`] or [`Command::Private`].
        message: Box<Command>,
    },
    /// Joins a channel, which comes into being if it does not exist.
    Join(Name),
    /// Joins a channel, unless that is done, and asks for what was said in it
    /// since the connection was cut off. It is live again when all of that
    /// has been read: see [`super::Event::Resumed`].
    Resume {
        /// Which channel.
        channel: Name,
        /// The last message the client has; all of the history if none.
        after: MessageId,
    },
    /// Goes to a channel that exists: leaves the current one for it, or makes
    /// it the current one.
    Switch(Name),
    /// Goes to a channel that does not exist yet.
    Create(Name),
    /// Leaves a channel.
    Leave(Option<Name>),
    /// Takes another nickname.
    Rename(Name),
    /// No private messages from this user any more.
    Ignore(Name),
    /// Undoes [`Command::Ignore`].
    Unignore(Name),
    /// Whose private messages do not arrive: a page of them.
    ListIgnored(Part),
    /// Who is in the channel: a page of them.
    ListMembers(Option<Name>, Part),
    /// Which channels there are: a page of them.
    ListChannels(Part),
    /// What was said in a channel.
    History {
        /// Which channel.
        channel: Option<Name>,
        /// Which part of it.
        window: Window,
        /// How many messages at most.
        limit: usize,
    },
    /// The user is typing.
    Typing(Audience),
    /// What the connection wants to be told besides what everybody is.
    Listen {
        /// Who is typing.
        typing: bool,
    },
    /// What the connection's own thread has to say to it, such as the answer
    /// to a mistake; passed on as it is, in order with everything else.
    Answer(Vec<u8>),
    /// The same, and a word about it for the chat log.
    Noted {
        /// As of [`Command::Answer`].
        bytes: Vec<u8>,
        /// What the log gets.
        note: Note,
    },
    /// What the connection's own thread does not let through; told as a refusal
    /// by the hub.
    Refuse {
        /// What the client calls the message, if it does.
        tag: Option<Tag>,
        /// Why.
        refusal: Refusal,
        /// The command, if the log is to have it.
        logged: Option<String>,
    },
    /// Ends the connection with a good-bye.
    Quit,
    /// Ends the connection for a reason that its own thread has found.
    End(Farewell),
}
