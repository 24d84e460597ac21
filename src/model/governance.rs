//! Governance: who may do what in a channel, as plain data.
//!
//! [`Rules`] is what is in force in one channel. It changes only by folding
//! [`ChannelChange`]s into it, one after the other, in the order of the
//! channel's log. Folding needs no clock, no users and no rights, so the hub, the
//! store and every server of a cluster come to the same rules.

mod change;
mod cloak;
mod flag;
mod host;
mod key;
mod likeness;
mod link_secret;
mod list;
mod mask;
mod role;
mod rules;
mod terms;

pub use change::{By, Change, ChannelChange, Person, Told};
pub use cloak::{Cloak, CloakKey};
pub use flag::{Flag, Flags};
pub use host::{ACCOUNT_SUFFIX, push_host, push_user, shown_host, shown_user};
pub use key::{BadKey, Key};
pub use likeness::Likeness;
pub use link_secret::LinkSecret;
pub use list::{Bound, List, ListEntry};
pub use mask::{Mask, Masked};
pub use role::Role;
pub use rules::{MAX_ENTRIES, MAX_GRANTS, MAX_LINKS, Rules};
pub use terms::{Grant, Link, Registered, Topic, Visibility};
