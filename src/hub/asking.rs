//! Questions that change nothing and are answered at once, in order with what
//! else the connection asks: a variant of [`Question`], one of [`Reply`] and an
//! arm each.

use crate::model::Name;

use super::{Hub, Now};

/// What a client wants to know.
#[derive(Clone, Debug)]
pub enum Question {
    /// Which of these users are on. The protocol bounds how many.
    Presence(Vec<Name>),
}

/// The answer to a [`Question`].
#[derive(Clone, Debug)]
pub enum Reply {
    /// Each name as its owner writes it, and whether they are on.
    Presence(Vec<(Name, bool)>),
}

impl Question {
    /// One of each about a user, for tests.
    pub fn each(user: &Name) -> Vec<Question> {
        vec![Question::Presence(vec![user.clone()])]
    }
}

impl Reply {
    /// One of each about a user, for tests.
    pub fn each(user: &Name) -> Vec<Reply> {
        vec![Reply::Presence(vec![(user.clone(), true)])]
    }
}

impl Hub {
    pub(super) fn reply(&self, question: Question, _now: Now) -> Reply {
        match question {
            Question::Presence(users) => {
                let users = users.into_iter();
                Reply::Presence(users.map(|name| self.presence(name)).collect())
            }
        }
    }
}
