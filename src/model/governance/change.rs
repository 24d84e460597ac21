//! Changes of a channel's rules: entries of its log, as messages are.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{Bound, Flag, Key, Link, List, Mask, Role, Visibility};
use crate::model::{AccountId, Conversation, MessageId, Name, Text};

/// An entry of a channel's log that changes who may do what in it.
#[derive(Clone, Debug, PartialEq)]
pub struct ChannelChange {
    /// Its place in the log, among the ids of messages.
    pub id: MessageId,
    /// The time, in milliseconds since 1970 UTC.
    pub at_ms: u64,
    /// The channel.
    pub channel: Name,
    /// Who made it.
    pub by: By,
    /// What changes, in order. All of it is in force at once.
    pub changes: Vec<Change>,
}

impl ChannelChange {
    /// The conversation whose log it is in.
    pub fn conversation(&self) -> Conversation {
        Conversation::Channel(self.channel.clone())
    }
}

/// A person that a change is about.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Person {
    /// The nickname.
    pub name: Name,
    /// The account; guests have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<AccountId>,
}

/// Who makes a change.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum By {
    /// A user.
    User(Person),
    /// An administrator, through the interfaces for administrators. The name is for
    /// the audit trail.
    Administrator(Name),
    /// The server, by its rules.
    Server(Name),
}

impl By {
    /// The name that people see.
    pub fn shown(&self) -> Name {
        match self {
            By::User(person) => person.name.clone(),
            By::Administrator(name) | By::Server(name) => name.clone(),
        }
    }

    /// The account, if a user with one made it.
    pub fn account(&self) -> Option<AccountId> {
        match self {
            By::User(person) => person.account,
            By::Administrator(_) | By::Server(_) => None,
        }
    }
}

/// One change. To set what is set already, or to take away what is not there,
/// changes nothing and is no mistake.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Change {
    /// What the channel is about.
    Topic(Option<Text>),
    /// A rule that is on or off.
    Flag(Flag, bool),
    /// What one must know to join.
    Key(Option<Key>),
    /// The most people.
    Limit(Option<u32>),
    /// Who is shown which part of the past.
    History(Visibility),
    /// Seconds between two messages of one person; 0 is no limit.
    Slow(u32),
    /// An entry in a list; a full list ignores it.
    Add(List, Mask, Bound),
    /// An entry less.
    Remove(List, Mask),
    /// What a person is: `None` is an ordinary member.
    Role {
        /// The person.
        who: Person,
        /// The role.
        role: Option<Role>,
        /// Whether the account has it whenever it is there.
        keep: bool,
    },
    /// An account belongs to the channel from now on.
    Member(Person),
    /// A person is removed, on all servers.
    Kick {
        /// The person.
        who: Person,
        /// Why.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<Text>,
    },
    /// An account registers the channel and is its founder.
    Register(Person),
    /// The channel has another founder.
    Transfer(Person),
    /// The channel is not registered any more.
    Drop,
    /// The last one has left a restricted channel that is not registered: it is open
    /// again, and nothing from before is shown. Void if a later change than this one
    /// has been made.
    Floor(MessageId),
    /// The last one has left a channel that is not registered: it is as a new one
    /// again, but its past stays. Void as [`Change::Floor`] is.
    Reset(MessageId),
    /// Another invitation link.
    Link(Link),
    /// The link with this hash no longer holds, or none does.
    Unlink(Option<Arc<str>>),
    /// Someone has joined by the link with this hash.
    UseLink(Arc<str>),
    /// An account that operates the channel was in it.
    Visited(Person),
    /// No operator of the channel was in it for a long time: it is not registered
    /// any more. Void as [`Change::Floor`] is.
    Expired(MessageId),
    /// The channel is new, and this person operates it. Void if the channel was
    /// created on another server just before.
    Created(Person),
}

impl Change {
    /// Who in the channel is told of it.
    pub fn told(&self) -> Told {
        match self {
            // They concern only the member who comes in, or no member who is there.
            Change::Created(_)
            | Change::Member(_)
            | Change::UseLink(_)
            | Change::Visited(_)
            | Change::Expired(_)
            | Change::Floor(_)
            | Change::Reset(_) => Told::Nobody,
            Change::Link(_) | Change::Unlink(_) => Told::Operators,
            _ => Told::Members,
        }
    }
}

/// Who in a channel is told of a change; the greater are more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Told {
    /// No member.
    Nobody,
    /// Those who operate it.
    Operators,
    /// All members.
    Members,
}

impl Change {
    /// Whether it can hide what was said before it, from everyone.
    pub fn may_hide(&self) -> bool {
        matches!(self, Change::Floor(_) | Change::Drop)
    }

    /// Whether it opens a channel that everyone has left.
    pub fn opens(&self) -> bool {
        matches!(self, Change::Floor(_) | Change::Reset(_))
    }

    /// The hash of the link that it uses up once.
    pub fn used_link(&self) -> Option<&Arc<str>> {
        match self {
            Change::UseLink(hash) => Some(hash),
            _ => None,
        }
    }

    /// The person it is about, if it is about one with a known name.
    pub fn whom(&self) -> Option<&Name> {
        match self {
            Change::Role { who, .. } | Change::Kick { who, .. } => Some(&who.name),
            Change::Member(who)
            | Change::Register(who)
            | Change::Transfer(who)
            | Change::Visited(who)
            | Change::Created(who) => Some(&who.name),
            Change::Add(_, Mask::Account(_, name), _)
            | Change::Remove(_, Mask::Account(_, name)) => Some(name),
            _ => None,
        }
    }
}

/// In words, for the log and for clients that know no more.
impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Change::Topic(Some(text)) => write!(f, "the topic is now: {text}"),
            Change::Topic(None) => write!(f, "there is no topic any more"),
            Change::Flag(flag, true) => write!(f, "now {}", flag.meaning()),
            Change::Flag(flag, false) => write!(f, "no longer: {}", flag.meaning()),
            Change::Key(Some(_)) => write!(f, "the channel has a new key"),
            Change::Key(None) => write!(f, "the channel has no key any more"),
            Change::Limit(Some(most)) => write!(f, "at most {most} people may be here"),
            Change::Limit(None) => write!(f, "any number of people may be here"),
            Change::History(Visibility::All) => write!(f, "everyone here may read what was said"),
            Change::History(Visibility::Since) => {
                write!(f, "members may read what was said since they joined")
            }
            Change::Slow(0) => write!(f, "slow mode is off"),
            Change::Slow(seconds) => write!(f, "slow mode: one message in {seconds} s"),
            Change::Add(List::Ban, mask, bound) => {
                write!(f, "banned {}{}", mask.shown(), why(&bound.reason))
            }
            Change::Add(List::Mute, mask, bound) => {
                write!(f, "muted {}{}", mask.shown(), why(&bound.reason))
            }
            Change::Add(List::Except, mask, _) => write!(f, "excepted {} from bans", mask.shown()),
            Change::Add(List::Invite, mask, _) => write!(f, "invited {}", mask.shown()),
            Change::Remove(List::Ban, mask) => write!(f, "lifted the ban of {}", mask.shown()),
            Change::Remove(List::Mute, mask) => write!(f, "unmuted {}", mask.shown()),
            Change::Remove(List::Except, mask) => write!(f, "no longer excepts {}", mask.shown()),
            Change::Remove(List::Invite, mask) => write!(f, "no longer invites {}", mask.shown()),
            Change::Role { who, role, .. } => match role {
                Some(role) => write!(f, "@{} is now {}", who.name, role.word()),
                None => write!(f, "@{} is now an ordinary member", who.name),
            },
            Change::Member(who) => write!(f, "@{} belongs to the channel", who.name),
            Change::Kick { who, reason } => write!(f, "removed @{}{}", who.name, why(reason)),
            Change::Register(who) => write!(f, "@{} has registered the channel", who.name),
            Change::Transfer(who) => write!(f, "the channel is now @{}'s", who.name),
            Change::Drop => write!(f, "the channel is not registered any more"),
            Change::Floor(_) => write!(f, "the channel is open again, without its past"),
            Change::Reset(_) => write!(f, "the channel is as a new one again"),
            Change::Link(_) => write!(f, "made an invitation link"),
            Change::Unlink(_) => write!(f, "withdrew an invitation link"),
            Change::UseLink(_) => write!(f, "came by an invitation link"),
            Change::Visited(who) => write!(f, "@{} was here", who.name),
            Change::Expired(_) => write!(
                f,
                "nobody who operates the channel came for a long time: it is not registered any more"
            ),
            Change::Created(who) => write!(f, "@{} has created the channel", who.name),
        }
    }
}

fn why(reason: &Option<Text>) -> String {
    reason
        .as_ref()
        .map(|reason| format!(": {reason}"))
        .unwrap_or_default()
}
