//! What people ask to be changed in a channel.

use std::sync::Arc;

use crate::model::governance::{Change, Flag, Key, Link, LinkSecret, List, Mask, Person, Role};
use crate::model::{Name, Origin, Text};

/// A wish for a change of a channel.
#[derive(Clone, Debug)]
pub enum Deed {
    /// Sets the topic, or takes it away.
    Topic(Option<Text>),
    /// Changes rules: only [`Change::Flag`], [`Change::Key`], [`Change::Limit`],
    /// [`Change::History`], [`Change::Slow`] and [`Change::Topic`], at most
    /// [`super::changing::MAX_CHANGES`].
    Rules(Vec<Change>),
    /// Gives a person a role; `None` takes it away.
    Role {
        /// The person.
        who: Person,
        /// The role.
        role: Option<Role>,
        /// Whether the account has it whenever it is there.
        keep: bool,
    },
    /// Gives a person at least this role.
    Raise {
        /// The person.
        who: Person,
        /// The role.
        role: Role,
    },
    /// Takes this role from a person, who is an ordinary member then.
    Lower {
        /// The person.
        who: Person,
        /// The role.
        role: Role,
    },
    /// Removes a person.
    Kick {
        /// The person.
        who: Person,
        /// Why.
        reason: Option<Text>,
    },
    /// Puts someone on a list. A ban also removes those it concerns.
    Add {
        /// The list.
        list: List,
        /// The person it concerns.
        who: Target,
        /// For how long, in milliseconds; `None` is for ever.
        for_ms: Option<u64>,
        /// Why.
        reason: Option<Text>,
    },
    /// Takes someone off a list.
    Remove {
        /// The list.
        list: List,
        /// The person it concerns.
        who: Target,
    },
    /// Lets a person in within the next hour.
    Invite(Person),
    /// Makes an invitation link.
    Link(Link),
    /// Makes an invitation link, and tells the secret to the one who asked.
    NewLink {
        /// How often it can be used; `None` is any number of times.
        uses: Option<u32>,
        /// For how long, in milliseconds; `None` is for ever.
        for_ms: Option<u64>,
        /// The secret, which the connection's thread draws.
        secret: Option<LinkSecret>,
    },
    /// The link with this [id](Link::id) no longer holds, or none does.
    Unlink(Option<Arc<str>>),
    /// Registers the channel.
    Register,
    /// Gives the channel to another account.
    Transfer(Person),
    /// Gives the registration up.
    Drop,
}

/// The people that an entry of a list is to concern.
#[derive(Clone, Debug)]
pub enum Target {
    /// A person: by account if there is one, else by address.
    Person(Person),
    /// Everyone that a mask concerns.
    Mask(Mask),
}

impl Target {
    /// As it is written.
    pub fn shown(&self) -> String {
        match self {
            Target::Person(person) => format!("@{}", person.name),
            Target::Mask(mask) => mask.to_string(),
        }
    }
}

/// By what an administrator who waits for a change is told what became of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ticket {
    /// Distinguishes it from the others.
    pub number: u64,
    /// From where the administrator acts, for the audit trail.
    pub from: Option<Origin>,
}

/// What opens a channel to someone who is not invited.
#[derive(Clone, Debug, PartialEq)]
pub enum Pass {
    /// Its key.
    Key(Key),
    /// The hash of the secret of an invitation link.
    Link(Arc<str>),
    /// An operator of the server: no rule stops them.
    Override,
}

impl Deed {
    /// Whether administrators may do this to the channel in which everybody is: nothing
    /// that keeps anyone out of it.
    pub(super) fn fits_global(&self) -> bool {
        let stays_open = |change: &Change| match change {
            Change::Flag(flag, _) => !matches!(
                flag,
                Flag::InviteOnly | Flag::RegisteredOnly | Flag::Secret | Flag::Auditorium
            ),
            Change::Topic(_) | Change::Slow(_) => true,
            _ => false,
        };
        match self {
            Deed::Topic(_) => true,
            Deed::Rules(changes) => changes.iter().all(stays_open),
            Deed::Role { role, .. } => *role <= Some(Role::Voice),
            Deed::Raise { role, .. } | Deed::Lower { role, .. } => *role <= Role::Voice,
            Deed::Add { list, .. } | Deed::Remove { list, .. } => {
                matches!(list, List::Mute | List::Except)
            }
            _ => false,
        }
    }

    /// Why it is done, if that is said.
    pub(super) fn reason(&self) -> Option<&Text> {
        match self {
            Deed::Kick { reason, .. } | Deed::Add { reason, .. } => reason.as_ref(),
            _ => None,
        }
    }

    /// The deed in words, as in the log; without texts and keys.
    pub fn words(&self, channel: Option<&Name>) -> String {
        let place = channel.map(|channel| format!(" #{channel}"));
        let place = place.unwrap_or_default();
        match self {
            Deed::Topic(_) => format!("topic{place}"),
            Deed::Rules(_) => format!("mode{place}"),
            Deed::Role { who, role, .. } => {
                let word = role.map_or("member", Role::word);
                format!("role{place} @{} {word}", who.name)
            }
            Deed::Raise { who, role } => format!("role{place} @{} {}", who.name, role.word()),
            Deed::Lower { who, role } => format!("role{place} @{} no {}", who.name, role.word()),
            Deed::Kick { who, .. } => format!("kick{place} @{}", who.name),
            Deed::Add { list, who, .. } => format!("{}{place} {}", list.word(), who.shown()),
            Deed::Remove { list, who } => format!("un{}{place} {}", list.word(), who.shown()),
            Deed::Invite(who) => format!("invite{place} @{}", who.name),
            Deed::Link(_) | Deed::NewLink { .. } => format!("link{place}"),
            Deed::Unlink(_) => format!("unlink{place}"),
            Deed::Register => format!("channel register{place}"),
            Deed::Transfer(who) => format!("channel transfer{place} @{}", who.name),
            Deed::Drop => format!("channel drop{place}"),
        }
    }
}
