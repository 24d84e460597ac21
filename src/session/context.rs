//! What the sessions of all protocols share.

use std::sync::Arc;

use crate::account::Accounts;
use crate::fair::Asker;
use crate::hub::{Command, Refusal};
use crate::net::registry::Registry;
use crate::turn::HubHandle;

use super::allowance::Allowances;

/// What every session works with.
#[derive(Clone)]
pub struct SessionContext {
    /// The hub.
    pub hub: HubHandle,
    /// The connections.
    pub registry: Arc<Registry>,
    /// The registered accounts.
    pub accounts: Arc<Accounts>,
    /// The bytes that each address may cause to be written.
    pub allowances: Arc<Allowances>,
    /// The limits of a connection.
    pub limits: SessionLimits,
}

/// The limits of one connection.
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
    /// Completes a command with what only the store knows.
    pub fn look_up(
        &self,
        asker: Asker,
        has_account: bool,
        command: Command,
    ) -> Result<Command, Refusal> {
        Ok(match command {
            // A message between accounts is stored, even if its recipient is offline.
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
