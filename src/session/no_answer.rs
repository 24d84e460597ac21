//! Why a question that a connection's own thread asks has no answer.

use std::fmt;

use crate::hub::Refusal;
use crate::model::Name;
use crate::store::StoreError;
use crate::turn::HubUnavailable;

/// Why there is no answer.
#[derive(Debug)]
pub enum NoAnswer {
    /// The hub has refused.
    Refused(Refusal),
    /// Only accounts have this.
    NoAccount(&'static str),
    /// No account has this name.
    NobodyRegistered(Name),
    /// The store cannot say.
    Store(StoreError),
    /// The hub does not answer.
    Busy(HubUnavailable),
}

impl NoAnswer {
    /// Logs the store's error.
    pub fn store(error: StoreError) -> NoAnswer {
        error.log("a query could not be answered");
        NoAnswer::Store(error)
    }

    /// The channel that it is about, if it is about one.
    pub fn channel(&self) -> Option<&Name> {
        match self {
            NoAnswer::Refused(refusal) => refusal.channel(),
            _ => None,
        }
    }

    /// The user who is not known, if that is the reason.
    pub fn user(&self) -> Option<&Name> {
        match self {
            NoAnswer::Refused(refusal) => refusal.user(),
            NoAnswer::NobodyRegistered(name) => Some(name),
            _ => None,
        }
    }

    /// A stable word for programs.
    pub fn code(&self) -> &'static str {
        match self {
            NoAnswer::Refused(refusal) => refusal.code(),
            NoAnswer::NoAccount(_) => "no_account",
            NoAnswer::NobodyRegistered(_) => "no_such_user",
            NoAnswer::Store(_) => "store_failed",
            NoAnswer::Busy(_) => "busy",
        }
    }
}

impl fmt::Display for NoAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            NoAnswer::Refused(refusal) => refusal.fmt(f),
            NoAnswer::NoAccount(what) => write!(f, "Only registered users have {what}."),
            NoAnswer::NobodyRegistered(name) => write!(f, "Nobody is registered as {name}."),
            NoAnswer::Store(error) => {
                write!(f, "That cannot be done: {}.", error.for_people())
            }
            NoAnswer::Busy(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for NoAnswer {}
