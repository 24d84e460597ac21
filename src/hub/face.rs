//! Faces: what other users are shown of a user besides the nickname.

use std::sync::Arc;

use crate::model::governance::Cloak;
use crate::model::{Name, Text};

/// What a user's program has said about its user.
#[derive(Clone, Debug, PartialEq)]
pub struct Introduction {
    /// What it calls the user: a short word of ASCII.
    pub user: Arc<str>,
    /// The name that the user wants to be shown beside the nickname.
    pub real_name: Text,
}

/// What other users are shown of a user besides the nickname. It is the same for all of
/// the user's connections, and made anew when it changes.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Face {
    /// The name of the user's account; guests have none.
    pub account: Option<Name>,
    /// What stands for the address of a guest, if it is known.
    pub cloak: Option<Cloak>,
    /// What the user's program has said, if it says such things.
    pub introduction: Option<Arc<Introduction>>,
    /// Whether the user is a program.
    pub is_bot: bool,
    /// Whether the user operates the server.
    pub is_operator: bool,
}
