//! What people may know of a user, and of the channels that the user is in.

use std::sync::Arc;

use crate::model::governance::Role;
use crate::model::{Name, Text};

use super::Face;
use super::property::Properties;

/// What people may know of a user who is online.
#[derive(Clone, Debug, PartialEq)]
pub struct UserCard {
    /// The nickname, as the user writes it.
    pub name: Name,
    /// The name of the user's account; guests have none.
    pub account: Option<Name>,
    /// What others are shown besides the nickname.
    pub face: Arc<Face>,
    /// Why the user is away.
    pub away: Option<Text>,
    /// Since when the user is online, in milliseconds since 1970 UTC; unknown for
    /// users on other servers.
    pub since_ms: Option<u64>,
    /// For how long the user has said nothing, in milliseconds.
    pub idle_ms: Option<u64>,
    /// What the user says of itself.
    pub properties: Properties,
    /// The channels that the one who asks may know of, by name.
    pub channels: Vec<UserChannel>,
}

/// A channel that a user is in.
#[derive(Clone, Debug, PartialEq)]
pub struct UserChannel {
    /// The channel.
    pub name: Name,
    /// What the user is in it.
    pub role: Option<Role>,
}
