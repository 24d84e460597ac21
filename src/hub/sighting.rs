//! Users as a client that asks may see them.

use std::sync::Arc;

use crate::model::Name;
use crate::model::governance::Role;
use crate::model::name::Pattern;

use super::Face;

/// The user that a question is about.
#[derive(Clone, Debug)]
pub enum Sought {
    /// The members of a channel.
    Channel(Name),
    /// These users. The protocol bounds their number.
    Users(Vec<Name>),
    /// The users with nicknames of this form in channels that the one who asks is in.
    Like(Pattern),
}

/// A user who is online, as the one who asks may see them.
#[derive(Clone, Debug)]
pub struct Sighting {
    /// The nickname.
    pub name: Name,
    /// What is shown of the user besides.
    pub face: Arc<Face>,
    /// Whether the user is away.
    pub is_away: bool,
    /// A channel that both are in, and what the user is in it.
    pub channel: Option<(Name, Option<Role>)>,
    /// For how long the user has said nothing, in milliseconds.
    pub idle_ms: Option<u64>,
}

/// Where a page of sightings begins.
#[derive(Clone, Debug, Default)]
pub struct SightingsFrom {
    /// The first channel that is looked at, in the hub's own numbers.
    pub(super) channel: usize,
    /// Only members of it after this one.
    pub(super) after: Option<Name>,
}

/// A page of sightings.
#[derive(Clone, Debug, Default)]
pub struct Sightings {
    /// The users, each once on a page.
    pub rows: Vec<Sighting>,
    /// How many people were looked at.
    pub looked_at: usize,
    /// Where to go on, if there are more.
    pub next: Option<SightingsFrom>,
}
