//! Questions that change nothing and are answered at once, in order with the
//! connection's other commands. To add one, add a variant to [`Question`], one to
//! [`Reply`], and an arm for each.

use std::sync::Arc;

use crate::model::governance::Role;
use crate::model::{Name, Text};

use super::property::Properties;
use super::{ConnectionId, Hub, Now, Refusal, Sighting, UserCard, UserChannel};

/// A question from a client.
#[derive(Clone, Debug)]
pub enum Question {
    /// Which of these users are online. The protocol bounds their number.
    Presence(Vec<Name>),
    /// When this user was last online.
    Seen(Name),
    /// What there is to know of this user.
    User(Name),
    /// Where these users are. The protocol bounds their number.
    Who(Vec<Name>),
}

/// The answer to a [`Question`].
#[derive(Clone, Debug)]
pub enum Reply {
    /// Each name as its owner writes it, and whether the owner is online.
    Presence(Vec<(Name, bool)>),
    /// When a user was last online, on this server or another.
    Seen {
        /// The name as the user writes it, if that is known.
        user: Name,
        /// Whether the user is online.
        online: bool,
        /// Otherwise when the user left, in milliseconds since 1970 UTC, and how
        /// long ago that is; `None` if the hub does not remember the user.
        left: Option<(u64, u64)>,
    },
    /// A user who is online.
    User(Box<UserCard>),
    /// Users who are online.
    Who(Vec<Sighting>),
}

impl Question {
    /// One of each about a user, for tests.
    pub fn each(user: &Name) -> Vec<Question> {
        vec![
            Question::Presence(vec![user.clone()]),
            Question::Seen(user.clone()),
            Question::User(user.clone()),
        ]
    }
}

impl Reply {
    /// One of each about a user, for tests.
    pub fn each(user: &Name) -> Vec<Reply> {
        vec![
            Reply::Presence(vec![(user.clone(), true)]),
            Reply::Seen {
                user: user.clone(),
                online: false,
                left: Some((0, 7_200_000)),
            },
            Reply::User(Box::new(UserCard {
                name: user.clone(),
                account: Some(user.clone()),
                face: Arc::default(),
                away: Some(Text::clean("lunch")),
                since_ms: Some(0),
                idle_ms: Some(7_200_000),
                properties: Properties::default(),
                channels: vec![UserChannel {
                    name: user.clone(),
                    role: Some(Role::Operator),
                }],
            })),
        ]
    }
}

impl Hub {
    pub(super) fn reply(
        &self,
        asker: ConnectionId,
        question: Question,
        now: Now,
    ) -> Result<Reply, Refusal> {
        Ok(match question {
            Question::Presence(users) => {
                let users = users.into_iter();
                Reply::Presence(users.map(|name| self.presence(name)).collect())
            }
            Question::Seen(asked) => {
                let (user, online) = self.presence(asked);
                let gone = self.last_here(&user).filter(|_| !online);
                let (user, at_ms) = gone.map_or((user, None), |(user, at)| (user, Some(at)));
                let left = at_ms.map(|at_ms| (at_ms, now.unix_ms.saturating_sub(at_ms)));
                Reply::Seen { user, online, left }
            }
            Question::User(user) => Reply::User(Box::new(self.card(asker, user, now)?)),
            Question::Who(users) => Reply::Who(self.sightings_of(asker, &users, now)),
        })
    }
}
