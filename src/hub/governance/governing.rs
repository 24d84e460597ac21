//! Whether channels can be changed through this server.
//!
//! Servers of older versions pass over changes and do not enforce them: while one of them may
//! be among the servers of a cluster, people must not rely on rules. So no rules begin then:
//! people and administrators change nothing, and the creator of a channel does not operate
//! it. Rules that are in force already go on as they are: what follows from them by itself
//! (a member is noted, a channel that everyone has left is opened) is an entry of the log as
//! always.

use crate::hub::{Hub, Refusal};

/// Whether channels can be changed through a server that is one of several.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Governing {
    /// Once all servers are known to carry out changes. That remains so: a change that is
    /// made is worth no less because an older server comes back.
    OnceAllCan,
    /// Yes.
    Always,
    /// No.
    Never,
}

impl Hub {
    /// Notes that all servers carry out changes of channels.
    pub fn all_can_govern(&mut self) {
        self.all_can_govern = true;
    }

    /// Whether channels can be changed through this server.
    pub(super) fn can_govern(&self) -> bool {
        let is_alone = self.remote.is_none();
        is_alone
            || match self.limits.governing {
                Governing::OnceAllCan => self.all_can_govern,
                Governing::Always => true,
                Governing::Never => false,
            }
    }

    pub(super) fn check_governing(&self) -> Result<(), Refusal> {
        match self.can_govern() {
            true => Ok(()),
            false => Err(Refusal::GovernanceOff),
        }
    }
}
