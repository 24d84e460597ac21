//! What the rules of a channel are made of.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::Role;
use crate::model::{AccountId, MessageId, Name, Text};

/// The registration of a channel.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Registered {
    /// The account that owns the channel.
    pub founder: AccountId,
    /// Since when, in milliseconds since 1970 UTC.
    pub since_ms: u64,
}

/// What a channel is about.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Topic {
    /// One line.
    pub text: Text,
    /// Who set it.
    pub by: Name,
    /// When, in milliseconds since 1970 UTC.
    pub at_ms: u64,
}

/// An account that belongs to a channel.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Grant {
    /// Its name, for display.
    pub name: Name,
    /// What it is whenever it is there; a plain member has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<Role>,
    /// Since which change it has belonged to the channel.
    pub since: MessageId,
}

/// A link with which people without an invitation may join.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Link {
    /// A hash of its secret.
    pub hash: Arc<str>,
    /// Who made it.
    pub by: Name,
    /// How often it may still be used; `None` is any number of times.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uses: Option<u32>,
    /// Until when, in milliseconds since 1970 UTC.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until_ms: Option<u64>,
}

/// How many digits of a link's hash name it.
const ID_DIGITS: usize = 16;

impl Link {
    /// What names it where operators see it. It opens nothing.
    pub fn id(&self) -> &str {
        self.hash.get(..ID_DIGITS).unwrap_or(&self.hash)
    }

    /// Whether it can be used.
    pub fn holds_at(&self, now_ms: u64) -> bool {
        self.until_ms.is_none_or(|until| until > now_ms) && self.uses != Some(0)
    }
}

/// What part of the past is shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Visibility {
    /// All of it, to everyone who may join.
    #[default]
    All,
    /// To each member what was said since that member joined.
    Since,
}
