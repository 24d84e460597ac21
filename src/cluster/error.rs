//! Errors between servers, worded for the person who reads them.

use std::fmt;
use std::io;

/// Why a life is over: what else such a Redis has lost cannot be known.
pub const FORGETFUL: &str = "Redis has lost what it had taken in already";

/// Why a server cannot be one of several.
#[derive(Debug)]
pub enum ClusterError {
    /// Redis does not answer, or refuses the login.
    Unreachable(String, String),
    /// It is not a Redis that all servers can write to.
    Unsuitable(String, &'static str),
    /// Redis is too old.
    TooOld(String, String),
    /// There cannot be this number of shards.
    Shards(u32),
    /// The chat in this Redis has another number of shards.
    OtherShards {
        /// What was asked for.
        ours: u32,
        /// What is there.
        theirs: String,
    },
    /// The live servers of the chat deliver otherwise.
    OtherDelivery {
        /// What was asked for.
        ours: &'static str,
        /// What they do.
        theirs: String,
    },
    /// The system cannot start a thread or provide random numbers.
    System(io::Error),
}

/// Redis does not answer in time, or this server is not one of the live ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClusterUnavailable;

/// Why Redis did not do something.
#[derive(Clone, Debug)]
pub(super) enum LinkError {
    /// The connection broke: whether Redis did it is unknown.
    Broken(String),
    /// There was no answer in time: whether Redis did it is unknown.
    Silent(String),
    /// Redis answered that it did not.
    Refused(String),
    /// Redis was never asked.
    Unreachable(String),
}

impl fmt::Display for LinkError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (LinkError::Broken(why)
        | LinkError::Silent(why)
        | LinkError::Refused(why)
        | LinkError::Unreachable(why)) = self;
        f.write_str(why)
    }
}

impl LinkError {
    /// Whether it may have been done all the same.
    pub fn is_doubtful(&self) -> bool {
        matches!(self, LinkError::Broken(_) | LinkError::Silent(_))
    }

    /// Whether Redis lacks the memory for it.
    pub fn is_want_of_memory(&self) -> bool {
        matches!(self, LinkError::Refused(why) if why.contains("used memory > 'maxmemory'"))
    }
}

impl fmt::Display for ClusterUnavailable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the servers cannot agree at present; try again")
    }
}

impl std::error::Error for ClusterUnavailable {}

impl fmt::Display for ClusterError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ClusterError::Unreachable(place, why) => {
                write!(f, "cannot work with Redis at {place}: {why}")
            }
            ClusterError::Unsuitable(place, why) => {
                write!(f, "cannot work with Redis at {place}: {why}")
            }
            ClusterError::TooOld(place, version) => write!(
                f,
                "Redis at {place} is version {version}; 6.2 or newer is needed"
            ),
            ClusterError::Shards(shards) => {
                write!(f, "there can be 1 to 64 shards, not {shards}")
            }
            ClusterError::OtherShards { ours, theirs } => write!(
                f,
                "the chat in this Redis has {theirs} shards, not {ours}; \
                 all servers need the same number, and it stays as it was chosen"
            ),
            ClusterError::OtherDelivery { ours, theirs } => write!(
                f,
                "the servers of this chat run with cluster.delivery {theirs:?}, not {ours:?}; \
                 stop all of them, then start them with the new value"
            ),
            ClusterError::System(error) => write!(f, "cannot start: {error}"),
        }
    }
}

impl std::error::Error for ClusterError {}
