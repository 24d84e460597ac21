//! News for connections whose clients keep lists of the members of their channels: they
//! must be told of everyone who comes and goes, but of one who goes from many channels
//! only once.

use std::sync::Arc;

use crate::model::governance::Role;
use crate::model::{Name, Text};

use super::Face;
use super::property::Owner;

/// Something that a client which keeps lists of members is told.
#[derive(Clone, Debug)]
pub enum RosterNews {
    /// A user has left the chat, and thus all channels.
    Quit {
        /// The user.
        nickname: Name,
        /// Why, if the user said so.
        reason: Option<Text>,
    },
    /// A user has another nickname, in all channels.
    Renamed {
        /// The nickname before.
        from: Name,
        /// The nickname now.
        to: Name,
    },
    /// A member was taken out of a channel.
    Removed {
        /// The channel.
        channel: Name,
        /// The member.
        nickname: Name,
        /// Who did it.
        by: Name,
        /// Why.
        reason: Option<Text>,
    },
    /// A member has another role.
    Role {
        /// The channel.
        channel: Name,
        /// The member.
        nickname: Name,
        /// The role before.
        before: Option<Role>,
        /// The role now.
        now: Option<Role>,
        /// Who has changed it; `None` for one who has just come.
        by: Option<Name>,
    },
    /// A user is away, or is back.
    Away {
        /// The user.
        nickname: Name,
        /// Why; `None` for one who is back.
        text: Option<Text>,
    },
    /// A user is shown with another real name.
    RealName {
        /// The user.
        nickname: Name,
        /// The real name.
        text: Text,
    },
    /// A guest is now the owner of an account.
    Account {
        /// The user.
        nickname: Name,
    },
    /// What stands for where a user is, is something else: a guest has an account now.
    Host {
        /// The user.
        nickname: Name,
        /// With what the user was shown before.
        before: Arc<Face>,
    },
    /// A user that the connection watches has come online.
    Online {
        /// The user.
        nickname: Name,
    },
    /// A user that the connection watches has gone offline.
    Offline {
        /// The user.
        nickname: Name,
    },
    /// News of a user that the connection watches, and does not see in a channel.
    Watched(Box<RosterNews>),
    /// A member of a channel has invited a user.
    Invited {
        /// The channel.
        channel: Name,
        /// The member.
        nickname: Name,
        /// The user.
        who: Name,
    },
    /// A property of a user or a channel is another one.
    Property {
        /// The user, or who has changed the channel's.
        nickname: Name,
        /// The user or channel that has it.
        owner: Owner,
        /// Its key.
        key: Arc<str>,
        /// Its value; `None` is none any more.
        value: Option<Text>,
    },
    /// The properties of a channel's members are not told, because there are many.
    Untold {
        /// Who has come.
        nickname: Name,
        /// The channel.
        channel: Name,
    },
    /// What an operator of the server writes to all who want to read that.
    Wallops {
        /// The operator.
        nickname: Name,
        /// The text.
        text: Text,
    },
}

impl RosterNews {
    /// The user, by the nickname before.
    pub fn about(&self) -> &Name {
        match self {
            RosterNews::Renamed { from, .. } => from,
            RosterNews::Watched(news) => news.about(),
            RosterNews::Quit { nickname, .. }
            | RosterNews::Removed { nickname, .. }
            | RosterNews::Role { nickname, .. }
            | RosterNews::Invited { nickname, .. }
            | RosterNews::Away { nickname, .. }
            | RosterNews::RealName { nickname, .. }
            | RosterNews::Account { nickname }
            | RosterNews::Host { nickname, .. }
            | RosterNews::Property { nickname, .. }
            | RosterNews::Untold { nickname, .. }
            | RosterNews::Online { nickname }
            | RosterNews::Offline { nickname }
            | RosterNews::Wallops { nickname, .. } => nickname,
        }
    }
}
