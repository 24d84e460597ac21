//! What the sessions of all protocols share.

use std::net::SocketAddr;
use std::sync::Arc;

use crate::account::{Accounts, Gateways, Operators};
use crate::fair::Asker;
use crate::hub::{BanTarget, Command, Deed, Refusal, Replying, Target};
use crate::model::governance::{CloakKey, LinkSecret, Person};
use crate::model::{Secret, Text};
use crate::net::registry::Registry;
use crate::protocol::irc::Terms;
use crate::turn::HubHandle;

use super::allowance::Allowances;

/// What operators of the server do that is not the hub's alone.
pub trait Operating: Send + Sync {
    /// Keeps someone out, for so many minutes or for good. An error is for the operator.
    fn ban(
        &self,
        by: SocketAddr,
        target: BanTarget,
        reason: Option<Text>,
        minutes: Option<u64>,
    ) -> Result<(), String>;

    /// Lifts the bans of exactly this target; returns how many there were.
    fn unban(&self, by: SocketAddr, target: &BanTarget) -> Result<usize, String>;

    /// Has the configuration read again; false if that is not this program's.
    fn reload(&self) -> bool;
}

/// What every session works with.
#[derive(Clone)]
pub struct SessionContext {
    /// The hub.
    pub hub: HubHandle,
    /// The connections.
    pub registry: Arc<Registry>,
    /// The registered accounts.
    pub accounts: Arc<Accounts>,
    /// Makes what stands for the address of a client.
    pub cloaks: Arc<CloakKey>,
    /// The bytes that each address may cause to be written.
    pub allowances: Arc<Allowances>,
    /// The limits of a connection.
    pub limits: SessionLimits,
    /// What IRC clients are told, and what they must know.
    pub irc: Arc<IrcTerms>,
    /// What operators of the server can have done.
    pub operating: Option<Arc<dyn Operating>>,
}

/// What IRC clients are told, and what they must know.
#[derive(Debug, Default)]
pub struct IrcTerms {
    /// What the server tells of itself.
    pub terms: Arc<Terms>,
    /// The password of the server, if it has one.
    pub password: Option<Secret>,
    /// Those who operate the server.
    pub operators: Operators,
    /// Whether they may say so on plain connections from other machines.
    pub allows_plain_oper: bool,
    /// Those that say where their clients come from.
    pub gateways: Gateways,
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
    /// Connections of one address; 0 is no limit.
    pub connections_per_address: usize,
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
                body,
            } if has_account => {
                let (to, account) = self.accounts.recipient(asker, to)?;
                Command::Private { to, account, body }
            }
            Command::Reply { to, replying } => {
                let message = self.look_up(asker, has_account, *replying.message)?;
                let replying = Replying {
                    message: Box::new(message),
                    ..replying
                };
                Command::Reply { to, replying }
            }
            Command::Tagged { tag, message } => {
                let message = self.look_up(asker, has_account, *message)?;
                let message = Box::new(message);
                Command::Tagged { tag, message }
            }
            Command::Rename(name) if !has_account => {
                self.accounts.check_guest(asker, &name)?;
                Command::Rename(name)
            }
            Command::Govern(channel, deed) => {
                Command::Govern(channel, self.look_up_deed(asker, deed)?)
            }
            other => other,
        })
    }

    /// Completes a wish with what the hub cannot know: the accounts of people who are
    /// not online, and the secret of a link.
    fn look_up_deed(&self, asker: Asker, deed: Deed) -> Result<Deed, Refusal> {
        let known = |who: Person| {
            let (name, account) = self.accounts.recipient(asker, who.name)?;
            Ok::<Person, Refusal>(Person { name, account })
        };
        let target = |who: Target| match who {
            Target::Person(person) => known(person).map(Target::Person),
            mask => Ok(mask),
        };
        Ok(match deed {
            Deed::Role { who, role, keep } => Deed::Role {
                who: known(who)?,
                role,
                keep,
            },
            Deed::Raise { who, role } => Deed::Raise {
                who: known(who)?,
                role,
            },
            Deed::Lower { who, role } => Deed::Lower {
                who: known(who)?,
                role,
            },
            Deed::Kick { who, reason } => Deed::Kick {
                who: known(who)?,
                reason,
            },
            Deed::Add {
                list,
                who,
                for_ms,
                reason,
            } => Deed::Add {
                list,
                who: target(who)?,
                for_ms,
                reason,
            },
            Deed::Remove { list, who } => Deed::Remove {
                list,
                who: target(who)?,
            },
            Deed::Transfer(who) => Deed::Transfer(known(who)?),
            Deed::NewLink { uses, for_ms, .. } => Deed::NewLink {
                uses,
                for_ms,
                secret: Some(link_secret()?),
            },
            other => other,
        })
    }
}

/// A new secret for an invitation link.
fn link_secret() -> Result<LinkSecret, Refusal> {
    let mut random = [0; 16];
    getrandom::fill(&mut random).map_err(|_| Refusal::NotStored)?;
    Ok(LinkSecret::of(random))
}
