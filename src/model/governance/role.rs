//! Roles in a channel.

use serde::{Deserialize, Serialize};

/// What a person is in a channel beyond an ordinary member; the greater may do
/// more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// May speak where only some may.
    Voice,
    /// May change the rules and remove people.
    Operator,
    /// The account that registered the channel: may do everything, and appoint
    /// operators.
    Founder,
}

impl Role {
    /// All, from the lowest.
    pub const ALL: [Role; 3] = [Role::Voice, Role::Operator, Role::Founder];

    /// Its name.
    pub fn word(self) -> &'static str {
        match self {
            Role::Voice => "voice",
            Role::Operator => "operator",
            Role::Founder => "founder",
        }
    }

    /// The role of this name.
    pub fn from_word(word: &str) -> Option<Role> {
        Role::ALL.into_iter().find(|role| role.word() == word)
    }

    /// The sign before a name in lists of members.
    pub fn mark(self) -> char {
        match self {
            Role::Voice => '+',
            Role::Operator => '@',
            Role::Founder => '~',
        }
    }
}
