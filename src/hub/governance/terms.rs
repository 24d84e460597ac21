//! What the operator of the server allows channels.

use crate::model::governance::Flags;

/// What channels may be.
#[derive(Clone, Debug, PartialEq)]
pub struct ChannelTerms {
    /// What is on in a new channel.
    pub default_rules: Flags,
    /// Who registers channels.
    pub register: Registrars,
    /// The most channels that an account may have registered; 0 is no limit.
    pub per_account: usize,
    /// After how many days without a visit of someone who operates it a channel is not
    /// registered any more; 0 is never.
    pub expire_days: u64,
}

/// Who registers channels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Registrars {
    /// The accounts that operate them, and administrators.
    Accounts,
    /// Administrators alone.
    Administrators,
    /// No one. What is registered stays so.
    Nobody,
}

impl Default for ChannelTerms {
    /// Any account registers any number of channels, for ever.
    fn default() -> ChannelTerms {
        ChannelTerms {
            default_rules: Flags::default(),
            register: Registrars::Accounts,
            per_account: 0,
            expire_days: 0,
        }
    }
}
