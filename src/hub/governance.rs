//! Governance: who may do what in a channel.
//!
//! A change of a channel's rules is an entry of the channel's log, as a message
//! is: checked here, committed, then folded into the rules and told. Whether
//! someone may do something is decided in one place, [`may`]; which part of the
//! past someone may read, in [`readable`].

mod appointing;
mod changing;
mod closing;
mod deed;
mod elsewhere;
mod entries;
mod expelled;
mod expelling;
mod governed;
mod governing;
mod may;
mod outcome;
mod overview;
mod presence;
mod ranks;
mod readable;
mod registering;
mod telling;
mod terms;
mod view;

pub use changing::MAX_CHANGES;
pub(super) use closing::{LastWas, Vacant};
pub use deed::{Deed, Pass, Target, Ticket};
pub(super) use expelled::{Expelled, Expulsion};
pub(super) use expelling::Expulsions;
pub(super) use governed::Governed;
pub use governing::Governing;
pub(super) use may::Act;
pub(super) use registering::Sweep;
pub use terms::{ChannelTerms, Registrars};
pub use view::{Overview, RulesSummary, RulesView};
