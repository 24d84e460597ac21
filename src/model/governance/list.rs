//! The lists of a channel: bans, mutes, exceptions and invitations.

use serde::{Deserialize, Serialize};

use super::Mask;
use crate::model::{Name, Text};

/// Which list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum List {
    /// Who may not join, speak or read.
    Ban,
    /// Who may not speak.
    Mute,
    /// Who may join and speak in spite of a ban or mute.
    Except,
    /// Who may join a channel for invited people.
    Invite,
}

impl List {
    /// All of them.
    pub const ALL: [List; 4] = [List::Ban, List::Mute, List::Except, List::Invite];

    /// Its name.
    pub fn word(self) -> &'static str {
        match self {
            List::Ban => "ban",
            List::Mute => "mute",
            List::Except => "except",
            List::Invite => "invite",
        }
    }

    /// The list of this name.
    pub fn from_word(word: &str) -> Option<List> {
        List::ALL.into_iter().find(|list| list.word() == word)
    }
}

/// One line of a list.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ListEntry {
    /// The people that it concerns.
    pub mask: Mask,
    /// Who made it.
    pub by: Name,
    /// When, in milliseconds since 1970 UTC.
    pub at_ms: u64,
    /// When it ends; `None` is never.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until_ms: Option<u64>,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<Text>,
}

impl ListEntry {
    /// Whether it is still in force.
    pub fn holds_at(&self, now_ms: u64) -> bool {
        self.until_ms.is_none_or(|until| until > now_ms)
    }
}

/// What an entry to be made says besides its mask.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Bound {
    /// When it ends, in milliseconds since 1970 UTC; `None` is never.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until_ms: Option<u64>,
    /// Why it is made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<Text>,
}
