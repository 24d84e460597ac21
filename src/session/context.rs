//! What the sessions of all protocols work with.

use std::sync::Arc;

use crate::account::Accounts;
use crate::fair::Asker;
use crate::hub::{Command, Refusal};
use crate::net::registry::Registry;
use crate::turn::HubHandle;

use super::allowance::Allowances;

/// What every session works with, whatever it speaks.
#[derive(Clone)]
pub struct SessionContext {
    /// The hub.
    pub hub: HubHandle,
    /// Who is connected.
    pub registry: Arc<Registry>,
    /// Who is registered.
    pub accounts: Arc<Accounts>,
    /// What the connections of an address may have written.
    pub allowances: Arc<Allowances>,
    /// What a connection may do.
    pub limits: SessionLimits,
}

/// What one connection may do.
#[derive(Clone, Copy, Debug)]
pub struct SessionLimits {
    /// Longest line or frame.
    pub line_bytes: usize,
    /// Messages a second; 0 is no limit.
    pub message_rate: f64,
    /// Messages at once.
    pub message_burst: u32,
}

impl SessionContext {
    /// Adds to a command what only the store knows, for a client that has an
    /// account or is a guest.
    pub fn look_up(
        &self,
        asker: Asker,
        has_account: bool,
        command: Command,
    ) -> Result<Command, Refusal> {
        Ok(match command {
            // Between accounts a message is kept, also for who is not on.
            Command::Private {
                to,
                account: None,
                text,
            } if has_account => {
                let (to, account) = self.accounts.recipient(asker, to)?;
                Command::Private { to, account, text }
            }
            Command::Rename(name) if !has_account => {
                self.accounts.check_guest(asker, &name)?;
                Command::Rename(name)
            }
            other => other,
        })
    }
}
